//! What keys do. One table drives the keys, the help and docs/browse.md.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Down,
    Up,
    PageDown,
    PageUp,
    Top,
    Bottom,
    Left,
    Right,
    Pane,
    Program,
    Enter,
    Search,
    NextFound,
    PreviousFound,
    Filter,
    Hide,
    HideProcess,
    Task,
    Subtree,
    Follow,
    NextOfObject,
    PreviousOfObject,
    Opening,
    NextError,
    PreviousError,
    Pop,
    Goto,
    Copy,
    Write,
    Manual,
    Help,
    Cancel,
    Redraw,
    Suspend,
    Quit,
}

/// A key: what is typed, and how it is written.
type Key = (KeyCode, KeyModifiers, &'static str);

/// A line of the table.
pub(crate) struct Binding {
    pub(crate) keys: &'static [Key],
    pub(crate) action: Action,
    pub(crate) help: &'static str,
    /// A word for the line at the bottom; empty: it is not there.
    pub(crate) short: &'static str,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CONTROL: KeyModifiers = KeyModifiers::CONTROL;

const fn letter(c: char, name: &'static str) -> Key {
    (KeyCode::Char(c), NONE, name)
}

const fn control(c: char, name: &'static str) -> Key {
    (KeyCode::Char(c), CONTROL, name)
}

const fn bind(
    keys: &'static [Key],
    action: Action,
    short: &'static str,
    help: &'static str,
) -> Binding {
    Binding { keys, action, help, short }
}

/// All keys.
pub(crate) const KEYS: &[Binding] = &[
    bind(&[letter('j', "j"), (KeyCode::Down, NONE, "Down")], Action::Down, "", "next line"),
    bind(&[letter('k', "k"), (KeyCode::Up, NONE, "Up")], Action::Up, "", "previous line"),
    bind(
        &[letter(' ', "Space"), (KeyCode::PageDown, NONE, "PageDown")],
        Action::PageDown,
        "",
        "next page",
    ),
    bind(
        &[letter('b', "b"), (KeyCode::PageUp, NONE, "PageUp")],
        Action::PageUp,
        "",
        "previous page",
    ),
    bind(&[letter('g', "g"), (KeyCode::Home, NONE, "Home")], Action::Top, "", "first line"),
    bind(
        &[letter('G', "G"), (KeyCode::End, NONE, "End")],
        Action::Bottom,
        "",
        "last line; stays there while a recording goes on",
    ),
    bind(
        &[(KeyCode::Left, NONE, "Left")],
        Action::Left,
        "",
        "scroll to the beginning of long lines",
    ),
    bind(&[(KeyCode::Right, NONE, "Right")], Action::Right, "", "scroll to the end of long lines"),
    bind(
        &[(KeyCode::Tab, NONE, "Tab")],
        Action::Pane,
        "pane",
        "go to the next pane: list, details, processes",
    ),
    bind(
        &[(KeyCode::F(12), NONE, "F12")],
        Action::Program,
        "",
        "go to the terminal of the program that is being recorded, and back (record --browse)",
    ),
    bind(
        &[(KeyCode::Enter, NONE, "Enter")],
        Action::Enter,
        "",
        "in the list: go to the details; among processes: only this process and those below it",
    ),
    bind(&[letter('/', "/")], Action::Search, "find", "search for a regular expression"),
    bind(&[letter('n', "n")], Action::NextFound, "", "search on"),
    bind(&[letter('N', "N")], Action::PreviousFound, "", "search on backwards"),
    bind(
        &[letter('f', "f")],
        Action::Filter,
        "filter",
        "only what matches an expression (docs/filter.md); Tab completes a word; empty: all",
    ),
    bind(&[letter('h', "h")], Action::Hide, "hide", "hide calls of this name"),
    bind(&[letter('P', "P")], Action::HideProcess, "", "hide this process"),
    bind(&[letter('t', "t")], Action::Task, "task", "only this task"),
    bind(&[letter('T', "T")], Action::Subtree, "", "only this process and those that it started"),
    bind(
        &[letter('F', "F")],
        Action::Follow,
        "fd",
        "only calls on this descriptor, wherever it was passed on",
    ),
    bind(&[letter('>', ">")], Action::NextOfObject, "", "next call on this descriptor"),
    bind(&[letter('<', "<")], Action::PreviousOfObject, "", "previous call on this descriptor"),
    bind(&[letter('^', "^")], Action::Opening, "", "where this descriptor was opened"),
    bind(&[letter('e', "e")], Action::NextError, "error", "next failed call"),
    bind(&[letter('E', "E")], Action::PreviousError, "", "previous failed call"),
    bind(
        &[(KeyCode::Backspace, NONE, "Backspace")],
        Action::Pop,
        "",
        "take the last condition away (f, h, P, t, T, F add one, and again remove it)",
    ),
    bind(
        &[letter(':', ":")],
        Action::Goto,
        "go",
        "go to an event (1234), to a time after the start (+1.5) or since 1970 (@1795467886)",
    ),
    bind(
        &[letter('y', "y")],
        Action::Copy,
        "copy",
        "copy the line, as strace writes it, to the clipboard (OSC 52)",
    ),
    bind(
        &[letter('w', "w")],
        Action::Write,
        "write",
        "write the shown lines to a new file: FILE.ndjson as JSON, any other as text",
    ),
    bind(&[letter('m', "m")], Action::Manual, "man", "manual page of the call"),
    bind(&[letter('?', "?")], Action::Help, "help", "this help"),
    bind(
        &[(KeyCode::Esc, NONE, "Esc")],
        Action::Cancel,
        "",
        "stop a filter, a search or a file that is being written",
    ),
    bind(&[control('l', "Ctrl-L")], Action::Redraw, "", "draw the screen again"),
    bind(&[control('z', "Ctrl-Z")], Action::Suspend, "", "stop, to be continued by `fg`"),
    bind(&[letter('q', "q"), control('c', "Ctrl-C")], Action::Quit, "quit", "leave"),
];

/// Returns what a key does.
pub(crate) fn action(event: KeyEvent) -> Option<Action> {
    // Capitals come with or without the modifier.
    let modifiers = event.modifiers.difference(KeyModifiers::SHIFT);
    let is_it = |key: &Key| key.0 == event.code && key.1 == modifiers;
    KEYS.iter().find(|binding| binding.keys.iter().any(is_it)).map(|binding| binding.action)
}

/// Returns the keys of a binding as text: `j, Down`.
pub(crate) fn written(binding: &Binding) -> String {
    let names: Vec<_> = binding.keys.iter().map(|(_, _, name)| *name).collect();
    names.join(", ")
}

/// Returns the table for documents.
#[cfg(test)]
fn markdown() -> String {
    let mut text = "| key | |\n|---|---|\n".to_owned();
    for binding in KEYS {
        let keys: Vec<_> = binding.keys.iter().map(|(_, _, name)| format!("`{name}`")).collect();
        text += &format!("| {} | {} |\n", keys.join(" "), binding.help);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_contain_the_table() {
        let document = include_str!("../../../docs/browse.md");
        assert!(document.contains(&markdown()), "docs/browse.md must contain:\n{}", markdown());
    }

    #[test]
    fn no_key_has_two_meanings() {
        let mut keys: Vec<_> = KEYS.iter().flat_map(|binding| binding.keys).collect();
        let all = keys.len();
        keys.sort_by_key(|key| key.2);
        keys.dedup_by_key(|key| key.2);
        assert_eq!(keys.len(), all);
        for binding in KEYS {
            for (code, modifiers, _) in binding.keys {
                assert_eq!(action(KeyEvent::new(*code, *modifiers)), Some(binding.action));
            }
        }
    }
}
