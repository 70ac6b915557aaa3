//! A call between its entry and its exit.

use std::rc::Rc;

use sysreel_abi::{Abi, AuditArch, CallKind, Row};
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
    /// The descriptors at its entry. `None`: nothing but the call itself can change them before its
    /// exit, so that its arguments mean the same then.
    pub(super) files: Option<FileTable>,
    /// Its directories at its entry, as [`Self::files`].
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
            files: None,
            places: None,
            memory: KeptRegions::default(),
        }
    }

    /// Keeps what its arguments mean, as far as it may change before the call ends: other threads
    /// may close, replace and reopen descriptors while it blocks, dup2(2) replaces one itself, and
    /// execve(2) closes some. Copies of tables share what neither of them changes.
    pub(super) fn keep_arguments(&mut self, context: Option<&TaskContext>) {
        let kind = self.row.map(|row| row.kind);
        let replaces = matches!(kind, Some(CallKind::DupTo));
        let files = context.filter(|of| replaces || Rc::strong_count(&of.files) > 1);
        self.files = files.map(|of| of.files.borrow().clone());
        let places = context.filter(|of| Rc::strong_count(&of.places) > 1);
        self.places = places.map(|of| of.places.borrow().clone());
    }

    /// Keeps what its descriptors mean if they are not kept yet.
    pub(super) fn keep_files(&mut self, context: &TaskContext) {
        self.files.get_or_insert_with(|| context.files.borrow().clone());
    }

    /// Returns what a descriptor among its arguments referred to at its entry. `context` is that of
    /// its task.
    pub(super) fn argument_file(&self, context: &TaskContext, fd: i32) -> Option<Rc<OpenFile>> {
        match &self.files {
            Some(files) => files.get(fd).cloned(),
            None => context.files.borrow().get(fd).cloned(),
        }
    }

    /// Whether a descriptor was open at its entry and another thread got that number since:
    /// close(2) gives it up before it returns.
    pub(super) fn is_reopened(&self, fd: i32, now: &Descriptor) -> bool {
        let was_open = self.files.as_ref().is_some_and(|files| files.get(fd).is_some());
        was_open && now.event() > self.number
    }

    /// Returns the arguments as the ABI passes them.
    #[must_use]
    pub fn args(&self) -> [u64; 6] {
        self.abi.map_or(self.call.args, |abi| abi.args(&self.call.args))
    }
}
