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
use sysreel_abi::{Abi, Act, Dir, Kind, Len, Mem, Row};

use crate::kept::{Buffers, Kept, Piece};
use crate::print::Options;
use crate::psi::Outcome;
use crate::state::FdTable;
use crate::text;

pub(crate) use fields::Fields;
pub(crate) use form::{begin, finish};
pub(crate) use outcome::{disagreement, error, error_name, outcome};
pub(crate) use signal::siginfo;

/// Nothing is waited for any more.
pub(crate) const DONE: u8 = u8::MAX;

/// What an argument is, and the memory that it points to.
type Meaning = (Kind, Option<Mem>);

/// A call with all that is known of it: at its entry what went in, at its exit everything.
pub(crate) struct View<'a> {
    pub(crate) abi: Abi,
    pub(crate) row: &'static Row,
    pub(crate) args: [u64; 6],
    /// The role that the memory of its arguments has: that of a call behind another one is a level
    /// deeper.
    pub(crate) role: u8,
    pub(crate) entry: &'a Kept,
    pub(crate) exit: Option<&'a Kept>,
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
        self.row.meaning(self.abi, &self.args, i).unwrap_or((Kind::Hex, None))
    }

    pub(crate) fn arg(&self, i: usize) -> u64 {
        self.args.get(i).copied().unwrap_or(0)
    }

    /// Whether an argument of this meaning can only be shown at the exit.
    fn waits(&self, meaning: Meaning) -> bool {
        match meaning {
            // How much of each message was sent is known when the call ends.
            (Kind::Mmsg, _) | (_, Some(Mem { dir: Dir::Out, .. })) => true,
            (_, Some(Mem { dir: Dir::InOut, .. })) => {
                !matches!(self.row.act, Act::Poll | Act::Futex)
            }
            _ => false,
        }
    }

    /// The region of an argument itself: as the kernel left it where it is both read and written.
    pub(crate) fn piece(&self, i: usize, dir: Dir) -> Option<Piece<'a>> {
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
    pub(crate) fn deeper(&self, i: usize, role: u8, index: u32, dir: Dir) -> Option<Piece<'a>> {
        let arg = u8::try_from(i).ok()?;
        let kept = if dir.comes_out() { self.exit? } else { self.entry };
        kept.find(arg, self.role.saturating_add(role), index)
    }

    /// The bytes of a region, at most so many.
    pub(crate) fn bytes(&self, piece: &Piece<'a>, limit: usize) -> Option<Cow<'a, [u8]>> {
        /// No structure or list that the kernel takes is longer; strings are when they are wanted
        /// so.
        const MOST: usize = 16 << 20;
        let bytes = piece.bytes(self.buffers, limit.min(MOST.max(self.options.string_limit)));
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

    fn memory(&self, i: usize, kind: Kind, mem: Mem, out: &mut String) {
        // Where buffers are is known at the entry, also when the call fills them.
        let dir = if matches!(kind, Kind::Iovec | Kind::Mmsg) { Dir::InOut } else { mem.dir };
        match self.piece(i, dir).filter(|_| dir != Dir::Out || self.was_written(mem.when)) {
            Some(piece) => self.pointed(i, kind, mem, &piece, out),
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
            When::Told(info) => match self.piece(info.index.into(), Dir::Out) {
                Some(piece) => {
                    self.bytes(&piece, 4).is_none_or(|signal| signal.iter().any(|byte| *byte != 0))
                }
                None => true,
            },
            when => when.applies(outcome.rval, self.row.failed(outcome.rval, outcome.failed())),
        }
    }

    fn pointed(&self, i: usize, kind: Kind, mem: Mem, piece: &Piece<'a>, out: &mut String) {
        if piece.head.got == 0 {
            if piece.head.asked == 0 {
                out.push_str(empty(kind))
            } else {
                self.unreadable(i, piece, out)
            }
            return;
        }
        match kind {
            Kind::Path => string::path(self, i, piece, out),
            Kind::Str => string::string(self, i, piece, out),
            Kind::Buf => string::buffer(self, i, piece, out),
            _ => {
                let Some(bytes) = self.bytes(piece, usize::MAX) else {
                    lost(self.arg(i), out);
                    return;
                };
                if !self.structured(i, kind, mem, piece, &bytes, out) {
                    self.unreadable(i, piece, out);
                }
            }
        }
    }

    /// Whether it could be shown.
    fn structured(
        &self,
        i: usize,
        kind: Kind,
        mem: Mem,
        piece: &Piece<'a>,
        bytes: &[u8],
        out: &mut String,
    ) -> bool {
        match kind {
            Kind::StrVec => string::strings(self, i, bytes, out),
            Kind::Struct(layout) if mem.dir == Dir::InOut => {
                let before =
                    u8::try_from(i).ok().and_then(|arg| self.entry.find(arg, self.role, 0));
                let before = before.and_then(|piece| self.bytes(&piece, usize::MAX));
                return layouts::changed(self, layout, before.as_deref(), bytes, i, out);
            }
            Kind::Struct(layout) => return layouts::structure(self, layout, bytes, i, out),
            Kind::Array(_) if matches!(mem.len, Len::Iocbs(_)) => {
                aio::submitted(self, i, bytes, piece.is_cut(), out);
            }
            Kind::Array(layout) => return layouts::readable(self, layout, bytes, piece, i, out),
            Kind::SockAddr => socket::address(self, bytes, out),
            Kind::FdSet => poll::fd_set(self, bytes, out),
            Kind::Bits => process::bits(bytes, out),
            Kind::Iovec => iovec::vector(self, i, mem, bytes, out),
            Kind::Msg => socket::one_message(self, i, mem.dir, Fields::new(self.abi, bytes), out),
            Kind::Mmsg => return socket::messages(self, i, mem.dir, bytes, out),
            Kind::WaitStatus => return process::wait_status_of(bytes, out),
            _ => return false,
        }
        true
    }

    /// Memory that could not be read, or not far enough: its address.
    pub(crate) fn unreadable(&self, i: usize, piece: &Piece<'_>, out: &mut String) {
        text::pointer(out, self.arg(i));
        if self.options.verbose && (piece.head.errno != 0 || piece.head.got < piece.head.asked) {
            out.push_str(" /* ");
            match i32::try_from(piece.head.errno).ok().filter(|e| *e != 0) {
                Some(errno) => {
                    out.push_str("unreadable: ");
                    error_name(errno, out);
                }
                None => {
                    text::dec(out, piece.head.got);
                    out.push_str(" of ");
                    text::dec(out, piece.head.asked);
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

fn empty(kind: Kind) -> &'static str {
    match kind {
        Kind::Path | Kind::Str | Kind::Buf => "\"\"",
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
