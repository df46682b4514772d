"""deploy/kubernetes, keda and proxy: they parse, agree with each other, and name metrics that there are.

TRIGGERD is the daemon, whose `check` reads the fleet file in the ConfigMap.
"""
import collections
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

from catalogue import DEPLOY, catalogue, wrong

CERTIFICATE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vectors", "config", "files", "ca.pem")


class Loader(yaml.SafeLoader):
    """Refuses a key given twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, times in collections.Counter(keys).items():
            if times > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


def load(name):
    with open(os.path.join(DEPLOY, name), encoding="utf-8") as file:
        return list(yaml.load_all(file, Loader))


def one(kind, name, path="kubernetes/triggerd.yaml"):
    found = [d for d in load(path) if d["kind"] == kind and d["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def seconds(duration):
    number, unit = re.fullmatch(r"(\d+)(s|m)", duration).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


SCALED = ["keda/" + os.path.basename(path) for path in sorted(glob.glob(os.path.join(DEPLOY, "keda/*.yaml")))]


class Everything(unittest.TestCase):
    def files(self):
        for folder, _, names in os.walk(DEPLOY):
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), DEPLOY)

    def test_yaml_parses(self):
        for file in self.files():
            if file.endswith((".yaml", ".yml")):
                with self.subTest(file):
                    self.assertTrue(all(load(file)))

    def test_metrics_that_are_named_exist(self):
        metrics = catalogue()
        recorded = {r["record"] for g in load("prometheus/rules.yaml")[0]["groups"] for r in g["rules"] if "record" in r}
        for file in self.files():
            with self.subTest(file), open(os.path.join(DEPLOY, file), encoding="utf-8") as text:
                self.assertEqual(wrong(text.read(), metrics, recorded), [])


class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.pod = one("Deployment", "triggerd")["spec"]["template"]["spec"]
        self.fleet_text = one("ConfigMap", "triggerd-fleet")["data"]["triggerd.yaml"]
        self.fleet = yaml.load(self.fleet_text, Loader)

    def containers(self):
        return self.pod["initContainers"] + self.pod["containers"]

    def test_a_drain_has_the_time_it_needs(self):
        self.assertGreater(self.pod["terminationGracePeriodSeconds"], seconds(self.fleet["drainTimeout"]))

    def test_the_proxy_is_the_one_of_deploy_proxy(self):
        with open(os.path.join(DEPLOY, "proxy/triggerd.conf"), encoding="utf-8") as file:
            self.assertEqual(one("ConfigMap", "triggerd-proxy")["data"]["triggerd.conf"], file.read())

    def test_one_port(self):
        conf = one("ConfigMap", "triggerd-proxy")["data"]["triggerd.conf"]
        port = int(re.search(r"listen (\d+);", conf).group(1))
        self.assertNotIn("listen", self.fleet.get("admin", {}))  # the proxy goes to the default
        self.assertIn("proxy_pass http://127.0.0.1:7071;", conf)
        daemon = self.pod["containers"][0]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            self.assertEqual(daemon[probe]["httpGet"]["port"], port)
        self.assertEqual(self.pod["initContainers"][0]["ports"], [{"name": "metrics", "containerPort": port}])
        service = one("Service", "triggerd")["spec"]["ports"][0]
        self.assertEqual((service["port"], service["targetPort"]), (port, port))
        self.assertEqual(one("NetworkPolicy", "triggerd")["spec"]["ingress"][0]["ports"], [{"port": port}])
        self.assertEqual(one("PodMonitor", "triggerd", "kubernetes/podmonitor.yaml")["spec"]["podMetricsEndpoints"][0]["port"],
                         "metrics")

    def test_what_is_mounted_is_there(self):
        volumes = {volume["name"]: volume for volume in self.pod["volumes"]}
        mounted = {m["name"] for container in self.containers() for m in container["volumeMounts"]}
        self.assertEqual(mounted, set(volumes))
        for volume in volumes.values():
            if "configMap" in volume:
                one("ConfigMap", volume["configMap"]["name"])
            if "secret" in volume:
                one("Secret", volume["secret"]["secretName"])

    def test_labels_select_the_pods(self):
        labels = one("Deployment", "triggerd")["spec"]["template"]["metadata"]["labels"]
        monitor = one("PodMonitor", "triggerd", "kubernetes/podmonitor.yaml")
        for selector in (one("Deployment", "triggerd")["spec"]["selector"]["matchLabels"], one("Service", "triggerd")["spec"]["selector"],
                         one("NetworkPolicy", "triggerd")["spec"]["podSelector"]["matchLabels"], monitor["spec"]["selector"]["matchLabels"]):
            self.assertEqual(selector, labels)

    def test_everything_is_in_one_namespace(self):
        for path in ["kubernetes/triggerd.yaml", "kubernetes/podmonitor.yaml", *SCALED]:
            for document in load(path):
                if document["kind"] != "Namespace":
                    self.assertEqual(document["metadata"]["namespace"], "triggerd", document["metadata"]["name"])

    def test_no_secret_in_the_fleet_file(self):
        secret = one("Secret", "triggerd-kafka")["stringData"]
        files = re.findall(r"/etc/triggerd/secrets/([\w.]+)", self.fleet_text)
        self.assertEqual(sorted(files), sorted(secret))
        self.assertRegex(self.fleet["clusters"]["main"]["password"], r"^\$\{file:")

    @unittest.skipUnless(os.environ.get("TRIGGERD"), "without the daemon")
    def test_the_daemon_takes_the_fleet_file(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in one("Secret", "triggerd-kafka")["stringData"].items():
                if name.endswith(".pem"):  # check opens certificates; what stands in the manifest is to be replaced
                    shutil.copy(CERTIFICATE, os.path.join(folder, name))
                    continue
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            path = os.path.join(folder, "triggerd.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.fleet_text.replace("/etc/triggerd/secrets", folder))
            done = subprocess.run([os.environ["TRIGGERD"], "check", "-c", path], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Keda(unittest.TestCase):
    def test_it_scales_the_fleet_by_its_own_number(self):
        fleet = yaml.load(one("ConfigMap", "triggerd-fleet")["data"]["triggerd.yaml"], Loader)
        for path in SCALED:
            with self.subTest(path):
                spec = one("ScaledObject", "triggerd", path)["spec"]
                one("Deployment", spec["scaleTargetRef"]["name"])
                self.assertEqual(spec["maxReplicaCount"], fleet["triggers"]["orders"]["scale"]["maxInstances"])
                self.assertNotIn("fallback", spec)
                trigger = spec["triggers"][0]
                self.assertEqual(trigger["metricType"], "AverageValue")
                metadata = trigger["metadata"]
                self.assertEqual(metadata.get("threshold", metadata.get("targetValue")), "1")
                if trigger["type"] == "prometheus":
                    self.assertEqual(metadata["ignoreNullValues"], "false")
                    self.assertIn('namespace="triggerd", job="triggerd/triggerd"', metadata["query"])  # as the PodMonitor has it
                else:
                    place, name = re.fullmatch(r"http://(.*)/scale/(\w+)", metadata["url"]).groups()
                    service = one("Service", "triggerd")
                    self.assertEqual(place, f"triggerd.triggerd.svc.cluster.local:{service['spec']['ports'][0]['port']}")
                    self.assertIn(name, fleet["triggers"])

    def test_zero_is_told_by_what_runs_without_a_pod(self):
        for path in SCALED:
            spec = one("ScaledObject", "triggerd", path)["spec"]
            types = {trigger["type"] for trigger in spec["triggers"]}
            self.assertEqual(spec["minReplicaCount"] == 0, "kafka" in types, path)

    def test_what_authenticates_is_in_the_secret(self):
        auth = one("TriggerAuthentication", "triggerd-kafka", "keda/scaledobject-zero.yaml")
        for reference in auth["spec"]["secretTargetRef"]:
            self.assertIn(reference["key"], one("Secret", reference["name"])["stringData"])


if __name__ == "__main__":
    unittest.main()
