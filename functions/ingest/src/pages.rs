//! `pages FILE.pdf`: prints each page's text as one line of JSON, or why there is none. What ingestion runs on every file.

use shared::{env::Env, pdf};

fn main() {
    let library = Env::read().get("PDFIUM_LIBRARY");
    // The last one counts, so that one on the command line wins.
    let library = library.into_iter().flat_map(|path| ["--library".into(), path.into()]);
    std::process::exit(pdf::main(library.chain(std::env::args_os().skip(1))));
}
