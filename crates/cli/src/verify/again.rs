//! Runs a program for real, recorded in the determinism.

use anyhow::{Context, anyhow};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use sysreel_abi::{AuditArch, CallKind, intent, row};
use sysreel_format::{Body, Item, MetaCodec, Part, ProcessSnapshot, Role, SnapshotKind, TaskId};
use sysreel_inspect::syscall_info::{self, What};
use sysreel_inspect::{LogFile, open};

/// How a program is started.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) argv: Vec<OsString>,
    pub(super) environment: Vec<Vec<u8>>,
    pub(super) folder: PathBuf,
    /// Its recording ended with the program, whatever that left behind.
    until_exit: bool,
}

/// Where the output of a program goes that shall not be seen at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Where this process's own goes.
    Inherited,
    /// A file.
    File,
    /// A pipe, which is read to its end.
    Pipe,
    /// Nowhere.
    Null,
}

/// How the log's program was started, and what its output went to: programs write in another way to
/// files than to pipes.
pub(super) fn start_of(file: &LogFile) -> anyhow::Result<(Start, [Output; 2])> {
    let meta = file.log().meta();
    let name = file.path().display();
    if meta.argv.is_empty() {
        return Err(anyhow!("{name} does not say which program it is of"));
    }
    let words =
        |words: &[Vec<u8>]| words.iter().map(|word| OsString::from_vec(word.clone())).collect();
    let (environment, outputs) = first_exec(file)?;
    let folder = PathBuf::from(OsString::from_vec(meta.cwd.clone()));
    if !folder.is_dir() {
        return Err(anyhow!(
            "{name} was recorded in {}, which is no folder any more",
            folder.display()
        ));
    }
    let until_exit =
        meta.options.iter().any(|(name, value)| (&**name, &**value) == (b"until-exit", b"true"));
    Ok((Start { argv: words(&meta.argv), environment, folder, until_exit }, outputs))
}

/// What the execve that began the program was given as environment, and where its output went.
fn first_exec(file: &LogFile) -> anyhow::Result<(Vec<Vec<u8>>, [Output; 2])> {
    let mut environment = Vec::new();
    let mut outputs = [Output::Null; 2];
    let mut found = false;
    file.walk(0, |item| {
        let Item::Event(event) = item else { return Ok(ControlFlow::Continue(())) };
        let wrong =
            |source| sysreel_inspect::Error::Log { path: file.path().to_path_buf(), source };
        match event.decode().map_err(wrong)? {
            Body::Stop(stop) if !found && event.task == TaskId(0) => {
                let info = syscall_info::decode(stop.layout, stop.info);
                let What::Entry(call) = info.what else { return Ok(ControlFlow::Continue(())) };
                let act = row(AuditArch(info.arch.unwrap_or(0)), call.nr).map(|row| row.kind);
                if act == Some(CallKind::Exec) {
                    for part in stop.parts.flatten() {
                        if let Part::Region(region) = part
                            && (region.head.arg, region.head.role) == (2, Role::POINTED)
                        {
                            let bytes = file.log().region_bytes(&region).map_err(wrong)?;
                            environment.push(bytes.strip_suffix(b"\0").unwrap_or(&bytes).to_vec());
                        }
                    }
                    found = true;
                }
                Ok(ControlFlow::Continue(()))
            }
            Body::Snapshot { what: SnapshotKind::PROCESS, bytes, .. }
                if event.task == TaskId(0) =>
            {
                let snapshot = ProcessSnapshot::from_bytes(bytes).map_err(wrong)?;
                outputs = [1, 2].map(|fd| output_of(&snapshot, fd));
                // The first is that of the new program; what it does later does not matter.
                Ok(ControlFlow::Break(()))
            }
            _ => Ok(ControlFlow::Continue(())),
        }
    })?;
    if found {
        Ok((environment, outputs))
    } else {
        Err(anyhow!("{} does not show how its program began", file.path().display()))
    }
}

fn output_of(snapshot: &ProcessSnapshot, fd: i32) -> Output {
    match snapshot.fds.iter().find(|entry| entry.fd == fd).map(|entry| entry.mode) {
        Some(mode) if intent::is_pipe(mode) => Output::Pipe,
        Some(mode) if intent::is_regular(mode) => Output::File,
        _ => Output::Null,
    }
}

/// Records a program into `log`.
pub(super) fn record(start: &Start, outputs: [Output; 2], log: &Path) -> anyhow::Result<LogFile> {
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    // In the order that it had, which a command of the standard library would not keep.
    let environment = log.with_extension("environment");
    let entries: Vec<u8> =
        start.environment.iter().flat_map(|e| e.iter().copied().chain([0])).collect();
    fs::write(&environment, entries)
        .with_context(|| format!("cannot write {}", environment.display()))?;
    // The program is looked for along its own PATH.
    let path = start.environment.iter().find_map(|entry| entry.strip_prefix(b"PATH="));
    command.env_remove("PATH").envs(path.map(|path| ("PATH", OsStr::from_bytes(path))));
    command.args(["record", "--replayable", "-q", "--environment"]).arg(environment);
    command.args(start.until_exit.then_some("--until-exit"));
    command.arg("-o").arg(log).arg("--").args(&start.argv).current_dir(&start.folder);
    let (out, err) = (log.with_extension("stdout"), log.with_extension("stderr"));
    command.stdout(outputs[0].stdio(&out)?).stderr(outputs[1].stdio(&err)?);
    let said = run(command).context("cannot start the recorder")?;
    // Of a run that was not recorded the recorder's own words are the last ones.
    let said = if outputs[1] == Output::File { fs::read(&err)? } else { said };
    let said = String::from_utf8_lossy(&said);
    let program = start.argv.first().map_or_else(Default::default, |word| word.to_string_lossy());
    let failed = |why: String| {
        crate::say::quote(said.trim_end());
        anyhow!("{program} was not recorded again: {why}")
    };
    if !log.exists() {
        return Err(failed("there is no log".to_owned()));
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
                .with_context(|| format!("cannot make {}", file.display()))?
                .into(),
        })
    }
}

/// Runs a command, and reads what comes through pipes. Answers what came as errors.
fn run(mut command: Command) -> io::Result<Vec<u8>> {
    let mut child = command.spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    // Both are read at once, for who waits for room in one pipe does not fill the other.
    let out = std::thread::spawn(move || {
        out.map_or(Ok(0), |mut pipe| io::copy(&mut pipe, &mut io::sink()))
    });
    let mut said = Vec::new();
    err.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut said))?;
    child.wait()?;
    out.join().unwrap_or(Ok(0))?;
    Ok(said)
}
