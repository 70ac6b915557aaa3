//! The programs of calls, as the page reads them.

use sysreel_abi::fast::{self, AFTER_PATH, Copied, Program};
use sysreel_sys::fast::layout as l;

/// The length of a program in the page.
const PROGRAM: usize = 16;

/// What is put into the page.
#[derive(Debug)]
pub(super) struct Programs {
    bytes: Vec<u8>,
    commands: Vec<u8>,
    /// The numbers of the calls that make descriptors.
    naming: Vec<u64>,
}

impl Programs {
    /// Compiles the table. `names`: whether names of descriptors are to be taken.
    pub(super) fn new(names: bool) -> Programs {
        let len = PROGRAM * usize::try_from(l::CALLS).unwrap_or(0);
        let (mut bytes, mut commands, mut naming) = (vec![0; len], Vec::new(), Vec::new());
        for (nr, program) in fast::programs() {
            let at = usize::try_from(nr).unwrap_or(usize::MAX).saturating_mul(PROGRAM);
            let Some(place) = bytes.get_mut(at..at.saturating_add(PROGRAM)) else { continue };
            if let Some(encoded) = encode(&program, names, &mut commands) {
                place.copy_from_slice(&encoded);
                if program.makes_descriptor {
                    naming.push(nr);
                }
            }
        }
        Programs { bytes, commands, naming }
    }

    /// The contents of the page.
    pub(super) fn page(&self) -> Vec<u8> {
        let proofs = AFTER_PATH.iter().fold(0, |bits, errno| bits | 1 << errno);
        sysreel_sys::fast::page(&self.bytes, &self.commands, proofs)
    }

    /// Whether a call can be made in the page, depending on its arguments.
    pub(super) fn has(&self, nr: u64) -> bool {
        let at = usize::try_from(nr).ok().and_then(|nr| nr.checked_mul(PROGRAM));
        at.and_then(|at| self.bytes.get(at)).is_some_and(|flags| flags & l::FAST != 0)
    }

    /// The addresses of the programs of calls whose descriptors are named, in the page.
    pub(super) fn naming(&self) -> impl Iterator<Item = u64> {
        self.naming.iter().map(|nr| sysreel_sys::fast::PAGE + l::PROGRAMS + nr * PROGRAM as u64)
    }
}

/// Encodes a program. `None` when the page could not run it.
fn encode(program: &Program, names: bool, commands: &mut Vec<u8>) -> Option<[u8; PROGRAM]> {
    let mut bytes = [0; PROGRAM];
    let mut flags = l::FAST;
    if program.makes_descriptor && names {
        flags |= l::NAMED;
    }
    bytes[1] = program.size.map_or(0, |arg| arg + 1);
    if let Some(set) = &program.commands {
        bytes[2] = set.arg + 1;
        bytes[3] = u8::try_from(commands.len() / 16).ok()?;
        commands.extend(set.low.to_le_bytes());
        commands.extend(set.high.to_le_bytes());
    }
    let copies: Vec<Copied> = program.copies.iter().flatten().copied().collect();
    let is_string = |copied: &Copied| matches!(copied, Copied::String { .. });
    let is_written =
        |copied: &Copied| matches!(copied, Copied::Fixed { .. } | Copied::Output { .. });
    if copies.iter().any(is_string) && copies.iter().any(is_written) {
        // The page compares these two.
        if copies.len() != 2 || !is_string(&copies[0]) {
            return None;
        }
        flags |= l::NEAR;
    }
    for (copied, place) in copies.iter().zip(bytes[4..].chunks_exact_mut(4)) {
        let (kind, arg, more) = match *copied {
            Copied::String { arg } => (l::STRING, arg, 0),
            Copied::Input { arg, count } => (l::INPUT, arg, count.into()),
            Copied::Fixed { arg, len } => (l::FIXED, arg, len),
            Copied::Output { arg, most } => (l::OUTPUT, arg, most.into()),
        };
        let [low, high] = more.to_le_bytes();
        place.copy_from_slice(&[kind, arg, low, high]);
    }
    bytes[0] = flags;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sysreel_abi::{Abi, number};

    /// Every row that is marked can be compiled: a mark that does nothing would be a mistake.
    #[test]
    fn marked_rows_have_programs() {
        let programs = Programs::new(true);
        let marked = number::calls(Abi::X86_64).filter(|(.., row)| row.is_some_and(|row| row.fast));
        let without: Vec<_> =
            marked.filter(|&(nr, ..)| !programs.has(nr)).map(|(_, name, _)| name).collect();
        assert_eq!(without, [""; 0]);
        assert!(!programs.has(59) && !programs.has(u64::MAX));
    }

    #[test]
    fn everything_fits_the_page() {
        let programs = Programs::new(true);
        assert!(programs.commands.len() as u64 <= l::PROOFS - l::COMMANDS);
        let page = programs.page();
        assert_eq!(page.len() as u64, sysreel_sys::fast::PAGE_LEN);
    }
}
