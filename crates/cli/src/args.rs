//! What can be typed.

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use sysreel_abi::Filter;
use sysreel_inspect::Bound;
use sysreel_inspect::counts::{self, Order};

/// The flight recorder for Linux programs: record a program's system calls, read the log anywhere.
#[derive(Debug, Parser)]
#[command(version, after_help = crate::exit::help(None))]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Record a program, or processes that run already
    Record(Record),
    /// Print a log, call by call
    Print(Print),
    /// Say what a log holds
    Info(Info),
    /// Find what stands in the way of recording on this machine, and say how to mend it
    Doctor(Doctor),
    /// Compare two logs: what does the second run do to the system that the first does not, and the
    /// other way round?
    Diff(crate::diff::Args),
    /// Compare a command with what it did before: a text for git, learned from some runs
    Baseline(crate::baseline::Args),
    /// Compare two commands, or one in two directories, run turn by turn in one place
    Ab(crate::ab::Args),
    /// Run a recorded program again, every answer coming from the log
    Replay(Replay),
    /// Run a recorded program again for real, or a command several times, and say whether the runs
    /// ask the kernel for the same
    Verify(crate::verify::Args),
}

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("record")))]
pub(crate) struct Record {
    /// The log to write; without it a new file named after the command: CMD.reel, CMD.1.reel, ...
    /// An older log, and an empty file, are replaced; anything else only with --force. `-` is
    /// standard output: the command then writes what it prints to standard error. A pipe,
    /// /dev/stdout, /dev/fd/N and /dev/null are written to as they are
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write the log over FILE although it exists and is no log, or is a device or a terminal. Not
    /// over a file of another user
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the log to standard error when the program has ended
    #[arg(long)]
    pub(crate) print: bool,
    /// The most bytes kept of one buffer that a call reads or writes: a number (suffix K, M or G),
    /// `all`, or 0 for none
    #[arg(long, value_name = "N", default_value = "64K", value_parser = limit)]
    pub(crate) capture_limit: u64,
    /// Do not resolve the names of new file descriptors
    #[arg(long)]
    pub(crate) no_names: bool,
    /// Where to run: auto (a spawned program shares the recorder's CPU while one task is busy),
    /// free (affinity is left alone), poll (keep the CPUs awake; root, concerns the whole machine)
    #[arg(long, value_name = "POLICY", default_value = "auto")]
    pub(crate) cpu: Cpu,
    /// End the recording when the command has ended, and let go of the processes that it has left
    /// behind (with --only, which they cannot go on under, they are ended). Without this option a
    /// recording ends with the last process
    #[arg(long, requires = "command")]
    pub(crate) until_exit: bool,
    /// Let ptrace(2) fail with EPERM in programs that trace others. Without this option a process
    /// that such a program (gdb, strace) traces is not recorded for that time, and the log says so
    #[arg(long)]
    pub(crate) refuse_tracers: bool,
    /// With -p: record the descendants of the process as well
    #[arg(long, requires = "pid")]
    pub(crate) tree: bool,
    /// Record a process that runs already, with all its threads and children (may be repeated);
    /// Ctrl-C detaches
    #[arg(short, long = "attach", value_name = "PID", action = ArgAction::Append,
        value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: Vec<i32>,
    /// Stop for some calls only; all others run at nearly full speed. FILTER is a list of names and
    /// %classes (%file, %network, %process, %memory, %signal, %ipc, %clock, %creds, %desc,
    /// %system), `!` before the list means all but these: --only %network,openat or --only
    /// '!futex,%clock'. Calls that make tasks and run programs are kept in any case, and those that
    /// make, close or copy descriptors unless --no-names is given. The program runs under a seccomp
    /// filter (unprivileged: with no_new_privs), so it cannot go on without its recorder: it gets
    /// the signals that ask sysreel to end, and dies when sysreel is killed
    #[arg(long, value_name = "FILTER", value_parser = Filter::parse,
        conflicts_with_all = ["audit", "replayable"])]
    pub(crate) only: Option<Filter>,
    /// Make a log that `replay` can run again: the program runs on one CPU without address
    /// randomisation, clocks only by system call, every buffer is kept whole, and the contents of
    /// the files that it maps
    #[arg(long, conflicts_with_all = ["pid", "audit", "capture_limit", "cpu"])]
    pub(crate) replayable: bool,
    /// With --replayable: keep only hashes of the files that the program maps. The log is smaller,
    /// and `replay` needs the files as they were, at their paths
    #[arg(long, requires = "replayable")]
    pub(crate) no_file_contents: bool,
    /// Prove the table of system calls: compare all writable private memory of single-threaded
    /// tasks before and after each call, and note every byte that changed although the call's row
    /// does not announce it (slow; Linux 6.7)
    #[arg(long)]
    pub(crate) audit: bool,
    /// The environment of the command, entries that end with a zero byte: how `verify` gives back
    /// what it was, in its order
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) environment: Option<PathBuf>,
    /// No progress, no closing line
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// The command to record, with its arguments
    #[arg(trailing_var_arg = true, value_name = "CMD", required_unless_present = "pid")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Cpu {
    Auto,
    Free,
    Poll,
}

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("print")))]
pub(crate) struct Print {
    /// The log; - is standard input. What is no file, like a pipe, is copied to a temporary file
    /// first
    pub(crate) file: PathBuf,
    /// text: a line a call, as strace prints it; raw: a JSON object a stop, with the bytes that the
    /// kernel wrote
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The most characters of a string; paths are never cut
    #[arg(short, long, value_name = "N", default_value_t = 32)]
    pub(crate) string_limit: usize,
    /// Show what descriptors lead to; twice: the ends of sockets too
    #[arg(short = 'y', long, action = ArgAction::Count)]
    pub(crate) decode_fds: u8,
    /// Structures and arrays in full
    #[arg(short = 'v', long)]
    pub(crate) no_abbrev: bool,
    /// Time of day before each line; twice: with microseconds; thrice: seconds since the epoch
    #[arg(short = 't', long, action = ArgAction::Count)]
    pub(crate) timestamps: u8,
    /// Time since the line before
    #[arg(short = 'r', long)]
    pub(crate) relative: bool,
    /// Time spent in each call
    #[arg(short = 'T', long)]
    pub(crate) syscall_times: bool,
    /// The instruction pointer of each call
    #[arg(short = 'i', long)]
    pub(crate) instruction_pointer: bool,
    /// The number of each call
    #[arg(short = 'n', long)]
    pub(crate) syscall_number: bool,
    /// Strings with bytes that are not ASCII in hexadecimal; twice: all strings
    #[arg(short = 'x', long, action = ArgAction::Count)]
    pub(crate) hex: u8,
    /// The number of each event, to find it in other views of the log
    #[arg(long)]
    pub(crate) event_numbers: bool,
    /// Begin at WHERE: the number of an event (as --event-numbers shows it), +SECONDS since the
    /// start of the recording, or @SECONDS since 1970 (as -ttt shows them). Calls that began before
    /// are `resumed`
    #[arg(long, value_name = "WHERE")]
    pub(crate) from: Option<Bound>,
    /// End with WHERE, which still belongs to it
    #[arg(long, value_name = "WHERE")]
    pub(crate) to: Option<Bound>,
    /// Lines for some calls only, as `record --only` has it: --only %file, --only '!futex'. A log
    /// that was recorded so shows what was asked for; `all` shows also what was kept to follow
    /// tasks and descriptors
    #[arg(long, value_name = "FILTER", value_parser = Filter::parse)]
    pub(crate) only: Option<Filter>,
    /// No lines, but how often each call was made, how often it failed and how long it took, from
    /// entry to exit
    #[arg(short = 'c', long)]
    pub(crate) summary: bool,
    /// The columns of the summary, in this order: time-percent, total-time, min-time, max-time,
    /// avg-time, calls, errors, name
    #[arg(short = 'U', long, value_name = "COLUMNS", value_parser = columns, requires = "summary",
        conflicts_with = "json")]
    pub(crate) summary_columns: Option<Columns>,
    /// Sort the summary by this column
    #[arg(short = 'S', long, value_name = "COLUMN", default_value = "time", requires = "summary")]
    pub(crate) summary_sort: Column,
    /// The summary as JSON, in nanoseconds
    #[arg(long, requires = "summary")]
    pub(crate) json: bool,
}

/// What a summary is sorted by.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Column {
    #[value(aliases = ["total-time", "time-total", "time-percent"])]
    Time,
    /// The mean time of a call
    #[value(aliases = ["avg-time", "time-avg"])]
    Avg,
    /// The shortest call
    #[value(aliases = ["min-time", "time-min", "shortest"])]
    Min,
    /// The longest call
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

/// As strace reads them: each once, and the name last where it is not given.
fn columns(text: &str) -> Result<Columns, String> {
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
    Text,
    Raw,
}

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("print")))]
pub(crate) struct Info {
    /// The log; - is standard input. What is no file, like a pipe, is copied to a temporary file
    /// first
    pub(crate) file: PathBuf,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("doctor")))]
pub(crate) struct Doctor {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Where logs shall be written
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Do nothing: what a doctor records
    #[arg(long, hide = true)]
    pub(crate) nothing: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("replay")))]
pub(crate) struct Replay {
    /// The log, made by `record --replayable`; - is standard input
    pub(crate) file: PathBuf,
    /// What is compared: every (each call, the memory that it reads, and now and then all registers
    /// and some memory), fast (each call, and now and then all registers)
    #[arg(long, value_name = "HOW", default_value = "every")]
    pub(crate) check: Check,
    /// Stop after this event, and say where the program stands
    #[arg(long, value_name = "EVENT")]
    pub(crate) until: Option<u64>,
    /// How many seconds a task may compute without the call that was recorded next; 20 times as
    /// long as when it was recorded, if that is more. A task that takes longer has gone another way
    #[arg(long, value_name = "SECS", default_value_t = sysreel_replay::PATIENCE.as_secs(),
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) patience: u64,
    /// Replay although this machine is not like the one of the recording
    #[arg(long)]
    pub(crate) force: bool,
    /// Print each call to standard error when it has been replayed
    #[arg(long)]
    pub(crate) print: bool,
    /// Say how it ended as JSON, on standard output, and write nothing else
    #[arg(long, conflicts_with = "print")]
    pub(crate) json: bool,
    /// Do not write what the program writes
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Check {
    Every,
    Fast,
}

fn limit(text: &str) -> Result<u64, String> {
    if text == "all" {
        return Ok(u64::MAX);
    }
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1 << 10),
        Some((at, 'm' | 'M')) => (&text[..at], 1 << 20),
        Some((at, 'g' | 'G')) => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    let number: u64 =
        digits.parse().map_err(|_| "a number of bytes (64K, 1M, 4096), `all` or 0".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    /// What the documents tell people to type can be typed.
    #[test]
    fn commands_of_the_documents_are_understood() {
        let documents = [include_str!("../../../docs/ci.md"), include_str!("../../../README.md")];
        // What stands between fences.
        let blocks = documents.iter().flat_map(|document| document.split("```").skip(1).step_by(2));
        let lines = blocks.flat_map(str::lines).map(str::trim);
        let commands =
            lines.filter_map(|line| line.trim_start_matches("- run: ").strip_prefix("sysreel "));
        let mut count = 0;
        for command in commands {
            let plain = command.split([';', '|']).next().unwrap_or_default();
            let words = shlex::split(plain).unwrap_or_else(|| panic!("{command}"));
            let words: Vec<_> =
                words.into_iter().take_while(|word| !word.starts_with('#')).collect();
            if let Err(error) = Args::try_parse_from(
                std::iter::once("sysreel").chain(words.iter().map(String::as_str)),
            ) {
                panic!("{command}: {error}");
            }
            count += 1;
        }
        assert!(count > 20, "{count}");
    }

    #[test]
    fn limits_have_units() {
        assert_eq!(limit("0"), Ok(0));
        assert_eq!(limit("64K"), Ok(65536));
        assert_eq!(limit("1m"), Ok(1 << 20));
        assert_eq!(limit("all"), Ok(u64::MAX));
        assert!(limit("").is_err() && limit("K").is_err() && limit("-1").is_err());
        assert!(limit("99999999999G").is_err());
    }

    #[test]
    fn the_options_of_the_command_are_its_own() {
        let args =
            Args::try_parse_from(["sysreel", "record", "-o", "x", "ls", "-l", "--print"]).unwrap();
        let Command::Record(record) = args.command else { panic!("record") };
        assert_eq!(record.command, ["ls", "-l", "--print"]);
        assert!(!record.print);
        assert!(Args::try_parse_from(["sysreel", "record"]).is_err());
        // A mistyped option is an error, not a program.
        assert!(Args::try_parse_from(["sysreel", "record", "--nonsense", "true"]).is_err());
        assert!(Args::try_parse_from(["sysreel", "record", "-p", "1"]).is_ok());
    }
}
