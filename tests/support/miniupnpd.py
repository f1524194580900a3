"""Debian's miniupnpd on a kernel box of a simulation."""
import os
import pathlib
import signal
import subprocess
import tempfile
import threading

PROGRAM = "/usr/sbin/miniupnpd"
MINIUPNPD = """
ext_ifname=wan0
listening_ip=lan0
port=5555
enable_natpmp=yes
enable_upnp=yes
secure_mode=yes
system_uptime=no
min_lifetime={shortest}
max_lifetime=86400
uuid=4a0e1f8e-8d4b-4d26-a0b0-5ac8e2ad0001
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
upnp_forward_chain=forwards
upnp_nat_chain=redirects
upnp_nat_postrouting_chain=sources
lease_file={lease}
allow 1024-65535 192.168.0.0/16 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
"""

# As Debian's nft_init.sh does it, beside the box's own rules.
TABLE = """
insert rule ip netsim forward ct status dnat accept
table inet miniupnpd {
  chain forwards { }
  chain redirects { }
  chain sources { }
  chain prerouting {
    type nat hook prerouting priority dstnat - 1; policy accept;
    jump redirects
  }
}
"""


def is_there():
    return os.path.exists(PROGRAM)


class Miniupnpd:
    """The daemon on `box`; its outside must not have an address that is
    reserved for documentation."""

    def __init__(self, net, box):
        self._net = net
        self._box = box
        self._scratch = tempfile.TemporaryDirectory()
        self._folder = pathlib.Path(self._scratch.name)
        self._process = None
        net.exec(box, "nft", "-f", "-", input=TABLE)

    def start(self, shortest=120, more=""):
        """`shortest`: seconds that a mapping has at least; `more`: lines of
        its configuration."""
        (self._folder / "conf").write_text(MINIUPNPD.format(
            lease=self._folder / "leases", shortest=shortest) + more)
        self._process = self._net.popen(
            self._box, [PROGRAM, "-d", "-f", self._folder / "conf", "-P",
                        self._folder / "pid"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        while "listening" not in (line := self._process.stdout.readline()):
            if not line:
                raise AssertionError("miniupnpd ended")
        # It would stop at a full pipe.
        self._drain = threading.Thread(target=self._process.stdout.read)
        self._drain.start()

    def stop(self):
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        self._drain.join()
        self._process.stdout.close()
        self._process = None

    def forget(self):
        """As a reboot would."""
        self._net.exec(self._box, "nft", "flush", "chain", "inet", "miniupnpd",
                       "redirects")
        (self._folder / "leases").unlink(missing_ok=True)

    def has_redirect(self, address, port):
        """A rule that leads there."""
        return f"dnat ip to {address}:{port}" in self._net.exec(
            self._box, "nft", "list", "chain", "inet", "miniupnpd",
            "redirects")

    def close(self):
        self.stop()
        self._scratch.cleanup()
