//! Values that consist of several parts, each of which is written in the style of constants: flags
//! and permissions of System V IPC, their commands, the size of huge pages.

use sysreel_abi::consts::ipc;
use sysreel_abi::{ArgKind, Constants, render};

use super::view::View;
use crate::style;

/// The permission bits of an IPC object.
const PERMISSIONS: u64 = 0o777;
/// Where the size of huge pages is in flags (MAP_HUGE_SHIFT, linux/mman.h).
const HUGE_SHIFT: u32 = 26;
/// Selects the structures with 64-bit members (linux/ipc.h).
const IPC_64: u64 = 0x100;

/// Writes a value part by part unless constants are abbreviated. Returns whether it did.
pub(super) fn write(view: &View<'_>, kind: ArgKind, value: u64, out: &mut String) -> bool {
    if view.options.constants == style::Constants::Abbrev {
        return false;
    }
    let value = value & 0xffff_ffff;
    match kind {
        ArgKind::FlagsMode(list) if list.fields.is_empty() => {
            flags_and_permissions(view, kind, value, out);
            true
        }
        ArgKind::Flags(list) if is_command(list) => {
            command(view, list, value, out);
            true
        }
        _ => false,
    }
}

fn is_command(list: &'static Constants) -> bool {
    let lists = [&ipc::SEMCTL_CMD, &ipc::SHMCTL_CMD, &ipc::MSGCTL_CMD];
    lists.iter().any(|known| std::ptr::eq(list, *known))
}

/// Returns a number, with its name if constants are shown in full.
fn part(view: &View<'_>, number: String, name: &str) -> String {
    if view.options.constants == style::Constants::Verbose && !name.is_empty() {
        return format!("{number} /* {name} */");
    }
    number
}

/// Writes `0x200 /* IPC_CREAT */|21<<26 /* SHM_HUGE_SHIFT */|0600`.
fn flags_and_permissions(view: &View<'_>, kind: ArgKind, value: u64, out: &mut String) {
    let mut names = String::new();
    render::flag_value(view.abi, kind, value, &mut names);
    let has_size = names.split('|').any(|name| name.contains("<<"));
    let (size, named) = match has_size {
        true => (value >> HUGE_SHIFT, value & !(u64::MAX << HUGE_SHIFT)),
        false => (0, value),
    };
    let flags = named & !PERMISSIONS;
    let mut parts = Vec::new();
    if flags != 0 {
        // The permissions are octal, and what has no name is in hex.
        let known = |name: &&str| {
            !name.contains("<<") && (!name.starts_with('0') || name.starts_with("0x"))
        };
        let known: Vec<&str> = names.split('|').filter(known).collect();
        let has_name = known.iter().any(|name| !name.starts_with('0'));
        let text = if has_name { known.join("|") } else { String::new() };
        parts.push(part(view, format!("{flags:#x}"), &text));
    }
    if size != 0 {
        parts.push(part(view, format!("{size}<<{HUGE_SHIFT}"), "SHM_HUGE_SHIFT"));
    }
    parts.push(format!("0{:02o}", value & PERMISSIONS));
    out.push_str(&parts.join("|"));
}

/// Writes `0x100 /* IPC_64 */|0x2 /* IPC_STAT */`.
fn command(view: &View<'_>, list: &'static Constants, value: u64, out: &mut String) {
    let (flag, number) = (value & IPC_64, value & !IPC_64);
    let mut known = list.fields.iter().flat_map(|field| field.items);
    let name = known.find(|(_, v)| *v & 0xffff_ffff == number).map(|(name, _)| *name);
    if flag != 0 {
        out.push_str(&part(view, "0x100".to_owned(), "IPC_64"));
        out.push('|');
    }
    let unknown = format!("{}???", list.prefix);
    let number = if number == 0 { "0".to_owned() } else { format!("{number:#x}") };
    out.push_str(&part(view, number, name.unwrap_or(&unknown)));
}
