//! The attributes of perf_event_open(2) (include/uapi/linux/perf_event.h, `struct
//! perf_event_attr`): the same in every ABI. The caller says how many bytes it passes, and the
//! kernel takes what is missing as 0.

use std::fmt::Write as _;

use sysreel_abi::consts::{clock, perf as c};
use sysreel_abi::{ArgKind, Dir};

use super::fields::Fields;
use super::out::{beyond, member};
use super::value;
use super::view::View;
use crate::style::Constants;
use crate::text;

/// The size that is known, which is that of version 8.
const KNOWN: usize = 136;
/// The size of the first version.
const LEAST: usize = 64;
/// Where the size is, and where the bits are.
const SIZE: usize = 4;
const BITS: usize = 40;

/// The bits after one another, and how many each has.
#[rustfmt::skip]
const NAMES: &[(&str, u32)] = &[
    ("disabled", 1), ("inherit", 1), ("pinned", 1), ("exclusive", 1), ("exclude_user", 1),
    ("exclude_kernel", 1), ("exclude_hv", 1), ("exclude_idle", 1), ("mmap", 1), ("comm", 1),
    ("freq", 1), ("inherit_stat", 1), ("enable_on_exec", 1), ("task", 1), ("watermark", 1),
    (PRECISE, 2), ("mmap_data", 1), ("sample_id_all", 1), ("exclude_host", 1),
    ("exclude_guest", 1), ("exclude_callchain_kernel", 1), ("exclude_callchain_user", 1),
    ("mmap2", 1), ("comm_exec", 1), ("use_clockid", 1), ("context_switch", 1),
    ("write_backward", 1), ("namespaces", 1), ("ksymbol", 1), ("bpf_event", 1),
    ("aux_output", 1), ("cgroup", 1), ("text_poke", 1), ("build_id", 1), ("inherit_thread", 1),
    ("remove_on_exec", 1), ("sigtrap", 1),
];
const PRECISE: &str = "precise_ip";
/// How far the address of a sample may be from its event, by `precise_ip`.
const SKID: [&str; 4] =
    ["arbitrary skid", "constant skid", "requested to have 0 skid", "must have 0 skid"];

/// The numbers of types that other members depend on.
const HARDWARE: u64 = 0;
const SOFTWARE: u64 = 1;
const TRACEPOINT: u64 = 2;
const HW_CACHE: u64 = 3;
const BREAKPOINT: u64 = 5;

/// What a member after the bits is.
#[derive(Clone, Copy)]
enum Form {
    Value(ArgKind),
    /// A flag of the samples (its bit of `sample_type`) must ask for it.
    Sampled(ArgKind, u64),
    /// The clock, which a bit chooses.
    Clock,
    /// A member followed by as many reserved bytes.
    Padded(ArgKind),
}

use ArgKind::{Flags, Hex, Uint};
use Form::{Clock, Padded, Sampled, Value};

/// PERF_SAMPLE_BRANCH_STACK and PERF_SAMPLE_STACK_USER.
const BRANCH_STACK: u64 = 1 << 11;
const STACK_USER: u64 = 1 << 13;
/// The bits `use_clockid`, `freq` and `watermark`.
const USE_CLOCK: u64 = 1 << 25;
const FREQ: u64 = 1 << 10;
const WATERMARK: u64 = 1 << 14;

const REST: &[(&str, usize, usize, Form)] = &[
    ("branch_sample_type", 72, 8, Sampled(Flags(&c::BRANCH), BRANCH_STACK)),
    ("sample_regs_user", 80, 8, Value(Hex)),
    ("sample_stack_user", 88, 4, Sampled(Hex, STACK_USER)),
    ("clockid", 92, 4, Clock),
    ("sample_regs_intr", 96, 8, Value(Hex)),
    ("aux_watermark", 104, 4, Value(Uint)),
    ("sample_max_stack", 108, 2, Padded(Uint)),
    ("aux_sample_size", 112, 4, Padded(Uint)),
    ("sig_data", 120, 8, Value(Hex)),
    ("config3", 128, 8, Value(Hex)),
];

/// Writes the attributes. Returns false if the caller passed too few, or some could not be read.
pub(super) fn attributes(view: &View<'_>, i: usize, out: &mut String) -> bool {
    let Some(region) = view.region(i, Dir::In) else { return false };
    let Some(bytes) = view.bytes(&region, usize::MAX) else { return false };
    let f = Fields::new(view.abi, &bytes);
    // The kernel reads a size of 0 as that of the first version.
    let stated = f.u32(SIZE);
    let size = usize::try_from(stated).unwrap_or(usize::MAX);
    let size = if size == 0 { LEAST } else { size };
    // The kernel says that the structure is too long before it reads all of it.
    let known_size = known_size(view, i);
    let least = if known_size.is_some() { size } else { LEAST };
    if size < LEAST || bytes.len() < least {
        return false;
    }
    out.push_str("{type=");
    let kind = f.u32(0);
    value::constant(view, ArgKind::Enum(&c::TYPE), kind, out);
    member(out, "size");
    value::constant(view, ArgKind::Enum(&c::SIZE), stated, out);
    if let Some(known) = known_size.filter(|known| *known != stated) {
        out.push_str(" => ");
        value::constant(view, ArgKind::Enum(&c::SIZE), known, out);
    }
    member(out, "config");
    config(view, kind, f.u64(8), out);
    let bits = f.u64(BITS);
    member(out, if bits & FREQ != 0 { "sample_freq" } else { "sample_period" });
    text::dec(out, f.u64(16));
    member(out, "sample_type");
    value::constant(view, Flags(&c::SAMPLE), f.u64(24), out);
    member(out, "read_format");
    value::constant(view, Flags(&c::READ), f.u64(32), out);
    flags(view, bits, out);
    if view.options.verbose {
        rest(view, f, kind, out);
        beyond(&bytes, KNOWN.min(bytes.len()), Some(&region), out);
    } else {
        out.push_str(", ...");
    }
    out.push('}');
    true
}

/// Returns the size that the kernel knows, which it stores if the caller passed more (E2BIG).
fn known_size(view: &View<'_>, i: usize) -> Option<u64> {
    let argument = u8::try_from(i).ok()?;
    let region = view.exit?.find(argument, view.role, 0)?;
    let bytes = view.bytes(&region, 8).filter(|bytes| bytes.len() == 8)?;
    Some(Fields::new(view.abi, &bytes).u32(SIZE))
}

/// Writes the event, whose meaning depends on the type.
fn config(view: &View<'_>, kind: u64, config: u64, out: &mut String) {
    let constant = |list, value: u64, out: &mut String| {
        value::constant(view, ArgKind::Enum(list), value, out);
    };
    // The upper half is the type of the unit that counts (PERF_PMU_TYPE_SHIFT).
    let unit = |out: &mut String| {
        if config >> 32 != 0 {
            _ = write!(out, "{:#x}<<32|", config >> 32);
        }
    };
    match kind {
        HARDWARE => {
            unit(out);
            constant(&c::HARDWARE, config & 0xffff_ffff, out);
        }
        SOFTWARE => constant(&c::SOFTWARE, config, out),
        TRACEPOINT => text::dec(out, config),
        HW_CACHE => {
            unit(out);
            if config >> 24 & 0xff != 0 {
                _ = write!(out, "{:#x}<<24|", config >> 24 & 0xff);
            }
            constant(&c::CACHE_RESULT, config >> 16 & 0xff, out);
            out.push_str("<<16|");
            constant(&c::CACHE_OPERATION, config >> 8 & 0xff, out);
            out.push_str("<<8|");
            constant(&c::CACHE, config & 0xff, out);
        }
        _ => text::hex(out, config),
    }
}

/// Writes the bits: those that are set, or all of them in full.
fn flags(view: &View<'_>, bits: u64, out: &mut String) {
    let mut shift = 0;
    for (name, width) in NAMES {
        let value = bits >> shift & ((1 << width) - 1);
        shift += width;
        if value == 0 && !view.options.verbose && *name != PRECISE {
            continue;
        }
        member(out, name);
        text::dec(out, value);
        let skid = SKID.get(usize::try_from(value).unwrap_or(SKID.len()));
        if let Some(skid) = skid.filter(|_| *name == PRECISE) {
            _ = write!(out, " /* {skid} */");
        }
    }
    if bits >> shift != 0 {
        member(out, "__reserved_1");
        _ = write!(out, "{:#x} /* Bits 63..{shift} */", bits >> shift);
    }
}

/// Writes what follows the bits, as far as the caller passed it.
fn rest(view: &View<'_>, f: Fields<'_>, kind: u64, out: &mut String) {
    let (bits, sampled) = (f.u64(BITS), f.u64(24));
    let is_watermark = bits & WATERMARK != 0;
    member(out, if is_watermark { "wakeup_watermark" } else { "wakeup_events" });
    text::dec(out, f.u32(48));
    let is_breakpoint = kind == BREAKPOINT;
    if is_breakpoint {
        member(out, "bp_type");
        breakpoint(view, f.u32(52), out);
    }
    member(out, if is_breakpoint { "bp_addr" } else { "config1" });
    text::hex(out, f.u64(56));
    if f.bytes.len() > LEAST {
        member(out, if is_breakpoint { "bp_len" } else { "config2" });
        let number = if is_breakpoint { text::dec } else { text::hex };
        number(out, padded(f, 64, 8));
    }
    for (name, at, width, form) in REST.iter().filter(|(_, at, ..)| f.bytes.len() > *at) {
        let (at, width) = (*at, *width);
        let kind = match form {
            Value(kind) | Padded(kind) => *kind,
            Sampled(kind, flag) if sampled & flag != 0 => *kind,
            // The clocks of processes and threads are none for events.
            Clock if bits & USE_CLOCK != 0 => ArgKind::Enum(&clock::CLOCK),
            Sampled(..) | Clock => continue,
        };
        member(out, name);
        value::value(view, kind, 0, padded(f, at, width), out);
        let reserved = padded(f, at + width, width);
        if matches!(form, Padded(_)) && reserved != 0 {
            _ = write!(out, " /* bytes {}..{}: {reserved:#x} */", at + width, at + 2 * width - 1);
        }
    }
}

/// Reads a number of which the caller may have passed only the first bytes.
fn padded(f: Fields<'_>, at: usize, width: usize) -> u64 {
    let bytes = f.slice(at, width);
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Writes what a breakpoint waits for. It cannot wait for execution and for accesses at once.
fn breakpoint(view: &View<'_>, kind: u64, out: &mut String) {
    const INVALID: std::ops::RangeInclusive<u64> = 5..=7;
    if !INVALID.contains(&kind) {
        return value::constant(view, ArgKind::Enum(&c::BREAKPOINT), kind, out);
    }
    text::hex(out, kind);
    if view.options.constants != Constants::Raw {
        out.push_str(" /* HW_BREAKPOINT_INVALID */");
    }
}
