//! The first line: the log, how much of it is shown, and why.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;
use sysreel_inspect::visible::visible_bytes;
use unicode_width::UnicodeWidthStr;

use super::paint::{paint, put};
use super::theme::Theme;
use crate::browser::Browser;
use crate::fitting::shortened;
use crate::index::Reading;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, browser: &Browser, theme: &Theme) {
    paint(frame, area, theme.bar());
    let name = browser.path().file_name().unwrap_or(browser.path().as_os_str());
    let mut text = format!(" {}  ", visible_bytes(name.as_encoded_bytes()));
    let index = browser.index();
    let (all, shown) = (index.len().saturating_add(index.open.len()), browser.list.len());
    let lines = if all == 1 { "line" } else { "lines" };
    match browser.list.conditions() {
        [] => text += &format!("{} {lines}", grouped(all)),
        conditions => {
            text += &format!("{} of {} {lines}: ", grouped(shown), grouped(all));
            let titles: Vec<_> = conditions.iter().map(|one| one.title(&index)).collect();
            text += &titles.join(", ");
        }
    }
    let state = state(browser, &index);
    drop(index);
    // What has no room is at the end of either: the log has a third of the line at least.
    let width = usize::from(area.width);
    let state = if state.is_empty() { state } else { format!("  {state} ") };
    let right = shortened(&state, width.saturating_sub(text.width().min(width.div_ceil(3))));
    let left = shortened(&text, width.saturating_sub(right.width()));
    put(frame, area, &[Span::styled(left, theme.bar())]);
    let width = u16::try_from(right.width()).unwrap_or(u16::MAX).min(area.width);
    let place = Rect { x: area.right() - width, width, ..area };
    put(frame, place, &[Span::styled(right, theme.bar())]);
}

/// What is going on.
fn state(browser: &Browser, index: &crate::index::Index) -> String {
    // A filter of a log that is being recorded goes on: it is at work only while it lags.
    let filtering = browser.filtering.as_ref();
    let lags = !index.is_growing || !browser.list.has_caught_up(index);
    let jobs = browser.job.iter().chain(filtering.filter(|_| lags));
    let mut parts: Vec<String> =
        jobs.map(|job| format!("{} {}%, Esc stops", job.what, job.percent)).collect();
    match &index.reading {
        Reading::On => parts.push(match index.events {
            (read, Some(total)) if total > 0 => {
                format!("reading {}%", (read.saturating_mul(100) / total).min(99))
            }
            _ if index.is_growing => "recording".to_owned(),
            (read, _) => format!("reading: {} events", grouped(usize::try_from(read).unwrap_or(0))),
        }),
        Reading::Done(lacks) if lacks.is_empty() => {}
        Reading::Done(lacks) => parts.push(format!("! {lacks}")),
        Reading::Failed(why) => parts.push(format!("! {why}")),
    }
    sysreel_inspect::visible::visible(&parts.join(", ")).into_owned()
}

/// Returns a number with its digits in groups of three: `1,234`.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_are_in_groups() {
        for (number, text) in
            [(0, "0"), (12, "12"), (123, "123"), (1234, "1,234"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
