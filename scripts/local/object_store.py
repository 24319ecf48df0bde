"""The local object store: moto's server, whose buckets and objects outlive it. Run by the tools' Python.

    object_store.py [DIRECTORY]

Listens on a free port of 127.0.0.1 and prints `ready URL`. moto keeps everything in memory; with a DIRECTORY, what a
request changed in S3 is on disk before the request is answered, so that nothing acknowledged is lost however the process
ends, and what was deleted is gone from the disk too. Kept: buckets with their versioning, every version of every object with
its metadata, delete markers. Not kept: multipart uploads in progress, tags, other services.
"""

from __future__ import annotations

import datetime
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Iterable, Optional, Union

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, S3Backend, s3_backends
from werkzeug.serving import make_server

Version = Union[FakeKey, FakeDeleteMarker]
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

CHANGING_METHODS = ("PUT", "POST", "DELETE")
# What a version is besides its content and its metadata.
FIELDS = (
    "name", "_version_id", "_etag", "_is_versioned", "_storage_class", "encryption", "kms_key_id", "checksum_algorithm",
    "checksum_value", "checksum_type", "checksum_parts",
)  # fmt: skip


class Mirror:
    """S3's state as files: `buckets.json`, and per version `NUMBER.json` with, for an object, `NUMBER.body`.

    Numbers rise in the order in which the versions were seen. A version is there once its `.json` is.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.lock = threading.Lock()
        self.backend: S3Backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self.stored: dict[Version, str] = {}
        self.buckets: dict[str, dict[str, Optional[str]]] = {}
        self.last_number = 0

    def load(self) -> None:
        """Puts what the files hold into moto, and removes what a crash left half written."""
        manifest = self.directory / "buckets.json"
        if manifest.exists():
            self.buckets = json.loads(manifest.read_text("utf-8"))
        for name, about in self.buckets.items():
            bucket = self.backend.create_bucket(name, about["region"] or "us-east-1")
            bucket.versioning_status = about["versioning"]
        for description in sorted(self.directory.glob("[0-9]*.json")):
            about = json.loads(description.read_text("utf-8"))
            self.last_number = int(description.stem)
            if about["bucket"] in self.buckets:
                bucket = self.backend.buckets[about["bucket"]]
                self.stored[self._restore(bucket, description.stem, about)] = description.stem
        known = set(self.stored.values())
        for left in self.directory.iterdir():
            if left != manifest and left.stem not in known:
                left.unlink()

    def save(self) -> None:
        """Brings the files to moto's present state."""
        with self.lock:
            buckets = {
                bucket.name: {"region": bucket.region_name, "versioning": bucket.versioning_status}
                for bucket in self.backend.buckets.values()
            }
            if buckets != self.buckets:
                self._write("buckets.json", json.dumps(buckets).encode())
                self.buckets = buckets
            present = [
                (bucket, version)
                for bucket in list(self.backend.buckets.values())
                for _, versions in bucket.keys.lists()
                for version in list(versions)
            ]
            for bucket, version in present:
                if version not in self.stored:
                    self._store(bucket, version)
            for version in set(self.stored) - {version for _, version in present}:
                self._remove(self.stored.pop(version))

    def _store(self, bucket: FakeBucket, version: Version) -> None:
        self.last_number += 1
        number = f"{self.last_number:012d}"
        about: dict[str, Any] = {"bucket": bucket.name, "last_modified": version.last_modified.isoformat()}
        if isinstance(version, FakeDeleteMarker):
            about["marker"] = {"name": version.name, "version_id": version.version_id}
        else:
            about["fields"] = {field: getattr(version, field) for field in FIELDS}
            about["metadata"] = dict(version.metadata)
            self._write(f"{number}.body", version.value)
        self._write(f"{number}.json", json.dumps(about).encode())
        self.stored[version] = number

    def _restore(self, bucket: FakeBucket, number: str, about: dict[str, Any]) -> Version:
        if "marker" in about:
            version: Version = self._restored_marker(bucket, about["marker"])
        else:
            version = self._restored_key(bucket, number, about)
        version.last_modified = datetime.datetime.fromisoformat(about["last_modified"])
        # Not `setlist`: it would dispose of the versions already there.
        bucket.keys[version.name] = version
        return version

    def _restored_key(self, bucket: FakeBucket, number: str, about: dict[str, Any]) -> FakeKey:
        content = (self.directory / f"{number}.body").read_bytes()
        key = FakeKey(about["fields"]["name"], content, DEFAULT_ACCOUNT_ID, bucket.region_name, bucket_name=bucket.name)
        for field, value in about["fields"].items():
            setattr(key, field, value)
        key.set_metadata(about["metadata"], replace=True)
        return key

    def _restored_marker(self, bucket: FakeBucket, about: dict[str, str]) -> FakeDeleteMarker:
        # moto wants to know what the marker hides; an empty stand-in serves when that version is gone.
        hidden = bucket.keys.get(about["name"]) or FakeKey(about["name"], b"", DEFAULT_ACCOUNT_ID, bucket.region_name)
        marker = FakeDeleteMarker(hidden)
        marker._version_id = about["version_id"]
        return marker

    def _write(self, name: str, content: bytes) -> None:
        new = self.directory / f"{name}.new"
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.directory / name)

    def _remove(self, number: str) -> None:
        for suffix in ("json", "body"):
            (self.directory / f"{number}.{suffix}").unlink(missing_ok=True)


def mirrored(application: Application, mirror: Mirror) -> Application:
    """The application, whose changes are on disk before it answers."""

    def answer(environment: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = application(environment, start_response)
        if environment["REQUEST_METHOD"] in CHANGING_METHODS:
            mirror.save()
        return body

    return answer


def main() -> None:
    """See the top of the file."""
    application: Application = DomainDispatcherApplication(create_backend_app)
    if len(sys.argv) > 1:
        mirror = Mirror(Path(sys.argv[1]))
        mirror.load()
        application = mirrored(application, mirror)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    # Every acknowledged change is on disk: there is nothing to finish.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(f"ready http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
