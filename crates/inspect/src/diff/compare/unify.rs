//! Names that each run has made up, like those of mkstemp(3), get a common name.
//!
//! A name counts as made up when a run makes it and takes care that it was not there before, when the other run has no such name,
//! and when there both have one of the same length, in the same place, by the same program, that differs in a stretch of
//! at least six letters and digits. So a lock file, which both have, keeps its name, and so does a new file of the user's.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::run::Run;

/// How many letters and digits a made-up part has at least: `XXXXXX`.
const LEAST: usize = 6;
/// Directories with made-up names in directories with made-up names.
const DEPTH: usize = 4;

/// What made-up names have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Family {
    folder: String,
    role: String,
    len: usize,
    /// What comes behind the last dot.
    extension: String,
}

/// Renames what is made up in both runs.
pub(super) fn unify(a: &mut Run, b: &mut Run) {
    for _ in 0..DEPTH {
        let names = common_names(a, b);
        if names.iter().all(BTreeMap::is_empty) {
            return;
        }
        let [of_a, of_b] = &names;
        rename(a, of_a);
        rename(b, of_b);
    }
}

/// For each run the new names of what is made up.
fn common_names(a: &Run, b: &Run) -> [BTreeMap<String, String>; 2] {
    let all = [a, b].map(|run| run.names.iter().map(String::as_str).collect::<BTreeSet<_>>());
    let mut families = BTreeMap::<Family, [Vec<String>; 2]>::new();
    for (side, run) in [a, b].into_iter().enumerate() {
        for created in run.created.iter().filter(|created| created.exclusive) {
            let name = run.name(created.name);
            if !all[1 - side].contains(name)
                && let Some(family) = family(name, run.name(created.role))
            {
                let names = &mut families.entry(family).or_default()[side];
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
    }
    let mut renamed = [BTreeMap::new(), BTreeMap::new()];
    for names in families.into_values() {
        let bases: Vec<&str> = names.iter().flatten().map(|name| base(name).1).collect();
        if names.iter().any(Vec::is_empty) {
            continue;
        }
        let Some(range) = made_up(&bases) else { continue };
        for (side, names) in names.iter().enumerate() {
            for name in names {
                let (folder, base) = base(name);
                let (before, after) = (&base[..range.start], &base[range.end..]);
                renamed[side].insert(name.clone(), format!("{folder}{before}<new>{after}"));
            }
        }
    }
    renamed
}

fn family(name: &str, role: &str) -> Option<Family> {
    let (folder, base) = base(name);
    let extension = base.rsplit_once('.').map_or("", |(_, extension)| extension);
    // An extension that is itself made up is none.
    let extension = if extension.len() < LEAST { extension } else { "" };
    (base.len() >= LEAST && !folder.is_empty()).then(|| Family {
        folder: folder.to_owned(),
        role: role.to_owned(),
        len: base.len(),
        extension: extension.to_owned(),
    })
}

fn base(name: &str) -> (&str, &str) {
    name.split_at(name.rfind('/').map_or(0, |at| at + 1))
}

/// Which part of names of one length is made up: where they differ, as far as letters and digits go.
fn made_up(names: &[&str]) -> Option<std::ops::Range<usize>> {
    let first = names.first()?.as_bytes();
    let same = |at: usize| names.iter().all(|name| name.as_bytes().get(at) == first.get(at));
    let mut differs = (0..first.len()).filter(|at| !same(*at));
    let (start, last) = (differs.next()?, differs.next_back());
    // What all have by chance belongs to it, as far as it is needed for a whole one.
    let is_part = |at: usize| {
        names
            .iter()
            .all(|name| name.as_bytes().get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_'))
    };
    let (mut start, mut end) = (start, last.unwrap_or(start) + 1);
    if !(start..end).all(is_part) {
        return None;
    }
    while end - start < LEAST && end < first.len() && is_part(end) {
        end += 1;
    }
    while end - start < LEAST && start > 0 && is_part(start - 1) {
        start -= 1;
    }
    (end - start >= LEAST).then_some(start..end)
}

/// Gives names, and those below them, their new names; also where they stand in command lines.
fn rename(run: &mut Run, names: &BTreeMap<String, String>) {
    if names.is_empty() {
        return;
    }
    for name in &mut run.names {
        // The longest one that it is, or lies below.
        let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
        let found = ends.filter_map(|end| Some((end, names.get(name.get(..end)?)?))).next_back();
        if let Some((end, new)) = found {
            *name = format!("{new}{}", &name[end..]);
        }
    }
    // Program names are no paths, command lines may hold some.
    for word in
        run.processes.iter_mut().flat_map(|process| &mut process.images).flat_map(|image| &mut image.argv)
    {
        for (old, new) in names {
            if word.contains(old.as_str()) {
                *word = word.replace(old.as_str(), new);
            } else if let Some(relative) = old.strip_prefix("$WS/")
                && word == relative
            {
                new.strip_prefix("$WS/").unwrap_or(new).clone_into(word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_made_up_part_is_found() {
        assert_eq!(made_up(&["ccAbC123.s", "ccXyZ987.s"]), Some(2..8));
        // By chance both begin with the same letter.
        assert_eq!(made_up(&["ccAbC123.s", "ccAyZ987.s"]), Some(2..8));
        assert_eq!(made_up(&["a1.txt", "a2.txt"]), None);
        assert_eq!(made_up(&["tmp.abcdef", "tmp.ghijkl"]), Some(4..10));
        assert_eq!(made_up(&["ab-cdef-gh", "ij-klmn-op"]), None);
        assert_eq!(made_up(&["same", "same"]), None);
    }
}
