//! Writes parts of a screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::theme::Theme;
use crate::browser::Browser;
use crate::panes::Pane;

/// Draws the title of a pane in its first line, and returns the rest of its area.
pub(super) fn titled(
    frame: &mut Frame<'_>,
    area: Rect,
    (title, has_focus): (&str, bool),
    theme: &Theme,
) -> Rect {
    if area.height == 0 || area.width == 0 {
        return Rect::ZERO;
    }
    let width = usize::from(area.width);
    let (before, after) = if has_focus { ("━━ ", " ") } else { ("── ", " ") };
    let mut text = format!("{before}{title}{after}");
    let line = if has_focus { '━' } else { '─' };
    let rest = width.saturating_sub(text.width());
    text.extend(std::iter::repeat_n(line, rest));
    put(frame, Rect { height: 1, ..area }, &[Span::styled(text, theme.title(has_focus))]);
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}

/// Writes parts of a line from the left on, as far as they fit.
pub(super) fn put(frame: &mut Frame<'_>, area: Rect, spans: &[Span<'_>]) {
    if area.height == 0 {
        return;
    }
    let mut x = area.x;
    for span in spans {
        let room = usize::from(area.right().saturating_sub(x));
        if room == 0 {
            return;
        }
        (x, _) = frame.buffer_mut().set_stringn(x, area.y, &span.content, room, span.style);
    }
}

/// The line of an area; one that is not there is empty.
pub(super) fn line_of(area: Rect, line: usize) -> Rect {
    let line = u16::try_from(line).unwrap_or(u16::MAX).min(area.height);
    Rect { y: area.y + line, height: u16::from(line < area.height), ..area }
}

/// Draws a whole line of an area in a style.
pub(super) fn paint(frame: &mut Frame<'_>, area: Rect, style: Style) {
    frame.buffer_mut().set_style(area, style);
}

/// Whether a pane has the keys.
pub(super) fn has_keys(browser: &Browser, pane: Pane) -> bool {
    browser.focus == pane && browser.prompt.is_none()
}

/// Drops columns at the beginning of a text.
pub(super) fn shifted(text: &str, columns: usize) -> &str {
    let mut skipped = 0;
    for (at, c) in text.char_indices() {
        if skipped >= columns {
            return &text[at..];
        }
        skipped += c.width().unwrap_or(0);
    }
    if columns == 0 { text } else { "" }
}
