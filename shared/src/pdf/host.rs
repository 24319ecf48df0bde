//! Where the process that reads comes from: this very program, started again, unless a setting names another.

use std::ffi::OsString;

use anyhow::Context;

use super::{Limits, Reader, main};
use crate::env::Env;

/// The first argument that makes a program of the bundle the process that reads one PDF.
const CHILD: &str = "pages";

impl Reader {
    /// What `PAGES_PROGRAM` and `PDFIUM_LIBRARY` say, with the usual limits and with word boxes.
    pub fn connect(env: &Env) -> anyhow::Result<Self> {
        let (program, args) = match env.path("PAGES_PROGRAM") {
            Some(program) => (program, vec!["--layout".into()]),
            None => {
                (std::env::current_exe().context("find this program")?, vec![CHILD.into(), "--layout".into()])
            }
        };
        let library = env.path("PDFIUM_LIBRARY");
        if let Some(path) = library.as_deref().filter(|path| !path.is_file()) {
            tracing::warn!(path = %path.display(), "PDFIUM_LIBRARY names no file: the built-in reader stands in");
        }
        Ok(Self { program, args, library, limits: Limits::default() })
    }
}

/// Called first thing by a program whose [`Reader`] starts it again: if that is what happened, reads and exits.
pub fn serve_child() {
    let mut args = std::env::args_os().skip(1);
    if args.next() == Some(OsString::from(CHILD)) {
        std::process::exit(main(args));
    }
}
