//! The roots named by the environment of the first program. A snapshot does not contain the
//! environment, but the execve that started the program does.

use std::path::PathBuf;

use sysreel_abi::CallKind;
use sysreel_format::{Body, Item, SnapshotKind, TaskId};

use super::Level;
use super::run::MAX_ARG_STRLEN;
use super::run::Run;
use crate::regions::Buffers;
use crate::state::{Follow, Tracker};
use crate::{Error, LogFile, text};

/// Roots and the variables that define them.
const NAMED: [(&str, &[u8]); 2] = [("HOME", b"HOME="), ("TMP", b"TMPDIR=")];

/// Reads a log with the given roots, then those that its environment defines.
///
/// # Errors
/// As [`Run::read`].
pub fn read(file: &LogFile, level: Level, roots: &[(String, PathBuf)]) -> Result<Run, Error> {
    let roots: Vec<_> = roots.iter().cloned().chain(environment_roots(file)?).collect();
    Run::read(file, level, &roots)
}

fn environment_roots(file: &LogFile) -> Result<Vec<(String, PathBuf)>, Error> {
    let log = file.log();
    let mut tracker = Tracker::new(Follow::default());
    let mut events = log.events();
    while let Some(item) = events.next().map_err(|error| file.error(error))? {
        let Item::Event(event) = item else { continue };
        let Ok(body) = event.decode() else { continue };
        if matches!(body, Body::Snapshot { what: SnapshotKind::PROCESS, .. }) {
            // The working directory is `$WS`, even if a variable names it too.
            let mut roots = roots_from_execve(&tracker, event.task, log);
            roots.retain(|(_, path)| path.as_os_str().as_encoded_bytes() != log.meta().cwd);
            return Ok(roots);
        }
        tracker.step(&event, &body, log, &mut |_, _| {});
    }
    Ok(Vec::new())
}

fn roots_from_execve(
    tracker: &Tracker,
    task: TaskId,
    buffers: &dyn Buffers,
) -> Vec<(String, PathBuf)> {
    let open = tracker.task(task).and_then(|task| task.open.as_ref());
    let envp = open.and_then(|open| {
        let row = open.row.filter(|row| row.kind == CallKind::Exec)?;
        Some((open, u8::try_from(row.arg("envp")?).ok()?))
    });
    let Some((open, envp)) = envp else { return Vec::new() };
    let strings =
        open.memory.regions().filter(|region| region.head.arg == envp && region.head.role.0 > 0);
    let strings = strings.filter_map(|region| region.bytes(buffers, MAX_ARG_STRLEN));
    strings
        .filter_map(|string| {
            let string = text::until_nul(&string);
            NAMED.iter().find_map(|(root, variable)| {
                // A directory whose path is not UTF-8 becomes no root: paths below it stay as they
                // are.
                let path = std::str::from_utf8(string.strip_prefix(*variable)?).ok()?;
                path.starts_with('/').then(|| ((*root).to_owned(), PathBuf::from(path)))
            })
        })
        .collect()
}
