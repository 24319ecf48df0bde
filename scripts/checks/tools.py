"""Command-line tools from the Python package index, in an environment below `.local/` that is made once per set of pins."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from .files import ROOT

REQUIREMENTS = Path(__file__).resolve().parent / "requirements.txt"


def check_tools() -> dict[str, str]:
    """The environment variables that put the checks' own tools first on the path."""
    return tools("check-venv", REQUIREMENTS.read_text("utf-8"))


def tools(folder: str, requirements: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`environment` with any tools first on its path; they are installed if the last installation was not of exactly these."""
    place = ROOT / ".local" / folder
    stamp = place / "stamp"
    wanted = hashlib.sha256(f"{requirements}\n{sys.version}\n{place}".encode()).hexdigest()
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        _install(place, requirements)
        stamp.write_text(wanted, "utf-8")
    changed = {"PATH": place / "bin"} if (place / "pyvenv.cfg").exists() else {"PATH": place / "bin", "PYTHONPATH": place}
    return {**environment, **{name: _before(first, environment.get(name)) for name, first in changed.items()}}


def _before(first: Path, others: str | None) -> str:
    return f"{first}{os.pathsep}{others}" if others else str(first)


def _install(place: Path, requirements: str) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    print(f"installing tools into .local/{place.name}", flush=True)
    pip = [sys.executable, "-m", "pip"]
    target = ["--target", str(place)]
    # Some systems split ensurepip off their Python; pip alone will do then.
    if subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True).returncode == 0:
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        pip, target = [str(place / "bin" / "python"), "-m", "pip"], []
    else:
        place.mkdir()
    listed = place / "requirements.txt"
    listed.write_text(requirements, "utf-8")
    command = [*pip, "install", "--quiet", "--disable-pip-version-check", "--no-input", *target, "-r", str(listed)]
    subprocess.run(command, check=True, env={**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"})
