//! The result of a comparison after the policy and repeated runs were applied. All formats are
//! written from it.

use std::borrow::Cow;

use serde::Serialize;

use super::context::Around;
use super::mask::masked;
use super::policy::Kind;
use super::report::{Difference, Report};
use super::rule::Severity;
use crate::color::Palette;
use crate::{Error, LogFile};

/// Differences that an entry of the policy took out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excepted {
    /// What the entry does with them.
    pub kind: Kind,
    /// Its place in the policy: `ci.toml:12`.
    pub place: String,
    /// The reason given.
    pub reason: String,
    /// How many differences it took out.
    pub count: usize,
}

/// A difference that occurs in some pairs of runs only, or within one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unstable {
    /// The difference, without its consequences.
    pub difference: Difference,
    /// How many pairs of runs have it, or how many runs of the side.
    pub seen: usize,
    /// The number of pairs, or of the runs of the side.
    pub of: usize,
    /// The side whose runs differ from each other, 0 or 1; `None` if only pairs were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<usize>,
    /// The two runs that the events of the difference belong to: both of `side`, else one of each.
    pub runs: [usize; 2],
    /// The calls around it in these two runs, if they were read.
    #[serde(skip)]
    pub around: Option<Around>,
}

/// A report with the gate and what was taken out of it.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The differences that are left.
    #[serde(flatten)]
    pub report: Report,
    /// The least severity that fails.
    pub gate: Severity,
    /// Whether equal changes and files of one purpose are shown one by one.
    #[serde(skip)]
    pub all: bool,
    /// Whether learned noise is listed, which is counted otherwise.
    #[serde(skip)]
    pub verbose: bool,
    /// The width of the terminal that the text is for.
    #[serde(skip)]
    pub width: Option<usize>,
    /// The colors of the text. They change nothing else.
    #[serde(skip)]
    pub palette: Palette,
    /// The least severity that the text format lists; below it differences are counted.
    #[serde(skip)]
    pub listed: Severity,
    /// The calls around the first difference, if they were read.
    #[serde(skip)]
    pub first: Option<Around>,
    /// How many failing differences are tolerated.
    pub tolerated: usize,
    /// What the policy took out.
    pub excepted: Vec<Excepted>,
    /// Messages about the policy: entries that match nothing or have expired.
    pub notices: Vec<String>,
    /// Differences that did not recur when the runs were repeated.
    pub unstable: Vec<Unstable>,
    /// Learned noise of the baseline that occurred again, one line each with its evidence.
    pub noise: Vec<String>,
    /// How many texts had secrets that were masked.
    #[serde(skip_serializing_if = "is_zero")]
    pub masked: usize,
}

/// Whether a count is left out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Verdict {
    /// Returns the verdict on a report without policy or repetitions.
    #[must_use]
    pub fn new(report: Report, gate: Severity) -> Self {
        let (excepted, notices, unstable, noise) = Default::default();
        Self {
            report,
            gate,
            all: false,
            verbose: false,
            width: None,
            palette: Palette::NONE,
            listed: gate,
            first: None,
            tolerated: 0,
            excepted,
            notices,
            unstable,
            noise,
            masked: 0,
        }
    }

    /// Returns the differences at or above the gate.
    pub fn failing(&self) -> impl Iterator<Item = &Difference> {
        self.report.at_least(self.gate)
    }

    /// Whether no more differences fail than are tolerated.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.failing().count() <= self.tolerated
    }

    /// Reads the calls around the first difference that is listed, and around the first unstable
    /// ones. `logs` are the logs of both sides.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub fn read_calls(&mut self, logs: &[Vec<LogFile>; 2]) -> Result<(), Error> {
        /// Around how many unstable differences the calls are shown.
        const UNSTABLE: usize = 3;
        if let Some(difference) = self.report.at_least(self.listed).next()
            && let [Some(a), Some(b)] = [logs[0].first(), logs[1].first()]
        {
            self.first = Some(Around::read(difference, [a, b])?);
        }
        for unstable in self.unstable.iter_mut().take(UNSTABLE) {
            let sides = unstable.side.map_or([0, 1], |side| [side, side]);
            let log = |at: usize| logs.get(sides[at])?.get(unstable.runs[at]);
            if let [Some(a), Some(b)] = [log(0), log(1)] {
                unstable.around = Some(Around::read(&unstable.difference, [a, b])?);
            }
        }
        Ok(())
    }

    /// Masks the secrets in all texts that a report shows. What is compared and what a policy
    /// matches is not masked, so this comes last.
    pub fn mask_secrets(&mut self) {
        let mut count = 0;
        let mut mask = |text: &mut String| {
            if let Cow::Owned(new) = masked(text) {
                *text = new;
                count += 1;
            }
        };
        let report = &mut self.report;
        for side in &mut report.sides {
            mask(&mut side.log);
            side.logs.iter_mut().for_each(&mut mask);
        }
        report.incomparable.iter_mut().chain(&mut report.unseen).for_each(&mut mask);
        report.made_up.iter_mut().flatten().for_each(&mut mask);
        report.differences.iter_mut().for_each(|one| mask_difference(one, &mut mask));
        for unstable in &mut self.unstable {
            mask_difference(&mut unstable.difference, &mut mask);
        }
        let around = self.unstable.iter_mut().filter_map(|unstable| unstable.around.as_mut());
        for around in self.first.iter_mut().chain(around) {
            mask(&mut around.what);
            around.lines.iter_mut().flatten().for_each(&mut mask);
        }
        self.noise.iter_mut().for_each(&mut mask);
        self.notices.iter_mut().for_each(&mut mask);
        self.masked = count;
    }
}

fn mask_difference(difference: &mut Difference, mask: &mut impl FnMut(&mut String)) {
    let Difference { what, before, after, content, without_secrets, .. } = difference;
    if let Some(without_secrets) = without_secrets.take() {
        [*before, *after] = without_secrets.map(Some);
    }
    mask(what);
    before.iter_mut().chain(after).chain(content).for_each(&mut *mask);
    difference.consequences.iter_mut().for_each(|one| mask_difference(one, mask));
}
