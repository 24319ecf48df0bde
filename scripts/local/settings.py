"""The settings that the server gets: what the caller's environment says, else the local stack's defaults."""

from __future__ import annotations

import os
from typing import Mapping, Optional

from . import postgres
from .objects import BUCKET, REGION
from .paths import MODEL, PDFIUM, keys_directory
from .tokens import ISSUER
from .wheels import PDFIUM_NAME

DEVELOPMENT_LIMITS = "; ".join(
    f"{policy}=100000/1h" for policy in ("chat.user", "upload.user", "documents.user", "conversations.user", "delete.user", "anonymous.ip", "requests.ip")
)
LOCAL_CREDENTIALS = "footnote"
AWS_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")


class Settings:
    """Decides, from the caller's environment, what the stack has to bring along."""

    def __init__(self, environment: Optional[Mapping[str, str]] = None) -> None:
        self.given = {name: value for name, value in (os.environ if environment is None else environment).items() if value}

    @property
    def needs_postgres(self) -> bool:
        """Unless the caller names a database."""
        return "DATABASE_URL" not in self.given

    @property
    def needs_objects(self) -> bool:
        """Unless the caller names an endpoint, or a bucket together with credentials for it."""
        real = "BUCKET" in self.given and any(name in self.given for name in AWS_CREDENTIALS)
        return "AWS_ENDPOINT_URL" not in self.given and not real

    @property
    def needs_model(self) -> bool:
        """Unless vectors come from elsewhere."""
        return self.given.get("EMBEDDINGS", "local") == "local" and "EMBEDDER_DIR" not in self.given

    @property
    def needs_pdfium(self) -> bool:
        """Unless the caller names a library."""
        return "PDFIUM_LIBRARY" not in self.given

    @property
    def own_identity(self) -> bool:
        """Whether tokens are checked with the development key."""
        return "CLERK_JWT_KEY" not in self.given and "CLERK_JWKS_URL" not in self.given

    def for_server(
        self, cluster: Optional[postgres.Cluster], objects_url: Optional[str], listen_address: str
    ) -> dict[str, str]:
        """The whole environment of `migrate` and `server`."""
        defaults = {
            "AWS_REGION": REGION,
            "BUCKET": BUCKET,
            "CLERK_ISSUER": ISSUER,
            # One process serves everybody; the server's own default is for a Lambda environment, which serves one request.
            "DATABASE_MAX_CONNECTIONS": "20",
            "EMBEDDINGS": "local",
            "LOG_LEVEL": "info",
            # Wide enough for trials in bulk; the server's own defaults are for production.
            "RATE_LIMITS": DEVELOPMENT_LIMITS,
            "ADDRESS_REQUESTS_AT_ONCE": "100",
        }
        if self.needs_model:
            defaults["EMBEDDER_DIR"] = str(MODEL)
        if self.needs_pdfium:
            defaults["PDFIUM_LIBRARY"] = str(PDFIUM / PDFIUM_NAME)
        if self.own_identity:
            defaults["CLERK_JWT_KEY"] = (keys_directory() / "dev.pub.pem").read_text("utf-8")
            defaults["DEV_SIGNING_KEY_FILE"] = str(keys_directory() / "dev.pem")
        result = {**defaults, **self.given, "LISTEN_ADDR": listen_address}
        if cluster:
            result["DATABASE_URL"] = cluster.url(postgres.APP)
            result["DATABASE_JOBS_URL"] = cluster.url(postgres.JOBS)
            result["DATABASE_DIRECT_URL"] = cluster.url(postgres.OWNER)
        if objects_url:
            # As one group: real credentials have no business with the local store, and would find no bucket there.
            for name in (*AWS_CREDENTIALS, "AWS_SESSION_TOKEN"):
                result.pop(name, None)
            result["AWS_ENDPOINT_URL"] = objects_url
            result["AWS_ACCESS_KEY_ID"] = result["AWS_SECRET_ACCESS_KEY"] = LOCAL_CREDENTIALS
            result["BUCKET"] = BUCKET
        # What listens on this machine is not reached through a proxy.
        loopback = "127.0.0.1,localhost"
        for name in ("NO_PROXY", "no_proxy"):
            result[name] = f"{result[name]},{loopback}" if name in result else loopback
        return result
