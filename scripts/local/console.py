"""What the person at the terminal sees: progress, faults, and how a command ends."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Callable

QUIET_SECONDS = 2.0
REPEAT_SECONDS = 10.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Fault(Exception):
    """Something that went wrong, in words that say what to do; ends the command with `exit_code`."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Interrupted(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP arrived: everything that runs is being stopped."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def say(text: str) -> None:
    """One line of progress. On stderr: stdout belongs to results."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Speaks up when a piece of work takes more than two seconds, and then at intervals."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.started = time.monotonic()
        self.next_line = self.started + QUIET_SECONDS
        self.spoke = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        if self.spoke and fault is None:
            say(f"  {self.title}: done in {self.seconds():.1f} s")

    def seconds(self) -> float:
        """Since the work began."""
        return time.monotonic() - self.started

    def tick(self, detail: str = "") -> None:
        """To be called while waiting, as often as one likes."""
        if time.monotonic() < self.next_line:
            return
        elapsed = f" ({self.seconds():.0f} s)" if self.spoke else ""
        say(f"  {self.title}{detail and ', ' + detail} …{elapsed}")
        self.next_line = time.monotonic() + REPEAT_SECONDS
        self.spoke = True


def last_lines(log: Path, count: int = 20) -> str:
    """The end of a log, indented, for the message of a fault."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 64 * 1024))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    return "\n".join(f"  | {line}" for line in lines[-count:]) or "  | (nothing was logged)"


def run_command(command: Callable[[], int]) -> int:
    """Runs a command's body: signals unwind it so that all it started is stopped; faults become one clear message."""

    def interrupt(number: int, _frame: object) -> None:
        # Stopping takes its own time limits; a second signal must not cut it short and leave processes behind.
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    for each in STOP_SIGNALS:
        # Under nohup a hang-up stays ignored.
        if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, interrupt)
    try:
        return command()
    except Fault as fault:
        say(f"error: {fault}")
        return fault.exit_code
    except Interrupted as interrupted:
        say("stopped")
        return interrupted.exit_code
