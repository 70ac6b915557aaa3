//! Runs every fixture program bare and recorded: it ends the same way, and the log shows what it
//! stated.

use crate::matcher::check;
use crate::program::{Program, folder, program};
use crate::reading;
use crate::stage::{Ran, Stage, is_root, zstd_accepts};
use crate::statements::{Claim, Statement, parse};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use sysreel_format::{
    BlockWriter, Completeness, Extras, FileHeader, FileId, Item, Limits, Log, SEGMENT_SIZE, Segment,
};

/// Above the size of any region of a fixture.
const NOTHING_CUT: &str = "1M";
/// Below the size of most regions.
const LITTLE: &str = "24";

macro_rules! fixtures {
    ($list:ident, $run:path: $($name:ident)*) => {
        pub(crate) const $list: &[&str] = &[$(stringify!($name)),*];
        $(#[test]
        fn $name() {
            $run(stringify!($name));
        })*
    };
}

fixtures! { PROGRAMS, holds_its_statements:
    all_async all_io all_machine all_mounts all_names all_poll all_process all_sockets all_state
    all_clocks all_creds all_futexes all_memory all_messages all_signals
    i386_files i386_ipc i386_machine i386_process
    affinity_seen clone_flags closed_standard_fds death_by_segv end_with event_fds exec_arch
    exec_big_arguments
    exec_failures exec_from_thread exec_leader_gone exit_group_siblings exit_ways fixed_structs
    fork_ways group_stop
    ignored_signals int80_mixed iovec_bad_element kill_in_pause many_children memory_calls
    namespace_init_crash nothing_happened nr_values page_end
    paths_and_names poll_select_buffers ptrace_self read_interrupted restart_after_stop
    reused_buffer rval_not_error
    rw_buffers seccomp_all_threads seccomp_kills seccomp_trace signal_kinds sigreturn_value
    socket_buffers sockets spawn_exec
    threads_die_in_calls threads_futex trace_others undumpable undumpable_exec vfork_exec
    written_on_error
}

// Programs that other tests attach to or kill. They state nothing, and end by themselves.
fixtures! { TARGETS, ends_as_documented:
    deny_call epoll_server exec_loop fast_corners fast_ledger ledger machine_has many_ends
    newborns_die sandboxed_poll served_files
    sleeper spin stop_storm tail_attack untraced_child witnessed
}

#[test]
fn every_program_is_tested() {
    let listed: BTreeSet<String> =
        PROGRAMS.iter().chain(TARGETS).map(|name| (*name).to_owned()).collect();
    let there: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension() == Some(OsStr::new("c")))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(there, listed, "the lists in this file name every program of fixtures/programs");
}

#[test]
fn a_small_capture_limit_keeps_the_beginning_of_every_region() {
    for name in ["rw_buffers", "page_end", "iovec_bad_element"] {
        let program = program(name);
        hold(name, &program, &Stage::new(), &["--capture-limit", LITTLE]);
    }
}

/// With `free`, tasks run at the same time as the recorder and as each other, in other orders.
const POLICIES: [&str; 2] = ["auto", "free"];

fn holds_its_statements(name: &str) {
    let program = program(name);
    for policy in POLICIES {
        hold(name, &program, &Stage::new(), &["--capture-limit", NOTHING_CUT, "--cpu", policy]);
    }
    if is_root() {
        hold(name, &program, &Stage::unprivileged(&program), &["--capture-limit", NOTHING_CUT]);
    } else {
        crate::stage::skipped(&format!(
            "{name} without capabilities: only root can become another user"
        ));
    }
}

fn hold(name: &str, program: &Program, stage: &Stage, options: &[&str]) {
    let Some(run) = record(name, program, stage, options) else { return };
    let mut statements = understood(name, &run);
    if options.contains(&LITTLE) {
        statements.retain(|statement| !matches!(statement.claim, Claim::Print(_)));
    }
    assert!(!statements.is_empty(), "{name} states nothing");
    let problems =
        check(&statements, &reading::read(&stage.printed("raw")), &stage.printed("text"));
    assert!(
        problems.is_empty(),
        "{name} {options:?}: {} problems\n\n{}\n",
        problems.len(),
        problems.join("\n\n")
    );
    eprintln!("{name}: {} statements hold", statements.len());
}

/// Whether the filter of `record --only` changes what the program does, as its documentation says.
/// A task without a tracer (CLONE_UNTRACED) has the filter all the same, so no task is handed over
/// to a program that traces; strict mode is refused to a task with a filter (seccomp(2)). uprobe
/// and uretprobe pass every filter (kernel/seccomp.c, Linux 6.14), so they have no filter stop.
pub(crate) fn breaks_under_a_filter(name: &str) -> bool {
    let source = std::fs::read_to_string(folder().join(format!("{name}.c"))).unwrap();
    ["untraced_child()", "CLONE_UNTRACED", "SECCOMP_MODE_STRICT", "uprobe", "PTRACE_TRACEME"]
        .iter()
        .any(|word| source.contains(word))
}

/// A filter that selects every call gives the stops of a plain recording; the filter's stop takes
/// the place of the entry.
#[test]
fn only_all_is_all() {
    for name in PROGRAMS.iter().filter(|name| !breaks_under_a_filter(name)) {
        let program = program(name);
        let stage = Stage::new();
        let options = ["--capture-limit", NOTHING_CUT, "--only", "all"];
        let Some(run) = record(name, &program, &stage, &options) else { continue };
        let statements = understood(name, &run);
        let mut stops = reading::read(&stage.printed("raw"));
        reading::filter_stops_are_entries(&mut stops);
        let problems = check(&statements, &stops, &stage.printed("text"));
        assert!(problems.is_empty(), "{name} {options:?}: {}", problems.join("\n\n"));
    }
}

/// Records a program from inside: the filter's stops take the place of entries, as with `--only`.
pub(crate) fn holds_fast(name: &str, mode: &str) {
    let (program, stage) = (program(name), Stage::new());
    let options = ["--capture-limit", NOTHING_CUT, mode];
    let Some(run) = record(name, &program, &stage, &options) else { return };
    let statements = understood(name, &run);
    let mut stops = reading::read(&stage.printed("raw"));
    reading::filter_stops_are_entries(&mut stops);
    let problems = check(&statements, &stops, &stage.printed("text"));
    assert!(problems.is_empty(), "{name} {options:?}: {}", problems.join("\n\n"));
}

/// Several tracers, to which every new process moves in turn, record what one does.
#[test]
fn several_tracers_record_what_one_does() {
    for name in PROGRAMS {
        let options = ["--capture-limit", NOTHING_CUT, "--tracers", "3", "--move-processes"];
        hold(name, &program(name), &Stage::new(), &options);
    }
}

fn ends_as_documented(name: &str) {
    let program = program(name);
    let stage = Stage::new();
    if let Some(run) = record(name, &program, &stage, &[]) {
        assert_eq!(run.statements, "", "{name} is a target, and states something");
    }
}

/// Runs the program bare and recorded. Returns `None` if the machine lacks what it needs.
fn record(name: &str, program: &Program, stage: &Stage, options: &[&str]) -> Option<Ran> {
    let bare = stage.bare(program);
    if bare.skipped() {
        crate::stage::skipped(&format!("{name}: {}", bare.statements.trim_end()));
        return None;
    }
    assert!(
        bare.ended(&program.end),
        "{name}, bare: {:?}, not {:?}\n{}",
        bare.status,
        program.end,
        bare.stderr
    );
    understood(name, &bare);
    let run = stage.record(program, options);
    assert!(
        run.ended(&program.end),
        "{name}, recorded: {:?}, not {:?}\n{}",
        run.status,
        program.end,
        run.stderr
    );
    assert_eq!(run.stderr, bare.stderr, "{name} says something else when it is recorded");
    // A server prints the port that it was given.
    if !TARGETS.contains(&name) {
        assert_eq!(run.stdout, bare.stdout, "{name} says something else when it is recorded");
    }
    is_whole(name, stage);
    Some(run)
}

fn understood(name: &str, run: &Ran) -> Vec<Statement> {
    parse(&run.statements).unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn is_whole(name: &str, stage: &Stage) {
    let log = &stage.log();
    zstd_accepts(log).unwrap_or_else(|why| panic!("{name}: zstd -t: {why}"));
    let run = stage.sysreel(&["info", "--json", log.to_str().unwrap()]);
    assert!(run.status.success(), "{name}: info: {run:?}");
    let info: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(info["ending"]["state"], "clean", "{name}: {info}");
    assert_eq!(info["missing"], Value::Array(Vec::new()), "{name}: {info}");
    codecs_agree(name, log);
    let tail = log.with_extension("reel.tail");
    assert!(!tail.exists(), "{name}: {} is left", tail.display());
}

const ID: FileId = FileId([7; 16]);

/// Checks that the rows of every block have their hash, and that both codecs return them unchanged.
pub(crate) fn codecs_agree(name: &str, log: &std::path::Path) {
    let log = Log::open(std::fs::read(log).unwrap(), Limits::default()).unwrap();
    let rows = rows(&log);
    for header in [
        FileHeader::new(ID, Completeness::default()),
        FileHeader::new(ID, Completeness::default()).with_sites(),
    ] {
        let mut writer = BlockWriter::create(Vec::new(), header, log.meta()).unwrap();
        let mut written = 0;
        while written < rows.len() {
            let mut segment = Segment::open(vec![0; SEGMENT_SIZE], &ID, 1, written as u64, 0);
            while rows.get(written).is_some_and(|row| segment.append_event(row).is_ok()) {
                written += 1;
            }
            segment.seal();
            writer.write_segment(&segment).unwrap();
        }
        let again = writer.finish(Completeness::default(), &Extras::default()).unwrap();
        let again = Log::open(again, Limits::default()).unwrap();
        assert!(rows == self::rows(&again), "{name}: other rows after writing with {header:?}");
    }
}

fn rows(log: &Log<Vec<u8>>) -> Vec<Vec<u8>> {
    let (mut events, mut rows) = (log.events(), Vec::new());
    events.check_hashes(true);
    while let Some(item) = events.next().unwrap() {
        match item {
            Item::Event(event) => rows.push(event.row().to_vec()),
            Item::Missing(missing) => panic!("{missing}"),
        }
    }
    rows
}
