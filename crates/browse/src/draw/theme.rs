//! Colors and attributes. Nothing is told by color alone, so all of it works without.

use ratatui::style::{Color, Modifier, Style};

use crate::row::Outcome;

/// How things look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theme {
    color: bool,
}

impl Theme {
    pub(super) fn new(color: bool) -> Self {
        Self { color }
    }

    fn color(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    /// What matters less.
    pub(super) fn faint(self) -> Style {
        if self.color {
            self.color(Color::DarkGray)
        } else {
            Style::new().add_modifier(Modifier::DIM)
        }
    }

    pub(super) fn bar(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn title(self, has_focus: bool) -> Style {
        if has_focus { Style::new().add_modifier(Modifier::BOLD) } else { self.faint() }
    }

    pub(super) fn name(self) -> Style {
        self.color(Color::Cyan)
    }

    pub(super) fn wrong(self) -> Style {
        self.color(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What is selected, in a pane that has the keys or not.
    pub(super) fn selected(self, has_focus: bool) -> Style {
        match has_focus {
            true => Style::new().add_modifier(Modifier::REVERSED),
            false => Style::new().add_modifier(Modifier::UNDERLINED),
        }
    }

    pub(super) fn outcome(self, outcome: Outcome) -> Style {
        match outcome {
            Outcome::Returned => Style::new(),
            Outcome::Failed(_) => self.color(Color::Red),
            Outcome::Killed => self.color(Color::Red).add_modifier(Modifier::BOLD),
            Outcome::Restarts | Outcome::Detached | Outcome::Unfinished => {
                self.color(Color::Yellow)
            }
            Outcome::Exited => self.faint(),
            Outcome::Item(_) => self.color(Color::Magenta),
        }
    }
}
