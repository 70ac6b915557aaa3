//! Shows a log in a terminal, to look around in: the list of its calls, the processes, and all
//! about the selected call.
//!
//! [`run()`] takes the terminal until the user leaves. Nothing that takes time happens between a
//! key and the next screen:
//!
//! - A thread reads the log once and makes the index (`reading/indexing.rs`): 24 bytes for each
//!   line of `print --join`, with what can be asked of many lines at once. The text of a line is
//!   not kept.
//! - Another thread decodes the lines that are on the screen (`reading/lines.rs`), from their
//!   events alone (`sysreel_inspect::print::Excerpts`). Until then a line shows its name and its
//!   outcome.
//! - Filters, searches and files to write are jobs, each a thread that Esc stops.
//!
//! [`run_with()`] also shows a program that is being recorded, in a terminal of its own
//! (`program`).
//!
//! `browser` is the state: keys and messages of threads go in. `draw` shows it. Neither knows a
//! terminal, so tests need none; `terminal` and `run` do. Text from a log is escaped where it is
//! decoded.

#![forbid(unsafe_code)]

mod browser;
mod draw;
mod fitting;
mod index;
mod keys;
mod list;
mod message;
mod options;
mod panes;
mod program;
mod prompt;
mod reading;
mod row;
mod run;
mod terminal;
#[cfg(test)]
mod tests;
mod tree;
mod typing;

pub use options::{Contents, Files, Options};
pub use program::{Input, Program, Size, Told};
pub use run::{run, run_with, size_of_program};
