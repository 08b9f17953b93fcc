"""The real daemon takes campaigns from a real Redis, sends them, and tells how they are."""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from world import LOA, PROJECT, Sim, World, wait_until

sys.path.insert(0, os.path.join(PROJECT, "config", "queue"))
import queue_campaign as producer

ROWS = 2000
COUNTS = ("accepted", "refused", "in_doubt", "under_way", "unsent")


class Server:
    """redis-server on a Unix socket."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="loa-redis-")
        self.url = f"unix://{self.folder.name}/s"
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.folder.name + "/s", "--dir",
             self.folder.name, "--appendonly", "yes", "--appendfsync", "always", "--save", ""],
            stdout=subprocess.DEVNULL)
        wait_until("redis answers", self.answers)

    def answers(self):
        try:
            return self("PING") == "PONG"
        except (OSError, RuntimeError):
            return False

    def __call__(self, *words):
        redis = producer.Redis(self.url)
        try:
            return redis(*words)
        finally:
            redis.close()

    def status(self, campaign):
        values = self("HGETALL", f"loa:campaign:{campaign}")
        return dict(zip(values[::2], values[1::2]))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.process.send_signal(signal.SIGCONT)
        self.kill()
        self.folder.cleanup()


class RedisTest(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.sim = Sim()
        self.addCleanup(self.sim.close)
        self.world = World(self.sim, rows=ROWS)
        self.addCleanup(self.world.close)
        with open(self.world.config, "a", encoding="utf-8") as file:
            file.write(f"\nredis: {{url: \"{self.server.url}\"}}\n"
                       f"api: {{listen: \"unix:{self.world.folder}/api.sock\"}}\n")
        with open(self.world.campaign, encoding="utf-8") as file:
            self.document = "".join(line for line in file if not line.startswith("audience:"))
        with open(self.world.audience, "rb") as file:
            self.audience = file.read()
        self.daemon = None

    def start(self):
        log = open(os.path.join(self.world.folder, "log"), "ab")
        self.addCleanup(log.close)
        self.daemon = subprocess.Popen([LOA, "serve", "--config", self.world.config],
                                       env=self.world.environment, stdout=log, stderr=log)
        self.addCleanup(self.kill)

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()

    def log(self):
        with open(os.path.join(self.world.folder, "log"), encoding="utf-8") as file:
            return file.read()

    def queue(self, campaign, audience):
        document = self.document.replace("campaign: test", f"campaign: {campaign}")
        redis = producer.Redis(self.server.url)
        try:
            return producer.queue(redis, document, audience, by="lan")
        finally:
            redis.close()

    def wait_state(self, campaign, *states):
        wait_until(f"{campaign} is {states}", lambda: self.server.status(campaign).get("state") in states)

    def check_balance(self, campaign):
        status = self.server.status(campaign)
        self.assertEqual(int(status["planned"]), sum(int(status[count]) for count in COUNTS), status)
        self.assertGreater(int(status["audience"]), int(status["planned"]), status)
        return int(status["accepted"])

    def test_a_campaign_is_taken_sent_and_told(self):
        self.start()
        self.queue("one", self.audience)
        self.wait_state("one", "finished")
        accepted = self.check_balance("one")
        self.assertEqual(accepted, self.sim.accepted())
        self.assertGreater(accepted, 0)
        # Again, and nobody is sent to twice.
        self.queue("one", self.audience)
        wait_until("the same is no change", lambda: "no change" in self.log())
        self.assertEqual(max(self.sim.counts().values()), 1)
        # What is wrong comes back with its place; nothing else is held up.
        self.server("XADD", "loa:campaigns", "*", "campaign", "campaign: bad\ntitl: x\n")
        wait_until("it is refused", lambda: self.server("XLEN", "loa:campaigns:refused") == "1")
        faults = str(self.server("XRANGE", "loa:campaigns:refused", "-", "+"))
        self.assertIn("did you mean", faults)
        self.assertIn('"line":2', faults)
        self.assertEqual(self.server.status("bad")["state"], "refused")

    def test_kills_of_both_lose_nothing_and_send_nothing_twice(self):
        self.start()
        for number in range(4):
            self.queue(f"c{number}", self.audience[:len(self.audience) // 2])
            if number % 2 == 0:
                self.kill()
                self.start()
            else:
                self.server.kill()
                self.server.start()
        for number in range(4):
            self.wait_state(f"c{number}", "finished")
            self.check_balance(f"c{number}")
        self.assertLessEqual(max(self.sim.counts().values()), 4)
        wait_until("all is acknowledged",
                   lambda: self.server("XPENDING", "loa:campaigns", "loa")[0] == "0")

    def test_missing_parts_and_a_stopped_redis_are_told_and_the_rest_goes_on(self):
        self.start()
        parts = producer.parts_of(self.audience)
        redis = producer.Redis(self.server.url)
        self.addCleanup(redis.close)
        line = f'audience: {{chunks: {len(parts) + 1}, sha256: {"0" * 64}}}\n'
        redis("XADD", "loa:campaigns", "*", "campaign",
              self.document.replace("campaign: test", "campaign: gap") + line)
        wait_until("the gap is told", lambda: "parts are missing" in
                   self.server.status("gap").get("reason", ""))
        self.server.process.send_signal(signal.SIGSTOP)
        wait_until("it is seen", lambda: "cannot be reached" in self.log())
        self.assertIsNone(self.daemon.poll())
        self.server.process.send_signal(signal.SIGCONT)
        self.queue("after", self.audience)
        self.wait_state("after", "finished")
        # A clean end, though Redis waits for entries.
        self.daemon.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        self.assertEqual(self.daemon.wait(60), 0)
        self.assertLess(time.monotonic() - begin, 30)


if __name__ == "__main__":
    unittest.main()
