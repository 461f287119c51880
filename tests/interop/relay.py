"""relay.py PORT CERTIFICATE KEY UPSTREAM-ADDRESS UPSTREAM-PORT [flip]

A man in the middle with the server's own certificate and key, which the certificate hash cannot tell. With `flip` it
changes one bit of the Compound MAC in the client's SSTP_MSG_CALL_CONNECTED (MS-SSTP 2.2.11); nothing else.
"""

import socket
import ssl
import sys
import threading

CALL_CONNECTED = bytes.fromhex("10010070 0004")     # version, control packet, length 112; message type
COMPOUND_MAC = 80                                   # its offset in the packet


def records(stream):
    while data := stream.recv(65536):
        yield data


def packets(stream):
    """The HTTP request, then one SSTP packet after the other."""
    data = b""
    for more in records(stream):
        data += more
        if b"\r\n\r\n" in data:
            break
    request, data = data.split(b"\r\n\r\n", 1)
    yield request + b"\r\n\r\n"
    while True:
        while len(data) >= 4 and len(data) >= (length := int.from_bytes(data[2:4], "big") & 0xFFF):
            yield data[:length]
            data = data[length:]
        more = stream.recv(65536)
        if not more:
            return
        data += more


def flip(packet):
    if packet.startswith(CALL_CONNECTED):
        print("flipped a bit of the Compound MAC", flush=True)
        packet = bytearray(packet)
        packet[COMPOUND_MAC] ^= 1
    return packet


def pump(source, sink, change=lambda data: data):
    try:
        for data in source:
            sink.sendall(change(data))
    except OSError:
        pass
    try:
        sink.unwrap().close()
    except OSError:
        pass


def main(port, certificate, key, upstream, upstream_port, change=None):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    listener = socket.create_server(("", int(port)))
    print("listening", flush=True)
    while True:
        here = server.wrap_socket(listener.accept()[0], server_side=True)
        there = client.wrap_socket(socket.create_connection((upstream, int(upstream_port))))
        threading.Thread(target=pump, args=(packets(here), there, flip if change else bytes), daemon=True).start()
        threading.Thread(target=pump, args=(records(there), here), daemon=True).start()


main(*sys.argv[1:])
