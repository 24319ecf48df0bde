"""What is read from Debian's tools to take PgBouncer out of its package."""

from __future__ import annotations

import unittest

from .pgbouncer import library_packages, missing_libraries

LISTED = """\tlinux-vdso.so.1 (0x00007f5f7b0fa000)
\tlibcares.so.2 => not found
\tlibevent-2.1.so.7 => /lib/x86_64-linux-gnu/libevent-2.1.so.7 (0x00007f5f7b01c000)
\tlibpam.so.0 => not found
"""


class Package(unittest.TestCase):
    """Dependencies of the program and of its package."""

    def test_libraries_that_were_not_found_are_named(self) -> None:
        self.assertEqual(missing_libraries(LISTED), ["libcares.so.2", "libpam.so.0"])
        self.assertEqual(missing_libraries("\tlibc.so.6 => /lib/libc.so.6 (0x1)\n"), [])

    def test_only_libraries_are_fetched(self) -> None:
        depends = "lsb-base | sysvinit-utils, postgresql-common, libc-ares2 (>= 1.11.0~rc1), libc6 (>= 2.34), libx:any | liby"
        self.assertEqual(library_packages(depends), ["libc-ares2", "libx"])


if __name__ == "__main__":
    unittest.main()
