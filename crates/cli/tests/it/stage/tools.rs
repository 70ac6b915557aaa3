//! What the machine has for the tests.

use super::Stage;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A compiler and a C library for 32-bit programs, as in Debian's libc6-dev-i386 or gcc-multilib.
pub(crate) const GCC_32: &str = "gcc -m32 -idirafter /usr/include/x86_64-linux-gnu";

/// Whether every program is installed. A program with flags is a compiler that must build a program
/// with them. Where a program is missing, prints that the test is skipped, or fails it if the
/// variable `REQUIRE_TOOLS` is set.
pub(crate) fn installed(test: &str, programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing: Vec<_> = programs
        .iter()
        .filter(|name| match name.contains(' ') {
            true => !builds(name),
            false => !std::env::split_paths(&path).any(|folder| folder.join(name).is_file()),
        })
        .collect();
    assert!(
        missing.is_empty() || std::env::var_os("REQUIRE_TOOLS").is_none(),
        "{test}: no {missing:?}"
    );
    if !missing.is_empty() {
        skipped(&format!("{test}: no {missing:?}"));
    }
    missing.is_empty()
}

/// Prints what is not tested here, past the test harness, which captures print macros but not the
/// stream.
pub(crate) fn skipped(what: &str) {
    _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// Whether a command line that begins with a compiler builds a program.
fn builds(command: &str) -> bool {
    let mut words = command.split(' ');
    let source = Stage::new();
    source.write("a.c", "#include <errno.h>\nint main(void) { return errno; }");
    let built = Command::new(words.next().unwrap())
        .args(words)
        .args(["-o", "a", "a.c"])
        .current_dir(source.folder())
        .stderr(Stdio::null())
        .status();
    built.is_ok_and(|status| status.success())
}

/// Whether the tests run as root.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Checks a log with the zstd tool, if that is installed.
///
/// # Errors
///
/// With the message of zstd, when it refuses the log.
pub(crate) fn zstd_accepts(log: &Path) -> Result<(), String> {
    if !installed("zstd -t of a log", &["zstd"]) {
        return Ok(());
    }
    let run = Command::new("zstd").args(["-t", "-q", "-"]).stdin(File::open(log).unwrap()).output();
    let output = run.map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
