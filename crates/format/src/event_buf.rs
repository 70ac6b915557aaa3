//! Encodes event rows. On the recorder's hot path: one buffer is reused, so nothing is allocated
//! once it is large enough.

use crate::event::{Clock, Gone, Loss, Note, ROW_HEAD, Renamed, StopHead, TaskHead, Unrecorded};
use crate::kind::{
    BlobNumber, EventFlags, EventKind, PartKind, RegionFlags, SnapshotKind, SourceId, TaskId,
};
use crate::limits;
use crate::part::{
    Altered, MappedFile, MappedHead, Name, PART_MUST_UNDERSTAND, RegionHead, ResolvedPath,
};
use crate::state::PageSums;

/// Encodes one event at a time: [`EventBuf::begin`], the fields of its kind, its parts,
/// [`EventBuf::finish`].
#[derive(Debug, Default)]
pub struct EventBuf {
    bytes: Vec<u8>,
}

/// The data of a region to encode.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// The bytes.
    Inline(&'a [u8]),
    /// The blobs that hold the bytes, in order.
    Blobs(&'a [BlobNumber]),
}

impl EventBuf {
    /// Returns an empty buffer with room for a typical event.
    pub fn new() -> Self {
        EventBuf { bytes: Vec::with_capacity(4096) }
    }

    /// Begins a row. The previous contents of the buffer are discarded.
    pub fn begin(&mut self, kind: EventKind, source: SourceId, task: TaskId, t_ns: u64) {
        self.begin_with_flags(kind, source, EventFlags::default(), task, t_ns);
    }

    /// As [`EventBuf::begin`], with flags.
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

    /// Appends the fields of a STOP. Struct bytes beyond [`limits::MAX_INFO`] are cut; `info_ret`
    /// holds the true length.
    pub fn stop_head(&mut self, head: &StopHead<'_>) {
        let info = cut(head.info, limits::MAX_INFO);
        self.u32(head.wait_status);
        self.u32(head.info_ret.cast_unsigned());
        self.u16(len16(info));
        self.bytes.extend_from_slice(&[head.layout.0, 0]);
        self.bytes.extend_from_slice(info);
    }

    /// Appends the fields of a TASK.
    pub fn task_head(&mut self, head: &TaskHead) {
        self.u32(head.tid);
        self.u32(head.tgid);
        self.u32(head.parent.0);
        self.u16(head.origin.0);
        self.u16(0);
    }

    /// Appends the body of a GONE.
    pub fn gone(&mut self, gone: &Gone) {
        self.u32(gone.wait_status);
        self.u16(gone.how.0);
        self.u16(0);
        self.u64(gone.utime_ns);
        self.u64(gone.stime_ns);
        self.u64(gone.maxrss_kib);
    }

    /// Appends the body of an UNRECORDED.
    pub fn unrecorded(&mut self, unrecorded: &Unrecorded) {
        self.u16(unrecorded.gap.0);
        self.u16(unrecorded.reason.0);
        self.u32(unrecorded.tracer);
    }

    /// Appends the body of a RENAMED.
    pub fn renamed(&mut self, renamed: &Renamed) {
        self.u32(renamed.old_tid);
        self.u32(renamed.new_tid);
        self.u32(renamed.tgid);
    }

    /// Appends the body of a SNAPSHOT.
    pub fn snapshot(&mut self, what: SnapshotKind, version: u16, bytes: &[u8]) {
        self.u16(what.0);
        self.u16(version);
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends the body of a CLOCK.
    pub fn clock(&mut self, clock: &Clock) {
        self.u64(clock.monotonic);
        self.u64(clock.realtime);
        self.u64(clock.boottime);
    }

    /// Appends the body of a LOSS.
    pub fn loss(&mut self, loss: &Loss) {
        self.u64(loss.count);
        self.u32(loss.reasons.0);
        self.u32(0);
    }

    /// Appends the body of a NOTE.
    pub fn note(&mut self, note: &Note<'_>) {
        self.u16(note.code.0);
        self.u16(note.severity.0);
        self.bytes.extend_from_slice(note.text);
    }

    /// Appends the body of an ALTERED event.
    pub fn altered_body(&mut self, altered: &Altered<'_>) {
        self.u16(altered.what.0);
        self.u16(altered.arg);
        self.u32(len32(altered.kernel.len()));
        self.bytes.extend_from_slice(altered.kernel);
        self.bytes.extend_from_slice(altered.given);
    }

    /// Appends the body of a MARK, or of an event of an unknown kind.
    pub fn raw(&mut self, body: &[u8]) {
        self.bytes.extend_from_slice(body);
    }

    /// Appends a REGION part. `data` decides the flag BLOBS; the rest of `head` is written
    /// unchanged.
    pub fn region(&mut self, head: &RegionHead, data: Data<'_>) {
        let (flags, len) = match data {
            Data::Inline(bytes) => (head.flags.without(RegionFlags::BLOBS), bytes.len()),
            Data::Blobs(blobs) => (head.flags.with(RegionFlags::BLOBS), blobs.len() * 8),
        };
        self.begin_part(PartKind::REGION, 0, 40 + len);
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

    /// Appends a SIGINFO part.
    pub fn siginfo(&mut self, siginfo: &[u8]) {
        self.raw_part(PartKind::SIGINFO, 0, siginfo);
    }

    /// Appends an EVENT_MESSAGE part.
    pub fn event_message(&mut self, message: u64) {
        self.raw_part(PartKind::EVENT_MESSAGE, 0, &message.to_le_bytes());
    }

    /// Appends a NAME part. Texts beyond 65535 bytes are cut; the kernel's are shorter than a page.
    pub fn name(&mut self, name: &Name<'_>) {
        let [link, local, peer] =
            [name.link, name.local, name.peer].map(|b| cut(b, usize::from(u16::MAX)));
        self.begin_part(PartKind::NAME, 0, 40 + link.len() + local.len() + peer.len());
        self.u32(name.fd.cast_unsigned());
        self.u32(name.mode);
        self.u64(name.dev);
        self.u64(name.ino);
        self.u64(name.rdev);
        [link, local, peer].iter().for_each(|bytes| self.u16(len16(bytes)));
        self.u16(0);
        [link, local, peer].iter().for_each(|bytes| self.bytes.extend_from_slice(bytes));
    }

    /// Appends a REGISTERS part.
    pub fn registers(&mut self, regset: u32, bytes: &[u8]) {
        self.begin_part(PartKind::REGISTERS, 0, 4 + bytes.len());
        self.u32(regset);
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends an ALTERED part.
    pub fn altered(&mut self, altered: &Altered<'_>) {
        self.begin_part(PartKind::ALTERED, 0, 8 + altered.kernel.len() + altered.given.len());
        self.altered_body(altered);
    }

    /// Appends an NS_PIDS part: the tid in each pid namespace, outermost first.
    pub fn ns_pids(&mut self, pids: &[u32]) {
        self.begin_part(PartKind::NS_PIDS, 0, pids.len() * 4);
        pids.iter().for_each(|&pid| self.u32(pid));
    }

    /// Appends a MAPPED part with the blobs that hold the file's contents.
    pub fn mapped(&mut self, head: &MappedHead, blobs: &[BlobNumber]) {
        self.begin_part(PartKind::MAPPED, 0, 64 + blobs.len() * 8);
        self.u64(head.start);
        self.u64(head.len);
        self.u32(head.prot);
        self.u32(head.flags.0);
        [head.dev, head.ino, head.offset, head.filled, head.skip]
            .iter()
            .for_each(|&word| self.u64(word));
        blobs.iter().for_each(|blob| self.u64(blob.0));
    }

    /// Appends a FILE part, which describes the MAPPED part before it. A reader that does not know
    /// FILE parts must refuse the log.
    pub fn file(&mut self, file: &MappedFile<'_>) {
        self.begin_part(PartKind::FILE, PART_MUST_UNDERSTAND, 40 + file.path.len());
        self.bytes.extend_from_slice(&file.hash);
        self.u64(file.len);
        self.bytes.extend_from_slice(file.path);
    }

    /// Appends a PATH part.
    pub fn path(&mut self, path: &ResolvedPath<'_>) {
        self.begin_part(PartKind::PATH, 0, 8 + path.link.len());
        self.bytes.extend_from_slice(&[path.arg, u8::from(path.whole), 0, 0]);
        self.u32(path.errno);
        self.bytes.extend_from_slice(path.link);
    }

    /// Appends an ECHO part.
    pub fn echo(&mut self, to: u32) {
        self.raw_part(PartKind::ECHO, 0, &to.to_le_bytes());
    }

    /// Appends a STATE part: the checksum of the extended registers, the general registers,
    /// checksums of pages.
    pub fn state(&mut self, extended: u32, registers: &[u8], pages: &PageSums) {
        self.begin_part(PartKind::STATE, 0, 8 + registers.len() + pages.bytes().len());
        self.u32(extended);
        self.u32(len32(registers.len()));
        self.bytes.extend_from_slice(registers);
        self.bytes.extend_from_slice(pages.bytes());
    }

    /// Appends a part of any kind.
    pub fn raw_part(&mut self, kind: PartKind, flags: u16, body: &[u8]) {
        self.begin_part(kind, flags, body.len());
        self.bytes.extend_from_slice(body);
    }

    /// Ends the row and returns it, for [`crate::Segment::append_event`].
    pub fn finish(&mut self) -> &[u8] {
        let len = len32(self.bytes.len().saturating_sub(ROW_HEAD));
        if let Some(head) = self.bytes.get_mut(..4) {
            head.copy_from_slice(&len.to_le_bytes());
        }
        &self.bytes
    }

    /// Returns the length of the row so far, in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no row was begun.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn begin_part(&mut self, kind: PartKind, flags: u16, len: usize) {
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

/// Converts a length. A row of 4 GiB is refused by the segment.
fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Converts the length of bytes that were cut to fit.
fn len16(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

fn cut(bytes: &[u8], limit: usize) -> &[u8] {
    bytes.get(..limit).unwrap_or(bytes)
}
