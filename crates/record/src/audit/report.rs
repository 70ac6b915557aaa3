//! Describes findings, and attributes them to arguments.

use super::check::Change;
use super::shadow::Map;
use crate::engine;
use data_encoding::HEXLOWER;
use std::fmt::Write;
use sysreel_abi::desc::{ArgKind, Dir, Len, Sibling};
use sysreel_abi::plan::{RegionRequest, index_parts};
use sysreel_abi::{Abi, Demultiplexed, Row};

/// A change further from the address of an argument than this is not attributed to it, in bytes.
const MAX_OFFSET: u64 = 64 << 10;
/// The most announced regions that a finding lists.
const MAX_LISTED: usize = 6;

/// The call that is audited.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// `None` for a call without a row.
    pub(crate) known: Option<engine::Call>,
    /// The real call of a multiplexed one (socketcall, ipc).
    pub(crate) inner: Option<Demultiplexed>,
}

/// How the address of a change relates to the arguments of the call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In memory that was announced as going in.
    Incoming { arg: u8, role: u8, offset: u64 },
    /// After the start of memory that was announced, or that an argument points to.
    Near { arg: u8, role: u8, offset: u64 },
    /// Not near any of them.
    Nowhere,
}

impl Call {
    /// Returns the row and arguments that describe regions of a role.
    fn row_for_role(&self, role: u8) -> Option<(Abi, &'static Row, [u64; 6])> {
        let engine::Call { abi, row, args, .. } = self.known?;
        match &self.inner {
            Some(inner) if role > 0 => Some((abi, inner.row, inner.args)),
            _ => Some((abi, row, abi.args(&args))),
        }
    }

    fn argument(&self, arg: u8, role: u8) -> String {
        let name = self.row_for_role(role).and_then(|(_, row, _)| row.args.get(usize::from(arg)));
        format!("argument {arg} ({})", name.map_or("?", |arg| arg.name))
    }

    /// Whether it makes a task that is not traced and shares its memory.
    pub(crate) fn makes_untraced(&self) -> bool {
        self.known
            .and_then(|call| call.clone)
            .is_some_and(|flags| flags.untraced() && flags.memory())
    }
}

impl Place {
    pub(crate) fn locate(
        call: &Call,
        address: u64,
        incoming: &[RegionRequest],
        announced: &[RegionRequest],
    ) -> Place {
        let inside = |request: &&RegionRequest| {
            address.checked_sub(request.address).is_some_and(|offset| offset < request.asked)
        };
        if let Some(request) = incoming.iter().filter(inside).min_by_key(|request| request.asked) {
            return Place::Incoming {
                arg: request.arg,
                role: request.role,
                offset: address - request.address,
            };
        }
        let requests = incoming
            .iter()
            .chain(announced)
            .map(|request| (request.arg, request.role, request.address));
        let args = call.row_for_role(0).into_iter().flat_map(|(_, row, args)| {
            (0u8..).zip(args).take(row.args.len()).map(|(arg, value)| (arg, 0, value))
        });
        let near = requests.chain(args).filter_map(|(arg, role, start)| {
            address
                .checked_sub(start)
                .filter(|&offset| offset < MAX_OFFSET)
                .map(|offset| (offset, role, arg))
        });
        near.min().map_or(Place::Nowhere, |(offset, role, arg)| Place::Near { arg, role, offset })
    }

    /// Returns the argument that the change is attributed to.
    pub(crate) fn argument(&self) -> Option<u8> {
        match *self {
            Place::Incoming { arg, .. } | Place::Near { arg, .. } => Some(arg),
            Place::Nowhere => None,
        }
    }

    fn describe(&self, call: &Call) -> String {
        let at = |arg, role, offset| {
            let via_pointer = if role > 0 { ", through a pointer there" } else { "" };
            format!("{}{via_pointer}, byte {offset}", call.argument(arg, role))
        };
        match *self {
            Place::Incoming { arg, role, offset } => {
                format!("{}, announced as going in only", at(arg, role, offset))
            }
            Place::Near { arg, role, offset } => at(arg, role, offset),
            Place::Nowhere => "no argument points near it".to_owned(),
        }
    }
}

/// Describes bytes that changed although the row did not announce them.
pub(crate) fn describe_change(
    call: &Call,
    change: &Change,
    place: &Place,
    map: &Map,
    announced: &[RegionRequest],
) -> String {
    let mut text = format!(
        "{} bytes in {:#x}..{:#x} of {} changed unannounced: {}; before ",
        change.bytes,
        change.range.start,
        change.range.end,
        mapping(map, change.range.start),
        place.describe(call),
    );
    HEXLOWER.encode_append(&change.before, &mut text);
    text.push_str(", after ");
    HEXLOWER.encode_append(&change.after, &mut text);
    text.push_str("; announced:");
    for request in announced.iter().take(MAX_LISTED) {
        let argument = call.argument(request.arg, request.role);
        _ = write!(text, " {argument} {} bytes at {:#x},", request.asked, request.address);
    }
    match announced.len() {
        0 => text.push_str(" nothing"),
        n if n > MAX_LISTED => _ = write!(text, " and {} more", n - MAX_LISTED),
        _ => _ = text.pop(),
    }
    text
}

/// Describes an announced region of which only `got` bytes exist.
pub(crate) fn describe_short(call: &Call, request: &RegionRequest, got: u64) -> String {
    let way = if request.dir == Dir::In { "in" } else { "out" };
    let (argument, asked, at) =
        (call.argument(request.arg, request.role), request.asked, request.address);
    format!("{argument}: {asked} bytes at {at:#x} announced as going {way}, only {got} exist")
}

/// Whether a successful call may have left out part of what was announced as going in. A call that
/// returns how much it processed stops at unmapped memory and returns less (write(2), sendmmsg(2),
/// io_submit(2)). If it returns everything, it did not look at the memory: /dev/null takes any
/// address.
pub(crate) fn may_be_short(call: &Call, request: &RegionRequest, rval: i64) -> bool {
    let Some((abi, row, args)) = call.row_for_role(request.role) else { return false };
    let Some((_, Some(mem))) = row.meaning(abi, &args, request.arg.into()) else { return false };
    let taken = u64::try_from(rval).unwrap_or(0);
    let level = request.role.saturating_sub(u8::from(call.inner.is_some()));
    let count = |sibling: Sibling| args.get(usize::from(sibling.index)).copied().unwrap_or(0);
    match mem.len {
        Len::Arg { count: sibling, .. } if matches!(row.result, ArgKind::Size) => {
            taken < count(sibling) || taken >= request.asked
        }
        // The buffers; the array itself is read first.
        Len::Iov { .. } => level == 1,
        Len::Msg { many: None } => level == 2,
        Len::Msg { many: Some(all) } => {
            taken < count(all) && (level == 0 || u64::from(index_parts(request.index).0) >= taken)
                || level == 2
        }
        Len::Iocbs(all) => {
            taken < count(all) && (level == 0 || u64::from(request.index) >= taken) || level == 2
        }
        _ => false,
    }
}

fn mapping(map: &Map, address: u64) -> String {
    match map.area(address) {
        Some(area) if !area.path.is_empty() => String::from_utf8_lossy(&area.path).into_owned(),
        _ => "anonymous memory".to_owned(),
    }
}
