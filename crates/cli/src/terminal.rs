//! Options for people at a terminal: colors and the pager.

use clap::ValueEnum;
use std::env::var_os;
use std::io::{IsTerminal, stderr, stdout};
use sysreel_inspect::color::Palette;

/// The heading of these options in help texts.
const HEADING: &str = "Terminal";

/// Whether to use colors.
#[derive(Debug, clap::Args)]
pub(crate) struct ColorArgs {
    /// Use colors: on a terminal, always or never
    ///
    /// auto heeds NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM=dumb.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = HEADING)]
    color: Color,
}

/// Whether to show long output in a pager.
#[derive(Debug, clap::Args)]
pub(crate) struct PagerArgs {
    /// Print to the terminal directly, not through $SYSREEL_PAGER, $PAGER or less
    #[arg(long, help_heading = HEADING)]
    pub(crate) no_pager: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl ColorArgs {
    /// Returns the colors of text for standard output.
    pub(crate) fn palette(&self) -> Palette {
        self.palette_for(stdout().is_terminal())
    }

    /// Returns the colors of text for a terminal or for something else.
    pub(crate) fn palette_for(&self, is_terminal: bool) -> Palette {
        let colored = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => wants_colors(is_terminal),
        };
        if colored { Palette::DEFAULT } else { Palette::NONE }
    }
}

/// Returns the colors of text for standard error, where commands without `--color` print logs.
pub(crate) fn palette_of_stderr() -> Palette {
    ColorArgs { color: Color::Auto }.palette_for(stderr().is_terminal())
}

/// Decides for `--color auto`, as the help texts of clap do: <https://no-color.org> wins, then
/// <https://bixense.com/clicolors>, then the terminal.
fn wants_colors(is_terminal: bool) -> bool {
    let set = |name: &str| var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    if var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return false;
    }
    if set("CLICOLOR_FORCE") {
        return true;
    }
    is_terminal && var_os("CLICOLOR").is_none_or(|value| value != "0") && !is_dumb()
}

/// Whether the terminal can do nothing but show lines.
pub(crate) fn is_dumb() -> bool {
    var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}
