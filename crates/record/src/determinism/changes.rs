//! Files that change while they are mapped: all that map such a file see the change, other than by
//! an instruction of their own.

use super::hook::Determinism;
use super::sparse;
use crate::engine::{Call, Context};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use sysreel_abi::replay::{Change, ChangedFile, FileChange, file_change};
use sysreel_format::{MappedFlags, MappedHead};
use sysreel_sys::{Tid, process};

/// Returns the change that the call of the current entry makes to a file, and where the file is.
pub(super) fn change_at_entry(cx: &Context, call: &Call) -> Option<(FileChange, PathBuf)> {
    let how = call.row.arg("how").and_then(|at| u8::try_from(at).ok());
    let how = how.and_then(|at| cx.capture.captured(at, 0, 0));
    let change = file_change(call.abi, call.row, &call.args, how)?;
    let tid = cx.at.tid;
    let path = match change.file {
        ChangedFile::Descriptor(fd) => descriptor(tid, fd),
        ChangedFile::Path { directory, arg, .. } => {
            let path = cx.capture.captured(arg, 0, 0)?;
            let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
            let path = Path::new(OsStr::from_bytes(path));
            let directory = match (path.strip_prefix("/"), directory) {
                (Ok(path), _) => {
                    return Some((change, Path::new(&format!("/proc/{tid}/root")).join(path)));
                }
                (Err(_), fd @ 0..) => descriptor(tid, fd),
                (Err(_), _) => PathBuf::from(format!("/proc/{tid}/cwd")),
            };
            directory.join(path)
        }
    };
    Some((change, path))
}

fn descriptor(tid: Tid, fd: i32) -> PathBuf {
    PathBuf::from(format!("/proc/{tid}/fd/{fd}"))
}

/// Returns the offset of a descriptor (proc(5)).
fn offset_of(tid: Tid, fd: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{tid}/fdinfo/{fd}")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("pos:"))?.trim().parse().ok()
}

impl Determinism {
    /// At the exit of a call that has succeeded: stores what it changed in a file that is mapped.
    pub(super) fn record_change(&mut self, cx: &mut Context, rval: i64) {
        let Some((FileChange { file, change }, path)) =
            self.tasks.get_mut(cx.at.slot).file_change.take()
        else {
            return;
        };
        let path = match file {
            ChangedFile::Path { opens: true, .. } => {
                descriptor(cx.at.tid, i32::try_from(rval).unwrap_or(-1))
            }
            _ => path,
        };
        let Ok(data) = fs::metadata(&path) else { return };
        let key = (data.dev(), data.ino());
        let Some(known) = self.mapped.get_mut(&key).filter(|_| data.is_file()) else { return };
        let (before, now) = (known.len, data.len());
        known.len = now;
        let page = process::page_size();
        let from = |at: u64| at - at % page;
        let (mut changed, mut cut) = (0..0, None);
        match change {
            Change::Length => {}
            Change::Written { at } => {
                let len = u64::try_from(rval).unwrap_or(0);
                let fd = match file {
                    ChangedFile::Descriptor(fd) => fd,
                    ChangedFile::Path { .. } => -1,
                };
                let start = at.or_else(|| Some(offset_of(cx.at.tid, fd)?.saturating_sub(len)));
                changed = start.map_or(0..now, |start| start..start.saturating_add(len));
            }
            Change::Range { start, len } => changed = start..start.saturating_add(len),
            // Private pages that were written to are gone, too.
            Change::Moved { start } => {
                cut = Some(from(start).min(before));
                changed = from(start)..now;
            }
            Change::Any => changed = 0..now,
        }
        if let Some(end) = cut {
            store_length(cx, key, end);
        }
        // Of the page with the old or the new end everything else becomes zero.
        if before != now {
            self.store_changed(cx, &path, key, from(before.min(now))..now);
        }
        self.store_changed(cx, &path, key, changed.start..changed.end.min(now));
        if before != now || cut.is_some() {
            store_length(cx, key, now);
        }
    }

    /// Stores a range of a file as parts of no length.
    fn store_changed(
        &mut self,
        cx: &mut Context,
        path: &Path,
        (dev, ino): (u64, u64),
        range: Range<u64>,
    ) {
        if range.is_empty() {
            return;
        }
        let (Ok(data), Ok(file)) = (fs::metadata(path), File::open(path)) else {
            let path = path.display();
            let why = format!("a file that is mapped was changed, and cannot be read ({path})");
            return self.not_replayable(cx, why);
        };
        let len = range.end - range.start;
        let flags = MappedFlags::FILE.with(MappedFlags::SHARED);
        let offset = range.start;
        let all =
            MappedHead { start: 0, len, prot: 0, flags, dev, ino, offset, filled: len, skip: 0 };
        let mut left = sparse::MAX_DATA;
        for part in sparse::split(&all, &data, || file.try_clone()) {
            let head = MappedHead { start: 0, len: 0, ..part };
            if part.flags.contains(MappedFlags::HOLE) {
                cx.log.row().mapped(&head, &[]);
                continue;
            }
            match left.checked_sub(part.len) {
                Some(rest) => left = rest,
                None => return self.refuse_mapping(cx),
            }
            let range = part.offset..part.offset + part.len;
            let Ok(stored) = self.contents.store_range(&mut cx.log.sink, &file, range) else {
                let why = "a file that is mapped was changed, and cannot be read";
                return self.not_replayable(cx, why.into());
            };
            let head = MappedHead { filled: stored.filled, ..head };
            cx.log.row().mapped(&head, stored.blobs);
        }
    }
}

/// Stores that a file ends at `len`.
fn store_length(cx: &mut Context, (dev, ino): (u64, u64), len: u64) {
    let flags = MappedFlags::FILE.with(MappedFlags::SHARED).with(MappedFlags::RESIZED);
    let head =
        MappedHead { start: 0, len: 0, prot: 0, flags, dev, ino, offset: len, filled: 0, skip: 0 };
    cx.log.row().mapped(&head, &[]);
}
