"""Starts the local object store and makes the bucket, as a deployment has it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Optional

from . import tools_python
from .console import Fault
from .http_client import HttpClient
from .paths import SCRIPTS
from .processes import Child

BUCKET = "footnote"
REGION = "us-east-1"
# moto checks no signature, but takes a request without one for a stranger's.
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential=footnote/20260101/{REGION}/s3/aws4_request, SignedHeaders=host, Signature=0"
VERSIONING = (
    b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<Status>Enabled</Status></VersioningConfiguration>"
)


def start(logs: Path, directory: Optional[Path] = None) -> tuple[Child, str]:
    """The object store's process and its URL; with a `directory`, objects outlive it."""
    arguments = [str(tools_python.interpreter()), str(SCRIPTS / "local" / "object_store.py")]
    if directory:
        arguments.append(str(directory))
    # What an acknowledged request changed is on disk: a kill loses nothing.
    child = Child("object-store", arguments, logs, tools_python.environment(), death_signal=signal.SIGKILL)
    try:
        url = child.wait_ready()
        make_bucket(url)
    except BaseException:
        child.stop()
        raise
    return child, url


def make_bucket(url: str) -> None:
    """The bucket with versions, as on AWS. Does nothing to one that stands."""
    client = HttpClient(url, {"authorization": AUTHORIZATION})
    if client.send("HEAD", f"/{BUCKET}").status == 404:
        _expect_ok(client.send("PUT", f"/{BUCKET}").status)
    _expect_ok(client.send("PUT", f"/{BUCKET}?versioning", VERSIONING, {"content-type": "application/xml"}).status)


def _expect_ok(status: int) -> None:
    if status != 200:
        raise Fault(f"the local object store could not make the bucket: it answered {status}")
