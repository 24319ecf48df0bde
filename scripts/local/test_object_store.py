"""The object store forgets nothing that it acknowledged, however it ends, and keeps nothing that was deleted."""

from __future__ import annotations

import os
import tempfile
import unittest
import urllib.request
from pathlib import Path
from typing import Any

import boto3

from . import objects
from .documents import Documents

CONTENT = b"%PDF-1.7 \x00\xff" + os.urandom(70_000)


class ObjectStore(unittest.TestCase):
    """Against the real process, over HTTP."""

    def setUp(self) -> None:
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.logs = Path(work.name)
        self.directory = self.logs / "objects"
        self.start()
        self.addCleanup(lambda: self.child.stop())

    def start(self) -> None:
        """Starts the store on the same directory as before."""
        self.child, self.url = objects.start(self.logs, self.directory)
        self.s3: Any = boto3.client(
            "s3", endpoint_url=self.url, region_name=objects.REGION, aws_access_key_id="a", aws_secret_access_key="b"
        )

    def kill_and_start(self) -> None:
        """As after a crash."""
        self.child.process.kill()
        self.child.process.wait()
        self.start()

    def listing(self) -> Any:
        """All versions and delete markers."""
        found = self.s3.list_object_versions(Bucket=objects.BUCKET)
        return {name: found.get(name) for name in ("Versions", "DeleteMarkers")}

    def test_versions_markers_and_metadata_survive_a_kill(self) -> None:
        about = {"ContentType": "application/pdf", "Metadata": {"owner": "user_a"}, "ChecksumAlgorithm": "SHA256"}
        self.s3.put_object(Bucket=objects.BUCKET, Key="user_a/naïve name", Body=CONTENT, **about)
        self.s3.put_object(Bucket=objects.BUCKET, Key="user_a/twice", Body=b"first")
        self.s3.put_object(Bucket=objects.BUCKET, Key="user_a/twice", Body=b"second")
        self.s3.put_object(Bucket=objects.BUCKET, Key="user_a/hidden", Body=b"hidden")
        self.s3.delete_object(Bucket=objects.BUCKET, Key="user_a/hidden")
        before = self.listing()
        self.kill_and_start()
        self.assertEqual(self.listing(), before)
        found = self.s3.get_object(Bucket=objects.BUCKET, Key="user_a/naïve name", ChecksumMode="ENABLED")
        self.assertEqual(found["Body"].read(), CONTENT)
        self.assertEqual((found["ContentType"], found["Metadata"]), ("application/pdf", {"owner": "user_a"}))
        versions = [each["VersionId"] for each in before["Versions"] if each["Key"] == "user_a/twice"]
        bodies = [
            self.s3.get_object(Bucket=objects.BUCKET, Key="user_a/twice", VersionId=version)["Body"].read()
            for version in versions
        ]
        self.assertEqual(bodies, [b"second", b"first"])
        with self.assertRaises(self.s3.exceptions.NoSuchKey):
            self.s3.get_object(Bucket=objects.BUCKET, Key="user_a/hidden")

    def test_what_is_erased_is_gone_from_the_disk(self) -> None:
        for name in ("one", "two"):
            self.s3.put_object(Bucket=objects.BUCKET, Key=name, Body=CONTENT)
            self.s3.delete_object(Bucket=objects.BUCKET, Key=name)
        found = self.listing()
        every = [{"Key": each["Key"], "VersionId": each["VersionId"]} for part in found.values() for each in part]
        self.s3.delete_objects(Bucket=objects.BUCKET, Delete={"Objects": every})
        self.assertEqual([path.name for path in self.directory.iterdir()], ["buckets.json"])
        self.kill_and_start()
        self.assertEqual(self.listing(), {"Versions": None, "DeleteMarkers": None})

    def test_multipart_uploads_and_forms_are_kept_whole(self) -> None:
        upload = self.s3.create_multipart_upload(Bucket=objects.BUCKET, Key="parts")["UploadId"]
        where = {"Bucket": objects.BUCKET, "Key": "parts", "UploadId": upload}
        tag = self.s3.upload_part(PartNumber=1, Body=CONTENT, **where)["ETag"]
        self.s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]}, **where)
        form = self.s3.generate_presigned_post(objects.BUCKET, "form", Fields={"Content-Type": "application/pdf"})
        Documents(self.url, "", self.child.check)._send_form(form["url"], form["fields"], "a b.pdf", CONTENT)
        self.kill_and_start()
        for name in ("parts", "form"):
            with self.subTest(name):
                self.assertEqual(self.s3.get_object(Bucket=objects.BUCKET, Key=name)["Body"].read(), CONTENT)

    def test_a_half_written_version_is_removed(self) -> None:
        (self.directory / "000000000009.body").write_bytes(b"cut sh")
        (self.directory / "000000000009.json.new").write_bytes(b"{")
        self.kill_and_start()
        self.assertEqual([path.name for path in self.directory.iterdir()], ["buckets.json"])

    def test_a_browser_page_may_send_the_form(self) -> None:
        request = urllib.request.Request(f"{self.url}/{objects.BUCKET}", method="OPTIONS")
        request.add_header("origin", "http://127.0.0.1:8080")
        request.add_header("access-control-request-method", "POST")
        with urllib.request.urlopen(request, timeout=10) as response:
            self.assertIn(response.headers["access-control-allow-origin"], ("*", "http://127.0.0.1:8080"))


if __name__ == "__main__":
    unittest.main()
