"""A configuration, three simulated carriers and `loa`, for tests with real processes."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOA = os.environ["LOA"]
SIM = os.environ["LOA_SIM"]
PATIENCE_S = 120

SHAPES = {"viettel": "speedsms", "vina": "vnpt-smsbn", "mobi": "kannel-sendsms"}
RATES = {"viettel": 1000, "vina": 800, "mobi": 600}
BATCHES = {"viettel": 100, "vina": 200, "mobi": 50}


def wait_until(what, condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {PATIENCE_S} s")
        time.sleep(0.01)


class Sim:
    """loa-sim with the three gateways."""

    def __init__(self, faults="", rates=None):
        command = [SIM]
        for seed, (name, shape) in enumerate(SHAPES.items(), 1):
            gateway = f"name={name} shape={shape} batch={BATCHES[name]} latency=2 jitter=2 seed={seed}"
            if rates != "none":
                gateway += f" rate={(rates or RATES)[name]}"
            if faults:
                gateway += f" faults={faults}"
            command += ["--gateway", gateway]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.truth = None
        ready = json.loads(self.process.stdout.readline())
        self.ports = {one["name"]: one["port"] for one in ready["gateways"]}

    def close(self):
        """Ends the simulator, if it has not ended yet; the ground truth."""
        if self.truth is None:
            self.process.terminate()
            self.truth = json.loads(self.process.stdout.read().splitlines()[-1])
            self.process.wait()
            self.process.stdout.close()
        return self.truth

    def counts(self):
        """How often each number was accepted, over all gateways: any port tells."""
        port = next(iter(self.ports.values()))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_sim/counts") as answer:
            rows = [line.split() for line in answer.read().decode().splitlines()]
        return {number: int(count) for number, count in rows}

    def accepted(self):
        """Messages accepted so far."""
        return sum(self.counts().values())


class World:
    """A folder as an operator has it: loa.yaml, profiles, templates, one campaign, one audience."""

    def __init__(self, sim, rows=3000, on_unknown="hold", limits=True, schedule=None, seed=1):
        self.folder = tempfile.mkdtemp(prefix="loa-e2e-")
        config = os.path.join(self.folder, "config")
        self.config = os.path.join(config, "loa.yaml")
        self.data = os.path.join(self.folder, "data")
        self.campaign = os.path.join(config, "campaigns", "test.yaml")
        for name in ("profiles", "networks.yaml"):
            source = os.path.join(PROJECT, "config", name)
            target = os.path.join(config, name)
            if os.path.isdir(source):
                shutil.copytree(source, target)
            else:
                shutil.copy(source, target)
        shutil.copytree(os.path.join(PROJECT, "templates"), os.path.join(self.folder, "templates"))
        self.audience = os.path.join(config, "audience", "people.csv")
        os.makedirs(os.path.dirname(self.audience))
        optout = os.path.join(config, "optout.csv")
        with open(self.audience, "wb") as file:
            subprocess.run([SIM, "audience", "--rows", str(rows), "--seed", str(seed),
                            "--optout", optout], stdout=file, check=True)
        with open(os.path.join(PROJECT, "config", "loa.yaml"), encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"^data: .*", "data: ../data", text, flags=re.M)
        # What the daemon needs, its tests write themselves.
        text = re.sub(r"^(api|users|intake):.*\n", "", text, flags=re.M)
        text = re.sub(r"^approval: .*", "approval: {required: false}", text, flags=re.M)
        for name, port in (sim.ports if sim else {}).items():
            old = {"viettel": 9101, "vina": 9102, "mobi": 9103}[name]
            text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{port}")
        rates = {"viettel": 400, "vina": 500, "mobi": 300}
        for name, old in rates.items():
            new = f"messages_per_second: {RATES[name]}" if limits else "messages_per_second: 0"
            text = text.replace(f"messages_per_second: {old}", new, 1)
        text = re.sub(r"    deadlines: .*\n", "", text)
        text = re.sub(r"^(    limits: .*)$", r"\1\n    deadlines: {connect_seconds: 2, answer_seconds: 2}",
                      text, flags=re.M)
        self.write(self.config, text)
        self.write(os.path.join(config, "secrets", "vina"), "secret-of-vina\n")
        now = time.time()
        stamp = lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        schedule = schedule or f"{{not_before: {stamp(now - 3600)}, useful_until: {stamp(now + 86400)}}}"
        self.write(self.campaign, f"""campaign: test
title: Thử
class: public_info
sender: CALANGSON
audience: {{files: [../audience/people.csv], phone_column: so_dien_thoai}}
message: {{template: lua-dao-gia-danh, encoding: auto, max_parts: 2}}
schedule: {schedule}
on_unknown: {on_unknown}
""")
        self.environment = dict(os.environ, LOA_VIETTEL_TOKEN="token-of-viettel", LOA_VINA_USER="user",
                                LOA_MOBI_USER="user", LOA_MOBI_PASSWORD="secret-of-mobi")

    @staticmethod
    def write(path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    @staticmethod
    def edit(path, old, new):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert old in text, f"{old!r} is not in {path}"
        World.write(path, text.replace(old, new))

    def command(self, *arguments):
        return [LOA, *arguments, "--config", self.config]

    def run(self, *arguments, status=0, environment=None):
        """Runs `loa`; the exit status must be as said (None: any)."""
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True,
                              env=environment or self.environment, timeout=PATIENCE_S, check=False)
        if status is not None and done.returncode != status:
            raise AssertionError(f"loa {' '.join(arguments)}: {done.returncode}, not {status}\n"
                                 f"{done.stdout}{done.stderr}")
        return done

    def start(self, *arguments):
        return subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=self.environment)

    def send(self, status=0):
        done = self.run("send", self.campaign, "--yes", "--json", status=status)
        balance = json.loads(done.stdout)
        check_balance(balance)
        return balance

    def journal_lines(self):
        """What has been recorded; nothing before the journal is there."""
        done = self.run("journal", "cat", status=None)
        return done.stdout.splitlines() if done.returncode == 0 else []

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def check_balance(balance):
    """Nobody is missing and nobody is counted twice."""
    assert balance["audience"] == sum(balance["excluded"].values()) + balance["planned"], balance
    assert balance["planned"] == (balance["accepted"] + sum(balance["refused"].values())
                                  + balance["in_doubt"] + balance["unsent"]), balance
