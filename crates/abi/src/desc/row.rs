//! A row of the table and its arguments.

use super::{ArgKind, CallKind, Classes, Makes, Mem, Replay};

/// One system call.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The kernel's name for it, as in its system call table.
    pub name: &'static str,
    /// The arguments in order, at most six, named as the kernel names them.
    pub args: &'static [Arg],
    /// How the result is printed when the call succeeded.
    pub result: ArgKind,
    /// What the call is about, for filters.
    pub class: Classes,
    /// What a replayer may do with it.
    pub replay: Replay,
    /// Which file descriptors a successful call makes.
    pub makes: Makes,
    /// What the call does, for those who follow the state of a process.
    pub kind: CallKind,
}

impl Row {
    /// Whether the call failed. modify_ldt answers its errors as ints without a sign, which are
    /// none to the kernel (arch/x86/kernel/ldt.c).
    #[must_use]
    pub fn failed(&self, rval: i64, is_error: bool) -> bool {
        let minus_errno = 0xffff_f001..=0xffff_ffff;
        is_error || matches!(self.result, ArgKind::Int) && minus_errno.contains(&rval)
    }

    /// The position of the argument called `name`.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<usize> {
        self.args.iter().position(|a| a.name == name)
    }
}

/// One argument.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// The kernel's name for it.
    pub name: &'static str,
    /// How it is printed: the value itself, or what it points to when [`Arg::mem`] is there.
    pub kind: ArgKind,
    /// The memory it points to.
    pub mem: Option<Mem>,
}
