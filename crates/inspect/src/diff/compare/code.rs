//! Reads of code: libraries, and programs that read their own file.

use std::collections::BTreeSet;

use super::Found;
use super::places::{is_of_passing, is_of_system};
use super::requested::Set;
use crate::diff::effect::Op;
use crate::diff::rule::{Rule, Severity};
use crate::diff::run::Run;

/// Makes libraries graver that come from elsewhere than the system.
pub(super) fn loaded_code(run: &Run, found: &mut [Found]) {
    let loaded: BTreeSet<&str> = run.loaded.iter().map(|name| run.name(*name)).collect();
    for one in found.iter_mut().filter(|one| one.difference.rule == Rule::FsReadNew) {
        let Some(name) = one.resource().map(|resource| &resource.subject) else { continue };
        if loaded.contains(name.as_str()) && !is_of_system(name) {
            let severity = if is_of_passing(name) { Severity::Error } else { Severity::Warn };
            one.difference.severity = severity;
        }
    }
}

/// Makes a program that reads its own file, which both runs execute, not worth a note: whether V8
/// maps its code once more depends on the address at which it was loaded.
pub(super) fn own_code(sets: &[Set; 2], found: &mut [Found]) {
    let is_executed = |name: &str, set: &Set| {
        set.keys().any(|(_, op, resource)| *op == Op::Exec && resource.subject.as_str() == name)
    };
    for one in found {
        let Found { difference, names, .. } = one;
        if matches!(difference.rule, Rule::FsReadNew | Rule::FsReadGone)
            && difference.effect.as_ref().is_some_and(|effect| effect.op == Op::Read)
            && let [name] = &names[..]
            && name.rsplit('/').next() == Some(&*difference.role)
            && sets.iter().all(|set| is_executed(name, set))
        {
            difference.severity = Severity::Info;
        }
    }
}
