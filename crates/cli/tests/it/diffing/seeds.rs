//! One change in a program gives one difference, with the right rule.

mod c;
mod scripts;

use super::{Take, diff, lines};
use crate::stage::installed;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A change: its name, the text in the program and its replacement, the level, the gate, and the
/// expected line.
type Seed = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/diff").join(name)
}

/// Records a program and each of its changed versions, and compares.
#[track_caller]
fn each(source: &str, seeds: &[Seed], take: impl Fn(&str) -> Take) {
    let text = std::fs::read_to_string(fixture(source)).unwrap();
    let whole = take(&text);
    let mut wrong = Vec::new();
    for (name, from, to, level, gate, expected) in seeds {
        assert_eq!(text.matches(from).count(), 1, "{name}: `{from}` must stand in {source} once");
        let changed = take(&text.replace(from, to));
        let (report, status) = diff(&whole, &changed, &["--level", level, "--gate", gate]);
        let found = lines(&report, gate);
        if found != [*expected] || status != 1 {
            wrong.push(format!(
                "{name}: {expected:?} was expected, and found was\n  {}",
                found.join("\n  ")
            ));
        }
        // With the logs exchanged it is one difference, too.
        let (mirrored, _) = diff(&changed, &whole, &["--level", level, "--gate", gate]);
        let back = lines(&mirrored, "info").len();
        if back != lines(&report, "info").len() {
            wrong.push(format!("{name}: {back} differences seen from the other side"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} changes:\n{}", wrong.len(), seeds.len(), wrong.join("\n"));
}

fn setup() -> String {
    std::fs::read_to_string(fixture("setup.sh")).unwrap()
}

#[test]
fn a_program_in_c() {
    if !installed("seeds in C", &["gcc"]) {
        return;
    }
    each("worker.c", c::C, |text| {
        let folder = tempfile::tempdir().unwrap();
        let (source, binary) = (folder.path().join("worker.c"), folder.path().join("worker"));
        std::fs::write(&source, text).unwrap();
        let built = Command::new("gcc")
            .args(["-w", "-O1", "-pthread", "-o"])
            .arg(&binary)
            .arg(&source)
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let setup = format!("{}cp {} worker\n", setup(), binary.display());
        Take::of(&setup, &["./worker"])
    });
}

#[test]
fn a_program_in_python() {
    if !Path::new("/usr/bin/python3").exists() && !installed("seeds in Python", &["python3"]) {
        return;
    }
    // Without a wrapper that searches for a Python in many steps.
    let python =
        if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" };
    each("worker.py", scripts::PYTHON, |text| {
        let setup = format!("{}cat > worker.py <<'END'\n{text}\nEND\n", setup());
        Take::of(&setup, &[python, "-S", "worker.py"])
    });
}

#[test]
fn a_program_in_shell() {
    each("worker.sh", scripts::SHELL, |text| {
        let setup = format!("{}cat > worker.sh <<'END'\n{text}\nEND\n", setup());
        Take::of(&setup, &["sh", "worker.sh"])
    });
}
