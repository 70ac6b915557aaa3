//! Learns from repeated runs what always occurs, what sometimes occurs, and which names are
//! generated.
//!
//! A word is taken for generated if it is long enough and occurs in the resources of one run only
//! (with digits in it, in those of up to half of the runs, if there are five or more). The rest of
//! the resource becomes a template if it recurs in another run. Ends of programs, executions, the
//! network, privileges and secrets are never learned as noise: a person has to judge variation
//! there, and say so in a policy.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::template::{Class, Piece, Template};
use super::{Evidence, Learned};
use crate::diff::effect::{Effect, Op};
use crate::diff::resource::Resource;

/// The least length of a generated part, if the word is that long: `XXXXXX` of mkstemp(3). A
/// part whose ends are equal by chance is extended to it.
const MIN_LEN: usize = 6;

/// How many equal letters are not a coincidence.
const CERTAIN: usize = 3;

/// The texts of the resources of effects, in which generated words are searched.
type Texts<'e> = BTreeMap<&'e Effect, String>;

/// Whether effects with this operation may be learned as noise.
pub(super) const fn may_vary(op: Op) -> bool {
    !matches!(
        op,
        Op::Exit
            | Op::Exec
            | Op::Connect
            | Op::Send
            | Op::Bind
            | Op::Listen
            | Op::Creds
            | Op::Kernel
            | Op::Chmod
            | Op::Chown
    )
}

/// Learns from the effects of runs. `is_secret` returns whether a resource is a secret.
pub(super) fn learn(runs: &[BTreeSet<Effect>], is_secret: &dyn Fn(&Resource) -> bool) -> Learned {
    let of = runs.len();
    let mut seen = BTreeMap::<&Effect, BTreeSet<usize>>::new();
    for (at, run) in runs.iter().enumerate() {
        run.iter().for_each(|effect| _ = seen.entry(effect).or_default().insert(at));
    }
    let mut learned = Learned { runs: of, ..Learned::default() };
    let mut varying = Vec::new();
    let texts: Texts<'_> =
        seen.keys().map(|effect| (*effect, effect.resource.to_string())).collect();
    let volatile = volatile(&seen, &texts, of);
    for (effect, runs) in seen {
        if runs.len() == of {
            learned.always.insert(effect.clone());
        } else if !may_vary(effect.op) || is_secret(&effect.resource) {
            learned.firm.insert(effect.clone(), Evidence { seen: runs.len(), of });
        } else {
            varying.push((effect, runs));
        }
    }
    let mut groups = BTreeMap::<_, Vec<(&Effect, BTreeSet<usize>)>>::new();
    for (effect, runs) in varying {
        groups.entry(skeleton(effect, &texts[effect], &volatile)).or_default().push((effect, runs));
    }
    for (skeleton, group) in groups {
        let runs: BTreeSet<usize> = group.iter().flat_map(|(_, runs)| runs).copied().collect();
        let generated = skeleton.words.iter().any(|word| matches!(word, Word::Volatile(_)));
        let template =
            if generated && runs.len() > 1 { template(&group, &texts, &volatile) } else { None };
        match template {
            Some(template) => {
                _ = learned.templates.insert(template, Evidence { seen: runs.len(), of })
            }
            None => learned.sometimes.extend(
                group
                    .into_iter()
                    .map(|(effect, runs)| (effect.clone(), Evidence { seen: runs.len(), of })),
            ),
        }
    }
    learned
}

/// Splits a resource into words of letters and digits, and what is between them.
fn words(resource: &str) -> impl Iterator<Item = &str> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = resource;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|c| is_letter(c) != is_letter(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

fn is_word(text: &str) -> bool {
    text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns for each word whether it may be generated: it occurs in few runs and is not a short
/// word.
fn volatile<'t>(
    seen: &BTreeMap<&'t Effect, BTreeSet<usize>>,
    texts: &'t Texts<'t>,
    of: usize,
) -> HashMap<&'t str, bool> {
    let mut runs = HashMap::<&str, BTreeSet<usize>>::new();
    for (effect, seen) in seen {
        for word in words(&texts[effect]).filter(|word| is_word(word)) {
            runs.entry(word).or_default().extend(seen);
        }
    }
    let may_be = |word: &str, runs: usize| {
        let digits = word.bytes().any(|byte| byte.is_ascii_digit());
        match (digits, word.len()) {
            _ if is_number(word) => runs == 1,
            // A build directory may outlive its run: made by one run, read by the next, removed by
            // the third.
            (true, MIN_LEN..) => runs == 1 || of >= 5 && runs <= of.div_ceil(2),
            (true, 4..) | (false, MIN_LEN..) => runs == 1,
            _ => false,
        }
    };
    runs.into_iter().map(|(word, runs)| (word, may_be(word, runs.len()))).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word<'e> {
    Text(&'e str),
    /// A generated word with this length; 0 for numbers, whose length varies.
    Volatile(usize),
}

/// The common parts of effects with generated names.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Skeleton<'e> {
    role: &'e str,
    op: Op,
    result: &'e str,
    words: Vec<Word<'e>>,
}

fn skeleton<'e>(
    effect: &'e Effect,
    resource: &'e str,
    volatile: &HashMap<&str, bool>,
) -> Skeleton<'e> {
    let word = |word: &'e str| match volatile.get(word) {
        Some(true) if is_number(word) => Word::Volatile(0),
        Some(true) => Word::Volatile(word.len()),
        _ => Word::Text(word),
    };
    Skeleton {
        role: &effect.role,
        op: effect.op,
        result: &effect.result,
        words: words(resource).map(word).collect(),
    }
}

/// Returns a template with the common parts, and the classes of what varies.
fn template(
    group: &[(&Effect, BTreeSet<usize>)],
    texts: &Texts<'_>,
    volatile: &HashMap<&str, bool>,
) -> Option<Template> {
    let columns: Vec<Vec<&str>> =
        group.iter().map(|(effect, _)| words(&texts[effect]).collect()).collect();
    let (first, _) = group.first()?;
    let mut pieces: Vec<Piece> = Vec::new();
    for (at, word) in words(&texts[first]).enumerate() {
        let column: Vec<&str> = columns.iter().filter_map(|words| words.get(at).copied()).collect();
        match volatile.get(word) {
            Some(true) if column.iter().any(|other| *other != word) => {
                push_generated(&column, &mut pieces)?
            }
            _ => pieces.push(Piece::Text(word.to_owned())),
        }
    }
    // Adjacent texts are joined, as parsing the template again would.
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (_, Piece::Text(text)) if text.is_empty() => {}
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (_, piece) => joined.push(piece),
        }
    }
    let varies = joined.iter().any(|piece| matches!(piece, Piece::Any(..)));
    varies.then(|| Template::new(first, joined))
}

/// Adds the pieces for words that are partly generated.
fn push_generated(words: &[&str], pieces: &mut Vec<Piece>) -> Option<()> {
    let (least, most) =
        (words.iter().map(|w| w.len()).min()?, words.iter().map(|w| w.len()).max()?);
    let first = words.first()?.as_bytes();
    let same = |from_end: bool| {
        (0..least)
            .take_while(|at| {
                words.iter().all(|word| {
                    let (word, other) = (word.as_bytes(), first);
                    match from_end {
                        false => word.get(*at) == other.get(*at),
                        true => word.get(word.len() - 1 - at) == other.get(other.len() - 1 - at),
                    }
                })
            })
            .count()
    };
    let (mut before, mut after) = (0, 0);
    // Numbers of different lengths have no meaningful common part.
    if least == most {
        before = same(false);
        after = same(true).min(least - before);
        let letters = |word: &str| word.bytes().take_while(|byte| !byte.is_ascii_digit()).count();
        let numbered = words.iter().all(|word| word.get(letters(word)..).is_some_and(is_number));
        let word = words.first()?;
        if numbered {
            (before, after) = (before.min(letters(word)), 0);
        }
        let counts = words.iter().filter_map(|word| word.get(before..least - after)).all(is_number);
        // Characters equal by chance are part of the generated part, up to the least length.
        while !counts && least - before - after < MIN_LEN && before + after > 0 {
            if after > 0 { after -= 1 } else { before -= 1 }
        }
        // Few equal letters may be equal by chance: the probability is 1 in 62 per letter and other
        // word.
        let others = words.iter().collect::<BTreeSet<_>>().len() - 1;
        let certain = |letters: usize| if letters * others < CERTAIN { 0 } else { letters };
        (before, after) = (certain(before), certain(after));
        // A common part with digits may be the start of a timestamp, which changes later.
        if letters(word) < before {
            before = 0;
        }
    }
    let middle = words.iter().filter_map(|word| word.get(before..word.len() - after));
    let class = Class::narrowest(middle.clone())?;
    let text = |part: Option<&str>| Piece::Text(part.unwrap_or_default().to_owned());
    let word = words.first()?;
    pieces.push(text(word.get(..before)));
    pieces.push(Piece::Any(class, least - before - after, most - before - after));
    pieces.push(text(word.get(word.len() - after..)));
    Some(())
}

#[cfg(test)]
mod tests;
