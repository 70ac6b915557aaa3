//! Writes a log, or a comparison of two, as one HTML page that needs nothing else: no network, no
//! other file.
//!
//! [`write_log`] asks the views of `sysreel_views` and writes their answers as tables of columns
//! (`table`), with the calls that matter most (`rank`). The page's script (assets) shows them.
//! [`write_diff`] does the same for a comparison.
//! What has no room is counted and named. `page` says why nothing of a log can run in a browser.

#![forbid(unsafe_code)]

mod calls;
mod diff;
#[cfg(test)]
mod golden;
mod log;
mod options;
mod page;
mod places;
mod rank;
mod table;
mod tables;

pub use diff::write_diff;
pub use log::write_log;
pub use options::Options;
