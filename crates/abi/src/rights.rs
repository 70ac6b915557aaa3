//! File descriptors received in a message (unix(7)).

use linux_raw_sys::net::{SCM_RIGHTS, SOL_SOCKET};

use crate::arch::Abi;

/// Calls `each` with every descriptor in the control data of a received message (`SCM_RIGHTS`).
///
/// Control data is a sequence of headers, aligned to words (cmsg(3)): a word with the length,
/// header included, then level, type, and data. Terminates for any input: a header that exceeds the
/// data is the last.
pub fn rights(abi: Abi, control: &[u8], each: impl FnMut(i32)) {
    descriptors(abi, control, SCM_RIGHTS, each);
}

/// Calls `each` with the pidfd of the sender of a received message (`SCM_PIDFD`, Linux 6.5).
pub fn sender_pidfd(abi: Abi, control: &[u8], each: impl FnMut(i32)) {
    /// Not in any user-space header (include/linux/socket.h).
    const SCM_PIDFD: u32 = 4;
    descriptors(abi, control, SCM_PIDFD, each);
}

fn descriptors(abi: Abi, control: &[u8], sought: u32, mut each: impl FnMut(i32)) {
    let word = usize::from(abi.word());
    let mut rest = control;
    while let Some((len, level, kind)) = header(word, rest) {
        let head = word + 8;
        let Some(data) = rest.get(head..len.max(head)) else { return };
        if (level, kind) == (SOL_SOCKET, sought) {
            data.chunks_exact(4)
                .for_each(|fd| each(i32::from_le_bytes([fd[0], fd[1], fd[2], fd[3]])));
        }
        match rest.get(len.max(head).next_multiple_of(word)..) {
            Some(next) => rest = next,
            None => return,
        }
    }
}

fn header(word: usize, bytes: &[u8]) -> Option<(usize, u32, u32)> {
    let number = |at: usize, len: usize| {
        let bytes = bytes.get(at..at + len)?;
        Some(bytes.iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte)))
    };
    let len = usize::try_from(number(0, word)?).ok().filter(|&len| len <= bytes.len())?;
    Some((len, u32::try_from(number(word, 4)?).ok()?, u32::try_from(number(word + 4, 4)?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fds(abi: Abi, control: &[u8]) -> Vec<i32> {
        let mut fds = Vec::new();
        rights(abi, control, |fd| fds.push(fd));
        fds
    }

    fn message(abi: Abi, kind: u32, data: &[u8]) -> Vec<u8> {
        let word = usize::from(abi.word());
        let mut bytes = ((word + 8 + data.len()) as u64).to_le_bytes()[..word].to_vec();
        bytes.extend(SOL_SOCKET.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(word), 0);
        bytes
    }

    #[test]
    fn descriptors_are_found_after_other_data() {
        for abi in [Abi::X86_64, Abi::I386] {
            let mut control = message(abi, SCM_RIGHTS + 1, &[1, 2, 3, 4, 5]);
            control.extend(message(abi, SCM_RIGHTS, &[7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0]));
            control.extend(message(abi, SCM_RIGHTS, &[10, 0, 0, 0]));
            assert_eq!(fds(abi, &control), [7, 8, 9, 10]);
            assert_eq!(fds(abi, &[]), []);
            let mut pidfds = Vec::new();
            control.extend(message(abi, 4, &[11, 0, 0, 0]));
            sender_pidfd(abi, &control, |fd| pidfds.push(fd));
            assert_eq!((fds(abi, &control), pidfds), (vec![7, 8, 9, 10], vec![11]));
        }
    }

    #[test]
    fn malformed_control_data_ends() {
        let whole = message(Abi::X86_64, SCM_RIGHTS, &[7, 0, 0, 0]);
        for len in 0..20 {
            assert_eq!(fds(Abi::X86_64, &whole[..len]), []);
        }
        assert_eq!(fds(Abi::X86_64, &[0; 64]), []);
        assert_eq!(fds(Abi::X86_64, &[0xff; 64]), []);
    }
}
