"""kill -9 at random moments of a sending, then the same command again, until it is done.

Whatever the moment, at the gateways nobody is missing, and nobody has the message twice unless the balance
says that it was sent again by policy. LOA_SEED replays a run.
"""
import json
import os
import random
import signal
import time
import unittest

from world import Sim, World, check_balance, wait_until

KILLS = 20


class Killing(unittest.TestCase):
    def kill_and_go_on(self, on_unknown):
        seed = int(os.environ.get("LOA_SEED", random.SystemRandom().randrange(2**32)))
        print(f"{on_unknown}: LOA_SEED={seed}", flush=True)
        moments = random.Random(seed)
        sim = Sim()
        self.addCleanup(sim.close)
        world = World(sim, rows=4000, on_unknown=on_unknown)
        self.addCleanup(world.close)
        killed = 0
        for _ in range(KILLS):
            before = sim.accepted()
            process = world.start("send", world.campaign, "--yes", "--json")
            # A blow before the first message tests only the start.
            wait_until("a message", lambda: sim.accepted() > before or process.poll() is not None)
            # Not synchronisation: the moment of the blow is what is drawn.
            deadline = time.monotonic() + moments.uniform(0, 0.08)
            while time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.001)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed += 1
            process.communicate()
            world.run("journal", "verify")
        done = world.run("send", world.campaign, "--yes", "--json", status=None)
        balance = json.loads(done.stdout)
        check_balance(balance)
        self.assertEqual(killed, KILLS)
        return balance, sim

    def test_hold(self):
        balance, sim = self.kill_and_go_on("hold")
        counts = sim.counts()
        self.assertEqual(sim.close()["total"]["doubles"], 0)
        self.assertEqual(balance["unsent"], 0)
        # Every row that is not at a gateway is one the balance reports as in doubt.
        self.assertGreaterEqual(len(counts), balance["accepted"])
        self.assertLessEqual(len(counts), balance["accepted"] + balance["in_doubt"])

    def test_resend(self):
        balance, sim = self.kill_and_go_on("resend")
        counts = sim.counts()
        doubles = sim.close()["total"]["doubles"]
        self.assertEqual(balance["unsent"], 0)
        self.assertLessEqual(doubles, balance["resent"])
        if balance["in_doubt"] == 0:
            self.assertEqual(len(counts), balance["planned"])


if __name__ == "__main__":
    unittest.main()
