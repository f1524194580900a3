"""Whole policies for what people use the format for, as its public
documentation does by example: own machines, teams, servers by tag, subnets,
exits, suppliers. The words and the machines are those of policy_cases.py.
"""

ANN, BOB, KIM = "ann@example.com", "bob@example.com", "kim@example.com"


def rule(src, *dst, **more):
    return {"action": "accept", "src": src, "dst": list(dst), **more}


# What it is for, the policy, and questions as in policy_cases.FLOWS.
SCENARIOS = [
    ("everything to everybody",
     {"acls": [rule(["*"], "*:*")]},
     "+ann web 22", "+web ann 4000", "+bob db-1 53/udp", "+ann 10.1.2.3 443",
     "+ann 8.8.8.8 443", "-ann 100.64.0.200 443"),
    ("people reach their own machines and no others",
     {"acls": [rule(["autogroup:member"], "autogroup:self:*")]},
     "+ann phone 22", "+phone ann 8080/udp", "-ann bob 22", "-ann web 22",
     "-web ann 22", "-web db-1 5432"),
    ("operators reach everything, everybody reaches the web servers",
     {"acls": [rule(["group:ops"], "*:*"),
               rule(["autogroup:member"], "tag:web:80,443")]},
     "+kim web 22", "+kim ann 22", "+kim 10.1.0.5 3389", "+ann web 443",
     "+bob web 80", "-ann web 22", "-web kim 80", "-ann 10.1.0.5 3389"),
    ("web servers reach the database, nobody else does",
     {"acls": [rule(["tag:web"], "tag:db:5432", proto="tcp"),
               rule(["group:eng"], "tag:web:22,8000-8999")]},
     "+web db-1 5432", "-web db-1 5432/udp", "-web db-1 5433", "+ann web 8500",
     "-ann web 7999", "+ann web 8999", "-ann web 9000", "-bob gate 22",
     "-gate db-1 5432"),
    ("a team reaches the office network behind a router, not the router",
     {"acls": [rule(["group:eng"], "office:*")]},
     "+ann 10.1.2.3 22", "+bob 10.1.255.255 9/udp", "-kim 10.1.2.3 22",
     "-ann gate 22", "-ann 10.2.0.1 22"),
    ("machines of the office network are sources of their own",
     {"acls": [rule(["office"], "tag:web:443")]},
     "+10.1.2.3 web 443", "-gate web 443", "-10.2.0.1 web 443"),
    ("members use the exit, and only for the internet",
     {"acls": [rule(["autogroup:member"], "autogroup:internet:*")]},
     "+ann 8.8.8.8 443", "+bob 2001:4860:4860::8888 53/udp", "-ann exit 22",
     "-web 8.8.8.8 443", "-ann 10.1.2.3 443", "-ann 192.168.1.1 443"),
    ("a supplier reaches one service on one machine",
     {"acls": [rule([BOB], "annv4:8443")]},
     "+bob 100.64.0.1 8443", "-bob ann 22", "-bob phone 8443",
     "-bob fd7a:115c:a1e0::1 8443", "-kim ann 8443"),
    ("grants say the same with ports apart from destinations",
     {"grants": [{"src": ["group:eng"], "dst": ["tag:web"],
                  "ip": ["tcp:22", "tcp:443", "udp:53"]},
                 {"src": ["autogroup:member"], "dst": ["autogroup:self"],
                  "ip": ["*"]}]},
     "+ann web 22", "+bob web 53/udp", "-ann web 53", "-kim web 22",
     "+ann phone 1", "-ann bob 1"),
    ("only machines with the right system reach production",
     {"acls": [{**rule([ANN], "tag:db:5432"),
                "srcPosture": ["posture:linux"]}]},
     "+ann db-1 5432", "-phone db-1 5432", "-bob db-1 5432"),
    ("engineers reach production in office hours",
     {"acls": [{**rule(["group:eng"], "tag:db:22"),
                "when": {"days": "mon-fri",
                         "from": "09:00", "to": "18:00",
                         "zone": "Europe/Berlin"}}]},
     "+ann db-1 22 @2026-11-23T12:00:00Z", "-ann db-1 22 @2026-11-23T07:59:59Z",
     "+ann db-1 22 @2026-11-23T08:00:00Z", "-ann db-1 22 @2026-11-23T17:00:00Z",
     "-ann db-1 22 @2026-11-22T12:00:00Z"),
]
