//! Where a replayed task stands: its calls, by what the recorded files say of code. The files
//! themselves may be gone.

use crate::elf::{Elf, Stacks};
use crate::engine::Replay;
use framehop::Unwinder;
use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use sysreel_format::{Body, Item, MetaCodec, Part, ProcessSnapshot, ReadAt, SnapshotKind};
use sysreel_sys::process::{self, Mapping};

/// The most calls that are told.
const MOST: usize = 64;
/// Files that are longer are not looked into.
const LONGEST: u64 = 256 << 20;

/// A place in code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The instruction, or where its call returns to.
    pub ip: u64,
    /// The function and how far into it, where the file has a name for it.
    pub symbol: Option<(String, u64)>,
    /// The file that it lies in, and where, as far as the log knows.
    pub file: Option<(String, u64)>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Frame { ip, symbol, file } = self;
        // As people know it from stack traces: the last part of its path is enough.
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        match (symbol, file) {
            (Some((symbol, offset)), Some((path, _))) => {
                write!(f, "{ip:#x} {symbol}+{offset:#x} ({})", name(path))
            }
            (Some((symbol, offset)), None) => write!(f, "{ip:#x} {symbol}+{offset:#x}"),
            (None, Some((path, offset))) => write!(f, "{ip:#x} ({}+{offset:#x})", name(path)),
            (None, None) => write!(f, "{ip:#x} (memory of no file)"),
        }
    }
}

/// Code of a file in the memory of a task.
struct Code {
    mapping: Mapping,
    file: (u64, u64),
    /// Where in the file the mapping begins.
    offset: u64,
    /// How far its addresses are from those of the file.
    bias: Option<u64>,
}

impl<S: ReadAt> Replay<'_, S> {
    /// Where a task stands and who has called that, the innermost first. Nothing of a task that has
    /// ended.
    pub(crate) fn backtrace(&mut self, task: u32, event: u64) -> Vec<Frame> {
        let Some(known) = self.tasks.get(&task) else { return Vec::new() };
        let (tid, Ok(registers)) = (known.tid, known.stop.general()) else { return Vec::new() };
        let mut files: HashMap<(u64, u64), Elf> = HashMap::new();
        let mut stacks = Stacks::new();
        let mut codes = Vec::new();
        for mapping in process::mappings(tid).unwrap_or_default() {
            if mapping.permissions[2] != b'x' || mapping.inode != self.file_pool.inode() {
                continue;
            }
            let Some((file, offset)) = self.file_pool.origin(mapping.offset) else { continue };
            if !files.contains_key(&file)
                && let Some(bytes) = self.file_pool.file(file, LONGEST)
            {
                files.insert(file, Elf::of(bytes));
            }
            let elf = files.get(&file);
            let bias = elf
                .and_then(|elf| elf.address(offset))
                .map(|address| mapping.start.wrapping_sub(address));
            if let (Some(elf), Some(bias)) = (elf, bias) {
                _ = elf.teach(&mut stacks, mapping.start..mapping.end, bias);
            }
            codes.push(Code { mapping, file, offset, bias });
        }
        let ips = if registers.in_64_bits() {
            let regs = UnwindRegsX86_64::new(registers.ip(), registers.sp(), registers.frame());
            self.callers(task, &stacks, registers.ip(), regs)
        } else {
            // What finds callers knows 64-bit programs only.
            vec![(registers.ip(), registers.ip())]
        };
        let names = self.names(&codes, event);
        let frame = |(ip, lookup): (u64, u64)| {
            let code =
                codes.iter().find(|code| (code.mapping.start..code.mapping.end).contains(&lookup));
            let symbol = code.and_then(|code| {
                let (name, offset) =
                    files.get(&code.file)?.symbol(lookup.wrapping_sub(code.bias?))?;
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

    /// Addresses of the calls, each with the one that is in the midst of it.
    fn callers(
        &mut self,
        task: u32,
        stacks: &Stacks,
        ip: u64,
        regs: UnwindRegsX86_64,
    ) -> Vec<(u64, u64)> {
        let Some(task) = self.tasks.get_mut(&task) else { return Vec::new() };
        let mut read = |address: u64| {
            let mut word = [0; 8];
            let got = task.memory.read(address, &mut word);
            if got == word.len() { Ok(u64::from_le_bytes(word)) } else { Err(()) }
        };
        let mut cache = CacheX86_64::new();
        let mut frames = stacks.iter_frames(ip, regs, &mut cache, &mut read);
        // It ends with an error where nobody says who has called: what was found until then holds.
        std::iter::from_fn(|| frames.next().ok().flatten())
            .map(|frame| (frame.address(), frame.address_for_lookup()))
            .take(MOST)
            .collect()
    }

    /// What the files were called, as far as the log tells before an event.
    fn names(&self, codes: &[Code], event: u64) -> HashMap<(u64, u64), String> {
        let mut names = HashMap::new();
        let mut tell = |file: (u64, u64), name: &[u8]| {
            if codes.iter().any(|code| code.file == file) {
                names.insert(file, String::from_utf8_lossy(name).into_owned());
            }
        };
        let mut events = self.log.events();
        while let Ok(Some(Item::Event(at))) = events.next() {
            if at.number > event {
                break;
            }
            match at.decode() {
                Ok(Body::Stop(stop)) => {
                    for part in stop.parts.flatten() {
                        if let Part::Name(name) = part {
                            tell((name.dev, name.ino), name.link);
                        }
                    }
                }
                Ok(Body::Snapshot { what: SnapshotKind::PROCESS, bytes, .. }) => {
                    let maps = ProcessSnapshot::from_bytes(bytes)
                        .map(|process| process.maps)
                        .unwrap_or_default();
                    maps.iter().for_each(|map| tell((map.dev, map.inode), &map.path));
                }
                _ => {}
            }
        }
        names
    }
}
