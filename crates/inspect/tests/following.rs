//! A log that is printed in parts while it grows gives the same text as the whole.

use std::fs;
use std::path::{Path, PathBuf};

use sysreel_inspect::print::{Following, Options, TaskIds, print};
use sysreel_inspect::{Bound, EventRange, Findings, LogFile, open};

fn logs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let logs: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "reel"))
        .collect();
    assert!(logs.len() > 10, "{logs:?}");
    logs
}

/// Opens the first bytes of a log. `None` if they are no log yet.
fn begun(bytes: &[u8], folder: &Path) -> Option<LogFile> {
    let path = folder.join("growing.reel");
    fs::write(&path, bytes).unwrap();
    open(&path).ok().filter(|log| log.log().meta_error().is_none())
}

/// Prints what each of the lengths adds. Returns the text, the findings and how many lengths were
/// of a log that has begun.
fn grown(bytes: &[u8], lengths: &[usize], options: &Options) -> (String, Findings, usize) {
    let folder = tempfile::tempdir().unwrap();
    let (mut out, mut following, mut parts) = (Vec::new(), None, 0);
    for log in lengths.iter().filter_map(|length| begun(&bytes[..*length], folder.path())) {
        let following = following.get_or_insert_with(|| Following::new(&log, options));
        following.more(&log, &mut out).unwrap();
        parts += 1;
    }
    let whole = begun(bytes, folder.path()).unwrap();
    let following = following.unwrap_or_else(|| Following::new(&whole, options));
    let findings = following.finish(&whole, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), findings, parts)
}

#[test]
fn the_parts_are_the_whole() {
    let mut parts = 0;
    for path in logs() {
        let bytes = fs::read(&path).unwrap();
        let all = EventRange::default();
        let later = EventRange { from: Some(Bound::Event(20)), ..all };
        for range in [all, later] {
            // Until a second task appears a growing log is not known to have several.
            let options = Options { task_ids: TaskIds::Always, range, ..Options::default() };
            let mut out = Vec::new();
            let findings = print(&mut open(&path).unwrap(), &options, &mut out).unwrap();
            let expected = String::from_utf8(out).unwrap();
            let step = |step: usize| (1..step).map(|n| bytes.len() * n / step).collect::<Vec<_>>();
            // Twice the same length: nothing is added.
            for lengths in [step(2), step(7), step(40), vec![bytes.len(), bytes.len()]] {
                let (text, found, begun) = grown(&bytes, &lengths, &options);
                assert_eq!(text, expected, "{} {lengths:?}", path.display());
                assert_eq!(found, findings, "{} {lengths:?}", path.display());
                parts += begun;
            }
        }
    }
    assert!(parts > 500, "{parts}");
}
