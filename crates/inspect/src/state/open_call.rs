//! A call between its entry and its exit.

use std::rc::Rc;

use sysreel_abi::{Abi, ArgKind, AuditArch, CallKind, Row};
use sysreel_format::SourceId;

use super::context::TaskContext;
use super::descriptors::{Descriptor, FileTable};
use super::files::OpenFile;
use super::paths::Places;
use crate::regions::KeptRegions;
use sysreel_format::syscall_info::Call;

/// A call that has begun and not ended.
#[derive(Debug)]
pub struct OpenCall {
    /// The number of its entry event.
    pub number: u64,
    /// The time of its entry stop, in nanoseconds (CLOCK_MONOTONIC).
    pub t_ns: u64,
    /// Where the report of its entry comes from.
    pub source: SourceId,
    /// The architecture that the entry stop reported.
    pub arch: AuditArch,
    /// The number and the argument registers.
    pub call: Call,
    /// The ABI; `None` if unknown.
    pub abi: Option<Abi>,
    /// The row of the table, if it has one.
    pub row: Option<&'static Row>,
    /// The call that it continues, if it is a restart_syscall(2) and the log shows that.
    pub(crate) continues: Option<&'static Row>,
    /// Whether any of the next three was set.
    keeps: bool,
    /// The descriptors among its arguments, with their files at its entry, if these may change
    /// before its exit.
    kept: [Option<(i32, Option<Rc<OpenFile>>)>; 2],
    /// All descriptors at its entry, if it has some in memory and they may change. Copies of a
    /// table share what neither of them changes, but a change after a copy costs more.
    files: Option<FileTable>,
    /// Its directories at its entry, if it has paths and they may change.
    pub(super) places: Option<Places>,
    /// The regions captured at the entry.
    pub(crate) memory: KeptRegions,
}

impl OpenCall {
    /// Returns a call to fill in.
    pub(super) fn unused() -> Self {
        Self {
            number: 0,
            t_ns: 0,
            source: SourceId::KERNEL,
            arch: AuditArch(0),
            call: Call::default(),
            abi: None,
            row: None,
            continues: None,
            keeps: false,
            kept: [None, None],
            files: None,
            places: None,
            memory: KeptRegions::default(),
        }
    }

    /// Keeps what its arguments mean, as far as it may change before the call ends: other threads
    /// may close, replace and reopen descriptors while it blocks, dup2(2) replaces one itself, and
    /// execve(2) closes some.
    pub(super) fn keep_arguments(&mut self, context: Option<&TaskContext>) {
        self.forget_arguments();
        let (Some(context), Some(row)) = (context, self.row) else { return };
        if Rc::strong_count(&context.files) > 1 || row.kind == CallKind::DupTo {
            self.keep_descriptors(context, row);
        }
        let has_path = |kind| matches!(kind, ArgKind::Path | ArgKind::SockAddr | ArgKind::DirFd);
        if Rc::strong_count(&context.places) > 1 && row.args.iter().any(|arg| has_path(arg.kind)) {
            self.places = Some(context.places.borrow().clone());
            self.keeps = true;
        }
    }

    /// Keeps the files of the descriptors among the arguments, or the table if more are in memory.
    fn keep_descriptors(&mut self, context: &TaskContext, row: &Row) {
        self.keeps = true;
        let table = context.files.borrow();
        let args = self.args();
        let mut places = self.kept.iter_mut();
        for (arg, value) in row.args.iter().zip(args) {
            match arg.kind {
                ArgKind::Fd | ArgKind::DirFd => {
                    let Some(place) = places.next() else { break };
                    let fd = u32::try_from(value & 0xffff_ffff).unwrap_or(0).cast_signed();
                    *place = Some((fd, table.get(fd).cloned()));
                }
                ArgKind::Array(_) | ArgKind::FdSet | ArgKind::Msg | ArgKind::Mmsg => {
                    self.files = Some(table.clone());
                }
                _ => {}
            }
        }
        if matches!(row.kind, CallKind::CloseRange | CallKind::Multiplexed) {
            self.files = Some(table.clone());
        }
    }

    /// Frees what is kept of the arguments.
    pub(super) fn forget_arguments(&mut self) {
        if std::mem::take(&mut self.keeps) {
            (self.files, self.places, self.kept) = (None, None, [None, None]);
        }
    }

    /// Keeps what its descriptors mean if they are not kept yet.
    pub(super) fn keep_files(&mut self, context: &TaskContext) {
        self.keeps = true;
        self.files.get_or_insert_with(|| context.files.borrow().clone());
    }

    /// Returns what a descriptor among its arguments referred to at its entry. `context` is that of
    /// its task.
    pub(super) fn argument_file(&self, context: &TaskContext, fd: i32) -> Option<Rc<OpenFile>> {
        let mut kept = self.kept.iter().flatten();
        match (kept.find(|(of, _)| *of == fd), &self.files) {
            (Some((_, file)), _) => file.clone(),
            (None, Some(files)) => files.get(fd).cloned(),
            (None, None) => context.files.borrow().get(fd).cloned(),
        }
    }

    /// Whether a descriptor was open at its entry and another thread got that number since:
    /// close(2) gives it up before it returns.
    pub(super) fn is_reopened(&self, fd: i32, now: &Descriptor) -> bool {
        let kept = self.kept.iter().flatten().any(|(of, file)| *of == fd && file.is_some());
        let in_table = || self.files.as_ref().is_some_and(|files| files.get(fd).is_some());
        (kept || in_table()) && now.event() > self.number
    }

    /// Returns the arguments as the ABI passes them.
    #[must_use]
    pub fn args(&self) -> [u64; 6] {
        self.abi.map_or(self.call.args, |abi| abi.args(&self.call.args))
    }
}
