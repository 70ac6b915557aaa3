//! Runs programs bare and recorded, each in a folder of its own.

use crate::program::{Ending, Program};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The fixtures end themselves after 60 seconds; a recorder that hangs is ended here.
const DEADLINE: Duration = Duration::from_secs(100);
/// The user "nobody", who has no capabilities.
const NOBODY: u32 = 65534;
/// What ends a program that the machine cannot run.
const SKIPPED: i32 = 77;

/// What a run left behind.
pub(crate) struct Run {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) statements: String,
}

/// Where runs take place, and as whom.
pub(crate) struct Session {
    folder: TempDir,
    sysreel: PathBuf,
    program: PathBuf,
    /// Without root's capabilities.
    unprivileged: bool,
}

impl Session {
    /// As whoever runs the tests.
    pub(crate) fn new(program: &Program) -> Self {
        crate::stage::default_signals();
        Self {
            folder: tempfile::Builder::new().prefix("sysreel-").tempdir().unwrap(),
            sysreel: env!("CARGO_BIN_EXE_sysreel").into(),
            program: program.binary.clone(),
            unprivileged: false,
        }
    }

    /// As a user without capabilities, to whom nothing but this folder belongs.
    pub(crate) fn unprivileged(program: &Program) -> Self {
        // The build folder may be closed to that user. What he cannot read he could not trace
        // either.
        let mut session = Self::apart(program);
        chown(session.folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        session.unprivileged = true;
        session
    }

    /// As whoever runs the tests, with everything in one folder: no path says where it was built.
    pub(crate) fn apart(program: &Program) -> Self {
        let mut session = Self::new(program);
        for path in [&mut session.sysreel, &mut session.program] {
            let copy = session.folder.path().join(path.file_name().unwrap());
            // By another process: a descriptor of ours, open for writing, would go into whatever
            // other tests start meanwhile, and a program that is open for writing cannot be
            // executed (execve(2) ETXTBSY).
            let status =
                Command::new("install").args(["-m", "755"]).args([&*path, &copy]).status().unwrap();
            assert!(status.success(), "install {}", path.display());
            *path = copy;
        }
        session
    }

    /// The log that [`Session::recorded`] writes.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("run.reel")
    }

    /// The program as it is.
    pub(crate) fn bare(&self, program: &Program) -> Run {
        let mut command = vec![self.program.as_os_str().to_owned()];
        command.extend(program.arguments.iter().map(OsString::from));
        self.run("bare", &command)
    }

    /// The program under `sysreel record` with these options.
    pub(crate) fn recorded(&self, program: &Program, options: &[&str]) -> Run {
        self.recorded_under(&[], program, options)
    }

    /// The same, with the recorder started by another command.
    pub(crate) fn recorded_under(
        &self,
        wrapper: &[&str],
        program: &Program,
        options: &[&str],
    ) -> Run {
        let mut command: Vec<OsString> = wrapper.iter().map(OsString::from).collect();
        command.extend([self.sysreel.clone().into(), "record".into(), "-q".into()]);
        command.extend(options.iter().map(OsString::from));
        command.extend(["-o".into(), self.log().into(), "--".into(), self.program.clone().into()]);
        command.extend(program.arguments.iter().map(OsString::from));
        self.run("recorded", &command)
    }

    /// `sysreel` with these arguments.
    pub(crate) fn sysreel(&self, arguments: &[&OsStr]) -> Run {
        let command: Vec<OsString> = std::iter::once(self.sysreel.as_os_str())
            .chain(arguments.iter().copied())
            .map(OsStr::to_owned)
            .collect();
        self.run("read", &command)
    }

    /// The program with these arguments, and no more is waited for.
    pub(crate) fn start_program(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// `sysreel record` attached to that process.
    pub(crate) fn start_recorder(&self, pid: u32) -> Child {
        let mut command = Command::new(&self.sysreel);
        command.args(["record", "-q", "-p"]).arg(pid.to_string()).arg("-o").arg(self.log());
        command.env_clear().current_dir(self.folder.path()).stdin(Stdio::null()).spawn().unwrap()
    }

    fn run(&self, name: &str, words: &[OsString]) -> Run {
        let file = |what: &str| self.folder.path().join(format!("{name}.{what}"));
        let (stdout, stderr, statements) = (file("stdout"), file("stderr"), file("statements"));
        let _ = fs::remove_file(&statements);
        // The statements go to descriptor 3. A shell opens it there: between fork and exec Rust
        // could do it only with unsafe code.
        let mut command = Command::new("sh");
        // Cargo's own variables would send every program's loader through its folders.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .args(["-c", r#"statements=$1; shift; exec "$@" 3>>"$statements""#, "sh"])
            .arg(&statements);
        if self.unprivileged {
            let nobody = NOBODY.to_string();
            command.args(["setpriv", "--reuid", &nobody, "--regid", &nobody, "--clear-groups"]);
            // What root created the other user cannot append to.
            File::create(&statements).unwrap();
            chown(&statements, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        if self.unprivileged || !is_root() {
            command.env("EXPECT_UNPRIVILEGED", "1");
        }
        command.args(words).current_dir(self.folder.path()).stdin(Stdio::null());
        command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
        let status = wait(&mut command);
        Run {
            status,
            stdout: fs::read(&stdout).unwrap(),
            stderr: String::from_utf8_lossy(&fs::read(&stderr).unwrap()).into_owned(),
            statements: fs::read_to_string(&statements).unwrap_or_default(),
        }
    }
}

fn wait(command: &mut Command) -> ExitStatus {
    let started = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > DEADLINE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{command:?} did not end within {DEADLINE:?}");
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(16));
    }
}

impl Run {
    /// Whether it ended like that.
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

    /// Whether the program said that the machine lacks what it needs.
    pub(crate) fn skipped(&self) -> bool {
        self.status.code() == Some(SKIPPED)
            && self.statements.lines().any(|line| line.starts_with("skip "))
    }
}

/// Whether the tests run as root, who alone can become somebody else.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Whether zstd's own tool accepts the log; also when there is none on this machine.
pub(crate) fn zstd_accepts(log: &Path) -> Result<(), String> {
    let run = Command::new("zstd").args(["-t", "-q", "-"]).stdin(File::open(log).unwrap()).output();
    match run {
        Ok(output) if !output.status.success() => {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
        _ => Ok(()),
    }
}
