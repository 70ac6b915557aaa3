//! What a page shows.

/// What a page shows.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether passwords and tokens are shown. They are masked otherwise, as in the reports of a
    /// comparison: a page is seen by more people than a log.
    pub show_secrets: bool,
}

impl Options {
    pub(crate) fn masks(&self) -> bool {
        !self.show_secrets
    }
}

/// The most bytes of a page.
pub(crate) const MOST: usize = 2_900_000;
