//! Rows for the tests: calls as programs make them, and rows that only resemble them.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::limits::MAX_INFO;
use crate::{
    BlobNumber, Data, Direction, EventBuf, EventKind, Layout, RegionFlags, RegionHead, Role,
    SourceId, StopHead, TaskId,
};

/// Returns a row with the given head and body.
pub(super) fn row(kind: u16, source: u8, flags: u8, task: u32, t_ns: u64, body: &[u8]) -> Vec<u8> {
    let mut row = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
    row.extend_from_slice(&kind.to_le_bytes());
    row.extend_from_slice(&[source, flags]);
    row.extend_from_slice(&task.to_le_bytes());
    row.extend_from_slice(&t_ns.to_le_bytes());
    row.extend_from_slice(body);
    row
}

/// Returns a struct with the given op: arch, then words.
pub(super) fn info(op: u8, words: &[u64]) -> Vec<u8> {
    let mut info = vec![op, 0, 0, 0];
    info.extend_from_slice(&0xc000_003e_u32.to_le_bytes());
    words.iter().for_each(|word| info.extend_from_slice(&word.to_le_bytes()));
    info
}

fn stop(buf: &mut EventBuf, task: u32, t_ns: u64, info: &[u8]) {
    buf.begin(EventKind::STOP, SourceId::KERNEL, TaskId(task), t_ns);
    let info_ret = i32::try_from(info.len()).unwrap();
    buf.stop_head(&StopHead { wait_status: 0x857f, info_ret, layout: Layout::MERGED, info });
}

/// Returns an entry: ip, sp, nr, arguments.
pub(super) fn call(task: u32, t_ns: u64, words: &[u64; 9]) -> Vec<u8> {
    let mut buf = EventBuf::new();
    stop(&mut buf, task, t_ns, &info(1, words));
    buf.finish().to_vec()
}

/// Returns an exit: ip, sp, value.
pub(super) fn exit(task: u32, t_ns: u64, words: &[u64; 3]) -> Vec<u8> {
    let (mut buf, [_, _, value]) = (EventBuf::new(), *words);
    let mut info = info(2, words);
    info.push(u8::from(value >= 4095_u64.wrapping_neg()));
    stop(&mut buf, task, t_ns, &info);
    buf.finish().to_vec()
}

fn head(arg: u8, dir: Direction, flags: RegionFlags, address: u64, got: u64) -> RegionHead {
    RegionHead { arg, dir, role: Role::DIRECT, flags, index: 0, address, asked: got, got, errno: 0 }
}

/// Returns rows of calls like a program's: two tasks that open, stat, read and close files.
pub(super) fn calls(count: u64) -> Vec<u8> {
    let (mut rows, mut buf, mut time) = (Vec::new(), EventBuf::new(), 1 << 40);
    for n in 0..count.div_ceil(2) {
        let task = u32::from(n % 37 > 30);
        let sp = 0x7ffd_0000_1000 + 16 * (n % 3);
        let path = 0x5555_0000 + 4096 * u64::from(task);
        let (nr, ip, args) = match n % 4 {
            0 => (257, 0x7f00_1000, [0xffff_ff9c, path, 0x8_0000, 0, 0, 0]),
            1 => (5, 0x7f00_2000, [3, sp + 64, 0, 0, 0, 0]),
            2 => (0, 0x7f00_3000, [3, path + 512, 4096, 0, 0, 0]),
            _ => (3, 0x7f00_4000, [3, path, 0x8_0000, 0, 0, 0]),
        };
        let fails = n % 44 == 4;
        let rval: i64 = match n % 4 {
            0 if fails => -2,
            0 => 3,
            2 => i64::try_from(n % 200).unwrap(),
            _ => 0,
        };
        time += 9_000 + n * 7919 % 5_000;
        let [a0, a1, a2, a3, a4, a5] = args;
        stop(&mut buf, task, time, &info(1, &[ip, sp, nr, a0, a1, a2, a3, a4, a5]));
        if n.is_multiple_of(4) {
            let name = format!("/usr/include/linux/{n}.h\0");
            let got = name.len() as u64;
            buf.region(
                &head(1, Direction::IN, RegionFlags::STRING, path, got),
                Data::Inline(name.as_bytes()),
            );
        }
        rows.extend_from_slice(buf.finish());
        time += 12_000 + n * 6007 % 3_000;
        let mut exit = info(2, &[ip, sp, rval.cast_unsigned()]);
        exit.push(u8::from(rval < 0));
        stop(&mut buf, task, time, &exit);
        match n % 4 {
            1 => {
                let data: Vec<u8> =
                    (0..144).map(|i| u8::try_from((i * i + n / 8) % 256).unwrap() & 0x1f).collect();
                buf.region(
                    &head(1, Direction::OUT, RegionFlags::default(), sp + 64, 144),
                    Data::Inline(&data),
                );
            }
            2 if n % 16 == 2 => {
                let blobs = [BlobNumber(n / 16)];
                buf.region(
                    &head(1, Direction::OUT, RegionFlags::default(), path + 512, 300),
                    Data::Blobs(&blobs),
                );
            }
            2 => {
                let data = vec![b'#'; usize::try_from(rval).unwrap()];
                let got = rval.cast_unsigned();
                buf.region(
                    &head(1, Direction::OUT, RegionFlags::default(), path + 512, got),
                    Data::Inline(&data),
                );
            }
            _ => {}
        }
        rows.extend_from_slice(buf.finish());
    }
    rows
}

/// A row of any kind with any body.
pub(super) fn any_row() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![Just(1_u16), 0_u16..12, any::<u16>()];
    let head = (
        kind,
        prop_oneof![Just(1_u8), any::<u8>()],
        prop_oneof![Just(0_u8), any::<u8>()],
        any::<u32>(),
    );
    let time = prop_oneof![any::<u64>(), 0_u64..100_000];
    (head, time, vec(any::<u8>(), 0..300)).prop_map(|((kind, source, flags, task), t_ns, body)| {
        row(kind, source, flags, task, t_ns, &body)
    })
}

/// A part: mostly a region that is nearly well-formed.
fn any_part() -> impl Strategy<Value = Vec<u8>> {
    let class = (prop_oneof![0_u8..6, Just(255)], 0_u8..3, 0_u8..3, 0_u8..8);
    let small = prop_oneof![Just(0_u64), Just(144), 0_u64..400, any::<u64>()];
    let numbers = (
        prop_oneof![0_u32..3, any::<u32>()],
        prop_oneof![Just(0x1000_u64), any::<u64>()],
        small.clone(),
        small,
    );
    let errno = prop_oneof![Just(0_u32), Just(14)];
    // The stated and the actual length: equal in most cases.
    let honest = prop_oneof![8 => Just(0_i32), 1 => -9..9_i32];
    let region = (class, numbers, errno, vec(any::<u8>(), 0..300), honest).prop_map(
        |((arg, dir, role, flags), (index, address, asked, got), errno, mut data, error)| {
            let got = if flags & 4 == 0 && error == 0 { data.len() as u64 } else { got };
            if flags & 4 != 0 && got < 1 << 24 {
                data = (0..got.div_ceil(1 << 20))
                    .flat_map(|n| (n + asked % 5).to_le_bytes())
                    .collect();
            }
            let len = u32::try_from(data.len()).unwrap().saturating_add_signed(error);
            let mut body = vec![arg, dir, role, flags];
            body.extend_from_slice(&index.to_le_bytes());
            [address, asked, got]
                .iter()
                .for_each(|word| body.extend_from_slice(&word.to_le_bytes()));
            body.extend_from_slice(&errno.to_le_bytes());
            body.extend_from_slice(&len.to_le_bytes());
            body.extend_from_slice(&data);
            (1_u16, 0_u16, body)
        },
    );
    let other = (any::<u16>(), 0_u16..3, vec(any::<u8>(), 0..60));
    let short = vec(any::<u8>(), 0..60).prop_map(|body| (1, 0, body));
    prop_oneof![6 => region, 1 => other, 1 => short].prop_map(|(kind, flags, body)| {
        let mut part = [kind.to_le_bytes(), flags.to_le_bytes()].concat();
        part.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
        part.extend_from_slice(&body);
        part
    })
}

/// Rows that nearly fit the model: few sites and tasks, parts, structs of any length.
pub(super) fn wild_rows() -> impl Strategy<Value = Vec<u8>> {
    let word = || prop_oneof![3 => 0_u64..4, 1 => Just(u64::MAX - 1), 1 => any::<u64>()];
    // Some code occurs more than once, a page or more apart.
    let place = || {
        (0_u64..3, prop_oneof![6 => Just(0_u64), 1 => 0_u64..3])
            .prop_map(|(at, page)| at + (page << 12))
    };
    let entry = (place(), word(), 0_u64..2, [word(), word(), word(), word(), word(), word()])
        .prop_map(|(ip, sp, nr, [a, b, c, d, e, f])| info(1, &[ip, sp & 1, nr, a, b, c, d, e, f]));
    let exit = (place(), word(), word(), 0_u8..3).prop_map(|(ip, sp, rval, error)| {
        let mut exit = info(2, &[ip, sp & 1, rval]);
        // Mostly consistent with the value.
        exit.push(if error == 2 { 1 } else { u8::from(rval >= 4095_u64.wrapping_neg()) });
        exit
    });
    let any_info = vec(any::<u8>(), 0..=MAX_INFO);
    let info = prop_oneof![8 => entry, 8 => exit, 1 => any_info];
    let lies = prop_oneof![9 => Just((0x857f_u32, 0_i32)), 1 => (any::<u32>(), -3..3_i32)];
    let stop = (
        0_u32..3,
        0_u64..40_000_000,
        info,
        lies,
        vec(any_part(), 0..7),
        vec(any::<u8>(), 0..3),
        0_u8..12,
    );
    vec(stop, 0..60).prop_map(|stops| {
        let (mut rows, mut time) = (Vec::new(), 0_u64);
        for (task, later, info, (status, lie), parts, rest, odd) in stops {
            time = time.wrapping_add(if odd == 0 { later.wrapping_neg() } else { later });
            let mut body = status.to_le_bytes().to_vec();
            body.extend_from_slice(&(i32::try_from(info.len()).unwrap() + lie).to_le_bytes());
            body.extend_from_slice(&u16::try_from(info.len()).unwrap().to_le_bytes());
            body.extend_from_slice(&[1, u8::from(odd == 1)]);
            body.extend_from_slice(&info);
            body.extend_from_slice(&parts.concat());
            if odd == 2 {
                body.extend_from_slice(&rest);
            }
            rows.extend(row(1, 1, u8::from(odd == 3), task, time, &body));
        }
        rows
    })
}
