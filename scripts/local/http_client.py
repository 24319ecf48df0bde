"""A small HTTP client for servers on this machine: no proxies, no redirects, bodies whole."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    body: bytes
    # Names in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body as JSON, or None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Unreachable(Exception):
    """No response came: refused, reset, or too late."""


class HttpClient:
    """One connection per request; that is cheap on this machine and cannot go stale."""

    def __init__(self, base_url: str, headers: Optional[Mapping[str, str]] = None) -> None:
        parts = urlsplit(base_url)
        self.host = parts.hostname or "127.0.0.1"
        self.port = parts.port
        self.secure = parts.scheme == "https"
        self.headers = dict(headers or {})

    def send(
        self, method: str, path: str, body: Optional[bytes] = None, headers: Optional[Mapping[str, str]] = None
    ) -> Response:
        """One request."""
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        connection = kind(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, response.read(), headers)
        except (OSError, http.client.HTTPException) as fault:
            late = isinstance(fault, socket.timeout)
            raise Unreachable(f"no answer within {TIMEOUT_SECONDS:.0f} s" if late else str(fault)) from fault
        finally:
            connection.close()

    def send_json(
        self, method: str, path: str, value: Any, headers: Optional[Mapping[str, str]] = None
    ) -> Response:
        """One request with a JSON body."""
        return self.send(method, path, json.dumps(value).encode(), {**(headers or {}), "content-type": "application/json"})
