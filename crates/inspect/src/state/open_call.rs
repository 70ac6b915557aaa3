//! A call between its entry and its exit.

use std::rc::Rc;

use sysreel_abi::{Abi, AuditArch, Row};
use sysreel_format::SourceId;

use super::context::TaskContext;
use super::files::OpenFile;
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
    /// What the task had before the program that it executes, in which its arguments mean files.
    pub(crate) before_exec: Option<Box<TaskContext>>,
    /// The file of which it took the descriptor for another one (dup2).
    pub(crate) replaced: Option<Rc<OpenFile>>,
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
            before_exec: None,
            replaced: None,
            memory: KeptRegions::default(),
        }
    }

    /// Returns the arguments as the ABI passes them.
    #[must_use]
    pub fn args(&self) -> [u64; 6] {
        self.abi.map_or(self.call.args, |abi| abi.args(&self.call.args))
    }
}
