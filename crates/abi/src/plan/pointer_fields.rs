//! Follows the pointers in structures, as their [`PointerField`]s describe them.

use super::request::{EntryState, Fact, Memory, RegionRequest, index, index_parts};
use super::stop::Stop;
use crate::bytes::{u32_at, u64_at, word_at};
use crate::desc::{Condition, PointeeLen, PointerField};
use crate::layout::Layout;
use crate::special::ethtool;

/// A structure whose pointers are followed.
struct Parent<'a> {
    request: RegionRequest,
    bytes: &'a [u8],
    ordinal: u32,
}

/// The size of a `struct v4l2_ext_control`, which is packed.
const CONTROL: u64 = 20;

impl Stop<'_> {
    /// Adds the requests for what the elements of an array point to, if they point to anything.
    pub(super) fn push_elements(
        &self,
        (request, bytes): (RegionRequest, &[u8]),
        pointers: &[PointerField],
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
    ) {
        let (_, which) = index_parts(request.index);
        let field = usize::try_from(which).ok().and_then(|which| pointers.get(which));
        if !matches!(field.map(|field| field.len), Some(PointeeLen::Controls(_))) {
            return;
        }
        let most = self.limits.iovecs;
        let controls = bytes.chunks_exact(usize::try_from(CONTROL).unwrap_or(1));
        for (i, control) in (0..most).zip(controls) {
            let (size, to) = (u32_at(control, 4).unwrap_or(0), word_at(self.abi, control, 12));
            if let Some(to) = to.filter(|_| size > 0) {
                self.push(requests, state, self.child(request, i, to, size.into()));
            }
        }
    }

    /// Adds the requests for what the structures of a request point to. `each` is the type of one;
    /// with [`Layout::Byte`] there is a single structure of any length.
    pub(super) fn push_pointees(
        &self,
        (request, bytes): (RegionRequest, &[u8]),
        each: Layout,
        pointers: &[PointerField],
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
        mem: &dyn Memory,
    ) {
        let size = match each {
            Layout::Byte => bytes.len().max(1),
            each => usize::try_from(each.size(self.abi)).unwrap_or(usize::MAX),
        };
        for (ordinal, bytes) in (0..).zip(bytes.chunks(size)) {
            let parent = Parent { request, bytes, ordinal };
            for (which, field) in (0..).zip(pointers) {
                if let Some(child) = self.pointee(&parent, which, field, mem) {
                    self.push(requests, state, child);
                }
            }
        }
    }

    fn pointee(
        &self,
        parent: &Parent,
        which: u32,
        field: &PointerField,
        mem: &dyn Memory,
    ) -> Option<RegionRequest> {
        if !self.applies(field.dir, field.when) {
            return None;
        }
        if let Condition::Field(at, value) = field.condition
            && u32_at(parent.bytes, self.offset(at)) != Some(value)
        {
            return None;
        }
        let at = self.offset(field.at);
        let to = if field.wide {
            u64_at(parent.bytes, at)
        } else {
            word_at(self.abi, parent.bytes, at)
        }?;
        let child = self.child(parent.request, index(parent.ordinal, which), to, 0);
        if field.len == PointeeLen::CStr {
            return Some(RegionRequest {
                asked: self.limits.string_bytes.into(),
                string: true,
                ..child
            });
        }
        if let PointeeLen::Text(most) = field.len {
            let asked = u32_at(parent.bytes, self.offset(most))?.into();
            return Some(RegionRequest { asked, string: true, ..child });
        }
        if field.len == PointeeLen::Ethtool {
            let word = |at: u8| {
                let word = mem.ask(Fact::Word(to.checked_add(4 * u64::from(at))?))?;
                u32::try_from(word).ok()
            };
            return Some(RegionRequest { asked: ethtool::length(word)?, ..child });
        }
        Some(RegionRequest { asked: self.pointee_len(parent.bytes, field.len, mem)?, ..child })
    }

    /// Returns the length in bytes of what a pointer points to, if it can be determined.
    fn pointee_len(&self, bytes: &[u8], len: PointeeLen, mem: &dyn Memory) -> Option<u64> {
        let field = |at: u8| u32_at(bytes, at.into()).map(u64::from);
        let key = |fd: u8| mem.ask(Fact::MapKey(field(fd)?));
        let value = |fd: u8| mem.ask(Fact::MapValue(field(fd)?));
        match len {
            PointeeLen::Bytes(n) => Some(n.into()),
            PointeeLen::Field(at, each) => {
                Some(u64::from(u32_at(bytes, self.offset(at))?).saturating_mul(each.into()))
            }
            PointeeLen::Each(at, size) => {
                let each = self.offset(size) as u64;
                Some(u64::from(u32_at(bytes, self.offset(at))?).saturating_mul(each))
            }
            PointeeLen::Short(at, each) => Some((field(at)? & 0xffff).saturating_mul(each.into())),
            PointeeLen::Font { width, count } => {
                /// Lines of a character, in bytes (linux/kd.h).
                const HEIGHT: u64 = 32;
                Some((field(width)?.div_ceil(8) * HEIGHT).saturating_mul(field(count)?))
            }
            PointeeLen::Controls(count) => Some(field(count)?.saturating_mul(CONTROL)),
            PointeeLen::Product(count, each) => Some(field(count)?.saturating_mul(field(each)?)),
            PointeeLen::Arg(at, each) => {
                let count = self.args.get(usize::from(at)).copied().unwrap_or(0) & 0xffff_ffff;
                Some(count.saturating_mul(each.into()))
            }
            PointeeLen::Bits(at) => {
                let word = u64::from(self.abi.word());
                Some(u64::from(u32_at(bytes, self.offset(at))?).div_ceil(8 * word) * word)
            }
            PointeeLen::Word(at) => word_at(self.abi, bytes, self.offset(at)),
            PointeeLen::Futex(flags) => Some(1 << (field(flags)? & 3)),
            PointeeLen::MapKey(fd) => key(fd),
            PointeeLen::MapValue(fd) => value(fd),
            PointeeLen::MapKeys(fd, count) => Some(key(fd)?.saturating_mul(field(count)?)),
            PointeeLen::MapValues(fd, count) => Some(value(fd)?.saturating_mul(field(count)?)),
            PointeeLen::CStr | PointeeLen::Text(_) | PointeeLen::Ethtool => None,
        }
    }

    /// Returns the offset in this ABI.
    fn offset(&self, (wide, narrow): (u8, u8)) -> usize {
        usize::from(if self.abi.word() == 8 { wide } else { narrow })
    }
}

#[cfg(test)]
mod tests {
    use crate::arch::Abi;
    use crate::number::{number, row};
    use crate::plan::{EntryState, Fact, Limits, Memory, RegionRequest, at_entry, at_exit};

    /// The same memory at every address, and a kernel with one map and one semaphore set.
    struct Page(Vec<u8>, Vec<usize>);

    impl Memory for Page {
        fn fetch(&mut self, requests: &[RegionRequest]) {
            self.1.extend(requests.iter().map(|request| usize::try_from(request.asked).unwrap()));
        }

        fn bytes(&self, i: usize) -> &[u8] {
            self.0.get(..self.1[i]).unwrap_or(&self.0)
        }

        fn ask(&self, fact: Fact) -> Option<u64> {
            match fact {
                Fact::Semaphores(5) => Some(3),
                Fact::MapKey(7) => Some(4),
                Fact::MapValue(7) => Some(16),
                _ => None,
            }
        }
    }

    /// (role, address, asked) of the regions stored at entry and exit.
    fn regions(name: &str, args: [u64; 6], memory: &[u8], rval: i64) -> [Vec<(u8, u64, u64)>; 2] {
        let row = row(Abi::X86_64.arch(), number(Abi::X86_64, name).unwrap()).unwrap();
        let (mut page, limits, mut requests) =
            (Page(memory.to_vec(), Vec::new()), Limits::DEFAULT, Vec::new());
        let stored = |requests: &[RegionRequest]| {
            requests
                .iter()
                .filter(|w| w.store)
                .map(|w| (w.role, w.address, w.asked))
                .collect::<Vec<_>>()
        };
        let state: EntryState =
            at_entry(Abi::X86_64, row, &args, &limits, &mut requests, &mut page);
        let entry = stored(&requests);
        page.1.clear();
        at_exit(Abi::X86_64, row, &args, rval, rval < 0, &state, &limits, &mut requests, &mut page);
        [entry, stored(&requests)]
    }

    fn bytes(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn pointers_are_followed_as_described() {
        let waiters = bytes(&[1, 0xa000, 2, 9, 0xb000, 3]);
        let [entry, exit] = regions("futex_waitv", [0x100, 2, 0, 0, 0, 0], &waiters, 0);
        assert_eq!(entry, [(0, 0x100, 48), (1, 0xa000, 4), (1, 0xb000, 8)]);
        assert_eq!(exit, []);
        // SIGEV_THREAD, then another method.
        let [entry, _] =
            regions("mq_notify", [3, 0x100, 0, 0, 0, 0], &bytes(&[0xc000, 2 << 32]), -9);
        assert_eq!(entry, [(0, 0x100, 64), (1, 0xc000, 32)]);
        let [entry, _] = regions("mq_notify", [3, 0x100, 0, 0, 0, 0], &bytes(&[0xc000, 0]), -9);
        assert_eq!(entry, [(0, 0x100, 64)]);
    }

    #[test]
    fn lengths_known_only_to_the_kernel_are_asked_for() {
        let lookup = bytes(&[7, 0xd000, 0xe000, 0]);
        let [entry, exit] = regions("bpf", [1, 0x100, 32, 0, 0, 0], &lookup, 0);
        assert_eq!(entry, [(0, 0x100, 32), (1, 0xd000, 4)]);
        assert_eq!(exit, [(0, 0x100, 32), (1, 0xe000, 16)]);
        let [_, exit] = regions("bpf", [1, 0x100, 32, 0, 0, 0], &lookup, -2);
        assert_eq!(exit, [(0, 0x100, 32)]);
        // An unknown map: nothing is read.
        let [entry, exit] =
            regions("bpf", [1, 0x100, 32, 0, 0, 0], &bytes(&[8, 0xd000, 0xe000, 0]), 0);
        assert_eq!((entry.len(), exit.len()), (1, 1));
        assert_eq!(
            regions("semctl", [5, 0, 17, 0x100, 0, 0], &[], 0),
            [vec![(0, 0x100, 6)], vec![]]
        );
        assert_eq!(
            regions("semctl", [5, 0, 13, 0x100, 0, 0], &[], 0),
            [vec![], vec![(0, 0x100, 6)]]
        );
        assert_eq!(regions("semctl", [6, 0, 13, 0x100, 0, 0], &[], 0), [vec![], vec![]]);
    }

    #[test]
    fn capabilities_are_as_many_as_the_version_says() {
        for (version, size) in [(0x1998_0330_u64, 12), (0x2007_1026, 24), (0x2008_0522, 24)] {
            let [entry, exit] =
                regions("capget", [0x100, 0x200, 0, 0, 0, 0], &bytes(&[version]), 0);
            assert_eq!((entry, exit), (vec![(0, 0x100, 8)], vec![(0, 0x200, size)]));
        }
        let [_, exit] = regions("capget", [0x100, 0x200, 0, 0, 0, 0], &bytes(&[1]), -22);
        assert_eq!(exit, [(0, 0x100, 8)]);
    }

    #[test]
    fn the_length_of_a_siginfo_depends_on_its_code() {
        let asked = |signal: u64, code: i64| {
            let info = bytes(&[signal, code.cast_unsigned() & 0xffff_ffff]);
            regions("rt_sigqueueinfo", [1, signal, 0x100, 0, 0, 0], &info, 0)[0][0].2
        };
        assert_eq!([asked(10, -1), asked(10, 6), asked(11, 10), asked(10, 0x80)], [48; 4]);
        assert_eq!([asked(10, 7), asked(11, 11), asked(10, -8)], [128; 3]);
    }
}
