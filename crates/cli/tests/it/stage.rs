//! Where real programs run: a folder of their own, the same surroundings every time, a deadline,
//! and nothing left behind.

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use sysreel_format::{Ending, Event, Item, Log, Why};
use sysreel_inspect::FileSource;
use tempfile::TempDir;

/// What takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(100);

/// Gives the programs that tests start the default action for signals that this process ignores, as
/// under nohup(1) or in the background of a shell without job control. A signal that is caught has
/// its default action after execve(2), one that is ignored stays ignored.
pub(crate) fn default_signals() {
    use signal_hook::consts as number;
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for signal in [
            number::SIGHUP,
            number::SIGINT,
            number::SIGQUIT,
            number::SIGTERM,
            number::SIGTSTP,
            number::SIGCHLD,
        ] {
            if sysreel_sys::signals::is_ignored(sysreel_sys::Signal(signal)) {
                signal_hook::flag::register(signal, std::sync::Arc::default()).unwrap();
            }
        }
    });
}

/// The binary under test.
pub(crate) const SYSREEL: &str = env!("CARGO_BIN_EXE_sysreel");

/// A folder, removed at the end.
pub(crate) struct Stage {
    folder: TempDir,
}

/// What a command left behind.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// A process that is killed when the test ends before it does.
pub(crate) struct Running {
    child: Child,
    name: String,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        default_signals();
        Stage { folder: tempfile::Builder::new().prefix("sysreel-").tempdir().unwrap() }
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

    /// A command in this folder. Cargo's own variables would send every program's loader through
    /// its folders.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder()).env("LC_ALL", "C").env("TZ", "UTC");
        command.current_dir(self.folder()).stdin(Stdio::null());
        command
    }

    /// `sysreel` with these arguments.
    pub(crate) fn sysreel(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(SYSREEL);
        command.args(arguments);
        self.run(&mut command)
    }

    /// A shell script.
    pub(crate) fn sh(&self, script: &str) -> Ran {
        let mut command = self.command("sh");
        command.args(["-c", script]).env("SYSREEL", SYSREEL);
        self.run(&mut command)
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, command: &mut Command) -> Ran {
        // Files, not pipes: nobody has to read while it runs. Always the same names: programs may
        // look where their descriptors lead.
        let (out, err) = (self.path(".stdout"), self.path(".stderr"));
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let status = Running::start(command).wait();
        Ran {
            status,
            stdout: fs::read(out).unwrap(),
            stderr: String::from_utf8_lossy(&fs::read(err).unwrap()).into_owned(),
        }
    }
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\nstdout: {}\nstderr: {}", self.status, self.text(), self.stderr)
    }
}

impl Ran {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// A failure that was told, in words, with that exit code.
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

impl Running {
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Running {
        let name = format!("{command:?}");
        let child = command.spawn().unwrap_or_else(|e| panic!("{name}: {e}"));
        Running { child, name }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The first line that it writes to its standard output, which must be a pipe.
    pub(crate) fn first_line(&mut self) -> String {
        use std::io::{BufRead, BufReader};
        let mut line = String::new();
        // One byte at a time, for what follows is not for us to swallow.
        let stdout = self.child.stdout.as_mut().expect("a pipe");
        BufReader::with_capacity(1, stdout).read_line(&mut line).unwrap();
        line
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    #[track_caller]
    pub(crate) fn wait(mut self) -> ExitStatus {
        let (started, mut pause) = (Instant::now(), Duration::from_millis(1));
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < DEADLINE, "{} did not end within {DEADLINE:?}", self.name);
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(16));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Sends a signal, named without SIG.
#[track_caller]
pub(crate) fn kill(pid: u32, signal: &str) {
    let number: Signal = format!("SIG{signal}").parse().unwrap();
    nix::sys::signal::kill(Pid::from_raw(pid.try_into().unwrap()), number).unwrap();
}

/// Looks again and again until it is so.
#[track_caller]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < DEADLINE, "it does not come to this: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A line of /proc/PID/status, without its name.
pub(crate) fn status_of(pid: u32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status
        .lines()
        .find_map(|line| Some(line.strip_prefix(field)?.strip_prefix(':')?.trim().to_owned()))
}

/// The letter of the task's state: R, S, T (stopped), t (by its tracer), Z ...
pub(crate) fn state_of(pid: u32) -> Option<char> {
    status_of(pid, "State")?.chars().next()
}

/// A compiler and a C library for 32-bit programs, as Debian's libc6-dev-i386 or gcc-multilib bring
/// them.
pub(crate) const GCC_32: &str = "gcc -m32 -idirafter /usr/include/x86_64-linux-gnu";

/// Can a command line that begins with a compiler build a program?
fn builds(command: &str) -> bool {
    let mut words = command.split(' ');
    let source = Stage::new();
    source.write("a.c", "#include <errno.h>\nint main(void) { return errno; }");
    let built = Command::new(words.next().unwrap())
        .args(words)
        .args(["-o", "a", "a.c"])
        .current_dir(source.folder())
        .stderr(Stdio::null())
        .status();
    built.is_ok_and(|status| status.success())
}

/// Whether every program is installed, and every compiler works that is named with its flags; says
/// so when one is not.
pub(crate) fn installed(test: &str, programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing: Vec<_> = programs
        .iter()
        .filter(|name| match name.contains(' ') {
            true => !builds(name),
            false => !std::env::split_paths(&path).any(|folder| folder.join(name).is_file()),
        })
        .collect();
    // Where everything is said to be installed, a test that cannot test has failed.
    assert!(
        missing.is_empty() || std::env::var_os("REQUIRE_TOOLS").is_none(),
        "{test}: no {missing:?}"
    );
    if !missing.is_empty() {
        skipped(&format!("{test}: no {missing:?}"));
    }
    missing.is_empty()
}

/// Says what is not tested here. The test harness captures print macros and not the stream, and a
/// test that did not test must be seen.
pub(crate) fn skipped(what: &str) {
    _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// What a log has besides its events.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) ending: Ending,
    pub(crate) events: u64,
    /// What is said to be missing, in words; an end that is merely open is not among it.
    pub(crate) missing: Vec<String>,
}

impl Read {
    /// Ended by its recorder, with all its events.
    #[track_caller]
    pub(crate) fn is_clean(&self) -> &Read {
        assert!(
            self.ending == Ending::Clean && self.missing.is_empty() && self.events > 0,
            "{self:?}"
        );
        self
    }
}

/// Every event of a log and its tail. Of a log that is still being recorded some may be missing:
/// what moves from the tail to the file meanwhile is looked for in neither.
#[track_caller]
pub(crate) fn each(path: &Path, mut see: impl FnMut(&Log<FileSource>, &Event)) -> Read {
    let file = sysreel_inspect::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let log = file.log();
    let mut read = Read { ending: log.ending(), events: 0, missing: Vec::new() };
    let mut events = log.events();
    while let Some(item) = events.next().unwrap() {
        match item {
            Item::Event(event) => {
                assert!(
                    event.number == read.events || !read.missing.is_empty(),
                    "event {} comes as the {}th",
                    event.number,
                    read.events
                );
                read.events = event.number + 1;
                see(log, &event);
            }
            // The end that is open, and not a hole.
            Item::Missing(missing) if missing.count.is_none() && missing.why == Why::Unfinished => {
            }
            Item::Missing(missing) => read.missing.push(missing.to_string()),
        }
    }
    read
}
