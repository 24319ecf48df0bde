"""The documents and chat routes as a client sees them, each failure in one sentence."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any, Callable, Mapping
from urllib.parse import quote, urlsplit

from .console import Fault, Progress
from .http_client import HttpClient, Response, Unreachable

# Above this the server hands out a form that goes straight to the object storage.
DIRECT_BYTES_MAX = 4 * 1024 * 1024
INGEST_SECONDS_MAX = 900.0
POLL_SECONDS = 0.1
PDF = "application/pdf"


class Documents:
    """Uploads, waits, asks. `check` is called while waiting and raises when the stack has died."""

    def __init__(self, base_url: str, token: str, check: Callable[[], None]) -> None:
        self.client = HttpClient(base_url, {"authorization": f"Bearer {token}", "accept": "application/json"})
        self.check = check

    def upload(self, file: Path) -> str:
        """Stores the file and returns its document's id."""
        content = file.read_bytes()
        if len(content) <= DIRECT_BYTES_MAX:
            headers = {"content-type": PDF, "x-filename": quote(file.name)}
            return str(self._call("upload", "POST", "/v1/documents", content, headers)["document_id"])
        about = {"filename": file.name, "size_bytes": len(content), "content_type": PDF}
        accepted = self._answered("upload", self.client.send_json, "POST", "/v1/documents", about)
        form = accepted.get("upload")
        if not form:
            raise Fault("upload: the server accepted the file and said nowhere to send it")
        self._send_form(form["url"], form["fields"], file.name, content)
        return str(accepted["document_id"])

    def wait_ready(self, document_id: str) -> dict[str, Any]:
        """Waits until the document can be asked about."""
        with Progress("reading the document") as progress:
            while True:
                document = self._call("status", "GET", f"/v1/documents/{document_id}")
                status = document.get("status")
                if status == "ready":
                    return document
                if status == "failed":
                    failure = document.get("failure") or {}
                    raise Fault(f"the document failed: {failure.get('code', 'no code')}: {failure.get('detail', 'no detail')}")
                if status == "duplicate":
                    raise Fault("the document is a duplicate of one that is already there")
                if progress.seconds() > INGEST_SECONDS_MAX:
                    raise Fault(f"the document is still {status!r} after {INGEST_SECONDS_MAX:.0f} s")
                progress.tick(f"{status}")
                time.sleep(POLL_SECONDS)

    def ask(self, question: str) -> dict[str, Any]:
        """The answer object."""
        return self._answered("question", self.client.send_json, "POST", "/v1/chat", {"message": question})

    def page_text(self, document_id: str, page: int) -> str:
        """The stored text that citations count in."""
        found = self._call("page", "GET", f"/v1/documents/{document_id}/pages/{page}")
        if not isinstance(found.get("text"), str):
            raise Fault(f"page {page} came without its text")
        return str(found["text"])

    def delete(self, document_id: str) -> None:
        """Removes the document again."""
        self._answered("deletion", self.client.send, "DELETE", f"/v1/documents/{document_id}", body_needed=False)

    def _call(self, what: str, method: str, path: str, *rest: Any) -> dict[str, Any]:
        return self._answered(what, self.client.send, method, path, *rest)

    def _answered(self, what: str, send: Callable[..., Response], *arguments: Any, body_needed: bool = True) -> dict[str, Any]:
        try:
            response = send(*arguments)
        except Unreachable as fault:
            # If the server died, that and its log say more.
            time.sleep(0.2)
            self.check()
            raise Fault(f"{what}: {fault}") from fault
        content = response.json()
        if response.status >= 400:
            raise Fault(f"{what}: {_problem(response.status, content)}")
        if not isinstance(content, dict) and body_needed:
            raise Fault(f"{what}: the server answered {response.status} without a JSON object")
        return content if isinstance(content, dict) else {}

    def _send_form(self, url: str, fields: Mapping[str, str], filename: str, content: bytes) -> None:
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        parts.append(
            f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{quote(filename)}"\r\n'
            f"content-type: {PDF}\r\n\r\n"
        )
        body = "".join(parts).encode() + content + f"\r\n--{boundary}--\r\n".encode()
        place = urlsplit(url)
        # Without this server's token: the form itself is the permission.
        storage = HttpClient(url)
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        try:
            response = storage.send("POST", path, body, {"content-type": f"multipart/form-data; boundary={boundary}"})
        except Unreachable as fault:
            self.check()
            raise Fault(f"upload to the object storage: {fault}") from fault
        if response.status >= 300:
            raise Fault(f"the object storage answered {response.status}: {response.body[:300].decode('utf-8', 'replace')}")


def _problem(status: int, content: Any) -> str:
    if not isinstance(content, dict):
        return f"the server answered {status}"
    text = content.get("detail") or content.get("title") or content.get("error") or "no detail"
    hint = " (is CLERK_JWT_KEY, CLERK_JWKS_URL or CLERK_ISSUER set in the environment?)" if status == 401 else ""
    return f"the server answered {status} {content.get('code', '')}: {text}{hint}"
