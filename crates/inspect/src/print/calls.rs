//! Pieces of a call's line that need only the call.

use std::cell::Cell;

use sysreel_abi::syscall_name;

use super::options::Options;
use crate::decode::{self, View};
use crate::regions::{Buffers, Regions};
use crate::state::{OpenCall, ResolvedCall};
use crate::syscall_info::Outcome;
use crate::text;

/// Returns what `decode` needs of a call; `None` if the table has no row for it.
pub(super) fn view<'a>(
    open: &'a OpenCall,
    exit: Option<&'a Regions>,
    outcome: Option<Outcome>,
    options: &'a Options,
    fds: Option<&'a crate::state::FdTable>,
    buffers: &'a dyn Buffers,
    lost: &'a Cell<u64>,
) -> Option<View<'a>> {
    let ResolvedCall { abi, row, args, role } = ResolvedCall::resolve(open)?;
    Some(View {
        abi,
        row,
        args,
        role,
        entry: &open.memory,
        exit,
        outcome,
        options,
        fds,
        buffers,
        lost,
    })
}

pub(super) fn name(open: &OpenCall, out: &mut String) {
    match ResolvedCall::resolve(open)
        .map(|resolved| resolved.row.name)
        .or_else(|| syscall_name(open.arch, open.call.nr))
    {
        Some(name) => out.push_str(name),
        None => {
            out.push_str("syscall_0x");
            text::digits(out, open.call.nr);
        }
    }
}

/// Writes the six registers of a call without a row.
pub(super) fn unknown_arguments(open: &OpenCall, out: &mut String) {
    for (i, value) in open.call.args.into_iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        text::hex(out, value);
    }
}

pub(super) fn unknown_outcome(outcome: Outcome, out: &mut String) {
    if outcome.failed() && (-4095..0).contains(&outcome.rval) {
        decode::error(outcome.rval, out);
    } else {
        text::sdec(out, outcome.rval);
        decode::contradiction(outcome, out);
    }
}
