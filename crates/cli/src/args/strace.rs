//! Options of `sysreel print` with the letters and meanings of strace's.

use clap::{ArgAction, ValueEnum};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use sysreel_abi::Filter;
use sysreel_abi::filter::Field;
use sysreel_abi::signal::signal_number;
use sysreel_inspect::print::{Constants, Detail, FdSet, FdStyle, HexStrings, Quiet};

#[derive(Debug, clap::Args)]
pub(crate) struct Strace {
    /// Qualify what is printed, as strace does: trace=, status=, signal=, fd=, read=, write=, ...
    ///
    /// EXPR is `[QUALIFIER=][!]VALUE[,VALUE]...`. Each qualifier is also an option: trace, status,
    /// signal, fd (--trace-fds), read, write, abbrev, verbose, raw, quiet and decode-fds. Without
    /// one it is trace.
    #[arg(short = 'e', value_name = "EXPR")]
    pub(crate) qualify: Vec<String>,
    /// Print only these syscalls: names, numbers, %classes, /REGEX, ?NAME, NAME@64, @32 or @x32
    #[arg(long, value_name = "SET")]
    pub(crate) trace: Option<String>,
    /// Print only syscalls with such an end: successful, failed, unfinished, unavailable, detached
    #[arg(long, value_name = "SET")]
    pub(crate) status: Option<String>,
    /// Print only syscalls that succeeded
    #[arg(short = 'z', long)]
    pub(crate) successful_only: bool,
    /// Print only syscalls that failed
    #[arg(short = 'Z', long)]
    pub(crate) failed_only: bool,
    /// Print only these signals: names with or without SIG
    #[arg(long, value_name = "SET")]
    pub(crate) signal: Option<String>,
    /// Print only syscalls that concern PATH, by name or by descriptor (may be repeated)
    #[arg(short = 'P', long, value_name = "PATH")]
    pub(crate) trace_path: Vec<PathBuf>,
    /// Print only syscalls that concern these descriptors
    #[arg(long, alias = "trace-fd", value_name = "SET")]
    pub(crate) trace_fds: Option<String>,
    /// Print all that was read from these descriptors, in hexadecimal under the syscall
    #[arg(long, value_name = "SET")]
    pub(crate) read: Option<String>,
    /// Print all that was written to these descriptors, in hexadecimal under the syscall
    #[arg(long, value_name = "SET")]
    pub(crate) write: Option<String>,
    /// Abbreviate structures and arrays of these syscalls only (-v: of none)
    #[arg(long, value_name = "SET")]
    pub(crate) abbrev: Option<String>,
    /// Print structures of these syscalls only, and of the others their addresses
    #[arg(long, value_name = "SET")]
    pub(crate) verbose: Option<String>,
    /// Print arguments and results of these syscalls as they are in registers
    #[arg(long, value_name = "SET")]
    pub(crate) raw: Option<String>,
    /// Print paths of file descriptors, and what LIST adds: path, socket, dev, eventfd, pidfd, all
    #[arg(long, value_name = "LIST", num_args = 0..=1, require_equals = true,
        default_missing_value = "path")]
    pub(crate) decode_fds: Option<String>,
    /// Like --decode-fds=path; -yy: like --decode-fds=all
    #[arg(short = 'y', action = ArgAction::Count)]
    pub(crate) fds: u8,
    /// Align the results at COLUMN
    #[arg(short = 'a', long, value_name = "COLUMN", default_value_t = 40)]
    pub(crate) columns: usize,
    /// Print flags and other constants by name, as numbers, or as numbers with names in comments
    #[arg(short = 'X', long = "const-print-style", value_name = "STYLE", default_value = "abbrev")]
    pub(crate) constants: ConstantStyle,
    /// Print non-ASCII strings in hexadecimal; -xx: all strings
    #[arg(short = 'x', action = ArgAction::Count)]
    pub(crate) hex: u8,
    /// Choose what to print in hexadecimal
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true,
        default_missing_value = "all")]
    pub(crate) strings_in_hex: Option<HexStyle>,
    /// Print no attach and personality lines; -qq: nor the ends of tasks; -qqq: only syscalls and
    /// signals
    #[arg(short = 'q', action = ArgAction::Count)]
    pub(crate) quieter: u8,
    /// Leave out lines: attach, exit, path-resolution, personality, thread-execve, all
    #[arg(long, alias = "silent", alias = "silence", value_name = "SET", num_args = 0..=1,
        require_equals = true, default_missing_value = "attach,personality")]
    pub(crate) quiet: Option<String>,
    /// Print all tasks of the log, which is the default
    #[arg(short = 'f', long, hide = true)]
    #[allow(dead_code, reason = "accepted as strace does")]
    pub(crate) follow_forks: bool,
    /// Append to the file of --output
    #[arg(short = 'A', long, requires = "output")]
    pub(crate) output_append_mode: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ConstantStyle {
    Abbrev,
    Raw,
    Verbose,
}

impl From<ConstantStyle> for Constants {
    fn from(style: ConstantStyle) -> Self {
        match style {
            ConstantStyle::Abbrev => Self::Abbrev,
            ConstantStyle::Raw => Self::Raw,
            ConstantStyle::Verbose => Self::Verbose,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum HexStyle {
    None,
    /// Bytes that are not ASCII
    NonAsciiChars,
    /// Strings with such bytes
    NonAscii,
    /// All strings
    All,
}

/// What the options say together.
#[derive(Debug, Default)]
pub(crate) struct Qualified {
    /// Which calls are printed: those that all of these match.
    filters: Vec<Filter>,
    /// ... and that concern one of these paths, if there are any.
    paths: Vec<PathBuf>,
    pub(crate) signals: u64,
    pub(crate) fds: FdStyle,
    pub(crate) quiet: Quiet,
    pub(crate) read: FdSet,
    pub(crate) write: FdSet,
    pub(crate) detail: Detail,
}

impl Qualified {
    /// Returns which calls are printed; `None`: as without these options. `cwd` is where the
    /// recorded command began.
    pub(crate) fn calls(&self, cwd: &[u8]) -> Option<Filter> {
        let cwd = Path::new(OsStr::from_bytes(cwd));
        let paths = self.paths.iter().flat_map(|path| {
            let full = plain(&cwd.join(path));
            // As strace does when it starts: where the path leads on this machine, if it is here.
            let real = full.canonicalize().ok().filter(|real| *real != full);
            let of = |field, path: &Path| Filter::of_path(field, path.as_os_str().as_bytes());
            let both = [of(Field::PathWritten, path), of(Field::Path, &full)];
            both.into_iter().chain(real.map(|real| of(Field::Path, &real)))
        });
        let paths = paths.collect();
        let filters = self.filters.iter().cloned().chain(Filter::any_of(paths));
        Filter::all_of(filters.collect())
    }
}

/// Returns an absolute path without `.`, `..` and slashes that change nothing.
fn plain(path: &Path) -> PathBuf {
    let mut made = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            // `..` of the root is the root.
            Component::ParentDir => _ = made.pop(),
            other => made.push(other),
        }
    }
    made
}

impl Strace {
    /// Returns how strings are printed.
    pub(crate) fn hex_strings(&self) -> HexStrings {
        match (self.strings_in_hex, self.hex) {
            (Some(HexStyle::None), _) | (None, 0) => HexStrings::Never,
            (Some(HexStyle::NonAsciiChars), _) => HexStrings::NonAsciiBytes,
            (Some(HexStyle::NonAscii), _) | (None, 1) => HexStrings::NonAscii,
            (Some(HexStyle::All), _) | (None, _) => HexStrings::Always,
        }
    }

    /// Interprets the options.
    pub(crate) fn qualified(&self) -> Result<Qualified, String> {
        let paths = self.trace_path.clone();
        let mut made = Qualified { signals: u64::MAX, paths, ..Qualified::default() };
        let mut filters: Vec<(&str, Filter)> = Vec::new();
        let options = [
            ("trace", &self.trace),
            ("status", &self.status),
            ("signal", &self.signal),
            ("fd", &self.trace_fds),
            ("read", &self.read),
            ("write", &self.write),
            ("abbrev", &self.abbrev),
            ("verbose", &self.verbose),
            ("raw", &self.raw),
            ("quiet", &self.quiet),
            ("decode-fds", &self.decode_fds),
        ];
        let long = options.iter().filter_map(|(name, set)| Some((*name, set.as_deref()?)));
        let short = self.qualify.iter().map(|text| qualifier(text));
        let ends = [(self.successful_only, "successful"), (self.failed_only, "failed")];
        let ends = ends.iter().filter(|(given, _)| *given).map(|(_, end)| ("status", *end));
        for (name, set) in short.chain(long).chain(ends) {
            if let Some(calls) = detail(&mut made.detail, name) {
                *calls = Some(crate::filter_arg::parse_strace(set)?);
                continue;
            }
            let filter = match name {
                "trace" | "t" => ("trace", crate::filter_arg::parse_strace(set)?),
                "status" => ("status", statuses(set)?),
                "fd" | "fds" | "trace-fd" | "trace-fds" => ("fd", descriptors(set)?),
                "signal" | "signals" | "s" => {
                    made.signals = signals(set)?;
                    continue;
                }
                "read" | "r" => {
                    made.read = fd_set(set)?;
                    continue;
                }
                "write" | "w" => {
                    made.write = fd_set(set)?;
                    continue;
                }
                "quiet" | "silent" | "silence" | "q" => {
                    made.quiet = quiet(set)?;
                    continue;
                }
                "decode-fd" | "decode-fds" => {
                    made.fds = fd_style(set)?;
                    continue;
                }
                _ => {
                    return Err(format!(
                        "`-e {name}=` is unknown; known are trace, status, signal, fd, read, \
                         write, abbrev, verbose, raw, quiet and decode-fds"
                    ));
                }
            };
            // The last one counts.
            filters.retain(|(kind, _)| *kind != filter.0);
            filters.push(filter);
        }
        made.filters = filters.into_iter().map(|(_, filter)| filter).collect();
        match self.fds {
            0 => {}
            1 => made.fds = FdStyle::Path,
            _ => made.fds = FdStyle::Detail,
        }
        self.quiet_further(&mut made.quiet);
        Ok(made)
    }

    /// Adds what `-q` leaves out.
    fn quiet_further(&self, quiet: &mut Quiet) {
        quiet.attach |= self.quieter > 0;
        quiet.personality |= self.quieter > 0;
        quiet.exit |= self.quieter > 1;
        quiet.thread_execve |= self.quieter > 2;
    }
}

/// Returns which calls a qualifier of the detail of calls chooses.
fn detail<'a>(detail: &'a mut Detail, name: &str) -> Option<&'a mut Option<Filter>> {
    match name {
        "abbrev" | "a" => Some(&mut detail.abbreviated),
        "verbose" | "v" => Some(&mut detail.dereferenced),
        "raw" | "x" => Some(&mut detail.raw),
        _ => None,
    }
}

/// Splits `QUALIFIER=SET`.
fn qualifier(text: &str) -> (&str, &str) {
    match text.split_once('=') {
        Some((name, set)) if !name.starts_with(['/', '%', '!']) => (name, set),
        _ => ("trace", text),
    }
}

/// Splits `!A,B` into whether it is negated and its items; `all` and `none` are sets too.
fn items(set: &str) -> (bool, Vec<&str>) {
    let (mut inverted, set) = set.strip_prefix('!').map_or((false, set), |rest| (true, rest));
    let mut items: Vec<&str> = set.split(',').filter(|item| *item != "none").collect();
    if items.contains(&"all") {
        (inverted, items) = (!inverted, Vec::new());
    }
    (inverted, items)
}

fn parse(expression: &str) -> Result<Filter, String> {
    crate::filter_arg::parse(expression)
}

fn statuses(set: &str) -> Result<Filter, String> {
    let (inverted, items) = items(set);
    let mut tests = Vec::new();
    for item in items {
        tests.push(match item {
            // One that the kernel makes again (ERESTARTSYS and its kin, include/linux/errno.h) has
            // neither failed nor succeeded.
            "successful" => {
                "(not failed and rval not in {-512, -513, -514, -516} and (rval < 0 or rval >= 0))"
            }
            "failed" => "failed",
            "unfinished" => "not (rval < 0 or rval >= 0)",
            "detached" => "unfinished",
            "unavailable" => "event < 0",
            _ => {
                return Err(format!(
                    "`{item}` is no status; known are successful, failed, unfinished, \
                     unavailable and detached"
                ));
            }
        });
    }
    let tests = if tests.is_empty() { "event < 0".to_owned() } else { tests.join(" or ") };
    parse(&if inverted { format!("not ({tests})") } else { tests })
}

fn fd_set(set: &str) -> Result<FdSet, String> {
    let (inverted, items) = items(set);
    let fds = items
        .into_iter()
        .map(|item| item.parse::<i32>().map_err(|_| format!("`{item}` is no file descriptor")));
    Ok(FdSet { fds: fds.collect::<Result<_, _>>()?, inverted })
}

fn descriptors(set: &str) -> Result<Filter, String> {
    let FdSet { fds, inverted } = fd_set(set)?;
    let list = fds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let test = if fds.is_empty() { "fd < -1".to_owned() } else { format!("fd in {{{list}}}") };
    parse(&if inverted { format!("fd >= 0 and not ({test})") } else { test })
}

fn signals(set: &str) -> Result<u64, String> {
    let (inverted, items) = items(set);
    let mut bits = 0u64;
    for item in items {
        let name = item.to_ascii_uppercase();
        let number = item.parse().ok().or_else(|| signal_number(&name));
        let bit = number.and_then(|number| u32::try_from(number - 1).ok());
        let bit = bit.and_then(|shift| 1u64.checked_shl(shift));
        bits |= bit.ok_or_else(|| format!("`{item}` is no signal"))?;
    }
    Ok(if inverted { !bits } else { bits })
}

fn quiet(set: &str) -> Result<Quiet, String> {
    let (inverted, items) = items(set);
    let all = ["attach", "exit", "path-resolution", "personality", "thread-execve"];
    let known = |item: &str| match item {
        "exits" => Some("exit"),
        "path-resolve" => Some("path-resolution"),
        "superseded" | "thread-exec" => Some("thread-execve"),
        item => all.into_iter().find(|known| *known == item),
    };
    let mut chosen = Vec::new();
    for item in items {
        chosen.push(
            known(item).ok_or_else(|| {
                format!("`{item}` is no kind of line; known are {}", all.join(", "))
            })?,
        );
    }
    let has = |name| chosen.contains(&name) != inverted;
    Ok(Quiet {
        attach: has("attach"),
        exit: has("exit"),
        personality: has("personality"),
        thread_execve: has("thread-execve"),
    })
}

fn fd_style(set: &str) -> Result<FdStyle, String> {
    let (inverted, items) = items(set);
    let all = ["path", "socket", "dev", "eventfd", "pidfd", "signalfd"];
    if let Some(item) = items.iter().find(|item| !all.contains(item)) {
        return Err(format!("`{item}` is no kind of descriptor; known are {}", all.join(", ")));
    }
    let has = |name| items.contains(&name) != inverted;
    Ok(match (has("path"), has("socket"), has("dev")) {
        (_, true, true) => FdStyle::Detail,
        (path, true, false) => FdStyle::Sockets { path },
        (path, false, true) => FdStyle::Devices { path },
        (true, ..) => FdStyle::Path,
        _ => FdStyle::Number,
    })
}

#[cfg(test)]
mod tests;
