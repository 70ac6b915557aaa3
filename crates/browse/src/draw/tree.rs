//! The processes.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::header::grouped;
use super::paint::{has_keys, line_of, paint, put, titled};
use super::theme::Theme;
use crate::browser::Browser;
use crate::index::Node;
use crate::panes::Pane;

/// Deeper levels are not indented further.
const DEEPEST: usize = 12;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, browser: &Browser, theme: &Theme) {
    let focus = has_keys(browser, Pane::Tree);
    let body = titled(frame, area, ("processes", focus), theme);
    let index = browser.index();
    let tree = &browser.tree;
    let branches = tree.branches.iter().enumerate().skip(tree.top).take(usize::from(body.height));
    for (line, (at, branch)) in branches.enumerate() {
        let node = usize::try_from(branch.node).ok().and_then(|node| index.nodes.get(node));
        let Some(node) = node else { continue };
        let area = line_of(body, line);
        one(frame, area, (node, branch.depth), theme);
        if at == tree.at {
            paint(frame, area, theme.selected(focus));
        }
    }
}

fn one(frame: &mut Frame<'_>, area: Rect, (node, depth): (&Node, usize), theme: &Theme) {
    let count = |count: u64| grouped(usize::try_from(count).unwrap_or(usize::MAX));
    let failed = if node.failed > 0 { format!("!{}", count(node.failed)) } else { String::new() };
    let right = format!(" {:>6} {failed:>5}", count(node.calls));
    let width = u16::try_from(right.len()).unwrap_or(0).min(area.width / 2);
    let end = match node.end.as_str() {
        "" | "0" | "exec" => String::new(),
        end => format!(" = {end}"),
    };
    let indent = " ".repeat(depth.min(DEEPEST));
    let left = Rect { width: area.width - width, ..area };
    let spans = [
        Span::styled(format!("{indent}{} ", node.pid), theme.faint()),
        Span::raw(node.title.clone()),
        Span::styled(end, theme.wrong()),
    ];
    put(frame, left, &spans);
    put(frame, Rect { x: left.right(), width, ..area }, &[Span::styled(right, theme.faint())]);
}
