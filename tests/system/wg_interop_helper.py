"""Runs inside a namespace of wg_interop_test.py: moves bytes, or disturbs."""
import hashlib
import os
import random
import socket
import sys

SIZE = 8 << 20


def payload():
    return random.Random(7).randbytes(SIZE)


def serve(address, port):
    """Takes SIZE bytes, sends them back reversed, prints what it got."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, int(port)), family=family) as server:
        print("ready", flush=True)
        connection, _ = server.accept()
        with connection:
            data = read_all(connection)
            connection.sendall(data[::-1])
            connection.shutdown(socket.SHUT_WR)
            print(hashlib.sha256(data).hexdigest(), flush=True)


def read_all(connection):
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def exchange(address, port):
    """Sends the payload and checks that it comes back reversed."""
    data = payload()
    with socket.create_connection((address, int(port))) as peer:
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        if read_all(peer)[::-1] != data:
            sys.exit("the bytes came back changed")
    print(hashlib.sha256(data).hexdigest())


def garbage(address, port, count):
    """Datagrams that are random, truncated, or only begin like WireGuard."""
    rng = random.Random(11)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for number in range(int(count)):
        kind = number % 5  # 0 is no message type
        size = rng.choice([0, 1, 4, 16, 31, 32, 64, 92, 148, 1400])
        body = bytes([kind, 0, 0, 0]) + rng.randbytes(max(0, size - 4))
        sender.sendto(body[:size], (address, int(port)))


def replay(interface, port, count):
    """Sends outgoing frames to a UDP port a second and a third time."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                       socket.htons(3)) as tap:
        tap.bind((interface, 0))
        print("ready", flush=True)
        left = int(count)
        seen = set()
        while left:
            frame, (_, _, kind, *_) = tap.recvfrom(65536)
            is_ours = (kind == 4 and frame[12:14] == b"\x08\x00"
                       and frame[23] == 17
                       and int.from_bytes(frame[36:38], "big") == int(port))
            if is_ours and frame not in seen:
                seen.add(frame)
                tap.send(frame)
                tap.send(frame)
                left -= 1
    print("done", flush=True)


if __name__ == "__main__":
    os.environ.pop("NATKIT_LAB", None)
    {"serve": serve, "exchange": exchange, "garbage": garbage,
     "replay": replay}[sys.argv[1]](*sys.argv[2:])
