//! The program that is being recorded: its terminal, and the keys that it gets.

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Rect;
use vt100::MouseProtocolMode;

use super::Browser;
use crate::message::Message;
use crate::panes::{Beside, Pane, Panes};
use crate::program::{Emulator, Program, Size};
use crate::typing::{bytes, clicked, pasted};

impl Browser {
    /// Shows a program, which has the keys first.
    pub(crate) fn show(&mut self, program: Program, size: Size) {
        let (written, ended) = (self.shared.clone(), self.shared.clone());
        self.program = Some(Emulator::start(
            program,
            size,
            // What the screen does not take any more is not needed.
            move || _ = written.tell(Message::Written),
            move |how| _ = ended.tell(Message::ProgramEnded(how)),
        ));
        self.focus_on(Pane::Program);
        self.stays_at_end = true;
    }

    pub(super) fn prepare_program(&mut self, screen: Rect) {
        if let Some(program) = &mut self.program {
            program.looked();
            program.resize(Panes::size_of_program(screen));
        }
    }

    /// Gives the keys to a pane, and shows it.
    pub(super) fn focus_on(&mut self, pane: Pane) {
        self.focus = pane;
        self.beside = match pane {
            Pane::List => self.beside,
            Pane::Details | Pane::Tree => Beside::Views,
            Pane::Program => Beside::Program,
        };
    }

    pub(super) fn toggle_program(&mut self) {
        match self.focus {
            Pane::Program => self.focus_on(Pane::List),
            _ if self.program.is_some() => self.focus_on(Pane::Program),
            _ => self.say("no program is being recorded here: record --browse does".to_owned()),
        }
    }

    pub(super) fn program_key(&mut self, key: KeyEvent) {
        let Some(program) = &self.program else { return };
        match &program.ended {
            None => {
                let application = program.screen(vt100::Screen::application_cursor);
                if let Some(bytes) = bytes(key, application) {
                    program.typed(bytes);
                }
            }
            Some(how) => {
                let text = format!("{} has ended ({how}): F12 goes to the list", program.name);
                self.say(text);
            }
        }
    }

    pub(super) fn program_paste(&mut self, text: &str) {
        let Some(program) = self.program.as_ref().filter(|program| program.is_running()) else {
            return;
        };
        let marked = program.screen(vt100::Screen::bracketed_paste);
        program.typed(pasted(text, marked));
    }

    /// Passes on what the mouse did in the terminal of the program, if it has asked for that.
    /// Returns whether it has.
    pub(super) fn program_mouse(&self, mouse: MouseEvent) -> bool {
        let Some(program) = self.program.as_ref().filter(|program| program.is_running()) else {
            return false;
        };
        let area = self.panes.program;
        // Below the title.
        let Some(line) = mouse.row.checked_sub(area.y.saturating_add(1)) else { return false };
        let Some(column) = mouse.column.checked_sub(area.x) else { return false };
        let (mode, encoding) = program
            .screen(|screen| (screen.mouse_protocol_mode(), screen.mouse_protocol_encoding()));
        if mode == MouseProtocolMode::None {
            return false;
        }
        if let Some(bytes) = clicked(mouse, (column, line), (mode, encoding)) {
            program.typed(bytes);
        }
        true
    }

    pub(super) fn scroll_program(&self, count: usize, up: bool) {
        if let Some(program) = &self.program {
            program.scroll(count, up);
        }
    }

    pub(super) fn program_ended(&mut self, how: String) {
        if let Some(program) = &mut self.program {
            let text = format!("{} {how}", program.name);
            program.ended = Some(how);
            self.say(text);
        }
    }

    /// Leaves; when the program still runs, only if asked twice.
    pub(super) fn leave(&mut self) {
        match &self.program {
            Some(program) if program.is_running() && !self.has_asked => {
                let name = &program.name;
                let text = match self.shared.index().has_first_ended() {
                    false => format!("{name} still runs: q again closes its terminal (SIGHUP)"),
                    true => format!(
                        "{name} has ended, but what it started still runs: q again closes the \
                         terminal (SIGHUP)"
                    ),
                };
                self.say(text);
                self.has_asked = true;
            }
            _ => self.is_over = true,
        }
    }
}
