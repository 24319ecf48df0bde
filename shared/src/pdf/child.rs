//! The parent's side: a process per file, bounded in every direction, and its lines read back.
//!
//! Nothing short of a process contains a hostile file: engines crash, loop and ask for all memory there is.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::arguments::{Library, of_child};
use super::{Code, Failure, Limits, Page};

/// Exit code of a Rust program whose main thread panicked.
const EXIT_PANIC: i32 = 101;

/// How long a killed process may take to go before it is left to the runtime to collect.
const REAP_MAX: Duration = Duration::from_secs(1);

/// The program that reads pages in a process of its own: `program args… [options] -- FILE`, which must end in
/// [`super::main`]. `--layout` among `args` asks for word boxes.
#[derive(Debug, Clone)]
pub struct Reader {
    /// A path: the child's environment is empty and names no folders to search.
    pub program: PathBuf,
    /// What comes before the options and the file.
    pub args: Vec<OsString>,
    /// libpdfium; with `None` the child looks beside its own executable.
    pub library: Option<PathBuf>,
    /// Bounds of each file; see [`Limits`].
    pub limits: Limits,
}

impl Reader {
    /// All pages of `file`, in order. Faults of the file are `Ok(Err(…))`; faults of the world (the program
    /// does not start, the file is not there) are `Err`. Dropping the future kills the child. On Linux the
    /// child also dies with the thread that called; call it where that thread outlives the reading, as a
    /// runtime's own threads do.
    pub async fn read(&self, file: &Path) -> anyhow::Result<Result<Vec<Page>, Failure>> {
        let deadline = Instant::now() + self.limits.wall;
        let library = self.library.clone().map_or(Library::BesideExecutable, Library::At);
        match self.attempt(file, &library, deadline).await? {
            End::Pages(pages) => return Ok(Ok(pages)),
            End::Failed(failure) => return Ok(Err(failure)),
            End::Crashed(_) => {}
        }
        // What crashed is libpdfium more often than not. The other engine gets what is left of the time.
        match self.attempt(file, &Library::None, deadline).await? {
            End::Pages(pages) => Ok(Ok(pages)),
            End::Failed(failure) => Ok(Err(failure)),
            // Memory and stack run out with an abort; anything else was led astray by damage.
            End::Crashed(signal) if signal == Some(Signal::ABORT.as_raw()) => {
                Ok(Err(Failure::too_complex("The PDF needs more memory to read than is given to one file")))
            }
            End::Crashed(_) => Ok(Err(Failure::malformed())),
        }
    }

    async fn attempt(&self, file: &Path, library: &Library, deadline: Instant) -> anyhow::Result<End> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .args(of_child(file, library, &self.limits))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        confine(&mut command, &self.limits);
        let mut child = command.spawn().with_context(|| format!("start {}", self.program.display()))?;
        let stdout = child.stdout.take().context("the child's standard output was not piped")?;
        let watched = async {
            let lines = Lines::read(stdout, self.limits.output_bytes_max).await?;
            // Lines that end early leave a child that may have more to say; it is killed below.
            let status = if lines.cut.is_none() { Some(child.wait().await?) } else { None };
            anyhow::Ok((lines, status))
        };
        let watched = timeout_at(deadline, watched).await;
        let Ok(watched) = watched else {
            kill(&mut child).await;
            return Ok(End::Failed(Failure::too_complex("The PDF takes too long to read")));
        };
        let (lines, status) = watched.context("read pages from the child")?;
        let Some(status) = status else {
            kill(&mut child).await;
            return Ok(match lines.cut {
                Some(Cut::TooLong) => End::Failed(Failure::too_complex("The PDF holds too much text")),
                _ => End::Crashed(None),
            });
        };
        end(lines, status)
    }
}

/// How one process ended.
enum End {
    Pages(Vec<Page>),
    Failed(Failure),
    /// The signal that ended it, if one did.
    Crashed(Option<i32>),
}

fn end(lines: Lines, status: ExitStatus) -> anyhow::Result<End> {
    if let Some(signal) = status.signal() {
        // The kernel sends the first two when CPU time is used up; the second is also how a host short of
        // memory ends it.
        let spent = [Signal::XCPU.as_raw(), Signal::KILL.as_raw()].contains(&signal);
        let failure = || Failure::too_complex("The PDF takes too much computing to read");
        return Ok(if spent { End::Failed(failure()) } else { End::Crashed(Some(signal)) });
    }
    match (status.code(), lines.failure) {
        (Some(0), None) if !lines.pages.is_empty() => Ok(End::Pages(lines.pages)),
        (Some(1), Some(failure)) if failure.code == Code::Unreadable => bail!("{}", failure.detail),
        (Some(1), Some(failure)) => Ok(End::Failed(failure)),
        (Some(EXIT_PANIC), _) => Ok(End::Crashed(None)),
        (code, _) => bail!("the program that reads pages ended with code {code:?} and no result"),
    }
}

async fn kill(child: &mut Child) {
    // Both may fail only where the child is gone or beyond help; the runtime collects it then.
    let _ = child.start_kill();
    let _ = timeout(REAP_MAX, child.wait()).await;
}

/// What a child printed.
struct Lines {
    pages: Vec<Page>,
    failure: Option<Failure>,
    cut: Option<Cut>,
}

/// Why reading stopped before the output ended.
#[derive(Debug, PartialEq)]
enum Cut {
    TooLong,
    /// Not the line that must come next. A child that a file has taken over may print anything.
    Garbage,
}

impl Lines {
    async fn read(stdout: impl AsyncRead + Unpin, bytes_max: u64) -> anyhow::Result<Self> {
        let mut lines = Lines { pages: Vec::new(), failure: None, cut: None };
        let mut stdout = BufReader::new(stdout.take(bytes_max.saturating_add(1)));
        let mut line = Vec::new();
        let mut bytes = 0;
        loop {
            line.clear();
            let length = stdout.read_until(b'\n', &mut line).await?;
            bytes += length as u64;
            if bytes > bytes_max {
                lines.cut = Some(Cut::TooLong);
            } else if length > 0 && lines.accept(&line).is_err() {
                lines.cut = Some(Cut::Garbage);
            }
            if length == 0 || lines.cut.is_some() {
                return Ok(lines);
            }
        }
    }

    fn accept(&mut self, line: &[u8]) -> anyhow::Result<()> {
        ensure!(self.failure.is_none(), "a line after the last");
        if line.starts_with(br#"{"error""#) {
            #[derive(serde::Deserialize)]
            struct ErrorLine {
                error: Failure,
            }
            self.failure = Some(serde_json::from_slice::<ErrorLine>(line)?.error);
            return Ok(());
        }
        let page: Page = serde_json::from_slice(line)?;
        ensure!(page.page as usize == self.pages.len() + 1, "pages out of order");
        ensure!(!page.text.contains('\0'), "NUL in a text");
        self.pages.push(page);
        Ok(())
    }
}

/// Takes from the child, before it becomes the program, all that reading does not need.
fn confine(command: &mut Command, limits: &Limits) {
    #[cfg(target_os = "linux")]
    let (parent, memory_bytes) = (rustix::process::getpid(), limits.memory_bytes);
    let cpu_s = limits.cpu_s;
    let confine = move || {
        lower(Resource::Core, 0)?;
        // Standard output is a pipe, which this does not touch: no file can be written.
        lower(Resource::Fsize, 0)?;
        lower(Resource::Cpu, cpu_s)?;
        #[cfg(target_os = "linux")]
        {
            lower(Resource::As, memory_bytes)?;
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            // A parent that died before the line above sends nothing.
            if rustix::process::getppid() != Some(parent) {
                return Err(rustix::io::Errno::SRCH.into());
            }
            rustix::thread::set_no_new_privs(true)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls only; it neither allocates nor takes a
    // lock.
    unsafe { command.pre_exec(confine) };
}

/// Bounds a resource, never above the bound that stands already, which only root may raise.
fn lower(resource: Resource, value: u64) -> rustix::io::Result<()> {
    let value = getrlimit(resource).maximum.map_or(value, |maximum| value.min(maximum));
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_1: &str = r#"{"page":1,"text":"a"}"#;

    /// What a child that runs `script` makes of a file; the options the parent adds are the script's
    /// arguments.
    async fn read(script: &str, limits: Limits) -> anyhow::Result<Result<Vec<Page>, Failure>> {
        let args = ["-c", script, "pages"].map(OsString::from).to_vec();
        Reader { program: "/bin/sh".into(), args, library: None, limits }.read(Path::new("a.pdf")).await
    }

    async fn code(script: &str, limits: Limits) -> Code {
        read(script, limits).await.unwrap().unwrap_err().code
    }

    fn second() -> Limits {
        Limits { wall: Duration::from_secs(1), ..Limits::default() }
    }

    #[tokio::test]
    async fn pages_come_back_in_order() {
        let pages =
            read(r#"echo '{"page":1,"text":"a"}'; echo '{"page":2,"text":""}'"#, Limits::default()).await;
        let pages = pages.unwrap().unwrap();
        assert_eq!(
            pages.iter().map(|page| (page.page, page.text.as_str())).collect::<Vec<_>>(),
            [(1, "a"), (2, "")]
        );
    }

    #[tokio::test]
    async fn the_last_line_says_what_is_wrong() {
        let script = r#"echo '{"page":1,"text":"a"}'; echo '{"error":{"code":"encrypted","detail":"Locked."}}'; exit 1"#;
        let failure = read(script, Limits::default()).await.unwrap().unwrap_err();
        assert_eq!((failure.code, failure.to_string()), (Code::Encrypted, "Locked.".to_owned()));
    }

    #[tokio::test]
    async fn faults_of_the_world_are_errors() {
        for script in
            ["exit 0", "exit 1", "exit 127", r#"echo '{"error":{"code":"unreadable","detail":"?"}}'; exit 1"#]
        {
            assert!(read(script, Limits::default()).await.is_err(), "{script}");
        }
        let nothing =
            Reader { program: "/nowhere".into(), args: vec![], library: None, limits: Limits::default() };
        assert!(nothing.read(Path::new("a.pdf")).await.is_err());
    }

    #[tokio::test]
    async fn after_a_crash_the_other_engine_reads() {
        let script = r#"[ "$1" = --no-library ] || kill -SEGV $$; echo '{"page":1,"text":"a"}'"#;
        assert_eq!(read(script, Limits::default()).await.unwrap().unwrap().len(), 1);
        assert_eq!(code("kill -SEGV $$", Limits::default()).await, Code::Malformed);
        assert_eq!(code("kill -ABRT $$", Limits::default()).await, Code::TooComplex);
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_the_wall_limit() {
        let begun = Instant::now();
        for script in [
            "exec sleep 60",
            "exec >&-; exec sleep 60",
            "[ \"$1\" = --no-library ] || kill -SEGV $$; exec sleep 60",
        ] {
            assert_eq!(code(script, second()).await, Code::TooComplex, "{script}");
        }
        assert!(begun.elapsed() < Duration::from_secs(8));
    }

    #[tokio::test]
    async fn computing_is_bounded() {
        let limits = Limits { cpu_s: 1, wall: Duration::from_mins(1), ..Limits::default() };
        assert_eq!(code("while :; do :; done", limits).await, Code::TooComplex);
    }

    #[tokio::test]
    async fn output_is_bounded() {
        let limits = Limits { output_bytes_max: 1000, wall: Duration::from_secs(20), ..Limits::default() };
        assert_eq!(
            code("while :; do echo '                                '; done", limits.clone()).await,
            Code::Malformed
        );
        assert_eq!(code("while :; do printf '               '; done", limits).await, Code::TooComplex);
    }

    #[tokio::test]
    async fn the_child_has_nothing_it_does_not_need() {
        let script = r#"[ -z "$HOME" ] && [ "$(ulimit -c)$(ulimit -f)" = 00 ] && ! read line && echo '{"page":1,"text":"a"}'"#;
        assert_eq!(read(script, Limits::default()).await.unwrap().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_child_that_prints_anything_else_is_not_believed() {
        let error = r#"{"error":{"code":"no_text","detail":"?"}}"#;
        for printed in [
            "hello\n",
            "{}\n",
            r#"{"page":2,"text":"a"}"#,
            r#"{"page":1,"text":"\u0000"}"#,
            &format!("{error}\n{PAGE_1}"),
        ] {
            let lines = Lines::read(printed.as_bytes(), 1000).await.unwrap();
            assert_eq!(lines.cut, Some(Cut::Garbage), "{printed}");
        }
        assert_eq!(Lines::read(PAGE_1.as_bytes(), PAGE_1.len() as u64).await.unwrap().cut, None);
        assert_eq!(Lines::read(PAGE_1.as_bytes(), 20).await.unwrap().cut, Some(Cut::TooLong));
    }
}
