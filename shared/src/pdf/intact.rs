//! Whether a file is a whole PDF, before an engine sees it. Engines mend a file that was cut off and then
//! show fewer pages than there were, which nobody would notice.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::{Code, Failure};

/// Readers find the header within this many bytes, as the format's first reader did.
const HEADER_BYTES: u64 = 1024;

/// How much of the file is searched at once, from its end backwards.
const BLOCK_BYTES: u64 = 64 << 10;

/// Longest of the words sought, less one: blocks overlap by this much, so that no word falls between two.
const OVERLAP_BYTES: u64 = 8;

/// What stands behind the last object of a whole file; any of them will do, because some writers leave out
/// some.
const END_MARKS: [&[u8]; 3] = [b"startxref", b"trailer", b"%%EOF"];

/// Refuses what is no PDF and what lacks its end.
pub(super) fn check(file: &Path) -> Result<(), Failure> {
    let opened = File::open(file).and_then(|mut file| Ok((has_header(&mut file)?, has_end(&mut file)?)));
    match opened {
        Ok((true, true)) => Ok(()),
        Ok((false, _)) => Err(Failure::new(
            Code::Malformed,
            "The file is not a PDF. Export the document as PDF and upload that.",
        )),
        Ok((true, false)) => Err(Failure::new(
            Code::Malformed,
            "The PDF is incomplete: its end is missing. Fetch it again from where it came and upload it whole.",
        )),
        Err(error) => Err(Failure::unreadable(format!("The file cannot be read: {error}."))),
    }
}

fn has_header(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    let head = read_at(file, 0, HEADER_BYTES)?;
    Ok(head.windows(5).any(|word| word == b"%PDF-"))
}

/// Whether a mark of the end stands behind the last object.
fn has_end(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    let mut end = file.seek(SeekFrom::End(0))?;
    while end > 0 {
        let start = end.saturating_sub(BLOCK_BYTES);
        let block = read_at(file, start, end - start + OVERLAP_BYTES)?;
        let last = |word: &[u8]| block.windows(word.len()).rposition(|bytes| bytes == word);
        let mark = END_MARKS.iter().filter_map(|mark| last(mark)).max();
        let object = last(b"endobj");
        if mark.is_some() || object.is_some() {
            return Ok(mark > object);
        }
        end = start;
    }
    Ok(false)
}

fn read_at(file: &mut (impl Read + Seek), start: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut block = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(length).read_to_end(&mut block)?;
    Ok(block)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn ends(content: &[u8]) -> bool {
        has_end(&mut Cursor::new(content)).unwrap()
    }

    #[test]
    fn a_file_ends_behind_its_last_object() {
        assert!(ends(b"%PDF-1.7 1 0 obj endobj xref trailer startxref 9 %%EOF"));
        assert!(ends(b"%PDF-1.7 1 0 obj endobj startxref 9"));
        assert!(!ends(b"%PDF-1.7 %%EOF 1 0 obj endobj 2 0 obj stream"));
        assert!(!ends(b"%PDF-1.7"));
        assert!(!ends(b""));
    }

    #[test]
    fn long_tails_are_searched_to_their_beginning() {
        for padding in [65_530, 65_536, 65_540, 200_000] {
            let whole = [b"endobj %%EOF".as_slice(), &vec![b' '; padding]].concat();
            let cut = [b"%%EOF endobj".as_slice(), &vec![b' '; padding]].concat();
            assert!(ends(&whole) && !ends(&cut), "{padding}");
        }
    }

    #[test]
    fn the_header_may_stand_behind_some_bytes() {
        let header = |content: &[u8]| has_header(&mut Cursor::new(content)).unwrap();
        assert!(header(b"\xef\xbb\xbf%PDF-1.4"));
        assert!(!header(b"Dear reader"));
    }
}
