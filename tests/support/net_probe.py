"""Sockets of many kinds on one simulated host, driven from a test.

    probe = NetProbe(net, "home1")
    probe.send(10000, ("203.0.113.21", 3478), "hello")   # binds on first use
    probe.receive(10000)          # (text, (address, port)), or None
    probe.error(10000)            # {"errno": "ECONNREFUSED", "from": ...}, or None

A local socket is named by its port, or by (address, port) on hosts with several
addresses. Run as a program it is the other end: one JSON request per line on
standard input, one JSON answer per line on standard output.
"""
import errno
import json
import select
import socket
import struct
import subprocess
import sys
import threading
import time

GENEROUS = 60.0  # seconds; only a failing test waits this long
SILENCE = 1.0    # seconds without an answer that count as "none comes"


class NetProbe:
    """The sockets of one host. Calls may come from one thread at a time."""

    def __init__(self, net, host):
        self.host = host
        self._process = net.popen(
            host, [sys.executable, "-IS", __file__], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)

    def _ask(self, do, **request):
        self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"probe on {self.host} died")
        answer = json.loads(line)
        if "problem" in answer:
            raise RuntimeError(f"probe on {self.host}: {do} {request}: "
                               f"{answer['problem']}")
        return answer["is"]

    def bind(self, local):
        """Opens a UDP socket without sending."""
        self._ask("bind", local=local)

    def send(self, local, to, text, size=0, ttl=64):
        """Sends one datagram, padded with spaces to `size` bytes."""
        self._ask("send", local=local, to=to, text=text, size=size, ttl=ttl)

    def receive(self, local, timeout=GENEROUS):
        """The next (text, (address, port)) of a UDP socket, or None."""
        answer = self._ask("receive", local=local, timeout=timeout)
        return answer and (answer[0], tuple(answer[1]))

    def shut(self, local):
        """Closes a UDP socket."""
        self._ask("shut", local=local)

    def drain(self, local):
        """The texts that have arrived so far."""
        texts = []
        while heard := self.receive(local, 0):
            texts.append(heard[0])
        return texts

    def error(self, local, timeout=SILENCE):
        """The next ICMP error that a UDP socket was told of, or None."""
        return self._ask("error", local=local, timeout=timeout)

    def connected_error(self, to, timeout=SILENCE):
        """Sends on a connected UDP socket; the name of the error that its
        next receive fails with, "data", or None for silence."""
        return self._ask("connected_error", to=to, timeout=timeout)

    def fragments(self, local, to, text, size, order):
        """Sends one UDP datagram as hand-made IP fragments of 1000 bytes, in
        `order` (a permutation of their indices). `local` has an address."""
        self._ask("fragments", local=local, to=to, text=text, size=size,
                  order=order)

    def listen(self, local):
        """Accepts TCP connections; each is told its peer as it came in."""
        self._ask("listen", local=local)

    def connect(self, local, to, timeout=GENEROUS):
        """Opens a TCP connection: (address, port) that the listener saw, or
        the name of the error, or "silence"."""
        answer = self._ask("connect", local=local, to=to, timeout=timeout)
        return tuple(answer) if isinstance(answer, list) else answer

    def tcp_send(self, local, text, peer=None):
        """Writes on a connection: the one from `local`, or that a listener at
        `local` accepted from `peer`."""
        self._ask("tcp_send", local=local, peer=peer, text=text)

    def tcp_receive(self, local, peer=None, timeout=GENEROUS):
        """What a connection brought, or None, "end" or an error's name."""
        return self._ask("tcp_receive", local=local, peer=peer,
                         timeout=timeout)

    def echo(self, to, ident, ttl=64, timeout=SILENCE):
        """Sends an ICMP echo request: "reply", "silence", or "TYPE/CODE from
        ADDRESS" of the error that comes back."""
        return self._ask("echo", to=to, ident=ident, ttl=ttl, timeout=timeout)

    def raw_send(self, to, protocol, text):
        """Sends an IP packet of some other protocol."""
        self._ask("raw_send", to=to, protocol=protocol, text=text)

    def raw_receive(self, protocol, timeout=GENEROUS):
        """The next (text, address) of a protocol. The first call only opens
        the socket if `timeout` is 0."""
        answer = self._ask("raw_receive", protocol=protocol, timeout=timeout)
        return answer and tuple(answer)

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def error_name(error):
    return errno.errorcode.get(error.errno, str(error))


def key_of(local):
    return tuple(local) if isinstance(local, list) else ("0.0.0.0", local)


class UdpSocket:
    """A UDP socket that keeps ICMP errors apart from what it receives."""

    def __init__(self, local):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
        self.socket.bind(local)
        self.socket.setblocking(False)
        self.errors = []

    def _take_errors(self):
        while True:
            try:
                _, extra, _, _ = self.socket.recvmsg(2048, 512,
                                                     socket.MSG_ERRQUEUE)
            except BlockingIOError:
                return
            for level, kind, data in extra:
                if level != socket.IPPROTO_IP or kind != 11:
                    continue
                number, _, icmp_type, code = struct.unpack_from("=IBBB", data)
                self.errors.append({
                    "errno": errno.errorcode[number], "type": icmp_type,
                    "code": code, "from": socket.inet_ntoa(data[20:24])})

    def send(self, data, to, ttl):
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        try:
            self.socket.sendto(data, to)
        except OSError:  # an error of an earlier packet, reported here
            self._take_errors()
            self.socket.sendto(data, to)

    def receive(self, timeout):
        end = time.monotonic() + timeout
        while True:
            self._take_errors()
            try:
                data, source = self.socket.recvfrom(65535)
                return [data.decode().rstrip(), source]
            except BlockingIOError:
                pass
            except OSError:
                continue
            left = end - time.monotonic()
            if left <= 0:
                return None
            select.select([self.socket], [], [], left)

    def error(self, timeout):
        end = time.monotonic() + timeout
        poll = select.poll()
        poll.register(self.socket, 0)  # errors only
        while True:
            self._take_errors()
            if self.errors:
                return self.errors.pop(0)
            left = end - time.monotonic()
            if left <= 0:
                return None
            poll.poll(left * 1000)


class TcpListener:
    """Accepts in a thread, so that connections are there when asked for."""

    def __init__(self, local, connections):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(local)
        listener.listen()

        def accept():
            while True:
                connection, source = listener.accept()
                connections[local, source] = connection
                connection.sendall(json.dumps(source).encode() + b"\n")

        threading.Thread(target=accept, daemon=True).start()


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return 0xffff - total


def parse_echo_answer(packet, source, ident):
    """What an ICMP packet says about the echo request `ident`, or None."""
    icmp = packet[(packet[0] & 15) * 4:]
    if icmp[0] == 0 and icmp[4:6] == ident:
        return "reply"
    inner = icmp[8:]
    if icmp[0] in (3, 11) and len(inner) >= 28:
        quoted = inner[(inner[0] & 15) * 4:]
        if quoted[0] == 8 and quoted[4:6] == ident:
            return f"{icmp[0]}/{icmp[1]} from {source[0]}"
    return None


class Agent:
    """Carries out the requests; one method per word."""

    def __init__(self):
        self._udp = {}
        self._raw = {}
        self._tcp = {}   # local, or (local, peer) if accepted -> socket

    def _socket(self, local):
        local = key_of(local)
        if local not in self._udp:
            self._udp[local] = UdpSocket(local)
        return self._udp[local]

    def bind(self, local):
        self._socket(local)

    def send(self, local, to, text, size, ttl):
        self._socket(local).send(text.ljust(size).encode(), tuple(to), ttl)

    def shut(self, local):
        self._udp.pop(key_of(local)).socket.close()

    def receive(self, local, timeout):
        return self._socket(local).receive(timeout)

    def error(self, local, timeout):
        return self._socket(local).error(timeout)

    def connected_error(self, to, timeout):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(timeout)
            udp.connect(tuple(to))
            try:
                udp.send(b"anybody?")
                udp.recv(2048)
                return "data"
            except TimeoutError:
                return None
            except OSError as error:
                return error_name(error)

    def fragments(self, local, to, text, size, order):
        payload = text.ljust(size).encode()
        udp = struct.pack("!HHHH", local[1], to[1], 8 + len(payload), 0)
        whole = udp + payload
        pieces = [whole[i:i + 1000] for i in range(0, len(whole), 1000)]
        ends = socket.inet_aton(local[0]) + socket.inet_aton(to[0])
        with socket.socket(socket.AF_INET, socket.SOCK_RAW,
                           socket.IPPROTO_RAW) as raw:
            for index in order:
                piece = pieces[index]
                more = 0x2000 if index < len(pieces) - 1 else 0
                raw.sendto(struct.pack(
                    "!BBHHHBBH", 0x45, 0, 20 + len(piece), local[1],
                    more | index * 125, 64, 17, 0) + ends + piece,
                    (to[0], 0))

    def listen(self, local):
        TcpListener(key_of(local), self._tcp)

    def connect(self, local, to, timeout):
        tcp = socket.socket()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        tcp.bind(key_of(local))
        tcp.settimeout(timeout)
        try:
            tcp.connect(tuple(to))
            source = json.loads(tcp.recv(100))
        except TimeoutError:
            tcp.close()
            return "silence"
        except OSError as error:
            tcp.close()
            return error_name(error)
        self._tcp[key_of(local)] = tcp
        return source

    def _connection(self, local, peer):
        local = key_of(local)
        return self._tcp[(local, tuple(peer)) if peer else local]

    def tcp_send(self, local, peer, text):
        self._connection(local, peer).sendall(text.encode())

    def tcp_receive(self, local, peer, timeout):
        connection = self._connection(local, peer)
        connection.settimeout(timeout or 0.001)
        try:
            return connection.recv(2048).decode() or "end"
        except TimeoutError:
            return None
        except OSError as error:
            return error_name(error)

    def echo(self, to, ident, ttl, timeout):
        ident = struct.pack("!H", ident)
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) as raw:
            raw.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            body = ident + b"\0\1probe   "
            sum_ = struct.pack("!H", checksum(b"\x08\0\0\0" + body))
            raw.sendto(b"\x08\0" + sum_ + body, (to, 0))
            end = time.monotonic() + timeout
            while (left := end - time.monotonic()) > 0:
                raw.settimeout(left)
                try:
                    packet, source = raw.recvfrom(2048)
                except TimeoutError:
                    break
                if answer := parse_echo_answer(packet, source, ident):
                    return answer
        return "silence"

    def _raw_socket(self, protocol):
        if protocol not in self._raw:
            self._raw[protocol] = socket.socket(
                socket.AF_INET, socket.SOCK_RAW, protocol)
        return self._raw[protocol]

    def raw_send(self, to, protocol, text):
        self._raw_socket(protocol).sendto(text.encode(), (to, 0))

    def raw_receive(self, protocol, timeout):
        raw = self._raw_socket(protocol)
        if not select.select([raw], [], [], timeout)[0]:
            return None
        packet, source = raw.recvfrom(2048)
        return packet[20:].decode(), source[0]


def serve():
    agent = Agent()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"is": getattr(agent, request.pop("do"))(**request)}
        except (OSError, KeyError) as error:
            answer = {"problem": repr(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
