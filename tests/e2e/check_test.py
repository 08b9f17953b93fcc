"""The error paths of `loa check`, and the verbs that need no carrier."""
import json
import os
import re
import unittest

from world import PROJECT, World

CAMPAIGN = "config/campaigns/test.yaml"
SETTINGS = "config/loa.yaml"
PROFILE = "config/profiles/speedsms.yaml"
NETWORKS = "config/networks.yaml"
TEMPLATE = "templates/lua-dao-gia-danh.yaml"

# What is broken: file, old text, new text, words of the fault, exit status.
BROKEN = [
    (CAMPAIGN, "sender:", "sendr:", "sender", 65),
    (CAMPAIGN, "sender: CALANGSON", "sender: CALANGSON-TOO-LONG", "11", 65),
    (CAMPAIGN, "campaign: test", "campaign: Test Case", "campaign", 65),
    (CAMPAIGN, "class: public_info", "class: public", "public_info", 65),
    (CAMPAIGN, "max_parts: 2", "max_parts: 99", "max_parts", 65),
    (CAMPAIGN, "template: lua-dao-gia-danh", "template: lua-dao-gia-dan", "lua-dao-gia-danh", 65),
    (CAMPAIGN, "template: lua-dao-gia-danh", "text: 'CA Lang Son: xem bit.ly/x'", "shortens links", 65),
    (CAMPAIGN, "on_unknown: hold", "on_unknown: hold\nguard: {canary: [200]}", "below 100", 65),
    (CAMPAIGN, "on_unknown: hold", "on_unknown: hold\non_unknown: hold", "on_unknown", 65),
    (CAMPAIGN, "useful_until: 2", "useful_until: x2", "2026-11-24", 65),
    (CAMPAIGN, "title: Thử", "title: &a Thử", "anchor", 65),
    (CAMPAIGN, "title: Thử", "title: [a, b]", "title", 65),
    (CAMPAIGN, "on_unknown: hold", "on_unknown: \"hold", "quote", 65),
    (SETTINGS, "node:", "nod:", "node", 78),
    (SETTINGS, "profile: speedsms", "profile: speedsm", "speedsm", 78),
    (SETTINGS, "networks: [mobifone]", "networks: [mobifon]", "mobifone", 78),
    (SETTINGS, "networks: [mobifone]", "networks: [viettel]", "viettel", 78),
    (SETTINGS, "links: []", "links: ['https://a.vn']", "is no domain", 78),
    (SETTINGS, "batch: 100", "batch: 1000", "batch", 78),
    (SETTINGS, "password: {file: secrets/vina}", "password: geheim", "password", 78),
    (PROFILE, "{{text}}", "{{txt}}", "text", 78),
    (PROFILE, "class: ok", "class: okay", "ok", 78),
    (PROFILE, "code: /status", "code: status", "/status", 78),
    (PROFILE, "mode: array", "mode: arrays", "array", 78),
    (NETWORKS, 'country_code: "84"', 'country_code: "x"', "country", 78),
    (TEMPLATE, "unaccented: \"CA", "unaccented: \"{ho ten} CA", "{ho ten}", 65),
]


class Checking(unittest.TestCase):
    def setUp(self):
        self.world = World(None, rows=50)
        self.addCleanup(self.world.close)

    def path(self, name):
        return os.path.join(self.world.folder, name)

    def test_shipped_files_are_right(self):
        done = self.world.run("check", os.path.join(PROJECT, "config"), os.path.join(PROJECT, "templates"))
        self.assertIn("0 errors", done.stdout)

    def test_every_fault_is_told_with_its_place(self):
        for name, old, new, words, status in BROKEN:
            with self.subTest(file=name, new=new):
                path = self.path(name)
                with open(path, encoding="utf-8") as file:
                    whole = file.read()
                World.edit(path, old, new)
                done = self.world.run("check", self.path("config"), self.path("templates"), status=status)
                self.assertIn(words, done.stderr)
                place = re.search(r"^(\S+):(\d+):(\d+): error: .+\n *\2 \| (.*)\n *\| +\^", done.stderr, re.M)
                self.assertIsNotNone(place, done.stderr)
                told = json.loads(self.world.run("check", path, "--json", status=None).stdout)
                self.assertGreater(told["errors"], 0)
                World.write(path, whole)

    def test_did_you_mean(self):
        World.edit(self.path(CAMPAIGN), "schedule:", "shedule:")
        done = self.world.run("check", self.path(CAMPAIGN), status=65)
        self.assertRegex(done.stderr, "did you mean '?schedule'?")

    def test_bytes_that_are_no_yaml(self):
        for name, content in (("a", b"\xff\xfe"), ("b", b"a: \0"), ("c", b"[" * 100_000),
                              ("d", b"a: b\n" * 100_000), ("e", b""), ("f", b"%"), ("g", b"a: *x")):
            path = self.path(f"config/{name}.yaml")
            with open(path, "wb") as file:
                file.write(content)
            done = self.world.run("check", path, status=None)
            self.assertIn(done.returncode, (65, 78), name)
            self.assertIn("error:", done.stderr, name)
            os.remove(path)

    def test_a_zone_that_is_none(self):
        World.edit(self.world.config, "zone: Asia/Ho_Chi_Minh", "zone: Asia/Ho_Chi_Min")
        done = self.world.run("check", self.world.config, status=78)
        self.assertRegex(done.stderr, r"loa.yaml:\d+:7: error: .*there is no time zone 'Asia/Ho_Chi_Min'")

    def test_missing_file(self):
        done = self.world.run("check", self.path("none.yaml"), status=65)
        self.assertIn("no such file", done.stderr)

    def test_text_counts_the_twelve(self):
        with open(os.path.join(PROJECT, "tests", "data", "twelve_texts.tsv"), encoding="utf-8") as file:
            rows = [line.rstrip("\n").split("\t") for line in file][1:]
        for row in rows:
            told = json.loads(self.world.run("text", row[0], "--json").stdout)
            self.assertEqual(told["unaccented"]["text"], row[1])
            self.assertEqual([told["unaccented"]["characters"], told["unaccented"]["parts"],
                              told["ucs2"]["characters"], told["ucs2"]["parts"]],
                             [int(cell) for cell in row[2:6]])

    def test_text_names_what_cannot_be_sent(self):
        done = self.world.run("text", "giá ½", status=65)
        self.assertIn("character 5 of the text, U+00BD", done.stderr)

    def test_audience_adds_up(self):
        told = json.loads(self.world.run("audience", self.world.audience, "--json").stdout)
        self.assertEqual(told["rows"], told["usable"] + sum(told["excluded"].values()))
        self.assertEqual(told["usable"], sum(told["networks"].values()))
        missing = self.world.run("audience", self.world.audience, "--phone-column", "phone", status=65)
        self.assertIn("so_dien_thoai", missing.stderr)

    def test_plan_says_when_it_cannot_end_in_time(self):
        World.edit(self.path(SETTINGS), "messages_per_second: 1000", "messages_per_second: 0.0001")
        done = self.world.run("plan", self.world.campaign)
        self.assertIn("CANNOT END", done.stdout)
        told = json.loads(self.world.run("plan", self.world.campaign, "--json").stdout)
        self.assertFalse(told["ends_in_time"])

    def test_help_and_usage(self):
        for verb in ("check", "text", "audience", "plan", "send", "status", "report", "journal"):
            done = self.world.run(verb, "--help") if verb != "journal" else self.world.run("journal", "cat", "--help")
            self.assertIn("--config", done.stdout)
        done = self.world.run("chek", "x", status=64)
        self.assertIn("loa check", done.stderr)


if __name__ == "__main__":
    unittest.main()
