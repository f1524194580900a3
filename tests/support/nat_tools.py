"""What programs of others find out about a NatLab's box.

turnutils_natdiscovery and turnserver are coturn's (RFC 5780); stun is Vovida's
client (RFC 3489), of another code base and older than the other's RFC.
"""
import contextlib
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from nat_lab import A, S1, S2

A2 = "192.168.1.12"  # a second address of host a
PROGRAMS = ("turnserver", "turnutils_natdiscovery", "stun")
WORDS = {"Endpoint Independent": "EI", "Address Dependent": "AD",
         "Address and Port Dependent": "APD"}


def missing_programs():
    return [name for name in PROGRAMS if not shutil.which(name)]


@contextlib.contextmanager
def stun_server(lab):
    """coturn on both addresses of the server, ports 3478 and 3479."""
    process = lab.net.popen("s", [
        "turnserver", "-n", "-S", "-L", S1, "-L", S2, "-p", "3478",
        "--alt-listening-port=3479", "--no-cli", "--no-tls", "--no-dtls",
        "--no-tcp", "--log-file=stdout", "--simple-log", "--pidfile="],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until_bound(lab)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def wait_until_bound(lab):
    end = time.monotonic() + 120
    wanted = {f"{address}:{port}" for address in (S1, S2)
              for port in (3478, 3479)}
    while time.monotonic() < end:
        if wanted <= set(lab.net.exec("s", "ss", "-lnuH").split()):
            return
        time.sleep(0.05)
    raise RuntimeError("the STUN server does not listen")


def discover(lab, *options):
    """What turnutils_natdiscovery prints."""
    return lab.run("a", "turnutils_natdiscovery", *options, "-L", A, S1)


def verdict(text, about):
    if "No NAT!" in text and about == "Mapping":
        return "none"
    found = re.search(rf"NAT with ([\w ]+) {about}!", text)
    return WORDS[found[1]] if found else "-"


def discovered_mapping(lab):
    return verdict(discover(lab, "-m"), "Mapping")


def discovered_with_fragments(lab):
    """The same with requests of more than 1500 bytes."""
    return verdict(discover(lab, "-m", "-P"), "Mapping")


def discovered_filtering(lab):
    return verdict(discover(lab, "-f"), "Filtering")


def discovered_hairpin(lab):
    text = discover(lab, "-H")
    if "RFC 5780 response 1" not in text:
        return "-"
    return "yes" if "Received a request" in text else "no"


def discovered_lifetime(lab, seconds):
    text = discover(lab, "-t", "-T", str(seconds))
    if "RFC 5780 response 1" not in text:
        return "-"
    return "alive" if "RFC 5780 response 2" in text else "gone"


def discovered_collision(lab):
    """Two inside addresses use one port: the second one's external port."""
    seen = [address.rsplit(":", 1) for address in re.findall(
        r"UDP reflexive addr: (\S+)", discover(lab, "-c", "-A", A2))]
    if len(seen) != 2:
        return "-"
    if seen[1][0] == A2:
        return "none"
    return "shared" if seen[0] == seen[1] else "two ports"


def rfc3489_verdict(lab):
    """The classification of Vovida's client, in its words."""
    found = re.search(r"^Primary: (.*?)\s*$", lab.run("a", "stun", S1),
                      re.MULTILINE)
    return found[1] if found else "-"


def ask_programs(lab, server=stun_server):
    """{name: answer}; all programs run at once, against `server`: ports 3478
    and 3479 of both addresses of the server's host."""
    lab.net.exec("a", "ip", "addr", "add", f"{A2}/24", "dev", "eth0")
    with server(lab), ThreadPoolExecutor() as pool:
        answers = {"coturn: mapping": pool.submit(discovered_mapping, lab),
                   "stun": pool.submit(rfc3489_verdict, lab)}
        if lab.has_udp:
            answers |= {
                "coturn: mapping, 1.5 KB": pool.submit(
                    discovered_with_fragments, lab),
                "coturn: filtering": pool.submit(discovered_filtering, lab),
                "coturn: hairpin": pool.submit(discovered_hairpin, lab),
                "coturn: collision": pool.submit(discovered_collision, lab),
                "coturn: after 2 s": pool.submit(discovered_lifetime, lab, 2),
                "coturn: after 4 s": pool.submit(discovered_lifetime, lab, 4),
            }
        return {name: answer.result() for name, answer in answers.items()}
