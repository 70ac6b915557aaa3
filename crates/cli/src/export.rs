//! `sysreel export`.

use crate::exit::Exit;
use crate::progress::Reading;
use crate::say::say;
use crate::views::{failed, finished};
use crate::whole::{write_parts, write_whole, write_whole_file};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{IsTerminal, stdout};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use sysreel_abi::Filter;
use sysreel_export::{Content, FORMATS, Format, Options, Target, export, find};
use sysreel_inspect::{LogFile, open};
use sysreel_views::Select;

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("export")))]
pub(crate) struct Args {
    /// The logs to read, or - for standard input
    ///
    /// A pipe is copied to a temporary file first.
    #[arg(required = true, value_name = "LOG")]
    files: Vec<PathBuf>,
    /// Choose the format; docs/export.md describes each
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    to: &'static Format,
    /// Write to FILE, or to a file for each log in the directory FILE; - for standard output
    ///
    /// A file appears, or replaces an older one, when it is complete.
    #[arg(short, long, value_name = "FILE", default_value = STDOUT)]
    output: PathBuf,
    /// Export only what matches: -F 'failed and path ~ "/etc/**"'
    ///
    /// docs/filter.md has the language.
    #[arg(short = 'F', long, value_name = "EXPR", value_parser = crate::filter_arg::parse)]
    filter: Option<Filter>,
    /// Write at most N characters of each string (`all`: no limit); paths are written whole
    #[arg(short, long, value_name = "N", default_value = "32",
        value_parser = crate::args::parse_string_limit)]
    string_limit: usize,
    /// Skip a log whose file in the directory is not older than the log, as `cp --update` does
    ///
    /// An export that was interrupted goes on where it was. Other options than those of the first
    /// export do not count as a change.
    #[arg(short, long)]
    update: bool,
    /// Export N logs at a time to files in a directory [default: the number of CPUs]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
}

const STDOUT: &str = "-";
/// The name of a file for a log from standard input.
const STDIN_NAME: &str = "stdin";

/// The formats as values of an argument.
fn formats() -> impl TypedValueParser<Value = &'static Format> {
    let values = FORMATS.iter().map(|format| {
        let about = match format.is_built() {
            true => format.about.to_owned(),
            false => format!("{} (not in this build)", format.about),
        };
        PossibleValue::new(format.name).help(about)
    });
    PossibleValuesParser::new(values)
        .try_map(|name| find(&name).ok_or_else(|| format!("no format {name}")))
}

pub(crate) fn run(args: &Args) -> Exit {
    if let Err(message) = check(args) {
        say!("{message}");
        return Exit::USAGE;
    }
    if is_folder(&args.output) {
        return to_folder(args);
    }
    let mut logs = Vec::with_capacity(args.files.len());
    for path in &args.files {
        match open(path) {
            Ok(log) => logs.push(log),
            Err(error) => return failed(&error),
        }
    }
    let bar = (args.output != Path::new(STDOUT)).then(|| Reading::begin(&logs));
    let exit = to_one(args, &mut logs, &args.output);
    drop(bar);
    exit
}

/// Checks the arguments before anything is read.
fn check(args: &Args) -> Result<(), String> {
    let Args { to: Format { name, content, ending, .. }, output, .. } = args;
    let to_stdout = output == Path::new(STDOUT);
    if !args.to.is_built() {
        let feature = args.to.feature.unwrap_or_default();
        return Err(format!(
            "this sysreel was built without the format {name}: build it with cargo's option \
             --features {feature}"
        ));
    }
    if to_stdout && *content == Content::Database {
        return Err(format!("{name} cannot be written to standard output: use -o FILE.{ending}"));
    }
    if to_stdout && *content == Content::Parts {
        return Err(format!("{name} is a file for each thread: use -o FILE, for FILE.TID"));
    }
    if to_stdout && *content == Content::Binary && stdout().is_terminal() {
        return Err(format!(
            "{name} is binary and would upset the terminal: use -o FILE.{ending}, or redirect \
             standard output"
        ));
    }
    if is_folder(output) {
        let names: BTreeSet<_> = args.files.iter().map(|log| name_in_folder(log, ending)).collect();
        if names.len() < args.files.len() {
            return Err("two logs have the same name, so one directory cannot have both: export \
                        them to different ones"
                .to_owned());
        }
        return Ok(());
    }
    if args.files.len() > 1 && !args.to.merges {
        return Err(format!(
            "a file of the format {name} has one log: use -o DIR/ for a file for each log"
        ));
    }
    for (is_given, option) in [(args.update, "--update"), (args.jobs.is_some(), "--jobs")] {
        if is_given {
            return Err(format!("{option} is for a file for each log: use -o DIR/"));
        }
    }
    Ok(())
}

/// Whether a file for each log is written: to a directory, or to what is named like one.
fn is_folder(output: &Path) -> bool {
    output.as_os_str().as_encoded_bytes().ends_with(b"/") || output.is_dir()
}

fn name_in_folder(log: &Path, ending: &str) -> OsString {
    let mut name = match log.file_stem() {
        Some(stem) if log != Path::new(STDOUT) => stem.to_owned(),
        _ => STDIN_NAME.into(),
    };
    name.push(".");
    name.push(ending);
    name
}

/// Writes a file for each log. One that cannot be read or written does not keep the others from it.
fn to_folder(args: &Args) -> Exit {
    if let Err(error) = std::fs::create_dir_all(&args.output) {
        say!("cannot create {}: {error}", args.output.display());
        return Exit::FAILURE;
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let take = || args.files.get(next.fetch_add(1, Ordering::Relaxed));
        std::iter::from_fn(take).map(|path| to_own_file(args, path)).collect::<Vec<_>>()
    };
    let cpus = || std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let others = args.jobs.unwrap_or_else(cpus).get().min(args.files.len()) - 1;
    let exits: Vec<Exit> = std::thread::scope(|scope| {
        // Where no thread can be started, the rest of the work is done here.
        let threads: Vec<_> = (0..others)
            .map_while(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let here = work();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap_or(vec![Exit::FAILURE]));
        joined.flatten().chain(here).collect()
    });
    worst(&exits)
}

/// Writes a log to its file in the directory.
fn to_own_file(args: &Args, path: &Path) -> Exit {
    let to = args.output.join(name_in_folder(path, args.to.ending));
    if args.update && is_done(path, &to) {
        return Exit::SUCCESS;
    }
    match open(path) {
        Ok(mut log) => {
            let bar = (args.files.len() == 1).then(|| Reading::begin([&log]));
            let exit = to_one(args, std::slice::from_mut(&mut log), &to);
            drop(bar);
            exit
        }
        Err(error) => failed(&error),
    }
}

/// Whether a file is not older than the log that it is made of: it appeared when it was complete.
fn is_done(log: &Path, file: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|metadata| metadata.modified());
    match (modified(log), modified(file)) {
        (Ok(log), Ok(file)) => file >= log,
        _ => false,
    }
}

/// Returns the status that says most: a failure, then what is missing.
fn worst(exits: &[Exit]) -> Exit {
    let find = |wanted: fn(&Exit) -> bool| exits.iter().copied().find(wanted);
    find(|exit| ![Exit::SUCCESS, Exit::WITH_FINDINGS].contains(exit))
        .or_else(|| find(|exit| *exit != Exit::SUCCESS))
        .unwrap_or(Exit::SUCCESS)
}

/// Writes all logs to one file.
fn to_one(args: &Args, logs: &mut [LogFile], path: &Path) -> Exit {
    // A file is kept and passed on, so it must be known whether something of its log is damaged,
    // even if the format shows no buffers.
    let select = Select { filter: args.filter.clone(), check_buffers: true, ..Select::default() };
    let options = Options { select, string_limit: args.string_limit };
    let written = match args.to.content {
        Content::Database => {
            write_whole_file(path, |path| export(args.to, logs, &options, Target::File(path)))
        }
        Content::Parts => {
            write_parts(path, |to| export(args.to, logs, &options, Target::Parts(to)))
        }
        Content::Text | Content::Binary => {
            write_whole(path, |out| export(args.to, logs, &options, Target::Out(out)))
        }
    };
    let exported = match written {
        Ok(exported) => exported,
        Err(exit) => return exit,
    };
    for remark in &exported.remarks {
        say!("{}: {remark}", path.display());
    }
    let exits: Vec<_> = logs
        .iter()
        .zip(exported.findings)
        .map(|(log, findings)| finished(log.path(), log, findings))
        .collect();
    worst(&exits)
}
