//! What a call moves: its descriptors, the contents of its buffers, addresses of sockets.

use std::borrow::Cow;
use std::ops::Deref;
use std::rc::Rc;

use sysreel_abi::plan::{MSG_NAME, index_parts};
use sysreel_abi::{ArgKind, CallKind, Layout, intent};
use sysreel_format::{Body, Event};

use super::args::Arg;
use super::call::Call;
use super::memory::Region;
use crate::regions::{LazyRegions, Regions};
use crate::state::OpenFile;

/// How many bytes a call moved between memory and a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// None: it is of another kind, or it failed, or it did not return.
    Nothing,
    /// So many.
    Bytes(u64),
    /// The log does not have the lengths of its messages.
    Unknown,
}

impl<'a> Call<'a> {
    /// Returns how many bytes a call of read(2)'s or write(2)'s kind moved. Of sendmmsg(2) and
    /// recvmmsg(2), which return a number of messages, that is the sum of their lengths.
    #[must_use]
    pub fn moved(&self) -> Moved {
        let moves = |kind| {
            matches!(kind, CallKind::Read | CallKind::Write | CallKind::Send | CallKind::Receive)
        };
        let (Some(resolved), Some(value)) = (self.resolved(), self.ended().value()) else {
            return Moved::Nothing;
        };
        let row = resolved.row;
        let Ok(value) = u64::try_from(value) else { return Moved::Nothing };
        if !moves(row.kind) {
            return Moved::Nothing;
        }
        match row.args.iter().position(|arg| matches!(arg.kind, ArgKind::Mmsg)) {
            Some(at) => self.message_lengths(at, value).map_or(Moved::Unknown, Moved::Bytes),
            None if matches!(row.result, ArgKind::Size) => Moved::Bytes(value),
            None => Moved::Nothing,
        }
    }

    /// Returns the sum of the lengths of messages that the kernel wrote to an array of `mmsghdr`.
    fn message_lengths(&self, at: usize, count: u64) -> Option<u64> {
        if count == 0 {
            return Some(0);
        }
        let (resolved, at) = (self.resolved()?, u8::try_from(at).ok()?);
        let size = |layout: Layout| usize::try_from(layout.size(resolved.abi)).ok();
        let (each, before) = (size(Layout::MmsgHdr)?, size(Layout::MsgHdr)?);
        let count = usize::try_from(count).ok()?;
        let len = each.checked_mul(count)?;
        let lengths = |regions: &Regions| {
            let bytes = regions.find(at, resolved.role, 0)?.bytes(self.buffers(), len)?;
            Some(bytes.into_owned())
        };
        let bytes = match lengths(self.exit_regions()?) {
            Some(bytes) => bytes,
            // A reader without parts may lack them where a call ends in another block than it
            // begins.
            None => {
                let number = self.exit_number()?;
                let row = self.buffers().whole_event(number)?;
                let Ok(Body::Stop(stop)) = Event::from_row(number, &row).ok()?.decode() else {
                    return None;
                };
                lengths(LazyRegions::default().get(stop.parts))?
            }
        };
        let lengths = bytes.chunks_exact(each).take(count).filter_map(|message| {
            let length: &[u8; 4] = message.get(before..)?.first_chunk()?;
            Some(u64::from(u32::from_le_bytes(*length)))
        });
        let known: Vec<u64> = lengths.collect();
        (known.len() == count)
            .then(|| known.iter().fold(0_u64, |sum, one| sum.saturating_add(*one)))
    }

    /// Returns the descriptors among its arguments, with what they refer to. `AT_FDCWD` and other
    /// negative numbers are left out. What they refer to is `None` as for [`Self::fd`].
    pub fn fd_args(&self) -> impl Iterator<Item = (i32, Option<Rc<OpenFile>>)> + use<'a> {
        let call = *self;
        let resolved = call.resolved();
        let args = resolved.map_or(&[][..], |resolved| resolved.row.args).iter().enumerate();
        args.filter_map(move |(at, arg)| {
            let is_fd = matches!(arg.kind, ArgKind::Fd | ArgKind::DirFd);
            let fd = resolved?.fd(at).filter(|fd| is_fd && *fd >= 0)?;
            Some((fd, call.file(fd)))
        })
    }

    /// Returns the buffers whose contents it moved: those of read(2), of the vectors of writev(2),
    /// of the messages of sendmmsg(2). [`Region::direction`] says whether it read or wrote them.
    pub fn data(&self) -> impl Iterator<Item = Region<'a>> + use<'a> {
        let resolved = self.resolved();
        self.regions().filter(move |region| {
            let Some((call, at)) = resolved.zip(region.arg()) else { return false };
            let depth = region.depth().checked_sub(call.role);
            match call.row.args.get(at).map(|arg| arg.kind) {
                Some(ArgKind::Buf) => depth == Some(0),
                Some(ArgKind::Iovec) => depth == Some(1),
                Some(ArgKind::Msg | ArgKind::Mmsg) => depth == Some(2),
                _ => false,
            }
        })
    }

    /// Returns the addresses of sockets among its arguments and messages, as `sockaddr`s: those
    /// of other ends, or with `own` that of the socket itself.
    pub fn sockaddrs(&self, own: bool) -> impl Iterator<Item = SockAddr<'a>> + use<'a> {
        let call = *self;
        let wanted = call.row().filter(|row| intent::names_itself(row) == own);
        let args = wanted.map_or(&[][..], |row| row.args).iter().enumerate();
        args.flat_map(move |(at, arg)| {
            let is_one = matches!(arg.kind, ArgKind::SockAddr);
            let whole = call.args().at(at).filter(|_| is_one).and_then(|arg| arg.sockaddr());
            let has_names = matches!(arg.kind, ArgKind::Msg | ArgKind::Mmsg);
            let names = has_names.then(|| call.message_names(at)).into_iter().flatten();
            whole.into_iter().chain(names)
        })
    }

    /// Whether the log has only the beginning of a path among its arguments.
    #[must_use]
    pub fn has_cut_path(&self) -> bool {
        self.paths().any(|path| path.is_target_cut())
    }

    /// Whether the log has only the beginning of an address of a socket.
    #[must_use]
    pub fn has_cut_address(&self) -> bool {
        let is_cut = |own| self.sockaddrs(own).any(|address| address.is_cut());
        is_cut(false) || is_cut(true)
    }

    /// Returns the addresses in the messages of an argument.
    fn message_names(self, at: usize) -> impl Iterator<Item = SockAddr<'a>> {
        let role = self.resolved().map_or(0, |call| call.role);
        let names = self.regions().filter(move |region| {
            region.arg() == Some(at)
                && region.depth().checked_sub(role) == Some(1)
                && index_parts(region.index()).1 == MSG_NAME
        });
        names
            .filter_map(|region| Some(SockAddr { bytes: region.bytes()?, is_cut: region.is_cut() }))
    }
}

/// The address of a socket, as a `sockaddr`.
#[derive(Clone, Debug)]
pub struct SockAddr<'a> {
    bytes: Cow<'a, [u8]>,
    is_cut: bool,
}

impl<'a> Arg<'a> {
    /// Returns the address of a socket that it points to, as [`Self::bytes`].
    pub(crate) fn sockaddr(&self) -> Option<SockAddr<'a>> {
        Some(SockAddr { bytes: self.bytes()?, is_cut: self.is_cut() })
    }
}

impl SockAddr<'_> {
    /// Whether the recorder kept only the beginning, because of its capture limit, so that another
    /// address may be meant. Those of the internet are whole before the end of their structure.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut && intent::internet_address(&self.bytes).is_none()
    }
}

impl Deref for SockAddr<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}
