//! Errors that a program meets without anybody noticing: no descriptors left, a full disk, loops
//! around EAGAIN and EINTR.

use sysreel_inspect::abi::CallKind;
use sysreel_inspect::calls::Item;

use super::rule::{Rule, Seen, Warning, exe};
use crate::bounded::Bounded;

/// The errors that are noticed, how often they must happen, and what they mean.
const ERRORS: [(&str, u64, &str); 8] = [
    ("EMFILE", 1, "the process has no descriptors left"),
    ("ENFILE", 1, "the system has no descriptors left"),
    ("ENOSPC", 1, "the disk is full"),
    ("EDQUOT", 1, "the disk quota is used up"),
    ("EIO", 1, "a device failed"),
    ("ENOMEM", 1, "there was no memory"),
    ("EAGAIN", 100, "the call is tried again and again"),
    ("EINTR", 100, "signals interrupt the call again and again"),
];

#[derive(Default)]
pub(super) struct Errors {
    /// By program, call and error.
    seen: Bounded<(String, String, &'static str), Seen>,
}

impl Rule for Errors {
    fn item(&mut self, item: &Item<'_>) {
        let Item::Call(call) = item else { return };
        let Some(name) = call.ended().errno().and_then(|errno| errno.name()) else { return };
        let Some((name, ..)) = ERRORS.iter().find(|(known, ..)| *known == name) else { return };
        // A timed wait on a futex, and sigreturn's restored register, are no errors.
        let is_apart =
            matches!(call.row().map(|row| row.kind), Some(CallKind::Futex | CallKind::SigReturn));
        if !is_apart
            && let Some(seen) = self.seen.entry(&(exe(call), call.name().into_owned(), *name))
        {
            seen.add(call);
        }
    }

    fn finish(self: Box<Self>) -> Vec<Warning> {
        let entries = self.seen.into_entries();
        entries
            .filter_map(|((exe, call, error), seen)| {
                let (_, least, meaning) = ERRORS.iter().find(|(known, ..)| *known == error)?;
                let times = match seen.count {
                    1 => "once".to_owned(),
                    count => format!("{count} times"),
                };
                let message = format!("{call} failed with {error} {times}: {meaning}");
                let warning = seen.warning("error", (exe, format!("{call} {error}")), message);
                (seen.count >= *least).then_some(warning)
            })
            .collect()
    }
}
