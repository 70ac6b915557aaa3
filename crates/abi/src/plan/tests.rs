//! One test for each kind of length, on fake memory.

mod messages;

use std::collections::BTreeMap;

use super::*;
use crate::desc::Dir;
use crate::number::{number, row};

/// Fake memory with a few mapped blocks. A request that starts outside of them gets nothing; one
/// that exceeds its block gets the bytes up to its end.
#[derive(Default)]
struct Fake {
    blocks: BTreeMap<u64, Vec<u8>>,
    got: Vec<Vec<u8>>,
    fetches: usize,
}

impl Fake {
    fn with(mut self, at: u64, bytes: &[u8]) -> Self {
        self.blocks.insert(at, bytes.to_vec());
        self
    }

    fn words(self, at: u64, words: &[u64]) -> Self {
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        self.with(at, &bytes)
    }
}

impl Memory for Fake {
    fn fetch(&mut self, requests: &[RegionRequest]) {
        self.fetches += 1;
        for request in requests {
            let block = self.blocks.range(..=request.address).next_back();
            let bytes = block
                .and_then(|(at, b)| b.get(usize::try_from(request.address - at).ok()?..))
                .unwrap_or(&[]);
            let n = usize::try_from(request.asked).unwrap_or(usize::MAX).min(bytes.len());
            let mut got = bytes[..n].to_vec();
            if request.string
                && let Some(end) = got.iter().position(|b| *b == 0)
            {
                got.truncate(end + 1);
            }
            if request.words != 0 {
                let word = usize::from(request.words);
                if let Some(end) = got.chunks_exact(word).position(|w| w.iter().all(|b| *b == 0)) {
                    got.truncate((end + 1) * word);
                }
            }
            self.got.push(got);
        }
    }

    fn bytes(&self, i: usize) -> &[u8] {
        self.got.get(i).map_or(&[], Vec::as_slice)
    }
}

/// (argument, role, index, address, asked) of the stored requests.
type Stored = Vec<(u8, u8, u32, u64, u64)>;

struct Run {
    entry: Stored,
    exit: Stored,
    state: EntryState,
    fetches: usize,
}

fn stored(requests: &[RegionRequest]) -> Stored {
    requests
        .iter()
        .filter(|w| w.store)
        .map(|w| (w.arg, w.role, w.index, w.address, w.asked))
        .collect()
}

/// Plans both stops of a call. `before` and `after` are the memory at entry and exit.
fn run_in(abi: Abi, name: &str, args: &[u64], rval: i64, before: Fake, after: Fake) -> Run {
    let row = row(abi.arch(), number(abi, name).unwrap()).unwrap();
    let mut full = [0; 6];
    full[..args.len()].copy_from_slice(args);
    let (mut requests, mut before, mut after) = (Vec::new(), before, after);
    let state = at_entry(abi, row, &full, &Limits::DEFAULT, &mut requests, &mut before);
    let entry = stored(&requests);
    assert!(requests.iter().all(|w| w.dir == Dir::In && w.address != 0 && w.asked != 0));
    let is_error = (-4095..0).contains(&rval);
    at_exit(abi, row, &full, rval, is_error, &state, &Limits::DEFAULT, &mut requests, &mut after);
    assert!(requests.iter().all(|w| w.dir == Dir::Out));
    Run { entry, exit: stored(&requests), state, fetches: before.fetches + after.fetches }
}

fn run(name: &str, args: &[u64], rval: i64) -> Run {
    run_in(Abi::X86_64, name, args, rval, Fake::default(), Fake::default())
}

#[test]
fn fixed_structures_come_out_on_success_alone() {
    let r = run("newfstatat", &[3, 0x1000, 0x2000, 0], 0);
    assert_eq!(r.entry, [(1, 0, 0, 0x1000, Limits::DEFAULT.string_bytes.into())]);
    assert_eq!(r.exit, [(2, 0, 0, 0x2000, 144)]);
    assert_eq!(run("newfstatat", &[3, 0x1000, 0x2000, 0], -2).exit, []);
    assert_eq!(run("newfstatat", &[3, 0, 0, 0], 0).exit, [], "a null pointer is not followed");
    let r = run_in(Abi::Aarch64, "newfstatat", &[3, 1, 2, 0], 0, Fake::default(), Fake::default());
    assert_eq!(r.exit, [(2, 0, 0, 2, 128)]);
}

#[test]
fn counts_come_from_an_argument_or_the_result() {
    assert_eq!(run("write", &[1, 0x1000, 5], 5).entry, [(1, 0, 0, 0x1000, 5)]);
    assert_eq!(run("write", &[1, 0x1000, u64::MAX], -14).entry, [(1, 0, 0, 0x1000, u64::MAX)]);
    assert_eq!(run("read", &[0, 0x1000, 4096], 10).exit, [(1, 0, 0, 0x1000, 10)]);
    assert_eq!(run("read", &[0, 0x1000, 4096], 0).exit, []);
    assert_eq!(run("read", &[0, 0x1000, 4096], -512).exit, [], "ERESTARTSYS is an error");
    // The result exceeds the buffer.
    assert_eq!(run("recvfrom", &[0, 0x1000, 8, 0x20, 0, 0], 100).exit, [(1, 0, 0, 0x1000, 8)]);
    assert_eq!(run("getxattr", &[1, 2, 0x3000, 0], 40).exit, []);
    assert_eq!(run("epoll_wait", &[3, 0x1000, 64, 0], 2).exit, [(1, 0, 0, 0x1000, 24)]);
    // Negative and oversized counts of ints.
    assert_eq!(run("epoll_wait", &[3, 0x1000, u64::MAX, 0], 2).exit, []);
    assert_eq!(run("poll", &[0x1000, 0xdead_0000_0002, 0], 1).entry, [(0, 0, 0, 0x1000, 16)]);
    assert_eq!(run("bind", &[3, 0x1000, 0xffff_ffff_ffff_fff0], 0).entry, []);
}

#[test]
fn some_memory_is_written_on_errors() {
    for (rval, written) in [(0, false), (-4, true), (-516, true), (-22, false)] {
        let r = run("nanosleep", &[0x1000, 0x2000], rval);
        assert_eq!(r.entry, [(0, 0, 0, 0x1000, 16)]);
        assert_eq!(!r.exit.is_empty(), written, "{rval}");
    }
    let left = |rval| run("pselect6", &[1, 0, 0, 0, 0x1000, 0], rval).exit;
    assert_eq!((left(0), left(-514)), (vec![(4, 0, 0, 0x1000, 16)], vec![(4, 0, 0, 0x1000, 16)]));
    assert_eq!(run("poll", &[0x1000, 1, 0], -516).exit, [(0, 0, 0, 0x1000, 8)]);
    assert_eq!(run("poll", &[0x1000, 1, 0], -14).exit, []);
}

#[test]
fn a_length_in_memory_is_the_smaller_of_two() {
    let len = |n: u32| Fake::default().with(0x3000, &n.to_le_bytes());
    let exit = |before, after, rval| {
        run_in(Abi::X86_64, "accept", &[3, 0x2000, 0x3000], rval, len(before), len(after)).exit
    };
    assert_eq!(exit(16, 110, 5), [(2, 0, 0, 0x3000, 4), (1, 0, 0, 0x2000, 16)]);
    assert_eq!(exit(128, 16, 5), [(2, 0, 0, 0x3000, 4), (1, 0, 0, 0x2000, 16)]);
    assert_eq!(exit(128, 16, -11), []);
    let broken =
        run_in(Abi::X86_64, "accept", &[3, 0x2000, 0x3000], 5, Fake::default(), Fake::default());
    assert_eq!(broken.exit, [(2, 0, 0, 0x3000, 4)]);
    // Without the state of the entry, the length at the exit counts.
    let row = row(Abi::X86_64.arch(), number(Abi::X86_64, "accept").unwrap()).unwrap();
    let (mut requests, mut mem, unknown) = (Vec::new(), len(16), EntryState::UNKNOWN);
    let args = [3, 0x2000, 0x3000, 0, 0, 0];
    at_exit(Abi::X86_64, row, &args, 5, false, &unknown, &Limits::DEFAULT, &mut requests, &mut mem);
    assert_eq!(stored(&requests), [(2, 0, 0, 0x3000, 4), (1, 0, 0, 0x2000, 16)]);
}

#[test]
fn bit_sets_have_whole_words() {
    let r = run("select", &[65, 0x1000, 0, 0x3000, 0], 1);
    assert_eq!(r.entry, [(1, 0, 0, 0x1000, 16), (3, 0, 0, 0x3000, 16)]);
    assert_eq!(r.entry, r.exit);
    assert_eq!(run("select", &[65, 0x1000, 0, 0, 0], -514).exit, []);
    let r = run_in(Abi::I386, "_newselect", &[33, 0x1000], 1, Fake::default(), Fake::default());
    assert_eq!(r.entry, [(1, 0, 0, 0x1000, 8)]);
}

#[test]
fn argv_is_followed_to_its_strings() {
    let mem = Fake::default()
        .with(0x100, b"/bin/ls\0")
        .words(0x1000, &[0x2000, 0x2003, 0])
        .with(0x2000, b"ls\0-l\0");
    let r = run_in(Abi::X86_64, "execve", &[0x100, 0x1000, 0], 0, mem, Fake::default());
    let string = u64::from(Limits::DEFAULT.string_bytes);
    let vector = (u64::from(Limits::DEFAULT.strings) + 1) * 8;
    assert_eq!(
        r.entry,
        [
            (0, 0, 0, 0x100, string),
            (1, 0, 0, 0x1000, vector),
            (1, 1, 0, 0x2000, string),
            (1, 1, 1, 0x2003, string)
        ]
    );
    assert_eq!((r.exit.len(), r.fetches, r.state.left_out), (0, 2, 0));
}

#[test]
fn argv_of_i386_has_small_words_and_masked_arguments() {
    let pointers: Vec<u8> = [0x2000u32, 0].iter().flat_map(|w| w.to_le_bytes()).collect();
    let mem = Fake::default().with(0x1000, &pointers).with(0x2000, b"x\0");
    let args = [0, 0xffff_ffff_0000_1000, 0];
    let r = run_in(Abi::I386, "execve", &args, 0, mem, Fake::default());
    assert_eq!(r.entry.last().map(|w| (w.0, w.1, w.3)), Some((1, 1, 0x2000)));
}

#[test]
fn a_long_argv_says_what_it_left_out() {
    let mem = Fake::default().words(0x1000, &vec![0x2000; 5000]);
    let r = run_in(Abi::X86_64, "execve", &[0, 0x1000, 0], 0, mem, Fake::default());
    assert_eq!((r.entry.len(), r.state.left_out), (4097, 1));
}

#[test]
fn iovecs_go_in_by_their_lengths_and_come_out_by_the_result() {
    let mem = || Fake::default().words(0x1000, &[0x2000, 5, 0, 0, 0x3000, 7]);
    let r = run_in(Abi::X86_64, "writev", &[1, 0x1000, 3], 12, mem(), mem());
    assert_eq!(r.entry, [(1, 0, 0, 0x1000, 48), (1, 1, 0, 0x2000, 5), (1, 1, 2, 0x3000, 7)]);
    assert_eq!(r.exit, []);
    let r = run_in(Abi::X86_64, "readv", &[1, 0x1000, 3], 8, mem(), mem());
    assert_eq!(r.entry, [(1, 0, 0, 0x1000, 48)]);
    assert_eq!(r.exit, [(1, 1, 0, 0x2000, 5), (1, 1, 2, 0x3000, 3)]);
    let huge = run_in(Abi::X86_64, "writev", &[1, 0x1000, u64::MAX], -22, mem(), mem());
    assert_eq!(huge.entry[0], (1, 0, 0, 0x1000, 1024 * 16), "no more than the kernel takes");
    let lengths = Fake::default().words(0x1000, &[0x2000, u64::MAX, u64::MAX, u64::MAX]);
    let wild = run_in(Abi::X86_64, "writev", &[1, 0x1000, 2], -14, lengths, Fake::default());
    assert_eq!(wild.entry[2], (1, 1, 1, u64::MAX, u64::MAX));
    let short = Fake::default().words(0x1000, &[0x2000, 5, 0x3000]);
    assert_eq!(
        run_in(Abi::X86_64, "writev", &[1, 0x1000, 2], -14, short, Fake::default()).entry.len(),
        2
    );
}

#[test]
fn self_sized_structures() {
    let mem = |size: u32| Fake::default().with(0x1000, &size.to_le_bytes());
    let entry =
        |size| run_in(Abi::X86_64, "sched_setattr", &[0, 0x1000, 0], 0, mem(size), mem(size)).entry;
    assert_eq!(entry(56), [(1, 0, 0, 0x1000, 56)]);
    assert_eq!(entry(0), [(1, 0, 0, 0x1000, 48)]);
    assert_eq!(entry(u32::MAX), [(1, 0, 0, 0x1000, 4096)]);
    let args = &[3, 0x1000, 24];
    assert_eq!(run("openat2", &[3, 0, 0x1000, 24], 4).entry, [(2, 0, 0, 0x1000, 24)]);
    let unread = run("open_by_handle_at", args, -14).entry;
    assert_eq!(unread, [(1, 0, 0, 0x1000, 4)], "the unreadable size field is stored");
    let seven = Fake::default().with(0x1000, &[0, 0, 0, 0, 7, 0, 0, 0]);
    let shorter =
        run_in(Abi::X86_64, "perf_event_open", &[0x1000], -7, seven, Fake::default()).entry;
    assert_eq!(shorter, [(0, 0, 0, 0x1000, 8)], "the size field is always stored");
}

#[test]
fn clone3_writes_its_pidfd() {
    let pidfd = u64::from(linux_raw_sys::general::CLONE_PIDFD);
    let args = |flags| {
        Fake::default().words(0x1000, &[flags, 0x2000, 0, 0x3000, 17, 0, 0, 0, 0x4000, 2, 0])
    };
    let r = run_in(Abi::X86_64, "clone3", &[0x1000, 88], 99, args(pidfd), args(pidfd));
    assert_eq!(r.entry, [(0, 0, 0, 0x1000, 88), (0, 1, CLONE_SET_TID, 0x4000, 8)]);
    assert_eq!(r.exit, [(0, 1, CLONE_PIDFD, 0x2000, 4)]);
    let r = run_in(Abi::X86_64, "clone3", &[0x1000, 88], 99, args(0), args(0));
    assert_eq!(r.exit, []);
    assert_eq!(run("clone", &[pidfd, 0, 0x2000, 0, 0], 99).exit, [(2, 0, 0, 0x2000, 4)]);
    assert_eq!(run("clone", &[17, 0, 0x2000, 0, 0], 99).exit, []);
}

#[test]
fn memory_depends_on_the_command() {
    use linux_raw_sys::{general as g, ioctl as i, prctl as p};
    assert_eq!(run("ioctl", &[0, i::TCGETS.into(), 0x1000], 0).exit, [(2, 0, 0, 0x1000, 36)]);
    assert_eq!(run("ioctl", &[0, i::TCGETS.into(), 0x1000], -25).exit, []);
    assert_eq!(run("ioctl", &[0, i::FIONBIO.into(), 0x1000], 0).entry, [(2, 0, 0, 0x1000, 4)]);
    assert_eq!(run("fcntl", &[0, g::F_SETFL.into(), 0x800], 0).entry, []);
    assert_eq!(run("fcntl", &[0, g::F_GETLK.into(), 0x1000], 0).entry, [(2, 0, 0, 0x1000, 32)]);
    assert_eq!(
        run("prctl", &[p::PR_GET_NAME.into(), 0x1000, 0, 0, 0], 0).exit,
        [(1, 0, 0, 0x1000, 16)]
    );
    let wait = u64::from(g::FUTEX_WAIT | g::FUTEX_PRIVATE_FLAG);
    let r = run("futex", &[0x1000, wait, 2, 0x2000, 0, 0], -110);
    assert_eq!(r.entry, [(0, 0, 0, 0x1000, 4), (3, 0, 0, 0x2000, 16)]);
    let wake = u64::from(g::FUTEX_WAKE);
    assert_eq!(run("futex", &[0x1000, wake, 2, 0x2000, 0, 0], 1).entry, [(0, 0, 0, 0x1000, 4)]);
    let fprog = Fake::default().words(0x1000, &[0xdead_0003, 0x2000]);
    let r = run_in(Abi::X86_64, "seccomp", &[1, 0, 0x1000], 0, fprog, Fake::default());
    assert_eq!(r.entry, [(2, 0, 0, 0x1000, 16), (2, 1, 0, 0x2000, 24)]);
}

#[test]
fn remaining_kinds_of_length() {
    assert_eq!(run("mincore", &[0, 4097, 0x1000], 0).exit, [(2, 0, 0, 0x1000, 2)]);
    assert_eq!(run("msgsnd", &[0, 0x1000, 10, 0], 0).entry, [(1, 0, 0, 0x1000, 18)]);
    assert_eq!(run("msgrcv", &[0, 0x1000, 100, 0, 0], 10).exit, [(1, 0, 0, 0x1000, 18)]);
    assert_eq!(run("utimensat", &[0, 0, 0x1000, 0], 0).entry, [(2, 0, 0, 0x1000, 32)]);
    assert_eq!(run("pipe2", &[0x1000, 0], 0).exit, [(0, 0, 0, 0x1000, 8)]);
    let mask = Fake::default().words(0x1000, &[0x2000, 8]);
    let r = run_in(Abi::X86_64, "pselect6", &[0, 0, 0, 0, 0, 0x1000], 0, mask, Fake::default());
    assert_eq!(r.entry, [(5, 0, 0, 0x1000, 16), (5, 1, 0, 0x2000, 8)]);
    let pointers =
        Fake::default().words(0x1000, &[0x2000]).words(0x2000, &[0, 0, 1, 0x3000, 512, 0, 0, 0]);
    let r = run_in(Abi::X86_64, "io_submit", &[1, 1, 0x1000], 1, pointers, Fake::default());
    assert_eq!(r.entry, [(2, 0, 0, 0x1000, 8), (2, 1, 0, 0x2000, 64), (2, 2, 0, 0x3000, 512)]);
}

#[test]
fn calls_made_through_socketcall_are_followed() {
    let small = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    let sendto = || Fake::default().with(0x1000, &small(&[3, 0x2000, 5, 0, 0x3000, 16]));
    let r = run_in(Abi::I386, "socketcall", &[11, 0x1000], 5, sendto(), sendto());
    assert_eq!(r.entry, [(1, 0, 0, 0x1000, 24), (1, 1, 0, 0x2000, 5), (4, 1, 0, 0x3000, 16)]);
    assert_eq!(r.exit, []);
    let recvmsg = || {
        let header = small(&[0x2000, 16, 0x3000, 1, 0, 0, 0]);
        Fake::default()
            .with(0x1000, &small(&[3, 0x4000, 0]))
            .with(0x4000, &header)
            .with(0x3000, &small(&[0x5000, 9]))
    };
    let r = run_in(Abi::I386, "socketcall", &[17, 0x1000], 4, recvmsg(), recvmsg());
    assert_eq!(r.entry, [(1, 0, 0, 0x1000, 12), (1, 1, 0, 0x4000, 28), (1, 2, MSG_IOV, 0x3000, 8)]);
    assert_eq!(r.exit, [(1, 1, 0, 0x4000, 28), (1, 2, MSG_NAME, 0x2000, 16), (1, 3, 0, 0x5000, 4)]);
    let accept = |n: u32| {
        Fake::default().with(0x1000, &small(&[3, 0x2000, 0x3000])).with(0x3000, &small(&[n]))
    };
    let r = run_in(Abi::I386, "socketcall", &[5, 0x1000], 4, accept(16), accept(110));
    assert_eq!(r.exit, [(2, 1, 0, 0x3000, 4), (1, 1, 0, 0x2000, 16)]);
    let r =
        run_in(Abi::I386, "ipc", &[11, 7, 10, 0, 0x2000, 0], 0, Fake::default(), Fake::default());
    assert_eq!(r.entry, [(1, 1, 0, 0x2000, 14)], "msgsnd");
}

#[test]
fn scratch_is_reused() {
    let row = row(Abi::X86_64.arch(), number(Abi::X86_64, "writev").unwrap()).unwrap();
    let (mut requests, mut mem) =
        (Vec::with_capacity(64), Fake::default().words(0x1000, &[0x2000, 5, 0x3000, 7]));
    let before = requests.as_ptr();
    for _ in 0..100 {
        mem.got.clear();
        at_entry(
            Abi::X86_64,
            row,
            &[1, 0x1000, 2, 0, 0, 0],
            &Limits::DEFAULT,
            &mut requests,
            &mut mem,
        );
        assert_eq!(requests.len(), 3);
    }
    assert_eq!(before, requests.as_ptr());
}
