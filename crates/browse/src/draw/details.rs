//! All about the selected row.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;
use unicode_width::UnicodeWidthChar;

use super::paint::{has_keys, line_of, put, shifted, titled};
use super::theme::Theme;
use crate::browser::{Browser, Detail};
use crate::panes::Pane;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, browser: &Browser, theme: &Theme) {
    let focus = has_keys(browser, Pane::Details);
    let body = titled(frame, area, ("details", focus), theme);
    if body.height == 0 {
        return;
    }
    let shift = if browser.focus == Pane::Details { browser.shift } else { 0 };
    let lines = wrapped(browser.detail_lines(), usize::from(body.width));
    let lines = lines.iter().skip(browser.details_top).take(usize::from(body.height));
    for (at, line) in lines.enumerate() {
        let (text, style) = match line {
            Detail::Text(text) => (text, Style::new()),
            Detail::Heading(text) => (text, theme.name()),
            Detail::Current(text) => (text, theme.selected(false)),
        };
        put(frame, line_of(body, at), &[Span::styled(shifted(text, shift).to_owned(), style)]);
    }
}

/// Divides the first line, which is the call, so that it fits. The others are tables.
fn wrapped(lines: Vec<Detail>, room: usize) -> Vec<Detail> {
    let mut lines = lines.into_iter();
    let mut all = Vec::new();
    if let Some(Detail::Text(call)) = lines.next() {
        let (mut part, mut width) = (String::new(), 0);
        for c in call.chars() {
            let own = c.width().unwrap_or(0);
            if width + own > room && !part.is_empty() {
                all.push(Detail::Text(std::mem::take(&mut part)));
                width = 0;
            }
            part.push(c);
            width += own;
        }
        all.push(Detail::Text(part));
    }
    all.extend(lines);
    all
}
