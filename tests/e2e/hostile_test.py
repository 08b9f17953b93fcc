"""Hostile input and scarce resources: refused in bounded time and memory, in words, with no echo."""
import json
import os
import re
import resource
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from world import LOA, Sim, World

SECONDS = 20  # for one command; the machine may be shared
NUMBER = "0912345678"
SECRET = "geheim-5up3r"
ESCAPE = "\x1b[2J\x1b]0;owned\x07"
CAMPAIGN = "config/campaigns/test.yaml"
SETTINGS = "config/loa.yaml"
PROFILE = "config/profiles/speedsms.yaml"
TEMPLATE = "templates/lua-dao-gia-danh.yaml"

# Not read into this process: what it holds at its peak would count as the memory of its children.
SANITIZED = subprocess.run(["grep", "-qE", "__[at]san_init", LOA], check=False).returncode == 0

# What no terminal and no log may get: controls but the line's end and the tab, DEL, C1, and marks
# that turn the direction of writing.
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
WHOLE_NUMBER = re.compile(r"\b(?:84|0)[35789]\d{8}\b")


class Done:
    """How one run of `loa` ended and what it took."""

    def __init__(self, command, environment, stdin=None, limits=()):
        def limit():
            for kind, value in limits:
                resource.setrlimit(kind, (value, value))

        began = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, stdout=out,
                                       stderr=err, env=environment,
                                       preexec_fn=limit if limits else None)
            watchdog = threading.Timer(SECONDS, process.kill)
            watchdog.start()
            _, status, usage = os.wait4(process.pid, 0)
            watchdog.cancel()
            self.status = process.returncode = os.waitstatus_to_exitcode(status)
            self.seconds = time.monotonic() - began
            self.mebibytes = usage.ru_maxrss / 1024
            out.seek(0)
            err.seek(0)
            self.out = out.read().decode(errors="surrogateescape")
            self.err = err.read().decode(errors="surrogateescape")


class Hostile(unittest.TestCase):
    def setUp(self):
        self.world = World(None, rows=50)
        self.addCleanup(self.world.close)

    def path(self, name):
        return os.path.join(self.world.folder, name)

    def file(self, name, content):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            for piece in [content] if isinstance(content, bytes) else content:
                file.write(piece)
        return path

    def loa(self, *arguments, status, mebibytes=64, words=(), **how):
        """Runs `loa`: the exit status, the bounds, and a clean output are asserted."""
        done = Done(self.world.command(*arguments), self.world.environment, **how)
        said = f"loa {arguments}: {done.status} in {done.seconds:.1f} s\n{done.out[-2000:]}{done.err[-2000:]}"
        self.assertIn(done.status, status if isinstance(status, tuple) else (status,), said)
        if not SANITIZED:
            self.assertLess(done.mebibytes, mebibytes, said)
        for text in (done.out, done.err):
            self.assertIsNone(RAW.search(text), ascii(said))
            text.encode()  # whole UTF-8
            self.assertIsNone(WHOLE_NUMBER.search(text), said)
            self.assertNotIn(SECRET, text, said)
        for word in [words] if isinstance(words, str) else words:
            self.assertIn(word, done.out + done.err, said)
        return done


class HostileYaml(Hostile):
    BOMB = (b"a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a%d" % (i - 1)] * 9))
                       for i in range(1, 10)))
    FILES = {  # content, words of the fault
        "aliases": (BOMB, "anchors"),
        "merge": (b"a: &a {b: c}\nd: {<<: *a}\n", "aliases"),
        "lists": (b"[" * 1_000_000, "larger than"),
        "lists that fit": (b"a: " + b"[" * 200_000, "open brackets"),
        "maps": (b"a: " + b"{a: " * 60_000, "open brackets"),
        "blocks": (b"".join(b" " * i + b"- \n" for i in range(600)), ""),
        "dashes": (b"- " * 100_000, "levels"),
        "questions": (b"? " * 100_000, ""),
        "large": (b"# " + b"x" * 10_000_000, "larger than 256 KiB"),
        "twice": (b"".join(b"campaign: a\n" for _ in range(20_000)), "stands twice"),
        "unknown": (b"campaign: a\n" + b"".join(b"k%d: a\n" % i for i in range(20_000)), "more unknown"),
        "latin": ("campaign: C\xe0".encode("latin-1"), "UTF-8"),
        "surrogate": (b"campaign: \xed\xa0\x80", "UTF-8"),
        "overlong": (b"campaign: \xc0\xae", "UTF-8"),
        "utf-16": ("campaign: a\n".encode("utf-16"), ""),
        "nul": (b"campaign: a\0b\n", "NUL"),
        "escaped nul": (b'campaign: "a\\0b"\n', "NUL"),
        "tag": (b"campaign: !!python/object/apply:os.system ['true']\n", "tags"),
        "binary": (b"campaign: !!binary aGVsbG8=\n", "tags"),
        "documents": (b"campaign: a\n---\ncampaign: b\n", "one document"),
        "list key": (b"campaign: a\n? [a, b]\n: c\n", "cannot be a key"),
        "terminal": (f"campaign: a\n\"{ESCAPE}\": b\n".encode("unicode_escape").replace(b"\\n", b"\n"), ""),
        "raw terminal": (f"campaign: a\n{ESCAPE}: b\n".encode(), ""),
        "directions": ("campaign: a\nx\u202ey: b\n".encode(), ""),
        "lines": (b"campaign: a\rx\x85: b\r\n\x0b: c\n".replace(b"\x85", "\x85".encode()), ""),
        "number": (f"campaign: a\n{NUMBER}: x\n".encode(), ""),
        "numbers": (f"so_dien_thoai\n{NUMBER}\n".encode(), ""),
        "number first": (f"{NUMBER}\n0987654321\n".encode(), ""),
        "empty": (b"", "empty"),
        "mark": (b"\xef\xbb\xbf", "empty"),
        "directive": (b"%YAML 9.9\n%TAG ! x\n---\na: b\n", ""),
        "percent": (b"%" * 200_000, ""),
        "endless key": (b"k" * 200_000 + b": a\n", ""),
        "endless text": (b"campaign: " + b"k" * 200_000, ""),
        "tab": (b"campaign:\n\t- a\n", "indentation"),
    }

    def test_files(self):
        for name, (content, words) in self.FILES.items():
            with self.subTest(name):
                path = self.file("config/hostile.yaml", content)
                done = self.loa("check", path, status=(65, 78), words=words)
                self.assertRegex(done.err, r"(?m)^\S+hostile\.yaml(:\d+:\d+)?: error: \S", name)
                self.assertLess(done.seconds, 2)
                told = json.loads(self.loa("check", path, "--json", status=(65, 78)).out)
                self.assertGreater(told["errors"], 0)

    def test_types(self):
        for name, old, new, status in [
                (CAMPAIGN, "max_parts: 2", "max_parts: 0x2", 65), (CAMPAIGN, "max_parts: 2", "max_parts: 02", 65),
                (CAMPAIGN, "max_parts: 2", "max_parts: 2e0", 65), (CAMPAIGN, "max_parts: 2", "max_parts: " + "9" * 400, 65),
                (CAMPAIGN, "max_parts: 2", "max_parts: on", 65), (CAMPAIGN, "max_parts: 2", "max_parts: ~", 65),
                (CAMPAIGN, "max_parts: 2", f"max_parts: {NUMBER}", 65), (CAMPAIGN, "title: Thử", "title: {a: b}", 65),
                (CAMPAIGN, "title: Thử", 'title: "a\\e[31m"', 65), (CAMPAIGN, "title: Thử", 'title: "a\\u202eb"', 65),
                (CAMPAIGN, "sender: CALANGSON", 'sender: "A\\e[1m"', 65),
                (CAMPAIGN, "campaign: test", "campaign: ../../etc/x", 65), (CAMPAIGN, "campaign: test", f"campaign: {'a' * 5000}", 65),
                (CAMPAIGN, "campaign: test", 'campaign: "a\\e[31m"', 65),
                (SETTINGS, "messages_per_second: 1000", "messages_per_second: .inf", 78),
                (SETTINGS, "messages_per_second: 1000", "messages_per_second: nan", 78),
                (SETTINGS, "messages_per_second: 1000", "messages_per_second: -1", 78),
                (SETTINGS, "messages_per_second: 1000", "messages_per_second: 1e999", 78),
                (SETTINGS, "in_flight: 8", "in_flight: 99999999999999999999", 78),
                (SETTINGS, "url: http://", "url: file://", 78),
                (SETTINGS, "password: {file: secrets/vina}", f"password: {SECRET}", 78),
                (SETTINGS, "password: {file: secrets/vina}", f"password: {{file: secrets/vina, env: {SECRET}}}", 78),
                (SETTINGS, "password: {file: secrets/vina}", f"password: [{SECRET}]", 78),
                (SETTINGS, "password: {file: secrets/vina}", f"pasword: {SECRET}", 78),
                (SETTINGS, "password: {file: secrets/vina}", f"password: {{{SECRET}}}", 78)]:
            with self.subTest(new=new[:60]):
                with open(self.path(name), encoding="utf-8") as file:
                    whole = file.read()
                self.assertIn(old, whole)
                try:
                    World.write(self.path(name), whole.replace(old, new))
                    done = self.loa("check", self.path(name), status=status)
                    self.assertRegex(done.err, r"(?m)^\S+\.yaml:\d+:\d+: error: \S")
                finally:
                    World.write(self.path(name), whole)

    def test_templates(self):
        for text in ("{{ten}", "{{{ten}}}", "{{{{ten}}}} {", "{ {ten} }", "{ten", "ten}", "{" * 1000, "{ho ten}",
                     "{\\e[31m}", "{../x}", "{" + "a" * 5000 + "}", "a\\0b", "{missing_column} of 2,000", "x" * 100_000):
            with self.subTest(text=text[:40]):
                self.file(TEMPLATE, f'template: lua-dao-gia-danh\ntext: "{text}"\n'.encode())
                self.loa("plan", self.world.campaign, status=(65, 0) if "}}" in text else 65)

    def test_patterns_of_a_profile(self):
        World.edit(self.path(PROFILE), "code: /status", "code: {regex: '(a+)+$'}")
        self.loa("check", self.path(PROFILE), status=(0, 78))

    def test_things_that_are_no_files(self):
        pipe = self.path("config/pipe.yaml")
        os.mkfifo(pipe)
        door = self.path("config/door.yaml")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(door)
            loop = self.path("config/loop.yaml")
            os.symlink(loop, loop)
            for path in (pipe, door, loop, self.world.folder, "/dev/zero", "/dev/null", self.path("none")):
                with self.subTest(path=path):
                    self.loa("plan", path, status=(65, 66), words=path)
                    done = Done([LOA, "plan", self.world.campaign, "--config", path], self.world.environment)
                    self.assertEqual(done.status, 78, done.err)
                    if path != self.world.folder:
                        self.loa("check", path, status=(65, 78), words=path)
                    self.loa("audience", path, status=(65, 66), words=path)
        self.loa("check", self.path("config"), status=0)  # a folder's pipes are no YAML files

    def test_names_of_files(self):
        path = self.file(f"config/{ESCAPE}.yaml", b"a: b\n")
        self.loa("check", path, status=65)
        os.rename(self.world.campaign, self.path("config/campaigns/\udcff.yaml"))
        self.loa("check", self.path("config"), status=65)

    def test_secrets(self):
        secret = self.path("config/secrets/vina")
        for content in (b"", b"\n", b"\0" * 100_000, (SECRET + "\n").encode() * 1000, b"\xff\xfe"):
            with self.subTest(content=content[:20]):
                self.file("config/secrets/vina", content)
                self.loa("check", self.world.config, status=0)
        for make in (os.mkdir, os.mkfifo, lambda path: os.symlink("/dev/zero", path)):
            os.remove(secret) if not os.path.isdir(secret) else os.rmdir(secret)
            make(secret)
            self.loa("check", self.world.config, status=0, words="secrets/vina")
            self.loa("send", self.world.campaign, "--yes", status=78, words="secrets/vina")


class HostileAudience(Hostile):
    MEGABYTE = 1024 * 1024

    def audience(self, content, status, **how):
        path = self.file("config/audience/people.csv", content)
        done = self.loa("audience", path, status=status, **how)
        told = self.loa("audience", path, "--json", status=status, mebibytes=how.get("mebibytes", 64))
        self.loa("plan", self.world.campaign, status=(0, 65), mebibytes=how.get("mebibytes", 64))
        return json.loads(told.out) if done.status == 0 else done

    def test_files(self):
        head = b"so_dien_thoai,ten\n"
        row = NUMBER.encode() + b",a\n"
        for name, content, rows, usable in [
                ("endless line", head + row + b"x" * 1000 + b",\n" + row, 3, 1),
                ("last line unended", head + row[:-1], 1, 1),
                ("mixed ends", head.replace(b"\n", b"\r\n") + row + row.replace(b"\n", b"\r\n") + b"\r\n\n", 2, 1),
                ("nul", head + row + b"\0\0\0\n" + b"09\x0012345678,x\n", 3, 1),
                ("not utf-8", head + row + b"0912345679,\xff\n", 2, 1),
                ("lone quote", head + row + b'"0912345679,a\n' + b"0912345671,b\n" * 300, 302, 2),
                ("quotes everywhere", head + row + b'"a\n' * 20_000, 20_001, 1),
                ("quotes and bytes behind", head + row + b'"a\n"b\n' * 20_000, 40_001, 1),
                ("columns", b"so_dien_thoai" + b",x" * 10_000 + b"\n" + NUMBER.encode() + b"," * 10_000 + b"\n", 1, 1),
                ("commas", head + row + b"," * 60_000 + b"\n", 2, 1),
                ("terminal", head + row + (ESCAPE + NUMBER + "," + ESCAPE + "\n").encode(), 2, 1),
                ("formulas", head + row + b"=cmd|'/c calc'!A0,+1\n", 2, 1),
                ("directions", head + row + "\u202e0912345679,\u2066\n".encode(), 2, 1),
                ("digits", head + row + b"9" * 60_000 + b",a\n", 2, 1)]:
            with self.subTest(name):
                told = self.audience(content, 0)
                self.assertEqual((told["rows"], told["usable"]), (rows, usable))
                self.assertEqual(told["rows"], told["usable"] + sum(told["excluded"].values()))

    def test_headers(self):
        for name, content, words in [
                ("nothing", b"", "no rows"), ("utf-16", f"so_dien_thoai\n{NUMBER}\n".encode("utf-16"), "UTF-8"),
                ("no header", f"{NUMBER}\n0987654321\n".encode(), "so_dien_thoai"),
                ("terminal", f"{ESCAPE}\n{NUMBER}\n".encode(), "so_dien_thoai"),
                ("zeros", b"\0" * 10_000, ""), ("one quote", b'"', ""), ("head only", b"so_dien_thoai\n", "no rows"),
                ("many", b",".join(b"a%d" % i for i in range(5000)) + b"\n", "so_dien_thoai")]:
            with self.subTest(name):
                self.audience(content, 65, words=words)

    def test_endless_line(self):
        def bytes_of(first, mebibytes=20):
            yield first
            for _ in range(mebibytes):
                yield b"x" * self.MEGABYTE
        self.audience(bytes_of(b""), 65)
        told = self.audience(bytes_of(f"so_dien_thoai\n{NUMBER}\n".encode(), 200), 0)
        self.assertEqual(told["excluded"], {"bad_row": 1})
        told = self.audience(bytes_of(f"so_dien_thoai\n{NUMBER}\n\"".encode()), 0)
        self.assertEqual(told["excluded"], {"bad_row": 1})

    def test_many_rows(self):
        """Memory is that of the numbers seen, a few bytes each, whatever the size of the file."""
        count = 2_000_000

        def rows():
            yield b"so_dien_thoai\n"
            for begin in range(0, count, 10_000):
                yield b"".join(b"09%08d\n" % (i * 47 % 10**8) for i in range(begin, begin + 10_000))
        path = self.file("config/audience/people.csv", rows())
        told = json.loads(self.loa("audience", path, "--json", status=0, mebibytes=128).out)
        self.assertEqual(told["rows"], count)

    def test_exclusions(self):
        for content in (b"x" * 200_000, b"\0\n", '"'.encode(), NUMBER.encode() + b"\n" + ESCAPE.encode() + b"\n",
                        NUMBER.encode("utf-16"), b"so_dien_thoai,b\n1\n" * 3):
            with self.subTest(content=content[:20]):
                self.file("config/optout.csv", content)
                self.loa("plan", self.world.campaign, status=65, words="optout.csv")

    def test_texts(self):
        for text in (ESCAPE, "a\udcff", "\u202eabc", "x" * 60_000, "\x07", "\x85"):
            self.loa("text", text, status=(0, 65))
        with open("/dev/zero", "rb") as zeros:
            self.loa("text", "-", status=65, stdin=zeros)


class HostileData(Hostile):
    """A data directory that somebody else, or a broken disk, has written to."""

    @classmethod
    def setUpClass(cls):
        cls.sim = Sim(rates="none")
        cls.addClassCleanup(cls.sim.close)

    def setUp(self):
        self.world = World(self.sim, rows=300, limits=False)
        self.addCleanup(self.world.close)
        self.world.send()
        self.segment = self.path("data/journal/00000001.seg")
        self.plan = self.path("data/plans/test.plan")
        with open(self.segment, "rb") as file:
            self.blocks = file.read(1024 * 1024).rstrip(b"\0")
        os.truncate(self.segment, 1 << 20)  # the rest is zeros, which take time to read
        os.remove(self.path("data/journal/00000002.seg"))
        folder = self.path("data/journal")
        self.snapshot = None
        for name in os.listdir(folder):
            if name.endswith(".state"):
                self.snapshot = os.path.join(folder, name)
                with open(self.snapshot, "rb") as file:
                    self.state = file.read()
                os.remove(self.snapshot)
        with open(self.plan, "rb") as file:
            self.frozen = file.read()

    def replaced(self, path, content):
        if os.path.isdir(path):
            os.rmdir(path)
        elif os.path.lexists(path):
            os.remove(path)
        self.file(os.path.relpath(path, self.world.folder), content)

    def told(self, status, words=()):
        """What each verb says of the directory."""
        self.loa("status", status=status, words=words)
        self.loa("journal", "verify", status=status, words=words)
        self.loa("report", "test", status=status)
        self.loa("send", self.world.campaign, "--yes", status=status, words=words)

    def test_segments(self):
        damaged = bytearray(self.blocks)
        damaged[4096 + 100] ^= 1
        block = self.blocks[:4096]
        for name, content, status, words in [
                ("garbage", os.urandom(1024 * 1024), (65, 66), ()), ("flipped", bytes(damaged), 65, "damaged"),
                ("shifted", b"\0" * 512 + self.blocks, 65, ()), ("other size", self.blocks + b"\0" * 5000, 0, ()),
                ("cut", self.blocks[:-3000], (0, 65, 75), ()), ("sizes that lie", block[:36] + b"\xff" * 8 + block[44:], 65, ()),
                ("newer", block[:44] + b"\x09\0\0\0" + block[48:], 65, ()), ("text", b"{}\n" * 100_000, 65, ())]:
            with self.subTest(name):
                self.replaced(self.segment, content)
                done = self.loa("status", status=(0, 65), words=words)
                if done.status:
                    self.loa("journal", "verify", status=done.status, words=words)
                    self.loa("send", self.world.campaign, "--yes", status=(65, 75))

    def test_things_in_place_of_a_segment(self):
        os.remove(self.segment)
        for make in (os.mkdir, os.mkfifo, lambda path: os.symlink("/dev/zero", path), lambda path: os.symlink(path, path)):
            make(self.segment)
            self.told((65, 74), "00000001.seg")
            os.rmdir(self.segment) if os.path.isdir(self.segment) else os.remove(self.segment)

    def test_huge_segment(self):
        os.truncate(self.segment, 1 << 42)
        self.told(65, "00000001.seg")

    def test_snapshots(self):
        """One that cannot be trusted is passed over: the lines before it say the same."""
        if self.snapshot is None:
            self.skipTest("the last snapshot is not waited for")
        for name, content in [
                ("empty", b""), ("garbage", os.urandom(100_000)), ("cut", self.state[:-1]), ("longer", self.state + b"x"),
                ("flipped", self.state[:70] + bytes([self.state[70] ^ 1]) + self.state[71:]),
                ("size", self.state[:56] + b"\xff" * 8 + self.state[64:])]:
            with self.subTest(name):
                self.replaced(self.snapshot, content)
                self.loa("status", status=0, words="accepted")
                self.loa("journal", "verify", status=(0, 65))
                self.loa("send", self.world.campaign, "--yes", status=0)
        for make in (os.mkdir, os.mkfifo, lambda path: os.symlink("/dev/zero", path)):
            os.rmdir(self.snapshot) if os.path.isdir(self.snapshot) else os.remove(self.snapshot)
            make(self.snapshot)
            self.loa("status", status=0, words="accepted")
            self.loa("send", self.world.campaign, "--yes", status=0)
        os.remove(self.snapshot)
        self.replaced(self.snapshot, self.state)
        os.truncate(self.snapshot, 1 << 42)
        self.loa("status", status=0, words="accepted")

    def test_names(self):
        self.file("data/journal/00000005.seg", b"")
        self.told(65, ".seg is missing")
        os.rename(self.path("data/journal/00000005.seg"), self.path("data/journal/99999999999999999999.seg"))
        self.told(65, ".seg is missing")

    def test_events(self):
        """Whole blocks, with a right CRC, that tell nonsense."""
        for line in ('{"event":"frozen","at":"2026-11-24T00:00:00.000Z","campaign":"x","plan":"","rows":18446744073709551615,"excluded":0}',
                     '{"event":"frozen","at":"2026-11-24T00:00:00.000Z","campaign":"x","plan":"","rows":1e300,"excluded":0}',
                     '{"event":"ended","at":"9999999-11-24","campaign":"x"}', "[" * 50_000, '{"event":"\\u001b[31m"}',
                     f'{{"event":"{NUMBER}"}}', '{"event":"intent","at":"2026-11-24T00:00:00.000Z","campaign":"y"}', "", "\0" * 100, "null"):
            with self.subTest(line=line[:60]):
                self.replaced(self.segment, block_of(line))
                self.told(65)

    def test_plans(self):
        head_size = struct.unpack_from("<Q", self.frozen, 8)[0]
        head = json.loads(self.frozen[16:16 + head_size])

        def with_head(size=None, **changes):
            text = json.dumps({**head, **changes}).encode()
            text += b" " * (-len(text) % 16)
            return self.frozen[:8] + struct.pack("<Q", size or len(text)) + text + self.frozen[16 + head_size:]
        big = 1 << 63
        lane = head["lanes"][0]
        for name, content in [
                ("empty", b""), ("garbage", os.urandom(100_000)), ("magic", b"LOAPLAN1"), ("cut head", self.frozen[:100]),
                ("cut rows", self.frozen[:16 + head_size + 8]), ("cut texts", self.frozen[:-1]), ("longer", self.frozen + b"x"),
                ("head size", with_head(size=(1 << 64) - 16)), ("rows", with_head(rows=big)), ("rows times 16", with_head(rows=1 << 60)),
                ("texts", with_head(texts=big)), ("texts_at", with_head(texts_at=big)), ("texts_at 0", with_head(texts_at=0)),
                ("lane", with_head(lanes=[{**lane, "rows": big}] * 3)), ("first", with_head(lanes=[{**lane, "first": big, "rows": big}] * 2)),
                ("batch", with_head(lanes=[{**lane, "batch": 0}])), ("batch 2^32", with_head(lanes=[{**lane, "batch": 1 << 32}])),
                ("no lanes", with_head(lanes=[])), ("types", with_head(rows="x")), ("audience", with_head(audience=0)),
                ("deep", self.frozen[:16] + b"[" * (head_size) + self.frozen[16 + head_size:])]:
            with self.subTest(name):
                self.replaced(self.plan, content)
                self.loa("journal", "verify", status=65, words="test.plan")
                self.loa("send", self.world.campaign, "--yes", status=65, words="test.plan")
        for make in (os.mkdir, os.mkfifo, lambda path: os.symlink("/dev/zero", path)):
            os.rmdir(self.plan) if os.path.isdir(self.plan) else os.remove(self.plan)
            make(self.plan)
            self.told((65, 66, 74), "test.plan")

    def test_huge_plan(self):
        os.chmod(self.plan, 0o600)
        os.truncate(self.plan, 1 << 42)
        self.told(65, "test.plan")

    def test_things_in_place_of_the_directory(self):
        for make in (os.mkfifo, lambda path: self.file("other", b"x") and os.symlink("/dev/null", path)):
            path = self.path("elsewhere")
            make(path)
            self.loa("status", "--data", path, status=(65, 66, 74), words=path)
            self.loa("send", self.world.campaign, "--yes", "--data", path, status=(66, 73, 74), words=path)
            os.remove(path)
        os.remove(self.path("data/lock"))
        os.mkdir(self.path("data/lock"))
        self.loa("send", self.world.campaign, "--yes", status=74, words="data/lock")


class Scarcity(Hostile):
    """The machine gives less than a sending needs: it says so, and the next run goes on."""

    def setUp(self):
        self.sim = Sim(rates="none")
        self.addCleanup(self.sim.close)
        self.world = World(self.sim, rows=2000, limits=False)
        self.addCleanup(self.world.close)

    def ends_well(self):
        balance = self.world.send()
        self.assertEqual(balance["accepted"], balance["planned"])
        self.assertEqual(len(self.sim.counts()), balance["planned"])
        self.assertEqual(set(self.sim.counts().values()), {1})

    def test_few_descriptors(self):
        for few in (8, 16, 32, 51):
            with self.subTest(few=few):
                self.loa("send", self.world.campaign, "--yes", status=78, mebibytes=128,
                         limits=[(resource.RLIMIT_NOFILE, few)], words=f"descriptors and the system allows {few}")
        self.ends_well()

    @unittest.skipIf(SANITIZED, "a sanitizer reserves terabytes of addresses")
    def test_little_memory(self):
        for mebibytes in (24, 32, 48, 64, 128):
            with self.subTest(mebibytes=mebibytes):
                done = self.loa("send", self.world.campaign, "--yes", status=(0, 75, 127), mebibytes=128,
                                limits=[(resource.RLIMIT_AS, mebibytes << 20)])
                if done.status == 75:
                    self.assertIn("does not give what is needed", done.err)
        self.ends_well()

    def test_small_files(self):
        for size in (10_000, 1 << 20):
            with self.subTest(size=size):
                done = self.loa("send", self.world.campaign, "--yes", status=73, mebibytes=128,
                                limits=[(resource.RLIMIT_FSIZE, size)])
                self.assertIn("File too large", done.err)
        self.ends_well()
        report = self.path("report.csv")
        self.loa("report", "test", "--csv", report, status=73, mebibytes=128, words=report,
                 limits=[(resource.RLIMIT_FSIZE, 4096)])

    def test_full_output(self):
        self.ends_well()
        for arguments in (["status"], ["journal", "cat"], ["report", "test"], ["plan", self.world.campaign],
                          ["check", self.world.config], ["text", "a"], ["audience", self.world.audience]):
            with self.subTest(arguments=arguments), open("/dev/full", "wb") as full:
                done = subprocess.run(self.world.command(*arguments), stdout=full, stderr=subprocess.PIPE,
                                      env=self.world.environment, timeout=SECONDS, check=False)
                self.assertEqual(done.returncode, 74, done.stderr)
                self.assertIn(b"output could not be written", done.stderr)

    def test_full_messages(self):
        """What is told while sending is lost, and nothing else."""
        with open("/dev/full", "wb") as full:
            subprocess.run(self.world.command("send", self.world.campaign, "--yes"), stdout=subprocess.DEVNULL,
                           stderr=full, env=self.world.environment, timeout=SECONDS, check=True)
        self.ends_well()


def crc32c(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def block_of(line):
    """A journal's first block with one line (src/journal/block.hpp)."""
    body = line.encode() + b"\n"
    rest = b"LOA1" + struct.pack("<QQQIIII", 7, 1, 0, 1, len(body), 0, 1) + body
    return struct.pack("<I", crc32c(rest)) + rest


if __name__ == "__main__":
    unittest.main()
