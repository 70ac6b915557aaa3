//! The keys.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::paint::{line_of, put, titled};
use super::theme::Theme;
use crate::keys::{KEYS, written};

/// The columns of the keys.
const KEY: usize = 17;

/// The marks of the list, and what they mean.
const MARKS: &str = "before a call: ! failed, ~ is repeated, . ended its task, x was killed, \
    ? has not returned; - not a call";

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, top: usize, theme: &Theme) {
    let body = titled(frame, area, ("keys: j and k scroll, any other key leaves", true), theme);
    for (at, (keys, help)) in lines(usize::from(body.width)).into_iter().skip(top).enumerate() {
        let line = line_of(body, at);
        if line.height == 0 {
            break;
        }
        let keys = Span::styled(format!(" {keys:<KEY$}"), theme.name());
        put(frame, line, &[keys, Span::styled(help, Style::new())]);
    }
}

/// The lines of the help at a width: keys, and what they do.
fn lines(width: usize) -> Vec<(String, String)> {
    let room = width.saturating_sub(KEY + 1).max(10);
    let bindings = KEYS.iter().map(|binding| (written(binding), binding.help));
    let marks = std::iter::once(("marks".to_owned(), MARKS));
    let mut lines = Vec::new();
    for (keys, help) in bindings.chain(marks) {
        let mut first = keys;
        let mut line = String::new();
        for word in help.split(' ') {
            if !line.is_empty() && line.len() + 1 + word.len() > room {
                lines.push((std::mem::take(&mut first), std::mem::take(&mut line)));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push((first, line));
    }
    lines
}
