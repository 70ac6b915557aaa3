//! The table of formats.

use std::io::{self, Write};

use sysreel_inspect::{Error, Findings, LogFile};

use crate::exporter::{Exporter, Needs};
use crate::options::Options;
use crate::{csv, ndjson, strace};

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
    pub(crate) make: Make,
}

/// What a file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text, which a terminal can show.
    Text,
    /// Bytes.
    Binary,
}

/// How a format is written.
#[derive(Debug)]
pub(crate) enum Make {
    /// Row by row.
    Rows(Needs, for<'o> fn(&'o mut dyn Write) -> io::Result<Box<dyn Exporter + 'o>>),
    /// By a reader of its own. Returns what the user should know too.
    Whole(fn(&mut LogFile, &Options, &mut dyn Write) -> Result<(Findings, Vec<String>), Error>),
}

/// A text format of rows.
const fn text(
    (name, ending): (&'static str, &'static str),
    about: &'static str,
    needs: Needs,
    make: for<'o> fn(&'o mut dyn Write) -> io::Result<Box<dyn Exporter + 'o>>,
) -> Format {
    Format {
        name,
        about,
        ending,
        content: Content::Text,
        merges: true,
        make: Make::Rows(needs, make),
    }
}

/// All formats.
pub const FORMATS: &[Format] = &[
    text(
        ("ndjson", "ndjson"),
        "A JSON object per line: calls, signals, tasks, programs",
        Needs::ALL,
        |out| Ok(Box::new(ndjson::Ndjson::new(out))),
    ),
    text(("csv", "csv"), "A table of calls, for spreadsheets and data frames", Needs::ALL, |out| {
        Ok(Box::new(csv::Csv::new(out)?))
    }),
    Format {
        name: "strace",
        about: "What `strace -f -ttt -T -y` writes, for programs that read that",
        ending: "strace",
        content: Content::Text,
        merges: false,
        make: Make::Whole(strace::write),
    },
];

/// Returns the format of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

#[cfg(test)]
mod tests {
    use super::FORMATS;
    use std::collections::BTreeSet;

    /// Returns the table of docs/export.md.
    fn markdown() -> String {
        let mut text = "| format | file | logs | |\n|---|---|---|---|\n".to_owned();
        for format in FORMATS {
            let logs = if format.merges { "any number" } else { "one" };
            text += &format!(
                "| [`{0}`](#{0}) | `.{1}` | {logs} | {2} |\n",
                format.name, format.ending, format.about
            );
        }
        text
    }

    #[test]
    fn the_document_has_the_table_and_a_section_for_each() {
        let document = include_str!("../../../docs/export.md");
        assert!(document.contains(&markdown()), "docs/export.md must contain:\n{}", markdown());
        for format in FORMATS {
            assert!(document.contains(&format!("\n## {}\n", format.name)), "{}", format.name);
        }
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = FORMATS.iter().map(|format| format.name).collect();
        assert_eq!(names.len(), FORMATS.len());
    }
}
