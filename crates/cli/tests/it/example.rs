//! The example holds what its README promises: the committed baseline passes, and the change fails
//! it.

use crate::stage::{Ran, SYSREEL, Stage, installed};
use std::fs;
use std::path::Path;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/ci-baseline");

/// Copies the example into a home directory with a secret.
fn project() -> Stage {
    let stage = Stage::new();
    stage.write(".netrc", "machine example login me password secret\n");
    fs::create_dir_all(stage.path("project/data")).unwrap();
    for name in ["ci.sh", "sysreel.toml", "sysreel.baseline", "change.patch", "data/words.txt"] {
        fs::copy(Path::new(EXAMPLE).join(name), stage.path("project").join(name)).unwrap();
    }
    stage
}

fn check(stage: &Stage) -> Ran {
    let mut command = stage.command(SYSREEL);
    command.current_dir(stage.path("project"));
    command.args([
        "baseline",
        "check",
        "--ci",
        "--policy",
        "sysreel.toml",
        "--report",
        "junit=sysreel.xml",
    ]);
    stage.run(&mut command)
}

#[test]
fn the_committed_baseline_holds_and_catches_the_change() {
    if !installed("the_committed_baseline_holds_and_catches_the_change", &["git"]) {
        return;
    }
    let stage = project();
    for again in 0..2 {
        let ran = check(&stage);
        assert!(ran.status.success(), "{again}: {ran:?}");
        assert!(
            !ran.text().contains("matches nothing"),
            "{again}: every entry of the policy is of use: {ran:?}"
        );
    }
    let report = fs::read_to_string(stage.path("project/build/report")).unwrap();

    let mut command = stage.command("git");
    let patched =
        stage.run(command.args(["apply", "change.patch"]).current_dir(stage.path("project")));
    assert!(patched.status.success(), "{patched:?}");
    let ran = check(&stage);
    // The files that the example's tests read are unchanged.
    assert_eq!(fs::read_to_string(stage.path("project/build/report")).unwrap(), report);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let text = ran.text();
    for part in [
        "secret.read: read $HOME/.netrc",
        "exec.new: exec /usr/bin/cat",
        "policy.assert: sequence at sysreel.toml:26: a reader of the report must never see half \
         of it",
        "exec.gone: exec /usr/bin/mv",
        "3 differences at or above error",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let junit = fs::read_to_string(stage.path("project/sysreel.xml")).unwrap();
    assert!(junit.contains("failures=\"3\""), "{junit}");
    assert!(!stage.path("project/sysreel.baseline.new").exists());
}
