//! Folds what a process does to many names of one directory, and processes that are alike.

use std::collections::BTreeMap;

use super::Found;
use super::attribution::Folding;
use crate::diff::report::Difference;
use crate::diff::rule::Rule;

/// Fewer are shown one by one.
const MANY: usize = 4;

impl Folding {
    /// Makes one difference of equal processes of one parent, and of many that execute one program.
    pub(super) fn processes(&mut self) {
        let roots = |folding: &Self| {
            let all = 0..folding.found.len();
            all.filter(|at| folding.is_root(*at) && folding.is_process(*at)).collect::<Vec<_>>()
        };
        for equal in [true, false] {
            let mut groups = BTreeMap::<_, Vec<usize>>::new();
            for at in roots(self) {
                let Difference { rule, change, process, role, what, .. } =
                    &self.found[at].difference;
                let what = if equal { what.clone() } else { String::new() };
                let key = (*rule, *change, process.clone(), role.clone(), what);
                groups.entry(key).or_default().push(at);
            }
            let least = if equal { 2 } else { MANY };
            for group in groups.into_values().filter(|group| group.len() >= least) {
                self.fold(group);
            }
        }
    }

    /// Makes all of a group follow from the first.
    fn fold(&mut self, group: Vec<usize>) {
        let event = |at: &usize| self.found[*at].difference.events.iter().flatten().min();
        let first = group.iter().copied().min_by_key(event);
        group.into_iter().for_each(|at| self.attribute(at, first.unwrap_or(at)));
    }

    /// Makes one difference of many of one kind that a process does in one directory.
    pub(super) fn directories(&mut self) {
        let kinds = [
            Rule::FsWriteNew,
            Rule::FsChangeGone,
            Rule::FsDeleteNew,
            Rule::FsReadNew,
            Rule::FsReadGone,
            Rule::FsCreate,
            Rule::ProbeNew,
        ];
        // In one directory; then the same name in sibling directories.
        for siblings in [false, true] {
            let mut groups = BTreeMap::<_, Vec<usize>>::new();
            for at in (0..self.found.len()).filter(|at| self.is_root(*at)) {
                let Found { difference, names, .. } = &self.found[at];
                let [name] = &names[..] else { continue };
                let place = match (siblings, name.rsplit_once('/')) {
                    (false, Some((directory, _))) => (directory, ""),
                    (true, Some((directory, base))) => match directory.rsplit_once('/') {
                        Some((above, _)) => (above, base),
                        None => continue,
                    },
                    _ => continue,
                };
                if kinds.contains(&difference.rule) {
                    let Difference { rule, severity, change, process, .. } = difference;
                    let place = (place.0.to_owned(), place.1.to_owned());
                    let key = (*rule, *severity, *change, process.clone(), place);
                    groups.entry(key).or_default().push(at);
                }
            }
            for group in groups.into_values().filter(|group| group.len() >= MANY) {
                self.fold(group);
            }
        }
    }
}
