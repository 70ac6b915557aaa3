//! What a call does with a socket, and its address.

use sysreel_abi::{CallKind, intent};
use sysreel_format::Part;

use super::super::names::{NameId, Names, Sort};
use super::case::{Case, address, file_name};
use crate::calls::Returned;
use crate::diff::effect::Op;
use crate::text;

/// Returns the operation on a socket and its address.
pub(super) fn network(case: &Case<'_>, names: &mut Names) -> Option<(Op, NameId)> {
    let local_address = |names: &mut Names| {
        let local = case.file(0)?.local.borrow().clone();
        socket_address(case, &local, names)
    };
    Some(match case.call.row.kind {
        CallKind::Connect => (Op::Connect, address_argument(case, 1, names).unwrap_or_default()),
        CallKind::Bind => (Op::Bind, bound_address(case, names).unwrap_or_default()),
        CallKind::Listen => (Op::Listen, local_address(names).unwrap_or_default()),
        CallKind::Accept => (Op::Accept, names.id(Sort::Descriptor, b"<socket>")),
        // Sending to a connected peer is not an effect: connecting was.
        CallKind::Send => {
            (Op::Send, address_argument(case, 4, names).or_else(|| message_address(case, names))?)
        }
        CallKind::Receive => {
            let file = case.file(0);
            (Op::Receive, file.map_or(NameId::default(), |file| file_name(&file, names)))
        }
        _ => return None,
    })
}

/// Returns the name of the address that a socket is bound to: with the port that the kernel chose,
/// if the call leaves the port to it.
fn bound_address(case: &Case<'_>, names: &mut Names) -> Option<NameId> {
    let asked = case.finished.open.memory.find(1, case.call.role, 0)?.inline()?;
    let got = case.finished.parts.flatten().find_map(|part| match part {
        Part::Name(name) => Some(name.local),
        _ => None,
    });
    let port = |address| intent::internet_address(address).map(|address| address.port());
    let chosen = got.filter(|got| port(asked) == Some(0) && port(got).is_some());
    socket_address(case, chosen.unwrap_or(asked), names)
}

/// Returns the name of a socket address argument.
fn address_argument(case: &Case<'_>, at: u8, names: &mut Names) -> Option<NameId> {
    let bytes = case.finished.open.memory.find(at, case.call.role, 0)?.inline()?;
    (bytes.len() >= 2).then(|| socket_address(case, bytes, names))?
}

/// Returns the name of an address for the socket of the call.
fn socket_address(case: &Case<'_>, bytes: &[u8], names: &mut Names) -> Option<NameId> {
    let file = case.file(0)?;
    let name = bytes.get(2..).unwrap_or_default();
    // A unix address that does not begin with a zero byte is a path.
    if intent::Family::from_sockaddr(bytes) == intent::Family::Unix
        && name.first().is_some_and(|first| *first != 0)
    {
        let mut absolute = Vec::new();
        let with = (None, text::until_nul(name));
        let Returned { task, open, .. } = *case.finished;
        case.tracker.path_of_argument(task, open, with, false, &mut absolute);
        let resolved = [bytes.get(..2)?, &absolute].concat();
        return Some(address(&file, &resolved, names));
    }
    Some(address(&file, bytes, names))
}

/// Returns the name of the destination in a msghdr.
fn message_address(case: &Case<'_>, names: &mut Names) -> Option<NameId> {
    let role = case.call.role.saturating_add(1);
    let index = sysreel_abi::plan::index(0, sysreel_abi::plan::MSG_NAME);
    let bytes = case.finished.open.memory.find(1, role, index)?.inline()?;
    let file = case.file(0)?;
    (bytes.len() >= 2).then(|| address(&file, bytes, names))
}
