//! What is common to tests: a browser without a terminal, and its screen as text.

mod model;
mod programs;
mod screens;

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::layout::Size;
use ratatui::style::{Color, Modifier};

use crate::browser::Browser;
use crate::draw::draw;
use crate::options::Options;

/// Nothing here takes longer.
const DEADLINE: Duration = Duration::from_secs(120);

/// The path of a committed log.
fn log(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/logs/v1");
    PathBuf::from(format!("{folder}/{name}.reel"))
}

/// A browser and its screen.
struct Desk {
    browser: Browser,
    terminal: Terminal<TestBackend>,
}

impl Desk {
    fn new(name: &str, (width, height): (u16, u16)) -> Self {
        Self::with(name, (width, height), Options::default())
    }

    fn with(name: &str, (width, height): (u16, u16), options: Options) -> Self {
        let browser = Browser::new(&log(name), options);
        let terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut desk = Self { browser, terminal };
        desk.settle();
        desk
    }

    /// Waits until no thread is at work.
    fn settle(&mut self) {
        let size = self.terminal.size().unwrap();
        loop {
            self.browser.receive();
            self.browser.prepare(Size { width: size.width, height: size.height });
            if !self.browser.is_busy() {
                break;
            }
            if !self.browser.is_list_complete() {
                continue;
            }
            assert!(self.browser.wait(DEADLINE), "a thread says nothing");
        }
    }

    /// Types keys: characters, and names in angle brackets such as `<Tab>`.
    fn types(&mut self, keys: &str) -> &mut Self {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let special = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let named = special.and_then(|(name, after)| {
                let code = match name {
                    "Tab" => KeyCode::Tab,
                    "Enter" => KeyCode::Enter,
                    "Esc" => KeyCode::Esc,
                    "Backspace" => KeyCode::Backspace,
                    "PageDown" => KeyCode::PageDown,
                    "Right" => KeyCode::Right,
                    _ => return None,
                };
                Some((code, after))
            });
            let (code, after) = named.unwrap_or((KeyCode::Char(c), &rest[c.len_utf8()..]));
            self.browser.key(KeyEvent::new(code, KeyModifiers::NONE));
            rest = after;
            self.settle();
        }
        self
    }

    /// Returns the screen: its text, and below it a letter for the style of each cell.
    fn screen(&mut self) -> String {
        self.terminal.draw(|frame| draw(frame, &self.browser)).unwrap();
        let buffer = self.terminal.backend().buffer();
        let mut out = String::new();
        for plane in [|cell: &Cell| cell.symbol().to_owned(), |cell: &Cell| letter(cell).into()] {
            for y in 0..buffer.area.height {
                let cells = (0..buffer.area.width).map(|x| plane(&buffer[(x, y)]));
                let line: String = cells.collect();
                _ = writeln!(out, "{}", line.trim_end());
            }
            out.push_str("----\n");
        }
        out
    }

    /// Returns the texts of the rows that are shown, all of them.
    fn shown(&mut self) -> Vec<String> {
        let list = &self.browser.list;
        let numbers: Vec<usize> = (0..list.len()).filter_map(|at| list.row(at)).collect();
        numbers.into_iter().map(|number| self.text(number)).collect()
    }

    /// Returns the text of a row as the log has it.
    fn text(&self, number: usize) -> String {
        use crate::reading::lines::{line, style};
        let file = sysreel_inspect::open(self.browser.path()).unwrap();
        let mut excerpts = sysreel_inspect::print::Excerpts::new(&file);
        let index = self.browser.index();
        let place = index.place(index.row(number).unwrap());
        line(&file, &mut excerpts, (&place, &style())).unwrap().unwrap().text
    }
}

/// A letter for the style of a cell: its color, capital if it is bold, `#` and `_` for a selection.
fn letter(cell: &Cell) -> char {
    let letter = match cell.fg {
        Color::Reset => '.',
        Color::Red | Color::Indexed(1) => 'r',
        Color::Cyan => 'c',
        Color::DarkGray => 'g',
        Color::Magenta => 'm',
        Color::Yellow => 'y',
        other => panic!("{other:?}"),
    };
    match cell.modifier {
        m if m.contains(Modifier::REVERSED) => '#',
        m if m.contains(Modifier::UNDERLINED) => '_',
        m if m.contains(Modifier::BOLD) && letter == '.' => 'B',
        m if m.contains(Modifier::BOLD) => letter.to_ascii_uppercase(),
        m if m.contains(Modifier::DIM) => 'd',
        _ if cell.symbol() == " " && letter == '.' => ' ',
        _ => letter,
    }
}
