//! `speedscope`: a profile for <https://www.speedscope.app>, of the kind `sampled`: stacks with
//! weights, in the file format of its version 1.

use std::collections::HashMap;
use std::io::{self, Write};

use foldhash::fast::RandomState;
use serde::Serialize;
use sysreel_inspect::visible::json;

use crate::blocked::Blocked;
use crate::exporter::Exporter;
use crate::row::Row;

/// Writes a profile.
pub(crate) struct Speedscope<'o> {
    out: &'o mut dyn Write,
    blocked: Blocked,
    logs: Vec<String>,
}

#[derive(Serialize)]
struct File<'f> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    exporter: &'static str,
    name: &'f str,
    #[serde(rename = "activeProfileIndex")]
    active: u32,
    shared: Shared<'f>,
    profiles: [Profile<'f>; 1],
}

#[derive(Serialize)]
struct Shared<'f> {
    frames: Vec<Frame<'f>>,
}

#[derive(Serialize)]
struct Frame<'f> {
    name: &'f str,
}

#[derive(Serialize)]
struct Profile<'f> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'f str,
    unit: &'static str,
    #[serde(rename = "startValue")]
    start: u64,
    #[serde(rename = "endValue")]
    end: u64,
    samples: Vec<Vec<usize>>,
    weights: Vec<u64>,
}

impl<'o> Speedscope<'o> {
    pub(crate) fn new(out: &'o mut dyn Write) -> Self {
        Self { out, blocked: Blocked::new(), logs: Vec::new() }
    }
}

impl Exporter for Speedscope<'_> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        if let Row::Log(log) = row {
            self.logs.push(log.log.clone());
        }
        self.blocked.add(row);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        let (stacks, remarks) = self.blocked.finish();
        let mut frames = Vec::new();
        let mut known: HashMap<&str, usize, RandomState> = HashMap::default();
        let mut samples = Vec::with_capacity(stacks.len());
        for stack in stacks.keys() {
            let sample = stack.iter().map(|name| {
                *known.entry(name).or_insert_with(|| {
                    frames.push(Frame { name });
                    frames.len() - 1
                })
            });
            samples.push(sample.collect());
        }
        let weights: Vec<u64> = stacks.values().copied().collect();
        let name = self.logs.join(", ");
        let file = File {
            schema: "https://www.speedscope.app/file-format-schema.json",
            exporter: "sysreel",
            name: &name,
            active: 0,
            shared: Shared { frames },
            profiles: [Profile {
                kind: "sampled",
                name: "blocked time",
                unit: "nanoseconds",
                start: 0,
                end: weights.iter().fold(0, |sum: u64, ns| sum.saturating_add(*ns)),
                samples,
                weights,
            }],
        };
        writeln!(self.out, "{}", json(&file)?)?;
        Ok(remarks)
    }
}
