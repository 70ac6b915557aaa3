//! Draws the screen from the state, row by row: only what is visible is built.

mod details;
mod footer;
mod header;
mod help;
mod list;
mod theme;
mod tree;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::browser::Browser;
use crate::panes::Pane;
use theme::Theme;

/// Draws everything. [`Browser::prepare`] has divided the screen.
pub(crate) fn draw(frame: &mut Frame<'_>, browser: &Browser) {
    let theme = Theme::new(browser.options.color);
    let panes = browser.panes;
    header::draw(frame, panes.header, browser, &theme);
    match browser.help {
        Some(top) => {
            let body = Rect {
                y: panes.header.bottom(),
                height: panes.footer.y.saturating_sub(panes.header.bottom()),
                ..panes.header
            };
            help::draw(frame, body, top, &theme);
        }
        None => {
            list::draw(frame, panes.list, browser, &theme);
            details::draw(frame, panes.details, browser, &theme);
            tree::draw(frame, panes.tree, browser, &theme);
        }
    }
    footer::draw(frame, panes.footer, browser, &theme);
}

/// Draws the title of a pane in its first line, and returns the rest of its area.
fn titled(
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
    text.extend(std::iter::repeat_n(
        line,
        width.saturating_sub(unicode_width::UnicodeWidthStr::width(text.as_str())),
    ));
    put(frame, Rect { height: 1, ..area }, &[Span::styled(text, theme.title(has_focus))]);
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}

/// Writes parts of a line from the left on, as far as they fit.
fn put(frame: &mut Frame<'_>, area: Rect, spans: &[Span<'_>]) {
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
fn line_of(area: Rect, line: usize) -> Rect {
    let line = u16::try_from(line).unwrap_or(u16::MAX).min(area.height);
    Rect { y: area.y + line, height: u16::from(line < area.height), ..area }
}

/// Draws a whole line of an area in a style.
fn paint(frame: &mut Frame<'_>, area: Rect, style: Style) {
    frame.buffer_mut().set_style(area, style);
}

/// Whether a pane has the keys.
fn has_keys(browser: &Browser, pane: Pane) -> bool {
    browser.focus == pane && browser.prompt.is_none()
}

/// Drops columns at the beginning of a text.
fn shifted(text: &str, columns: usize) -> &str {
    let mut skipped = 0;
    for (at, c) in text.char_indices() {
        if skipped >= columns {
            return &text[at..];
        }
        skipped += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
    }
    if columns == 0 { text } else { "" }
}
