//! Finds room for a jump near a call site.
//!
//! A site has two bytes, enough for a short jump. What it jumps to is *padding*: bytes between two
//! functions, or between parts of one, that are never executed. Padding is not guessed. The code is
//! decoded from the beginning of the function on, and only where an instruction is known to begin:
//! after one that continues, where something jumps, where a function begins, and at the site. A run
//! of instructions that do nothing is padding if it follows one that never continues, and nothing
//! that was decoded jumps into it.

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic};
use std::collections::BTreeSet;

/// How many bytes from a site on must be known.
pub const CODE_AFTER: usize = 2 + 127 + 32;

/// The length of a jump to anywhere, and of one over the padding.
const JUMP: u8 = 5;
const SHORT_JUMP: u8 = 2;

/// Padding that a site can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patch {
    /// The address of the site.
    pub site: u64,
    /// The address of the padding.
    pub padding: u64,
    /// Its length.
    pub len: u8,
}

impl Patch {
    /// Returns the address of the jump. If there is room, it follows a jump over the padding, so
    /// that padding which is executed after all still does nothing.
    fn jump(&self) -> u64 {
        let over = if self.len >= SHORT_JUMP + JUMP { SHORT_JUMP } else { 0 };
        self.padding + u64::from(over)
    }

    /// The bytes at the site: a jump to the jump.
    pub fn at_site(&self) -> [u8; 2] {
        [0xeb, u8::try_from(self.jump() - self.site - 2).unwrap_or(0)]
    }

    /// The bytes at the padding: the jump to `target`. `None` when that is too far.
    pub fn at_padding(&self, target: u64) -> Option<Vec<u8>> {
        let from = self.jump() + u64::from(JUMP);
        let distance = i32::try_from(target.wrapping_sub(from).cast_signed()).ok()?;
        let mut bytes = Vec::new();
        if self.jump() > self.padding {
            bytes.extend([0xeb, self.len - SHORT_JUMP]);
        }
        bytes.push(0xe9);
        bytes.extend(distance.to_le_bytes());
        Some(bytes)
    }
}

/// Whether an instruction does nothing and is used as padding.
fn is_filler(instruction: &Instruction) -> bool {
    matches!(instruction.mnemonic(), Mnemonic::Nop | Mnemonic::Int3)
}

/// Where code is known to begin.
struct Known<'a> {
    /// The targets of jumps.
    targets: BTreeSet<u64>,
    /// The first addresses of functions, in ascending order.
    functions: &'a [u64],
}

impl Known<'_> {
    /// Returns the first address from `at` on.
    fn next(&self, at: u64) -> Option<u64> {
        let function = self.functions.get(self.functions.partition_point(|&start| start < at));
        let target = self.targets.range(at..).next();
        function.into_iter().chain(target).min().copied()
    }
}

/// Finds padding for a site. `code` begins at `start`: at the site, or at the beginning of its
/// function. `functions`: where functions begin, in ascending order. `taken`: whether padding is in
/// use.
pub fn find_padding(
    site: u64,
    start: u64,
    code: &[u8],
    functions: &[u64],
    taken: impl Fn(u64) -> bool,
) -> Option<Patch> {
    let after = usize::try_from(site.checked_sub(start)?).ok()?;
    code.get(after..)?.strip_prefix(&crate::remote::SYSCALL)?;
    let mut known = Known { targets: BTreeSet::from([start, site]), functions };
    let mut at = start;
    while at < site {
        let after = walk(start, code, at, site, &mut known);
        at = known.next(after.max(at + 1)).unwrap_or(site);
    }
    at = site;
    loop {
        at = walk(start, code, at, u64::MAX, &mut known);
        if let Some(len) = filler(start, code, at, &known).filter(|_| !taken(at)) {
            // Out of reach, even if two bytes come before the jump.
            return (at - site <= 127).then_some(Patch { site, padding: at, len });
        }
        // What follows may be data. A known address at which nothing can be decoded ends the code.
        at = known.next(at).filter(|&at| decode(start, code, at).is_some())?;
    }
}

/// Decodes from a known address on while one instruction follows the other, up to `end`. Returns
/// the address after them.
fn walk(start: u64, code: &[u8], mut at: u64, end: u64, known: &mut Known<'_>) -> u64 {
    let Some(mut decoder) = decoder(start, code, at) else { return at };
    while at < end {
        let instruction = decoder.decode();
        if instruction.code() == Code::INVALID {
            break;
        }
        at = instruction.next_ip();
        if !flow(&instruction, &mut known.targets) {
            break;
        }
    }
    at
}

/// Returns the length of the instructions at an address that do nothing, up to where code is known
/// to begin, if a jump has room there.
fn filler(start: u64, code: &[u8], at: u64, known: &Known<'_>) -> Option<u8> {
    let mut end = at;
    while let Some(next) = decode(start, code, end).filter(is_filler) {
        if known.next(end) == Some(end) {
            break;
        }
        end = next.next_ip();
    }
    let is_entered = known.next(at).is_some_and(|known| known < end);
    u8::try_from(end - at).ok().filter(|len| !is_entered && (JUMP..128).contains(len))
}

/// Adds the target of a jump. Returns whether the next instruction can be executed.
fn flow(instruction: &Instruction, targets: &mut BTreeSet<u64>) -> bool {
    match instruction.flow_control() {
        FlowControl::Next | FlowControl::Call | FlowControl::IndirectCall => true,
        FlowControl::ConditionalBranch => {
            targets.insert(instruction.near_branch_target());
            true
        }
        FlowControl::UnconditionalBranch => {
            targets.insert(instruction.near_branch_target());
            false
        }
        FlowControl::Interrupt => true,
        FlowControl::XbeginXabortXend => {
            targets.insert(instruction.near_branch_target());
            true
        }
        FlowControl::Return | FlowControl::IndirectBranch | FlowControl::Exception => false,
    }
}

/// Decodes an instruction. `None` when there is none.
fn decode(start: u64, code: &[u8], at: u64) -> Option<Instruction> {
    let instruction = decoder(start, code, at)?.decode();
    (instruction.code() != Code::INVALID).then_some(instruction)
}

/// Returns what decodes from an address on. `None` when the address is not in the code.
fn decoder(start: u64, code: &[u8], at: u64) -> Option<Decoder<'_>> {
    let bytes = code.get(usize::try_from(at.checked_sub(start)?).ok()?..)?;
    Some(Decoder::with_ip(64, bytes, at, DecoderOptions::NONE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::SYSCALL;

    const SITE: u64 = 0x1000;

    fn padding(after: &[u8]) -> Option<(u64, u8)> {
        padding_before(&[], after)
    }

    fn padding_before(functions: &[u64], after: &[u8]) -> Option<(u64, u8)> {
        let mut code = SYSCALL.to_vec();
        code.extend(after);
        code.resize(CODE_AFTER, 0xc3);
        let found = find_padding(SITE, SITE, &code, functions, |_| false);
        found.map(|patch| (patch.padding - SITE, patch.len))
    }

    const LONG_NOP: [u8; 8] = [0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0];

    fn code(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn padding_follows_what_never_continues() {
        let ret: &[u8] = &[0xc3];
        assert_eq!(padding(&code(&[ret, &LONG_NOP])), Some((3, 8)));
        assert_eq!(padding(&code(&[ret, &[0xcc; 9]])), Some((3, 9)));
        // Executed padding is none, and 4 bytes are too few.
        assert_eq!(padding(&code(&[&LONG_NOP, ret])), None);
        assert_eq!(padding(&code(&[ret, &[0x90; 5]])), Some((3, 5)));
        assert_eq!(padding(&code(&[ret, &[0x90; 4]])), None);
        // A call can return.
        assert_eq!(padding(&code(&[&[0xe8, 0, 0, 0, 0], &LONG_NOP])), None);
        assert_eq!(padding(&code(&[&[0xeb, 0x20], &LONG_NOP])), Some((4, 8)));
    }

    #[test]
    fn nop_bytes_within_an_instruction_are_no_padding() {
        // fstatat of glibc has code 8 bytes after a ret; an immediate can look like nops.
        let mov: &[u8] = &[0x48, 0xb8, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90];
        assert_eq!(padding(&code(&[mov, &[0xc3]])), None);
        // After a ret nothing says where an instruction begins, unless something jumps there.
        assert_eq!(padding(&code(&[&[0xc3, 0x55, 0xc3], &LONG_NOP])), None);
        let jumped: &[u8] = &[0x77, 0x01, 0xc3, 0x55, 0xc3];
        assert_eq!(padding(&code(&[jumped, &LONG_NOP])), Some((7, 8)));
    }

    #[test]
    fn padding_into_which_code_jumps_is_none() {
        // ja to the second of two nops.
        let inside: &[u8] = &[0x77, 0x03, 0xc3, 0x66, 0x90];
        assert_eq!(padding(&code(&[inside, &LONG_NOP])), None);
        let after: &[u8] = &[0x77, 0x09, 0xc3];
        assert_eq!(padding(&code(&[after, &LONG_NOP, &[0x55]])), Some((5, 8)));
    }

    #[test]
    fn padding_out_of_reach_or_in_use_is_not_taken() {
        let far = vec![0x50; 124];
        assert_eq!(padding(&code(&[&far, &[0xc3], &LONG_NOP])), Some((127, 8)));
        let farther = vec![0x50; 125];
        assert_eq!(padding(&code(&[&farther, &[0xc3], &LONG_NOP])), None);
        let bytes = code(&[&[0x0f, 0x05, 0xc3], &LONG_NOP, &[0x55; 150]]);
        assert_eq!(find_padding(SITE, SITE, &bytes, &[], |at| at == SITE + 3), None);
    }

    #[test]
    fn code_goes_on_where_it_is_known_to() {
        // 3 bytes of padding up to a multiple of 8, and what follows them; then enough of them.
        let bytes = code(&[&[0x90, 0x90, 0xc3, 0x0f, 0x1f, 0, 0x55, 0xc3], &LONG_NOP]);
        assert_eq!(padding_before(&[SITE + 8], &bytes), Some((10, 8)));
        assert_eq!(padding_before(&[SITE + 8, SITE + 11], &bytes), None);
        // It may be data.
        assert_eq!(padding(&bytes), None);
        // A jump from the site or from before it says that it is code. The site is at 0x1003.
        let from_before: &[u8] = &[0x77, 0x09, 0x90];
        let bytes = code(&[from_before, &SYSCALL, &bytes]);
        let found = |start: usize| {
            let first = SITE - 3 + start as u64;
            find_padding(SITE, first, &bytes[start..], &[], |_| false)
        };
        assert_eq!(found(0), Some(Patch { site: SITE, padding: SITE + 10, len: 8 }));
        assert_eq!(found(3), None);
    }

    #[test]
    fn a_site_that_is_not_decoded_from_before_is_known_all_the_same() {
        // The instruction before would have the bytes of the site as its immediate.
        let bytes = code(&[&[0xb8], &SYSCALL, &[0xc3], &LONG_NOP]);
        let patch = find_padding(SITE, SITE - 1, &bytes, &[], |_| false);
        assert_eq!(patch, Some(Patch { site: SITE, padding: SITE + 3, len: 8 }));
    }

    #[test]
    fn jumps_go_over_the_padding_and_to_the_target() {
        let patch = Patch { site: SITE, padding: SITE + 3, len: 8 };
        assert_eq!(patch.at_site(), [0xeb, 3]);
        assert_eq!(patch.at_padding(SITE + 10), Some(vec![0xeb, 6, 0xe9, 0, 0, 0, 0]));
        assert_eq!(patch.at_padding(SITE + (4 << 30)), None);
        let short = Patch { site: SITE, padding: SITE + 3, len: 6 };
        assert_eq!(short.at_site(), [0xeb, 1]);
        assert_eq!(short.at_padding(SITE + 9), Some(vec![0xe9, 1, 0, 0, 0]));
    }
}
