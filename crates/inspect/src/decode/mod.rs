//! Turns the arguments and the result of a call into text.
//!
//! The row of the table (`sysreel_abi`) says what each argument is and how long its memory is; the
//! files here say how each kind of it looks. A call is written in three steps:
//!
//! 1. [`begin`] (`form.rs`) writes the arguments that are known at the entry stop, and returns how
//!   far it came.
//! 2. [`finish`] (`form.rs`) writes the others at the exit stop.
//! 3. [`outcome`] (`outcome.rs`) writes what follows `= `.
//!
//! `argument.rs` writes one argument: a register by its kind (`value.rs`), memory by what it holds
//! (`string.rs`, `layouts.rs`, one file for each family of structures). All of them see the call
//! through a [`View`] and append to a `String`. A file uses only those below it: `form`,
//! `argument`, `layouts`, the families, then `value`, `view`, `out`, `fields`.

mod aio;
mod fields;
mod file;
mod form;
mod futex;
mod iovec;
mod layouts;
mod machine;
mod members;
mod outcome;
mod poll;
mod process;
mod signal;
mod socket;
mod stat;
mod string;
mod time;
mod value;

use std::borrow::Cow;
use std::cell::Cell;

use sysreel_abi::desc::When;
use sysreel_abi::{Abi, ArgKind, CallKind, Dir, Len, Mem, Row};

use crate::print::Options;
use crate::regions::{Buffers, RegionView, Regions};
use crate::state::FdTable;
use crate::syscall_info::Outcome;
use crate::text;

pub(crate) use fields::Fields;
pub(crate) use form::{begin, finish};
pub(crate) use outcome::{disagreement, error, error_name, outcome};
pub(crate) use signal::siginfo;

/// The cursor of a call whose arguments are all written.
pub(crate) const DONE: u8 = u8::MAX;

/// What an argument is, and the memory that it points to.
type Meaning = (ArgKind, Option<Mem>);

/// A call with everything known about it: at the entry its input, at the exit all of it.
pub(crate) struct View<'a> {
    pub(crate) abi: Abi,
    pub(crate) row: &'static Row,
    pub(crate) args: [u64; 6],
    /// The role of the regions of its arguments: 0, or 1 for a call that socketcall(2) or ipc(2)
    /// multiplexes.
    pub(crate) role: u8,
    pub(crate) entry: &'a Regions,
    pub(crate) exit: Option<&'a Regions>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) options: &'a Options,
    pub(crate) fds: Option<&'a FdTable>,
    pub(crate) buffers: &'a dyn Buffers,
    /// Counts the buffers that the log has lost.
    pub(crate) lost: &'a Cell<u64>,
}

impl<'a> View<'a> {
    /// Returns what an argument is.
    pub(crate) fn meaning(&self, i: usize) -> Meaning {
        self.row.meaning(self.abi, &self.args, i).unwrap_or((ArgKind::Hex, None))
    }

    pub(crate) fn arg(&self, i: usize) -> u64 {
        self.args.get(i).copied().unwrap_or(0)
    }

    /// Whether an argument can only be shown at the exit.
    fn waits(&self, meaning: Meaning) -> bool {
        match meaning {
            // The length of each sent message is output.
            (ArgKind::Mmsg, _) | (_, Some(Mem { dir: Dir::Out, .. })) => true,
            (_, Some(Mem { dir: Dir::InOut, .. })) => {
                !matches!(self.row.kind, CallKind::Poll | CallKind::Futex)
            }
            _ => false,
        }
    }

    /// Returns the region that an argument points to; of one that is read and written, as the
    /// kernel left it.
    pub(crate) fn region(&self, i: usize, dir: Dir) -> Option<RegionView<'a>> {
        let arg = u8::try_from(i).ok()?;
        let entry = || self.entry.find(arg, self.role, 0);
        let exit = || self.exit.and_then(|exit| exit.find(arg, self.role, 0));
        match dir {
            Dir::In => entry(),
            Dir::Out => exit(),
            Dir::InOut => exit().or_else(entry),
        }
    }

    /// Returns a region that the memory of an argument points to in turn, `role` levels deeper.
    pub(crate) fn deeper(
        &self,
        i: usize,
        role: u8,
        index: u32,
        dir: Dir,
    ) -> Option<RegionView<'a>> {
        let arg = u8::try_from(i).ok()?;
        let kept = if dir.comes_out() { self.exit? } else { self.entry };
        kept.find(arg, self.role.saturating_add(role), index)
    }

    /// Reads at most `limit` bytes of a region. Counts the region as lost and returns `None` if the
    /// log no longer has them.
    pub(crate) fn bytes(&self, region: &RegionView<'a>, limit: usize) -> Option<Cow<'a, [u8]>> {
        /// No structure or list that the kernel takes is longer. A larger string limit raises it.
        const MOST: usize = 16 << 20;
        let bytes = region.bytes(self.buffers, limit.min(MOST.max(self.options.string_limit)));
        if bytes.is_none() {
            self.lost.set(self.lost.get().saturating_add(1));
        }
        bytes
    }

    /// Writes an argument.
    fn argument(&self, i: usize, meaning: Meaning, out: &mut String) {
        if form::special(self, i, meaning, out) {
            return;
        }
        let value = self.arg(i);
        match meaning {
            (kind, None) => value::value(self, kind, i, value, out),
            (_, Some(_)) if value == 0 => out.push_str("NULL"),
            (kind, Some(mem)) => self.memory(i, kind, mem, out),
        }
    }

    fn memory(&self, i: usize, kind: ArgKind, mem: Mem, out: &mut String) {
        // Where the buffers are is input, even if the call fills them.
        let dir = if matches!(kind, ArgKind::Iovec | ArgKind::Mmsg) { Dir::InOut } else { mem.dir };
        match self.region(i, dir).filter(|_| dir != Dir::Out || self.was_written(mem.when)) {
            Some(region) => self.pointed(i, kind, mem, &region, out),
            None if self.is_empty(mem) => out.push_str(empty(kind)),
            None => text::pointer(out, self.arg(i)),
        }
    }

    /// Whether the call wrote a piece of memory. A log may hold the old contents of memory that the
    /// call did not write: logs of an older table do, and so do calls where only other memory says
    /// whether they wrote it.
    fn was_written(&self, when: When) -> bool {
        let Some(outcome) = self.outcome else { return true };
        match when {
            // `si_signo` of an unwritten siginfo is 0.
            When::Told(info) => match self.region(info.index.into(), Dir::Out) {
                Some(region) => {
                    self.bytes(&region, 4).is_none_or(|signal| signal.iter().any(|byte| *byte != 0))
                }
                None => true,
            },
            when => when.applies(outcome.rval, self.row.failed(outcome.rval, outcome.failed())),
        }
    }

    fn pointed(
        &self,
        i: usize,
        kind: ArgKind,
        mem: Mem,
        region: &RegionView<'a>,
        out: &mut String,
    ) {
        if region.head.got == 0 {
            if region.head.asked == 0 {
                out.push_str(empty(kind))
            } else {
                self.unreadable(i, region, out)
            }
            return;
        }
        match kind {
            ArgKind::Path => string::path(self, i, region, out),
            ArgKind::Str => string::string(self, i, region, out),
            ArgKind::Buf => string::buffer(self, i, region, out),
            _ => {
                let Some(bytes) = self.bytes(region, usize::MAX) else {
                    lost(self.arg(i), out);
                    return;
                };
                if !self.structured(i, kind, mem, region, &bytes, out) {
                    self.unreadable(i, region, out);
                }
            }
        }
    }

    /// Writes memory that is neither a string nor a buffer. Returns false if it cannot be shown.
    fn structured(
        &self,
        i: usize,
        kind: ArgKind,
        mem: Mem,
        region: &RegionView<'a>,
        bytes: &[u8],
        out: &mut String,
    ) -> bool {
        match kind {
            ArgKind::StrVec => string::strings(self, i, bytes, out),
            ArgKind::Struct(layout) if mem.dir == Dir::InOut => {
                let before =
                    u8::try_from(i).ok().and_then(|arg| self.entry.find(arg, self.role, 0));
                let before = before.and_then(|region| self.bytes(&region, usize::MAX));
                return layouts::changed(self, layout, before.as_deref(), bytes, i, out);
            }
            ArgKind::Struct(layout) => return layouts::structure(self, layout, bytes, i, out),
            ArgKind::Array(_) if matches!(mem.len, Len::Iocbs(_)) => {
                aio::submitted(self, i, bytes, region.is_cut(), out);
            }
            ArgKind::Array(layout) => {
                return layouts::readable(self, layout, bytes, region, i, out);
            }
            ArgKind::SockAddr => socket::address(self, bytes, out),
            ArgKind::FdSet => poll::fd_set(self, bytes, out),
            ArgKind::Bits => process::bits(bytes, out),
            ArgKind::Iovec => iovec::vector(self, i, mem, bytes, out),
            ArgKind::Msg => {
                socket::one_message(self, i, mem.dir, Fields::new(self.abi, bytes), out)
            }
            ArgKind::Mmsg => return socket::messages(self, i, mem.dir, bytes, out),
            ArgKind::WaitStatus => return process::wait_status_of(bytes, out),
            _ => return false,
        }
        true
    }

    /// Writes the address of memory that could not be read, or not far enough.
    pub(crate) fn unreadable(&self, i: usize, region: &RegionView<'_>, out: &mut String) {
        text::pointer(out, self.arg(i));
        if self.options.verbose && (region.head.errno != 0 || region.head.got < region.head.asked) {
            out.push_str(" /* ");
            match i32::try_from(region.head.errno).ok().filter(|e| *e != 0) {
                Some(errno) => {
                    out.push_str("unreadable: ");
                    error_name(errno, out);
                }
                None => {
                    text::dec(out, region.head.got);
                    out.push_str(" of ");
                    text::dec(out, region.head.asked);
                    out.push_str(" bytes");
                }
            }
            out.push_str(" */");
        }
    }

    /// Whether the call itself says that there are no bytes.
    fn is_empty(&self, mem: Mem) -> bool {
        match mem.len {
            Len::Arg { count, .. } | Len::Iov { count, .. } => {
                let (kind, _) = self.meaning(count.index.into());
                kind.count(self.arg(count.index.into())) == 0
            }
            Len::Ret { .. } => {
                self.outcome.is_some_and(|outcome| !outcome.failed() && outcome.rval == 0)
            }
            _ => false,
        }
    }
}

fn empty(kind: ArgKind) -> &'static str {
    match kind {
        ArgKind::Path | ArgKind::Str | ArgKind::Buf => "\"\"",
        _ => "[]",
    }
}

/// Whether a buffer without bytes is known to be empty, rather than not captured.
pub(crate) fn empty_string(view: &View<'_>, dir: Dir, address: u64, len: u64) -> bool {
    let succeeded = view.outcome.is_some_and(|outcome| !outcome.failed());
    address != 0 && (len == 0 || dir.comes_out() && succeeded)
}

/// Writes the address of a buffer that was captured but is no longer in the log.
pub(crate) fn lost(address: u64, out: &mut String) {
    text::pointer(out, address);
    out.push_str(" /* lost with a damaged block */");
}

/// Writes the name of a signal, or its number.
pub(crate) fn signal_name(signal: u32, out: &mut String) {
    value::signal(signal.into(), out);
}

/// Writes `name=`, after a comma unless it is the first member.
pub(crate) fn member(out: &mut String, name: &str) {
    if !out.ends_with(['{', '[', '(']) {
        out.push_str(", ");
    }
    out.push_str(name);
    out.push('=');
}
