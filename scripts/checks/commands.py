"""Checks that are another tool's work: cargo, SAM, cfn-lint, shellcheck, ruff. Their own output says what is wrong."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .files import ROOT, every_file, interpreter_of
from .tools import check_tools

# SAM and cfn-lint want a region, and no account: nothing is asked of AWS.
NO_ACCOUNT = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_EC2_METADATA_DISABLED": "true",
    "SAM_CLI_TELEMETRY": "0",
}


def formatting() -> list[str]:
    return run(["cargo", "fmt", "--all", "--check"])


def clippy() -> list[str]:
    return run(["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])


def rust_documentation() -> list[str]:
    # Private items too: that is where the readers of this repository are.
    command = ["cargo", "doc", "--workspace", "--no-deps", "--document-private-items", "--locked"]
    return run(command, {**os.environ, "RUSTDOCFLAGS": "-D warnings"})


def template() -> list[str]:
    environment = {**check_tools(), **NO_ACCOUNT}
    return [
        *run(["sam", "validate", "--lint", "--template-file", "template.yaml"], environment),
        *run(["cfn-lint", "--non-zero-exit-code", "informational", "template.yaml"], environment),
    ]


def shell_scripts() -> list[str]:
    paths = [str(path) for path in every_file() if path.suffix == ".sh" or _is_run_by(path, "bash", "/sh")]
    problems = [problem for path in paths for problem in run(["bash", "-n", path])]
    return problems + run(["shellcheck", "--external-sources", *paths], check_tools())


def python_scripts() -> list[str]:
    paths = [str(path) for path in every_file() if path.suffix == ".py" or _is_run_by(path, "python")]
    # Mistakes and likely bugs (E, F, W, B); not line length, not imports after a script has set its path, not bare zip().
    rules = ["--select", "E,F,W,B", "--ignore", "E402,E501,B905", "--target-version", "py39"]
    return run(["ruff", "check", "--quiet", "--no-cache", "--isolated", "--output-format", "concise", *rules, *paths], check_tools())


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
    """Runs a command in the root, its output shown; a problem if it fails."""
    try:
        code = subprocess.run(command, cwd=ROOT, env=environment).returncode
    except FileNotFoundError:
        return [f"{command[0]} is not installed"]
    return [f"`{' '.join(command[:3])}` ended with {code}"] if code else []


def _is_run_by(path: Path, *interpreters: str) -> bool:
    first = interpreter_of(path) if not path.suffix else ""
    return any(interpreter in first for interpreter in interpreters)
