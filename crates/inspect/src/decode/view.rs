//! The call that is being written, as every file here sees it.

use std::borrow::Cow;
use std::cell::Cell;

use sysreel_abi::desc::{Count, When};
use sysreel_abi::{Abi, ArgKind, CallKind, Dir, Len, Mem, Row};

use super::errno::error_name;
use crate::regions::{Buffers, RegionView, Regions};
use crate::state::FdTable;
use crate::style::Style;
use crate::text;
use sysreel_format::syscall_info::Outcome;

/// What an argument is, and the memory that it points to.
pub(super) type Meaning = (ArgKind, Option<Mem>);

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
    pub(crate) options: &'a Style,
    pub(crate) fds: Option<FdTable<'a>>,
    /// The protocol of the netlink socket that the call sends to or receives from.
    pub(crate) netlink: Option<u64>,
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
    pub(super) fn needs_exit(&self, meaning: Meaning) -> bool {
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

    /// Returns what was read of an argument that the kernel reads.
    pub(super) fn given(&self, i: usize) -> Option<RegionView<'a>> {
        self.region(i, Dir::In).filter(|region| region.head.got > 0)
    }

    /// Returns a region that the memory of an argument points to in turn, `role` levels deeper.
    pub(crate) fn nested(
        &self,
        i: usize,
        role: u8,
        index: u32,
        dir: Dir,
    ) -> Option<RegionView<'a>> {
        let arg = u8::try_from(i).ok()?;
        let regions = if dir.comes_out() { self.exit? } else { self.entry };
        regions.find(arg, self.role.saturating_add(role), index)
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

    /// Whether the call wrote a piece of memory. A log may hold the old contents of memory that the
    /// call did not write: logs of an older table do, and so do calls where only other memory says
    /// whether they wrote it.
    pub(super) fn was_written(&self, when: When) -> bool {
        let Some(outcome) = self.outcome else { return true };
        match when {
            // `si_signo` of an unwritten siginfo is 0.
            When::UnlessEmpty(info) => match self.region(info.index.into(), Dir::Out) {
                Some(region) => {
                    self.bytes(&region, 4).is_none_or(|signal| signal.iter().any(|byte| *byte != 0))
                }
                None => true,
            },
            when => when.applies(outcome.rval, self.row.failed(outcome.rval, outcome.failed())),
        }
    }

    /// Writes the address of memory that could not be read, or not far enough.
    pub(crate) fn unreadable(&self, i: usize, region: &RegionView<'_>, out: &mut String) {
        text::pointer(out, self.arg(i));
        if self.options.explains && (region.head.errno != 0 || region.head.got < region.head.asked)
        {
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
    pub(super) fn is_empty(&self, mem: Mem) -> bool {
        match mem.len {
            Len::Arg { count, .. } | Len::Iov { count, .. } => {
                let (kind, _) = self.meaning(count.index.into());
                kind.count(self.arg(count.index.into())) == 0
            }
            Len::PointerFields { count: Count::Arg(count), .. } => {
                self.arg(count.index.into()) & 0xffff_ffff == 0
            }
            Len::Nodes(count) => self.arg(count.index.into()) == 0,
            Len::Ret { .. } | Len::RetWhole(_) => {
                self.outcome.is_some_and(|outcome| !outcome.failed() && outcome.rval == 0)
            }
            _ => false,
        }
    }
}

/// Whether a buffer without bytes is known to be empty, rather than not captured.
pub(crate) fn is_known_empty(view: &View<'_>, dir: Dir, address: u64, len: u64) -> bool {
    let succeeded = view.outcome.is_some_and(|outcome| !outcome.failed());
    address != 0 && (len == 0 || dir.comes_out() && succeeded)
}
