"""A REST front over a Redis of its own, speaking as Upstash does.

    redis_rest.py REDIS_SERVER

Takes the bearer token from REDIS_REST_TOKEN, starts REDIS_SERVER on a socket in a temporary folder, listens on a free port of
127.0.0.1 and prints `ready URL`. Nothing outlives it. Spoken: `POST /`, `POST /pipeline`, `POST /multi-exec`, commands as paths
(`GET /set/key/value`, `POST /set/key` with the value as body), `Upstash-Encoding: base64`. Not spoken: blocking commands and
subscriptions.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ctypes
import hashlib
import hmac
import json
import os
import signal
import sys
import tempfile
from collections import deque
from http import HTTPStatus
from typing import Any, Mapping, Optional, Sequence, Union
from urllib.parse import parse_qsl, unquote, urlsplit

BODY_BYTES_MAX = 10 * 1024 * 1024
# They would hold up everyone: all requests share one connection.
NOT_SPOKEN = {
    "BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN", "DISCARD", "EXEC", "HELLO", "MONITOR",
    "MULTI", "PSUBSCRIBE", "QUIT", "RESET", "SELECT", "SHUTDOWN", "SUBSCRIBE", "UNWATCH", "WAIT", "WATCH",
}  # fmt: skip

Command = Sequence[Union[str, bytes]]


class RedisError(Exception):
    """Redis answered with an error."""


class Refused(Exception):
    """The request is wrong; the status says how."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Status(str):
    """A status reply, such as OK."""


class Redis:
    """One connection that all requests share: answers come in the order of the commands."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.waiting: deque[asyncio.Future[Any]] = deque()

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """The answers to commands that are sent in one piece, errors among them."""
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in commands]
        self.waiting.extend(futures)
        self.writer.write(b"".join(map(_encoded, commands)))
        return list(await asyncio.gather(*futures))

    async def receive(self) -> None:
        """Hands out answers until Redis ends."""
        while True:
            answer = await self._answer()
            future = self.waiting.popleft()
            if not future.cancelled():
                future.set_result(answer)

    async def _answer(self) -> Any:
        line = (await self.reader.readuntil(b"\r\n"))[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return Status(rest.decode("utf-8", "replace"))
        if kind == b"-":
            return RedisError(rest.decode("utf-8", "replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else (await self.reader.readexactly(int(rest) + 2))[:-2]
        return None if rest == b"-1" else [await self._answer() for _ in range(int(rest))]


class Front:
    """What a request means to Redis."""

    def __init__(self, redis: Redis, token: str) -> None:
        self.redis = redis
        self.token = token
        # What clients call a script → what Redis calls it.
        self.digests: dict[str, str] = {}

    async def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """Status and JSON."""
        parts = urlsplit(target)
        query = parse_qsl(parts.query, keep_blank_values=True)
        try:
            self._authorize(headers, dict(query))
            encode = _base64 if headers.get("upstash-encoding", "").lower() == "base64" else _text
            if method == "POST" and parts.path == "/pipeline":
                return 200, await self._pipeline(_json_lists(body), encode)
            if method == "POST" and parts.path == "/multi-exec":
                return 200, await self._transaction(_json_lists(body), encode)
            if method == "POST" and parts.path in ("", "/"):
                command = _command(_json(body))
            elif method in ("GET", "POST", "PUT", "HEAD"):
                command = [unquote(part) for part in parts.path.strip("/").split("/")]
                command += [body] if body else []
                for name, value in query:
                    command += [] if name == "_token" else [name, *([value] if value else [])]
            else:
                raise Refused(405, "ERR method not allowed")
            [answer] = await self.redis.run([self._translated(command)])
        except Refused as refused:
            return refused.status, {"error": str(refused)}
        return (400 if isinstance(answer, RedisError) else 200), _outcome(answer, encode)

    def _authorize(self, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else query.get("_token", "")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise Refused(401, "WRONGPASS invalid or missing auth token")

    async def _pipeline(self, lists: Sequence[Any], encode: Any) -> list[Any]:
        answers: list[Any] = []
        for item in lists:
            # One after the other: an EVAL may make the next one's digest known.
            try:
                answers += await self.redis.run([self._translated(_command(item))])
            except Refused as refused:
                answers.append(RedisError(str(refused)))
        return [_outcome(answer, encode) for answer in answers]

    async def _transaction(self, lists: Sequence[Any], encode: Any) -> list[Any]:
        commands = [self._translated(_command(item)) for item in lists]
        *_, answers = await self.redis.run([["MULTI"], *commands, ["EXEC"]])
        if isinstance(answers, RedisError):
            raise Refused(400, str(answers))
        return [_outcome(answer, encode) for answer in answers]

    def _translated(self, command: list[Union[str, bytes]]) -> list[Union[str, bytes]]:
        """Scripts without the first line that only Upstash understands, and by the digest that they then have."""
        verb = _word(command[0])
        if verb in NOT_SPOKEN:
            raise Refused(400, f"ERR {verb} is not available over REST")
        place = {"EVAL": 1, "EVAL_RO": 1}.get(verb, 2 if verb == "SCRIPT" and _word(command[1:2] or "") == "LOAD" else 0)
        if place and len(command) > place:
            script = command[place] if isinstance(command[place], bytes) else str(command[place]).encode()
            plain = script.partition(b"\n")[2] if script.startswith(b"#!") else script
            self.digests[hashlib.sha1(script).hexdigest()] = hashlib.sha1(plain).hexdigest()
            command[place] = plain
        elif verb in ("EVALSHA", "EVALSHA_RO") and len(command) > 1:
            command[1] = self.digests.get(str(command[1]).lower(), command[1])
        return command


def _word(part: Any) -> str:
    part = part[0] if isinstance(part, list) and part else part
    return (part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)).upper()


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise Refused(400, "ERR failed to parse the body as JSON") from None


def _json_lists(body: bytes) -> list[Any]:
    lists = _json(body)
    if not isinstance(lists, list) or not lists:
        raise Refused(400, "ERR expected an array of commands")
    return lists


def _command(value: Any) -> list[Union[str, bytes]]:
    if not isinstance(value, list) or not value:
        raise Refused(400, "ERR empty command")
    return [part if isinstance(part, str) else json.dumps(part, separators=(",", ":")) for part in value]


def _encoded(command: Command) -> bytes:
    parts = [part if isinstance(part, bytes) else part.encode() for part in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def _outcome(answer: Any, encode: Any) -> Any:
    return {"error": str(answer)} if isinstance(answer, RedisError) else {"result": encode(answer)}


def _base64(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_base64(item) for item in answer]
    if answer == "OK" or not isinstance(answer, (bytes, str)):
        return _text(answer)
    return base64.b64encode(answer if isinstance(answer, bytes) else answer.encode()).decode()


def _text(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_text(item) for item in answer]
    if isinstance(answer, RedisError):
        return f"ERR {answer}"
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer


async def serve(front: Front, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, request after request."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError), contextlib.closing(writer):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ", 2)
            pairs = (line.partition(":") for line in head[1:] if line)
            headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
            body = await _body(reader, headers)
            if body is None:
                status, answer = 413, {"error": "ERR max request size exceeded"}
            else:
                status, answer = await front.respond(method, target, headers, body)
            content = json.dumps(answer).encode()
            phrase = HTTPStatus(status).phrase
            writer.write(
                f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\nupstash-sync-token: local\r\n"
                f"content-length: {len(content)}\r\n\r\n".encode()
                + (b"" if method == "HEAD" else content)
            )
            await writer.drain()
            if body is None or headers.get("connection", "").lower() == "close":
                return


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> Optional[bytes]:
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        length = int(headers.get("content-length") or 0)
        return await reader.readexactly(length) if length <= BODY_BYTES_MAX else None
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        body += (await reader.readexactly(size + 2))[:-2]
        if size == 0:
            return body
        if len(body) > BODY_BYTES_MAX:
            return None


# Loaded before any fork.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def ends_with_parent() -> None:
    """Has the kernel end this process with the one that starts it."""
    if LIBC:
        pr_set_pdeathsig = 1
        LIBC.prctl(pr_set_pdeathsig, int(signal.SIGKILL), 0, 0, 0)


async def main() -> None:
    """See the top of the file."""
    token = os.environ["REDIS_REST_TOKEN"]
    with tempfile.TemporaryDirectory(prefix="footnote-redis-") as folder:
        path = os.path.join(folder, "socket")
        settings = ["--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", folder]
        command = [sys.argv[1], *settings]
        redis_server = await asyncio.create_subprocess_exec(*command, stdout=sys.stderr, preexec_fn=ends_with_parent)
        try:
            while True:
                try:
                    reader, writer = await asyncio.open_unix_connection(path)
                    break
                except OSError:
                    if redis_server.returncode is not None:
                        sys.exit(f"{sys.argv[1]} ended with {redis_server.returncode}")
                    await asyncio.sleep(0.01)
            redis = Redis(reader, writer)
            front = Front(redis, token)
            server = await asyncio.start_server(lambda *streams: serve(front, *streams), "127.0.0.1", 0, backlog=1024)
            receiving = asyncio.create_task(redis.receive())
            asked_to_end = asyncio.create_task(_asked_to_end())
            print(f"ready http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
            await asyncio.wait([receiving, asked_to_end], return_when=asyncio.FIRST_COMPLETED)
        finally:
            if redis_server.returncode is None:
                redis_server.kill()
                await redis_server.wait()


async def _asked_to_end() -> None:
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    await end.wait()


if __name__ == "__main__":
    asyncio.run(main())
