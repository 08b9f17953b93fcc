"""`loa doubts`: what is in doubt, and what a person decides; carriers that know their requests."""
import json
import os
import signal
import time
import unittest

from world import Sim, World, check_balance, wait_until

FAULTS = "timeout:0.1,http500:0.05"


class Doubts(unittest.TestCase):
    def make(self, faults=FAULTS, **options):
        self.sim = Sim(faults, "none")
        self.addCleanup(self.sim.close)
        self.world = World(self.sim, limits=False, **options)
        self.addCleanup(self.world.close)
        return self.world

    def doubts(self, world):
        return json.loads(world.run("doubts", "test", "--json").stdout)

    def decide(self, world, *arguments, status=0, environment=None):
        return world.run("doubts", "test", *arguments, "--yes", status=status, environment=environment)

    def send(self, world):
        done = world.run("send", world.campaign, "--yes", "--json", status=None)
        balance = json.loads(done.stdout)
        check_balance(balance)
        return balance, done

    def test_listed_and_sent_again(self):
        world = self.make()
        balance, done = self.send(world)
        self.assertGreater(balance["in_doubt"], 0)
        self.assertIn("loa doubts test", done.stderr)
        listed = self.doubts(world)
        self.assertEqual(listed["in_doubt"], balance["in_doubt"])
        self.assertEqual(sum(one["messages"] for one in listed["requests"]), balance["in_doubt"])
        text = world.run("doubts", world.campaign).stdout
        for one in listed["requests"]:
            self.assertIn(one["reference"], text)
            self.assertEqual(one["next"], "person")
        for line in ("Timeout was reached", "HTTP 500", "a person decides", "--assume-sent"):
            self.assertIn(line, text)

        done = self.decide(world, "--resend", "--reason", "they tell us on 0912345678: not received",
                           environment=dict(world.environment, SUDO_USER="lan"))
        self.assertIn("to go on: loa send", done.stdout)
        self.assertEqual(self.doubts(world)["requests"], [])
        decided = [json.loads(line) for line in world.journal_lines() if '"by":"person"' in line]
        self.assertEqual(len(decided), len(listed["requests"]))
        for one in decided:
            self.assertEqual(one["state"], "planned")
            self.assertIn("(sudo: lan)", one["who"])
            self.assertIn("not received", one["reason"])
            self.assertNotIn("0912345678", one["reason"])

        # The campaign had ended; now it goes on, for these rows only.
        accepted = balance["accepted"]
        before = self.sim.counts()
        again, _ = self.send(world)
        self.assertEqual(again["resent"], balance["in_doubt"])
        self.assertGreater(again["accepted"], accepted)
        after = self.sim.counts()
        twice = sum(after[number] > count for number, count in before.items())
        self.assertLessEqual(twice, again["resent"])
        world.run("journal", "verify")

    def test_taken_as_sent(self):
        world = self.make("timeout:0.2", rows=1000)
        balance, _ = self.send(world)
        done = self.decide(world, "--assume-sent", "--reason", "the carrier lists them all")
        self.assertNotIn("to go on", done.stdout)
        status = json.loads(world.run("status", "test", "--json").stdout)
        check_balance(status)
        self.assertEqual(status["state"], "finished")
        self.assertEqual(status["in_doubt"], 0)
        self.assertEqual(status["assumed_sent"], balance["in_doubt"])
        self.assertEqual(status["accepted"], self.sim.close()["total"]["numbers"])
        report = world.run("report", "test", "--csv", "-").stdout
        self.assertIn("the carrier lists them all", report)

    def test_what_is_refused(self):
        world = self.make("", rows=200)
        self.send(world)
        lines = world.journal_lines()
        self.assertIn("nothing is in doubt", world.run("doubts", "test").stdout)
        self.assertIn("nothing is in doubt",
                      self.decide(world, "--resend", "--reason", "x", status=65).stderr)
        self.assertIn("did you mean 'test'", world.run("doubts", "tests", status=66).stderr)
        for arguments in (("--resend",), ("--resend", "--reason", " "), ("--reason", "x"),
                          ("--resend", "--assume-sent", "--reason", "x")):
            self.decide(world, *arguments, status=64)
        self.assertEqual(world.journal_lines(), lines)

    def test_not_confirmed(self):
        world = self.make("timeout:0.3", rows=1000)
        self.send(world)
        lines = world.journal_lines()
        done = world.run("doubts", "test", "--resend", "--reason", "x", status=64)
        self.assertIn("nothing was decided", done.stderr)
        self.assertEqual(world.journal_lines(), lines)

    def test_after_a_kill_and_while_another_sends(self):
        world = self.make("timeout:0.5", rows=2000)
        process = world.start("send", world.campaign, "--yes")
        wait_until("a message", lambda: self.sim.accepted() > 0)
        self.assertIn("another process", self.decide(world, "--resend", "--reason", "x",
                                                     status=75).stderr)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        listed = self.doubts(world)
        self.assertGreater(listed["in_doubt"], 0)
        self.assertIn("under_way", {one["next"] for one in listed["requests"]})
        self.decide(world, "--assume-sent", "--reason", "seen in the carrier's list")
        self.assertEqual(self.doubts(world)["in_doubt"], 0)
        self.assertGreater(self.send(world)[0]["accepted"], 0)
        self.assertEqual(self.sim.close()["total"]["doubles"], 0)

    def test_a_late_resend_is_refused(self):
        end = time.time() + 4
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
        world = self.make("timeout:1", rows=100, schedule=f"{{useful_until: {until}}}")
        process = world.start("send", world.campaign, "--yes")
        wait_until("a message", lambda: self.sim.accepted() > 0)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        wait_until("the end", lambda: time.time() > end)
        done = self.decide(world, "--resend", "--reason", "x", status=65)
        self.assertIn("useful_until has passed", done.stderr)
        self.decide(world, "--assume-sent", "--reason", "x")

    def test_a_carrier_that_knows_its_requests_leaves_no_doubt(self):
        """VNPT's protocol, were its window known: lost answers are cleared up without a person."""
        world = self.make("reset:0.15,timeout:0.1,badjson:0.1", rows=3000)
        profile = os.path.join(os.path.dirname(world.config), "profiles", "vnpt-smsbn.yaml")
        World.edit(profile, "{field: REQID, ", "{field: REQID, window: 24h, ")
        process = world.start("send", world.campaign, "--yes")
        wait_until("a message", lambda: self.sim.accepted() > 0)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.send(world)
        requests = self.doubts(world)["requests"]
        self.assertNotIn("vina", {one["gateway"] for one in requests})
        self.assertTrue(any('"why":"in doubt; the gateway refuses' in line
                            for line in world.journal_lines()))
        self.assertEqual(self.sim.close()["total"]["doubles"], 0)


if __name__ == "__main__":
    unittest.main()
