"""The project's own programs: built by cargo, or taken from where `FOOTNOTE_BIN_DIR` says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Mapping, Optional, Sequence

from .console import Fault, say
from .paths import ROOT
from .processes import end_group, ends_with_parent

NO_CARGO = "cargo was not found. Install Rust with rustup; the version in rust-toolchain.toml is then fetched by itself."


def programs(release: bool = False) -> Path:
    """The folder with `server` and `migrate`, built if need be."""
    given = os.environ.get("FOOTNOTE_BIN_DIR")
    directory = Path(given).resolve() if given else _build(release)
    for name in ("server", "migrate"):
        if not os.access(directory / name, os.X_OK):
            raise Fault(f"{directory / name} is not there or cannot be run")
    return directory


def run_cargo(arguments: Sequence[str], environment: Optional[Mapping[str, str]] = None, quiet_stdout: bool = True) -> int:
    """Runs cargo in the repository, its progress on stderr; returns its exit code."""
    try:
        process = subprocess.Popen(
            ["cargo", *arguments],
            stdin=subprocess.DEVNULL,
            # stdout belongs to the command's own results.
            stdout=2 if quiet_stdout else None,
            cwd=ROOT,
            env=None if environment is None else dict(environment),
            start_new_session=True,
            preexec_fn=ends_with_parent(signal.SIGTERM),
        )
    except FileNotFoundError as fault:
        raise Fault(NO_CARGO) from fault
    try:
        return process.wait()
    finally:
        end_group(process)


def _build(release: bool) -> Path:
    command = ["build", "--workspace", "--bins", *(["--release"] if release else [])]
    say(f"building (cargo {' '.join(command)})")
    if run_cargo(command) != 0:
        raise Fault("cargo could not build the programs; its messages are above")
    # Asked of cargo itself, which knows CARGO_TARGET_DIR and its configuration files.
    asked = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT, capture_output=True, text=True
    )
    if asked.returncode != 0:
        raise Fault(f"cargo metadata failed:\n{asked.stderr.strip()}")
    return Path(json.loads(asked.stdout)["target_directory"]) / ("release" if release else "debug")
