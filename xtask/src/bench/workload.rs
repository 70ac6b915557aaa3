//! The workloads.

use super::place::Place;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::fs;

/// A program that is run bare and under each contestant.
#[derive(Clone)]
pub(super) struct Workload {
    /// Its name, for `--only` and the tables.
    pub(super) name: &'static str,
    /// A description.
    pub(super) what: String,
    /// Its command line.
    pub(super) argv: Vec<String>,
}

/// Modules of Python's library.
const MODULES: &str = "argparse, ast, asyncio, base64, bisect, calendar, cmd, codecs, collections, \
    configparser, contextlib, copy, csv, \
    dataclasses, datetime, decimal, difflib, dis, email, enum, fractions, functools, glob, gzip, hashlib, heapq, html, http.client, inspect, \
    io, json, logging, mimetypes, multiprocessing, pathlib, pickle, platform, pprint, random, re, shutil, socket, sqlite3, statistics, string, \
    subprocess, tarfile, tempfile, unittest, xml.dom.minidom";

/// The number of C files in the tree for make.
const UNITS: usize = 12;

/// Returns every workload, with its files in place. `scale` divides the loops.
pub(super) fn all(place: &Place, scale: usize) -> Result<Vec<Workload>> {
    for program in ["calls", "pipe", "floor"] {
        place.compile(program)?;
    }
    write_sources(place)?;
    let (calls, pipe) = (place.program("calls"), place.program("pipe"));
    let loops = (20_000 / scale).to_string();
    let storm = 200 / scale;
    let bytes = (100 << 20) / scale;
    let own = |what: &str| what.to_owned();
    Ok(vec![
        workload("getppid", format!("{loops} calls of getppid"), &[&calls, "getppid", &loops]),
        workload("read", format!("{loops} reads of one byte"), &[&calls, "read", &loops]),
        tar(),
        workload(
            "python",
            own("python3 imports 50 modules of its library"),
            &["python3", "-c", &format!("import {MODULES}")],
        ),
        workload(
            "gcc",
            own("`gcc -c` of a hello world"),
            &["gcc", "-c", &place.path("hello.c"), "-o", &place.path("hello.o")],
        ),
        workload(
            "make",
            format!("`make -j4` of {UNITS} small C files"),
            &["make", "-s", "-B", "-j4", "-C", &place.path("tree")],
        ),
        workload(
            "storm",
            format!("a shell runs /bin/true {storm} times"),
            &[
                "sh",
                "-c",
                &format!("n={storm}; while [ $n -gt 0 ]; do /bin/true; n=$((n-1)); done"),
            ],
        ),
        workload(
            "threads",
            format!("four threads with {} calls of getppid each", 5000 / scale),
            &[&calls, "threads", &(5000 / scale).to_string()],
        ),
        workload(
            "pipe",
            format!("{} MB of text through a pipe", bytes >> 20),
            &[&pipe, &bytes.to_string()],
        ),
        workload(
            "loops",
            format!("two processes with {loops} calls of getppid each"),
            &[&calls, "loops", &loops],
        ),
    ])
}

/// Returns the workloads whose time is judged as it is, not as a ratio.
pub(super) fn absolute(place: &Place) -> Result<[Workload; 2]> {
    place.compile("descriptors")?;
    Ok([
        workload("true", "`true`: the start and the end of a recording".into(), &["true"]),
        workload(
            "descriptors",
            "30 programs that inherit as many descriptors as are allowed, at most 20000".into(),
            &[&place.program("descriptors"), "30", "20000"],
        ),
    ])
}

/// Returns the workloads for replay: those of [`all`] with one thread, and some that a replay need
/// not do, such as waiting.
pub(super) fn replayed(place: &Place, scale: usize, all: &[Workload]) -> Result<Vec<Workload>> {
    const NAMES: [&str; 6] = ["getppid", "read", "tar", "python", "gcc", "storm"];
    let text: String = (0..400_000 / scale).fold(String::new(), |mut text, line| {
        // No two lines are equal, but they are similar, as in a log file.
        _ = writeln!(
            text,
            "{line} request {} of user {} took {} ms",
            line * 7919 % 10_007,
            line % 97,
            line % 31
        );
        text
    });
    place.write("text", &text)?;
    let mut chosen: Vec<Workload> =
        all.iter().filter(|workload| NAMES.contains(&workload.name)).cloned().collect();
    chosen.extend([
        workload(
            "files",
            "`grep -r -c define /usr/include`: reads every file".into(),
            &["grep", "-r", "-c", "define", "/usr/include"],
        ),
        workload(
            "compute",
            format!("`gzip -9` of {:.1} MB of text", text.len() as f64 / 1e6),
            &["gzip", "-9", "-c", &place.path("text")],
        ),
        workload(
            "waits",
            "a shell reads five lines from a pipe that has one every 100 ms".into(),
            &[
                "sh",
                "-c",
                "for i in 1 2 3 4 5; do sleep 0.1; echo $i; done | while read line; do :; done",
            ],
        ),
    ]);
    Ok(chosen)
}

/// The main workload.
pub(super) fn tar() -> Workload {
    workload(
        "tar",
        "`tar cf /dev/null /usr/include`".into(),
        &["tar", "cf", "/dev/null", "/usr/include"],
    )
}

fn workload(name: &'static str, what: String, argv: &[&str]) -> Workload {
    Workload { name, what, argv: argv.iter().map(|&arg| arg.to_owned()).collect() }
}

/// Writes the sources that the compilers of the workloads compile.
fn write_sources(place: &Place) -> Result<()> {
    let hello = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";
    let tree = place.path("tree");
    fs::create_dir_all(&tree).context(tree)?;
    let mut names = Vec::new();
    let mut main = String::from("#include <stdio.h>\n");
    let mut sum = String::from("0");
    for unit in 0..UNITS {
        let text = format!(
            "#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n\
             int unit_{unit}(const char *text) {{ return (int)strlen(text) * {unit} + abs((int)getppid()); }}\n"
        );
        place.write(&format!("tree/unit_{unit}.c"), &text)?;
        names.push(format!("unit_{unit}.o"));
        writeln!(main, "int unit_{unit}(const char *);")?;
        write!(sum, " + unit_{unit}(name[0])")?;
    }
    writeln!(
        main,
        "int main(int count, char **name) {{ (void)count; return printf(\"%d\\n\", {sum}) < 0; }}"
    )?;
    place.write("tree/main.c", &main)?;
    place.write("hello.c", hello)?;
    let objects = names.join(" ");
    let makefile =
        format!("program: main.o {objects}\n\t$(CC) -o $@ $^\n%.o: %.c\n\t$(CC) -O1 -c -o $@ $<\n");
    place.write("tree/Makefile", &makefile)?;
    place.hand_over("tree")
}
