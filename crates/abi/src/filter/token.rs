//! Splits the text of a filter into tokens, each with its place in the text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::error::FilterError;

/// A token and its place in the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word(String),
    /// A number, scaled by its unit.
    Number(i128, Unit),
    /// A quoted string, without quotes and escapes; `x"7f 45"` is one too.
    Text(Vec<u8>),
    /// A regular expression between slashes, and the letters after it.
    Regex(String, String),
    /// An address and the length of its network.
    Address(IpAddr, u8),
    /// A variable of the environment, by its name: `env[NAME]`.
    Variable(String),
    /// An operator or a bracket.
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    None,
    /// Nanoseconds.
    Time,
    Bytes,
}

/// Units and their factors. `m` is a minute, as in `timeout 5m`; a mebibyte is `M`.
const UNITS: [(&str, i128, Unit); 10] = [
    ("ns", 1, Unit::Time),
    ("us", 1_000, Unit::Time),
    ("ms", 1_000_000, Unit::Time),
    ("s", 1_000_000_000, Unit::Time),
    ("m", 60_000_000_000, Unit::Time),
    ("h", 3_600_000_000_000, Unit::Time),
    ("B", 1, Unit::Bytes),
    ("K", 1 << 10, Unit::Bytes),
    ("M", 1 << 20, Unit::Bytes),
    ("G", 1 << 30, Unit::Bytes),
];

/// Longer signs before those that they begin with.
const SIGNS: [&str; 23] = [
    "==", "!=", "<=", ">=", "!~", "&&", "||", "..", "=", "<", ">", "~", "!", "&", "(", ")", "{",
    "}", ",", ".", "%", "+", "-",
];

/// Returns the tokens of a filter, the last of which is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut found: Vec<Token> = Vec::new();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        let Some(first) = rest.chars().next() else {
            found.push(Token { kind: Kind::End, span: at..at });
            return Ok(found);
        };
        // Only after `~` and `!~` does a slash begin a regular expression. Paths are quoted.
        let is_pattern = matches!(found.last(), Some(Token { kind: Kind::Sign("~" | "!~"), .. }));
        let (kind, len) = match first {
            '/' if is_pattern => regex(text, at)?,
            '"' | '\'' => quoted(text, at)?,
            'x' if rest[1..].starts_with(['"', '\'']) => hex(text, at)?,
            'e' if rest.starts_with("env[") => variable(text, at)?,
            '[' => address_v6(text, at)?,
            '0'..='9' => match address_v4(text, at)? {
                Some(address) => address,
                None => number(text, at)?,
            },
            first if first.is_alphabetic() || first == '_' => {
                let is_part = |c: char| c.is_alphanumeric() || c == '_';
                let len = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                (Kind::Word(rest[..len].to_owned()), len)
            }
            first => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Kind::Sign(sign), sign.len()),
                None => {
                    let why = match first {
                        '/' => "a path is quoted: \"/etc/passwd\"",
                        '$' | '*' | '?' => "a name with wildcards is quoted: path ~ \"/etc/*\"",
                        ';' => "tests are joined by `and` or `or`",
                        _ => "this character has no meaning in a filter",
                    };
                    return Err(FilterError::new(text, at..at + first.len_utf8(), why));
                }
            },
        };
        found.push(Token { kind, span: at..at + len });
        at += len;
    }
}

fn quoted(text: &str, at: usize) -> Result<(Kind, usize), FilterError> {
    let quote = text.as_bytes()[at];
    let mut bytes = Vec::new();
    let mut chars = text[at + 1..].char_indices();
    while let Some((offset, c)) = chars.next() {
        let here = at + 1 + offset;
        match c {
            c if c.is_ascii() && c as u8 == quote => {
                return Ok((Kind::Text(bytes), here + 1 - at));
            }
            '\\' => bytes.push(escape(text, here, &mut chars)?),
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err(FilterError::new(text, at..text.len(), "the closing quote is missing"))
}

/// Returns the byte of an escape, which begins at `at`.
fn escape(text: &str, at: usize, chars: &mut std::str::CharIndices<'_>) -> Result<u8, FilterError> {
    let error = |len| {
        let end = text.len().min(at + len);
        Err(FilterError::new(text, at..end, "unknown escape")
            .help("known ones are \\\\ \\\" \\' \\n \\r \\t \\0 and \\x7f"))
    };
    Ok(match chars.next() {
        Some((_, 'n')) => b'\n',
        Some((_, 'r')) => b'\r',
        Some((_, 't')) => b'\t',
        Some((_, '0')) => 0,
        Some((_, c @ ('\\' | '"' | '\''))) => c as u8,
        Some((_, 'x')) => {
            let mut digit = || chars.next().and_then(|(_, c)| c.to_digit(16));
            match (digit(), digit()) {
                (Some(high), Some(low)) => u8::try_from(high << 4 | low).unwrap_or(0),
                _ => return error(2),
            }
        }
        Some((_, c)) => return error(1 + c.len_utf8()),
        None => return error(1),
    })
}

/// Reads `x"7f 45 4c 46"`.
fn hex(text: &str, at: usize) -> Result<(Kind, usize), FilterError> {
    let (Kind::Text(digits), len) = quoted(text, at + 1)? else { return Ok((Kind::End, 0)) };
    let digits: Vec<u8> = digits.into_iter().filter(|c| !c.is_ascii_whitespace()).collect();
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect();
    match bytes {
        Some(bytes) => Ok((Kind::Text(bytes), len + 1)),
        None => Err(FilterError::new(
            text,
            at..at + len + 1,
            "bytes are pairs of hexadecimal digits: x\"7f 45 4c 46\"",
        )),
    }
}

/// Reads `env[NAME]` or `env["NAME"]`.
fn variable(text: &str, at: usize) -> Result<(Kind, usize), FilterError> {
    let start = at + "env[".len();
    let (name, end) = match text[start..].chars().next() {
        Some('"' | '\'') => match quoted(text, start)? {
            (Kind::Text(name), len) => (String::from_utf8(name).ok(), start + len),
            _ => (None, start),
        },
        _ => {
            let len = text[start..].find(']').unwrap_or(text.len() - start);
            (Some(text[start..start + len].trim().to_owned()), start + len)
        }
    };
    match name.filter(|name| !name.is_empty() && !name.contains('=')) {
        Some(name) if text[end..].starts_with(']') => Ok((Kind::Variable(name), end + 1 - at)),
        _ => Err(FilterError::new(text, at..end, "expected the name of a variable in brackets")
            .help("write env[PATH]")),
    }
}

fn regex(text: &str, at: usize) -> Result<(Kind, usize), FilterError> {
    let (mut source, mut escaped) = (String::new(), false);
    for (offset, c) in text[at + 1..].char_indices() {
        match c {
            '/' if !escaped => {
                let end = at + offset + 2;
                let rest = &text[end..];
                let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
                let kind = Kind::Regex(source, rest[..letters].to_owned());
                return Ok((kind, end + letters - at));
            }
            '/' => source.push('/'),
            '\\' if !escaped => {}
            c if escaped => source.extend(['\\', c]),
            c => source.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    Err(FilterError::new(text, at..text.len(), "the `/` that ends the pattern is missing"))
}

fn number(text: &str, at: usize) -> Result<(Kind, usize), FilterError> {
    let rest = &text[at..];
    let len = rest
        .char_indices()
        .find(|(at, c)| {
            // `1..5` is a range, `1.5` a number.
            let is_point = *c == '.' && rest[at + 1..].starts_with(|c: char| c.is_ascii_digit());
            !c.is_alphanumeric() && *c != '_' && !is_point
        })
        .map_or(rest.len(), |(at, _)| at);
    let (word, span) = (&rest[..len], at..at + len);
    let error = |why: &str| Err(FilterError::new(text, span.clone(), why));
    let radix = |digits: &str, radix| i128::from_str_radix(digits, radix).ok();
    if let Some(digits) = word.strip_prefix("0x") {
        return match radix(digits, 16) {
            Some(value) => Ok((Kind::Number(value, Unit::None), len)),
            None => error("not a hexadecimal number"),
        };
    }
    if word.len() > 1 && word.starts_with('0') && word.bytes().all(|c| c.is_ascii_digit()) {
        return match radix(word, 8) {
            Some(value) => Ok((Kind::Number(value, Unit::None), len)),
            None => error("not an octal number, which a leading 0 means"),
        };
    }
    let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (digits, unit) = word.split_at(digits);
    let (factor, unit) = match UNITS.iter().find(|(name, _, _)| *name == unit) {
        Some((_, factor, unit)) => (*factor, *unit),
        None if unit.is_empty() => (1, Unit::None),
        None => {
            return Err(FilterError::new(text, span.clone(), "unknown unit")
                .help("times have ns, us, ms, s, m or h; sizes B, K, M or G"));
        }
    };
    match scaled(digits, factor) {
        Some(value) => Ok((Kind::Number(value, unit), len)),
        None if digits.contains('.') => error("not a whole number of the smallest unit"),
        None => error("this number is too large"),
    }
}

/// Returns a decimal number times a factor, if the product is whole.
fn scaled(digits: &str, factor: i128) -> Option<i128> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // Beyond 64 bits nothing can be equal, and products stay small.
    let value = |digits: &str| digits.parse::<u64>().ok().map(i128::from);
    let whole = value(whole)?.checked_mul(factor)?;
    if fraction.is_empty() {
        return Some(whole);
    }
    let scale = 10i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = value(fraction)?.checked_mul(factor)?;
    (part % scale == 0).then(|| whole + part / scale)
}

fn address_v4(text: &str, at: usize) -> Result<Option<(Kind, usize)>, FilterError> {
    let rest = &text[at..];
    let len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    match rest[..len].parse::<Ipv4Addr>() {
        Ok(address) => network(text, at, len, address.into()).map(Some),
        Err(_) if rest[..len].matches('.').count() >= 3 => {
            Err(FilterError::new(text, at..at + len, "not an IPv4 address"))
        }
        Err(_) => Ok(None),
    }
}

fn address_v6(text: &str, at: usize) -> Result<(Kind, usize), FilterError> {
    let rest = &text[at..];
    let len = rest.find(']').map_or(rest.len(), |end| end + 1);
    let inner = rest[..len].strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok()) {
        Some(address) => network(text, at, len, address.into()),
        None => Err(FilterError::new(
            text,
            at..at + len,
            "not an IPv6 address in brackets: [::1] or [2001:db8::]/32",
        )),
    }
}

/// Reads the length of a network after an address.
fn network(
    text: &str,
    at: usize,
    len: usize,
    address: IpAddr,
) -> Result<(Kind, usize), FilterError> {
    let most = if address.is_ipv4() { 32 } else { 128 };
    let Some(rest) = text[at + len..].strip_prefix('/') else {
        return Ok((Kind::Address(address, most), len));
    };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    match rest[..digits].parse::<u8>() {
        Ok(bits) if bits <= most => Ok((Kind::Address(address, bits), len + 1 + digits)),
        _ => Err(FilterError::new(
            text,
            at..at + len + 1 + digits,
            format!("the length of this network is a number up to {most}"),
        )),
    }
}
