//! Which calls a recording was asked for, when not for all.

use sysreel_abi::Filter;
use sysreel_format::{Completeness, FileMeta};

/// The filter of `record --only`. A filter of a later version that is not understood hides nothing.
pub(crate) fn of(completeness: Completeness, meta: &FileMeta) -> Option<Filter> {
    completeness.contains(Completeness::FILTERED).then(|| Filter::parse(&text(meta)).ok()).flatten()
}

/// Its text, empty when the log does not have it.
pub(crate) fn text(meta: &FileMeta) -> String {
    let only = meta.options.iter().find(|(name, _)| name == b"only");
    only.map_or_else(String::new, |(_, calls)| String::from_utf8_lossy(calls).into_owned())
}
