//! Runs the program of a log again for real, recorded as with `record --replayable`.

use anyhow::{Context, anyhow};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use sysreel_abi::{CallKind, intent};
use sysreel_format::{ProcessSnapshot, TaskId};
use sysreel_inspect::calls::{Call, Item, Region};
use sysreel_inspect::{Error, Follow, LogFile, open};

/// How the program of a log was started.
#[derive(Debug)]
pub(super) struct StartInfo {
    pub(super) argv: Vec<OsString>,
    pub(super) environment: Vec<Vec<u8>>,
    pub(super) folder: PathBuf,
    /// Its recording was made with --until-exit.
    until_exit: bool,
}

/// Where an output stream of the program goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// To that of this process.
    Inherited,
    /// To a regular file.
    File,
    /// Into a pipe, which is read to the end.
    Pipe,
    /// To /dev/null.
    Null,
}

/// Reads how the program of a log was started, and the kinds of file that its standard output and
/// standard error were: programs may write to a file and to a pipe in different ways.
pub(super) fn read_start(file: &LogFile) -> anyhow::Result<(StartInfo, [Output; 2])> {
    let meta = file.log().meta();
    let name = file.path().display();
    if meta.argv.is_empty() {
        return Err(anyhow!("{name} does not name its program"));
    }
    let words =
        |words: &[Vec<u8>]| words.iter().map(|word| OsString::from_vec(word.clone())).collect();
    let (environment, outputs) = first_exec(file)?;
    let folder = PathBuf::from(OsString::from_vec(meta.cwd.clone()));
    if !folder.is_dir() {
        return Err(anyhow!(
            "{name} was recorded in {}, which is not a directory any more",
            folder.display()
        ));
    }
    let until_exit =
        meta.options.iter().any(|(name, value)| (&**name, &**value) == (b"until-exit", b"true"));
    Ok((StartInfo { argv: words(&meta.argv), environment, folder, until_exit }, outputs))
}

/// Returns the environment passed to the first execve, and the outputs of the program it started.
fn first_exec(file: &LogFile) -> anyhow::Result<(Vec<Vec<u8>>, [Output; 2])> {
    let mut environment = None;
    let mut outputs = [Output::Null; 2];
    let mut calls = file.calls(Follow::default()).with_entries();
    while let Some(item) = calls.next()? {
        match item {
            Item::Entered(call)
                if environment.is_none()
                    && call.task().id() == TaskId(0)
                    && call.row().is_some_and(|row| row.kind == CallKind::Exec) =>
            {
                environment = Some(environment_of(&call, file)?);
            }
            Item::Exec(exec) if exec.event.task == TaskId(0) => {
                outputs = [1, 2].map(|fd| output_of(exec.found, fd));
                // The first one is the new program.
                break;
            }
            Item::Damage(damage) => {
                let (number, why) = (damage.event.number, damage.error.to_string());
                let path = file.path().to_path_buf();
                return Err(Error::Damaged { path, number, why }.into());
            }
            _ => {}
        }
    }
    match environment {
        Some(environment) => Ok((environment, outputs)),
        None => {
            Err(anyhow!("{} does not contain the execve of its program", file.path().display()))
        }
    }
}

/// Returns the environment that an execve passes.
fn environment_of(call: &Call<'_>, file: &LogFile) -> anyhow::Result<Vec<Vec<u8>>> {
    let at = call.row().and_then(|row| row.arg("envp"));
    let strings = call.regions().filter(|region| region.arg() == at && region.depth() == 1);
    let string = |region: Region<'_>| {
        let bytes = region.bytes().with_context(|| {
            format!("{}: the environment of the program is lost", file.path().display())
        })?;
        Ok(bytes.strip_suffix(b"\0").unwrap_or(&bytes).to_vec())
    };
    strings.map(string).collect()
}

fn output_of(snapshot: &ProcessSnapshot, fd: i32) -> Output {
    match snapshot.fds.iter().find(|entry| entry.fd == fd).map(|entry| entry.mode) {
        Some(mode) if intent::is_pipe(mode) => Output::Pipe,
        Some(mode) if intent::is_regular(mode) => Output::File,
        _ => Output::Null,
    }
}

/// Records the program again into `log`.
pub(super) fn record(
    start: &StartInfo,
    outputs: [Output; 2],
    log: &Path,
) -> anyhow::Result<LogFile> {
    let mut command =
        Command::new(std::env::current_exe().context("cannot find the sysreel executable")?);
    // `std::process::Command` does not keep the order of the environment, hence the file.
    let environment = log.with_extension("environment");
    let entries: Vec<u8> =
        start.environment.iter().flat_map(|e| e.iter().copied().chain([0])).collect();
    fs::write(&environment, entries)
        .with_context(|| format!("cannot write {}", environment.display()))?;
    // The recorder searches the program in PATH, so it gets the program's.
    let path = start.environment.iter().find_map(|entry| entry.strip_prefix(b"PATH="));
    command.env_remove("PATH").envs(path.map(|path| ("PATH", OsStr::from_bytes(path))));
    command.args(["record", "--replayable", "-q", "--environment"]).arg(environment);
    command.args(start.until_exit.then_some("--until-exit"));
    command.arg("-o").arg(log).arg("--").args(&start.argv).current_dir(&start.folder);
    let (out, err) = (log.with_extension("stdout"), log.with_extension("stderr"));
    command.stdout(outputs[0].stdio(&out)?).stderr(outputs[1].stdio(&err)?);
    let messages = run(command).context("cannot start the recorder")?;
    // The recorder writes its messages to the standard error of the program.
    let messages = if outputs[1] == Output::File { fs::read(&err)? } else { messages };
    let messages = String::from_utf8_lossy(&messages);
    let program = start.argv.first().map_or_else(Default::default, |word| word.to_string_lossy());
    let failed = |why: String| {
        crate::say::quote(messages.trim_end());
        anyhow!("{program} was not recorded again: {why}")
    };
    if !log.exists() {
        return Err(failed("no log was written".to_owned()));
    }
    open(log).map_err(|error| failed(error.to_string()))
}

impl Output {
    fn stdio(self, file: &Path) -> anyhow::Result<Stdio> {
        Ok(match self {
            Output::Inherited => Stdio::inherit(),
            Output::Null => Stdio::null(),
            Output::Pipe => Stdio::piped(),
            Output::File => File::create(file)
                .with_context(|| format!("cannot create {}", file.display()))?
                .into(),
        })
    }
}

/// Runs a command and reads its pipes to the end. Returns what it wrote to standard error, if that
/// is a pipe.
fn run(mut command: Command) -> io::Result<Vec<u8>> {
    let mut child = command.spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    // Both are read concurrently: a program blocked on one full pipe does not write to the other.
    let out = std::thread::spawn(move || {
        out.map_or(Ok(0), |mut pipe| io::copy(&mut pipe, &mut io::sink()))
    });
    let mut messages = Vec::new();
    err.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut messages))?;
    child.wait()?;
    out.join().unwrap_or(Ok(0))?;
    Ok(messages)
}
