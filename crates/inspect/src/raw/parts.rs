//! Writes the parts of an event as JSON.

use sysreel_format::{
    Altered, Direction, FdEntry, Mapped, MappedFile, MappedHead, MetaCodec, Name, Part, Parts,
    ProcessSnapshot, Region, RegionData, RegionFlags, RegionHead, ResolvedPath, State,
};

use super::json::Json;
use crate::regions::Buffers;

/// Writes the parts of a stop: regions and names as lists, then the others.
pub(super) fn write_stop_parts(
    json: &mut Json<'_>,
    parts: Parts<'_>,
    buffers: &dyn Buffers,
    lost: &mut u64,
) {
    let (mut has_regions, mut has_names) = (false, false);
    for part in parts.flatten() {
        has_regions |= matches!(part, Part::Region(_));
        has_names |= matches!(part, Part::Name(_));
    }
    if has_regions {
        let regions = parts
            .flatten()
            .filter_map(|part| if let Part::Region(region) = part { Some(region) } else { None });
        json.list("regions", regions, |json, region| write_region(json, &region, buffers, lost));
    }
    if has_names {
        let names = parts
            .flatten()
            .filter_map(|part| if let Part::Name(name) = part { Some(name) } else { None });
        json.list("names", names, |json, name| write_name(json, &name));
    }
    write_parts(json, parts);
}

/// Writes all parts but regions and names.
pub(super) fn write_parts(json: &mut Json<'_>, parts: Parts<'_>) {
    for part in parts {
        match part {
            Ok(Part::Region(_) | Part::Name(_)) => {}
            Ok(Part::Siginfo(bytes)) => json.bytes("siginfo", bytes),
            Ok(Part::EventMessage(message)) => json.number("message", message),
            Ok(Part::NsPids(pids)) => {
                json.list("ns_pids", pids.iter(), |json, pid| json.number_in_list(pid.into()))
            }
            Ok(Part::Echo(to)) => json.number("echo", to.into()),
            Ok(
                Part::Registers { .. }
                | Part::Altered(_)
                | Part::Mapped(_)
                | Part::State(_)
                | Part::File(_)
                | Part::Path(_)
                | Part::Unknown { .. },
            ) => {}
            Err(e) => json.string("error", &e.to_string()),
        }
    }
    write_list(json, "registers", parts, |part| matches!(part, Part::Registers { .. }));
    write_list(json, "altered", parts, |part| matches!(part, Part::Altered(_)));
    write_list(json, "mapped", parts, |part| matches!(part, Part::Mapped(_)));
    write_list(json, "mapped_files", parts, |part| matches!(part, Part::File(_)));
    write_list(json, "paths", parts, |part| matches!(part, Part::Path(_)));
    write_list(json, "states", parts, |part| matches!(part, Part::State(_)));
    write_list(json, "unknown_parts", parts, |part| matches!(part, Part::Unknown { .. }));
}

/// Writes a list of the parts that `is_kind` selects, if there are any.
fn write_list(json: &mut Json<'_>, name: &str, parts: Parts<'_>, is_kind: fn(&Part<'_>) -> bool) {
    if parts.flatten().any(|part| is_kind(&part)) {
        json.list(name, parts.flatten().filter(is_kind), |json, part| {
            json.open();
            match part {
                Part::Registers { regset, bytes } => {
                    json.number("regset", regset.into());
                    json.bytes("bytes", bytes);
                }
                Part::Altered(what) => write_altered(json, &what),
                Part::Mapped(what) => write_mapped(json, &what),
                Part::State(what) => write_state(json, &what),
                Part::File(MappedFile { hash, len, path }) => {
                    json.bytes("hash", &hash);
                    json.number("len", len);
                    json.text_or_bytes("path", path);
                }
                Part::Path(what) => write_path(json, &what),
                Part::Unknown { kind, flags, bytes } => {
                    json.number("kind", kind.0.into());
                    json.number("flags", flags.into());
                    json.bytes("bytes", bytes);
                }
                _ => {}
            }
            json.close();
        });
    }
}

fn write_region(json: &mut Json<'_>, region: &Region<'_>, buffers: &dyn Buffers, lost: &mut u64) {
    let head = &region.head;
    json.open();
    match head.arg {
        RegionHead::NO_ARGUMENT => json.null("arg"),
        arg => json.number("arg", arg.into()),
    }
    match head.dir {
        Direction::IN | Direction::OUT => json.string("dir", head.dir.name().unwrap_or_default()),
        other => json.number("dir", other.0.into()),
    }
    json.number("role", head.role.0.into());
    json.number("index", head.index.into());
    json.hex("address", head.address);
    json.number("asked", head.asked);
    json.number("got", head.got);
    write_errno(json, head.errno);
    json.boolean("cut", head.flags.contains(RegionFlags::CUT));
    json.boolean("string", head.flags.contains(RegionFlags::STRING));
    match region.data {
        RegionData::Inline(bytes) => json.bytes("data", bytes),
        RegionData::Blobs(blobs) => {
            json.list("blobs", blobs.iter(), |json, blob| json.number_in_list(blob.0));
            // Write one blob at a time: a region has up to 256 MiB. Check all of them first, so
            // that a region that cannot be read whole is null, not cut.
            let mut data = Vec::new();
            let mut len = 0_u64;
            let is_sound = |blob| {
                len = len.saturating_add(buffers.blob(blob, 0, &mut Vec::new())? as u64);
                (len <= head.got).then_some(())
            };
            if blobs.iter().map(is_sound).all(|sound| sound.is_some()) && len == head.got {
                json.pieces("data", |piece| {
                    for blob in blobs.iter() {
                        data.clear();
                        if buffers.blob(blob, usize::MAX, &mut data).is_none() {
                            *lost = lost.saturating_add(1);
                        }
                        piece(&data);
                    }
                });
            } else {
                *lost = lost.saturating_add(1);
                json.null("data");
            }
        }
    }
    json.close();
}

/// Writes an errno, or null for 0.
fn write_errno(json: &mut Json<'_>, errno: u32) {
    match errno {
        0 => json.null("errno"),
        errno => {
            let name = i32::try_from(errno).ok().and_then(sysreel_abi::errno_name);
            json.named_number("errno", errno.into(), name);
        }
    }
}

/// Writes where a path of a call leads.
fn write_path(json: &mut Json<'_>, path: &ResolvedPath<'_>) {
    json.number("arg", path.arg.into());
    json.boolean("whole", path.whole);
    write_errno(json, path.errno);
    json.text_or_bytes("link", path.link);
}

fn write_name(json: &mut Json<'_>, name: &Name<'_>) {
    json.open();
    json.signed("fd", name.fd.into());
    json.text_or_bytes("link", name.link);
    json.number("mode", name.mode.into());
    json.number("dev", name.dev);
    json.number("ino", name.ino);
    json.number("rdev", name.rdev);
    if !name.local.is_empty() {
        json.bytes("local", name.local);
    }
    if !name.peer.is_empty() {
        json.bytes("peer", name.peer);
    }
    json.close();
}

/// Writes the head of a mapping and the numbers of its blobs, but not its contents.
fn write_mapped(json: &mut Json<'_>, mapped: &Mapped<'_>) {
    let MappedHead { start, len, prot, flags, dev, ino, offset, filled, skip } = mapped.head;
    json.hex("start", start);
    json.number("len", len);
    json.number("prot", prot.into());
    json.number("flags", flags.0.into());
    json.number("dev", dev);
    json.number("ino", ino);
    json.number("offset", offset);
    json.number("filled", filled);
    json.number("skip", skip);
    json.list("blobs", mapped.blobs.iter(), |json, blob| json.number_in_list(blob.0));
}

/// Writes the registers and page sums of a task at the entry of a call.
fn write_state(json: &mut Json<'_>, state: &State<'_>) {
    json.number("extended", state.extended.into());
    json.bytes("registers", state.registers);
    json.list("pages", state.pages(), |json, (address, sum)| {
        json.open();
        json.hex("address", address);
        json.number("sum", sum.into());
        json.close();
    });
}

/// Writes what the recorder changed in a tracee.
pub(super) fn write_altered(json: &mut Json<'_>, altered: &Altered<'_>) {
    json.named_number("what", altered.what.0.into(), altered.what.name());
    json.number("arg", altered.arg.into());
    json.bytes("kernel", altered.kernel);
    json.bytes("given", altered.given);
}

/// Writes the main parts of a process snapshot; the event's bytes have all of it.
pub(super) fn write_snapshot(json: &mut Json<'_>, bytes: &[u8]) {
    let snapshot = match ProcessSnapshot::from_bytes(bytes) {
        Ok(snapshot) => snapshot,
        Err(e) => return json.string("error", &e.to_string()),
    };
    json.text_or_bytes("exe", &snapshot.exe);
    json.text_or_bytes("cwd", &snapshot.cwd);
    json.text_or_bytes("root", &snapshot.root);
    json.text_or_bytes("comm", &snapshot.comm);
    json.list("fds", &snapshot.fds, |json, entry: &FdEntry| {
        let FdEntry { fd, link, mode, dev, ino, rdev, local, peer, .. } = entry;
        let (fd, mode, dev, ino, rdev) = (*fd, *mode, *dev, *ino, *rdev);
        write_name(json, &Name { fd, mode, dev, ino, rdev, link, local, peer });
    });
    if let Some(kept) = &snapshot.kept {
        json.list("kept", kept, |json, (first, last)| {
            json.open();
            json.signed("first", (*first).into());
            json.signed("last", (*last).into());
            json.close();
        });
    }
}
