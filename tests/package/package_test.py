"""The Debian package on a Debian system: built, looked at by lintian, installed with its dependencies,
the daemon started by systemd with all of the unit's restrictions, upgraded, removed.

Not part of scripts/test: it takes about two minutes and needs root and a mirror. .ci/run runs it.
Usage: package_test.py PACKAGE"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from sandbox import Sandbox, run

PACKAGE = os.path.abspath(sys.argv.pop()) if len(sys.argv) > 1 else ""

PORT = 9103
CARRIER = f"""[Service]
ExecStart=/usr/bin/loa-sim --gateway "name=vina shape=kannel-sendsms listen=127.0.0.1:{PORT} batch=50"
"""

GATEWAY = """
gateways:
  vina:
    profile: kannel-sendsms
    url: http://127.0.0.1:{port}
    networks: [vinaphone, itel, viettel, vietnamobile, gmobile, wintel, mobifone]
    account: {{user: loa, password: {{credential: secret_vina}}}}
    limits: {{messages_per_second: 100, in_flight: 2, batch: 20}}
"""


PEOPLE = {"lan": ["author"], "minh": ["approver", "operator"]}
EXAMPLE = "lua-dao-gia-danh"
CAMPAIGN = "lua-dao-gia-danh-2026-11"


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="loa-package-")
        cls.system = Sandbox(cls.folder)
        try:
            cls.system.bootstrap()
            shutil.copy(PACKAGE, cls.system.path("loa.deb"))
            cls.system.chroot("apt-get", "update", "-q")
            cls.installed = cls.system.chroot("apt-get", "install", "-q", "-y", "--no-install-recommends",
                                              "/loa.deb")
            cls.system.boot()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.system.close()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def loa(self, *arguments, **options):
        return self.system.inside("loa", *arguments, **options)

    def property(self, name):
        return self.system.inside("systemctl", "show", "loa", f"--property={name}", "--value").stdout.strip()

    def configure(self):
        """As the guide says: a gateway, its secret, and people."""
        self.system.write("etc/systemd/system/carrier.service", CARRIER)
        self.system.inside("systemctl", "start", "carrier")
        for name, roles in PEOPLE.items():
            self.system.inside("useradd", "--create-home", "--groups", "loa", name)
            self.loa("user", "add", name, "--unix", name, *(f"--role={role}" for role in roles))
        self.system.inside("sh", "-c", "umask 077; printf secret > /etc/loa/credentials/vina")
        with open(self.system.path("etc/loa/loa.yaml"), encoding="utf-8") as file:
            text = file.read()
        self.system.write("etc/loa/loa.yaml", re.sub(r"(?ms)^gateways:.*", GATEWAY.format(port=PORT), text))

    def test_1_lintian_has_nothing_to_say(self):
        found = subprocess.run(["lintian", "--tag-display-limit=0", "--fail-on=error,warning", "--info", PACKAGE],
                               capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)

    def test_2_an_installation_waits_for_a_person(self):
        self.assertEqual(self.property("ActiveState"), "inactive")
        self.assertEqual(self.property("UnitFileState"), "disabled")
        modes = self.system.inside("stat", "-c", "%a %U:%G %n", "/etc/loa/users.yaml", "/etc/loa/credentials",
                                   "/var/spool/loa/incoming").stdout.splitlines()
        self.assertEqual(modes, ["600 loa:loa /etc/loa/users.yaml", "700 root:root /etc/loa/credentials",
                                 "2770 loa:loa /var/spool/loa/incoming"])
        refused = self.loa("check", "/etc/loa/loa.yaml", status=None)
        self.assertEqual(refused.returncode, 78, refused.stderr)
        self.assertIn("gateway", refused.stdout + refused.stderr)

    def test_3_the_daemon_runs_with_all_restrictions(self):
        self.configure()
        self.system.inside("systemctl", "start", "loa")
        self.assertEqual(self.property("ActiveState"), "active")
        self.assertTrue(self.property("StatusText"))
        modes = self.system.inside("stat", "-c", "%a %U:%G %n", "/run/loa/api.sock", "/var/lib/loa").stdout
        self.assertEqual(modes.splitlines(),
                         ["660 loa:loa /run/loa/api.sock", "700 loa:loa /var/lib/loa"])
        lines = self.system.inside("journalctl", "-u", "loa", "-o", "json", "EVENT=ready").stdout
        self.assertEqual(json.loads(lines.splitlines()[-1])["SYSLOG_IDENTIFIER"], "loa")

    def as_person(self, name, *arguments, **options):
        return self.system.inside("runuser", "-u", name, "--", *arguments, **options)

    def shown(self):
        return json.loads(self.as_person("minh", "loa", "show", CAMPAIGN, "--json").stdout)

    def test_4_two_people_send_a_warning(self):
        """The API knows them by the user at the other end of its socket."""
        examples = "/home/lan/examples"
        campaign = f"{examples}/campaigns/{EXAMPLE}.yaml"
        self.as_person("lan", "cp", "-r", "/usr/share/doc/loa/examples", examples)
        now = time.time()
        stamp = lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        self.as_person("lan", "sed", "-i", "-e", f"s/not_before: .*/not_before: {stamp(now - 60)}/", "-e",
                       f"s/useful_until: [^ ]*/useful_until: {stamp(now + 86400)}/", "-e",
                       's/hours: {.*}/hours: {from: "00:00", to: "24:00"}/', campaign)
        self.as_person("lan", "loa", "check", campaign)
        self.as_person("lan", "loa", "submit", campaign)
        self.assertEqual(self.shown()["state"], "waiting")
        refused = self.as_person("lan", "loa", "approve", CAMPAIGN, status=None)
        self.assertEqual(refused.returncode, 77, refused.stderr)
        self.as_person("minh", "loa", "approve", CAMPAIGN)
        self.system.wait_until("it is sent", lambda: self.shown()["state"] == "finished")
        shown = self.shown()
        self.assertEqual(shown["audience"], sum(shown["excluded"].values()) + shown["planned"])
        self.assertEqual(shown["accepted"], shown["planned"])

    def test_5_a_reload_with_a_bad_file_keeps_the_old(self):
        before = self.property("MainPID")
        with open(self.system.path("etc/loa/loa.yaml"), encoding="utf-8") as file:
            good = file.read()
        self.system.write("etc/loa/loa.yaml", good + "nonsense: [\n")
        self.system.inside("systemctl", "reload", "loa")
        self.system.wait_until("the fault is in the log", lambda: self.system.inside(
            "journalctl", "-u", "loa", "EVENT=configuration_refused", "-q").stdout)
        self.assertEqual(self.property("MainPID"), before)
        self.system.write("etc/loa/loa.yaml", good)
        self.system.inside("systemctl", "reload", "loa")
        self.system.wait_until("it is loaded", lambda: self.system.inside(
            "journalctl", "-u", "loa", "EVENT=configuration_loaded", "-q").stdout)

    def test_6_a_kill_is_survived(self):
        before = self.property("MainPID")
        self.system.inside("kill", "-9", before)
        self.system.wait_until("it is started again", lambda: self.property("ActiveState") == "active" and
                               self.property("MainPID") not in (before, "0"))

    def test_7_an_upgrade_restarts_it_and_keeps_what_was_changed(self):
        before = self.property("MainPID")
        self.system.inside("dpkg", "--force-confdef", "--force-confold", "-i", "/loa.deb")
        self.assertEqual(self.property("ActiveState"), "active")
        self.assertNotEqual(self.property("MainPID"), before)
        self.assertIn("kannel-sendsms", self.system.inside("cat", "/etc/loa/loa.yaml").stdout)

    def test_8_it_stops_in_good_order(self):
        self.system.inside("systemctl", "stop", "loa")
        self.assertEqual((self.property("ActiveState"), self.property("Result")), ("inactive", "success"))
        self.loa("journal", "verify", "--data", "/var/lib/loa")

    def test_9_removal_and_purge_keep_the_record(self):
        self.system.inside("dpkg", "-r", "loa")
        self.system.inside("test", "!", "-e", "/usr/bin/loa")
        self.system.inside("dpkg", "-P", "loa")
        self.system.inside("test", "!", "-e", "/etc/loa")
        self.system.inside("test", "-d", "/var/lib/loa/journal")


if __name__ == "__main__":
    if not PACKAGE:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        sys.exit("package_test: needs root")
    for program in ("debootstrap", "lintian", "unshare", "nsenter"):
        run("sh", "-c", f"command -v {program}")
    unittest.main(argv=[sys.argv[0], "-v"], failfast=True)
