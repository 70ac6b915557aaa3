//! Compares two logs: what does one run do to the system that the other does not?
//!
//! [`Run`] is one log prepared for comparison, built in one pass over its events with the state
//! tracker: processes, effects by canonical name, streams of calls. [`compare()`] takes two runs
//! and returns a [`Report`]: each difference once, by [`Rule`], with its consequences folded into
//! it, and counts of what was not compared. docs/diff.md defines what counts as the same.

mod agree;
pub mod align;
pub mod baseline;
mod compare;
mod context;
mod effect;
mod env_roots;
pub mod explain;
mod fingerprint;
pub mod format;
mod later;
mod level;
pub mod mask;
mod name;
mod near;
mod op;
pub mod policy;
mod report;
mod resource;
mod rule;
mod run;
mod several;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::BTreeSet;
use std::path::PathBuf;

use sysreel_abi::Filter;

pub use agree::agree;
pub use compare::compare;
pub use context::{Around, Context, calls_around, context};
pub use effect::{Effect, Op};
pub use env_roots::read;
pub use level::Level;
pub use report::{Account, Change, CountedOnlyCount, Difference, Report, Side, Time};
pub use resource::Resource;
pub use rule::{Rule, Severity};
pub use run::{CountedOnly, End, Environment, Image, MARK, Mark, Process, Run, Seen};
pub use several::{compare_sides, read_both, read_sides};
pub use verdict::{Excepted, Unstable, Verdict};

/// How two logs are compared.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How closely the runs are compared.
    pub level: Level,
    /// Named directories besides WS, HOME and TMP.
    pub roots: Vec<(String, PathBuf)>,
    /// Filters of which the runs note the calls that match: those of a policy
    /// ([`policy::Policy::filters`]).
    pub filters: Vec<Filter>,
    /// Whether logs from different surroundings may be compared. Waives no other reason why two
    /// logs cannot be compared.
    pub allow_env_drift: bool,
    /// Whether logs may be compared although effects may be missing from them.
    pub allow_incomplete: bool,
    /// Names that several runs of the first and of the second side created, which are so proved not
    /// to be made up.
    pub constant: [BTreeSet<String>; 2],
}
