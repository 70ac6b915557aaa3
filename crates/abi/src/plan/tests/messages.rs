//! The parts of messages.

use super::*;

/// name, namelen, iov, iovlen, control, controllen, flags.
const HEADER: [u64; 7] = [0x2000, 16, 0x3000, 2, 0x4000, 24, 0];

#[test]
fn a_message_going_in() {
    let mem = Fake::default().words(0x1000, &HEADER).words(0x3000, &[0x5000, 4, 0x6000, 6]);
    let r = run_in(Abi::X86_64, "sendmsg", &[3, 0x1000, 0], 10, mem, Fake::default());
    assert_eq!(
        r.entry,
        [
            (1, 0, 0, 0x1000, 56),
            (1, 1, MSG_NAME, 0x2000, 16),
            (1, 1, MSG_CONTROL, 0x4000, 24),
            (1, 1, MSG_IOV, 0x3000, 32),
            (1, 2, 0, 0x5000, 4),
            (1, 2, 1, 0x6000, 6),
        ]
    );
    assert_eq!((r.exit.len(), r.fetches), (0, 3));
}

#[test]
fn a_message_coming_out() {
    let iov = |mem: Fake| mem.words(0x3000, &[0x5000, 4, 0x6000, 6]);
    let before = iov(Fake::default().words(0x1000, &HEADER));
    // The peer's name exceeds the buffer, and half of the control data arrived.
    let after = iov(Fake::default().words(0x1000, &[0x2000, 110, 0x3000, 2, 0x4000, 12, 0]));
    let r = run_in(Abi::X86_64, "recvmsg", &[3, 0x1000, 0], 7, before, after);
    assert_eq!(r.entry, [(1, 0, 0, 0x1000, 56), (1, 1, MSG_IOV, 0x3000, 32)]);
    assert_eq!(
        r.exit,
        [
            (1, 0, 0, 0x1000, 56),
            (1, 1, MSG_NAME, 0x2000, 16),
            (1, 1, MSG_CONTROL, 0x4000, 12),
            (1, 2, 0, 0x5000, 4),
            (1, 2, 1, 0x6000, 3),
        ]
    );
    let r = run("recvmsg", &[3, 0x1000, 0], -11);
    assert_eq!(r.exit, []);
}

#[test]
fn many_messages() {
    let array = |lengths: [u64; 2]| {
        let mut words = Vec::new();
        for length in lengths {
            words.extend([0, 0, 0x3000, 1, 0, 0, 0, length]);
        }
        Fake::default().words(0x1000, &words).words(0x3000, &[0x5000, 100])
    };
    let r = run_in(Abi::X86_64, "recvmmsg", &[3, 0x1000, 2, 0, 0], 1, array([0, 0]), array([9, 0]));
    assert_eq!(
        r.entry,
        [
            (1, 0, 0, 0x1000, 128),
            (1, 1, index(0, MSG_IOV), 0x3000, 16),
            (1, 1, index(1, MSG_IOV), 0x3000, 16)
        ]
    );
    assert_eq!(r.exit, [(1, 0, 0, 0x1000, 64), (1, 2, index(0, 0), 0x5000, 9)]);
    let r =
        run_in(Abi::X86_64, "sendmmsg", &[3, 0x1000, 2, 0], 2, array([0, 0]), array([100, 100]));
    assert_eq!(r.entry.len(), 5);
    assert_eq!(r.exit, [(1, 0, 0, 0x1000, 128)], "the sent lengths");
    assert_eq!(run("sendmmsg", &[3, 0x1000, 2, 0], -9).exit, []);
}
