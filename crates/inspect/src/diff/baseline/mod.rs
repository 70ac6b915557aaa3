//! Baselines: what a program does to the system, as a text for version control.
//!
//! A [`Baseline`] has a [`Variant`] for each kind of surroundings. A variant is learned from
//! several runs: the effects that all of them have, and the noise among them, each line with its
//! evidence. [`Variant::compare`] compares a run with it and returns a report like that on two
//! runs.

mod compare;
mod evidence;
mod file;
mod learn;
mod template;
mod versions;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use compare::Compared;
pub use evidence::{Evidence, Learned};
pub use template::{Class, Template};

use super::compare::replace_numbers;
use super::effect::Effect;
use super::mask::masked;
use super::policy::{Date, KeyPart, Policy, RealNames};
use super::resource::Name;
use super::run::{Environment, Run};

/// The surroundings that a variant belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// The surroundings according to the logs.
    pub environment: Environment,
    /// The name of the system image: `debian-13`.
    pub image: String,
}

impl Key {
    /// Whether two keys are equal in these parts.
    #[must_use]
    pub fn matches(&self, other: &Self, parts: &[KeyPart]) -> bool {
        parts.iter().all(|part| self.part(*part) == other.part(*part))
    }

    fn part(&self, part: KeyPart) -> &str {
        match part {
            KeyPart::Machine => &self.environment.machine,
            KeyPart::Kernel => &self.environment.kernel,
            KeyPart::Libc => &self.environment.libc,
            KeyPart::Image => &self.image,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, image {}", self.environment, self.image)
    }
}

/// What a program does in one kind of surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The surroundings.
    pub key: Key,
    /// What was learned there.
    pub learned: Learned,
    /// Which effects are told apart; see [`EFFECTS`].
    pub(crate) effects: u32,
}

/// The present version of the set of effects. 1 had no permissions of new files, no locks, no
/// rights and limits, and of operations on the kernel only the name of the call. 2 had no
/// durability of renamed files, and fewer rights.
pub(crate) const EFFECTS: u32 = 4;

impl Default for Variant {
    fn default() -> Self {
        Self { key: Key::default(), learned: Learned::default(), effects: EFFECTS }
    }
}

/// What a program does to the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// The command.
    pub command: Vec<String>,
    /// A variant for each kind of surroundings.
    pub variants: Vec<Variant>,
}

impl Baseline {
    /// The version of the file format.
    pub const FORMAT: u32 = 2;

    /// Returns the variant for these surroundings.
    #[must_use]
    pub fn variant(&self, key: &Key, parts: &[KeyPart]) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.key.matches(key, parts))
    }

    /// Adds a variant, or replaces the one for the same surroundings.
    pub fn replace(&mut self, variant: Variant, parts: &[KeyPart]) {
        match self.variants.iter_mut().find(|known| known.key.matches(&variant.key, parts)) {
            Some(known) => *known = variant,
            None => self.variants.push(variant),
        }
    }
}

impl Baseline {
    /// Returns the lines that a review shows: those removed and added, each below its variant.
    #[must_use]
    pub fn changes(&self, new: &Self) -> Vec<String> {
        let sections = |baseline: &Self| -> BTreeMap<String, BTreeSet<String>> {
            let mut all = BTreeMap::from([(String::new(), BTreeSet::new())]);
            let mut section = String::new();
            for line in baseline
                .to_string()
                .lines()
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
            {
                // Only the surroundings tell variants apart, not how often each was recorded.
                if line.starts_with("variant ") {
                    line.split(" effects=").next().unwrap_or(line).clone_into(&mut section);
                }
                all.entry(section.clone()).or_insert_with(BTreeSet::new).insert(line.to_owned());
            }
            all
        };
        let (old, new) = (sections(self), sections(new));
        let none = BTreeSet::new();
        let mut changes = Vec::new();
        for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let (old, new) = (old.get(name).unwrap_or(&none), new.get(name).unwrap_or(&none));
            let lines = old.difference(new).map(|line| format!("- {line}"));
            let lines: Vec<String> =
                lines.chain(new.difference(old).map(|line| format!("+ {line}"))).collect();
            if !lines.is_empty() && !name.is_empty() {
                changes.push(format!("  {name}"));
            }
            changes.extend(lines);
        }
        changes
    }
}

impl Run {
    /// Whether the log of the run is complete.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_whole()
            && !self.completeness.contains(sysreel_format::Completeness::LOST_EVENTS)
    }
}

impl Variant {
    /// Learns from runs of one command in the same surroundings, without the effects that the
    /// policy ignores.
    #[must_use]
    pub fn learn(runs: &mut [Run], image: &str, policy: &Policy, today: Date) -> Self {
        replace_numbers_of_all(runs);
        let effects: Vec<BTreeSet<Effect>> = runs
            .iter()
            .map(|run| {
                let (effects, real) = (run.effects().into_keys(), RealNames::of(run));
                let effects = effects.filter(|effect| !policy.ignores(effect, real, today));
                effects.map(without_secrets).collect()
            })
            .collect();
        let real = runs.first().map(RealNames::of).unwrap_or_default();
        let environment = runs.first().map(|run| run.environment.clone()).unwrap_or_default();
        Self {
            key: Key { environment, image: image.to_owned() },
            learned: learn::learn(&effects, &|resource| policy.is_secret(resource, real)),
            effects: EFFECTS,
        }
    }
}

/// Masks the secrets in an effect: a baseline is a file that is committed.
fn without_secrets(mut effect: Effect) -> Effect {
    effect.resource.rename(&|name| match masked(name) {
        Cow::Owned(name) => Some(name),
        Cow::Borrowed(_) => None,
    });
    effect
}

/// Replaces pids in names, except in names that all runs have: those contain no pid.
fn replace_numbers_of_all(runs: &mut [Run]) {
    let mut common: Option<BTreeSet<String>> = None;
    for run in runs.iter() {
        let names: BTreeSet<String> = run.names.iter().map(Name::to_string).collect();
        common = Some(match common {
            Some(common) => common.intersection(&names).cloned().collect(),
            None => names,
        });
    }
    let common = common.filter(|_| runs.len() > 1).unwrap_or_default();
    for run in runs {
        replace_numbers(run, &|name, _| common.contains(name));
    }
}
