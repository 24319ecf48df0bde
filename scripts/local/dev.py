"""`scripts/dev`: the whole stack, kept running."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import IO, Optional

from . import stack
from .console import Fault, Interrupted, run_command, say
from .paths import LOCAL, try_lock, write_holder
from .processes import port_is_free
from .settings import Settings

WATCH_SECONDS = 0.2
PORT = 8080


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="dev",
        description="Runs the whole stack until Ctrl-C. Prints one line `ready URL` on stdout when it serves. "
        "Settings in the environment win over its defaults.",
    )
    parser.add_argument("--port", type=_port, metavar="PORT", help=f"of the server (default {PORT}; 0 for a free one)")
    parser.add_argument("--data", type=Path, default=LOCAL / "data", metavar="DIR", help="what is kept (default .local/data)")
    parser.add_argument("--redis", action="store_true", help="count requests in a Redis rather than in the server")
    options = parser.parse_args()
    return run_command(lambda: _serve(options.port, options.data.resolve(), options.redis))


def _serve(port: Optional[int], data: Path, redis: bool) -> int:
    lock = _hold(data)
    settings = Settings()
    given = settings.given.get("LISTEN_ADDR")
    listen_address = given if given and port is None else f"127.0.0.1:{PORT if port is None else port}"
    if listen_address != given and port != 0 and not port_is_free(int(listen_address.rsplit(":", 1)[1])):
        raise Fault(f"port {listen_address.rsplit(':', 1)[1]} is taken. Choose another: scripts/dev --port 8081")
    programs = stack.prepare(settings, redis)
    with stack.running(settings, programs, data, listen_address, keep=True, redis=redis) as running:
        write_holder(lock, f"process {os.getpid()}, {running.url}")
        say(f"data and logs in {data}; Ctrl-C stops everything")
        print(f"ready {running.url}", flush=True)
        try:
            while True:
                running.check()
                time.sleep(WATCH_SECONDS)
        except Interrupted:
            say("stopping")
    return 0


def _hold(data: Path) -> IO[str]:
    """One stack per data directory."""
    try:
        existed = data.exists()
        data.mkdir(parents=True, exist_ok=True)
        if not existed:
            # As root, Postgres' own user has to pass through; nobody else's business otherwise.
            data.chmod(0o711 if os.geteuid() == 0 else 0o700)
        lock = try_lock(data / "lock")
    except OSError as fault:
        raise Fault(f"{data} cannot hold the data: {fault}") from fault
    if lock is None:
        holder = (data / "lock").read_text("utf-8").strip() or "another process"
        raise Fault(f"{data} is in use by another scripts/dev ({holder}). Stop it, or choose another folder with --data")
    write_holder(lock, f"process {os.getpid()}, starting")
    return lock


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is not a port")
    return port
