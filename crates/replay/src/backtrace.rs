//! Backtraces of replayed tasks.
//!
//! The symbols and unwind tables come from the recorded file contents (`file_pool`), so the files
//! themselves may be gone.

use crate::elf::{Elf, StackUnwinder};
use crate::file_pool::FilePool;
use crate::frame::Frame;
use crate::kernel::Tracee;
use framehop::Unwinder;
use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64};
use std::collections::HashMap;
use sysreel_format::{Body, Item, Log, MetaCodec, Part, ProcessSnapshot, ReadAt, SnapshotKind};
use sysreel_sys::process::Mapping;

/// The most frames of a backtrace.
const MAX_FRAMES: usize = 64;
/// Longer files are not read, in bytes.
const MAX_FILE_LEN: u64 = 256 << 20;

/// An executable mapping of a recorded file.
struct CodeMapping {
    mapping: Mapping,
    file: (u64, u64),
    /// The file offset at which the mapping begins.
    offset: u64,
    /// The difference between its addresses and the virtual addresses of the file.
    bias: Option<u64>,
}

/// Returns the frames of a task after an event, innermost first: as many as the log tells. Those of
/// a task that has ended are unknown.
pub(crate) fn backtrace<T: Tracee, S: ReadAt>(
    tracee: &mut T,
    file_pool: &FilePool,
    log: &Log<S>,
    event: u64,
) -> Vec<Frame> {
    let Ok(registers) = tracee.registers() else { return Vec::new() };
    let mut files: HashMap<(u64, u64), Elf> = HashMap::new();
    let mut unwinder = StackUnwinder::new();
    let mut codes = Vec::new();
    for mapping in tracee.mappings().unwrap_or_default() {
        if mapping.permissions[2] != b'x' || mapping.inode != file_pool.inode() {
            continue;
        }
        let Some((file, offset)) = file_pool.origin(mapping.offset) else { continue };
        if !files.contains_key(&file)
            && let Some(bytes) = file_pool.file(file, MAX_FILE_LEN)
        {
            files.insert(file, Elf::new(bytes));
        }
        let elf = files.get(&file);
        let bias = elf
            .and_then(|elf| elf.address(offset))
            .map(|address| mapping.start.wrapping_sub(address));
        if let (Some(elf), Some(bias)) = (elf, bias) {
            _ = elf.add_unwind_tables(&mut unwinder, mapping.start..mapping.end, bias);
        }
        codes.push(CodeMapping { mapping, file, offset, bias });
    }
    let ips = if registers.in_64_bits() {
        let regs = UnwindRegsX86_64::new(registers.ip(), registers.sp(), registers.frame());
        callers(tracee, &unwinder, registers.ip(), regs)
    } else {
        // framehop unwinds 64-bit code only.
        vec![(registers.ip(), registers.ip())]
    };
    let names = file_names(log, &codes, event);
    let frame = |(ip, lookup): (u64, u64)| {
        let code =
            codes.iter().find(|code| (code.mapping.start..code.mapping.end).contains(&lookup));
        let symbol = code.and_then(|code| {
            let (name, offset) = files.get(&code.file)?.symbol(lookup.wrapping_sub(code.bias?))?;
            Some((name, offset + (ip - lookup)))
        });
        let file = code.and_then(|code| {
            let name = names.get(&code.file)?;
            Some((name.clone(), code.offset.checked_add(ip.checked_sub(code.mapping.start)?)?))
        });
        Frame { ip, symbol, file }
    };
    ips.into_iter().map(frame).collect()
}

/// Returns the address of each frame with the address to look its symbol up by: for a caller
/// that is inside the call instruction, not after it.
fn callers(
    tracee: &mut impl Tracee,
    unwinder: &StackUnwinder,
    ip: u64,
    regs: UnwindRegsX86_64,
) -> Vec<(u64, u64)> {
    let mut read = |address: u64| {
        let mut word = [0; 8];
        let got = tracee.read(address, &mut word);
        if got == word.len() { Ok(u64::from_le_bytes(word)) } else { Err(()) }
    };
    let mut cache = CacheX86_64::new();
    let mut frames = unwinder.iter_frames(ip, regs, &mut cache, &mut read);
    // The walk ends with an error where unwind information is missing; the frames before it are
    // valid.
    std::iter::from_fn(|| frames.next().ok().flatten())
        .map(|frame| (frame.address(), frame.address_for_lookup()))
        .take(MAX_FRAMES)
        .collect()
}

/// Returns the paths of the mapped files, from the events of the log up to `event`.
fn file_names<S: ReadAt>(
    log: &Log<S>,
    codes: &[CodeMapping],
    event: u64,
) -> HashMap<(u64, u64), String> {
    let mut names = HashMap::new();
    let mut insert = |file: (u64, u64), name: &[u8]| {
        if codes.iter().any(|code| code.file == file) {
            names.insert(file, String::from_utf8_lossy(name).into_owned());
        }
    };
    let mut events = log.events();
    while let Ok(Some(Item::Event(at))) = events.next() {
        if at.number > event {
            break;
        }
        match at.decode() {
            Ok(Body::Stop(stop)) => {
                for part in stop.parts.flatten() {
                    if let Part::Name(name) = part {
                        insert((name.dev, name.ino), name.link);
                    }
                }
            }
            Ok(Body::Snapshot { what: SnapshotKind::PROCESS, bytes, .. }) => {
                let maps = ProcessSnapshot::from_bytes(bytes)
                    .map(|process| process.maps)
                    .unwrap_or_default();
                maps.iter().for_each(|map| insert((map.dev, map.inode), &map.path));
            }
            _ => {}
        }
    }
    names
}
