//! The text of a baseline: a header, then one effect per line, sorted, so that a diff by git shows
//! the change of behavior.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::{Baseline, EFFECTS, Evidence, Key, Learned, Variant};
use crate::Error;
use crate::diff::effect::Effect;
use crate::diff::mask::masked;
use crate::diff::run::Environment;

const MAGIC: &str = "sysreel-baseline";

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{MAGIC} {}", Self::FORMAT)?;
        writeln!(
            f,
            "# What the command does to the system. Review a change of it as you review code; \
             `sysreel baseline accept` makes it."
        )?;
        writeln!(f, "# =      in every run")?;
        writeln!(f, "# ~ k/n  a name that is made up, seen in k of n runs: muted")?;
        writeln!(f, "# ? k/n  in k of n runs: muted, there or not")?;
        writeln!(
            f,
            "# ! k/n  in k of n runs, and of a kind that is never muted: it must be there"
        )?;
        let words = serde_json::to_string(&self.command).map_err(|_| fmt::Error)?;
        writeln!(f, "command {}", masked(&words))?;
        self.variants.iter().try_for_each(|variant| variant.fmt(f))
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |text: &str| match text {
            "" => "-".to_owned(),
            text => text
                .chars()
                .map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c })
                .collect(),
        };
        let (environment, learned) = (&self.key.environment, &self.learned);
        writeln!(
            f,
            "\nvariant machine={} kernel={} libc={} image={} effects={} runs={}",
            word(&environment.machine),
            word(&environment.kernel),
            word(&environment.libc),
            word(&self.key.image),
            self.effects,
            learned.runs
        )?;
        learned.always.iter().try_for_each(|effect| writeln!(f, "= {effect}"))?;
        learned
            .firm
            .iter()
            .try_for_each(|(effect, evidence)| writeln!(f, "! {evidence} {effect}"))?;
        learned
            .sometimes
            .iter()
            .try_for_each(|(effect, evidence)| writeln!(f, "? {evidence} {effect}"))?;
        learned
            .templates
            .iter()
            .try_for_each(|(template, evidence)| writeln!(f, "~ {evidence} {template}"))
    }
}

impl Baseline {
    /// Reads a baseline from a file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a baseline; the error names the line.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Open { path: path.to_path_buf(), source })?;
        Self::parse(path, &text)
    }

    /// Parses the text of a baseline; `path` is named in messages.
    ///
    /// # Errors
    /// As [`Baseline::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let mut baseline = None::<Self>;
        for (at, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let error = |why| Error::Baseline { path: path.to_path_buf(), line: at, why };
            match &mut baseline {
                None => baseline = Some(parse_header(line).map_err(error)?),
                Some(baseline) => baseline.parse_line(line).map_err(error)?,
            }
        }
        baseline.ok_or_else(|| Error::Baseline {
            path: path.to_path_buf(),
            line: 1,
            why: "the file is empty".into(),
        })
    }

    fn parse_line(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, self.variants.last_mut()) {
            ("command", None) => {
                let words = serde_json::from_str(rest);
                self.command = words.map_err(|_| {
                    format!(
                        "`{rest}` is not a list of words: expected JSON, as in [\"make\", \"test\"]"
                    )
                })?;
            }
            ("variant", _) => self.variants.push(parse_variant(rest)?),
            ("=" | "!" | "?" | "~", None) => {
                return Err("an effect before the first `variant`".into());
            }
            // A baseline of an earlier version may have secrets.
            (sign, Some(variant)) => {
                return parse_effect(&mut variant.learned, sign, &masked(rest));
            }
            (word, None) => {
                return Err(format!(
                    "unknown line `{word}` in a baseline of format {}",
                    Self::FORMAT
                ));
            }
        }
        Ok(())
    }
}

fn parse_header(line: &str) -> Result<Baseline, String> {
    let version = line.strip_prefix(MAGIC).map(str::trim);
    match version.map(|version| (version, version.parse::<u32>())) {
        Some((_, Ok(1..=Baseline::FORMAT))) => Ok(Baseline::default()),
        Some((version, Ok(_))) => Err(format!(
            "format {version} is newer than this sysreel supports ({}): upgrade sysreel, or \
                 record another baseline (`sysreel baseline record -f FILE`)",
            Baseline::FORMAT
        )),
        _ => Err(format!(
            "not a baseline: the file does not begin with `{MAGIC} {}`",
            Baseline::FORMAT
        )),
    }
}

fn parse_variant(text: &str) -> Result<Variant, String> {
    let field = |name: &str| {
        let mut words = text.split(' ');
        let found = words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| format!("the variant has no {name}="))
    };
    let word = |name: &str| {
        field(name).map(|word| if word == "-" { String::new() } else { word.to_owned() })
    };
    let runs = field("runs")?;
    let runs = runs
        .parse()
        .ok()
        .filter(|runs| *runs > 0)
        .ok_or_else(|| format!("runs={runs} is not a positive number"))?;
    let environment =
        Environment { machine: word("machine")?, kernel: word("kernel")?, libc: word("libc")? };
    let key = Key { environment, image: word("image")? };
    // Format 1 has no such field.
    let effects = field("effects").unwrap_or("1");
    let effects =
        effects.parse().ok().filter(|effects| (1..=EFFECTS).contains(effects)).ok_or_else(
            || format!("effects={effects} is newer than this sysreel: upgrade sysreel"),
        )?;
    Ok(Variant { key, learned: Learned { runs, ..Learned::default() }, effects })
}

fn parse_effect(learned: &mut Learned, sign: &str, rest: &str) -> Result<(), String> {
    if sign == "=" {
        learned.always.insert(rest.parse::<Effect>()?);
        return Ok(());
    }
    if !matches!(sign, "!" | "?" | "~") {
        return Err(format!("unknown sign `{sign}`: expected one of = ! ? ~"));
    }
    let (evidence, line) = rest.split_once(' ').unwrap_or((rest, ""));
    let evidence = evidence.parse()?;
    match sign {
        "!" => _ = learned.firm.insert(line.parse()?, evidence),
        "?" => _ = learned.sometimes.insert(line.parse()?, evidence),
        _ => _ = learned.templates.insert(line.parse()?, evidence),
    }
    Ok(())
}

impl FromStr for Evidence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text
            .split_once('/')
            .and_then(|(seen, of)| Some((seen.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((seen, of)) if 0 < seen && seen <= of => Ok(Self { seen, of }),
            _ => Err(format!(
                "invalid evidence `{text}`: expected K/N, as in 3/5 for three of five runs"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"sysreel-baseline 2
command ["sh","a b.sh"]

variant machine=x86_64 kernel=6.18.5 libc=0123 image=debian-13 effects=3 runs=5
= sh exec /usr/bin/cc ok
= sh exit - 0
! 4/5 sh connect tcp 10.0.0.1:80 ok
? 3/5 cc1 read $WS/x\x20y ok
~ 5/5 sort write $TMP/sort<alnum:6> ok

variant machine=aarch64 kernel=6.18.5 libc=- image=- effects=1 runs=2
= sh exit - 0
"#;

    #[test]
    fn a_baseline_parses_back() {
        let baseline = Baseline::parse(Path::new("x"), TEXT).unwrap();
        assert_eq!(baseline.command, ["sh", "a b.sh"]);
        assert_eq!(baseline.variants.len(), 2);
        assert_eq!(baseline.variants[1].key.environment.libc, "");
        let text = baseline.to_string();
        assert_eq!(Baseline::parse(Path::new("x"), &text).unwrap(), baseline);
        let plain: String = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(plain, TEXT);
    }

    #[test]
    fn errors_name_the_line() {
        for (text, message) in [
            ("", "x:1: the file is empty"),
            ("{}", "x:1: not a baseline: the file does not begin with"),
            ("sysreel-baseline 9", "x:1: format 9 is newer"),
            ("sysreel-baseline 1\ncommand sh", "x:2: `sh` is not a list of words"),
            ("sysreel-baseline 1\n= sh exit - 0", "x:2: an effect before the first `variant`"),
            ("sysreel-baseline 1\nfrob", "x:2: unknown line `frob` in a baseline"),
            ("sysreel-baseline 1\nvariant machine=a", "x:2: the variant has no runs="),
            ("sysreel-baseline 1\nvariant machine=a kernel=b libc=c image=d runs=0", "x:2: runs=0"),
            (
                "sysreel-baseline 1\nvariant machine=a kernel=b libc=c image=d runs=1\n= sh exit",
                "x:3: `sh exit` is not an effect",
            ),
            (
                "sysreel-baseline 1\nvariant machine=a kernel=b libc=c image=d runs=1\n? 2/1 sh \
                 exit - 0",
                "x:3: invalid evidence `2/1`",
            ),
            (
                "sysreel-baseline 1\nvariant machine=a kernel=b libc=c image=d runs=1\n~ 1/1 sh \
                 exit - 0",
                "x:3: the template `-` has no generated part",
            ),
            (
                "sysreel-baseline 1\nvariant machine=a kernel=b libc=c image=d runs=1\n+ sh exit - \
                 0",
                "x:3: unknown sign `+`",
            ),
        ] {
            let error = Baseline::parse(Path::new("x"), text).unwrap_err().to_string();
            assert!(error.starts_with(message), "{text}: {error}");
        }
    }
}
