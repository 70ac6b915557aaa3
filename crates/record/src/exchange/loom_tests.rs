//! All orders of the steps of tracer, writer and a reader of the tail, under loom.

use super::{CurrentTail, Received, TracerEnd, WriterEnd, exchange};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use std::time::Duration;
use sysreel_format::{FileId, Segment, SegmentMemory, limits::SEGMENT_ALIGN};

/// Words of memory that the model has: the header of a segment and some records.
const WORDS: usize = 32;
/// The word with the number of committed bytes, and the first word of the records
/// (docs/format.md, the tail).
const COMMITTED: usize = 8;
const RECORDS: usize = 16;

/// Cells in place of mapped memory. Another thread, like another process, may read any of them at
/// any time, and sees an old value unless something orders the two.
#[derive(Clone)]
struct Cells {
    words: Arc<Vec<AtomicU64>>,
    /// How the commit word is stored: `Release`, but for the test that removes the order.
    order: Ordering,
    /// Which tail they belong to.
    tail: u64,
}

impl Cells {
    fn new(order: Ordering, tail: u64) -> Cells {
        let words = (0..WORDS).map(|_| AtomicU64::new(0)).collect();
        Cells { words: Arc::new(words), order, tail }
    }

    /// Reads committed records as another process does.
    fn committed(&self) -> Vec<u64> {
        let len = self.words[COMMITTED].load(Ordering::Acquire);
        self.records(usize::try_from(len).unwrap())
    }

    fn records(&self, len: usize) -> Vec<u64> {
        let words = self.words.iter().skip(RECORDS).take(len / 8);
        words.map(|word| word.load(Ordering::Relaxed)).collect()
    }
}

impl SegmentMemory for Cells {
    fn bytes(&self) -> &[u8] {
        &[]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut []
    }

    fn size(&self) -> usize {
        SEGMENT_ALIGN
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        assert_eq!(at % 8, 0, "words are written whole");
        for (word, chunk) in self.words.iter().skip(at / 8).zip(bytes.chunks(8)) {
            let mut value = [0; 8];
            value[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_le_bytes(value), Ordering::Relaxed);
        }
    }

    fn store_release(&mut self, offset: usize, value: u64) {
        self.words[offset / 8].store(value, self.order);
    }
}

/// An event row without a body: 20 bytes of head, of which the last are a number.
fn row(number: u8) -> Vec<u8> {
    [&[0; 16][..], &[number; 4]].concat()
}

/// The words of the records of these events.
fn words(numbers: &[u8]) -> Vec<u64> {
    let record = |&number: &u8| {
        let tail = u64::from(u32::from_le_bytes([number; 4]));
        // Its length and kind, the head of the row, and the end of the row with padding.
        [20 | 1 << 32, 0, 0, tail]
    };
    numbers.iter().flat_map(record).collect()
}

fn begin(memory: Cells, generation: u64) -> Segment<Cells> {
    Segment::open(memory, &FileId([1; 16]), generation, 0, 0)
}

fn read_while_written(order: Ordering) {
    loom::model(move || {
        let memory = Cells::new(order, 0);
        let reader = memory.clone();
        let mut segment = begin(memory, 1);
        let reads = thread::spawn(move || {
            let seen = reader.committed();
            assert_eq!(seen, words(&[1, 2][..seen.len() / 4]), "a record is not whole");
        });
        segment.append_event(&row(1)).unwrap();
        segment.append_event(&row(2)).unwrap();
        reads.join().unwrap();
    });
}

#[test]
fn loom_a_reader_sees_whole_records() {
    read_while_written(Ordering::Release);
}

/// The model notices when the commit word does not come after the record.
#[test]
#[should_panic(expected = "a record is not whole")]
fn loom_an_order_that_is_missing_is_found() {
    read_while_written(Ordering::Relaxed);
}

enum Message {
    /// The memory, and the length of the records to begin with.
    Ahead(Cells, usize),
    Segment(Segment<Cells>),
    Finish,
}

const WAIT: Duration = Duration::MAX;

type Tracer = TracerEnd<Message, Cells>;

/// Receives until the end, and returns the records of each segment.
fn write(end: &WriterEnd<Message, Cells>, current: &CurrentTail) -> Vec<Vec<u64>> {
    let mut written = Vec::new();
    loop {
        match end.receive(WAIT) {
            Received::Message(Message::Ahead(memory, len)) => {
                assert_eq!(memory.records(len), words(&[1]), "announced records are not there");
                end.announcement_handled();
            }
            Received::Message(Message::Segment(segment)) => {
                let used = segment.used();
                written.push(segment.memory().records(used));
                let memory = segment.free();
                if !current.has_replaced(memory.tail) {
                    drop(end.give_back(memory));
                }
            }
            Received::Message(Message::Finish) | Received::Ended => return written,
            Received::Nothing => unreachable!("the model has no timeouts"),
        }
    }
}

/// Opens a segment in memory that is not stale.
fn open(tracer: &Tracer, current: &CurrentTail, generation: u64) -> Option<Segment<Cells>> {
    loop {
        let memory = tracer.free()?;
        if !current.has_replaced(memory.tail) {
            return Some(begin(memory, generation));
        }
    }
}

/// Fills two segments. Returns false when there is no memory any more.
fn trace(tracer: &Tracer, current: &CurrentTail) -> bool {
    for generation in 1..=2 {
        let Some(mut segment) = open(tracer, current, generation) else { return false };
        segment.append_event(&row(1)).unwrap();
        let (memory, used) = (segment.memory().clone(), segment.used());
        tracer.announce(|| Message::Ahead(memory, used));
        segment.append_event(&row(2)).unwrap();
        tracer.hand_over(Message::Segment(segment));
    }
    true
}

fn model(check: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // Of more switches there are too many orders; real faults need few.
    builder.preemption_bound = Some(3);
    builder.check(check);
}

#[test]
fn loom_every_event_is_written_once() {
    model(|| {
        // With one memory the tracer must wait for it to come back.
        let memory = vec![Cells::new(Ordering::Release, 0)];
        let (tracer, writer, last) = exchange(memory);
        let current = CurrentTail::default();
        let writes = thread::spawn(move || write(&writer, &CurrentTail::default()));
        assert!(trace(&tracer, &current));
        drop(tracer);
        _ = last.send(Message::Finish);
        assert_eq!(writes.join().unwrap(), vec![words(&[1, 2]); 2]);
    });
}

#[test]
fn loom_a_writer_that_ends_early_stops_the_tracer() {
    model(|| {
        let (tracer, writer, _last) = exchange(vec![Cells::new(Ordering::Release, 0)]);
        let current = CurrentTail::default();
        let writes = thread::spawn(move || drop(writer.receive(WAIT)));
        // Whatever it has handed over, it is not left waiting.
        assert!(!trace(&tracer, &current));
        writes.join().unwrap();
    });
}

#[test]
fn loom_a_replaced_tail_is_used_from_then_on() {
    model(|| {
        let (tracer, writer, last) = exchange(vec![Cells::new(Ordering::Release, 0)]);
        let current = Arc::new(CurrentTail::default());
        let seen = Arc::clone(&current);
        let writes = thread::spawn(move || {
            // The tracer has new memory before the old one is stale.
            drop(writer.give_back(Cells::new(Ordering::Release, 1)));
            seen.switch_to(1);
            write(&writer, &seen)
        });
        assert!(trace(&tracer, &current));
        drop(tracer);
        _ = last.send(Message::Finish);
        assert_eq!(writes.join().unwrap(), vec![words(&[1, 2]); 2]);
    });
}
