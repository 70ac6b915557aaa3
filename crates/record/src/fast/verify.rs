//! Compares the records of the page with what the kernel says (`--fast=verify`).
//!
//! The page's own calls stop like all others then. At their two stops the tracer takes the kernel's
//! struct, the memory and the name of a new descriptor, as it would record them. When the record
//! comes out of the ring, its events must have the same bytes.

use super::memory::Shared;
use super::state::{Expected, Fast};
use crate::engine::{Context, Exit, Half};
use sysreel_abi::plan::{self, EntryState, Limits};
use sysreel_abi::{Abi, fast, makes_fd, syscall_name};
use sysreel_format::{NoteCode, Severity, syscall_info::MERGED};
use sysreel_sys::fast::layout;
use sysreel_sys::fdname::{self, FdName};

impl Fast {
    /// Keeps what the kernel says at the entry of the page's call.
    pub(super) fn expect_entry(&mut self, cx: &mut Context, memory: &Shared) {
        let slot = cx.at.slot;
        let Some((nr, args)) = cx.info.call() else { return };
        let block = self.tasks.get_mut(slot).block;
        let description = memory
            .borrow()
            .rings
            .as_ref()
            .zip(block)
            .map(|(rings, block)| rings.get(block, layout::DESCRIPTION));
        // From the table of stubs, and not from the record.
        let site = description.and_then(|at| memory.borrow().stub_at(at));
        let ip = site.map_or(0, |stub| stub.after());
        let mut entry = with_ip(cx.info.bytes(), ip);
        if let Some(row) = fast::row_of(nr).filter(|_| cx.capture.is_on()) {
            cx.capture.begin(cx.at.tid);
            cx.capture.plan(|requests, memory| {
                plan::at_entry(Abi::X86_64, row, &args, &Limits::DEFAULT, requests, memory)
            });
            add_memory(cx, &mut entry);
        }
        let expected = &mut self.tasks.get_mut(slot).expected;
        // The kernel has restarted the last one in the page, without a stop.
        if expected.back().is_some_and(|last| last.exit.is_none()) {
            expected.pop_back();
            self.figures.restarted += 1;
        }
        expected.push_back(Expected { nr, args, ip, entry, exit: None });
    }

    /// Keeps what the kernel says at the exit of the page's call.
    pub(super) fn expect_exit(&mut self, cx: &mut Context) {
        let Some((rval, is_error)) = cx.info.result() else { return };
        let takes_names = self.takes_names();
        let task = self.tasks.get_mut(cx.at.slot);
        let Some(expected) = task.expected.back_mut() else { return };
        let mut exit = with_ip(cx.info.bytes(), expected.ip);
        if let Some(row) = fast::row_of(expected.nr).filter(|_| cx.capture.is_on()) {
            let args = expected.args;
            cx.capture.begin(cx.at.tid);
            if plan::may_write(row) {
                let state = EntryState::UNKNOWN;
                cx.capture.plan(|requests, memory| {
                    let limits = &Limits::DEFAULT;
                    plan::at_exit(
                        Abi::X86_64,
                        row,
                        &args,
                        rval,
                        is_error,
                        &state,
                        limits,
                        requests,
                        memory,
                    )
                });
            }
            add_memory(cx, &mut exit);
            let made = makes_fd(Abi::X86_64, row, &args, rval, is_error, |_, _, _| None);
            if let (Some(&fd), true) = (made.as_slice().first(), takes_names) {
                let tgid = cx.task().map_or(cx.at.tid, |task| task.tgid);
                add_name(&fdname::resolve(cx.at.tid, tgid, fd).unwrap_or_default(), &mut exit);
            }
        }
        expected.exit = Some(exit);
    }

    /// Compares half of a record with what the kernel has said.
    pub(super) fn compare(&mut self, cx: &mut Context, half: Half, exit: Option<&Exit>) {
        let mut found = cx.info.bytes().to_vec();
        if cx.capture.is_on() {
            add_memory(cx, &mut found);
        }
        let named = exit.and_then(|exit| exit.call.map(|call| (exit, call))).is_some_and(
            |(&Exit { rval, is_error, .. }, call)| {
                let made = makes_fd(call.abi, call.row, &call.args, rval, is_error, |_, _, _| None);
                !made.as_slice().is_empty()
            },
        );
        if named && self.takes_names() {
            match cx.capture.copies() {
                Some(copies) => add_name(copies.name().unwrap_or(&FdName::default()), &mut found),
                // The tracer takes the name itself.
                None => {
                    let rval = exit.map_or(0, |exit| exit.rval);
                    let fd = i32::try_from(rval).unwrap_or(-1);
                    let tgid = cx.task().map_or(cx.at.tid, |task| task.tgid);
                    let name = fdname::resolve(cx.at.tid, tgid, fd).unwrap_or_default();
                    add_name(&name, &mut found);
                }
            }
        }
        let task = self.tasks.get_mut(cx.at.slot);
        if task.killed && task.expected.is_empty() {
            return; // It was killed before the tracer could look at the call.
        }
        let expected = &mut task.expected;
        let (nr, wanted) = match half {
            Half::Entry => match expected.front() {
                Some(expected) => (Some(expected.nr), Some(expected.entry.clone())),
                None => (None, None),
            },
            Half::Exit => match expected.pop_front() {
                Some(expected) => (Some(expected.nr), expected.exit),
                None => (None, None),
            },
        };
        self.figures.compared += 1;
        if wanted.as_ref() != Some(&found) {
            let why = match &wanted {
                None => "the kernel has shown no such call".to_owned(),
                Some(wanted) => {
                    let at = wanted.iter().zip(&found).position(|(a, b)| a != b);
                    let at = at.unwrap_or(wanted.len().min(found.len()));
                    format!(
                        "byte {at} of {} differs from the {} bytes of the kernel",
                        found.len(),
                        wanted.len()
                    )
                }
            };
            let nr = nr.or(cx.info.call().map(|(nr, _)| nr));
            self.mismatch(cx, nr, half, &why);
        }
    }

    /// Reports calls that the kernel has shown and that have no record, when a task ends.
    pub(super) fn compare_end(&mut self, cx: &mut Context, slot: crate::engine::Slot) {
        for expected in std::mem::take(&mut self.tasks.get_mut(slot).expected) {
            // The last call of a killed task does not return.
            if expected.exit.is_some() {
                let nr = Some(expected.nr);
                self.mismatch(cx, nr, Half::Exit, "the record of the call is missing");
            }
        }
    }

    fn mismatch(&mut self, cx: &mut Context, nr: Option<u64>, half: Half, why: &str) {
        self.figures.mismatches += 1;
        let name = nr.and_then(|nr| syscall_name(sysreel_abi::AuditArch::X86_64, nr));
        let half = if half == Half::Entry { "entry" } else { "exit" };
        let text = format!(
            "event {}, task {}: the {half} of {} recorded from inside is not the kernel's: {why}",
            cx.log.sink.next_event(),
            cx.at.tid,
            name.unwrap_or("an unknown call"),
        );
        if self.figures.mismatches <= 20 {
            (cx.log.warn)(&text);
        }
        cx.log.note_after_event(cx.at.id, NoteCode::OTHER, Severity::WARNING, text);
    }
}

/// Returns the bytes of a struct with another instruction pointer.
fn with_ip(info: &[u8], ip: u64) -> Vec<u8> {
    let mut bytes = info.to_vec();
    if let Some(place) = bytes.get_mut(MERGED.ip..MERGED.ip + 8) {
        place.copy_from_slice(&ip.to_le_bytes());
    }
    bytes
}

/// Adds the memory that was read, with everything that is stored of it.
fn add_memory(cx: &Context, bytes: &mut Vec<u8>) {
    for (request, tried, errno, got) in cx.capture.fetched() {
        bytes.extend([request.arg, request.role, u8::from(request.string)]);
        bytes.extend(request.index.to_le_bytes());
        bytes.extend(request.address.to_le_bytes());
        bytes.extend(tried.to_le_bytes());
        bytes.extend(errno.to_le_bytes());
        bytes.extend((got.len() as u64).to_le_bytes());
        bytes.extend_from_slice(got);
    }
}

fn add_name(name: &FdName, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&name.link);
    bytes.extend(name.mode.to_le_bytes());
    for number in [name.device, name.inode, name.special] {
        bytes.extend(number.to_le_bytes());
    }
}
