//! Colors are added to what is printed, and change nothing of it.

use std::fs;
use std::path::{Path, PathBuf};

use sysreel_inspect::color::Palette;
use sysreel_inspect::print::{Clock, FdStyle, Options, Precision, TaskIds, print};

fn logs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1");
    let mut logs: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "reel"))
        .collect();
    logs.sort();
    assert!(logs.len() > 10, "{logs:?}");
    logs
}

fn text(log: &Path, options: &Options) -> String {
    let mut out = Vec::new();
    print(&mut sysreel_inspect::open(log).unwrap(), options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Takes out the sequences that set a color. Any other escape is left, and fails the comparison.
fn stripped(colored: &str) -> String {
    let mut out = String::new();
    let mut rest = colored;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap();
        assert_eq!(&after[end..=end], "m", "{after:?}");
        rest = &after[end + 1..];
    }
    out + rest
}

fn all_prefixes() -> Options {
    Options {
        fds: FdStyle::Detail,
        verbose: true,
        clock: Clock::Unix(Precision::Micros),
        relative: Some(Precision::Micros),
        duration: Some(Precision::Micros),
        ip: true,
        number: true,
        task_ids: TaskIds::Always,
        event_numbers: true,
        ..Options::default()
    }
}

#[test]
fn without_its_colors_the_text_is_the_same() {
    for log in logs() {
        for options in [Options::default(), all_prefixes()] {
            let plain = text(&log, &options);
            let colored = text(&log, &Options { palette: Palette::DEFAULT, ..options });
            assert!(!plain.contains('\x1b'));
            assert_eq!(stripped(&colored), plain, "{}", log.display());
        }
    }
}

/// No color reaches into the next line, where another program may write.
#[test]
fn each_line_has_colors_and_ends_without() {
    let mut failed = 0;
    for log in logs() {
        let options = Options { palette: Palette::DEFAULT, ..all_prefixes() };
        for line in text(&log, &options).lines() {
            let last = line.rsplit("\x1b[").next().unwrap();
            assert!(line.contains("\x1b[") && last.starts_with("0m"), "{line:?}");
            if stripped(line).contains("= -1 E") {
                failed += 1;
                assert!(line.contains("\x1b[31m= -1 E"), "{line:?}");
            }
        }
    }
    assert!(failed > 10, "{failed}");
}
