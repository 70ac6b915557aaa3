//! Logs that no kernel writes today: structs whose fields disagree, 64-bit numbers, every size, the
//! v4 layout, unknown operations. A reader must show all of it unjudged.

use sysreel_abi::number::number;
use sysreel_abi::{Abi, AuditArch, Nr};
use sysreel_format::syscall_info::Op;
use sysreel_format::{
    BlockWriter, Clock, Completeness, Data, Direction, EventBuf, EventKind, Extras, FileHeader,
    FileId, FileMeta, Gone, GoneHow, Layout, Origin, RegionFlags, RegionHead, Role, Segment,
    SourceId, StopHead, TaskHead, TaskId,
};

const TASK: TaskId = TaskId(0);
const TID: u32 = 1000;
/// A syscall stop: SIGTRAP | 0x80 under PTRACE_O_TRACESYSGOOD (ptrace(2)).
const SYSCALL_STOP: u32 = 0x857f;
const SECCOMP_STOP: u32 = 0x0007_057f;
const NONE: u8 = Op::NONE.0;
const ENTRY: u8 = Op::ENTRY.0;
const EXIT: u8 = Op::EXIT.0;
const SECCOMP: u8 = Op::SECCOMP.0;
/// Room for all rows of a log.
const SEGMENT: usize = 1 << 17;

/// Returns every synthetic log with its name. The bytes are the same at each call.
pub(crate) fn logs() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("synthetic_is_error", log(is_error)),
        ("synthetic_numbers", log(numbers)),
        ("synthetic_sizes", log(sizes)),
        ("synthetic_v4_layout", log(v4_layout)),
        ("synthetic_unknown", log(unknown)),
        ("synthetic_calls", log_with(header().with_sites(), calls)),
    ]
}

/// Common calls that fit the columns of codec 1: a loop of calls with buffers, some of which fail.
fn calls(rows: &mut Rows) {
    let nr = |name| number(Abi::X86_64, name).unwrap();
    for n in 0..40_u64 {
        let (ip, sp) = (0x40_1000 + 16 * (n % 2), 0x7fff_0000);
        let struct_of = |op: u8, words: &[u64]| {
            let words = words.iter().flat_map(|word| word.to_le_bytes());
            [op, 0, 0, 0]
                .into_iter()
                .chain(AuditArch::X86_64.0.to_le_bytes())
                .chain(words)
                .collect::<Vec<u8>>()
        };
        let path = format!("/etc/file.{n}\0");
        let fails = n % 9 == 4;
        let open = struct_of(ENTRY, &[ip, sp, nr("openat"), 0xffff_ff9c, 0x5000, 0, 0, 0, 0]);
        rows.stop_with(
            &open,
            Some((1, Direction::IN, RegionFlags::STRING, 0x5000, path.as_bytes())),
        );
        let opened: i64 = if fails { -2 } else { 3 };
        let result = |rval: i64| {
            let mut exit = struct_of(EXIT, &[ip, sp, rval.cast_unsigned()]);
            exit.push(u8::from(rval < 0));
            exit
        };
        rows.stop_with(&result(opened), None);
        if fails {
            continue;
        }
        let data = vec![b'a' + u8::try_from(n % 26).unwrap(); usize::try_from(n).unwrap()];
        rows.stop_with(
            &struct_of(ENTRY, &[ip + 64, sp, nr("read"), 3, 0x6000, 512, 0, 0, 0]),
            None,
        );
        let region = (1, Direction::OUT, RegionFlags::default(), 0x6000, data.as_slice());
        rows.stop_with(&result(i64::try_from(n).unwrap()), Some(region));
    }
}

/// `is_error` and the value disagree.
fn is_error(rows: &mut Rows) {
    for rval in [0, 5, -1, -2, -4095, -4096, i64::MIN, i64::MAX, 1 << 32] {
        for is_error in [0, 1, 255] {
            rows.info(ENTRY, &merged(ENTRY, AuditArch::X86_64, &entry(getpid())));
            rows.info(EXIT, &merged(EXIT, AuditArch::X86_64, &exit(rval, is_error)));
        }
    }
}

/// All 64 bits of a number, for every architecture and an unknown one.
fn numbers(rows: &mut Rows) {
    let archs = [
        AuditArch::X86_64,
        AuditArch::I386,
        AuditArch::AARCH64,
        AuditArch::RISCV64,
        AuditArch(0x1234_5678),
    ];
    for arch in archs {
        for nr in [
            0,
            getpid(),
            9999,
            Nr::X32_BIT,
            Nr::X32_BIT | getpid(),
            u64::from(u32::MAX),
            1 << 32,
            1 << 32 | getpid(),
            1 << 62 | getpid(),
            1 << 63,
            u64::MAX - 1,
            u64::MAX,
        ] {
            let asks = [&entry(nr)[..], &u32::MAX.to_le_bytes()].concat();
            rows.info(ENTRY, &merged(ENTRY, arch, &entry(nr)));
            rows.info(SECCOMP, &merged(SECCOMP, arch, &asks));
            rows.info(EXIT, &merged(EXIT, arch, &exit(-38, 1)));
        }
    }
}

/// Structs from empty to longer than those of any kernel: the fields that are there are shown, and
/// no others.
fn sizes(rows: &mut Rows) {
    let whole: Vec<u8> = (24u8..200).collect();
    for op in [ENTRY, NONE, EXIT, SECCOMP] {
        let info = merged(op, AuditArch::X86_64, &whole);
        // Every size for one operation; for the others those around the ends of fields.
        let sizes: Vec<usize> = match op {
            ENTRY => (0..=104).chain([120, 128, 160, 199, 200]).collect(),
            _ => vec![0, 1, 4, 8, 16, 23, 24, 25, 32, 33, 40, 79, 80, 83, 84, 85, 88, 89, 200],
        };
        for size in sizes {
            rows.stop(status(op), Layout::MERGED, i32::try_from(size).unwrap(), &info[..size]);
        }
    }
    // The kernel had more than was asked for, or reported no length, or failed.
    let info = merged(ENTRY, AuditArch::X86_64, &entry(getpid()));
    for (ret, bytes) in [
        (200, &info[..]),
        (i32::MAX, &info),
        (0, &info),
        (0, &[]),
        (-3, &[]),
        (-5, &[]),
        (i32::MIN, &[]),
    ] {
        rows.stop(SYSCALL_STOP, Layout::MERGED, ret, bytes);
    }
}

/// op, arch; nr, ip, sp, frame pointer, args (entry, seccomp) or rval, is_error (exit).
fn v4_layout(rows: &mut Rows) {
    let v4 = |op: u8, arch: AuditArch, rest: &[u8]| {
        [&[op, 0, 0, 0][..], &arch.0.to_le_bytes(), rest].concat()
    };
    for (arch, nr) in [
        (AuditArch::X86_64, getpid()),
        (AuditArch::I386, number(Abi::I386, "getpid").unwrap()),
        (AuditArch(7), u64::MAX),
    ] {
        let words = [nr, 0x40_1000, 0x7fff_0000, 0x7fff_0100, 1, 2, 3, 4, 5, u64::MAX];
        let call: Vec<u8> = words.iter().flat_map(|word: &u64| word.to_le_bytes()).collect();
        let seccomp = [&call[..], &77u32.to_le_bytes(), &[0; 4]].concat();
        for (op, rest) in [
            (NONE, &[][..]),
            (ENTRY, &call),
            (SECCOMP, &seccomp),
            (EXIT, &exit(-9, 1)),
            (EXIT, &exit(-9, 0)),
        ] {
            let info = v4(op, arch, rest);
            rows.stop(status(op), Layout::PROPOSAL_V4, i32::try_from(info.len()).unwrap(), &info);
            rows.stop(
                status(op),
                Layout::PROPOSAL_V4,
                i32::try_from(info.len()).unwrap(),
                &info[..info.len() - 1],
            );
        }
    }
}

/// Operations, layouts, events and signals of future kernels.
fn unknown(rows: &mut Rows) {
    for op in [4, 5, 127, 128, 255] {
        rows.info(op, &merged(op, AuditArch::X86_64, &entry(getpid())));
    }
    for layout in [0, 3, 255] {
        rows.stop(
            SYSCALL_STOP,
            Layout(layout),
            80,
            &merged(ENTRY, AuditArch::X86_64, &entry(getpid())),
        );
    }
    let none = merged(NONE, AuditArch::X86_64, &[]);
    for status in
        [0x2a_057f, 0xff_057f, 0x80_7f7f, 0x7f7f, 0x417f, 0x007f, 0xffff, 0, 0x8b, u32::MAX]
    {
        rows.stop(status, Layout::MERGED, 24, &none);
    }
}

/// The number of a call without arguments, so that only the struct is shown.
fn getpid() -> u64 {
    number(Abi::X86_64, "getpid").unwrap()
}

fn status(op: u8) -> u32 {
    if op == SECCOMP { SECCOMP_STOP } else { SYSCALL_STOP }
}

/// The layout of Linux 5.3: op, padding of three bytes, arch, instruction and stack pointer, and
/// the fields of the operation.
fn merged(op: u8, arch: AuditArch, rest: &[u8]) -> Vec<u8> {
    let (ip, sp) = (0x40_1000_u64.to_le_bytes(), 0x7fff_0000_u64.to_le_bytes());
    [&[op, 0, 0, 0][..], &arch.0.to_le_bytes(), &ip, &sp, rest].concat()
}

fn entry(nr: u64) -> Vec<u8> {
    [nr, 1, u64::MAX, 1 << 63, 1 << 32, 0xffff_ff9c, 0]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect()
}

fn exit(rval: i64, is_error: u8) -> Vec<u8> {
    [&rval.to_le_bytes()[..], &[is_error]].concat()
}

/// The events of a log that is being built.
pub(crate) struct Rows {
    segment: Segment<Vec<u8>>,
    row: EventBuf,
    t_ns: u64,
}

impl Rows {
    fn info(&mut self, op: u8, info: &[u8]) {
        self.stop(status(op), Layout::MERGED, i32::try_from(info.len()).unwrap(), info);
    }

    fn stop(&mut self, wait_status: u32, layout: Layout, info_ret: i32, info: &[u8]) {
        self.add(EventKind::STOP, |row| {
            row.stop_head(&StopHead { wait_status, info_ret, layout, info })
        });
    }

    /// Adds a syscall stop with a region.
    fn stop_with(&mut self, info: &[u8], region: Option<(u8, Direction, RegionFlags, u64, &[u8])>) {
        self.add(EventKind::STOP, |row| {
            let info_ret = i32::try_from(info.len()).unwrap();
            row.stop_head(&StopHead {
                wait_status: SYSCALL_STOP,
                info_ret,
                layout: Layout::MERGED,
                info,
            });
            if let Some((arg, dir, flags, address, data)) = region {
                let (role, index, errno, got) = (Role::DIRECT, 0, 0, data.len() as u64);
                let head =
                    RegionHead { arg, dir, role, flags, index, address, asked: got, got, errno };
                row.region(&head, Data::Inline(data));
            }
        });
    }

    pub(crate) fn add(&mut self, kind: EventKind, fill: impl FnOnce(&mut EventBuf)) {
        self.t_ns += 1000;
        self.row.begin(kind, SourceId::KERNEL, TASK, self.t_ns);
        fill(&mut self.row);
        self.segment.append_event(self.row.finish()).unwrap();
    }
}

const ID: FileId = FileId(*b"a synthetic log!");

pub(crate) fn header() -> FileHeader {
    FileHeader::new(ID, Completeness::default())
}

fn log(fill: fn(&mut Rows)) -> Vec<u8> {
    log_with(header(), fill)
}

fn log_with(header: FileHeader, fill: fn(&mut Rows)) -> Vec<u8> {
    let meta = FileMeta {
        tool_version: b"synthetic".to_vec(),
        argv: vec![b"none".to_vec()],
        ..FileMeta::default()
    };
    log_of(header, &meta, fill)
}

/// Makes a log with this metadata.
pub(crate) fn log_of(header: FileHeader, meta: &FileMeta, fill: impl FnOnce(&mut Rows)) -> Vec<u8> {
    let id = ID;
    let mut rows = Rows {
        segment: Segment::open(vec![0; SEGMENT], &id, 1, 0, 0),
        row: EventBuf::new(),
        t_ns: 1_000_000,
    };
    rows.add(EventKind::CLOCK, |row| {
        row.clock(&Clock {
            monotonic: 1_000_000,
            realtime: 1_700_000_000_000_000_000,
            boottime: 1_000_000,
        });
    });
    rows.add(EventKind::TASK, |row| {
        row.task_head(&TaskHead {
            tid: TID,
            tgid: TID,
            parent: TaskId::NONE,
            origin: Origin::SPAWNED,
        });
    });
    fill(&mut rows);
    rows.add(EventKind::GONE, |row| {
        let how = GoneHow::REAPED;
        row.gone(&Gone { wait_status: 0, how, utime_ns: 0, stime_ns: 0, maxrss_kib: 0 });
    });
    let mut writer = BlockWriter::create(Vec::new(), header, meta).unwrap();
    writer.write_segment(&rows.segment).unwrap();
    writer.finish(Completeness::default(), &Extras::default()).unwrap()
}
