"""A slow and obvious evaluator of the policy language of docs/policy.md.

Written from the text alone, so that it shares no mistake with the program: it
asks every rule about every packet and keeps nothing between two questions.
Sections named in comments are those of docs/policy.md.
"""
import datetime
import ipaddress
import operator
import re
import zoneinfo

MESH = ("100.64.0.0/10", "fd7a:115c:a1e0::/48")
# Names, "*": these addresses of the mesh belong to somebody else.
NOT_NODES = ipaddress.ip_network("100.115.92.0/23")
# Networks and exits: what is not public in IPv4, and what is in IPv6.
PRIVATE = [ipaddress.ip_network(net) for net in (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
    "169.254.0.0/16")]
PUBLIC6 = ipaddress.ip_network("2000::/3")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50,
             "ipv6-icmp": 58, "sctp": 132}
PING = {1, 58}
WITHOUT_PROTO = {1, 6, 17, 58}  # Rules: TCP, UDP, ICMP, ICMPv6
WITH_PORTS = {6, 17, 132}
ALL_PORTS = (0, 65535)


def is_exit(net):
    return net.prefixlen == 0


def is_address(text):
    try:
        ipaddress.ip_network(text, strict=False)
        return True
    except ValueError:
        return False


class Node:
    """One entry of NODES.json."""

    def __init__(self, entry):
        self.name = entry["name"]
        self.user = entry.get("user")
        self.tags = entry.get("tags", [])
        self.ips = [ipaddress.ip_address(ip) for ip in entry["ips"]]
        self.attrs = entry.get("attrs", {})
        approved = entry.get("approved", [])
        advertised = entry.get("advertised", approved)
        # Networks and exits: only what is advertised and approved counts.
        self.routes = [ipaddress.ip_network(net) for net in approved
                       if net in advertised]

    def serves(self, ip):
        return any(ip in net for net in self.routes if not is_exit(net))


class Always:
    """In the place of a time: only what is open at all times."""


class Ever:
    """In the place of a time: what is open at some time."""


class WeekMoment:
    """Tests, "at": what the clock on the wall shows, whatever the zone."""

    def __init__(self, text):
        day, clock = text.split()
        self.day, self.minute = DAYS.index(day), minutes(clock)

    def wall(self, _zone):
        return self.day, self.minute


class Moment:
    """A real moment, which each zone's clock shows in its own way."""

    def __init__(self, unix):
        self.unix = unix

    def wall(self, zone):
        there = datetime.datetime.fromtimestamp(self.unix,
                                                zoneinfo.ZoneInfo(zone))
        return there.weekday(), there.hour * 60 + there.minute


def minutes(clock):
    hours, rest = clock.split(":")
    return int(hours) * 60 + int(rest)


def days_of(window):
    """Times: a day, a range, or a list of both; left out, all."""
    days = window.get("days", list(DAYS))
    chosen = set()
    for item in [days] if isinstance(days, str) else days:
        first, _, last = item.partition("-")
        day, end = DAYS.index(first), DAYS.index(last or first)
        chosen.add(day)
        while day != end:
            day = (day + 1) % 7
            chosen.add(day)
    return chosen


def window_open(window, time):
    """Times: a window across midnight belongs to the day it begins on."""
    day, minute = time.wall(window["zone"])
    begin = minutes(window.get("from", "00:00"))
    end = minutes(window.get("to", "24:00"))
    days = days_of(window)
    if begin < end:
        return day in days and begin <= minute < end
    return (day in days and minute >= begin) or (
        (day - 1) % 7 in days and minute < end)


def rule_open(rule, time):
    if "when" not in rule or time is Ever:
        return True
    if time is Always:
        return False
    windows = rule["when"]
    return any(window_open(window, time) for window in
               ([windows] if isinstance(windows, dict) else windows))


def version(text):
    return [int(part) for part in text.split(".")]


def compared(have, sign, want):
    """Machines: the order of texts is that of versions."""
    signs = {"<": operator.lt, "<=": operator.le, ">": operator.gt,
             ">=": operator.ge}
    if sign == "==":
        return have == want
    if sign == "!=":
        return have != want
    if isinstance(have, str):
        return signs[sign](version(have), version(want))
    return signs[sign](have, want)


def value(text):
    if text in ("true", "false"):
        return text == "true"
    return text[1:-1] if text[0] == "'" else float(text)


def condition_met(condition, attrs):
    """Machines: what is not set fulfils NOT SET and nothing else."""
    name, rest = condition.split(" ", 1)
    if rest in ("IS SET", "NOT SET"):
        return (name in attrs) == (rest == "IS SET")
    if name not in attrs:
        return False
    among = re.fullmatch(r"(NOT )?IN \[(.*)\]", rest)
    if among:
        values = [value(item.strip()) for item in among[2].split(",")]
        return (attrs[name] in values) != bool(among[1])
    sign, text = rest.split(" ", 1)
    return compared(attrs[name], sign, value(text))


class Side:
    """One end of a packet: an address, and the nodes that stand for it."""

    def __init__(self, ip, node, routers, attrs=None):
        self.ip, self.node, self.routers = ip, node, routers
        self.attrs = attrs  # Tests: these and no other, if not None


class Oracle:
    def __init__(self, policy, nodes, mesh=MESH):
        self.policy = policy
        self.nodes = [Node(entry) for entry in nodes]
        self.mesh = [ipaddress.ip_network(net) for net in mesh]
        self.rules = [(f"{part}[{place}]", rule)
                      for part in ("acls", "grants")
                      for place, rule in enumerate(policy.get(part, []))]

    def in_mesh(self, ip):
        return any(ip in net for net in self.mesh)

    def side(self, ip, attrs=None):
        node = next((node for node in self.nodes if ip in node.ips), None)
        routers = [node for node in self.nodes if node.serves(ip)]
        return Side(ip, node, routers, attrs)

    def decide(self, src, dst, proto, port, time):
        """The rules that let the packet pass: their names, maybe none."""
        return self.decide_sides(self.side(src), self.side(dst),
                                 (proto, port), time)

    def decide_sides(self, src, dst, packet, time):
        if not self.can_come_from(src):
            return set()
        return {name for name, rule in self.rules
                if rule_open(rule, time) and self.passes(rule, src, dst, packet)}

    def can_come_from(self, src):
        """Whether a packet with this source comes out of the mesh at all."""
        if src.node or src.routers:
            return True
        return not self.in_mesh(src.ip) and bool(self.exits(src.ip))

    def exits(self, ip):
        return [node for node in self.nodes for net in node.routes
                if is_exit(net) and net.version == ip.version]

    def passes(self, rule, src, dst, packet):
        if not self.rule_has_src(rule, src):
            return False
        return any(self.dst_covers(rule, name, src, dst) and
                   self.ports_cover(ports, dst.ip.version, packet)
                   for name, ports in self.destinations(rule))

    # Where a packet goes (Networks and exits, last point).

    def dst_covers(self, rule, name, src, dst):
        if dst.node:
            return self.name_covers_node(name, dst.node, dst.ip, src)
        net = self.longest_joined(src, dst)
        if net:
            serving = [node for node in dst.routers if net in node.routes]
            return (self.name_covers_address(name, dst.ip) and
                    bool(self.by_via(rule, serving)))
        if self.in_mesh(dst.ip):
            return False  # exits serve no address of the mesh's networks
        return (self.name_covers_outside(name, dst.ip) and
                bool(self.by_via(rule, self.exits(dst.ip))))

    def longest_joined(self, src, dst):
        nets = {net for node in dst.routers for net in node.routes
                if dst.ip in net and not is_exit(net)}
        viewers = self.viewers(src)
        for net in sorted(nets, key=lambda net: -net.prefixlen):
            serving = [node for node in dst.routers if net in node.routes]
            if any(self.rule_joins(rule, viewer, src.attrs, net, serving)
                   for _, rule in self.rules for viewer in viewers):
                return net
        return None

    def rule_joins(self, rule, viewer, attrs, net, serving):
        """Whether the rule, in either direction, joins viewer and route."""
        def meets(name):
            return name == "autogroup:danger-all" or self.name_meets_net(
                name, net)
        leads_there = bool(self.by_via(rule, serving)) and any(
            self.name_meets_net(name, net) and
            self.may_join(ports, net.version)
            for name, ports in self.destinations(rule))
        if leads_there and self.viewer_is_src(rule, viewer, attrs, net.version):
            return True
        return any(meets(name) for name in rule["src"]) and any(
            self.posture_met(rule, node.attrs if attrs is None else attrs)
            for node in serving) and self.viewer_is_dst(rule, viewer,
                                                        net.version)

    def viewer_is_src(self, rule, viewer, attrs, version):
        """Whether any address that the node has or serves may send."""
        if not self.posture_met(rule, viewer.attrs if attrs is None else attrs):
            return False
        sides = [self.side(ip) for ip in viewer.ips if ip.version == version]
        nets = [net for net in viewer.routes if net.version == version]
        return any(self.name_is_src(name, side) for name in rule["src"]
                   for side in sides) or any(
            name == "autogroup:danger-all" or (
                not is_exit(net) and self.name_meets_net(name, net))
            for name in rule["src"] for net in nets)

    def viewer_is_dst(self, rule, viewer, version):
        """Whether any address that the node has or serves may be reached."""
        nets = [net for net in viewer.routes if net.version == version]
        serves = bool(self.by_via(rule, [viewer]))
        return any(self.may_join(ports, version) and (
            any(self.name_covers_node(name, viewer, ip, None)
                for ip in viewer.ips if ip.version == version) or
            serves and any(self.serves_by(name, net) for net in nets))
            for name, ports in self.destinations(rule))

    def serves_by(self, name, net):
        if is_exit(net):
            return name in ("*", "autogroup:internet")
        return self.name_meets_net(name, net)

    @staticmethod
    def by_via(rule, routers):
        """Rules: with `via`, only routers and exits with one of the tags."""
        if not rule.get("via"):
            return routers
        return [node for node in routers if set(node.tags) & set(rule["via"])]

    # Names.

    def rule_has_src(self, rule, src):
        if not any(self.name_is_src(name, src) for name in rule["src"]):
            return False
        if src.attrs is not None:
            return self.posture_met(rule, src.attrs)
        machines = self.viewers(src)
        return "srcPosture" not in rule or any(
            self.posture_met(rule, node.attrs) for node in machines)

    def viewers(self, src):
        """The node that sends, or those that send for others."""
        return [src.node] if src.node else (
            self.routers_from(src) or self.exits(src.ip))

    def routers_from(self, src):
        """Machines: those of the longest matching route."""
        longest = max((net for node in src.routers for net in node.routes
                       if src.ip in net and not is_exit(net)),
                      key=lambda net: net.prefixlen, default=None)
        return [node for node in src.routers if longest in node.routes]

    def posture_met(self, rule, attrs):
        """Machines: one of the postures, of which all conditions."""
        if "srcPosture" not in rule:
            return True
        return any(all(condition_met(condition, attrs) for condition in
                       self.policy["postures"][posture])
                   for posture in rule["srcPosture"])

    def name_is_src(self, name, src):
        if name == "autogroup:danger-all":
            return True
        if src.node:
            if name == "*":
                return self.in_mesh(src.ip) and src.ip not in NOT_NODES
            return self.name_covers_node(name, src.node, src.ip, None)
        return bool(src.routers) and self.name_covers_address(name, src.ip)

    def name_covers_node(self, name, node, ip, src):
        if name == "*":
            return True
        if name == "autogroup:member":
            return not node.tags
        if name == "autogroup:tagged":
            return bool(node.tags)
        if name == "autogroup:self":
            return (src is not None and src.node is not None and
                    not src.node.tags and not node.tags and
                    src.node.user is not None and node.user == src.node.user)
        if name.startswith("tag:"):
            return name in node.tags
        if name.startswith("group:"):
            return not node.tags and node.user in self.policy["groups"][name]
        if "@" in name:  # A tag replaces the person
            return not node.tags and node.user == name
        return self.name_covers_address(name, ip)

    def networks(self, name):
        """The addresses that a name stands for by itself, or None."""
        if name.startswith("ipset:"):
            return self.ipset(name)
        name = self.policy.get("hosts", {}).get(name, name)
        return [ipaddress.ip_network(name)] if is_address(name) else None

    def ipset(self, name):
        nets = []
        for item in self.policy["ipsets"][name]:
            verb, _, what = item.rpartition(" ")
            for net in self.networks(what):
                nets = (without(nets, net) if verb == "remove"
                        else nets + [net])
        return nets

    def name_covers_address(self, name, ip):
        """Of an address behind a router: only *, networks and aliases."""
        return name == "*" or any(ip in net for net in self.networks(name) or [])

    def name_meets_net(self, name, net):
        return name == "*" or any(
            other.version == net.version and other.overlaps(net)
            for other in self.networks(name) or [])

    @staticmethod
    def name_covers_outside(name, ip):
        """Networks and exits: autogroup:internet or *, nothing else."""
        if name == "autogroup:internet":
            return (ip in PUBLIC6 if ip.version == 6
                    else not any(ip in net for net in PRIVATE))
        return name == "*"

    # Ports (Rules).

    def destinations(self, rule):
        """Pairs of a name and its ports, as (protocols, low, high)."""
        if "action" in rule:
            for text in rule["dst"]:
                name, ports = text.rsplit(":", 1)
                yield name.strip("[]"), acl_ports(rule.get("proto"), ports)
            return
        for name in rule["dst"]:
            yield name, [grant_ports(text) for text in rule.get("ip", [])]

    @staticmethod
    def family_fits(ports, family):
        """`icmp` is IPv4's and `ipv6-icmp` IPv6's."""
        other = {58} if family == 4 else {1}
        return any(protos != other for protos, _, _ in ports)

    def may_join(self, ports, family):
        """A grant for capabilities has no ports; its nodes see each other."""
        return not ports or self.family_fits(ports, family)

    def ports_cover(self, ports, family, packet):
        proto, port = packet
        if proto in PING:  # A ping passes between machines that a rule joins
            return self.family_fits(ports, family)
        return any(proto in protos and
                   (proto not in WITH_PORTS or low <= port <= high)
                   for protos, low, high in ports)

    # Tests.

    def test_holds(self, test):
        """Of a test with one `accept` or one `deny`, and some pairs."""
        want = "accept" in test
        port = int(test["accept" if want else "deny"][0].rsplit(":", 1)[1])
        protos = [PROTOCOLS[test["proto"]]] if "proto" in test else [6, 17]
        time = WeekMoment(test["at"]) if "at" in test else (
            Always if want else Ever)
        return all(want == any(self.decide_sides(src, dst, (proto, port), time)
                               for proto in protos)
                   for src, dst in self.test_pairs(test))

    def test_pairs(self, test):
        """Every address of the source and of the host, of two machines."""
        host = test.get("accept", test.get("deny"))[0].rsplit(":", 1)[0]
        return [(src, dst) for src in self.test_sides(test["src"], test)
                for dst in self.test_sides(host.strip("[]"))
                if src.ip.version == dst.ip.version and src.ip != dst.ip and
                (src.node is None or src.node is not dst.node)]

    def test_sides(self, name, test=None):
        attrs = None if test is None else test.get("srcPostureAttrs", {})
        nets = self.networks(name)
        if nets:
            return [self.side(nets[0][0], attrs)]
        return [self.side(ip, attrs) for node in self.nodes for ip in node.ips
                if self.name_covers_node(name, node, ip, None)]


def without(nets, hole):
    left = []
    for net in nets:
        if net.version != hole.version or not net.overlaps(hole):
            left.append(net)
        elif hole.prefixlen > net.prefixlen:
            left.extend(net.address_exclude(hole))
    return left


def port_range(text):
    if text == "*":
        return ALL_PORTS
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def proto_number(text):
    return PROTOCOLS[text] if text in PROTOCOLS else int(text)


def acl_ports(proto, text):
    protos = WITHOUT_PROTO if proto is None else {proto_number(proto)}
    return [(protos, *port_range(part)) for part in text.split(",")]


def grant_ports(text):
    if ":" not in text:
        return WITHOUT_PROTO, *port_range(text)
    proto, ports = text.split(":")
    return {proto_number(proto)}, *port_range(ports)
