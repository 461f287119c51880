"""The framing between sstp-server and pppd's terminal (RFC 1662), in the place of the package's C module, which no
longer loads into current Pythons. It never touches what goes over TLS.
"""

from binascii import crc_hqx

FLAG, ESCAPE = 0x7E, 0x7D
REVERSED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))
ESCAPED = [bytes((ESCAPE, octet ^ 0x20)) if octet < 0x20 or octet in (FLAG, ESCAPE) else bytes((octet,)) for octet in range(256)]


def fcs(data):
    """RFC 1662 C.2: CRC-CCITT over bits that are sent least significant first, complemented."""
    crc = crc_hqx(data.translate(REVERSED), 0xFFFF) ^ 0xFFFF
    return bytes((REVERSED[crc >> 8], REVERSED[crc & 0xFF]))


def escape(frame):
    frame = bytes(frame)
    return b"~" + b"".join([ESCAPED[octet] for octet in frame + fcs(frame)]) + b"~"


class PppDecoder:
    """Cuts a byte stream into frames; `unescape` returns those that the new bytes complete."""

    def __init__(self):
        self.partial = b""

    def unescape(self, data):
        *whole, self.partial = (self.partial + bytes(data)).split(b"~")
        return [frame[:-2] for frame in map(self._plain, whole) if len(frame) > 4 and fcs(frame[:-2]) == frame[-2:]]

    @staticmethod
    def _plain(escaped):
        first, *rest = escaped.split(b"}")
        return first + b"".join([bytes((part[0] ^ 0x20,)) + part[1:] for part in rest if part])
