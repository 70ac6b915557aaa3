//! Actions and levels of syslog(2): numbers that have no name in programs.

use sysreel_abi::ArgKind;
use sysreel_abi::consts::uapi;

use super::value;
use super::view::View;
use crate::style::Constants;

/// Writes an argument if it is an action, or the level of SYSLOG_ACTION_CONSOLE_LEVEL. Returns
/// whether it is.
pub(super) fn argument(view: &View<'_>, i: usize, kind: ArgKind, out: &mut String) -> bool {
    match kind {
        ArgKind::Enum(list) if std::ptr::eq(list, &uapi::SYSLOG) => action(view, view.arg(i), out),
        ArgKind::Int if is_log_level(view, i) => log_level(view, view.arg(i), out),
        _ => return false,
    }
    true
}

/// Writes an action.
fn action(view: &View<'_>, value: u64, out: &mut String) {
    let list = &uapi::SYSLOG;
    value::int(value, out);
    let name = list.items.iter().find(|(_, known)| *known == value & 0xffff_ffff);
    let name = name.map_or("SYSLOG_ACTION_???", |(name, _)| *name);
    if view.options.constants != Constants::Raw {
        out.push_str(" /* ");
        out.push_str(name);
        out.push_str(" */");
    }
}

/// Whether an argument is the level of syslog(2)'s SYSLOG_ACTION_CONSOLE_LEVEL.
fn is_log_level(view: &View<'_>, i: usize) -> bool {
    const SET_LEVEL: u64 = 8;
    let is_syslog = matches!(view.row.args.first().map(|arg| arg.kind),
        Some(ArgKind::Enum(list)) if std::ptr::eq(list, &uapi::SYSLOG));
    is_syslog && i == 2 && view.arg(0) & 0xffff_ffff == SET_LEVEL
}

/// Writes a level of kernel messages. 8 lets all of them through.
fn log_level(view: &View<'_>, value: u64, out: &mut String) {
    value::int(value, out);
    if view.options.constants == Constants::Raw {
        return;
    }
    let level = value & 0xffff_ffff;
    let name = uapi::LOGLEVEL.items.iter().find(|(_, known)| *known == level);
    let name = match (name, level) {
        (Some((name, _)), _) => name,
        (None, 8) => "LOGLEVEL_DEBUG+1",
        _ => "LOGLEVEL_???",
    };
    out.push_str(" /* ");
    out.push_str(name);
    out.push_str(" */");
}
