"""STUN messages for tests: enough of RFC 8489 and 5780 to ask and to read."""
import ipaddress
import os
import socket
import struct

COOKIE = 0x2112A442
MAPPED_ADDRESS, CHANGE_REQUEST, ERROR_CODE = 0x0001, 0x0003, 0x0009
XOR_MAPPED_ADDRESS, PADDING, RESPONSE_PORT = 0x0020, 0x0026, 0x0027
RESPONSE_ORIGIN, OTHER_ADDRESS, FILLER = 0x802B, 0x802C, 0xDA70
CHANGE_IP, CHANGE_PORT = 4, 2


def attribute(kind, value):
    return (struct.pack(">HH", kind, len(value)) + value +
            bytes(-len(value) % 4))


def request(*attributes):
    body = b"".join(attributes)
    return (struct.pack(">HHI", 1, len(body), COOKIE) + os.urandom(12) + body)


def change(flags):
    return attribute(CHANGE_REQUEST, struct.pack(">I", flags))


def address(value):
    family, port = struct.unpack(">xBH", value[:4])
    return str(ipaddress.ip_address(value[4:8 if family == 1 else 20])), port


class Response:
    def __init__(self, data):
        self.data = data
        self.kind, length, cookie = struct.unpack(">HHI", data[:8])
        assert cookie == COOKIE and length == len(data) - 20, data.hex()
        self.attributes, rest = {}, data[20:]
        while rest:
            kind, size = struct.unpack(">HH", rest[:4])
            self.attributes[kind] = rest[4:4 + size]
            rest = rest[4 + size + -size % 4:]

    @property
    def is_success(self):
        return self.kind == 0x0101

    def address(self, kind):
        return address(self.attributes[kind])

    def mapped(self):
        value = self.attributes[XOR_MAPPED_ADDRESS]
        mask = struct.pack(">I", COOKIE) + self.data[8:20]
        port = struct.unpack(">H", value[2:4])[0] ^ (COOKIE >> 16)
        plain = bytes(a ^ b for a, b in zip(value[4:], mask))
        return str(ipaddress.ip_address(plain)), port

    def error(self):
        value = self.attributes[ERROR_CODE]
        return value[2] * 100 + value[3]


def udp_client(source="127.0.0.1", timeout=10):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.settimeout(timeout)
    client.bind((source, 0))
    return client


def ask(client, server, *attributes):
    """The response to one request, and where it came from. The transaction
    must be the request's; a lost datagram is sent again."""
    message = request(*attributes)
    for _ in range(5):
        client.sendto(message, server)
        try:
            data, sender = client.recvfrom(4096)
        except TimeoutError:
            continue
        assert data[8:20] == message[8:20], "another transaction"
        return Response(data), sender[:2]
    raise AssertionError(f"no answer from {server}")


def is_silent(client, server, message, seconds=0.5):
    client.sendto(message, server)
    client.settimeout(seconds)
    try:
        client.recvfrom(4096)
        return False
    except TimeoutError:
        return True


def read_exactly(connection, size):
    """So many bytes; fewer at the end."""
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            break
        data += chunk
    return data


def read_stream(connection):
    """One message from a TCP or TLS connection; None at its end."""
    try:
        header = read_exactly(connection, 20)
    except ConnectionResetError:
        return None
    if len(header) < 20:
        return None
    size = struct.unpack(">H", header[2:4])[0]
    return Response(header + read_exactly(connection, size))
