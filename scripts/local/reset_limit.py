"""`scripts/reset-limit`: deletes the counters of one identifier, and nothing else."""

from __future__ import annotations

import argparse
import json
import os
import re
import urllib.error
import urllib.request
from typing import Any, Optional, Sequence

from .console import Fault, run_command, say

PREFIX = "@upstash/ratelimit"
TIMEOUT_SECONDS = 10.0
KEYS_PER_COMMAND = 500


class Rest:
    """Redis by the REST protocol of Upstash."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.token = token

    def command(self, *parts: str) -> Any:
        """The result of one command."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        request = urllib.request.Request(self.url, json.dumps(parts).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                return json.load(response)["result"]
        except urllib.error.HTTPError as fault:
            raise Fault(f"Redis answered {fault.code}: {fault.read(500).decode('utf-8', 'replace')}") from fault
        except (OSError, ValueError, KeyError) as fault:
            raise Fault(f"Redis cannot be asked: {fault}") from fault


def reset(rest: Rest, identifier: str, policy: Optional[str] = None) -> list[str]:
    """Deletes the counters of the identifier, of one policy or of all; returns their keys."""
    pattern = ":".join((PREFIX, _literally(policy) if policy else "*", _literally(identifier), "*"))
    # A pattern's star matches colons too: who is called `a:b` is not touched by `b`, nor `a` by `a:1`.
    name = re.escape(policy) if policy else "[a-z_.-]+"
    exactly = re.compile(f"{re.escape(PREFIX)}:{name}:{re.escape(identifier)}:[0-9]+")
    found: set[str] = set()
    cursor = "0"
    while True:
        cursor, keys = rest.command("SCAN", cursor, "MATCH", pattern, "COUNT", "1000")
        found.update(key for key in keys if exactly.fullmatch(key))
        if str(cursor) == "0":
            break
    ordered = sorted(found)
    for start in range(0, len(ordered), KEYS_PER_COMMAND):
        rest.command("DEL", *ordered[start : start + KEYS_PER_COMMAND])
    return ordered


def _literally(text: str) -> str:
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="reset-limit",
        description="Deletes the counters of one identifier in the Redis that UPSTASH_REDIS_REST_URL and "
        "UPSTASH_REDIS_REST_TOKEN name. A process that refused it keeps refusing until the window's end or its restart.",
    )
    parser.add_argument("identifier", metavar="IDENTIFIER", help="a user's id, or an address: 192.0.2.1, 2001:db8:1:2::/64")
    parser.add_argument("policy", metavar="POLICY", nargs="?", help="such as chat.user (default: every policy)")
    options = parser.parse_args(arguments)

    def command() -> int:
        names = ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN")
        url, token = (os.environ.get(name, "") for name in names)
        if not url or not token:
            raise Fault(f"set {' and '.join(names)}")
        deleted = reset(Rest(url, token), options.identifier, options.policy)
        for key in deleted:
            say(f"deleted {key}")
        say(f"{len(deleted)} counters of {options.identifier} deleted")
        return 0

    return run_command(command)
