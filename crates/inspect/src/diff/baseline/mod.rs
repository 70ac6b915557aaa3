//! Baselines: what a program does to the system, as a text for git.
//!
//! A [`Baseline`] holds [`Variant`]s, one for each kind of surroundings. A variant is made of
//! several runs: what all of them do, and what they have taught about noise, each line with its
//! evidence. [`Variant::compare`] puts a run beside it and answers with a report like that of two
//! runs.

mod compare;
mod file;
mod learn;
mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use compare::Compared;
pub use template::{Class, Template};

use super::effect::Effect;
use super::policy::{Date, KeyPart, Policy};
use super::run::{Environment, Run};

/// How many runs have shown something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// How many have.
    pub seen: usize,
    /// How many there were.
    pub of: usize,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.seen, self.of)
    }
}

/// What runs have taught.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// How many runs there were.
    pub runs: usize,
    /// What each of them does.
    pub always: BTreeSet<Effect>,
    /// What some of them do, and may be or not be.
    pub sometimes: BTreeMap<Effect, Evidence>,
    /// Names that are made up.
    pub templates: BTreeMap<Template, Evidence>,
    /// What some of them do and is never learned away: it counts like what all of them do.
    pub firm: BTreeMap<Effect, Evidence>,
}

/// In what surroundings a baseline was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// What the logs say.
    pub environment: Environment,
    /// What the user calls the system: `debian-13`.
    pub image: String,
}

impl Key {
    /// Whether two are alike in these parts.
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

/// What a program does in certain surroundings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// The surroundings.
    pub key: Key,
    /// What it does there.
    pub learned: Learned,
}

/// What a program does to the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// The command.
    pub command: Vec<String>,
    /// In each kind of surroundings.
    pub variants: Vec<Variant>,
}

impl Baseline {
    /// The version of the file.
    pub const FORMAT: u32 = 1;

    /// What belongs to these surroundings.
    #[must_use]
    pub fn variant(&self, key: &Key, parts: &[KeyPart]) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.key.matches(key, parts))
    }

    /// Takes in a variant, in the place of the one for the same surroundings if there is one.
    pub fn replace(&mut self, variant: Variant, parts: &[KeyPart]) {
        match self.variants.iter_mut().find(|known| known.key.matches(&variant.key, parts)) {
            Some(known) => *known = variant,
            None => self.variants.push(variant),
        }
    }
}

impl Baseline {
    /// What a review looks at: the lines that go and come, below the variant they belong to.
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
                if line.starts_with("variant ") {
                    line.clone_into(&mut section);
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
    /// Whether its log holds all of it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_whole()
            && !self.completeness.contains(sysreel_format::Completeness::LOST_EVENTS)
    }
}

impl Variant {
    /// Learns from runs of the same command in the same surroundings. What the policy ignores is
    /// not held.
    #[must_use]
    pub fn of(runs: &[Run], image: &str, policy: &Policy, today: Date) -> Self {
        let effects: Vec<BTreeSet<Effect>> = runs
            .iter()
            .map(|run| {
                run.effects().into_keys().filter(|effect| !policy.ignores(effect, today)).collect()
            })
            .collect();
        let environment = runs.first().map(|run| run.environment.clone()).unwrap_or_default();
        Self {
            key: Key { environment, image: image.to_owned() },
            learned: learn::learn(&effects, &|resource| policy.is_secret(resource)),
        }
    }
}
