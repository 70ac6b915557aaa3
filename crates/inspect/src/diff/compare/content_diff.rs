//! Shows how small contents differ: by lines if both are text, else by bytes.

use std::fmt::Write as _;

use imara_diff::{Algorithm, Diff, InternedInput};

/// How many lines are shown.
const LINES: usize = 12;
/// How many characters of a line are shown, and how many of them before the first that differs.
const WIDTH: usize = 120;
const BEFORE: usize = 40;
/// How many bytes are shown of each content.
const BYTES: usize = 16;

/// Returns the lines of a diff of two contents that are not the same.
pub(super) fn content_diff(old: &[u8], new: &[u8]) -> Vec<String> {
    const PRIVATE: &str = "PRIVATE KEY-----";
    match (text(old), text(new)) {
        (Some(old), Some(new)) if old.contains(PRIVATE) || new.contains(PRIVATE) => {
            vec!["a private key, which is not shown".to_owned()]
        }
        (Some(old), Some(new)) => lines(old, new),
        _ => bytes(old, new),
    }
}

/// Returns bytes as text, if they look like it.
fn text(bytes: &[u8]) -> Option<&str> {
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\t' | '\r' | '\u{1b}');
    std::str::from_utf8(bytes).ok().filter(|text| text.chars().all(is_text))
}

fn lines(old: &str, new: &str) -> Vec<String> {
    let input = InternedInput::new(old, new);
    let diff = Diff::compute(Algorithm::Histogram, &input);
    let line = |token: imara_diff::Token| {
        let line = input.interner[token];
        line.strip_suffix('\n')
            .map_or_else(|| format!("{line} (no newline at the end)"), str::to_owned)
    };
    let range = |tokens: &[imara_diff::Token], range: std::ops::Range<u32>| -> Vec<String> {
        let range =
            usize::try_from(range.start).unwrap_or(0)..usize::try_from(range.end).unwrap_or(0);
        tokens.get(range).unwrap_or_default().iter().map(|token| line(*token)).collect()
    };
    let mut shown = Vec::new();
    for hunk in diff.hunks() {
        shown.push(format!("line {}:", hunk.after.start + 1));
        let (gone, added) = (range(&input.before, hunk.before), range(&input.after, hunk.after));
        let from = match (&gone[..], &added[..]) {
            ([gone], [added]) => first_difference(gone, added),
            _ => 0,
        };
        shown.extend(gone.iter().map(|line| format!("-{}", part(line, from))));
        shown.extend(added.iter().map(|line| format!("+{}", part(line, from))));
    }
    let more = shown.len().saturating_sub(LINES);
    if more > 1 {
        shown.truncate(LINES);
        shown.push(format!("and {more} more lines"));
    }
    shown
}

/// Returns the number of the first character that differs.
fn first_difference(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(x, y)| x == y).count()
}

/// Returns the part of a line around a character.
fn part(line: &str, around: usize) -> String {
    let len = line.chars().count();
    if len <= WIDTH {
        return line.to_owned();
    }
    let from = around.saturating_sub(BEFORE).min(len - WIDTH);
    let middle: String = line.chars().skip(from).take(WIDTH).collect();
    let (before, after) =
        (if from > 0 { "..." } else { "" }, if from + WIDTH < len { "..." } else { "" });
    format!("{before}{middle}{after}")
}

fn bytes(old: &[u8], new: &[u8]) -> Vec<String> {
    let first = old.iter().zip(new).take_while(|(x, y)| x == y).count();
    let shown = |all: &[u8]| {
        let rest = all.get(first..).unwrap_or_default();
        let mut text = String::new();
        rest.iter().take(BYTES).for_each(|byte| _ = write!(text, " {byte:02x}"));
        if rest.is_empty() { " nothing".to_owned() } else { text }
    };
    let mut lines =
        vec![format!("offset {first:#x}:"), format!("-{}", shown(old)), format!("+{}", shown(new))];
    if old.len() == new.len() {
        let count = old.iter().zip(new).filter(|(x, y)| x != y).count();
        let bytes = if count == 1 { "1 byte differs" } else { &format!("{count} bytes differ") };
        lines.push(format!("{bytes} of {}", old.len()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_contents_are_shown_as_a_diff() {
        let long = "x".repeat(500);
        let many = |word: &str| (0..50).map(|n| format!("{word} {n}\n")).collect::<String>();
        for (old, new, wanted) in [
            ("a\nb\nc\n", "a\nB\nc\n", &["line 2:", "-b", "+B"][..]),
            ("a\n", "a\nb\n", &["line 2:", "+b"]),
            ("a\nb\n", "b\n", &["line 1:", "-a"]),
            ("a", "a\n", &["line 1:", "-a (no newline at the end)", "+a"]),
            ("", "x", &["line 1:", "+x (no newline at the end)"]),
            ("\0a", "\0b", &["offset 0x1:", "- 61", "+ 62", "1 byte differs of 2"]),
            ("\0a", "\0", &["offset 0x1:", "- 61", "+ nothing"]),
        ] {
            assert_eq!(content_diff(old.as_bytes(), new.as_bytes()), wanted);
        }
        let found = content_diff(
            format!("{long}a{long}\n").as_bytes(),
            format!("{long}b{long}\n").as_bytes(),
        );
        assert!(
            found[1].starts_with("-...xx") && found[1].contains("xax") && found[2].contains("xbx")
        );
        assert!(found.iter().all(|line| line.len() < WIDTH + 10), "{found:?}");
        let found = content_diff(many("old").as_bytes(), many("new").as_bytes());
        assert_eq!((found.len(), found[LINES].as_str()), (LINES + 1, "and 89 more lines"));
        let key = "-----BEGIN PRIVATE KEY-----\nabc\n";
        assert_eq!(content_diff(key.as_bytes(), b"x\n"), ["a private key, which is not shown"]);
    }
}
