//! A new image: made the same in every run, and kept whole.

use super::contents::FileExtent;
use crate::session::Session;
use std::ops::Range;
use sysreel_format::limits::BLOB_PART;
use sysreel_format::{
    Altered, Altering, Direction, MappedFlags, MappedHead, RegionFlags, RegionHead, Role, TaskId,
};
use sysreel_sys::memory::Window;
use sysreel_sys::process::{self, Mapping};
use sysreel_sys::regs::NT_X86_XSTATE;
use sysreel_sys::remote::SYSCALL;
use sysreel_sys::stop::NT_PRSTATUS;
use sysreel_sys::{Call, Error, InjectionPoint, Lost, Stop, Tid, backing, pages};

/// Entries of the auxiliary vector: where the vdso is, where its entry for calls is (i386), and
/// what programs pass over (getauxval(3)).
const AT_SYSINFO_EHDR: u64 = 33;
const AT_SYSINFO: u64 = 32;
const AT_IGNORE: u64 = 1;

impl Session {
    /// At the exit of an execve: takes away what would differ from run to run, and keeps everything
    /// else.
    pub(super) fn fresh_image(&mut self, stop: &mut Stop, id: TaskId) {
        let mappings = match self.normalise(stop) {
            Ok(mappings) => mappings,
            Err(Lost::Gone(status)) => {
                // Its end was taken here; it is served when its turn comes.
                self.ended_early_in_call(stop.tid(), status);
                return;
            }
            Err(Lost::Failed(error)) => {
                self.not_replayable(id, format!("a new program could not be prepared: {error}"));
                return;
            }
        };
        self.hide_vdso(stop, &mappings);
        self.registers_of(stop, true);
        if let Err(error) = self.keep_image(stop.tid(), id, &mappings) {
            self.not_replayable(
                id,
                format!("the memory of a new program could not be kept: {error}"),
            );
        }
    }

    /// Unmaps what the kernel writes clocks to, and traps the time-stamp counter. Answers what is
    /// mapped then.
    fn normalise(&mut self, stop: &mut Stop) -> Result<Vec<Mapping>, Lost> {
        let tid = stop.tid();
        let io =
            |source| Error::Call { what: "prepare a new program".into(), tid: Some(tid), source };
        // An instruction is lent where the program begins, and given back.
        let window = Window::open(tid).map_err(io)?;
        let gate = stop.general()?.ip();
        let mut own = [0; SYSCALL.len()];
        if window.read(gate, &mut own) < own.len() {
            return Err(io(std::io::Error::other("no instruction where the program begins")).into());
        }
        window.write(gate, &SYSCALL).map_err(io)?;
        let mask = stop.swap_signal_mask(u64::MAX).unwrap_or(0);
        let (gone, kept): (Vec<Mapping>, Vec<Mapping>) =
            process::mappings(tid).map_err(io)?.into_iter().partition(|mapping| {
                // The frames of signals of i386 programs return through their vdso
                // (arch/x86/ia32/ia32_signal.c).
                let is_code = mapping.path == b"[vdso]" && !self.in_32_bits();
                is_code || mapping.path.starts_with(b"[vvar")
            });
        // They lie side by side.
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for mapping in gone {
            match ranges.last_mut().filter(|last| last.end == mapping.start) {
                Some(last) => last.end = mapping.end,
                None => ranges.push(mapping.start..mapping.end),
            }
        }
        let unmap = |range: Range<u64>| {
            ("munmap", Call::Munmap { address: range.start, len: range.end - range.start })
        };
        let mut calls: Vec<(&str, Call)> = ranges.into_iter().map(unmap).collect();
        // A task has it from its maker, and keeps it in other programs (TIF_NOTSC,
        // arch/x86/kernel/process.c).
        let is_first = self
            .determinism
            .as_mut()
            .is_some_and(|determinism| !std::mem::replace(&mut determinism.traps, true));
        if is_first {
            calls.push(("prctl PR_SET_TSC", Call::trap_time_stamps()));
        }
        for (what, call) in calls {
            let called = self.tracer.call_in(stop, InjectionPoint(gate), call)?;
            called.value(what)?;
            for signal in called.signals {
                // Only SIGSTOP cannot be blocked: it comes again.
                sysreel_sys::signals::send_to_task(tid, signal);
            }
        }
        _ = stop.swap_signal_mask(mask);
        window.write(gate, &own).map_err(io)?;
        Ok(kept)
    }

    /// Takes the vdso out of the auxiliary vector, which lies behind arguments and environment on
    /// the stack.
    fn hide_vdso(&mut self, stop: &Stop, mappings: &[Mapping]) {
        let (Ok(registers), Ok(window)) = (stop.general(), Window::open(stop.tid())) else {
            return;
        };
        let word: usize = if self.in_32_bits() { 4 } else { 8 };
        let sp = registers.sp();
        let stack = mappings.iter().find(|mapping| (mapping.start..mapping.end).contains(&sp));
        let len = stack.map_or(0, |stack| stack.end - sp);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let got = window.read(sp, &mut bytes);
        let at = |index: usize| {
            let bytes = bytes[..got].get(index * word..(index + 1) * word)?;
            Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
        };
        // The count, the arguments, a zero, the environment, a zero, pairs up to one of type zero.
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
                    self.sink.row.altered(&Altered {
                        what: Altering::MEMORY,
                        arg: 0,
                        kernel,
                        given,
                    });
                }
            }
            index += 2;
        }
    }

    /// Everything that is mapped, with what is in it.
    fn keep_image(&mut self, tid: Tid, id: TaskId, mappings: &[Mapping]) -> std::io::Result<()> {
        let window = Window::open(tid)?;
        let mappings = mappings.iter().filter(|mapping| mapping.path != b"[vsyscall]");
        let end = mappings.clone().map(|mapping| mapping.end).max().unwrap_or(0);
        // Before Linux 6.7 nobody tells them, and all is read.
        let mut own = Vec::new();
        let own = pages::own(tid, end, &mut own).is_ok().then_some(own);
        for mapping in mappings {
            self.keep_mapping(tid, id, mapping, &window, own.as_deref())?;
        }
        Ok(())
    }

    /// `own` are the pages that differ from what their mappings began with.
    fn keep_mapping(
        &mut self,
        tid: Tid,
        id: TaskId,
        mapping: &Mapping,
        window: &Window,
        own: Option<&[Range<u64>]>,
    ) -> std::io::Result<()> {
        let Some(determinism) = &mut self.determinism else { return Ok(()) };
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
        let stored = data.and_then(|data| {
            let open = || backing::file(tid, mapping);
            determinism.contents.keep(&mut self.sink, FileExtent::of(&data, &head), open).ok()
        });
        let is_kept = stored.is_some();
        let mut end = mapping.end;
        match stored {
            Some(stored) => {
                head.flags = head.flags.with(MappedFlags::FILE);
                (head.filled, head.skip) = (stored.filled, stored.skip);
                end = end.min(mapping.start + head.filled.next_multiple_of(process::page_size()));
                stored.tell(&mut self.sink.row, &head);
            }
            None => self.sink.row.mapped(&head, &[]),
        }
        // What the kernel has put there: arguments, the end of data, the vdso of i386.
        let range = mapping.start..end;
        let is_writable = mapping.permissions[1] == b'w';
        match own.filter(|_| is_writable && (is_kept || mapping.inode == 0)) {
            Some(own) => {
                for own in own {
                    self.keep_memory(
                        id,
                        window,
                        own.start.max(range.start)..own.end.min(range.end),
                        is_kept,
                    );
                }
            }
            None if is_writable || !is_kept => self.keep_memory(id, window, range, is_kept),
            None => {}
        }
        Ok(())
    }

    /// The memory of a range; of what was zero before, only what is something.
    fn keep_memory(&mut self, id: TaskId, window: &Window, range: Range<u64>, zeros: bool) {
        let mut buffer = self
            .determinism
            .as_mut()
            .map(|determinism| std::mem::take(&mut determinism.image))
            .unwrap_or_default();
        let mut at = range.start;
        while at < range.end {
            let len = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(BLOB_PART);
            buffer.resize(buffer.len().max(len), 0);
            let got = window.read(at, &mut buffer[..len]);
            if got < len {
                self.not_replayable(
                    id,
                    format!("memory at {:#x} could not be read", at + got as u64),
                );
            }
            // From its first to its last byte that is something.
            let bytes = &buffer[..got];
            let first = bytes.iter().position(|&byte| byte != 0);
            let last = bytes.iter().rposition(|&byte| byte != 0);
            if zeros {
                self.memory_part(at, bytes);
            } else if let (Some(first), Some(last)) = (first, last) {
                self.memory_part(at + first as u64, &bytes[first..=last]);
            }
            at += len as u64;
        }
        if let Some(determinism) = &mut self.determinism {
            determinism.image = buffer;
        }
    }

    /// A REGION that belongs to no argument.
    pub(super) fn memory_part(&mut self, address: u64, bytes: &[u8]) {
        let head = RegionHead {
            arg: RegionHead::NO_ARGUMENT,
            dir: Direction::OUT,
            role: Role::DIRECT,
            flags: RegionFlags::default(),
            index: 0,
            address,
            asked: bytes.len() as u64,
            got: bytes.len() as u64,
            errno: 0,
        };
        self.sink.region(&head, bytes);
    }

    /// The registers as they are, with the extended ones if wanted.
    pub(super) fn registers_of(&mut self, stop: &Stop, extended: bool) {
        if let Ok(registers) = stop.general() {
            self.sink.row.registers(NT_PRSTATUS, &registers.to_bytes());
        }
        if extended && let Ok(state) = stop.extended() {
            self.sink.row.registers(NT_X86_XSTATE, &state);
        }
    }
}
