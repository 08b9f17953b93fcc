"""People and machines at the real daemon: who may what, from the command line to the last message."""
import base64
import json
import os
import signal
import subprocess
import unittest
import urllib.error
import urllib.request

from world import PATIENCE_S, Sim, World, check_balance, wait_until

ROLES = {"lan": ["author"], "hoa": ["approver"], "minh": ["operator"], "thu": ["auditor"]}


class People(unittest.TestCase):
    def setUp(self):
        self.sim = Sim()
        self.addCleanup(self.sim.close)
        self.world = World(self.sim, rows=300)
        self.addCleanup(self.world.close)
        self.socket = os.path.join(self.world.folder, "api.sock")
        with open(self.world.config, encoding="utf-8") as file:
            text = file.read().replace("approval: {required: false}", "approval: {required: true}")
        World.write(self.world.config, f"users: users.yaml\napi: {{listen: [\"unix:{self.socket}\", \"127.0.0.1:0\"]}}\n"
                    + text)
        self.tokens = {}
        for name, roles in ROLES.items():
            self.world.run("user", "add", name, *(f"--role={role}" for role in roles))
            self.tokens[name] = self.world.run("user", "token", name).stdout.strip()
        self.world.run("user", "add", "vina-noc", "--role", "carrier", "--gateway", "vina")
        self.tokens["vina-noc"] = self.world.run("user", "token", "vina-noc").stdout.strip()
        self.log = open(os.path.join(self.world.folder, "log"), "w+", encoding="utf-8")
        self.addCleanup(self.log.close)
        self.daemon = subprocess.Popen(self.world.command("serve"), stderr=self.log, env=self.world.environment)
        self.addCleanup(self.end)
        wait_until("the daemon answers", lambda: self.run_as("lan", "list", status=None).returncode == 0
                   or self.daemon.poll() is not None)

    def end(self):
        self.daemon.terminate()
        self.daemon.wait(PATIENCE_S)

    def logged(self):
        with open(self.log.name, encoding="utf-8") as file:
            return file.read()

    def run_as(self, name, *arguments, status=0):
        environment = dict(self.world.environment, LOA_TOKEN=self.tokens.get(name, ""), LOA_API="unix:" + self.socket)
        return self.world.run(*arguments, status=status, environment=environment)

    def show(self, name="lan"):
        return json.loads(self.run_as(name, "show", "test", "--json").stdout)

    def test_a_warning_takes_two(self):
        self.run_as("hoa", "submit", self.world.campaign, status=77)
        self.run_as("lan", "submit", self.world.campaign)
        self.assertIn("nothing was done", self.run_as("lan", "submit", self.world.campaign).stderr)
        self.assertEqual(self.show()["state"], "waiting")
        self.run_as("lan", "approve", "test", "--confirm=test", status=77)
        self.run_as("minh", "approve", "test", "--confirm=test", status=77)
        self.run_as("hoa", "return", "test", "--reason", "the hotline is wrong")
        self.assertEqual(self.show()["state"], "draft")
        World.edit(self.world.campaign, "title: Thử", "title: Thử lại")
        self.run_as("lan", "submit", self.world.campaign)
        done = self.run_as("hoa", "approve", "test", "--confirm=test", "--watch", "--json")
        over = json.loads(done.stdout)
        self.assertEqual(over["state"], "finished")
        self.assertEqual(over["accepted"], over["planned"])
        check_balance(dict(over, refused=over["refused_by_code"]))
        self.assertEqual(self.sim.accepted(), over["accepted"])
        history = json.loads(self.run_as("thu", "history", "test", "--json").stdout)["acts"]
        self.assertIn(("return", "hoa", False), {(act["act"], act["who"], act["denied"]) for act in history})
        self.assertIn(("approve", "lan", True), {(act["act"], act["who"], act["denied"]) for act in history})
        self.run_as("lan", "history", "test", status=77)
        with open(self.world.audience, encoding="utf-8") as file:
            number = file.read().splitlines()[1].split(",")[0]
        self.assertIn("test", self.run_as("thu", "explain", number).stdout)
        self.run_as("lan", "explain", number, status=77)

    def test_nobody_and_carriers(self):
        self.assertIn("sign in", self.run_as("", "list", status=77).stderr)
        self.run_as("vina-noc", "list", status=77)
        gateways = json.loads(self.run_as("vina-noc", "gateway", "list", "--json").stdout)["items"]
        self.assertEqual([one["name"] for one in gateways], ["vina"])
        self.run_as("vina-noc", "gateway", "pause", "vina", "--reason", "x", status=77)
        self.run_as("minh", "gateway", "pause", "vina", "--reason", "maintenance")
        self.assertIn("maintenance", self.run_as("vina-noc", "gateway", "list").stdout)

    def test_faults_are_shown_where_they_stand(self):
        World.edit(self.world.campaign, "sender: CALANGSON", "sender: CALANGSON-TOO-LONG")
        done = self.run_as("lan", "submit", self.world.campaign, status=65)
        self.assertRegex(done.stderr, r"test.yaml:4:9: error: .*\n +4 \| sender: CALANGSON-TOO-LONG\n +\| +\^")

    def test_a_reload_counts_at_once_and_a_bad_file_does_not(self):
        users = os.path.join(os.path.dirname(self.world.config), "users.yaml")
        with open(users, encoding="utf-8") as file:
            good = file.read()
        with open(users, "w", encoding="utf-8") as file:
            file.write(good + "  nobody: {roles: [boss]}\n")
        self.daemon.send_signal(signal.SIGHUP)
        wait_until("it is told", lambda: "boss" in self.logged() or "users" in self.logged())
        self.run_as("lan", "list")
        with open(users, "w", encoding="utf-8") as file:
            file.write(good)
        optout = os.path.join(os.path.dirname(self.world.config), "none.csv")
        World.edit(self.world.config, "exclusions: [optout.csv]", "exclusions: [none.csv]")
        self.daemon.send_signal(signal.SIGHUP)
        wait_until("a list that is not there is told", lambda: optout in self.logged())
        World.edit(self.world.config, "exclusions: [none.csv]", "exclusions: [optout.csv]")
        self.world.run("user", "remove", "lan")
        self.daemon.send_signal(signal.SIGHUP)
        wait_until("lan is nobody", lambda: self.run_as("lan", "list", status=None).returncode == 77)
        self.run_as("hoa", "list")

    def port(self):
        lines = [line for line in self.logged().splitlines() if "listens on 127.0.0.1:" in line]
        return int(lines[0].split("127.0.0.1:")[1].split('"')[0].split()[0])

    def sign_in(self, name, password):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port()}/api/v1/me", headers={
            "Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.headers

    def test_guessing_is_slowed_and_told(self):
        for i in range(10):
            self.assertEqual(self.sign_in("lan", f"guess {i}")[0], 401)
        status, headers = self.sign_in("lan", "guess")
        self.assertEqual(status, 429)
        self.assertGreaterEqual(int(headers["Retry-After"]), 1)
        self.run_as("lan", "list")  # not where she works


if __name__ == "__main__":
    unittest.main()
