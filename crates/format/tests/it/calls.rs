//! Logs with events in codec 1: rows like a program's calls, among rows of every other kind.

use sysreel_format::{
    BlobNumber, BlockItem, BlockKind, Data, Direction, EventBuf, EventKind, Item, Layout, Limits,
    Log, RegionFlags, RegionHead, Role, SourceId, StopHead, TaskId,
};

use crate::account::account;
use crate::build::{Piece, blob_bytes, every_kind, header, log_with, rows_of, small_log};
use crate::version::{block_offsets, patch};

fn stop(buf: &mut EventBuf, task: u32, t_ns: u64, op: u8, words: &[u64], last: &[u8]) {
    let mut info = vec![op, 0, 0, 0];
    info.extend_from_slice(&0xc000_003e_u32.to_le_bytes());
    words.iter().for_each(|word| info.extend_from_slice(&word.to_le_bytes()));
    info.extend_from_slice(last);
    buf.begin(EventKind::STOP, SourceId::KERNEL, TaskId(task), t_ns);
    let info_ret = i32::try_from(info.len()).unwrap();
    buf.stop_head(&StopHead { wait_status: 0x857f, info_ret, layout: Layout::MERGED, info: &info });
}

fn region(buf: &mut EventBuf, dir: Direction, flags: RegionFlags, address: u64, data: Data<'_>) {
    let got = match data {
        Data::Inline(bytes) => bytes.len() as u64,
        Data::Blobs(blobs) => blobs.len() as u64 * 300,
    };
    let asked = if got == 300 { 4096 } else { got };
    let head = RegionHead {
        arg: 1,
        dir,
        role: Role::DIRECT,
        flags,
        index: 0,
        address,
        asked,
        got,
        errno: 0,
    };
    buf.region(&head, data);
}

/// Appends a call and its exit, with the memory they read and wrote.
fn call(pieces: &mut Vec<Piece>, n: u64, blobs: &mut u64) {
    let (task, time) = (u32::from(n % 37 > 30), (1 << 40) + n * 20_000 + n * 7919 % 3000);
    let (sp, path) = (0x7ffd_0000_1000 + 16 * (n % 3), 0x5555_0000 + 4096 * u64::from(task));
    let (nr, args, rval) = match n % 4 {
        0 => (257_u64, [0xffff_ff9c, path, 0x8_0000], if n % 44 == 4 { -2_i64 } else { 3 }),
        1 => (5, [3, sp + 64, n], 0),
        2 => (0, [3, path + 512, 4096], i64::try_from(n % 200).unwrap()),
        _ => (3, [3, path, 0x8_0000], 0),
    };
    let (ip, [a, b, c], mut buf) = (0x7f00_0000 + nr * 16, args, EventBuf::new());
    stop(&mut buf, task, time, 1, &[ip, sp, nr, a, b, c, 0, 0, 0], &[]);
    if n.is_multiple_of(4) {
        let name = format!("/usr/include/linux/{n}.h\0");
        region(&mut buf, Direction::IN, RegionFlags::STRING, path, Data::Inline(name.as_bytes()));
    }
    pieces.push(Piece::Event(buf.finish().to_vec()));
    stop(&mut buf, task, time + 9000, 2, &[ip, sp, rval.cast_unsigned()], &[u8::from(rval < 0)]);
    let none = RegionFlags::default();
    match n % 4 {
        1 => {
            let data: Vec<u8> =
                (0..144).map(|i| u8::try_from((i * i + n / 8) % 256).unwrap() & 0x1f).collect();
            region(&mut buf, Direction::OUT, none, sp + 64, Data::Inline(&data));
        }
        2 if n % 16 == 2 => {
            pieces.push(Piece::Blob(blob_bytes(*blobs)));
            region(&mut buf, Direction::OUT, none, path + 512, Data::Blobs(&[BlobNumber(*blobs)]));
            *blobs += 1;
        }
        2 => region(
            &mut buf,
            Direction::OUT,
            none,
            path + 512,
            Data::Inline(&vec![b'#'; usize::try_from(rval).unwrap()]),
        ),
        _ => {}
    }
    pieces.push(Piece::Event(buf.finish().to_vec()));
}

/// Returns a call that passes a list of strings and more, which hardly fits the model.
fn odd_call(n: u64) -> Vec<u8> {
    let mut buf = EventBuf::new();
    let words = [0x7f00_9000, 0x7ffd_0000_2000, 59, 0x1000, 0x2000, n, u64::MAX, 1 << 63, n << 40];
    stop(&mut buf, 0, (1 << 40) + n * 20_000 - 5, 1, &words, &[]);
    let (mut address, flags) = (0x3000 + n * 4096, RegionFlags::STRING);
    let plain = RegionHead {
        arg: 1,
        dir: Direction::IN,
        role: Role(1),
        flags,
        index: 0,
        address,
        asked: 0,
        got: 0,
        errno: 0,
    };
    for index in (0..7).chain([9, 3]) {
        let data = vec![b'a'; usize::from(u8::try_from(index).unwrap()) + 2];
        let got = data.len() as u64;
        buf.region(&RegionHead { index, address, asked: got, got, ..plain }, Data::Inline(&data));
        address += got;
    }
    let none = RegionFlags::default();
    buf.region(&RegionHead { flags: none, asked: 1 << 50, errno: 14, ..plain }, Data::Inline(b""));
    buf.region(&RegionHead { flags: none, got: 3, asked: 2, ..plain }, Data::Inline(b"odd"));
    // Shorter than it states, so it is stored raw.
    buf.region(&RegionHead { flags: none, got: 9, ..plain }, Data::Inline(b"odd"));
    buf.region(
        &RegionHead { role: Role(0), flags: none, got: 300, ..plain },
        Data::Blobs(&[BlobNumber(0)]),
    );
    buf.region(&RegionHead { role: Role(0), got: 300, ..plain }, Data::Blobs(&[BlobNumber(1)]));
    buf.finish().to_vec()
}

fn pieces() -> Vec<Piece> {
    let (mut pieces, mut blobs) = (Vec::new(), 0);
    for n in 0..96 {
        if n % 40 == 20 {
            pieces.extend(every_kind().into_iter().map(Piece::Event));
        }
        if n % 20 > 17 {
            pieces.push(Piece::Event(odd_call(n)));
        }
        call(&mut pieces, n, &mut blobs);
    }
    pieces
}

/// Returns a log with several blocks of events, all in codec 1, and its rows.
pub(crate) fn sites_log() -> (Vec<u8>, Vec<Vec<u8>>) {
    let pieces = pieces();
    let bytes = log_with(header().with_sites(), &pieces, 8 << 10);
    let codecs = codecs(&bytes);
    assert!(codecs.len() > 2 && codecs.iter().all(|&codec| codec == 1), "{codecs:?}");
    (bytes, rows_of(&pieces))
}

/// Returns the logs for tests of readers, one in each codec.
pub(crate) fn both_logs() -> [(Vec<u8>, Vec<Vec<u8>>); 2] {
    [small_log(), sites_log()]
}

/// Returns the codecs of the EVENTS blocks.
fn codecs(bytes: &[u8]) -> Vec<u16> {
    let log = Log::open(bytes.to_vec(), Limits::default()).unwrap();
    let headers = log.blocks().filter_map(|item| match item.unwrap() {
        BlockItem::Block(header) if header.kind == BlockKind::EVENTS => Some(header.codec),
        _ => None,
    });
    headers.collect()
}

#[test]
fn a_log_in_columns_round_trips() {
    let (bytes, rows) = sites_log();
    let log = Log::open(bytes.clone(), Limits::default()).unwrap();
    assert!(log.header().has_sites());
    assert_eq!(account(&log, &rows), (rows.len(), vec![]));
    assert_eq!(log.summary().unwrap().events, rows.len() as u64);
    let mut events = log.events();
    events.check_hashes(true);
    let mut count = 0;
    while let Some(item) = events.next().unwrap() {
        assert!(matches!(item, Item::Event(_)));
        count += 1;
    }
    assert_eq!(count, rows.len());
    for from in (0..=rows.len()).step_by(7) {
        let first = log.events_from(from as u64).unwrap().next().unwrap().map(|item| match item {
            Item::Event(event) => event.row().to_vec(),
            Item::Missing(missing) => panic!("{missing}"),
        });
        assert_eq!(first.as_ref(), rows.get(from));
    }
    let plain = log_with(header(), &pieces(), 8 << 10);
    assert!(bytes.len() < plain.len(), "{} of {}", bytes.len(), plain.len());
}

#[test]
fn codec_1_is_not_used_unless_enabled() {
    let plain = log_with(header(), &pieces(), 8 << 10);
    let log = Log::open(plain.clone(), Limits::default()).unwrap();
    assert!(!log.header().has_sites() && log.header().incompat == 0);
    assert!(codecs(&plain).iter().all(|&codec| codec == 0));
}

#[test]
fn a_block_stays_in_rows_if_columns_are_no_shorter() {
    let pieces: Vec<_> = every_kind().into_iter().take(2).map(Piece::Event).collect();
    let bytes = log_with(header().with_sites(), &pieces, 8 << 10);
    assert_eq!(codecs(&bytes), [0]);
    let rows = rows_of(&pieces);
    assert_eq!(account(&Log::open(bytes, Limits::default()).unwrap(), &rows), (rows.len(), vec![]));
}

#[test]
fn a_block_with_the_wrong_codec_is_damaged() {
    for ((bytes, rows), claimed) in both_logs().into_iter().zip([1, 0]) {
        for block in block_offsets(&bytes).into_iter().filter(|&at| bytes[at + 16] == 1) {
            let log =
                Log::open(patch(&bytes, block, |header| header[68] = claimed), Limits::default())
                    .unwrap();
            let (read, holes) = account(&log, &rows);
            assert!(read < rows.len());
            assert_eq!(holes.len(), 1);
        }
    }
}
