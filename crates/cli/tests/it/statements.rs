//! The language in which a fixture program states what a recorder must see, as
//! fixtures/programs/README.md describes it.
//!
//! A line is parsed completely or is an error. A statement that is skipped would be a test that
//! cannot fail.

use data_encoding::HEXLOWER_PERMISSIVE;
use std::fmt;

/// Larger than any region of a fixture: a mistyped count must not become an allocation.
const REGION_MAX: usize = 16 << 20;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) claim: Claim,
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.text.as_str();
        let mut more = "";
        if let Some((at, _)) = text.char_indices().nth(160) {
            (text, more) = (&text[..at], "...");
        }
        write!(f, "line {}: {text}{more}", self.line)
    }
}

/// What a line states.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Claim {
    Stop(Who, Shape),
    Gone(Who, End),
    Never(Who, Shape),
    Unfinished(Who, String),
    Memory(Place, Pattern),
    Unreadable(Place, String),
    Regions(Who, Count),
    Print(String),
    Skip(String),
    Remark,
}

/// A task by its id, or any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Any,
    Task(u32),
}

/// A stop, as far as the line determines it: `None` matches anything.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Entry { name: Option<String>, arch: Option<String>, nr: Option<u64>, args: [Option<u64>; 6] },
    Exit { rval: i64, error: Option<bool>, arch: Option<String> },
    Seccomp { name: String, data: u32 },
    Signal(String),
    Group(String),
    Event { what: String, message: Option<u64> },
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Exited(i32),
    Killed(String),
    Superseded,
}

/// Which region of which call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) who: Who,
    pub(crate) at_exit: bool,
    pub(crate) name: String,
    pub(crate) arg: u8,
    /// For a region that the argument reaches through further pointers.
    pub(crate) address: Option<u64>,
    pub(crate) role: Option<u8>,
    pub(crate) index: Option<u32>,
    pub(crate) asked: Option<u64>,
}

/// How many regions a call has, and how many of them could not be read completely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) name: String,
    pub(crate) entry: usize,
    pub(crate) exit: usize,
    pub(crate) short: usize,
}

/// The expected bytes of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) bytes: Vec<u8>,
    /// More may follow.
    pub(crate) open: bool,
}

/// Parses all statements of a program. The error names the first bad line.
pub(crate) fn parse(text: &str) -> Result<Vec<Statement>, String> {
    let mut statements = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let claim = claim(text).map_err(|why| format!("statement line {line}: {why}: {text:?}"))?;
        statements.push(Statement { line, text: text.to_owned(), claim });
    }
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(format!("statement line {}: it was cut off", statements.len()));
    }
    Ok(statements)
}

fn claim(text: &str) -> Result<Claim, String> {
    let (head, rest) = text.split_once(' ').ok_or("one word is not a statement")?;
    match head {
        "#" => return Ok(Claim::Remark),
        "print" => return Ok(Claim::Print(rest.to_owned())),
        "skip" => return Ok(Claim::Skip(rest.to_owned())),
        _ => {}
    }
    let words: Vec<&str> = rest.split(' ').collect();
    if words.contains(&"") {
        return Err("words are separated by one space".into());
    }
    let (tid, words) = words.split_first().ok_or("a task id is missing")?;
    let who = if *tid == "*" { Who::Any } else { Who::Task(decimal(tid)?) };
    match head {
        "stop" => Ok(Claim::Stop(who, shape(words)?)),
        "never" => Ok(Claim::Never(who, shape(words)?)),
        "gone" => Ok(Claim::Gone(who, end(words)?)),
        "unfinished" => match words {
            [name] => Ok(Claim::Unfinished(who, (*name).to_owned())),
            _ => Err("unfinished TID NAME".into()),
        },
        "memory" | "unreadable" => {
            let [when, name, arg, last, options @ ..] = words else {
                return Err("TID entry|exit NAME argN[@ADDRESS], one word more, and options".into());
            };
            let place = place(who, when, name, arg, options)?;
            match head {
                "memory" => Ok(Claim::Memory(place, pattern(last)?)),
                _ => Ok(Claim::Unreadable(place, (*last).to_owned())),
            }
        }
        "regions" => Ok(Claim::Regions(who, count(words)?)),
        _ => Err(format!("no statement begins with {head}")),
    }
}

fn count(words: &[&str]) -> Result<Count, String> {
    let [name, entry, exit, short] = words else {
        return Err("regions TID NAME IN OUT short=N".into());
    };
    let short = decimal(short.strip_prefix("short=").ok_or("short=N comes last")?)?;
    Ok(Count { name: (*name).to_owned(), entry: decimal(entry)?, exit: decimal(exit)?, short })
}

fn shape(words: &[&str]) -> Result<Shape, String> {
    match words {
        ["entry", name, options @ ..] => entry(name, options),
        ["exit", rval, options @ ..] => {
            let (mut error, mut arch) = (None, None);
            for (key, value) in pairs(options)? {
                match (key, value) {
                    ("error", "0") => put(&mut error, false)?,
                    ("error", "1") => put(&mut error, true)?,
                    ("arch", _) => put(&mut arch, architecture(value, &["x86_64", "i386"])?)?,
                    _ => return Err(format!("an exit has no {key}={value}")),
                }
            }
            Ok(Shape::Exit { rval: decimal(rval)?, error, arch })
        }
        ["seccomp", name, data] => {
            let data = data.strip_prefix("data=").ok_or("seccomp NAME data=N")?;
            Ok(Shape::Seccomp { name: (*name).to_owned(), data: decimal(data)? })
        }
        ["signal", name] => Ok(Shape::Signal(signal(name)?)),
        ["group", name] => Ok(Shape::Group(signal(name)?)),
        ["event", what, options @ ..] => {
            const KNOWN: [&str; 7] =
                ["exec", "fork", "vfork", "vfork_done", "clone", "exit", "stop"];
            if !KNOWN.contains(what) {
                return Err(format!("no event is called {what}"));
            }
            let mut message = None;
            for (key, value) in pairs(options)? {
                match key {
                    "msg" => put(&mut message, decimal(value)?)?,
                    _ => return Err(format!("an event has no {key}")),
                }
            }
            Ok(Shape::Event { what: (*what).to_owned(), message })
        }
        _ => Err("entry, exit, seccomp, signal, group or event, and what belongs to it".into()),
    }
}

fn entry(name: &str, options: &[&str]) -> Result<Shape, String> {
    let name = (name != "*").then(|| name.to_owned());
    let (mut arch, mut nr, mut args) = (None, None, [None; 6]);
    for (key, value) in pairs(options)? {
        match key {
            "arch" => put(&mut arch, architecture(value, &["x86_64", "i386", "x32"])?)?,
            "nr" => put(&mut nr, hexadecimal(value)?)?,
            _ => {
                let slot =
                    args.get_mut(usize::from(argument(key)?)).ok_or("there are six arguments")?;
                put(slot, hexadecimal(value)?)?;
            }
        }
    }
    Ok(Shape::Entry { name, arch, nr, args })
}

fn end(words: &[&str]) -> Result<End, String> {
    match words {
        ["exited", status] => Ok(End::Exited(decimal(status)?)),
        ["killed", name] => Ok(End::Killed(signal(name)?)),
        ["superseded"] => Ok(End::Superseded),
        _ => Err("gone TID exited N | killed NAME | superseded".into()),
    }
}

fn place(who: Who, when: &str, name: &str, arg: &str, options: &[&str]) -> Result<Place, String> {
    let at_exit = match when {
        "entry" => false,
        "exit" => true,
        _ => return Err(format!("{when} is neither entry nor exit")),
    };
    let (arg, address) = match arg.split_once('@') {
        Some((arg, address)) => (arg, Some(hexadecimal(address)?)),
        None => (arg, None),
    };
    let (mut role, mut index, mut asked) = (None, None, None);
    for (key, value) in pairs(options)? {
        match key {
            "role" => put(&mut role, decimal(value)?)?,
            "index" => put(&mut index, decimal(value)?)?,
            "asked" => put(&mut asked, decimal(value)?)?,
            _ => return Err(format!("{key} is no option of a region")),
        }
    }
    Ok(Place {
        who,
        at_exit,
        name: name.to_owned(),
        arg: argument(arg)?,
        address,
        role,
        index,
        asked,
    })
}

fn pattern(text: &str) -> Result<Pattern, String> {
    let mut pattern = Pattern { bytes: Vec::new(), open: false };
    if text == "empty" {
        return Ok(pattern);
    }
    for piece in text.split('+') {
        if pattern.open {
            return Err("... must be the last piece".into());
        }
        if piece == "..." {
            pattern.open = true;
        } else if let Some(fill) = piece.strip_prefix("fill:") {
            let (byte, count) = fill.split_once('x').ok_or("fill:BBxCOUNT")?;
            let count: usize = decimal(count)?;
            let [byte] = hex(byte)?[..] else { return Err("fill takes one byte".into()) };
            if count > REGION_MAX {
                return Err("no region is that large".into());
            }
            pattern.bytes.resize(pattern.bytes.len() + count, byte);
        } else {
            pattern.bytes.extend(hex(piece)?);
        }
        if pattern.bytes.len() > REGION_MAX {
            return Err("no region is that large".into());
        }
    }
    Ok(pattern)
}

/// Decodes pairs of hexadecimal digits.
pub(crate) fn hex(text: &str) -> Result<Vec<u8>, String> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return Err("bytes are pairs of digits".into());
    }
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| "that is not hexadecimal".to_owned())
}

fn pairs<'a>(words: &[&'a str]) -> Result<Vec<(&'a str, &'a str)>, String> {
    words
        .iter()
        .map(|word| word.split_once('=').ok_or_else(|| format!("{word} is not a key=value")))
        .collect()
}

fn put<T>(slot: &mut Option<T>, value: T) -> Result<(), String> {
    if slot.replace(value).is_some() { Err("duplicate key".into()) } else { Ok(()) }
}

fn architecture(text: &str, known: &[&str]) -> Result<String, String> {
    if known.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("arch={text} cannot be here"))
    }
}

fn argument(word: &str) -> Result<u8, String> {
    let digit = word.strip_prefix("arg").ok_or_else(|| format!("{word} is not argN"))?;
    match digit.as_bytes() {
        [digit @ b'0'..=b'5'] => Ok(digit - b'0'),
        _ => Err(format!("{word}: arguments are 0 to 5")),
    }
}

fn signal(name: &str) -> Result<String, String> {
    let rest = name.strip_prefix("SIG").ok_or_else(|| format!("{name} is not a signal"))?;
    if rest.is_empty() { Err("a signal has a name".into()) } else { Ok(name.to_owned()) }
}

fn decimal<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("{text} is not decimal"));
    }
    text.parse().map_err(|_| format!("{text} is out of range"))
}

fn hexadecimal(text: &str) -> Result<u64, String> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Err(format!("{text} is not hexadecimal"));
    }
    u64::from_str_radix(text, 16).map_err(|_| format!("{text} has more than 64 bits"))
}
