"""Random policies with nodes and questions, biased to edges, and mistakes."""
import datetime
import ipaddress
import zoneinfo

import policy_oracle as oracle

USERS = ["ann@example.com", "bob@example.com", "kim@example.com"]
TAGS = ["tag:web", "tag:gate", "tag:exit", "tag:db"]
ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati",
         "Pacific/Pago_Pago", "Asia/Kathmandu"]
ROUTES = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.128/25",
          "192.168.5.0/24", "8.8.0.0/16", "fd00:1::/32", "fd00:1:2::/48"]
EXITS = ["0.0.0.0/0", "::/0"]
NETS = ROUTES + ["10.1.2.3", "10.1.2.3/32", "10.1.2.2/31", "8.8.8.8",
                 "100.64.0.0/29", "100.64.0.2", "fd7a:115c:a1e0::/125",
                 "fd7a:115c:a1e0::3", "fd00:1:2::5", "11.0.0.0/8",
                 "192.168.0.0/16", "100.64.0.0/10", "10.0.0.0/7"]
OUTSIDE = ["10.1.2.3", "10.1.2.2", "10.1.2.0", "10.1.2.127", "10.1.2.128",
           "10.1.2.255", "10.1.3.0", "10.1.1.255", "10.0.255.255",
           "10.2.0.0", "10.255.255.255", "11.0.0.0", "9.255.255.255",
           "192.168.5.1", "192.168.6.0", "192.167.255.255", "192.169.0.0",
           "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0",
           "169.253.255.255", "169.254.0.0", "8.8.8.8", "1.1.1.1",
           "100.63.255.255", "100.64.0.200", "100.127.255.255", "100.128.0.0",
           "fd00:1::1", "fd00:1:2::5", "fd00:2::1", "2000::", "2001:db8::1",
           "1fff:ffff::1", "3fff:ffff::1", "4000::1", "fd7a:115c:a1e0::99",
           "fd7a:115c:a1e1::1"]
PORTS = [1, 21, 22, 23, 79, 80, 81, 90, 91, 443, 65534, 65535]
PORT_TEXTS = ["*", "22", "80", "80-90", "1-79", "1", "65535", "81-65535"]
PROTOS = ["tcp", "udp", "icmp", "sctp", "47", "6", "58", "gre"]
CONDITIONS = ["node:os == 'linux'", "node:os != 'linux'",
              "node:os IN ['linux', 'macos']", "node:os NOT IN ['macos']",
              "node:osVersion >= '1.10'", "node:osVersion < '1.10'",
              "node:osVersion <= '1.9'", "node:osVersion > '1.9'",
              "custom:enc == true", "custom:enc != true", "custom:enc IS SET",
              "custom:enc NOT SET", "custom:level >= 3", "custom:level < 3"]
ATTRS = {"node:os": ["linux", "macos", "windows"],
         "node:osVersion": ["1.2", "1.9", "1.10", "1.11", "2.0"],
         "custom:enc": [True, False], "custom:level": [2, 3, 4]}


def some(rng, items, low=1, high=2):
    return rng.sample(items, rng.randint(low, min(high, len(items))))


def random_attrs(rng):
    return {name: rng.choice(values) for name, values in ATTRS.items()
            if rng.random() < 0.6}


class World:
    """One random policy with its nodes."""

    def __init__(self, rng):
        self.rng = rng
        self.nodes = [self.node(place) for place in range(rng.randint(6, 10))]
        self.policy = self.names()
        parts = rng.choice([["acls"], ["grants"], ["grants"],
                            ["acls", "grants"]])
        for part in parts:
            make = self.acl if part == "acls" else self.grant
            self.policy[part] = [make() for _ in range(rng.randint(1, 4))]

    def node(self, place):
        rng = self.rng
        ips = [f"100.64.0.{place + 1}", f"fd7a:115c:a1e0::{place + 1:x}"]
        tagged = rng.random() < 0.6
        routes = (some(rng, ROUTES, 1, 3) if rng.random() < 0.6 else [])
        if rng.random() < 0.25:
            routes += some(rng, EXITS)
        node = {"name": f"n{place}", "user": None if tagged else
                rng.choice(USERS), "tags": some(rng, TAGS) if tagged else [],
                "ips": rng.choice([ips, ips, ips[:1], ips[1:]]),
                "attrs": random_attrs(rng), "approved": routes}
        if routes and rng.random() < 0.3:
            node["advertised"] = some(rng, ROUTES + EXITS, 1, 5)
            node["approved"] = routes + some(rng, ROUTES)
        node["approved"] = sorted(set(node["approved"]))
        return node

    def names(self):
        rng = self.rng
        return {
            "groups": {"group:a": some(rng, USERS), "group:b": USERS[1:2]},
            "tagOwners": {tag: [] for tag in TAGS},
            "hosts": {"db": "10.1.2.3", "office": rng.choice(ROUTES),
                      "six": "fd00:1:2::5"},
            "ipsets": {"ipset:x": ["add 10.0.0.0/8", "remove 10.1.2.0/24",
                                   "add 10.1.2.3"],
                       "ipset:y": ["192.168.0.0/16", "fd00:1:2::/48"]},
            "postures": {"posture:p": some(rng, CONDITIONS),
                         "posture:q": some(rng, CONDITIONS)}}

    def people(self):
        return self.rng.choice(USERS + ["group:a", "group:b",
                                        "autogroup:member"])

    def either(self):
        rng = self.rng
        return rng.choice([self.people(), rng.choice(TAGS), rng.choice(NETS),
                           "autogroup:tagged", "db", "office", "six",
                           "ipset:x", "ipset:y", rng.choice(NETS)])

    def sides(self, part):
        rng = self.rng
        if rng.random() < 0.15:
            src = ([self.people()] if part == "grants" or rng.random() < 0.7
                   else ["*"])
            return src, ["autogroup:self"]
        src = [self.either() for _ in range(rng.randint(1, 2))]
        if rng.random() < 0.25:
            src = [rng.choice(["*", "*", "autogroup:danger-all"])]
        dst = [self.either() for _ in range(rng.randint(1, 2))]
        if rng.random() < 0.3:
            dst = [rng.choice(["*", "autogroup:internet"])]
        return src, dst

    def limits(self, rule):
        rng = self.rng
        if rng.random() < 0.3:
            rule["srcPosture"] = some(rng, ["posture:p", "posture:q"])
        if rng.random() < 0.3:
            windows = [self.window() for _ in range(rng.randint(1, 2))]
            rule["when"] = windows[0] if len(windows) == 1 else windows
        return rule

    def window(self):
        """Often with an edge near this minute, on this zone's wall."""
        rng = self.rng
        zone = rng.choice(ZONES)
        there = datetime.datetime.now(zoneinfo.ZoneInfo(zone))
        ends = [f"{(there.hour + rng.randint(-2, 2)) % 24:02}:"
                f"{rng.choice([0, 30, there.minute]):02}" for _ in range(2)]
        window = {"zone": zone}
        if rng.random() < 0.7:
            window["from"] = rng.choice([ends[0], "00:00", "22:00"])
        if rng.random() < 0.7:
            window["to"] = rng.choice([ends[1], "24:00", "06:00"])
        if rng.random() < 0.7:
            today = oracle.DAYS[there.weekday()]
            window["days"] = rng.choice([
                today, oracle.DAYS[there.weekday() - 1], "mon-fri", "sat-sun",
                f"{today}-sun", ["mon", "wed-fri"], "fri"])
        return window

    def acl(self):
        rng = self.rng
        src, names = self.sides("acls")
        rule = {"action": "accept", "src": src}
        if rng.random() < 0.4:
            rule["proto"] = rng.choice(["tcp", "udp", "sctp", "icmp", "17",
                                        "ipv6-icmp", "gre"])
        ported = rule.get("proto", "tcp") in ("tcp", "udp", "sctp", "17")
        rule["dst"] = [self.with_ports(name, ported) for name in names]
        return self.limits(rule)

    def with_ports(self, name, ported):
        rng = self.rng
        ports = ",".join(some(rng, PORT_TEXTS[1:])) if (
            ported and rng.random() < 0.7) else "*"
        if ":" in name and name[0] == "f" and rng.random() < 0.5:
            name = f"[{name}]"
        return f"{name}:{ports}"

    def grant(self):
        rng = self.rng
        src, dst = self.sides("grants")
        ports = [rng.choice(["", "", "tcp:", "udp:", "sctp:"]) +
                 rng.choice(PORT_TEXTS) for _ in range(rng.randint(1, 2))]
        if rng.random() < 0.1:
            ports = [rng.choice(["icmp:*", "ipv6-icmp:*", "gre:*"])]
        rule = {"src": src, "dst": dst, "ip": sorted(set(ports))}
        if rng.random() < 0.1 and dst != ["autogroup:internet"]:
            del rule["ip"]
            rule["app"] = {"example.com/cap/files": [{"read": True}]}
        elif rng.random() < 0.3 and dst != ["autogroup:self"]:
            rule["via"] = some(rng, TAGS)
        return self.limits(rule)

    def node_ips(self, family=None):
        return [ip for node in self.nodes for ip in node["ips"]
                if family in (None, ipaddress.ip_address(ip).version)]

    def question(self):
        """Two addresses of one family, a protocol and a port."""
        rng = self.rng
        src = rng.choice(self.node_ips() if rng.random() < 0.75 else OUTSIDE)
        family = ipaddress.ip_address(src).version
        pool = [ip for ip in OUTSIDE
                if ipaddress.ip_address(ip).version == family]
        if rng.random() < 0.5:
            pool = self.node_ips(family)
        pool = [ip for ip in pool if ip != src] or ["10.1.2.3", "fd00:1::1"]
        dst = rng.choice([ip for ip in pool
                          if ipaddress.ip_address(ip).version == family])
        proto = rng.choice(PROTOS if rng.random() < 0.5 else ["tcp", "udp"])
        return src, dst, proto, rng.choice(PORTS)

    def test(self):
        """An entry of "tests", with one host; it need not hold."""
        rng = self.rng
        people = sorted({node["user"] for node in self.nodes if node["user"]})
        tags = sorted({tag for node in self.nodes for tag in node["tags"]})
        names = people + tags + self.node_ips()
        host = rng.choice(names + ["db", "10.1.2.3", "10.2.0.0", "six"])
        if ":" in host and "tag:" not in host:
            host = f"[{host}]"
        test = {"src": rng.choice(names + ["db", "10.1.2.3"]),
                rng.choice(["accept", "deny"]): [f"{host}:{rng.choice(PORTS)}"]}
        if rng.random() < 0.5:
            test["proto"] = rng.choice(["tcp", "udp", "sctp"])
        if rng.random() < 0.6:
            test["srcPostureAttrs"] = random_attrs(rng)
        if rng.random() < 0.5:
            test["at"] = f"{rng.choice(oracle.DAYS)} " + rng.choice(
                ["00:00", "05:59", "06:00", "21:59", "22:00", "23:59"])
        return test


def grant(src, dst, *ip, **more):
    return {"grants": [{"src": src, "dst": dst, "ip": list(ip or "*"), **more}]}


def acl(src, dst, **more):
    return {"acls": [{"action": "accept", "src": src, "dst": dst, **more}]}


# Each is a mistake in one section that is put in place of a good one.
MISTAKES = [
    {"grant": []},
    grant(["*"], ["*"], prots=["tcp"]),
    {"grants": [{"src": ["*"], "dst": ["*"]}]},
    {"acls": [{"action": "deny", "src": ["*"], "dst": ["*:*"]}]},
    {"acls": [{"action": "accept", "users": ["*"], "ports": ["*:*"]}]},
    acl(["*"], ["*"]), acl(["*"], ["db"]), acl(["*"], ["*:0"]),
    acl(["*"], ["*:65536"]), acl(["*"], ["*:90-80"]), acl(["*"], ["*:80,"]),
    acl(["*"], ["*:22"], proto="icmp"), acl(["*"], ["*:22"], proto="gre"),
    acl(["*"], ["*:*"], proto="256"), acl(["*"], ["*:*"], proto="06"),
    acl(["*"], ["*:*"], proto="nonsense"),
    grant(["*"], ["*"], "tcp"), grant(["*"], ["*"], "tcp:0"),
    grant(["*"], ["*"], "80-79"), grant(["*"], ["*"], "icmp:80"),
    grant(["*"], ["0.0.0.0/0"]), grant(["*"], ["::/0"]),
    grant(["group:none"], ["*"]), grant(["*"], ["tag:none"]),
    grant(["nowhere"], ["*"]), grant(["ipset:none"], ["*"]),
    grant(["10.0.0.0/33"], ["*"]), grant(["10.0.0.256"], ["*"]),
    grant(["autogroup:none"], ["*"]), grant(["autogroup:nonroot"], ["*"]),
    grant(["autogroup:internet"], ["*"]), grant(["autogroup:self"], ["*"]),
    grant(["*"], ["autogroup:danger-all"]), grant(["*"], ["autogroup:self"]),
    grant(["tag:web"], ["autogroup:self"]),
    acl(["tag:web"], ["autogroup:self:*"]),
    acl(["10.1.2.3"], ["autogroup:self:*"]),
    grant(["*"], ["*"], via=["tag:none"]),
    grant(["*"], ["*"], via=["group:a"]),
    grant(["*"], ["*"], srcPosture=["posture:none"]),
    grant(["*"], ["*"], when={"zone": "Nowhere/Land"}),
    grant(["*"], ["*"], when={"zone": "UTC", "from": "24:01"}),
    grant(["*"], ["*"], when={"zone": "UTC", "from": "9"}),
    grant(["*"], ["*"], when={"zone": "UTC", "days": "someday"}),
    grant(["*"], ["*"], when={"zone": "UTC", "till": "10:00"}),
    {"grants": [{"src": ["*"], "dst": ["autogroup:internet"],
                 "app": {"example.com/x": [{}]}}]},
    {"grants": [{"src": ["*"], "dst": ["*"],
                 "app": {"https://example.com/x": [{}]}}]},
    {"groups": {"group:a": ["group:b"], "group:b": []}},
    {"groups": {"group:a": ["tag:web"], "group:b": []}},
    {"groups": {"a": ["ann@example.com"], "group:a": [], "group:b": []}},
    {"postures": {"posture:p": ["node:os ~ 'x'"], "posture:q": []}},
    {"autoApprovers": {"routes": {"10.0.0.0": ["nobody"]}}},
    {"autoApprovers": {"routes": {"10.0.0.0/8": ["tag:none"]}}},
    {"ssh": [{"action": "accept", "src": ["*"], "dst": ["tag:web"],
              "users": ["root"]}]},
    {"ssh": [{"action": "accept", "src": ["tag:web"],
              "dst": ["ann@example.com"], "users": ["root"]}]},
    {"ssh": [{"action": "accept", "src": ["autogroup:member"],
              "dst": ["tag:web"], "users": ["*"]}]},
    {"ssh": [{"action": "accept", "src": ["autogroup:member"],
              "dst": ["tag:web"], "users": ["root"], "checkPeriod": "1h"}]},
    {"ssh": [{"action": "check", "src": ["autogroup:member"],
              "dst": ["tag:web"], "users": ["root"], "checkPeriod": "169h"}]},
]
