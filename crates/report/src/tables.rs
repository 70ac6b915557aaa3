//! The views of a log as tables of a page. Every number comes from a view.

use serde::Serialize;
use sysreel_inspect::{Error, LogFile};
use sysreel_views::shell::command_line;
use sysreel_views::tree::{self, End, Node};
use sysreel_views::waits::{self, Blocked};
use sysreel_views::{Select, collect, files, lint, net, stat};

use crate::options::Options;
use crate::rank::{self, Ranked};
use crate::table::{Kind, Table};

use Kind::{Growing, Number, Text};

/// How many of the slowest calls are listed.
const SLOWEST: usize = 100;

/// Reads a log once for what it used: files, the network, what it waited for, and the calls that
/// matter.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn uses(log: &LogFile, options: &Options) -> Result<(Vec<Table>, Ranked), Error> {
    let files_options = files::Options::default();
    let waiting = (waits::blocked_collector(usize::MAX), waits::collector());
    let using = (files::collector(&files_options), net::collector());
    let all = (rank::collector(), (waiting, using));
    let ((ranked, ((blocked, open), (files, net))), _) = collect(log, &Select::default(), all)?;
    let open = open.settle(log)?;
    let mut tables = vec![of_waits(&blocked, options), of_open_calls(&open, options)];
    tables.extend([of_files(&files, options), of_searches(&files, options)]);
    tables.extend([of_network(&net, options), of_lookups(&net, options)]);
    Ok((tables, ranked))
}

/// Reads a log once for its processes, where time went, and what failed.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn times(log: &LogFile, options: &Options) -> Result<Vec<Table>, Error> {
    let by = |names: &[&str], slowest| {
        let by = names.iter().filter_map(|name| name.parse().ok()).collect();
        stat::Options { by, slowest, ..stat::Options::default() }
    };
    let (call, process) = (by(&["call"], SLOWEST), by(&["pid", "exe"], 0));
    let (error, tree_options) = (by(&["errno", "call"], 0), tree::Options::default());
    let groups = |options| stat::collector(log, options);
    let counting = (groups(&call), (groups(&process), groups(&error)));
    let all = (counting, (tree::collector(log, &tree_options), lint::collector()));
    let (read, _) = collect(log, &Select::default(), all)?;
    let ((call, (process, error)), (tree, lint)) = read;
    // The others are the calls that did not fail.
    let failed = |group: &stat::Group| group.key.first().is_some_and(|errno| !errno.is_empty());
    Ok(vec![
        grouped(&call, ("by-call", &["call"]), |_| true, options),
        of_slowest(&call, options),
        grouped(&process, ("by-process", &["pid", "exe"]), |_| true, options),
        grouped(&error, ("by-error", &["errno", "call"]), failed, options),
        of_processes(&tree, options),
        of_habits(&lint, options),
    ])
}

/// The word by which JSON names a value of a few, such as the role of a socket.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

const NUMBERS: [(&str, Kind); 9] = [
    ("calls", Number),
    ("errors", Number),
    ("unfinished", Number),
    ("bytes", Number),
    ("total", Number),
    ("mean", Number),
    ("p50", Number),
    ("p99", Number),
    ("max", Number),
];

/// A table of [`stat`] by these fields. `keeps` decides which groups are in the table.
fn grouped(
    stat: &stat::Stat,
    (name, by): (&'static str, &[&'static str]),
    keeps: fn(&stat::Group) -> bool,
    options: &Options,
) -> Table {
    let keys = by.iter().map(|field| (*field, Text));
    let columns: Vec<_> = keys.chain(NUMBERS).collect();
    let mut table = Table::new(name, options.masks(), &columns);
    table.left_out = stat.ungrouped;
    for group in stat.groups.iter().filter(|group| keeps(group)) {
        let numbers = [
            group.calls,
            group.errors,
            group.unfinished,
            group.bytes,
            group.total_ns,
            group.mean_ns,
            group.p50_ns,
            group.p99_ns,
            group.max_ns,
        ];
        let keys = group.key.iter().map(|key| key.as_str().into());
        table.row(keys.chain(numbers.map(Into::into)));
    }
    table
}

fn of_slowest(stat: &stat::Stat, options: &Options) -> Table {
    let columns =
        [("event", Number), ("duration", Number), ("pid", Number), ("tid", Number), ("call", Text)];
    let mut slowest = Table::new("slowest", options.masks(), &columns);
    for slow in &stat.slowest {
        let (event, took) = (slow.event, slow.duration_ns);
        let ids = [slow.pid, slow.tid].map(Into::into);
        slowest
            .row([event.into(), took.into()].into_iter().chain(ids).chain([(&*slow.call).into()]));
    }
    slowest
}

fn of_processes(tree: &tree::Tree, options: &Options) -> Table {
    let mut table = Table::new(
        "processes",
        options.masks(),
        &[
            ("node", Growing),
            ("parent", Growing),
            ("depth", Number),
            ("origin", Text),
            ("pid", Growing),
            ("exe", Text),
            ("command", Text),
            ("event", Growing),
            ("start", Growing),
            ("duration", Number),
            ("user", Number),
            ("system", Number),
            ("threads", Number),
            ("calls", Number),
            ("failed", Number),
            ("changed", Number),
            ("end", Text),
        ],
    );
    table.left_out = tree.left_out;
    for node in &tree.nodes {
        let exe = node.exe.as_ref().map(ToString::to_string).unwrap_or_default();
        table.row([
            node.node.into(),
            node.parent.map(u64::from).into(),
            count(node.depth).into(),
            node.origin.into(),
            node.pid.into(),
            exe.into(),
            command(node).into(),
            node.start_event.into(),
            node.start_ns.into(),
            node.duration_ns.into(),
            node.utime_ns.into(),
            node.stime_ns.into(),
            node.threads.into(),
            node.calls.into(),
            node.failed.into(),
            node.files_changed.into(),
            node.end.as_ref().map(how).unwrap_or_default().into(),
        ]);
    }
    table
}

/// The most characters of a command line.
const MOST_COMMAND: usize = 400;

/// Returns the command line of a process, or the program that it has from its maker.
fn command(node: &Node) -> String {
    let Some(argv) = node.argv.as_ref().filter(|_| node.executed) else { return String::new() };
    let mut line = command_line(argv.as_slice());
    if let Some((end, _)) = line.char_indices().nth(MOST_COMMAND) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// Says how a process ended.
fn how(end: &End) -> String {
    let core = if end.core { ", core dumped" } else { "" };
    match (end.how, end.status, &end.signal) {
        ("exited", Some(status), _) => format!("exit {status}"),
        ("killed", _, Some(signal)) => format!("{signal}{core}"),
        (how, ..) => how.to_owned(),
    }
}

fn of_files(files: &files::Files, options: &Options) -> Table {
    let mut table = Table::new(
        "files",
        options.masks(),
        &[
            ("path", Text),
            ("uses", Text),
            ("read", Number),
            ("written", Number),
            ("missing", Number),
            ("errors", Text),
            ("changed", Number),
            ("programs", Number),
            ("event", Number),
            ("last", Number),
        ],
    );
    table.left_out = files.left_out;
    let mut all: Vec<&files::File> = files.files.iter().collect();
    // What changed, then what failed, then what was used most.
    all.sort_by_key(|file| {
        let moved = file.bytes_read.saturating_add(file.bytes_written);
        std::cmp::Reverse((file.changed, !file.errors.is_empty(), moved))
    });
    for file in all {
        let counted = |(name, count): (&str, u64)| format!("{name} {count}");
        let uses: Vec<String> = file.uses.iter().map(counted).collect();
        let errors = file.errors.iter().map(|(name, count)| format!("{name} {count}"));
        table.row([
            file.path.to_string().into(),
            uses.join(", ").into(),
            file.bytes_read.into(),
            file.bytes_written.into(),
            file.not_found.into(),
            errors.collect::<Vec<_>>().join(", ").into(),
            u64::from(file.changed).into(),
            count(file.by.len()).saturating_add(file.more_by).into(),
            file.first_event.into(),
            file.last_event.into(),
        ]);
    }
    table
}

fn of_searches(files: &files::Files, options: &Options) -> Table {
    let columns =
        [("name", Text), ("tried", Text), ("found", Text), ("times", Number), ("event", Number)];
    let mut table = Table::new("searches", options.masks(), &columns);
    for search in &files.searches {
        let mut tried: Vec<String> =
            search.tried.iter().map(|tried| tried.directory.to_string()).collect();
        if search.more_tried > 0 {
            tried.push(format!("and {} more", search.more_tried));
        }
        let found = search.found.as_ref().map(ToString::to_string).unwrap_or_default();
        let name = search.name.to_string();
        let texts = [name.into(), tried.join(", ").into(), found.into()];
        table.row(texts.into_iter().chain([search.times.into(), search.first_event.into()]));
    }
    table
}

fn of_network(net: &net::Net, options: &Options) -> Table {
    let mut table = Table::new(
        "network",
        options.masks(),
        &[
            ("role", Text),
            ("protocol", Text),
            ("address", Text),
            ("names", Text),
            ("outcome", Text),
            ("exe", Text),
            ("sockets", Number),
            ("received", Number),
            ("sent", Number),
            ("event", Number),
        ],
    );
    table.left_out = net.left_out;
    for one in &net.endpoints {
        table.row([
            word(&one.role).into(),
            one.protocol.as_str().into(),
            one.address.as_deref().unwrap_or("").into(),
            one.names.join(", ").into(),
            one.outcome.as_str().into(),
            one.exe.as_str().into(),
            one.sockets.into(),
            one.received.into(),
            one.sent.into(),
            one.event.into(),
        ]);
    }
    table
}

fn of_lookups(net: &net::Net, options: &Options) -> Table {
    let columns = [
        ("name", Text),
        ("record", Text),
        ("answers", Text),
        ("code", Text),
        ("asked", Number),
        ("exe", Text),
        ("event", Number),
    ];
    let mut lookups = Table::new("lookups", options.masks(), &columns);
    for one in &net.lookups {
        lookups.row([
            one.name.as_str().into(),
            one.record.as_str().into(),
            one.answers.join(", ").into(),
            one.code.as_deref().unwrap_or("no answer").into(),
            one.asked.into(),
            one.exe.as_str().into(),
            one.event.into(),
        ]);
    }
    lookups
}

fn of_waits(blocked: &Blocked, options: &Options) -> Table {
    let columns = [
        ("cause", Text),
        ("object", Text),
        ("exe", Text),
        ("calls", Number),
        ("total", Number),
        ("max", Number),
        ("event", Number),
    ];
    let mut table = Table::new("blocked", options.masks(), &columns);
    table.left_out = blocked.left_out;
    for row in &blocked.rows {
        let texts = [word(&row.cause).into(), (&*row.object).into(), (&*row.exe).into()];
        let numbers = [row.calls, row.total_ns, row.max_ns, row.max_event].map(Into::into);
        table.row(texts.into_iter().chain(numbers));
    }
    table
}

/// The calls that are open at the end, or when a signal killed the program.
fn of_open_calls(waits: &waits::Waits, options: &Options) -> Table {
    let columns = [
        ("event", Number),
        ("pid", Number),
        ("exe", Text),
        ("lasted", Number),
        ("call", Text),
        ("cause", Text),
        ("object", Text),
        ("others", Text),
        ("stuck", Number),
    ];
    let mut table = Table::new("open", options.masks(), &columns);
    for wait in &waits.waits {
        let others = wait.others.iter().map(|other| {
            format!("{} {} ({})", other.exe.as_deref().unwrap_or("?"), other.pid, other.how)
        });
        table.row([
            wait.event.into(),
            wait.pid.into(),
            wait.exe.as_deref().unwrap_or("?").into(),
            wait.lasted_ns.into(),
            wait.call.as_str().into(),
            word(&wait.cause).into(),
            wait.objects.join(", ").into(),
            others.collect::<Vec<_>>().join(", ").into(),
            u64::from(wait.stuck).into(),
        ]);
    }
    table
}

fn of_habits(lint: &lint::Lint, options: &Options) -> Table {
    let columns = [
        ("rule", Text),
        ("message", Text),
        ("count", Number),
        ("exe", Text),
        ("pid", Number),
        ("event", Number),
    ];
    let mut table = Table::new("habits", options.masks(), &columns);
    table.left_out = lint.left_out;
    for one in &lint.warnings {
        let texts = [(&*one.rule).into(), (&*one.message).into(), one.count.into()];
        let rest = [(&*one.exe).into(), one.pid.into(), one.event.into()];
        table.row(texts.into_iter().chain(rest));
    }
    table
}
