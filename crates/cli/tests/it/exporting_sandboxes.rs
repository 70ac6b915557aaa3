//! `sysreel export`: sandboxes, in which the recorded program works, and no other.

use std::fs;

use crate::stage::{Ran, Stage, installed};

/// Restricts itself by the rules, and executes a command.
const LANDLOCK: &str = include_str!("exporting/landlock.py");

/// Reads, executes, changes names, changes a file in place; looks for what is missing; makes a
/// program and executes it.
const WORK: &str = "set -e
    cat data/in | tr a-z A-Z >made/out
    mkdir made/d; echo 'echo from a script' >made/d/run; chmod +x made/d/run; made/d/run
    mv made/out made/d/moved; echo more | dd of=old oflag=append conv=notrunc,nocreat status=none
    test ! -e data/none; ls data; cat made/d/moved
    rm -r made/d; exec 2>/dev/null; echo gone >/dev/null";

/// The directory in which it works, as before each run.
fn prepare(stage: &Stage) {
    for folder in ["data", "made", "secret"] {
        fs::create_dir_all(stage.path(folder)).unwrap();
    }
    for name in ["data/in", "old", "secret/key"] {
        fs::write(stage.path(name), "some text\n").unwrap();
    }
}

fn recorded(format: &str) -> Stage {
    let stage = Stage::new();
    prepare(&stage);
    let ran = stage.sysreel(&["record", "-q", "-o", "r.reel", "--", "bash", "-c", WORK]);
    assert_eq!(ran.text(), "from a script\nin\nSOME TEXT\n", "{ran:?}");
    prepare(&stage);
    let ran = stage.sysreel(&["export", "--to", format, "-o", "out", "r.reel"]);
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""));
    stage
}

/// Asserts that the program works in the sandbox that `inside` puts a script of the shell into, and
/// that it has nothing else.
fn check(stage: &Stage, inside: &dyn Fn(&str) -> Ran) {
    let ran = inside(WORK);
    let done = (ran.status.code(), ran.text());
    assert_eq!(done, (Some(0), "from a script\nin\nSOME TEXT\n".to_owned()), "{ran:?}");
    assert_eq!(fs::read_to_string(stage.path("old")).unwrap(), "some text\nmore\n");
    for other in ["cat secret/key", "echo x >secret/new", "echo x >data/in", "echo x >data/new"] {
        let ran = inside(other);
        assert_ne!(ran.status.code(), Some(0), "{other}: {ran:?}");
        assert_eq!(ran.text(), "", "{other}");
    }
    assert_eq!(fs::read_dir(stage.path("data")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(stage.path("secret")).unwrap().count(), 1);
    assert_eq!(fs::read(stage.path("data/in")).unwrap(), b"some text\n");
}

#[test]
fn bubblewrap_has_what_the_program_used() {
    if !installed("bubblewrap_has_what_the_program_used", &["bwrap", "bash"]) {
        return;
    }
    let stage = recorded("bwrap");
    let text = fs::read_to_string(stage.path("out")).unwrap();
    assert!(text.contains("--unshare-all") && !text.contains("--share-net"), "{text}");
    let inside = |script: &str| stage.run(stage.command("sh").args(["out", "bash", "-c", script]));
    check(&stage, &inside);
    let ran = inside("cat /etc/shadow");
    assert_ne!(ran.status.code(), Some(0), "{ran:?}");
}

#[test]
fn landlock_allows_what_the_program_used() {
    if !installed("landlock_allows_what_the_program_used", &["python3", "bash"]) {
        return;
    }
    let stage = recorded("landlock");
    let inside = |script: &str| {
        stage.run(stage.command("python3").args(["-c", LANDLOCK, "bash", "-c", script]))
    };
    check(&stage, &inside);
}

/// A network is there if the program used one.
#[test]
fn a_network_is_granted_if_it_was_used() {
    if !installed("a_network_is_granted_if_it_was_used", &["perl"]) {
        return;
    }
    let stage = crate::views::record(&crate::views::perl(
        "use Socket; socket(S, PF_INET, SOCK_STREAM, 0); connect(S, pack_sockaddr_in(9, \
         inet_aton(\"127.0.0.1\")))",
    ));
    let text = |format: &str| stage.sysreel(&["export", "--to", format, "r.reel"]).text();
    assert!(text("bwrap").contains("--share-net"));
    assert!(!text("landlock").contains("handledAccessNet"));
}
