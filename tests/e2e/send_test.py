"""`loa send` and the verbs that look at what it left, against simulated carriers."""
import csv
import io
import json
import os
import signal
import unittest

from world import BATCHES, RATES, Sim, World, check_balance, wait_until


class Sending(unittest.TestCase):
    def make(self, faults="", sim_rates=None, **options):
        self.sim = Sim(faults, sim_rates)
        self.addCleanup(self.sim.close)
        self.world = World(self.sim, **options)
        self.addCleanup(self.world.close)
        return self.world

    def test_whole_way(self):
        world = self.make()
        plan = json.loads(world.run("plan", world.campaign, "--json").stdout)
        again = world.run("plan", world.campaign, "--json").stdout
        self.assertEqual(json.loads(again), plan)
        balance = world.send()
        self.assertEqual(balance["state"], "finished")
        self.assertEqual(balance["audience"], 3000)
        self.assertEqual(balance["accepted"], plan["planned"])
        self.assertEqual(balance["plan"], plan["plan"])
        for key in ("campaign", "parts", "batches", "seconds", "messages_per_second"):
            self.assertIn(key, balance)

        # It has ended: nothing more is sent.
        after = world.run("send", world.campaign, "--yes", "--json")
        self.assertEqual(json.loads(after.stdout)["accepted"], balance["accepted"])
        self.assertIn("nothing is sent", after.stderr)
        status = json.loads(world.run("status", "test", "--json").stdout)
        self.assertEqual(status, balance)

        counts = self.sim.counts()
        truth = self.sim.close()
        self.assertEqual(truth["total"]["numbers"], balance["accepted"])
        self.assertEqual(truth["total"]["doubles"], 0)
        self.assertEqual(truth["total"]["throttled"], 0)
        for one in truth["gateways"]:
            self.assertLessEqual(one["fullest_second"], RATES[one["name"]])
            self.assertLessEqual(one["largest_batch"], BATCHES[one["name"]])
        self.look_at_report(world, balance, counts)
        self.look_for_numbers(world, counts, after)
        verified = json.loads(world.run("journal", "verify", "--json").stdout)
        self.assertTrue(verified["ok"])
        self.assertEqual(verified["lines"], len(world.journal_lines()))

    def look_at_report(self, world, balance, counts):
        text = world.run("report", "test", "--csv", "-").stdout
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        self.assertEqual(len(rows), balance["planned"])
        self.assertEqual(sum(row["state"] == "accepted" for row in rows), balance["accepted"])
        for row in rows:
            self.assertIn("•", row["number"])
            for cell in row.values():
                self.assertNotIn(cell[:1], ("=", "+", "-", "@", "\t"))
        revealed = world.run("report", "test", "--csv", "-", "--reveal").stdout
        numbers = {row["number"] for row in csv.DictReader(io.StringIO(revealed, newline=""))}
        self.assertEqual(numbers, set(counts))

    def look_for_numbers(self, world, counts, done):
        """No number, nor its last six digits, stands outside plan and revealed report."""
        text = "\n".join(world.journal_lines()) + done.stdout + done.stderr
        digits = {text[i:i + 6] for i in range(len(text) - 5) if text[i:i + 6].isdigit()}
        # Six digits also stand in times and row numbers: a leak would bring hundreds of endings.
        leaked = {number[-6:] for number in counts} & digits
        whole = [number for number in counts if number in text]
        self.assertEqual(whole, [])
        self.assertLess(len(leaked), len(counts) // 100 + 5)

    def test_interrupted_and_continued(self):
        world = self.make()
        process = world.start("send", world.campaign, "--yes", "--json")
        wait_until("an answer", lambda: any('"answer"' in line for line in world.journal_lines()))
        process.send_signal(signal.SIGINT)
        output, words = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 75, words)
        first = json.loads(output)
        check_balance(first)
        self.assertEqual(first["state"], "interrupted")
        self.assertEqual(first["in_doubt"], 0)
        self.assertGreater(first["unsent"], 0)
        self.assertIn("To go on", words)
        balance = world.send()
        self.assertEqual(balance["accepted"], balance["planned"])
        self.assertEqual(self.sim.close()["total"]["doubles"], 0)

    def test_changed_campaign_is_refused(self):
        world = self.make(rows=300)
        world.send()
        World.edit(world.campaign, "template: lua-dao-gia-danh", 'text: "Noi dung khac"')
        refused = world.run("send", world.campaign, "--yes", status=65)
        self.assertIn("the text of the message", refused.stderr)
        World.edit(world.campaign, 'text: "Noi dung khac"', "template: lua-dao-gia-danh")
        with open(world.audience, "a", encoding="utf-8") as file:
            file.write("0912345678,A,B\n")
        refused = world.run("send", world.campaign, "--yes", status=65)
        self.assertIn("the audience", refused.stderr)

    def test_faults_with_hold(self):
        world = self.make("reset:0.05,http500:0.05,throttle:0.02,badjson:0.05,partial:0.01",
                          limits=False, sim_rates="none")
        balance = world.send(status=1)
        self.assertGreater(balance["in_doubt"], 0)
        truth = self.sim.close()["total"]
        self.assertEqual(truth["doubles"], 0)
        self.assertGreaterEqual(truth["numbers"], balance["accepted"])
        self.assertLessEqual(truth["numbers"], balance["accepted"] + balance["in_doubt"])
        self.assertEqual(balance["unsent"], 0)

    def test_faults_with_resend(self):
        world = self.make("reset:0.05,badjson:0.05", limits=False, sim_rates="none",
                          on_unknown="resend")
        balance = world.send(status=None)
        counts = self.sim.counts()
        truth = self.sim.close()["total"]
        self.assertGreater(balance["resent"], 0)
        self.assertLessEqual(truth["doubles"], balance["resent"])
        self.assertGreaterEqual(len(counts), balance["accepted"])

    def test_timeout_is_in_doubt(self):
        world = self.make("timeout:0.1", limits=False, sim_rates="none", rows=600)
        balance = world.send(status=1)
        self.assertGreater(balance["in_doubt"], 0)
        truth = self.sim.close()["total"]
        self.assertEqual(truth["numbers"], balance["accepted"] + balance["in_doubt"])
        self.assertEqual(truth["doubles"], 0)

    def test_held_gateway(self):
        world = self.make(rows=300)
        # An answer that says no: the lane is held with all its rows, the others go on.
        profile = os.path.join(os.path.dirname(world.config), "profiles", "vnpt-smsbn.yaml")
        World.edit(profile, '{code: ["0"], class: ok}', '{code: ["77"], class: ok}')
        World.edit(profile, '"31", "101"', '"31", "101", "0"')
        done = world.run("send", world.campaign, "--yes", "--json", status=75)
        balance = json.loads(done.stdout)
        check_balance(balance)
        self.assertEqual(balance["state"], "held")
        self.assertGreater(balance["unsent"], 0)
        self.assertEqual(balance["in_doubt"], 0)
        self.assertIn("vina", balance["held"])
        self.assertIn("mend", done.stderr)

    def test_an_answer_that_no_rule_names(self):
        world = self.make(rows=2000)
        profile = os.path.join(os.path.dirname(world.config), "profiles", "vnpt-smsbn.yaml")
        World.edit(profile, '{code: ["0"], class: ok}', '{code: ["77"], class: ok}')
        balance = json.loads(world.run("send", world.campaign, "--yes", "--json", status=None).stdout)
        check_balance(balance)
        self.assertIn("vina", balance["held"])
        self.assertGreater(balance["in_doubt"], 0)
        # The carrier took them. Once the profile is mended, they are not sent again.
        World.edit(profile, '{code: ["77"], class: ok}', '{code: ["0"], class: ok}')
        world.run("send", world.campaign, "--yes", status=None)
        self.assertEqual(self.sim.close()["total"]["doubles"], 0)

    def test_what_must_not_begin(self):
        world = self.make(rows=100)
        without = dict(world.environment)
        del without["LOA_MOBI_USER"]
        done = world.run("send", world.campaign, "--yes", status=78, environment=without)
        self.assertIn("LOA_MOBI_USER", done.stderr)
        done = world.run("send", world.campaign, status=64)
        self.assertIn("--yes", done.stderr)
        other = World(self.sim, rows=100,
                      schedule="{not_before: 2020-01-01T00:00:00Z, useful_until: 2020-01-02T00:00:00Z}")
        self.addCleanup(other.close)
        done = other.run("send", other.campaign, "--yes", status=65)
        self.assertIn("useful_until", done.stderr)
        self.assertEqual(self.sim.close()["total"]["requests"], 0)

    def test_two_processes_on_one_directory(self):
        world = self.make()
        process = world.start("send", world.campaign, "--yes", "--json")
        wait_until("an answer", lambda: any('"answer"' in line for line in world.journal_lines()))
        second = world.run("send", world.campaign, "--yes", status=75)
        self.assertIn("another process", second.stderr)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)

    def test_unreachable_gateway_is_waited_for(self):
        world = self.make(rows=300)
        self.sim.close()
        process = world.start("send", world.campaign, "--yes", "--json")
        wait_until("three refused connections",
                   lambda: sum('"planned"' in line for line in world.journal_lines()) >= 3)
        process.send_signal(signal.SIGINT)
        output, words = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 75)
        balance = json.loads(output)
        check_balance(balance)
        self.assertEqual(balance["in_doubt"], 0)
        self.assertEqual(balance["unsent"], balance["planned"])
        self.assertIn("cannot be reached", words)


if __name__ == "__main__":
    unittest.main()
