#!/usr/bin/env python3
"""Queues a campaign for Loa in Redis, as a system that makes warnings would do it.

  queue_campaign.py CAMPAIGN.yaml                        the campaign as it stands in the file
  queue_campaign.py CAMPAIGN.yaml --audience PEOPLE.csv  with its audience in parts

The campaign is YAML or JSON with the keys of a campaign file. With --audience it must not name an
audience itself: its parts and their hash are added here. What is queued stays queued until Loa has
made it durable; keep your own copy until the hash loa:campaign:ID has a state other than `incoming`.
To queue the same again does no harm. Refused entries stand in loa:campaigns:refused, with what is
wrong.

  --url    redis://HOST:PORT/DB or unix:///PATH      default redis://127.0.0.1:6379/0
  --by     who queues it, a user's name
  --wait   print the status until Loa has it, up to so many seconds; exit 65 when it is refused
A password is taken from the environment, REDIS_PASSWORD.
"""
import argparse
import hashlib
import os
import re
import socket
import sys
import time
from urllib.parse import urlparse

STREAM = "loa:campaigns"
PART_BYTES = 512 * 1024  # at most 1 MiB


class Redis:
    """One connection, one command at a time."""

    def __init__(self, url):
        where = urlparse(url)
        if where.scheme == "unix":
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(where.path)
            except OSError:
                self.socket.close()
                raise
        else:
            self.socket = socket.create_connection((where.hostname, where.port or 6379), 10)
        self.socket.settimeout(10)
        self.stream = self.socket.makefile("rb")
        if "REDIS_PASSWORD" in os.environ:
            self("AUTH", os.environ["REDIS_PASSWORD"])
        if where.scheme != "unix" and where.path.strip("/"):
            self("SELECT", where.path.strip("/"))

    def close(self):
        self.stream.close()
        self.socket.close()

    def __call__(self, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) +
                            b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self.reply()

    def reply(self):
        line = self.stream.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            return None if rest == b"-1" else self.stream.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.reply() for _ in range(max(0, int(rest)))]
        if not line:
            raise RuntimeError("Redis ended the connection")
        return rest.decode()


def parts_of(csv):
    return [csv[at:at + PART_BYTES] for at in range(0, len(csv), PART_BYTES)]


def queue(redis, document, audience=None, by=None):
    """Queues it; the campaign's id."""
    found = re.search(r"""^[\s{]*["']?campaign["']?\s*:\s*["']?([a-z0-9-]+)""", document, re.M)
    if not found:
        raise ValueError("the campaign has no id: 'campaign: my-id'")
    campaign = found.group(1)
    if audience is not None:
        parts = parts_of(audience)
        whole = hashlib.sha256(audience).hexdigest()
        line = f'"audience": {{"chunks": {len(parts)}, "sha256": "{whole}"}}'
        if document.lstrip().startswith("{"):
            document = document.replace("{", "{" + line + ", ", 1)
        else:
            document = document.rstrip("\n") + "\n" + line + "\n"
        for index, part in enumerate(parts, 1):
            redis("XADD", STREAM, "*", "part", "audience", "campaign", campaign, "index", index,
                  "count", len(parts), "sha256", hashlib.sha256(part).hexdigest(), "csv", part)
    redis("XADD", STREAM, "*", "campaign", document, *(["by", by] if by else []))
    return campaign


def wait(redis, campaign, seconds):
    """Prints the status while it changes; whether Loa has the campaign."""
    told, deadline = None, time.monotonic() + seconds
    while time.monotonic() < deadline:
        state, reason = redis("HMGET", f"loa:campaign:{campaign}", "state", "reason")
        if (state, reason) != told:
            told = (state, reason)
            print(f"{campaign}: {state or 'not seen yet'}" + (f": {reason}" if reason else ""), flush=True)
        if state not in (None, "incoming"):
            return state != "refused"
        time.sleep(0.1)
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("campaign")
    parser.add_argument("--audience")
    parser.add_argument("--url", default="redis://127.0.0.1:6379/0")
    parser.add_argument("--by")
    parser.add_argument("--wait", type=float, default=0)
    given = parser.parse_args()
    with open(given.campaign, encoding="utf-8") as file:
        document = file.read()
    audience = None
    if given.audience:
        with open(given.audience, "rb") as file:
            audience = file.read()
    redis = Redis(given.url)
    campaign = queue(redis, document, audience, given.by)
    if not given.wait:
        print(campaign)
        return 0
    return 0 if wait(redis, campaign, given.wait) else 65


if __name__ == "__main__":
    sys.exit(main())
