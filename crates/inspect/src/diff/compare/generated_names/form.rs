//! The form of names, and the parts in which names of one form differ.

use std::collections::BTreeSet;
use std::ops::Range;

use super::looks::{evidence, has_capitalized_word, is_mixed_hex};

/// The least length of a generated part, in letters and digits: `XXXXXX`.
const MIN_LEN: usize = 6;
/// The least digits of a number whose length may vary.
const LONG_NUMBER: usize = 8;

/// The least digits of a hexadecimal number whose length may vary.
const LONG_HEX: usize = 12;
/// The lengths of the groups of a UUID (RFC 9562), which are one word.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// The length of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Len {
    /// Letters and digits.
    Exactly(usize),
    /// A long number: one with a leading zero may be shorter.
    Number,
    /// A long number in hexadecimal digits, as above.
    Hex,
}

/// The words of a name, each with the characters that follow it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form(Vec<(Len, String)>);

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Returns the length of the UUID at the beginning of a text; `None` if there is none.
fn uuid(text: &str) -> Option<usize> {
    let mut rest = text;
    for (at, len) in UUID.into_iter().enumerate() {
        rest = if at == 0 { rest } else { rest.strip_prefix('-')? };
        let (group, after) = rest.split_at_checked(len)?;
        rest = group.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(after)?;
    }
    (!rest.starts_with(is_part)).then(|| text.len() - rest.len())
}

/// Returns the length of the long number at the end of a word; 0 if there is none.
fn number_at_end(word: &str) -> usize {
    let trailing = |is: fn(&u8) -> bool| word.bytes().rev().take_while(is).count();
    let hex = trailing(u8::is_ascii_hexdigit);
    let digits = trailing(u8::is_ascii_digit);
    match word.get(word.len() - hex..) {
        Some(number) if hex >= LONG_HEX && is_mixed_hex(number) => hex,
        _ if digits >= LONG_NUMBER => digits,
        _ => 0,
    }
}

/// Returns the words of a name, each with the characters that follow it. A long number at the end
/// of a word is a word of its own.
pub(super) fn words(base: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = base;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // An escaped byte, as in `now\\x20on`, is part of no word.
        if let Some(after) = rest.strip_prefix("\\x").and_then(|rest| rest.get(2..)) {
            let found = ("", &rest[..rest.len() - after.len()]);
            rest = after;
            return Some(found);
        }
        let uuid = uuid(rest);
        let word = uuid.unwrap_or_else(|| rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
        let number = if uuid.is_some() { 0 } else { number_at_end(&rest[..word]) };
        if (1..word).contains(&number) {
            let found = (&rest[..word - number], "");
            rest = &rest[word - number..];
            return Some(found);
        }
        let escape = rest[word..].find("\\x").map_or(rest.len(), |at| word + at);
        let end = rest[word..].find(is_part).map_or(rest.len(), |at| word + at).min(escape);
        let found = (&rest[..word], &rest[word..end]);
        rest = &rest[end..];
        Some(found)
    })
}

/// Returns one word of a name.
pub(super) fn word(base: &str, at: usize) -> Option<&str> {
    words(base).nth(at).map(|(word, _)| word)
}

impl Form {
    /// Returns the form of a name; `None` if no word of it is long enough to be made up.
    pub(super) fn of(base: &str) -> Option<Self> {
        let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
        let len = |word: &str| match word.len() {
            // One of 30 addresses has no letter among its random digits.
            LONG_HEX.. if is_mixed_hex(word) || is_number(word) => Len::Hex,
            LONG_NUMBER.. if is_number(word) => Len::Number,
            len => Len::Exactly(len),
        };
        let form: Vec<_> = words(base).map(|(word, after)| (len(word), after.to_owned())).collect();
        let is_long = |len: &Len| !matches!(len, Len::Exactly(..MIN_LEN));
        (base.is_ascii() && form.iter().any(|(len, _)| is_long(len))).then_some(Self(form))
    }
}

/// What the runs do with the names of a family.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// Whether every creation ensures that the name is new.
    pub(super) exclusive: bool,
    /// Whether every name is also removed by its run.
    pub(super) passing: bool,
    /// Whether every name is made for its owner alone, as mkstemp(3) and mkdtemp(3) do.
    pub(super) private: bool,
}

impl How {
    /// Whether the names are made as any other file, and outlive the run.
    fn stays(self) -> bool {
        !(self.passing || self.exclusive && self.private)
    }
}

/// A part of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The number of its word.
    pub(super) word: usize,
    /// Its range within the word; `None` for the whole word.
    range: Option<Range<usize>>,
    /// Whether it looks random in both runs.
    pub(super) is_random: bool,
    /// Whether it may be made up beside another that looks random: both runs have the same words,
    /// all its words have digits, as times and numbers, or it is long and looks more random than
    /// chosen.
    is_possible: bool,
    /// Whether it looks more random than chosen, beside another that looks random.
    pub(super) is_likely: bool,
}

impl Part {
    fn text<'n>(&self, word: &'n str) -> &'n str {
        self.range.clone().map_or(word, |range| word.get(range).unwrap_or(word))
    }

    fn is_long(&self) -> bool {
        self.range.as_ref().is_none_or(|range| range.len() >= MIN_LEN)
    }

    /// Returns a word with this part replaced.
    pub(super) fn masked(&self, word: &str) -> String {
        let range = self.range.clone().unwrap_or(0..word.len());
        let (before, after) = (word.get(..range.start), word.get(range.end..));
        format!("{}<new>{}", before.unwrap_or_default(), after.unwrap_or_default())
    }
}

/// Returns a name with its generated parts replaced.
pub(super) fn masked(base: &str, parts: &[Part]) -> String {
    let mut out = String::new();
    for (at, (word, after)) in words(base).enumerate() {
        match parts.iter().find(|part| part.word == at) {
            Some(part) => out.push_str(&part.masked(word)),
            None => out.push_str(word),
        }
        out.push_str(after);
    }
    out
}

/// Returns the generated parts of names of one form: one or two words if replacing them makes the
/// names of both runs equal, else all words that differ. One of them must look random: that is
/// evidence for times and numbers beside it, but not for words. So `x-AbC123.dev` is no counterpart
/// of `x-XyZ987.prd`.
pub(super) fn generated_parts(bases: &[Vec<&str>; 2], how: How) -> Option<Vec<Part>> {
    let columns = words(bases[0].first()?).count();
    let parts: Vec<Part> = (0..columns).filter_map(|at| differing_part(bases, at, how)).collect();
    if !parts.iter().all(|part| part.is_random || part.is_possible) {
        return None;
    }
    let same = |parts: &[Part]| {
        let [a, b] = [0, 1].map(|side: usize| {
            bases[side].iter().map(|base| masked(base, parts)).collect::<BTreeSet<_>>()
        });
        a == b
    };
    let single = parts.iter().map(|part| vec![part.clone()]);
    let pairs = parts.iter().enumerate().flat_map(|(i, first)| {
        parts.iter().skip(i + 1).map(move |second| vec![first.clone(), second.clone()])
    });
    let random = |parts: &Vec<Part>| parts.iter().any(|part| part.is_random && part.is_long());
    let few = single.chain(pairs).filter(random).find(|parts| same(parts));
    few.or_else(|| Some(parts.clone()).filter(|all| random(all) && (how.exclusive || same(all))))
}

/// Returns the part in which names differ within a word, extended by characters equal by chance up
/// to the least length.
fn differing_part(bases: &[Vec<&str>; 2], at: usize, how: How) -> Option<Part> {
    let column: [Vec<&str>; 2] =
        [0, 1].map(|side: usize| bases[side].iter().filter_map(|base| word(base, at)).collect());
    let all: Vec<&str> = column.iter().flatten().copied().collect();
    let first = all.first()?;
    if all.iter().all(|word| word == first) {
        return None;
    }
    let range = all.iter().all(|word| word.len() == first.len()).then(|| {
        let same = |at: usize| all.iter().all(|word| word.as_bytes()[at] == first.as_bytes()[at]);
        let mut differs = (0..first.len()).filter(|at| !same(*at));
        let start = differs.next().unwrap_or(0);
        let (mut start, mut end) = (start, differs.next_back().unwrap_or(start) + 1);
        while end - start < MIN_LEN && end < first.len() {
            end += 1;
        }
        while end - start < MIN_LEN && start > 0 {
            start -= 1;
        }
        start..end
    });
    // Times and ids of processes were replaced before: other numbers are chosen.
    let has_digits = all.iter().all(|word| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        (1..word.len()).contains(&digits)
    });
    let part = Part { word: at, range, is_random: false, is_possible: false, is_likely: false };
    let is_long = all.iter().all(|word| part.text(word).len() >= MIN_LEN);
    let [of_a, of_b] = column.each_ref().map(|side| side.iter().collect::<BTreeSet<_>>());
    let is_likely = is_long && evidence_of(&column, &part).iter().sum::<i32>() >= 0;
    let is_possible = of_a == of_b || has_digits || is_likely;
    Some(Part { is_random: are_random(&column, &part, how), is_possible, is_likely, ..part })
}

/// Returns the evidence that a part of words is random, in each run.
fn evidence_of(words: &[Vec<&str>; 2], part: &Part) -> [i32; 2] {
    let (start, end) =
        part.range.as_ref().map_or((0, None), |range| (range.start, Some(range.end)));
    words.each_ref().map(|side| {
        let all = side.iter().map(|word| evidence(&word[..end.unwrap_or(word.len())], start));
        all.sum::<i32>() / i32::try_from(side.len()).unwrap_or(i32::MAX).max(1)
    })
}

/// Whether the parts of words look random in both runs and differ in most of their characters.
/// Names of passing files need less evidence: they do not outlive the run. So do those that must be
/// new, and most of all those that are made as mkstemp(3) makes them.
fn are_random(words: &[Vec<&str>; 2], part: &Part, how: How) -> bool {
    /// In tenths of a bit: what both sides must have, of which two random names of six characters
    /// have 190 on average, and what one side must not be below, because `release` is no
    /// counterpart of any name.
    const USUAL: (i32, i32) = (40, -30);
    /// Less are two words, such as `release` and `malware` with -180. Seven random letters and
    /// digits that are all digits by chance have -72.
    const PASSING: (i32, i32) = (-60, -72);
    const MADE_NEW: (i32, i32) = (-100, -80);
    /// Six letters have at least -75 each, or -90 with the one before them: that is enough beside
    /// a name that is surely random.
    const TEMPORARY: (i32, i32) = (-150, -80);
    const LEAST: i32 = -90;
    const SURE: i32 = 40;
    /// The least length and evidence of what stays: a hash or a random number. Chosen words of this
    /// length have less than -150 each, and random letters and digits 170 on average.
    const LONG: usize = 20;
    const LASTING: (i32, i32) = (0, -60);
    let sides = evidence_of(words, part);
    // Some characters of two names are equal by chance, but not those of all.
    let [of_a, of_b] = words.each_ref().map(|side| side.iter().map(|word| part.text(word)));
    let (mut different, mut of) = (0, 0);
    for (one, other) in of_a.zip(of_b) {
        different += one.bytes().zip(other.bytes()).filter(|(x, y)| x != y).count();
        of += one.len().min(other.len());
    }
    if how.stays() {
        let is_long = words.iter().flatten().all(|word| part.text(word).len() >= LONG);
        let is_sure = sides.iter().all(|side| *side >= LASTING.1);
        return is_long && is_sure && sides.iter().sum::<i32>() >= LASTING.0;
    }
    // Random letters may look like a word in one of two names.
    let chosen = |side: &Vec<&str>| side.iter().all(|word| has_capitalized_word(part.text(word)));
    if !how.passing && words.iter().all(chosen) {
        return false;
    }
    let is_short = words.iter().flatten().any(|word| part.text(word).len() < MIN_LEN);
    let (enough, least) = match how {
        // Every short word has little evidence of being one.
        _ if is_short => USUAL,
        How { exclusive: true, private: true, passing: true } => TEMPORARY,
        How { exclusive: true, private: true, .. } => MADE_NEW,
        How { exclusive: true, passing: true, .. } => MADE_NEW,
        How { passing: true, .. } => PASSING,
        _ => USUAL,
    };
    // Addresses have few random digits: all begin with those of their mapping, and end with those
    // of their place in a page.
    let mut all = words.iter().flatten();
    let is_long_hex = all.any(|word| word.len() >= LONG_HEX && is_mixed_hex(word));
    let is_temporary = how.exclusive && how.private && how.passing;
    let is_beside = is_temporary && sides.iter().any(|side| *side >= SURE);
    sides.iter().sum::<i32>() >= enough
        && sides.iter().all(|side| *side >= if is_beside { LEAST } else { least })
        && different * 10 >= of * if is_long_hex { 2 } else { 6 }
}
