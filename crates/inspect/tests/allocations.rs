//! Reading a call allocates nothing once the buffers have grown: twice as many calls make no
//! further allocation.
//!
//! In a test binary of its own, because the allocator counts for the whole process.

#![cfg(target_os = "linux")]

use std::path::Path;

use sysreel_format::{
    BlockWriter, Completeness, Data, Direction, EventBuf, EventKind, Extras, FileHeader, FileId,
    FileMeta, Layout, Origin, RegionFlags, RegionHead, Role, SEGMENT_SIZE, Segment, SourceId,
    StopHead, TaskHead, TaskId, syscall_info,
};
use sysreel_inspect::abi::{Abi, number};
use sysreel_inspect::calls::Item;
use sysreel_inspect::{Follow, open};
use sysreel_sys::counting::{Counting, allocations};

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn a_call_allocates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let processes = Follow { processes: true, maps: true, ..Follow::default() };
    for follow in [Follow::default(), processes] {
        // The first allocations are made once for the process: tables, thread locals.
        let [_, few, many] = [500, 500, 1000].map(|calls| {
            let path = dir.path().join("log.reel");
            std::fs::write(&path, log(calls)).unwrap();
            let before = allocations();
            assert_eq!(read(&path, follow), calls);
            allocations() - before
        });
        assert_eq!(few, many, "allocations for 500 and for 1000 calls with {follow:?}");
    }
}

/// Reads a log, asks for what needs no text, and returns the number of calls.
fn read(path: &Path, follow: Follow) -> u64 {
    let file = open(path).unwrap();
    let mut calls = file.calls(follow).with_entries();
    let mut count = 0;
    while let Some(item) = calls.next().unwrap() {
        let Item::Call(call) = item else { continue };
        assert_eq!((&*call.name(), call.args().get("count").unwrap().raw()), ("read", 16));
        assert_eq!(call.regions().map(|region| region.got()).sum::<u64>(), 32);
        assert!(call.made().next().is_none() && call.fd("fd").is_none());
        assert!(call.duration().is_some());
        count += 1;
    }
    count
}

/// Returns a log with calls of read(2), each with a region at its entry and at its exit.
fn log(calls: u64) -> Vec<u8> {
    let (id, task) = (FileId([7; 16]), TaskId(0));
    let mut segment = Segment::open(vec![0; SEGMENT_SIZE], &id, 1, 0, 0);
    let mut row = EventBuf::new();
    row.begin(EventKind::TASK, SourceId::RECORDER, task, 1);
    row.task_head(&TaskHead { tid: 50, tgid: 50, parent: TaskId::NONE, origin: Origin::ATTACHED });
    segment.append_event(row.finish()).unwrap();
    let nr = number::number(Abi::X86_64, "read").unwrap();
    let call = syscall_info::Call { nr, args: [3, 0x1000, 16, 0, 0, 0] };
    let arch = Abi::X86_64.arch().0;
    let outcome = syscall_info::Outcome { rval: 16, is_error: 0 };
    let infos = [
        (Direction::IN, syscall_info::entry(arch, 0, 0, &call).to_vec()),
        (Direction::OUT, syscall_info::exit(arch, 0, 0, outcome).to_vec()),
    ];
    for nth in 0..calls {
        for (dir, info) in &infos {
            row.begin(EventKind::STOP, SourceId::KERNEL, task, 2 + nth);
            let info_ret = i32::try_from(info.len()).unwrap();
            let layout = Layout::MERGED;
            row.stop_head(&StopHead { wait_status: 0x857f, info_ret, layout, info });
            let head = RegionHead {
                arg: 1,
                dir: *dir,
                role: Role::DIRECT,
                flags: RegionFlags::default(),
                index: 0,
                address: 0x1000,
                asked: 16,
                got: 16,
                errno: 0,
            };
            row.region(&head, Data::Inline(&[1; 16]));
            segment.append_event(row.finish()).unwrap();
        }
    }
    let header = FileHeader::new(id, Completeness::default());
    let mut writer = BlockWriter::create(Vec::new(), header, &FileMeta::default()).unwrap();
    writer.write_segment(&segment).unwrap();
    writer.finish(Completeness::default(), &Extras::default()).unwrap()
}
