"""The broker's socket: whatever the split, paho reads every packet but PUBACKs, and those are all noted."""

import random
import socket
import ssl

import pytest

from host_agent.block_socket import BlockSocket, publish_packet

PINGRESP = b"\xd0\x00"
REASON = b"\x1f\x00\xc8" + b"r" * 200  # reason string, MQTT 5.0 §3.4.2.2


def puback(mid, code=None, properties=None):
    """Return a PUBACK in its three forms: no reason code, no properties, both."""
    body = mid.to_bytes(2, "big")
    if code is not None:
        body += bytes((code,))
    if properties is not None:
        size = len(properties)
        body += bytes((size & 0x7F | 0x80, size >> 7)) if size > 127 else bytes((size,))
        body += properties
    size = len(body)
    return b"\x40" + (bytes((size & 0x7F | 0x80, size >> 7)) if size > 127 else bytes((size,))) + body


def read_all(block, ends):
    """Read as paho does, byte by byte for the header and then the body, until the socket has no more."""
    read = b""
    while True:
        try:
            piece = block.recv(1)
        except BlockingIOError:
            assert not block.pending()
            return read
        if not piece:
            ends.append(True)
            return read
        read += piece


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    yield BlockSocket(ours), theirs
    ours.close()
    theirs.close()


STREAM = [
    puback(1),
    puback(2, 0x10),
    PINGRESP,
    puback(3, 0x87, REASON),
    publish_packet("a/receipt", 7, b"x" * 300, False, b"\x00"),
    puback(0xFFFF),
    puback(4, 0, b""),
    publish_packet("a/receipt", 0, b"", True, b"\x00"),
    puback(5),
]
ACKS = [(1, 0), (2, 0x10), (3, 0x87), (0xFFFF, 0), (4, 0), (5, 0)]
OTHERS = STREAM[2] + STREAM[4] + STREAM[7]


@pytest.mark.parametrize("seed", range(30))
def test_block_socket_any_split_gives_paho_its_packets_and_notes_every_puback(pair, seed):
    block, theirs = pair
    rng = random.Random(seed)
    data = b"".join(STREAM)
    read, at, ends = b"", 0, []
    while at < len(data):
        size = rng.choice((1, 1, 2, 3, 5, 50, 700))
        theirs.sendall(data[at : at + size])
        at += size
        read += read_all(block, ends)
    assert (read, block.acks, ends) == (OTHERS, ACKS, [])
    theirs.close()
    assert block.recv(1) == b""


def test_block_socket_says_what_waits_beyond_the_packet_that_paho_reads(pair):
    block, theirs = pair
    theirs.sendall(puback(1) + PINGRESP + PINGRESP)
    assert block.recv(2) == PINGRESP and block.pending()
    assert block.recv(2) == PINGRESP and not block.pending()


def test_block_socket_never_gives_more_than_one_packet(pair):
    block, theirs = pair
    theirs.sendall(PINGRESP + puback(9) + PINGRESP)
    assert block.recv(100) == PINGRESP
    assert block.recv(100) == PINGRESP and block.acks == [(9, 0)]


def test_block_socket_length_that_cannot_be_is_left_to_paho(pair):
    block, theirs = pair
    theirs.sendall(b"\x40\xff\xff\xff\xff\x01")
    assert block.recv(1) + block.recv(4) == b"\x40\xff\xff\xff\xff"


@pytest.mark.parametrize("wants", [ssl.SSLWantReadError, ssl.SSLWantWriteError])
def test_block_socket_half_a_packet_of_a_tls_socket_that_waits_is_not_pending(wants):
    class Tls:
        blocks = [PINGRESP + b"\x40"]

        def recv(self, _size):
            if self.blocks:
                return self.blocks.pop()
            raise wants

    block = BlockSocket(Tls())
    assert block.recv(2) == PINGRESP and block.pending()
    with pytest.raises(wants):
        block.recv(1)
    assert not block.pending()  # else the event loop would ask for ever


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 16_383, 16_384, 70_000])
@pytest.mark.parametrize(("mid", "retain"), [(0, False), (1, False), (65_535, True)])
def test_publish_packet_is_what_the_standard_says(size, mid, retain):
    payload = bytes(size)
    packet = publish_packet("ä/b", mid, payload, retain, b"\x02\x01\x01")
    assert packet[0] == 0x30 | (0x02 if mid else 0) | retain
    length, at = 0, 1
    while True:
        length |= (packet[at] & 0x7F) << 7 * (at - 1)
        at += 1
        if packet[at - 1] < 0x80:
            break
    body = packet[at:]
    assert length == len(body)
    variable = b"\x00\x04" + "ä/b".encode() + (mid.to_bytes(2, "big") if mid else b"") + b"\x02\x01\x01"
    assert body == variable + payload
