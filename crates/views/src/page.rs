//! What text is written for.

use sysreel_inspect::color::Palette;

/// How text is laid out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page {
    /// How many columns fit into a line. Longer lines are cut. `None`: lines are as long as needed,
    /// as for a file or a pipe.
    pub width: Option<usize>,
    /// The colors.
    pub palette: Palette,
    /// Whether the log lacks something that the view needs, so that an empty list is no answer.
    pub is_partial: bool,
}
