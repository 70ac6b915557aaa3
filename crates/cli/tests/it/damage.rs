//! A log with a damaged byte, or cut short: every command prints the same as for the whole log, or
//! says what is wrong and exits with a status other than 0.

use crate::program::tiny;
use crate::stage::{Ran, SYSREEL, Stage};
use std::fs;
use std::ops::Range;
use sysreel_export::{Content, FORMATS};

/// Every command that reads. `LOG` is the log that may be damaged, `WHOLE` an undamaged copy.
const COMMANDS: [&[&str]; 14] = [
    &["print", "LOG"],
    &["print", "--format", "raw", "LOG"],
    &["print", "-c", "LOG"],
    &["info", "LOG"],
    &["info", "--json", "LOG"],
    &["tree", "--env", "changed", "LOG"],
    &["files", "--json", "LOG"],
    &["maps", "LOG"],
    &["export", "--to", "ndjson", "LOG"],
    &["export", "--to", "dot", "LOG"],
    &["report", "LOG"],
    &["diff", "WHOLE", "LOG"],
    &["diff", "--level", "fields", "LOG", "WHOLE"],
    &["replay", "LOG"],
];

/// A log that can be replayed, and the place for its damaged copies.
struct Damage {
    stage: Stage,
    whole: Vec<u8>,
    expected: Vec<Ran>,
    /// For each command: how often its output was the same, and how often it reported damage.
    counts: [[u64; 2]; COMMANDS.len()],
}

impl Damage {
    fn new() -> Damage {
        let stage = Stage::new();
        let program = tiny();
        let mut command = stage.command(SYSREEL);
        command.args(["record", "--replayable", "-q", "-o", "WHOLE", "--"]).arg(program);
        let ran = stage.run(&mut command);
        assert!(ran.status.success(), "{ran:?}");
        let whole = fs::read(stage.path("WHOLE")).unwrap();
        fs::write(stage.path("LOG"), &whole).unwrap();
        let expected: Vec<Ran> = COMMANDS.iter().map(|words| stage.sysreel(words)).collect();
        for (words, ran) in COMMANDS.iter().zip(&expected) {
            assert_eq!(ran.status.code(), Some(0), "{words:?}: {ran:?}");
        }
        Damage { stage, whole, expected, counts: Default::default() }
    }

    /// Runs every command on these bytes.
    #[track_caller]
    fn check(&mut self, what: &str, bytes: &[u8]) {
        fs::write(self.stage.path("LOG"), bytes).unwrap();
        for ((words, expected), counts) in COMMANDS.iter().zip(&self.expected).zip(&mut self.counts)
        {
            let ran = self.stage.sysreel(words);
            ran.never_panics();
            let same = (ran.status, &ran.stdout, &ran.stderr)
                == (expected.status, &expected.stdout, &expected.stderr);
            let told = matches!(ran.status.code(), Some(1 | 3)) && ran.stderr.contains("sysreel: ");
            assert!(same || told, "{what}: {words:?} says nothing: {ran:?}");
            counts[usize::from(!same)] += 1;
        }
    }

    fn flips(&mut self, bytes: Range<usize>, step: usize) {
        for at in bytes.step_by(step) {
            let mut damaged = self.whole.clone();
            damaged[at] ^= 1 << (at % 8);
            self.check(&format!("byte {at} of {} flipped", self.whole.len()), &damaged);
        }
    }

    fn cuts(&mut self, lengths: Range<usize>, step: usize) {
        for len in lengths.step_by(step) {
            let cut = self.whole[..len].to_vec();
            self.check(&format!("cut to {len} of {} bytes", self.whole.len()), &cut);
        }
    }

    fn tell(&self) {
        for (words, [same, told]) in COMMANDS.iter().zip(self.counts) {
            eprintln!("{:<40} same {same:>6}, told {told:>6}", words.join(" "));
        }
    }
}

#[test]
fn every_command_reports_damage() {
    let mut damage = Damage::new();
    let len = damage.whole.len();
    // The step is a prime, so that the samples reach every field of repeated headers.
    damage.flips(0..len, 31);
    damage.cuts(0..len, 67);
    damage.tell();
}

#[test]
#[ignore = "takes minutes"]
fn long_every_command_reports_any_damaged_byte() {
    let mut damage = Damage::new();
    let len = damage.whole.len();
    damage.flips(0..len, 1);
    damage.cuts(0..len, 1);
    damage.tell();
}

/// A header with a new checksum is not damage to the block itself: the inconsistency with its
/// neighbors must be noticed.
#[test]
fn damage_is_located() {
    let mut damage = Damage::new();
    let find = |bytes: &[u8], kind: u16| {
        let magic = b"\x89srblk\x1a\n";
        let mut at = (0..bytes.len() - 8).filter(|&at| bytes[at..].starts_with(magic));
        at.find(|&at| bytes[at + 8..].starts_with(&kind.to_le_bytes())).unwrap()
    };
    // The first byte of each payload, 144 bytes after the magic.
    let blocks = [
        (1, "events", "missing"),
        (2, "buffers", "missing"),
        (3, "metadata", "unreadable"),
        (5, "footer", "damaged"),
    ];
    for (kind, what, how) in blocks {
        let mut bytes = damage.whole.clone();
        let at = find(&bytes, kind);
        bytes[at + 144] ^= 1;
        fs::write(damage.stage.path("LOG"), &bytes).unwrap();
        let told = damage.stage.sysreel(&["info", "LOG"]);
        told.fails(3, &["LOG: ", what, how]);
        assert!(!told.text().contains("complete    yes"), "{told:?}");
        damage.check(what, &bytes);
    }
}

/// Of a log of which only captured buffers are damaged, `info`, the readers that show buffers, and
/// those that write files report it. For the others nothing is missing.
#[test]
fn damaged_buffers_are_reported_by_those_who_read_them() {
    let stage = Stage::new();
    let script = "head -c 100000 /dev/urandom >f; cat f >g";
    let ran = stage.sysreel(&["record", "-q", "-o", "LOG", "sh", "-c", script]);
    assert!(ran.status.success(), "{ran:?}");
    let mut bytes = fs::read(stage.path("LOG")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(stage.path("LOG"), &bytes).unwrap();
    stage.sysreel(&["info", "LOG"]).fails(3, &["captured buffers are missing"]);
    for words in [&["print", "-s", "all"][..], &["stream"], &["grep", "root"]] {
        stage
            .sysreel(&[words, &["LOG"]].concat())
            .fails(3, &["captured buffers could not be read"]);
    }
    for format in FORMATS.iter().filter(|format| format.is_built()) {
        let ran = stage.sysreel(&["export", "--to", format.name, "-o", "out", "LOG"]);
        ran.fails(3, &["LOG: ", "captured buffers"]);
        // Other files have names that begin with it.
        if format.content != Content::Parts {
            fs::remove_file(stage.path("out")).unwrap();
        }
    }
    stage.sysreel(&["report", "-o", "out", "LOG"]).fails(3, &["LOG: ", "captured buffers"]);
    for words in [&["stat"][..], &["tree"], &["files"], &["fds"], &["waits"]] {
        let ran = stage.sysreel(&[words, &["--json", "LOG"]].concat());
        assert_eq!(ran.status.code(), Some(0), "{words:?}: {ran:?}");
        assert!(ran.text().contains("\"complete\": true"), "{words:?}: {ran:?}");
    }
}

/// A tail that is not a regular file is not read, and no reader waits for it.
#[test]
fn a_tail_that_is_not_a_file_is_refused() {
    let damage = Damage::new();
    let stage = &damage.stage;
    let places =
        ["ln -s /dev/zero LOG.tail", "mkfifo LOG.tail", "mkdir LOG.tail", "ln -s WHOLE LOG.tail"];
    for place in places {
        assert!(stage.sh(place).status.success());
        for words in COMMANDS {
            let ran = stage.sysreel(words);
            ran.never_panics();
            assert!(matches!(ran.status.code(), Some(1 | 3)), "{place}: {words:?}: {ran:?}");
            assert!(
                ran.stderr.contains("LOG.tail: cannot be opened: not a regular file"),
                "{ran:?}"
            );
        }
        assert!(stage.sh("rm -rf LOG.tail").status.success());
    }
    // A tail longer than any tail can be, with holes, and the tail of another recording.
    for (make, why) in
        [("truncate -s 2G LOG.tail", "above the limit"), ("cp other LOG.tail", "another recording")]
    {
        let mut other =
            sysreel_format::Segment::open(vec![0; 8192], &sysreel_format::FileId([1; 16]), 1, 0, 0);
        other.seal();
        fs::write(stage.path("other"), other.free()).unwrap();
        assert!(stage.sh(make).status.success());
        stage.sysreel(&["print", "LOG"]).fails(1, &["LOG.tail", why]);
    }
}

#[test]
fn a_log_may_come_through_a_pipe() {
    let damage = Damage::new();
    let stage = &damage.stage;
    for (words, expected) in COMMANDS.iter().zip(&damage.expected) {
        let from = |log: &str| {
            words
                .iter()
                .map(|word| if *word == "LOG" { log } else { word })
                .collect::<Vec<_>>()
                .join(" ")
        };
        let pipe = stage.sh(&format!("cat LOG | \"$SYSREEL\" {}", from("-")));
        let file = stage.sh(&format!("\"$SYSREEL\" {} < LOG", from("-")));
        let fifo = stage.sh(&format!(
            "mkfifo p; cat LOG > p & \"$SYSREEL\" {}; s=$?; rm p; exit $s",
            from("p")
        ));
        for (ran, name) in [(pipe, "-"), (file, "-"), (fifo, "p")] {
            assert_eq!(ran.status.code(), Some(0), "{words:?}: {ran:?}");
            // What `report` writes is compressed.
            if !words.contains(&"info") && !words.contains(&"report") {
                assert_eq!(ran.text(), expected.text().replace("LOG", name), "{words:?}");
            }
        }
    }
    // A file without an end is refused by its first bytes.
    stage.sysreel(&["print", "/dev/zero"]).fails(1, &["not a sysreel log"]);
    stage.sh("\"$SYSREEL\" print - < /dev/null").fails(1, &["the file is empty"]);
    // To show the context of a difference, the log is read again.
    let ran = stage
        .sh("\"$SYSREEL\" record -q -o other sh -c ': > new'; cat other | \"$SYSREEL\" diff \
            --allow-env-drift WHOLE -");
    assert!(ran.text().contains("where it shows first") && ran.text().contains("exec"), "{ran:?}");
}
