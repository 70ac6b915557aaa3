//! Writes a log as JSON without loss: one object per event and line, with hexadecimal for
//! everything that is not text.

#![deny(clippy::arithmetic_side_effects)]

mod json;
mod parts;

use std::io::Write;
use std::ops::ControlFlow;

use sysreel_abi::{AuditArch, syscall_name};
use sysreel_format::{Body, Event, Item, Missing, SnapshotKind, Stop, Why};

use crate::regions::Buffers;
use crate::{Error, EventRange, Findings, LogFile};
pub(crate) use json::Json;
use sysreel_format::syscall_info::{self, Call, Info, What};

/// Writes every event of a part of a log as one line of JSON.
///
/// # Errors
/// When the log cannot be read or the output cannot be written. Damage is not an error: the
/// [`Findings`] report it, and a line shows where it is.
pub fn raw(file: &mut LogFile, range: &EventRange, out: &mut dyn Write) -> Result<Findings, Error> {
    let log = file.log();
    let mut json = Json::into_sink(out);
    let mut lost = 0;
    let bounds = file.bounds(range)?;
    let mut read = file.read(bounds.first, bounds, |item, begun| {
        if !begun {
            return Ok(ControlFlow::Continue(()));
        }
        write_item(&mut json, item, log, &mut lost);
        json.failure().map_err(Error::Write)?;
        Ok(ControlFlow::Continue(()))
    })?;
    json.finish().map_err(Error::Write)?;
    read.findings.lost_buffers = lost;
    Ok(read.findings)
}

/// Writes the line of an item. Adds to `lost` the number of buffers that could not be read.
pub(crate) fn write_item(
    json: &mut Json<'_>,
    item: &Item<'_>,
    buffers: &dyn Buffers,
    lost: &mut u64,
) {
    json.open();
    match item {
        Item::Event(event) => write_event(json, event, buffers, lost),
        Item::Missing(missing) => write_missing(json, missing),
    }
    json.close();
    json.end_line();
}

fn write_missing(json: &mut Json<'_>, missing: &Missing) {
    json.number("seq", missing.first);
    json.string("kind", "missing");
    match missing.count {
        Some(count) => json.number("count", count),
        None => json.null("count"),
    }
    json.number("offset", missing.offset);
    let why = match missing.why {
        Why::Dropped(_) => "dropped",
        Why::Damaged => "damaged",
        Why::Truncated => "truncated",
        Why::Unfinished => "unfinished",
        Why::Codec(_) => "codec",
    };
    json.string("why", why);
    json.string("text", &missing.to_string());
}

fn write_event(json: &mut Json<'_>, event: &Event<'_>, buffers: &dyn Buffers, lost: &mut u64) {
    json.number("seq", event.number);
    match event.kind.name() {
        Some(name) => json.string("kind", name),
        None => {
            json.string("kind", "unknown");
            json.number("kind_raw", event.kind.0.into());
        }
    }
    json.named_number("source", event.source.0.into(), event.source.name());
    if event.flags.0 != 0 {
        json.number("flags", event.flags.0.into());
    }
    match event.task.0 {
        u32::MAX => json.null("task"),
        task => json.number("task", task.into()),
    }
    json.number("t_ns", event.t_ns);
    match event.decode() {
        Ok(Body::Stop(stop)) => write_stop(json, &stop, buffers, lost),
        Ok(body) => write_body(json, &body),
        Err(e) => {
            json.string("error", &e.to_string());
            json.bytes("body", event.body);
        }
    }
}

fn write_body(json: &mut Json<'_>, body: &Body<'_>) {
    match body {
        Body::Stop(_) => {}
        Body::Task(task) => {
            json.number("tid", task.head.tid.into());
            json.number("tgid", task.head.tgid.into());
            match task.head.parent.0 {
                u32::MAX => json.null("parent"),
                parent => json.number("parent", parent.into()),
            }
            json.named_number("origin", task.head.origin.0.into(), task.head.origin.name());
            parts::write_parts(json, task.parts);
        }
        Body::Gone(gone) => {
            json.hex("status", gone.wait_status.into());
            json.named_number("how", gone.how.0.into(), gone.how.name());
            json.number("utime_ns", gone.utime_ns);
            json.number("stime_ns", gone.stime_ns);
            json.number("maxrss_kib", gone.maxrss_kib);
        }
        Body::Renamed(renamed) => {
            json.number("old_tid", renamed.old_tid.into());
            json.number("new_tid", renamed.new_tid.into());
            json.number("tgid", renamed.tgid.into());
        }
        Body::Snapshot { what, version, bytes } => {
            json.named_number("what", what.0.into(), what.name());
            json.number("version", (*version).into());
            if *what == SnapshotKind::PROCESS {
                parts::write_snapshot(json, bytes);
            }
            json.bytes("bytes", bytes);
        }
        Body::Clock(clock) => {
            json.number("monotonic", clock.monotonic);
            json.number("realtime", clock.realtime);
            json.number("boottime", clock.boottime);
        }
        Body::Loss(loss) => {
            json.number("count", loss.count);
            json.number("reasons", loss.reasons.0.into());
            json.string("text", &loss.reasons.to_string());
        }
        Body::Note(note) => {
            json.named_number("code", note.code.0.into(), note.code.name());
            json.named_number("severity", note.severity.0.into(), note.severity.name());
            json.text_or_bytes("text", note.text);
        }
        Body::Altered(altered) => parts::write_altered(json, altered),
        Body::Unrecorded(unrecorded) => {
            json.named_number("gap", unrecorded.gap.0.into(), unrecorded.gap.name());
            json.named_number("reason", unrecorded.reason.0.into(), unrecorded.reason.name());
            json.number("tracer", unrecorded.tracer.into());
        }
        Body::Mark(name) => json.text_or_bytes("name", name),
        Body::Unknown(bytes) => json.bytes("body", bytes),
    }
}

fn write_stop(json: &mut Json<'_>, stop: &Stop<'_>, buffers: &dyn Buffers, lost: &mut u64) {
    json.hex("status", stop.wait_status.into());
    write_status(json, stop.wait_status);
    json.named_number("layout", stop.layout.0.into(), stop.layout.name());
    json.signed("ret_len", stop.info_ret.into());
    json.bytes("bytes", stop.info);
    write_info(json, &syscall_info::decode(stop.layout, stop.info));
    parts::write_stop_parts(json, stop.parts, buffers, lost);
}

/// Writes the kind of stop that a wait status reports (ptrace(2)).
fn write_status(json: &mut Json<'_>, status: u32) {
    let (signal, event) = (status >> 8 & 0xff, status >> 16);
    if status & 0xff != 0x7f {
        json.string("stop", "none");
        return;
    }
    let kind = match (event, signal) {
        (0, 0x85) => "syscall",
        (0, _) => "signal",
        (128, 19..=22) => "group",
        _ => "event",
    };
    json.string("stop", kind);
    if event != 0 {
        // include/uapi/linux/ptrace.h
        let name = match event {
            1 => Some("fork"),
            2 => Some("vfork"),
            3 => Some("clone"),
            4 => Some("exec"),
            5 => Some("vfork_done"),
            6 => Some("exit"),
            7 => Some("seccomp"),
            128 => Some("stop"),
            _ => None,
        };
        json.named_number("event", event.into(), name);
    }
    let number = i32::try_from(signal & 0x7f).unwrap_or(0);
    json.named_number("signal", (signal & 0x7f).into(), sysreel_abi::signal_name(number));
}

fn write_info(json: &mut Json<'_>, info: &Info) {
    match info.op {
        Some(op) => json.named_number("op", op.0.into(), op.name()),
        None => json.null("op"),
    }
    if let Some(arch) = info.arch.map(AuditArch) {
        json.named_number("arch", arch.0.into(), arch.name());
    }
    for (name, value) in [("ip", info.ip), ("sp", info.sp), ("fp", info.fp)] {
        if let Some(value) = value {
            json.hex(name, value);
        }
    }
    let arch = AuditArch(info.arch.unwrap_or(0));
    match info.what {
        What::None => {}
        What::Entry(call) => write_call(json, arch, call),
        What::Exit(outcome) => {
            json.safe_signed("rval", outcome.rval);
            json.number("is_error", outcome.is_error.into());
            if outcome.failed()
                && let Ok(errno) = i32::try_from(outcome.rval.wrapping_neg())
                && let Some(name) = sysreel_abi::errno_name(errno)
            {
                json.string("errno", name);
            }
        }
        What::Seccomp(call, data) => {
            write_call(json, arch, call);
            json.number("ret_data", data.into());
        }
        What::Unknown => json.string("info", "unknown form: see bytes"),
    }
}

fn write_call(json: &mut Json<'_>, arch: AuditArch, call: Call) {
    json.hex("nr", call.nr);
    match syscall_name(arch, call.nr) {
        Some(name) => json.string("name", name),
        None => json.null("name"),
    }
    json.list("args", call.args, |json, arg| json.hex_item(arg));
}

#[cfg(test)]
mod tests;
