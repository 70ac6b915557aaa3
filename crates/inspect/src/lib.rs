//! Reads sysreel logs and shows them to people and programs.
//!
//! [`open`] opens a log and its tail. [`print::print`] writes it like strace, [`raw::raw`] as one
//! JSON object per event, [`counts::count`] counts its calls, [`info::Info`] summarizes it, and
//! [`diff`] compares two of them. Nothing here looks at the running system, so the output for a log
//! is the same on every host.
//!
//! All of them read a log through [`LogFile`], which yields its events in order. [`state::Tracker`]
//! follows tasks, calls and descriptors from event to event; `decode` turns arguments into text.

#![forbid(unsafe_code)]

pub mod counts;
mod decode;
pub mod diff;
mod error;
mod event_range;
mod findings;
pub mod info;
mod log_file;
pub mod print;
pub mod raw;
mod recorded_filter;
mod regions;
mod source;
pub mod state;
#[cfg(test)]
mod testing;
mod text;
pub mod visible;

pub use error::Error;
pub use event_range::{Bound, EventRange};
pub use findings::Findings;
pub use log_file::{LogFile, open};
pub use source::FileSource;
pub use sysreel_format::syscall_info;

/// Adds to a count, without overflow: a hostile log may drive it to any value.
fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}
