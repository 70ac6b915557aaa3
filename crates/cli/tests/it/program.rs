//! The fixture programs, each compiled once, when the first test needs it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

/// A compiled fixture program with the directives of its header lines.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) binary: PathBuf,
    /// `// check:`, or none.
    pub(crate) arguments: Vec<String>,
    pub(crate) end: Ending,
}

/// How a program must end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    Exit(i32),
    Signal(String),
}

/// The folder of the sources.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/programs")
}

/// Returns the program of that name. Every test that needs a source that does not compile fails.
pub(crate) fn program(name: &str) -> Arc<Program> {
    built(name, "")
}

/// Returns the program of that name without shared libraries, for a small log.
pub(crate) fn alone(name: &str) -> Arc<Program> {
    built(name, "-static")
}

/// Returns a program without a C library, for the smallest recording.
pub(crate) fn tiny() -> PathBuf {
    let source = folder().join("../replay/tiny.c");
    let text =
        std::fs::read_to_string(&source).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
    let flags = ["-O1", "-nostdlib", "-static", "-fno-stack-protector", "-s"];
    compile("tiny", &source, &flags, &[&text])
}

fn built(name: &str, more: &'static str) -> Arc<Program> {
    type Built = Arc<OnceLock<Arc<Program>>>;
    static PROGRAMS: LazyLock<Mutex<HashMap<(String, &str), Built>>> =
        LazyLock::new(Mutex::default);
    let slot = {
        // A test that panicked while it held the lock left the map intact.
        let mut programs = PROGRAMS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(programs.entry((name.to_owned(), more)).or_default())
    };
    Arc::clone(slot.get_or_init(|| Arc::new(build(name, more))))
}

fn build(name: &str, more: &str) -> Program {
    let source = folder().join(format!("{name}.c"));
    let text =
        std::fs::read_to_string(&source).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
    let flags: Vec<&str> = ["-Wall", "-Wextra", "-O1"]
        .into_iter()
        .chain(words(&text, "build"))
        .chain(more.split_whitespace())
        .collect();
    Program {
        binary: compile(name, &source, &flags, &[&text, &headers()]),
        arguments: words(&text, "check").map(str::to_owned).collect(),
        end: ending(name, &text),
    }
}

/// Returns the text of all headers in the folder.
fn headers() -> String {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "h"))
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Compiles, unless an earlier run compiled the same contents.
fn compile(name: &str, source: &Path, flags: &[&str], contents: &[&str]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (name, flags, contents).hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("programs")
        .join(format!("{:016x}", hasher.finish()));
    let binary = folder.join(name);
    if binary.exists() {
        return binary;
    }
    std::fs::create_dir_all(&folder).unwrap();
    // Renamed when complete: another test may compile the same program.
    let thread = std::thread::current().id();
    let unfinished = folder.join(format!(".{name}.{}.{thread:?}", std::process::id()));
    let output = Command::new("gcc").args(flags).arg("-o").arg(&unfinished).arg(source).output();
    let output = output.unwrap_or_else(|e| panic!("the fixture programs need gcc: {e}"));
    assert!(output.status.success(), "gcc {name}.c: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::rename(&unfinished, &binary).unwrap();
    binary
}

fn words<'a>(text: &'a str, key: &str) -> impl Iterator<Item = &'a str> {
    header(text, key).unwrap_or_default().split_whitespace()
}

fn header<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix("// ")?.strip_prefix(key)?.strip_prefix(": "))
}

fn ending(name: &str, text: &str) -> Ending {
    match (header(text, "exit"), header(text, "signal")) {
        (Some(status), None) => Ending::Exit(status.parse().expect("an exit status is a number")),
        (None, Some(signal)) => Ending::Signal(signal.to_owned()),
        _ => panic!("{name}.c must have a line // exit: or // signal:, and not both"),
    }
}
