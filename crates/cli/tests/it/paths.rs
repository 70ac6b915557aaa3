//! Where the paths of calls lead is in the log: through links, in other roots, and not for calls
//! whose names are known anyway.

use crate::stage::{Stage, installed, is_root};
use serde_json::Value;

/// Records a perl script, and returns the resolved paths of each call that has some, in order.
fn paths(stage: &Stage, options: &[&str], script: &str) -> Vec<Value> {
    stage.write("script", script);
    let record =
        [&["record", "-q", "--force", "-o", "run.reel"], options, &["--", "perl", "script"]];
    let recorded = stage.sysreel(&record.concat());
    assert!(recorded.status.success(), "{recorded:?}");
    let raw = stage.sysreel(&["print", "--format", "raw", "run.reel"]).text();
    let events = raw.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter_map(|event| event.get("paths").cloned()).collect()
}

/// Returns a resolved path as `raw` shows it.
fn found(arg: u8, whole: bool, link: &str) -> Value {
    serde_json::json!({"arg": arg, "whole": whole, "errno": null, "link": link})
}

#[test]
fn paths_are_resolved_through_links() {
    if !installed("paths", &["perl"]) {
        return;
    }
    let stage = Stage::new();
    let real = stage.folder().canonicalize().unwrap();
    let in_real = |name: &str| real.join(name).to_str().unwrap().to_owned();
    assert!(
        stage.sh("mkdir out; ln -s out cache; echo v >out/f; ln -s out/f link").status.success()
    );
    let script = "
        mkdir 'cache/n'; rename 'cache/f', 'g'; chmod 0600, 'link'; rmdir 'gone/x';
        mkdir 'bare'; unlink 'g'; chdir 'cache'; rmdir 'n'; rmdir '../cache/n';";
    let out = in_real("out");
    let missing = serde_json::json!(
        {"arg": 0, "whole": false, "errno": "ENOENT", "errno_raw": 2, "link": ""});
    let calls = paths(&stage, &[], script);
    let expected: Vec<Vec<Value>> = vec![
        vec![found(0, false, &out)],
        vec![found(0, false, &out)],
        // The target was renamed away; its directory is there.
        vec![found(0, false, real.to_str().unwrap())],
        vec![missing],
        vec![found(0, true, &out)],
        vec![found(0, false, &out)],
    ];
    let shown = |calls: &[Value]| serde_json::to_string_pretty(calls).unwrap();
    let plain: Vec<Value> = expected.into_iter().map(Value::from).collect();
    assert_eq!(calls, plain, "{}", shown(&calls));
    // Without names there are none, and the call itself is recorded.
    assert_eq!(paths(&stage, &["--no-names"], "mkdir 'cache/m';"), Vec::<Value>::new());
    assert!(stage.path("out/m").exists());
}

#[test]
fn paths_are_resolved_in_the_root_of_the_task() {
    if !installed("paths", &["perl"]) || !is_root() {
        return;
    }
    let stage = Stage::new();
    let real = stage.folder().canonicalize().unwrap();
    let prepared =
        stage.sh("mkdir -p root/out/sub; ln -s /out root/cache; ln -s /out/sub root/out/l");
    assert!(prepared.status.success());
    let script = "chroot 'root'; chdir '/cache'; mkdir '/cache/n'; mkdir 'l/n';";
    let root = real.join("root");
    let calls = paths(&stage, &[], script);
    let links: Vec<&str> = calls.iter().filter_map(|call| call[0]["link"].as_str()).collect();
    let expected = ["", "out", "out", "out/sub"].map(|name| match name {
        "" => root.clone(),
        name => root.join(name),
    });
    assert_eq!(links, expected.each_ref().map(|path| path.to_str().unwrap()));
}

#[test]
fn a_recording_with_paths_can_be_replayed() {
    if !installed("paths", &["perl"]) {
        return;
    }
    let stage = Stage::new();
    assert!(stage.sh("mkdir out; ln -s out cache").status.success());
    let script = "mkdir 'cache/n'; rmdir 'cache/n'; print \"done\\n\";";
    assert!(!paths(&stage, &["--replayable"], script).is_empty());
    let replayed = stage.sysreel(&["replay", "run.reel"]);
    assert!(replayed.status.success(), "{replayed:?}");
}
