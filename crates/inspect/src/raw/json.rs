//! Writes JSON into one reused string. Keys are constants of this crate and written as they are;
//! values are escaped, so the text is always valid.

use std::io::{self, Write};

use crate::text;
use crate::visible::{is_visible, json_escape};

/// JSON text: all of it, or what was not yet written to a sink. With a sink, even a long line needs
/// little memory.
#[derive(Default)]
pub(crate) struct Json<'o> {
    pub(crate) text: String,
    sink: Option<&'o mut dyn Write>,
    error: Option<io::Error>,
}

/// With a sink, the text is written from this many bytes on.
const FLUSH: usize = 1 << 16;

/// The largest integer that a reader of JSON can keep in a double.
const MAX_SAFE: u64 = 1 << 53;

impl<'o> Json<'o> {
    /// Creates a writer that passes its text on to `sink`.
    pub(crate) fn into_sink(sink: &'o mut dyn Write) -> Self {
        Self { sink: Some(sink), ..Self::default() }
    }

    /// Writes the text to the sink if there is much of it. The last character stays: it decides
    /// whether a comma follows.
    fn spill(&mut self) {
        let Some(sink) = self.sink.as_mut().filter(|_| self.text.len() >= FLUSH) else { return };
        let last = self.text.pop();
        if let Err(error) = sink.write_all(self.text.as_bytes()) {
            self.error.get_or_insert(error);
        }
        self.text.clear();
        self.text.extend(last);
    }

    /// Returns the first error of the sink, once.
    pub(crate) fn failure(&mut self) -> io::Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// Writes the remaining text to the sink.
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

    /// Writes a comma unless the value is the first one.
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

    /// Writes a number; above 2^53 as a string of hexadecimal digits.
    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.key(name);
        self.number_item(value);
    }

    fn number_item(&mut self, value: u64) {
        if value <= MAX_SAFE { text::dec(&mut self.text, value) } else { self.hex_item(value) }
    }

    pub(crate) fn signed(&mut self, name: &str, value: i64) {
        self.key(name);
        text::sdec(&mut self.text, value);
    }

    /// Writes a number, or a string of decimal digits if a double could not hold it.
    pub(crate) fn safe_signed(&mut self, name: &str, value: i64) {
        self.key(name);
        let is_safe = value.unsigned_abs() <= MAX_SAFE;
        if !is_safe {
            self.text.push('"');
        }
        text::sdec(&mut self.text, value);
        if !is_safe {
            self.text.push('"');
        }
    }

    /// Writes a value with a name as `"key":"name","key_raw":7`; without one as
    /// `"key":null,"key_raw":7`.
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

    /// Writes bytes as hexadecimal digits.
    pub(crate) fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.key(name);
        self.text.push('"');
        text::bytes(&mut self.text, bytes);
        self.text.push('"');
    }

    /// Writes bytes that come in pieces, as hexadecimal digits.
    pub(crate) fn pieces(&mut self, name: &str, pieces: impl FnOnce(&mut dyn FnMut(&[u8]))) {
        self.key(name);
        self.text.push('"');
        pieces(&mut |bytes| {
            text::bytes(&mut self.text, bytes);
            self.spill();
        });
        self.text.push('"');
    }

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
                // Also characters that JSON allows but a terminal obeys: DEL, C1 and bidirectional
                // controls.
                c if !is_visible(c) => self.text.push_str(&json_escape(c)),
                c => self.text.push(c),
            }
        }
        self.text.push('"');
    }

    /// Writes text as a string if it is UTF-8, otherwise its bytes in hexadecimal under `NAME_hex`.
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

    /// Writes a list.
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

    /// Writes an item of a list of numbers.
    pub(crate) fn number_in_list(&mut self, value: u64) {
        self.separate();
        self.number_item(value);
    }
}
