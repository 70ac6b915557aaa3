//! A recorded process serves a file system that another one uses.

use crate::program::program;
use crate::stage::{Stage, skipped};

/// The recorder asks the file system nothing: the server would wait for the recorder.
#[test]
fn files_that_a_tracee_serves() {
    let served = program("served_files");
    let binary = served.binary.to_str().unwrap();
    for options in [&[][..], &["--cpu", "free"], &["--tracers", "2"], &["--only", "%file"]] {
        let stage = Stage::new();
        let record = [&["record", "-q", "-o", "x.reel"], options, &["--", binary]].concat();
        let ran = stage.sysreel(&record);
        if ran.status.code() == Some(77) {
            return skipped("files_that_a_tracee_serves: no /dev/fuse, or no mount namespaces");
        }
        assert!(ran.status.success(), "{options:?}: {ran:?}");
        let printed = stage.sysreel(&["print", "-y", "-e", "trace=openat,execve", "x.reel"]).text();
        let opened = printed.lines().find(|line| line.contains("\"program\", O_RDONLY"));
        // The descriptor has its name, and the directory of the child is known.
        assert!(opened.unwrap().contains("/program>"), "{options:?}\n{printed}");
        assert!(printed.contains("execve(\"./program\""), "{options:?}\n{printed}");
    }
}

/// A replayable recording reads mapped files, so no process may serve any.
#[test]
fn a_replayable_recording_refuses_the_mount() {
    let served = program("served_files");
    let binary = served.binary.to_str().unwrap();
    let stage = Stage::new();
    let ran = stage.sysreel(&["record", "--replayable", "-o", "x.reel", "--", binary]);
    if !stage.sysreel(&["print", "-e", "trace=mount", "x.reel"]).text().contains("\"fuse\"") {
        return skipped("a_replayable_recording_refuses_the_mount: it comes not so far");
    }
    assert_eq!(ran.status.code(), Some(77), "{ran:?}");
    assert!(ran.stderr.contains("mount"), "{ran:?}");
    assert!(stage.sysreel(&["replay", "x.reel"]).status.success());
}
