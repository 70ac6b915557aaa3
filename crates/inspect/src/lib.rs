//! Reads sysreel logs and shows them to people and programs.
//!
//! [`open`] opens a log and its tail. [`print::print`] writes it like strace, [`raw::raw`] as one
//! JSON object per event, [`counts::count`] counts its calls, [`info::Info`] summarizes it, and
//! [`diff`] compares two of them. Nothing here looks at the running system, so the output for a log
//! is the same on every host.
//!
//! All of them read a log through [`LogFile`]. [`calls`] is the one driver: it pairs entries with
//! exits and yields each call once, with its arguments and results. [`state::Tracker`] follows
//! tasks, descriptors and processes from event to event; `decode` turns arguments into text. To
//! write a program that reads logs, begin with [`calls`].

#![forbid(unsafe_code)]

mod add;
pub mod calls;
pub mod color;
mod completeness;
pub mod counts;
mod decode;
pub mod diff;
mod error;
mod event_range;
pub mod filter;
mod findings;
pub mod info;
mod left_out;
mod log_file;
pub mod print;
pub mod raw;
mod recorded_filter;
mod regions;
mod source;
pub mod state;
pub mod style;
#[cfg(test)]
mod testing;
mod text;
pub mod visible;

pub(crate) use add::add;
pub use error::Error;
pub use event_range::{Bound, EventRange};
pub use findings::Findings;
pub use left_out::{Calls, Required};
pub use log_file::{LogFile, Progress, open};
pub use source::FileSource;
pub use state::Follow;
pub use sysreel_abi as abi;
pub use sysreel_format as format;
pub use sysreel_format::syscall_info;
pub use text::counted;
