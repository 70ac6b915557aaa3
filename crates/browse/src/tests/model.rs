//! What is shown, compared with what other readers say of the same logs.

use std::collections::BTreeSet;

use sysreel_inspect::abi::Filter;
use sysreel_inspect::open;
use sysreel_inspect::print::{Excerpts, FdStyle, Options, print};

use super::{Desk, log};
use crate::list::Condition;
use crate::reading::lines::{line, style};

/// All committed logs.
const LOGS: &[&str] = &[
    "attach_nanosleep",
    "attach_read",
    "exec_arch",
    "int80_mixed",
    "nr_values",
    "rval_not_error",
    "seccomp_trace",
    "signal_kinds",
    "synthetic_calls",
    "synthetic_is_error",
    "synthetic_numbers",
    "synthetic_sizes",
    "synthetic_unknown",
    "synthetic_v4_layout",
    "undumpable",
];

const SIZE: (u16, u16) = (80, 24);

/// The lines of `print --join`, without names of descriptors.
fn printed(name: &str, filter: Option<&str>) -> Vec<String> {
    let filter = filter.map(|filter| Filter::parse(filter).unwrap());
    let options = Options { filter, ..plain() };
    let mut text = Vec::new();
    print(&mut open(&log(name)).unwrap(), &options, &mut text).unwrap();
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

fn plain() -> Options {
    Options { fds: FdStyle::Number, ..style() }
}

/// The rows that are shown, as `print` would have them without names of descriptors.
fn shown(desk: &Desk) -> Vec<String> {
    let file = open(desk.browser.path()).unwrap();
    let mut excerpts = Excerpts::new(&file);
    let index = desk.browser.index();
    let list = &desk.browser.list;
    let rows = (0..list.len()).map(|at| index.row(list.row(at).unwrap()).unwrap());
    rows.map(|row| {
        let place = index.place(row);
        line(&file, &mut excerpts, (&place, &plain())).unwrap().unwrap().text
    })
    .collect()
}

#[test]
fn rows_are_the_lines_of_print() {
    for name in LOGS {
        let desk = Desk::new(name, SIZE);
        assert_eq!(shown(&desk), printed(name, None), "{name}");
    }
}

#[test]
fn filters_select_what_print_selects() {
    for name in LOGS {
        for filter in ["failed", "call == write or call == openat", "not %file", "dur > 100us"] {
            let mut desk = Desk::new(name, SIZE);
            desk.types(&format!("f{filter}<Enter>"));
            assert_eq!(shown(&desk), printed(name, Some(filter)), "{name}: {filter}");
            // With a second condition, whichever comes first.
            let calls = |lines: Vec<String>| -> Vec<String> {
                lines.into_iter().filter(|line| !line.starts_with("write(")).collect()
            };
            let hidden = desk.browser.index().names.iter().position(|name| name == "write");
            if let Some(hidden) = hidden {
                let condition = Condition::Hidden(u16::try_from(hidden).unwrap());
                let Desk { browser, .. } = &mut desk;
                let shared = browser.shared_index();
                browser.list.toggle(condition, &shared.read().unwrap());
                assert_eq!(shown(&desk), calls(printed(name, Some(filter))), "{name}: {filter}");
            }
        }
    }
}

/// The calls on a file: `print` knows them by its name.
#[test]
fn descriptors_are_followed() {
    let mut followed = 0;
    for name in LOGS {
        let desk = Desk::new(name, SIZE);
        let index = desk.browser.index();
        let calls = ["read", "write", "close", "fstat", "lseek"];
        let is_plain = |number: &usize| calls.contains(&index.name(index.row(*number).unwrap()));
        let files: BTreeSet<Vec<u8>> = index
            .rows_from(0)
            .map(|(_, row)| index.file(row.object).to_vec())
            .filter(|file| file.starts_with(b"/") && !file.ends_with(b")"))
            .collect();
        for file in files {
            let path = String::from_utf8(file.clone()).unwrap();
            let mut other = Desk::new(name, SIZE);
            other.types(&format!("ffd.path == \"{path}\"<Enter>"));
            let list = &other.browser.list;
            let matching: Vec<usize> =
                (0..list.len()).filter_map(|at| list.row(at)).filter(is_plain).collect();
            let ours: Vec<usize> = index
                .rows_from(0)
                .filter(|(_, row)| *index.file(row.object) == *file)
                .map(|(number, _)| number)
                .filter(is_plain)
                .collect();
            assert_eq!(ours, matching, "{name}: {path}");
            followed += ours.len();
        }
    }
    assert!(followed > 20, "{followed}");
}

/// `^` leads to the call that returned the descriptor.
#[test]
fn descriptors_are_found_where_they_were_opened() {
    let mut desk = Desk::new("exec_arch", (120, 40));
    let row = {
        let index = desk.browser.index();
        let is_read = |row: &crate::row::Row| index.name(row) == "close" && row.object != 0;
        let found = index.rows_from(0).find(|(_, row)| {
            is_read(row) && index.object(row.object).is_some_and(|object| object.event > 0)
        });
        found.map(|(number, _)| number).unwrap()
    };
    desk.browser.go(row);
    desk.settle();
    desk.types("^");
    let opened = desk.text(desk.browser.current().unwrap());
    let fd = opened.rsplit(" = ").next().unwrap();
    assert!(desk.text(row).starts_with(&format!("close({fd}")), "{opened} {}", desk.text(row));
}

/// The row of an event: the call that began or ended there, or else the next line.
#[test]
fn events_are_found() {
    for name in LOGS {
        let desk = Desk::new(name, SIZE);
        let index = desk.browser.index();
        let rows: Vec<(u64, u64)> =
            index.rows_from(0).map(|(_, row)| (row.first(), row.last())).collect();
        for event in 0..index.events.0 + 3 {
            let ends = rows.iter().position(|(_, last)| *last == event);
            let begins = || rows.iter().position(|(first, _)| *first == event);
            let next = || rows.iter().position(|(_, last)| *last > event);
            let expected = ends.or_else(begins).or_else(next).or(rows.len().checked_sub(1));
            assert_eq!(index.row_at(event), expected, "{name}: {event}");
        }
    }
}

/// Going from error to error visits all of them, both ways.
#[test]
fn errors_are_visited() {
    for name in LOGS {
        let mut desk = Desk::new(name, SIZE);
        let errors: Vec<usize> = {
            let index = desk.browser.index();
            index
                .rows_from(1)
                .filter(|(_, row)| row.outcome().is_error())
                .map(|(at, _)| at)
                .collect()
        };
        for at in &errors {
            desk.types("e");
            assert_eq!(desk.browser.current(), Some(*at), "{name}");
        }
        for at in errors.iter().rev().skip(1) {
            desk.types("E");
            assert_eq!(desk.browser.current(), Some(*at), "{name}");
        }
    }
}

/// Each condition that is taken away shows again what was hidden, and the same row is selected.
#[test]
fn conditions_are_taken_away() {
    let mut desk = Desk::new("exec_arch", SIZE);
    let all = desk.shown();
    desk.types("jjjjjt");
    let selected = desk.browser.current();
    let of_task = desk.shown();
    assert!(of_task.len() < all.len());
    desk.types("fnot %memory<Enter>");
    assert!(desk.shown().len() < of_task.len());
    desk.types("<Backspace>");
    assert_eq!(desk.shown(), of_task);
    desk.types("<Backspace>");
    assert_eq!(desk.shown(), all);
    assert_eq!(desk.browser.current(), selected);
    desk.types("<Backspace>");
    assert_eq!(desk.browser.said.as_deref(), Some("all lines are shown"));
}

/// Counts of the tree are those of `tree`.
#[test]
fn processes_have_the_counts_of_tree() {
    for name in LOGS {
        let file = open(&log(name)).unwrap();
        let (tree, _) =
            sysreel_views::tree::tree(&file, &sysreel_views::tree::Options::default()).unwrap();
        let expected: Vec<_> =
            tree.nodes.iter().map(|node| (node.pid, node.calls, node.failed)).collect();
        let desk = Desk::new(name, SIZE);
        let index = desk.browser.index();
        let ours: Vec<_> =
            index.nodes.iter().map(|node| (node.pid, node.calls, node.failed)).collect();
        let sum = |list: &[(u32, u64, u64)]| {
            list.iter().fold((0, 0), |sum, (_, calls, failed)| (sum.0 + calls, sum.1 + failed))
        };
        assert_eq!(sum(&ours), sum(&expected), "{name}");
        assert_eq!(
            ours.iter().map(|node| node.0).collect::<Vec<_>>(),
            expected.iter().map(|node| node.0).collect::<Vec<_>>(),
            "{name}"
        );
    }
}

/// Text and JSON of what is shown.
#[test]
fn what_is_shown_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (text, json) = (folder.path().join("a.txt"), folder.path().join("a.ndjson"));
    let mut desk = Desk::new("exec_arch", SIZE);
    desk.types("ffailed<Enter>");
    let shown = desk.shown();
    desk.types(&format!("w{}<Enter>", text.display()));
    let written = std::fs::read_to_string(&text).unwrap();
    let written: Vec<_> =
        written.lines().map(|line| line.split_once("] ").unwrap().1.to_owned()).collect();
    assert_eq!(written, shown);
    desk.types(&format!("w{}<Enter>", json.display()));
    let written = std::fs::read_to_string(&json).unwrap();
    for (line, text) in written.lines().zip(&shown) {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(object["lines"][0].as_str().unwrap().ends_with(text.as_str()), "{line}");
        assert!(object["call"]["args"].is_array());
    }
    assert_eq!(written.lines().count(), shown.len());
    // Nothing is overwritten.
    desk.types(&format!("w{}<Enter>", text.display()));
    assert!(desk.browser.said.as_ref().unwrap().contains("exists"), "{:?}", desk.browser.said);
}

/// Rows of a process are hidden, those of all its threads, and no others.
#[test]
fn a_process_is_hidden() {
    use crate::index::{Index, Task};
    use crate::list::List;
    use crate::row::{Outcome, Row};
    let mut index = Index::new(false);
    for (task, tid, pid) in [(1, 10, 10), (2, 11, 10), (3, 20, 20)] {
        index.tasks.insert(task, Task { tid, pid, nodes: Vec::new() });
    }
    // The last one is of a task that the log does not name.
    for (number, task) in [1, 3, 2, 3, 1, 9].into_iter().enumerate() {
        let event = u64::try_from(number).unwrap();
        index.push(Row::new((event, event), task, 0, Outcome::Returned));
    }
    let shown =
        |list: &List| -> Vec<usize> { (0..list.len()).filter_map(|at| list.row(at)).collect() };
    let mut list = List::default();
    list.toggle(Condition::HiddenProcess(10), &index);
    assert_eq!(shown(&list), [1, 3, 5]);
    list.toggle(Condition::HiddenProcess(20), &index);
    assert_eq!(shown(&list), [5]);
    list.toggle(Condition::HiddenProcess(10), &index);
    assert_eq!(shown(&list), [0, 2, 4, 5]);
}

/// What is far is found by a thread, and tells how far it is.
#[test]
fn far_rows_are_found() {
    use crate::index::Index;
    use crate::message::{End, Message, Shared, Stop};
    use crate::reading::searching::{Rows, Sought, find_row};
    use crate::row::{Outcome, Row};
    use std::sync::{Arc, RwLock, mpsc::channel};
    const LEN: usize = 300_000;
    let mut index = Index::new(false);
    for number in 0..LEN {
        let outcome = if number == 7 { Outcome::Failed(2) } else { Outcome::Returned };
        let event = u64::try_from(number).unwrap();
        index.push(Row::new((event, event), 0, 0, outcome));
    }
    let (send, receive) = channel();
    let shared = Shared { index: Arc::new(RwLock::new(index)), send };
    let even = (0..u32::try_from(LEN).unwrap()).filter(|row| *row == 7 || row % 2 == 0);
    let even = Arc::new(even.collect::<Vec<_>>());
    let (all, some) = (Rows { list: None, len: LEN }, Rows { len: even.len(), list: Some(even) });
    for (rows, from, backwards, found) in [
        (all.clone(), LEN - 1, true, Some(7)),
        (some.clone(), some.len - 1, true, Some(7)),
        (all.clone(), 8, true, Some(7)),
        (all.clone(), 7, true, None),
        (all.clone(), 7, false, None),
        (all, 0, false, Some(7)),
    ] {
        find_row(Sought::Error, (rows, from, backwards), (1, shared.clone(), Stop::default()));
        let mut percents = Vec::new();
        let end = loop {
            match receive.recv().unwrap() {
                Message::Progress(_, percent) => percents.push(percent),
                Message::Ended(_, end) => break end,
                other => panic!("{other:?}"),
            }
        };
        match (end, found) {
            (End::Found(row), Some(found)) => assert_eq!(row, found),
            (End::Said(text), None) => assert!(text.contains("no failed call"), "{text}"),
            (end, found) => panic!("{end:?}, not {found:?}"),
        }
        assert!(percents.is_sorted() && percents.iter().all(|percent| *percent <= 100));
    }
}

/// Tab completes fields, calls of the log and classes.
#[test]
fn words_of_filters_are_completed() {
    for (typed, completed) in [
        ("ferr", "errno"),
        ("fexecv", "execve"),
        ("f%ne", "%network"),
        ("ffailed and %fi", "failed and %file"),
    ] {
        let mut desk = Desk::new("exec_arch", SIZE);
        desk.types(typed).types("<Tab>");
        let prompt = desk.browser.prompt.as_ref().unwrap();
        assert_eq!(prompt.text, completed);
    }
}
