//! What to export.

use sysreel_views::Select;

/// What to export.
#[derive(Clone, Debug)]
pub struct Options {
    /// The part of each log.
    pub select: Select,
    /// The most bytes of a string or buffer in the text of an argument. Paths are never cut.
    pub string_limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { select: Select::default(), string_limit: 32 }
    }
}
