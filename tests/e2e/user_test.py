"""`loa user`: the users file by the real program."""
import json
import os
import pty
import re
import stat
import subprocess
import tempfile
import unittest

LOA = os.environ["LOA"]


class UsersFile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="loa-user-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.users = os.path.join(self.folder, "users.yaml")
        self.config = os.path.join(self.folder, "loa.yaml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("node: test\nusers: users.yaml\n")

    def run_loa(self, *arguments, status=0, stdin=""):
        done = subprocess.run([LOA, "user", *arguments, "--config", self.config], input=stdin, text=True,
                              capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def text(self):
        with open(self.users, encoding="utf-8") as file:
            return file.read()

    def listed(self):
        return {one["user"]: one for one in json.loads(self.run_loa("list", "--json").stdout)["users"]}

    def test_from_nothing_to_somebody_who_can_sign_in(self):
        done = self.run_loa("add", "lan", "--role", "author", "--role", "approver", "--name", "Nguyễn Thị Lan",
                            "--unix", "lan")
        self.assertIn("reload", done.stderr)
        self.assertEqual(stat.S_IMODE(os.stat(self.users).st_mode) & 0o037, 0)
        self.run_loa("passwd", "lan", stdin="một mật khẩu dài\n")
        self.assertRegex(self.text(), r'password: "\$argon2id\$v=19\$m=65536,t=2,p=1\$')
        self.run_loa("add", "minh", "--role", "operator")
        one = self.listed()
        self.assertEqual(list(one), ["lan", "minh"])
        self.assertEqual(one["lan"], {"user": "lan", "name": "Nguyễn Thị Lan", "roles": ["author", "approver"],
                                      "gateway": "", "unix": "lan", "password": True, "tokens": []})
        self.assertIs(one["minh"]["password"], False)
        people = self.run_loa("list")
        self.assertIn("Nguyễn Thị Lan", people.stdout)
        self.assertNotIn("argon2", people.stdout)
        self.run_loa("remove", "lan")
        self.assertEqual(list(self.listed()), ["minh"])

    def test_a_token_is_shown_once_and_kept_as_its_hash(self):
        self.run_loa("add", "vina-noc", "--role", "carrier", "--gateway", "vina")
        done = self.run_loa("token", "vina-noc", "--note", "NOC: \"dash\" # 1", "--expires", "2099-01-01")
        token = done.stdout.strip()
        self.assertRegex(token, r"^loa_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$")
        self.assertNotIn(token.split("_", 2)[2], self.text())
        kept = self.listed()["vina-noc"]["tokens"]
        self.assertEqual([(one["note"], one["expires"]) for one in kept], [("NOC: \"dash\" # 1", "2099-01-01")])
        self.run_loa("remove", "vina-noc", "--token", kept[0]["id"])
        self.assertEqual(self.listed()["vina-noc"]["tokens"], [])
        self.run_loa("token", "vina-noc", "--expires", "2020-01-01", status=64)

    def test_what_is_refused_changes_nothing(self):
        self.run_loa("add", "lan", "--role", "author")
        before = self.text()
        for arguments, status, words in (
                (("add", "lan", "--role", "author"), 65, "there already"),
                (("add", "minh", "--role", "boss"), 64, "operator"),
                (("add", "Minh", "--role", "author"), 64, "a-z"),
                (("add", "vina", "--role", "carrier"), 64, "--gateway"),
                (("add", "minh", "--role", "author", "--gateway", "vina"), 64, "carrier"),
                (("passwd", "lann"), 65, "did you mean 'lan'"),
                (("remove", "minh"), 65, "no user"),
                (("remove", "lan", "--token", "x"), 65, "no token")):
            with self.subTest(arguments=arguments):
                self.assertIn(words, self.run_loa(*arguments, status=status).stderr)
        self.assertIn("12 characters", self.run_loa("passwd", "lan", status=65, stdin="short\n").stderr)
        self.assertEqual(self.text(), before)
        self.assertEqual(os.listdir(self.folder).count("users.yaml.new"), 0)

    def test_a_file_that_others_can_read_is_refused(self):
        self.run_loa("add", "lan", "--role", "author")
        os.chmod(self.users, 0o644)
        done = self.run_loa("list", status=78)
        self.assertIn("chmod 640", done.stderr)

    def test_a_wrong_file_is_told_with_its_place_and_without_its_hashes(self):
        with open(self.users, "w", encoding="utf-8") as file:
            file.write("users:\n  lan: {roles: [autor], password: geheim-geheim}\n")
        os.chmod(self.users, 0o600)
        done = self.run_loa("add", "minh", "--role", "author", status=78)
        self.assertRegex(done.stderr, r"users.yaml:2:\d+: error: 'autor' is no role: .*did you mean 'author'")
        self.assertNotIn("geheim", done.stderr)

    def test_owner_and_mode_stay(self):
        self.run_loa("add", "lan", "--role", "author")
        os.chmod(self.users, 0o640)
        self.run_loa("add", "minh", "--role", "author")
        self.assertEqual(stat.S_IMODE(os.stat(self.users).st_mode), 0o640)

    def test_no_users_file_named(self):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("node: test\n")
        self.assertIn("users: users.yaml", self.run_loa("list", status=78).stderr)
        self.run_loa("add", "lan", "--role", "author", "--users", self.users)
        self.assertIn("lan", self.text())

    def test_the_terminal_shows_no_password(self):
        self.run_loa("add", "lan", "--role", "author")
        for typed, status in (("một mật khẩu dàii\x7f\r", 0), ("một mật\x03", 64)):
            process, terminal = pty.fork()
            if process == 0:
                os.execv(LOA, [LOA, "user", "passwd", "lan", "--config", self.config])
            shown = b""
            while b": " not in shown:
                shown += os.read(terminal, 4096)
            os.write(terminal, typed.encode())
            if status == 0:
                while b"again: " not in shown:
                    shown += os.read(terminal, 4096)
                os.write(terminal, "một mật khẩu dài\r".encode())
            try:
                while chunk := os.read(terminal, 4096):
                    shown += chunk
            except OSError:  # the terminal's other end is closed
                pass
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), status, shown)
            self.assertNotIn("mật", shown.decode())
            os.close(terminal)
        self.assertTrue(re.search("argon2id", self.text()))


if __name__ == "__main__":
    unittest.main()
