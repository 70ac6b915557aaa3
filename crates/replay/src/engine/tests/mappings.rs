//! Mappings that move, grow, come from files, or cannot be made.

use super::fake::{Fault, Next, STUB};
use super::story::{DATA, NONE, Story, mapped, mapped_head, output};
use crate::engine::Halt;
use sysreel_format::{BlobNumber, EventBuf, MappedFile, MappedFlags};

const ANONYMOUS: u64 = 0x22;
const FILE: u64 = 0x2;
const AT: u64 = 0x70_0000;
const FULL: u64 = u64::MAX - 10;

#[test]
fn the_break_moves_both_ways() {
    let mut story = Story::new();
    story.call(0, "brk", [0; 6], 0x80_0000, NONE, NONE);
    story.call(0, "brk", [0x80_2001, 0, 0, 0, 0, 0], 0x80_2001, NONE, NONE);
    story.call(0, "brk", [0x80_2002, 0, 0, 0, 0, 0], 0x80_2002, NONE, NONE);
    story.call(0, "brk", [0x80_0800, 0, 0, 0, 0, 0], 0x80_0800, NONE, NONE);
    story.does(
        "brk",
        &[
            "resume",
            "result 8388608",
            "resume",
            "mmap 0x800000+0x3000 prot 3",
            "result 8396801",
            "resume",
            "result 8396802",
            "resume",
            "munmap 0x801000+0x2000",
            "result 8390656",
        ],
    );
}

#[test]
fn segments_are_detached_as_they_were_attached() {
    let segment = |row: &mut EventBuf| {
        let head = mapped_head(AT, 0x2000, MappedFlags::FILE.with(MappedFlags::SHARED));
        row.mapped(&sysreel_format::MappedHead { filled: 0x2000, ..head }, &[BlobNumber(0)]);
    };
    let mut story = Story::new();
    story.blobs.push(vec![1; 0x2000]);
    story.call(0, "shmat", [1, 0, 0, 0, 0, 0], 0x70_0000, NONE, &segment);
    story.call(0, "shmdt", [AT, 0, 0, 0, 0, 0], 0, NONE, NONE);
    story.does(
        "shmat, shmdt",
        &[
            "resume",
            "result 7340032",
            "file 0x700000+0x2000 prot 3 shared at 0x0",
            "resume",
            "munmap 0x700000+0x2000",
            "result 0",
        ],
    );
}

/// A mapping that is two mappings in the replay is moved in parts.
#[test]
fn mappings_are_moved_in_parts() {
    let moved = |new_len: u64, to: i64, results: &[(&'static str, i64)]| {
        let mut story = Story::new();
        story.result("mremap", -14);
        results.iter().for_each(|(of, result)| story.result(of, *result));
        story.call(0, "mremap", [DATA, 0x2000, new_len, 1, 0, 0], to, NONE, NONE);
        story
    };
    let all = |rest: &'static [&'static str]| [&["resume"], rest].concat();
    let to = AT.cast_signed();
    moved(0x2000, to, &[]).does(
        "both parts",
        &all(&[
            "mremap 0x600000 0x2000 0x2000 0x3 0x700000 0x0",
            "mremap 0x600000 0x1000 0x1000 0x3 0x700000 0x0",
            "mremap 0x601000 0x1000 0x1000 0x3 0x701000 0x0",
            "result 7340032",
        ]),
    );
    moved(0x1000, to, &[]).does(
        "one is cut",
        &all(&[
            "mremap 0x600000 0x2000 0x1000 0x3 0x700000 0x0",
            "munmap 0x601000+0x1000",
            "mremap 0x600000 0x1000 0x1000 0x3 0x700000 0x0",
            "result 7340032",
        ]),
    );
    moved(0x4000, DATA.cast_signed(), &[]).does(
        "it grows in place",
        &all(&["mremap 0x600000 0x2000 0x4000 0x1 0x600000 0x0", "result 6291456"]),
    );
    moved(0x2000, to, &[("mremap", 0x1000)]).refused("a part elsewhere", "was moved to 0x1000");
    moved(0x2000, to, &[("mremap", -12)]).refused("a part that stays", "mremap");
    let mut story = Story::new();
    story.result("mremap", -14);
    story.call(0, "mremap", [DATA, FULL, 0x1000, 1, 0, 0], to, NONE, NONE);
    story.refused("out of memory", "outside of all memory");

    let mut story = Story::new();
    story.then(Next::Fails("mappings", Fault::Refused));
    story.result("mremap", -14);
    story.call(0, "mremap", [DATA, 0x2000, 0x2000, 1, 0, 0], to, NONE, NONE);
    story.refused("no maps", "read the maps");
    for (name, result, text) in
        [("elsewhere", 0x1000, "was moved to 0x1000"), ("not at all", -12, "mremap")]
    {
        let mut story = Story::new();
        story.result("mremap", result);
        story.call(0, "mremap", [DATA, 0x2000, 0x4000, 1, 0, 0], DATA.cast_signed(), NONE, NONE);
        story.refused(name, text);
    }
}

/// An injected call fails, gives another address, or is the end of the task.
#[test]
fn injected_calls_are_checked() {
    let map = |story: &mut Story| {
        story.call(0, "mmap", [0, 0x1000, 3, ANONYMOUS, 0, 0], AT.cast_signed(), NONE, NONE);
    };
    let mut story = Story::new();
    story.result("mmap", DATA.cast_signed());
    story.result("mmap", 0x1000);
    map(&mut story);
    story.refused("elsewhere", "the mapping of 0x700000 was made at 0x1000");
    let mut story = Story::new();
    story.result("mmap", DATA.cast_signed());
    story.result("mmap", -12);
    map(&mut story);
    story.refused("no memory", "mmap");
    for (fault, text) in [(Fault::Died, "was killed from outside"), (Fault::Refused, "mmap")] {
        let mut story = Story::new();
        story.then(Next::Fails("mmap", fault));
        map(&mut story);
        story.refused("a failing request", text);
    }
    for (operation, code) in [("registers", 0x1002), ("set_registers", 0x1001)] {
        let mut story = Story::new();
        story.then(Next::Fails(operation, Fault::Refused));
        story.call(0, "arch_prctl", [code, 1, 0, 0, 0, 0], 0, NONE, NONE);
        story.refused("a base", operation);
    }
}

/// No log can change the page of the stub.
#[test]
fn the_page_of_the_stub_is_left_alone() {
    let text = "through which the replay makes its calls";
    let (at, here) = (STUB, STUB.cast_signed());
    let refused: [(&str, [u64; 6], i64); 6] = [
        ("mmap", [at, 0x1000, 7, ANONYMOUS, 0, 0], here),
        ("mprotect", [at, 0x1000, 7, 0, 0, 0], 0),
        ("mprotect", [at, 0x1000, 7, 0, 0, 0], -12),
        ("madvise", [at - 0x1000, 0x2000, 4, 0, 0, 0], 0),
        ("mremap", [at, 0x1000, 0x1000, 3, AT, 0], AT.cast_signed()),
        ("mremap", [DATA, 0x1000, 0x1000, 3, at, 0], here),
    ];
    for (name, args, result) in refused {
        let mut story = Story::new();
        story.call(0, name, args, result, NONE, NONE);
        story.refused(name, text);
    }
    let mut story = Story::new();
    story.call(0, "mmap", [0, 0x2000, 1, FILE, 3, 0], here - 0x1000, NONE, &|row| {
        mapped(row, STUB - 0x1000, 0x2000, MappedFlags::FILE, &[]);
    });
    story.refused("a file", text);
    let mut story = Story::new();
    story.call(0, "read", [0, STUB, 2, 0, 0, 0], 2, NONE, &|row| output(row, STUB + 0xfff, b"xy"));
    story.refused("a write", text);
    // What is unmapped around it is.
    let mut story = Story::new();
    story.call(0, "munmap", [at - 0x2000, 0x4000, 0, 0, 0, 0], 0, NONE, NONE);
    let ranges = ["munmap 0xe000+0x2000", "munmap 0x11000+0x1000"];
    story.does("munmap", &["resume", ranges[0], ranges[1], "result 0"]);
    let mut story = Story::new();
    story.call(0, "munmap", [at, 0x1000, 0, 0, 0, 0], 0, NONE, NONE);
    story.does("munmap of the page", &["resume", "result 0"]);
}

/// A log of a few bytes names the same contents again and again.
#[test]
fn contents_take_bounded_memory() {
    let args = [0, 0x1000, 1, FILE, 3, 0];
    for (shared, times, fits) in
        [(false, 256, true), (false, 257, false), (true, 256, true), (true, 257, false)]
    {
        let mut story = Story::new();
        story.room = 256 * 4096;
        story.blobs.push(vec![7; 4096]);
        let blobs = vec![BlobNumber(0); times];
        story.call(0, "mmap", args, AT.cast_signed(), NONE, &|row| {
            let flags = if shared {
                MappedFlags(MappedFlags::FILE.0 | MappedFlags::SHARED.0)
            } else {
                MappedFlags::FILE
            };
            let head = mapped_head(AT, 0x1000, flags);
            row.mapped(&sysreel_format::MappedHead { filled: 0x1000, ..head }, &blobs);
        });
        match fits {
            true => assert!(story.replay().0.is_ok(), "{shared} {times}"),
            false => story.refused("too much", "the mapped files take more than 1048576 bytes"),
        }
    }
    // A file that is as long as the log says, but has no such memory.
    let path = std::env::temp_dir().join(format!("sysreel-sparse-{}", std::process::id()));
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let mut story = Story::new();
    story.call(0, "mmap", args, AT.cast_signed(), NONE, &|row| {
        mapped(row, AT, 0x1000, MappedFlags::FILE, &[]);
        let path = path.to_str().unwrap().as_bytes();
        row.file(&MappedFile { hash: [0; 32], len: 1 << 40, path });
    });
    // Private contents are read if the mapping shows some of them.
    story.replay().0.unwrap();
    let mut story = Story::new();
    story.call(0, "mmap", args, AT.cast_signed(), NONE, &|row| {
        let head = mapped_head(AT, 0x1000, MappedFlags::FILE);
        row.mapped(&sysreel_format::MappedHead { filled: 0x1000, ..head }, &[]);
        let path = path.to_str().unwrap().as_bytes();
        row.file(&MappedFile { hash: [0; 32], len: 1 << 40, path });
    });
    let (end, ..) = story.replay();
    std::fs::remove_file(&path).unwrap();
    match end {
        Err(Halt::Failed(error)) => {
            assert!(error.to_string().contains("take more than"), "{error}")
        }
        other => panic!("{other:?}"),
    }
}

/// Contents that are not in the log come from a file with the recorded hash.
#[test]
fn contents_come_from_files_where_the_log_has_a_hash() {
    let path = std::env::temp_dir().join(format!("sysreel-replay-{}", std::process::id()));
    std::fs::write(&path, [7; 4096]).unwrap();
    let hash = *blake3::hash(&[7; 4096]).as_bytes();
    let bytes = path.to_str().unwrap().as_bytes().to_vec();
    let with = |len: u64, filled: u64, hash: [u8; 32]| {
        let bytes = bytes.clone();
        move |row: &mut EventBuf| {
            let head = mapped_head(AT, 0x1000, MappedFlags::FILE);
            row.mapped(&sysreel_format::MappedHead { filled, ..head }, &[]);
            row.file(&MappedFile { hash, len, path: &bytes });
        }
    };
    let args = [0, 0x1000, 1, FILE, 3, 0];
    let mut story = Story::new();
    story.call(0, "mmap", args, 0x70_0000, NONE, &with(4096, 4096, hash));
    story.call(0, "mmap", args, 0x70_0000, NONE, &with(4096, 4096, hash));
    let map = "file 0x700000+0x1000 prot 3 private at 0x0";
    let once = ["resume", "result 7340032", map];
    story.does("twice", &[once, once].concat());
    for (name, len, filled, hash, text) in [
        ("another hash", 4096, 4096, [0; 32], "differs from what was mapped"),
        ("a longer file", 8192, 4096, hash, "differs from what was mapped"),
        ("a shorter one", 100, 4096, hash, "the log has 100"),
    ] {
        let mut story = Story::new();
        story.call(0, "mmap", args, 0x70_0000, NONE, &with(len, filled, hash));
        story.unfit(name, text);
    }
    std::fs::remove_file(&path).unwrap();
    let mut story = Story::new();
    story.call(0, "mmap", args, 0x70_0000, NONE, &with(4096, 4096, hash));
    story.unfit("no file", "cannot be read");
    let mut story = Story::new();
    story.call(0, "mmap", args, 0x70_0000, NONE, &|row| {
        row.file(&MappedFile { hash, len: 1, path: b"/" });
    });
    story.refused("no mapping", "a file without the mapping");
    let mut story = Story::new();
    story.call(0, "mmap", args, 0x70_0000, NONE, &|row| {
        mapped(row, AT, 0x1000, MappedFlags::FILE, &[]);
        output(row, DATA, &[1]);
        row.file(&MappedFile { hash, len: 1, path: b"/" });
    });
    story.refused("not after its mapping", "a file without the mapping");
}
