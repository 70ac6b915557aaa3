//! Makes a long log out of a short one, as the recorder would have written it: the same stops
//! repeatedly, with later times and with their buffers stored again.

use super::readings::{each_event, open};
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use sysreel_format::syscall_info::{self, Op};
use sysreel_format::{
    BlobNumber, BlockWriter, Body, Data, Event, EventBuf, Extras, FileId, Full, Log, Part, ReadAt,
    RegionData, SEGMENT_SIZE, Segment, Stop, StopHead,
};

/// The stops of a program's start are not repeated.
const START: usize = 200;

/// Writes a log of at least `stops` stops from a recording of one task.
pub(super) fn lengthen(from: &Path, to: &Path, stops: u64) -> Result<()> {
    let log = open(from)?;
    let mut rows = Vec::new();
    each_event(&log, |event| {
        rows.push(event.row().to_vec());
        Ok(())
    })?;
    let op = |at: &usize| stop_of(&rows[*at]).and_then(|(_, stop)| syscall_info::op(stop.info));
    let first = (START..rows.len())
        .find(|at| op(at) == Some(Op::ENTRY))
        .context("the recording is too short")?;
    let last = (first..rows.len())
        .rev()
        .find(|at| op(at) == Some(Op::EXIT))
        .context("the recording has no exit")?;
    let time = |at: usize| stop_of(&rows[at]).map_or(0, |(event, _)| event.t_ns);
    let lap = time(last) - time(first) + 1000;
    let laps = stops / (last - first + 1) as u64 + 1;

    let mut long = Long::create(&log, to)?;
    for row in &rows[..first] {
        long.copy(&log, row, 0)?;
    }
    for n in 0..laps {
        for row in &rows[first..=last] {
            long.copy(&log, row, n * lap)?;
        }
    }
    for row in &rows[last + 1..] {
        long.copy(&log, row, (laps - 1) * lap)?;
    }
    long.finish(&log)
}

fn stop_of(row: &[u8]) -> Option<(Event<'_>, Stop<'_>)> {
    let event = Event::from_row(0, row).ok()?;
    match event.decode().ok()? {
        Body::Stop(stop) => Some((event, stop)),
        _ => None,
    }
}

/// The log that is made.
struct Long {
    writer: BlockWriter<BufWriter<File>>,
    segment: Segment<Vec<u8>>,
    file_id: FileId,
    generation: u64,
    row: EventBuf,
}

impl Long {
    fn create<S: ReadAt>(like: &Log<S>, to: &Path) -> Result<Long> {
        let header = *like.header();
        let out = BufWriter::new(File::create(to).with_context(|| to.display().to_string())?);
        let writer = BlockWriter::create(out, header, like.meta())?;
        let segment = Segment::open(vec![0; SEGMENT_SIZE], &header.file_id, 1, 0, 0);
        Ok(Long { writer, segment, file_id: header.file_id, generation: 1, row: EventBuf::new() })
    }

    /// Appends an event, `later` nanoseconds after its time.
    fn copy<S: ReadAt>(&mut self, log: &Log<S>, row: &[u8], later: u64) -> Result<()> {
        let event = Event::from_row(0, row)?;
        let mut new = std::mem::take(&mut self.row);
        new.begin_with_flags(event.kind, event.source, event.flags, event.task, event.t_ns + later);
        match event.decode()? {
            Body::Stop(stop) => self.stop(log, &stop, &mut new)?,
            _ => new.raw(event.body),
        }
        while let Err(full) = self.segment.append_event(new.finish()) {
            self.next_segment(&full)?;
        }
        self.row = new;
        if self.segment.is_worth_sealing() {
            self.rotate()?;
        }
        Ok(())
    }

    fn stop<S: ReadAt>(&mut self, log: &Log<S>, stop: &Stop<'_>, new: &mut EventBuf) -> Result<()> {
        let Stop { wait_status, info_ret, layout, info, parts } = *stop;
        new.stop_head(&StopHead { wait_status, info_ret, layout, info });
        for part in parts {
            match part? {
                Part::Region(region) => match region.data {
                    RegionData::Inline(bytes) => new.region(&region.head, Data::Inline(bytes)),
                    RegionData::Blobs(blobs) => {
                        let blobs = blobs
                            .iter()
                            .map(|blob| self.blob(&log.blob(blob)?))
                            .collect::<Result<Vec<_>>>()?;
                        new.region(&region.head, Data::Blobs(&blobs));
                    }
                },
                Part::Name(name) => new.name(&name),
                Part::Siginfo(siginfo) => new.siginfo(siginfo),
                Part::EventMessage(message) => new.event_message(message),
                Part::Altered(altered) => new.altered(&altered),
                part => bail!("a recording of one spawned task has no such part: {part:?}"),
            }
        }
        Ok(())
    }

    fn blob(&mut self, bytes: &[u8]) -> Result<BlobNumber> {
        loop {
            match self.segment.append_blob(bytes) {
                Ok(number) => return Ok(number),
                Err(full) => self.next_segment(&full)?,
            }
        }
    }

    fn next_segment(&mut self, full: &Full) -> Result<()> {
        if !full.fits_empty() {
            return Err((*full).into());
        }
        self.rotate()
    }

    fn rotate(&mut self) -> Result<()> {
        self.segment.seal();
        self.writer.write_segment(&self.segment)?;
        self.generation += 1;
        let (event, blob) = (self.segment.next_event(), self.segment.next_blob());
        self.segment =
            Segment::open(vec![0; SEGMENT_SIZE], &self.file_id, self.generation, event, blob);
        Ok(())
    }

    fn finish<S: ReadAt>(mut self, like: &Log<S>) -> Result<()> {
        self.rotate()?;
        let summary = like.summary().context("a whole log has a summary")?;
        self.writer.finish(summary.completeness, &Extras { exit_status: summary.exit_status })?;
        Ok(())
    }
}
