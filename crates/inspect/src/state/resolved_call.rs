//! Resolves multiplexed calls, and finds the memory of their arguments.

use sysreel_abi::{Abi, CallKind, Demultiplexed, Makes, Row, intent, places};
use sysreel_format::{Part, Parts};

use super::open_call::OpenCall;
use crate::regions::Regions;

/// A call after demultiplexing: the one that socketcall(2) or ipc(2) makes, or the call itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResolvedCall {
    pub(crate) abi: Abi,
    pub(crate) row: &'static Row,
    /// The arguments as the call uses them.
    pub(crate) args: [u64; 6],
    /// The role of the regions of its arguments.
    pub(crate) role: u8,
}

impl ResolvedCall {
    /// Returns `None` if the table has no row for the call.
    pub(crate) fn resolve(open: &OpenCall) -> Option<Self> {
        let (abi, row) = (open.abi?, open.row?);
        let words = |arg: u8| open.memory.find(arg, 0, 0).and_then(|region| region.inline());
        Some(match sysreel_abi::demultiplex(abi, row, &open.call.args, words) {
            Some(Demultiplexed { row, args }) => Self { abi, row, args, role: 1 },
            None => Self { abi, row, args: open.args(), role: 0 },
        })
    }

    /// Whether the call may make descriptors. They are shown with the call, while those that it
    /// closes are shown before they are gone.
    pub(crate) fn makes_fds(&self) -> bool {
        self.row.makes != Makes::None || self.row.kind == CallKind::Receive
    }

    /// Whether the call may change descriptors, directories or names. One of another kind does only
    /// if the kernel's names are among the parts of its exit.
    pub(super) fn changes_files(&self) -> bool {
        self.row.makes != Makes::None
            || match self.row.kind {
                CallKind::Close
                | CallKind::CloseRange
                | CallKind::Fcntl
                | CallKind::Ioctl
                | CallKind::Send
                | CallKind::Receive
                | CallKind::Bind
                | CallKind::Connect
                | CallKind::Chdir
                | CallKind::Fchdir
                | CallKind::Chroot
                | CallKind::Umask
                | CallKind::Rename
                | CallKind::Unlink
                | CallKind::Rmdir
                | CallKind::Mount
                | CallKind::Namespace => true,
                CallKind::Other if places::returns_cwd(self.row) => true,
                _ => intent::tells_address(self.row).is_some(),
            }
    }

    /// Returns an argument as a file descriptor.
    pub(crate) fn fd(&self, at: usize) -> Option<i32> {
        let value = *self.args.get(at)? & 0xffff_ffff;
        u32::try_from(value).ok().map(u32::cast_signed)
    }
}

/// Returns the bytes of a region if they are stored in the event.
pub(crate) fn region<'a>(parts: Parts<'a>, arg: u8, role: u8, index: u32) -> Option<&'a [u8]> {
    parts.flatten().find_map(|part| match part {
        Part::Region(region)
            if (region.head.arg, region.head.role.0, region.head.index) == (arg, role, index) =>
        {
            match region.data {
                sysreel_format::RegionData::Inline(bytes) => Some(bytes),
                sysreel_format::RegionData::Blobs(_) => None,
            }
        }
        _ => None,
    })
}

impl Regions {
    /// Iterates over the control data of messages.
    pub(crate) fn controls(&self) -> impl Iterator<Item = &[u8]> {
        self.regions()
            .filter(|region| {
                let (_, part) = sysreel_abi::plan::index_parts(region.head.index);
                region.head.role.0 > 0 && part == sysreel_abi::plan::MSG_CONTROL
            })
            .filter_map(|region| region.inline())
    }
}
