"""What counts as a proven citation, and how it is shown."""

from __future__ import annotations

import unittest
from typing import Any

from .citations import MARKS, Place, printable, render, shortcoming

# A character outside the basic plane: ranges count code points, neither bytes nor UTF-16 units.
PAGE = "😀 Naïve piping.\nSpecimens are exposed for 720 h without\ninterruption. " + "More text. " * 20
QUOTE = "720 h without\ninterruption"


def citation(**changes: Any) -> dict[str, Any]:
    """A right one, but for the changes."""
    start = PAGE.index(QUOTE)
    right = {
        "marker": 1,
        "title": "FN-1175",
        "page": 12,
        "char_start": start,
        "char_end": start + len(QUOTE),
        "quote": QUOTE,
        "verification": "verified",
    }
    return {**right, **changes}


class Citations(unittest.TestCase):
    """`Place` and what is made of it."""

    def test_a_right_citation_proves_and_is_marked_in_its_context(self) -> None:
        place = Place(citation(), PAGE)
        self.assertTrue(place.proves())
        shown = place.in_place(MARKS)
        self.assertIn("exposed for «720 h without interruption». More text.", shown)
        self.assertTrue(shown.endswith("…") and not shown.startswith("…"))

    def test_ranges_that_do_not_hold_the_quote_prove_nothing(self) -> None:
        start, end = citation()["char_start"], citation()["char_end"]
        wrong = [
            {"char_start": start + 1, "char_end": end + 1},
            {"char_start": -1},
            {"char_end": 10**6},
            {"char_start": end, "char_end": start, "quote": ""},
            {"char_start": start, "char_end": start, "quote": ""},
            {"quote": QUOTE.replace("\n", " ")},
        ]
        for changes in wrong:
            with self.subTest(changes):
                place = Place(citation(**changes), PAGE)
                self.assertFalse(place.holds())
                self.assertIn("does not match", shortcoming({"answer": "x"}, [place]))

    def test_answers_fall_short_for_one_reason_each(self) -> None:
        good = Place(citation(), PAGE)
        self.assertEqual(shortcoming({"answer": "720 h [1]."}, [good]), "")
        self.assertIn("refused", shortcoming({"answer": "No.", "refused": True}, [good]))
        self.assertIn("empty", shortcoming({"answer": " "}, [good]))
        self.assertIn("without a verified", shortcoming({"answer": "x"}, []))
        self.assertIn("without a verified", shortcoming({"answer": "x"}, [Place(citation(verification="stitched"), PAGE)]))

    def test_a_document_cannot_steer_the_terminal(self) -> None:
        self.assertEqual(printable("a\x1b[2J\x07b\x9b1mc"), "a[2Jb1mc")
        shown = render({"answer": "x \x1b[31m"}, [Place(citation(title="\x1b]0;t\x07"), PAGE)], colour=False)
        self.assertNotIn("\x1b", shown)


if __name__ == "__main__":
    unittest.main()
