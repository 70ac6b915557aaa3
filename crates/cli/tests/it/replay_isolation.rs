//! A replay touches no file, no peer and leaves no process behind; it needs nothing but its log.

use crate::stage::{Ran, Running, SYSREEL, Stage, installed, is_root, kill, state_of, until};
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The user "nobody", who has no capabilities.
const NOBODY: u32 = 65534;

#[track_caller]
fn record(stage: &Stage, script: &str) -> Ran {
    let mut command = stage.command(SYSREEL);
    let ran = stage.run(command.args([
        "record",
        "--replayable",
        "-q",
        "-o",
        "run.reel",
        "--",
        "sh",
        "-c",
        script,
    ]));
    assert!(ran.status.success() && !ran.stderr.contains("cannot be replayed"), "{ran:?}");
    ran
}

/// Returns everything in a folder, with type, times and contents.
fn tree(folder: &Path) -> BTreeMap<PathBuf, (u32, u64, [i64; 4], Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let data = fs::symlink_metadata(&path).unwrap();
            let bytes = if data.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            if data.is_dir() {
                folders.push(path.clone());
            }
            let times = [data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec()];
            found.insert(path, (data.mode(), data.ino(), times, bytes));
        }
    }
    found
}

#[test]
fn folders_peers_and_clocks_are_left_alone() {
    if !installed("folders_peers_and_clocks_are_left_alone", &["bash", "date"]) {
        return;
    }
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = peer.local_addr().unwrap().port();
    let stage = Stage::new();
    stage.write("old", "as it was\n");
    stage.write("gone", "");
    // The script also undoes what it does, so that the files exist or not as before it ran.
    let script = format!(
        "exec bash -c 'echo more >> old; rm gone; mkdir new; echo x > new/x; ln -s x new/y; chmod \
         700 old; exec 3<>/dev/tcp/127.0.0.1/{port}; echo hello >&3; date +%s%N; echo done'"
    );
    let recorded = record(&stage, &script);
    let (mut connection, _) = peer.accept().unwrap();
    let mut sent = String::new();
    connection.read_to_string(&mut sent).unwrap();
    assert_eq!(sent, "hello\n", "the recording has sent it");
    fs::remove_dir_all(stage.path("new")).unwrap();
    stage.write("old", "as it was\n");
    stage.write("gone", "");

    let before = tree(stage.folder());
    let elsewhere = Stage::new();
    let mut command = elsewhere.command(SYSREEL);
    command.arg("replay").arg(stage.path("run.reel")).current_dir(stage.folder());
    let replayed = elsewhere.run(&mut command);
    assert_eq!(
        (replayed.status.code(), replayed.text()),
        (Some(0), recorded.text()),
        "{replayed:?}"
    );
    assert_eq!(tree(stage.folder()), before);
    peer.set_nonblocking(true).unwrap();
    let again = peer.accept().map(|_| ()).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::WouldBlock, "no second connection");
}

/// Returns a process and all its descendants.
fn family(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(pid) = found.get(at).copied() {
        at += 1;
        let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().map(|child| child.parse::<u32>().unwrap()));
        }
    }
    found
}

#[test]
fn a_killed_replayer_leaves_nothing() {
    let name = "a_killed_replayer_leaves_nothing";
    if !installed(name, &["seq", "sleep"]) {
        return;
    }
    let stage = Stage::new();
    // More than fits into a pipe: a replay whose output is not read blocks in the middle.
    record(&stage, "sleep 60 & echo first; seq 1 100000; kill $!; echo > made");
    fs::remove_file(stage.path("made")).unwrap();
    let before = tree(stage.folder());
    let mut command = stage.command(SYSREEL);
    command.args(["replay", "run.reel"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut replayer = Running::start(&mut command);
    assert_eq!(replayer.first_line(), "first\n");
    let pid = replayer.pid();
    // The replayer, the shell, sleep, and seq, which is blocked.
    until("three tasks are replayed", || family(pid).len() == 4);
    let tasks = family(pid);
    kill(pid, "KILL");
    let status = replayer.wait();
    assert!(!status.success(), "{status}");
    for task in tasks {
        until("no task is left", || matches!(state_of(task), None | Some('Z' | 'X')));
    }
    assert_eq!(tree(stage.folder()), before);
}

#[test]
fn another_user_replays_elsewhere_without_anything() {
    let name = "another_user_replays_elsewhere_without_anything";
    if !installed(name, &["setpriv", "unshare", "install", "bash"]) {
        return;
    }
    if !is_root() {
        crate::stage::skipped(&format!("{name}: only root can become somebody else"));
        return;
    }
    let stage = Stage::new();
    stage.write("secret", "for root only\n");
    assert!(stage.sh("chmod 600 secret; cp \"$(command -v bash)\" shell").status.success());
    let script =
        "exec ./shell -c 'cat secret; id -u; pwd; echo $HOME $RANDOM; ls; (exit 4); echo $?'";
    let recorded = record(&stage, script);
    assert!(recorded.text().starts_with("for root only\n0\n"), "{recorded:?}");

    replays_elsewhere(stage, &recorded);
}

/// The files that the loader mapped are in the log, wherever they were.
#[test]
fn a_library_of_its_own_may_be_gone() {
    let name = "a_library_of_its_own_may_be_gone";
    if !installed(name, &["setpriv", "unshare", "install", "gcc"]) {
        return;
    }
    if !is_root() {
        crate::stage::skipped(&format!("{name}: only root can become somebody else"));
        return;
    }
    let stage = Stage::new();
    stage.write("own.c", include_str!("../../../../fixtures/replay/own_library.c"));
    stage.write("input", "what was there\n");
    let build = "gcc -O1 -fPIC -shared -DLIBRARY -o libown.so own.c && gcc -O1 -o own own.c -L. \
        -lown -Wl,-rpath,\"$PWD\"";
    assert!(stage.sh(build).status.success());
    let recorded = record(&stage, "exec ./own");
    assert_eq!(recorded.text(), "first of the library\nsecond of the library\nwhat was there\n");
    replays_elsewhere(stage, &recorded);
}

/// Replays a log in another folder, as another user, without a network, after its stage was
/// removed.
#[track_caller]
fn replays_elsewhere(stage: Stage, recorded: &Ran) {
    let other = Stage::new();
    for from in [stage.path("run.reel"), SYSREEL.into()] {
        let to = other.path(from.file_name().unwrap().to_str().unwrap());
        // See `Stage::with_copies`.
        let mut command = other.command("install");
        assert!(other.run(command.args(["-m", "755"]).arg(&from).arg(&to)).status.success());
    }
    chown(other.folder(), Some(NOBODY), Some(NOBODY)).unwrap();
    let gone = stage.folder().to_path_buf();
    drop(stage);
    assert!(!gone.exists());
    let mut command = other.command("unshare");
    command.args(["-n", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    let replayed = other.run(command.args(["./sysreel", "replay", "run.reel"]));
    assert_eq!(
        (replayed.status.code(), replayed.text()),
        (Some(0), recorded.text()),
        "{replayed:?}"
    );
}
