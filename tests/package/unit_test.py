"""systemd takes the unit without a remark, and finds it well locked up. Usage: unit_test.py UNIT LOA"""
import os
import subprocess
import sys
import tempfile
import unittest

UNIT, LOA = (os.path.abspath(path) for path in sys.argv[1:3])
EXPOSURE_MAX = 15  # tenths: 1.5


class UnitTest(unittest.TestCase):
    def analyze(self, *arguments):
        done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_it_is_a_unit(self):
        with open(UNIT, encoding="utf-8") as file:
            text = file.read()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, os.path.basename(UNIT))
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace("/usr/bin/loa", LOA))
            # Manual pages: they are where the package is installed, and looked for there.
            remarks = self.analyze("verify", "--man=no", path)
        self.assertNotIn("loa.service", remarks)

    def test_it_exposes_little(self):
        self.analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", UNIT)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
