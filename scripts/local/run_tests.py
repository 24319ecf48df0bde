"""`scripts/test`: all tests, with a Postgres, an object store and a Redis of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from typing import Mapping

from . import binaries, node, objects, postgres, redis_store, set_up, tools_python
from .console import run_command, say
from .paths import MODEL, PDFIUM, SCRIPTS, keys_directory, temporary_data
from .settings import Settings
from .wheels import PDFIUM_NAME

ROLE_PASSWORD = "footnote"
HELP = """usage: test [ARGUMENT…]

Sets up .local/, starts Postgres, the object store and Redis on free ports with data that is thrown away, builds the programs, and
runs `cargo test --workspace ARGUMENT…`, then the tests of the scripts themselves (without arguments only). Ends with cargo's
exit code. TEST_DATABASE_ADMIN_URL (with TEST_DATABASE_PASSWORD) and TEST_S3_ENDPOINT, if set, are used as they are."""


def main() -> int:
    """The command."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ("-h", "--help"):
        print(HELP)
        return 0
    return run_command(lambda: _test(arguments))


def _test(arguments: list[str]) -> int:
    say("== set-up")
    set_up.ensure(set_up.ALL)
    say("== build")
    programs = binaries.programs()
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
            cluster = postgres.start(data, logs, postgres.FAST_SETTINGS, ROLE_PASSWORD)
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
        modules = node.modules()
        if modules:
            environment["TEST_NODE_MODULES"] = modules
        say(f"== cargo test {' '.join(arguments)}".rstrip())
        code = binaries.run_cargo(
            ["test", "--workspace", *arguments], {**os.environ, **environment}, quiet_stdout=False
        )
    # With arguments somebody looks for one test of the bundle.
    if code == 0 and not arguments:
        say("== tests of the scripts")
        code = _test_scripts(tools_python.environment())
    return code


def _test_scripts(environment: Mapping[str, str]) -> int:
    # By the tools' Python: the object store's test needs its packages.
    discover = [str(tools_python.interpreter()), "-m", "unittest", "discover", "-s", str(SCRIPTS / "local"), "-t", str(SCRIPTS)]
    return subprocess.run(discover, env=dict(environment), cwd=SCRIPTS).returncode
