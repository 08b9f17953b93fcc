"""`loa serve` with users and an API, for tests that talk to it."""
import hashlib
import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import tempfile

from world import PATIENCE_S, wait_until

ROLES = {"lan": "[author, auditor]", "minh": "[approver]", "hoa": "[operator]"}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Daemon:
    """Over a World. What it answers is kept in `samples` for contract.mjs when that is set."""

    def __init__(self, world, approval=True):
        self.world = world
        self.samples = None
        # A Unix socket's path is short; so is its folder's.
        self.folder = tempfile.mkdtemp(prefix="loa-", dir="/tmp")
        self.socket = os.path.join(self.folder, "api")
        self.tokens = {}
        users = "users:\n"
        for name, roles in ROLES.items():
            secret = secrets.token_urlsafe(32)
            self.tokens[name] = f"loa_{name}-k_{secret}"
            digest = hashlib.sha256(secret.encode()).hexdigest()
            users += f"  {name}: {{roles: {roles}, tokens: [{{id: {name}-k, sha256: {digest}}}]}}\n"
        path = os.path.join(os.path.dirname(world.config), "users.yaml")
        world.write(path, users)
        os.chmod(path, 0o600)
        with open(world.config, encoding="utf-8") as file:
            text = re.sub(r"^(api|users|approval|intake):.*\n", "", file.read(), flags=re.M)
        text += f"api: {{listen: [\"127.0.0.1:0\", \"unix:{self.socket}\"]}}\nusers: users.yaml\n"
        if not approval:
            text += "approval: {required: false}\n"
        world.write(world.config, text)
        self.process = None
        self.start()

    def start(self):
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(self.world.command("serve"), stdout=self.log, stderr=self.log,
                                        env=self.world.environment)
        wait_until("loa serve", self.is_up)

    def words(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
            return file.read()

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"loa serve ended with {self.process.returncode}:\n{self.words()}")
        try:
            return self.ask("GET", "/livez").status == 200
        except OSError:
            return False

    def ask(self, method, path, who=None, body=None, kind="application/json", **headers):
        """One request over the Unix socket; a POST gets a new key unless it brings one."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if method == "POST":
            headers.setdefault("Idempotency-Key", secrets.token_hex(8))
        if who:
            headers["Authorization"] = "Bearer " + self.tokens[who]
        if body is not None:
            headers["Content-Type"] = kind
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer = Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()
        if self.samples:
            known = ("ETag", "Location", "Retry-After", "Idempotent-Replay", "WWW-Authenticate")
            with open(self.samples, "a", encoding="utf-8") as file:
                file.write(json.dumps({"method": method, "target": path, "status": answer.status,
                                       "type": answer.headers.get("Content-Type", ""), "body": answer.body,
                                       "headers": [name for name in known if name in answer.headers]}) + "\n")
        return answer

    def stop(self, with_signal=signal.SIGTERM):
        self.process.send_signal(with_signal)
        status = self.process.wait(timeout=PATIENCE_S)
        self.log.close()
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if not self.log.closed:
            self.log.close()
        subprocess.run(["rm", "-rf", self.folder], check=True)
