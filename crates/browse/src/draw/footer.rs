//! The last line: what was said, what is being typed, or the keys.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use super::header::grouped;
use super::paint::{line_of, put, shifted};
use super::theme::Theme;
use crate::browser::{Browser, said_lines};
use crate::keys::KEYS;
use crate::panes::Pane;
use crate::prompt::Prompt;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, browser: &Browser, theme: &Theme) {
    match (&browser.prompt, &browser.said) {
        (Some(prompt), _) => typed(frame, area, prompt, theme),
        (None, Some(said)) => {
            for (at, line) in said_lines(said, area.width).into_iter().enumerate() {
                put(frame, line_of(area, at), &[Span::raw(format!(" {line}"))]);
            }
        }
        (None, None) => keys(frame, area, browser, theme),
    }
}

fn typed(frame: &mut Frame<'_>, area: Rect, prompt: &Prompt, theme: &Theme) {
    let title = prompt.question.title();
    let before = title.width() + prompt.text[..prompt.cursor].width();
    // The cursor stays on the screen.
    let shift = (before + 1).saturating_sub(usize::from(area.width));
    let text = format!("{title}{}", prompt.text);
    put(frame, line_of(area, 0), &[Span::raw(shifted(&text, shift).to_owned())]);
    let x = u16::try_from(before - shift).unwrap_or(0);
    frame.set_cursor_position(Position { x: area.x + x, y: area.y });
    let Some(wrong) = &prompt.wrong else { return };
    let start = prompt.text.get(..wrong.span.start).map_or(0, str::width) + title.width();
    let width = prompt.text.get(wrong.span.clone()).map_or(0, str::width).max(1);
    let mark = format!("{}{}", " ".repeat(start), "^".repeat(width));
    put(frame, line_of(area, 1), &[Span::styled(shifted(&mark, shift).to_owned(), theme.wrong())]);
    put(frame, line_of(area, 2), &[Span::raw(wrong.message.clone())]);
}

/// The keys that are asked for most, and where the selection is.
fn keys(frame: &mut Frame<'_>, area: Rect, browser: &Browser, theme: &Theme) {
    let place = {
        let index = browser.index();
        let len = browser.list.len();
        let event =
            browser.current_in(&index).and_then(|row| index.row(row)).map(|row| row.first());
        match event {
            Some(event) => {
                let percent = (browser.position + 1).saturating_mul(100) / len.max(1);
                format!("event {}  {percent}% ", grouped(usize::try_from(event).unwrap_or(0)))
            }
            None => "nothing to show ".to_owned(),
        }
    };
    let width = u16::try_from(place.width()).unwrap_or(u16::MAX).min(area.width);
    let left = Rect { width: area.width - width, ..area };
    let mut room = usize::from(left.width).saturating_sub(2);
    let mut spans = vec![Span::raw(" ")];
    if browser.focus == Pane::Program {
        let text = "keys go to the program; F12 goes to the list";
        put(frame, left, &[Span::raw(format!(" {text}"))]);
        put(frame, Rect { x: left.right(), width, ..area }, &[Span::styled(place, theme.faint())]);
        return;
    }
    let listed = KEYS.iter().filter(|binding| !binding.short.is_empty());
    // The help first: it has all others.
    let (help, others): (Vec<_>, Vec<_>) = listed.partition(|binding| binding.short == "help");
    for binding in help.into_iter().chain(others) {
        let Some((_, _, name)) = binding.keys.first() else { continue };
        let needed = name.width() + 1 + binding.short.width() + 2;
        if needed > room {
            break;
        }
        room -= needed;
        spans.push(Span::styled((*name).to_owned(), theme.name()));
        spans.push(Span::styled(format!(" {}  ", binding.short), Style::new()));
    }
    put(frame, left, &spans);
    put(frame, Rect { x: left.right(), width, ..area }, &[Span::styled(place, theme.faint())]);
}
