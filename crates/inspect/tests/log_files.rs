//! Whole log files: opened, printed, summarized; also truncated, damaged and foreign ones.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use expect_test::expect;
use sysreel_format::{
    BlockWriter, Completeness, Data, Direction, EventBuf, EventKind, Extras, FileHeader, FileId,
    FileMeta, Gone, GoneHow, Layout, Origin, RegionFlags, RegionHead, Role, SEGMENT_SIZE, Segment,
    SourceId, StopHead, TaskHead, TaskId,
};
use sysreel_inspect::info::Info;
use sysreel_inspect::{Error, EventRange, open, print, raw};

const ID: FileId = FileId([7; 16]);

fn header() -> FileHeader {
    FileHeader::new(ID, Completeness::default())
}

fn meta() -> FileMeta {
    FileMeta {
        tool_version: b"1.2.3".to_vec(),
        argv: vec![b"prog".to_vec(), b"a\x1b\xff".to_vec()],
        release: b"6.18".to_vec(),
        realtime_ns: 1_795_467_886_000_000_000,
        monotonic_ns: 1000,
        capture_limit: 65536,
        ..FileMeta::default()
    }
}

fn info(op: u8, words: &[u64]) -> Vec<u8> {
    let mut info = vec![op, 0, 0, 0, 0x3e, 0, 0, 0xc0];
    words.iter().for_each(|word| info.extend_from_slice(&word.to_le_bytes()));
    info
}

/// Returns a segment with a task that writes 300 bytes `calls` times and exits.
fn segment(calls: u64, blob: bool) -> Segment<Vec<u8>> {
    let mut segment = Segment::open(vec![0; SEGMENT_SIZE], &ID, 1, 0, 0);
    let mut row = EventBuf::new();
    let task = TaskId(0);
    row.begin(EventKind::TASK, SourceId::RECORDER, task, 1000);
    row.task_head(&TaskHead { tid: 50, tgid: 50, parent: TaskId::NONE, origin: Origin::ATTACHED });
    segment.append_event(row.finish()).unwrap();
    for i in 0..calls {
        let bytes = [b'z'; 300];
        let number = if blob { Some(segment.append_blob(&bytes).unwrap()) } else { None };
        row.begin(EventKind::STOP, SourceId::KERNEL, task, 2000 + i * 1_000_000);
        let entry = info(1, &[1, 2, 1, 1, 0x1000, 300, 0, 0, 0]);
        row.stop_head(&StopHead {
            wait_status: 0x857f,
            info_ret: 80,
            layout: Layout::MERGED,
            info: &entry,
        });
        if let Some(number) = number {
            let (flags, dir, role) = (RegionFlags::default(), Direction::IN, Role::DIRECT);
            let head = RegionHead {
                arg: 1,
                dir,
                role,
                flags,
                index: 0,
                address: 0x1000,
                asked: 300,
                got: 300,
                errno: 0,
            };
            row.region(&head, Data::Blobs(&[number]));
        }
        segment.append_event(row.finish()).unwrap();
        row.begin(EventKind::STOP, SourceId::KERNEL, task, 2000 + i * 1_000_000 + 500_000);
        let mut exit = info(2, &[1, 2, 300]);
        exit.push(0);
        row.stop_head(&StopHead {
            wait_status: 0x857f,
            info_ret: 33,
            layout: Layout::MERGED,
            info: &exit,
        });
        segment.append_event(row.finish()).unwrap();
    }
    row.begin(EventKind::GONE, SourceId::KERNEL, task, 3_000_000_000);
    row.gone(&Gone {
        wait_status: 0x300,
        how: GoneHow::REAPED,
        utime_ns: 0,
        stime_ns: 0,
        maxrss_kib: 0,
    });
    segment.append_event(row.finish()).unwrap();
    segment
}

fn log(calls: u64) -> Vec<u8> {
    let mut writer = BlockWriter::create(Vec::new(), header(), &meta()).unwrap();
    writer.write_segment(&segment(calls, true)).unwrap();
    writer.finish(Completeness::CAPTURE_LIMIT, &Extras { exit_status: Some(0x300) }).unwrap()
}

fn saved(dir: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn printed(path: &Path) -> (String, sysreel_inspect::Findings) {
    let mut out = Vec::new();
    let findings =
        print::print(&mut open(path).unwrap(), &print::Options::default(), &mut out).unwrap();
    (String::from_utf8(out).unwrap(), findings)
}

#[test]
fn a_clean_log_is_printed_and_summarized() {
    let dir = tempfile::tempdir().unwrap();
    let path = saved(&dir, "clean.reel", &log(2));
    let (text, findings) = printed(&path);
    assert!(findings.is_whole());
    expect![[r#"
        write(1, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"..., 300) = 300
        write(1, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"..., 300) = 300
        +++ exited with 3 +++
    "#]]
    .assert_eq(&text);
    let mut file = open(&path).unwrap();
    let mut info = Info::gather(&file).unwrap();
    let json = serde_json::to_value(&info).unwrap();
    assert_eq!((&json["syscalls"], &json["ending"]["state"]), (&2.into(), &"clean".into()));
    info.file = "clean.reel".to_owned();
    info.sizes.file = 0;
    expect![[r#"
        log         clean.reel
        format      1.0-draft, recording 07070707070707070707070707070707
        recorder    1.2.3
        command     prog a\u{1b}�
        in          
        host        ,  6.18 
        start       2026-11-23T21:04:46Z, for 2.999 s
        ending      clean: the recorder finished the log; the program exited with 3
        incomplete  buffers were cut at the capture limit
        size        0 bytes; events: 554 bytes before compression, 2 buffers of 600
        calls       2 system calls, 0 failed
        events      6: 1 task, 4 stop, 1 gone
        stops of    4 X86_64
        options     
        tasks       0: tid 50 of process 50, attached; 2 calls; exited with 3
    "#]]
    .assert_eq(&info.to_string());
    let mut out = Vec::new();
    assert!(raw::raw(&mut file, &EventRange::default(), &mut out).unwrap().is_whole());
    assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 6);
}

#[test]
fn a_tail_beside_an_unfinished_log_is_read_too() {
    let dir = tempfile::tempdir().unwrap();
    let writer = BlockWriter::create(Vec::new(), header(), &meta()).unwrap();
    let path = saved(&dir, "dead.reel", writer.get_ref());
    saved(&dir, "dead.reel.tail", segment(1, true).memory());
    let (text, findings) = printed(&path);
    assert!(findings.open_end && findings.holes == 0, "{findings:?}");
    expect![[r#"
        write(1, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"..., 300) = 300
        +++ exited with 3 +++
        --- sysreel: the recorder did not finish the log: later events may be missing ---
    "#]]
    .assert_eq(&text);
    let mut other = segment(1, false).memory().clone();
    other.iter_mut().for_each(|byte| *byte = byte.wrapping_add(u8::from(*byte == 7)));
    saved(&dir, "dead.reel.tail", &other);
    // A damaged tail may be read or refused, but must not panic.
    let _ = open(&path).map(|file| Info::gather(&file));
}

#[test]
fn a_truncated_log_says_where_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let whole = log(500);
    for len in (0..whole.len()).step_by(whole.len() / 40) {
        let path = saved(&dir, "torn.reel", &whole[..len]);
        match open(&path) {
            Ok(file) => {
                let (text, findings) = printed(&path);
                assert!(!findings.is_whole(), "cut at {len}");
                assert!(
                    text.lines().last().is_some_and(|line| line.starts_with("--- sysreel: ")),
                    "{text}"
                );
                let info = Info::gather(&file).unwrap();
                assert!(
                    text.contains("+++ exited with 3 +++") || !info.missing.is_empty(),
                    "cut at {len}"
                );
                assert_ne!(info.ending.state, "clean");
            }
            Err(e) => assert!(e.to_string().starts_with(&path.display().to_string()), "{e}"),
        }
    }
}

#[test]
fn damage_never_panics() {
    let dir = tempfile::tempdir().unwrap();
    let whole = log(300);
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x5a;
        let path = saved(&dir, "damaged.reel", &bytes);
        let Ok(mut file) = open(&path) else { continue };
        let (text, _) = printed(&path);
        assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')));
        raw::raw(&mut file, &EventRange::default(), &mut io::sink()).unwrap();
        let _ = Info::gather(&file).unwrap().to_string();
    }
}

#[test]
fn other_files_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [("empty", &b""[..]), ("text", b"root:x:0:0:root:/root:/bin/bash\n")] {
        let path = saved(&dir, name, bytes);
        let said = open(&path).unwrap_err().to_string();
        assert!(said.contains(name), "{said}");
    }
    assert!(open(dir.path()).unwrap_err().to_string().contains("directory"));
    assert!(open(&dir.path().join("nothing")).unwrap_err().to_string().contains("nothing"));
}

#[test]
fn a_closed_pipe_is_recognized() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let path = saved(&dir, "clean.reel", &log(1));
    let mut file = open(&path).unwrap();
    let of =
        |result: Result<sysreel_inspect::Findings, Error>| result.unwrap_err().is_broken_pipe();
    assert!(of(print::print(&mut file, &print::Options::default(), &mut Gone)));
    assert!(of(raw::raw(&mut file, &EventRange::default(), &mut Gone)));
}

/// The context of an event is the line of its call and the lines around it, however much text comes
/// before.
#[test]
fn the_context_of_an_event_is_found() {
    let dir = tempfile::tempdir().unwrap();
    for calls in [1, 5, 3000] {
        let file = open(&saved(&dir, "run.reel", &log(calls))).unwrap();
        // Event 0 is the task, call n has the events 2n - 1 and 2n, and the last event is the end.
        for call in [1, 2, 3, 5, 2000, 3000].into_iter().filter(|call| *call <= calls) {
            for event in [2 * call - 1, 2 * call] {
                let numbers: Vec<String> = sysreel_inspect::diff::context(&file, event)
                    .unwrap()
                    .iter()
                    .map(|line| {
                        assert!(
                            line.contains(" write(1, ") && line.ends_with("= 300")
                                || line.contains("+++")
                        );
                        line.split(' ').next().unwrap().to_owned()
                    })
                    .collect();
                let before = (1..call).rev().take(3).map(|n| 2 * n - 1).collect::<Vec<_>>();
                let after = 2 * call + 1;
                let expected: Vec<String> = before
                    .into_iter()
                    .rev()
                    .chain([2 * call - 1, after])
                    .map(|number| number.to_string())
                    .collect();
                assert_eq!(numbers, expected, "event {event} of {calls} calls");
            }
        }
    }
}
