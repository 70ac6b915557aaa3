//! Baselines of other formats.

use crate::baseline::{baseline, recorded, text};
use crate::stage::SYSREEL;

#[test]
fn a_baseline_of_format_1_is_migrated() {
    let stage = recorded("umask 022; : > out\n", &[]);
    let new = text(&stage, "sysreel.baseline");
    let old: String = new
        .replace("sysreel-baseline 2", "sysreel-baseline 1")
        .replace(" effects=4", "")
        .lines()
        .filter(|line| !line.contains(" create "))
        .map(|line| format!("{line}\n"))
        .collect();
    stage.write("sysreel.baseline", &old);
    let ran = baseline(&stage, &["migrate"]);
    assert!(ran.status.success(), "{ran:?}");
    for part in ["no permissions and flags of new files", "no locks", "is of format 2 now"] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    let migrated = text(&stage, "sysreel.baseline");
    assert!(migrated.starts_with("sysreel-baseline 2\n"), "{migrated}");
    assert!(migrated.contains(" effects=1 ") && migrated.contains("\n= sh write $WS/out ok\n"));
    let ran = baseline(&stage, &["check", "--gate", "note"]);
    assert!(ran.status.success(), "{ran:?}");
    // Nothing is left to do, and what is missing is said again.
    let ran = baseline(&stage, &["migrate", "sysreel.baseline"]);
    assert!(ran.stderr.contains("of the present format") && ran.stderr.contains("no locks"));
    assert_eq!(text(&stage, "sysreel.baseline"), migrated);
    // Recorded again, it has them.
    assert!(baseline(&stage, &["record", "-n", "1"]).status.success());
    let ran = baseline(&stage, &["review"]);
    assert!(ran.text().contains("+ = sh create $WS/out 0644,O_TRUNC ok"), "{ran:?}");
    // What is in both is no change.
    assert!(!ran.text().contains("sh write $WS/out"), "{ran:?}");
    let count = |sign| ran.text().lines().filter(|line| line.starts_with(sign)).count();
    let said = format!("{} lines change;", count("+ ") + count("- "));
    assert!(ran.text().contains(&said), "{said}: {ran:?}");
    stage.write("sysreel.baseline", new.replace("baseline 2", "baseline 3"));
    baseline(&stage, &["migrate"]).fails(2, &["format 3 is newer", "upgrade sysreel, or record"]);
    let mut command = stage.command(SYSREEL);
    command.args(["baseline", "migrate"]).env("CI", "true");
    stage.run(&mut command).fails(2, &["CI never writes"]);
}
