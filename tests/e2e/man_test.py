"""The manual: without faults, and nothing that the program knows is missing from it."""
import glob
import os
import re
import subprocess
import unittest

LOA = os.environ["LOA"]
PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = sorted(glob.glob(os.path.join(PROJECT, "src", "man", "*.[158]")))
# What reads loa.yaml and the users file.
READERS = ["src/cli/settings.cpp", "src/gateway/gateway.cpp", "src/api/settings.cpp", "src/api/users.cpp",
           "src/intake/redis_settings.cpp", "src/dispatch/subscribers.cpp", "src/campaign/lint.cpp", "src/config/secret.cpp"]


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def candidates(*words):
    done = subprocess.run([LOA, "__complete", *words], capture_output=True, text=True, check=True, timeout=60)
    return [line.split("\t")[0] for line in done.stdout.splitlines() if not line.startswith(":")]


def verbs():
    """("submit",), ("user", "add"), ..."""
    for verb in candidates(""):
        below = candidates(verb, "") if "--json" not in candidates(verb, "--") else []
        yield from ((verb, one) for one in below if verb in ("gateway", "journal", "user"))
        if verb not in ("gateway", "journal", "user"):
            yield (verb,)


class Manual(unittest.TestCase):
    def test_lint(self):
        self.assertGreaterEqual(len(PAGES), 3)
        for page in PAGES:
            done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True, check=False)
            self.assertEqual(done.stdout + done.stderr, "")

    def test_each_verb_and_option_stands_in_loa_1(self):
        page = text_of(os.path.join(PROJECT, "src", "man", "loa.1"))
        common = page[:page.index(".Sh BRINGING AND DECIDING")]
        users = page[page.index(".Ss Users"):page.index(".Sh ENVIRONMENT")]
        entries = re.split(r"^\.It Cm ", page, flags=re.M)[1:]
        for verb in verbs():
            with self.subTest(verb=verb):
                name = " ".join(verb)
                own = [one for one in entries if re.match(re.escape(name) + r"(\s|$)", one)]
                self.assertEqual(len(own), 1)
                where = own[0] + common + (users if verb[0] == "user" else "")
                for option in candidates(*verb, "--"):
                    self.assertRegex(where, rf"(Fl|\|) {re.escape(option[1:])}\b", option)

    def test_each_key_stands_in_loa_yaml_5(self):
        page = text_of(os.path.join(PROJECT, "src", "man", "loa.yaml.5"))
        known = set(re.findall(r"\bIc ([a-z_0-9]+)", page)) | set(re.findall(r"Brq ([a-z]+) :", page))
        sections = set(re.findall(r"^\.Ss ([a-z]+)$", page, flags=re.M))
        asked = set()
        for reader in READERS:
            asked |= set(re.findall(
                r'\b(?:text|text_or|integer_or|decimal_or|flag_or|duration_or|texts_or_empty|choice_or|optional|required)'
                r'\(\s*"([a-z_0-9]+)"', text_of(os.path.join(PROJECT, reader))))
        self.assertGreater(len(asked), 40)
        self.assertEqual(sorted(asked - known - sections), [])

    def test_each_key_that_is_shipped_stands_in_loa_yaml_5(self):
        for key in re.findall(r"^([a-z]+):", text_of(os.path.join(PROJECT, "config", "loa.yaml")), flags=re.M):
            self.assertRegex(text_of(os.path.join(PROJECT, "src", "man", "loa.yaml.5")), rf"(Ic|Ss) {key}\b")


if __name__ == "__main__":
    unittest.main()
