//! Shows text from a log or another untrusted source without letting it control the terminal.
//!
//! Such text may hold escape sequences (C0 and C1 controls), newlines that fake a line of our
//! output, and bidirectional controls that display a path in another order. All of them are written
//! as `\n`, `\t` or `\u{1b}`. Printable text of any script stays as it is.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

use crate::color::{Palette, Role};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// Returns whether a character is printable and has no other effect.
///
/// The standard library decides what is printable, as for `Debug`: not controls, format characters
/// (which include the bidirectional ones), line and paragraph separators, surrogates, private use
/// and unassigned code points.
#[must_use]
pub fn is_visible(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    // Test it after another character, where `Debug` does not escape combining marks.
    let mut pair = [b'a', 0, 0, 0, 0];
    let end = 1 + c.encode_utf8(&mut pair[1..]).len();
    let pair = std::str::from_utf8(&pair[..end]).unwrap_or_default();
    pair.escape_debug().nth(1) == Some(c)
}

/// Returns the text as one line, with everything else escaped.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if begins(text.as_bytes(), is_printable) == text.len() || text.chars().all(is_visible) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_visible(c) => out.push(c),
            c => _ = write!(out, "\\u{{{:x}}}", u32::from(c)),
        }
    }
    Cow::Owned(out)
}

/// Returns bytes as one line of visible text: UTF-8 as it is, everything else escaped, with `\\`
/// for a backslash, so that different bytes have different texts.
#[must_use]
pub fn visible_bytes(bytes: &[u8]) -> String {
    visible_text(bytes).into_owned()
}

/// The same of bytes that nothing else needs.
#[must_use]
pub fn visible_vec(bytes: Vec<u8>) -> String {
    if !is_literal(&bytes) {
        return visible_text(&bytes).into_owned();
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// The same without a copy of bytes that are visible.
#[must_use]
pub fn visible_text(bytes: &[u8]) -> Cow<'_, str> {
    if is_literal(bytes)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for (at, part) in chunk.valid().split('\\').enumerate() {
            if at > 0 {
                out.push_str("\\\\");
            }
            out.push_str(&visible(part));
        }
        for byte in chunk.invalid() {
            _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}

/// Whether bytes need no escape, as most do not: printable ASCII without a backslash.
fn is_literal(bytes: &[u8]) -> bool {
    begins(bytes, |byte| is_printable(byte) && byte != b'\\') == bytes.len()
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Returns how many of the first bytes pass a test.
pub(crate) fn begins(bytes: &[u8], passes: impl Fn(u8) -> bool) -> usize {
    // A chunk is tested as a whole, which the compiler does with a few vector instructions.
    let (chunks, _) = bytes.as_chunks::<16>();
    let whole = |chunk: &&[u8; 16]| chunk.iter().fold(true, |all, byte| all & passes(*byte));
    let done = chunks.iter().take_while(whole).count() * 16;
    let rest = bytes.get(done..).unwrap_or_default();
    done + rest.iter().take_while(|byte| passes(**byte)).count()
}

/// Writes lines whose text can neither end the line nor control a terminal.
pub(crate) struct Lines<'w> {
    out: &'w mut dyn Write,
    commands: bool,
    width: Option<usize>,
    palette: Palette,
}

impl<'w> Lines<'w> {
    /// `commands`: whether to defuse the workflow commands of GitHub. `width`: how many characters
    /// fit into a line; longer ones go on below, indented.
    pub(crate) fn new(out: &'w mut dyn Write, commands: bool, width: Option<usize>) -> Self {
        Self { out, commands, width, palette: Palette::NONE }
    }

    /// With colors.
    pub(crate) fn colored(self, palette: Palette) -> Self {
        Self { palette, ..self }
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        self.line_with(text, |_, line| line.to_owned())
    }

    /// Writes one line in the color of a role.
    pub(crate) fn line_as(&mut self, role: Role, text: fmt::Arguments<'_>) -> io::Result<()> {
        self.line_with(text, |palette, line| {
            let (indent, text) = line.split_at(line.len() - line.trim_start_matches(' ').len());
            format!("{indent}{}", palette.paint(role, text))
        })
    }

    /// Writes one line in the colors that `paint` gives it. If it is longer than the terminal is
    /// wide, it paints each part.
    pub(crate) fn line_with(
        &mut self,
        text: fmt::Arguments<'_>,
        mut paint: impl FnMut(Palette, &str) -> String,
    ) -> io::Result<()> {
        let text = text.to_string();
        let mut text = visible(&text);
        if self.commands {
            text = defuse_commands(&text).into();
        }
        if let Some(width) = self.width {
            text = wrapped(&text, width).into();
        }
        for line in text.split('\n') {
            self.out.write_all(paint(self.palette, line).as_bytes())?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Writes an empty line.
    pub(crate) fn blank(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }
}

/// Divides a line so that its parts fit into a width, at spaces where it has them. What goes on is
/// indented further than the line.
fn wrapped(line: &str, width: usize) -> String {
    /// Narrower terminals show nothing of use anyway.
    const NARROW: usize = 40;
    let indent = line.len() - line.trim_start_matches(' ').len();
    let more = " ".repeat((indent + 4).min(NARROW / 2));
    let width = width.max(NARROW);
    let mut out = String::with_capacity(line.len() + 16);
    let (mut rest, mut prefix) = (line, "");
    loop {
        let room = width - prefix.len();
        let Some((end, _)) = rest.char_indices().nth(room) else { break };
        let start = if prefix.is_empty() { indent.min(end) } else { 0 };
        // A word that fills most of a line is divided.
        let space = rest[start..end].rfind(' ').map(|at| start + at).filter(|at| *at > room / 2);
        let at = space.unwrap_or(end);
        let (part, after) = rest.split_at(at);
        out.push_str(prefix);
        out.push_str(part);
        out.push('\n');
        rest = if space.is_some() { &after[1..] } else { after };
        prefix = &more;
    }
    out.push_str(prefix);
    out + rest
}

/// Defuses what GitHub's runner takes for a command: `::` at the beginning of a line, also after
/// blanks, and the older `##[` anywhere (actions/runner, ActionCommand.cs).
fn defuse_commands(line: &str) -> String {
    let line = defuse_old_commands(line);
    match line.trim_start().starts_with("::") {
        true => line.replacen("::", ":\\:", 1),
        false => line,
    }
}

/// Defuses the older `##[`.
pub(crate) fn defuse_old_commands(text: &str) -> String {
    text.replace("##[", "#\\#[")
}

/// Returns a value as one line of JSON. Characters that are not [`is_visible`] are escaped.
///
/// # Errors
/// When the value cannot be serialized.
pub fn json(value: &impl Serialize) -> io::Result<String> {
    formatted(value, CompactFormatter)
}

/// Returns a value as indented JSON, escaped as by [`json`].
///
/// # Errors
/// When the value cannot be serialized.
pub fn json_pretty(value: &impl Serialize) -> io::Result<String> {
    formatted(value, PrettyFormatter::new())
}

fn formatted(value: &impl Serialize, inner: impl Formatter) -> io::Result<String> {
    let mut out = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut out, Visible(inner)))?;
    String::from_utf8(out).map_err(io::Error::other)
}

/// Writes a value to `out` as indented JSON, escaped as by [`json`], without building it in memory.
///
/// # Errors
/// When the value cannot be serialized, or `out` not be written.
pub fn write_json_pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let visible = Visible(PrettyFormatter::new());
    value.serialize(&mut Serializer::with_formatter(out, visible)).map_err(io::Error::from)
}

/// A formatter that escapes what JSON itself would allow: DEL, C1 and bidirectional controls, and
/// the like.
struct Visible<F>(F);

/// Forwards methods to the formatter that lays out the text.
macro_rules! layout {
    ($($name:ident($($arg:ident: $type:ty),*)),+ $(,)?) => {$(
        fn $name<W: ?Sized + Write>(&mut self, out: &mut W $(, $arg: $type)*) -> io::Result<()> {
            self.0.$name(out $(, $arg)*)
        }
    )+};
}

impl<F: Formatter> Formatter for Visible<F> {
    layout! {
        begin_array(),
        end_array(),
        begin_array_value(first: bool),
        end_array_value(),
        begin_object(),
        end_object(),
        begin_object_key(first: bool),
        end_object_key(),
        begin_object_value(),
        end_object_value(),
    }

    /// The serializer calls this for runs without quotation marks, backslashes and C0 controls.
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| !is_visible(*c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            out.write_all(json_escape(c).as_bytes())?;
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

/// Returns a character as JSON escapes: a surrogate pair above U+FFFF (RFC 8259, section 7).
pub(crate) fn json_escape(c: char) -> String {
    let mut units = [0; 2];
    let mut out = String::new();
    for unit in c.encode_utf16(&mut units) {
        _ = write!(out, "\\u{unit:04x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what must not reach a terminal: C0, DEL, C1, bidirectional controls, separators,
    /// tags.
    fn dangerous() -> impl Iterator<Item = char> {
        let ranges = [0..=0x1f, 0x7f..=0x9f, 0x200b..=0x200f, 0x2028..=0x202e, 0x2060..=0x206f];
        ranges
            .into_iter()
            .flatten()
            .chain([0xfeff, 0x061c, 0xfff9, 0xe0041])
            .filter_map(char::from_u32)
    }

    #[test]
    fn control_characters_are_escaped() {
        for c in dangerous() {
            let text = format!("a{c}b");
            let shown = visible(&text);
            assert!(shown.chars().all(is_visible) && shown.contains('\\'), "{c:?}: {shown}");
            let json = json(&text).unwrap();
            assert!(json.chars().all(is_visible), "{c:?}: {json}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
            let pretty = json_pretty(&[&text]).unwrap();
            assert!(pretty.chars().all(|c| c == '\n' || is_visible(c)), "{c:?}: {pretty}");
        }
    }

    #[test]
    fn printable_text_of_any_script_stays() {
        for text in ["a b", "prüfung", "日本語", "עברית", "e\u{301}", r#"back\slash "quote""#, "😀"]
        {
            assert_eq!(visible(text), text);
            assert_eq!(serde_json::from_str::<String>(&json(&text).unwrap()).unwrap(), text);
        }
        assert_eq!(visible("a\nb\t\u{9b}2J\u{202e}"), r"a\nb\t\u{9b}2J\u{202e}");
    }
}
