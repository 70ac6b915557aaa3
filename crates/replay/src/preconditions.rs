//! Checks whether a log can be replayed on this machine, before anything runs.

use crate::error::Error;
use crate::file_pool::FilePool;
use crate::machine;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use sysreel_format::{
    Body, Completeness, Determinism, EventKind, Item, Log, MappedFile, MappedHead, MetaCodec,
    NoteCode, Part, ReadAt, SnapshotKind,
};

/// Checks that the program of a log would do the same on this machine: it was recorded with
/// `--replayable`, the log reaches its end (or event `until`), and the machine is like the recorded
/// one (unless `force`). Returns what the log says of its machine.
///
/// # Errors
/// [`Error::NotReplayable`] or [`Error::OtherMachine`] when one of these fails, [`Error::Format`]
/// when the log cannot be read.
pub fn check_replayable<S: ReadAt>(
    log: &Log<S>,
    until: Option<u64>,
    force: bool,
) -> Result<Determinism, Error> {
    let determinism = read_determinism(log)?;
    if log.summary().is_none() {
        check_holds_events(log, until)?;
    }
    let differences = machine::differences(&determinism);
    if !differences.is_empty() && !force {
        return Err(Error::OtherMachine(differences));
    }
    Ok(determinism)
}

/// Reads the DETERMINISM snapshot.
fn read_determinism<S: ReadAt>(log: &Log<S>) -> Result<Determinism, Error> {
    let mut events = log.events();
    // The snapshot comes before the first task.
    while let Some(item) = events.next()? {
        let Item::Event(event) = item else { break };
        match event.decode()? {
            Body::Snapshot { what: SnapshotKind::DETERMINISM, bytes, .. } => {
                return Ok(Determinism::from_bytes(bytes)?);
            }
            Body::Task(_) => break,
            _ => {}
        }
    }
    Err(Error::NotReplayable("it was not recorded with `record --replayable`".into()))
}

/// Checks that an unfinished log has all events up to `until`.
fn check_holds_events<S: ReadAt>(log: &Log<S>, until: Option<u64>) -> Result<(), Error> {
    let mut events = log.events();
    let mut last = None;
    while let Some(Item::Event(event)) = events.next()? {
        if until == Some(event.number) {
            return Ok(());
        }
        last = Some(event.number);
    }
    let why = match last {
        None => "its recording was not finished, and it holds no events".to_owned(),
        Some(last) => format!(
            "its recording was not finished; use --until EVENT to replay it up to event {last}"
        ),
    };
    Err(Error::NotReplayable(why))
}

/// Refuses a log in which the recorder noted something that cannot be replayed.
pub(crate) fn check_not_refused<S: ReadAt>(log: &Log<S>, until: Option<u64>) -> Result<(), Error> {
    // An unfinished log has no summary: read its notes.
    if log
        .summary()
        .is_some_and(|summary| !summary.completeness.contains(Completeness::NOT_REPLAYABLE))
    {
        return Ok(());
    }
    let mut reasons = Vec::new();
    let mut events = log.events();
    while let Some(item) = events.next()? {
        let Item::Event(event) = item else { continue };
        if until.is_some_and(|until| event.number > until) {
            break;
        }
        if event.kind != EventKind::NOTE {
            continue;
        }
        if let Body::Note(note) = event.decode()?
            && note.code == NoteCode::NOT_REPLAYABLE
        {
            reasons.push(format!(
                "{} (event {})",
                String::from_utf8_lossy(note.text),
                event.number
            ));
        }
    }
    // The reasons may come after the last event to replay.
    if reasons.is_empty() && (log.summary().is_none() || until.is_some()) {
        return Ok(());
    }
    if reasons.is_empty() {
        reasons.push("the recorder marked it so, and its reasons are not in the log".into());
    }
    Err(Error::NotReplayable(reasons.join("; ")))
}

/// Returns the files that a replay reads because the log has only their hashes, each once.
///
/// # Errors
/// When the log cannot be read.
pub fn files_to_read<S: ReadAt>(log: &Log<S>, until: Option<u64>) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    let mut known = HashSet::new();
    for_each_file(log, until, |_, file| {
        let path = Path::new(OsStr::from_bytes(file.path));
        if known.insert(path.to_owned()) {
            paths.push(path.to_owned());
        }
        Ok(())
    })?;
    Ok(paths)
}

/// Reads all files of which the log has only hashes, before the program runs.
///
/// # Errors
/// When a file is missing or differs.
pub(crate) fn read_files<S: ReadAt>(
    log: &Log<S>,
    file_pool: &mut FilePool,
    until: Option<u64>,
) -> Result<(), Error> {
    for_each_file(log, until, |head, file| file_pool.place_file(head, file).map(drop))
}

fn for_each_file<S: ReadAt>(
    log: &Log<S>,
    until: Option<u64>,
    mut each: impl FnMut(&MappedHead, &MappedFile<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    if !log
        .meta()
        .options
        .iter()
        .any(|(name, value)| (&**name, &**value) == (b"file-contents", b"no"))
    {
        return Ok(());
    }
    let mut events = log.events();
    while let Some(item) = events.next()? {
        let Item::Event(event) = item else { continue };
        if until.is_some_and(|until| event.number > until) {
            break;
        }
        let Body::Stop(stop) = event.decode()? else { continue };
        let mut mapped = None;
        for part in stop.parts {
            match part? {
                Part::Mapped(before) => mapped = Some(before.head),
                // Without a mapping before it, it is an error once the event is replayed.
                Part::File(file) => {
                    mapped.map(|head| each(&head, &file)).transpose()?.unwrap_or(())
                }
                _ => {}
            }
        }
    }
    Ok(())
}
