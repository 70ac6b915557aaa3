//! Writes logs in the formats of other programs: tables, timelines, profiles, packets.
//!
//! [`FORMATS`] is the one list of formats: help texts, errors and documents come from it.
//! [`export()`] reads logs through the driver of calls of `sysreel_inspect`, once and in order, and
//! passes their [`Row`]s to a format, which is one module with an `Exporter`. Memory is needed for
//! what lives at one time, and for what a format adds up, whose size is limited. Damage is not an
//! error: the [`Findings`](sysreel_inspect::Findings) report what is missing, and the rest is
//! exported.
//!
//! Names, paths and arguments of a row are visible text, as in the JSON of the views: what is not
//! printable is escaped (`\n`, `\u{1b}`, `\xff`), and a backslash is `\\`. Each format quotes that
//! text by its own rules.

#![forbid(unsafe_code)]

mod allowed;
mod blocked;
mod bwrap;
mod canvas;
mod chrome;
mod class_lists;
mod counters;
mod csv;
mod dot;
mod export;
mod exporter;
mod flows;
mod folded;
mod format;
#[cfg(test)]
mod golden;
mod grants;
mod landlock;
mod ndjson;
mod options;
mod pass;
mod pcapng;
mod perfetto;
mod row;
mod rows;
#[cfg(test)]
mod schemas;
mod seccomp;
mod speedscope;
mod strace;
mod systemd;
#[cfg(feature = "tables")]
mod tables;
#[cfg(test)]
mod testing;
mod timeline;

pub use export::{Target, export};
pub use format::{Content, FORMATS, Format, find};
pub use options::Options;
pub use pass::Exported;
pub use row::{
    Args, CallRow, EndRow, ExecRow, LogRow, LostRow, MarkRow, Outcome, RenamedRow, Row, SignalRow,
    TaskEndRow, TaskStartRow, Who,
};
pub use strace::Parts;
