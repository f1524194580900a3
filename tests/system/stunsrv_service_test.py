#!/usr/bin/env python3
"""`stunsrv` in production: TCP and TLS, configuration, reload, sockets from the
service manager, metrics, floods.

NATKIT_BIN names the folder of the programs.
"""
import binascii
import fcntl
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import subprocess
import unittest
import urllib.error
import urllib.request

import stun_wire as stun
import wg_interop_lab as lab
from stunsrv_support import A1, A2, A3, DISCOVERY, P1, P2, Case, Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
STUNSRV = ""


class Streams(Case):
    def certificate(self):
        lab.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=stun", "-addext", f"subjectAltName=IP:{A1}", "-keyout",
                f"{self.folder}/key.pem", "-out", f"{self.folder}/cert.pem")
        os.chmod(f"{self.folder}/key.pem", 0o600)
        return (f'certificate = "{self.folder}/cert.pem"\n'
                f'private_key = "{self.folder}/key.pem"\n')

    def connect(self, port=P1, source=A3):
        connection = socket.create_connection((A1, port), lab.DEADLINE,
                                              source_address=(source, 0))
        self.addCleanup(connection.close)
        return connection

    def test_tcp_answers_any_number_of_requests(self):
        self.begin(f'listen = "{A1}:{P1}"\nlisten_tcp = "{A1}:{P1}"\n', count=2)
        connection = self.connect()
        messages = stun.request() + stun.request()
        connection.sendall(messages[:7])
        connection.sendall(messages[7:])
        for _ in range(2):
            response = stun.read_stream(connection)
            self.assertEqual(response.mapped(), connection.getsockname())

    def test_tcp_survives_keepalives(self):
        self.begin(f'listen = "{A1}:{P1}"\nlisten_tcp = "{A1}:{P1}"\n', count=2)
        connection = self.connect()
        indication = b"\x00\x11" + stun.request()[2:]
        connection.sendall(indication + stun.request() + indication)
        self.assertEqual(stun.read_stream(connection).mapped(),
                         connection.getsockname())
        connection.sendall(indication + stun.request())
        self.assertTrue(stun.read_stream(connection))

    def test_rfc5780_requests_are_bad_over_tcp(self):
        self.begin(DISCOVERY + f'listen_tcp = "{A1}:{P1}"\n', count=5)
        connection = self.connect()
        connection.sendall(stun.request(stun.change(stun.CHANGE_IP)))
        self.assertEqual(stun.read_stream(connection).error(), 400)
        connection.sendall(stun.request())
        self.assertEqual(stun.read_stream(connection)
                         .address(stun.OTHER_ADDRESS), (A2, P2))

    def test_tls_answers(self):
        self.begin(f'listen = "{A1}:{P1}"\nlisten_tls = "{A1}:5349"\n' +
                   self.certificate(), count=2)
        context = ssl.create_default_context(
            cafile=f"{self.folder}/cert.pem")
        with context.wrap_socket(self.connect(5349),
                                 server_hostname=A1) as connection:
            connection.sendall(stun.request())
            response = stun.read_stream(connection)
            self.assertEqual(response.mapped(), connection.getsockname())

    def certificate_of(self, port):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection((A1, port), lab.DEADLINE) as plain, \
                context.wrap_socket(plain) as stream:
            return stream.getpeercert(binary_form=True)

    def test_a_certificate_is_renewed_with_the_rest_or_not_at_all(self):
        tls = f'listen_tls = "{A1}:{P2}"\n' + self.certificate()
        server = self.begin(f'listen = "{A1}:{P1}"\n' + tls, count=2)
        first = self.certificate_of(P2)
        self.certificate()
        self.write("stunsrv.toml", 'listen = "192.0.2.1:1"\n' + tls)
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("the old settings stay in use")
        self.assertEqual(self.certificate_of(P2), first)
        self.write("stunsrv.toml", f'listen = "{A1}:{P1}"\n' + tls)
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("settings reloaded")
        self.assertNotEqual(self.certificate_of(P2), first)

    def test_nonsense_and_idleness_end_a_connection(self):
        self.begin(f'listen = "{A1}:{P1}"\nlisten_tcp = "{A1}:{P1}"\n'
                   "idle_timeout = 1\n", count=2)
        talking = self.connect()
        talking.sendall(b"GET / HTTP/1.1\r\n\r\n")
        self.assertIsNone(stun.read_stream(talking))
        self.assertIsNone(stun.read_stream(self.connect()))

    def test_connections_are_bounded(self):
        self.begin(f'listen = "{A1}:{P1}"\nlisten_tcp = "{A1}:{P1}"\n'
                   "max_connections = 3\nmax_connections_per_source = 2\n",
                   count=2)
        first = self.connect()
        second = self.connect()
        for connection in (first, second):
            connection.sendall(stun.request())
            self.assertTrue(stun.read_stream(connection))
        self.assertIsNone(stun.read_stream(self.connect()), "a third")
        others = [self.connect(source=source)
                  for source in ("127.0.0.4", "127.0.0.5")]
        for connection in others:
            connection.sendall(stun.request())
            self.assertTrue(stun.read_stream(connection))
        self.assertIsNone(stun.read_stream(first), "the longest idle")


class Configuration(Case):
    def check(self, config):
        return subprocess.run(
            [STUNSRV, "--check", "--config", self.write("c.toml", config)],
            capture_output=True, text=True, timeout=lab.DEADLINE)

    def test_check_names_what_is_wrong(self):
        self.assertEqual(self.check(DISCOVERY).returncode, 0)
        for config, complaint in (
                ("listne = 1", "c.toml:1: unknown key 'listne'"),
                ("threads = -1", "'threads' must be a whole number"),
                ("\ngather_time = 1", "c.toml:2: gather_time must be at most"),
                ('listen = "3478"', "c.toml:1: listen '3478' is not ADDRESS"),
                ('\nlisten_tls = ":5349"', "c.toml:2: listen_tls needs cert"),
                ('certificate = "/c"', "c.toml:1: certificate and private_key"),
                ("idle_timeout = 0", "c.toml:1: idle_timeout must be more"),
                (f'\nlisten_tcp = ["{A1}:{P1}", "{A1}:{P1}"]',
                 f"c.toml:2: {A1}:{P1} is there twice"),
                (f'listen_tcp = "{A1}:{P1}"\nlisten_tls = "{A1}:{P1}"\n'
                 'certificate = "/c"\nprivate_key = "/k"',
                 f"c.toml:2: {A1}:{P1} is there twice"),
                ('amplification = "some"', '"balanced", "none", "any"'),
                ('log_level = "loud"', "c.toml:1: log level 'loud'"),
                (f'discovery_addresses = "{A1}"',
                 "c.toml:1: discovery_addresses, and partner_addresses"),
                (f'discovery_addresses = ["{A1}", "::1"]', "two different"),
                (f'discovery_advertised = ["{A1}", "{A2}"]',
                 "c.toml:1: discovery_advertised must have one address"),
                (f'discovery_addresses = ["{A1}", "{A2}"]\n'
                 f'discovery_advertised = "{A3}"',
                 "c.toml:2: discovery_advertised must have one address"),
                (f'discovery_addresses = "{A1}"\npartner_addresses = "{A2}"',
                 "c.toml:2: two machines need partner_listen"),
                (f'partner_listen = "{A1}:3480"',
                 "two machines need partner_addresses"),
                ('certificate = "/none"\nprivate_key = "/none"', "/none")):
            done = self.check(config)
            self.assertEqual(done.returncode, 2, config)
            self.assertIn(complaint, done.stderr)

    def test_the_partners_secret_must_be_secret(self):
        config = (f'discovery_addresses = "{A1}"\npartner_addresses = "{A2}"\n'
                  f'partner_listen = "{A1}:3480"\n'
                  f'partner_link = "{A2}:3480"\n'
                  f'partner_secret_file = "{self.folder}/s"\n')
        self.write("s", "5a" * 32)
        self.assertEqual(self.check(config).returncode, 0)
        self.write("s", "5a" * 32, mode=0o644)
        self.assertEqual(self.check(config).returncode, 2)
        self.write("s", "5a" * 31)
        complaints = self.check(config).stderr
        self.assertIn("c.toml:5: ", complaints)
        self.assertIn("64 hex digits", complaints)
        self.assertEqual(1, complaints.count("\n"), complaints)

    def test_the_command_line_is_not_blamed_on_the_file(self):
        file = self.write("c.toml", f'listen = "{A1}:{P1}"\n')
        done = subprocess.run([STUNSRV, "--config", file, "--listen", "x"],
                              capture_output=True, text=True,
                              timeout=lab.DEADLINE)
        self.assertEqual(done.stderr,
                         "stunsrv: listen 'x' is not ADDRESS:PORT\n")

    def test_reload_keeps_what_stays_and_changes_the_rest(self):
        server = self.begin(f'listen = "{A1}:{P1}"\n', "--threads", "2")
        client = self.client()
        stun.ask(client, (A1, P1))
        self.write("stunsrv.toml", f'listen = ["{A1}:{P1}", "{A2}:{P1}"]\n'
                   f'listen_tcp = "{A1}:{P1}"\nsoftware = "natkit"\n')
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("settings reloaded")
        server.wait_log("listening on TCP")
        lab.wait_until(
            lambda: 0x8022 in stun.ask(client, (A1, P1))[0].attributes,
            "the new settings")
        stun.ask(client, (A2, P1))
        self.write("stunsrv.toml", f'listen = "{A2}:{P1}"\n')
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("settings reloaded", 2)
        lab.wait_until(lambda: self.is_free(A1), "A1 is not served any more")
        stun.ask(client, (A2, P1))
        self.assertEqual(server.stop(), 0)

    def reload(self, server, config, number):
        self.write("stunsrv.toml", config)
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("settings reloaded", number)

    def test_an_address_may_take_the_place_of_an_overlapping_one(self):
        wide = f'listen = "0.0.0.0:{P1}"\n'
        tcp = 'listen_tcp = "{}:3478"\nmetrics_listen = "{}:9478"\n'
        server = self.begin(wide + tcp.format("0.0.0.0", A1), "--threads", "2")
        client = self.client()
        stun.ask(client, (A2, P1))
        self.reload(server, f'listen = "{A1}:{P1}"\n' + tcp.format(A1, A2), 1)
        stun.ask(client, (A1, P1))
        self.assertTrue(self.is_free(A2))
        # The two exchange their ports; then all is as in the beginning.
        self.reload(server, f'listen = "{A1}:{P1}"\nlisten_tcp = "{A1}:9478"\n'
                    f'metrics_listen = "{A1}:3478"\n', 2)
        with urllib.request.urlopen(f"http://{A1}:3478/metrics") as page:
            self.assertIn(b"stunsrv_reloads_total", page.read())
        with socket.create_connection((A1, 9478)) as stream:
            stream.sendall(stun.request())
            self.assertTrue(stream.recv(2048))
        self.reload(server, wide + tcp.format("0.0.0.0", A1), 3)
        stun.ask(client, (A2, P1))
        self.assertEqual(server.stop(), 0)

    def test_an_overlapping_reload_that_fails_changes_nothing(self):
        server = self.begin(f'listen = "0.0.0.0:{P1}"\n', "--threads", "2")
        self.write("stunsrv.toml", f'listen = ["{A1}:{P1}", "192.0.2.1:1"]\n')
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("the old settings stay in use")
        client = self.client()
        for address in (A1, A2):
            stun.ask(client, (address, P1))

    def test_discovery_without_a_word_on_bytes_is_doubtful(self):
        config = f'listen = "{A1}:{P1}"\ndiscovery_addresses = ["{A1}", "{A2}"]\n'
        for more, is_doubtful in (("", True), ('amplification = "any"\n', False),
                                  ('amplification = "balanced"\n', False)):
            done = self.check(config + more)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual("usual clients" in done.stderr, is_doubtful)
        server = self.begin(config, count=4)
        self.assertIn("the usual clients send 28 bytes for 68", server.log)

    def test_few_descriptors_are_no_reason_to_stop(self):
        config = (f'listen = "{A1}:{P1}"\nlisten_tcp = "{A1}:{P1}"\n'
                  f'metrics_listen = "{A1}:9478"\nrate_limit = 0\n'
                  "max_connections_per_source = 1000\n")
        command = ["prlimit", "--nofile=160:160", STUNSRV, "--threads", "1",
                   "--config", self.write("stunsrv.toml", config)]
        check = subprocess.run([*command, "--check"], capture_output=True,
                               text=True, timeout=lab.DEADLINE)
        self.assertEqual(check.returncode, 0, check.stderr)
        self.assertRegex(check.stderr, r"max_connections is taken for \d+: ")
        server = self.start(command, "listening on TCP", 1)
        self.assertIn("max_connections is taken for", server.log)
        connections = []
        for _ in range(300):
            connections.append(socket.create_connection((A1, P1)))
            self.addCleanup(connections[-1].close)
        connections[-1].settimeout(lab.DEADLINE)
        connections[-1].sendall(stun.request())
        self.assertTrue(connections[-1].recv(2048))
        with urllib.request.urlopen(f"http://{A1}:9478/metrics") as page:
            self.assertIn(b"stunsrv_connections", page.read())

    def is_free(self, address):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, P1))
                return True
            except OSError:
                return False

    def test_nothing_is_lost_while_it_reloads(self):
        server = self.begin(f'listen = "{A1}:{P1}"\nrate_limit = 0\n'
                            'amplification = "any"\n', "--threads", "2")
        clients = [self.client() for _ in range(8)]
        for number in range(1, 6):
            server.process.send_signal(signal.SIGHUP)
            for client in clients:
                for _ in range(20):
                    client.sendto(stun.request(), (A1, P1))
            server.wait_log("settings reloaded", number)
        for client in clients:
            for _ in range(100):
                self.assertTrue(client.recv(2048))

    def test_a_bad_file_changes_nothing_and_is_named(self):
        server = self.begin(f'listen = "{A1}:{P1}"\n')
        for config, complaint in (
                ("threads =", "stunsrv.toml:1"),
                ("bogus = true", "unknown key 'bogus'"),
                (f'listen = "192.0.2.1:{P1}"\n', "cannot listen on UDP")):
            self.write("stunsrv.toml", config)
            server.process.send_signal(signal.SIGHUP)
            server.wait_log(complaint)
        server.wait_log("the old settings stay in use", 3)
        # What comes before the mistake does not stay.
        self.write("stunsrv.toml", f'listen = "192.0.2.1:{P1}"\n'
                   f'listen_tcp = "{A1}:{P1}"\n')
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("the old settings stay in use", 4)
        with socket.socket() as connection:
            self.assertNotEqual(0, connection.connect_ex((A1, P1)))
        stun.ask(self.client(), (A1, P1))


class ServiceManager(Case):
    def activate(self, sockets, names, *arguments):
        """Starts it with the sockets at 3, 4, ... as systemd does."""
        spare = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 100)
                 for one in sockets]
        places = range(3, 3 + len(sockets))

        def place():
            for source, to in zip(spare, places):
                os.dup2(source, to, inheritable=True)

        script = 'LISTEN_PID=$$ exec "$@"'
        environment = dict(os.environ, LISTEN_FDS=str(len(sockets)),
                           LISTEN_FDNAMES=":".join(names))
        server = Server(self.folder, ["sh", "-c", script, "sh", STUNSRV,
                                      *arguments],
                        env=environment, preexec_fn=place, pass_fds=places)
        for one in spare:
            os.close(one)
        self.addCleanup(server.process.wait)
        self.addCleanup(server.process.kill)
        return server

    def open(self, kind, address, port):
        one = socket.socket(socket.AF_INET, kind)
        self.addCleanup(one.close)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, port))
        if kind == socket.SOCK_STREAM:
            one.listen()
        return one

    def test_passed_sockets_are_served(self):
        server = self.activate(
            [self.open(socket.SOCK_DGRAM, A1, P1),
             self.open(socket.SOCK_STREAM, A1, P1)], ["stun", "stun"],
            "--listen", f"{A1}:{P1}", "--threads", "2")
        server.wait_log("listening on", 2)
        stun.ask(self.client(), (A1, P1))
        with socket.create_connection((A1, P1), lab.DEADLINE) as connection:
            connection.sendall(stun.request())
            self.assertTrue(stun.read_stream(connection).is_success)
        self.assertEqual(server.log.count("listening on"), 2)
        self.assertEqual(server.stop(), 0)

    def test_a_passed_socket_stays_whatever_the_settings_say(self):
        config = self.write("c.toml", f'listen = "{A1}:{P1}"\n')
        server = self.activate([self.open(socket.SOCK_DGRAM, A1, P1)],
                               ["stun"], "--config", config)
        server.wait_log("listening on")
        for number, port in enumerate((P2, P1, P2), 1):
            self.write("c.toml", f'listen = "{A1}:{port}"\n')
            server.process.send_signal(signal.SIGHUP)
            server.wait_log("settings reloaded", number)
            stun.ask(self.client(), (A1, P1))
            stun.ask(self.client(), (A1, port))

    def test_all_threads_answer_from_a_passed_socket(self):
        config = self.write("c.toml", DISCOVERY)
        server = self.activate([self.open(socket.SOCK_DGRAM, A1, P1)],
                               ["stun"], "--config", config, "--threads", "3")
        server.wait_log("listening on", 4)
        for host in range(20, 40):  # some on each thread
            _, sender = stun.ask(self.client(f"127.0.0.{host}"), (A1, P2),
                                 stun.change(stun.CHANGE_PORT))
            self.assertEqual(sender, (A1, P1))

    def test_credentials_of_the_service_manager_are_taken(self):
        self.write("secret", "5a" * 32, mode=0o440)  # an ACL looks like this
        config = self.write(
            "c.toml", f'discovery_addresses = "{A1}"\n'
            f'partner_addresses = "{A2}"\npartner_listen = "{A1}:3480"\n'
            f'partner_link = "{A2}:3480"\n'
            f'partner_secret_file = "{self.folder}/secret"\n')
        for folder, code in ((self.folder, 0), ("/run/other", 2)):
            done = subprocess.run(
                [STUNSRV, "--check", "--config", config], timeout=lab.DEADLINE,
                env=dict(os.environ, CREDENTIALS_DIRECTORY=str(folder)))
            self.assertEqual(done.returncode, code)

    def test_requests_before_the_start_are_not_lost(self):
        passed = self.open(socket.SOCK_DGRAM, A1, P1)
        client = self.client(timeout=lab.DEADLINE)
        client.sendto(stun.request(), (A1, P1))
        self.activate([passed], ["stun"], "--listen", f"{A1}:{P1}")
        self.assertTrue(stun.Response(client.recv(2048)).is_success)

    def test_other_sockets_are_refused(self):
        other, end = socket.socketpair()
        self.addCleanup(other.close)
        self.addCleanup(end.close)
        server = self.activate([other], ["x"], "--listen", f"{A1}:{P1}")
        self.assertEqual(server.process.wait(lab.DEADLINE), 1)
        self.assertIn("passed", server.log)

    def test_units_are_sound(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze")
        folder = ROOT / "daemons/stunsrv/systemd"
        service = (folder / "stunsrv.service").read_text()
        unit = self.write("stunsrv.service",
                          service.replace("/usr/bin/stunsrv", STUNSRV), 0o644)
        shutil.copy(folder / "stunsrv.socket", self.folder)
        # The drop-in that the page and the unit give.
        lines = [line.strip("# ") for line in service.splitlines()
                 if line.startswith("#   LoadCredential=")]
        page = (ROOT / "docs/stunsrv.md").read_text()
        drop_in = page.split("```ini\n")[1].split("```")[0]
        self.assertEqual(drop_in.splitlines(), ["[Service]", *lines])
        (self.folder / "stunsrv.service.d").mkdir()
        self.write("stunsrv.service.d/override.conf", drop_in, 0o644)
        for name in (unit, f"{self.folder}/stunsrv.socket"):
            done = subprocess.run(
                ["systemd-analyze", "verify", "--man=no", name],
                capture_output=True, text=True, timeout=lab.DEADLINE)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true",
             "--threshold=20", unit],
            capture_output=True, text=True, timeout=lab.DEADLINE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Abuse(Case):
    def metrics(self, server):
        server.wait_log("metrics on ")
        url = server.log.split("metrics on ")[1].split()[0]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=lab.DEADLINE) as answer:
            text = answer.read().decode()
        with self.assertRaises(urllib.error.HTTPError):
            opener.open(url.replace("/metrics", "/"), timeout=lab.DEADLINE)
        return dict(line.rsplit(" ", 1) for line in text.splitlines()
                    if not line.startswith("#"))

    def test_idle_scrapers_do_not_keep_others_out(self):
        self.begin(f'listen = "{A1}:{P1}"\nmetrics_listen = "{A1}:9478"\n')
        idle = [socket.create_connection((A1, 9478)) for _ in range(40)]
        for one in idle:
            self.addCleanup(one.close)
        url = f"http://{A1}:9478/metrics"
        with urllib.request.urlopen(url, timeout=lab.DEADLINE) as page:
            whole = page.read()
        self.assertIn(b"stunsrv_", whole)
        head = urllib.request.Request(url, method="HEAD")
        with urllib.request.urlopen(head, timeout=lab.DEADLINE) as page:
            self.assertGreater(int(page.headers["Content-Length"]), 100)
            self.assertEqual(page.read(), b"")

    def test_metrics_count_what_came(self):
        server = self.begin(f'listen = "{A1}:{P1}"\n'
                            'metrics_listen = "127.0.0.1:0"\n')
        client = self.client()
        stun.ask(client, (A1, P1))
        client.sendto(b"nonsense", (A1, P1))
        stun.ask(client, (A1, P1))
        requests = 'stunsrv_requests_total{transport="udp",outcome="%s"}'
        lab.wait_until(
            lambda: self.metrics(server)[requests % "answered"] == "2",
            "two answers")
        self.assertEqual(self.metrics(server)[requests % "not_stun"], "1")

    def resident(self, server):
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def test_a_flood_costs_no_memory_and_gains_no_bytes(self):
        server = self.begin(DISCOVERY.replace('"any"', '"balanced"') +
                            'metrics_listen = "127.0.0.1:0"\n'
                            "source_buckets = 4096\n"
                            f'listen_tcp = "{A1}:{P1}"\n', count=5)
        rng = random.Random(1)
        clients = [self.client(f"127.1.{i}.{rng.randrange(1, 255)}")
                   for i in range(60)]
        sizes = []
        for round_number in range(4):
            for number in range(5000):
                client = clients[number % len(clients)]
                kind = number % 5
                client.sendto(
                    [stun.request(), rng.randbytes(rng.randrange(600)),
                     stun.request(stun.change(6)),
                     stun.request(stun.attribute(
                         stun.RESPONSE_PORT, rng.randbytes(2) + bytes(2))),
                     stun.request()[:-4] + rng.randbytes(4)][kind], (A1, P1))
            sizes.append(self.resident(server))
        self.assertLess(sizes[-1] - sizes[1], 1024, f"KiB: {sizes}")
        total = 'stunsrv_bytes_total{transport="udp",direction="%s"}'
        counted = self.metrics(server)
        self.assertLessEqual(int(counted[total % "out"]),
                             int(counted[total % "in"]) + 60 * 48)
        self.assertGreater(int(counted[total % "out"]), 0)

    def test_tailscales_clients_are_answered_at_any_policy(self):
        message = bytes.fromhex("000100142112a4420102030405060708090a0b0c"
                                "802200087461696c6e6f646580280004")
        crc = binascii.crc32(message[:-4]) ^ 0x5354554E
        message += crc.to_bytes(4, "big")
        for policy in ("balanced", "none", "any"):
            server = self.begin(f'listen = "{A1}:{P1}"\n'
                                f'answer = "tailscale"\n'
                                f'amplification = "{policy}"\n')
            client = self.client()
            for _ in range(20):
                client.sendto(message, (A1, P1))
                self.assertEqual(len(client.recv(2048)), 32)
            self.assertTrue(stun.is_silent(client, (A1, P1), stun.request()))
            server.stop()

    def test_two_servers_do_not_talk_to_each_other(self):
        servers = [self.begin(f'listen = "{address}:{P1}"\n'
                              'metrics_listen = "127.0.0.1:0"\n',
                              name=f"{address}.toml")
                   for address in (A1, A2)]
        # The forged source: what the kernel itself sends from A2:3478 would
        # need that port, so a raw packet does it.
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.addCleanup(raw.close)
        payload = stun.request()
        udp = (P1.to_bytes(2, "big") * 2 +
               (8 + len(payload)).to_bytes(2, "big") + bytes(2) + payload)
        header = bytes.fromhex("450000000000000040110000")
        packet = (header[:2] + (20 + len(udp)).to_bytes(2, "big") +
                  header[4:] + socket.inet_aton(A2) + socket.inet_aton(A1) +
                  udp)
        raw.sendto(packet, (A1, 0))
        received = ('stunsrv_requests_total'
                    '{transport="udp",outcome="refused_source"}')
        lab.wait_until(lambda: self.metrics(servers[0])[received] == "1",
                       "the forged packet")
        total = 'stunsrv_bytes_total{transport="udp",direction="out"}'
        self.assertEqual(self.metrics(servers[0])[total], "0")
        self.assertEqual(self.metrics(servers[1])[total], "0")


if __name__ == "__main__":
    lab.enter()
    lab.run("ip", "link", "set", "lo", "up")
    STUNSRV = lab.program("stunsrv")
    unittest.main(verbosity=2)
