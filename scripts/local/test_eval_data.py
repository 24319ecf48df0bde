"""The data that evaluations run on is right: gold quotes stand on their pages, and what is said to be absent is."""

from __future__ import annotations

import importlib.util
import unittest
from types import ModuleType

from .paths import PDFIUM, ROOT
from .wheels import PDFIUM_NAME


def checker(place: str) -> ModuleType:
    """The `check.py` of a folder below tests/eval."""
    spec = importlib.util.spec_from_file_location(f"check_{place}", ROOT / "tests" / "eval" / place / "check.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Library(unittest.TestCase):
    def test_every_question_is_answered_where_it_says(self) -> None:
        check = checker("library")
        check.LIBRARY = PDFIUM / PDFIUM_NAME
        self.assertEqual(check.problems(), [])


class Injections(unittest.TestCase):
    def test_every_case_is_whole(self) -> None:
        self.assertEqual(checker("injections").problems(), [])


if __name__ == "__main__":
    unittest.main()
