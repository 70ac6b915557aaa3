//! The list of calls.

use std::borrow::Cow;
use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;
use sysreel_views::duration;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::paint::{has_keys, line_of, paint, put, shifted};
use super::theme::Theme;
use crate::browser::Browser;
use crate::index::Index;
use crate::message::Line;
use crate::panes::Pane;
use crate::row::{Outcome, Row};

/// The columns of the duration, and of its bar.
const TOOK: u16 = 7;
const BAR: u16 = 6;
/// From this width on there is a bar, the tid and the time: the call itself comes first.
const WITH_BAR: u16 = 76;
const WITH_TID: u16 = 50;
const WITH_TIME: u16 = 90;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, browser: &Browser, theme: &Theme) {
    let index = browser.index();
    for line in 0..usize::from(area.height) {
        let position = browser.top + line;
        let number = browser.list.row(position);
        let Some((number, row)) = number.and_then(|number| Some((number, index.row(number)?)))
        else {
            break;
        };
        let area = line_of(area, line);
        let shown = browser.lines.get(&number);
        one(frame, area, (&index, row, shown), (browser.shift, theme));
        if position == browser.position {
            paint(frame, area, theme.selected(has_keys(browser, Pane::List)));
        }
    }
}

/// Draws a row. What is not decoded yet shows its name and how it ended.
fn one(
    frame: &mut Frame<'_>,
    area: Rect,
    (index, row, line): (&Index, &Row, Option<&Line>),
    (shift, theme): (usize, &Theme),
) {
    let outcome = row.outcome();
    let mut left = Vec::new();
    if area.width >= WITH_TIME {
        let time = line.map_or_else(String::new, |line| seconds(line.since_start_ns));
        left.push(Span::styled(format!("{time:>11} "), theme.faint()));
    }
    if area.width >= WITH_TID {
        let tid = index.tasks.get(&row.task).map_or(0, |task| task.tid);
        left.push(Span::styled(format!("{tid:>7} "), theme.faint()));
    }
    left.push(Span::styled(format!("{} ", outcome.mark()), theme.outcome(outcome)));
    let took = line.and_then(|line| line.took);
    let bar = if area.width >= WITH_BAR { BAR } else { 0 };
    // What is no call takes no time.
    let right = if matches!(outcome, Outcome::Item(_)) { 0 } else { TOOK + 1 + bar };
    let right = right.min(area.width);
    let used: usize = left.iter().map(Span::width).sum();
    let room = usize::from(area.width - right).saturating_sub(used);
    match line {
        Some(line) if shift == 0 => left.extend(colored(&fitted(&line.text, room), outcome, theme)),
        Some(line) => left.extend(colored(shifted(&line.text, shift), outcome, theme)),
        None => {
            let text = format!("{}(...)", index.name(row));
            left.push(Span::styled(shifted(&text, shift).to_owned(), theme.faint()));
        }
    }
    put(frame, Rect { width: area.width - right, ..area }, &left);
    let Some(took) = took else { return };
    let text = duration(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    let mut spans = vec![Span::styled(format!(" {text:>7}"), theme.faint())];
    if bar > 0 {
        spans.push(Span::styled(bar_of(took, bar), theme.name()));
    }
    put(frame, Rect { x: area.right() - right, width: right, ..area }, &spans);
}

/// Shortens a call that has no room: of what is too long the result is shown, without the message
/// of an error and the name of a descriptor, and as much of the arguments as fits.
fn fitted(text: &str, room: usize) -> Cow<'_, str> {
    if text.width() <= room {
        return text.into();
    }
    let Some(at) = text.rfind(") = ") else { return text.into() };
    let result = &text[at..];
    let end = [result.find(" ("), result.find('<')].into_iter().flatten().min();
    let result = &result[..end.unwrap_or(result.len())];
    let Some(left) = room.checked_sub(result.width() + 1).filter(|left| *left >= room / 2) else {
        return text.into();
    };
    let mut width = 0;
    let fits = |(_, c): &(usize, char)| {
        width += c.width().unwrap_or(0);
        width <= left
    };
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    format!("{}…{result}", &text[..end.min(at)]).into()
}

/// The name and the result of a call stand out.
fn colored(text: &str, outcome: Outcome, theme: &Theme) -> Vec<Span<'static>> {
    let owned = |text: &str, style: Style| Span::styled(text.to_owned(), style);
    if matches!(outcome, Outcome::Item(_)) {
        return vec![owned(text, theme.outcome(outcome))];
    }
    let name = text.find('(').unwrap_or(0);
    let result = text.rfind(" = ").filter(|at| *at >= name).unwrap_or(text.len());
    vec![
        owned(&text[..name], theme.name()),
        owned(&text[name..result], Style::new()),
        owned(&text[result..], theme.outcome(outcome)),
    ]
}

/// Seconds and microseconds.
fn seconds(ns: u64) -> String {
    format!("{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1000)
}

/// A bar whose length tells a duration: from a microsecond, on a scale by powers of ten, to ten
/// seconds at its full width.
fn bar_of(took: Duration, width: u16) -> String {
    const PARTS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
    const POWERS: u32 = 7;
    let tenths = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / 100;
    let digits = tenths.checked_ilog10().unwrap_or(0);
    let fraction = tenths / 10_u64.saturating_pow(digits);
    let fraction = fraction.saturating_sub(1);
    let digits = u64::from(digits);
    let eighths = u64::from(width) * 8;
    let steps = digits.saturating_sub(1) * 9 + if digits > 0 { fraction } else { 0 };
    let length = (steps * eighths / (u64::from(POWERS) * 9)).min(eighths);
    let (full, rest) = (length / 8, length % 8);
    let mut bar: String = (0..full).map(|_| '█').collect();
    let part = usize::try_from(rest).ok().and_then(|rest| PARTS.get(rest.checked_sub(1)?));
    bar.extend(part);
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_calls_keep_their_results() {
        let call = "open(\"/a/long/näme\", O_RDONLY) = -1 ENOENT (No such file or directory)";
        for (room, expected) in
            [(80, call), (40, "open(\"/a/long/näme\", O_RDO…) = -1 ENOENT"), (20, call)]
        {
            let text = fitted(call, room);
            assert_eq!(text, expected, "{room}");
            assert!(text == call || text.width() <= room, "{text}");
        }
        assert_eq!(fitted("--- SIGCHLD {si_signo=SIGCHLD} ---", 10).len(), 34);
    }

    #[test]
    fn bars_grow_with_durations() {
        let nanos = [0, 999, 1500, 5000, 10_000, 100_000, 1_000_000, 50_000_000, 1_000_000_000];
        let bars: Vec<String> =
            nanos.iter().map(|ns| bar_of(Duration::from_nanos(*ns), BAR)).collect();
        assert_eq!(bars, ["", "", "", "▍", "▊", "█▋", "██▌", "███▊", "█████▏"]);
        assert_eq!(bar_of(Duration::from_secs(10), BAR), "██████");
        assert_eq!(bar_of(Duration::MAX, BAR), "██████");
    }
}
