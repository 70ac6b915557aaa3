//! A changed log is not replayed without a complaint. Results, buffers and entries are changed one
//! at a time in logs that are valid otherwise.

use crate::stage::{SYSREEL, Stage, installed};
use std::fs;
use std::path::Path;
use sysreel_format::syscall_info::{self, MERGED, Op};
use sysreel_format::{
    BlockWriter, Body, Completeness, Direction, EventBuf, Extras, FileHeader, Item, Limits, Log,
    Part, RegionData, SEGMENT_SIZE, Segment,
};

/// How many changes are tried.
const MUTATIONS: u64 = 100;
/// How long a changed program may run before it counts as an endless loop, which is a divergence
/// too.
const SECONDS: &str = "20";

/// Computes a number from every result and every byte that a call writes, and prints it at the end,
/// so that no byte of its log is unused. The calls between getppid and getpgid are those that are
/// changed.
const DIGEST: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
static uint64_t digest = 14695981039346656037u;
static void mix(const void *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) digest = (digest ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
}
static void result(long value) { mix(&value, sizeof value); }
int main(void) {
    int fd = open("/dev/urandom", O_RDONLY);
    syscall(SYS_getppid);
    for (int i = 0; i < 10; i++) {
        struct timespec now;
        result(syscall(SYS_clock_gettime, CLOCK_REALTIME, &now));
        mix(&now, sizeof now);
        unsigned char bytes[100];
        result(syscall(SYS_getrandom, bytes, 64, 0));
        mix(bytes, 64);
        result(syscall(SYS_read, fd, bytes, sizeof bytes));
        mix(bytes, sizeof bytes);
        struct stat data;
        result(syscall(SYS_fstat, fd, &data));
        mix(&data, sizeof data);
        struct utsname names;
        result(syscall(SYS_uname, &names));
        mix(&names, sizeof names);
        struct sysinfo info;
        result(syscall(SYS_sysinfo, &info));
        mix(&info, sizeof info);
        struct tms ticks;
        result(syscall(SYS_times, &ticks));
        mix(&ticks, sizeof ticks);
        result(syscall(SYS_getpid));
        result(syscall(SYS_access, "/none", i));
    }
    syscall(SYS_getpgid, 0);
    printf("%016lx\n", (unsigned long)digest);
    return 0;
}
"#;

/// Ignores what it reads: nothing of it reaches a call or the output.
const DEAD: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
static unsigned char bytes[8192];
int main(void) {
    int fd = open("/dev/urandom", O_RDONLY);
    syscall(SYS_getppid);
    if (syscall(SYS_read, fd, bytes, sizeof bytes) != sizeof bytes) return 1;
    register long kept __asm__("r12") = syscall(SYS_times, 0);
    for (int i = 0; i < 40; i++) {
        long result = SYS_getuid;
        __asm__ volatile("syscall" : "+a"(result), "+r"(kept) : : "rcx", "r11", "memory");
    }
    syscall(SYS_getpgid, 0);
    return 0;
}
"#;

/// Loops for ever if it reads something else.
const LOOP: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
static volatile char byte;
__attribute__((noinline)) static void wait_for_ever(void) {
    while (byte != 'a') byte ^= 2;
}
int main(void) {
    int fd = open("input", O_RDONLY);
    syscall(SYS_getppid);
    if (read(fd, (char *)&byte, 1) != 1) return 1;
    wait_for_ever();
    syscall(SYS_getpgid, 0);
    return 0;
}
"#;

/// The place of a byte of the log that the replay compares or the program uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) event: u64,
    /// In this blob, or else in the body of the event.
    pub(crate) blob: Option<u64>,
    pub(crate) at: usize,
    /// Part of what the program passes to the kernel, not of what it gets.
    pub(crate) asked: bool,
}

#[test]
fn every_change_of_a_log_is_detected() {
    if !installed("every_change_of_a_log_is_detected", &["gcc", "timeout"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("digest.c", DIGEST);
    assert!(stage.sh("gcc -O1 -static -o digest digest.c").status.success());
    let mut command = stage.command(SYSREEL);
    let recorded = stage.run(command.args([
        "record",
        "--replayable",
        "-q",
        "-o",
        "run.reel",
        "--",
        "./digest",
    ]));
    assert!(recorded.status.success(), "{recorded:?}");
    let log = read(&stage.path("run.reel"));
    let places = places(&log);
    assert!(places.len() > 5000, "{} places are too few", places.len());

    fs::write(stage.path("same.reel"), rewritten(&log, None)).unwrap();
    let same = stage.sysreel(&["replay", "-q", "same.reel"]);
    assert!(same.status.success(), "a log that was only written anew: {same:?}");

    // The sequence is the same in each run of the test.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..MUTATIONS {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = places[usize::try_from(random >> 33).unwrap() % places.len()];
        fs::write(stage.path("changed.reel"), rewritten(&log, Some(place))).unwrap();
        let mut command = stage.command("timeout");
        let replayed =
            stage.run(command.args(["-s", "KILL", SECONDS, SYSREEL, "replay", "changed.reel"]));
        replayed.never_panics();
        let diverged =
            replayed.status.code() == Some(1) && replayed.stderr.contains("diverged at event");
        if place.asked {
            // What the program passes is compared at that event.
            let here = format!("diverged at event {}, ", place.event);
            assert!(diverged && replayed.stderr.contains(&here), "{place:?}: {replayed:?}");
        } else {
            assert!(diverged || replayed.stdout != recorded.stdout, "{place:?}: {replayed:?}");
        }
    }
}

#[test]
fn a_difference_that_no_call_shows_is_found_in_the_state() {
    if !installed("a_difference_that_no_call_shows_is_found_in_the_state", &["gcc"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("dead.c", DEAD);
    assert!(stage.sh("gcc -O1 -static -o dead dead.c").status.success());
    let mut command = stage.command(SYSREEL);
    let recorded =
        stage.run(command.args(["record", "--replayable", "-q", "-o", "run.reel", "--", "./dead"]));
    assert!(recorded.status.success(), "{recorded:?}");
    let log = read(&stage.path("run.reel"));
    let same = stage.sysreel(&["replay", "run.reel"]);
    assert!(same.status.success(), "{same:?}");
    let told: Vec<Place> = places(&log).into_iter().filter(|place| !place.asked).collect();
    // The bytes that were read, and the low byte of the result of times(2), which is all that the
    // program uses of it.
    let buffer: Vec<Place> = told.iter().copied().filter(|place| place.blob.is_some()).collect();
    assert_eq!(buffer.len(), 8192);
    let read_ends = buffer[0].event;
    let result = told.iter().find(|place| place.event > read_ends).unwrap();
    let replayed = |place: Place, check: &str| {
        fs::write(stage.path("changed.reel"), rewritten(&log, Some(place))).unwrap();
        stage.sysreel(&["replay", "--json", "--check", check, "changed.reel"])
    };
    for place in [buffer[0], buffer[4099], buffer[8191]] {
        let ran = replayed(place, "every");
        let report: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
        let page = report["divergence"]["field"]["memory"].as_u64();
        assert!(ran.status.code() == Some(1) && page.is_some(), "{place:?}: {ran:?}");
        // No call shows the difference, so the registers at calls are equal.
        assert_eq!(replayed(place, "fast").status.code(), Some(0), "{place:?}");
    }
    for check in ["every", "fast"] {
        let ran = replayed(*result, check);
        let report: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(report["divergence"]["field"]["register"], "r12", "{ran:?}");
    }
}

#[test]
fn an_endless_loop_is_stopped() {
    if !installed("an_endless_loop_is_stopped", &["gcc"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("loop.c", LOOP);
    stage.write("input", "a");
    assert!(stage.sh("gcc -O1 -o loop loop.c").status.success());
    let mut command = stage.command(SYSREEL);
    let recorded =
        stage.run(command.args(["record", "--replayable", "-q", "-o", "run.reel", "--", "./loop"]));
    assert!(recorded.status.success(), "{recorded:?}");
    let log = read(&stage.path("run.reel"));
    let byte = places(&log).into_iter().rfind(|place| !place.asked && place.at > 40).unwrap();
    fs::write(stage.path("changed.reel"), rewritten(&log, Some(byte))).unwrap();
    stage.sysreel(&["replay", "--patience", "0", "run.reel"]).fails(2, &["--patience"]);
    // The position is derived from the log alone.
    fs::remove_file(stage.path("loop")).unwrap();
    let ran = stage.sysreel(&["replay", "--patience", "1", "changed.reel"]);
    ran.fails(1, &["diverged at event", "getpgid", "no system call in 1s of CPU time"]);
    let frames: Vec<&str> =
        ran.stderr.lines().filter(|line| line.starts_with("sysreel:   #")).collect();
    assert!(frames[0].contains(" wait_for_ever+0x") && frames[0].ends_with(" (loop)"), "{ran:?}");
    assert!(frames[1].contains(" main+0x") && frames.len() > 2, "{ran:?}");
}

pub(crate) fn read(path: &Path) -> Log<Vec<u8>> {
    Log::open(fs::read(path).unwrap(), Limits::default()).unwrap()
}

/// Returns every byte of the calls between the two marks.
fn places(log: &Log<Vec<u8>>) -> Vec<Place> {
    /// The offset of the struct in the body of a STOP (docs/format.md).
    const STRUCT: usize = 12;
    let number = |name: &str| {
        let named =
            |nr: &u64| sysreel_abi::syscall_name(sysreel_abi::AuditArch::X86_64, *nr) == Some(name);
        (0..1000).find(named).unwrap()
    };
    let (first, last) = (number("getppid"), number("getpgid"));
    let (mut places, mut inside) = (Vec::new(), false);
    let mut events = log.events();
    while let Some(item) = events.next().unwrap() {
        let Item::Event(event) = item else { panic!("a hole") };
        let Body::Stop(stop) = event.decode().unwrap() else { continue };
        let nr = MERGED.call(stop.info).map(|call| call.nr);
        let is_entry = syscall_info::op(stop.info) == Some(Op::ENTRY);
        inside |= is_entry && nr == Some(first);
        if is_entry && nr == Some(last) {
            return places;
        }
        if !inside {
            continue;
        }
        let mut add = |blob, at, asked| places.push(Place { event: event.number, blob, at, asked });
        // Instruction and stack pointer, number, arguments; or the result.
        let fields = if is_entry {
            MERGED.ip..syscall_info::ENTRY_LEN
        } else {
            MERGED.rval..MERGED.is_error
        };
        fields.for_each(|at| add(None, STRUCT + at, is_entry));
        for part in stop.parts {
            let Part::Region(region) = part.unwrap() else { continue };
            let asked = region.head.dir == Direction::IN;
            match region.data {
                RegionData::Inline(bytes) => {
                    let start = bytes.as_ptr() as usize - event.body.as_ptr() as usize;
                    (start..start + bytes.len()).for_each(|at| add(None, at, asked));
                }
                RegionData::Blobs(blobs) => {
                    let blob = blobs.iter().next().unwrap();
                    let len = log.blob(blob).unwrap().len();
                    (0..len).for_each(|at| add(Some(blob.0), at, asked));
                }
            }
        }
    }
    panic!("the log ends before the last call");
}

/// Returns the log with one bit changed.
pub(crate) fn rewritten(log: &Log<Vec<u8>>, change: Option<Place>) -> Vec<u8> {
    let header = FileHeader::new(log.header().file_id, log.header().completeness);
    let mut writer = BlockWriter::create(Vec::new(), header, log.meta()).unwrap();
    let summary = log.summary().unwrap();
    let mut segment = Segment::open(vec![0; SEGMENT_SIZE], &header.file_id, 1, 0, 0);
    for number in 0..summary.blobs {
        let mut bytes = log.blob(sysreel_format::BlobNumber(number)).unwrap();
        if let Some(Place { blob: Some(changed), at, .. }) = change
            && changed == number
        {
            bytes[at] ^= 1 << (at % 8);
        }
        segment.append_blob(&bytes).unwrap();
    }
    let mut events = log.events();
    let mut row = EventBuf::new();
    while let Some(item) = events.next().unwrap() {
        let Item::Event(event) = item else { panic!("a hole") };
        let mut body = event.body.to_vec();
        if let Some(Place { event: changed, blob: None, at, .. }) = change
            && changed == event.number
        {
            body[at] ^= 1 << (at % 8);
        }
        row.begin_with_flags(event.kind, event.source, event.flags, event.task, event.t_ns);
        row.raw(&body);
        segment.append_event(row.finish()).unwrap();
    }
    segment.seal();
    writer.write_segment(&segment).unwrap();
    writer.finish(Completeness(summary.completeness.0), &Extras { exit_status: Some(0) }).unwrap()
}
