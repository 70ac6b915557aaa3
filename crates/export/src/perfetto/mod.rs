//! `perfetto`: a trace of Perfetto's protobuf format, of track events.
//!
//! The messages and numbers of fields are those of the published definitions (perfetto's
//! protos/perfetto/trace); <https://perfetto.dev/docs/reference/synthetic-track-event> explains how
//! they are used. A trace is a sequence of packets. Timestamps are nanoseconds of CLOCK_MONOTONIC,
//! said once in a packet of defaults. Slices come as a begin and an end, which readers sort by
//! time.

mod names;
mod proto;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use crate::canvas::{Canvas, Count, Instant, Process, Slice, Track, Unit};
use crate::row::{LogRow, Outcome};
use names::{Names, Table};
use proto::Message;

// Trace
const PACKET: u32 = 1;

// TracePacket
const CLOCK_SNAPSHOT: u32 = 6;
const TIMESTAMP: u32 = 8;
const SEQUENCE: u32 = 10;
const TRACK_EVENT: u32 = 11;
const INTERNED_DATA: u32 = 12;
const SEQUENCE_FLAGS: u32 = 13;
const DEFAULTS: u32 = 59;
const TRACK_DESCRIPTOR: u32 = 60;

/// All packets are one sequence.
const SEQUENCE_ID: u64 = 1;
/// `SEQ_INCREMENTAL_STATE_CLEARED` and `SEQ_NEEDS_INCREMENTAL_STATE`.
const CLEARED: u64 = 1;
const NEEDS: u64 = 2;

// TracePacketDefaults
const TIMESTAMP_CLOCK: u32 = 58;

// BuiltinClock
const REALTIME: u64 = 1;
const MONOTONIC: u64 = 3;

// TrackEvent
const CATEGORY: u32 = 3;
const ANNOTATION: u32 = 4;
const TYPE: u32 = 9;
const NAME: u32 = 10;
const TRACK: u32 = 11;
const COUNTER_VALUE: u32 = 30;
const FLOW: u32 = 47;
const FLOW_ENDS: u32 = 48;

const BEGIN: u64 = 1;
const END: u64 = 2;
const INSTANT: u64 = 3;
const COUNTER: u64 = 4;

// DebugAnnotation
const ANNOTATION_NAME: u32 = 1;
const UNSIGNED: u32 = 3;
const SIGNED: u32 = 4;
const TEXT: u32 = 6;
const TEXT_NUMBER: u32 = 17;

/// Longer texts are not likely to come again.
const LONGEST_NAME: usize = 200;

/// Writes a trace.
pub(crate) struct Perfetto<'o> {
    out: &'o mut dyn Write,
    names: Names,
}

impl<'o> Perfetto<'o> {
    pub(crate) fn new(out: &'o mut dyn Write) -> Self {
        Self { out, names: Names::default() }
    }

    fn packet(&mut self, packet: &Message) -> io::Result<()> {
        let mut trace = Message::default();
        trace.message(PACKET, packet);
        self.out.write_all(trace.as_bytes())
    }

    /// Begins the state that later packets rely on.
    fn defaults(&mut self) -> io::Result<()> {
        self.names = Names::default();
        let mut defaults = Message::default();
        defaults.number(TIMESTAMP_CLOCK, MONOTONIC);
        let mut packet = Message::default();
        packet.number(SEQUENCE, SEQUENCE_ID);
        packet.number(SEQUENCE_FLAGS, CLEARED);
        packet.message(DEFAULTS, &defaults);
        self.packet(&packet)
    }

    fn descriptor(&mut self, descriptor: &Message) -> io::Result<()> {
        let mut packet = Message::default();
        packet.number(SEQUENCE, SEQUENCE_ID);
        packet.message(TRACK_DESCRIPTOR, descriptor);
        self.packet(&packet)
    }

    fn event(&mut self, at_ns: u64, event: &Message) -> io::Result<()> {
        let mut packet = Message::default();
        packet.number(TIMESTAMP, at_ns);
        packet.number(SEQUENCE, SEQUENCE_ID);
        packet.number(SEQUENCE_FLAGS, NEEDS);
        if let Some(names) = self.names.take_new() {
            packet.message(INTERNED_DATA, &names);
        }
        packet.message(TRACK_EVENT, event);
        self.packet(&packet)?;
        if self.names.is_full() { self.defaults() } else { Ok(()) }
    }

    /// Begins an event with its type, track and name.
    fn named(&mut self, kind: u64, track: Track, name: &str, category: &str) -> Message {
        let mut event = Message::default();
        event.number(TYPE, kind);
        event.number(TRACK, track.id);
        event.number(NAME, self.names.number(Table::Event, name));
        event.number(CATEGORY, self.names.number(Table::Category, category));
        event
    }

    fn annotate(&mut self, event: &mut Message, name: &str, write: impl FnOnce(&mut Message)) {
        let mut annotation = Message::default();
        annotation.number(ANNOTATION_NAME, self.names.number(Table::Annotation, name));
        write(&mut annotation);
        event.message(ANNOTATION, &annotation);
    }

    fn annotate_text(&mut self, event: &mut Message, name: &str, text: &str) {
        let number = (text.len() <= LONGEST_NAME).then(|| self.names.number(Table::Text, text));
        self.annotate(event, name, |annotation| match number {
            Some(number) => annotation.number(TEXT_NUMBER, number),
            None => annotation.text(TEXT, text),
        });
    }
}

impl Canvas for Perfetto<'_> {
    fn begin(&mut self, log: &LogRow) -> io::Result<()> {
        // ClockSnapshot: clocks = 1 (clock_id = 1, timestamp = 2), primary_trace_clock = 2.
        let mut snapshot = Message::default();
        let unix_ns = u64::try_from(log.unix_us).unwrap_or(0).saturating_mul(1000);
        for (clock, time) in [(MONOTONIC, log.monotonic_ns), (REALTIME, unix_ns)] {
            let mut entry = Message::default();
            entry.number(1, clock);
            entry.number(2, time);
            snapshot.message(1, &entry);
        }
        snapshot.number(2, MONOTONIC);
        let mut packet = Message::default();
        packet.number(SEQUENCE, SEQUENCE_ID);
        packet.message(CLOCK_SNAPSHOT, &snapshot);
        self.packet(&packet)?;
        self.defaults()
    }

    fn process(&mut self, process: &Process<'_>) -> io::Result<()> {
        // ProcessDescriptor: pid = 1, cmdline = 2, process_name = 6.
        let mut about = Message::default();
        about.number(1, u64::from(process.pid));
        process.argv.iter().for_each(|word| about.text(2, word));
        if let Some(name) = process.name {
            about.text(6, name);
        }
        // TrackDescriptor: uuid = 1, process = 3.
        let mut descriptor = Message::default();
        descriptor.number(1, process.id);
        descriptor.message(3, &about);
        self.descriptor(&descriptor)
    }

    fn thread(&mut self, track: Track, process: u64, name: Option<&str>) -> io::Result<()> {
        // ThreadDescriptor: pid = 1, tid = 2, thread_name = 5.
        let mut about = Message::default();
        about.number(1, u64::from(track.pid));
        about.number(2, u64::from(track.tid));
        if let Some(name) = name {
            about.text(5, name);
        }
        // TrackDescriptor: uuid = 1, thread = 4, parent_uuid = 5.
        let mut descriptor = Message::default();
        descriptor.number(1, track.id);
        descriptor.message(4, &about);
        descriptor.number(5, process);
        self.descriptor(&descriptor)
    }

    fn slice(&mut self, slice: &Slice<'_, '_>) -> io::Result<()> {
        let call = slice.call;
        let category = call.class.names().next().unwrap_or("other");
        let mut begin = self.named(BEGIN, slice.track, &call.call, category);
        self.annotate(&mut begin, "event", |value| value.number(UNSIGNED, call.event));
        for (name, text) in call.args.each() {
            self.annotate_text(&mut begin, name, text);
        }
        match (call.result, &call.errno) {
            (Some(result), _) => {
                self.annotate(&mut begin, "result", |value| value.signed(SIGNED, result));
            }
            (None, Some(errno)) => self.annotate_text(&mut begin, "errno", errno),
            (None, None) => self.annotate_text(&mut begin, "outcome", call.outcome.name()),
        }
        debug_assert!(call.errno.is_some() == (call.outcome == Outcome::Failed));
        if let Some(flow) = slice.from {
            begin.fixed64(FLOW_ENDS, flow);
        }
        if let Some(flow) = slice.to {
            begin.fixed64(FLOW, flow);
        }
        self.event(slice.start_ns, &begin)?;
        let mut end = Message::default();
        end.number(TYPE, END);
        end.number(TRACK, slice.track.id);
        if let Some(flow) = slice.ended_by {
            end.fixed64(FLOW_ENDS, flow);
        }
        self.event(slice.end_ns, &end)
    }

    fn instant(&mut self, instant: &Instant<'_>) -> io::Result<()> {
        let mut event = self.named(INSTANT, instant.track, instant.name, instant.category);
        self.annotate(&mut event, "event", |value| value.number(UNSIGNED, instant.event));
        for (name, text) in instant.about {
            self.annotate_text(&mut event, name, text);
        }
        if let Some(flow) = instant.to {
            event.fixed64(FLOW, flow);
        }
        self.event(instant.at_ns, &event)
    }

    fn count(&mut self, count: &Count) -> io::Result<()> {
        if count.is_first {
            // CounterDescriptor: unit = 3; UNIT_COUNT is 2, UNIT_SIZE_BYTES 3.
            let mut about = Message::default();
            about.number(3, if count.unit == Unit::Bytes { 3 } else { 2 });
            // TrackDescriptor: uuid = 1, name = 2, parent_uuid = 5, counter = 8.
            let mut descriptor = Message::default();
            descriptor.number(1, count.id);
            descriptor.text(2, count.name);
            descriptor.number(5, count.process);
            descriptor.message(8, &about);
            self.descriptor(&descriptor)?;
        }
        let mut event = Message::default();
        event.number(TYPE, COUNTER);
        event.number(TRACK, count.id);
        event.number(COUNTER_VALUE, count.value);
        self.event(count.at_ns, &event)
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}
