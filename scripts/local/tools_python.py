"""The Python that runs the stack's own tools (object store, keys): a virtual environment, or a folder of packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Sequence

from .console import Fault
from .paths import LOCAL, LOGS, making, replace_directory, write_atomically
from .pins import installed_pins
from .processes import run_logged

VENV = LOCAL / "venv"
# Used instead of VENV where the system's Python cannot make one.
PACKAGES = LOCAL / "packages"
# Which interpreter PACKAGES belongs to.
INTERPRETER = LOCAL / "packages.python"

OLDEST = (3, 10)
NEWEST = (3, 14)
NETWORK_ADVICE = "If it is the network or a proxy, mend that and run the command again: finished steps are kept."


def interpreter() -> Path:
    """The tools' Python; valid after `install`."""
    return Path(INTERPRETER.read_text("utf-8")) if INTERPRETER.exists() else VENV / "bin" / "python"


def environment() -> dict[str, str]:
    """What a process of the tools' Python gets: this environment, without what would lead it to other packages."""
    clean = {**_without_python_settings(), "PYTHONDONTWRITEBYTECODE": "1"}
    if INTERPRETER.exists():
        clean["PYTHONPATH"] = str(PACKAGES)
    return clean


def is_installed() -> bool:
    """Whether interpreter and packages are (still) there; a system upgrade can take the former away."""
    return interpreter().exists() and (PACKAGES if INTERPRETER.exists() else VENV).is_dir()


def install() -> None:
    """Makes the virtual environment and installs the pinned packages."""
    python = _find_python()
    INTERPRETER.unlink(missing_ok=True)
    for directory in (VENV, PACKAGES):
        shutil.rmtree(directory, ignore_errors=True)
    title = "installing the Python packages"
    with making() as work:
        if _can(python, "import ensurepip, venv"):
            venv = work / "venv"
            run_logged("making a Python environment", [python, "-m", "venv", str(venv)], LOGS / "set-up-python.log")
            pip(str(venv / "bin" / "python"), ["install", *installed_pins()], title)
            # It is used through its interpreter only, which does not mind the move.
            replace_directory(venv, VENV)
            return
        if not _can(python, "import pip"):
            raise Fault(
                f"{python} can make no virtual environment (no ensurepip) and has no pip. Install one of the two, "
                "e.g. the package python3-venv or python3-pip of your system, and run this again."
            )
        packages = work / "packages"
        pip(python, ["install", "--target", str(packages), *installed_pins()], title)
        replace_directory(packages, PACKAGES)
        write_atomically(INTERPRETER, python)


def download(pin: str, directory: Path, title: str) -> Path:
    """Fetches the wheel of one package into `directory`, for this machine."""
    # The CPython version is fixed: of these wheels only files are used, so that it need not be the one that runs.
    target = ["--python-version", "3.12", "--implementation", "cp", "--abi", "cp312"]
    pip(str(interpreter()), ["download", *target, "--dest", str(directory), pin], title)
    [wheel] = directory.glob("*.whl")
    return wheel


def pip(python: str, arguments: Sequence[str], title: str) -> None:
    """Runs pip, exact pins and wheels only."""
    command, *rest = arguments
    fixed = ["--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary=:all:"]
    run_logged(
        title,
        [python, "-m", "pip", command, *fixed, *rest],
        LOGS / "set-up-pip.log",
        # A PIP_USER from the caller's settings contradicts both an environment of one's own and --target.
        environment={**_without_python_settings(), "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"},
        advice=NETWORK_ADVICE,
    )


def _without_python_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")}


def _find_python() -> str:
    chosen = os.environ.get("FOOTNOTE_PYTHON")
    names = [chosen] if chosen else [sys.executable, *(f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1))]
    for name in names:
        path = shutil.which(name) if name else None
        if path and _can(path, f"import sys; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"):
            return path
    raise Fault(
        f"the stack's tools need Python {_text(OLDEST)} to {_text(NEWEST)}, and none was found "
        f"(this is {_text(sys.version_info[:2])}). Install one, or name it in FOOTNOTE_PYTHON."
    )


def _text(version: Sequence[int]) -> str:
    return ".".join(str(part) for part in version)


def _can(python: str, code: str) -> bool:
    try:
        return subprocess.run([python, "-c", code], capture_output=True, timeout=60, cwd="/").returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
