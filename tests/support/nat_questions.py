"""What a NAT does, question by question, as short texts.

Every question is a function of a NatLab; its first line of documentation says
what is asked. Two NATs that answer the same are the same to programs behind
them, as far as these questions see. EI, AD and APD as in RFC 4787.
"""
from nat_lab import A, B, EXTERNAL, GATEWAY, S1, S2
from net_probe import SILENCE

QUESTIONS = {}      # name -> function
OTHER_PROTOCOL = 253


def question(function):
    QUESTIONS[function.__name__] = function
    return function


def kind_of_port(inside, external):
    if external == inside:
        return "kept"
    return "below 1024" if external < 1024 else "other"


@question
def mapping(lab):
    """What a mapping depends on, or "none" without translation."""
    first = lab.mapped(lab.a, 10000, (S1, 1000))
    other_port = lab.mapped(lab.a, 10000, (S1, 1001))
    other_address = lab.mapped(lab.a, 10000, (S2, 1000))
    if None in (first, other_port, other_address):
        return "-"
    if first == other_port == other_address:
        return "none" if first == (A, 10000) else "EI"
    return "AD" if first == other_port else "APD"


@question
def filtering(lab):
    """Whom a mapping that sent to S1:1000 admits."""
    source = lab.mapped(lab.a, 10001, (S1, 1000))
    if source is None:
        return "-"
    admitted = lab.arriving(lab.a, 10001, source,
                            [(S2, 1000), (S1, 1001), (S1, 1000)])
    if (S1, 1000) not in admitted:
        return "closed"
    return ("EI" if (S2, 1000) in admitted else
            "AD" if (S1, 1001) in admitted else "APD")


@question
def ports(lab):
    """The external ports of inside ports 10002, 700 and 500."""
    found = []
    for port in (10002, 700, 500):
        source = lab.mapped(lab.a, port, (S1, 1000))
        found.append(kind_of_port(port, source[1]) if source else "-")
    return ", ".join(found)


@question
def contention(lab):
    """Two hosts use one source port: toward two servers, toward the same one,
    then the second host toward the other server."""
    found = []
    for host, port, server in (
            (lab.a, 10003, S1), (lab.b, 10003, S2),
            (lab.a, 10004, S1), (lab.b, 10004, S1), (lab.b, 10004, S2)):
        source = lab.mapped(host, port, (server, 1000))
        found.append(source and source[1])
    if None in found:
        return "-"
    _, other_server, _, same_server, afterwards = found
    return (f"{kind_of_port(10003, other_server)}, "
            f"{kind_of_port(10004, same_server)}, then " +
            ("the same" if afterwards == same_server else
             kind_of_port(10004, afterwards)))


@question
def echo_contention(lab):
    """Two hosts ping one server with the same identifier."""
    return ", ".join(host.echo(S1, 77) for host in (lab.a, lab.b))


@question
def early_inbound(lab):
    """The server's packet comes first. The inside host's port then, what the
    server sends to the port it aimed at, and the port toward another server."""
    target = EXTERNAL if lab.translates else A
    lab.s.send((S1, 1000), (target, 10005), "early")
    source = lab.mapped(lab.a, 10005, (S1, 1000))
    if source is None:
        return "-"
    lab.s.send((S1, 1000), (target, 10005), "late")
    arrives = "arrives"
    while (heard := lab.a.receive(10005, SILENCE)) != ("late", (S1, 1000)):
        if heard is None:
            arrives = "lost"
            break
    other = lab.mapped(lab.a, 10005, (S2, 1000))
    return (f"{kind_of_port(10005, source[1])}, {arrives}, then " +
            ("the same" if other == source else
             kind_of_port(10005, other[1])))


def outcome(error):
    return {None: "silence", "ECONNREFUSED": "refused"}.get(error, error)


@question
def unsolicited_outside(lab):
    """UDP and TCP from outside to a port that nobody uses."""
    target = (EXTERNAL if lab.translates else A, 9999)
    return (f"UDP {outcome(lab.s.connected_error(target))}, TCP "
            f"{outcome(lab.s.connect((S1, 0), target, SILENCE))}")


@question
def unsolicited_inside(lab):
    """The same from inside: to the gateway, and to the external address."""
    found = []
    for target in (GATEWAY, EXTERNAL):
        found.append("UDP " + outcome(lab.a.connected_error((target, 9999))))
        found.append("TCP " + outcome(
            lab.a.connect(0, (target, 9999), SILENCE)))
    return ", ".join(found)


@question
def error_to_inside(lab):
    """A server's port is closed: what the inside socket is told."""
    return outcome(lab.a.connected_error((S1, 1999)))


def error_of(lab, target, ttl):
    """What the server is told of a packet that it sends."""
    while lab.s.error((S1, 1000), 0):  # of earlier packets
        pass
    lab.s.send((S1, 1000), target, "anybody?", ttl=ttl)
    error = lab.s.error((S1, 1000))
    return f"{error['errno']} from {error['from']}" if error else "silence"


@question
def error_to_outside(lab):
    """An inside port is closed, though mapped: what the server is told."""
    source = lab.mapped(lab.a, 10006, (S1, 1000))
    if source is None:
        return "-"
    lab.a.shut(10006)
    return error_of(lab, source, 64)


@question
def hop_outward(lab):
    """TTL 1 from inside, by UDP and by ping; TTL 2 by UDP."""
    lab.a.send(10007, (S1, 1000), "one hop", ttl=1)
    error = lab.a.error(10007)
    text = (f"{error['errno']} from {error['from']}" if error else "silence")
    lab.a.send(10007, (S1, 1000), "two hops", ttl=2)
    heard = lab.s.receive((S1, 1000), SILENCE)
    return (f"{text}, {lab.a.echo(S1, 78, ttl=1)}, " +
            ("arrives" if heard and heard[0] == "two hops" else "lost"))


@question
def hop_inward(lab):
    """TTL 1 from outside to a mapped port."""
    source = lab.mapped(lab.a, 10008, (S1, 1000))
    if source is None:
        return "-"
    return error_of(lab, source, 1)


@question
def pings(lab):
    """Of the server, the gateway and the external address from inside; of the
    external address from outside."""
    return ", ".join((lab.a.echo(S1, 79), lab.a.echo(GATEWAY, 79),
                      lab.a.echo(EXTERNAL, 79), lab.s.echo(EXTERNAL, 79)))


@question
def fragments(lab):
    """UDP of 4000 bytes out and in, as the kernel cuts it; then with the last
    fragment first."""
    source = lab.mapped(lab.a, 10009, (S1, 1000))
    if source is None:
        return "-"

    def out(text):
        heard = lab.s.receive((S1, 1000), SILENCE)
        return "out" if heard == (text, source) else "lost"

    def back(text):
        heard = lab.a.receive(10009, SILENCE)
        return "in" if heard == (text, (S1, 1000)) else "lost"

    lab.a.send(10009, (S1, 1000), "big", size=4000)
    found = [out("big")]
    lab.s.send((S1, 1000), source, "big", size=4000)
    found.append(back("big"))
    lab.a.fragments((A, 10009), (S1, 1000), "cut", 2500, [2, 1, 0])
    found.append(out("cut"))
    lab.s.fragments((S1, 1000), source, "cut", 2500, [2, 1, 0])
    found.append(back("cut"))
    return ", ".join(found)


@question
def other_protocols(lab):
    """An IP packet that is neither UDP, TCP nor ICMP: whom the server sees,
    and whether its answer comes back."""
    lab.s.raw_receive(OTHER_PROTOCOL, 0)
    lab.a.raw_receive(OTHER_PROTOCOL, 0)
    lab.a.raw_send(S1, OTHER_PROTOCOL, "odd")
    heard = lab.s.raw_receive(OTHER_PROTOCOL, SILENCE)
    if heard is None:
        return "dropped"
    lab.s.raw_send(heard[1], OTHER_PROTOCOL, "answer")
    back = lab.a.raw_receive(OTHER_PROTOCOL, SILENCE)
    return f"from {heard[1]}, " + ("answered" if back else "one way")


@question
def hairpin(lab):
    """From one inside host to the other's external endpoint."""
    ours = lab.mapped(lab.a, 10010, (S1, 1000))
    theirs = lab.mapped(lab.b, 10011, (S1, 1000))
    if ours is None or theirs is None:
        return "-"
    if not lab.translates:
        return "no need"
    lab.a.send(10010, theirs, "round the corner")
    heard = lab.b.receive(10011, SILENCE)
    when = "at once"
    if heard is None:
        # Filtered? The receiver contacts the sender's external endpoint.
        when = "once contacted"
        lab.b.send(10011, ours, "open")
        lab.a.send(10010, theirs, "again")
        heard = lab.b.receive(10011, SILENCE)
    error = lab.a.error(10010, 0)
    if heard is None:
        return f"none, {error['errno']}" if error else "none"
    lab.b.send(10011, heard[1], "answer")
    back = lab.a.receive(10010, SILENCE)
    while back and back[0] != "answer":
        back = lab.a.receive(10010, SILENCE)
    seen = ("external source" if heard[1] == ours else
            "internal source" if heard[1][0] == A else str(heard[1]))
    return f"{when}, {seen}, " + ("answered" if back else "one way")


@question
def tcp(lab):
    """One inside port to two servers; then who else reaches it from outside."""
    first = lab.a.connect(10012, (S1, 2000), SILENCE)
    second = lab.a.connect(10012, (S2, 2000), SILENCE)
    if isinstance(first, str) or isinstance(second, str):
        return f"{outcome(first)}, {outcome(second)}"
    lab.a.listen(10013)
    mapped = lab.a.connect(10013, (S1, 2001), SILENCE)
    back = lab.s.connect((S2, 0), mapped, SILENCE)
    return (f"{kind_of_port(10012, first[1])}, "
            f"{'the same' if first == second else 'another'}, " +
            ("admitted" if isinstance(back, tuple) else outcome(back)))


@question
def tcp_contention(lab):
    """Two inside hosts connect from one port: to two servers, to the same."""
    found = []
    for host, port, server in (
            (lab.a, 10014, S1), (lab.b, 10014, S2),
            (lab.a, 10015, S1), (lab.b, 10015, S1)):
        source = host.connect(port, (server, 2000), SILENCE)
        if isinstance(source, str):
            return outcome(source)
        found.append(kind_of_port(port, source[1]))
    return f"{found[1]}, {found[3]}"


@question
def policy(lab):
    """Which UDP and TCP ports of the server can be reached."""
    udp = [str(port) for port in (53, 443, 1000)
           if lab.mapped(lab.b, 10016, (S1, port))]
    tcp_ports = [str(port) for port in (53, 80, 443, 2000)
                 if isinstance(lab.b.connect(0, (S1, port), SILENCE), tuple)]
    return (f"UDP {' '.join(udp) or 'none'}, "
            f"TCP {' '.join(tcp_ports) or 'none'}")


@question
def udp_blocked_event(lab):
    """The events block-udp and unblock-udp."""
    found = []
    for event in ("block-udp", "unblock-udp"):
        lab.net.event("box", event)
        source = lab.mapped(lab.b, 10017, (S1, 53))
        found.append("passes" if source else "silence")
    return ", ".join(found)


@question
def reboot_event(lab):
    """A server answers a mapping after a reboot; then the mapping is made
    anew; then a reboot with a new address."""
    old = lab.mapped(lab.b, 10018, (S1, 1000))
    if old is None:
        return "-"
    lab.net.event("box", "reboot")
    lab.s.send((S1, 1000), old, "stale")
    found = ["arrives" if lab.b.receive(10018, SILENCE) else "lost"]
    new = lab.mapped(lab.b, 10018, (S1, 1000))
    lab.s.send((S1, 1000), new, "fresh")
    found.append("arrives" if lab.b.receive(10018, SILENCE) else "lost")
    if lab.translates:
        lab.net.event("box", "reboot", "--new-address", "203.0.113.77")
        moved = lab.mapped(lab.b, 10018, (S1, 1000))
        found.append(moved[0] if moved else "-")
    return ", ".join(found)


# Where UDP does not pass; the others would only wait for it.
WITHOUT_UDP = ("echo_contention", "unsolicited_outside", "unsolicited_inside",
               "error_to_inside", "hop_outward", "pings", "other_protocols",
               "tcp", "tcp_contention", "policy", "udp_blocked_event")
EVENTS = ("udp_blocked_event", "reboot_event")  # these disturb the others


def ask(lab, names):
    """The answers of some questions, in their order."""
    return {name: QUESTIONS[name](lab) for name in names
            if lab.has_udp or name in WITHOUT_UDP}


def ask_undisturbing(lab):
    return ask(lab, [name for name in QUESTIONS if name not in EVENTS])
