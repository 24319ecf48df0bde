"""Starts the local Redis behind its REST front."""

from __future__ import annotations

import platform
import secrets
import shutil
import sys
from pathlib import Path

from . import tools_python
from .console import Fault
from .paths import REDIS, SCRIPTS
from .processes import Child

PROGRAM = SCRIPTS / "local" / "redis_rest.py"
# The one platform that the pinned wheel is made for; elsewhere the system's own server serves.
HAS_WHEEL = sys.platform == "linux" and platform.machine() == "x86_64"


def is_available() -> bool:
    """Whether there is, or can be, a Redis on this machine."""
    return HAS_WHEEL or shutil.which("redis-server") is not None


def start(logs: Path) -> tuple[Child, str, str]:
    """Its process, its URL, its token."""
    binary = str(REDIS / "redis-server") if HAS_WHEEL else shutil.which("redis-server")
    if not binary:
        raise Fault("there is no redis-server on this machine. Install the package redis-server (or redis), and run this again")
    token = secrets.token_urlsafe(24)
    environment = {**tools_python.environment(), "REDIS_REST_TOKEN": token}
    child = Child("redis", [str(tools_python.interpreter()), str(PROGRAM), binary], logs, environment)
    try:
        return child, child.wait_ready(), token
    except BaseException:
        child.stop()
        raise
