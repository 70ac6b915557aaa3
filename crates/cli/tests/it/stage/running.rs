//! Processes under way.

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::fs;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// A program that takes longer hangs. Fixture programs end themselves after 60 seconds.
const DEADLINE: Duration = Duration::from_secs(100);

/// A process that is killed if the test ends first.
pub(crate) struct Running {
    child: Child,
    name: String,
}

/// Gives the programs that tests start the default action for signals that this process ignores, as
/// under nohup(1) or in the background of a shell without job control. A signal that is caught has
/// its default action after execve(2); one that is ignored stays ignored.
pub(super) fn default_signals() {
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

    /// Reads the first line of standard output, which must be a pipe.
    pub(crate) fn first_line(&mut self) -> String {
        use std::io::{BufRead, BufReader};
        let mut line = String::new();
        // One byte at a time: a larger buffer would swallow what follows the line.
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

/// Sends a signal to processes of which one may end because another one did.
#[track_caller]
pub(crate) fn kill_all(pids: &[u32], signal: &str) {
    let number: Signal = format!("SIG{signal}").parse().unwrap();
    for pid in pids {
        match nix::sys::signal::kill(Pid::from_raw((*pid).try_into().unwrap()), number) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => panic!("{pid}: {error}"),
        }
    }
}

/// Polls until the condition holds.
#[track_caller]
pub(crate) fn until(condition: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "does not happen within {DEADLINE:?}: {condition}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Returns a field of /proc/PID/status.
pub(crate) fn status_of(pid: u32, field: &str) -> Option<String> {
    // The name of a task may be any bytes (prctl(2), PR_SET_NAME).
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    String::from_utf8_lossy(&status)
        .lines()
        .find_map(|line| Some(line.strip_prefix(field)?.strip_prefix(':')?.trim().to_owned()))
}

/// Returns the letter of the task's state: R, S, T (stopped), t (traced), Z and so on (proc(5)).
pub(crate) fn state_of(pid: u32) -> Option<char> {
    status_of(pid, "State")?.chars().next()
}
