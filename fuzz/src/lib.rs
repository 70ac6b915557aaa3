//! Logs as a fuzzer can change them.
//!
//! A log is compressed and has checksums, so nearly every change of its bytes ends at the first
//! check. Targets take logs *unpacked*: the same headers, and what is in the compressed frames.
//! [`pack`] makes a log of that, with offsets, lengths and checksums that are right.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use sysreel_format::{
    BLOCK_HEADER_LEN, BlobNumber, BlockWriter, Completeness, Determinism, EventBuf, EventKind,
    Extras, FILE_HEADER_LEN, FileHeader, FileId, FileMeta, Item, Layout, Limits, Log, MappedFile,
    MappedFlags, MappedHead, MetaCodec, SEGMENT_SIZE, Segment, SnapshotKind, SourceId, StopHead,
    TaskId,
};
use zstd::zstd_safe;

const TRAILER_LEN: usize = 64;
/// Where the fields of a block header are (docs/format.md).
const FILE_ID: usize = 24;
const SELF_OFFSET: usize = 40;
const CODEC: usize = 68;
const PAYLOAD_CRC: usize = 84;
const PAYLOAD_LEN: usize = 104;
const RAW_LEN: usize = 112;
const LOGICAL_HASH: usize = 120;
/// The largest frame of a seed.
const MAX_FRAME: usize = 16 << 20;
/// A flag in a block's frame count: the header keeps its raw length and hash.
const AS_STATED: u8 = 0x80;

/// Unpacks a sound log. `None` when it is not one.
///
/// Unpacked are: the file header; each block as its header, a byte with the number of its frames,
/// and each frame as its length (u32) and its content; the trailer.
#[must_use]
pub fn unpack(log: &[u8]) -> Option<Vec<u8>> {
    let (header, mut rest) = log.split_at_checked(FILE_HEADER_LEN)?;
    let mut out = header.to_vec();
    while rest.len() > TRAILER_LEN {
        let (header, after) = rest.split_at_checked(BLOCK_HEADER_LEN)?;
        let len = usize::try_from(word(header, PAYLOAD_LEN)).ok()?;
        let (mut payload, after) = after.split_at_checked(len)?;
        rest = after;
        out.extend_from_slice(header);
        let count = out.len();
        out.push(0);
        while !payload.is_empty() {
            let len = zstd_safe::find_frame_compressed_size(payload).ok()?;
            let content = zstd::bulk::decompress(payload.get(..len)?, MAX_FRAME).ok()?;
            out.extend_from_slice(&u32::try_from(content.len()).ok()?.to_le_bytes());
            out.extend_from_slice(&content);
            payload = payload.get(len..)?;
            out[count] += 1;
        }
    }
    out.extend_from_slice(rest);
    Some(out)
}

/// Makes a log of an unpacked one, however wrong that is.
#[must_use]
pub fn pack(unpacked: &[u8]) -> Vec<u8> {
    let mut rest = unpacked;
    let mut out = padded(take(&mut rest, FILE_HEADER_LEN), FILE_HEADER_LEN);
    seal(&mut out);
    let file_id = out[FILE_HEADER_LEN - 24..][..16].to_vec();
    let mut last = 0;
    while rest.len() > TRAILER_LEN {
        last = out.len();
        let mut header = padded(take(&mut rest, BLOCK_HEADER_LEN), BLOCK_HEADER_LEN);
        let frames = take(&mut rest, 1).first().copied().unwrap_or(0);
        let (mut content, mut payload) = (Vec::new(), Vec::new());
        for _ in 0..frames & 7 {
            let len = padded(take(&mut rest, 4), 4);
            let len = u32::from_le_bytes([len[0], len[1], len[2], len[3]]);
            let frame = take(&mut rest, len as usize);
            content.extend_from_slice(frame);
            payload.extend(zstd::bulk::compress(frame, 1).expect("memory is enough"));
        }
        header[FILE_ID..][..16].copy_from_slice(&file_id);
        put(&mut header, SELF_OFFSET, out.len() as u64);
        put(&mut header, PAYLOAD_LEN, payload.len() as u64);
        header[PAYLOAD_CRC..][..4].copy_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
        if header[CODEC] != 1 && frames & AS_STATED == 0 {
            put(&mut header, RAW_LEN, content.len() as u64);
            let hash = blake3::hash(&content);
            header[LOGICAL_HASH..][..16].copy_from_slice(&hash.as_bytes()[..16]);
        }
        seal(&mut header);
        out.extend_from_slice(&header);
        out.extend_from_slice(&payload);
    }
    if rest.len() == TRAILER_LEN {
        let mut trailer = rest.to_vec();
        trailer[16..32].copy_from_slice(&file_id);
        put(&mut trailer, 32, last as u64);
        put(&mut trailer, 40, out.len() as u64);
        seal(&mut trailer);
        out.extend_from_slice(&trailer);
    }
    out
}

/// Packs a log with one block of events in codec 1: how long its rows are (u32), how many they are
/// (u16), and the content of its frames as in an unpacked log.
#[must_use]
pub fn pack_columns(mut input: &[u8]) -> Vec<u8> {
    let start = BlockWriter::create(Vec::new(), header(true), &FileMeta::default());
    let start = start.expect("a vector takes all").get_ref().clone();
    let mut unpacked = unpack(&start).unwrap_or_default();
    let len = padded(take(&mut input, 4), 4);
    let items = padded(take(&mut input, 2), 2);
    // The head of any block; kind EVENTS, codec 1.
    let mut block = start[FILE_HEADER_LEN..][..BLOCK_HEADER_LEN].to_vec();
    block[16..18].copy_from_slice(&sysreel_format::BlockKind::EVENTS.0.to_le_bytes());
    put(&mut block, 48, 1);
    put(&mut block, 56, 0);
    block[64..66].copy_from_slice(&items);
    block[CODEC] = 1;
    put(&mut block, RAW_LEN, u64::from(u32::from_le_bytes([len[0], len[1], len[2], 0])));
    unpacked.extend_from_slice(&block);
    unpacked.push(4);
    unpacked.extend_from_slice(input);
    // Longer than a trailer, however little was given.
    unpacked.extend_from_slice(&[0; TRAILER_LEN]);
    pack(&unpacked)
}

/// The columns of a log's blocks in codec 1, as [`pack_columns`] takes them.
#[must_use]
pub fn columns(log: &[u8]) -> Vec<Vec<u8>> {
    let Some(unpacked) = unpack(log) else { return Vec::new() };
    let mut rest = unpacked.get(FILE_HEADER_LEN..).unwrap_or_default();
    let mut found = Vec::new();
    while rest.len() > TRAILER_LEN {
        let header = take(&mut rest, BLOCK_HEADER_LEN);
        let frames = take(&mut rest, 1)[0];
        let mut columns = [&header[RAW_LEN..][..4], &header[64..66]].concat();
        for _ in 0..frames {
            let len = take(&mut rest, 4).to_vec();
            columns.extend_from_slice(&len);
            let len = u32::from_le_bytes([len[0], len[1], len[2], len[3]]);
            columns.extend_from_slice(take(&mut rest, len as usize));
        }
        if header[CODEC] == 1 {
            found.push(columns);
        }
    }
    found
}

/// How a log is written again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Events as plain rows: codec 0.
    Plain,
    /// Events as columns: codec 1.
    Columns,
    /// Plain, after what a recording for replay begins with, and a file that is not in the log.
    Replayable,
}

/// Writes the events and buffers of a log again.
#[must_use]
pub fn rewrite(log: &[u8], form: Form) -> Option<Vec<u8>> {
    let log = Log::open(log, Limits::default()).ok()?;
    let header = header(form == Form::Columns);
    let mut segment = Segment::open(vec![0; SEGMENT_SIZE], &header.file_id, 1, 0, 0);
    let mut number = BlobNumber(0);
    while let Ok(bytes) = log.blob(number) {
        segment.append_blob(&bytes).ok()?;
        number.0 += 1;
    }
    let mut meta = log.meta().clone();
    let mut row = EventBuf::new();
    if form == Form::Replayable {
        meta.options.push((b"file-contents".to_vec(), b"no".to_vec()));
        row.begin(EventKind::SNAPSHOT, SourceId::RECORDER, TaskId::NONE, 1);
        let machine = Determinism { xcr0: 7, ..Determinism::default() };
        row.snapshot(SnapshotKind::DETERMINISM, 1, &machine.to_bytes().ok()?);
        segment.append_event(row.finish()).ok()?;
    }
    let mut events = log.events();
    while let Some(Item::Event(event)) = events.next().ok()? {
        row.begin_with_flags(event.kind, event.source, event.flags, event.task, event.t_ns);
        let mut row = row.finish().to_vec();
        row.extend_from_slice(event.body);
        let len = u32::try_from(event.body.len()).ok()?;
        row[..4].copy_from_slice(&len.to_le_bytes());
        segment.append_event(&row).ok()?;
    }
    if form == Form::Replayable {
        segment.append_event(&stop_with_a_file()).ok()?;
    }
    let mut writer = BlockWriter::create(Vec::new(), header, &meta).ok()?;
    writer.write_segment(&segment).ok()?;
    writer.finish(Completeness::default(), &Extras::default()).ok()
}

/// A stop after which a file is mapped whose contents are not in the log.
fn stop_with_a_file() -> Vec<u8> {
    let mut row = EventBuf::new();
    row.begin(EventKind::STOP, SourceId::KERNEL, TaskId(0), 2);
    let (info, layout) = (&[0; 33], Layout::MERGED);
    row.stop_head(&StopHead { wait_status: 0x857f, info_ret: 33, layout, info });
    let head = MappedHead {
        start: 0x1000,
        len: 0x2000,
        prot: 5,
        flags: MappedFlags::default(),
        dev: 1,
        ino: 2,
        offset: 0,
        filled: 0x1800,
        skip: 0,
    };
    row.mapped(&head, &[]);
    row.file(&MappedFile { hash: [1; 32], len: 0x1800, path: b"/usr/lib/libx.so" });
    row.finish().to_vec()
}

/// A log in a file without a name.
pub struct LogFile {
    file: File,
}

impl LogFile {
    /// Stores a log.
    ///
    /// # Panics
    /// When there is no room for it.
    #[must_use]
    pub fn new(log: &[u8]) -> LogFile {
        let shared_memory = std::path::Path::new("/dev/shm");
        let file = match shared_memory.is_dir() {
            true => tempfile::tempfile_in(shared_memory),
            false => tempfile::tempfile(),
        };
        let mut file = file.expect("a temporary file");
        file.write_all(log).expect("room for the log");
        file.seek(SeekFrom::Start(0)).expect("a file can be rewound");
        LogFile { file }
    }

    /// Its path, good as long as `self` lives.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }
}

fn header(sites: bool) -> FileHeader {
    let header = FileHeader::new(FileId([7; 16]), Completeness::default());
    if sites { header.with_sites() } else { header }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(len.min(rest.len()));
    *rest = after;
    taken
}

fn padded(bytes: &[u8], len: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(len, 0);
    bytes
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("a header is longer"))
}

fn put(bytes: &mut [u8], at: usize, word: u64) {
    bytes[at..][..8].copy_from_slice(&word.to_le_bytes());
}

/// Puts the checksum of a header to its end.
fn seal(header: &mut [u8]) {
    let end = header.len() - 4;
    let crc = crc32c::crc32c(&header[..end]);
    header[end..].copy_from_slice(&crc.to_le_bytes());
}
