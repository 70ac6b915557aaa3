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

/// The least length of a generated part, if the word is that long: `XXXXXX` of mkstemp(3). Parts
/// that are equal by chance are extended to it.
const MIN_LEN: usize = 6;

/// How many equal letters are no coincidence.
const CERTAIN: usize = 3;

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
pub(super) fn learn(runs: &[BTreeSet<Effect>], is_secret: &dyn Fn(&str) -> bool) -> Learned {
    let of = runs.len();
    let mut seen = BTreeMap::<&Effect, BTreeSet<usize>>::new();
    for (at, run) in runs.iter().enumerate() {
        run.iter().for_each(|effect| _ = seen.entry(effect).or_default().insert(at));
    }
    let mut learned = Learned { runs: of, ..Learned::default() };
    let mut varying = Vec::new();
    let volatile = volatile(&seen, of);
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
        groups.entry(skeleton(effect, &volatile)).or_default().push((effect, runs));
    }
    for (skeleton, group) in groups {
        let runs: BTreeSet<usize> = group.iter().flat_map(|(_, runs)| runs).copied().collect();
        let generated = skeleton.words.iter().any(|word| matches!(word, Word::Volatile(_)));
        let template = if generated && runs.len() > 1 { template(&group, &volatile) } else { None };
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
fn volatile<'e>(seen: &BTreeMap<&'e Effect, BTreeSet<usize>>, of: usize) -> HashMap<&'e str, bool> {
    let mut runs = HashMap::<&str, BTreeSet<usize>>::new();
    for (effect, seen) in seen {
        for word in words(&effect.resource).filter(|word| is_word(word)) {
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

fn skeleton<'e>(effect: &'e Effect, volatile: &HashMap<&str, bool>) -> Skeleton<'e> {
    let word = |word: &'e str| match volatile.get(word) {
        Some(true) if is_number(word) => Word::Volatile(0),
        Some(true) => Word::Volatile(word.len()),
        _ => Word::Text(word),
    };
    Skeleton {
        role: &effect.role,
        op: effect.op,
        result: &effect.result,
        words: words(&effect.resource).map(word).collect(),
    }
}

/// Returns a template with the common parts, and the classes of what varies.
fn template(
    group: &[(&Effect, BTreeSet<usize>)],
    volatile: &HashMap<&str, bool>,
) -> Option<Template> {
    let columns: Vec<Vec<&str>> =
        group.iter().map(|(effect, _)| words(&effect.resource).collect()).collect();
    let (first, _) = group.first()?;
    let mut pieces: Vec<Piece> = Vec::new();
    for (at, word) in words(&first.resource).enumerate() {
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
mod tests {
    use super::*;

    fn learned(runs: &[&[&str]]) -> Learned {
        let runs: Vec<BTreeSet<Effect>> =
            runs.iter().map(|run| run.iter().map(|line| line.parse().unwrap()).collect()).collect();
        learn(&runs, &|resource| resource.contains("secret"))
    }

    fn lines_of<T: ToString>(of: impl IntoIterator<Item = (T, Evidence)>) -> Vec<String> {
        of.into_iter().map(|(what, evidence)| format!("{evidence} {}", what.to_string())).collect()
    }

    #[test]
    fn constant_effects_are_kept_verbatim() {
        let learned =
            learned(&[&["a read x1 ok", "a read x2 ok"], &["a read x1 ok", "a read x2 ok"]]);
        assert_eq!(learned.always.len(), 2);
        assert!(
            learned.templates.is_empty() && learned.sometimes.is_empty() && learned.firm.is_empty()
        );
    }

    #[test]
    fn generated_names_become_templates() {
        for (runs, template) in [
            (
                &["a write $TMP/sortAb3dEf ok", "a write $TMP/sortXy7zQq ok"][..],
                "2/2 a write $TMP/sort<alnum:6> ok",
            ),
            // Equal by chance: the first and the last letter.
            (
                &[
                    "a write $TMP/cc1b3dEf.s ok",
                    "a write $TMP/cc1y7zQf.s ok",
                    "a write $TMP/cc1aYk0f.s ok",
                ],
                "3/3 a write $TMP/cc<alnum:6>.s ok",
            ),
            // One or two equal letters of two words prove nothing.
            (
                &["a write tmp.Tb3dEfghij ok", "a write tmp.Ty7zQqrstj ok"],
                "2/2 a write tmp.<alnum:10> ok",
            ),
            (
                &["a write $TMP/ccAb3dEf.s ok", "a write $TMP/ccXy7zQq.s ok"],
                "2/2 a write $TMP/<alnum:8>.s ok",
            ),
            (
                &["a write n-12 ok", "a write n-13 ok", "a write n-140 ok"],
                "3/3 a write n-<digit:2-3> ok",
            ),
            (&["a write job17 ok", "a write job19 ok"], "2/2 a write job<digit:2> ok"),
            (
                &["a write s-hoj9nusnr3 ok", "a write s-hoj9nun1ho ok"],
                "2/2 a write s-<lower:10> ok",
            ),
            (
                &["a rename d/x12ab -> d/y ok", "a rename d/x9f3c -> d/y ok"],
                "2/2 a rename d/<lower:5> -> d/y ok",
            ),
            (
                &[
                    "a mkdir s-h1q2w3e4-00ff11ee-working ok",
                    "a mkdir s-h9q8w7e6-a0b1c2d3-working ok",
                ],
                "2/2 a mkdir s-<lower:8>-<hex:8>-working ok",
            ),
        ] {
            let runs: Vec<Vec<&str>> = runs.iter().map(|line| vec![*line, "a exit - 0"]).collect();
            let learned = learned(&runs.iter().map(Vec::as_slice).collect::<Vec<_>>());
            assert_eq!(lines_of(learned.templates), [template]);
            assert!(learned.sometimes.is_empty());
        }
    }

    proptest::proptest! {
        /// Everything a run did matches what was learned from it, and the text of the baseline
        /// parses to the same baseline.
        #[test]
        fn every_effect_is_learned(
            runs in proptest::collection::vec(
                proptest::collection::btree_set("(a|bc) (read|write|unlink|exec|exit) \
                    (x|\\$TMP/[a-z0-9_]{3,9}|d/[A-Za-z0-9]{6}\\.s|y -> z[0-9]{1,3}) (ok|ENOENT)", 0..12),
                1..7,
            )
        ) {
            let runs: Vec<BTreeSet<Effect>> = runs.iter()
                .map(|run| run.iter().map(|line| line.parse().unwrap()).collect()).collect();
            let learned = learn(&runs, &|_| false);
            for effect in runs.iter().flatten() {
                let known = learned.always.contains(effect)
                    || learned.firm.contains_key(effect)
                    || learned.sometimes.contains_key(effect)
                    || learned.templates.keys().any(|template| template.matches(effect));
                proptest::prop_assert!(known, "{effect} is forgotten: {learned:?}");
                proptest::prop_assert!(may_vary(effect.op) || !learned.sometimes.contains_key(effect));
            }
            proptest::prop_assert!(learned.templates.keys().all(|template| may_vary(template.effect().op)));
            let variant = crate::diff::baseline::Variant { learned, ..Default::default() };
            let baseline = crate::diff::baseline::Baseline { command: vec!["x".into()],
                variants: vec![variant] };
            let text = baseline.to_string();
            let again = crate::diff::baseline::Baseline::parse(std::path::Path::new("x"), &text);
            proptest::prop_assert_eq!(again.unwrap(), baseline, "{}", text);
        }

        #[test]
        fn parsing_never_panics(text in "(sysreel-baseline 1\n)?(variant machine=a \
            kernel=b libc=c image=d runs=2\n)?([=!?~] ([0-9]/[0-9] )?[ -~é]{0,30}\n){0,4}") {
            _ = crate::diff::baseline::Baseline::parse(std::path::Path::new("x"), &text);
        }
    }

    /// Directories made by one run, read by the next and removed by the third, with ordinary words
    /// around them and other files that vary.
    #[test]
    fn names_that_outlive_their_run_become_templates() {
        let names =
            ["a1b2c3d4", "x9y8z7w6", "q1w2e3r4", "k4j3h2g1", "m5n6b7v8", "p0o9i8u7", "t6r5e4w3"];
        let lines = |at: usize| {
            let [old, middle, new] = [names[at], names[at + 1], names[at + 2]];
            [
                format!("rustc rmdir $WS/inc/s-{old} ok"),
                format!("rustc read $WS/inc/s-{middle}/dep.bin ok"),
                format!("rustc mkdir $WS/inc/s-{new} ok"),
                format!("rustc read $WS/src/{} ok", ["parser", "lexer"][at % 2]),
            ]
        };
        let runs: Vec<_> = (0..5).map(lines).collect();
        let runs: Vec<Vec<&str>> =
            runs.iter().map(|run| run.iter().map(String::as_str).collect()).collect();
        let learned = learned(&runs.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let templates = lines_of(learned.templates);
        assert_eq!(
            templates,
            [
                "5/5 rustc read $WS/inc/s-<lower:8>/dep.bin ok",
                "5/5 rustc mkdir $WS/inc/s-<lower:8> ok",
                "5/5 rustc rmdir $WS/inc/s-<lower:8> ok"
            ]
        );
        assert_eq!(
            lines_of(learned.sometimes),
            ["2/5 rustc read $WS/src/lexer ok", "3/5 rustc read $WS/src/parser ok"]
        );
    }

    #[test]
    fn effects_of_one_run_are_no_template() {
        let learned = learned(&[
            &["a write $WS/cache/foo.o ok", "a read x ok"],
            &["a read x ok"],
            &["a read x ok", "b stat y ok"],
        ]);
        assert!(learned.templates.is_empty());
        assert_eq!(
            lines_of(learned.sometimes),
            ["1/3 a write $WS/cache/foo.o ok", "1/3 b stat y ok"]
        );
    }

    #[test]
    fn some_operations_are_never_learned() {
        let learned = learned(&[
            &[
                "a exit - 0",
                "a exec $TMP/xAAAAAA ok",
                "a connect tcp 1.2.3.4:5 ok",
                "a read secret1 ok",
            ],
            &[
                "a exit - 1",
                "a exec $TMP/xBBBBBB ok",
                "a connect tcp 1.2.3.4:6 ok",
                "a read secret2 ok",
            ],
        ]);
        assert!(
            learned.always.is_empty()
                && learned.templates.is_empty()
                && learned.sometimes.is_empty()
        );
        assert_eq!(learned.firm.len(), 8);
    }
}
