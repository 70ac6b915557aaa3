//! A row of the table and its arguments.

use super::{ArgKind, CallKind, Classes, Makes, Mem, Replay};

/// A system call.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The name in the kernel's system call table.
    pub name: &'static str,
    /// The arguments in order, at most six, with the kernel's names.
    pub args: &'static [Arg],
    /// How the result of a successful call is printed.
    pub result: ArgKind,
    /// Classes, used by filters.
    pub class: Classes,
    /// How a replayer handles it.
    pub replay: Replay,
    /// Which file descriptors a successful call makes.
    pub makes: Makes,
    /// What the call does, for code that follows the state of a process.
    pub kind: CallKind,
    /// Whether code inside the process may make and record the call without a stop. Not if a tracer
    /// must see it at once: it changes tasks, mappings of code, signals or tracing.
    pub fast: bool,
}

impl Row {
    /// Whether the call failed. modify_ldt returns its errors as ints without sign extension, which
    /// the kernel does not report as errors (arch/x86/kernel/ldt.c).
    #[must_use]
    pub fn failed(&self, rval: i64, is_error: bool) -> bool {
        let minus_errno = 0xffff_f001..=0xffff_ffff;
        is_error || matches!(self.result, ArgKind::Int) && minus_errno.contains(&rval)
    }

    /// Returns the position of the argument called `name`.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<usize> {
        self.args.iter().position(|a| a.name == name)
    }
}

/// An argument of a row.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// The kernel's name for it.
    pub name: &'static str,
    /// How it is printed: the value, or what it points to if [`Arg::mem`] is given.
    pub kind: ArgKind,
    /// The memory it points to.
    pub mem: Option<Mem>,
}
