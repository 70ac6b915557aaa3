//! Finds instructions in mapped text whose effects no call shows: random numbers of the CPU, and
//! calls through the vsyscall page.

use std::ops::BitOrAssign;

/// The first bytes of rdrand and rdseed, and how many bytes after them compilers test the carry
/// flag, which says whether there was a number (Intel SDM).
const RANDOM: [u8; 2] = [0x0f, 0xc7];
const TEST_WITHIN: usize = 10;

/// What a piece of text has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Instructions {
    /// rdrand or rdseed.
    pub(super) random: bool,
    /// An address in the vsyscall page.
    pub(super) vsyscall: bool,
}

impl BitOrAssign for Instructions {
    fn bitor_assign(&mut self, other: Instructions) {
        self.random |= other.random;
        self.vsyscall |= other.vsyscall;
    }
}

/// Searches text. Data in it can look like an instruction.
pub(super) fn find(text: &[u8]) -> Instructions {
    let mut found = Instructions::default();
    // The second byte of the opcode, and the third of the address.
    for at in memchr::memchr2_iter(0xc7, 0x60, text) {
        match text[at] {
            0xc7 if !found.random => found.random = is_random(text, at.saturating_sub(1)),
            0x60 if !found.vsyscall => found.vsyscall = is_vsyscall(text, at),
            _ => {}
        }
    }
    found
}

/// Whether rdrand or rdseed begins at `at`: opcodes 0f c7 /6 and /7 with a register, without the
/// prefix of rdpid, and a test of the carry flag after it.
fn is_random(text: &[u8], at: usize) -> bool {
    let is_instruction = text[at..].starts_with(&RANDOM)
        && text.get(at + 2).is_some_and(|&modrm| modrm >= 0xf0)
        && at.checked_sub(1).is_none_or(|before| text[before] != 0xf3);
    let rest = text.get(at + 3..).unwrap_or_default();
    // The distance of a jump or call: a small negative number.
    if text.get(at + 2) == Some(&0xff) && rest.first() == Some(&0xff) {
        return false;
    }
    let rest = &rest[..rest.len().min(TEST_WITHIN)];
    is_instruction && rest.windows(2).any(|code| tests_carry(code[0], code[1]))
}

/// Whether these bytes begin jc, jnc, setc, setnc, cmovc, cmovnc, or adc and sbb of a register.
fn tests_carry(first: u8, second: u8) -> bool {
    match first {
        0x0f => matches!(second, 0x42 | 0x43 | 0x82 | 0x83 | 0x92 | 0x93),
        0x72 | 0x73 => true,
        0x11 | 0x19 => second >= 0xc0,
        0x83 => (0xd0..0xe0).contains(&second),
        _ => false,
    }
}

/// Whether the byte 0x60 at `at` belongs to an address of one of the three functions in the page,
/// either as 8 bytes or as an immediate of 4 bytes that `mov` extends to 8 (REX.W c7 /0).
fn is_vsyscall(text: &[u8], at: usize) -> bool {
    let Some(start) = at.checked_sub(2) else { return false };
    if text.get(at + 1) != Some(&0xff) || text[start] != 0 || !matches!(text[start + 1], 0 | 4 | 8)
    {
        return false;
    }
    let is_whole = text.get(at + 2..at + 6) == Some(&[0xff; 4]);
    // The operand is a register, or memory with up to five more bytes.
    let is_moved = [3, 4, 5, 7, 8].into_iter().any(|before| {
        let code = start.checked_sub(before).and_then(|from| text[from..].first_chunk());
        code.is_some_and(|&[rex, opcode, modrm]: &[u8; 3]| {
            rex & 0xf8 == 0x48 && opcode == 0xc7 && modrm & 0x38 == 0
        })
    });
    is_whole || is_moved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> (bool, bool) {
        // Some bytes around it, as in a program.
        let text = [&[0x90; 9][..], bytes, &[0x90; 20]].concat();
        let found = find(&text);
        (found.random, found.vsyscall)
    }

    /// As gcc 12 compiles them.
    #[test]
    fn instructions_are_found() {
        let rdrand = [0x48, 0x0f, 0xc7, 0xf0, 0x0f, 0x92, 0xc1];
        let rdseed = [0x0f, 0xc7, 0xf8, 0xb9, 0x01, 0, 0, 0, 0x0f, 0x42, 0xc1];
        assert_eq!([of(&rdrand), of(&rdseed)], [(true, false); 2]);
        let to_register = [0x48, 0xc7, 0xc0, 0, 0, 0x60, 0xff, 0xff, 0xd0];
        let to_stack = [0x48, 0xc7, 0x45, 0xf8, 0, 4, 0x60, 0xff];
        let to_stack_far = [0x48, 0xc7, 0x84, 0x24, 0x80, 0, 0, 0, 0, 8, 0x60, 0xff];
        let whole = [0x49, 0xbb, 0, 0, 0x60, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!([to_register, [0x4c; 9]].map(|code| of(&code)), [(false, true), (false, false)]);
        assert_eq!([of(&to_stack), of(&to_stack_far), of(&whole)], [(false, true); 3]);
    }

    #[test]
    fn others_are_not() {
        let cmpxchg16b = [0x48, 0x0f, 0xc7, 0x0f, 0x0f, 0x92, 0xc1];
        let rdpid = [0xf3, 0x0f, 0xc7, 0xf8, 0x0f, 0x92, 0xc1];
        let without_test = [0x0f, 0xc7, 0xf0, 0xc3];
        let another_place = [0x48, 0xc7, 0xc0, 0, 2, 0x60, 0xff];
        // jne, and the instruction that it jumps over, of perl 5.36.
        let distance = [0x0f, 0x85, 0x0f, 0xc7, 0xff, 0xff, 0x80, 0x78, 0x06, 0x72, 0x0f];
        let zero_extended = [0xb8, 0, 0, 0x60, 0xff];
        for code in
            [&cmpxchg16b[..], &rdpid, &without_test, &another_place, &zero_extended, &distance]
        {
            assert_eq!(of(code), (false, false), "{code:x?}");
            assert_eq!(find(code), Instructions::default(), "{code:x?}");
        }
    }
}
