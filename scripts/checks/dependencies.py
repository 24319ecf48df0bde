"""What the shipped binaries may consist of: one version of each large part, one TLS stack, permissive licences.

deny.toml says the same to cargo-deny, which also knows of security advisories but needs a network; keep both alike.
"""

from __future__ import annotations

import re
import subprocess

from .files import ROOT

# A second version of one of these is a second HTTP or TLS stack, or a second set of global state.
ONCE = ("h2", "http", "hyper", "reqwest", "rustls", "tokio")

# One TLS stack: rustls with aws-lc-rs.
NEVER = ("aws-lc-fips-sys", "hyper-tls", "native-tls", "openssl", "openssl-sys", "ring")

# Whoever runs Footnote owes a notice and nothing more.
LICENCES = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}

# The machine that this runs on, and the one that it is deployed to.
TARGETS = (None, "aarch64-unknown-linux-gnu")


def dependencies() -> list[str]:
    problems: set[str] = set()
    for target in TARGETS:
        try:
            packages = _packages(target)
        except subprocess.CalledProcessError as fault:
            return [f"cargo tree ended with {fault.returncode}: {fault.stderr.strip()}"]
        problems |= _problems_of(packages)
    return sorted(problems)


def _problems_of(packages: dict[tuple[str, str], str]) -> set[str]:
    problems = set()
    for name in ONCE:
        versions = sorted(version for found, version in packages if found == name)
        if len(versions) != 1:
            problems.add(f"{name}: exactly one version wanted, found {', '.join(versions) or 'none'}; `cargo tree -d` says why")
    for (name, version), licence in packages.items():
        if name in NEVER:
            problems.add(f"{name} {version} is forbidden; `cargo tree -i {name}` says who brings it")
        if not is_allowed(licence):
            problems.add(f"{name} {version}: licence {licence or 'not stated'!r} is not on the list")
    return problems


def _packages(target: str | None) -> dict[tuple[str, str], str]:
    """(name, version) → licence, of everything that is linked or run to build; not of what only tests use."""
    command = ["cargo", "tree", "--workspace", "--locked", "--edges", "normal,build", "--prefix", "none"]
    command += ["--format", "{p}|{l}|", *(["--target", target] if target else [])]
    tree = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    packages = {}
    for line in filter(None, tree.splitlines()):
        package, licence, _ = line.split("|")
        name, version, *_ = package.split()
        packages[name, version] = licence
    return packages


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met with licences on the list. The old `MIT/Apache-2.0` means OR."""
    tokens = re.findall(r"\(|\)|AND\b|OR\b|[^\s()]+(?: WITH [^\s()]+)?", expression.replace("/", " OR "))
    if not tokens:
        return False
    try:
        allowed = _any_of(tokens)
    except IndexError:
        return False
    return allowed and not tokens


def _any_of(tokens: list[str]) -> bool:
    allowed = _all_of(tokens)
    while tokens[:1] == ["OR"]:
        tokens.pop(0)
        # Both sides are read, whatever the first says.
        allowed = _all_of(tokens) or allowed
    return allowed


def _all_of(tokens: list[str]) -> bool:
    allowed = _one(tokens)
    while tokens[:1] == ["AND"]:
        tokens.pop(0)
        allowed = _one(tokens) and allowed
    return allowed


def _one(tokens: list[str]) -> bool:
    token = tokens.pop(0)
    if token != "(":
        return token in LICENCES
    allowed = _any_of(tokens)
    tokens.pop(0)
    return allowed
