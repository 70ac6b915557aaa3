//! Gives a common name to names that each run makes up, as mkstemp(3) does.
//!
//! A name counts as made up if its run creates it, if the other run has no such name, and if the
//! other run creates one of the same form, in the same directory, by the same program. How it came
//! to be and what became of it is the evidence: a name that its run removes or renames, or that it
//! makes new and for its owner alone, as mkstemp(3) and mkdtemp(3) do, only must not look chosen
//! ([`looks`]). One that stays, and that was made as any other file, is made up only if it is a
//! long random number or a hash, for looks alone do not tell `JDK11x64`. So `release` and `malware`
//! are two names. A name that several runs of one side create is not made up either. A lock file
//! that both runs have keeps its name, and so does `out2.txt` beside `out1.txt`.
//!
//! A name that exists only until it is renamed to its own beginning needs no evidence besides
//! ([`scratch`]).
//!
//! Random letters sometimes look like a word. Where a program's names in other folders show how it
//! makes them up, `tmp_obj_<new>`, names of the same pattern need no evidence of their own.

mod family;
mod form;
mod looks;
mod pattern;
mod scratch;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;

use self::family::{Family, Members, SPREAD, family, is_hash, split};
use self::form::{How, Part};
use self::pattern::Patterns;
use crate::diff::effect::Op;
use crate::diff::resource::Name;
use crate::diff::run::Run;

/// How deep directories with generated names may be nested.
const DEPTH: usize = 4;

/// The new names of one run.
#[derive(Debug, Default)]
struct Renaming {
    /// By whole name.
    names: BTreeMap<String, String>,
    /// By random word, wherever it is.
    words: HashMap<String, String, RandomState>,
}

/// Renames made-up names in both runs. Returns them in pairs.
pub(super) fn match_generated_names(
    a: &mut Run,
    b: &mut Run,
    constant: &[BTreeSet<String>; 2],
) -> Vec<[String; 2]> {
    let mut pairs = Vec::new();
    for _ in 0..DEPTH {
        let renamings = find(a, b, constant, &mut pairs);
        if renamings.iter().all(|renaming| renaming.names.is_empty()) {
            break;
        }
        let [of_a, of_b] = &renamings;
        of_a.apply(a);
        of_b.apply(b);
    }
    pairs
}

/// Returns the names that several runs of one program create: they are not made up.
pub(crate) fn constant_names<'r>(runs: impl Iterator<Item = &'r Run>) -> BTreeSet<String> {
    let (mut once, mut constant) = (BTreeSet::new(), BTreeSet::new());
    for run in runs {
        let created = run.created.iter().map(|created| run.name(created.name).to_owned());
        let created: BTreeSet<String> = created.collect();
        constant.extend(once.intersection(&created).cloned());
        once.extend(created);
    }
    constant
}

/// Returns the names that a run removes.
fn removed(run: &Run) -> BTreeSet<&str> {
    let operations = run.operations.keys().map(|(_, operation)| operation);
    let removing = operations.filter(|operation| {
        operation.errno == 0 && matches!(operation.op, Op::Unlink | Op::Rmdir | Op::Rename)
    });
    removing.map(|operation| run.name(operation.first)).collect()
}

/// Returns the names that a run creates and the other does not. It may look for them: some programs
/// look into all folders of a store.
fn new_names<'r>(run: &'r Run, other: &Run) -> BTreeSet<&'r str> {
    let others: BTreeSet<&str> =
        other.created.iter().map(|created| other.name(created.name)).collect();
    let created = run.created.iter().map(|created| run.name(created.name));
    created.filter(|name| !others.contains(name)).collect()
}

/// Returns the names that may be made up, by family.
fn families<'r>(
    runs: [&'r Run; 2],
    constant: &[BTreeSet<String>; 2],
) -> BTreeMap<Family, [Members<'r>; 2]> {
    let all = runs.map(|run| run.names.iter().map(Name::as_str).collect::<BTreeSet<_>>());
    let new = [new_names(runs[0], runs[1]), new_names(runs[1], runs[0])];
    // A folder of the store to which one run adds a hash counts as one in the other run too, where
    // the same folder may have been there for another hash.
    let hashes = new.iter().flatten().filter(|name| is_hash(name));
    let stores: BTreeSet<&str> = hashes.map(|name| split(name).0.trim_end_matches('/')).collect();
    let spreads =
        |folder: &str| new.iter().any(|new| new.contains(folder)) || stores.contains(folder);
    let mut families = BTreeMap::<Family, [Members<'_>; 2]>::new();
    for (side, run) in runs.into_iter().enumerate() {
        let removed = removed(run);
        for created in &run.created {
            let name = run.name(created.name);
            if !all[1 - side].contains(name)
                && !constant[side].contains(name)
                && let Some(family) = family(name, run.name(created.role), &spreads)
            {
                let passing = created.failed || removed.contains(name);
                let members = &mut families.entry(family).or_default()[side];
                let private = created.private;
                let how = members.entry(name).or_insert(How { exclusive: false, passing, private });
                how.exclusive |= created.exclusive;
            }
        }
    }
    families
}

fn find(
    a: &Run,
    b: &Run,
    constant: &[BTreeSet<String>; 2],
    pairs: &mut Vec<[String; 2]>,
) -> [Renaming; 2] {
    let mut families = families([a, b], constant);
    let mut patterns = Patterns::default();
    let mut found = Vec::new();
    for (family, members) in &mut families {
        for (members, parts) in take_generated(members) {
            patterns.learn(family, &members, &parts);
            found.push((family.clone(), members, parts));
        }
    }
    found.extend(families.into_iter().filter_map(|(family, members)| {
        let parts = patterns.parts_of(&family, &members)?;
        Some((family, members, parts))
    }));
    let mut renamings: [Renaming; 2] = Default::default();
    for (names, [of_a, of_b]) in scratch::names([a, b]) {
        let base = |name: &String| split(name).1.to_owned();
        pairs.extend(of_a.iter().zip(&of_b).map(|(a, b)| [base(a), base(b)]));
        for (renaming, of) in renamings.iter_mut().zip([of_a, of_b]) {
            renaming.names.extend(of.into_iter().map(|name| (name, names.clone())));
        }
    }
    let new = [new_names(a, b), new_names(b, a)];
    for (family, members, parts) in found {
        let spreads = family.folder.ends_with(SPREAD);
        for ((renaming, members), new) in renamings.iter_mut().zip(&members).zip(&new) {
            for name in members.keys() {
                renaming.add(name, &parts, spreads.then_some(new));
            }
        }
        let folder = |name: &&str| split(split(name).0.trim_end_matches('/')).1.to_owned();
        if spreads {
            let [a, b] = members.each_ref().map(|members| members.keys().map(folder));
            pairs.extend(a.zip(b).map(|(a, b)| [a, b]).filter(|[a, b]| a != b));
        }
        // Of several kinds, as `cc<new>.s` and `cc<new>.o`, each with one of its kind.
        let [a, b] = members.each_ref().map(|members| {
            let mut bases: Vec<_> = members.keys().map(|name| split(name).1).collect();
            bases.sort_by_cached_key(|base| form::masked(base, &parts));
            bases
        });
        pairs.extend(a.iter().zip(b).map(|(a, b)| [(*a).to_owned(), b.to_owned()]));
    }
    renamings
}

/// Takes the members of a family that are generated out of it, with their generated parts: all of
/// them, or those that begin alike, as `rustcXXXXXX` and `rmetaXXXXXX` are two kinds of names.
fn take_generated<'r>(left: &mut [Members<'r>; 2]) -> Vec<([Members<'r>; 2], Vec<Part>)> {
    /// The lengths of beginnings.
    const BEGINNINGS: [usize; 4] = [5, 4, 3, 2];
    if let Some(parts) = parts_of(left) {
        return vec![(std::mem::take(left), parts)];
    }
    let mut found = Vec::new();
    for len in BEGINNINGS {
        let begins = |name: &&str| split(name).1.get(..len).map(str::to_owned);
        let [a, b] = left.each_ref().map(|side| side.keys().filter_map(begins));
        let (a, b): (BTreeSet<String>, BTreeSet<String>) = (a.collect(), b.collect());
        for beginning in a.intersection(&b) {
            let kind = left.each_ref().map(|side| {
                let alike = side.iter().filter(|(name, _)| split(name).1.starts_with(beginning));
                alike.map(|(name, how)| (*name, *how)).collect::<Members<'_>>()
            });
            let Some(parts) = parts_of(&kind) else { continue };
            for (left, kind) in left.iter_mut().zip(&kind) {
                left.retain(|name, _| !kind.contains_key(name));
            }
            found.push((kind, parts));
        }
    }
    found
}

fn parts_of(members: &[Members<'_>; 2]) -> Option<Vec<Part>> {
    let bases = members.each_ref().map(|side| side.keys().map(|name| split(name).1).collect());
    let all = || members.iter().flat_map(BTreeMap::values);
    let how = How {
        exclusive: all().all(|how| how.exclusive),
        passing: all().all(|how| how.passing),
        private: all().all(|how| how.private),
    };
    let is_missing = bases.iter().any(|bases: &Vec<&str>| bases.is_empty());
    if is_missing { None } else { form::generated_parts(&bases, how) }
}

impl Renaming {
    /// Adds a name with its generated parts. In a store `new` has the new names: one in a folder
    /// that was there before gets the common name of all folders too, but the folder does not, for
    /// it has other files.
    fn add(&mut self, name: &str, parts: &[Part], new: Option<&BTreeSet<&str>>) {
        let (folder, base) = split(name);
        let mut to = folder.to_owned();
        if let Some(new) = new {
            let path = folder.trim_end_matches('/');
            let (above, own) = split(path);
            to = format!("{above}{SPREAD}");
            // The whole hash, as in the arguments of commands.
            if is_hash(base) {
                self.words.insert(format!("{own}{base}"), "<new>".to_owned());
            }
            if new.contains(path) {
                self.names.insert(path.to_owned(), to.trim_end_matches('/').to_owned());
            }
        }
        self.names.insert(name.to_owned(), format!("{to}{}", form::masked(base, parts)));
        for part in parts.iter().filter(|part| part.is_random || part.is_likely) {
            if let Some(word) = form::word(base, part.word) {
                self.words.insert(word.to_owned(), part.masked(word));
            }
        }
    }

    /// Renames names, those below them, and what else contains their random words: command lines,
    /// targets of symbolic links, programs.
    fn apply(&self, run: &mut Run) {
        run.rename(&|name| {
            // The longest renamed prefix.
            let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
            let mut prefixes =
                ends.filter_map(|end| Some((end, self.names.get(name.get(..end)?)?)));
            let new = prefixes.next_back().map(|(end, new)| format!("{new}{}", &name[end..]));
            self.in_words(new.as_deref().unwrap_or(name)).or(new)
        });
        // Processes of one program have mostly the same arguments.
        let mut known = HashMap::<String, Option<String>, RandomState>::default();
        let images = run.processes.iter_mut().flat_map(|process| &mut process.images);
        for image in images {
            if let Some(role) = self.in_words(&image.role) {
                image.role = role;
            }
            for word in &mut image.argv {
                let new = match known.get(word.as_str()) {
                    Some(new) => new.clone(),
                    None => known.entry(word.clone()).or_insert(self.in_argument(word)).clone(),
                };
                *word = new.unwrap_or_else(|| std::mem::take(word));
            }
        }
    }

    /// Returns an argument with the names and the random words in it replaced; `None` if it has
    /// none.
    fn in_argument(&self, word: &str) -> Option<String> {
        let mut new = None;
        for (old, name) in &self.names {
            let text = new.as_deref().unwrap_or(word);
            if text.contains(old.as_str()) {
                new = Some(text.replace(old.as_str(), name));
            }
        }
        self.in_words(new.as_deref().unwrap_or(word)).or(new)
    }

    /// Returns a text with the random words in it replaced; `None` if it has none.
    fn in_words(&self, text: &str) -> Option<String> {
        let (mut out, mut found) = (String::new(), false);
        for (word, after) in form::words(text) {
            let new = self.words.get(word);
            found |= new.is_some();
            out.push_str(new.map_or(word, String::as_str));
            out.push_str(after);
        }
        found.then_some(out)
    }
}

#[cfg(test)]
mod tests;
