//! Where the panes are on a screen.

use ratatui::layout::Rect;

/// What has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pane {
    #[default]
    List,
    Details,
    Tree,
    /// The terminal of a program that is being recorded.
    Program,
}

/// What is shown besides the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Beside {
    /// The details and the processes.
    #[default]
    Views,
    /// The terminal of the program.
    Program,
}

/// Wide enough for panes beside the list, and for two panes below it.
const WIDE: u16 = 110;
const MIDDLE: u16 = 70;
/// Wide enough for a program of 80 columns beside the list.
const WIDE_FOR_PROGRAM: u16 = 161;

/// The areas of a screen. One of height or width 0 is not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Panes {
    pub(crate) header: Rect,
    pub(crate) list: Rect,
    /// With a line for its title.
    pub(crate) details: Rect,
    /// With a line for its title.
    pub(crate) tree: Rect,
    /// With a line for its title.
    pub(crate) program: Rect,
    pub(crate) footer: Rect,
}

impl Panes {
    /// Divides a screen. `footer`: its lines.
    pub(crate) fn new(screen: Rect, (focus, shown): (Pane, Beside), footer: u16) -> Self {
        let Rect { x, y, width, height } = screen;
        let header_height = height.min(1);
        let footer_height = footer.min(height.saturating_sub(header_height));
        let header = Rect { height: header_height, ..screen };
        let footer =
            Rect { y: y + height.saturating_sub(footer_height), height: footer_height, ..screen };
        let body = Rect {
            x,
            y: y + header_height,
            width,
            height: height.saturating_sub(header_height + footer_height),
        };
        if shown == Beside::Program {
            let (list, program) = with_program(body);
            return Self { header, list, program, footer, ..Self::default() };
        }
        let (list, details, tree) = match width {
            WIDE.. => beside(body),
            MIDDLE.. => below(body),
            _ => stacked(body, focus),
        };
        Self { header, list, details, tree, footer, program: Rect::ZERO }
    }

    /// The size that the terminal of a program has on a screen: columns and lines.
    pub(crate) fn size_of_program(screen: Rect) -> (u16, u16) {
        let area = Self::new(screen, (Pane::Program, Beside::Program), 1).program;
        (area.width, area.height.saturating_sub(1))
    }

    /// The pane at a place.
    pub(crate) fn at(&self, column: u16, row: u16) -> Option<Pane> {
        let is_in = |area: Rect| area.contains((column, row).into());
        match () {
            () if is_in(self.list) => Some(Pane::List),
            () if is_in(self.details) => Some(Pane::Details),
            () if is_in(self.tree) => Some(Pane::Tree),
            () if is_in(self.program) => Some(Pane::Program),
            () => None,
        }
    }
}

/// The list on the left, the others on the right.
fn beside(body: Rect) -> (Rect, Rect, Rect) {
    let left = body.width * 12 / 20;
    let list = Rect { width: left, ..body };
    let right = Rect { x: body.x + left + 1, width: body.width - left - 1, ..body };
    let (details, tree) = split(right, body.height * 13 / 20);
    (list, details, tree)
}

/// The list above, the others below it side by side.
fn below(body: Rect) -> (Rect, Rect, Rect) {
    let (list, rest) = split(body, body.height * 11 / 20);
    let left = rest.width * 12 / 20;
    let details = Rect { width: left, ..rest };
    let tree = Rect { x: rest.x + left + 1, width: rest.width - left - 1, ..rest };
    (list, details, tree)
}

/// The list above, one of the others below it.
fn stacked(body: Rect, focus: Pane) -> (Rect, Rect, Rect) {
    let (list, rest) = split(body, body.height * 12 / 20);
    match focus {
        Pane::Tree => (list, Rect::ZERO, rest),
        _ => (list, rest, Rect::ZERO),
    }
}

/// The list, and the terminal of the program below it at full width, or beside it.
fn with_program(body: Rect) -> (Rect, Rect) {
    if body.width < WIDE_FOR_PROGRAM {
        return split(body, body.height * 8 / 20);
    }
    let left = body.width / 2;
    let list = Rect { width: left, ..body };
    (list, Rect { x: body.x + left + 1, width: body.width - left - 1, ..body })
}

fn split(area: Rect, above: u16) -> (Rect, Rect) {
    let above = above.min(area.height);
    let below = Rect { y: area.y + above, height: area.height - above, ..area };
    (Rect { height: above, ..area }, below)
}
