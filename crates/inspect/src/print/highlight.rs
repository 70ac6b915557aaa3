//! Colors the lines of a printed log.
//!
//! Colors are added to finished text, by its syntax. So no code that writes an argument knows of
//! them, columns are counted without escape sequences, and text from anywhere else that has the
//! form of a printed call can be colored too. What is read wrongly gets a wrong color: the
//! text itself is never changed.

use std::fmt::Write as _;

use crate::color::{Palette, Role};

/// Adds colors to a text that comes in pieces. A piece may end within a line, but not within a
/// word, string or prefix.
#[derive(Debug, Default)]
pub(crate) struct Highlighter {
    palette: Palette,
    within: Within,
}

/// The part of a line that the next piece begins in.
#[derive(Clone, Copy, Debug, Default)]
enum Within {
    /// The beginning of a line.
    #[default]
    Prefix,
    Arguments,
    Result,
    /// A line of one color, to its end.
    Whole(Role),
}

impl Highlighter {
    pub(crate) fn new(palette: Palette) -> Self {
        Self { palette, within: Within::Prefix }
    }

    /// Whether the text stays as it is.
    pub(crate) fn is_plain(&self) -> bool {
        self.palette == Palette::NONE
    }

    /// Appends the text with its colors.
    pub(crate) fn add(&mut self, text: &str, out: &mut String) {
        for line in text.split_inclusive('\n') {
            let (content, end) = match line.strip_suffix('\n') {
                Some(content) => (content, "\n"),
                None => (line, ""),
            };
            self.piece(content, out);
            out.push_str(end);
            if !end.is_empty() {
                self.within = Within::Prefix;
            }
        }
    }

    /// Colors a line or a part of it.
    fn piece(&mut self, line: &str, out: &mut String) {
        let mut at = 0;
        while at < line.len() {
            let (len, role) = match self.within {
                Within::Prefix => self.prefix(line, at),
                Within::Arguments | Within::Result => self.value(line, at),
                Within::Whole(role) => (line.len() - at, Some(role)),
            };
            let token = &line[at..at + len];
            match role {
                Some(role) => _ = write!(out, "{}", self.palette.paint(role, token)),
                None => out.push_str(token),
            }
            at += len;
        }
    }

    /// Returns the length and the role of the next token before the arguments.
    fn prefix(&mut self, line: &str, at: usize) -> (usize, Option<Role>) {
        let rest = &line[at..];
        let through = |end: char| rest.find(end).map_or(rest.len(), |end| end + 1);
        if let Some(role) = whole(rest) {
            self.within = Within::Whole(role);
            return (rest.len(), Some(role));
        }
        match rest.as_bytes()[0] {
            b'[' if rest.starts_with("[pid ") => (through(']'), Some(Role::Pid)),
            b'[' => (through(']'), Some(Role::Comment)),
            b'(' => (through(')'), Some(Role::Time)),
            b'0'..=b'9' | b'-' => {
                let len = rest.find(' ').unwrap_or(rest.len());
                let is_time = rest[..len].contains([':', '.']);
                (len, Some(if is_time { Role::Time } else { Role::Pid }))
            }
            b'<' => match rest.strip_prefix("<... ") {
                // `<... read resumed>`
                Some(_) => {
                    self.within = Within::Arguments;
                    (through('>'), Some(Role::Call))
                }
                None => (1, None),
            },
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                self.within = Within::Arguments;
                (rest.find('(').unwrap_or(rest.len()), Some(Role::Call))
            }
            _ => (first_len(rest), None),
        }
    }

    /// Returns the length and the role of the next token of the arguments or the result.
    fn value(&mut self, line: &str, at: usize) -> (usize, Option<Role>) {
        let rest = &line[at..];
        let before = line[..at].bytes().next_back();
        if matches!(self.within, Within::Arguments) && rest.starts_with("= ") && is_blank(before) {
            self.within = Within::Result;
            let failed = rest.starts_with("= -1 E") || rest.starts_with("= -1 (");
            return match rest.find(')') {
                Some(end) if failed => (end + 1, Some(Role::Failed)),
                _ if rest.starts_with("= ? E") => {
                    (rest.find(')').map_or(rest.len(), |end| end + 1), Some(Role::Failed))
                }
                _ => (2, None),
            };
        }
        match rest.as_bytes()[0] {
            b'"' => {
                let is_path = rest.starts_with("\"/");
                (quoted(rest), Some(if is_path { Role::Path } else { Role::String }))
            }
            b'/' if rest.starts_with("/*") => {
                (rest.find("*/").map_or(rest.len(), |end| end + 2), Some(Role::Comment))
            }
            b'<' if is_blank(before) => {
                let len = rest.find('>').map_or(rest.len(), |end| end + 1);
                // `<0.000012>`, `<unfinished ...>`
                let is_time = rest[1..].starts_with(|c: char| c.is_ascii_digit());
                (len, Some(if is_time { Role::Time } else { Role::Comment }))
            }
            b'<' if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
                match file(rest) {
                    Some(len) => (len, Some(Role::Path)),
                    None => (1, None),
                }
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
                let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                (len, word(&rest[..len]))
            }
            _ => (first_len(rest), None),
        }
    }
}

/// Returns the role of a line that is no call.
fn whole(rest: &str) -> Option<Role> {
    if rest.starts_with("--- sysreel: ") || rest.starts_with("[ Process PID=") {
        Some(Role::Comment)
    } else if rest.starts_with("--- ") || rest.starts_with("+++ killed by ") {
        Some(Role::Signal)
    } else if rest.starts_with("+++ exited with ") && !rest.starts_with("+++ exited with 0 ") {
        Some(Role::Failed)
    } else {
        rest.starts_with("+++ ").then_some(Role::Comment)
    }
}

/// Returns the role of a word: a number, a name in capitals, or nothing of note.
fn word(word: &str) -> Option<Role> {
    let is_constant = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    match word.as_bytes() {
        [b'0'..=b'9', ..] => Some(Role::Number),
        [_, _, ..] if word.bytes().all(is_constant) => Some(Role::Constant),
        _ => None,
    }
}

/// Returns the length of a string with its quotation marks, and with the `...` of a cut one.
fn quoted(rest: &str) -> usize {
    let mut escaped = true;
    let end = rest.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    let len = end.map_or(rest.len(), |end| end + 1);
    len + if rest[len..].starts_with("...") { 3 } else { 0 }
}

/// Returns the length of what follows a descriptor: `</etc/passwd>`, or with an arrow that does not
/// end it `<TCP:[1.2.3.4:5->6.7.8.9:0]>`.
fn file(rest: &str) -> Option<usize> {
    if rest.starts_with("<<") {
        return None;
    }
    let end = rest.match_indices('>').find(|(at, _)| !rest[..*at].ends_with('-'));
    let len = end.map(|(at, _)| at + 1)?;
    let deleted = "(deleted)";
    Some(len + if rest[len..].starts_with(deleted) { deleted.len() } else { 0 })
}

fn is_blank(before: Option<u8>) -> bool {
    before.is_none_or(|byte| byte == b' ')
}

fn first_len(rest: &str) -> usize {
    rest.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// The first letters of the styles, in braces.
    const LETTERS: [(&str, &str); 8] = [
        ("\x1b[1m\x1b[33m", "{signal "),
        ("\x1b[0m", "}"),
        ("\x1b[1m", "{call "),
        ("\x1b[2m", "{dim "),
        ("\x1b[31m", "{failed "),
        ("\x1b[32m", "{string "),
        ("\x1b[33m", "{pid "),
        ("\x1b[36m", "{path "),
    ];

    fn colored(pieces: &[&str]) -> String {
        let mut highlighter = Highlighter::new(Palette::DEFAULT);
        let mut out = String::new();
        pieces.iter().for_each(|piece| highlighter.add(piece, &mut out));
        LETTERS
            .into_iter()
            .chain([("\x1b[35m", "{constant ")])
            .fold(out, |text, (escape, letter)| text.replace(escape, letter))
    }

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&colored(&[text]));
        // The line of a call may come in pieces that end after an argument.
        let at = if text.starts_with("---") { 0 } else { text.find(", ").map_or(0, |at| at + 2) };
        assert_eq!(colored(&[&text[..at], &text[at..]]), colored(&[text]));
    }

    #[test]
    fn calls() {
        check(
            "openat(AT_FDCWD, \"/etc/x\", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file)\n",
            expect![[r#"
                {call openat}({constant AT_FDCWD}, {path "/etc/x"}, {constant O_RDONLY}|{constant O_CLOEXEC}) {failed = -1 ENOENT (No such file)}
            "#]],
        );
        check(
            "write(1</dev/pts/0>, \"a\\\"b\"..., 4) = 4 <0.000012>\n",
            expect![[r#"
                {call write}(1{path </dev/pts/0>}, {string "a\"b"...}, 4) = 4 {dim <0.000012>}
            "#]],
        );
        check(
            "connect(3<TCP:[127.0.0.1:80->127.0.0.1:5]>, {sa_family=AF_INET}, 16) = 0\n",
            expect![[r"
                {call connect}(3{path <TCP:[127.0.0.1:80->127.0.0.1:5]>}, {sa_family={constant AF_INET}}, 16) = 0
            "]],
        );
        check(
            "read(3</tmp/x>(deleted), \"\", 1<<3) = ? ERESTARTSYS (To be restarted)\n",
            expect![[r#"
                {call read}(3{path </tmp/x>(deleted)}, {string ""}, 1<<3) {failed = ? ERESTARTSYS (To be restarted)}
            "#]],
        );
        check(
            "execve(\"/bin/a\", [\"a\"], 0x7ffe /* 2 vars */) = 0\n",
            expect![[r#"
                {call execve}({path "/bin/a"}, [{string "a"}], 0x7ffe {dim /* 2 vars */}) = 0
            "#]],
        );
        check(
            "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 7\n",
            expect![[r"
                {call wait4}(-1, [{{constant WIFEXITED}(s) && {constant WEXITSTATUS}(s) == 0}], 0, {constant NULL}) = 7
            "]],
        );
        // No errno: the priority is -1.
        check(
            "getpriority(PRIO_PROCESS, 0) = -1\n",
            expect![[r"
            {call getpriority}({constant PRIO_PROCESS}, 0) = -1
        "]],
        );
    }

    #[test]
    fn prefixes_and_halves() {
        check(
            "12 [pid    34] 12:00:01.5 (+    0.000001) [   0] [007f00] read(3, <unfinished ...>\n",
            expect![[r"
                {pid 12} {pid [pid    34]} {dim 12:00:01.5} {dim (+    0.000001)} {dim [   0]} {dim [007f00]} {call read}(3, {dim <unfinished ...>}
            "]],
        );
        check(
            "34    1795467886.591526 <... read resumed>\"x\", 1) = 1\n",
            expect![[r#"
                {pid 34}    {dim 1795467886.591526} {call <... read resumed>}{string "x"}, 1) = 1
            "#]],
        );
    }

    #[test]
    fn other_lines() {
        check(
            "--- SIGCHLD {si_signo=SIGCHLD, si_pid=3} ---\n+++ exited with 0 +++\n+++ exited with 3 \
             +++\n+++ killed by SIGKILL +++\n--- sysreel: 2 events are missing, really ---\n",
            expect![[r"
                {signal --- SIGCHLD {si_signo=SIGCHLD, si_pid=3} ---}
                {dim +++ exited with 0 +++}
                {failed +++ exited with 3 +++}
                {signal +++ killed by SIGKILL +++}
                {dim --- sysreel: 2 events are missing, really ---}
            "]],
        );
    }

    /// Without its colors, any text is as it was.
    #[test]
    fn unusual_text() {
        for text in
            ["", "\n", "\"", "read(\"", "a(1<", "[", "(", "<", "é(ü<é>) = é", "= -1 E", "--- "]
        {
            let shown = colored(&[text]);
            let plain: String = LETTERS
                .iter()
                .chain(&[("", "{constant ")])
                .fold(shown, |text, (_, letter)| text.replace(letter, ""));
            assert_eq!(plain, text);
        }
    }
}
