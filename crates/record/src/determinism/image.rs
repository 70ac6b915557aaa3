//! Makes a new program image the same in every run, and stores it.

use super::calls::in_32_bits;
use super::contents::FileExtent;
use super::hook::Determinism;
use super::state::{record_memory, record_registers};
use crate::engine::{Context, Flow, Undriven};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use sysreel_format::limits::BLOB_PART;
use sysreel_format::{Altering, MappedFlags, MappedHead};
use sysreel_sys::memory::Window;
use sysreel_sys::process::{self, Mapping};
use sysreel_sys::remote::SYSCALL;
use sysreel_sys::{Call, Error, InjectionPoint, Stop, backing, pages};

/// Entries of the auxiliary vector: the address of the vdso, the vdso's entry for calls (i386), and
/// an entry that programs skip (getauxval(3)).
const AT_SYSINFO_EHDR: u64 = 33;
const AT_SYSINFO: u64 = 32;
const AT_IGNORE: u64 = 1;

impl Determinism {
    /// At the exit of an execve: removes what differs from run to run, and stores the rest of the
    /// image.
    pub(super) fn record_image(&mut self, cx: &mut Context, stop: &mut Stop) -> Flow {
        let mappings = match self.remove_nondeterminism(cx, stop) {
            Ok(mappings) => mappings,
            Err(Undriven::Ended) => return Flow::Left,
            Err(Undriven::Ending) => return Flow::Moved,
            Err(Undriven::Late(time)) => {
                let time = time.as_secs();
                let why = format!("a new program made no call for the recorder within {time} s");
                self.not_replayable(cx, why);
                return Flow::Left;
            }
            Err(Undriven::Failed(error)) => {
                self.not_replayable(cx, format!("a new program could not be prepared: {error}"));
                return Flow::Stays;
            }
        };
        hide_vdso(cx, stop, &mappings);
        record_registers(cx, stop, true);
        if let Err(error) = self.store_image(cx, &mappings) {
            let why = format!("the memory of a new program could not be stored: {error}");
            self.not_replayable(cx, why);
        }
        Flow::Stays
    }

    /// Unmaps the vdso and the kernel's clock pages, and traps the time-stamp counter. Returns the
    /// mappings that remain.
    fn remove_nondeterminism(
        &mut self,
        cx: &mut Context,
        stop: &mut Stop,
    ) -> Result<Vec<Mapping>, Undriven> {
        let tid = stop.tid();
        let io =
            |source| Error::Call { what: "prepare a new program".into(), tid: Some(tid), source };
        // Calls are injected through a `syscall` instruction that replaces the first instruction of
        // the program for a moment.
        let window = Window::open(tid).map_err(io)?;
        let gate = stop.general()?.ip();
        let mut own = [0; SYSCALL.len()];
        if window.read(gate, &mut own) < own.len() {
            return Err(io(std::io::Error::other("no instruction where the program begins")).into());
        }
        window.write(gate, &SYSCALL).map_err(io)?;
        let mask = stop.swap_signal_mask(u64::MAX).unwrap_or(0);
        let (removed, remaining): (Vec<Mapping>, Vec<Mapping>) =
            process::mappings(tid).map_err(io)?.into_iter().partition(|mapping| {
                // Signal frames of i386 programs return through the vdso
                // (arch/x86/ia32/ia32_signal.c).
                let is_code = mapping.path == b"[vdso]" && !in_32_bits(cx);
                is_code || mapping.path.starts_with(b"[vvar")
            });
        // They are adjacent: merge them.
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for mapping in removed {
            match ranges.last_mut().filter(|last| last.end == mapping.start) {
                Some(last) => last.end = mapping.end,
                None => ranges.push(mapping.start..mapping.end),
            }
        }
        let unmap = |range: Range<u64>| {
            ("munmap", Call::Munmap { address: range.start, len: range.end - range.start })
        };
        let mut calls: Vec<(&str, Call)> = ranges.into_iter().map(unmap).collect();
        // New tasks and programs inherit the setting (TIF_NOTSC, arch/x86/kernel/process.c).
        if !std::mem::replace(&mut self.traps, true) {
            calls.push(("prctl PR_SET_TSC", Call::trap_time_stamps()));
        }
        for (what, call) in calls {
            let called = cx.call_in(stop, InjectionPoint(gate), call)?;
            called.value(what)?;
            for signal in called.signals {
                // Only SIGSTOP cannot be blocked, so it can arrive here: send it again.
                sysreel_sys::signals::send_to_task(tid, signal);
            }
        }
        _ = stop.swap_signal_mask(mask);
        window.write(gate, &own).map_err(io)?;
        Ok(remaining)
    }

    /// Stores all mappings and their contents.
    fn store_image(&mut self, cx: &mut Context, mappings: &[Mapping]) -> std::io::Result<()> {
        let tid = cx.at.tid;
        let window = Window::open(tid)?;
        let mappings = mappings.iter().filter(|mapping| mapping.path != b"[vsyscall]");
        let end = mappings.clone().map(|mapping| mapping.end).max().unwrap_or(0);
        // Before Linux 6.7 there is no PAGEMAP_SCAN: read all memory.
        let mut own = Vec::new();
        let own = pages::own(tid, end, &mut own).is_ok().then_some(own);
        for mapping in mappings {
            self.store_image_mapping(cx, mapping, &window, own.as_deref())?;
        }
        Ok(())
    }

    /// Stores one mapping. `own` are the pages that differ from what their mapping started with;
    /// `None` where the kernel cannot tell.
    fn store_image_mapping(
        &mut self,
        cx: &mut Context,
        mapping: &Mapping,
        window: &Window,
        own: Option<&[Range<u64>]>,
    ) -> std::io::Result<()> {
        let tid = cx.at.tid;
        let mut head = MappedHead {
            start: mapping.start,
            len: mapping.end - mapping.start,
            prot: mapping.protection(),
            flags: MappedFlags::default(),
            dev: mapping.device,
            ino: mapping.inode,
            offset: mapping.offset,
            filled: 0,
            skip: 0,
        };
        if mapping.path == b"[stack]" {
            head.flags = MappedFlags::GROWS_DOWN;
        }
        let data = if mapping.inode == 0 { None } else { backing::data(tid, mapping).ok() };
        if let Some(data) = &data {
            (head.dev, head.ino) = (data.dev(), data.ino());
            self.note_mapped(&head, Some(data));
            let (extent, name) =
                (FileExtent::for_mapping(data, &head), String::from_utf8_lossy(&mapping.path));
            self.examine_text(cx, &head, extent, || backing::file(tid, mapping), &name);
        }
        let stored = data.and_then(|data| {
            let open = || backing::file(tid, mapping);
            self.contents.store(&mut cx.log.sink, FileExtent::for_mapping(&data, &head), open).ok()
        });
        let is_stored = stored.is_some();
        let mut end = mapping.end;
        match stored {
            Some(stored) => {
                head.flags = head.flags.with(MappedFlags::FILE);
                (head.filled, head.skip) = (stored.filled, stored.skip);
                end = end.min(mapping.start + head.filled.next_multiple_of(process::page_size()));
                stored.write_parts(cx.log.row(), &head);
            }
            None => cx.log.row().mapped(&head, &[]),
        }
        // Pages that the kernel wrote: arguments, the end of the data segment, the vdso of i386.
        let range = mapping.start..end;
        let is_writable = mapping.permissions[1] == b'w';
        match own.filter(|_| is_writable && (is_stored || mapping.inode == 0)) {
            Some(own) => {
                for own in own {
                    self.store_memory(
                        cx,
                        window,
                        own.start.max(range.start)..own.end.min(range.end),
                        is_stored,
                    );
                }
            }
            None if is_writable || !is_stored => self.store_memory(cx, window, range, is_stored),
            None => {}
        }
        Ok(())
    }

    /// Stores the memory of a range. With `zeros` all of it, else without the zeros at both ends:
    /// the mapping starts zeroed.
    fn store_memory(&mut self, cx: &mut Context, window: &Window, range: Range<u64>, zeros: bool) {
        let mut buffer = std::mem::take(&mut self.image);
        let mut at = range.start;
        while at < range.end {
            let len = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(BLOB_PART);
            buffer.resize(buffer.len().max(len), 0);
            let got = window.read(at, &mut buffer[..len]);
            if got < len {
                self.not_replayable(
                    cx,
                    format!("memory at {:#x} could not be read", at + got as u64),
                );
            }
            // The first and the last byte that is not zero.
            let bytes = &buffer[..got];
            let first = bytes.iter().position(|&byte| byte != 0);
            let last = bytes.iter().rposition(|&byte| byte != 0);
            if zeros {
                record_memory(cx, at, bytes);
            } else if let (Some(first), Some(last)) = (first, last) {
                record_memory(cx, at + first as u64, &bytes[first..=last]);
            }
            at += len as u64;
        }
        self.image = buffer;
    }
}

/// Hides the vdso from the auxiliary vector, which follows arguments and environment on the
/// stack.
fn hide_vdso(cx: &mut Context, stop: &Stop, mappings: &[Mapping]) {
    let (Ok(registers), Ok(window)) = (stop.general(), Window::open(stop.tid())) else {
        return;
    };
    let word: usize = if in_32_bits(cx) { 4 } else { 8 };
    let sp = registers.sp();
    let stack = mappings.iter().find(|mapping| (mapping.start..mapping.end).contains(&sp));
    let len = stack.map_or(0, |stack| stack.end - sp);
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    let got = window.read(sp, &mut bytes);
    let at = |index: usize| {
        let bytes = bytes[..got].get(index * word..(index + 1) * word)?;
        Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    };
    // The stack has argc, argv, a null, the environment, a null, then pairs up to one of type
    // 0.
    let Some(count) = at(0) else { return };
    let mut index = usize::try_from(count).unwrap_or(0).saturating_add(2);
    while at(index).is_some_and(|pointer| pointer != 0) {
        index += 1;
    }
    index += 1;
    while let Some(kind) = at(index).filter(|&kind| kind != 0) {
        if matches!(kind, AT_SYSINFO_EHDR | AT_SYSINFO) {
            let address = sp + (index * word) as u64;
            let (kernel, given) = (kind.to_le_bytes(), AT_IGNORE.to_le_bytes());
            if window.write(address, &given[..word]).is_ok() {
                let (kernel, given) = (&kernel[..word], &given[..word]);
                cx.log.altered(Altering::MEMORY, 0, kernel, given);
            }
        }
        index += 2;
    }
}
