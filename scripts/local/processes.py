"""Child processes: started so that they end with this one, watched while they run, stopped in good order."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence

from .console import Fault, Progress, last_lines

POLL_SECONDS = 0.03
PR_SET_PDEATHSIG = 1

# Loaded before any fork: between fork and exec nothing may be loaded.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def ends_with_parent(death_signal: int) -> Optional[Callable[[], None]]:
    """What a child does before exec so that it gets `death_signal` should this process die without stopping it."""
    if _LIBC is None:
        return None
    parent = os.getpid()

    def bind() -> None:
        _LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        # The parent may have died before the line above.
        if os.getppid() != parent:
            os._exit(1)

    return bind


class Child:
    """One process of the stack. Its output goes to `logs/NAME.out` and `logs/NAME.log`."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        logs: Path,
        environment: Mapping[str, str],
        identity: Optional[Mapping[str, Any]] = None,
        stop_signals: Sequence[tuple[int, float]] = ((signal.SIGTERM, 10.0),),
        death_signal: int = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self.output = logs / f"{name}.out"
        self.stop_signals = stop_signals
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".previous.log"))
        with self.output.open("wb") as output, self.log.open("wb") as log:
            try:
                self.process = subprocess.Popen(
                    list(arguments),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=log,
                    cwd="/",
                    env=dict(environment),
                    # Ctrl-C at the terminal reaches only this process, which stops its children in order.
                    start_new_session=True,
                    preexec_fn=ends_with_parent(death_signal),
                    **(identity or {}),
                )
            except (OSError, subprocess.SubprocessError) as fault:
                raise Fault(f"{name} cannot be started: {fault}") from fault

    def running(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def check(self) -> None:
        """Raises when it has ended by itself, with the end of its log."""
        code = self.process.poll()
        if code is not None:
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
            raise Fault(f"{self.name} ended with {how}. The end of its log:\n{last_lines(self.log)}")

    def wait_ready(self, seconds_max: float = 60.0) -> str:
        """Waits for the line `ready URL` on its output and returns the URL."""
        with Progress(f"starting {self.name}") as progress:
            while True:
                found = re.search(r"^ready (\S+)\n", self.output.read_text("utf-8", "replace"), re.MULTILINE)
                if found:
                    return found.group(1)
                self.check()
                if progress.seconds() > seconds_max:
                    raise Fault(f"{self.name} was not ready within {seconds_max:.0f} s:\n{last_lines(self.log)}")
                progress.tick()
                time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Asks it to end, ever less politely, and returns when it has."""
        with Progress(f"stopping {self.name}") as progress:
            for number, seconds_max in (*self.stop_signals, (signal.SIGKILL, 10.0)):
                if not self.running():
                    return
                self.process.send_signal(number)
                deadline = time.monotonic() + seconds_max
                while self.running() and time.monotonic() < deadline:
                    progress.tick()
                    time.sleep(POLL_SECONDS)


def run_logged(
    title: str,
    arguments: Sequence[str],
    log: Path,
    environment: Optional[Mapping[str, str]] = None,
    advice: str = "",
    identity: Optional[Mapping[str, Any]] = None,
    cwd: Path = Path("/"),
) -> None:
    """Runs a program to its end, its output in `log`; a progress line when it takes long, a fault when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with Progress(title) as progress, log.open("wb") as output:
        try:
            process = subprocess.Popen(
                list(arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=None if environment is None else dict(environment),
                start_new_session=True,
                preexec_fn=ends_with_parent(signal.SIGTERM),
                **(identity or {}),
            )
        except (OSError, subprocess.SubprocessError) as fault:
            raise Fault(f"{title}: {arguments[0]} cannot be started: {fault}") from fault
        try:
            while process.poll() is None:
                progress.tick()
                time.sleep(POLL_SECONDS)
        finally:
            end_group(process)
        if process.returncode != 0:
            raise Fault(f"{title} failed.{advice and ' ' + advice}\n{last_lines(log)}")


def end_group(process: subprocess.Popen[Any]) -> None:
    """Ends a program of ours and all that it started, if it still runs."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
