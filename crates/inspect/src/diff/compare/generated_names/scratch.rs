//! Names beside a file that exist only until they are renamed to it: `Makefile.tmpea41f` becomes
//! `Makefile`. Their life shows that they were made up, and the file shows which of them belong
//! together.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::effect::Op;
use crate::diff::resource::Name;
use crate::diff::run::Run;

/// The least characters that differ.
const LEAST: usize = 3;

/// Returns common names, each with the names of both runs.
pub(super) fn names(runs: [&Run; 2]) -> Vec<(String, [BTreeSet<String>; 2])> {
    let [mut of_a, of_b] = [renamed(runs[0], runs[1]), renamed(runs[1], runs[0])];
    let mut found = Vec::new();
    for ((role, file), of_b) in of_b {
        let Some(of_a) = of_a.remove(&(role, file.clone())) else { continue };
        if let Some(beginning) = beginning(&file, of_a.iter().chain(&of_b)) {
            found.push((format!("{beginning}<new>"), [of_a, of_b]));
        }
    }
    found
}

/// Returns the names that a run creates and renames to their own beginning, and that the other run
/// does not have, by role and by file.
fn renamed(run: &Run, other: &Run) -> BTreeMap<(String, String), BTreeSet<String>> {
    let created: BTreeSet<&str> =
        run.created.iter().map(|created| run.name(created.name)).collect();
    let others: BTreeSet<&str> = other.names.iter().map(Name::as_str).collect();
    let mut all = BTreeMap::<_, BTreeSet<String>>::new();
    for ((_, role), operation) in run.operations.keys() {
        if operation.op != Op::Rename || operation.errno != 0 {
            continue;
        }
        let [name, file] = [operation.first, operation.second].map(|id| run.name(id));
        let rest = name.strip_prefix(file).unwrap_or_default();
        if !rest.is_empty()
            && !rest.contains('/')
            && created.contains(name)
            && !others.contains(name)
        {
            let key = (run.name(*role).to_owned(), file.to_owned());
            all.entry(key).or_default().insert(name.to_owned());
        }
    }
    all
}

/// Returns what names begin with; `None` if the rest of them may be chosen: words without digits.
fn beginning<'n>(file: &str, names: impl Iterator<Item = &'n String>) -> Option<String> {
    let names: Vec<&str> = names.map(String::as_str).collect();
    let first = names.first()?;
    let is_common = |len: &usize| {
        let beginning = first.get(..*len);
        beginning.is_some() && names.iter().all(|name| name.get(..*len) == beginning)
    };
    let len = (file.len()..=first.len()).rev().find(is_common)?;
    let rest = || names.iter().filter_map(|name| name.get(len..));
    let has_digit = |rest: &str| rest.bytes().any(|byte| byte.is_ascii_digit());
    let is_made_up = rest().all(|rest| rest.len() >= LEAST) && rest().any(has_digit);
    is_made_up.then(|| first[..len].to_owned())
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn only_what_has_digits_is_made_up() {
        let common =
            |file: &str, names: [&str; 2]| beginning(file, names.map(str::to_owned).iter());
        let make = ["/b/x.make.tmpea41f", "/b/x.make.tmpebc4f"];
        assert_eq!(common("/b/x.make", make).as_deref(), Some("/b/x.make.tmpe"));
        assert_eq!(common("/b/x", ["/b/x.release", "/b/x.malware"]), None);
        assert_eq!(common("/b/x", ["/b/x.1", "/b/x.2"]), None);
    }
}
