//! Without captured memory the recorder still follows threads and descriptors.

use crate::program::program;
use crate::stage::Stage;
use serde_json::Value;

fn stops(stage: &Stage) -> Vec<Value> {
    let raw = stage.sysreel(&["print", "--format", "raw", "x.reel"]).text();
    let events = raw.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["kind"] == "stop").collect()
}

#[test]
fn threads_are_threads() {
    let stage = Stage::new();
    let threads = program("threads_futex").binary.clone();
    let threads = threads.to_str().unwrap();
    for limit in ["0", "64K"] {
        stage.sysreel(&["record", "-q", "-o", "x.reel", "--capture-limit", limit, "--", threads]);
        let info: Value =
            serde_json::from_str(&stage.sysreel(&["info", "--json", "x.reel"]).text())
                .expect("JSON");
        let tasks = info["tasks"].as_array().unwrap();
        assert!(tasks.len() > 2, "{tasks:?}");
        for task in tasks {
            assert_eq!(task["tgid"], tasks[0]["tid"], "limit {limit}: {task}");
        }
        assert!(
            tasks[1..].iter().all(|task| task["origin"] == "thread"),
            "limit {limit}: {tasks:?}"
        );
    }
}

#[test]
fn pipes_have_names_and_no_memory_is_kept() {
    let stage = Stage::new();
    stage.sysreel(&[
        "record",
        "-q",
        "-o",
        "x.reel",
        "--capture-limit",
        "0",
        "--",
        "sh",
        "-c",
        "true | true",
    ]);
    let stops = stops(&stage);
    // dup2 records a name as well; only a call that makes a pipe records two in one stop.
    let pipes = stops.iter().filter_map(|stop| stop["names"].as_array()).filter(|names| {
        names.len() == 2 && names.iter().all(|name| name["link"].to_string().contains("pipe:["))
    });
    assert_eq!(pipes.count(), 1, "both ends of one pipe");
    let regions = stops.iter().filter_map(|stop| stop["regions"].as_array()).flatten().count();
    assert_eq!(regions, 0, "no memory is kept");
}
