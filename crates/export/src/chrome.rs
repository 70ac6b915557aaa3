//! `chrome`: the trace event format of Chrome, as JSON. Times are microseconds with three digits
//! after the point.

use std::fmt;
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value;
use sysreel_inspect::visible::json;

use crate::canvas::{Canvas, Count, Instant, Process, Slice, Track};
use crate::row::LogRow;

/// Writes an object with a list of events.
pub(crate) struct Chrome<'o> {
    out: &'o mut dyn Write,
    has_events: bool,
}

impl<'o> Chrome<'o> {
    pub(crate) fn new(out: &'o mut dyn Write) -> Self {
        Self { out, has_events: false }
    }

    /// Writes an event of a phase on a track. `rest` is further members, as JSON.
    fn event(&mut self, phase: char, track: Track, rest: fmt::Arguments<'_>) -> io::Result<()> {
        let comma = if self.has_events { ",\n" } else { "" };
        self.has_events = true;
        let (pid, tid) = (track.pid, track.tid);
        write!(self.out, "{comma}{{\"ph\":\"{phase}\",\"pid\":{pid},\"tid\":{tid}{rest}}}")
    }

    fn name(&mut self, what: &str, track: Track, name: &str) -> io::Result<()> {
        let name = json(&name)?;
        self.event('M', track, format_args!(",\"name\":\"{what}\",\"args\":{{\"name\":{name}}}"))
    }

    /// Writes a start (`s`) or end (`f`) of a flow, which belongs to the slice around it.
    fn flow(&mut self, phase: char, track: Track, flow: u64, at_ns: u64) -> io::Result<()> {
        let at = micros(at_ns);
        let binding = if phase == 'f' { ",\"bp\":\"e\"" } else { "" };
        self.event(
            phase,
            track,
            format_args!(",\"ts\":{at},\"id\":{flow},\"name\":\"flow\",\"cat\":\"flow\"{binding}"),
        )
    }
}

/// What is known of an event, as an object whose members keep their order.
struct About<'e>(Vec<(&'e str, Value)>);

impl Serialize for About<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Nanoseconds as microseconds.
fn micros(ns: u64) -> String {
    format!("{}.{:03}", ns / 1000, ns % 1000)
}

impl Canvas for Chrome<'_> {
    fn begin(&mut self, log: &LogRow) -> io::Result<()> {
        let name = json(&log.log)?;
        writeln!(
            self.out,
            "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"log\":{name},\"clock\":\"\
             CLOCK_MONOTONIC\",\"start_ns\":{},\"start_unix_us\":{}}},\"traceEvents\":[",
            log.monotonic_ns, log.unix_us
        )
    }

    fn process(&mut self, process: &Process<'_>) -> io::Result<()> {
        let track = Track { id: process.id, tid: process.pid, pid: process.pid };
        process.name.map_or(Ok(()), |name| self.name("process_name", track, name))
    }

    fn thread(&mut self, track: Track, _process: u64, name: Option<&str>) -> io::Result<()> {
        name.map_or(Ok(()), |name| self.name("thread_name", track, name))
    }

    fn slice(&mut self, slice: &Slice<'_, '_>) -> io::Result<()> {
        let call = slice.call;
        let texts =
            call.args.each().iter().map(|(name, text)| (&**name, Value::from(text.as_str())));
        let mut about = About(std::iter::once(("event", call.event.into())).chain(texts).collect());
        let (key, value) = match (call.result, &call.errno) {
            (Some(result), _) => ("result", Value::from(result)),
            (None, Some(errno)) => ("errno", Value::from(errno.as_ref())),
            (None, None) => ("outcome", Value::from(call.outcome.name())),
        };
        about.0.push((key, value));
        let (name, args) = (json(&call.call)?, json(&about)?);
        let category = call.class.names().collect::<Vec<_>>().join(",");
        let (at, took) = (micros(slice.start_ns), micros(slice.end_ns - slice.start_ns));
        self.event(
            'X',
            slice.track,
            format_args!(
                ",\"ts\":{at},\"dur\":{took},\"name\":{name},\"cat\":\"{category}\",\"args\":{args}"
            ),
        )?;
        if let Some(flow) = slice.from {
            self.flow('f', slice.track, flow, slice.start_ns)?;
        }
        if let Some(flow) = slice.to {
            self.flow('s', slice.track, flow, slice.start_ns)?;
        }
        match slice.ended_by {
            // The end of a slice no longer belongs to it.
            Some(flow) => self.flow('f', slice.track, flow, slice.end_ns - 1),
            None => Ok(()),
        }
    }

    fn instant(&mut self, instant: &Instant<'_>) -> io::Result<()> {
        let texts = instant.about.iter().map(|(name, text)| (*name, Value::from(text.as_str())));
        let about = About(std::iter::once(("event", instant.event.into())).chain(texts).collect());
        let (name, args) = (json(&instant.name)?, json(&about)?);
        let (at, category) = (micros(instant.at_ns), instant.category);
        self.event(
            'i',
            instant.track,
            format_args!(
                ",\"ts\":{at},\"s\":\"t\",\"name\":{name},\"cat\":\"{category}\",\"args\":{args}"
            ),
        )?;
        match instant.to {
            Some(flow) => self.flow('s', instant.track, flow, instant.at_ns),
            None => Ok(()),
        }
    }

    fn count(&mut self, count: &Count) -> io::Result<()> {
        let track = Track { id: count.id, tid: 0, pid: count.pid };
        let (at, name, value) = (micros(count.at_ns), count.name, count.value);
        self.event(
            'C',
            track,
            format_args!(",\"ts\":{at},\"name\":\"{name}\",\"args\":{{\"value\":{value}}}"),
        )
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n]}\n")
    }
}
