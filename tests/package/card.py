#!/usr/bin/env python3
"""A smart card with one key and its certificate, as NIST SP 800-73-4 has them (PIV): what a YubiKey or the badge of an
employee is to OpenSC. It is put into the virtual reader of pcscd (vsmartcard-vpcd) at that address, whenever that is there.

    card.py HOST PORT CERTIFICATE.der KEY.pem PIN

The key is on P-256. What it cannot do, it refuses in the words of ISO 7816-4.
"""

import socket
import subprocess
import sys
import time

HOST, PORT, CERTIFICATE, KEY, PIN = sys.argv[1:]

ATR = bytes.fromhex("3b800181")        # ISO 7816-3: T=1, and not a word
AID = bytes.fromhex("a000000308000010000100")
OK, WRONG_PIN, LOCKED = b"\x90\x00", 0x63C0, b"\x69\x83"
NOT_VERIFIED, NOT_FOUND, UNKNOWN = b"\x69\x82", b"\x6a\x82", b"\x6d\x00"
TRIES = 3


def tlv(tag, value):
    """BER-TLV (ISO 8825-1)."""
    size = len(value)
    length = bytes([size]) if size < 0x80 else bytes([0x81, size]) if size < 0x100 else b"\x82" + size.to_bytes(2, "big")
    return bytes.fromhex(tag) + length + value


def parts(data):
    """The tags and values one level down; all tags here are of one octet."""
    while data:
        length, start = data[1], 2
        if length > 0x80:
            start += length - 0x80
            length = int.from_bytes(data[2:start], "big")
        yield data[0], data[start : start + length]
        data = data[start + length :]


# SP 800-73-4 part 1, 3.1.2 and 3.1.1; part 2, 3.1.1 and 3.1.2
CHUID = tlv("30", bytes(25)) + tlv("34", bytes(range(16))) + tlv("35", b"20991231") + tlv("3e", b"") + tlv("fe", b"")
OBJECTS = {
    bytes.fromhex("5fc102"): CHUID,
    bytes.fromhex("5fc105"): tlv("70", open(CERTIFICATE, "rb").read()) + tlv("71", b"\0") + tlv("fe", b""),
}
APPLICATION = tlv("61", tlv("4f", AID[5:]) + tlv("79", tlv("4f", AID[:5])))


class Card:
    def __init__(self, reader):
        self.reader, self.tries = reader, TRIES
        self.power()

    def power(self):
        self.is_open, self.rest, self.chain = False, b"", b""

    def serve(self):
        while (message := self.message()) is not None:
            if message == b"\4":
                self.send(ATR)
            elif len(message) > 1:
                self.send(self.answer(message))
            else:  # off, on, reset
                self.power()

    def message(self):
        length = self.exactly(2)
        return length and self.exactly(int.from_bytes(length, "big"))

    def exactly(self, size):
        data = b""
        while len(data) < size:
            if not (more := self.reader.recv(size - len(data))):
                return None
            data += more
        return data

    def send(self, data):
        self.reader.sendall(len(data).to_bytes(2, "big") + data)

    def answer(self, command):
        """One command, whose answer may take several (ISO 7816-4 5.3.4)."""
        of_chain, instruction, reference = command[0] & 0x10, command[1], command[2:4]
        data = command[5 : 5 + command[4]] if len(command) > 5 else b""
        if instruction == 0xC0:
            return self.more()
        self.chain += data
        if of_chain:
            return OK
        data, self.chain = self.chain, b""
        answer = self.perform(instruction, reference, data)
        if len(answer) == 2:
            return answer
        self.rest = answer
        return self.more()

    def more(self):
        answer, self.rest = self.rest[:256], self.rest[256:]
        return answer + (bytes([0x61, min(len(self.rest), 255)]) if self.rest else OK)

    def perform(self, instruction, reference, data):
        """What it answers, or the two octets that say why not."""
        if instruction == 0xA4:  # SELECT
            return APPLICATION if AID.startswith(data) and len(data) >= 5 else NOT_FOUND
        if instruction == 0xCB:  # GET DATA
            content = OBJECTS.get(dict(parts(data)).get(0x5C))
            return tlv("53", content) if content else NOT_FOUND
        if instruction == 0x20:  # VERIFY
            return self.verify(data) if reference == b"\0\x80" else NOT_FOUND
        if instruction == 0x87:  # GENERAL AUTHENTICATE, by ECC P-256 with the key for authentication
            return self.sign(dict(parts(dict(parts(data))[0x7C]))[0x81]) if reference == b"\x11\x9a" else NOT_FOUND
        return UNKNOWN

    def verify(self, pin):
        if not self.tries:
            return LOCKED
        if pin and pin == PIN.encode().ljust(8, b"\xff"):
            self.tries, self.is_open = TRIES, True
        elif pin:
            self.tries -= 1
        return OK if self.is_open else (WRONG_PIN + self.tries).to_bytes(2, "big")

    def sign(self, digest):
        if not self.is_open:
            return NOT_VERIFIED
        signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", KEY], input=digest, capture_output=True, check=True)
        return tlv("7c", tlv("82", signature.stdout))


while True:
    try:
        with socket.create_connection((HOST, int(PORT))) as reader:
            print("in the reader", flush=True)
            Card(reader).serve()
    except OSError:
        pass
    time.sleep(0.2)
