"""`loa drill`: the real program is killed at every failpoint, where the build has them, and at random moments.

Whatever the moment, nobody is lost and nobody is doubled without a reason on record. LOA_SEED replays a drill.
"""
import json
import os
import random
import subprocess
import tempfile
import unittest

LOA = os.environ["LOA"]
KILLS = os.environ["LOA_DRILL_KILLS"]
POLICIES = 2  # hold and resend


class Drill(unittest.TestCase):
    def test_nobody_is_lost_and_nobody_doubled(self):
        seed = os.environ.get("LOA_SEED") or str(random.SystemRandom().randrange(2**32))
        print(f"LOA_SEED={seed}", flush=True)
        done = subprocess.run([LOA, "drill", "--kills", KILLS, "--seed", seed, "--json"],
                              capture_output=True, text=True, check=False)
        print(done.stderr, flush=True)
        self.assertEqual(done.returncode, 0)
        found = json.loads(done.stdout)
        for what in ("lost", "doubled", "denied", "unrecorded"):
            self.assertEqual(found[what], 0, what)
        self.assertEqual(found["unreached"], [])
        self.assertEqual(found["failpoint_kills"], POLICIES * found["failpoints"])
        self.assertGreaterEqual(found["kills"], int(KILLS) + found["failpoint_kills"])
        self.assertGreaterEqual(found["restarts"], found["kills"])
        self.assertGreater(found["requests"], 0)

    def test_what_is_wrong_is_said(self):
        for arguments, status, words in (
                (["--kills", "many"], 64, "--kills"),
                (["--rows", "0"], 64, "--rows"),
                (["--sim", "/nowhere/loa-sim"], 66, "/nowhere/loa-sim"),
                (["--sim", "/bin/true", "--kills", "1"], 69, "does not listen")):
            with self.subTest(arguments), tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([LOA, "drill", *arguments], capture_output=True, text=True,
                                      check=False, env=dict(os.environ, TMPDIR=folder))
                self.assertEqual(done.returncode, status)
                self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
