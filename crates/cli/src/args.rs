//! The command line: subcommands, options and their values.

mod generate;
mod print;
mod strace;
mod times;

use crate::terminal::{ColorArgs, PagerArgs};
use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use sysreel_abi::Filter;

pub(crate) use generate::{Completions, Generate, ShellName};
pub(crate) use print::{Format, Print, parse_string_limit};
pub(crate) use strace::Qualified;

/// Flight recorder for Linux programs: record the syscalls of a command, read the log anywhere
#[derive(Debug, Parser)]
#[command(name = "sysreel", version, after_help = crate::exit::help(None))]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Record the syscalls of a command, or of running processes
    Record(Record),
    /// Print a log, one line per syscall, as strace does
    Print(Box<Print>),
    /// Look around in a log on a terminal: calls, processes, details, filters
    Browse(crate::browse::Args),
    /// Show where time went and what failed: calls, errors, bytes and times by any field
    Stat(crate::views::stat::Args),
    /// Show who started whom: programs, their ends, calls, failures and changed files
    Tree(crate::views::tree::TreeArgs),
    /// List the programs that ran, sorted by any column
    Ps(crate::views::tree::PsArgs),
    /// Show which files were read, written, created, deleted, renamed, and looked for in vain
    Files(crate::views::files::Args),
    /// Show the environment with which each program began
    Env(crate::views::env::Args),
    /// Show the memory mappings with which each program began
    Maps(crate::views::maps::Args),
    /// Show the network activity: endpoints, outcomes, bytes, names
    Net(crate::views::net::Args),
    /// Show the life of every descriptor, and which ones leaked
    Fds(crate::views::fds::Args),
    /// Show why a program hangs: open calls, and who could end them
    Waits(crate::views::waits::Args),
    /// Show the bytes that went over descriptors, pipes and sockets
    Stream(crate::views::stream::Args),
    /// Search all captured memory
    Grep(crate::views::grep::Args),
    /// Show everything about an event
    Show(crate::views::show::Args),
    /// Show habits of a program that cost time or go wrong some day
    Lint(crate::views::lint::Args),
    /// Write logs in the formats of other programs: tables, timelines, profiles, packets
    Export(crate::export::Args),
    /// Write a log, or a comparison of two, as one HTML page to look at and send around
    Report(crate::html::Args),
    /// Explain an expression of the filter language
    Filter(crate::filter::Args),
    /// Summarize a log
    Info(Info),
    /// Check whether this machine can record, and how to fix what prevents it
    Doctor(Doctor),
    /// Show what two recorded runs did differently to the system
    Diff(crate::diff::Args),
    /// Check a command against a baseline: what it did to the system in earlier runs
    Baseline(crate::baseline::Args),
    /// Run two commands, or one command in two directories, and compare what they do
    Ab(crate::ab::Args),
    /// Replay a recorded program from its log, without touching the system
    Replay(Replay),
    /// Run a recorded program again for real, or a command several times, and compare the syscalls
    Verify(crate::verify::Args),
    /// Print the completions for a shell
    Completions(Completions),
    /// Write completions and man pages
    #[command(hide = true)]
    Generate(Generate),
}

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("record")))]
pub(crate) struct Record {
    /// Write the log to FILE [default: CMD.reel, CMD.1.reel, ...]
    ///
    /// An older log and an empty file are replaced, anything else only with --force. With `-` the
    /// log goes to standard output, and the command's standard output to standard error. Pipes,
    /// /dev/stdout, /dev/fd/N and /dev/null are written to directly.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite FILE even if it is not a log, or is a device or a terminal
    ///
    /// Files of other users are never overwritten.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the log to standard error after the program has ended
    #[arg(long)]
    pub(crate) print: bool,
    /// Browse the log while the command runs
    ///
    /// The command gets a terminal of its own (TERM=xterm-256color), which is a pane of the
    /// browser. It has the keys; F12 goes to the list of calls and back. The browser remains when
    /// the command has ended; leaving it earlier closes the command's terminal.
    #[arg(long, requires = "command", conflicts_with_all = ["pid", "print"])]
    pub(crate) browse: bool,
    /// Write to files in DIR what the browser has to know
    ///
    /// `record --browse` uses it to find the log, and to know how the command ended.
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) announce: Option<PathBuf>,
    /// Store at most N bytes of each buffer (suffix K, M or G; `all`; 0 for none)
    #[arg(long, value_name = "N", default_value = "64K", value_parser = parse_limit)]
    pub(crate) capture_limit: u64,
    /// Do not look up the paths of new file descriptors
    #[arg(long)]
    pub(crate) no_names: bool,
    /// Choose the CPUs that recorder and command run on
    #[arg(long, value_name = "POLICY", default_value = "auto")]
    pub(crate) cpu: Cpu,
    /// Follow processes with up to N threads, each on a CPU of its own
    ///
    /// For programs with several processes or threads that compute at the same time, like a
    /// parallel build.
    #[arg(long, value_name = "N", default_value = "1",
        value_parser = clap::value_parser!(u16).range(1..=256),
        conflicts_with_all = ["pid", "audit", "replayable", "only"])]
    pub(crate) tracers: u16,
    /// With --tracers: move every new process to another tracer
    #[arg(long, hide = true, requires = "tracers")]
    pub(crate) move_processes: bool,
    /// Stop recording when the command exits, and detach from processes it left running
    ///
    /// By default a recording ends with the last process. With --only the remaining processes are
    /// killed, because they cannot run without the recorder.
    #[arg(long, requires = "command")]
    pub(crate) until_exit: bool,
    /// Make ptrace(2) fail with EPERM in programs that trace others
    ///
    /// By default a process that is traced by a recorded program (gdb, strace) is not recorded
    /// during that time, and the log says so.
    #[arg(long)]
    pub(crate) refuse_tracers: bool,
    /// With -p: also attach to the descendants of the process
    #[arg(long, requires = "pid")]
    pub(crate) tree: bool,
    /// Attach to a running process, with all its threads and new children (may be repeated)
    ///
    /// Ctrl-C detaches, and the process runs on.
    #[arg(short, long = "attach", value_name = "PID", action = ArgAction::Append,
        value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: Vec<i32>,
    /// Record only some syscalls; the others run at nearly full speed
    ///
    /// FILTER is a list of names and %classes (%file, %network, %process, %memory, %signal, %ipc,
    /// %clock, %creds, %desc, %system); `!` before the list negates it: --only %network,openat or
    /// --only '!futex,%clock'. Or it is an expression, as for `print --filter`: what the kernel
    /// cannot decide is recorded, and filtered when the log is printed. Syscalls that create tasks
    /// or execute programs are always recorded, and unless --no-names is given those that create,
    /// copy or close descriptors or change directories.
    ///
    /// The program runs under a seccomp filter (unprivileged: with no_new_privs) and cannot run
    /// without its recorder: signals that ask sysreel to end are passed on to it, and it dies if
    /// sysreel is killed.
    #[arg(long, value_name = "FILTER", value_parser = crate::filter_arg::parse,
        conflicts_with_all = ["audit", "replayable"])]
    pub(crate) only: Option<Filter>,
    /// Record calls from inside the process where that is possible (experimental)
    ///
    /// Faster for processes that make many calls, and not for short ones. The recorder puts a
    /// page of code and a ring buffer into each process that makes more than a few calls, and
    /// patches the places where it calls the kernel. Events that are made there have the source
    /// `in-process`: they have the bytes that the kernel would have given, but are not the kernel's
    /// word. What is not surely right there is traced as usual. With `--fast=verify` every call
    /// stops nevertheless, and each record is compared with what the kernel says; a difference is
    /// an error.
    ///
    /// The program runs under a seccomp filter (unprivileged: with no_new_privs, so that
    /// set-user-id programs get no privileges) and cannot run without its recorder: it dies if
    /// sysreel is killed, and what was in the rings then is lost. Programs that trace others get
    /// EPERM. A process has up to 32 MiB of rings. It can see page, rings and filter in /proc, and
    /// could write there: not for hostile programs.
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true,
        default_missing_value = "on",
        conflicts_with_all = ["pid", "audit", "replayable", "only", "tracers"])]
    pub(crate) fast: Option<Fast>,
    /// Make a log that `sysreel replay` can run again
    ///
    /// The program runs on one CPU, without address space randomization and with clocks read by
    /// syscall; every buffer is stored whole, and so are the files that it maps.
    #[arg(long, conflicts_with_all = ["pid", "audit", "capture_limit", "cpu"])]
    pub(crate) replayable: bool,
    /// With --replayable: store only hashes of the files that the program maps
    ///
    /// The log is smaller, but `replay` needs the files unchanged and at the same paths.
    #[arg(long, requires = "replayable")]
    pub(crate) no_file_contents: bool,
    /// Check sysreel's syscall table against the kernel (slow, needs Linux 6.7)
    ///
    /// Compares all writable private memory of single-threaded tasks before and after each syscall
    /// and reports every changed byte that the table does not declare.
    #[arg(long)]
    pub(crate) audit: bool,
    /// Read the command's environment from FILE, entries terminated by NUL
    ///
    /// `verify` uses it to restore a recorded environment in its original order.
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) environment: Option<PathBuf>,
    /// Print no progress and no summary
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// The command to record, and its arguments
    #[arg(trailing_var_arg = true, value_name = "CMD",
        value_hint = clap::ValueHint::CommandWithArguments, required_unless_present = "pid")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Fast {
    /// Without stops
    On,
    /// With stops, at which each record is compared with what the kernel says
    Verify,
    /// For tests: as verify, and one record is lost
    #[value(hide = true)]
    VerifyLosing,
    /// For tests: as verify, and one record is changed
    #[value(hide = true)]
    VerifyChanging,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Cpu {
    /// The command shares the recorder's CPU while only one of its tasks is busy: cheaper stops
    Auto,
    /// Do not change the CPU affinity
    Free,
    /// Keep the CPUs from sleeping (needs root, affects the whole machine)
    Poll,
}

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("info")))]
pub(crate) struct Info {
    /// The log to summarize, or - for standard input
    ///
    /// A pipe is copied to a temporary file first.
    pub(crate) file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgs,
    #[command(flatten)]
    pub(crate) pager: PagerArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("doctor")))]
pub(crate) struct Doctor {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Try to write a log in DIR
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Exit at once: the program that `doctor` records as a trial
    #[arg(long, hide = true)]
    pub(crate) nothing: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("replay")))]
pub(crate) struct Replay {
    /// The log to replay, made by `record --replayable`, or - for standard input
    pub(crate) file: PathBuf,
    /// Choose what to compare with the recording
    #[arg(long, value_name = "HOW", default_value = "every")]
    pub(crate) check: Check,
    /// Stop after EVENT and print a backtrace of every task
    #[arg(long, value_name = "EVENT")]
    pub(crate) until: Option<u64>,
    /// Report a divergence if a task computes for SECS without making its next recorded syscall
    ///
    /// By default, a task gets 10 seconds of CPU time, or 20 times as long as it took in the
    /// recording if that is more, but at most an hour.
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) patience: Option<u64>,
    /// Replay even if this machine differs from that of the recording
    #[arg(long)]
    pub(crate) force: bool,
    /// Print each syscall to standard error once it is replayed
    #[arg(long)]
    pub(crate) print: bool,
    /// Print only the result, as JSON, to standard output
    #[arg(long, conflicts_with = "print")]
    pub(crate) json: bool,
    /// Suppress the program's output
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Check {
    /// Each syscall with the memory it reads, and at times all registers and some memory
    Every,
    /// Each syscall, and at times all registers
    Fast,
}

fn parse_limit(text: &str) -> Result<u64, String> {
    if text == "all" {
        return Ok(u64::MAX);
    }
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1 << 10),
        Some((at, 'm' | 'M')) => (&text[..at], 1 << 20),
        Some((at, 'g' | 'G')) => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "expected a number of bytes (64K, 1M, 4096), `all` or 0".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command line in the documents parses.
    #[test]
    fn command_lines_in_the_documents_parse() {
        let documents = [
            include_str!("../../../docs/ci.md"),
            include_str!("../../../docs/usage.md"),
            include_str!("../../../README.md"),
        ];
        let blocks = documents.iter().flat_map(|document| document.split("```").skip(1).step_by(2));
        let lines = blocks.flat_map(str::lines).map(str::trim);
        let commands =
            lines.filter_map(|line| line.trim_start_matches("- run: ").strip_prefix("sysreel "));
        let mut count = 0;
        for command in commands {
            let plain = command.split([';', '|']).next().unwrap_or_default();
            let words = shlex::split(plain).unwrap_or_else(|| panic!("{command}"));
            let words: Vec<_> =
                words.into_iter().take_while(|word| !word.starts_with(['#', '>'])).collect();
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
        assert_eq!(parse_limit("0"), Ok(0));
        assert_eq!(parse_limit("64K"), Ok(65536));
        assert_eq!(parse_limit("1m"), Ok(1 << 20));
        assert_eq!(parse_limit("all"), Ok(u64::MAX));
        for wrong in ["", "K", "-1", "99999999999G"] {
            assert!(parse_limit(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn options_after_the_command_belong_to_the_command() {
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
