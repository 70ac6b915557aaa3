//! The Python reader follows docs/format.md alone and must read what the Rust reader reads.

use std::process::Command;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sysreel_format::{
    Altered, BlobNumber, BlockWriter, Body, Completeness, DropReasons, Ending, Event, Extras, Item,
    Limits, Log, MetaCodec, Missing, Part, ProcessSnapshot, Region, RegionData, Segment,
    SnapshotKind, Summary, Why,
};

use crate::build::{
    ID, Piece, blob_bytes, blob_row, every_kind, flagged_row, header, log_of, meta, snapshot_row,
};

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Returns the output of the Rust reader, in the form of the Python reader.
fn rust(log: &[u8], tail: Option<&[u8]>) -> Vec<Value> {
    let opened = Log::open(log.to_vec(), Limits::default());
    let opened = opened.and_then(|log| match tail {
        Some(tail) => log.with_tail(tail.to_vec()),
        None => Ok(log),
    });
    let Ok(log) = opened else { return vec![json!({"error": ""})] };
    let meta = log.meta_error().is_none().then(|| log.meta());
    let mut out = vec![json!({
        "version": log.header().version(), "file_id": log.header().file_id.to_string(),
        "completeness": log.header().completeness.0, "meta": meta,
    })];
    let mut events = log.events();
    loop {
        match events.next() {
            Ok(Some(Item::Event(e))) => out.push(event(&log, &e)),
            Ok(Some(Item::Missing(missing))) => out.push(hole(&missing)),
            Ok(None) => break,
            Err(_) => {
                out.push(json!({"error": ""}));
                return out;
            }
        }
    }
    let ending = match log.ending() {
        Ending::Clean => "clean",
        Ending::Unfinished { .. } => "unfinished",
        Ending::Damaged { .. } => "damaged",
    };
    out.push(json!({"ending": ending, "summary": log.summary().map(summary)}));
    out
}

fn hole(missing: &Missing) -> Value {
    let why = match missing.why {
        Why::Dropped(_) => "dropped",
        Why::Damaged | Why::Codec(_) => "damaged",
        Why::Truncated => "truncated",
        Why::Unfinished => "unfinished",
    };
    json!({"missing": missing.first, "count": missing.count, "why": why})
}

fn summary(s: &Summary) -> Value {
    let kinds: Vec<_> = s.kinds.iter().map(|(kind, count)| (kind.0, count)).collect();
    json!({
        "completeness": s.completeness.0, "events": s.events, "lost": s.lost, "blobs": s.blobs,
        "tasks": s.tasks,
        "event_bytes": s.event_bytes, "blob_bytes": s.blob_bytes,
        "duplicate_bytes": s.duplicate_bytes,
        "stored_bytes": s.stored_bytes, "t_first": s.t_first, "t_last": s.t_last,
        "drop_reasons": s.drop_reasons.0, "exit_status": s.exit_status, "kinds": kinds,
    })
}

fn event(log: &Log<Vec<u8>>, e: &Event<'_>) -> Value {
    json!({
        "number": e.number, "kind": e.kind.0, "source": e.source.0, "flags": e.flags.0,
        "task": e.task.0,
        "t_ns": e.t_ns, "body": body(log, e),
    })
}

/// The body, or null if it does not decode.
fn body(log: &Log<Vec<u8>>, e: &Event<'_>) -> Option<Value> {
    Some(match e.decode().ok()? {
        Body::Stop(s) => json!({
            "wait_status": s.wait_status, "info_ret": s.info_ret, "layout": s.layout.0,
            "info": hex(s.info),
            "parts": parts(log, s.parts)?,
        }),
        Body::Task(t) => json!({
            "tid": t.head.tid, "tgid": t.head.tgid, "parent": t.head.parent.0,
            "origin": t.head.origin.0,
            "parts": parts(log, t.parts)?,
        }),
        Body::Gone(g) => json!({
            "wait_status": g.wait_status, "how": g.how.0, "utime_ns": g.utime_ns,
            "stime_ns": g.stime_ns,
            "maxrss_kib": g.maxrss_kib,
        }),
        Body::Renamed(r) => json!({"old_tid": r.old_tid, "new_tid": r.new_tid, "tgid": r.tgid}),
        Body::Snapshot { what: SnapshotKind::PROCESS, version: version @ (1 | 2), bytes } => {
            let process = ProcessSnapshot::from_bytes(bytes).ok()?;
            json!({"what": 1, "version": version, "process": process, "kept": process.kept})
        }
        Body::Snapshot { what, version, bytes } => {
            json!({"what": what.0, "version": version, "data": hex(bytes)})
        }
        Body::Clock(c) => {
            json!({"monotonic": c.monotonic, "realtime": c.realtime, "boottime": c.boottime})
        }
        Body::Loss(l) => json!({"count": l.count, "reasons": l.reasons.0}),
        Body::Note(n) => json!({"code": n.code.0, "severity": n.severity.0, "text": hex(n.text)}),
        Body::Altered(a) => altered(&a),
        Body::Unrecorded(u) => json!({"gap": u.gap.0, "reason": u.reason.0, "tracer": u.tracer}),
        Body::Mark(name) => json!({"name": hex(name)}),
        Body::Unknown(bytes) => json!({"data": hex(bytes)}),
    })
}

fn altered(a: &Altered<'_>) -> Value {
    json!({"what": a.what.0, "arg": a.arg, "kernel": hex(a.kernel), "given": hex(a.given)})
}

fn parts<'a>(log: &Log<Vec<u8>>, parts: sysreel_format::Parts<'a>) -> Option<Vec<Value>> {
    parts.map(|part| part.ok().map(|part| self::part(log, part))).collect()
}

fn part(log: &Log<Vec<u8>>, part: Part<'_>) -> Value {
    match part {
        Part::Region(r) => region(log, &r),
        Part::Siginfo(bytes) => json!({"part": "siginfo", "data": hex(bytes)}),
        Part::EventMessage(message) => json!({"part": "event_message", "message": message}),
        Part::Name(n) => json!({
            "part": "name", "fd": n.fd, "mode": n.mode, "dev": n.dev, "ino": n.ino, "rdev": n.rdev,
            "link": hex(n.link), "local": hex(n.local), "peer": hex(n.peer),
        }),
        Part::Registers { regset, bytes } => {
            json!({"part": "registers", "regset": regset, "data": hex(bytes)})
        }
        Part::Altered(a) => {
            let mut value = altered(&a);
            value["part"] = json!("altered");
            value
        }
        Part::NsPids(pids) => json!({"part": "ns_pids", "pids": pids.iter().collect::<Vec<_>>()}),
        Part::Mapped(m) => json!({
            "part": "mapped", "start": m.head.start, "len": m.head.len, "prot": m.head.prot,
            "flags": m.head.flags.0,
            "dev": m.head.dev, "ino": m.head.ino, "offset": m.head.offset, "filled": m.head.filled,
            "skip": m.head.skip, "blobs": m.blobs.iter().map(|b| b.0).collect::<Vec<_>>(),
        }),
        Part::Echo(to) => json!({"part": "echo", "to": to}),
        Part::File(f) => {
            json!({"part": "file", "hash": hex(&f.hash), "len": f.len, "path": hex(f.path)})
        }
        Part::Path(p) => json!({
            "part": "path", "arg": p.arg, "whole": p.whole, "errno": p.errno, "link": hex(p.link),
        }),
        Part::State(s) => json!({
            "part": "state", "extended": s.extended, "registers": hex(s.registers),
            "pages": s.pages().map(|(address, sum)| json!([address, sum])).collect::<Vec<_>>(),
        }),
        Part::Unknown { kind, flags, bytes } => {
            json!({"part": kind.0, "flags": flags, "data": hex(bytes)})
        }
    }
}

fn region(log: &Log<Vec<u8>>, r: &Region<'_>) -> Value {
    let h = &r.head;
    let blobs = match &r.data {
        RegionData::Inline(_) => None,
        RegionData::Blobs(blobs) => Some(blobs.iter().map(|number| number.0).collect::<Vec<_>>()),
    };
    json!({
        "part": "region", "arg": h.arg, "dir": h.dir.0, "role": h.role.0, "flags": h.flags.0,
        "index": h.index,
        "address": h.address, "asked": h.asked, "got": h.got, "errno": h.errno, "blobs": blobs,
        "data": log.region_bytes(r).ok().map(|bytes| hex(&bytes)),
    })
}

/// Returns the output of the Python reader. `None`, and a line on stderr, if it cannot run here.
fn python(log: &[u8], tail: Option<&[u8]>) -> Option<Vec<Value>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/reader/sysreel_reader.py");
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("python3");
    command.arg(script);
    for (name, bytes) in [("log.reel", Some(log)), ("log.reel.tail", tail)] {
        if let Some(bytes) = bytes {
            std::fs::write(dir.path().join(name), bytes).unwrap();
            command.arg(dir.path().join(name));
        }
    }
    let Ok(output) = command.output() else {
        crate::account::skipped("no python3 in PATH");
        return None;
    };
    let complaint = String::from_utf8_lossy(&output.stderr);
    if complaint.contains("libzstd.so.1: cannot open") {
        crate::account::skipped("no libzstd.so.1");
        return None;
    }
    assert_eq!(complaint, "", "the Python reader failed");
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Compares the output of both readers.
fn compare(log: &[u8], tail: Option<&[u8]>, what: &str) {
    let Some(mut python) = python(log, tail) else { return };
    for line in &mut python {
        if let Some(error) = line.get_mut("error") {
            *error = json!("");
        }
    }
    let rust = rust(log, tail);
    for (index, (rust, python)) in rust.iter().zip(&python).enumerate() {
        assert_eq!(rust, python, "line {index} of {what}");
    }
    assert_eq!(rust.len(), python.len(), "{what}");
}

/// Returns a log with all features of the format, with blobs of several parts, duplicates and
/// losses.
fn full_log() -> Vec<u8> {
    let mut writer = BlockWriter::create(Vec::new(), header(), &meta()).unwrap();
    let (mut event, mut blob) = (0, 0);
    for generation in 1..=4_u64 {
        let mut segment = Segment::open(vec![0; 12288], &ID, generation, event, blob);
        for row in every_kind() {
            segment.append_event(&row).unwrap();
        }
        for kept in [None, Some(vec![(-5, -1), (0, 2), (40, i32::MAX)])] {
            segment.append_event(&snapshot_row(kept)).unwrap();
        }
        segment
            .append_event(&flagged_row(600, sysreel_format::EventFlags::MUST_UNDERSTAND))
            .unwrap();
        for _ in 0..3 {
            segment.append_blob(&blob_bytes(blob)).unwrap();
            blob += 1;
        }
        let numbers: Vec<_> = (blob - 3..blob).map(BlobNumber).collect();
        segment.append_event(&blob_row(9, &numbers, 900)).unwrap();
        segment.append_event(&blob_row(9, &[BlobNumber(999)], 300)).unwrap();
        event = segment.next_event();
        if generation == 3 {
            writer.drop_segment(&segment, DropReasons::DISK_FULL);
        } else {
            writer.write_segment(&segment).unwrap();
        }
    }
    writer.finish(Completeness::NO_NAMES, &Extras { exit_status: Some(9) }).unwrap()
}

#[test]
fn both_readers_agree_on_all_features() {
    compare(&full_log(), None, "the full log");
    let pieces: Vec<Piece> = (0..400)
        .flat_map(|n| {
            [Piece::Blob(blob_bytes(n)), Piece::Event(blob_row(n, &[BlobNumber(n)], 300))]
        })
        .collect();
    compare(&log_of(&pieces, 4096), None, "a log with checkpoints");
    compare(&crate::calls::sites_log().0, None, "a log in columns");
    compare(b"", None, "an empty file");
    compare(b"something else that is long enough for a header", None, "another file");
}

#[test]
fn both_readers_agree_on_damage() {
    for (log, steps) in [(full_log(), 24), (crate::calls::sites_log().0, 12)] {
        for step in 0..steps {
            let at = (step * 7919 + 31) % log.len();
            compare(&log[..at], None, &format!("cut at {at}"));
            let mut flipped = log.clone();
            flipped[at] ^= 1 << (step % 8);
            compare(&flipped, None, &format!("bit flipped at {at}"));
        }
    }
}

#[test]
fn both_readers_agree_on_tails() {
    let log = full_log();
    let total = u64::try_from(rust(&log, None).len()).unwrap();
    for (first, committed) in [(20, true), (total, false), (total, true), (total + 9, true)] {
        let mut live = Segment::open(vec![0; 4096], &ID, 7, first, 12);
        if committed {
            live.append_blob(&blob_bytes(12)).unwrap();
            live.append_event(&blob_row(1, &[BlobNumber(12)], 300)).unwrap();
        }
        let other = Segment::open(vec![0; 4096], &ID, 6, 0, 0).free();
        let tail = [&other, live.memory(), &vec![0; 4096]].map(Vec::as_slice).concat();
        for len in [log.len(), log.len() - 70, log.len() - 300, log.len() / 2] {
            compare(&log[..len], Some(&tail), &format!("a tail from {first} after {len} bytes"));
        }
        let mut damaged = tail;
        damaged[4096 + 128 + 4] = 9;
        compare(&log[..log.len() / 2], Some(&damaged), "a damaged tail");
        compare(&log[..log.len() / 2], Some(&vec![0; 8192]), "a tail never used");
    }
}
