//! Calls of a replayable recording: vetoes, writes to the recorder's own output, and mappings.

use super::changes::change_at_entry;
use super::contents::FileExtent;
use super::hook::Determinism;
use super::shared::writes_to_descriptor;
use super::sparse;
use super::state::{record_memory, record_registers};
use super::state_check::StateCheck;
use super::unseen::Unseen;
use crate::engine::{Call, CallTurn, Context, Exit, Flow};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use sysreel_abi::replay::{self, AddressSpaceOp, Output};
use sysreel_abi::{AuditArch, CallKind};
use sysreel_format::{Altering, MappedFlags, MappedHead};
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

/// Returns the errno for a mount of files that a process serves.
fn veto_of_served_files(cx: &Context, call: &Call) -> Option<u32> {
    replay::veto_of_served_files(call.row, |at| cx.capture.captured(at, 0, 0))
}

impl Determinism {
    /// At an entry, after its memory was captured: decides whether the call is made.
    pub(super) fn call_begins(&mut self, cx: &mut Context, stop: &Stop) {
        let Some((nr, args)) = cx.info.call() else { return };
        self.record_state(cx, stop);
        let call = cx.call().copied();
        let captured = cx.capture.captured(0, 0, 0);
        let served = call.and_then(|call| veto_of_served_files(cx, &call));
        let mut errno = match call {
            _ if served.is_some() => served,
            Some(Call { abi, row, .. }) => replay::veto(abi, row, &args, captured),
            // Every kernel answers -1 (no call has that number) in the same way. What another
            // unknown call does cannot be replayed.
            None => (nr != u64::MAX).then_some(NOT_IMPLEMENTED),
        };
        if let Some(call) = &call {
            errno = errno.or_else(|| self.answer_call(cx, call));
            self.keep_new_action(cx, call);
            self.tasks.get_mut(cx.at.slot).file_change = change_at_entry(cx, call);
        }
        let mut turn = CallTurn::Shared;
        let task = self.tasks.get_mut(cx.at.slot);
        task.returns_from_handler = call.is_some_and(|call| call.row.kind == CallKind::SigReturn);
        if let Some(Call { abi, row, clone, .. }) = call {
            let fd = replay::mapped_fd(abi, row, &args, captured);
            let op = replay::address_space_op(abi, row, &args, captured);
            task.address_space_op = op.map(|op| (op, fd));
            task.unseen =
                replay::may_write_unseen(abi, row, &args).map(|at| Unseen::before(cx.at.tid, at));
            // set_tid_address(2) cannot fail.
            task.cleared = replay::clear_tid_address(abi, row, &args).or(task.cleared);
            task.robust.follow(replay::robust_list(abi, row, &args));
            task.gives_up_robust = row.kind == CallKind::Exec
                && cx.tasks.is_watched(cx.at.slot)
                && !task.robust.changes(cx.at.tid).is_empty();
            // Calls that change the address space do not block either. No other task may see any of
            // these half done.
            if task.address_space_op.is_some() || replay::ends_at_once(abi, row, &args, clone) {
                turn = CallTurn::Kept;
            }
            if let Some(write) = replay::early_write(abi, row, &args) {
                turn = CallTurn::KeptForWrite(write);
            }
            if let Some(Output { fd, from_memory }) = replay::output(abi, row, &args)
                && let Some(to) = self.own_output(cx.at.tid, fd)
            {
                match from_memory {
                    // Writes to the recorder's output must happen in the order of the log. A write
                    // blocks until the output is read.
                    true => {
                        cx.log.row().echo(to);
                        turn = CallTurn::Output;
                    }
                    // The bytes would not pass through the program, and not be in the log.
                    false => errno = errno.or(Some(CANNOT_COPY)),
                }
            }
        }
        if let Some(errno) = errno
            && self.veto(cx, stop, nr, errno)
        {
            let told = call.filter(|call| served.is_some() || replay::is_told(call.row));
            self.answered.extend(told.map(|call| call.row.name));
            turn = CallTurn::Kept;
        }
        if let Some(task) = cx.tasks.at_mut(cx.at.slot) {
            task.turn = turn;
        }
        if let (CallTurn::Shared, Some(call)) = (turn, &call) {
            self.redirect(cx, stop, call);
        }
    }

    /// Answers the call with an errno instead of letting it be made. Returns whether the task is
    /// there to be answered.
    fn veto(&mut self, cx: &mut Context, stop: &Stop, nr: u64, errno: u32) -> bool {
        let is_skipped = stop.skip_call().is_ok();
        if is_skipped {
            let (kernel, given) = (nr.to_le_bytes(), errno.to_le_bytes());
            cx.log.altered(Altering::CALL_VETOED, 0, &kernel, &given);
            self.tasks.get_mut(cx.at.slot).vetoed = Some(errno);
        }
        is_skipped
    }

    /// Returns 1 or 2 if the descriptor is the recorder's own standard output or standard error.
    fn own_output(&self, tid: Tid, fd: i32) -> Option<u32> {
        let data = fs::metadata(format!("/proc/{tid}/fd/{fd}")).ok()?;
        let at =
            self.outputs.iter().position(|output| *output == Some((data.dev(), data.ino())))?;
        u32::try_from(at + 1).ok()
    }

    /// At an exit: stores what the call did besides writing its output.
    pub(super) fn call_ends(&mut self, cx: &mut Context, stop: &mut Stop, exit: &Exit) -> Flow {
        let &Exit { call, rval, is_error } = exit;
        self.follow_segv(cx, stop, exit);
        let task = self.tasks.get_mut(cx.at.slot);
        let address_space_op = task.address_space_op.take();
        if let Some(errno) = task.vetoed.take() {
            let given = -i64::from(errno);
            if given != rval {
                override_result(cx, stop, rval, given);
                self.mark_boundary(cx, stop);
            }
            self.record_answer(cx);
            return Flow::Stays;
        }
        if std::mem::take(&mut task.fresh_image) {
            task.state_check = Some(StateCheck::new());
            if std::mem::take(&mut task.gives_up_robust) {
                let why = "a task executed a program while it held robust futexes";
                self.not_replayable(cx, why.into());
            }
            self.read_segv_state(cx);
            let flow = self.record_image(cx, stop);
            if flow != Flow::Stays {
                return flow;
            }
            let flow = self.trap_vsyscalls(cx, stop);
            self.mark_boundary(cx, stop);
            return flow;
        }
        if std::mem::take(&mut task.returns_from_handler) {
            record_registers(cx, stop, true);
            self.mark_boundary(cx, stop);
        }
        if let Some(call) = call.filter(|call| !is_error && writes_to_descriptor(call)) {
            self.check_memory_file(cx, &call);
        }
        match is_error {
            true => self.tasks.get_mut(cx.at.slot).file_change = None,
            false => self.record_change(cx, rval),
        }
        self.record_partial_output(cx, exit);
        self.check_unseen(cx, call.as_ref().filter(|_| !is_error));
        if let Some(call) = call.filter(|_| !is_error) {
            self.restore_waited(cx, &call, rval);
        }
        // A filter of the program has skipped the call, whose number is still in the register of
        // the result (SECCOMP_RET_TRAP, seccomp(2)). No call that maps memory returns so little.
        let number = call.and_then(|call| sysreel_abi::number::number(call.abi, call.row.name));
        let is_skipped = number == Some(rval.cast_unsigned());
        if let Some((op, fd)) = address_space_op.filter(|_| !is_error && !is_skipped) {
            self.record_address_space_op(cx, op, fd, rval.cast_unsigned());
            return self.trap_vsyscalls(cx, stop);
        }
        Flow::Stays
    }

    /// At the exit of a call that has succeeded: refuses the log if it lacks what the call wrote.
    pub(super) fn check_unseen(&mut self, cx: &mut Context, call: Option<&Call>) {
        let before = self.tasks.get_mut(cx.at.slot).unseen.take();
        let Some(call) = call else { return };
        if before.is_some_and(|before| before.has_changed(cx.at.tid)) {
            let request = call.abi.args(&call.args)[1];
            let why = format!(
                "an ioctl ({request:#x}) wrote to memory, and the table does not have this request"
            );
            self.not_replayable(cx, why);
        }
        let nested = cx.capture.requests.iter().any(|request| request.role == 1);
        if let Some(what) = replay::unseen_output(call.abi, call.row, &call.args, nested) {
            self.not_replayable(cx, format!("{} wrote {what}", call.row.name));
        }
    }

    /// At the exit of a successful call that changed the address space: stores what was mapped.
    fn record_address_space_op(
        &mut self,
        cx: &mut Context,
        op: AddressSpaceOp,
        fd: Option<i32>,
        result: u64,
    ) {
        self.changes += 1;
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
                self.record_file_mapping(cx, head, fd.unwrap_or(-1));
            }
            AddressSpaceOp::Remap { old_len, new_len, .. } => {
                self.record_grown_mapping(cx, result, old_len, new_len)
            }
            AddressSpaceOp::Attach { stored_at: None } => self.record_attached_segment(cx, result),
            AddressSpaceOp::Attach { stored_at: Some(at) } => {
                let start = word_at(cx.at.tid, at);
                self.record_attached_segment(cx, start.into());
            }
            AddressSpaceOp::Unknown => {
                self.not_replayable(
                    cx,
                    "a call made a mapping that a replay cannot make again".into(),
                );
            }
            _ => {}
        }
    }

    /// Stores the contents of a file that was just mapped.
    fn record_file_mapping(&mut self, cx: &mut Context, mut head: MappedHead, fd: i32) {
        let path = format!("/proc/{}/fd/{fd}", cx.at.tid);
        let data = fs::metadata(&path);
        if let Ok(data) = &data {
            (head.dev, head.ino) = (data.dev(), data.ino());
            let kind = data.file_type();
            if kind.is_char_device() && data.rdev() == ZERO {
                cx.log.row().mapped(&head, &[]);
                return;
            }
            if !kind.is_file() {
                // Devices, sockets, descriptors of KVM, perf or BPF: the kernel writes there.
                let what = if kind.is_char_device() || kind.is_block_device() {
                    "a device"
                } else {
                    "memory of the kernel"
                };
                self.not_replayable(cx, format!("{what} was mapped ({})", link(&path)));
            }
        }
        // The recorder reads the file through a descriptor of its own.
        self.store_mapping(cx, head, data, || File::open(&path), &link(&path));
    }

    /// Stores the contents of a file mapping: from the file, or from the memory of the mapping
    /// where the file cannot be read.
    pub(super) fn store_mapping(
        &mut self,
        cx: &mut Context,
        mut head: MappedHead,
        data: io::Result<Metadata>,
        open: impl Fn() -> io::Result<File>,
        name: &str,
    ) {
        head.flags = head.flags.with(MappedFlags::FILE);
        self.note_mapped(&head, data.as_ref().ok());
        let parts = match &data {
            Ok(data) => sparse::split(&head, data, &open),
            Err(_) => vec![head],
        };
        let is_hole = |part: &MappedHead| {
            part.flags.contains(MappedFlags::HOLE) || !part.flags.contains(MappedFlags::FILE)
        };
        let mut left = sparse::MAX_DATA;
        for part in parts {
            if is_hole(&part) {
                cx.log.row().mapped(&part, &[]);
                continue;
            }
            let size = data.as_ref().map_or(u64::MAX, Metadata::size);
            let len = part.len.min(size.saturating_sub(part.offset));
            match left.checked_sub(len) {
                Some(rest) => left = rest,
                None => return self.refuse_mapping(cx),
            }
            self.store_part(cx, part, data.as_ref().ok(), &open, name);
        }
    }

    /// Keeps that a file is mapped.
    pub(super) fn note_mapped(&mut self, head: &MappedHead, data: Option<&Metadata>) {
        let Some(data) = data else { return };
        let file = self.mapped.entry((head.dev, head.ino)).or_default();
        file.shared |= head.flags.contains(MappedFlags::SHARED);
        file.len = data.len();
    }

    /// More is mapped than a recording can take at one stop.
    pub(super) fn refuse_mapping(&mut self, cx: &mut Context) {
        let most = sparse::MAX_DATA >> 30;
        self.not_replayable(cx, format!("a mapping shows more than {most} GiB of data"));
    }

    fn store_part(
        &mut self,
        cx: &mut Context,
        mut head: MappedHead,
        data: Option<&Metadata>,
        open: impl Fn() -> io::Result<File>,
        name: &str,
    ) {
        let changing = self.mapped.get(&(head.dev, head.ino)).is_some_and(|file| file.shared);
        if let Some(data) = data {
            let extent = FileExtent::for_mapping(data, &head);
            self.examine_text(cx, &head, extent, &open, name);
        }
        let result = data.ok_or_else(|| io::ErrorKind::NotFound.into()).and_then(|data| {
            let extent = FileExtent { changing, ..FileExtent::for_mapping(data, &head) };
            self.contents.store(&mut cx.log.sink, extent, open)
        });
        let stored = match result {
            Ok(stored) => stored,
            Err(_) => {
                let mut bytes = vec![0; usize::try_from(head.len).unwrap_or(0)];
                let got =
                    Window::open(cx.at.tid).map_or(0, |window| window.read(head.start, &mut bytes));
                self.contents.store_bytes(&mut cx.log.sink, &bytes[..got])
            }
        };
        (head.filled, head.skip) = (stored.filled, stored.skip);
        stored.write_parts(cx.log.row(), &head);
    }

    /// At the first stop of a new task: stores its registers and the thread ids that the kernel
    /// wrote for it (CLONE_CHILD_SETTID and kin).
    pub(super) fn first_stop(&mut self, cx: &mut Context, stop: &Stop) {
        let task = self.tasks.get_mut(cx.at.slot);
        let Some(ids) = task.newborn.take() else { return };
        task.state_check = Some(StateCheck::new());
        record_registers(cx, stop, false);
        for address in ids.written.into_iter().flatten() {
            let mut id = [0; size_of::<Tid>()];
            let mut transfer = [Transfer { address, len: id.len(), ..Transfer::default() }];
            memory::read(stop.tid(), &mut id, &mut transfer);
            if transfer[0].got == id.len() {
                record_memory(cx, address, &id);
            }
        }
        self.mark_boundary(cx, stop);
    }
}

/// Whether the task of the current stop is a 32-bit one.
pub(super) fn in_32_bits(cx: &Context) -> bool {
    AuditArch(cx.info.arch()) == AuditArch::I386
}

fn override_result(cx: &mut Context, stop: &Stop, rval: i64, given: i64) {
    let done = stop.general().and_then(|mut registers| {
        registers.set_result(given.cast_unsigned());
        stop.set_general(&registers)
    });
    if done.is_ok() {
        cx.log.altered(Altering::RETURN_VALUE, 0, &rval.to_le_bytes(), &given.to_le_bytes());
    }
}

/// Reads a word of a 32-bit task; zero where it cannot be read.
fn word_at(tid: Tid, address: u64) -> u32 {
    let mut word = [0; size_of::<u32>()];
    let mut transfer = [Transfer { address, len: word.len(), ..Transfer::default() }];
    memory::read(tid, &mut word, &mut transfer);
    u32::from_le_bytes(word)
}

fn link(path: &str) -> String {
    fs::read_link(path).map_or_else(|_| path.to_owned(), |link| link.display().to_string())
}
