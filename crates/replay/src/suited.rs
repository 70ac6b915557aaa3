//! Whether a log can be replayed at all, here, as far as is wanted.

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

/// Whether the program of a log would do the same again here: recorded in the determinism, to its
/// end (or as far as event `until`), on a machine like this one (unless `force`). Gives what the
/// log says of its machine.
///
/// # Errors
/// When it would not, or the log cannot be read.
pub fn suits<S: ReadAt>(
    log: &Log<S>,
    until: Option<u64>,
    force: bool,
) -> Result<Determinism, Error> {
    let determinism = determinism(log)?;
    if log.summary().is_none() {
        holds(log, until)?;
    }
    let differences = machine::differences(&determinism);
    if !differences.is_empty() && !force {
        return Err(Error::OtherMachine(differences));
    }
    Ok(determinism)
}

/// What the log says of its machine.
fn determinism<S: ReadAt>(log: &Log<S>) -> Result<Determinism, Error> {
    let mut events = log.events();
    // It comes before the first task.
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

/// Whether a log that has no end holds all events up to `until`, so that it can be replayed as far
/// as there.
fn holds<S: ReadAt>(log: &Log<S>, until: Option<u64>) -> Result<(), Error> {
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
            "its recording was not finished; --until EVENT replays a part of it, as far as event \
             {last}"
        ),
    };
    Err(Error::NotReplayable(why))
}

/// What the recorder has marked as beyond any replay.
pub(crate) fn refuse_what_cannot<S: ReadAt>(log: &Log<S>, until: Option<u64>) -> Result<(), Error> {
    // Without an end there is no summary that would say it.
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
    if reasons.is_empty() { Ok(()) } else { Err(Error::NotReplayable(reasons.join("; "))) }
}

/// The files that a replay of the log reads, each once: those of which it has only hashes.
///
/// # Errors
/// When the log cannot be read.
pub fn files_to_read<S: ReadAt>(log: &Log<S>, until: Option<u64>) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    let mut known = HashSet::new();
    each_file(log, until, |_, file| {
        let path = Path::new(OsStr::from_bytes(file.path));
        if known.insert(path.to_owned()) {
            paths.push(path.to_owned());
        }
        Ok(())
    })?;
    Ok(paths)
}

/// What the log has only hashes of must be there, and be the same: all of it before the program
/// does anything.
pub(crate) fn read_files<S: ReadAt>(
    log: &Log<S>,
    file_pool: &mut FilePool,
    until: Option<u64>,
) -> Result<(), Error> {
    each_file(log, until, |head, file| file_pool.place_file(head, file).map(drop))
}

fn each_file<S: ReadAt>(
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
                Part::File(file) => {
                    mapped.map(|head| each(&head, &file)).transpose()?.unwrap_or(())
                }
                _ => {}
            }
        }
    }
    Ok(())
}
