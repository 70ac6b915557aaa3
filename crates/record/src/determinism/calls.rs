//! Calls of a replayable recording: vetoes, writes to the recorder's own output, and mappings.

use super::contents::FileExtent;
use super::state::StateCheck;
use crate::session::Session;
use crate::task::Call;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use sysreel_abi::replay::{self, AddressSpaceOp, Output};
use sysreel_abi::{AuditArch, CallKind};
use sysreel_format::{Altered, Altering, MappedFlags, MappedHead, TaskId};
use sysreel_sys::info::Op;
use sysreel_sys::memory::{self, Transfer, Window};
use sysreel_sys::{Stop, Tid, process};

/// The errno for calls that copy between descriptors (sendfile, splice): programs then fall back to
/// read and write.
const CANNOT_COPY: u32 = sysreel_sys::memory::EINVAL.cast_unsigned();
/// The errno for calls that the kernel does not have.
const NOT_IMPLEMENTED: u32 = sysreel_sys::memory::ENOSYS.cast_unsigned();
/// The device number of /dev/zero, whose private mappings are anonymous memory
/// (Documentation/admin-guide/devices.txt).
const ZERO: u64 = 1 << 8 | 5;

impl Session {
    /// The hook at a syscall stop, after its memory was captured.
    pub(crate) fn determinism_call(&mut self, stop: &mut Stop, id: TaskId) {
        if self.determinism.is_none() {
            return;
        }
        match self.info.op() {
            Some(Op::ENTRY) => {
                self.determinism_entry(stop, id);
                self.send_deferred(stop.tid());
            }
            Some(Op::EXIT) => {
                let (ip, sp) = self.info.place();
                let result = self.info.result().map_or(0, |(rval, _)| rval.cast_unsigned());
                if let Some(task) = self.tasks.get_mut(stop.tid()) {
                    task.boundary = Some((ip, sp, result));
                }
                self.determinism_exit(stop, id);
            }
            _ => {}
        }
    }

    fn determinism_entry(&mut self, stop: &Stop, id: TaskId) {
        let tid = stop.tid();
        let Some((nr, args)) = self.info.call() else { return };
        self.record_state(stop);
        let call = self.tasks.get(tid).and_then(|task| task.call);
        let mut errno = match call {
            Some(Call { abi, row, .. }) => {
                replay::veto(abi, row, &args, self.capture.captured(0, 0, 0))
            }
            // Every kernel answers -1 (no call has that number) in the same way. What another
            // unknown call does cannot be replayed.
            None if nr == u64::MAX => None,
            None => Some(NOT_IMPLEMENTED),
        };
        if let Some(Call { abi, row, .. }) = call {
            let fd = replay::mapped_fd(abi, row, &args, self.capture.captured(0, 0, 0));
            let op = replay::address_space_op(abi, row, &args, self.capture.captured(0, 0, 0));
            if let Some(task) = self.tasks.get_mut(tid) {
                task.address_space_op = op.map(|op| (op, fd));
                // set_tid_address(2) cannot fail.
                task.cleared = replay::clear_tid_address(abi, row, &args).or(task.cleared);
            }
            if let Some(Output { fd, from_memory }) = replay::output(abi, row, &args)
                && let Some(to) = self.own_output(tid, fd)
            {
                match from_memory {
                    true => {
                        self.sink.row.echo(to);
                        if let Some(task) = self.tasks.get_mut(tid) {
                            task.writes_to_own_output = true;
                        }
                    }
                    // The bytes would not pass through the program, and not be in the log.
                    false => errno = errno.or(Some(CANNOT_COPY)),
                }
            }
        }
        let Some(errno) = errno else { return };
        if stop.skip_call().is_err() {
            return; // The task died.
        }
        self.sink.row.altered(&Altered {
            what: Altering::CALL_VETOED,
            arg: 0,
            kernel: &nr.to_le_bytes(),
            given: &errno.to_le_bytes(),
        });
        match self.tasks.get_mut(tid) {
            Some(task) => task.vetoed = Some(errno),
            None => self.not_replayable(id, format!("call {nr:#x} of an unknown task was vetoed")),
        }
    }

    /// Returns 1 or 2 if the descriptor is the recorder's own standard output or standard error.
    fn own_output(&self, tid: Tid, fd: i32) -> Option<u32> {
        let outputs = &self.determinism.as_ref()?.outputs;
        let data = fs::metadata(format!("/proc/{tid}/fd/{fd}")).ok()?;
        let at = outputs.iter().position(|output| *output == Some((data.dev(), data.ino())))?;
        u32::try_from(at + 1).ok()
    }

    fn determinism_exit(&mut self, stop: &mut Stop, id: TaskId) {
        let tid = stop.tid();
        let Some((rval, is_error)) = self.info.result() else { return };
        let Some(task) = self.tasks.get_mut(tid) else { return };
        let (address_space_op, ended) = (task.address_space_op.take(), task.ended.take());
        task.writes_to_own_output = false;
        if let Some(errno) = task.vetoed.take() {
            let given = -i64::from(errno);
            if given != rval {
                self.override_result(stop, rval, given);
                self.mark_boundary(stop);
            }
            return;
        }
        if task.fresh_image {
            task.fresh_image = false;
            task.state_check = Some(StateCheck::new());
            self.record_image(stop, id);
            self.mark_boundary(stop);
            return;
        }
        if task.returns_from_handler {
            task.returns_from_handler = false;
            self.record_registers(stop, true);
            self.mark_boundary(stop);
        }
        if let Some(call) = ended.filter(|call| !is_error && Session::writes_to_descriptor(call)) {
            self.record_shared_write(tid, id, &call);
        }
        let Some((op, fd)) = address_space_op.filter(|_| !is_error) else { return };
        self.record_address_space_op(tid, id, op, fd, rval.cast_unsigned());
    }

    /// At the exit of a successful call that changed the address space: stores what was mapped.
    fn record_address_space_op(
        &mut self,
        tid: Tid,
        id: TaskId,
        op: AddressSpaceOp,
        fd: Option<i32>,
        result: u64,
    ) {
        if let Some(determinism) = &mut self.determinism {
            determinism.changes += 1;
        }
        match op {
            AddressSpaceOp::Map { anonymous: true, .. } => {}
            AddressSpaceOp::Map { len, prot, shared, grows_down, offset, .. } => {
                let flags = match (shared, grows_down) {
                    (true, _) => MappedFlags::SHARED,
                    (false, true) => MappedFlags::GROWS_DOWN,
                    (false, false) => MappedFlags::default(),
                };
                let len = len.next_multiple_of(process::page_size());
                let head = MappedHead {
                    start: result,
                    len,
                    prot,
                    flags,
                    dev: 0,
                    ino: 0,
                    offset,
                    filled: 0,
                    skip: 0,
                };
                self.record_file_mapping(tid, id, head, fd.unwrap_or(-1));
            }
            AddressSpaceOp::Remap { old_len, new_len, .. } => {
                self.record_grown_mapping(tid, result, old_len, new_len)
            }
            AddressSpaceOp::Attach { stored_at: None } => {
                self.record_attached_segment(tid, id, result)
            }
            AddressSpaceOp::Attach { stored_at: Some(at) } => {
                let start = self.word_at(tid, at);
                self.record_attached_segment(tid, id, start.into());
            }
            AddressSpaceOp::Unknown => {
                self.not_replayable(
                    id,
                    "a call made a mapping that a replay cannot make again".into(),
                );
            }
            _ => {}
        }
    }

    /// Reads a word of a 32-bit task; zero where it cannot be read.
    fn word_at(&self, tid: Tid, address: u64) -> u32 {
        let mut word = [0; size_of::<u32>()];
        let mut transfer = [Transfer { address, len: word.len(), ..Transfer::default() }];
        memory::read(tid, &mut word, &mut transfer);
        u32::from_le_bytes(word)
    }

    fn override_result(&mut self, stop: &Stop, rval: i64, given: i64) {
        let done = stop.general().and_then(|mut registers| {
            registers.set_result(given.cast_unsigned());
            stop.set_general(&registers)
        });
        if done.is_ok() {
            self.sink.row.altered(&Altered {
                what: Altering::RETURN_VALUE,
                arg: 0,
                kernel: &rval.to_le_bytes(),
                given: &given.to_le_bytes(),
            });
        }
    }

    /// Stores the contents of a file that was just mapped.
    fn record_file_mapping(&mut self, tid: Tid, id: TaskId, mut head: MappedHead, fd: i32) {
        let path = format!("/proc/{tid}/fd/{fd}");
        let data = fs::metadata(&path);
        if let Ok(data) = &data {
            (head.dev, head.ino) = (data.dev(), data.ino());
            let is_device = data.file_type().is_char_device();
            if is_device && data.rdev() == ZERO {
                self.sink.row.mapped(&head, &[]);
                return;
            }
            if is_device {
                self.not_replayable(id, format!("a device was mapped ({})", link(&path)));
            }
        }
        // The recorder reads the file through a descriptor of its own.
        self.store_mapping(tid, head, data, || File::open(&path));
    }

    /// Stores the contents of a file mapping: from the file, or from the memory of the mapping
    /// where the file cannot be read.
    pub(super) fn store_mapping(
        &mut self,
        tid: Tid,
        mut head: MappedHead,
        data: io::Result<Metadata>,
        open: impl FnOnce() -> io::Result<File>,
    ) {
        head.flags = head.flags.with(MappedFlags::FILE);
        let Some(determinism) = &mut self.determinism else { return };
        let contents = &mut determinism.contents;
        let shared = head.flags.contains(MappedFlags::SHARED);
        if shared {
            determinism.shared.insert((head.dev, head.ino));
        }
        let changing = determinism.shared.contains(&(head.dev, head.ino));
        let result = data.and_then(|data| {
            contents.store(
                &mut self.sink,
                FileExtent { changing, ..FileExtent::for_mapping(&data, &head) },
                open,
            )
        });
        let stored = match result {
            Ok(stored) => stored,
            Err(_) => {
                let mut bytes = vec![0; usize::try_from(head.len).unwrap_or(0)];
                let got = Window::open(tid).map_or(0, |window| window.read(head.start, &mut bytes));
                contents.store_bytes(&mut self.sink, &bytes[..got])
            }
        };
        (head.filled, head.skip) = (stored.filled, stored.skip);
        stored.write_parts(&mut self.sink.row, &head);
    }

    /// The hook at the first stop of a new task: stores its registers and the thread ids that the
    /// kernel wrote for it (CLONE_CHILD_SETTID and kin).
    pub(crate) fn determinism_newborn(&mut self, stop: &Stop) {
        if self.determinism.is_none() {
            return;
        }
        let Some(ids) = self.tasks.get_mut(stop.tid()).and_then(|task| task.newborn.take()) else {
            return;
        };
        if let Some(task) = self.tasks.get_mut(stop.tid()) {
            task.state_check = Some(StateCheck::new());
        }
        self.record_registers(stop, false);
        for address in ids.written.into_iter().flatten() {
            let mut id = [0; size_of::<Tid>()];
            let mut transfer = [Transfer { address, len: id.len(), ..Transfer::default() }];
            memory::read(stop.tid(), &mut id, &mut transfer);
            if transfer[0].got == id.len() {
                self.record_memory(address, &id);
            }
        }
        self.mark_boundary(stop);
    }

    /// At an entry, notes whether the call returns from a signal handler.
    pub(crate) fn note_handler_return(&mut self, tid: Tid) {
        if self.determinism.is_none() {
            return;
        }
        if let Some(task) = self.tasks.get_mut(tid) {
            task.returns_from_handler =
                task.call.is_some_and(|call| call.row.kind == CallKind::SigReturn);
        }
    }

    /// Whether the task of the current stop is a 32-bit one.
    pub(super) fn in_32_bits(&self) -> bool {
        AuditArch(self.info.arch()) == AuditArch::I386
    }
}

fn link(path: &str) -> String {
    fs::read_link(path).map_or_else(|_| path.to_owned(), |link| link.display().to_string())
}
