//! Folds what a process does to many names of one directory.

use std::collections::BTreeMap;

use super::Found;
use super::attribution::Folding;
use crate::diff::report::Difference;
use crate::diff::rule::Rule;

impl Folding {
    /// Makes one difference of many of one kind that a process does in one directory.
    pub(super) fn directories(&mut self) {
        /// Fewer are shown one by one.
        const MANY: usize = 4;
        let kinds = [
            Rule::FsWriteNew,
            Rule::FsChangeGone,
            Rule::FsDeleteNew,
            Rule::FsReadNew,
            Rule::FsReadGone,
            Rule::FsCreate,
            Rule::ProbeNew,
        ];
        let mut groups = BTreeMap::<_, Vec<usize>>::new();
        for at in (0..self.found.len()).filter(|at| self.is_root(*at)) {
            let Found { difference, names, .. } = &self.found[at];
            let [name] = &names[..] else { continue };
            if let Some((directory, _)) = name.rsplit_once('/')
                && kinds.contains(&difference.rule)
            {
                let Difference { rule, severity, change, process, .. } = difference;
                let key = (*rule, *severity, *change, process.clone(), directory.to_owned());
                groups.entry(key).or_default().push(at);
            }
        }
        for group in groups.into_values().filter(|group| group.len() >= MANY) {
            let event = |at: &usize| self.found[*at].difference.events.iter().flatten().min();
            let first = group.iter().copied().min_by_key(event);
            group.into_iter().for_each(|at| self.attribute(at, first.unwrap_or(at)));
        }
    }
}
