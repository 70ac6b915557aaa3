//! Makes event rows, on the recorder's hot path: one buffer, reused, no allocation once it is warm.

use crate::event::{Clock, Gone, Loss, Note, ROW_HEAD, Renamed, StopHead, TaskHead, Unrecorded};
use crate::kind::{
    BlobNumber, EventFlags, EventKind, PartKind, RegionFlags, SnapshotKind, SourceId, TaskId,
};
use crate::limits;
use crate::part::{Altered, MappedFile, MappedHead, Name, PART_MUST_UNDERSTAND, RegionHead};
use crate::state::PageSums;

/// Builds one event at a time: [`EventBuf::begin`], the head of its kind, parts,
/// [`EventBuf::finish`].
#[derive(Debug, Default)]
pub struct EventBuf {
    bytes: Vec<u8>,
}

/// The data of a region to be written.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// The bytes themselves.
    Inline(&'a [u8]),
    /// The blobs that hold them, in order.
    Blobs(&'a [BlobNumber]),
}

impl EventBuf {
    /// An empty buffer with room for a usual event.
    pub fn new() -> Self {
        EventBuf { bytes: Vec::with_capacity(4096) }
    }

    /// Begins a row; what was in the buffer is forgotten.
    pub fn begin(&mut self, kind: EventKind, source: SourceId, task: TaskId, t_ns: u64) {
        self.begin_with_flags(kind, source, EventFlags::default(), task, t_ns);
    }

    /// Begins a row that has flags.
    pub fn begin_with_flags(
        &mut self,
        kind: EventKind,
        source: SourceId,
        flags: EventFlags,
        task: TaskId,
        t_ns: u64,
    ) {
        self.bytes.clear();
        self.u32(0);
        self.u16(kind.0);
        self.bytes.extend_from_slice(&[source.0, flags.0]);
        self.u32(task.0);
        self.u64(t_ns);
    }

    /// The head of a STOP. Struct bytes above [`limits::MAX_INFO`] are cut; `info_ret` tells the
    /// true length.
    pub fn stop_head(&mut self, head: &StopHead<'_>) {
        let info = cut(head.info, limits::MAX_INFO);
        self.u32(head.wait_status);
        self.u32(head.info_ret.cast_unsigned());
        self.u16(len16(info));
        self.bytes.extend_from_slice(&[head.layout.0, 0]);
        self.bytes.extend_from_slice(info);
    }

    /// The head of a TASK.
    pub fn task_head(&mut self, head: &TaskHead) {
        self.u32(head.tid);
        self.u32(head.tgid);
        self.u32(head.parent.0);
        self.u16(head.origin.0);
        self.u16(0);
    }

    /// The body of a GONE.
    pub fn gone(&mut self, gone: &Gone) {
        self.u32(gone.wait_status);
        self.u16(gone.how.0);
        self.u16(0);
        self.u64(gone.utime_ns);
        self.u64(gone.stime_ns);
        self.u64(gone.maxrss_kib);
    }

    /// The body of an UNRECORDED.
    pub fn unrecorded(&mut self, unrecorded: &Unrecorded) {
        self.u16(unrecorded.gap.0);
        self.u16(unrecorded.reason.0);
        self.u32(unrecorded.tracer);
    }

    /// The body of a RENAMED.
    pub fn renamed(&mut self, renamed: &Renamed) {
        self.u32(renamed.old_tid);
        self.u32(renamed.new_tid);
        self.u32(renamed.tgid);
    }

    /// The body of a SNAPSHOT.
    pub fn snapshot(&mut self, what: SnapshotKind, version: u16, bytes: &[u8]) {
        self.u16(what.0);
        self.u16(version);
        self.bytes.extend_from_slice(bytes);
    }

    /// The body of a CLOCK.
    pub fn clock(&mut self, clock: &Clock) {
        self.u64(clock.monotonic);
        self.u64(clock.realtime);
        self.u64(clock.boottime);
    }

    /// The body of a LOSS.
    pub fn loss(&mut self, loss: &Loss) {
        self.u64(loss.count);
        self.u32(loss.reasons.0);
        self.u32(0);
    }

    /// The body of a NOTE.
    pub fn note(&mut self, note: &Note<'_>) {
        self.u16(note.code.0);
        self.u16(note.severity.0);
        self.bytes.extend_from_slice(note.text);
    }

    /// The body of an ALTERED event.
    pub fn altered_body(&mut self, altered: &Altered<'_>) {
        self.u16(altered.what.0);
        self.u16(altered.arg);
        self.u32(len32(altered.kernel.len()));
        self.bytes.extend_from_slice(altered.kernel);
        self.bytes.extend_from_slice(altered.given);
    }

    /// The body of a MARK, or of an event whose kind this version does not know.
    pub fn raw(&mut self, body: &[u8]) {
        self.bytes.extend_from_slice(body);
    }

    /// A REGION part. The flag BLOBS follows from `data`; the rest of `head` is written as it is.
    pub fn region(&mut self, head: &RegionHead, data: Data<'_>) {
        let (flags, len) = match data {
            Data::Inline(bytes) => (head.flags.without(RegionFlags::BLOBS), bytes.len()),
            Data::Blobs(blobs) => (head.flags.with(RegionFlags::BLOBS), blobs.len() * 8),
        };
        self.part(PartKind::REGION, 0, 40 + len);
        self.bytes.extend_from_slice(&[head.arg, head.dir.0, head.role.0, flags.0]);
        self.u32(head.index);
        self.u64(head.address);
        self.u64(head.asked);
        self.u64(head.got);
        self.u32(head.errno);
        self.u32(len32(len));
        match data {
            Data::Inline(bytes) => self.bytes.extend_from_slice(bytes),
            Data::Blobs(blobs) => blobs.iter().for_each(|blob| self.u64(blob.0)),
        }
    }

    /// A SIGINFO part.
    pub fn siginfo(&mut self, siginfo: &[u8]) {
        self.raw_part(PartKind::SIGINFO, 0, siginfo);
    }

    /// An EVENT_MESSAGE part.
    pub fn event_message(&mut self, message: u64) {
        self.raw_part(PartKind::EVENT_MESSAGE, 0, &message.to_le_bytes());
    }

    /// A NAME part. Texts above 65535 bytes are cut; the kernel's own are shorter than a page.
    pub fn name(&mut self, name: &Name<'_>) {
        let [link, local, peer] =
            [name.link, name.local, name.peer].map(|b| cut(b, usize::from(u16::MAX)));
        self.part(PartKind::NAME, 0, 40 + link.len() + local.len() + peer.len());
        self.u32(name.fd.cast_unsigned());
        self.u32(name.mode);
        self.u64(name.dev);
        self.u64(name.ino);
        self.u64(name.rdev);
        [link, local, peer].iter().for_each(|bytes| self.u16(len16(bytes)));
        self.u16(0);
        [link, local, peer].iter().for_each(|bytes| self.bytes.extend_from_slice(bytes));
    }

    /// A REGISTERS part.
    pub fn registers(&mut self, regset: u32, bytes: &[u8]) {
        self.part(PartKind::REGISTERS, 0, 4 + bytes.len());
        self.u32(regset);
        self.bytes.extend_from_slice(bytes);
    }

    /// An ALTERED part.
    pub fn altered(&mut self, altered: &Altered<'_>) {
        self.part(PartKind::ALTERED, 0, 8 + altered.kernel.len() + altered.given.len());
        self.altered_body(altered);
    }

    /// An NS_PIDS part: the tid in each pid namespace, outermost first.
    pub fn ns_pids(&mut self, pids: &[u32]) {
        self.part(PartKind::NS_PIDS, 0, pids.len() * 4);
        pids.iter().for_each(|&pid| self.u32(pid));
    }

    /// A MAPPED part with the blobs that hold the file's contents.
    pub fn mapped(&mut self, head: &MappedHead, blobs: &[BlobNumber]) {
        self.part(PartKind::MAPPED, 0, 64 + blobs.len() * 8);
        self.u64(head.start);
        self.u64(head.len);
        self.u32(head.prot);
        self.u32(head.flags.0);
        [head.dev, head.ino, head.offset, head.filled, head.skip]
            .iter()
            .for_each(|&word| self.u64(word));
        blobs.iter().for_each(|blob| self.u64(blob.0));
    }

    /// A FILE part, after the MAPPED part that it is about. A reader that does not know it must not
    /// go on.
    pub fn file(&mut self, file: &MappedFile<'_>) {
        self.part(PartKind::FILE, PART_MUST_UNDERSTAND, 40 + file.path.len());
        self.bytes.extend_from_slice(&file.hash);
        self.u64(file.len);
        self.bytes.extend_from_slice(file.path);
    }

    /// An ECHO part.
    pub fn echo(&mut self, to: u32) {
        self.raw_part(PartKind::ECHO, 0, &to.to_le_bytes());
    }

    /// A STATE part: the sum of the extended registers, the general ones, sums of pages.
    pub fn state(&mut self, extended: u32, registers: &[u8], pages: &PageSums) {
        self.part(PartKind::STATE, 0, 8 + registers.len() + pages.bytes().len());
        self.u32(extended);
        self.u32(len32(registers.len()));
        self.bytes.extend_from_slice(registers);
        self.bytes.extend_from_slice(pages.bytes());
    }

    /// A part whose kind this version does not know.
    pub fn raw_part(&mut self, kind: PartKind, flags: u16, body: &[u8]) {
        self.part(kind, flags, body.len());
        self.bytes.extend_from_slice(body);
    }

    /// Ends the row and gives it out: what [`crate::Segment::append_event`] wants.
    pub fn finish(&mut self) -> &[u8] {
        let len = len32(self.bytes.len().saturating_sub(ROW_HEAD));
        if let Some(head) = self.bytes.get_mut(..4) {
            head.copy_from_slice(&len.to_le_bytes());
        }
        &self.bytes
    }

    /// How long the row is so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no row was begun.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn part(&mut self, kind: PartKind, flags: u16, len: usize) {
        self.u16(kind.0);
        self.u16(flags);
        self.u32(len32(len));
    }

    fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }
}

/// A length as the format has it. Rows of 4 GiB do not exist: a segment refuses them long before.
fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The length of bytes that were cut to fit.
fn len16(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

fn cut(bytes: &[u8], limit: usize) -> &[u8] {
    bytes.get(..limit).unwrap_or(bytes)
}
