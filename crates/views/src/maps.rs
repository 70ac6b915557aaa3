//! `maps`: the memory mappings with which each program began.

use std::io::{self, Write};

use serde::Serialize;
use sysreel_inspect::{Error, Findings, LogFile, format};

use crate::captured::{Program, Programs, programs};
use crate::page::Page;
use crate::pool::{Bytes, Pool};
use crate::select::Select;
use crate::table::{Align, Table, write_line};
use crate::text::size;
use crate::view::View;

/// Which programs to return.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The part of the log. With a filter, only programs that match.
    pub select: Select,
    /// Only programs of these processes; empty: of all.
    pub pids: Vec<u32>,
}

/// The mappings of the programs of a log.
pub type Maps = Programs<Mappings>;

/// The mappings of a program.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Mappings {
    /// The program.
    #[serde(flatten)]
    pub program: Program,
    /// The mappings by address, as /proc/PID/maps had them after the execve(2), before the first
    /// instruction of the program, or at attach.
    pub mappings: Vec<Mapping>,
}

/// A mapping (proc_pid_maps(5)).
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Mapping {
    /// Its first address, in hexadecimal: `0x7f0000001000`.
    pub start: Address,
    /// The first address after it.
    pub end: Address,
    /// The permissions, such as `r-xp`.
    pub perms: Permissions,
    /// The offset in the file, in bytes.
    pub offset: u64,
    /// The device of the file, as `st_dev`; 0 for none.
    pub dev: u64,
    /// The inode of the file; 0 for none.
    pub inode: u64,
    /// The path of the file, or a name in brackets; `null` if it has none, or none had room.
    pub path: Option<Bytes>,
    /// The ELF build id of the file, in hexadecimal; `null` if there is none.
    pub build_id: Option<BuildId>,
}

/// An address; in JSON and text hexadecimal, because numbers in JSON are exact only to 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(pub u64);

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:#x}", self.0))
    }
}

/// The permissions of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions(pub [u8; 4]);

impl std::fmt::Display for Permissions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&sysreel_inspect::visible::visible_bytes(&self.0))
    }
}

impl Serialize for Permissions {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// The ELF build id of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildId(Bytes);

impl std::fmt::Display for BuildId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for BuildId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Returns the mappings of the programs of a log.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn maps(file: &LogFile, options: &Options) -> Result<(Maps, Findings), Error> {
    programs(file, (&options.select, &options.pids), false, |program, exec, pool| {
        let maps = &exec.found.maps;
        if !pool.take(maps.len().saturating_mul(size_of::<Mapping>())) {
            return None;
        }
        let mappings = maps.iter().map(|mapping| Mapping::of(mapping, pool)).collect();
        Some(Mappings { program, mappings })
    })
}

impl Mapping {
    fn of(found: &format::Mapping, pool: &mut Pool) -> Self {
        let mut some = |bytes: &[u8]| if bytes.is_empty() { None } else { pool.keep(bytes) };
        Self {
            start: Address(found.start),
            end: Address(found.end),
            perms: Permissions(found.perms),
            offset: found.offset,
            dev: found.dev,
            inode: found.inode,
            path: some(&found.path),
            build_id: some(&found.build_id).map(BuildId),
        }
    }
}

impl View for Maps {
    const SCHEMA: &'static str = "sysreel/maps/1";

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        self.write(page, out, |of, out| {
            write_line(&of.program.heading(), page, out)?;
            let mut table = Table::new(&[
                ("start", Align::Right),
                ("end", Align::Right),
                ("size", Align::Right),
                ("perms", Align::Left),
                ("offset", Align::Right),
                ("path", Align::Left),
            ]);
            for mapping in &of.mappings {
                let text = |path: &Option<Bytes>| path.as_ref().map(Bytes::to_string);
                table.row(vec![
                    format!("{:x}", mapping.start.0),
                    format!("{:x}", mapping.end.0),
                    size(mapping.end.0.saturating_sub(mapping.start.0)),
                    mapping.perms.to_string(),
                    format!("{:x}", mapping.offset),
                    text(&mapping.path).unwrap_or_default(),
                ]);
            }
            table.write(page, out)
        })
    }

    fn is_empty(&self) -> bool {
        self.programs.is_empty()
    }
}
