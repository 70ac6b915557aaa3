//! Counts in logs.

use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::path::Path;
use sysreel_format::{
    BlockItem, BlockKind, Ending, Event, EventKind, Item, Limits, Log, ReadAt, SeekReader,
};
use sysreel_format::{Body, Part, RegionData};

/// Counts of a whole log.
#[derive(Default)]
pub(super) struct Contents {
    /// STOP events.
    pub(super) stops: u64,
    /// Bytes of its event blocks in the file, their headers included.
    pub(super) event_bytes: u64,
    /// Event blocks with codec 1.
    pub(super) codec_1: u64,
    /// Event blocks.
    pub(super) event_blocks: u64,
    /// Bytes of the file.
    pub(super) file_bytes: u64,
}

/// Opens a log, which must be complete.
pub(super) fn open(path: &Path) -> Result<Log<SeekReader<File>>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let log = Log::open(SeekReader::new(file), Limits::default())?;
    ensure!(log.ending() == Ending::Clean, "{} has no end", path.display());
    ensure!(
        log.summary().is_some_and(|summary| summary.lost == 0),
        "{} has lost events",
        path.display()
    );
    Ok(log)
}

/// Counts the contents of a log, which must be complete.
pub(super) fn contents(path: &Path) -> Result<Contents> {
    let log = open(path)?;
    let mut contents = Contents { file_bytes: log.source().len()?, ..Contents::default() };
    each_event(&log, |event| {
        contents.stops += u64::from(matches!(event.decode()?, Body::Stop(_)));
        Ok(())
    })?;
    let mut blocks = log.blocks();
    while let Some(item) = blocks.next().transpose()? {
        let BlockItem::Block(header) = item else { bail!("{} is damaged", path.display()) };
        if header.kind == BlockKind::EVENTS {
            contents.event_bytes += header.payload_len + sysreel_format::BLOCK_HEADER_LEN as u64;
            contents.event_blocks += 1;
            contents.codec_1 += u64::from(header.codec == 1);
        }
    }
    Ok(contents)
}

/// Calls `each` for every event; none may be missing.
pub(super) fn each_event<S: ReadAt>(
    log: &Log<S>,
    mut each: impl FnMut(&Event<'_>) -> Result<()>,
) -> Result<()> {
    let mut events = log.events();
    while let Some(item) = events.next()? {
        match item {
            Item::Event(event) => each(&event)?,
            Item::Missing(missing) => bail!("{missing}"),
        }
    }
    Ok(())
}

/// Decodes a log to the last field of the last part, without blobs. Returns the number of stops,
/// and a sum over everything, so that the compiler cannot leave anything out.
pub(super) fn decode(path: &Path) -> Result<(u64, u64)> {
    let log = open(path)?;
    let (mut stops, mut sum) = (0u64, 0u64);
    each_event(&log, |event| {
        let Body::Stop(stop) = event.decode()? else { return Ok(()) };
        stops += 1;
        sum = sum.wrapping_add(event.t_ns).wrapping_add(stop.wait_status.into());
        for word in stop.info.chunks_exact(8) {
            sum = sum.wrapping_add(u64::from_le_bytes(word.try_into()?));
        }
        for part in stop.parts {
            sum = sum.wrapping_add(match part? {
                Part::Region(region) => match region.data {
                    RegionData::Inline(bytes) => region.head.address ^ bytes.len() as u64,
                    RegionData::Blobs(blobs) => blobs.iter().map(|blob| blob.0).sum(),
                },
                Part::Name(name) => name.ino,
                _ => 1,
            });
        }
        Ok(())
    })?;
    Ok((stops, sum))
}

/// Reads all calls of a log, which must be whole. Returns the number of stops in the log, and a sum
/// over all items.
pub(super) fn calls(path: &Path) -> Result<(u64, u64)> {
    let file = sysreel_inspect::open(path)?;
    let mut calls = file.calls(sysreel_inspect::Follow::default());
    let (mut stops, mut sum) = (0, 0u64);
    while let Some(item) = calls.next()? {
        match item {
            sysreel_inspect::calls::Item::Call(call) => {
                stops += 1 + u64::from(call.exit_number().is_some());
                sum = sum.wrapping_add(call.number());
            }
            other => {
                stops += other.event().map_or(0, |event| u64::from(event.kind == EventKind::STOP));
            }
        }
    }
    ensure!(calls.findings().is_whole(), "{}: {}", path.display(), calls.findings());
    Ok((stops, sum))
}
