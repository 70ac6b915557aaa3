//! The attributes of bpf(2) (include/uapi/linux/bpf.h, `union bpf_attr`). `bpf_commands.rs` has the
//! members of each command. A caller may pass fewer: the kernel takes the others as 0.

use std::borrow::Cow;

use sysreel_abi::consts::{security, uapi};
use sysreel_abi::plan::index;
use sysreel_abi::{Constants, Dir, Layout};

use super::bpf_commands::{COMMANDS, Form, LINKS, MAP_INFO, Member, OTHER_LINKS};
use super::fields::Fields;
use super::out::{beyond, lost, member};
use super::view::View;
use super::{inet, layouts, string, value};
use crate::text;

/// The kernel takes no attributes that are longer (a page).
const MOST: u64 = 4096;

/// Writes the attributes of a command; false if the command has no table.
pub(super) fn attributes(view: &View<'_>, i: usize, out: &mut String) -> bool {
    let number = view.arg(0) & 0xffff_ffff;
    let Some(command) =
        named(&security::BPF, number).and_then(|name| COMMANDS.iter().find(|c| c.name == name))
    else {
        return false;
    };
    let region = view.region(i, Dir::In).or_else(|| view.region(i, Dir::InOut));
    let region = region.filter(|region| region.head.got > 0);
    let is_taken = view.arg(2) & 0xffff_ffff <= MOST;
    let bytes = region
        .filter(|region| is_taken && region.head.got >= region.head.asked)
        .and_then(|region| view.bytes(&region, usize::MAX));
    let Some(mut bytes) = bytes else {
        text::pointer(out, view.arg(i));
        return true;
    };
    let given = bytes.len();
    if given < command.least {
        let whole: &mut Vec<u8> = Cow::to_mut(&mut bytes);
        whole.resize(command.least, 0);
    }
    let f = Fields::new(view.abi, &bytes);
    out.push('{');
    let mut end = group(view, i, (command.group, command.members), f, out);
    if command.group == "link_create" && given > end {
        let attach = named(&uapi::BPF_ATTACH_TYPE, f.u32(8)).unwrap_or_default();
        let link = LINKS.iter().find(|(name, ..)| *name == attach);
        // It belongs to the structure that is closed already.
        out.pop();
        let members = link.map_or(("", OTHER_LINKS), |(_, group, members)| (*group, *members));
        end = end.max(group(view, i, members, f, out));
        out.push('}');
    }
    if view.options.verbose {
        beyond(&bytes, end.max(command.least), None, out);
    } else if bytes.iter().skip(end.max(command.least)).any(|byte| *byte != 0) {
        out.push_str(", ...");
    }
    out.push('}');
    true
}

fn named(list: &Constants, number: u64) -> Option<&'static str> {
    list.items.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
}

/// Writes members, in braces if they are a structure of the union. Returns where they end.
fn group(
    view: &View<'_>,
    i: usize,
    (name, members): (&str, &[Member]),
    f: Fields<'_>,
    out: &mut String,
) -> usize {
    if !name.is_empty() {
        member(out, name);
        out.push('{');
    }
    let mut end = 0;
    for (name, at, form) in members.iter().take_while(|(_, at, _)| *at < f.bytes.len()) {
        end = at + size(*form);
        one(view, i, (name, *at, *form), f, out);
    }
    if !name.is_empty() {
        out.push('}');
    }
    end
}

fn size(form: Form) -> usize {
    match form {
        Form::Wide(_) | Form::Pointer | Form::OptionalPointer | Form::Text(_) | Form::Bytes(_) => 8,
        Form::Log(_) | Form::Ids(_) | Form::Info => 8,
        Form::Name => 16,
        Form::Value(_) | Form::Version | Form::Optional | Form::OptionalFd | Form::Node => 4,
        Form::Interface | Form::Changed | Form::Replaced => 4,
    }
}

fn one(
    view: &View<'_>,
    i: usize,
    (name, at, form): (&str, usize, Form),
    f: Fields<'_>,
    out: &mut String,
) {
    /// BPF_F_NUMA_NODE, and where the flags of a map are.
    const HAS_NODE: (usize, u64) = (16, 4);
    /// BPF_F_REPLACE, in the flags of BPF_LINK_UPDATE.
    const REPLACES: u64 = 4;
    /// NUMA_NO_NODE (include/linux/numa.h): any node.
    const NO_NODE: u64 = 0xffff_ffff;
    let is_shown = match form {
        Form::Optional | Form::OptionalFd => f.u32(at) != 0,
        Form::OptionalPointer => f.u64(at) != 0,
        Form::Node => f.u32(HAS_NODE.0) & HAS_NODE.1 != 0,
        Form::Replaced => f.u32(8) & REPLACES != 0,
        _ => true,
    };
    if !is_shown {
        return;
    }
    member(out, name);
    match form {
        Form::Value(kind) => value::value(view, kind, 0, f.u32(at), out),
        Form::Wide(kind) => value::value(view, kind, 0, f.u64(at), out),
        Form::Pointer | Form::OptionalPointer => text::pointer(out, f.u64(at)),
        Form::Text(which) => pointed(view, i, (which, true), f.u64(at), out),
        Form::Bytes(which) => pointed(view, i, (which, false), f.u64(at), out),
        Form::Name => short_name(view, f.slice(at, 16), out),
        Form::OptionalFd | Form::Replaced => value::fd(view, f.u32(at), out),
        Form::Interface => inet::interface(view, f.u32(at), out),
        Form::Log(which) => log(view, i, which, f.u64(at), out),
        Form::Ids(count) => ids(view, i, f.u32(count), f.u64(at), out),
        Form::Changed => changed(view, i, at, f.u32(at), out),
        Form::Info => information(view, i, f, at, out),
        Form::Optional => text::dec(out, f.u32(at)),
        Form::Node => {
            text::dec(out, f.u32(at));
            out.push_str(if f.u32(at) == NO_NODE { " /* NUMA_NO_NODE */" } else { "" });
        }
        Form::Version => version(view, f.u32(at), out),
    }
}

/// Writes a string or bytes that a member points to.
fn pointed(
    view: &View<'_>,
    i: usize,
    (which, is_text): (u8, bool),
    address: u64,
    out: &mut String,
) {
    let region = view.nested(i, 1, index(0, which.into()), Dir::In);
    let region = region.filter(|region| region.head.got > 0);
    let Some(region) = region.filter(|region| is_text || region.head.got == region.head.asked)
    else {
        return text::pointer(out, address);
    };
    match view.bytes(&region, usize::MAX) {
        None => lost(address, out),
        Some(bytes) if is_text => {
            let shown = text::until_nul(&bytes);
            string::limited(view, shown, shown.len() == bytes.len(), view.options.hex, out);
        }
        Some(bytes) => string::limited(view, &bytes, false, view.options.hex, out),
    }
}

/// Writes what the kernel wrote to a log.
fn log(view: &View<'_>, i: usize, which: u8, address: u64, out: &mut String) {
    let region = view.nested(i, 1, index(0, which.into()), Dir::Out);
    let Some(region) = region.filter(|region| region.head.got > 0) else {
        return text::pointer(out, address);
    };
    match view.bytes(&region, usize::MAX) {
        None => lost(address, out),
        Some(bytes) => {
            let shown = text::until_nul(&bytes);
            string::limited(view, shown, shown.len() == bytes.len(), view.options.hex, out);
        }
    }
}

/// Writes a list of ids.
fn ids(view: &View<'_>, i: usize, count: u64, address: u64, out: &mut String) {
    let region = view.nested(i, 1, index(0, 0), Dir::Out).filter(|region| region.head.got > 0);
    match region.and_then(|region| view.bytes(&region, usize::MAX)) {
        _ if count == 0 && address != 0 => out.push_str("[]"),
        Some(bytes) => {
            _ = layouts::array(view, Layout::U32, &bytes, false, i, out);
        }
        None => text::pointer(out, address),
    }
}

/// Writes a number as `before => after` if the kernel changed it.
fn changed(view: &View<'_>, i: usize, at: usize, before: u64, out: &mut String) {
    text::dec(out, before);
    let region = view.region(i, Dir::Out).filter(|region| region.head.got > at as u64);
    let after = region.and_then(|region| view.bytes(&region, usize::MAX));
    let after = after.map(|bytes| Fields::new(view.abi, &bytes).u32(at));
    if let Some(after) = after.filter(|after| *after != before) {
        out.push_str(" => ");
        text::dec(out, after);
    }
}

/// Writes the description of a map, which only the name of its descriptor tells from others.
fn information(view: &View<'_>, i: usize, f: Fields<'_>, at: usize, out: &mut String) {
    let mut name = String::new();
    value::fd_name(view, f.u32(0), &mut name);
    let regions = [Dir::Out, Dir::In].into_iter();
    let mut regions = regions.filter_map(|dir| view.nested(i, 1, index(0, 0), dir));
    let region = regions.find(|region| region.head.got > 0);
    let is_map = name.contains("bpf-map") && view.options.verbose;
    match region.filter(|_| is_map).and_then(|region| view.bytes(&region, usize::MAX)) {
        Some(bytes) => {
            out.push('{');
            group(view, i, ("", MAP_INFO), Fields::new(view.abi, &bytes), out);
            out.push('}');
        }
        None => text::pointer(out, f.u64(at)),
    }
}

/// Writes a name of at most 15 bytes and a NUL.
fn short_name(view: &View<'_>, field: &[u8], out: &mut String) {
    let name = text::until_nul(field);
    let is_cut = name.len() == field.len();
    let shown = if is_cut { name.split_last().map_or(name, |(_, rest)| rest) } else { name };
    text::quoted(out, shown, view.options.hex);
    out.push_str(if is_cut { "..." } else { "" });
}

fn version(view: &View<'_>, version: u64, out: &mut String) {
    let parts = (version >> 16, version >> 8 & 0xff, version & 0xff);
    let name = format!("KERNEL_VERSION({}, {}, {})", parts.0, parts.1, parts.2);
    value::named(view, &|out| text::hex(out, version), &name, out);
}
