//! Command lines, as a shell would take them.

use std::fmt::Write;

use sysreel_inspect::visible::is_visible;

/// Returns a command line that bash and zsh read as these words. What could control a terminal is
/// written as `$'\x1b'`.
#[must_use]
pub fn command_line<T: AsRef<[u8]>>(words: impl IntoIterator<Item = T>) -> String {
    let mut out = String::new();
    for word in words {
        if !out.is_empty() {
            out.push(' ');
        }
        write_word(word.as_ref(), &mut out);
    }
    out
}

fn write_word(word: &[u8], out: &mut String) {
    let is_plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-".contains(c);
    match std::str::from_utf8(word) {
        Ok("") => out.push_str("''"),
        Ok(word) if word.chars().all(|c| is_plain(c) && is_visible(c)) => out.push_str(word),
        Ok(word) if word.chars().all(is_visible) => {
            _ = write!(out, "'{}'", word.replace('\'', r"'\''"));
        }
        _ => write_escaped(word, out),
    }
}

fn write_escaped(word: &[u8], out: &mut String) {
    out.push_str("$'");
    let write_bytes = |bytes: &[u8], out: &mut String| {
        bytes.iter().for_each(|byte| _ = write!(out, "\\x{byte:02x}"));
    };
    for chunk in word.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                '\'' | '\\' => out.extend(['\\', c]),
                c if is_visible(c) => out.push(c),
                c => write_bytes(c.encode_utf8(&mut [0; 4]).as_bytes(), out),
            }
        }
        write_bytes(chunk.invalid(), out);
    }
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::command_line;

    #[test]
    fn words_are_quoted_for_a_shell() {
        let cases: [(&[&[u8]], &str); 5] = [
            (&[b"cc", b"-O2", b"-I/usr/include", b"a.c"], "cc -O2 -I/usr/include a.c"),
            (&[b"sh", b"-c", b"echo $x; it's"], r"sh -c 'echo $x; it'\''s'"),
            (&[b"", b"~", b"a\\b"], r"'' '~' 'a\b'"),
            (&[b"a\nb'c\\", b"\x1b[2J"], r"$'a\nb\'c\\' $'\x1b[2J'"),
            (&["é\u{9b}".as_bytes(), b"\xff1"], r"$'é\xc2\x9b' $'\xff1'"),
        ];
        for (words, line) in cases {
            assert_eq!(command_line(words), line);
        }
    }
}
