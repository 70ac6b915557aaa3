//! The speed of comparisons: alignment of streams of every hard shape, and of whole logs.

use super::goals;
use super::place::Place;
use super::read::{in_own_process, measure, text};
use super::table::{Table, verdict};
use super::workload;
use anyhow::{Context, Result};
use sysreel_inspect::diff::align;

/// The shapes of streams, as the table names them.
const SHAPES: [&str; 7] = [
    "mixed, an edit every 400 000",
    "mixed, an edit every 500",
    "mixed, an edit every 10",
    "six symbols, 2 % edits",
    "a loop of six, an edit every 10 000",
    "unrelated, six symbols",
    "nothing in common",
];

/// Pseudo-random numbers, the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 16) % u64::from(limit)).unwrap_or(0)
    }

    fn stream(&mut self, len: usize, symbols: u32) -> Vec<u32> {
        (0..len).map(|_| self.below(symbols)).collect()
    }

    fn edited(&mut self, stream: &[u32], every: u32, symbols: u32) -> Vec<u32> {
        let mut edited = Vec::with_capacity(stream.len());
        for &token in stream {
            match if self.below(every) == 0 { self.below(3) } else { 3 } {
                0 => {}
                1 => edited.extend([self.below(symbols), token]),
                2 => edited.push(self.below(symbols)),
                _ => edited.push(token),
            }
        }
        edited
    }
}

/// Aligns two streams of a shape and returns the number of spans.
pub(super) fn align(shape: usize, len: usize) -> Result<u64> {
    const MANY: u32 = 2_000_000;
    let mut random = Random(1);
    let (a, b) = match shape {
        0..=2 => {
            let a = random.stream(len, MANY);
            let b = random.edited(&a, [400_000, 500, 10][shape], MANY);
            (a, b)
        }
        3 => {
            let a = random.stream(len, 6);
            let b = random.edited(&a, 50, 6);
            (a, b)
        }
        4 => {
            let a = [1, 2, 3, 2, 4, 5].repeat(len / 6);
            let b = random.edited(&a, 10_000, 6);
            (a, b)
        }
        5 => (random.stream(len, 6), random.stream(len, 6)),
        _ => {
            let a = random.stream(len, MANY);
            let b = a.iter().map(|token| token + MANY).collect();
            (a, b)
        }
    };
    Ok(align::align(&a, &b).len() as u64)
}

/// Returns the section of the report, for streams of `tokens` and logs of `stops`.
pub(super) fn section(place: &Place, tokens: usize, stops: u64) -> Result<String> {
    let mut shapes =
        Table::new(&["shape", "CPU time", "goal: at most", "", "peak memory", "goal: at most", ""]);
    for (shape, name) in SHAPES.into_iter().enumerate() {
        eprintln!("align: {name}");
        let reading = measure(&["align", &shape.to_string(), &tokens.to_string()])?;
        let mib = reading.peak as f64 / 1024.0;
        shapes.row(vec![
            name.into(),
            format!("{:.2} s", reading.cpu),
            format!("{:.0} s", goals::ALIGN_SECONDS),
            verdict(reading.cpu <= goals::ALIGN_SECONDS),
            format!("{mib:.0} MiB"),
            format!("{:.0} MiB", goals::ALIGN_MEMORY),
            verdict(mib <= goals::ALIGN_MEMORY),
        ]);
    }
    let mut logs =
        Table::new(&["", "CPU time", "of decoding both", "goal: at most", "", "peak memory"]);
    let recorded = place.output("diff.reel");
    let mut argv = vec![place.path("sysreel"), "record".into(), "--quiet".into()];
    argv.extend(["-o".into(), text(&recorded), "--".into()]);
    argv.extend_from_slice(&workload::tar().argv);
    place.run(&argv)?;
    let both = ["a.reel", "b.reel"].map(|name| text(&place.output(name)));
    for log in &both {
        in_own_process(&["lengthen", &text(&recorded), log, &stops.to_string()])?;
    }
    let decoding = measure(&["decode", &both[0]])?.cpu + measure(&["decode", &both[1]])?.cpu;
    for level in ["effects", "sequence"] {
        eprintln!("diff: {level}");
        let reading = measure(&["diff", &place.path("sysreel"), &both[0], &both[1], level])?;
        let ratio = reading.cpu / decoding;
        logs.row(vec![
            format!("`--level {level}`"),
            format!("{:.2} s", reading.cpu),
            format!("{ratio:.2}x"),
            format!("{:.0}x", goals::DIFF),
            verdict(ratio <= goals::DIFF),
            format!("{:.0} MiB", reading.peak as f64 / 1024.0),
        ]);
    }
    for log in &both {
        std::fs::remove_file(log).with_context(|| log.clone())?;
    }
    Ok(format!(
        "## Comparing\n\n\
         Two streams of {tokens} tokens are aligned, on one core; memory is the largest resident set, the streams included.\n\n{shapes}\n\
         Two logs of {stops} stops each, what `tar cf /dev/null /usr/include` did again and again, are compared by `sysreel diff`; CPU time of all threads together.\n\n{logs}"
    ))
}
