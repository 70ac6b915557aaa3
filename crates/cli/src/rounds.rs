//! Records a command several times, each time with a new recorder process.

use crate::running::Running;
use crate::say::{self, say};
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{IsTerminal, Read, Seek, SeekFrom, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use sysreel_inspect::{LogFile, open};
use tempfile::TempDir;

/// How many bytes of a failed run's standard error are quoted.
const QUOTED: u64 = 2000;

/// A command and its working directory.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The program and its arguments.
    pub(crate) words: Vec<OsString>,
    /// The working directory, if not that of this process.
    pub(crate) folder: Option<PathBuf>,
}

/// A series of runs, with the folder for their logs and outputs.
pub(crate) struct Rounds {
    folder: PathBuf,
    /// Removes the folder when dropped.
    temporary: Option<TempDir>,
    running: Running,
}

impl Rounds {
    /// Stores logs and outputs in `keep`, or in a temporary folder if that is `None`.
    pub(crate) fn new(keep: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(folder) = keep {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
            // Absolute, because the commands may run in another directory.
            let (folder, running) = (std::path::absolute(folder)?, Running::new(None)?);
            return Ok(Self { folder, temporary: None, running });
        }
        let temporary = tempfile::Builder::new()
            .prefix("sysreel-")
            .tempdir()
            .context("cannot create a folder for the logs; choose one with --keep DIR")?;
        let folder = temporary.path().to_owned();
        let running = Running::new(Some(folder.clone()))?;
        Ok(Self { folder, temporary: Some(temporary), running })
    }

    /// Returns the path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Records one run. The command's exit status is not an error; the log has it.
    pub(crate) fn record(&self, name: &str, job: &Job) -> anyhow::Result<LogFile> {
        self.record_with(name, job, &[])
    }

    /// Like [`Rounds::record`], with further options for `sysreel record`.
    pub(crate) fn record_with(
        &self,
        name: &str,
        job: &Job,
        options: &[&str],
    ) -> anyhow::Result<LogFile> {
        let file = |extension: &str| self.folder.join(format!("{name}.{extension}"));
        let (log, out, err) = (file("reel"), file("stdout"), file("stderr"));
        if stderr().is_terminal() {
            say!("{name}");
        }
        // The folder may hold logs of an earlier command.
        for old in [&log, &file("reel.tail")] {
            if let Err(error) = fs::remove_file(old)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(error).with_context(|| format!("cannot replace {}", old.display()));
            }
        }
        let create = |path: &Path| {
            File::create(path).with_context(|| format!("cannot create {}", path.display()))
        };
        let mut command =
            Command::new(std::env::current_exe().context("cannot find the sysreel executable")?);
        // Processes that the command leaves running may never exit.
        command
            .args(["record", "-q", "--until-exit"])
            .args(options)
            .arg("-o")
            .arg(&log)
            .arg("--")
            .args(&job.words);
        command.stdin(Stdio::null()).stdout(create(&out)?).stderr(create(&err)?);
        if let Some(folder) = &job.folder {
            command.current_dir(folder);
        }
        let status = self.running.status(&mut command).context("cannot start the recorder")?;
        let failed = |why: String| {
            say::quote(&last_output(&err));
            anyhow::anyhow!("{name} was not recorded ({status}): {why}")
        };
        if !log.exists() {
            bail!(failed("no log was written".to_owned()));
        }
        open(&log).map_err(|error| failed(error.to_string()))
    }

    /// Reports where the logs are, if they are kept.
    pub(crate) fn finish(self) {
        if self.temporary.is_none() {
            say!("logs and outputs are in {}", self.folder.display());
        }
    }
}

/// Replaces a file atomically.
pub(crate) fn write_atomically(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let wrong = || format!("cannot write {}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(wrong)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).with_context(wrong)?;
    // Temporary files are created with mode 0600; this one belongs into a git working tree.
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).with_context(wrong)?;
    file.persist(path).with_context(wrong)?;
    Ok(())
}

/// Returns the last [`QUOTED`] bytes of a file as text, empty if it cannot be read.
fn last_output(path: &Path) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(QUOTED)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        std::io::Result::Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_default()
}
