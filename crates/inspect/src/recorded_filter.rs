//! The filter of a recording that was limited to some calls (`record --only`).

use sysreel_abi::Filter;
use sysreel_format::{Completeness, FileMeta};

/// Returns the filter. One that this version cannot parse hides no calls.
pub(crate) fn filter(completeness: Completeness, meta: &FileMeta) -> Option<Filter> {
    completeness.contains(Completeness::FILTERED).then(|| Filter::parse(&text(meta)).ok()).flatten()
}

/// Returns the text of the filter; empty if the log does not have it.
pub(crate) fn text(meta: &FileMeta) -> String {
    let only = meta.options.iter().find(|(name, _)| name == b"only");
    only.map_or_else(String::new, |(_, calls)| String::from_utf8_lossy(calls).into_owned())
}
