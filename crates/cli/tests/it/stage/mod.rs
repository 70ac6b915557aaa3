//! Where tests run programs: a folder of their own, the same environment every time, a deadline,
//! and nothing left over at the end.

mod fixture;
mod log;
mod running;
mod screen;
mod tools;

use crate::program::Program;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use tempfile::TempDir;

pub(crate) use log::{Read, each};
pub(crate) use running::{Running, kill, kill_all, state_of, status_of, until};
pub(crate) use screen::Screen;
pub(crate) use tools::{GCC_32, installed, is_root, skipped, zstd_accepts};

/// The binary under test.
pub(crate) const SYSREEL: &str = env!("CARGO_BIN_EXE_sysreel");
/// The user "nobody", who has no capabilities.
const NOBODY: u32 = 65534;

/// A folder, removed at the end, in which programs run.
pub(crate) struct Stage {
    folder: TempDir,
    /// Whether `sysreel` and the fixture program are copies in the folder.
    copies: bool,
    /// Whether programs run as a user without capabilities.
    unprivileged: bool,
}

/// The result of a command.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    /// What a fixture program stated on descriptor 3.
    pub(crate) statements: String,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        running::default_signals();
        let folder = tempfile::Builder::new().prefix("sysreel-").tempdir().unwrap();
        Stage { folder, copies: false, unprivileged: false }
    }

    /// With copies of `sysreel` and the program in the folder, so that no path in the log depends
    /// on where they were built.
    pub(crate) fn with_copies(program: &Program) -> Stage {
        let stage = Stage { copies: true, ..Stage::new() };
        for path in [Path::new(SYSREEL), &program.binary] {
            // install(1) and not fs::copy: a test on another thread that forks meanwhile would
            // inherit the descriptor open for writing, and execve(2) would fail with ETXTBSY.
            let copy = stage.path(path.file_name().unwrap().to_str().unwrap());
            let status =
                Command::new("install").args(["-m", "755"]).args([path, &copy]).status().unwrap();
            assert!(status.success(), "install {}", path.display());
        }
        stage
    }

    /// As a user without capabilities, who owns nothing but the folder. The programs are copies:
    /// the build folder may be closed to that user, and a binary that cannot be read cannot be
    /// traced.
    pub(crate) fn unprivileged(program: &Program) -> Stage {
        let stage = Stage { unprivileged: true, ..Stage::with_copies(program) };
        chown(stage.folder(), Some(NOBODY), Some(NOBODY)).unwrap();
        stage
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A command that runs in the folder. It does not get cargo's variables: LD_LIBRARY_PATH would
    /// make the loader search cargo's folders.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = if self.unprivileged {
            let mut command = Command::new("setpriv");
            let nobody = NOBODY.to_string();
            command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder()).env("LC_ALL", "C").env("TZ", "UTC");
        command.current_dir(self.folder()).stdin(Stdio::null());
        command
    }

    /// Runs `sysreel` with these arguments.
    pub(crate) fn sysreel(&self, arguments: &[&str]) -> Ran {
        self.run(self.command(self.binary()).args(arguments))
    }

    /// Runs a shell script.
    pub(crate) fn sh(&self, script: &str) -> Ran {
        self.run(self.command("sh").args(["-c", script]).env("SYSREEL", SYSREEL))
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, command: &mut Command) -> Ran {
        // Files and not pipes, so that no thread has to read meanwhile. The names are the same in
        // each run: a program may look where its descriptors lead.
        let (out, err) = (self.path(".stdout"), self.path(".stderr"));
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let status = Running::start(command).wait();
        Ran {
            status,
            stdout: fs::read(out).unwrap(),
            stderr: String::from_utf8_lossy(&fs::read(err).unwrap()).into_owned(),
            statements: String::new(),
        }
    }

    fn binary(&self) -> PathBuf {
        if self.copies { self.path("sysreel") } else { SYSREEL.into() }
    }
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\nstdout: {}\nstderr: {}", self.status, self.text(), self.stderr)
    }
}

impl Ran {
    /// Standard output as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Asserts that the command failed with that exit code and a message with these words.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, words: &[&str]) -> &Ran {
        assert_eq!(self.status.code(), Some(code), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in the message: {self:?}");
        }
        self.never_panics()
    }

    #[track_caller]
    pub(crate) fn never_panics(&self) -> &Ran {
        assert!(!self.stderr.contains("panicked") && self.status.code() != Some(101), "{self:?}");
        self
    }
}
