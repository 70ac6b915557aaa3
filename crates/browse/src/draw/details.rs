//! All about the selected row.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::theme::Theme;
use super::{has_keys, line_of, put, shifted, titled};
use crate::browser::{Browser, Detail};
use crate::panes::Pane;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, browser: &Browser, theme: &Theme) {
    let focus = has_keys(browser, Pane::Details);
    let body = titled(frame, area, ("details", focus), theme);
    if body.height == 0 {
        return;
    }
    let shift = if browser.focus == Pane::Details { browser.shift } else { 0 };
    let lines = browser.detail_lines();
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
