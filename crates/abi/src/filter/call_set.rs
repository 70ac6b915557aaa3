//! The calls at which a filtered recording stops.

use std::ops::ControlFlow;

use super::Filter;
use super::eval::{Answer, Facts, Known, Value};
use super::field::{Field, FieldRef};
use super::syntax::{Place, Process};
use crate::arch::{Abi, AuditArch};
use crate::desc::{Arg, ArgKind, CallKind, Classes, Makes, Mem, Row};
use crate::number::{self, Nr};

/// A call of which only the number is known.
pub(super) struct Number<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) row: Option<&'a Row>,
    /// The call that it makes as a multiplexer.
    pub(super) inner: Option<&'a Row>,
    pub(super) abi: Option<Abi>,
}

impl Facts for Number<'_> {
    fn values(
        &self,
        field: &FieldRef,
        each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
    ) -> Known {
        match (field.field, self.abi) {
            (Field::Abi, Some(abi)) => {
                let _ = each(Value::Text(abi.name().as_bytes()));
                Known::Yes
            }
            // A call without such arguments has no value.
            (Field::Arg, _) if self.lacks(&|arg| arg.name == field.arg) => Known::Yes,
            (Field::Path, _) if self.lacks(&|arg| is_path(arg) || is_fd(arg)) => Known::Yes,
            (Field::Fd | Field::FdPath | Field::FdKind, _) if self.lacks(&is_fd) => Known::Yes,
            (Field::NetPeer | Field::NetLocal | Field::NetPort, _) if self.lacks(&is_fd) => {
                Known::Yes
            }
            (Field::Data, _) if self.lacks(&is_data) => Known::Yes,
            (Field::Call, _) => {
                let inner = self.inner.map(|row| row.name);
                let mut names = self.name.into_iter().chain(inner);
                let _ = names.try_for_each(|name| each(Value::Text(name.as_bytes())));
                Known::Yes
            }
            (Field::Class, _) => {
                let rows = self.row.into_iter().chain(self.inner);
                let mut names = rows.flat_map(|row| row.class.names());
                let _ = names.try_for_each(|name| each(Value::Text(name.as_bytes())));
                Known::Yes
            }
            // Calls deliver no signal.
            (Field::Signal, _) => Known::Yes,
            _ => Known::No,
        }
    }

    fn is_called(&self, name: &str) -> Answer {
        let is_inner = self.inner.is_some_and(|row| row.name == name);
        Answer::from_bool(self.name == Some(name) || is_inner)
    }

    fn has_classes(&self, classes: Classes) -> Answer {
        let mut rows = self.row.into_iter().chain(self.inner);
        Answer::from_bool(rows.any(|row| row.class.contains(classes)))
    }

    fn is_under(&self, _: &Process) -> Answer {
        Answer::Unknown
    }

    fn has_passed(&self, _: &Place) -> Answer {
        Answer::Unknown
    }

    fn is_behind(&self, _: &Place) -> Answer {
        Answer::Unknown
    }
}

impl Number<'_> {
    /// Whether the call is known not to have such an argument, and to make no descriptor.
    fn lacks(&self, is_asked: &dyn Fn(&Arg) -> bool) -> bool {
        self.row.is_some_and(|row| {
            row.kind != CallKind::Multiplexed
                && row.makes == Makes::None
                && !row.args.iter().any(is_asked)
        })
    }
}

fn is_path(arg: &Arg) -> bool {
    matches!(arg.kind, ArgKind::Path)
}

fn is_fd(arg: &Arg) -> bool {
    matches!(arg.kind, ArgKind::Fd | ArgKind::DirFd)
}

fn is_data(arg: &Arg) -> bool {
    // What depends on a command may be anything.
    arg.mem.and_then(Mem::special).is_some()
        || matches!(arg.kind, ArgKind::Buf | ArgKind::Iovec | ArgKind::Msg | ArgKind::Mmsg)
}

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
