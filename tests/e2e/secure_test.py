"""Every way to log in, on a secure broker: the right credentials work from record to commit, lag and dead letter;
the wrong ones are named, and keep no other trigger from its work."""
import os
import unittest

from cluster import Cluster
from harness import Case
from waiting import until

DATA = os.environ.get("KAFKA_DATA", "")
EVENT_HUB = "Endpoint=sb://localhost/;SharedAccessKeyName=test;SharedAccessKey=event-hub-secret"


def data(*path):
    return os.path.join(DATA, *path)


def text(*path):
    with open(data(*path), encoding="ascii") as f:
        return f.read()


class SecureCase(Case):
    def setUp(self):
        super().setUp()
        self.secured = Cluster(os.path.dirname(DATA), 1, folder=os.path.basename(DATA), secure=True)
        base = int(text("base"))
        self.at = {name: f"localhost:{base + 10 + slot}" for name, slot in (("ssl", 2), ("mtls", 3), ("sasl", 4), ("sasl_ssl", 5))}
        self.oidc, self.oidc_tls = f"http://127.0.0.1:{base + 2}", f"https://127.0.0.1:{base + 4}"
        os.environ["KRB5_CONFIG"] = data("krb5.conf")
        os.environ["KRB5CCNAME"] = "FILE:" + self.path("tickets")
        self.topic = self.name("t")

    def secure(self, listener, properties, group=None, kafka=None, topic=None, **more):
        """A trigger by this listener; its records go to a file of its own."""
        name = group or self.name("g")
        trigger = self.trigger(topic or self.topic, name, kafka={"reconnect.backoff.max.ms": 1000, **(kafka or {})},
                               env={"RECORD_FILE": self.path("records-" + more.pop("file", name))}, **more)
        return {**trigger, "brokerList": self.at[listener],
                "protocol": {"ssl": "ssl", "mtls": "ssl", "sasl": "saslPlaintext", "sasl_ssl": "SASLSSL"}[listener],
                **({} if listener == "sasl" else {"sslCaLocation": data("tls", "ca.pem")}), **properties}

    def password(self, mode, word="alice-secret", user="alice"):
        return {"authenticationMode": mode, "username": user, "password": word}

    def kerberos(self, keytab="alice"):
        return {"authenticationMode": "Gssapi", "kerberosPrincipal": "alice@TEST", "kerberosServiceName": "kafka",
                "kerberosKeytab": data("krb", keytab + ".keytab")}

    def bearer(self, secret="alice-secret", issuer=None, **more):
        return {"authenticationMode": "OAuthBearer", "oAuthBearerMethod": "Oidc", "oAuthBearerClientId": "alice",
                "oAuthBearerClientSecret": secret, "oAuthBearerScope": "kafka", "oAuthBearerTokenEndpointUrl": (issuer or self.oidc) + "/token", **more}

    def pem_of(self, who):
        """On one line, as a setting has it."""
        return {part: text("tls", f"{who}.{end}").replace("\n", "\\n") for part, end in (("certificate", "crt"), ("key", "key"), ("both", "pem"))}


class Right(SecureCase):
    def test_every_mechanism_reads_commits_lags_and_writes_dead_letters(self):
        self.kafka.create(self.topic, 1)
        dlq = self.kafka.create(self.name("dlq"), 1)
        pem = self.pem_of("alice")
        files = {"sslCertificateLocation": data("tls", "alice.crt"), "sslKeyLocation": data("tls", "alice.key")}
        ways = {
            "ssl": ("ssl", {}),
            "ssl-pem": ("ssl", {"sslCaLocation": None, "sslCaPEM": text("tls", "other-ca.pem") + text("tls", "ca.pem")}),
            "mtls-files": ("mtls", files),
            "mtls-pem": ("mtls", {"sslCertificatePEM": pem["certificate"], "sslKeyPEM": pem["key"]}),
            "mtls-one-pem": ("mtls", {"sslCertificateandKeyPEM": pem["both"]}),
            "plain": ("sasl", self.password("PLAIN")),
            "scram256": ("sasl_ssl", self.password("ScramSha256")),
            "scram512": ("sasl_ssl", self.password("SCRAM-SHA-512")),
            "gssapi": ("sasl_ssl", self.kerberos()),
            "unsigned": ("sasl", {"authenticationMode": "OAuthBearer"}),
            "oidc": ("sasl_ssl", self.bearer()),
            "oidc-https": ("sasl_ssl", self.bearer(issuer=self.oidc_tls, httpsCaLocation=data("tls", "ca.pem"))),
            "oidc-https-pem": ("sasl_ssl", self.bearer(issuer=self.oidc_tls, httpsCaPem=text("tls", "ca.pem"))),
        }
        unsigned = {"enable.sasl.oauthbearer.unsecure.jwt": "true", "sasl.oauthbearer.config": "principal=alice"}
        triggers = {name: self.secure(listener, properties, group=self.name(name), file=name, kafka=unsigned if name == "unsigned" else None,
                                      onFailure={"deadLetter": dlq}, retry={"maxRetryCount": 0}) for name, (listener, properties) in ways.items()}
        triggers["hub"] = self.secure("sasl_ssl", {"eventHubConnectionString": EVENT_HUB}, file="hub", onFailure={"deadLetter": dlq})
        del triggers["hub"]["consumerGroup"]
        triggers = {name: {k: v for k, v in t.items() if v is not None} for name, t in triggers.items()}
        self.kafka.produce(self.topic, [{"value": "a"}, {"value": {"raise": "dead_letter"}}, {"value": "b"}])
        daemon = self.daemon(triggers)
        for name in triggers:
            self.until_records(2, file="records-" + name)
            group = "$Default" if name == "hub" else self.name(name)
            self.kafka.until_committed(group, self.topic)
            daemon.until_metric("triggerd_consumer_lag_records", lambda lag: lag == 0, trigger=name)
        until("a dead letter of each trigger", lambda: len(self.kafka.read(dlq)) >= len(triggers))
        self.assertEqual(daemon.get("/readyz")[0], 200)
        daemon.stop()
        with open(daemon.raw_log, encoding="utf-8") as f:
            log = f.read()
        for secret in ("alice-secret", "event-hub-secret", "PRIVATE KEY"):
            self.assertNotIn(secret, log)


class Again(SecureCase):
    def test_a_broker_that_wants_a_new_login_every_three_seconds_gets_it(self):
        self.kafka.create(self.topic, 1)
        debug = {"debug": "security"}
        daemon = self.daemon({"t": self.secure("sasl_ssl", self.password("scramSha512"), group=self.name("g"), file="t", kafka=debug)})
        self.kafka.produce(self.topic, [{"value": "a"}])
        self.until_records(1, file="records-t")
        logins = len(daemon.seen("librdkafka", trigger="t", facility="REAUTH"))  # each answer says how long it holds
        self.assertGreater(logins, 0)
        daemon.wait_for("librdkafka", count=3 * logins, trigger="t", facility="REAUTH")
        self.kafka.produce(self.topic, [{"value": "b"}])
        self.until_records(2, file="records-t")
        self.kafka.until_committed(self.name("g"), self.topic)
        self.assertEqual(daemon.seen("consumer_error"), [])
        daemon.stop()

    def test_a_broker_with_a_new_certificate_of_the_same_authority_is_trusted(self):
        self.kafka.create(self.topic, 1)
        daemon = self.daemon({"t": self.secure("ssl", {}, group=self.name("g"), file="t")})
        self.kafka.produce(self.topic, [{"value": "a"}])
        self.until_records(1, file="records-t")
        before = text("tls", "server.crt")
        self.secured.do("kill", 1)
        self.secured.do("certificate")
        self.assertNotEqual(text("tls", "server.crt"), before)
        self.secured.do("restart", 1)
        self.kafka.produce(self.topic, [{"value": "b"}])
        self.until_records(2, file="records-t")
        self.assertFalse([e for e in daemon.seen("consumer_error") if e["code"] == "_SSL"])
        daemon.stop()


class Changed(SecureCase):
    """In their files, while the daemon runs."""

    def write(self, name, content):
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(content)
        return self.path(name)

    def test_a_password_that_the_broker_had_first(self):
        self.kafka.create(self.topic, 1)
        self.secured.do("password", "carol", "first")
        self.write("word", "first\n")
        self.write("key", "the-first-key-of-all")
        login = self.password("scramSha512", "${file:word}", "carol")
        daemon = self.daemon({"t": self.secure("sasl_ssl", login, group=self.name("g"), file="t")},
                             admin={"listen": "127.0.0.1:0", "key": "${file:key}"})
        self.kafka.produce(self.topic, [{"value": "a"}])
        self.until_records(1, file="records-t")
        self.kafka.until_committed(self.name("g"), self.topic)

        self.secured.do("password", "carol", "second")
        until("the login of every three seconds fails, and then the member is none",
              lambda: any("has not joined" in line and "uthentication" in line for line in daemon.get("/readyz")[1].splitlines()))
        self.write("word", "second\n")
        self.assertEqual(daemon.wait_for("credentials_changed")["taken_over"], "at the next login")
        self.kafka.produce(self.topic, [{"value": "b"}])
        self.until_records(2, file="records-t")
        self.kafka.until_committed(self.name("g"), self.topic)
        until("ready", lambda: daemon.get("/readyz")[0] == 200)
        daemon.until_metric("triggerd_consumer_lag_records", lambda lag: lag == 0, trigger="t")
        daemon.until_metric("triggerd_lag_complete", lambda complete: complete == 1, trigger="t")

        self.write("key", "the-second-key-of-all")
        daemon.wait_for("admin_key_changed")
        self.assertEqual([daemon.get(f"/admin/host/status?code={key}")[0] for key in ("the-first-key-of-all", "the-second-key-of-all")], [401, 200])

        self.write("word", "\n")
        daemon.wait_for("credentials_refused")
        self.kafka.produce(self.topic, [{"value": "c"}])
        self.until_records(3, file="records-t")
        daemon.stop()
        with open(daemon.raw_log, encoding="utf-8") as f:
            log = f.read()
        for secret in ("first", "second"):
            self.assertNotIn(f'"{secret}"', log)

    def test_a_certificate_under_load(self):
        self.kafka.create(self.topic, 4)
        private = self.kafka.create(self.name("private"), 1)
        self.secured.do("acl", "--add", "--allow-principal", "User:dave", "--operation", "All", "--topic", private)
        self.secured.do("certificate", "dave", "dave")
        ends = {"certificate": "crt", "key": "key"}
        login = {"sslCertificateLocation": self.write("t.crt", text("tls", "alice.crt")), "sslKeyLocation": self.write("t.key", text("tls", "alice.key"))}
        for protocol in ("classic", "consumer"):
            for end in ends.values():
                self.write("t." + end, text("tls", "alice." + end))
            name = self.name(protocol)
            kafka = {"group.protocol": protocol} if protocol == "consumer" else {"partition.assignment.strategy": "cooperative-sticky"}
            daemon = self.daemon({name: self.secure("mtls", login, group=name, file=name, kafka=kafka, startFrom="latest"),
                                  private: self.secure("mtls", login, file=private + protocol, topic=private)})
            daemon.wait_for("partitions_assigned", trigger=name)
            before = self.kafka.ends(self.topic)
            daemon.wait_for("consumer_error", trigger=private)  # alice may not read it
            for end in ends.values():
                self.write("t." + end, text("tls", "dave." + end))
            sent = 0
            mark = daemon.mark()
            while not daemon.seen("partitions_assigned", since=mark, trigger=name):
                self.kafka.produce(self.topic, [{"partition": p, "value": "x"} for p in range(4)] * 20)
                sent += 80
            self.assertEqual(daemon.wait_for("credentials_changed", trigger=name)["taken_over"], "with a new client")
            self.assertEqual(daemon.seen("partitions_revoked", since=mark, trigger=name, lost="true"), [])
            self.kafka.produce(self.topic, [{"partition": 0, "value": "x"}])
            records = self.until_records(sent + 1, file="records-" + name)
            self.kafka.until_committed(name, self.topic)
            self.assertEqual(len({(r["partition"], r["offset"]) for r in records}), sent + 1)
            self.assertEqual(len(records), sent + 1, "none twice")
            self.assertEqual(sum(self.kafka.ends(self.topic).values()) - sum(before.values()), sent + 1)
            self.kafka.produce(private, [{"value": "for dave"}])
            self.until_records(1, file="records-" + private + protocol)
            until("ready", lambda: daemon.get("/readyz")[0] == 200)
            daemon.stop()


class Wrong(SecureCase):
    def test_each_names_itself_its_cluster_and_the_cause_while_the_good_one_works(self):
        self.kafka.create(self.topic, 1)
        private = self.kafka.create(self.name("private"), 1)
        guarded = self.name("guarded")
        acl = ("--add", "--allow-principal", "User:bob", "--operation", "All")
        self.secured.do("acl", *acl, "--topic", private)
        self.secured.do("acl", *acl, "--group", guarded)
        triggers = {
            "good": self.secure("sasl_ssl", self.password("scramSha512"), file="good"),
            "password": self.secure("sasl_ssl", self.password("scramSha512", "wrong")),
            "plain-password": self.secure("sasl", self.password("plain", "wrong")),
            "unknown-ca": self.secure("ssl", {"sslCaLocation": data("tls", "other-ca.pem")}),
            "no-certificate": self.secure("mtls", {}),
            "keytab": self.secure("sasl", self.kerberos("bob")),
            "client-secret": self.secure("sasl_ssl", self.bearer("wrong")),
            "issuer": self.secure("sasl_ssl", self.bearer(issuer=self.oidc_tls, httpsCaLocation=data("tls", "other-ca.pem"))),
            "topic": self.secure("sasl_ssl", self.password("plain"), topic=private),
            "group": self.secure("sasl_ssl", self.password("plain"), group=guarded),
        }
        causes = {
            "password": "authentication", "plain-password": "authentication", "unknown-ca": "verify",
            "no-certificate": "certificate", "keytab": "ticket", "client-secret": "token", "issuer": "token",
            "topic": "topic authorization", "group": "group authorization",
        }
        daemon = self.daemon(triggers)
        self.kafka.produce(self.topic, [{"value": "a"}])
        for name, cause in causes.items():
            def named():
                return [e for e in daemon.seen("consumer_error", trigger=name) if e["cluster"] == name and cause in e["error"].lower()]
            until(f"{name}: {cause}", named)
            until(f"/readyz: {name}", lambda: any(line.find(name + ": has not") >= 0 and cause in line.lower()
                                                  for line in daemon.get("/readyz")[1].splitlines()))
        self.until_records(1, file="records-good")
        self.assertLessEqual(max(len(daemon.seen("consumer_error", trigger=name)) for name in causes), 12)
        for secret in ("alice-secret", "\"wrong\"", "sasl.password"):
            with open(daemon.raw_log, encoding="utf-8") as f:
                self.assertNotIn(secret, f.read())
        daemon.stop()


if __name__ == "__main__":
    unittest.main()
