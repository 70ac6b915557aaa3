//! Builds logs for the tests.

use sysreel_format::{
    Altered, Altering, BlobNumber, BlockWriter, Clock, Completeness, Credentials, Data, Direction,
    DropReasons, EventBuf, EventFlags, EventKind, Extras, FdEntry, FileHeader, FileId, FileMeta,
    Gap, GapReason, Gone, GoneHow, Layout, Loss, MappedFile, MappedFlags, MappedHead, Mapping,
    MetaCodec, Name, Note, NoteCode, Origin, PageSums, PartKind, ProcessSnapshot, RegionFlags,
    RegionHead, Renamed, ResolvedPath, Role, Segment, Severity, SnapshotKind, SourceId, State,
    StopHead, TaskHead, TaskId, Unrecorded,
};

pub(crate) const ID: FileId = FileId(*b"0123456789abcdef");
pub(crate) const SMALL: usize = 4096;

/// Returns the head of a plain region of `got` bytes.
pub(crate) fn region(got: u64) -> RegionHead {
    RegionHead {
        arg: 1,
        dir: Direction::OUT,
        role: Role::DIRECT,
        flags: RegionFlags::STRING,
        index: 7,
        address: 0x7fff_1234_5678,
        asked: got + 1,
        got,
        errno: 14,
    }
}

/// Returns a row with a STOP that has no parts.
pub(crate) fn stop_row(t_ns: u64, info: &[u8]) -> Vec<u8> {
    let mut buf = EventBuf::new();
    buf.begin(EventKind::STOP, SourceId::KERNEL, TaskId(3), t_ns);
    buf.stop_head(&StopHead { wait_status: 0x857f, info_ret: 80, layout: Layout::MERGED, info });
    buf.finish().to_vec()
}

/// Returns a row with a STOP whose buffer is in the given blobs.
pub(crate) fn blob_row(t_ns: u64, blobs: &[BlobNumber], len: usize) -> Vec<u8> {
    let mut buf = EventBuf::new();
    buf.begin(EventKind::STOP, SourceId::KERNEL, TaskId(3), t_ns);
    buf.stop_head(&StopHead {
        wait_status: 0x857f,
        info_ret: 80,
        layout: Layout::MERGED,
        info: b"info",
    });
    buf.region(&region(len as u64), Data::Blobs(blobs));
    buf.finish().to_vec()
}

/// Returns one row of every kind, with every kind of part.
pub(crate) fn every_kind() -> Vec<Vec<u8>> {
    let mut rows = Vec::new();
    let mut time = 1000;
    let mut row = |kind, fill: &dyn Fn(&mut EventBuf)| {
        let mut buf = EventBuf::new();
        buf.begin(kind, SourceId::RECORDER, TaskId(1), time);
        fill(&mut buf);
        rows.push(buf.finish().to_vec());
        time += 10;
    };
    let altered =
        Altered { what: Altering::AFFINITY, arg: 2, kernel: b"\x01\0", given: b"\xff\xff\0" };
    row(EventKind::TASK, &|buf| {
        buf.task_head(&TaskHead {
            tid: 100,
            tgid: 100,
            parent: TaskId::NONE,
            origin: Origin::SPAWNED,
        });
        buf.ns_pids(&[100, 7, 1]);
    });
    row(EventKind::STOP, &|buf| every_part(buf, &altered));
    row(EventKind::GONE, &|buf| {
        let (utime_ns, stime_ns, maxrss_kib) = (123, 456, 789);
        buf.gone(&Gone {
            wait_status: 0x100,
            how: GoneHow::REAPED,
            utime_ns,
            stime_ns,
            maxrss_kib,
        });
    });
    row(EventKind::RENAMED, &|buf| buf.renamed(&Renamed { old_tid: 101, new_tid: 100, tgid: 100 }));
    row(EventKind::SNAPSHOT, &|buf| {
        let snapshot = ProcessSnapshot {
            comm: b"sh".to_vec(),
            umask: Some(0o22),
            ..ProcessSnapshot::default()
        };
        buf.snapshot(SnapshotKind::PROCESS, 1, &snapshot.to_bytes().unwrap());
    });
    row(EventKind::CLOCK, &|buf| {
        buf.clock(&Clock { monotonic: 1, realtime: u64::MAX, boottime: 3 })
    });
    row(EventKind::LOSS, &|buf| buf.loss(&Loss { count: 5, reasons: DropReasons::OVERRUN }));
    row(EventKind::NOTE, &|buf| {
        buf.note(&Note {
            code: NoteCode::OTHER,
            severity: Severity::WARNING,
            text: "na ja, \u{fc}".as_bytes(),
        });
    });
    row(EventKind::ALTERED, &|buf| buf.altered_body(&altered));
    row(EventKind::MARK, &|buf| buf.raw(b"here"));
    row(EventKind::UNRECORDED, &|buf| {
        buf.unrecorded(&Unrecorded { gap: Gap::BEGINS, reason: GapReason::TRACED, tracer: 77 });
    });
    row(EventKind(999), &|buf| buf.raw(b"from the future"));
    rows
}

/// Returns a SNAPSHOT without empty fields.
pub(crate) fn snapshot_row(kept: Option<Vec<(i32, i32)>>) -> Vec<u8> {
    let mapping = Mapping {
        start: 1 << 46,
        perms: *b"r-xp",
        path: b"/bin/sh".to_vec(),
        ..Mapping::default()
    };
    let snapshot = ProcessSnapshot {
        exe: b"/bin/sh".to_vec(),
        umask: Some(0o22),
        cmdline: vec![b"sh".to_vec(), vec![0xff; 300]],
        environ: Some(vec![b"A=b".to_vec()]),
        credentials: Some(Credentials {
            uids: [0, 250, 251, u32::MAX],
            caps: [1 << 40; 5],
            ..Credentials::default()
        }),
        limits: vec![(1024, u64::MAX), (65_535, 65_536)],
        personality: Some(0x4_0000),
        namespaces: vec![(b"pid".to_vec(), 4_026_531_836)],
        no_new_privs: true,
        maps: vec![mapping.clone(), mapping],
        fds: [-1, 0, 125, 126, -126, i32::MAX, i32::MIN]
            .map(|fd| FdEntry { fd, ..FdEntry::default() })
            .to_vec(),
        kept,
        ..ProcessSnapshot::default()
    };
    let mut buf = EventBuf::new();
    buf.begin(EventKind::SNAPSHOT, SourceId::RECORDER, TaskId(1), 3);
    buf.snapshot(SnapshotKind::PROCESS, snapshot.version(), &snapshot.to_bytes().unwrap());
    buf.finish().to_vec()
}

fn every_part(buf: &mut EventBuf, altered: &Altered<'_>) {
    let info: Vec<u8> = (0..80).collect();
    buf.stop_head(&StopHead {
        wait_status: 0x857f,
        info_ret: 84,
        layout: Layout::MERGED,
        info: &info,
    });
    buf.region(&region(5), Data::Inline(b"hello"));
    buf.region(&region(0), Data::Inline(b""));
    buf.siginfo(&[9; 128]);
    buf.event_message(0xdead_beef_0000_0001);
    buf.name(&Name {
        fd: -100,
        mode: 0o140_777,
        dev: 8,
        ino: 9,
        rdev: 10,
        link: b"socket:[9]",
        local: b"\x01\0/run/x",
        peer: b"",
    });
    buf.registers(1, &[7; 216]);
    buf.altered(altered);
    buf.raw_part(PartKind(77), 0, b"part from the future");
    buf.mapped(&mapped(), &[BlobNumber(1), BlobNumber(1 << 40)]);
    buf.echo(2);
    let mut pages = PageSums::default();
    pages.run(0x7000, &[1; 2 * State::PAGE]);
    pages.run(0xffff_f000, &[0; State::PAGE]);
    buf.state(7, &[6; 216], &pages);
    buf.file(&MappedFile { hash: [5; 32], len: 1 << 40, path: b"/lib/x" });
    buf.path(&ResolvedPath { arg: 3, whole: true, errno: 0, link: b"/d" });
    buf.path(&ResolvedPath { arg: 1, whole: false, errno: 11, link: b"" });
}

/// Returns a mapping with a different value in each field.
pub(crate) fn mapped() -> MappedHead {
    MappedHead {
        start: 0x7fff_0000,
        len: 0x3000,
        prot: 5,
        flags: MappedFlags::SHARED.with(MappedFlags::FILE),
        dev: 8,
        ino: 9,
        offset: 0x10_1000,
        filled: 0x2345,
        skip: 0x1000,
    }
}

/// The contents of a log.
pub(crate) enum Piece {
    Blob(Vec<u8>),
    Event(Vec<u8>),
}

pub(crate) fn header() -> FileHeader {
    FileHeader::new(ID, Completeness::NO_NAMES)
}

pub(crate) fn meta() -> FileMeta {
    FileMeta {
        tool_version: b"0.1.0".to_vec(),
        argv: vec![b"echo".to_vec(), b"\xff".to_vec()],
        page_size: 4096,
        options: vec![(b"names".to_vec(), b"no".to_vec())],
        ..FileMeta::default()
    }
}

/// Writes pieces through segments of `size` bytes, in codec 0.
pub(crate) fn log_of(pieces: &[Piece], size: usize) -> Vec<u8> {
    log_with(header(), pieces, size)
}

/// Writes pieces through segments of `size` bytes.
pub(crate) fn log_with(header: FileHeader, pieces: &[Piece], size: usize) -> Vec<u8> {
    let mut writer = BlockWriter::create(Vec::new(), header, &meta()).unwrap();
    let mut segment = Segment::open(vec![0; size], &ID, 1, 0, 0);
    let mut generation = 1;
    for piece in pieces {
        let append = |segment: &mut Segment<Vec<u8>>| match piece {
            Piece::Blob(bytes) => segment.append_blob(bytes).map(|n| n.0),
            Piece::Event(row) => segment.append_event(row),
        };
        if append(&mut segment).is_err() {
            segment.seal();
            writer.write_segment(&segment).unwrap();
            generation += 1;
            let (event, blob) = (segment.next_event(), segment.next_blob());
            segment = Segment::open(segment.free(), &ID, generation, event, blob);
            append(&mut segment).unwrap();
        }
    }
    writer.write_segment(&segment).unwrap();
    assert!(writer.bytes_to_reserve() > 0);
    writer.finish(Completeness::NO_NAMES, &Extras { exit_status: Some(0x100) }).unwrap()
}

/// Returns the bytes of blob `number` in the logs of the tests: every third equals the first.
pub(crate) fn blob_bytes(number: u64) -> Vec<u8> {
    (0..300).map(|i| u8::try_from((i * 7 + number * (number % 3)) % 251).unwrap()).collect()
}

/// Returns the rows among the pieces.
pub(crate) fn rows_of(pieces: &[Piece]) -> Vec<Vec<u8>> {
    let rows = pieces.iter().filter_map(|piece| match piece {
        Piece::Event(row) => Some(row.clone()),
        Piece::Blob(_) => None,
    });
    rows.collect()
}

/// Returns a small log with several blocks of events and blobs, and its rows.
pub(crate) fn small_log() -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut pieces = Vec::new();
    for round in 0..6_u64 {
        pieces.extend(every_kind().into_iter().map(Piece::Event));
        pieces.push(Piece::Blob(blob_bytes(round)));
        pieces.push(Piece::Event(blob_row(5000 + round, &[BlobNumber(round)], 300)));
    }
    let rows = rows_of(&pieces);
    (log_of(&pieces, SMALL), rows)
}

/// Returns a row with flags.
pub(crate) fn flagged_row(kind: u16, flags: EventFlags) -> Vec<u8> {
    let mut buf = EventBuf::new();
    buf.begin_with_flags(EventKind(kind), SourceId(9), flags, TaskId(0), 1);
    buf.raw(b"?");
    buf.finish().to_vec()
}
