//! Writes what the fuzzer begins with to corpus/TARGET, made of fixtures, examples and documents:
//! `seeds ROOT CORPUS`.

// Built with coverage like the targets, this links libFuzzer's callbacks.
use libfuzzer_sys as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use sysreel_fuzz::{Form, columns, rewrite, unpack};

fn main() -> io::Result<()> {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [root, corpus] = &args[..] else {
        return Err(io::Error::other("usage: seeds ROOT CORPUS"));
    };
    let mut logs: Vec<PathBuf> = fs::read_dir(root.join("fixtures/logs/v1"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "reel"));
    logs.sort();
    let mut last = Vec::new();
    for path in &logs {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let log = fs::read(path)?;
        let seed = |target: &str, suffix: &str, bytes: &[u8]| {
            write(&corpus.join(target), &format!("{name}{suffix}"), bytes)
        };
        if let Some(unpacked) = unpack(&log) {
            seed("container", "", &unpacked)?;
        }
        let sites = rewrite(&log, Form::Columns).ok_or_else(|| io::Error::other(name.clone()))?;
        for (at, columns) in columns(&sites).iter().enumerate() {
            seed("codec1", &format!(".{at}"), columns)?;
        }
        let plain = rewrite(&log, Form::Plain).and_then(|log| unpack(&log));
        let plain = plain.ok_or_else(|| io::Error::other(name.clone()))?;
        for target in ["container", "print", "raw"] {
            seed(target, ".plain", &plain)?;
        }
        let replayable = rewrite(&log, Form::Replayable).and_then(|log| unpack(&log));
        seed("replay", "", &replayable.ok_or_else(|| io::Error::other(name.clone()))?)?;
        seed("diff", ".same", &pair(&plain, &plain))?;
        seed("diff", ".other", &pair(&last, &plain))?;
        last = plain;
    }
    let text = |path: &str| fs::read_to_string(root.join(path));
    let mut policies = vec![text("examples/ci-baseline/sysreel.toml")?];
    policies.extend(blocks(&text("docs/ci.md")?, "toml"));
    for (at, policy) in policies.iter().enumerate() {
        write(&corpus.join("policy"), &at.to_string(), policy.as_bytes())?;
    }
    let baseline = text("examples/ci-baseline/sysreel.baseline")?;
    write(&corpus.join("baseline"), "example", baseline.as_bytes())
}

/// Two unpacked logs as the target `diff` takes them.
fn pair(a: &[u8], b: &[u8]) -> Vec<u8> {
    let len = u32::try_from(a.len()).unwrap_or(0);
    [&len.to_le_bytes()[..], a, b].concat()
}

/// The code blocks of a document that are in a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    blocks.filter_map(|rest| Some(rest.split("\n```").next()?.to_owned() + "\n")).collect()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(name), bytes)
}
