"""The JavaScript packages that tests compare with, from a lock file; only where Node is there anyway."""

from __future__ import annotations

import shutil
from typing import Optional

from .console import Fault, say
from .paths import LOCAL, LOGS, ROOT, making, replace_directory
from .pins import is_stamped, put_stamp, remove_stamp, stamp_for
from .processes import run_logged

PLACE = LOCAL / "node"
SOURCE = ROOT / "tests" / "limits"
FILES = ("package.json", "package-lock.json")
WITHOUT = (
    "the limiter is not compared with the JavaScript one, only with its recorded decisions, and the AI SDK does not read "
    "streamed answers"
)


def modules() -> Optional[str]:
    """The folder that has `node_modules`; None, with a word about it, where it cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        say(f"no Node on this machine: {WITHOUT}")
        return None
    stamp = stamp_for(*((SOURCE / name).read_text("utf-8") for name in FILES))
    if is_stamped("node", stamp) and (PLACE / "node_modules").is_dir():
        return str(PLACE)
    remove_stamp("node")
    try:
        with making() as work:
            for name in FILES:
                shutil.copyfile(SOURCE / name, work / name)
            options = ["--prefix", str(work), "--ignore-scripts", "--no-audit", "--no-fund"]
            run_logged("fetching the JavaScript packages", [npm, "ci", *options], LOGS / "set-up-node.log")
            new = work / "new"
            new.mkdir()
            (work / "node_modules").rename(new / "node_modules")
            replace_directory(new, PLACE)
    except Fault as fault:
        say(f"{WITHOUT}: {fault}")
        return None
    put_stamp("node", stamp)
    return str(PLACE)
