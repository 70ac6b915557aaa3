//! Gives a common name to names that each run generates, as mkstemp(3) does.
//!
//! A name counts as generated if its run creates it, if the other run has no such name, and if the
//! other run creates one of the same form, in the same directory, by the same program, that differs
//! in at least six consecutive letters and digits. If the creation does not ensure that the name is
//! new (`O_EXCL`, mkdir), the differing part must also look random: letters and digits mixed, most
//! of them different. So a lock file that both runs have keeps its name, and so does `out2.txt`
//! beside `out1.txt`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::diff::run::Run;

/// The least length of a generated part, in letters and digits: `XXXXXX`.
const MIN_LEN: usize = 6;
/// How deep directories with generated names may be nested.
const DEPTH: usize = 4;

/// The common properties of generated names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Family {
    folder: String,
    role: String,
    /// The lengths of the words in the name, each with the characters that follow it.
    form: Vec<(usize, String)>,
}

pub(super) fn match_generated_names(a: &mut Run, b: &mut Run) {
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

/// The names of a family in one run, each with whether its creation was exclusive.
type Members<'r> = BTreeMap<&'r str, bool>;

/// Returns the new names of generated names, for each run.
fn common_names(a: &Run, b: &Run) -> [BTreeMap<String, String>; 2] {
    let all = [a, b].map(|run| run.names.iter().map(String::as_str).collect::<BTreeSet<_>>());
    let mut families = BTreeMap::<Family, [Members<'_>; 2]>::new();
    for (side, run) in [a, b].into_iter().enumerate() {
        for created in &run.created {
            let name = run.name(created.name);
            if !all[1 - side].contains(name)
                && let Some(family) = family(name, run.name(created.role))
            {
                *families.entry(family).or_default()[side].entry(name).or_default() |=
                    created.exclusive;
            }
        }
    }
    let mut renamed = [BTreeMap::new(), BTreeMap::new()];
    for (family, members) in families {
        let bases =
            [0, 1].map(|side| members[side].keys().map(|name| base(name).1).collect::<Vec<_>>());
        let exclusive = members.iter().flat_map(BTreeMap::values).all(|exclusive| *exclusive);
        if bases.iter().any(Vec::is_empty) {
            continue;
        }
        let Some(ranges) = generated_parts(&bases, &words(&family.form), exclusive) else {
            continue;
        };
        for (side, members) in members.iter().enumerate() {
            for name in members.keys() {
                renamed[side].insert((*name).to_owned(), masked(name, base(name).0.len(), &ranges));
            }
        }
    }
    renamed
}

fn family(name: &str, role: &str) -> Option<Family> {
    let (folder, base) = base(name);
    let mut form = vec![(0, String::new())];
    for c in base.chars() {
        match form.last_mut() {
            Some((len, after)) if after.is_empty() && is_part(c) => *len += 1,
            Some((_, after)) if !is_part(c) => after.push(c),
            _ => form.push((1, String::new())),
        }
    }
    let long_enough = form.iter().any(|(len, _)| *len >= MIN_LEN);
    (long_enough && base.is_ascii() && !folder.is_empty()).then(|| Family {
        folder: folder.to_owned(),
        role: role.to_owned(),
        form,
    })
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Returns the ranges of the words of a form.
fn words(form: &[(usize, String)]) -> Vec<Range<usize>> {
    let mut at = 0;
    let place = |(len, after): &(usize, String)| {
        let word = at..at + len;
        at += len + after.len();
        word
    };
    form.iter().map(place).collect()
}

fn base(name: &str) -> (&str, &str) {
    name.split_at(name.rfind('/').map_or(0, |at| at + 1))
}

/// Returns a name with its generated parts replaced.
fn masked(name: &str, folder: usize, ranges: &[Range<usize>]) -> String {
    let mut out = name.to_owned();
    for range in ranges.iter().rev() {
        out.replace_range(folder + range.start..folder + range.end, "<new>");
    }
    out
}

/// Returns the generated parts of names of one form: one or two words if replacing them makes the
/// names of both runs equal, else all words that differ.
fn generated_parts(
    bases: &[Vec<&str>; 2],
    words: &[Range<usize>],
    exclusive: bool,
) -> Option<Vec<Range<usize>>> {
    let all: Vec<&str> = bases.iter().flatten().copied().collect();
    let parts: Vec<Range<usize>> =
        words.iter().filter_map(|word| differing_part(&all, word)).collect();
    // One part that looks random is evidence for the others, such as times and numbers.
    if !exclusive && !parts.iter().any(|part| part.len() >= MIN_LEN && looks_random(bases, part)) {
        return None;
    }
    let same = |mask: &[Range<usize>]| {
        let [a, b] = [0, 1].map(|side| {
            bases[side].iter().map(|base| masked(base, 0, mask)).collect::<BTreeSet<_>>()
        });
        a == b
    };
    let single = parts.iter().map(|part| vec![part.clone()]);
    let pairs = parts.iter().enumerate().flat_map(|(i, first)| {
        parts.iter().skip(i + 1).map(move |second| vec![first.clone(), second.clone()])
    });
    let long = |mask: &Vec<Range<usize>>| mask.iter().any(|part| part.len() >= MIN_LEN);
    let few = single.chain(pairs).filter(long).find(|mask| same(mask));
    few.or_else(|| Some(parts.clone()).filter(|all| long(all) && (exclusive || same(all))))
}

/// Returns the range in which names differ within a word, extended by characters equal by chance up
/// to the least length.
fn differing_part(names: &[&str], word: &Range<usize>) -> Option<Range<usize>> {
    let first = names.first()?.as_bytes();
    let same = |at: usize| names.iter().all(|name| name.as_bytes().get(at) == first.get(at));
    let mut differs = word.clone().filter(|at| !same(*at));
    let start = differs.next()?;
    let (mut start, mut end) = (start, differs.next_back().unwrap_or(start) + 1);
    while end - start < MIN_LEN && end < word.end {
        end += 1;
    }
    while end - start < MIN_LEN && start > word.start {
        start -= 1;
    }
    Some(start..end)
}

/// Whether a part looks random in both runs: letters and digits mixed in its word, and most of its
/// characters differ between the runs.
fn looks_random(bases: &[Vec<&str>; 2], part: &Range<usize>) -> bool {
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let mixed = |name: &&str| {
        let (before, after) = name.as_bytes().split_at(part.end.min(name.len()));
        let word = before.iter().rev().take_while(is_word).chain(after.iter().take_while(is_word));
        let (digits, letters): (Vec<u8>, Vec<u8>) = word.copied().partition(u8::is_ascii_digit);
        !digits.is_empty() && !letters.is_empty()
    };
    let [Some(one), Some(other)] = [0, 1].map(|side| bases[side].first()) else { return false };
    let (one, other) = (one.get(part.clone()), other.get(part.clone()));
    let others = one.into_iter().flat_map(str::bytes).zip(other.into_iter().flat_map(str::bytes));
    // One in five random words of six letters and digits has no digit.
    let enough = bases.iter().flatten().filter(|name| mixed(name)).count() * 2
        >= bases.iter().map(Vec::len).sum();
    enough && others.filter(|(x, y)| x != y).count() * 10 >= part.len() * 6
}

/// Renames names and those below them, also in command lines.
fn rename(run: &mut Run, names: &BTreeMap<String, String>) {
    if names.is_empty() {
        return;
    }
    for name in &mut run.names {
        // The longest renamed prefix.
        let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
        let found = ends.filter_map(|end| Some((end, names.get(name.get(..end)?)?))).next_back();
        if let Some((end, new)) = found {
            *name = format!("{new}{}", &name[end..]);
        }
    }
    // Roles are not paths, but arguments may contain paths.
    for word in run
        .processes
        .iter_mut()
        .flat_map(|process| &mut process.images)
        .flat_map(|image| &mut image.argv)
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

    fn found(a: &[&str], b: &[&str], exclusive: bool) -> Option<Vec<String>> {
        let forms: BTreeSet<_> = a
            .iter()
            .chain(b)
            .map(|name| family(&format!("/{name}"), "r").map(|family| family.form))
            .collect();
        let [Some(form)] = &forms.into_iter().collect::<Vec<_>>()[..] else { return None };
        let ranges = generated_parts(&[a.to_vec(), b.to_vec()], &words(form), exclusive)?;
        Some(a.iter().map(|name| masked(name, 0, &ranges)).collect())
    }

    #[test]
    fn generated_parts_are_found() {
        let one = |a, b| found(&[a], &[b], true).map(|names| names[0].clone());
        assert_eq!(one("ccAbC123.s", "ccXyZ987.s").as_deref(), Some("cc<new>.s"));
        // Both begin with the same letter by chance.
        assert_eq!(one("ccAbC123.s", "ccAyZ987.s").as_deref(), Some("cc<new>.s"));
        assert_eq!(one("a1.txt", "a2.txt"), None);
        assert_eq!(one("tmp.abcdef", "tmp.ghijkl").as_deref(), Some("tmp.<new>"));
        assert_eq!(one("ab-cdef-gh", "ij-klmn-op"), None);
        assert_eq!(
            one("s-hoj9zmbj0c-19rszqv-working", "s-abcdefgh12-zzzzzzz-working").as_deref(),
            Some("s-<new>-<new>-working")
        );
        assert_eq!(one("same", "same"), None);
    }

    #[test]
    fn without_exclusive_creation_parts_must_look_random() {
        let a = &["w.aaaaaa1.1tcdtwb.o", "w.bbbbbb2.1tcdtwb.o"];
        let b = &["w.aaaaaa1.1crwb7z.o", "w.bbbbbb2.1crwb7z.o"];
        // Names that differ in a common part stay distinct.
        assert_eq!(
            found(a, b, false),
            Some(vec!["w.aaaaaa1.1<new>.o".into(), "w.bbbbbb2.1<new>.o".into()])
        );
        let lock = found(&["s-hojagwrcrw-1dpiwlz.lock"], &["s-hojagwexqz-0634f4j.lock"], false);
        assert_eq!(lock, Some(vec!["s-hoja<new>-<new>.lock".into()]));
        let build = found(&["w.x.0uywoag.rcgu.o"], &["w.x.0zvkrbs.rcgu.o"], false);
        assert_eq!(build, Some(vec!["w.x.0<new>.rcgu.o".into()]));
        assert_eq!(found(&["output_v1.txt"], &["output_v2.txt"], false), None);
        assert_eq!(found(&["january"], &["october"], false), None);
    }
}
