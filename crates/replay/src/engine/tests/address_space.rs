//! What calls do to an address space.

use super::story::{DATA, NONE, Parts, Story, mapped, mapped_head};
use sysreel_format::{BlobNumber, EventBuf, MappedFlags, MappedHead};

const PRIVATE: u64 = 0x2;
const SHARED: u64 = 0x1;
const ANONYMOUS: u64 = 0x20;
const GROWSDOWN: u64 = 0x100;
const AT: u64 = 0x70_0000;
const MAPPED: i64 = 0x70_0000;
const FULL: u64 = u64::MAX - 10;
const FILE: MappedFlags = MappedFlags::FILE;
const SHARED_FILE: MappedFlags = MappedFlags(MappedFlags::FILE.0 | MappedFlags::SHARED.0);

/// The arguments of mmap of a length with a protection and flags.
fn map(len: u64, prot: u64, flags: u64) -> [u64; 6] {
    [0, len, prot, flags, 3, 0]
}

/// A mapping of a file with 0x2000 bytes of contents.
fn contents(flags: MappedFlags, offset: u64, skip: u64, filled: u64) -> impl Fn(&mut EventBuf) {
    move |row: &mut EventBuf| {
        let head = mapped_head(AT, 0x2000, flags);
        row.mapped(&MappedHead { skip, filled, offset, ..head }, &[BlobNumber(0)]);
    }
}

/// Replays a call. `before` are the operations before its result is set, `after` those after.
#[track_caller]
fn repeats(
    call: &str,
    args: [u64; 6],
    rval: i64,
    parts: Parts<'_>,
    before: &[&str],
    after: &[&str],
) {
    let mut story = Story::new();
    story.blobs.push(vec![1; 0x2000]);
    story.call(0, call, args, rval, NONE, parts);
    let result = format!("result {rval}");
    let all = [&["resume"], before, &[result.as_str()], after].concat();
    story.does(&format!("{call} {args:x?}"), &all);
}

#[test]
fn anonymous_memory_is_mapped_before_the_result_is_set() {
    for (len, flags, operation) in [
        (0x1001, PRIVATE, "mmap 0x700000+0x2000 prot 3"),
        (0x1000, PRIVATE | GROWSDOWN, "mmap 0x700000+0x1000 prot 3 down"),
        (0x1000, SHARED, "file 0x700000+0x1000 prot 3 shared at 0x0"),
    ] {
        repeats("mmap", map(len, 3, flags | ANONYMOUS), MAPPED, NONE, &[operation], &[]);
    }
}

#[test]
fn files_are_mapped_from_the_log() {
    let cases: [(u64, Parts<'_>, &[&str]); 7] = [
        // Of a file of 100 bytes there is one page, and the next cannot be accessed. It shows the
        // empty file, at the offset at which the pool would have it.
        (
            PRIVATE,
            &contents(FILE, 0, 0, 100),
            &[
                "file 0x700000+0x1000 prot 3 private at 0x0",
                "file 0x701000+0x1000 prot 3 private at 0x1000",
            ],
        ),
        (
            PRIVATE,
            &contents(FILE, 0x1000, 0x1000, 0x1000),
            &[
                "file 0x700000+0x1000 prot 3 private at 0x1000",
                "file 0x701000+0x1000 prot 3 private at 0x2000",
            ],
        ),
        (PRIVATE, &contents(FILE, 0, 0, 0x2000), &["file 0x700000+0x2000 prot 3 private at 0x0"]),
        (
            SHARED,
            &contents(SHARED_FILE, 0, 0, 0x2000),
            &["file 0x700000+0x2000 prot 3 shared at 0x0"],
        ),
        // Zeros (/dev/zero), private and shared.
        (
            PRIVATE,
            &|row| mapped(row, AT, 0x1000, MappedFlags::default(), &[]),
            &["mmap 0x700000+0x1000 prot 3"],
        ),
        (
            SHARED,
            &|row| mapped(row, AT, 0x1000, MappedFlags::SHARED, &[]),
            &["file 0x700000+0x1000 prot 3 shared at 0x0"],
        ),
        // A mapping past the end of its file.
        (
            PRIVATE,
            &|row| mapped(row, AT, 0x1000, FILE, &[]),
            &["file 0x700000+0x1000 prot 3 private at 0x0"],
        ),
    ];
    for (flags, parts, after) in cases {
        repeats("mmap", map(0x2000, 1, flags), MAPPED, parts, &[], after);
    }
    let segment = contents(SHARED_FILE, 0, 0, 0x2000);
    let after = ["file 0x700000+0x2000 prot 3 shared at 0x0"];
    repeats("shmat", [1, 0, 0, 0, 0, 0], MAPPED, &segment, &[], &after);
}

#[test]
fn other_calls_are_repeated_or_have_no_effect() {
    let page = |third| [DATA, 0x1000, third, 0, 0, 0];
    let set = "registers 0x401000 0x7fff0000 0xffffffffffffffda";
    let cases: [(&str, [u64; 6], i64, &[&str]); 11] = [
        ("munmap", [DATA, 1, 0, 0, 0, 0], 0, &["munmap 0x600000+0x1000"]),
        ("munmap", [DATA, 1, 0, 0, 0, 0], -22, &[]),
        ("mprotect", page(1), 0, &["mprotect 0x600000 0x1000 0x1 0x0 0x0 0x0"]),
        (
            "mremap",
            [DATA, 0x1000, 0x2000, 1, 0, 0],
            MAPPED,
            &["mremap 0x600000 0x1000 0x2000 0x3 0x700000 0x0"],
        ),
        // MADV_DONTNEED and MADV_WILLNEED.
        ("madvise", page(4), 0, &["madvise 0x600000 0x1000 0x4 0x0 0x0 0x0"]),
        ("madvise", page(3), 0, &[]),
        // ARCH_SET_FS, ARCH_SET_GS, ARCH_GET_FS.
        ("arch_prctl", [0x1002, 0x1234, 0, 0, 0, 0], 0, &[set]),
        ("arch_prctl", [0x1001, 0x1234, 0, 0, 0, 0], 0, &[set]),
        ("arch_prctl", [0x1003, DATA, 0, 0, 0, 0], 0, &[]),
        // The present break, asked for and instead of one that the kernel refuses.
        ("brk", [0; 6], 0x80_0000, &[]),
        ("brk", [0x90_0000, 0, 0, 0, 0, 0], 0x80_0000, &[]),
    ];
    for (call, args, rval, before) in cases {
        repeats(call, args, rval, NONE, before, &[]);
    }
}

#[test]
fn calls_that_cannot_be_repeated_are_refused() {
    let elsewhere =
        |row: &mut EventBuf| mapped(row, AT + 0x1000, 0x1000, MappedFlags::default(), &[]);
    let (private, shared) = (map(0x2000, 1, PRIVATE), map(0x2000, 1, SHARED));
    let endless = map(FULL, 3, PRIVATE | ANONYMOUS);
    let cases: [(&str, [u64; 6], Parts<'_>, &str); 16] = [
        ("mmap", private, NONE, "does not have what the call mapped"),
        (
            "mmap",
            map(0x1000, 1, PRIVATE),
            &elsewhere,
            "the call did not make the mapping 0x701000+0x1000",
        ),
        ("mmap", private, &elsewhere, "does not have what the call mapped"),
        ("shmat", [0; 6], NONE, "does not have what the call mapped"),
        ("shmdt", [AT, 0, 0, 0, 0, 0], NONE, "was attached at 0x700000"),
        // More than the contents that the log has.
        ("mmap", private, &contents(FILE, 0, 1, 0x2000), "the log has 8192"),
        ("mmap", private, &contents(FILE, 0, FULL, 0x2000), "the log has 8192"),
        ("mmap", shared, &contents(SHARED_FILE, 0, 0, 0x2001), "the log has 8192"),
        ("mmap", private, &contents(FILE, 0, 0, FULL), "longer than all memory"),
        // Outside of the room that a shared file has.
        ("mmap", shared, &contents(SHARED_FILE, 1 << 41, 0, 0x2000), "shared file is too long"),
        ("mmap", shared, &contents(SHARED_FILE, 0, 8, 0x2000), "begin before it"),
        ("mmap", shared, &contents(SHARED_FILE, (1 << 40) - 0x1000, 0, 0x1000), "too long"),
        ("mmap", endless, NONE, "longer than all memory"),
        ("mmap", map(1 << 61, 3, SHARED | ANONYMOUS), NONE, "no room for"),
        ("munmap", [DATA, FULL, 0, 0, 0, 0], NONE, "longer than all memory"),
        ("brk", [AT, 0, 0, 0, 0, 0], NONE, "the first brk"),
    ];
    for (call, args, parts, text) in cases {
        let mut story = Story::new();
        story.blobs.push(vec![1; 0x2000]);
        story.call(0, call, args, MAPPED, NONE, parts);
        story.unfit(&format!("{call} {args:x?}"), text);
    }
}

/// Only a call that maps has mappings at its exit, within its range.
#[test]
fn mappings_belong_to_calls_that_make_them() {
    let at = |start: u64, len: u64| {
        move |row: &mut EventBuf| mapped(row, start, len, MappedFlags::default(), &[])
    };
    let (file, refused) = (map(0x1800, 1, PRIVATE), map(0x1000, 1, PRIVATE));
    let cases: [(&str, [u64; 6], i64, u64, u64); 8] = [
        ("read", [0; 6], 0, AT, 0x1000),
        ("munmap", [AT, 0x1000, 0, 0, 0, 0], 0, AT, 0x1000),
        ("mmap", map(0x1000, 1, PRIVATE | ANONYMOUS), MAPPED, AT, 0x1000),
        ("mmap", refused, -12, AT, 0x1000),
        ("mmap", file, MAPPED, AT, 0x3000),
        ("mmap", file, MAPPED, AT - 0x1000, 0x3000),
        ("mmap", file, MAPPED, AT, u64::MAX),
        ("shmat", [0; 6], MAPPED, AT - 0x1000, 0x1000),
    ];
    for (call, args, result, start, len) in cases {
        let mut story = Story::new();
        story.call(0, call, args, result, NONE, &at(start, len));
        let name = format!("{call} {args:x?} = {result}");
        story.refused(&name, &format!("the call did not make the mapping {start:#x}+{len:#x}"));
    }
    let changed = |row: &mut EventBuf| {
        let head = mapped_head(0, 0, FILE.with(SHARED_FILE).with(MappedFlags::RESIZED));
        row.mapped(&head, &[]);
    };
    for (call, result, is_known) in
        [("ftruncate", 0, true), ("ftruncate", -9, false), ("getpid", 5, false)]
    {
        let mut story = Story::new();
        story.call(0, call, [3, 0, 0, 0, 0, 0], result, NONE, &changed);
        match is_known {
            true => _ = story.does(call, &["resume", &format!("result {result}")]),
            false => story.refused(call, "a mapped file changes at the exit"),
        }
    }
}

/// Mappings of a file end where the file ends.
#[test]
fn mappings_follow_the_length_of_their_file() {
    let with = |filled: u64, blob: Option<u64>, flags: MappedFlags, len: u64, offset: u64| {
        move |row: &mut EventBuf| {
            let head = mapped_head(if len == 0 { 0 } else { AT }, len, flags);
            let head = sysreel_format::MappedHead { filled, offset, ..head };
            let blobs: Vec<_> = blob.into_iter().map(sysreel_format::BlobNumber).collect();
            row.mapped(&head, &blobs);
        }
    };
    let resized = SHARED_FILE.with(MappedFlags::RESIZED);
    for (name, end, operations) in [
        ("as long", 0x2000, &[][..]),
        ("shorter", 0x1000, &["file 0x701000+0x1000 prot 3 shared at 0x1000"][..]),
        ("inside a page", 0x1001, &[]),
        (
            "empty",
            0,
            &[
                "file 0x700000+0x1000 prot 3 shared at 0x0",
                "file 0x701000+0x1000 prot 3 shared at 0x1000",
            ],
        ),
        ("longer", 0x9000, &["file 0x702000+0x1000 prot 3 shared at 0x2000"]),
    ] {
        let mut story = Story::new();
        story.blobs.push(vec![1; 0x2000]);
        let args = map(0x3000, 3, SHARED);
        story.call(0, "mmap", args, MAPPED, NONE, &with(0x2000, Some(0), SHARED_FILE, 0x3000, 0));
        let change = with(0, None, resized, 0, end);
        story.call(0, "ftruncate", [3, end, 0, 0, 0, 0], 0, NONE, &change);
        let maps: [&str; 4] = [
            "resume",
            "result 7340032",
            "file 0x700000+0x2000 prot 3 shared at 0x0",
            "file 0x702000+0x1000 prot 3 shared at 0x2000",
        ];
        let all = [&maps[..], &["resume", "result 0"], operations].concat();
        story.does(name, &all);
    }
    let mut story = Story::new();
    story.blobs.push(vec![1; 0x2000]);
    let args = map(0x2000, 3, SHARED);
    story.call(0, "mmap", args, MAPPED, NONE, &with(0x2000, Some(0), SHARED_FILE, 0x2000, 0));
    story.fault("mappings", super::fake::Fault::Refused);
    story.call(0, "ftruncate", [3; 6], 0, NONE, &with(0, None, resized, 0, 0x1000));
    story.refused("unreadable maps", "read the maps of a task");
}
