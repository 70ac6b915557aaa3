//! What was learned from runs, with the evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::template::Template;
use crate::diff::effect::Effect;

/// How many of the recorded runs had something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The number of runs that had it.
    pub seen: usize,
    /// The number of runs.
    pub of: usize,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.seen, self.of)
    }
}

/// What was learned from repeated runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// The number of runs.
    pub runs: usize,
    /// Effects of every run.
    pub always: BTreeSet<Effect>,
    /// Effects of some runs, which may or may not occur.
    pub sometimes: BTreeMap<Effect, Evidence>,
    /// Effects with generated names.
    pub templates: BTreeMap<Template, Evidence>,
    /// Effects of some runs that must never be learned as noise: they are expected like those of
    /// every run.
    pub firm: BTreeMap<Effect, Evidence>,
}
