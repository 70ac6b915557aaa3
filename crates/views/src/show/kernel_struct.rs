//! The bytes of the kernel's `struct ptrace_syscall_info`, with names and values.

use serde::Serialize;
use sysreel_inspect::abi::{AuditArch, syscall_name};
use sysreel_inspect::format::Layout;
use sysreel_inspect::syscall_info::{Offsets, What, decode};

/// A field of the struct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StructField {
    /// Its offset.
    pub offset: u64,
    /// Its bytes, in hexadecimal.
    pub hex: String,
    /// Its name in include/uapi/linux/ptrace.h; empty for padding and for what this version does
    /// not know.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Returns the fields of a struct, in the order of their offsets. Every byte is in one of them.
pub(super) fn fields(layout: Layout, bytes: &[u8]) -> Vec<StructField> {
    let info = decode(layout, bytes);
    let Some(offsets) = Offsets::of_layout(layout) else {
        return with_gaps(Vec::new(), bytes);
    };
    let hex = |value: Option<u64>| value.map(|value| format!("{value:#x}")).unwrap_or_default();
    let op = info.op.map(|op| op.name().map_or_else(|| op.0.to_string(), str::to_owned));
    let arch = info.arch.map(|arch| match AuditArch(arch).name() {
        Some(name) => format!("AUDIT_ARCH_{name}"),
        None => format!("{arch:#x}"),
    });
    let mut known = vec![
        (0, 1, "op", op.unwrap_or_default()),
        (4, 4, "arch", arch.unwrap_or_default()),
        (offsets.ip, 8, "instruction_pointer", hex(info.ip)),
        (offsets.sp, 8, "stack_pointer", hex(info.sp)),
    ];
    if let (Some(at), Some(fp)) = (offsets.fp, info.fp) {
        known.push((at, 8, "frame_pointer", hex(Some(fp))));
    }
    const ARGS: [&str; 6] = ["args[0]", "args[1]", "args[2]", "args[3]", "args[4]", "args[5]"];
    let mut call = |nr: u64, args: [u64; 6]| {
        let name = info.arch.and_then(|arch| syscall_name(AuditArch(arch), nr));
        let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
        known.push((offsets.nr, 8, "nr", format!("{nr}{name}")));
        for ((at, arg), name) in (0..).zip(args).zip(ARGS) {
            let at: usize = at;
            let offset = offsets.args.saturating_add(at.saturating_mul(8));
            known.push((offset, 8, name, format!("{arg:#x}")));
        }
    };
    match info.what {
        What::Entry(made) => call(made.nr, made.args),
        What::Seccomp(made, ret_data) => {
            call(made.nr, made.args);
            known.push((offsets.ret_data, 4, "ret_data", format!("{ret_data:#x}")));
        }
        What::Exit(outcome) => {
            known.push((offsets.rval, 8, "rval", outcome.rval.to_string()));
            known.push((offsets.is_error, 1, "is_error", outcome.is_error.to_string()));
        }
        _ => {}
    }
    known.sort_by_key(|(at, ..)| *at);
    with_gaps(known, bytes)
}

/// Adds the bytes between known fields and after them.
fn with_gaps(known: Vec<(usize, usize, &str, String)>, bytes: &[u8]) -> Vec<StructField> {
    let mut fields = Vec::new();
    let mut at = 0;
    let mut add = |from: usize, to: usize, name: &str, value: String| {
        if let Some(part) = bytes.get(from..to.min(bytes.len())).filter(|part| !part.is_empty()) {
            fields.push(StructField {
                offset: u64::try_from(from).unwrap_or(u64::MAX),
                hex: data_encoding::HEXLOWER.encode(part),
                name: name.to_owned(),
                value,
            });
        }
    };
    for (from, size, name, value) in known {
        if from < at || from >= bytes.len() {
            continue;
        }
        add(at, from, "", String::new());
        add(from, from.saturating_add(size), name, value);
        at = from.saturating_add(size);
    }
    add(at, bytes.len(), "", String::new());
    fields
}
