//! What keys and the mouse do.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};

use super::{Browser, Effect};
use crate::keys::{self, Action};
use crate::list::Condition;
use crate::panes::Pane;
use crate::prompt::Question;
use crate::reading::searching::Sought;

/// How many lines a turn of the mouse wheel moves, and columns an arrow.
const WHEEL: usize = 3;
const SIDEWAYS: usize = 8;

impl Browser {
    /// Takes a key.
    pub(crate) fn key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        self.said = None;
        let action = keys::action(key);
        self.has_asked &= action == Some(Action::Quit);
        if self.prompt.is_some() {
            self.prompt_key(key);
        } else if self.help.is_some() {
            self.help_key(key);
        } else if self.focus == Pane::Program && action != Some(Action::Program) {
            self.program_key(key);
        } else if let Some(action) = action {
            self.act(action);
        } else if let KeyCode::Char(c) = key.code {
            self.say(format!("{c} does nothing: ? shows the keys"));
        }
    }

    fn help_key(&mut self, key: KeyEvent) {
        let page = usize::from(self.panes.list.height).max(1);
        let top = self.help.unwrap_or(0);
        self.help = match keys::action(key) {
            Some(Action::Down) => Some(top.saturating_add(1).min(keys::KEYS.len())),
            Some(Action::Up) => Some(top.saturating_sub(1)),
            Some(Action::PageDown) => Some(top.saturating_add(page).min(keys::KEYS.len())),
            Some(Action::PageUp) => Some(top.saturating_sub(page)),
            _ => None,
        };
    }

    /// Tells something until the next key.
    pub(crate) fn say(&mut self, text: String) {
        self.said = Some(sysreel_inspect::visible::visible(&text).into_owned());
    }

    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::Down => self.step(1, false),
            Action::Up => self.step(1, true),
            Action::PageDown => self.step(self.page(), false),
            Action::PageUp => self.step(self.page(), true),
            Action::Top => self.step(usize::MAX, true),
            Action::Bottom => {
                self.step(usize::MAX, false);
                self.stays_at_end = self.focus == Pane::List && self.index().is_growing;
            }
            Action::Left => self.shift = self.shift.saturating_sub(SIDEWAYS),
            Action::Right => self.shift = self.shift.saturating_add(SIDEWAYS),
            Action::Pane => {
                self.focus_on(match self.focus {
                    Pane::List => Pane::Details,
                    Pane::Details => Pane::Tree,
                    Pane::Tree | Pane::Program => Pane::List,
                });
            }
            Action::Program => self.toggle_program(),
            Action::Enter => match self.focus {
                Pane::List => self.focus_on(Pane::Details),
                Pane::Details | Pane::Program => self.focus_on(Pane::List),
                Pane::Tree => self.toggle(self.tree.selected().map(Condition::Subtree), "process"),
            },
            Action::Search => self.ask(Question::Search, String::new()),
            Action::NextFound => self.search_on(false),
            Action::PreviousFound => self.search_on(true),
            Action::Filter => self.ask(Question::Filter, self.filter_text()),
            Action::Goto => self.ask(Question::Goto, String::new()),
            Action::Write => self.ask(Question::Write, String::new()),
            Action::Hide
            | Action::HideProcess
            | Action::Task
            | Action::Subtree
            | Action::Follow => {
                self.act_on_row(action);
            }
            Action::NextOfObject => self.along(false),
            Action::PreviousOfObject => self.along(true),
            Action::Opening => self.go_to_opening(),
            Action::NextError => self.go_to_next(Sought::Error, false),
            Action::PreviousError => self.go_to_next(Sought::Error, true),
            Action::Pop => self.pop(),
            Action::Copy => self.copy(),
            Action::Manual => self.manual(),
            Action::Help => self.help = Some(0),
            Action::Cancel => self.cancel(),
            Action::Redraw => self.effects.push(Effect::Redraw),
            Action::Suspend => self.effects.push(Effect::Suspend),
            Action::Quit => self.leave(),
        }
    }

    fn page(&self) -> usize {
        let pane = match self.focus {
            Pane::List => self.panes.list,
            Pane::Details => self.panes.details,
            Pane::Tree => self.panes.tree,
            Pane::Program => self.panes.program,
        };
        usize::from(pane.height).saturating_sub(1).max(1)
    }

    /// Moves in the pane that has the keys.
    fn step(&mut self, count: usize, up: bool) {
        let moved = |at: usize| match up {
            true => at.saturating_sub(count),
            false => at.saturating_add(count),
        };
        match self.focus {
            Pane::List => self.go(moved(self.position)),
            Pane::Details => {
                let last = self.details_len().saturating_sub(1);
                self.details_top = moved(self.details_top).min(last);
            }
            Pane::Tree => self.tree.go(moved(self.tree.at)),
            Pane::Program => self.scroll_program(count, up),
        }
    }

    /// Adds a condition from the selected row, or takes it away.
    fn act_on_row(&mut self, action: Action) {
        let in_tree = self.focus == Pane::Tree;
        let (condition, what) = {
            let index = self.index();
            let row = self.current_in(&index).and_then(|row| index.row(row));
            let is_call = |row: &&crate::row::Row| usize::from(row.name) < index.names.len();
            match action {
                Action::Hide => {
                    (row.filter(is_call).map(|row| Condition::Hidden(row.name)), "call")
                }
                Action::HideProcess => (
                    row.and_then(|row| index.tasks.get(&row.task))
                        .map(|task| Condition::HiddenProcess(task.pid)),
                    "process",
                ),
                Action::Task => (
                    row.filter(|row| index.tasks.contains_key(&row.task))
                        .map(|row| Condition::Task(row.task)),
                    "task",
                ),
                Action::Subtree if in_tree => {
                    (self.tree.selected().map(Condition::Subtree), "process")
                }
                Action::Subtree => {
                    (row.and_then(|row| index.node(row)).map(Condition::Subtree), "process")
                }
                _ => (
                    row.filter(|row| row.object != 0).map(|row| Condition::Object(row.object)),
                    "descriptor",
                ),
            }
        };
        self.toggle(condition, what);
    }

    fn toggle(&mut self, condition: Option<Condition>, what: &str) {
        let Some(condition) = condition else {
            return self.say(format!("this line is about no {what} that the log names"));
        };
        self.list.toggle(condition, &self.shared.index());
        self.stay();
    }

    /// Selects the row again that was selected before the list changed.
    pub(super) fn stay(&mut self) {
        let index = self.shared.index();
        self.position = self.list.position(self.selected, &index);
        // On the same line of the screen, if there are as many before it.
        self.top = self.position.saturating_sub(usize::from(self.panes.list.height) / 2);
    }

    fn pop(&mut self) {
        let popped = self.list.pop(&self.shared.index());
        match popped {
            Some(Condition::Filter(..)) => self.stop_filter(),
            Some(_) => {}
            None => return self.say("all lines are shown".to_owned()),
        }
        self.stay();
    }

    /// Goes along the descriptor of the selected row.
    fn along(&mut self, backwards: bool) {
        let row = self.current();
        let object = row.and_then(|row| self.index().row(row).map(|row| row.object));
        match object.filter(|object| *object != 0) {
            Some(object) => self.go_to_next(Sought::Object(object), backwards),
            None => self.say("this line is about no descriptor that the log names".to_owned()),
        }
    }

    fn go_to_opening(&mut self) {
        let found = {
            let index = self.index();
            let row = self.current_in(&index).and_then(|row| index.row(row));
            let object = row.and_then(|row| index.object(row.object).copied());
            object.map(|object| index.row_at(object.event))
        };
        match found {
            Some(Some(row)) => self.go_to_row(row),
            Some(None) => self.say("it was opened before the log begins".to_owned()),
            None => self.say("this line is about no descriptor that the log names".to_owned()),
        }
    }

    fn copy(&mut self) {
        let line = self.current().and_then(|row| self.lines.get(&row)).map(|line| &line.text);
        match line.cloned() {
            Some(text) => {
                self.effects.push(Effect::Copy(text));
                self.say("copied".to_owned());
            }
            None => self.say("this line is not decoded yet".to_owned()),
        }
    }

    fn manual(&mut self) {
        let name = {
            let index = self.index();
            let row = self.current_in(&index).and_then(|row| index.row(row));
            row.map(|row| index.name(row).to_owned()).filter(|name| !name.is_empty())
        };
        match name {
            Some(name) => self.effects.push(Effect::Manual(name)),
            None => self.say("this line is no call".to_owned()),
        }
    }

    /// Takes something that the mouse did.
    pub(crate) fn mouse(&mut self, mouse: MouseEvent) {
        let Some(pane) = self.panes.at(mouse.column, mouse.row) else { return };
        let before = self.focus;
        let is_passed_on = pane == Pane::Program && self.program_mouse(mouse);
        match mouse.kind {
            MouseEventKind::Down(_) if is_passed_on => self.focus_on(pane),
            _ if is_passed_on => {}
            MouseEventKind::ScrollDown | MouseEventKind::ScrollUp => {
                self.focus = pane;
                self.step(WHEEL, mouse.kind == MouseEventKind::ScrollUp);
                self.focus = before;
            }
            MouseEventKind::Down(MouseButton::Left) => {
                self.said = None;
                self.focus_on(pane);
                let below = |area: ratatui::layout::Rect| usize::from(mouse.row - area.y);
                match pane {
                    Pane::List => {
                        let position = self.top.saturating_add(below(self.panes.list));
                        self.go(position);
                    }
                    Pane::Tree => {
                        if let Some(line) = below(self.panes.tree).checked_sub(1) {
                            self.tree.go(self.tree.top.saturating_add(line));
                        }
                    }
                    Pane::Details | Pane::Program => {}
                }
            }
            _ => {}
        }
    }
}
