//! The names of constants that a filter may compare with.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::arch::Abi;
use crate::consts::socket;
use crate::desc::{ArgKind, Constants, Mem, Row};
use crate::{errno, number, render, signal};

/// The largest error number, those of the kernel's own included.
const MAX_ERRNO: i32 = 4095;

pub(super) fn errno_names() -> impl Iterator<Item = &'static str> {
    (1..=MAX_ERRNO).filter_map(errno::errno_name)
}

pub(super) fn errno_number(name: &str) -> Option<i128> {
    // EWOULDBLOCK and kin are other names of the same numbers.
    let name = match name {
        "EWOULDBLOCK" => "EAGAIN",
        "EDEADLOCK" => "EDEADLK",
        "ENOTSUP" => "EOPNOTSUPP",
        name => name,
    };
    (1..=MAX_ERRNO).find(|number| errno::errno_name(*number) == Some(name)).map(i128::from)
}

pub(super) fn signal_names() -> impl Iterator<Item = &'static str> {
    (1..=64).filter_map(signal::signal_name)
}

/// Returns the constants of all arguments.
pub(super) fn constants() -> impl Iterator<Item = &'static str> {
    static ALL: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| all_constants().collect());
    ALL.iter().copied()
}

fn all_constants() -> impl Iterator<Item = &'static str> {
    // Their lists depend on the level and the family.
    let socket_lists = [
        &socket::OPTION,
        &socket::TCP_OPTION,
        &socket::IP_OPTION,
        &socket::IPV6_OPTION,
        &socket::PACKET_OPTION,
        &socket::NETLINK_OPTION,
        &socket::PROTOCOL,
        &socket::NETLINK,
    ];
    let of_rows = number::all_rows().flat_map(|(_, row)| lists_of(row));
    of_rows.chain(socket_lists).flat_map(names_in).chain(["AT_FDCWD"])
}

/// Returns the lists of the arguments of a call, with those that depend on a command.
fn lists_of(row: &'static Row) -> impl Iterator<Item = &'static Constants> {
    let plain = row.args.iter().filter_map(|arg| render::constants_of(arg.kind));
    let depends = row.args.iter().any(|arg| arg.mem.and_then(Mem::special).is_some());
    let commands = (0..row.args.len()).filter(move |_| depends).flat_map(move |at| {
        let list = render::constants_of(row.args[at].kind);
        list.into_iter().flat_map(|list| list.items).map(move |(_, value)| (at, *value))
    });
    let of_commands = commands.flat_map(move |(at, value)| {
        let mut args = [0; 6];
        args[at] = value;
        let meaning = move |arg| row.meaning(Abi::X86_64, &args, arg);
        (0..row.args.len()).filter_map(move |arg| render::constants_of(meaning(arg)?.0))
    });
    plain.chain(of_commands)
}

fn names_in(list: &'static Constants) -> impl Iterator<Item = &'static str> {
    let fields = list.fields.iter().flat_map(|field| field.items);
    list.items.iter().chain(fields).map(|(name, _)| *name)
}

/// Returns the value of a constant in an argument of a kind.
pub(super) fn value(abi: Abi, kind: ArgKind, name: &str) -> Option<u64> {
    match kind {
        ArgKind::Signal => signal::signal_number(name).and_then(|number| number.try_into().ok()),
        ArgKind::DirFd if name == "AT_FDCWD" => Some(i64::from(crate::intent::CWD).cast_unsigned()),
        kind => render::constant(abi, render::constants_of(kind)?, name),
    }
}

/// Whether a word is written as constants are: `O_CREAT`.
pub(super) fn is_constant(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        && word.chars().any(|c| c.is_ascii_uppercase())
}
