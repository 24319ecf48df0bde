//! Small PDFs made of given words, for tests that have to know every word of a document.

use std::fmt::Write;

/// A PDF of these pages, each the lines of one text; characters of ASCII only.
///
/// # Panics
/// Never: a string takes all that is written to it.
pub fn pdf(pages: &[&str]) -> Vec<u8> {
    let kids: Vec<String> = (0..pages.len()).map(|page| format!("{} 0 R", 4 + 2 * page)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Count {} /Kids [{}] >>", pages.len(), kids.join(" ")),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    for (at, page) in pages.iter().enumerate() {
        let content = content(page);
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 900 842] /Contents {} 0 R \
             /Resources << /Font << /F1 3 0 R >> >> >>",
            5 + 2 * at
        ));
        objects.push(format!("<< /Length {} >>\nstream\n{content}endstream", content.len()));
    }
    let mut file = "%PDF-1.4\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in (1..).zip(&objects) {
        writeln!(table, "{:010} 00000 n ", file.len()).expect("a string takes all");
        write!(file, "{number} 0 obj\n{object}\nendobj\n").expect("a string takes all");
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

fn content(page: &str) -> String {
    let mut content = "BT /F1 11 Tf 40 800 Td 14 TL\n".to_owned();
    for line in page.lines() {
        let line = line.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
        writeln!(content, "({line}) Tj T*").expect("a string takes all");
    }
    content.push_str("ET\n");
    content
}
