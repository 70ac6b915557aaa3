//! The table of formats.

use std::io::{self, Write};
use std::path::Path;

use sysreel_inspect::abi::Classes;
use sysreel_inspect::{Calls, Error, Findings, LogFile, Required};

use crate::exporter::{Exporter, Needs};
use crate::grants::Grants;
use crate::options::Options;
use crate::strace::Parts;
use crate::timeline::Timeline;
use crate::{
    bwrap, chrome, csv, dot, folded, landlock, ndjson, pcapng, perfetto, seccomp, speedscope,
    strace, systemd,
};

/// A format.
#[derive(Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is and what reads it, for help texts.
    pub about: &'static str,
    /// The ending of its files, without a dot.
    pub ending: &'static str,
    /// What its files contain.
    pub content: Content,
    /// Whether one file can have several logs.
    pub merges: bool,
    /// The feature of this crate that it needs.
    pub feature: Option<&'static str>,
    /// What it requires of a log. Without that, it has less than what happened.
    pub required: Required,
    pub(crate) make: Make,
}

/// What a file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text, which a terminal can show.
    Text,
    /// Bytes in order.
    Binary,
    /// Bytes that are written in any order: only a file can hold them.
    Database,
    /// Text in several files.
    Parts,
}

/// Reads a log and writes it.
type Reader = fn(&mut LogFile, &Options, &mut dyn Write) -> Result<(Findings, Vec<String>), Error>;

/// Reads logs and writes a table of what it finds to a file.
type TableReader = fn(&Path, &[LogFile], &Options) -> Result<(Vec<Findings>, Vec<String>), Error>;

/// Reads a log and writes parts of it.
type PartsReader = fn(&mut LogFile, &Options, Parts<'_>) -> Result<(Findings, Vec<String>), Error>;

/// How a format is written.
#[derive(Debug)]
pub(crate) enum Make {
    /// Row by row.
    Rows(Needs, for<'o> fn(&'o mut dyn Write) -> io::Result<Box<dyn Exporter + 'o>>),
    /// Row by row, to a file that the format opens itself.
    #[cfg_attr(not(feature = "tables"), expect(dead_code, reason = "formats of the feature"))]
    File(Needs, fn(&Path) -> io::Result<Box<dyn Exporter>>),
    /// By a reader of its own, to a file that the format opens itself.
    #[cfg_attr(not(feature = "tables"), expect(dead_code, reason = "formats of the feature"))]
    Found(TableReader),
    /// By a reader of its own. Returns what the user should know too.
    Whole(Reader),
    /// By a reader of its own, to several files.
    Parts(PartsReader),
    /// From what the logs together need of the file system and the network.
    Grants(fn(&Grants, &mut dyn Write) -> io::Result<()>),
    /// Not in this build.
    #[cfg_attr(feature = "tables", expect(dead_code, reason = "without the feature"))]
    Missing,
}

impl Format {
    /// Whether this build has it; otherwise [`Self::feature`] is missing.
    #[must_use]
    pub fn is_built(&self) -> bool {
        !matches!(self.make, Make::Missing)
    }
}

#[cfg(feature = "tables")]
mod made {
    use super::{Make, Needs};
    use crate::tables::Container::{Arrow, Parquet};
    use crate::tables::{files, parquet, regions, sockets, sqlite, tasks};

    pub(super) const SQLITE: Make = Make::Found(sqlite::write);
    pub(super) const PARQUET: Make =
        Make::File(Needs::TABLE, |path| Ok(Box::new(parquet::Parquet::new(path, Parquet)?)));
    pub(super) const PARQUET_TASKS: Make =
        Make::File(Needs::MEMORY, |path| Ok(Box::new(tasks::Tasks::new(path, Parquet)?)));
    pub(super) const PARQUET_FILES: Make =
        Make::Found(|path, logs, options| files::write(path, logs, options, Parquet));
    pub(super) const PARQUET_SOCKETS: Make =
        Make::Found(|path, logs, options| sockets::write(path, logs, options, Parquet));
    pub(super) const PARQUET_REGIONS: Make =
        Make::File(Needs::MEMORY, |path| Ok(Box::new(regions::Regions::new(path, Parquet)?)));
    pub(super) const ARROW: Make =
        Make::File(Needs::TABLE, |path| Ok(Box::new(parquet::Parquet::new(path, Arrow)?)));
    pub(super) const ARROW_TASKS: Make =
        Make::File(Needs::MEMORY, |path| Ok(Box::new(tasks::Tasks::new(path, Arrow)?)));
    pub(super) const ARROW_FILES: Make =
        Make::Found(|path, logs, options| files::write(path, logs, options, Arrow));
    pub(super) const ARROW_SOCKETS: Make =
        Make::Found(|path, logs, options| sockets::write(path, logs, options, Arrow));
    pub(super) const ARROW_REGIONS: Make =
        Make::File(Needs::MEMORY, |path| Ok(Box::new(regions::Regions::new(path, Arrow)?)));
}
#[cfg(not(feature = "tables"))]
mod made {
    use super::Make;

    pub(super) const SQLITE: Make = Make::Missing;
    pub(super) const PARQUET: Make = Make::Missing;
    pub(super) const PARQUET_TASKS: Make = Make::Missing;
    pub(super) const PARQUET_FILES: Make = Make::Missing;
    pub(super) const PARQUET_SOCKETS: Make = Make::Missing;
    pub(super) const PARQUET_REGIONS: Make = Make::Missing;
    pub(super) const ARROW: Make = Make::Missing;
    pub(super) const ARROW_TASKS: Make = Make::Missing;
    pub(super) const ARROW_FILES: Make = Make::Missing;
    pub(super) const ARROW_SOCKETS: Make = Make::Missing;
    pub(super) const ARROW_REGIONS: Make = Make::Missing;
}

/// The feature of the formats whose libraries take long to build.
const TABLES: Option<&str> = Some("tables");

/// What shows every call, with its arguments.
const CALLS: Required =
    Required { memory: true, names: true, calls: Calls::All, ..Required::NOTHING };
/// What adds up the times of calls by what they wait for.
const TIMES: Required = Required { memory: false, ..CALLS };
/// What allows no other calls than those of the log.
const PROFILE: Required = Required { calls: Calls::All, lives: true, ..Required::NOTHING };
/// What grants no other files and addresses than those of the log.
const SANDBOX: Required = Required {
    lives: true,
    ..Required::files(Classes::FILE.and(Classes::DESC).and(Classes::NETWORK))
};
/// What was done with paths.
const PATHS: Required = Required::files(Classes::FILE.and(Classes::DESC));
/// What went over sockets.
const PACKETS: Required = Required::files(Classes::NETWORK.and(Classes::DESC));

/// A text format of rows.
const fn text(
    (name, ending): (&'static str, &'static str),
    about: &'static str,
    (required, needs): (Required, Needs),
    make: for<'o> fn(&'o mut dyn Write) -> io::Result<Box<dyn Exporter + 'o>>,
) -> Format {
    Format {
        name,
        about,
        ending,
        content: Content::Text,
        merges: true,
        feature: None,
        required,
        make: Make::Rows(needs, make),
    }
}

/// A table of the feature.
const fn table(
    (name, ending): (&'static str, &'static str),
    about: &'static str,
    (required, make): (Required, Make),
) -> Format {
    let content = Content::Database;
    Format { name, about, ending, content, merges: true, feature: TABLES, required, make }
}

/// All formats.
pub const FORMATS: &[Format] = &[
    text(
        ("ndjson", "ndjson"),
        "A JSON object per line: calls, signals, tasks, programs",
        (CALLS, Needs::ALL),
        |out| Ok(Box::new(ndjson::Ndjson::new(out))),
    ),
    text(
        ("csv", "csv"),
        "A table of calls, for spreadsheets and data frames",
        (CALLS, Needs::TABLE),
        |out| Ok(Box::new(csv::Csv::new(out)?)),
    ),
    Format {
        name: "strace",
        about: "What `strace -f -ttt -T -y` writes, for programs that read that",
        ending: "strace",
        content: Content::Text,
        merges: false,
        feature: None,
        required: CALLS,
        make: Make::Whole(strace::write),
    },
    Format {
        name: "strace-ff",
        about: "The same in a file for each thread, FILE.TID, as `strace -ff` writes it",
        ending: "strace",
        content: Content::Parts,
        merges: false,
        feature: None,
        required: CALLS,
        make: Make::Parts(strace::write_parts),
    },
    Format {
        name: "perfetto",
        about: "A timeline for ui.perfetto.dev: a track per thread, calls, forks, waits",
        ending: "perfetto-trace",
        content: Content::Binary,
        merges: false,
        feature: None,
        required: CALLS,
        make: Make::Rows(Needs::ALL, |out| {
            Ok(Box::new(Timeline::new(perfetto::Perfetto::new(out))))
        }),
    },
    Format {
        name: "chrome",
        about: "The same timeline as JSON, for chrome://tracing and programs that read that",
        ending: "trace.json",
        content: Content::Text,
        merges: false,
        feature: None,
        required: CALLS,
        make: Make::Rows(Needs::ALL, |out| Ok(Box::new(Timeline::new(chrome::Chrome::new(out))))),
    },
    text(
        ("folded", "folded"),
        "Stacks of blocked time by process, call and object, for flame graphs",
        (TIMES, Needs::NAMES),
        |out| Ok(Box::new(folded::Folded::new(out))),
    ),
    text(
        ("speedscope", "speedscope.json"),
        "The same stacks, for speedscope.app",
        (TIMES, Needs::NAMES),
        |out| Ok(Box::new(speedscope::Speedscope::new(out))),
    ),
    Format {
        name: "dot",
        about: "The tree of processes, for Graphviz",
        ending: "dot",
        content: Content::Text,
        merges: false,
        feature: None,
        required: Required::MEMORY,
        make: Make::Whole(dot::write),
    },
    text(
        ("seccomp", "seccomp.json"),
        "A seccomp profile for containers (OCI) that allows the calls of the logs",
        (PROFILE, Needs::NOTHING),
        |out| Ok(Box::new(seccomp::Seccomp::new(out))),
    ),
    text(
        ("systemd", "conf"),
        "A drop-in for systemd whose SystemCallFilter= allows the calls of the logs",
        (PROFILE, Needs::NOTHING),
        |out| Ok(Box::new(systemd::Systemd::new(out))),
    ),
    Format {
        name: "bwrap",
        about: "A script for bubblewrap: a sandbox with the files and the network of the logs",
        ending: "sh",
        content: Content::Text,
        merges: true,
        feature: None,
        required: SANDBOX,
        make: Make::Grants(bwrap::write),
    },
    Format {
        name: "landlock",
        about: "Rules of Landlock that allow the files and the network of the logs",
        ending: "landlock.json",
        content: Content::Text,
        merges: true,
        feature: None,
        required: SANDBOX,
        make: Make::Grants(landlock::write),
    },
    Format {
        name: "pcapng",
        about: "What went over sockets as packets with made-up headers, for Wireshark",
        ending: "pcapng",
        content: Content::Binary,
        merges: true,
        feature: None,
        required: PACKETS,
        make: Make::Rows(Needs::DATA, |out| Ok(Box::new(pcapng::Pcapng::new(out)?))),
    },
    Format {
        name: "sqlite",
        about: "A database of calls, tasks, files, sockets and memory",
        ending: "sqlite",
        content: Content::Database,
        merges: true,
        feature: TABLES,
        required: CALLS,
        make: made::SQLITE,
    },
    table(
        ("parquet", "parquet"),
        "A table of calls in columns, for DuckDB, Spark and data frames",
        (CALLS, made::PARQUET),
    ),
    table(
        ("parquet-tasks", "tasks.parquet"),
        "A table of tasks in columns: command, times, CPU time, end",
        (Required::MEMORY, made::PARQUET_TASKS),
    ),
    table(
        ("parquet-files", "files.parquet"),
        "A table of paths in columns: uses, bytes, names, errors",
        (PATHS, made::PARQUET_FILES),
    ),
    table(
        ("parquet-sockets", "sockets.parquet"),
        "A table of sockets in columns: addresses, outcomes, bytes",
        (PACKETS, made::PARQUET_SOCKETS),
    ),
    table(
        ("parquet-regions", "regions.parquet"),
        "A table of captured memory in columns: sizes and hashes, no bytes",
        (Required::MEMORY, made::PARQUET_REGIONS),
    ),
    table(
        ("arrow", "arrow"),
        "The table of calls as an Arrow IPC file (Feather), for data frames",
        (CALLS, made::ARROW),
    ),
    table(
        ("arrow-tasks", "tasks.arrow"),
        "The table of tasks as an Arrow IPC file",
        (Required::MEMORY, made::ARROW_TASKS),
    ),
    table(
        ("arrow-files", "files.arrow"),
        "The table of paths as an Arrow IPC file",
        (PATHS, made::ARROW_FILES),
    ),
    table(
        ("arrow-sockets", "sockets.arrow"),
        "The table of sockets as an Arrow IPC file",
        (PACKETS, made::ARROW_SOCKETS),
    ),
    table(
        ("arrow-regions", "regions.arrow"),
        "The table of captured memory as an Arrow IPC file",
        (Required::MEMORY, made::ARROW_REGIONS),
    ),
];

/// Returns the format of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

#[cfg(test)]
mod tests;
