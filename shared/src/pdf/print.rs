//! What the process that reads does: one engine, then the other where the first refuses; one JSON line per
//! page.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::pdfium::{Pdfium, Refusal};
use super::{Code, Failure, Limits, Page, RawPage, fallback, intact, normalise};

/// Prints one JSON line per page to `out` and returns 0, or prints `{"error":…}` as the last line, returning 1.
///
/// `library` is libpdfium; without it, or where it does not load, the fallback engine reads. `layout` adds word
/// boxes. Of `limits`, only the counts are kept here; time, memory and size are the parent's to bound (see
/// [`super::Reader`]).
pub fn print_pages(
    file: &Path,
    library: Option<&Path>,
    layout: bool,
    limits: &Limits,
    out: &mut impl Write,
) -> i32 {
    let mut printer = Printer { out, limits, blank: Vec::new(), chars: 0, hidden: 0, printed: 0 };
    let read = catch_unwind(AssertUnwindSafe(|| read(file, library, layout, &mut printer)));
    match read.unwrap_or_else(|_| Err(Stop::Failure(Failure::malformed()))) {
        Ok(()) => 0,
        Err(Stop::Failure(failure)) => {
            print_failure(&failure, out);
            1
        }
        // Nobody reads any more, so that there is nobody to tell.
        Err(Stop::Output) => 1,
    }
}

/// Writes the line that ends a failed reading; an error of `out` is left to the exit code.
pub(super) fn print_failure(failure: &Failure, out: &mut impl Write) {
    let line = serde_json::json!({ "error": failure });
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Why reading ended early.
enum Stop {
    Failure(Failure),
    /// `out` takes no more.
    Output,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failure(failure)
    }
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Stop::Output
    }
}

fn read(
    file: &Path,
    library: Option<&Path>,
    layout: bool,
    printer: &mut Printer<impl Write>,
) -> Result<(), Stop> {
    intact::check(file)?;
    let pdfium = library.and_then(|library| Pdfium::load(library).ok());
    if let Some(pdfium) = pdfium
        && read_with_pdfium(&pdfium, file, layout, printer)?
    {
        return Ok(());
    }
    let document = fallback::Document::open(file)?;
    printer.expect(document.page_count())?;
    for index in 0..document.page_count() {
        printer.page(&document.page(index, layout, printer.limits.page_chars_max)?)?;
    }
    printer.finish()
}

/// Whether libpdfium read the document; it did not where it refuses the file or every page of it.
fn read_with_pdfium(
    pdfium: &Pdfium,
    file: &Path,
    layout: bool,
    printer: &mut Printer<impl Write>,
) -> Result<bool, Stop> {
    let document = match pdfium.open(file) {
        Ok(document) => document,
        Err(Refusal::Password) => return Err(Failure::encrypted().into()),
        Err(Refusal::Other) => return Ok(false),
    };
    printer.expect(document.page_count())?;
    let mut opened = false;
    for index in 0..document.page_count() {
        let page = document.page(index, layout, printer.limits.page_chars_max)?;
        opened |= page.is_some();
        // A page that does not open is an empty one, so that the pages after it keep their numbers.
        printer.page(&page.unwrap_or(RawPage::default()))?;
    }
    if !opened {
        printer.forget();
        return Ok(false);
    }
    printer.finish()?;
    Ok(true)
}

/// Normalises and counts pages on their way out.
struct Printer<'a, W> {
    out: &'a mut W,
    limits: &'a Limits,
    /// Pages at the beginning that are held back until one has text, so that a document without text prints
    /// none.
    blank: Vec<Page>,
    chars: u64,
    /// Characters that were left out, because nobody sees them.
    hidden: u64,
    printed: u32,
}

impl<W: Write> Printer<'_, W> {
    fn expect(&self, pages: u32) -> Result<(), Failure> {
        if pages <= self.limits.pages_max {
            return Ok(());
        }
        let detail = format!(
            "The PDF has {pages} pages; {} is the most. Split it and upload the parts.",
            self.limits.pages_max
        );
        Err(Failure::new(Code::TooManyPages, detail))
    }

    fn page(&mut self, raw: &RawPage) -> Result<(), Stop> {
        let held = u32::try_from(self.blank.len()).unwrap_or(u32::MAX);
        let page = normalise::page(self.printed + held + 1, raw);
        self.chars += page.text.chars().count() as u64;
        self.hidden += u64::from(page.hidden);
        if self.chars > self.limits.text_chars_max {
            return Err(Failure::too_complex("The PDF holds too much text").into());
        }
        if self.printed == 0 && !normalise::has_text(&page.text) {
            self.blank.push(page);
            return Ok(());
        }
        for blank in std::mem::take(&mut self.blank) {
            self.line(&blank)?;
        }
        self.line(&page)
    }

    fn line(&mut self, page: &Page) -> Result<(), Stop> {
        let line = serde_json::to_string(page).map_err(io::Error::from)?;
        writeln!(self.out, "{line}")?;
        self.out.flush()?;
        self.printed += 1;
        Ok(())
    }

    fn forget(&mut self) {
        self.blank.clear();
        (self.chars, self.hidden) = (0, 0);
    }

    fn finish(&self) -> Result<(), Stop> {
        if self.printed > 0 {
            return Ok(());
        }
        if self.blank.is_empty() {
            return Err(Failure::new(
                Code::Malformed,
                "The PDF has no pages. Export it again and upload that.",
            )
            .into());
        }
        let detail = if self.hidden > 0 {
            "All text of the PDF is hidden from its readers: not painted, in the colour of the page, too small or beside the page. \
             Print it to a new PDF and run text recognition (OCR) on that."
        } else {
            "The PDF has no text: it looks scanned. Run text recognition (OCR) first and upload the result."
        };
        Err(Failure::new(Code::NoText, detail).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exit code and lines for a fixture, read by the engine that needs no library.
    fn printed(name: &str, limits: &Limits) -> (i32, Vec<serde_json::Value>) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/pdf").join(name);
        let mut out = Vec::new();
        let exit_code = print_pages(&file, None, false, limits, &mut out);
        let lines = String::from_utf8(out).unwrap();
        (exit_code, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    fn texts(name: &str) -> Vec<String> {
        let (exit_code, lines) = printed(name, &Limits::default());
        assert_eq!(exit_code, 0, "{name}");
        lines.into_iter().map(|line| serde_json::from_value::<Page>(line).unwrap().text).collect()
    }

    fn code(name: &str, limits: &Limits) -> String {
        let (exit_code, lines) = printed(name, limits);
        assert_eq!(exit_code, 1, "{name}");
        lines.last().unwrap()["error"]["code"].as_str().unwrap().to_owned()
    }

    #[test]
    fn each_page_is_a_line() {
        let pages = texts("two-pages.pdf");
        assert!(pages[0].starts_with("Leave policy\nEvery employee has twenty-five days"), "{pages:?}");
        assert!(pages[1].starts_with("Travel policy\n"), "{pages:?}");
        assert_eq!(pages.len(), 2);
        assert_eq!(texts("owner-password.pdf"), pages);
        assert_eq!(texts("rotated.pdf"), ["Turned pages read the same."; 4]);
    }

    #[test]
    fn words_are_whole() {
        let text = "The office issued a certificate about fluid flow and effort.\nThe maximum hardness\nis 22 HRC. \
            A well-known method, the so-called well-known\none, costs nothing. The X-ray\nshows it. State-of-the-art\n\
            tools agree.\nTwenty two pages.";
        assert_eq!(texts("ligatures-hyphens.pdf"), [text]);
    }

    #[test]
    fn what_this_engine_can_tell_is_hidden_is_left_out() {
        let hidden: Vec<bool> = texts("hidden.pdf").iter().map(|text| !text.contains("ZEBRA")).collect();
        let known = [0, 4, 5, 6, 11];
        assert_eq!(hidden, (0..12).map(|page| known.contains(&page)).collect::<Vec<_>>());
        assert!(texts("scanned.pdf")[0].contains("leaks eleven litres"));
        assert_eq!(texts("seen.pdf")[0].lines().count(), 8);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (name, expected) in [
            ("encrypted.pdf", "encrypted"),
            ("truncated.pdf", "malformed"),
            ("not-a-pdf.pdf", "malformed"),
            ("zero-pages.pdf", "malformed"),
            ("no-text.pdf", "no_text"),
            ("all-hidden.pdf", "no_text"),
            ("absent.pdf", "unreadable"),
        ] {
            assert_eq!(code(name, &Limits::default()), expected, "{name}");
        }
    }

    #[test]
    fn counts_are_bounded() {
        let limits = Limits { pages_max: 1, ..Limits::default() };
        assert_eq!(code("two-pages.pdf", &limits), "too_many_pages");
        let limits = Limits { page_chars_max: 20, ..Limits::default() };
        assert_eq!(code("two-pages.pdf", &limits), "too_complex");
        let limits = Limits { text_chars_max: 150, ..Limits::default() };
        assert_eq!(printed("two-pages.pdf", &limits).1.len(), 2);
        assert_eq!(code("two-pages.pdf", &limits), "too_complex");
    }
}
