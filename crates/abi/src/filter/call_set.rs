//! The calls at which a filtered recording stops.

use super::Filter;
use crate::arch::{Abi, AuditArch};
use crate::desc::{CallKind, Makes, Row};
use crate::number::{self, Nr};

/// Whether a filtered recording keeps the call even if the filter does not match: without these the
/// log would be wrong. They make tasks and run programs, hide calls (a seccomp filter, an
/// `io_uring`), change affinity, or continue other calls. Multiplexed calls share one number, by
/// which the kernel filters.
const fn is_needed(kind: CallKind) -> bool {
    matches!(
        kind,
        CallKind::Fork
            | CallKind::Vfork
            | CallKind::Clone
            | CallKind::Clone3
            | CallKind::Exec
            | CallKind::Seccomp
            | CallKind::Prctl
            | CallKind::Ptrace
            | CallKind::Namespace
            | CallKind::IoUringSetup
            | CallKind::GetAffinity
            | CallKind::SetAffinity
            | CallKind::Restart
            | CallKind::Multiplexed
    )
}

/// Whether the call changes what a descriptor or a path refers to. Without it, names could be
/// wrong.
const fn changes_names(row: &Row) -> bool {
    !matches!(row.makes, Makes::None)
        || matches!(
            row.kind,
            CallKind::Close
                | CallKind::CloseRange
                | CallKind::Dup
                | CallKind::DupTo
                | CallKind::Receive
                | CallKind::Bind
                | CallKind::Connect
                | CallKind::Listen
                | CallKind::Accept
                | CallKind::Chdir
                | CallKind::Fchdir
                | CallKind::Chroot
                | CallKind::Mount
        )
}

/// The calls at which a filtered recording stops, by number.
#[derive(Clone, Debug)]
pub struct CallSet {
    /// By ABI and number (without the x32 bit).
    calls: [Vec<bool>; Abi::ALL.len()],
    /// Whether numbers without a name are in the set.
    others: bool,
}

impl CallSet {
    /// Returns the calls that `filter` may match and those that a log always needs; with `names`,
    /// also those that change what a descriptor or a path refers to.
    #[must_use]
    pub fn new(filter: &Filter, names: bool) -> Self {
        let others = filter.may_match(None, None, None);
        let calls = Abi::ALL.map(|abi| {
            let mut contained = Vec::new();
            for (nr, name, row) in number::calls(abi) {
                let at = usize::try_from(nr & !x32_bit(abi)).unwrap_or(0);
                contained.resize(contained.len().max(at + 1), others);
                let needed =
                    row.is_some_and(|row| is_needed(row.kind) || names && changes_names(row));
                contained[at] = needed || filter.may_match(Some(name), row, Some(abi));
            }
            contained
        });
        Self { calls, others }
    }

    /// Whether a call is in the set. Of `nr` only the low half counts, as in a seccomp filter.
    /// Calls of architectures without a table are always in the set.
    #[must_use]
    pub fn contains(&self, arch: AuditArch, nr: u64) -> bool {
        let nr = nr & 0xffff_ffff;
        let Some(abi) = Abi::from_call(arch, nr) else { return true };
        let at = usize::try_from(nr & !x32_bit(abi)).unwrap_or(usize::MAX);
        self.calls[abi as usize].get(at).copied().unwrap_or(self.others)
    }

    /// Returns, for each architecture with a table, the set as ranges: the first number of each,
    /// and whether it is in the set. The first range starts at 0, and adjacent ranges differ.
    #[must_use]
    pub fn ranges(&self) -> Vec<(AuditArch, Vec<(u32, bool)>)> {
        [AuditArch::X86_64, AuditArch::I386, AuditArch::AARCH64]
            .map(|arch| {
                let mut ranges: Vec<(u32, bool)> = Vec::new();
                let abis = Abi::ALL.into_iter().filter(|abi| abi.arch() == arch);
                let edges = abis.flat_map(|abi| {
                    let numbers = (0u32..).zip(0..=self.calls[abi as usize].len());
                    let bit = u32::try_from(x32_bit(abi)).unwrap_or(0);
                    numbers.map(move |(nr, _)| nr | bit)
                });
                for nr in edges {
                    let contained = self.contains(arch, nr.into());
                    if ranges.last().is_none_or(|(_, last)| *last != contained) {
                        ranges.push((nr, contained));
                    }
                }
                (arch, ranges)
            })
            .into()
    }
}

const fn x32_bit(abi: Abi) -> u64 {
    if matches!(abi, Abi::X32) { Nr::X32_BIT } else { 0 }
}
