"""The admin listener as it is reached: TLS, a Unix socket, from afar; who did what; and its document."""
import http.client
import json
import os
import socket
import ssl
import stat
import subprocess

import jsonschema
from harness import BINARY, Case
from waiting import until

KEY = "a-key-of-twenty-two-ch"


def openssl(*arguments, **options):
    subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, **options)


class OverUnix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Admin(Case):
    def setUp(self):
        super().setUp()
        self.topic, self.group = self.kafka.create(self.name("t"), 1), self.name("g")

    # --- certificates

    def authority(self, name):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.pem"))

    def certificate(self, name, authority="ca", files=None):
        files = files or name
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/O=Example/CN={name}",
                "-keyout", self.path(f"{files}.key"), "-out", self.path("request"))
        with open(self.path("names"), "w", encoding="ascii") as f:
            f.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        openssl("x509", "-req", "-in", self.path("request"), "-CA", self.path(f"{authority}.pem"), "-CAkey",
                self.path(f"{authority}.key"), "-CAcreateserial", "-days", "2", "-extfile", self.path("names"), "-out",
                self.path(f"{files}.pem.new"))
        os.rename(self.path(f"{files}.pem.new"), self.path(f"{files}.pem"))

    def client(self, certificate=None):
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        if certificate:
            context.load_cert_chain(self.path(f"{certificate}.pem"), self.path(f"{certificate}.key"))
        return context

    # --- daemons and requests

    def fleet(self, listen, **admin):
        tls = {"sslCertificateLocation": self.path("server.pem"), "sslKeyLocation": self.path("server.key")}
        return self.daemon({"t": self.trigger(self.topic, self.group)}, lagInterval="1s",
                           admin={"listen": listen, "key": KEY, **(tls if os.path.exists(self.path("server.pem")) else {}), **admin})

    def ask(self, daemon, method, path, client=None, plain=False, **headers):
        """(status, text) over TLS."""
        port = int(daemon.wait_for("admin_listening", tls="true")["port"])
        connection = (http.client.HTTPConnection("127.0.0.1", port, timeout=20) if plain else
                      http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=client or self.client()))
        try:
            connection.request(method, path, headers={"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def test_tls_and_a_unix_socket_beside_it(self):
        self.authority("ca")
        self.certificate("server")
        path = self.path("admin.sock")
        daemon = self.fleet(["127.0.0.1:0", f"unix:{path}"])
        self.assertEqual(self.ask(daemon, "GET", "/healthz")[0], 200)
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.ask(daemon, "GET", "/healthz", plain=True)
        old = self.client()
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(ssl.SSLError):
            self.ask(daemon, "GET", "/healthz", old)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o660)
        local = OverUnix(path)
        local.request("POST", "/admin/host/drain", headers={"x-functions-key": KEY})
        self.assertEqual(local.getresponse().status, 202)
        act = daemon.wait_for("admin_act")
        self.assertEqual((act["path"], act["status"], act["peer"]),
                         ("/admin/host/drain", "202", f"uid={os.getuid()} pid={os.getpid()}"))
        # The command line prefers the socket.
        skip = subprocess.run([BINARY, "skip", "-c", daemon.file, "t", self.topic, "0", "0"], capture_output=True, text=True, check=False, timeout=30)
        self.assertIn("holds up no lane", skip.stderr)
        daemon.stop()
        self.assertFalse(os.path.exists(path))

    def test_a_socket_that_was_left_behind_is_replaced_and_one_in_use_is_not(self):
        path = self.path("admin.sock")
        first = self.fleet(f"unix:{path}")
        first.wait_for("admin_listening")
        second = self.fleet(f"unix:{path}")
        self.assertIn("Address already in use", second.wait_for("admin_failed")["error"])
        self.assertEqual(second.wait(), 69)
        first.kill9()
        self.assertTrue(os.path.exists(path))
        third = self.fleet(f"unix:{path}")
        third.wait_for("admin_listening")
        local = OverUnix(path)
        local.request("GET", "/healthz")
        self.assertEqual(local.getresponse().status, 200)
        third.stop()

    def test_from_afar_all_but_the_probes_ask_for_the_key(self):
        self.authority("ca")
        self.certificate("server")
        daemon = self.fleet("0.0.0.0:0")
        until("/readyz", lambda: self.ask(daemon, "GET", "/readyz")[0] == 200)
        for path in "/healthz", "/readyz", "/admin/host/ping":
            self.assertEqual(self.ask(daemon, "GET", path)[0], 200, path)
        for path in "/", "/metrics", "/api/triggers", "/api/triggers/t", "/scale/t", "/openapi.json", "/admin/host/status":
            self.assertEqual(self.ask(daemon, "GET", path)[0], 401, path)
            self.assertEqual(self.ask(daemon, "GET", path, Authorization=f"Bearer {KEY}")[0], 200, path)
        self.assertEqual(self.ask(daemon, "GET", f"/metrics?code={KEY}x")[0], 401)
        refused = daemon.wait_for("admin_unauthorized")
        self.assertTrue(refused["peer"].startswith("127.0.0.1:"))
        self.ask(daemon, "POST", f"/admin/host/drain?code={KEY}")
        daemon.wait_for("admin_act", path="/admin/host/drain")
        until("the drain in /readyz", lambda: self.ask(daemon, "GET", "/readyz")[0] == 503)
        self.assertEqual(json.loads(self.ask(daemon, "GET", "/readyz")[1])["reasons"], ["send the key to be told"])
        self.assertIn("t: ", self.ask(daemon, "GET", "/readyz", **{"x-functions-key": KEY})[1])
        daemon.stop()
        with open(daemon.raw_log, encoding="utf-8") as f:
            self.assertNotIn(KEY, f.read())

    def test_clients_with_a_certificate_are_named_and_others_stay_out(self):
        self.authority("ca")
        self.authority("other")
        self.certificate("server")
        self.certificate("prometheus")
        self.certificate("mallory", "other")
        daemon = self.fleet("127.0.0.1:0", sslCaLocation=self.path("ca.pem"))
        self.assertEqual(self.ask(daemon, "GET", "/metrics", self.client("prometheus"))[0], 200)
        for stranger in None, "mallory":
            with self.assertRaises((ssl.SSLError, ConnectionError, http.client.HTTPException), msg=stranger):
                self.ask(daemon, "GET", "/metrics", self.client(stranger))
        self.ask(daemon, "POST", "/admin/host/resume", self.client("prometheus"), **{"x-functions-key": KEY})
        self.assertIn("CN=prometheus,O=Example", daemon.wait_for("admin_act")["peer"])
        daemon.stop()

    def test_a_new_certificate_is_taken_up_and_a_broken_one_is_not(self):
        self.authority("ca")
        self.certificate("server")
        daemon = self.fleet("127.0.0.1:0")

        def shown():
            port = int(daemon.wait_for("admin_listening")["port"])
            with socket.create_connection(("127.0.0.1", port), 20) as s, self.client().wrap_socket(s, server_hostname="127.0.0.1") as tls:
                return dict(pair for entry in tls.getpeercert()["subject"] for pair in entry)["commonName"]
        self.assertEqual(shown(), "server")
        self.certificate("renewed", files="server")
        self.assertEqual(shown(), "renewed")
        daemon.wait_for("admin_certificate_read")
        with open(self.path("server.pem"), "w", encoding="ascii") as f:
            f.write("-----BEGIN CERTIFICATE-----\n")
        self.assertEqual(shown(), "renewed")
        self.assertIn("server.pem", daemon.wait_for("admin_certificate_refused")["error"])
        daemon.stop()

    def test_every_page_answers_as_its_document_says(self):
        self.kafka.fill(self.topic, 3)
        daemon = self.fleet("127.0.0.1:0")
        until("/readyz", lambda: daemon.get("/readyz")[0] == 200)
        self.kafka.until_committed(self.group, self.topic)
        until("a decision", lambda: daemon.get("/scale/t")[0] == 200)
        document = json.loads(daemon.get("/openapi.json")[1])
        checked = 0
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if method == "parameters" or path in ("/admin/host/drain", "/admin/host/resume"):
                    continue
                status, text = self.answer(daemon, method, path)
                self.assertIn(str(status), operation["responses"], path)
                content = self.resolved(document, operation["responses"][str(status)]).get("content", {})
                if "application/json" in content:
                    schema = {**content["application/json"]["schema"], "components": document["components"]}
                    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
                    checked += 1
        self.assertGreaterEqual(checked, 12)
        daemon.stop()

    @staticmethod
    def answer(daemon, method, path):
        url, headers = path.replace("{trigger}", "t"), {"x-functions-key": KEY}
        if method == "get":
            return daemon.get(url, **headers)
        return daemon.post(url, {"workerCount": 1} if path == "/admin/host/scale/status" else {"target": None, "by": "the test"},
                           **headers)

    @staticmethod
    def resolved(document, value):
        if "$ref" not in value:
            return value
        for part in value["$ref"].split("/")[1:]:
            document = document[part]
        return document
