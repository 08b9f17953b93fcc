"""A daemon of a few lines that answers as a test says: for what a real one does rarely."""
import http.server
import json
import os
import socket
import socketserver
import tempfile
import threading
import urllib.parse

CAMPAIGN = {
    "id": "test", "title": "Thử", "state": "waiting", "reason": "for its approval", "author": "lan", "source": "x",
    "approved_by": "", "priority": "normal", "weight": 2, "revision": 1, "plan": "a" * 64, "content": "b" * 64,
    "audience": 260_100, "excluded": {"duplicate": 100}, "planned": 260_000, "accepted": 0, "refused": 0,
    "refused_by_code": {}, "in_doubt": 0, "under_way": 0, "unsent": 260_000, "parts": 520_000, "cost": 182_000_000,
    "not_before": "2026-11-24T01:00:00Z", "useful_until": None, "began": None, "end": "2026-11-24T02:00:00Z",
    "updated": "2026-11-24T00:00:00Z", "version": 7, "document": None,
    "gateways": [{"gateway": "vina", "rows": 260_000, "accepted": 0, "refused": 0, "in_doubt": 0, "under_way": 0, "unsent": 260_000,
                  "parts": 520_000, "rate": 0, "limit": 500, "bound": "", "bound_words": "", "end": None}]}


def campaign(**changes):
    return dict(CAMPAIGN, **changes)


def problem(status, code, detail="", errors=()):
    return status, {"type": "urn:loa:problem:" + code, "title": code, "status": status, "detail": detail,
                    "instance": "/", "code": code, "errors": list(errors)}


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    def handle_error(self, request, client_address):
        """A client that has gone is none."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


class Stub:
    """`answers`: "METHOD /path" to (status, object), a list of such (each once, the last for ever), bytes, or a
    function of the request. None closes the connection without an answer."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="loa-stub-")
        self.path = os.path.join(self.folder.name, "api.sock")
        self.answers = {}
        self.requests = []
        self.connections = []
        self.server = None
        self.start()

    @property
    def api(self):
        return "unix:" + self.path

    def start(self):
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                stub.connections.append(self.connection)

            def address_string(self):
                return "stub"

            def log_message(self, *_):
                pass

            def any(self):
                body = b""
                if self.headers.get("Transfer-Encoding", "") == "chunked":
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = {"method": self.command, "path": self.path, "headers": self.headers, "body": body}
                stub.requests.append(request)
                key = f"{self.command} {urllib.parse.urlsplit(self.path).path}"
                answer = stub.answers.get(key, problem(404, "not-found", "there is no such thing"))
                if isinstance(answer, list):
                    answer = answer.pop(0) if len(answer) > 1 else answer[0]
                if callable(answer):
                    answer = answer(self, request)
                    if answer == "done":
                        self.close_connection = True
                        return
                if answer is None:
                    self.close_connection = True
                    return
                status, what, *more = answer
                data = what if isinstance(what, bytes) else json.dumps(what, ensure_ascii=False).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in (more[0] if more else {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = any

        if os.path.exists(self.path):
            os.remove(self.path)
        self.server = Server(self.path, Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is gone already
                pass
        os.remove(self.path)

    def made(self, method, path):
        return [one for one in self.requests if one["method"] == method and one["path"].split("?")[0] == path]

    def close(self):
        if os.path.exists(self.path):
            self.stop()
        self.folder.cleanup()


def events(handler, *items):
    """Sends server-sent events: (name, id, object) each, or a function that is called in between."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(b"retry: 2000\n\n: heartbeat\n\n")
    handler.wfile.flush()
    for item in items:
        if callable(item):
            item()
            continue
        name, number, what = item
        text = f"event: {name}\nid: {number}\ndata: {json.dumps(what, ensure_ascii=False)}\n\n"
        handler.wfile.write(text.encode())
        handler.wfile.flush()
    return "done"
