//! Checks what a task is made to do before it does it. The log may come from somebody else, and
//! the stub's page is what keeps a task in the replay's hands. The seccomp filter of the stub is
//! the second line.

use crate::file_pool::FilePool;
use crate::kernel::Kernel;
use sysreel_sys::Call;
use sysreel_sys::stub::PAGE_LEN;

/// MREMAP_* (mremap(2)): MAYMOVE, FIXED, DONTUNMAP.
const REMAP_FLAGS: u64 = 7;

/// What a task may be made to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guard {
    /// The address of the stub's page.
    pub(crate) stub: u64,
    /// The files that tasks map.
    pub(crate) files: [i32; 2],
}

impl Guard {
    pub(crate) fn new(kernel: &impl Kernel, pool: &FilePool) -> Guard {
        Guard { stub: kernel.stub_page(), files: pool.descriptors() }
    }

    /// Returns why a task must not make this call, or `None` if it may.
    pub(crate) fn refuses(&self, call: Call) -> Option<String> {
        match call {
            Call::Munmap { address, len } | Call::Anonymous { address, len, .. } => {
                self.refuses_range(address, len)
            }
            Call::File { fd, .. } if !self.files.contains(&fd) => {
                Some(format!("descriptor {fd} is none that tasks map"))
            }
            Call::File { address, len, .. } => self.refuses_range(address, len),
            Call::Plain(_, args) if call == Call::mprotect(args[0], args[1], args[2]) => {
                self.refuses_range(args[0], args[1])
            }
            Call::Plain(_, args) if call == Call::madvise(args[0], args[1], args[2]) => {
                self.refuses_range(args[0], args[1])
            }
            Call::Plain(nr, [from, old_len, new_len, flags, to, 0])
                if Call::Plain(nr, [from, old_len, new_len, 1, from, 0])
                    == Call::mremap(from, old_len, new_len, from, false) =>
            {
                if flags & !REMAP_FLAGS != 0 {
                    return Some(format!("mremap with the flags {flags:#x}"));
                }
                self.refuses_range(from, old_len).or_else(|| self.refuses_range(to, new_len))
            }
            call if [Call::clone(false), Call::clone(true)].contains(&call) => None,
            Call::Plain(nr, args) => {
                Some(format!("a replay does not make call {nr} with the arguments {args:x?}"))
            }
        }
    }

    /// Returns why the memory from `address` on must not be changed, or `None` if it may.
    pub(crate) fn refuses_range(&self, address: u64, len: u64) -> Option<String> {
        let end = address.checked_add(len).and_then(|end| end.checked_next_multiple_of(PAGE_LEN));
        let Some(end) = end else {
            return Some(format!("the range {address:#x}+{len:#x} is outside of all memory"));
        };
        let stub = self.stub..self.stub + PAGE_LEN;
        (address < stub.end && stub.start < end).then(|| {
            format!(
                "the range {address:#x}+{len:#x} has the page {:#x}, through which the replay makes \
                 its calls",
                stub.start
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: Guard = Guard { stub: 0x1_0000, files: [5, 6] };

    /// The ranges before, after and around the page, and whether they meet it.
    const RANGES: [(u64, u64, bool); 10] = [
        (0xf000, 0x1000, false),
        (0xf000, 0x1001, true),
        (0x1_0000, 0x1000, true),
        (0x1_0fff, 1, true),
        (0x1_1000, 0x1000, false),
        (0, 0x1_0000, false),
        (0, 1 << 40, true),
        (0x7fff_0000_0000, 0x1000, false),
        (u64::MAX - 0xfff, 0x2000, true),
        (0x1_0000, u64::MAX, true),
    ];

    #[test]
    fn ranges_never_meet_the_page_of_the_stub() {
        for (address, len, refused) in RANGES {
            let calls = [
                Call::Munmap { address, len },
                Call::Anonymous { address, len, prot: 7, grows_down: true },
                Call::File { address, len, prot: 7, fd: 5, offset: 0, shared: true },
                Call::mprotect(address, len, 7),
                Call::madvise(address, len, 4),
                Call::mremap(address, len, 0x1000, 0x7000_0000, false),
                Call::mremap(0x7000_0000, 0x1000, len, address, true),
            ];
            for call in calls {
                let why = GUARD.refuses(call);
                assert_eq!(why.is_some(), refused, "{call:x?}: {why:?}");
            }
        }
    }

    #[test]
    fn only_known_calls_are_made() {
        let clone = |flags: u64| Call::Plain(56, [flags, 0, 0, 0, 0, 0]);
        let of_parent = 0x8000;
        assert_eq!(GUARD.refuses(clone(of_parent)), None);
        assert_eq!(GUARD.refuses(clone(of_parent | 0x100)), None);
        // Every other flag, CLONE_UNTRACED (0x800000) among them.
        for flag in (0..64).map(|bit| 1 << bit).filter(|flag| ![of_parent, 0x100].contains(flag)) {
            assert!(GUARD.refuses(clone(of_parent | flag)).is_some(), "{flag:#x}");
        }
        assert!(GUARD.refuses(clone(0)).is_some());
        assert!(GUARD.refuses(Call::Plain(56, [of_parent, 0x1000, 0, 0, 0, 0])).is_some());
        let file = |fd| Call::File { address: 0, len: 1, prot: 1, fd, offset: 0, shared: false };
        for (fd, refused) in [(5, false), (6, false), (0, true), (-1, true)] {
            assert_eq!(GUARD.refuses(file(fd)).is_some(), refused, "{fd}");
        }
        let (remap, flags) = (Call::mremap(0x7000_0000, 1, 1, 0x7100_0000, false), 8);
        let Call::Plain(nr, mut args) = remap else { panic!("{remap:?}") };
        assert_eq!(GUARD.refuses(remap), None);
        args[3] |= flags;
        assert!(GUARD.refuses(Call::Plain(nr, args)).is_some());
        for nr in (0..500).filter(|nr| ![10, 25, 28, 56].contains(nr)) {
            assert!(GUARD.refuses(Call::Plain(nr, [0x7000_0000, 1, 0, 0, 0, 0])).is_some(), "{nr}");
        }
    }

    /// Whether a byte of the page is in a range, by arithmetic that cannot wrap.
    fn meets(address: u64, len: u64) -> bool {
        let (from, to) = (u128::from(address), u128::from(address) + u128::from(len));
        from < u128::from(GUARD.stub + PAGE_LEN) && to > u128::from(GUARD.stub)
    }

    /// Whether a call can touch the page, a descriptor of others, or anything but memory and tasks:
    /// from the man pages, by number.
    fn escapes(call: Call) -> bool {
        match call {
            Call::Munmap { address, len } | Call::Anonymous { address, len, .. } => {
                meets(address, len)
            }
            Call::File { address, len, fd, .. } => meets(address, len) || !matches!(fd, 5 | 6),
            Call::Plain(10 | 28, [start, len, ..]) => meets(start, len),
            Call::Plain(25, [from, old_len, new_len, flags, to, _]) => {
                meets(from, old_len) || flags & 2 != 0 && meets(to, new_len) || flags > 7
            }
            Call::Plain(56, [flags, stack, parent, child, tls, _]) => {
                !matches!(flags, 0x8000 | 0x8100) || stack | parent | child | tls != 0
            }
            Call::Plain(..) => true,
        }
    }

    #[test]
    fn a_million_changed_calls_touch_nothing() {
        const MEANT: [u64; 16] = [
            0,
            1,
            5,
            6,
            7,
            0xfff,
            0x1000,
            0xf000,
            0xffff,
            0x1_0000,
            0x1_0fff,
            0x1_1000,
            0x80_8000,
            0x7fff_ffff_f000,
            u64::MAX - 0xfff,
            u64::MAX,
        ];
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let (mut refused, mut made) = (0, 0);
        for _ in 0..1_000_000 {
            let mut words: [u64; 8] = [0x7000_0000, 0x2000, 3, 1, 0x7100_0000, 0, 5, 0];
            for _ in 0..1 + random() % 4 {
                let at = (random() % 8) as usize;
                words[at] = match random() % 4 {
                    0 => random() >> (random() % 64),
                    1 => words[at] ^ 1 << (random() % 64),
                    _ => MEANT[(random() % 16) as usize],
                };
            }
            let [address, len, third, fourth, to, sixth, fd, nr] = words;
            let low = |word: u64| u32::try_from(word & 0xffff_ffff).unwrap();
            let (prot, fd) = (low(third), low(fd).cast_signed());
            let call = match random() % 7 {
                0 => Call::Munmap { address, len },
                1 => Call::Anonymous { address, len, prot, grows_down: fourth == 1 },
                2 => Call::File { address, len, prot, fd, offset: to, shared: sixth == 0 },
                3 => Call::mprotect(address, len, third),
                4 => Call::madvise(address, len, third),
                5 => Call::Plain(25, [address, len, third << 12, fourth, to, sixth]),
                _ => match nr {
                    0 => Call::Plain(56, [0x8000 | (fourth & 0x100), sixth, 0, 0, 0, 0]),
                    nr => Call::Plain((nr % 1000) as i64, [address, len, third, fourth, to, sixth]),
                },
            };
            match GUARD.refuses(call) {
                Some(_) => refused += 1,
                None => {
                    made += 1;
                    assert!(!escapes(call), "{call:x?}");
                }
            }
        }
        assert!(refused > 100_000 && made > 100_000, "{refused} refused, {made} made");
    }
}
