//! `pages [--layout] [--library PATH | --no-library] FILE`: the command line, as people and as the parent
//! process use it.

use std::ffi::{OsStr, OsString};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use super::print::{print_failure, print_pages};
use super::{Failure, Limits};

/// Name of libpdfium as its builders call it.
const LIBRARY_NAME: &str = if cfg!(target_os = "macos") { "libpdfium.dylib" } else { "libpdfium.so" };

/// Runs the command line on standard output; `args` come without the program's own name. Returns the exit
/// code.
///
/// It reads no environment: a program that knows a library puts `--library PATH` before the arguments it was
/// given, because the last one counts. Without any, the library beside the executable is taken, if there is
/// one.
pub fn main(args: impl Iterator<Item = OsString>) -> i32 {
    let mut out = BufWriter::new(std::io::stdout().lock());
    match Arguments::parse(args) {
        Ok(arguments) => {
            let library = arguments.library();
            print_pages(&arguments.file, library.as_deref(), arguments.layout, &arguments.limits, &mut out)
        }
        Err(reason) => {
            let usage = "usage: pages [--layout] [--library PATH | --no-library] FILE";
            print_failure(&Failure::unreadable(format!("{reason}; {usage}")), &mut out);
            1
        }
    }
}

/// libpdfium in the folder of the running program, if it is there.
pub fn library_beside_executable() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.parent()?.join(LIBRARY_NAME);
    path.is_file().then_some(path)
}

/// Which libpdfium to load.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Library {
    BesideExecutable,
    At(PathBuf),
    None,
}

#[derive(Debug, PartialEq)]
struct Arguments {
    file: PathBuf,
    library: Library,
    layout: bool,
    limits: Limits,
}

impl Arguments {
    fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let (mut files, mut library, mut layout) = (Vec::new(), Library::BesideExecutable, false);
        let mut limits = Limits::default();
        while let Some(argument) = args.next() {
            match argument.to_str() {
                Some("--layout") => layout = true,
                Some("--no-library") => library = Library::None,
                Some("--library") => {
                    library = Library::At(args.next().ok_or("--library needs a path")?.into());
                }
                Some("--pages-max") => limits.pages_max = number(&argument, args.next().as_deref())?,
                Some("--page-chars-max") => {
                    limits.page_chars_max = number(&argument, args.next().as_deref())?;
                }
                Some("--text-chars-max") => {
                    limits.text_chars_max = number(&argument, args.next().as_deref())?;
                }
                Some("--") => files.extend(args.by_ref()),
                Some(unknown) if unknown.starts_with('-') => return Err(format!("unknown option {unknown}")),
                _ => files.push(argument),
            }
        }
        let one: [OsString; 1] =
            files.try_into().map_err(|files: Vec<_>| format!("{} files given", files.len()))?;
        let [file] = one.map(PathBuf::from);
        Ok(Arguments { file, library, layout, limits })
    }

    fn library(&self) -> Option<PathBuf> {
        match &self.library {
            Library::At(path) => Some(path.clone()),
            Library::BesideExecutable => library_beside_executable(),
            Library::None => None,
        }
    }
}

fn number<N: std::str::FromStr>(option: &OsStr, value: Option<&OsStr>) -> Result<N, String> {
    let number = value.and_then(OsStr::to_str).and_then(|value| value.parse().ok());
    number.ok_or_else(|| format!("{} needs a number", option.to_string_lossy()))
}

/// The arguments that make [`main`] read `file` as the parent wants it; what `parse` reads back.
pub(super) fn of_child(file: &Path, library: &Library, limits: &Limits) -> Vec<OsString> {
    let mut args: Vec<OsString> = Vec::new();
    match library {
        Library::At(path) => args.extend(["--library".into(), path.into()]),
        Library::None => args.push("--no-library".into()),
        Library::BesideExecutable => {}
    }
    args.extend(["--pages-max".into(), limits.pages_max.to_string().into()]);
    args.extend(["--page-chars-max".into(), limits.page_chars_max.to_string().into()]);
    args.extend(["--text-chars-max".into(), limits.text_chars_max.to_string().into()]);
    args.extend(["--".into(), file.into()]);
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Arguments, String> {
        Arguments::parse(args.iter().map(OsString::from))
    }

    #[test]
    fn a_file_is_enough() {
        let arguments = parse(&["a.pdf"]).unwrap();
        let file = PathBuf::from("a.pdf");
        assert_eq!(
            arguments,
            Arguments { file, library: Library::BesideExecutable, layout: false, limits: Limits::default() }
        );
    }

    #[test]
    fn the_last_library_counts() {
        let arguments = parse(&["--library", "/a.so", "--layout", "--library", "/b.so", "a.pdf"]).unwrap();
        assert_eq!((arguments.library, arguments.layout), (Library::At("/b.so".into()), true));
        assert_eq!(parse(&["--library", "/a.so", "--no-library", "a.pdf"]).unwrap().library, Library::None);
    }

    #[test]
    fn what_the_parent_says_is_what_the_child_hears() {
        let limits = Limits { pages_max: 7, page_chars_max: 8, text_chars_max: 9, ..Limits::default() };
        for library in [Library::None, Library::BesideExecutable, Library::At("/lib/x.so".into())] {
            let file = Path::new("--odd name.pdf");
            let arguments = Arguments::parse(of_child(file, &library, &limits).into_iter()).unwrap();
            assert_eq!(
                arguments,
                Arguments { file: file.into(), library, layout: false, limits: limits.clone() }
            );
        }
    }

    #[test]
    fn wrong_calls_are_named() {
        assert_eq!(parse(&[]).unwrap_err(), "0 files given");
        assert_eq!(parse(&["a", "b"]).unwrap_err(), "2 files given");
        assert_eq!(parse(&["--fast", "a"]).unwrap_err(), "unknown option --fast");
        assert_eq!(parse(&["--pages-max", "many", "a"]).unwrap_err(), "--pages-max needs a number");
        assert_eq!(parse(&["--library"]).unwrap_err(), "--library needs a path");
    }
}
