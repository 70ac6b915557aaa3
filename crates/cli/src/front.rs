//! The front: on a terminal, the process that the shell waits for while its child records.

use crate::exit::Exit;
use crate::say::say;
use sysreel_sys::front::{Front, Role, TracerEnd, split};
use sysreel_sys::signals::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// Records in a child process if a terminal controls this one, else in this process. Returns the
/// exit status of this process.
pub(crate) fn run_with_front(
    with_command: bool,
    record: impl FnOnce(Option<Front>) -> Exit,
) -> Exit {
    match split(with_command) {
        Ok(Role::Alone) => record(None),
        Ok(Role::Tracer(front)) => {
            let exit = record(Some(front));
            front.finished();
            exit
        }
        Ok(Role::Front(watch)) => match watch.until_end() {
            Ok(end) => tracer_exit(end),
            Err(error) => failed(&error),
        },
        Err(error) => failed(&error),
    }
}

fn failed(error: &sysreel_sys::Error) -> Exit {
    say!("{error}");
    Exit::NOT_RECORDED
}

/// Returns the tracer's exit status, which is that of the program.
fn tracer_exit(end: TracerEnd) -> Exit {
    let Some(signal) = end.status.killed() else {
        return end.status.exited().map_or(Exit::NOT_RECORDED, Exit::Code);
    };
    // A signal that asks the recorder to end before it has started needs no message.
    if !end.finished && ![SIGINT, SIGQUIT, SIGTERM, SIGHUP].contains(&signal) {
        say!(
            "the tracer (process {}) was killed by signal {}; the log is unfinished, `sysreel \
             print` shows what was recorded until then",
            end.pid,
            signal.0
        );
    }
    Exit::Signal(signal)
}
