//! What `waits` notes of open files.

use sysreel_inspect::abi::{CallKind, intent};
use sysreel_inspect::calls::{Call, Exec};

/// What `waits` notes of an open file in its tag: that it cannot be written, or not be read, and
/// that its reads or writes have a timeout.
pub(super) const CANNOT_WRITE: u64 = 1;
pub(super) const CANNOT_READ: u64 = 2;
pub(super) const SOCKET_TIMEOUT: u64 = 4;

/// Notes how a call opens a file, and timeouts of sockets.
pub(super) fn note(call: &Call<'_>) {
    let Some(row) = call.row().filter(|_| call.ended().value().is_some()) else { return };
    if row.kind == CallKind::Open {
        let how = call.opening();
        let made = call.made().next();
        let file = made.and_then(|made| call.made_file(&made));
        if let (Some(how), Some(file)) = (how, file) {
            let write = if how.writes() { 0 } else { CANNOT_WRITE };
            let read = if how.reads() { 0 } else { CANNOT_READ };
            file.tag.set(file.tag.get() | write | read);
        }
    } else if intent::sets_socket_timeout(row, &raw_args(call))
        && let Some(file) = call.fd("fd")
    {
        let value = call.args().get("optval").and_then(|arg| arg.bytes());
        // Zero takes the timeout away (socket(7)).
        let is_set = value.is_none_or(|bytes| bytes.iter().any(|byte| *byte != 0));
        let tag = file.tag.get() & !SOCKET_TIMEOUT;
        file.tag.set(tag | if is_set { SOCKET_TIMEOUT } else { 0 });
    }
}

/// Notes how the descriptors are open with which a process was found.
pub(super) fn note_found(exec: &Exec<'_>) {
    for entry in &exec.found.fds {
        if let Some(file) = exec.task.state().file(exec.task.id(), entry.fd) {
            let (reads, writes) = intent::access(entry.flags);
            let write = if writes { 0 } else { CANNOT_WRITE };
            let read = if reads { 0 } else { CANNOT_READ };
            file.tag.set(file.tag.get() | write | read);
        }
    }
}

/// Returns the arguments of a call, as the program passed them.
pub(super) fn raw_args(call: &Call<'_>) -> [u64; 6] {
    std::array::from_fn(|at| call.args().raw(at).unwrap_or(0))
}
