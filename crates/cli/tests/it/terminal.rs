//! No text from a log reaches a terminal unescaped: every command and format runs on logs whose
//! names, arguments, variables, notes and marks contain control characters, and the output still
//! parses.

use crate::stage::{Ran, SYSREEL, Stage};
use crate::synthetic::{header, log_of};
use quick_xml::events::Event;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use sysreel_format::{
    EventKind, FdEntry, FileMeta, Mapping, MetaCodec, Note, NoteCode, ProcessSnapshot, Severity,
    SnapshotKind,
};
use sysreel_inspect::visible::is_visible;

/// C0 and C1 controls, newlines, bidirectional controls, bytes that are not UTF-8, and special
/// characters of XML, Markdown and GitHub's log commands. No longer than a file name may be.
const EVIL: &[u8] = b"a b\x1b]0;T\x07\x7f\xc2\x9b2J\xc2\x85\r\n::error::x\n##[error]y\t]]>`<!--&\
    \xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8\x9b\xff```|[x](y)";

fn evil() -> &'static OsStr {
    OsStr::from_bytes(EVIL)
}

/// All kinds of text that a log can contain.
fn synthetic() -> Vec<u8> {
    let text = || EVIL.to_vec();
    let meta = FileMeta {
        tool_version: text(),
        argv: vec![text(), text()],
        cwd: text(),
        sysname: text(),
        nodename: text(),
        release: text(),
        version: text(),
        machine: text(),
        options: vec![(text(), text()), (b"only".to_vec(), text())],
        ..FileMeta::default()
    };
    let snapshot = ProcessSnapshot {
        exe: text(),
        cwd: text(),
        root: text(),
        comm: text(),
        cmdline: vec![text(), text()],
        environ: Some(vec![text()]),
        namespaces: vec![(text(), 1)],
        maps: vec![Mapping { start: 0x1000, end: 0x2000, path: text(), ..Mapping::default() }],
        fds: vec![FdEntry { fd: 1, link: text(), ..FdEntry::default() }],
        ..ProcessSnapshot::default()
    };
    log_of(header(), &meta, |rows| {
        rows.add(EventKind::SNAPSHOT, |row| {
            row.snapshot(SnapshotKind::PROCESS, 1, &snapshot.to_bytes().unwrap())
        });
        for code in [NoteCode(1), NoteCode::NOT_REPLAYABLE, NoteCode(999)] {
            rows.add(EventKind::NOTE, |row| {
                row.note(&Note { code, severity: Severity(1), text: EVIL })
            });
        }
        rows.add(EventKind::MARK, |row| row.raw(EVIL));
    })
}

/// A folder with such a name, with logs of a program that uses such names.
struct Place {
    stage: Stage,
    folder: PathBuf,
}

impl Place {
    fn new() -> Place {
        let stage = Stage::new();
        let folder = stage.folder().join(evil());
        fs::create_dir(&folder).unwrap();
        let place = Place { stage, folder };
        fs::write(place.folder.join("synthetic.reel"), synthetic()).unwrap();
        // The name of the script becomes that of its process; its descriptors lead to such names,
        // too.
        let script = place.folder.join(evil()).with_extension("sh");
        fs::write(
            &script,
            "#!/bin/sh\n: >\"$1\" 3<\"$1\"; cat <\"$1\"; \"$0.missing\"; exit $CODE\n",
        )
        .unwrap();
        let mut mode = fs::metadata(&script).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
        fs::set_permissions(&script, mode).unwrap();
        for (log, code, options) in [
            ("a.reel", "0", &[][..]),
            ("b.reel", "3", &[]),
            ("r.reel", "0", &["--replayable"]),
            ("f.reel", "0", &["--replayable", "--no-file-contents"]),
        ] {
            let mut command = place.command();
            command.args(["record", "-o", log]).args(options).arg("--").arg(&script);
            command.arg(
                place.folder.join(if code == "0" { "plain" } else { "x" }).with_extension(evil()),
            );
            command.env("CODE", code).env(evil(), evil());
            let ran = place.stage.run(&mut command);
            assert_eq!(ran.status.code(), Some(code.parse().unwrap()), "{ran:?}");
            harmless(
                &format!("record {log}"),
                ran.stderr.lines().filter(|line| line.starts_with("sysreel: ")),
            );
        }
        place
    }

    fn command(&self) -> std::process::Command {
        let mut command = self.stage.command(SYSREEL);
        command.current_dir(&self.folder).env("CI", "");
        command
    }

    fn run(&self, words: &str) -> Ran {
        self.stage.run(self.command().args(words.split(' ')))
    }
}

/// Asserts that only visible characters are printed, and no line that is a command for GitHub's
/// runner.
#[track_caller]
fn harmless<'t>(what: &str, lines: impl IntoIterator<Item = &'t str>) {
    for line in lines {
        let odd = line.chars().find(|c| *c != '\t' && *c != '\u{fffd}' && !is_visible(*c));
        assert!(odd.is_none(), "{what}: {odd:?} in {line:?}");
        assert!(!line.trim_start().starts_with("::error::x"), "{what}: {line:?}");
    }
}

#[track_caller]
fn xml(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut texts = 0;
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{e}: {text}")) {
            Event::Eof => break,
            Event::Text(text) => texts += text.decode().unwrap().len(),
            Event::Start(tag) | Event::Empty(tag) => {
                tag.attributes().for_each(|one| _ = one.unwrap().unescape_value().unwrap());
            }
            _ => {}
        }
    }
    assert!(texts > 0, "{text}");
}

#[test]
fn no_form_of_any_command_controls_a_terminal() {
    let place = Place::new();
    for words in [
        "print LOG",
        "print -yy -v -ttt -T -i -n --event-numbers LOG",
        "print -x LOG",
        "print --format raw LOG",
        "print -c LOG",
        "print -c --json LOG",
        "info LOG",
        "info --json LOG",
        "diff --level fields a.reel LOG",
        "diff --allow-env-drift --gate info LOG a.reel",
        "diff --format json a.reel LOG",
        "diff --format junit a.reel LOG",
        "diff --format markdown a.reel LOG",
        "diff --format github a.reel LOG",
        "replay -q LOG",
        "replay --json LOG",
        "replay -q --until 40 LOG",
        "replay -q --print --check fast LOG",
        "verify -q LOG",
        "verify --json LOG",
    ] {
        for log in ["synthetic.reel", "a.reel", "b.reel", "r.reel", "f.reel", "missing\u{1b}[2J"] {
            let words = words.replace("LOG", log);
            let ran = place.run(&words);
            let out = String::from_utf8(ran.never_panics().stdout.clone())
                .unwrap_or_else(|e| panic!("{words}: {e}"));
            harmless(&words, out.lines().chain(ran.stderr.lines()));
            if words.contains("github") {
                assert!(!out.contains("##["), "{words}: {out}");
            }
            if words.contains("raw") {
                out.lines()
                    .for_each(|line| _ = serde_json::from_str::<serde_json::Value>(line).unwrap());
            } else if words.contains("json") && !out.is_empty() {
                serde_json::from_str::<serde_json::Value>(&out)
                    .unwrap_or_else(|e| panic!("{words}: {e}: {out}"));
            }
            if words.contains("junit") && !out.is_empty() {
                xml(&out);
            }
        }
    }
}

/// The messages do contain the names, so that the test above cannot pass on missing text.
#[test]
fn escaped_names_are_still_shown() {
    let place = Place::new();
    let info = place.run("info synthetic.reel").text();
    assert!(
        info.contains(
            r"a b\u{1b}]0;T\u{7}\u{7f}\u{9b}2J\u{85}\r\n::error::x\n##[error]y\t]]>`<!--&\u{202e}"
        ),
        "{info}"
    );
    // The name of the new log.
    let mut command = place.command();
    let ran =
        place.stage.run(command.args(["record", "-o"]).arg(evil()).args(["--", "missing\u{1b}"]));
    ran.fails(127, &[r"cannot run missing\u{1b}"]);
    let mut command = place.command();
    let ran = place.stage.run(
        command.args(["record", "-o"]).arg(std::path::Path::new(evil()).join("x")).arg("true"),
    );
    ran.fails(125, &[r"cannot write the log a b\u{1b}]0;T"]);
    // Paths in the log.
    let replay = place.run("replay synthetic.reel");
    replay.fails(3, &[]);
    let program = place.folder.join(evil()).with_extension("program");
    fs::copy("/bin/true", &program).unwrap();
    let mut command = place.command();
    command
        .args(["record", "-q", "--replayable", "--no-file-contents", "-o", "p.reel"])
        .arg(&program);
    assert!(place.stage.run(&mut command).status.success());
    fs::copy("/bin/false", &program).unwrap();
    place.run("replay p.reel").fails(3, &[r"a b\u{1b}]0;T"]);
    let moved = place.stage.folder().join("moved.reel");
    fs::rename(place.folder.join("r.reel"), moved).unwrap();
    fs::remove_dir_all(&place.folder).unwrap();
    place.stage.sysreel(&["verify", "moved.reel"]).fails(3, &[r"a b\u{1b}]0;T"]);
    // A space stays a space in text for people and is escaped within a name.
    let stage = Stage::new();
    for (log, file) in [("a.reel", "one"), ("b.reel", "two words")] {
        stage.sysreel(&["record", "-q", "-o", log, "touch", file]);
    }
    for format in ["text", "junit", "markdown", "github"] {
        let said = stage.sysreel(&["diff", "--format", format, "a.reel", "b.reel"]).text();
        assert!(said.contains("write $WS/two words") && !said.contains("x20"), "{format}: {said}");
    }
    let json = stage.sysreel(&["diff", "--format", "json", "a.reel", "b.reel"]).text();
    assert!(json.contains(r"write $WS/two\\x20words"), "{json}");
}
