"""`scripts/token`: Clerk-shaped session tokens that the local stack trusts."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
from typing import Any, Optional

from . import set_up, tools_python
from .console import Fault, run_command
from .paths import SCRIPTS, keys_directory

ISSUER = "https://dev.footnote.invalid"
KEYS_PROGRAM = SCRIPTS / "local" / "keys.py"
TTL_SECONDS = 3600
# Clerk dates the start of validity back, so that clocks that differ a little do no harm.
NOT_BEFORE_SECONDS = 10


def claims(user: str, organisation: Optional[str], ttl_seconds: int, now_unix_s: int) -> dict[str, Any]:
    """The claims of a Clerk session token, version 2."""
    content: dict[str, Any] = {
        "iss": os.environ.get("CLERK_ISSUER") or ISSUER,
        "sub": user,
        "sid": f"sess_{secrets.token_hex(12)}",
        "iat": now_unix_s,
        "nbf": now_unix_s - NOT_BEFORE_SECONDS,
        "exp": now_unix_s + ttl_seconds,
        "v": 2,
        "sts": "active",
    }
    if organisation:
        content["o"] = {"id": organisation, "rol": "admin", "slg": organisation.replace("_", "-").lower()}
    return content


def mint(user: str, organisation: Optional[str] = None, ttl_seconds: int = TTL_SECONDS) -> str:
    """A signed token; what it needs must be set up."""
    content = json.dumps(claims(user, organisation, ttl_seconds, int(time.time())))
    signer = [str(tools_python.interpreter()), str(KEYS_PROGRAM), "sign", str(keys_directory()), content]
    done = subprocess.run(signer, capture_output=True, text=True, env=tools_python.environment())
    if done.returncode != 0:
        raise Fault(f"no token could be signed:\n{done.stderr.strip()}")
    return done.stdout.strip()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="token", description="Prints a session token that the dev server trusts.")
    parser.add_argument("--user", required=True, metavar="ID", help="the user's id, e.g. user_alice")
    parser.add_argument("--org", metavar="ID", help="the organisation's id: its members share a workspace")
    parser.add_argument("--ttl", type=int, default=TTL_SECONDS, metavar="SECONDS", help=f"validity (default {TTL_SECONDS})")
    options = parser.parse_args()

    def command() -> int:
        set_up.ensure([set_up.PYTHON, set_up.KEYS])
        sys.stdout.write(mint(options.user, options.org, options.ttl) + "\n")
        return 0

    return run_command(command)
