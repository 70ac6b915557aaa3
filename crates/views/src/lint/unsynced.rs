//! A file is written and renamed into its place without a flush in between: after a power failure
//! the name may lead to an empty file (rename(2) does not flush contents).

use std::collections::BTreeMap;

use sysreel_inspect::abi::{CallKind, intent};
use sysreel_inspect::calls::Item;
use sysreel_inspect::visible::visible_bytes;

use super::rule::{Rule, Seen, Warning, exe};
use crate::bounded::MAX_ENTRIES;

#[derive(Default)]
pub(super) struct Unsynced {
    /// The paths that were written and not flushed since.
    dirty: BTreeMap<Vec<u8>, ()>,
    warnings: Vec<Warning>,
}

impl Rule for Unsynced {
    fn item(&mut self, item: &Item<'_>) {
        let Item::Call(call) = item else { return };
        let Some(row) = call.row().filter(|_| call.ended().value().is_some()) else { return };
        match row.kind {
            CallKind::Write => {
                if let Some(file) = call.writes().filter(|file| intent::is_regular(file.mode))
                    && self.dirty.len() < MAX_ENTRIES
                {
                    let mut path = Vec::new();
                    file.write_full_path(&mut path);
                    self.dirty.insert(path, ());
                }
            }
            CallKind::Sync => {
                let file = call.fd_args().find_map(|(_, file)| file);
                match file {
                    Some(file) => {
                        let mut path = Vec::new();
                        file.write_full_path(&mut path);
                        self.dirty.remove(&path);
                    }
                    // sync(2) flushes everything.
                    None => self.dirty.clear(),
                }
            }
            CallKind::Rename => {
                let paths: Vec<_> = call.paths().map(|path| path.full()).collect();
                if let [from, to, ..] = &*paths
                    && self.dirty.remove(from).is_some()
                {
                    let mut seen = Seen::default();
                    seen.add(call);
                    let (from, to) = (visible_bytes(from), visible_bytes(to));
                    let message = format!("{from} is written and renamed to {to} without fsync");
                    self.warnings.push(seen.warning("no-fsync", (exe(call), to), message));
                }
            }
            CallKind::Unlink => {
                if let Some(path) = call.paths().next() {
                    self.dirty.remove(&path.full());
                }
            }
            _ => {}
        }
    }

    fn finish(self: Box<Self>) -> Vec<Warning> {
        self.warnings
    }
}
