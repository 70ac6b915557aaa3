//! Runs a command again and again, each time under a recorder of its own.

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

/// How much of what a failed command said is repeated.
const SAID: u64 = 2000;

/// What is run, and where.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The program and its arguments.
    pub(crate) words: Vec<OsString>,
    /// The working directory, if not ours.
    pub(crate) folder: Option<PathBuf>,
}

/// Where logs go, with what the commands print.
pub(crate) struct Rounds {
    folder: PathBuf,
    /// Removes it.
    temporary: Option<TempDir>,
    running: Running,
}

impl Rounds {
    /// In `keep`, where everything stays, or in a folder that is removed.
    pub(crate) fn new(keep: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(folder) = keep {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
            // The commands may run elsewhere.
            let (folder, running) = (std::path::absolute(folder)?, Running::new(None)?);
            return Ok(Self { folder, temporary: None, running });
        }
        let temporary = tempfile::Builder::new()
            .prefix("sysreel-")
            .tempdir()
            .context("cannot make a folder for the logs; --keep DIR names another place")?;
        let folder = temporary.path().to_owned();
        let running = Running::new(Some(folder.clone()))?;
        Ok(Self { folder, temporary: Some(temporary), running })
    }

    /// The file of that name among them.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Records a run. How the command ends is no matter here: the log says it.
    pub(crate) fn record(&self, name: &str, job: &Job) -> anyhow::Result<LogFile> {
        self.record_with(name, job, &[])
    }

    /// As [`Rounds::record`], with further options of the recorder.
    pub(crate) fn record_with(
        &self,
        name: &str,
        job: &Job,
        options: &[&str],
    ) -> anyhow::Result<LogFile> {
        let file = |what: &str| self.folder.join(format!("{name}.{what}"));
        let (log, out, err) = (file("reel"), file("stdout"), file("stderr"));
        if stderr().is_terminal() {
            say!("{name}");
        }
        // A log of an earlier use of this folder.
        for old in [&log, &file("reel.tail")] {
            if let Err(error) = fs::remove_file(old)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(error).with_context(|| format!("cannot replace {}", old.display()));
            }
        }
        let create = |path: &Path| {
            File::create(path).with_context(|| format!("cannot make {}", path.display()))
        };
        let mut command =
            Command::new(std::env::current_exe().context("cannot find this program")?);
        // A command is over when it ends; what it leaves behind may run for ever.
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
            let said = end_of(&err);
            say::quote(&said);
            anyhow::anyhow!("{name} was not recorded ({status}): {why}")
        };
        if !log.exists() {
            bail!(failed("there is no log".to_owned()));
        }
        open(&log).map_err(|error| failed(error.to_string()))
    }

    /// Says where the logs are, if they stay.
    pub(crate) fn done(self) {
        if self.temporary.is_none() {
            say!("logs and outputs are in {}", self.folder.display());
        }
    }
}

/// Writes a file as a whole, or not at all.
pub(crate) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let wrong = || format!("cannot write {}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(wrong)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).with_context(wrong)?;
    // As any file of a working tree, not for its owner alone.
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).with_context(wrong)?;
    file.persist(path).with_context(wrong)?;
    Ok(())
}

fn end_of(path: &Path) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(SAID)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        std::io::Result::Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_default()
}
