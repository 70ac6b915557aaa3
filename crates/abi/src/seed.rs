//! Seeded faults: rows made wrong on purpose. A check of the table is worth something only if it
//! fails on a wrong table.
//!
//! The table itself contains none. Tests give seeded rows to a recorder and look for its
//! complaints.

use crate::desc::{Arg, Dir, Len, Mem, Row, Total};
pub use crate::desc::{Fault, Seeded};
use crate::layout::Layout;

impl Fault {
    /// All faults; [`Fault::Before`] is none.
    pub const ALL: [Self; 5] =
        [Self::Incoming, Self::Shorter, Self::Longer, Self::NotOnSuccess, Self::NotOnError];

    /// Returns a copy of a row with this fault in all of its memory. The copy is leaked.
    #[must_use]
    pub fn row(self, right: &Row) -> &'static Row {
        let wrong = |mem: Mem| {
            let seeded: &'static Seeded = Box::leak(Box::new(Seeded { mem, fault: self }));
            // Code that looks at the direction alone must see both; the real one is decided at each
            // stop.
            Mem { dir: Dir::InOut, len: Len::Seeded(seeded), ..mem }
        };
        let args: Vec<Arg> =
            right.args.iter().map(|arg| Arg { mem: arg.mem.map(wrong), ..*arg }).collect();
        Box::leak(Box::new(Row { args: Vec::leak(args), ..*right }))
    }

    /// Returns by how many bytes a region is announced longer than it is.
    pub(crate) fn extra_bytes(self, dir: Dir) -> i64 {
        match self {
            Self::Shorter if dir == Dir::Out => -1,
            Self::Longer => 1,
            _ => 0,
        }
    }
}

impl Mem {
    /// Returns the memory with a fault applied, at an entry (`None`) or at the exit of a call that
    /// failed or succeeded. `None` if the fault hides it there.
    pub(crate) fn with_fault(self, fault: Fault, failed: Option<bool>) -> Option<Self> {
        match (fault, failed) {
            (Fault::Incoming, Some(_))
            | (Fault::NotOnSuccess, Some(false))
            | (Fault::NotOnError, Some(true)) => None,
            (Fault::Incoming, None) => Some(Self { dir: Dir::In, ..self }),
            (Fault::Before, None) => Some(Self { dir: Dir::In, len: self.len.max_len(), ..self }),
            _ => Some(self),
        }
    }
}

impl Len {
    /// Returns the maximum length, which is known before the result.
    fn max_len(self) -> Self {
        match self {
            Self::Ret { each, cap: Some(count) } => Self::Arg { count, each },
            Self::RetWhole(count) => Self::Arg { count, each: Layout::Byte },
            Self::Iov { count, total: Total::Ret } => Self::Iov { count, total: Total::Own },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Abi;
    use crate::number::{all_rows, row_named};
    use crate::plan::{EntryState, Limits, Memory, RegionRequest, at_entry, at_exit};

    /// Memory that contains 8, 0, 0, ... at every address.
    struct Same;

    impl Memory for Same {
        fn fetch(&mut self, _: &[RegionRequest]) {}

        fn bytes(&self, _: usize) -> &[u8] {
            &[8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
    }

    /// (argument, length) of what a call announces at its entry, on success, and on failure.
    fn announced(row: &Row) -> [Vec<(u8, u64)>; 3] {
        announced_by(row, [0x10, 0x2000, 40, 0x4000, 0x5000, 0x6000])
    }

    fn announced_by(row: &Row, args: [u64; 6]) -> [Vec<(u8, u64)>; 3] {
        let (abi, limits) = (Abi::X86_64, Limits::DEFAULT);
        let mut wants = Vec::new();
        let list = |wants: &[RegionRequest]| {
            wants.iter().filter(|w| w.store).map(|w| (w.arg, w.asked)).collect()
        };
        at_entry(abi, row, &args, &limits, &mut wants, &mut Same);
        let entry = list(&wants);
        let ends = [(24, false), (-22, true)].map(|(rval, failed)| {
            let state = EntryState::UNKNOWN;
            at_exit(abi, row, &args, rval, failed, &state, &limits, &mut wants, &mut Same);
            list(&wants)
        });
        let [success, failure] = ends;
        [entry, success, failure]
    }

    fn seeded(fault: Fault, name: &str) -> [Vec<(u8, u64)>; 3] {
        announced(fault.row(row_named(Abi::X86_64, name).unwrap()))
    }

    #[test]
    fn each_fault_changes_what_it_names() {
        let right = [vec![], vec![(1, 24)], vec![]];
        assert_eq!(announced(row_named(Abi::X86_64, "read").unwrap()), right);
        assert_eq!(seeded(Fault::Incoming, "read"), [vec![], vec![], vec![]]);
        assert_eq!(seeded(Fault::Shorter, "read"), [vec![], vec![(1, 23)], vec![]]);
        assert_eq!(seeded(Fault::Longer, "read"), [vec![], vec![(1, 25)], vec![]]);
        assert_eq!(seeded(Fault::NotOnSuccess, "read"), [vec![], vec![], vec![]]);
        assert_eq!(seeded(Fault::NotOnError, "read"), right);
        assert_eq!(seeded(Fault::Before, "read"), [vec![(1, 40)], vec![(1, 24)], vec![]]);
        // The kernel writes its header back on EINVAL.
        let failed = |fault: Fault| seeded(fault, "capget")[2].clone();
        assert_eq!((failed(Fault::Shorter), failed(Fault::NotOnError)), (vec![(0, 7)], vec![]));
        // Decided by the request: the bits of FIONREAD encode nothing.
        let ioctl = |fault: Fault| {
            let row = fault.row(row_named(Abi::X86_64, "ioctl").unwrap());
            announced_by(row, [1, linux_raw_sys::ioctl::FIONREAD.into(), 0x1000, 0, 0, 0])
        };
        assert_eq!(ioctl(Fault::Longer), [vec![], vec![(2, 5)], vec![]]);
        assert_eq!(ioctl(Fault::Incoming), [vec![(2, 4)], vec![], vec![]]);
        assert_eq!(ioctl(Fault::Before), [vec![(2, 4)], vec![(2, 4)], vec![]]);
        assert_eq!(seeded(Fault::Longer, "write"), [vec![(1, 41)], vec![], vec![]]);
    }

    #[test]
    fn before_changes_only_the_entry() {
        for (_, row) in all_rows() {
            let [_, success, failure] = announced(Fault::Before.row(row));
            let right = announced(row);
            assert_eq!((success, failure), (right[1].clone(), right[2].clone()), "{}", row.name);
            assert!(row.args.iter().all(|arg| arg.mem.is_none_or(|mem| mem.fault().is_none())));
        }
    }
}
