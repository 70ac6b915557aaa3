//! A file is written and renamed into its place without a flush in between: after a power failure
//! the name may lead to an empty file (rename(2) does not flush contents).

use std::collections::BTreeSet;

use sysreel_inspect::abi::{CallKind, intent};
use sysreel_inspect::calls::Item;
use sysreel_inspect::visible::visible_bytes;

use super::rule::{Rule, Seen, Warning, exe};
use crate::bounded::MAX_ENTRIES;

#[derive(Default)]
pub(super) struct Unsynced {
    /// The paths that were written and not flushed since.
    dirty: BTreeSet<Vec<u8>>,
    /// The open files whose writes are flushed at once.
    synchronous: BTreeSet<u64>,
    warnings: Vec<Warning>,
}

impl Rule for Unsynced {
    fn item(&mut self, item: &Item<'_>) {
        let Item::Call(call) = item else { return };
        let Some(row) = call.row().filter(|_| call.ended().value().is_some()) else { return };
        match row.kind {
            CallKind::Open => {
                // What is written through it is flushed at once (O_SYNC, O_DSYNC).
                let how = call.opening();
                let made = call.made().next();
                let file = made.and_then(|made| call.made_file(&made));
                if how.is_some_and(|how| how.synchronous())
                    && let Some(file) = file
                    && self.synchronous.len() < MAX_ENTRIES
                {
                    self.synchronous.insert(file.serial);
                }
            }
            CallKind::Write => {
                let file = call.writes().filter(|file| intent::is_regular(file.mode));
                if let Some(file) = file.filter(|file| !self.synchronous.contains(&file.serial))
                    && self.dirty.len() < MAX_ENTRIES
                {
                    let mut path = Vec::new();
                    file.write_full_path(&mut path);
                    self.dirty.insert(path);
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
                let paths: Vec<_> =
                    call.paths().filter(|path| !path.is_cut()).map(|path| path.full()).collect();
                if let [from, to, ..] = &*paths
                    && self.dirty.remove(from)
                {
                    let mut seen = Seen::default();
                    seen.add(call);
                    let (from, to) = (visible_bytes(from), visible_bytes(to));
                    let message = format!("{from} is written and renamed to {to} without fsync");
                    self.warnings.push(seen.warning("no-fsync", (exe(call), to), message));
                }
            }
            CallKind::Unlink => {
                if let Some(path) = call.paths().next().filter(|path| !path.is_cut()) {
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
