//! Results of non-blocking connects. Such a connect returns EINPROGRESS and completes later
//! (connect(2)). Its result comes from getsockopt with SO_ERROR or from the next connect: the two
//! calls count as one operation with the later result.

use sysreel_abi::{CallKind, intent};

use super::super::names::NameId;
use super::super::operation::{Case, Operation};
use super::{Connecting, RunBuilder};
use crate::diff::effect::Op;
use crate::state::{ProcessId, region};

impl RunBuilder {
    /// Takes the result of a connect in progress from a later call. Returns whether that call only
    /// repeats the connect.
    pub(super) fn continue_connect(&mut self, case: &Case<'_>) -> bool {
        let asks = intent::reads_socket_error(case.call.row, &case.call.args);
        let again = case.call.row.kind == CallKind::Connect;
        if !asks && !again || self.connecting.is_empty() {
            return false;
        }
        let Some(serial) = case.file(0).map(|file| file.serial) else { return false };
        let Some(begun) = self.connecting.get(&serial).copied() else { return false };
        let errno = match again {
            true => Some(case.errno()).filter(|errno| !intent::still_connecting(*errno)),
            false => so_error(case),
        };
        let Some(errno) = errno else { return again };
        self.connecting.remove(&serial);
        if !intent::has_connected(errno) {
            self.amend(&begun, Operation { errno, ..begun.operation });
        }
        again
    }

    /// Remembers a connect in progress.
    pub(super) fn begin_connect(
        &mut self,
        case: &Case<'_>,
        process: ProcessId,
        operation: Operation,
    ) {
        let outcome = case.finished.outcome;
        if operation.op == Op::Connect
            && intent::in_progress(outcome.rval, outcome.failed())
            && let Some(file) = case.file(0)
        {
            let actor = (process, self.role(process));
            let (task, event) = (case.finished.task, case.finished.event);
            self.connecting.insert(file.serial, Connecting { task, event, actor, operation });
        }
    }

    /// Replaces the result of an operation that was counted as a success.
    fn amend(&mut self, begun: &Connecting, operation: Operation) {
        let key = |operation: Operation| {
            (begun.actor, Operation { opens: false, requested: NameId::default(), ..operation })
        };
        if let Some(seen) = self.operations.get_mut(&key(begun.operation)) {
            seen.0 = seen.0.saturating_sub(1);
            if seen.0 == 0 {
                self.operations.remove(&key(begun.operation));
            }
            let failed = self.operations.entry(key(operation)).or_insert((0, begun.event));
            failed.0 = failed.0.saturating_add(1);
            failed.1 = failed.1.min(begun.event);
        }
        self.streams.amend(begun.task, begun.event, (begun.actor.1, operation));
    }
}

/// Returns the error that SO_ERROR reports.
fn so_error(case: &Case<'_>) -> Option<u16> {
    let value = region(case.finished.parts, 3, case.call.role, 0).filter(|_| !case.failed())?;
    let value = u32::from_le_bytes(value.get(..4)?.try_into().ok()?);
    u16::try_from(value).ok()
}
