//! Contents that the log does not have: they are read from the recorded files.

use super::{FilePool, Placed, ROOM, check_holds};
use crate::error::Error;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use sysreel_format::{MappedFile, MappedHead};

impl FilePool {
    /// Like [`FilePool::place`], for a private mapping of which the log has only a hash: reads the
    /// contents from the file at the recorded path.
    ///
    /// # Errors
    /// When the file cannot be read, or has other contents.
    pub(crate) fn place_file(
        &mut self,
        head: &MappedHead,
        file: &MappedFile<'_>,
    ) -> Result<u64, Error> {
        check_holds(head, file.len)?;
        let Some(window) = self.window(head)?.filter(|_| head.filled <= file.len) else {
            return Err(Error::NotReplayable("a file without contents is too long".into()));
        };
        let offset = head.offset - head.skip;
        let placed = Placed::Read(file.len, file.hash);
        if self.placed.get(&(window + offset)) == Some(&placed) {
            return Ok(window + head.offset);
        }
        self.check_room(file.len)?;
        let path = Path::new(OsStr::from_bytes(file.path));
        let refuse = |what: String| {
            let text = format!("{} {what}, and the log does not have its contents", path.display());
            Err(Error::NotReplayable(text))
        };
        let contents = match read_range(path, offset, file.len) {
            Ok(contents) => contents,
            Err(Mismatch::Unread(error)) => return refuse(format!("cannot be read ({error})")),
            Err(Mismatch::Shorter) => return refuse("differs from what was mapped".to_owned()),
        };
        // Say no more than that: the log may come from somebody else, and the message must not
        // reveal what a file holds, not even its hash.
        if blake3::hash(&contents) != blake3::Hash::from_bytes(file.hash) {
            return refuse("differs from what was mapped".to_owned());
        }
        if offset.checked_add(file.len).is_none_or(|end| end > ROOM) {
            return Err(Error::NotReplayable("a mapped file is too long".into()));
        }
        self.overwrite(window + offset, &contents)?;
        self.placed.insert(window + offset, placed);
        if let Some(window) = self.windows.get_mut(&(head.dev, head.ino)) {
            window.end = window.end.max(offset + file.len);
        }
        Ok(window + head.offset)
    }
}

/// Reads a range of a file; all of it, or it is an error.
fn read_range(path: &Path, offset: u64, len: u64) -> Result<Vec<u8>, Mismatch> {
    let file = sysreel_sys::backing::regular(path)?;
    // Check the length, which comes from the log, before allocating that much.
    let has = file.metadata()?.len();
    if offset.checked_add(len).is_none_or(|end| has < end) {
        return Err(Mismatch::Shorter);
    }
    let mut contents = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_exact_at(&mut contents, offset)?;
    Ok(contents)
}

/// Why a file differs from what was mapped.
enum Mismatch {
    Unread(io::Error),
    Shorter,
}

impl From<io::Error> for Mismatch {
    fn from(error: io::Error) -> Mismatch {
        Mismatch::Unread(error)
    }
}
