//! Lines of at most 100 characters.

use super::Source;
use super::source::{Kind, Repository};

const MAX_LINE: usize = 100;
/// A line's number and width.
type Line = (usize, usize);

const EXTENSIONS: [&str; 8] = ["rs", "c", "h", "py", "sh", "toml", "yml", "md"];

pub(super) fn lines(repository: &Repository) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in repository.sources.iter().filter(|source| is_checked(&source.path)) {
        for (number, width) in long(source) {
            complaints.push(format!("{}:{number} has {width} characters", source.path));
        }
    }
    complaints
}

fn is_checked(path: &str) -> bool {
    path == ".ci/run"
        || path.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
}

/// Lines that are too long and could be shorter.
fn long(source: &Source) -> Vec<Line> {
    wide(source).0
}

/// Lines that are too long: those that could be shorter, and the excepted ones.
pub(super) fn wide(source: &Source) -> (Vec<Line>, Vec<Line>) {
    if !is_checked(&source.path) {
        return (Vec::new(), Vec::new());
    }
    let kept = match source.path.ends_with(".md") {
        true => kept_in_markdown(source),
        false => kept_in_code(source),
    };
    (1..)
        .zip(source.text.lines())
        .map(|(number, line)| (number, line.chars().count()))
        .filter(|(_, width)| *width > MAX_LINE)
        .partition(|(number, _)| !kept.contains(number))
}

/// Lines of code that are too long and may be: their excess lies in a string of several lines
/// (output as it is printed, a script), or they are one literal without blanks.
fn kept_in_code(source: &Source) -> Vec<usize> {
    let literal = |line: &str| {
        let line = line.trim().trim_end_matches([',', ';']);
        let line = line.trim_start_matches(['b', 'r', 'c', '#']);
        line.starts_with('"') && !line.contains(char::is_whitespace)
    };
    let mut kept: Vec<usize> =
        (1..).zip(source.text.lines()).filter(|(_, line)| literal(line)).map(|(n, _)| n).collect();
    for token in source.rust.iter().flat_map(|rust| &rust.tokens) {
        // A doc comment is a literal too, which begins with a slash.
        if token.kind != Kind::Literal || token.text.starts_with('/') {
            continue;
        }
        kept.extend((token.line..=token.end_line).filter(|line| {
            token.line < token.end_line
                && (*line > token.line || token.column < MAX_LINE)
                && (*line < token.end_line || token.end_column > MAX_LINE)
        }));
    }
    kept
}

/// Lines of Markdown that cannot be broken: tables, code, and those of one word, such as a URL,
/// after a list's or a reference's mark.
fn kept_in_markdown(source: &Source) -> Vec<usize> {
    let mut in_code = false;
    let mut kept = Vec::new();
    for (number, line) in (1..).zip(source.text.lines()) {
        let line = line.trim();
        let fence = line.starts_with("```") || line.starts_with("~~~");
        let mut words = line.split_whitespace();
        let mark = words.next().is_some_and(|word| ["-", "*", "+", ">"].contains(&word))
            || line.starts_with('[') && line.contains("]: ");
        let one_word = words.count() <= usize::from(mark);
        if fence || in_code || line.starts_with('|') || one_word {
            kept.push(number);
        }
        in_code ^= fence;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the lines that are complained of. X stands for 100 letters.
    fn found(path: &str, text: &str) -> Vec<usize> {
        let files = vec![(path.into(), text.replace('X', &"x".repeat(100)))];
        let repository = Repository::new(files).unwrap();
        long(&repository.sources[0]).into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn long_lines_are_found() {
        assert_eq!(found("a.rs", "// X\n//X\n/// X\n/** a\n X */\nfn a() {}"), [1, 2, 3, 5]);
        assert_eq!(found("a.rs", "const A: &str = \"X\";"), [1]);
        assert_eq!(found("a.rs", "const A: &str =\n    \"X a\";"), [2]);
        for path in ["a.c", "b/a.h", "a.py", "a.sh", "a.toml", "a.yml", ".ci/run"] {
            assert_eq!(found(path, "# X\n# x\n"), [1], "{path}");
        }
        assert_eq!(found("a.json", "# X\n"), [0; 0]);
        assert_eq!(found("a.rs", &format!("//{}", "é".repeat(98))), [0; 0]);
    }

    #[test]
    fn strings_stay_as_they_are_printed() {
        assert_eq!(found("a.rs", "const A: &str = \"a\nX b\nc\";"), [0; 0]);
        assert_eq!(found("a.rs", "const A: &str = r#\"a X\n\"#;"), [0; 0]);
        assert_eq!(found("a.rs", "const A: &str = \"a\n X\";"), [0; 0]);
        // Not what stands around them.
        assert_eq!(found("a.rs", "const X: &str = \"a\n\";"), [1]);
        assert_eq!(found("a.rs", "const A: (&str, &str) = (\"a\nb\", X);"), [2]);
        assert_eq!(found("a.rs", "const A: &str =\n    \"X\";"), [0; 0]);
    }

    #[test]
    fn markdown_keeps_what_cannot_be_broken() {
        assert_eq!(found("a.md", "a X\n\n| X | a |\n\n- X\n[a]: X\n[a](X) b\n- a X"), [1, 7, 8]);
        assert_eq!(found("a.md", "```\na X\n```\na X\n"), [4]);
    }
}
