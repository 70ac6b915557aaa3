//! Finds room for a jump near a call site.
//!
//! A site has two bytes, enough for a short jump. What it jumps to is *padding*: bytes between two
//! functions, or between parts of one, that are never executed. Padding is not guessed. The code is
//! decoded from the site on, whose next instruction is known to begin there; a run of instructions
//! that do nothing is padding if it follows one that never continues, and nothing that was decoded
//! jumps into it.

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic};

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

/// What follows padding begins at a multiple of this.
const ALIGNED: u64 = 8;

/// Whether an instruction does nothing and is used as padding.
fn is_filler(instruction: &Instruction) -> bool {
    matches!(instruction.mnemonic(), Mnemonic::Nop | Mnemonic::Int3)
}

/// Finds padding for the site at which `code` begins. `taken`: whether padding is in use.
pub fn find_padding(site: u64, code: &[u8], taken: impl Fn(u64) -> bool) -> Option<Patch> {
    let rest = code.strip_prefix(&crate::remote::SYSCALL)?;
    let mut decoder = Decoder::with_ip(64, rest, site + 2, DecoderOptions::NONE);
    let mut targets = Vec::new();
    let mut goes_on = true;
    let mut next = decode(&mut decoder)?;
    loop {
        let at = next.ip();
        if at - site > 127 {
            return None; // Out of reach, even if two bytes come before the jump.
        }
        goes_on |= targets.contains(&at);
        if !goes_on && is_filler(&next) {
            let mut end = at;
            while is_filler(&next) && !(end > at && targets.contains(&next.ip())) {
                end = next.next_ip();
                next = decode(&mut decoder)?;
            }
            let is_entered = targets.iter().any(|target| (at + 1..end).contains(target));
            let len = u8::try_from(end - at).ok().filter(|len| (JUMP..128).contains(len));
            if let Some(len) = len.filter(|_| !is_entered && !taken(at)) {
                return Some(Patch { site, padding: at, len });
            }
            // Padding aligns what comes after it.
            goes_on = end.is_multiple_of(ALIGNED);
            continue;
        }
        if !goes_on {
            return None; // Nothing says that an instruction begins here.
        }
        match next.flow_control() {
            FlowControl::Next | FlowControl::Call | FlowControl::IndirectCall => {}
            FlowControl::ConditionalBranch => targets.push(next.near_branch_target()),
            FlowControl::UnconditionalBranch => {
                targets.push(next.near_branch_target());
                goes_on = false;
            }
            FlowControl::Return | FlowControl::IndirectBranch | FlowControl::Exception => {
                goes_on = false;
            }
            FlowControl::Interrupt if next.mnemonic() == Mnemonic::Int3 => {}
            FlowControl::Interrupt | FlowControl::XbeginXabortXend => return None,
        }
        next = decode(&mut decoder)?;
    }
}

fn decode(decoder: &mut Decoder<'_>) -> Option<Instruction> {
    let instruction = decoder.decode();
    (instruction.code() != Code::INVALID).then_some(instruction)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: u64 = 0x1000;

    fn padding(after: &[u8]) -> Option<(u64, u8)> {
        let mut code = vec![0x0f, 0x05];
        code.extend(after);
        code.resize(CODE_AFTER, 0xc3);
        find_padding(SITE, &code, |_| false).map(|patch| (patch.padding - SITE, patch.len))
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
        assert_eq!(find_padding(SITE, &bytes, |at| at == SITE + 3), None);
    }

    #[test]
    fn code_goes_on_where_padding_aligns_it() {
        // 3 bytes of padding up to 0x1008; the next is long enough.
        let aligned: &[u8] = &[0x90, 0x90, 0xc3, 0x0f, 0x1f, 0, 0x55, 0xc3];
        assert_eq!(padding(&code(&[aligned, &LONG_NOP])), Some((10, 8)));
        let unaligned: &[u8] = &[0x90, 0xc3, 0x0f, 0x1f, 0, 0x55, 0xc3];
        assert_eq!(padding(&code(&[unaligned, &LONG_NOP])), None);
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
