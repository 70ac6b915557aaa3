//! Files that were opened without a name (`O_TMPFILE`): what is done to them counts for the name
//! that linkat(2) gives them.

use std::rc::Rc;

use sysreel_inspect::abi::{CallKind, Row, places};
use sysreel_inspect::calls::Call;
use sysreel_inspect::state::{Made, OpenFile};

use super::touch::{Outcome, Touch, Uses};
use crate::bounded::Bounded;

/// The files, by the serials of their descriptions.
#[derive(Debug, Default)]
pub(super) struct Unnamed {
    files: Bounded<u64, File>,
}

/// A file that was opened without a name.
#[derive(Debug, Default)]
struct File {
    /// The name that it got.
    name: Option<Vec<u8>>,
    /// What was done to it before.
    uses: Uses,
    bytes_read: u64,
    bytes_written: u64,
}

/// The first byte of the placeholder for the path of a file without a name. No path has it.
const MARK: u8 = 0;

impl Unnamed {
    /// Returns the name that a file got, or a placeholder.
    pub(super) fn path(&self, file: &OpenFile) -> Vec<u8> {
        let name = self.files.get(&file.serial).and_then(|file| file.name.clone());
        name.unwrap_or_else(|| [&[MARK][..], &file.serial.to_le_bytes()].concat())
    }

    /// Takes out what a call did to files without a name. If it gives one a name, all that was
    /// done before counts for that.
    pub(super) fn note(&mut self, call: &Call<'_>, row: &Row, touches: &mut Vec<Touch>) {
        for touch in touches.extract_if(.., |touch| touch.path.first() == Some(&MARK)) {
            let serial = touch.path.get(1..).and_then(<[u8]>::first_chunk);
            let serial = serial.map(|bytes| u64::from_le_bytes(*bytes));
            if touch.outcome == Outcome::Done
                && let Some(file) = serial.and_then(|serial| self.files.entry(&serial))
            {
                file.uses = file.uses | touch.uses;
                file.bytes_read = file.bytes_read.saturating_add(touch.bytes_read);
                file.bytes_written = file.bytes_written.saturating_add(touch.bytes_written);
            }
        }
        match row.kind {
            CallKind::Link => {
                let made = touches
                    .iter_mut()
                    .find(|touch| touch.outcome == Outcome::Done && touch.uses.any(Uses::CREATE));
                let file = linked(call, row).filter(|file| file.made == Made::Unnamed);
                if let (Some(made), Some(file)) = (made, file)
                    && let Some(file) = self.files.entry(&file.serial)
                    && file.name.is_none()
                {
                    file.name = Some(made.path.clone());
                    made.uses = made.uses | file.uses;
                    (made.bytes_read, made.bytes_written) = (file.bytes_read, file.bytes_written);
                }
            }
            CallKind::Rename if !self.files.is_empty() => {
                for touch in touches.iter().filter(|touch| touch.outcome == Outcome::Done) {
                    if let (true, Some(to)) = (touch.uses.any(Uses::RENAME_AWAY), &touch.other) {
                        self.rename(&touch.path, to);
                    }
                }
            }
            _ => {}
        }
    }

    fn rename(&mut self, from: &[u8], to: &[u8]) {
        for file in self.files.values_mut().filter(|file| file.name.as_deref() == Some(from)) {
            file.name = Some(to.to_vec());
        }
    }
}

/// Returns the open file to which linkat(2) gives a name: by a descriptor with an empty path
/// (`AT_EMPTY_PATH`), or by the link of a descriptor in /proc (`AT_SYMLINK_FOLLOW`).
fn linked(call: &Call<'_>, row: &Row) -> Option<Rc<OpenFile>> {
    let first = places::path_args(row)[0]?;
    let path = call.paths().find(|path| path.position() == usize::from(first.path))?;
    if path.written().is_empty() {
        return call.fd(row.args.get(usize::from(first.dirfd?))?.name);
    }
    let own = format!("/proc/{}/fd/", call.task().tgid());
    let folders = ["/proc/self/fd/", "/proc/thread-self/fd/", "/dev/fd/", &own];
    let number =
        folders.iter().find_map(|folder| path.written().strip_prefix(folder.as_bytes()))?;
    let fd = std::str::from_utf8(number).ok()?.parse().ok()?;
    call.file(fd)
}
