"""Sets text with a few marks as a PDF; the same input gives the same bytes. It is what `make_sample.py` beside it and
`tests/eval/library/make.py` share: the marks are here, and what a document looks like is theirs.

Needs reportlab==5.1.0 and pyphen==0.18.1 (hyphenation), and the Liberation fonts 1.07.4 (Debian: fonts-liberation; another
folder than Debian's is named in LIBERATION_FONTS). Bytes are promised for these versions only.

Blocks are parted by blank lines:

    # Heading            ## Smaller heading        plain text: a paragraph; a clause number such as 7.2 is set bold
    - item               1. step                   ! WORD—a note            > a box            = a formula
    |=| caption | widths in mm, the head row and the rows below it, cells parted by " | "; "^ " begins a note to the table
    ``` code ```         :::two … :::one  two columns        :::page  a new page        :::annex Title | kind
    within text: **bold**, *italic*, `code`, ^[a footnote]
"""
import os
import re
from dataclasses import dataclass
from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY, TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (BalancedColumns, BaseDocTemplate, Flowable, Frame, KeepTogether, PageBreak, Paragraph, Preformatted, Spacer, Table,
                                TableStyle)

# Families: the file's stem of an embedded font, or the faces of one that every reader of PDF has. Book is both, which makes
# small files: its regular face is embedded, and has ligatures.
EMBEDDED = {"Serif": "LiberationSerif", "Sans": "LiberationSans"}
BUILT_IN = {"Times": ("Times-Roman", "Times-Bold", "Times-Italic"), "Helvetica": ("Helvetica", "Helvetica-Bold", "Helvetica-Oblique"),
            "Courier": ("Courier", "Courier-Bold", "Courier-Oblique"), "Book": ("Book-Regular", "Times-Bold", "Times-Italic")}

FONTS = Path(os.environ.get("LIBERATION_FONTS", "/usr/share/fonts/truetype/liberation"))
for family, stem in EMBEDDED.items():
    for face in ("Regular", "Bold", "Italic", "BoldItalic"):
        pdfmetrics.registerFont(TTFont(f"{family}-{face}", str(FONTS / f"{stem}-{face}.ttf")))
    pdfmetrics.registerFontFamily(family, *(f"{family}-{f}" for f in ("Regular", "Bold", "Italic", "BoldItalic")))
pdfmetrics.registerFont(TTFont("Book-Regular", str(FONTS / "LiberationSerif-Regular.ttf")))
pdfmetrics.registerFontFamily("Book", "Book-Regular", "Times-Bold", "Times-Italic", "Times-BoldItalic")


@dataclass(frozen=True)
class Look:
    """What a document looks like; as it stands, like a published standard."""

    page: tuple = A4
    # Left, right, top and bottom, in millimetres. The bottom margin leaves room for footnotes.
    margins: tuple = (27, 27, 27, 31)
    text: str = "Serif"
    display: str = "Sans"
    # Of all type sizes, and of the distance of lines beyond that.
    scale: float = 1
    air: float = 1
    ink: str = "#1d3557"
    rule: str = "#8d99a6"
    shade: str = "#e9eef4"
    # The language of hyphenation; None for none.
    hyphens: "str | None" = "en_US"
    justified: bool = True
    # Set as characters of their own, as typesetting systems do; the built-in fonts have none.
    ligatures: bool = True
    # Where footnotes begin, in millimetres from the page's foot.
    foot: float = 22

    @property
    def left(self):
        return self.margins[0] * mm

    @property
    def right(self):
        return self.page[0] - self.margins[1] * mm

    @property
    def width(self):
        return self.page[0] - self.margins[0] * mm - self.margins[1] * mm

    def frame(self):
        """Where the text goes."""
        top, bottom = self.margins[2] * mm, self.margins[3] * mm
        return Frame(self.left, bottom, self.width, self.page[1] - top - bottom, 0, 0, 0, 0, id="body")


def faces(family):
    """The names of its regular, bold and italic."""
    return BUILT_IN.get(family) or tuple(f"{family}-{face}" for face in ("Regular", "Bold", "Italic"))


class Footnote(Flowable):
    """Takes no room where it stands; its text is set at the foot of the page on which it lands."""

    def __init__(self, number, text):
        super().__init__()
        self.number, self.text, self.width, self.height = number, text, 0, 0

    def draw(self):
        self.canv.footnotes = [*getattr(self.canv, "footnotes", []), (self.number, self.text)]


class Document(BaseDocTemplate):
    """A PDF with an outline, whose contents page is told of each heading."""

    def __init__(self, path, look, **about):
        super().__init__(str(path), pagesize=look.page, invariant=1, displayDocTitle=1, **about)

    def beforeDocument(self):
        self.canv.footnotes = []

    def afterFlowable(self, flowable):
        if getattr(flowable, "outline", None):
            text, key = flowable.outline
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(text, key, 0, False)
            self.notify("TOCEntry", (0, text, self.page, key))


class Setter:
    """Turns the marks into what reportlab sets, in one look. One for each document: it counts the footnotes."""

    def __init__(self, look):
        self.look, self.count = look, 0
        self.regular, self.bold, self.italic = faces(look.text)
        display, heavy, _ = faces(look.display)
        self.prose = {"alignment": TA_JUSTIFY if look.justified else TA_LEFT}
        if look.hyphens:
            self.prose.update(hyphenationLang=look.hyphens, embeddedHyphenation=1, uriWasteReduce=0.3)
        ink, style, prose = HexColor(look.ink), self.style, self.prose
        self.body = style("body", spaceAfter=6.5, **prose)
        self.column = style("column", size=10, leading=13.2, spaceAfter=5.5, **prose)
        self.item = style("item", leftIndent=9 * mm, bulletIndent=4 * mm, spaceAfter=3.5, **prose)
        self.note = style("note", size=9.2, leading=12.2, leftIndent=6 * mm, rightIndent=6 * mm, spaceBefore=1, spaceAfter=8, **prose)
        self.formula = style("formula", font=self.italic, size=10.5, leading=16, alignment=TA_CENTER, spaceBefore=2, spaceAfter=8)
        self.head = style("head", font=heavy, size=12, leading=16, textColor=ink, spaceBefore=11, spaceAfter=6, keepWithNext=1)
        self.small_head = style("smallhead", font=heavy, size=10.5, leading=14, textColor=ink, spaceBefore=5, spaceAfter=3, keepWithNext=1)
        self.banner = style("banner", font=heavy, size=14, leading=18, textColor=ink, alignment=TA_CENTER, spaceAfter=2)
        self.under = style("under", font=self.italic, size=11, alignment=TA_CENTER, spaceAfter=8)
        self.caption = style("caption", font=heavy, size=9, leading=12, alignment=TA_CENTER, spaceBefore=6, spaceAfter=4, keepWithNext=1)
        self.cell = style("cell", font=display, size=8.4, leading=10.6)
        self.middle = style("middle", font=display, size=8.4, leading=10.6, alignment=TA_CENTER)
        self.table_head = style("th", font=heavy, size=8.4, leading=10.6, alignment=TA_CENTER)
        self.table_note = style("tablenote", size=8.6, leading=11, leftIndent=4 * mm, rightIndent=4 * mm, spaceBefore=3)
        self.foot = style("foot", size=8.2, leading=10, alignment=prose["alignment"])
        self.code = style("code", font="Courier", size=8, leading=10.2, leftIndent=4 * mm, spaceBefore=2, spaceAfter=8)
        self.box = style("box", font=display, size=9.6, leading=13, borderColor=ink, borderWidth=0.8, borderPadding=5, backColor=HexColor(look.shade),
                         leftIndent=3 * mm, rightIndent=3 * mm, spaceBefore=8, spaceAfter=12)
        self.heavy = heavy

    def style(self, name, font=None, size=11, leading=15.4, **more):
        """A style of the look's size."""
        scale, air = self.look.scale, self.look.air
        return ParagraphStyle(name, fontName=font or self.regular, fontSize=size * scale, leading=leading * scale * air, **more)

    def marked(self, text, ligatures=True):
        """Markdown emphasis as reportlab's tags."""
        if ligatures and self.look.ligatures:
            text = text.replace("fi", "\ufb01").replace("fl", "\ufb02")
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
        text = re.sub(r"\*(.+?)\*", r"<i>\1</i>", text)
        text = re.sub(r"`(.+?)`", r"<font face='Courier'>\1</font>", text)
        if self.look.text == "Book":
            text = re.sub(r"<([bi])>.+?</\1>", lambda found: found[0].replace("\ufb01", "fi").replace("\ufb02", "fl"), text)
        return text

    def clause(self, text, base):
        """A paragraph, its clause number set bold, and the footnotes that it calls."""
        notes = []

        def call(found):
            notes.append(found.group(1))
            self.count += 1
            return f"\x01{self.count}\x02"

        body = self.marked(re.sub(r"\^\[(.+?)\]", call, text))
        body = re.sub(r"\x01(\d+)\x02", r"<super>\1</super>", body)
        body = re.sub(r"^((?:[AX]?\d+)(?:\.\d+)+)(?= )", r"<b>\1</b>", body)
        first = self.count - len(notes) + 1
        return [*(Footnote(first + i, self.marked(n)) for i, n in enumerate(notes)), Paragraph(body, base)]

    def table(self, lines):
        """A table with its caption and notes, on one page if it fits."""
        caption, widths = (part.strip() for part in lines[0][3:].strip().split("|") if part.strip())
        notes = [line[2:] for line in lines if line.startswith("^ ")]
        rows = [[cell.strip() for cell in line.split(" | ")] for line in lines[1:] if not line.startswith("^ ")]
        uneven = [row for row in rows if len(row) != len(rows[0])]
        if uneven:
            raise ValueError(f"{caption}: a row of {len(uneven[0])} cells under {len(rows[0])} heads: {uneven[0]}")
        widths = [float(w) * mm for w in widths.split(",")]
        scale = min(1, self.look.width / sum(widths))

        def cell(row, column, text):
            if row == 0:
                return Paragraph(self.marked(text, False), self.table_head)
            wordy = sum(len(r[column]) for r in rows[1:]) / (len(rows) - 1) > 16
            return Paragraph(self.marked(text, False), self.cell if column == 0 or wordy else self.middle)

        ink, rule, shade = HexColor(self.look.ink), HexColor(self.look.rule), HexColor(self.look.shade)
        grid = Table([[cell(r, c, text) for c, text in enumerate(row)] for r, row in enumerate(rows)], [w * scale for w in widths], repeatRows=1,
                     style=TableStyle([("BACKGROUND", (0, 0), (-1, 0), shade), ("LINEABOVE", (0, 0), (-1, 0), 1, ink),
                                       ("LINEBELOW", (0, 0), (-1, 0), 0.6, ink), ("LINEBELOW", (0, 1), (-1, -2), 0.25, rule),
                                       ("LINEBELOW", (0, -1), (-1, -1), 1, ink), ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                                       ("TOPPADDING", (0, 0), (-1, -1), 2.6), ("BOTTOMPADDING", (0, 0), (-1, -1), 2.8)]))
        under = [Paragraph(self.marked(n), self.table_note) for n in notes]
        head = [] if caption == "-" else [Paragraph(self.marked(caption, False), self.caption)]
        return [KeepTogether([*head, grid, *under, Spacer(1, 10)])]

    def heading(self, text):
        """A heading that stands in the outline and on the contents page."""
        head = Paragraph(self.marked(text, False), self.head)
        head.outline = (text, "s" + re.sub(r"\W+", "-", text.lower()))
        return head

    def story(self, source):
        """What reportlab sets for the marked text."""
        out = []
        columns = None
        for block in re.split(r"\n\s*\n", source.strip()):
            lines, into = block.split("\n"), out if columns is None else columns
            base = self.body if columns is None else self.column
            if block == ":::two":
                columns = []
            elif block == ":::one":
                out.append(BalancedColumns(columns, nCols=2, innerPadding=7 * mm, needed=60 * mm))
                columns = None
            elif block == ":::page":
                out.append(PageBreak())
            elif block.startswith(":::annex "):
                name, kind = block[9:].split(" | ")
                out += [PageBreak(), Paragraph(name, self.banner), Paragraph(self.marked(kind), self.under)]
            elif block.startswith("```"):
                into.append(Preformatted("\n".join(lines[1:-1]), self.code))
            elif block.startswith("## "):
                into.append(Paragraph(self.marked(block[3:], False), self.small_head))
            elif block.startswith("# "):
                into.append(self.heading(block[2:]))
            elif block.startswith("|=|"):
                into += self.table(lines)
            elif block.startswith("- "):
                into += [Paragraph(self.marked(line[2:]), self.item, bulletText="•") for line in lines]
            elif all(re.match(r"\d+\. ", line) for line in lines):
                steps = (line.split(" ", 1) for line in lines)
                into += [Paragraph(self.marked(text), self.item, bulletText=number) for number, text in steps]
            elif block.startswith("! "):
                word, rest = block[2:].split("—", 1)
                into.append(Paragraph(f"<font face='{self.heavy}' size='{round(8.2 * self.look.scale, 1)}'>{word}</font>—{self.marked(rest)}", self.note))
            elif block.startswith("> "):
                into.append(Paragraph(self.marked(" ".join(line[2:] for line in lines)), self.box))
            elif block.startswith("= "):
                into.append(Paragraph(block[2:].replace("     ", "&nbsp;" * 8), self.formula))
            else:
                into += self.clause(" ".join(lines), base)
        return out

    def footnotes(self, canvas):
        """Sets the notes of the page that is ending, and forgets them."""
        look = self.look
        notes, canvas.footnotes = getattr(canvas, "footnotes", []), []
        bottom = look.foot * mm
        for number, text in reversed(notes):
            block = Paragraph(f"<super>{number}</super> {text}", self.foot)
            _, tall = block.wrap(look.width, look.page[1])
            block.drawOn(canvas, look.left, bottom)
            bottom += tall + 2
        if notes:
            canvas.line(look.left, bottom + 2, look.left + 45 * mm, bottom + 2)
