//! Output for machines, checked by parsers of other projects.

use crate::stage::{Ran, Stage, installed};
use serde_json::Value;
use std::fs;

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/diff.schema.json");

/// Counts cases, failures, errors and texts as readers of JUnit do, and prints them.
const READ_JUNIT: &str = r#"
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == "testsuites", root.tag
suites = list(root)
assert [s.tag for s in suites] == ["testsuite"], suites
cases = suites[0].findall("testcase")
for case in cases:
    assert set(case.attrib) == {"classname", "name"}, case.attrib
    assert {c.tag for c in case} <= {"failure", "error", "system-out"}, list(case)
assert len({c.get("name") for c in cases}) == len(cases)
failures = [c for c in cases if c.find("failure") is not None]
errors = [c for c in cases if c.find("error") is not None]
for told, really in (("tests", cases), ("failures", failures), ("errors", errors)):
    assert int(root.get(told)) == int(suites[0].get(told)) == len(really), told
for case in failures:
    assert case.find("failure").get("message") and case.find("failure").get("type")
    print(case.get("name"), case.find("failure").text)
"#;

/// Makes a folder with two logs of a script, before and after a change with several kinds of
/// differences.
fn two_runs() -> Stage {
    let stage = Stage::new();
    let record = |log: &str| {
        let ran = stage.sysreel(&["record", "-q", "-o", log, "sh", "s.sh"]);
        assert!(ran.status.code().is_some_and(|code| code < 124), "{ran:?}");
    };
    stage.write("in", "x\n");
    stage.write("s.sh", "read x < in; echo $x > out");
    record("a.reel");
    stage.write(
        "s.sh",
        "read x < in; read y < /etc/passwd; echo $x > 'a <b>&\"`' ; mkdir -p d; exit 3",
    );
    record("b.reel");
    stage
}

/// Parses a file after validating it against the schema.
#[track_caller]
pub(crate) fn valid(stage: &Stage, file: &str) -> Value {
    let ran = stage.run(
        stage
            .command("jsonschema")
            .env("HOME", std::env::var_os("HOME").unwrap_or_default())
            .args(["-i", file, SCHEMA]),
    );
    assert!(ran.status.success() && ran.text().trim().is_empty(), "{file}: {ran:?}");
    serde_json::from_slice(&fs::read(stage.path(file)).unwrap()).unwrap()
}

#[test]
fn json_matches_its_schema() {
    if !installed("json_matches_its_schema", &["jsonschema"]) {
        return;
    }
    let stage = two_runs();
    stage.write(
        "p.toml",
        "[[ignore]]\nop = \"read\"\nresource = \"/etc/passwd\"\nreason = \"public\"\n\
         [[ignore]]\nop = \"sync\"\nreason = \"of no use\"\n",
    );
    for (name, level, options) in [
        ("effects", "effects", &["--policy", "p.toml"][..]),
        ("sequence", "sequence", &[]),
        ("fields", "fields", &["--gate", "info"]),
        ("timing", "timing", &[]),
    ] {
        let file = format!("{name}.json");
        let report = format!("json={file}");
        let ran = stage.sysreel(
            &[&["diff", "--level", level, "--report", &report, "a.reel", "b.reel"], options]
                .concat(),
        );
        assert_eq!(ran.status.code(), Some(1), "{ran:?}");
        let value = valid(&stage, &file);
        assert!(value["failing"].as_u64().unwrap() > 0 && value["passes"] == false);
        if name == "effects" {
            assert_eq!(value["excepted"][0]["count"], 1, "{value}");
            assert!(
                value["notices"][0]
                    .as_str()
                    .unwrap()
                    .starts_with("p.toml:5: this ignore matches nothing"),
                "{value}"
            );
        }
    }
    // Standard output gets the same.
    let ran = stage.sysreel(&["diff", "--format", "json", "a.reel", "a.reel"]);
    stage.write("same.json", &ran.stdout);
    assert_eq!(valid(&stage, "same.json")["passes"], true);
    // The validator does reject a wrong document.
    stage.write("wrong.json", ran.text().replace("\"gate\": \"note\"", "\"gate\": \"fatal\""));
    let ran = stage.run(
        stage
            .command("jsonschema")
            .env("HOME", std::env::var_os("HOME").unwrap_or_default())
            .args(["-i", "wrong.json", SCHEMA]),
    );
    assert!(!ran.status.success(), "{ran:?}");
}

#[test]
fn another_parser_reads_the_junit_report() {
    if !installed("another_parser_reads_the_junit_report", &["python3"]) {
        return;
    }
    let stage = two_runs();
    let read = |file: &str| -> Ran {
        let ran = stage.run(
            stage
                .command("python3")
                .env("HOME", std::env::var_os("HOME").unwrap_or_default())
                .args(["-c", READ_JUNIT, file]),
        );
        assert!(ran.status.success(), "{ran:?}");
        ran
    };
    stage.sysreel(&["diff", "--report", "junit=all.xml", "a.reel", "b.reel"]);
    let text = read("all.xml").text();
    for part in [
        "exit error exit.status",
        "exit: 0 => 3",
        "exec error exec.new",
        "fs warn fs.write.new",
        "a <b>&\"`",
        "read /etc/passwd",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    // Logs that cannot be compared are reported, too.
    stage.sysreel(&["record", "-q", "--capture-limit", "0", "-o", "structs.reel", "true"]);
    let ran = stage.sysreel(&["diff", "--report", "junit=structs.xml", "a.reel", "structs.reel"]);
    ran.fails(4, &["not comparable"]);
    read("structs.xml");
    assert!(fs::read_to_string(stage.path("structs.xml")).unwrap().contains("errors=\"1\""));
    // What is below the gate fails nothing.
    stage.sysreel(&["diff", "--gate", "error", "--report", "junit=errors.xml", "a.reel", "b.reel"]);
    let text = read("errors.xml").text();
    assert!(text.contains("exit.status") && !text.contains("/etc/passwd"), "{text}");
    stage.sysreel(&["diff", "--report", "junit=same.xml", "a.reel", "a.reel"]);
    assert_eq!(read("same.xml").text(), "");
}

#[test]
fn github_gets_annotations_and_a_summary_within_its_limits() {
    let stage = two_runs();
    // The size limit applies to the whole step.
    stage.write("summary.md", vec![b'.'; (1 << 20) - 600]);
    let mut command = stage.command(crate::stage::SYSREEL);
    command
        .args(["diff", "--format", "github", "a.reel", "b.reel"])
        .env("GITHUB_STEP_SUMMARY", stage.path("summary.md"));
    let ran = stage.run(&mut command);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let summary = fs::read(stage.path("summary.md")).unwrap();
    assert!(summary.len() <= 1 << 20, "{}", summary.len());
    let added = String::from_utf8_lossy(&summary[(1 << 20) - 600..]).into_owned();
    assert!(added.starts_with("### ❌ sysreel: ") && added.contains("had no room here"), "{added}");
    let annotations: Vec<_> =
        ran.text().lines().filter(|line| line.starts_with("::")).map(str::to_owned).collect();
    assert!(!annotations.is_empty() && annotations.len() <= 10, "{ran:?}");
    assert!(
        annotations[0].starts_with("::error title=sysreel%3A exec.new::sh>mkdir: + mkdir -p d"),
        "{annotations:?}"
    );
    let page = stage.sysreel(&["diff", "--format", "markdown", "a.reel", "b.reel"]).text();
    assert!(
        page.contains("<details open><summary>error (")
            && page.contains("`` + write $WS/a <b>&\"` ``"),
        "{page}"
    );
}

#[test]
fn results_to_bad_places_fail() {
    let stage = two_runs();
    stage
        .sysreel(&["diff", "--report", "junit=missing/x.xml", "a.reel", "b.reel"])
        .fails(1, &["missing/x.xml"]);
    stage
        .sysreel(&["diff", "--report", "html=x", "a.reel", "b.reel"])
        .fails(2, &["unknown format `html`", "junit"]);
    stage.sysreel(&["diff", "--report", "x", "a.reel", "b.reel"]).fails(2, &["FORMAT=FILE"]);
    let ran = stage.sysreel(&["diff", "--exit-zero", "a.reel", "b.reel"]);
    assert!(ran.status.success() && ran.text().contains("exit.status"), "{ran:?}");
}
