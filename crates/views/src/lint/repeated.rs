//! The same path is opened or looked up again and again by one program: each time costs a walk
//! through the directories, and the answer may change in between.

use sysreel_inspect::abi::CallKind;
use sysreel_inspect::calls::Item;
use sysreel_inspect::visible::visible_bytes;

use super::rule::{Rule, Seen, Warning, exe};
use crate::bounded::Bounded;

/// From this many times on it is noticed.
const OFTEN: u64 = 100;

#[derive(Default)]
pub(super) struct Repeated {
    /// By program, path, and whether it is opened.
    seen: Bounded<(String, String, bool), Seen>,
}

impl Rule for Repeated {
    fn item(&mut self, item: &Item<'_>) {
        let Item::Call(call) = item else { return };
        let opens = match call.row().map(|row| row.kind) {
            Some(CallKind::Open) => true,
            Some(CallKind::Stat | CallKind::Access | CallKind::ReadLink) => false,
            _ => return,
        };
        // An empty path is that of a descriptor, which is not looked up. A relative one is so
        // because the log does not show where it begins: it may be another file each time.
        let path = call.paths().next().filter(|path| !path.written().is_empty() && !path.is_cut());
        let Some(path) = path.map(|path| path.full()).filter(|path| path.starts_with(b"/")) else {
            return;
        };
        if let Some(seen) = self.seen.entry(&(exe(call), visible_bytes(&path), opens)) {
            seen.add(call);
        }
    }

    fn finish(self: Box<Self>) -> Vec<Warning> {
        let often = self.seen.into_entries().filter(|(_, seen)| seen.count >= OFTEN);
        often
            .map(|((exe, path, opens), seen)| {
                let (rule, what) = if opens {
                    ("repeated-open", "opened")
                } else {
                    ("repeated-stat", "looked up")
                };
                let message = format!("{path} is {what} {} times", seen.count);
                seen.warning(rule, (exe, path), message)
            })
            .collect()
    }
}
