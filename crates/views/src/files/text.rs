//! The tables of `files`.

use std::io::{self, Write};

use super::{By, File, Files, Search, Which};
use crate::page::Page;
use crate::pool::Bytes;
use crate::table::{Align, Table, write_line};
use crate::text::{CUT, size};
use crate::view::View;
use sysreel_inspect::Required;
use sysreel_inspect::abi::Classes;

impl View for Files {
    const SCHEMA: &'static str = "sysreel/files/1";
    const REQUIRED: Required = Required::files(Classes::FILE.and(Classes::DESC));

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        match self.which {
            Which::Missing => self.write_searches(page, out)?,
            Which::All | Which::Writes => self.write_files(page, out)?,
        }
        if self.left_out > 0 {
            write_line(&format!("({} uses had no room)", self.left_out), page, out)?;
        }
        Ok(())
    }
}

impl Files {
    fn write_files(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let table = Table::new(&[
            ("read", Align::Right),
            ("written", Align::Right),
            ("uses", Align::Left),
            ("by", Align::Left),
            ("path", Align::Left),
        ]);
        let bytes = |count: u64| if count == 0 { String::new() } else { size(count) };
        table.write_rows(page, out, &|each| {
            self.files.iter().try_for_each(|file| {
                each(&[
                    bytes(file.bytes_read),
                    bytes(file.bytes_written),
                    uses(file),
                    who(&file.by, file.more_by),
                    path(file),
                ])
            })
        })
    }

    fn write_searches(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let table = Table::new(&[
            ("times", Align::Right),
            ("by", Align::Left),
            ("name", Align::Left),
            ("looked for in", Align::Left),
        ]);
        table.write_rows(page, out, &|each| {
            self.searches.iter().try_for_each(|search| {
                each(&[
                    search.times.to_string(),
                    who(&search.by, search.more_by),
                    search.name.to_string(),
                    places(search),
                ])
            })
        })
    }
}

/// Returns the uses of a path. That a file was opened goes without saying if it was read or
/// written.
fn uses(file: &File) -> String {
    let is_used = file.uses.count("read") > 0 || file.uses.count("write") > 0;
    let mut words: Vec<String> = file
        .uses
        .iter()
        .filter(|(name, _)| *name != "open" || !is_used)
        .map(|(name, _)| name.replace("maybe_create", "create?").replace('_', "-"))
        .collect();
    if file.not_found > 0 {
        words.push("missing".to_owned());
    }
    words.extend(file.errors.iter().map(|(name, _)| name));
    words.join(",")
}

/// Returns a path, and the other one that belongs to it.
fn path(file: &File) -> String {
    let with = |sign: &str, other: &Option<Bytes>| match other {
        Some(other) => format!(" {sign} {other}"),
        None => String::new(),
    };
    let from =
        if file.renamed_to.is_none() { with("<-", &file.renamed_from) } else { String::new() };
    let rest = if file.is_cut { CUT } else { "" };
    format!(
        "{}{rest}{}{from}{}",
        file.path,
        with("->", &file.renamed_to),
        with("=>", &file.leads_to)
    )
}

/// Returns the first program and how many others there are.
fn who(by: &[By], more: u64) -> String {
    let Some(first) = by.first() else { return String::new() };
    let others = u64::try_from(by.len() - 1).unwrap_or(u64::MAX).saturating_add(more);
    let name = name(first);
    match others {
        0 => format!("{name}[{}]", first.pid),
        _ => format!("{name}[{}] +{others}", first.pid),
    }
}

/// Returns the last component of a program's path.
fn name(by: &By) -> String {
    let Some(exe) = &by.exe else { return "?".to_owned() };
    let path = exe.to_string();
    path.rsplit('/').next().unwrap_or(&path).to_owned()
}

/// Returns where a search looked, in order, and where it ended.
fn places(search: &Search) -> String {
    let mut tried: Vec<String> = search
        .tried
        .iter()
        .map(|tried| match &*tried.error {
            "ENOENT" => tried.directory.to_string(),
            error => format!("{} ({error})", tried.directory),
        })
        .collect();
    if search.more_tried > 0 {
        tried.push(format!("({} more)", search.more_tried));
    }
    let tried = tried.join(", ");
    match &search.found {
        Some(found) => format!("{tried}; found in {found}"),
        None => tried,
    }
}
