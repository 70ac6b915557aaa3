//! The terminal of the program that is being recorded.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use sysreel_inspect::visible::is_visible;
use vt100::{Cell, Screen};

use super::paint::{has_keys, titled};
use super::theme::Theme;
use crate::browser::Browser;
use crate::panes::Pane;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, browser: &Browser, theme: &Theme) {
    let Some(program) = &browser.program else { return };
    let focus = has_keys(browser, Pane::Program);
    let state = match (&program.ended, focus) {
        (Some(how), _) => how.as_str(),
        (None, true) => "F12 leaves it",
        (None, false) => "F12 types into it",
    };
    let title = format!("{}: {state}", program.name);
    let area = titled(frame, area, (&title, focus), theme);
    program.screen(|screen| {
        cells(frame, area, screen, browser.options.color);
        let (line, column) = screen.cursor_position();
        let is_there = line < area.height && column < area.width && screen.scrollback() == 0;
        if focus && program.is_running() && is_there && !screen.hide_cursor() {
            frame.set_cursor_position(Position { x: area.x + column, y: area.y + line });
        }
    });
}

fn cells(frame: &mut Frame<'_>, area: Rect, screen: &Screen, color: bool) {
    for line in 0..area.height {
        for column in 0..area.width {
            let Some(cell) = screen.cell(line, column) else { continue };
            let drawn = &mut frame.buffer_mut()[(area.x + column, area.y + line)];
            drawn.set_style(style(cell, color));
            if cell.is_wide_continuation() {
                // The character before it takes two columns.
                drawn.set_symbol(" ");
            } else if cell.contents().chars().all(is_visible) && cell.has_contents() {
                drawn.set_symbol(cell.contents());
            } else if cell.has_contents() {
                drawn.set_symbol("?");
            }
        }
    }
}

fn style(cell: &Cell, color: bool) -> Style {
    let mut style = Style::new();
    if color {
        style = style.fg(colored(cell.fgcolor())).bg(colored(cell.bgcolor()));
    }
    for (is_set, modifier) in [
        (cell.bold(), Modifier::BOLD),
        (cell.dim(), Modifier::DIM),
        (cell.italic(), Modifier::ITALIC),
        (cell.underline(), Modifier::UNDERLINED),
        (cell.inverse(), Modifier::REVERSED),
    ] {
        if is_set {
            style = style.add_modifier(modifier);
        }
    }
    style
}

fn colored(color: vt100::Color) -> Color {
    match color {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(number) => Color::Indexed(number),
        vt100::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}
