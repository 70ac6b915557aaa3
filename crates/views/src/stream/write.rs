//! How streams are written.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;
use sysreel_inspect::visible::{json, visible_bytes};

use super::{Piece, Way};
use crate::hexdump::hexdump;

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A line before each piece, and its bytes as text. What a terminal would obey is escaped.
    #[default]
    Text,
    /// A line before each piece, and a hexdump.
    Hex,
    /// The bytes and nothing else.
    Raw,
    /// A JSON object for each piece.
    Json,
}

/// Writes pieces of streams.
#[derive(Debug)]
pub struct Writer<W> {
    form: Form,
    out: W,
    text: String,
    missing: u64,
}

/// A piece as JSON.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct JsonPiece<'a> {
    schema: &'static str,
    /// The number of the event at which the call began.
    event: u64,
    pid: u32,
    tid: u32,
    call: &'a str,
    /// `read` or `written`.
    way: &'static str,
    /// The ordinal of the stream, from 1.
    stream: u64,
    name: &'a str,
    /// The bytes, in base64.
    data: String,
    /// How many more bytes were moved than were captured.
    missing: u64,
}

impl JsonPiece<'_> {
    /// The name and the version of the line.
    pub(crate) const SCHEMA: &'static str = "sysreel/stream/1";
}

impl<W: Write> Writer<W> {
    /// Creates a writer.
    pub fn new(form: Form, out: W) -> Self {
        Self { form, out, text: String::new(), missing: 0 }
    }

    /// Writes a piece.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn piece(&mut self, piece: &Piece<'_>) -> io::Result<()> {
        self.missing = self.missing.saturating_add(piece.missing);
        match self.form {
            Form::Raw => return self.out.write_all(piece.bytes),
            Form::Json => {
                let line = json(&JsonPiece {
                    schema: JsonPiece::SCHEMA,
                    event: piece.event,
                    pid: piece.pid,
                    tid: piece.tid,
                    call: piece.call,
                    way: if piece.way == Way::Read { "read" } else { "written" },
                    stream: piece.stream,
                    name: piece.name,
                    data: data_encoding::BASE64.encode(piece.bytes),
                    missing: piece.missing,
                })?;
                return writeln!(self.out, "{line}");
            }
            Form::Text | Form::Hex => {}
        }
        let Piece { event, pid, stream, name, call, bytes, .. } = piece;
        let way = if piece.way == Way::Read { "read from" } else { "written to" };
        let size = bytes.len();
        writeln!(self.out, "#{stream} {event} [pid {pid}] {call}: {size} bytes {way} {name}")?;
        self.text.clear();
        if self.form == Form::Hex {
            hexdump(&mut self.text, piece.bytes);
        } else {
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                let (line, end) = match line.strip_suffix(b"\n") {
                    Some(line) => (line, "\n"),
                    None => (line, "…\n"),
                };
                // A carriage return before the newline is how most protocols end a line.
                let (line, cr) = match line.strip_suffix(b"\r") {
                    Some(line) => (line, "\\r"),
                    None => (line, ""),
                };
                let line = line.split(|byte| *byte == b'\t').map(visible_bytes);
                let line = line.collect::<Vec<_>>().join("\t");
                _ = write!(self.text, "{line}{cr}{end}");
            }
        }
        self.out.write_all(self.text.as_bytes())?;
        if piece.missing > 0 {
            writeln!(self.out, "({} more bytes were not captured)", piece.missing)?;
        }
        Ok(())
    }

    /// Returns how many bytes were moved and not captured.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Returns the output.
    pub fn into_inner(self) -> W {
        self.out
    }
}
