//! Reads sysreel logs for people and machines.
//!
//! [`open`] finds a log and its tail; [`print::print`] writes it in the form of strace,
//! [`raw::raw`] as one JSON object per event, [`counts::count`] counts its calls, [`info::Info`]
//! sums it up. Nothing here looks at the running system, so a log says the same on any host.

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

/// Adds to a count that a log drives: it stops at its largest value.
fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}
