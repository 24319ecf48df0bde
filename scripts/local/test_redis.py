"""The REST front speaks as Upstash does, and resetting a limit touches nobody else's."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import sys
import tempfile
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Optional

from . import redis_store, set_up
from .reset_limit import PREFIX, Rest, reset


@unittest.skipUnless(redis_store.is_available(), "no redis-server on this machine")
class Front(unittest.TestCase):
    """Against the real process, over HTTP."""

    def setUp(self) -> None:
        set_up.ensure(set_up.REDIS_STEPS)
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.child, self.url, self.token = redis_store.start(Path(work.name))
        self.addCleanup(self.child.stop)

    def send(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON."""
        headers = {"authorization": f"Bearer {self.token}", **{name.replace("_", "-"): text for name, text in headers.items()}}
        content: Optional[bytes] = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, content, headers), timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as fault:
            return fault.code, json.load(fault)

    def test_every_way_in_wants_the_token(self) -> None:
        for path, body in (("/", ["PING"]), ("/pipeline", [["PING"]]), ("/multi-exec", [["PING"]]), ("/ping", None)):
            for header in ("", "Bearer", "Bearer wrong", self.token, f"Basic {self.token}"):
                with self.subTest(path, header=header):
                    self.assertEqual(self.send(path, body, authorization=header)[0], 401)
            self.assertEqual(self.send(path, body)[0], 200)

    def test_commands_come_as_json_and_as_paths(self) -> None:
        self.assertEqual(self.send("/", ["SET", "a", 1]), (200, {"result": "OK"}))
        self.assertEqual(self.send("/get/a"), (200, {"result": "1"}))
        self.assertEqual(self.send("/set/b%20c?EX=100", "ü".encode()), (200, {"result": "OK"}))
        self.assertEqual(self.send("/ttl/b%20c"), (200, {"result": 100}))
        self.assertEqual(self.send("/get/b%20c"), (200, {"result": "ü"}))
        self.assertEqual(self.send("/get/none"), (200, {"result": None}))
        encoded = base64.b64encode("ü".encode()).decode()
        self.assertEqual(self.send("/", ["MGET", "b c", "none"], upstash_encoding="base64"), (200, {"result": [encoded, None]}))
        self.assertEqual(self.send("/", ["SET", "a", 1], upstash_encoding="base64"), (200, {"result": "OK"}))

    def test_errors_come_where_upstash_puts_them(self) -> None:
        for body in (b"{", [], {}, ["NOPE"], ["INCRBY", "a", "x"], ["MULTI"], ["SUBSCRIBE", "a"]):
            status, answer = self.send("/", body)
            self.assertEqual((status, list(answer)), (400, ["error"]), body)
        status, answers = self.send("/pipeline", [["SET", "a", 1], ["NOPE"], ["GET", "a"]])
        self.assertEqual((status, [list(each)[0] for each in answers]), (200, ["result", "error", "result"]))
        self.assertEqual(self.send("/multi-exec", [["INCR", "a"], ["GET", "a"]]), (200, [{"result": 2}, {"result": "2"}]))
        self.assertEqual(self.send("/multi-exec", [["INCR", "a"], ["NOPE"]])[0], 400)
        self.assertEqual(self.send("/get/a"), (200, {"result": "2"}))

    def test_scripts_run_under_the_digest_that_the_client_computes(self) -> None:
        script = "#!lua flags=allow-key-locking\nreturn {KEYS[1], ARGV[1]}"
        digest = hashlib.sha1(script.encode()).hexdigest()
        status, answer = self.send("/", ["EVALSHA", digest, 1, "k", "v"])
        self.assertTrue(status == 400 and answer["error"].startswith("NOSCRIPT"))
        self.assertEqual(self.send("/", ["EVAL", script, 1, "k", "v"]), (200, {"result": ["k", "v"]}))
        self.assertEqual(self.send("/", ["EVALSHA", digest, 1, "k", "v"]), (200, {"result": ["k", "v"]}))

    def test_resetting_one_identifier_leaves_all_others(self) -> None:
        mine = ["chat.user:user_1:5", "chat.user:user_1:6", "upload.user:user_1:5"]
        others = ["chat.user:user_12:5", "chat.user:user_1:x:5", "chat.user:a:user_1:5", "chat.user:user_1:x", "chat.user:user_?:5"]
        for key in (*mine, *others):
            self.send("/", ["SET", f"{PREFIX}:{key}", 1])
        self.send("/", ["SET", "chat.user:user_1:5", "of someone else"])
        rest = Rest(self.url, self.token)
        self.assertEqual(reset(rest, "user_?"), [f"{PREFIX}:chat.user:user_?:5"])
        self.assertEqual(reset(rest, "user_1", "upload.user"), [f"{PREFIX}:upload.user:user_1:5"])
        self.assertEqual(reset(rest, "user_1"), [f"{PREFIX}:{key}" for key in mine[:2]])
        self.assertEqual(reset(rest, "user_1"), [])
        self.assertEqual(self.send("/dbsize")[1]["result"], len(others))

    @unittest.skipUnless(sys.platform == "linux", "other systems do not tell")
    def test_no_redis_outlives_its_front(self) -> None:
        child_pid = int(Path(f"/proc/{self.child.process.pid}/task/{self.child.process.pid}/children").read_text().split()[0])
        self.child.process.send_signal(signal.SIGKILL)
        self.child.process.wait()
        for _ in range(1_000):
            try:
                if Path(f"/proc/{child_pid}/stat").read_text().split()[2] == "Z":
                    return
            except OSError:
                return
            os.sched_yield()
        self.fail("redis-server still runs")


if __name__ == "__main__":
    unittest.main()
