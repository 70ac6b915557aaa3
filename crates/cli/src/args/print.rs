//! Arguments of `sysreel print`.

use crate::terminal::{ColorArgs, PagerArgs};
use clap::{ArgAction, ValueEnum};
use std::path::PathBuf;
use sysreel_abi::Filter;
use sysreel_inspect::Bound;
use sysreel_inspect::counts::{self, Order};
use sysreel_inspect::print::{Clock, Precision};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("print")))]
pub(crate) struct Print {
    /// The log to print, or - for standard input
    ///
    /// A pipe is copied to a temporary file first.
    pub(crate) file: PathBuf,
    /// Choose the output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Keep printing what is recorded, until the recording ends
    #[arg(long, conflicts_with_all = ["summary", "output", "to"])]
    pub(crate) follow: bool,
    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print at most N characters of each string (`all`: no limit); paths are printed whole
    #[arg(short, long, value_name = "N", default_value = "32", value_parser = parse_string_limit)]
    pub(crate) string_limit: usize,
    #[command(flatten)]
    pub(crate) strace: super::strace::Strace,
    /// Print structures and arrays in full; -vv: also events that usually get no line
    #[arg(short = 'v', long, action = ArgAction::Count)]
    pub(crate) no_abbrev: u8,
    /// Prefix each line with the time of day; -tt: with microseconds; -ttt: as seconds since 1970
    #[arg(short = 't', long, action = ArgAction::Count)]
    pub(crate) timestamps: u8,
    /// Prefix each line with the time: none, time or unix, and to which unit: s, ms, us or ns
    #[arg(long, value_name = "FORMAT,UNIT", num_args = 0..=1, require_equals = true,
        default_missing_value = "time", value_parser = super::times::clock,
        conflicts_with = "timestamps")]
    pub(crate) absolute_timestamps: Option<Clock>,
    /// Prefix each line with the time since the previous line
    #[arg(short = 'r')]
    pub(crate) relative: bool,
    /// Like -r, to this unit: s, ms, us or ns
    #[arg(long, alias = "relative", value_name = "UNIT", num_args = 0..=1, require_equals = true,
        default_missing_value = "us", value_parser = super::times::precision)]
    pub(crate) relative_timestamps: Option<Precision>,
    /// Print the time spent in each syscall
    #[arg(short = 'T')]
    pub(crate) times: bool,
    /// Like -T, to this unit: s, ms, us or ns
    #[arg(long, value_name = "UNIT", num_args = 0..=1, require_equals = true,
        default_missing_value = "us", value_parser = super::times::precision)]
    pub(crate) syscall_times: Option<Precision>,
    /// Print the instruction pointer of each syscall
    #[arg(short = 'i', long)]
    pub(crate) instruction_pointer: bool,
    /// Print the number of each syscall
    #[arg(short = 'n', long)]
    pub(crate) syscall_number: bool,
    /// Print event numbers, to find the events in other views of the log
    #[arg(long)]
    pub(crate) event_numbers: bool,
    /// Start at WHERE: an event number, +SECONDS into the recording, or @SECONDS since 1970
    ///
    /// --event-numbers prints event numbers, -ttt seconds since 1970. Syscalls that were entered
    /// before WHERE are printed as `resumed`.
    #[arg(long, value_name = "WHERE")]
    pub(crate) from: Option<Bound>,
    /// Stop after WHERE
    #[arg(long, value_name = "WHERE")]
    pub(crate) to: Option<Bound>,
    /// Print an event with those around it: see -C
    ///
    /// Lines begin with event numbers. Syscalls that were entered before are printed as `resumed`.
    #[arg(long, value_name = "EVENT", conflicts_with_all = ["from", "to", "follow"])]
    pub(crate) around: Option<u64>,
    /// With --around: print N events before and after it
    #[arg(short = 'C', long, value_name = "N", default_value_t = 10, requires = "around")]
    pub(crate) context: u64,
    /// Print only some syscalls: --only %file, --only '!futex'
    ///
    /// FILTER is the same as for `record --only`. A log that was recorded with --only shows the
    /// syscalls of that filter by default; `all` also shows those recorded to follow tasks and
    /// descriptors.
    #[arg(long, value_name = "FILTER", value_parser = crate::filter_arg::parse)]
    pub(crate) only: Option<Filter>,
    /// Print only what matches: -F 'failed and path ~ "/etc/**"'
    ///
    /// EXPR tests fields of syscalls, signals and tasks: `openat and errno != ENOENT`,
    /// `dur > 10ms`, `under "make"`, `net.port == 443`. docs/filter.md has the language. A syscall
    /// whose result decides is printed where it ended.
    #[arg(short = 'F', long, value_name = "EXPR", value_parser = crate::filter_arg::parse)]
    pub(crate) filter: Option<Filter>,
    /// Print each syscall on one line, where it ended, with the time of its entry
    #[arg(long)]
    pub(crate) join: bool,
    /// Print calls, errors and time (entry to exit) per syscall instead of the syscalls
    #[arg(short = 'c', long)]
    pub(crate) summary: bool,
    /// Choose the columns of the summary and their order
    ///
    /// COLUMNS is a list of time-percent, total-time, min-time, max-time, avg-time, calls, errors
    /// and name.
    #[arg(short = 'U', long, value_name = "COLUMNS", value_parser = parse_columns,
        requires = "summary", conflicts_with = "json")]
    pub(crate) summary_columns: Option<Columns>,
    /// Sort the summary by COLUMN
    #[arg(short = 'S', long, value_name = "COLUMN", default_value = "time", requires = "summary")]
    pub(crate) summary_sort: Column,
    /// Print the summary as JSON, with times in nanoseconds
    #[arg(long, requires = "summary")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgs,
    #[command(flatten)]
    pub(crate) pager: PagerArgs,
}

/// The sort key of a summary.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Column {
    #[value(aliases = ["total-time", "time-total", "time-percent"])]
    Time,
    /// The mean duration
    #[value(aliases = ["avg-time", "time-avg"])]
    Avg,
    /// The shortest duration
    #[value(aliases = ["min-time", "time-min", "shortest"])]
    Min,
    /// The longest duration
    #[value(aliases = ["max-time", "time-max", "longest"])]
    Max,
    #[value(alias = "count")]
    Calls,
    #[value(alias = "error")]
    Errors,
    #[value(aliases = ["syscall", "syscall-name"])]
    Name,
}

/// The columns of a summary.
#[derive(Debug, Clone)]
pub(crate) struct Columns(pub(crate) Vec<counts::Column>);

pub(crate) fn parse_string_limit(text: &str) -> Result<usize, String> {
    match text {
        "all" => Ok(usize::MAX),
        _ => text.parse().map_err(|_| "expected a number of characters or `all`".to_owned()),
    }
}

/// Parses the columns of -U as strace does: each at most once; `name` is appended if missing.
fn parse_columns(text: &str) -> Result<Columns, String> {
    let mut columns: Vec<counts::Column> = Vec::new();
    for name in text.split(',') {
        let column = name.parse()?;
        if columns.contains(&column) {
            return Err(format!("`{name}` is given twice"));
        }
        columns.push(column);
    }
    if !columns.contains(&counts::Column::Name) {
        columns.push(counts::Column::Name);
    }
    Ok(Columns(columns))
}

impl From<Column> for Order {
    fn from(column: Column) -> Self {
        match column {
            Column::Time => Self::Time,
            Column::Avg => Self::Average,
            Column::Min => Self::Shortest,
            Column::Max => Self::Longest,
            Column::Calls => Self::Calls,
            Column::Errors => Self::Errors,
            Column::Name => Self::Name,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// One line per syscall, as strace prints it
    Text,
    /// One JSON object per stop, with the bytes that the kernel wrote
    Raw,
}
