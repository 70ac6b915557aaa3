//! Memory that several tasks share with a file, or as a segment of System V: what changes it
//! besides the tasks' own instructions.

use super::contents::FileExtent;
use crate::session::Session;
use crate::task::Call;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use sysreel_abi::CallKind;
use sysreel_abi::replay::{self, Output};
use sysreel_format::{MappedFlags, MappedHead, TaskId};
use sysreel_sys::memory::Window;
use sysreel_sys::{Tid, backing, process};

impl Session {
    /// At the exit of a call that has brought bytes to a descriptor: are they in anybody's memory
    /// now?
    pub(super) fn written_to(&mut self, tid: Tid, id: TaskId, call: &Call) {
        let Some(Output { fd, .. }) = replay::output(call.abi, call.row, &call.args) else {
            return;
        };
        let path = format!("/proc/{tid}/fd/{fd}");
        let Ok(data) = fs::metadata(&path) else { return };
        let Some(determinism) = &mut self.determinism else { return };
        if determinism.is_shared(data.dev(), data.ino()) {
            self.file_anew(&path, data.dev(), data.ino());
            return;
        }
        // Only files of /proc have no size and are regular all the same.
        let is_memory = data.is_file()
            && data.size() == 0
            && fs::read_link(&path)
                .is_ok_and(|link| link.starts_with("/proc") && link.ends_with("mem"));
        if is_memory {
            self.not_replayable(id, "memory was written to through /proc/PID/mem".into());
        }
    }

    /// All of a file that is mapped somewhere, as a mapping of no length: a replay puts it where
    /// the others look.
    fn file_anew(&mut self, path: &str, dev: u64, ino: u64) {
        let Some(determinism) = &mut self.determinism else { return };
        let Ok(data) = fs::metadata(path) else { return };
        let extent = FileExtent { data: &data, range: 0..data.len(), changing: true };
        let Ok(stored) = determinism.contents.keep(&mut self.sink, extent, || File::open(path))
        else {
            return;
        };
        let flags = MappedFlags::SHARED.with(MappedFlags::FILE);
        let head = MappedHead {
            start: 0,
            len: 0,
            prot: 0,
            flags,
            dev,
            ino,
            offset: 0,
            filled: stored.filled,
            skip: 0,
        };
        self.sink.row.mapped(&head, stored.blobs);
    }

    /// At the exit of a call that has attached a segment of System V.
    pub(super) fn attached_segment(&mut self, tid: Tid, id: TaskId, start: u64) {
        let mappings = process::mappings(tid).unwrap_or_default();
        let Some(mapping) = mappings.iter().find(|mapping| mapping.start == start) else {
            self.not_replayable(
                id,
                format!("the segment of shared memory at {start:#x} was not found"),
            );
            return;
        };
        let len = mapping.end - mapping.start;
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let got = Window::open(tid).map_or(0, |window| window.read(start, &mut bytes));
        let Some(determinism) = &mut self.determinism else { return };
        let stored = determinism.contents.keep_bytes(&mut self.sink, &bytes[..got]);
        let head = MappedHead {
            start,
            len,
            prot: mapping.protection(),
            flags: MappedFlags::SHARED.with(MappedFlags::FILE),
            dev: mapping.device,
            ino: mapping.inode,
            offset: 0,
            filled: stored.filled,
            skip: 0,
        };
        self.sink.row.mapped(&head, stored.blobs);
    }

    /// At the exit of a call that has made a mapping longer: what of the file is behind the part
    /// that is new?
    pub(super) fn grown_mapping(&mut self, tid: Tid, start: u64, old_len: u64, new_len: u64) {
        let page = process::page_size();
        let (start, end) =
            (start + old_len.next_multiple_of(page), start + new_len.next_multiple_of(page));
        if start >= end {
            return;
        }
        let mappings = process::mappings(tid).unwrap_or_default();
        // One that lies beside it may have become one with it.
        let Some(mapping) =
            mappings.iter().find(|mapping| (mapping.start..mapping.end).contains(&start))
        else {
            return;
        };
        if mapping.inode == 0 {
            return; // Zeros, as the replay's own.
        }
        let data = backing::data(tid, mapping);
        let head = MappedHead {
            start,
            len: end - start,
            prot: mapping.protection(),
            flags: match mapping.permissions[3] {
                b's' => MappedFlags::SHARED,
                _ => MappedFlags::default(),
            },
            dev: data.as_ref().map_or(mapping.device, |data| data.dev()),
            ino: mapping.inode,
            offset: mapping.offset + (start - mapping.start),
            filled: 0,
            skip: 0,
        };
        self.keep_file(tid, head, data, || backing::file(tid, mapping));
    }

    /// Is this one of the calls after which [`Session::written_to`] is to be asked?
    pub(super) fn may_write(call: &Call) -> bool {
        matches!(call.row.kind, CallKind::Write | CallKind::Send)
    }
}
