"""`scripts/test`: all tests, with a Postgres, an object store and a Redis of their own, and PgBouncer before the first."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Mapping

from fuzzing.command import fuzz

from . import binaries, library, postgres, set_up, test_parts, tools_python
from .console import run_command, say
from .paths import SCRIPTS

HELP = """usage: test [ARGUMENT…]

Sets up .local/, starts Postgres, the object store and Redis on free ports with data that is thrown away, builds the programs, and
runs `cargo test --workspace` with these arguments, then (without arguments only) the questions of tests/eval/library, the tests of the
scripts and 300 requests of `scripts/fuzz`. Ends with the exit code of what failed. Tests of tenant isolation start PgBouncer, where the machine has it
or Debian's package can be fetched, and say where not; TEST_STORM_SEED chooses their requests. TEST_DATABASE_ADMIN_URL (with
TEST_DATABASE_PASSWORD) and TEST_S3_ENDPOINT, if set, are used as they are."""

# Programs and documentation have no tests in them, and examples are benchmarks, which `scripts/check` compiles.
TARGETS = ("--lib", "--test", "*")


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
    with test_parts.running(programs, postgres.FAST_SETTINGS) as environment:
        say(f"== cargo test {' '.join(arguments)}".rstrip())
        # Whoever names a crate or a target has chosen.
        chosen = any(argument.startswith(("-p", "--package", "--lib", "--test", "--bin", "--example", "--doc")) for argument in arguments)
        command = ["test", *([] if chosen else ["--workspace", *TARGETS]), *arguments]
        code = binaries.run_cargo(command, {**os.environ, **environment}, quiet_stdout=False)
        # With arguments somebody looks for one test of the bundle.
        if code == 0 and not arguments:
            say("== questions of the library")
            code = library.evaluate(environment)
    if code == 0 and not arguments:
        say("== tests of the scripts")
        code = _test_scripts(tools_python.environment())
    if code == 0 and not arguments:
        # In small, and the same every time; `scripts/fuzz` is the whole.
        code = fuzz(requests=300, seed=1)
    return code


def _test_scripts(environment: Mapping[str, str]) -> int:
    # By the tools' Python: the object store's test needs its packages.
    for folder in ("local", "fuzzing"):
        discover = [str(tools_python.interpreter()), "-m", "unittest", "discover", "-s", str(SCRIPTS / folder), "-t", str(SCRIPTS)]
        code = subprocess.run(discover, env=dict(environment), cwd=SCRIPTS).returncode
        if code:
            return code
    return 0
