//! Draws the screen from the state, row by row: only what is visible is built.

mod details;
mod footer;
mod header;
mod help;
mod list;
mod paint;
mod program;
mod theme;
mod tree;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::browser::Browser;
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
            program::draw(frame, panes.program, browser, &theme);
        }
    }
    footer::draw(frame, panes.footer, browser, &theme);
}
