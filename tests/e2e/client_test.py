"""The verbs that ask the daemon, against one that answers as each test says."""
import hashlib
import json
import os
import pty
import signal
import subprocess
import threading
import unittest
import urllib.parse

from daemon_stub import Stub, campaign, events, problem
from world import PATIENCE_S, wait_until

LOA = os.environ["LOA"]
ONE = "/api/v1/campaigns/test"
ALL = "/api/v1/campaigns"


class Client(unittest.TestCase):
    def setUp(self):
        self.stub = Stub()
        self.addCleanup(self.stub.close)
        self.folder = self.stub.folder.name
        self.environment = {"PATH": os.environ["PATH"], "LOA_API": self.stub.api, "TZ": "Asia/Ho_Chi_Minh",
                            "HOME": self.folder}

    def run_loa(self, *arguments, status=0, stdin="", **environment):
        done = subprocess.run([LOA, *arguments], input=stdin, text=True, capture_output=True, timeout=PATIENCE_S,
                              cwd=self.folder, check=False, env=dict(self.environment, **environment))
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def taken(self, **changes):
        self.stub.answers["POST " + ALL] = (201, {"created": True, "campaign": campaign(**changes), "warnings": []})

    def take_uploads(self, *names):
        for name in names:
            self.stub.answers["PUT /api/v1/audiences/" + name] = lambda _, request: (
                200, {"name": name, "bytes": len(request["body"]),
                      "sha256": hashlib.sha256(request["body"]).hexdigest()})


def upload_name(content):
    return "sha256-" + hashlib.sha256(content.encode()).hexdigest()[:40]


class Submitting(Client):
    def test_the_audience_travels_with_the_file(self):
        people = ["so_dien_thoai\n0912345678\n", "so_dien_thoai\n0912345679\n"]
        self.file("people.csv", people[0])
        self.file("more.csv", people[1])
        names = [upload_name(one) for one in people]
        self.take_uploads(*names)
        self.taken()
        path = self.file("test.yaml", "campaign: test\naudience: {files: [people.csv, more.csv]}\n")
        done = self.run_loa("submit", path)
        self.assertIn("test is taken", done.stderr)
        self.assertIn("loa approve test", done.stderr)
        self.assertIn("260,100 = excluded 100 (duplicate 100) + planned 260,000", done.stdout)
        sent = self.stub.made("POST", ALL)[0]
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(sent["path"]).query)
        self.assertEqual(query, {"name": [path], "upload": names})
        with open(path, "rb") as file:
            self.assertEqual(sent["body"], file.read())
        self.assertRegex(sent["headers"]["Idempotency-Key"], "^[0-9a-f]{32}$")
        self.assertEqual(sent["headers"]["Content-Type"], "application/yaml")
        for name, content in zip(names, people):
            self.assertEqual(self.stub.made("PUT", "/api/v1/audiences/" + name)[0]["body"].decode(), content)

    def test_json_with_its_audience(self):
        self.file("people.csv", "so_dien_thoai\n0912345678\n")
        name = upload_name("so_dien_thoai\n0912345678\n")
        self.take_uploads(name)
        self.taken()
        self.run_loa("submit", self.file("test.json", '{"campaign": "test", "audience": {"files": "people.csv"}}'))
        sent = self.stub.made("POST", ALL)[0]
        self.assertIn("&upload=" + name, sent["path"])
        self.assertEqual(sent["headers"]["Content-Type"], "application/json")

    def test_an_audience_that_the_daemon_took_otherwise_is_not_submitted(self):
        self.file("people.csv", "so_dien_thoai\n0912345678\n")
        name = upload_name("so_dien_thoai\n0912345678\n")
        self.stub.answers["PUT /api/v1/audiences/" + name] = (200, {"name": name, "bytes": 1, "sha256": "0" * 64})
        path = self.file("test.yaml", "campaign: test\naudience: {files: people.csv}\n")
        self.assertIn("submit it again", self.run_loa("submit", path, status=75).stderr)
        self.assertEqual(self.stub.made("POST", ALL), [])

    def test_without_files_nothing_is_uploaded(self):
        self.taken()
        text = "campaign: test\naudience: {numbers: [\"0912345678\"]}\n"
        self.run_loa("submit", self.file("test.yaml", text))
        self.assertEqual([(one["method"], one["body"].decode()) for one in self.stub.requests], [("POST", text)])

    def test_faults_are_shown_in_the_file(self):
        fault = {"pointer": "/title", "line": 2, "column": 8, "width": 3, "code": "error", "detail": "is too long"}
        self.stub.answers["POST " + ALL] = problem(422, "invalid", "the campaign is wrong", [fault])
        path = self.file("test.yaml", "campaign: test\ntitle: Thử nghiệm\n")
        done = self.run_loa("submit", path, status=65)
        self.assertIn(f"{path}:2:8: error: is too long\n    2 | title: Thử nghiệm\n      |        ^^^\n", done.stderr)
        self.assertIn("loa: the campaign is wrong", done.stderr)
        told = self.run_loa("submit", path, "--json", status=65)
        self.assertEqual(json.loads(told.stdout)["errors"], [fault])

    def test_what_is_wrong_here_is_not_sent(self):
        for text, words in (("campaign: [", "error"), ("audience: {files: []}\n", "must name 1 to 255"),
                            ("audience: {files: [none.csv]}\n", "none.csv: cannot be opened")):
            done = self.run_loa("submit", self.file("test.yaml", text), status=66 if "none" in text else 65)
            self.assertIn(words, done.stderr)
        self.run_loa("submit", "nothing.yaml", status=66)
        self.assertEqual(self.stub.requests, [])

    def test_a_dry_run_keeps_nothing(self):
        sample = {"what": "first", "number": "+8491•••5678", "gateway": "vina", "text": "Cảnh báo", "encoding": "ucs2",
                  "parts": 1}
        self.stub.answers["POST /api/v1/campaigns/check"] = (200, {"campaign": campaign(), "samples": [sample],
                                                                   "warnings": []})
        done = self.run_loa("submit", "--dry-run", self.file("test.yaml", "campaign: test\n"))
        self.assertIn("first to +8491•••5678 by vina (ucs2, 1 part):\n    Cảnh báo", done.stdout)

    def test_a_broken_connection_is_no_second_campaign(self):
        good = (201, {"created": True, "campaign": campaign(), "warnings": []})
        self.stub.answers["POST " + ALL] = [None, good]
        self.run_loa("submit", self.file("test.yaml", "campaign: test\n"))
        keys = [one["headers"]["Idempotency-Key"] for one in self.stub.made("POST", ALL)]
        self.assertEqual(len(keys), 2)
        self.assertEqual(keys[0], keys[1])


class Looking(Client):
    def test_json_is_the_daemons_answer(self):
        self.stub.answers["GET " + ALL] = (200, {"items": [campaign()], "next": None})
        self.assertEqual(json.loads(self.run_loa("list", "--json").stdout)["items"], [campaign()])
        table = self.run_loa("list", "--state", "waiting").stdout.splitlines()
        self.assertRegex(table[1], r"^  test +waiting +260,000 ")
        self.assertEqual(self.stub.requests[-1]["path"], ALL + "?limit=50&state=waiting")

    def test_a_campaign_for_people(self):
        self.stub.answers["GET " + ONE] = (200, campaign(title="Thử \x1b[31m\u202e"))
        shown = self.run_loa("show", "test").stdout
        self.assertIn("state        waiting: for its approval", shown)
        self.assertIn("2026-11-24 08:00 +07 to its end", shown)
        self.assertIn("520,000 parts, 182,000,000 dong", shown)
        self.assertNotIn("\x1b", shown)
        self.assertNotIn("\u202e", shown)
        self.assertIn("refused 0 + in doubt 0 + unsent 260,000", shown)
        self.stub.answers["GET " + ONE] = (200, campaign(state="sending", under_way=200, unsent=259_800))
        self.assertIn("in doubt 0 + under way 200 + unsent 259,800", self.run_loa("show", "test").stdout)

    def test_a_hash_is_shown_whole(self):
        looks_like_a_number = "184adce78ffc3cf038f0fd1729db01000912345678a54222caad603eb5f58e31"
        self.stub.answers["GET " + ONE] = (200, campaign(plan=looks_like_a_number))
        self.assertIn(looks_like_a_number, self.run_loa("show", "test").stdout)

    def test_a_configuration_that_was_named_is_there(self):
        done = self.run_loa("list", "--config", "nofile.yaml", status=66)
        self.assertIn("nofile.yaml: it is not there", done.stderr)

    def test_an_explained_number_stands_in_no_path(self):
        self.stub.answers["POST /api/v1/explain"] = (200, {"items": [
            {"campaign": "test", "state": "accepted", "lines": ["08:00 accepted by vina"]}]})
        for arguments, stdin in ((("0912 345 678",), ""), (("-",), "0912 345 678\n"), (("0912 345 678", "test"), "")):
            done = self.run_loa("explain", *arguments, stdin=stdin)
            self.assertEqual(done.stdout, "test: accepted\n  08:00 accepted by vina\n")
            self.assertEqual(self.stub.requests[-1]["path"], "/api/v1/explain")
            self.assertEqual(json.loads(self.stub.requests[-1]["body"])["number"], "0912 345 678")

    def test_history_and_gateways(self):
        act = {"lsn": 1, "at": "2026-11-24T01:00:00Z", "campaign": "test", "gateway": "", "act": "approve", "who": "hoa",
               "from": "unix:1000", "why": "", "plan": "", "denied": True}
        self.stub.answers[f"GET {ONE}/history"] = (200, {"campaign": "test", "acts": [act]})
        self.assertRegex(self.run_loa("history", "test").stdout, r"2026-11-24 08:00 \+07 +hoa +approve \(not let\)")
        gateway = {"name": "vina", "profile": "x", "networks": [], "state": "paused", "reason": "hoa: maintenance",
                   "limit": 500, "rate": 0, "share": 1, "in_flight": 0, "waiting": 3, "today": 4, "per_day": 0}
        self.stub.answers["POST /api/v1/gateways/vina/pause"] = (200, gateway)
        done = self.run_loa("gateway", "pause", "vina", "--reason", "maintenance")
        self.assertIn("hoa: maintenance", done.stdout)


class Refused(Client):
    def test_exit_codes_say_what_to_do(self):
        for answer, status, words in ((problem(401, "unauthenticated", "who is it"), 77, "LOA_TOKEN"),
                                      (problem(403, "forbidden", "lan may not"), 77, "lan may not"),
                                      (problem(404, "not-found", "no campaign"), 65, "no campaign"),
                                      (problem(409, "conflict", "it is over"), 65, "it is over"),
                                      ((*problem(429, "slowed", "too many"), {"Retry-After": "7"}), 75, "in 7 s"),
                                      (problem(503, "not-now", "the disk is full"), 75, "the disk is full"),
                                      (problem(500, "internal", "a fault"), 70, "a fault"),
                                      ((200, b"<html>"), 69, "not Loa's API"),
                                      ((200, b"[" * 5000), 69, "not Loa's API"),
                                      ((502, b""), 69, "HTTP 502"),
                                      (None, 69, "cannot be asked")):
            with self.subTest(answer=answer):
                self.stub.answers["GET " + ONE] = answer
                self.assertIn(words, self.run_loa("show", "test", status=status).stderr)

    def test_no_daemon(self):
        self.stub.stop()
        done = self.run_loa("list", status=69)
        self.assertIn("no daemon answers at unix:", done.stderr)
        self.assertIn("loa serve", done.stderr)

    def test_the_configuration_names_the_daemon(self):
        self.stub.answers["GET " + ALL] = (200, {"items": [], "next": None})
        config = self.file("loa.yaml", f"node: x\napi: {{listen: [\"{self.stub.api}\", \"127.0.0.1:1\"]}}\n")
        self.run_loa("list", "--config", config, LOA_API="")

    def test_tokens_come_from_files_that_nobody_else_reads(self):
        self.stub.answers["GET " + ALL] = (200, {"items": [], "next": None})
        path = self.file("token", "loa_k1_secretsecret\n")
        self.run_loa("list", "--token-file", path)
        self.assertEqual(self.stub.requests[-1]["headers"]["Authorization"], "Bearer loa_k1_secretsecret")
        self.run_loa("list", LOA_TOKEN="loa_k2_other")
        self.assertEqual(self.stub.requests[-1]["headers"]["Authorization"], "Bearer loa_k2_other")
        os.chmod(path, 0o644)
        done = self.run_loa("list", "--token-file", path, status=77)
        self.assertIn("chmod 640", done.stderr)
        self.assertNotIn("secret", done.stderr)
        self.assertNotIn("geheim", self.run_loa("list", LOA_TOKEN="geheim", status=78).stderr)

    def test_a_password_from_a_file(self):
        self.stub.answers["GET " + ALL] = (200, {"items": [], "next": None})
        self.run_loa("list", "--user", "lan", "--password-file", self.file("password", "một mật khẩu\n"))
        self.assertEqual(self.stub.requests[-1]["headers"]["Authorization"], "Basic bGFuOm3hu5l0IG3huq10IGto4bqpdQ==")
        self.run_loa("list", "--user", "lan", status=64)

    def test_secrets_do_not_go_over_plain_http_elsewhere(self):
        done = self.run_loa("list", "--api", "http://192.0.2.1", status=78, LOA_TOKEN="loa_k1_secret")
        self.assertIn("https://", done.stderr)


class Grave(Client):
    def setUp(self):
        super().setUp()
        self.stub.answers[f"GET {ONE}/plan"] = (200, {"campaign": campaign(), "samples": [], "warnings": []})
        self.stub.answers["GET " + ONE] = (200, campaign(state="sending", accepted=147_000, unsent=113_000))
        self.stub.answers["GET /api/v1/me"] = (200, {"user": "hoa", "permissions": ["approve", "stop"]})
        for act in ("approve", "stop", "pause", "return", "schedule"):
            self.stub.answers[f"POST {ONE}/{act}"] = (200, campaign(state="scheduled"))

    def body(self, act):
        return json.loads(self.stub.made("POST", f"{ONE}/{act}")[-1]["body"])

    def test_approval_is_of_the_plan_that_was_shown(self):
        done = self.run_loa("approve", "test", status=64)
        self.assertIn("260,000 people will get this message", done.stderr)
        self.assertIn("--confirm=test", done.stderr)
        self.run_loa("approve", "test", "--confirm", "tset", status=64)
        self.run_loa("approve", "test", "--plan", "a" * 64, status=64)
        self.assertIn("another one by now",
                      self.run_loa("approve", "test", "--plan", "c" * 64, "--confirm=test", status=65).stderr)
        self.assertEqual(self.stub.made("POST", f"{ONE}/approve"), [])
        self.run_loa("approve", "test", "--confirm=test")
        self.assertEqual(self.body("approve"), {"plan": "a" * 64, "confirm": "test"})

    def test_who_may_not_is_not_asked_but_refused(self):
        self.stub.answers["GET /api/v1/me"] = (200, {"user": "lan", "permissions": ["submit"]})
        self.stub.answers[f"POST {ONE}/approve"] = problem(403, "forbidden", "lan may not approve")
        self.assertIn("lan may not approve", self.run_loa("approve", "test", status=77).stderr)
        self.assertEqual(self.body("approve"), {})

    def test_a_small_one_that_was_looked_at_needs_no_word(self):
        self.stub.answers[f"GET {ONE}/plan"] = (200, {"campaign": campaign(planned=900), "samples": [], "warnings": []})
        self.run_loa("approve", "test", status=64)
        done = self.run_loa("approve", "test", "--plan", "a" * 64, "--json")
        self.assertEqual(json.loads(done.stdout)["state"], "scheduled")

    def test_stop_says_what_cannot_be_called_back(self):
        done = self.run_loa("stop", "test", "--reason", "out of date", status=64)
        self.assertIn("147,000 messages have gone and cannot be called back; 113,000 will not be sent", done.stderr)
        self.run_loa("stop", "test", "--reason", "out of date", "--confirm=test")
        self.assertEqual(self.body("stop"), {"reason": "out of date", "confirm": "test"})

    def typed(self, text, *arguments):
        process, terminal = pty.fork()
        if process == 0:
            os.execve(LOA, [LOA, *arguments], self.environment)
        shown = b""
        while b"Type " not in shown:
            shown += os.read(terminal, 4096)
        os.write(terminal, text.encode())
        try:
            while chunk := os.read(terminal, 4096):
                shown += chunk
        except OSError:  # the other end is closed
            pass
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), shown.decode()

    def test_the_id_is_typed(self):
        self.assertEqual(self.typed("yes\n", "stop", "test", "--reason", "x")[0], 64)
        self.assertEqual(self.stub.made("POST", f"{ONE}/stop"), [])
        status, shown = self.typed("test\n", "stop", "test", "--reason", "x")
        self.assertEqual(status, 0, shown)
        self.assertIn("Type the campaign's id to stop it", shown)
        self.assertEqual(len(self.stub.made("POST", f"{ONE}/stop")), 1)

    def test_reasons_are_asked_for(self):
        for verb in ("return", "reject", "pause", "stop"):
            self.assertIn("--reason", self.run_loa(verb, "test", status=64).stderr)
        self.run_loa("pause", "test", "--reason", "complaints")
        self.assertEqual(self.body("pause"), {"reason": "complaints"})
        self.run_loa("schedule", "test", "--not-before", "2026-11-25T08:00:00+07:00")
        self.assertEqual(self.body("schedule"), {"not_before": "2026-11-25T08:00:00+07:00"})


class Watching(Client):
    EVENTS = "GET /api/v1/events"

    def start(self, *arguments):
        process = subprocess.Popen([LOA, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=self.environment, cwd=self.folder)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_to_the_end(self):
        over = campaign(state="finished", accepted=260_000, unsent=0)
        self.stub.answers["GET " + ONE] = [(200, campaign(state="sending")), (200, over)]
        self.stub.answers[self.EVENTS] = lambda handler, _: events(
            handler, ("campaign", 5, campaign(id="other", state="finished")),
            ("campaign", 6, campaign(state="paused", accepted=100_000, unsent=160_000)), ("campaign", 7, over))
        done = self.run_loa("show", "test", "--watch")
        self.assertIn("paused: 100,000 of 260,000", done.stderr)
        self.assertIn("planned 260,000 = accepted 260,000", done.stdout)
        self.assertEqual(self.stub.made("GET", "/api/v1/events")[0]["path"], "/api/v1/events?topics=campaign/test")

    def test_what_is_left_open_is_no_success(self):
        self.stub.answers["GET " + ONE] = (200, campaign(state="expired", accepted=1, unsent=259_999))
        done = self.run_loa("show", "test", "--watch", "--json", status=1)
        self.assertEqual(json.loads(done.stdout)["state"], "expired")

    def test_leaving_is_not_stopping(self):
        hold = threading.Event()
        self.addCleanup(hold.set)
        self.stub.answers["GET " + ONE] = (200, campaign(state="sending"))
        self.stub.answers[self.EVENTS] = lambda handler, _: events(handler, lambda: hold.wait(PATIENCE_S))
        process = self.start("show", "test", "--watch")
        wait_until("it follows", lambda: self.stub.made("GET", "/api/v1/events"))
        process.send_signal(signal.SIGINT)
        _, shown = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 75)
        self.assertIn("The campaign goes on", shown)
        self.assertIn("loa stop test", shown)
        self.assertEqual([one["method"] for one in self.stub.requests if one["method"] != "GET"], [])

    def test_without_events_it_asks_from_time_to_time(self):
        self.stub.answers["GET " + ONE] = [(200, campaign(state="sending")), (200, campaign(state="sending")),
                                           (200, campaign(state="finished", accepted=260_000, unsent=0))]
        self.run_loa("show", "test", "--watch")
        self.assertEqual(len(self.stub.made("GET", "/api/v1/events")), 1)

    def test_a_daemon_that_is_started_anew_is_joined_again(self):
        self.stub.answers["GET " + ONE] = (200, campaign(state="sending"))
        self.stub.answers[self.EVENTS] = lambda handler, _: events(handler, ("campaign", 41, campaign(state="sending")))
        process = self.start("show", "test", "--watch")
        wait_until("it follows", lambda: self.stub.made("GET", "/api/v1/events"))
        self.stub.stop()
        told = ""
        while "does not answer" not in told:
            told += process.stderr.readline()
        over = campaign(state="finished", accepted=260_000, unsent=0)
        self.stub.answers[self.EVENTS] = lambda handler, _: events(handler, ("campaign", 42, over))
        self.stub.answers["GET " + ONE] = [(200, campaign(state="sending")), (200, over)]
        self.stub.start()
        shown, _ = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0, shown)
        self.assertEqual(self.stub.made("GET", "/api/v1/events")[-1]["headers"]["Last-Event-ID"], "41")

    def test_after_an_act(self):
        over = campaign(state="finished", accepted=900, planned=900, audience=1000, unsent=0)
        self.stub.answers["POST " + ALL] = (201, {"created": True, "campaign": campaign(), "warnings": []})
        self.stub.answers["GET " + ONE] = (200, over)
        done = self.run_loa("submit", self.file("test.yaml", "campaign: test\n"), "--watch", "--json")
        self.assertEqual(json.loads(done.stdout)["state"], "finished")


if __name__ == "__main__":
    unittest.main()
