"""Starts PyPI's sstp-server, with what it needs repaired to be a fair judge. Its SSTP side is untouched.

- its codec towards pppd does not load into current Pythons: see codec.py;
- it verifies the Compound MAC only if a trial run of pppd finds the plugin that reports the keys: here always;
- PAP and CHAP-MD5 give no keys, so the higher-layer authentication key is 32 zero octets (MS-SSTP 3.2.5.2): without
  this the package waits for keys for ever;
- frames that arrive before pppd has opened its terminal would be lost: they are kept until pppd has spoken.
"""

import sys

import codec

sys.modules["sstpd.codec"] = codec

import sstpd.__main__
import sstpd.ppp
import sstpd.sstp

KEY_REPORT = sstpd.ppp.PPPDSSTPAPIProtocol
CALL = sstpd.sstp.SSTPProtocol
FACTORY = sstpd.sstp.SSTPProtocolFactory


class KeyReport(KEY_REPORT):
    def __init__(self):
        super().__init__()
        self.master_send_key = self.master_recv_key = b""


class Call(CALL):
    def connection_made(self, transport):
        self.early = []
        super().connection_made(transport)

    def sstp_data_packet_received(self, data):
        if self.early is None:
            super().sstp_data_packet_received(data)
        else:
            self.early.append(bytes(data))

    def write_ppp_frames(self, frames):
        super().write_ppp_frames(frames)
        early, self.early = self.early, None
        for frame in early or ():
            super().sstp_data_packet_received(frame)


class Factory(FACTORY):
    protocol = Call

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.pppd_sstp_api_plugin = "sstp-pppd-plugin.so"


sstpd.ppp.PPPDSSTPAPIProtocol = KeyReport
sstpd.__main__.SSTPProtocolFactory = Factory
sstpd.__main__.main()
