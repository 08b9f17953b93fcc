"""The API of a real daemon, from the upload to the balance, over a kill; each answer as openapi.yaml says."""
import os
import signal
import subprocess
import sys
import unittest

from daemon import Daemon, UnixConnection
from world import PROJECT, Sim, World, check_balance, wait_until

CAMPAIGN = """campaign: test
title: Thử
class: public_info
priority: emergency
sender: CALANGSON
audience: {upload: people, phone_column: so_dien_thoai}
message: {template: lua-dao-gia-danh, encoding: auto, max_parts: 2}
on_unknown: hold
"""
ONE = "/api/v1/campaigns/test"


class Api(unittest.TestCase):
    def setUp(self):
        self.sim = Sim()
        self.addCleanup(self.sim.close)
        self.world = World(self.sim)
        self.addCleanup(self.world.close)
        with open(self.world.campaign, encoding="utf-8") as file:
            self.schedule = next(line for line in file if line.startswith("schedule:"))
        self.daemon = Daemon(self.world)
        self.addCleanup(self.daemon.close)
        self.daemon.samples = os.path.join(self.daemon.folder, "samples")

    def campaign(self):
        return self.daemon.ask("GET", ONE, "lan").json()

    def upload(self):
        with open(self.world.audience, encoding="utf-8") as file:
            return self.daemon.ask("PUT", "/api/v1/audiences/people", "lan", file.read(), "text/csv")

    def submit(self, **headers):
        return self.daemon.ask("POST", "/api/v1/campaigns", "lan", CAMPAIGN + self.schedule, "application/yaml",
                               **headers)

    def check_contract(self):
        """As api_contract does; where its packages are."""
        work = os.environ.get("LOA_CONTRACT", "")
        if not os.path.exists(os.path.join(work, "node_modules")):
            return
        openapi = os.path.join(PROJECT, "src", "api", "openapi.yaml")
        done = subprocess.run(["node", "contract.mjs", openapi, self.daemon.samples], cwd=work, capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_from_upload_to_balance_over_a_kill(self):
        self.assertEqual(self.submit().status, 422, "nothing was uploaded")
        self.assertEqual(self.upload().status, 200)
        checked = self.daemon.ask("POST", "/api/v1/campaigns/check", "lan", CAMPAIGN + self.schedule, "application/yaml")
        self.assertEqual(checked.status, 200, checked.body)
        made = self.submit(Idempotency_Key="k1")
        self.assertEqual(made.status, 201, made.body)
        plan = made.json()["campaign"]["plan"]
        self.assertEqual(checked.json()["campaign"]["planned"], made.json()["campaign"]["planned"])
        own = self.daemon.ask("POST", ONE + "/approve", "lan", {"plan": plan})
        self.assertEqual(own.status, 403, own.body)
        samples = self.daemon.ask("GET", ONE + "/plan", "minh").json()["samples"]
        self.assertTrue(samples and all("•" in sample["number"] for sample in samples), samples)
        other = self.daemon.ask("POST", ONE + "/approve", "minh", {"plan": "0" * 64})
        self.assertEqual(other.status, 409, other.body)
        approved = self.daemon.ask("POST", ONE + "/approve", "minh", {"plan": plan})
        self.assertEqual(approved.status, 200, approved.body)
        wait_until("some have gone", lambda: self.campaign()["accepted"] > 0)

        self.daemon.stop(signal.SIGKILL)
        self.daemon.start()
        again = self.submit(Idempotency_Key="k1")
        self.assertEqual((again.status, again.headers["Idempotent-Replay"]), (201, "true"), again.body)
        reused = self.daemon.ask("POST", "/api/v1/campaigns", "lan", CAMPAIGN, "application/yaml", Idempotency_Key="k1")
        self.assertEqual(reused.json()["code"], "idempotency-key-reused")
        wait_until("all have gone", lambda: self.campaign()["state"] == "finished")
        campaign = self.campaign()
        check_balance(dict(campaign, refused=campaign["refused_by_code"]))
        for path in ("/forecast", "/history", "/plan"):
            self.assertEqual(self.daemon.ask("GET", ONE + path, "lan").status, 200)
        acts = [act["act"] for act in self.daemon.ask("GET", "/api/v1/acts", "lan").json()["items"]]
        self.assertIn("approve", acts)
        for path in ("/api/v1/me", "/api/v1/gateways", "/api/v1/campaigns?state=finished"):
            self.assertEqual(self.daemon.ask("GET", path, "lan").status, 200)
        ready = self.daemon.ask("GET", "/readyz?verbose")
        self.assertEqual(ready.status, 200, ready.body)
        self.check_contract()

        metrics = self.daemon.ask("GET", "/metrics").body
        done = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(self.world.audience, encoding="utf-8") as file:
            numbers = [line.strip()[-9:] for line in file.read().splitlines()[1:200]]
        with open(self.daemon.samples, encoding="utf-8") as file:
            said = file.read() + metrics + self.daemon.words()
        self.assertFalse([number for number in numbers if number.isdigit() and number in said])

    def test_events_tell_of_a_campaign_and_end_with_the_daemon(self):
        self.upload()
        made = self.submit()
        self.assertEqual(made.status, 201, made.body)
        connection = UnixConnection(self.daemon.socket)
        connection.request("GET", "/api/v1/events?topics=campaigns,record", headers={
            "Authorization": "Bearer " + self.daemon.tokens["lan"], "Last-Event-ID": "0"})
        stream = connection.getresponse()
        self.assertEqual(stream.headers["Content-Type"], "text/event-stream")
        self.daemon.ask("POST", ONE + "/approve", "minh", {"plan": made.json()["campaign"]["plan"]})
        ids, states = [], []
        while "finished" not in states:
            line = stream.readline().decode()
            self.assertTrue(line, "the stream ended before the campaign")
            if line.startswith("id: "):
                ids.append(int(line[4:]))
            if line.startswith("data: {\"id\":\"test\""):
                states.append(line.split('"state":"')[1].split('"')[0])
        self.assertEqual(ids, sorted(ids))
        self.assertIn("sending", states)
        self.assertEqual(self.daemon.stop(), 0, self.daemon.words())
        stream.read()
        connection.close()


if __name__ == "__main__":
    sys.exit(unittest.main())
