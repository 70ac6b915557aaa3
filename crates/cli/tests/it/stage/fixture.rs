//! Runs fixture programs, bare and recorded.

use super::{NOBODY, Ran, Running, Stage, is_root};
use crate::program::{Ending, Program};
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;

/// The exit status of a fixture that the machine cannot run.
const SKIPPED: i32 = 77;

impl Stage {
    /// The log that [`Stage::record`] writes.
    pub(crate) fn log(&self) -> PathBuf {
        self.path("run.reel")
    }

    /// Runs the program by itself.
    pub(crate) fn bare(&self, program: &Program) -> Ran {
        self.run_stating(self.command_line(program))
    }

    /// Runs the program under `sysreel record` with these options.
    pub(crate) fn record(&self, program: &Program, options: &[&str]) -> Ran {
        self.record_under(&[], program, options)
    }

    /// As [`Stage::record`], with another command that starts the recorder.
    pub(crate) fn record_under(
        &self,
        wrapper: &[&str],
        program: &Program,
        options: &[&str],
    ) -> Ran {
        let mut words: Vec<OsString> = wrapper.iter().map(OsString::from).collect();
        words.extend([self.binary().into(), "record".into(), "-q".into()]);
        words.extend(options.iter().map(OsString::from));
        words.extend(["-o".into(), self.log().into(), "--".into()]);
        words.extend(self.command_line(program));
        self.run_stating(words)
    }

    /// Prints the log in that format.
    #[track_caller]
    pub(crate) fn printed(&self, format: &str) -> String {
        let log = self.log();
        let ran = self.sysreel(&["print", "--format", format, log.to_str().unwrap()]);
        assert!(ran.status.success(), "print --format {format}: {ran:?}");
        ran.text()
    }

    /// Starts the program with these arguments.
    pub(crate) fn start_program(&self, program: &Program, arguments: &[&str]) -> Running {
        let mut command = self.command(self.program(program));
        Running::start(command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()))
    }

    /// Starts `sysreel record` attached to that process.
    pub(crate) fn start_recorder(&self, pid: u32) -> Running {
        let mut command = self.command(self.binary());
        command.args(["record", "-q", "-p", &pid.to_string(), "-o"]).arg(self.log());
        Running::start(&mut command)
    }

    fn program(&self, program: &Program) -> PathBuf {
        match self.copies {
            true => self.folder().join(program.binary.file_name().unwrap()),
            false => program.binary.clone(),
        }
    }

    fn command_line(&self, program: &Program) -> Vec<OsString> {
        let mut words = vec![self.program(program).into()];
        words.extend(program.arguments.iter().map(OsString::from));
        words
    }

    /// Runs a command that makes statements on descriptor 3.
    fn run_stating(&self, words: Vec<OsString>) -> Ran {
        let statements = self.path(".statements");
        File::create(&statements).unwrap();
        if self.unprivileged {
            chown(&statements, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        // A shell opens descriptor 3: between fork and exec only unsafe code could.
        let mut command = self.command("sh");
        command.args(["-c", r#"statements=$1; shift; exec "$@" 3>>"$statements""#, "sh"]);
        command.arg(&statements).args(words);
        if self.unprivileged || !is_root() {
            command.env("EXPECT_UNPRIVILEGED", "1");
        }
        let ran = self.run(&mut command);
        Ran { statements: fs::read_to_string(&statements).unwrap(), ..ran }
    }
}

impl Ran {
    /// Whether the program ended like that.
    pub(crate) fn ended(&self, end: &Ending) -> bool {
        match end {
            Ending::Exit(status) => self.status.code() == Some(*status),
            Ending::Signal(name) => self
                .status
                .signal()
                .and_then(sysreel_abi::signal_name)
                .is_some_and(|signal| signal == name),
        }
    }

    /// Whether the program stated that the machine lacks what it needs.
    pub(crate) fn skipped(&self) -> bool {
        self.status.code() == Some(SKIPPED)
            && self.statements.lines().any(|line| line.starts_with("skip "))
    }
}
