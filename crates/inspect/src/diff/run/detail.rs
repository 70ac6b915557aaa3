//! Formats the arguments of calls as far as two runs can have the same: without descriptors and
//! pids, and addresses by their mapping.

use std::collections::HashMap;
use std::fmt::Write as _;

use foldhash::fast::RandomState;
use sysreel_abi::{Abi, ArgKind, Dir, Row, render};

use super::operation::{Case, is_leftover, is_value};
use crate::diff::name::escaped;
use crate::text::until_nul;

/// The longest string argument that execve accepts (include/uapi/linux/binfmts.h).
pub(crate) const MAX_ARG_STRLEN: usize = 128 << 10;

/// The input of a text, which is formatted only once for each key: the row, values, strings.
type Key = (usize, [u64; 6], Vec<u8>);

#[derive(Debug)]
pub(crate) struct Details {
    known: HashMap<Key, u32, RandomState>,
    ids: HashMap<String, u32, RandomState>,
    pub(crate) texts: Vec<String>,
}

impl Default for Details {
    fn default() -> Self {
        Self { known: HashMap::default(), ids: HashMap::default(), texts: vec![String::new()] }
    }
}

impl Details {
    /// Returns the number of the text for a call's arguments. With `joins` the call reads or writes
    /// a part of a stream, so lengths and offsets do not count.
    pub(crate) fn id(&mut self, case: &Case<'_>, joins: bool) -> u32 {
        let call = &case.call;
        let mut values = [0; 6];
        let mut strings = Vec::new();
        for (at, value) in values.iter_mut().enumerate().take(call.row.args.len()) {
            let Some((kind, mem)) = call.row.meaning(call.abi, &call.args, at) else { continue };
            match mem {
                None if is_comparable(kind, call.args[at], joins)
                    && !is_leftover(call.row, at, kind) =>
                {
                    *value = call.args[at]
                }
                None if matches!(kind, ArgKind::Addr) => {
                    if let Some(place) = case.tracker.place(case.finished.task, call.args[at]) {
                        strings.push(tag(at));
                        strings.extend_from_slice(place.to_string().as_bytes());
                        strings.push(0);
                    }
                }
                Some(mem) if mem.dir == Dir::In && matches!(kind, ArgKind::Str) => {
                    let arg = u8::try_from(at).unwrap_or(u8::MAX);
                    let region = case.finished.open.memory.find(arg, call.role, 0);
                    if let Some(bytes) =
                        region.and_then(|region| region.bytes(case.buffers, MAX_ARG_STRLEN))
                    {
                        strings.push(tag(at));
                        strings.extend_from_slice(until_nul(&bytes));
                        strings.push(0);
                    }
                }
                _ => {}
            }
        }
        let key = (std::ptr::from_ref(call.row) as usize, values, strings);
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let text = format_arguments(call.abi, call.row, &call.args, &key, joins);
        let texts = &mut self.texts;
        let id = *self.ids.entry(text).or_insert_with_key(|text| {
            texts.push(text.clone());
            u32::try_from(texts.len().saturating_sub(1)).unwrap_or(u32::MAX)
        });
        self.known.insert(key, id);
        id
    }
}

/// Returns a prefix that names the argument of a string; never zero, which separates the strings.
fn tag(at: usize) -> u8 {
    u8::try_from(at.saturating_add(1)).unwrap_or(u8::MAX)
}

/// Whether equal values mean the same in two runs. Lengths and offsets of parts of a stream do not.
fn is_comparable(kind: ArgKind, value: u64, joins: bool) -> bool {
    match kind {
        ArgKind::Size | ArgKind::Off | ArgKind::Half => !joins,
        _ => is_value(kind, value),
    }
}

fn format_arguments(abi: Abi, row: &Row, args: &[u64; 6], key: &Key, joins: bool) -> String {
    let mut out = row.name.to_owned();
    let mut strings = key.2.split(|&byte| byte == 0);
    for (at, arg) in row.args.iter().enumerate() {
        let Some((kind, mem)) = row.meaning(abi, args, at) else { continue };
        match mem {
            None if is_comparable(kind, args[at], joins) && !is_leftover(row, at, kind) => {
                _ = write!(out, " {}=", arg.name);
                if !render::flag_value(abi, kind, args[at], &mut out) {
                    write_number(kind, args[at], &mut out);
                }
            }
            _ => {
                // Strings and mappings follow the number of their argument.
                let own = strings.clone().next().and_then(<[u8]>::split_first);
                if let Some((_, text)) = own.filter(|(prefix, _)| **prefix == tag(at)) {
                    strings.next();
                    _ = write!(out, " {}={}", arg.name, escaped(text));
                }
            }
        }
    }
    out
}

fn write_number(kind: ArgKind, value: u64, out: &mut String) {
    _ = match kind {
        ArgKind::Int | ArgKind::Uid | ArgKind::Gid | ArgKind::Signal | ArgKind::KeySerial => {
            write!(out, "{}", u32::try_from(value & 0xffff_ffff).unwrap_or(0).cast_signed())
        }
        ArgKind::Long | ArgKind::Off => write!(out, "{}", value.cast_signed()),
        ArgKind::Mode => write!(out, "{:04o}", value & 0o7777),
        ArgKind::ShortId => write!(out, "{}", value & 0xffff),
        ArgKind::Hex32 => write!(out, "{:#x}", value & 0xffff_ffff),
        ArgKind::Hex | ArgKind::Dev => write!(out, "{value:#x}"),
        _ => write!(out, "{value}"),
    };
}
