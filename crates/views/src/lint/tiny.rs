//! Files and pipes are read or written a byte at a time: most of the time goes into system calls.

use sysreel_inspect::abi::CallKind;
use sysreel_inspect::calls::Item;

use super::rule::{Rule, Seen, Warning, exe};
use crate::bounded::Bounded;
use crate::sockets::file_name;

/// From this many calls on it is noticed.
const OFTEN: u64 = 100;

#[derive(Default)]
pub(super) struct Tiny {
    /// By program, file, and whether it is written.
    seen: Bounded<(String, String, bool), Seen>,
}

impl Rule for Tiny {
    fn item(&mut self, item: &Item<'_>) {
        let Item::Call(call) = item else { return };
        let writes = match call.row().map(|row| row.kind) {
            Some(CallKind::Read) => false,
            Some(CallKind::Write) => true,
            _ => return,
        };
        let file = if writes { call.writes() } else { call.reads() };
        // An eventfd moves 8 bytes at a time, and one byte wakes another thread: those are no
        // files with contents.
        if call.ended().value() == Some(1)
            && let Some(file) = file.filter(|file| file.mode != 0 && !is_anonymous(file.mode))
            && let Some(seen) = self.seen.entry(&(exe(call), file_name(&file), writes))
        {
            seen.add(call);
        }
    }

    fn finish(self: Box<Self>) -> Vec<Warning> {
        let often = self.seen.into_entries().filter(|(_, seen)| seen.count >= OFTEN);
        often
            .map(|((exe, file, writes), seen)| {
                let (rule, what) =
                    if writes { ("tiny-write", "written") } else { ("tiny-read", "read") };
                let message = format!("{file} is {what} a byte at a time, {} times", seen.count);
                seen.warning(rule, (exe, file), message)
            })
            .collect()
    }
}

/// Whether an `st_mode` has no file type, as an eventfd has none.
fn is_anonymous(mode: u32) -> bool {
    sysreel_inspect::abi::filter::file_type(mode) == Some("anon")
}
