//! PDFs made on the spot, for tests that need many of them, or large ones, or ones that differ.

use std::fmt::Write;

/// Characters of a line.
const COLUMNS: usize = 90;

/// A PDF whose pages hold these texts, in lines of whole words. Latin letters only; a page takes some 700 words.
pub fn pdf(pages: &[impl AsRef<str>]) -> Vec<u8> {
    let wrapped: Vec<Vec<String>> = pages.iter().map(|page| lines(page.as_ref())).collect();
    drawn(&wrapped)
}

/// A PDF whose pages hold these texts, their line breaks as given, for tests that have to know every word of a line.
pub fn pdf_of_lines(pages: &[&str]) -> Vec<u8> {
    let given: Vec<Vec<&str>> = pages.iter().map(|page| page.lines().collect()).collect();
    drawn(&given)
}

fn drawn<T: AsRef<str>>(pages: &[Vec<T>]) -> Vec<u8> {
    let kids: String =
        (0..pages.len()).fold(String::new(), |kids, page| kids + &format!("{} 0 R ", 4 + 2 * page));
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{kids}] /Count {} >>", pages.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    for (at, lines) in pages.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 900 842] /Resources << /Font << /F1 3 0 R >> >> /Contents {} 0 R >>",
            5 + 2 * at
        ));
        let drawn = lines
            .iter()
            .fold(String::new(), |drawn, line| drawn + &format!("({}) Tj T*\n", escaped(line.as_ref())));
        let content = format!("BT /F1 9 Tf 40 800 Td 11 TL\n{drawn}ET");
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
    }
    let mut file = "%PDF-1.4\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (at, object) in objects.iter().enumerate() {
        writeln!(table, "{:010} 00000 n ", file.len()).expect("a string takes all");
        write!(file, "{} 0 obj\n{object}\nendobj\n", at + 1).expect("a string takes all");
    }
    let start = file.len();
    write!(
        file,
        "{table}trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    )
    .expect("a string takes all");
    file.into_bytes()
}

/// As it stands in a string of a PDF. The font's encoding is that of Latin-1 for all that is not ASCII.
fn escaped(line: &str) -> String {
    line.chars().fold(String::new(), |escaped, letter| match letter {
        '\\' | '(' | ')' => escaped + &format!("\\{letter}"),
        '\u{a0}'..='\u{ff}' => escaped + &format!("\\{:03o}", u32::from(letter)),
        _ => escaped + letter.encode_utf8(&mut [0; 4]),
    })
}

fn lines(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + word.len() < COLUMNS => {
                write!(line, " {word}").expect("a string takes all")
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
