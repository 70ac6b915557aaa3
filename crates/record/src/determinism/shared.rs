//! Changes to memory that tasks share with a file or as a System V segment, other than by their own
//! instructions.

use super::hook::Determinism;
use super::sparse;
use crate::engine::{Call, Context};
use std::fs;
use std::os::unix::fs::MetadataExt;
use sysreel_abi::CallKind;
use sysreel_abi::replay::{self, Output};
use sysreel_format::{MappedFlags, MappedHead};
use sysreel_sys::memory::Window;
use sysreel_sys::{backing, process};

impl Determinism {
    /// At the exit of a call that wrote to a descriptor: writes to /proc/PID/mem cannot be
    /// replayed.
    pub(super) fn check_memory_file(&mut self, cx: &mut Context, call: &Call) {
        let Some(Output { fd, .. }) = replay::output(call.abi, call.row, &call.args) else {
            return;
        };
        let path = format!("/proc/{}/fd/{fd}", cx.at.tid);
        let Ok(data) = fs::metadata(&path) else { return };
        // Only files of /proc are regular and have no size.
        let is_memory = data.is_file()
            && data.size() == 0
            && fs::read_link(&path)
                .is_ok_and(|link| link.starts_with("/proc") && link.ends_with("mem"));
        if is_memory {
            self.not_replayable(cx, "memory was written to through /proc/PID/mem".into());
        }
    }

    /// At the exit of shmat(2): stores the segment.
    pub(super) fn record_attached_segment(&mut self, cx: &mut Context, start: u64) {
        let mappings = process::mappings(cx.at.tid).unwrap_or_default();
        let Some(mapping) = mappings.iter().find(|mapping| mapping.start == start) else {
            self.not_replayable(
                cx,
                format!("the shared memory segment at {start:#x} was not found"),
            );
            return;
        };
        let len = mapping.end - mapping.start;
        if len > sparse::MAX_DATA {
            return self.refuse_mapping(cx);
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let got = Window::open(cx.at.tid).map_or(0, |window| window.read(start, &mut bytes));
        let stored = self.contents.store_bytes(&mut cx.log.sink, &bytes[..got]);
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
        cx.log.row().mapped(&head, stored.blobs);
    }

    /// At the exit of a call that made a mapping longer: stores what the file has for the new part.
    pub(super) fn record_grown_mapping(
        &mut self,
        cx: &mut Context,
        start: u64,
        old_len: u64,
        new_len: u64,
    ) {
        let page = process::page_size();
        let (start, end) =
            (start + old_len.next_multiple_of(page), start + new_len.next_multiple_of(page));
        if start >= end {
            return;
        }
        let mappings = process::mappings(cx.at.tid).unwrap_or_default();
        // The kernel may have merged it with an adjacent mapping.
        let Some(mapping) =
            mappings.iter().find(|mapping| (mapping.start..mapping.end).contains(&start))
        else {
            return;
        };
        if mapping.inode == 0 {
            return; // Zeroed, in the replay too.
        }
        let data = backing::data(cx.at.tid, mapping);
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
        let tid = cx.at.tid;
        let name = String::from_utf8_lossy(&mapping.path);
        self.store_mapping(cx, head, data, || backing::file(tid, mapping), &name);
    }
}

/// Whether [`Determinism::check_memory_file`] applies to a call.
pub(super) fn writes_to_descriptor(call: &Call) -> bool {
    matches!(call.row.kind, CallKind::Write | CallKind::Send)
}
