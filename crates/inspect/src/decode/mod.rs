//! The arguments and result of a call as text. Which argument is what, and how long, says the
//! table; here is how each kind of thing looks. One file per family.

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

/// Nothing is waited for any more.
pub(crate) const DONE: u8 = u8::MAX;

/// What an argument is, and the memory that it points to.
type Meaning = (ArgKind, Option<Mem>);

/// A call with all that is known of it: at its entry what went in, at its exit everything.
pub(crate) struct View<'a> {
    pub(crate) abi: Abi,
    pub(crate) row: &'static Row,
    pub(crate) args: [u64; 6],
    /// The role that the memory of its arguments has: that of a call behind another one is a level
    /// deeper.
    pub(crate) role: u8,
    pub(crate) entry: &'a Regions,
    pub(crate) exit: Option<&'a Regions>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) options: &'a Options,
    pub(crate) fds: Option<&'a FdTable>,
    pub(crate) buffers: &'a dyn Buffers,
    /// Counts buffers that are no longer in the log.
    pub(crate) lost: &'a Cell<u64>,
}

impl<'a> View<'a> {
    /// What an argument is.
    pub(crate) fn meaning(&self, i: usize) -> Meaning {
        self.row.meaning(self.abi, &self.args, i).unwrap_or((ArgKind::Hex, None))
    }

    pub(crate) fn arg(&self, i: usize) -> u64 {
        self.args.get(i).copied().unwrap_or(0)
    }

    /// Whether an argument of this meaning can only be shown at the exit.
    fn waits(&self, meaning: Meaning) -> bool {
        match meaning {
            // How much of each message was sent is known when the call ends.
            (ArgKind::Mmsg, _) | (_, Some(Mem { dir: Dir::Out, .. })) => true,
            (_, Some(Mem { dir: Dir::InOut, .. })) => {
                !matches!(self.row.kind, CallKind::Poll | CallKind::Futex)
            }
            _ => false,
        }
    }

    /// The region of an argument itself: as the kernel left it where it is both read and written.
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

    /// The region of something that an argument points to.
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

    /// The bytes of a region, at most so many.
    pub(crate) fn bytes(&self, region: &RegionView<'a>, limit: usize) -> Option<Cow<'a, [u8]>> {
        /// No structure or list that the kernel takes is longer; strings are when they are wanted
        /// so.
        const MOST: usize = 16 << 20;
        let bytes = region.bytes(self.buffers, limit.min(MOST.max(self.options.string_limit)));
        if bytes.is_none() {
            self.lost.set(self.lost.get().saturating_add(1));
        }
        bytes
    }

    /// Writes an argument of this meaning.
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
        // Where buffers are is known at the entry, also when the call fills them.
        let dir = if matches!(kind, ArgKind::Iovec | ArgKind::Mmsg) { Dir::InOut } else { mem.dir };
        match self.region(i, dir).filter(|_| dir != Dir::Out || self.was_written(mem.when)) {
            Some(region) => self.pointed(i, kind, mem, &region, out),
            None if self.is_empty(mem) => out.push_str(empty(kind)),
            None => text::pointer(out, self.arg(i)),
        }
    }

    /// Whether the call has written memory. Of what it has not, a log may hold what lay there
    /// before: logs of an older table do, and where only other memory says it.
    fn was_written(&self, when: When) -> bool {
        let Some(outcome) = self.outcome else { return true };
        match when {
            // A siginfo begins with its signal, which is 0 in an empty one.
            When::UnlessEmpty(info) => match self.region(info.index.into(), Dir::Out) {
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

    /// Whether it could be shown.
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

    /// Memory that could not be read, or not far enough: its address.
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

/// Whether a buffer without bytes is empty rather than unknown.
pub(crate) fn empty_string(view: &View<'_>, dir: Dir, address: u64, len: u64) -> bool {
    let succeeded = view.outcome.is_some_and(|outcome| !outcome.failed());
    address != 0 && (len == 0 || dir.comes_out() && succeeded)
}

/// A buffer that was captured and is no longer in the log.
pub(crate) fn lost(address: u64, out: &mut String) {
    text::pointer(out, address);
    out.push_str(" /* lost with a damaged block */");
}

/// The name of a signal, or its number.
pub(crate) fn signal_name(signal: u32, out: &mut String) {
    value::signal(signal.into(), out);
}

/// `name=` before the next member, with a comma where one belongs.
pub(crate) fn member(out: &mut String, name: &str) {
    if !out.ends_with(['{', '[', '(']) {
        out.push_str(", ");
    }
    out.push_str(name);
    out.push('=');
}
