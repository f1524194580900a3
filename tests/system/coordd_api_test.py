#!/usr/bin/env python3
"""The HTTPS API of the coordination server: doors, limits, every operation."""
import http.client
import json
import pathlib
import re
import socket
import ssl
import sys
import tempfile
import unittest

from coordd_admin_test import GOOD_POLICY, Server, make_certificate
from coordd_support import COORDD, PATIENCE, free_port

ALL = ("users", "nodes", "routes", "keys", "tokens", "policy", "dns", "relays",
       "events", "server")
MISSING = {("events", "write")}  # there is nothing to write
BAD_POLICY = '{"acls": [{"action": "deny"}]}'


def tls_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.holder.cleanup)
        folder = pathlib.Path(cls.holder.name)
        make_certificate(folder)
        cls.folder = folder

    def setUp(self):
        state = tempfile.TemporaryDirectory()
        self.addCleanup(state.cleanup)
        folder = pathlib.Path(state.name)
        for name in ("certificate.pem", "private_key.pem"):
            (folder / name).write_bytes((self.folder / name).read_bytes())
            (folder / name).chmod(0o600)
        self.port = free_port()
        self.server = Server(
            folder, f"[admin]\nsocket = '{folder}/admin'\n"
            f"[api]\nlisten = '127.0.0.1:{self.port}'\n")
        self.addCleanup(lambda process: (process.kill(), process.wait(),
                                         process.stderr.close()),
                        self.server.process)
        self.token = self.make_token("all")

    def make_token(self, *scopes):
        options = [word for scope in scopes for word in ("--scope", scope)]
        return self.server.ask("tokens", "create", *options)["secret"]

    def connect(self):
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=tls_context(), timeout=PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def ask(self, method, path, body=None, token=None, headers=(),
            connection=None):
        """Status, fields and parsed body of a response."""
        connection = connection or self.connect()
        fields = dict(headers)
        token = self.token if token is None else token
        if token:
            fields["Authorization"] = "Bearer " + token
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        connection.request(method, path, body, fields)
        response = connection.getresponse()
        text = response.read().decode()
        is_json = response.headers["Content-Type"] == "application/json"
        return (response.status, response.headers,
                json.loads(text) if is_json and text else text)

    def good(self, *arguments, **options):
        status, _, body = self.ask(*arguments, **options)
        self.assertIn(status, (200, 201), body)
        return body

    def error(self, *arguments, **options):
        status, _, body = self.ask(*arguments, **options)
        self.assertEqual(["error"], list(body), body)
        self.assertEqual({"code", "message"}, set(body["error"]))
        return status, body["error"]["code"]

    def raw(self, data):
        """What comes for these bytes until the server ends the connection."""
        with tls_context().wrap_socket(socket.create_connection(
                ("127.0.0.1", self.port), timeout=PATIENCE)) as stream:
            stream.sendall(data)
            answer = b""
            try:
                while piece := stream.recv(65536):
                    answer += piece
            except ConnectionResetError:
                pass
            return answer.decode()

    def test_both_doors_show_one_mesh(self):
        self.good("POST", "/v1/users", {"user": "ann@example.com",
                                        "roles": ["admin"]})
        self.assertEqual("ann@example.com",
                         self.server.ask("users", "list")[0]["user"])
        user, = self.good("GET", "/v1/users")["items"]
        self.assertEqual(["admin"], user["roles"])
        self.good("PUT", "/v1/users/ann%40example.com/roles", {"roles": []})
        self.assertEqual([], self.server.ask("users", "list")[0]["roles"])
        key = self.good("POST", "/v1/keys", {"user": "ann@example.com"})
        self.assertRegex(key["secret"], "^nkauth-")
        self.good("DELETE", f"/v1/keys/{key['id']}?with_nodes=true")
        self.assertTrue(self.server.ask("keys", "list")[0]["revoked"])
        actors = {event["actor"] for event in self.server.ask("events")}
        self.assertIn("token:" + self.token.split("-")[1], actors)
        self.good("DELETE", "/v1/users/ann@example.com")
        self.assertEqual([], self.server.ask("users", "list"))

    def test_what_is_documented_is_served_and_nothing_more(self):
        document = self.good("GET", "/openapi.json", token="")
        self.assertEqual("3.1.0", document["openapi"])
        for path, scope in (("/metrics", "server:read"), ("/healthz", None)):
            plain = document["paths"].pop(path)
            self.assertEqual(["get"], list(plain))
            self.assertEqual(scope, plain["get"].get("x-required-scope"))
            self.assertEqual(scope is None, "security" in plain["get"])
        seen = set()
        for path, operations in document["paths"].items():
            concrete = re.sub(r"\{\w+\}", "9", path)
            for method, operation in operations.items():
                self.check_operation(path, concrete, method, operation)
                seen.add(operation["operationId"])
            other = "PATCH"
            status, headers, _ = self.ask(other, concrete)
            self.assertEqual(405, status)
            self.assertEqual({name.upper() for name in operations},
                             set(headers["Allow"].split(", ")))
        # One verb of the socket has no place here: it writes a file there.
        self.assertNotIn("backup", seen)
        for verb in ("status", "users.list", "nodes.show", "routes.approve",
                     "keys.revoke", "policy.set", "policy.check", "dns.set",
                     "relays.remove", "events.list", "tokens.create"):
            self.assertIn(verb, seen)

    def check_operation(self, path, concrete, method, operation):
        named = {parameter["name"] for parameter in operation["parameters"]
                 if parameter["in"] == "path"}
        self.assertEqual(set(re.findall(r"\{(\w+)\}", path)), named)
        scope = operation["x-required-scope"]
        self.assertIn(scope.split(":")[0], ALL)
        # Without its scope it is refused, with it it is served.
        others = self.make_token(*(f"{name}:{kind}" for name in ALL
                                   for kind in ("read", "write")
                                   if f"{name}:{kind}" != scope
                                   and (name, kind) not in MISSING))
        body = "{}" if "requestBody" in operation else None
        self.assertEqual((403, "forbidden"),
                         self.error(method.upper(), concrete, body,
                                    token=others))
        status, _, answer = self.ask(method.upper(), concrete, body,
                                     token=self.make_token(scope))
        self.assertNotIn(status, (401, 403, 405, 500, 501), answer)
        if status == 404:
            self.assertNotIn("openapi", answer["error"]["message"])

    def test_tokens_are_needed_and_end(self):
        for token in ("", "nonsense", self.token[:-1] + "x",
                      self.token.replace("nkapi", "nkauth")):
            status, headers, body = self.ask("GET", "/v1/users", token=token)
            self.assertEqual((401, "unauthorized"),
                             (status, body["error"]["code"]))
            self.assertIn("Bearer", headers["WWW-Authenticate"])
        made = self.good("POST", "/v1/tokens", {"scopes": ["users:read"]})
        self.good("GET", "/v1/users", token=made["secret"])
        self.good("DELETE", f"/v1/tokens/{made['id']}")
        self.assertEqual(401, self.error("GET", "/v1/users",
                                         token=made["secret"])[0])
        lasting = self.good("POST", "/v1/tokens", {"scopes": ["users:read"],
                                                   "lifetime": 0})
        self.good("GET", "/v1/users", token=lasting["secret"])
        listed, = [token for token in self.good("GET", "/v1/tokens")["items"]
                   if token["id"] == lasting["id"]]
        self.assertEqual((None, "good"), (listed["expiry"], listed["state"]))

    def test_tokens_give_no_more_than_they_have(self):
        giver = self.make_token("tokens:write", "users:read")
        self.good("POST", "/v1/tokens", {"scopes": ["users:read"]},
                  token=giver)
        for scope in ("all", "users:write"):
            self.assertEqual((403, "forbidden"),
                             self.error("POST", "/v1/tokens",
                                        {"scopes": [scope]}, token=giver))

    def test_wrong_tokens_are_throttled(self):
        codes = [self.error("GET", "/v1/users", token="x")[0]
                 for _ in range(25)]
        self.assertEqual([401] * 20, codes[:20])
        self.assertIn(429, codes[20:])
        status, headers, _ = self.ask("GET", "/v1/users")
        self.assertEqual((429, "10"), (status, headers["Retry-After"]))
        # The socket's door is another one.
        self.assertEqual([], self.server.ask("users", "list"))

    def test_policies_are_not_overwritten_blindly(self):
        self.assertEqual((404, "not_found"), self.error("GET", "/v1/policy"))
        status, headers, body = self.ask("PUT", "/v1/policy", GOOD_POLICY)
        self.assertEqual((200, '"1"', 1),
                         (status, headers["ETag"], body["revision"]))
        tag = self.ask("GET", "/v1/policy")[1]["ETag"]
        self.assertEqual('"1"', tag)
        changed = GOOD_POLICY + " // more"
        self.good("PUT", "/v1/policy", changed, headers={"If-Match": tag})
        for old in (tag, '"x"', "W/\"2\"", "2"):
            self.assertEqual((412, "precondition_failed"),
                             self.error("PUT", "/v1/policy", GOOD_POLICY,
                                        headers={"If-Match": old}))
        self.assertEqual(changed, self.good("GET", "/v1/policy")["text"])
        self.assertEqual((400, "invalid"),
                         self.error("PUT", "/v1/policy", BAD_POLICY))
        verdict = self.good("POST", "/v1/policy/check", BAD_POLICY)
        self.assertFalse(verdict["ok"])
        self.assertEqual(2, self.good("GET", "/v1/status")["policy_revision"])

    def test_events_come_in_pages(self):
        for number in range(5):
            self.good("POST", "/v1/users", {"user": f"u{number}@example.com"})
        seen, after = [], 0
        while after is not None:
            page = self.good("GET", f"/v1/events?after={after}&limit=2")
            self.assertLessEqual(len(page["items"]), 2)
            seen += [event["sequence"] for event in page["items"]]
            after = page.get("next")
        self.assertEqual(seen, sorted(set(seen)))
        self.assertEqual(len(self.server.ask("events")), len(seen))
        self.assertEqual((400, "invalid"),
                         self.error("GET", "/v1/events?after=x"))
        self.assertEqual((400, "invalid"),
                         self.error("GET", "/v1/events?no=1"))

    def test_one_connection_serves_many_requests(self):
        connection = self.connect()
        for _ in range(3):
            self.good("GET", "/v1/users", connection=connection)
        request = (f"GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: "
                   f"Bearer {self.token}\r\n")
        answer = self.raw(((request + "\r\n") * 3 + request +
                           "Connection: close\r\n\r\n").encode())
        self.assertEqual(4, answer.count("HTTP/1.1 200 OK"))
        self.assertEqual(1, answer.count("Connection: close"))

    def test_a_large_policy_is_asked_for_before_it_is_sent(self):
        padding = "/*" + "x" * (1 << 20) + "*/"
        text = GOOD_POLICY + padding
        head = (f"PUT /v1/policy HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                f"{self.token}\r\nContent-Length: {len(text)}\r\n"
                "Connection: close\r\nExpect: 100-continue\r\n\r\n")
        with tls_context().wrap_socket(socket.create_connection(
                ("127.0.0.1", self.port), timeout=PATIENCE)) as stream:
            stream.sendall(head.encode())
            self.assertIn(b"100 Continue", stream.recv(4096))
            stream.sendall(text.encode())
            self.assertIn(b"200 OK", stream.recv(4096))
        self.assertEqual(text, self.server.ask("policy", "get")["text"])

    def test_what_is_no_request_is_refused_and_ends(self):
        bearer = f"Authorization: Bearer {self.token}\r\n"
        for code, data in (
                (400, "nonsense\r\n\r\n"),
                (400, "GET / HTTP/2.0\r\n\r\n"),
                (400, f"POST /v1/users HTTP/1.1\r\n{bearer}Content-Length: 2"
                 "\r\nContent-Length: 3\r\n\r\n{}x"),
                (400, f"POST /v1/users HTTP/1.1\r\n{bearer}Content-Length: +2"
                 "\r\n\r\n{}"),
                (413, f"POST /v1/users HTTP/1.1\r\n{bearer}Content-Length: "
                 "65537\r\n\r\n"),
                (413, "PUT /v1/policy HTTP/1.1\r\nContent-Length: 99999\r\n"
                 "\r\n"),
                (413, f"PUT /v1/policy HTTP/1.1\r\n{bearer}Content-Length: "
                 "99999999999999999999999\r\n\r\n"),
                (431, "GET / HTTP/1.1\r\nX: " + "x" * 20000 + "\r\n\r\n"),
                (501, f"POST /v1/users HTTP/1.1\r\n{bearer}"
                 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")):
            answer = self.raw(data.encode())
            self.assertTrue(answer.startswith(f"HTTP/1.1 {code} "), answer)
            self.assertIn("Connection: close", answer)
            self.assertIn('{"error":{"code":', answer)
        for body in ("[]", "x", '{"user":7}', '{"bogus":1}', "{}"):
            self.assertEqual((400, "invalid"),
                             self.error("POST", "/v1/users", body))
        self.assertEqual((404, "not_found"), self.error("GET", "/v1/nope"))

    def test_idle_connections_keep_nobody_out(self):
        idle = [socket.create_connection(("127.0.0.1", self.port))
                for _ in range(200)]
        self.addCleanup(lambda: [stream.close() for stream in idle])
        self.good("GET", "/v1/status")
        late = tls_context().wrap_socket(socket.create_connection(
            ("127.0.0.1", self.port), timeout=PATIENCE))
        self.addCleanup(late.close)
        late.sendall(b"GET /v1/status HT")  # and never the rest
        self.assertIn(b"HTTP/1.1 408 Request Timeout", late.recv(4096))

    def test_who_sends_and_does_not_read_is_dropped(self):
        request = (f"GET /openapi.json HTTP/1.1\r\nAuthorization: Bearer "
                   f"{self.token}\r\n\r\n").encode()
        other = self.connect()
        with tls_context().wrap_socket(socket.create_connection(
                ("127.0.0.1", self.port), timeout=PATIENCE)) as stream:
            with self.assertRaises(OSError):
                for _ in range(400):
                    stream.sendall(request)
                    # The loop turns: what was sent was served, if it could be.
                    self.good("GET", "/healthz", connection=other)
                for _ in range(1000):
                    stream.sendall(request * 1000)
        self.good("GET", "/v1/status")

    def test_resting_connections_keep_nobody_out(self):
        connections = [self.connect() for _ in range(70)]
        for connection in connections:
            self.good("GET", "/healthz", connection=connection)
        for connection in connections:
            connection.close()

    def test_metrics_need_their_scope(self):
        text = self.good("GET", "/metrics")
        values = dict(line.rsplit(" ", 1) for line in text.splitlines()
                      if not line.startswith("#"))
        for name in ('coordd_nodes{state="online"}', "coordd_events_total",
                     'coordd_refusals_total{reason="login"}',
                     'coordd_urgent_total{event="late"}', "coordd_joins_total",
                     'coordd_bytes_total{direction="out"}'):
            self.assertIn(name, values)
        self.assertGreater(float(values["coordd_settles_total"]), 0)
        self.assertGreater(float(values["coordd_settle_seconds_total"]), 0)
        self.assertEqual((403, "forbidden"), self.error(
            "GET", "/metrics", token=self.make_token("nodes:read")))
        self.assertEqual({"ok": True}, self.good("GET", "/healthz", token=""))


if __name__ == "__main__":
    if not COORDD.exists():
        sys.exit(77)
    unittest.main(verbosity=2)
