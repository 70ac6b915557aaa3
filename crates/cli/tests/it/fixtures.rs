//! Every fixture program, bare and recorded: it ends the same way, and the log shows what it
//! stated.

use crate::matcher::check;
use crate::program::{Program, folder, program};
use crate::session::{Session, is_root, zstd_accepts};
use crate::statements::{Claim, Statement, parse};
use crate::{reading, session::Run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use sysreel_format::{
    BlockWriter, Completeness, Extras, FileHeader, FileId, Item, Limits, Log, SEGMENT_SIZE, Segment,
};

/// So large that no region of a fixture is cut.
const NOTHING_CUT: &str = "1M";
/// So small that most are.
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

// What other tests attach to, kill and load a recorder with. They state nothing, and must end by
// themselves.
fixtures! { TARGETS, ends_as_documented:
    deny_call epoll_server exec_loop ledger machine_has newborns_die sandboxed_poll sleeper spin
    stop_storm tail_attack
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
        hold(name, &program, &Session::new(&program), &["--capture-limit", LITTLE]);
    }
}

/// Where the recorder leaves the CPUs alone, the tasks of a program run at the same time as it and
/// as each other: other orders.
const POLICIES: [&str; 2] = ["auto", "free"];

fn holds_its_statements(name: &str) {
    let program = program(name);
    for policy in POLICIES {
        hold(
            name,
            &program,
            &Session::new(&program),
            &["--capture-limit", NOTHING_CUT, "--cpu", policy],
        );
    }
    if is_root() {
        hold(name, &program, &Session::unprivileged(&program), &["--capture-limit", NOTHING_CUT]);
    } else {
        crate::stage::skipped(&format!(
            "{name} without capabilities: only root can become another user"
        ));
    }
}

fn hold(name: &str, program: &Program, session: &Session, options: &[&str]) {
    let Some(run) = record(name, program, session, options) else { return };
    let mut statements = understood(name, &run);
    if options.contains(&LITTLE) {
        statements.retain(|statement| !matches!(statement.claim, Claim::Print(_)));
    }
    assert!(!statements.is_empty(), "{name} states nothing");
    let problems =
        check(&statements, &reading::read(&printed(session, "raw")), &printed(session, "text"));
    assert!(
        problems.is_empty(),
        "{name} {options:?}: {} problems\n\n{}\n",
        problems.len(),
        problems.join("\n\n")
    );
    eprintln!("{name}: {} statements hold", statements.len());
}

/// Does a seccomp filter of the recorder's own break the program, as `record --only` says it may? A
/// task that is not followed (CLONE_UNTRACED) has the filter and no tracer, so no task is handed
/// over to a program that traces; and strict mode is refused to whoever has a filter (seccomp(2)).
/// uprobe and uretprobe pass every filter without being asked about (kernel/seccomp.c, Linux 6.14),
/// so a filter makes no stop of them.
pub(crate) fn breaks_under_a_filter(name: &str) -> bool {
    let source = std::fs::read_to_string(folder().join(format!("{name}.c"))).unwrap();
    ["untraced_child()", "CLONE_UNTRACED", "SECCOMP_MODE_STRICT", "uprobe", "PTRACE_TRACEME"]
        .iter()
        .any(|word| source.contains(word))
}

/// With a filter that lets everything stop, everything is seen that is seen without, but for
/// entries: there the filter's stop tells of the call.
#[test]
fn only_all_is_all() {
    for name in PROGRAMS.iter().filter(|name| !breaks_under_a_filter(name)) {
        let program = program(name);
        let session = Session::new(&program);
        let options = ["--capture-limit", NOTHING_CUT, "--only", "all"];
        let Some(run) = record(name, &program, &session, &options) else { continue };
        let statements = understood(name, &run);
        let mut stops = reading::read(&printed(&session, "raw"));
        reading::filter_stops_are_entries(&mut stops);
        let problems = check(&statements, &stops, &printed(&session, "text"));
        assert!(problems.is_empty(), "{name} {options:?}: {}", problems.join("\n\n"));
    }
}

fn ends_as_documented(name: &str) {
    let program = program(name);
    let session = Session::new(&program);
    if let Some(run) = record(name, &program, &session, &[]) {
        assert_eq!(run.statements, "", "{name} is a target, and states something");
    }
}

/// Runs it bare and recorded; nothing when the machine lacks what it needs.
fn record(name: &str, program: &Program, session: &Session, options: &[&str]) -> Option<Run> {
    let bare = session.bare(program);
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
    let run = session.recorded(program, options);
    assert!(
        run.ended(&program.end),
        "{name}, recorded: {:?}, not {:?}\n{}",
        run.status,
        program.end,
        run.stderr
    );
    assert_eq!(run.stderr, bare.stderr, "{name} says something else when it is recorded");
    // A server says which port it was given.
    if !TARGETS.contains(&name) {
        assert_eq!(run.stdout, bare.stdout, "{name} says something else when it is recorded");
    }
    is_whole(name, session);
    Some(run)
}

fn understood(name: &str, run: &Run) -> Vec<Statement> {
    parse(&run.statements).unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn is_whole(name: &str, session: &Session) {
    let log = &session.log();
    zstd_accepts(log).unwrap_or_else(|why| panic!("{name}: zstd -t: {why}"));
    let run = session.sysreel(&["info".as_ref(), "--json".as_ref(), log.as_ref()]);
    assert!(run.status.success(), "{name}: info: {:?} {}", run.status, run.stderr);
    let info: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(info["ending"]["state"], "clean", "{name}: {info}");
    assert_eq!(info["missing"], Value::Array(Vec::new()), "{name}: {info}");
    codecs_agree(name, log);
    let tail = log.with_extension("reel.tail");
    assert!(!tail.exists(), "{name}: {} is left", tail.display());
}

const ID: FileId = FileId([7; 16]);

/// The rows of every block have the hash that their writer gave them, and come back the same
/// through either codec.
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

/// What `sysreel print` says in this format.
fn printed(session: &Session, format: &str) -> String {
    let run = session.sysreel(&[
        "print".as_ref(),
        "--format".as_ref(),
        format.as_ref(),
        session.log().as_ref(),
    ]);
    assert!(run.status.success(), "print --format {format}: {:?}\n{}", run.status, run.stderr);
    String::from_utf8(run.stdout).expect("what is printed is UTF-8")
}
