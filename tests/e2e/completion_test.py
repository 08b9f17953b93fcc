"""Completion, in the shells themselves."""
import os
import shutil
import subprocess
import threading
import unittest

from daemon_stub import Stub, campaign

LOA = os.environ["LOA"]
BASH = r"""
source <(loa completion bash)
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_loa
printf '%s\n' "${COMPREPLY[@]}"
"""
ZSH = r"""
compdef() { :; }
_describe() { print -l -- ${found%%:*}; }
_files() { print files; }
source <(loa completion zsh)
words=("$@"); CURRENT=$#
_loa
"""


class Completing(unittest.TestCase):
    def setUp(self):
        self.stub = Stub()
        self.addCleanup(self.stub.close)
        self.stub.answers["GET /api/v1/campaigns"] = (200, {"items": [
            campaign(id="lua-dao-2026-11", state="sending"), campaign(id="lu-lut-2026-10", state="finished")]})
        self.environment = {"PATH": os.path.dirname(LOA) + ":" + os.environ["PATH"], "LOA_API": self.stub.api,
                            "HOME": self.stub.folder.name}

    def shell(self, *command, **environment):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                              cwd=self.stub.folder.name, env=dict(self.environment, **environment))
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def bash(self, *words, **environment):
        return self.shell("bash", "--norc", "-c", BASH, "bash", "loa", *words, **environment)

    def test_bash(self):
        self.assertEqual(self.bash("app"), ["approve"])
        self.assertEqual(set(self.bash("user", "")), {"add", "passwd", "token", "list", "remove"})
        self.assertEqual(self.bash("stop", "x", "--rea"), ["--reason"])
        self.assertEqual(self.bash("list", "--state", "=", "sc"), ["scheduled"])
        self.assertEqual(self.bash("show", "lua"), ["lua-dao-2026-11"])
        self.assertEqual(set(self.bash("approve", "")), {"lua-dao-2026-11", "lu-lut-2026-10"})
        self.assertEqual(self.bash("explain", "0912345678", "lu-"), ["lu-lut-2026-10"])
        self.assertEqual(self.bash("stop", "x", "--confirm", "lua"), ["lua-dao-2026-11"])

    def test_bash_files(self):
        for name in ("test one.yaml", "test.yaml", "other.yaml"):
            with open(os.path.join(self.stub.folder.name, name), "w", encoding="utf-8"):
                pass
        done = subprocess.run(["bash", "--norc", "-c", BASH, "bash", "loa", "submit", "te"], capture_output=True, text=True,
                              cwd=self.stub.folder.name, env=self.environment, check=False, timeout=60)
        self.assertEqual(set(done.stdout.splitlines()), {"test one.yaml", "test.yaml"})

    def test_without_a_daemon_it_is_silent(self):
        self.stub.stop()
        self.assertEqual(self.bash("show", ""), [])
        self.assertEqual(self.bash("show", "", LOA_API="ftp://x"), [])

    def test_a_daemon_that_hangs_is_not_waited_for(self):
        hold = threading.Event()
        self.addCleanup(hold.set)
        self.stub.answers["GET /api/v1/campaigns"] = lambda *_: hold.wait(60)
        self.assertEqual(self.bash("show", ""), [])

    @unittest.skipUnless(shutil.which("fish"), "fish is not here")
    def test_fish(self):
        script = "source (loa completion fish | psub); complete -C 'loa show lua'"
        self.assertEqual(self.shell("fish", "--no-config", "-c", script)[0], "lua-dao-2026-11")

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not here")
    def test_zsh(self):
        self.assertEqual(self.shell("zsh", "-f", "-c", ZSH, "zsh", "loa", "show", "lua"), ["lua-dao-2026-11"])
        self.assertEqual(self.shell("zsh", "-f", "-c", ZSH, "zsh", "loa", "submit", ""), ["files"])


if __name__ == "__main__":
    unittest.main()
