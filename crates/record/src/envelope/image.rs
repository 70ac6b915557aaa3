//! A new image: made the same in every run, and kept whole.

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
use sysreel_sys::{Call, Error, Gate, Lost, Stop, Tid};

/// Entries of the auxiliary vector: where the vdso is, where its entry for calls is (i386), and what programs pass over (getauxval(3)).
const AT_SYSINFO_EHDR: u64 = 33;
const AT_SYSINFO: u64 = 32;
const AT_IGNORE: u64 = 1;

impl Session {
    /// At the exit of an execve: takes away what would differ from run to run, and keeps everything else.
    pub(super) fn fresh_image(&mut self, stop: &mut Stop, id: TaskId) {
        match self.normalise(stop) {
            Ok(()) => {}
            Err(Lost::Gone(status)) => {
                // Its end was taken here; it is served when its turn comes.
                self.ended_early_in_call(stop.tid(), status);
                return;
            }
            Err(Lost::Failed(error)) => {
                self.not_replayable(id, format!("a new program could not be prepared: {error}"));
                return;
            }
        }
        self.hide_vdso(stop);
        self.registers_of(stop, true);
        if let Err(error) = self.keep_image(stop.tid(), id) {
            self.not_replayable(id, format!("the memory of a new program could not be kept: {error}"));
        }
    }

    /// Unmaps what the kernel writes clocks to, and traps the time-stamp counter.
    fn normalise(&mut self, stop: &mut Stop) -> Result<(), Lost> {
        let tid = stop.tid();
        let io = |source| Error::Call { what: "prepare a new program".into(), tid: Some(tid), source };
        // An instruction is lent where the program begins, and given back.
        let window = Window::of(tid).map_err(io)?;
        let gate = stop.general()?.ip();
        let mut own = [0; SYSCALL.len()];
        if window.read(gate, &mut own) < own.len() {
            return Err(io(std::io::Error::other("no instruction where the program begins")).into());
        }
        window.write(gate, &SYSCALL).map_err(io)?;
        let mask = stop.swap_signal_mask(u64::MAX).unwrap_or(0);
        let mut calls = vec![("prctl PR_SET_TSC", Call::trap_time_stamps())];
        for mapping in process::mappings(tid).map_err(io)? {
            // The frames of signals of i386 programs return through their vdso (arch/x86/ia32/ia32_signal.c).
            let needed = mapping.path == b"[vdso]" && self.in_32_bits();
            if !needed && (mapping.path.starts_with(b"[vvar") || mapping.path == b"[vdso]") {
                let (address, len) = (mapping.start, mapping.end - mapping.start);
                calls.push(("munmap", Call::Munmap { address, len }));
            }
        }
        for (what, call) in calls {
            let called = self.tracer.call_in(stop, Gate(gate), call)?;
            called.value(what)?;
            for signal in called.signals {
                // Only SIGSTOP cannot be blocked: it comes again.
                sysreel_sys::signals::send_to_task(tid, signal);
            }
        }
        _ = stop.swap_signal_mask(mask);
        window.write(gate, &own).map_err(io)?;
        Ok(())
    }

    /// Takes the vdso out of the auxiliary vector, which lies behind arguments and environment on the stack.
    fn hide_vdso(&mut self, stop: &Stop) {
        let (Ok(registers), Ok(window)) = (stop.general(), Window::of(stop.tid())) else { return };
        let word: usize = if self.in_32_bits() { 4 } else { 8 };
        let mut bytes = vec![0; 1 << 20];
        let got = window.read(registers.sp(), &mut bytes);
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
                let address = registers.sp() + (index * word) as u64;
                let (kernel, given) = (kind.to_le_bytes(), AT_IGNORE.to_le_bytes());
                if window.write(address, &given[..word]).is_ok() {
                    let (kernel, given) = (&kernel[..word], &given[..word]);
                    self.sink.row.altered(&Altered { what: Altering::MEMORY, arg: 0, kernel, given });
                }
            }
            index += 2;
        }
    }

    /// Everything that is mapped, with what is in it.
    fn keep_image(&mut self, tid: Tid, id: TaskId) -> std::io::Result<()> {
        let window = Window::of(tid)?;
        for mapping in process::mappings(tid)? {
            if mapping.path == b"[vsyscall]" {
                continue;
            }
            self.keep_mapping(tid, id, &mapping, &window)?;
        }
        Ok(())
    }

    fn keep_mapping(
        &mut self,
        tid: Tid,
        id: TaskId,
        mapping: &Mapping,
        window: &Window,
    ) -> std::io::Result<()> {
        let Some(envelope) = &mut self.envelope else { return Ok(()) };
        let letters = mapping.permissions;
        let prot = mapping.protection();
        let mut head = MappedHead {
            start: mapping.start,
            len: mapping.end - mapping.start,
            prot,
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
        let is_writable = letters[1] == b'w';
        let mut is_kept = false;
        if mapping.inode != 0 {
            let file = process::mapped_file(tid, mapping);
            let held = match &file {
                Ok(file) => envelope.contents.keep(&mut self.sink, file, head.offset, head.len).ok(),
                Err(_) => None,
            };
            if let Some(held) = held {
                head.flags = head.flags.with(MappedFlags::FILE);
                (head.filled, head.skip) = (held.filled, held.skip);
                self.sink.row.mapped(&head, held.blobs);
                is_kept = true;
            }
        }
        if !is_kept {
            self.sink.row.mapped(&head, &[]);
        }
        // What the kernel has put there: arguments, the end of data, the vdso of i386.
        if is_writable || !is_kept {
            let end = if is_kept {
                mapping.start + head.filled.next_multiple_of(process::page_size())
            } else {
                mapping.end
            };
            self.keep_memory(id, window, mapping.start..end.min(mapping.end), is_kept);
        }
        Ok(())
    }

    /// The memory of a range; of what was zero before, only what is something.
    pub(super) fn keep_memory(&mut self, id: TaskId, window: &Window, range: Range<u64>, zeros: bool) {
        let mut buffer = vec![0; BLOB_PART];
        let mut at = range.start;
        while at < range.end {
            let len = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(BLOB_PART);
            let got = window.read(at, &mut buffer[..len]);
            if got < len {
                self.not_replayable(id, format!("memory at {:#x} could not be read", at + got as u64));
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
