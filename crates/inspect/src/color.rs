//! What the parts of a text mean, and the color of each meaning.
//!
//! Nothing here knows a terminal. Whoever writes to one passes [`Palette::DEFAULT`], everybody else
//! [`Palette::NONE`]. Colors only add escape sequences: without them the text is the same.

use std::fmt;

use anstyle::{AnsiColor, Style};

/// What a part of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The name of a syscall.
    Call,
    /// A path, or what a descriptor refers to.
    Path,
    /// A string or buffer.
    String,
    /// A number.
    Number,
    /// A named constant or flag.
    Constant,
    /// A failed result with its errno.
    Failed,
    /// A signal, and a task that one killed.
    Signal,
    /// The pid of a task, and the number of an event.
    Pid,
    /// A time or duration.
    Time,
    /// A remark that is not part of the data.
    Comment,
    /// A title, or the names of columns.
    Heading,
    /// Something that only the second side has.
    Added,
    /// Something that only the first side has.
    Removed,
    /// Something that both sides have, with different values.
    Changed,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 14] = [
        Self::Call,
        Self::Path,
        Self::String,
        Self::Number,
        Self::Constant,
        Self::Failed,
        Self::Signal,
        Self::Pid,
        Self::Time,
        Self::Comment,
        Self::Heading,
        Self::Added,
        Self::Removed,
        Self::Changed,
    ];

    /// Returns how the role looks. Only the colors of the terminal's own theme are used, without a
    /// background, so that the text is legible on dark and on light terminals.
    const fn style(self) -> Style {
        const fn color(color: AnsiColor) -> Style {
            color.on_default()
        }
        match self {
            Self::Call | Self::Heading => Style::new().bold(),
            Self::Path => color(AnsiColor::Cyan),
            Self::String | Self::Added => color(AnsiColor::Green),
            // Most of a line is numbers: they stay as they are.
            Self::Number => Style::new(),
            Self::Constant => color(AnsiColor::Magenta),
            Self::Failed | Self::Removed => color(AnsiColor::Red),
            Self::Signal => color(AnsiColor::Yellow).bold(),
            Self::Pid | Self::Changed => color(AnsiColor::Yellow),
            Self::Time | Self::Comment => Style::new().dimmed(),
        }
    }
}

/// The colors of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    colored: bool,
}

impl Palette {
    /// No colors: for files, pipes and programs.
    pub const NONE: Self = Self { colored: false };
    /// The colors for a terminal.
    pub const DEFAULT: Self = Self { colored: true };

    /// Returns the text in the color of a role. Width and alignment of the format apply to the text
    /// alone: `{:>8}` pads it to 8 columns in any palette.
    #[must_use]
    pub const fn paint<T>(self, role: Role, text: T) -> Painted<T> {
        let style = if self.colored { role.style() } else { Style::new() };
        Painted { style, text }
    }
}

/// A text with its color. See [`Palette::paint`].
#[derive(Clone, Copy, Debug)]
pub struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.style.render())?;
        self.text.fmt(f)?;
        write!(f, "{}", self.style.render_reset())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colors_nothing_is_added() {
        for role in Role::ALL {
            assert_eq!(Palette::NONE.paint(role, "text").to_string(), "text");
            assert_eq!(Palette::default(), Palette::NONE);
        }
    }

    #[test]
    fn colors_are_select_graphic_rendition_around_the_text() {
        for role in Role::ALL {
            let painted = Palette::DEFAULT.paint(role, "text").to_string();
            if role == Role::Number {
                assert_eq!(painted, "text");
                continue;
            }
            let (before, after) = painted.split_once("text").unwrap();
            assert!(before.starts_with("\x1b[") && before.ends_with('m'), "{role:?}: {painted:?}");
            assert_eq!(after, "\x1b[0m", "{role:?}");
        }
        assert_eq!(Palette::DEFAULT.paint(Role::Failed, -1).to_string(), "\x1b[31m-1\x1b[0m");
    }

    #[test]
    fn widths_concern_the_text() {
        let painted = format!("{:>6}|", Palette::DEFAULT.paint(Role::Failed, "ab"));
        assert_eq!(painted, "\x1b[31m    ab\x1b[0m|");
        assert_eq!(format!("{:<4}|", Palette::NONE.paint(Role::Failed, 7)), "7   |");
    }
}
