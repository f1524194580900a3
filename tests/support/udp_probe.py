"""UDP sockets on simulated hosts, driven from a test.

    probe = UdpProbe(net, "home1")
    probe.send(40000, ("203.0.113.21", 3478), "hello")   # binds on first use
    text, source = probe.receive(3478)                   # None if nothing came

Run as a program it is the other end: one JSON request per line on standard
input, one JSON answer per line on standard output.
"""
import json
import select
import socket
import subprocess
import sys

GENEROUS = 60.0  # seconds; only a failing test waits this long


class UdpProbe:
    """The UDP sockets of one host, by local port."""

    def __init__(self, net, host):
        self.host = host
        self._process = net.popen(
            host, [sys.executable, "-IS", __file__], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)

    def _ask(self, **request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"probe on {self.host} died")
        answer = json.loads(line)
        if isinstance(answer, dict):
            raise RuntimeError(f"probe on {self.host}: {answer['error']}")
        return answer

    def bind(self, port):
        """Opens a local port without sending."""
        self._ask(do="bind", port=port)

    def send(self, port, to, text):
        """Sends one datagram from a local port."""
        self._ask(do="send", port=port, to=to, text=text)

    def receive(self, port, timeout=GENEROUS):
        """The next (text, (address, port)) on a local port, or None."""
        answer = self._ask(do="receive", port=port, timeout=timeout)
        return (answer[0], tuple(answer[1])) if answer else None

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def _serve():
    sockets = {}

    def local(port):
        if port not in sockets:
            sockets[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sockets[port].bind(("0.0.0.0", port))
        return sockets[port]

    def receive(sock, timeout):
        if not select.select([sock], [], [], timeout)[0]:
            return []
        data, source = sock.recvfrom(2048)
        return [data.decode(), source]

    for line in sys.stdin:
        request = json.loads(line)
        answer = []
        try:
            sock = local(request["port"])
            if request["do"] == "send":
                sock.sendto(request["text"].encode(), tuple(request["to"]))
            elif request["do"] == "receive":
                answer = receive(sock, request["timeout"])
        except OSError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
