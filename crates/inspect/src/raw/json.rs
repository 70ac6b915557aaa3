//! Writes JSON objects into one reused string. Keys are our own; values are escaped, so the text is
//! always valid.

use std::io::{self, Write};

use crate::text;
use crate::visible::{is_visible, json_escape};

/// JSON under way: as a string, or with somewhere to hand it on to, so that a line of any length
/// needs little memory.
#[derive(Default)]
pub(crate) struct Json<'o> {
    pub(crate) text: String,
    sink: Option<&'o mut dyn Write>,
    error: Option<io::Error>,
}

/// Text is handed on when there are so many bytes of it.
const FLUSH: usize = 1 << 16;

/// The largest integer that a reader of JSON may keep in a double.
const SAFE: u64 = 1 << 53;

impl<'o> Json<'o> {
    /// JSON that is handed on to `sink`.
    pub(crate) fn into_sink(sink: &'o mut dyn Write) -> Self {
        Self { sink: Some(sink), ..Self::default() }
    }

    /// Hands on what has gathered if it is much. The last character stays: what comes next depends
    /// on it.
    fn spill(&mut self) {
        let Some(sink) = self.sink.as_mut().filter(|_| self.text.len() >= FLUSH) else { return };
        let kept = self.text.pop();
        if let Err(error) = sink.write_all(self.text.as_bytes()) {
            self.error.get_or_insert(error);
        }
        self.text.clear();
        self.text.extend(kept);
    }

    /// What went wrong with handing on, once.
    pub(crate) fn failure(&mut self) -> io::Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// Hands on everything.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.failure()?;
        if let Some(sink) = self.sink {
            sink.write_all(self.text.as_bytes())?;
            sink.flush()?;
        }
        Ok(())
    }

    pub(crate) fn open(&mut self) {
        self.separate();
        self.text.push('{');
    }

    pub(crate) fn close(&mut self) {
        self.text.push('}');
    }

    /// A comma where one belongs.
    fn separate(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(['{', '[', ':', '\n']) {
            self.text.push(',');
        }
    }

    fn key(&mut self, name: &str) {
        self.separate();
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
    }

    pub(crate) fn null(&mut self, name: &str) {
        self.key(name);
        self.text.push_str("null");
    }

    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        self.key(name);
        self.text.push_str(if value { "true" } else { "false" });
    }

    /// A number; above 2^53 a string of hexadecimal digits.
    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.key(name);
        self.number_item(value);
    }

    fn number_item(&mut self, value: u64) {
        if value <= SAFE { text::dec(&mut self.text, value) } else { self.hex_item(value) }
    }

    pub(crate) fn signed(&mut self, name: &str, value: i64) {
        self.key(name);
        text::sdec(&mut self.text, value);
    }

    /// A number, or a string of decimal digits where it is too large for one.
    pub(crate) fn safe_signed(&mut self, name: &str, value: i64) {
        self.key(name);
        let safe = value.unsigned_abs() <= SAFE;
        if !safe {
            self.text.push('"');
        }
        text::sdec(&mut self.text, value);
        if !safe {
            self.text.push('"');
        }
    }

    /// A value with a name, as `"key":"name","key_raw":7`; without one, `"key":null`.
    pub(crate) fn named_number(&mut self, name: &str, value: u64, word: Option<&str>) {
        match word {
            Some(word) => self.string(name, word),
            None => self.null(name),
        }
        self.separate();
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("_raw\":");
        self.number_item(value);
    }

    pub(crate) fn hex(&mut self, name: &str, value: u64) {
        self.key(name);
        self.hex_item(value);
    }

    pub(crate) fn hex_item(&mut self, value: u64) {
        self.separate();
        self.text.push_str("\"0x");
        text::digits(&mut self.text, value);
        self.text.push('"');
    }

    /// Bytes as hexadecimal digits.
    pub(crate) fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.key(name);
        self.text.push('"');
        text::bytes(&mut self.text, bytes);
        self.text.push('"');
    }

    /// Bytes that come in pieces, as hexadecimal digits.
    pub(crate) fn pieces(&mut self, name: &str, pieces: impl FnOnce(&mut dyn FnMut(&[u8]))) {
        self.key(name);
        self.text.push('"');
        pieces(&mut |bytes| {
            text::bytes(&mut self.text, bytes);
            self.spill();
        });
        self.text.push('"');
    }

    /// Ends a line.
    pub(crate) fn end_line(&mut self) {
        self.text.push('\n');
        self.spill();
    }

    pub(crate) fn string(&mut self, name: &str, value: &str) {
        self.key(name);
        self.string_item(value);
    }

    pub(crate) fn string_item(&mut self, value: &str) {
        self.separate();
        self.text.push('"');
        for c in value.chars() {
            match c {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                // Also what JSON would allow and a terminal obeys: DEL, C1 and bidirectional
                // controls.
                c if !is_visible(c) => self.text.push_str(&json_escape(c)),
                c => self.text.push(c),
            }
        }
        self.text.push('"');
    }

    /// Text as a string when it is UTF-8; otherwise its bytes in hexadecimal under `NAME_hex`.
    pub(crate) fn text_or_bytes(&mut self, name: &str, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.string(name, text),
            Err(_) => {
                self.separate();
                self.text.push('"');
                self.text.push_str(name);
                self.text.push_str("_hex\":\"");
                text::bytes(&mut self.text, bytes);
                self.text.push('"');
            }
        }
    }

    /// A list.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Self, T),
    ) {
        self.key(name);
        self.text.push('[');
        for item in items {
            each(self, item);
            self.spill();
        }
        self.text.push(']');
    }

    /// An item of a list of numbers.
    pub(crate) fn number_in_list(&mut self, value: u64) {
        self.separate();
        self.number_item(value);
    }
}
