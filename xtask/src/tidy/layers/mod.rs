//! Imports between the modules of a crate: in layers, and without circles.
//!
//! A module is a file. Module A imports B when code of A that is compiled without tests names
//! something that B defines. A re-export is not an import: who names an item through a parent that
//! re-exports it imports the child that defines it, and the parent imports the child only when its
//! own code uses the item. Methods are not looked up: using a type counts as importing its methods.

mod collect;
mod graph;
mod resolve;

use super::CRATES;
use super::source::Repository;
use graph::Graph;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The layers of each crate, from the lowest to the highest. A layer is a list of modules, by
/// their paths in src/ (`plan` is src/plan.rs or src/plan/mod.rs with all below src/plan/). The
/// files of a layer import from their own and from lower ones. Without layers only circles are
/// checked. The root of a crate is above all layers.
const LAYERS: &[(&str, &[&[&str]])] = &[
    ("format", &[]),
    (
        "abi",
        &[
            &["arch", "bytes", "consts", "desc", "errno", "layout"],
            &["special", "table"],
            &["demultiplex", "number"],
            &[
                "attributes",
                "clone",
                "fast",
                "fd_table",
                "fds",
                "filter",
                "inherited",
                "intent",
                "mapped",
                "netlink",
                "places",
                "plan",
                "render",
                "replay",
                "rights",
                "seccomp",
                "seed",
                "signal",
                "tracing",
            ],
        ],
    ),
    ("sys", &[]),
    (
        "record",
        &[
            &["error", "options", "progress", "watchdog"],
            &[
                "exchange",
                "file",
                "log_file",
                "log_guard",
                "message",
                "output",
                "sink",
                "sync",
                "tail",
                "writer",
            ],
            &["meta"],
            &["engine"],
            &["audit", "call_filter", "cpu_affinity", "determinism", "fast", "names"],
            &["begin", "tracers"],
            &["outcome"],
            &["recorder"],
        ],
    ),
    (
        "replay",
        &[
            &["error", "frame", "options"],
            &["divergence", "elf", "file_pool", "kernel", "machine"],
            &["outcome", "preconditions", "stub_place"],
            &["engine/guard", "engine/halt", "engine/stop_info", "engine/target"],
            &["engine/address_space", "engine/task"],
            &["engine/run", "engine/tasks"],
            &["engine/step"],
            &[
                "engine/ends",
                "engine/facts",
                "engine/ids",
                "engine/limits",
                "engine/parts",
                "engine/places",
                "engine/resize",
                "engine/state",
                "engine/summary",
            ],
            &["engine/births", "engine/calls", "engine/exit", "engine/signals"],
            &["engine/stops"],
            &["engine"],
            &["backtrace"],
            &["replay"],
        ],
    ),
    (
        "inspect",
        &[
            &[
                "add",
                "color",
                "completeness",
                "error",
                "event_range",
                "findings",
                "left_out",
                "log_file",
                "recorded_filter",
                "regions",
                "source",
                "style",
                "text",
                "visible",
            ],
            &["state"],
            &["calls"],
            &["decode", "filter"],
            &["counts", "info", "print", "raw"],
            &["diff"],
        ],
    ),
    ("cli", &[]),
    (
        "views",
        &[
            &["bounded", "hexdump", "page", "pool", "select", "shell", "sockets", "text"],
            &["environment", "nodes", "table", "touches", "view"],
            &["captured"],
            &[
                "env", "fds", "files", "grep", "lint", "maps", "net", "show", "stat", "stream",
                "tree", "waits",
            ],
        ],
    ),
    (
        "export",
        &[
            &["class_lists", "options", "row"],
            &["exporter"],
            &["allowed", "blocked", "canvas", "counters", "flows", "grants", "rows"],
            &["pass", "timeline"],
            &[
                "bwrap",
                "chrome",
                "csv",
                "dot",
                "folded",
                "landlock",
                "ndjson",
                "pcapng",
                "perfetto",
                "seccomp",
                "speedscope",
                "strace",
                "systemd",
                "tables",
            ],
            &["format"],
            &["export"],
        ],
    ),
    (
        "report",
        &[&["options", "page", "places", "rank", "table"], &["calls", "tables"], &["diff", "log"]],
    ),
    (
        "browse",
        &[
            &[
                "fitting", "keys", "options", "panes", "program", "prompt", "row", "terminal",
                "typing",
            ],
            &["index"],
            &["list", "message", "tree"],
            &["reading"],
            &["browser"],
            &["draw"],
            &["run"],
        ],
    ),
];

/// The files that are in an import circle and may be: a list that only shrinks.
const EXCEPTIONS: &str = "xtask/src/tidy/circles.txt";

/// Complaints of imports from a higher layer.
pub(super) fn layers(repository: &Repository) -> Vec<String> {
    let all = LAYERS.iter().filter(|(_, layers)| !layers.is_empty());
    all.flat_map(|(krate, layers)| check(&Graph::of(repository, krate), krate, layers)).collect()
}

fn check(graph: &Graph, krate: &str, layers: &[&[&str]]) -> Vec<String> {
    let src = format!("crates/{krate}/src/");
    let is_root = |file: &str| ["lib.rs", "main.rs"].contains(&&file[src.len()..]);
    let layer = |file: &str| {
        let file = file.strip_prefix(&src)?.strip_suffix(".rs")?;
        layers.iter().position(|modules| {
            modules.iter().any(|module| {
                file.strip_prefix(module)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        })
    };
    let mut complaints = Vec::new();
    for file in graph.files().filter(|file| !is_root(file)) {
        let Some(own) = layer(file) else {
            complaints.push(format!("{file} is in no layer"));
            continue;
        };
        for (target, places) in graph.imports(file) {
            if layer(target).is_none_or(|other| other > own) {
                let (line, what) = &places[0];
                complaints.push(format!("{file}:{line} imports {what} of the higher {target}"));
            }
        }
    }
    complaints
}

/// Complaints of files that are in a circle and not among the exceptions, and of exceptions that
/// are in no circle any more.
pub(super) fn circles(repository: &Repository) -> Vec<String> {
    let listed = exceptions(repository);
    let in_circles: BTreeSet<String> =
        CRATES.iter().flat_map(|krate| Graph::of(repository, krate).circles()).flatten().collect();
    let mut complaints = Vec::new();
    for file in in_circles.difference(&listed) {
        complaints.push(format!("{file} (`cargo xtask tidy --circles` shows the imports)"));
    }
    for file in listed.difference(&in_circles) {
        complaints.push(format!("{file} is in none: remove its line from {EXCEPTIONS}"));
    }
    complaints
}

/// The files listed as exceptions.
fn exceptions(repository: &Repository) -> BTreeSet<String> {
    let list = repository.sources.iter().find(|source| source.path == EXCEPTIONS);
    list.into_iter()
        .flat_map(|list| list.text.lines())
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// How many exceptions each crate has.
pub(super) fn exceptions_by_crate(repository: &Repository) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for file in exceptions(repository) {
        *counts.entry(super::crate_of(&file).unwrap_or("").to_owned()).or_default() += 1;
    }
    counts
}

/// The circles of each crate with the imports between their files.
pub(super) fn describe(repository: &Repository) -> String {
    let mut text = String::new();
    for krate in CRATES {
        let graph = Graph::of(repository, krate);
        for circle in graph.circles() {
            writeln!(text, "{krate}: {} files import one another", circle.len()).unwrap();
            for file in &circle {
                writeln!(text, "  {file}").unwrap();
                for (target, places) in graph.imports(file) {
                    if circle.contains(target) {
                        let places: Vec<String> =
                            places.iter().map(|(line, what)| format!("{line} {what}")).collect();
                        writeln!(text, "    -> {target}: {}", places.join(", ")).unwrap();
                    }
                }
            }
        }
    }
    if text.is_empty() {
        text.push_str("no import circles\n");
    }
    text
}

/// The files whose module is declared under `#[cfg(test)]`, or below such a module.
pub(super) fn test_files(repository: &Repository) -> BTreeSet<String> {
    let roots = repository.rust("").filter(|(source, _)| {
        ["src/lib.rs", "src/main.rs"].iter().any(|root| source.path.ends_with(root))
    });
    roots.flat_map(|(root, _)| collect::Crate::of(repository, &root.path).test_files).collect()
}

#[cfg(test)]
mod tests;
