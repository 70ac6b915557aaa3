//! What a call moves: its descriptors, the contents of its buffers, addresses of sockets.

use std::borrow::Cow;
use std::rc::Rc;

use sysreel_abi::plan::{MSG_NAME, index_parts};
use sysreel_abi::{ArgKind, intent};

use super::call::Call;
use super::memory::Region;
use crate::state::OpenFile;

impl<'a> Call<'a> {
    /// Returns the descriptors among its arguments, with what they refer to. `AT_FDCWD` and other
    /// negative numbers are left out. What they refer to is `None` as for [`Self::fd`].
    pub fn fd_args(&self) -> impl Iterator<Item = (i32, Option<Rc<OpenFile>>)> + use<'a> {
        let call = *self;
        let resolved = call.resolved();
        let args = resolved.map_or(&[][..], |resolved| resolved.row.args).iter().enumerate();
        args.filter_map(move |(at, arg)| {
            let is_fd = matches!(arg.kind, ArgKind::Fd | ArgKind::DirFd);
            let fd = resolved?.fd(at).filter(|fd| is_fd && *fd >= 0)?;
            Some((fd, call.state().file(call.task().id(), fd)))
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
    pub fn sockaddrs(&self, own: bool) -> impl Iterator<Item = Cow<'a, [u8]>> + use<'a> {
        let call = *self;
        let wanted = call.row().filter(|row| intent::names_itself(row) == own);
        let args = wanted.map_or(&[][..], |row| row.args).iter().enumerate();
        args.flat_map(move |(at, arg)| {
            let whole = matches!(arg.kind, ArgKind::SockAddr)
                .then(|| call.args().at(at)?.bytes())
                .flatten();
            let has_names = matches!(arg.kind, ArgKind::Msg | ArgKind::Mmsg);
            let names = has_names.then(|| call.message_names(at)).into_iter().flatten();
            whole.into_iter().chain(names)
        })
    }

    /// Returns the addresses in the messages of an argument.
    fn message_names(self, at: usize) -> impl Iterator<Item = Cow<'a, [u8]>> {
        let role = self.resolved().map_or(0, |call| call.role);
        let names = self.regions().filter(move |region| {
            region.arg() == Some(at)
                && region.depth().checked_sub(role) == Some(1)
                && index_parts(region.index()).1 == MSG_NAME
        });
        names.filter_map(|region| region.bytes())
    }
}
