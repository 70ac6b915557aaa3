//! The cursor over calls, on whole golden logs.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sysreel_inspect::calls::Item;
use sysreel_inspect::{Bound, EventRange, Follow, LogFile, open};

fn goldens() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ext| ext == "reel")).collect()
}

/// Returns the items that the cursor yields, and those of `for_each`.
fn both(file: &LogFile, range: EventRange) -> [Vec<String>; 2] {
    let follow = Follow { processes: true, ..Follow::default() };
    let (mut pulled, mut pushed) = (Vec::new(), Vec::new());
    let mut calls = file.calls(follow).with_entries().range(range);
    while let Some(item) = calls.next().unwrap() {
        pulled.push(format!("{item:?}"));
    }
    let findings = calls.findings();
    assert!(calls.next().unwrap().is_none(), "the end comes again");
    let calls = file.calls(follow).with_entries().range(range);
    let found = calls.for_each(|item| {
        pushed.push(format!("{item:?}"));
        Ok(ControlFlow::Continue(()))
    });
    assert_eq!(findings, found.unwrap());
    [pulled, pushed]
}

#[test]
fn the_cursor_and_for_each_yield_the_same_items() {
    let logs = goldens();
    assert!(logs.len() > 10);
    for path in logs {
        let file = open(&path).unwrap();
        for range in [
            EventRange::default(),
            EventRange { from: Some(Bound::Event(20)), to: Some(Bound::Event(31)) },
            EventRange { from: Some(Bound::SinceStart(1_000_000)), to: None },
        ] {
            let [pulled, pushed] = both(&file, range);
            // The shortest logs end before some of the ranges begin.
            assert!(!pulled.is_empty() || range != EventRange::default(), "{}", path.display());
            assert_eq!(pulled, pushed, "{} {range:?}", path.display());
        }
    }
}

#[test]
fn every_event_yields_an_item_and_every_entry_comes_back() {
    for path in goldens() {
        let file = open(&path).unwrap();
        let (mut seen, mut open_calls) = (Vec::new(), Vec::new());
        let mut calls = file.calls(Follow::default()).with_entries();
        while let Some(item) = calls.next().unwrap() {
            seen.extend(item.event().map(|event| event.number));
            match item {
                Item::Entered(call) => open_calls.push(call.number()),
                Item::Call(call) => {
                    let at = open_calls.iter().position(|number| *number == call.number());
                    open_calls.remove(at.expect("its entry came before"));
                }
                _ => {}
            }
        }
        assert!(open_calls.is_empty(), "{}: {open_calls:?}", path.display());
        seen.dedup();
        let mut stored = Vec::new();
        let mut events = file.events();
        while let Some(item) = events.next().unwrap() {
            if let sysreel_inspect::format::Item::Event(event) = item {
                stored.push(event.number);
            }
        }
        assert_eq!(seen, stored, "{}", path.display());
    }
}
