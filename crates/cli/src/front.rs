//! The process that a shell waits for while another one records.

use crate::exit::Exit;
use crate::say::say;
use sysreel_sys::front::{Front, Role, TracerEnd, split};
use sysreel_sys::signals::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// Records in a process of its own where a terminal controls jobs, else in this one. Answers how
/// this process is to end.
pub(crate) fn behind(with_command: bool, record: impl FnOnce(Option<Front>) -> Exit) -> Exit {
    match split(with_command) {
        Ok(Role::Alone) => record(None),
        Ok(Role::Tracer(front)) => {
            let exit = record(Some(front));
            front.finished();
            exit
        }
        Ok(Role::Front(watch)) => match watch.until_end() {
            Ok(end) => as_the_tracer(end),
            Err(error) => failed(&error),
        },
        Err(error) => failed(&error),
    }
}

fn failed(error: &sysreel_sys::Error) -> Exit {
    say!("{error}");
    Exit::NOT_RECORDED
}

/// Ends as the tracer did, which ended as the program did.
fn as_the_tracer(end: TracerEnd) -> Exit {
    let Some(signal) = end.status.killed() else {
        return end.status.exited().map_or(Exit::NOT_RECORDED, Exit::Code);
    };
    // Who asks a recorder to end before it has begun need not be told that it did.
    if !end.finished && ![SIGINT, SIGQUIT, SIGTERM, SIGHUP].contains(&signal) {
        say!(
            "the tracer (process {}) was killed by signal {}; the log has no end, `sysreel print` \
             shows what was recorded until then",
            end.pid,
            signal.0
        );
    }
    Exit::Signal(signal)
}
