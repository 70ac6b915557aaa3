//! Filters of calls, in the syntax of strace's `-e trace=`.
//!
//! ```text
//! FILTER = ["!"] ITEM ("," ITEM)*      with "!": all calls but these
//! ITEM   = NAME | "%" CLASS | "all"    without the first "!" also "!NAME", "!%CLASS": remove
//! ```

use std::fmt;

use crate::arch::{Abi, AuditArch};
use crate::desc::{CallKind, Classes, Makes, Row};
use crate::number::{self, Nr};

/// A parsed filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    text: String,
    /// Matches all calls except those of the list.
    inverted: bool,
    /// Each adds calls, or removes them again.
    items: Vec<(bool, Item)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    All,
    Class(Classes),
    Name(String),
}

/// The error of a filter that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    word: String,
    why: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.word, self.why)
    }
}

impl std::error::Error for FilterError {}

impl Filter {
    /// Parses a filter.
    ///
    /// # Errors
    ///
    /// If a name is neither a call nor a class; the message suggests the most similar one.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let (inverted, list) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let items =
            list.split(',').map(|word| parse_item(word, inverted)).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), inverted, items })
    }

    /// Whether the filter matches a call. A call without a name matches only lists of "all except".
    #[must_use]
    pub fn matches(&self, name: Option<&str>, row: Option<&Row>) -> bool {
        self.matches_either(name, row, None)
    }

    /// Whether the filter matches a call, or the call `inner` that it makes as a multiplexer
    /// ([`crate::demultiplex()`]).
    #[must_use]
    pub fn matches_either(
        &self,
        name: Option<&str>,
        row: Option<&Row>,
        inner: Option<&Row>,
    ) -> bool {
        let mut matched = false;
        for (adds, item) in &self.items {
            let applies = match item {
                Item::All => true,
                Item::Class(class) => {
                    [row, inner].into_iter().flatten().any(|row| row.class.contains(*class))
                }
                Item::Name(wanted) => {
                    name == Some(wanted) || inner.is_some_and(|row| row.name == *wanted)
                }
            };
            matched = if applies { *adds } else { matched };
        }
        matched != self.inverted
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_item(word: &str, inverted: bool) -> Result<(bool, Item), FilterError> {
    let error = |why: String| FilterError { word: word.to_owned(), why };
    let (adds, name) = match word.strip_prefix('!') {
        Some(_) if inverted => {
            return Err(error(
                "the `!` at the start negates the whole list; remove this one".into(),
            ));
        }
        Some(rest) => (false, rest),
        None => (true, word),
    };
    let item = match name.strip_prefix('%') {
        Some(class) => Item::Class(Classes::from_name(class).ok_or_else(|| {
            let known = Classes::ALL.map(|(name, _)| format!("%{name}"));
            error(format!("unknown class; use one of {}", known.join(" ")))
        })?),
        None if name == "all" => Item::All,
        None if name.is_empty() => {
            return Err(error("missing name of a call or class (example: openat,%network)".into()));
        }
        None if Abi::ALL.iter().any(|&abi| number::number(abi, name).is_some()) => {
            Item::Name(name.into())
        }
        None => {
            let suggestion = most_similar(name)
                .map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
            return Err(error(format!("unknown system call{suggestion}")));
        }
    };
    Ok((adds, item))
}

/// Returns the most similar name of a call or class.
fn most_similar(word: &str) -> Option<String> {
    /// Minimum similarity of a suggestion.
    const MIN_SIMILARITY: f64 = 0.8;
    let calls =
        Abi::ALL.iter().flat_map(|&abi| number::calls(abi).map(|(_, name, _)| name.to_owned()));
    // A class without its sign is a more likely mistake than a misspelled call.
    let classes = Classes::ALL.into_iter().map(|(name, _)| format!("%{name}"));
    let score = |name: &str| strsim::jaro_winkler(name.trim_start_matches('%'), word);
    let best = calls.chain(classes).max_by(|a, b| score(a).total_cmp(&score(b)))?;
    (score(&best) >= MIN_SIMILARITY).then_some(best)
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

/// Whether the call changes which file a descriptor refers to. Without it, the names of descriptors
/// could be wrong.
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
    /// Returns the calls that `filter` matches and those that a log always needs; with `names`,
    /// also those that change which file a descriptor refers to.
    #[must_use]
    pub fn new(filter: &Filter, names: bool) -> Self {
        let others = filter.matches(None, None);
        let calls = Abi::ALL.map(|abi| {
            let mut contained = Vec::new();
            for (nr, name, row) in number::calls(abi) {
                let at = usize::try_from(nr & !x32_bit(abi)).unwrap_or(0);
                contained.resize(contained.len().max(at + 1), others);
                let needed =
                    row.is_some_and(|row| is_needed(row.kind) || names && changes_names(row));
                contained[at] = needed || filter.matches(Some(name), row);
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

#[cfg(test)]
mod tests;
