"""What the tests and the benchmarks run on: a Postgres, an object store and a Redis whose data is thrown away."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Iterator, Sequence

from . import node, objects, pgbouncer, postgres, redis_store
from .console import say
from .paths import MODEL, PDFIUM, keys_directory, temporary_data
from .settings import Settings
from .wheels import PDFIUM_NAME

ROLE_PASSWORD = "footnote"


@contextmanager
def running(programs: Path, postgres_settings: Sequence[str]) -> Iterator[dict[str, str]]:
    """Starts what the caller's environment does not name; gives the variables that say where everything is."""
    given = Settings().given
    with temporary_data() as data, ExitStack() as stop_in_order:
        logs = data / "logs"
        logs.mkdir()
        environment = {
            "FOOTNOTE_MODEL_DIR": str(MODEL),
            "TEST_PDFIUM_LIBRARY": str(PDFIUM / PDFIUM_NAME),
            "TEST_BIN_DIR": str(programs),
            "FOOTNOTE_KEYS_DIR": str(keys_directory()),
            # The object store takes any; the SDK wants some.
            "AWS_ACCESS_KEY_ID": "footnote",
            "AWS_SECRET_ACCESS_KEY": "footnote",
            "AWS_REGION": "us-east-1",
        }
        if "TEST_DATABASE_ADMIN_URL" not in given:
            say("== postgres")
            cluster = postgres.start(data, logs, postgres_settings, ROLE_PASSWORD)
            stop_in_order.callback(cluster.child.stop)
            environment["TEST_DATABASE_ADMIN_URL"] = cluster.url(postgres.SUPERUSER, postgres.SUPERUSER)
            environment["TEST_DATABASE_PASSWORD"] = ROLE_PASSWORD
        if "TEST_S3_ENDPOINT" not in given:
            say("== object store")
            store, environment["TEST_S3_ENDPOINT"] = objects.start(logs)
            stop_in_order.callback(store.stop)
        if redis_store.is_available():
            say("== redis")
            redis, environment["TEST_REDIS_URL"], environment["TEST_REDIS_TOKEN"] = redis_store.start(logs)
            stop_in_order.callback(redis.stop)
        environment.update(pgbouncer.variables())
        modules = node.modules()
        if modules:
            environment["TEST_NODE_MODULES"] = modules
        yield environment
