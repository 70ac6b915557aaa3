//! `lint`: habits of a program that cost time or go wrong some day. Each rule is a file with its
//! limits and the reason for it.

mod accidental;
mod errors;
mod polling;
mod repeated;
mod rule;
mod text;
mod tiny;
mod unsynced;

use serde::Serialize;
use sysreel_inspect::calls::Item;
use sysreel_inspect::{Error, Findings, LogFile};

use crate::select::{Collect, Looker, Needs, Select, collect};
use rule::Rule;
pub use rule::Warning;

/// What was noticed in a log.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Lint {
    /// What was noticed, by rule.
    pub warnings: Vec<Warning>,
    /// The number of warnings of each rule that are not shown, because there were too many.
    pub left_out: u64,
}

/// The most warnings of a rule.
const MOST: usize = 1000;

/// Applies all rules to a log.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn lint(file: &LogFile, select: &Select) -> Result<(Lint, Findings), Error> {
    collect(file, select, collector())
}

/// Returns what applies all rules.
#[must_use]
pub fn collector() -> impl Collect<Result = Lint> {
    Applying {
        rules: vec![
            Box::<repeated::Repeated>::default(),
            Box::<tiny::Tiny>::default(),
            Box::<polling::Polling>::default(),
            Box::<errors::Errors>::default(),
            Box::<unsynced::Unsynced>::default(),
            Box::<accidental::Accidental>::default(),
        ],
    }
}

struct Applying {
    rules: Vec<Box<dyn Rule>>,
}

impl Looker for Applying {
    fn item(&mut self, item: &Item<'_>, selected: bool) {
        if selected {
            self.rules.iter_mut().for_each(|rule| rule.item(item));
        }
    }
}

impl Collect for Applying {
    type Result = Lint;

    fn needs(&self) -> Needs {
        Needs::FILES
    }

    fn finish(self) -> Lint {
        let mut lint = Lint { warnings: Vec::new(), left_out: 0 };
        for rule in self.rules {
            let mut warnings = rule.finish();
            warnings.sort_by(|a, b| {
                let key = |w: &Warning| (w.event, w.exe.clone(), w.object.clone(), w.rule.clone());
                b.count.cmp(&a.count).then_with(|| key(a).cmp(&key(b)))
            });
            let more = u64::try_from(warnings.len().saturating_sub(MOST)).unwrap_or(u64::MAX);
            lint.left_out = lint.left_out.saturating_add(more);
            warnings.truncate(MOST);
            lint.warnings.extend(warnings);
        }
        lint
    }
}
