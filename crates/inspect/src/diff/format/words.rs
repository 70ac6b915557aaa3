//! The words in which two command lines differ.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput, Token};

/// How many words are shown of one side.
const MOST: usize = 12;

/// Splits a command line at the spaces outside of quotes.
pub(super) fn of(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c| {
        quoted ^= c == '\'';
        c == ' ' && !quoted
    })
    .collect()
}

/// Returns the words of each of two lists that the other has not in that place, with `...` between
/// those that are apart.
pub(super) fn changed(both: [Vec<&str>; 2]) -> [String; 2] {
    let mut input = InternedInput::default();
    let [before, after] = both;
    input.update_before(before.into_iter());
    input.update_after(after.into_iter());
    let diff = Diff::compute(Algorithm::Histogram, &input);
    let hunks: Vec<_> = diff.hunks().collect();
    let words = |tokens: &[Token], range: Range<u32>| -> Vec<&str> {
        let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap_or(0));
        let tokens = tokens.get(start..end).unwrap_or_default();
        tokens.iter().map(|token| input.interner[*token]).collect()
    };
    let before = hunks.iter().map(|hunk| words(&input.before, hunk.before.clone()));
    let after = hunks.iter().map(|hunk| words(&input.after, hunk.after.clone()));
    with_nothing([shown(before), shown(after)])
}

/// Joins words, and leaves out some of many.
fn shown<'a>(hunks: impl Iterator<Item = Vec<&'a str>>) -> String {
    let mut left = MOST;
    let mut more = 0;
    let mut parts = Vec::new();
    for words in hunks.filter(|words| !words.is_empty()) {
        // Leaving out one word saves nothing.
        let room = if words.len() <= left + 1 { words.len() } else { left };
        left = left.saturating_sub(room);
        more += words.len() - room;
        parts.extend(words.get(..room).filter(|words| !words.is_empty()).map(|w| w.join(" ")));
    }
    let all = parts.join(" ... ");
    if more == 0 { all } else { format!("{all} and {more} more words") }
}

/// Says of what only one of two has that the other is without it: a line must not begin or end with
/// nothing.
fn with_nothing([one, other]: [String; 2]) -> [String; 2] {
    match (one.is_empty(), other.is_empty()) {
        (true, false) => [format!("without {other}"), other],
        (false, true) => [one.clone(), format!("without {one}")],
        _ => [one, other],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &str, after: &str) -> [String; 2] {
        changed([of(before), of(after)])
    }

    #[test]
    fn words_that_are_apart_are_told_without_those_between_them() {
        assert_eq!(
            told(
                "cc1 a.c -march=x86-64 -quiet a.c -mtune=generic -o x",
                "cc1 a.c -march=native -quiet a.c -mtune=native -o x"
            ),
            ["-march=x86-64 ... -mtune=generic", "-march=native ... -mtune=native"]
        );
        assert_eq!(told("cc 'a b' c", "cc c"), ["'a b'", "without 'a b'"]);
        assert_eq!(told("cc c", "cc -g c"), ["without -g", "-g"]);
    }

    #[test]
    fn many_words_are_cut() {
        let many: Vec<String> = (0..90).map(|at| format!("-m{at}")).collect();
        let [before, after] = told("cc1 -O2 a.c", &format!("cc1 {} a.c", many.join(" ")));
        assert_eq!(before, "-O2");
        assert!(
            after.starts_with("-m0 -m1 ") && after.ends_with(" -m11 and 78 more words"),
            "{after}"
        );
    }
}
