//! Masks passwords and tokens in texts of reports and baselines, which are shown to more people
//! than a log.
//!
//! What is a secret is decided by the word in front of it (`--password x`, `TOKEN=x`,
//! `Authorization: Bearer x`, `mysql -px`, `user:x@host`) or by its own form (`AKIA...`). A secret
//! is replaced by `***` and sixteen bits of a hash, so that two of them are seen to differ. That is
//! too little to find a secret, or to confirm a guess of one.

mod table;
#[cfg(test)]
mod tests;
pub mod variable;

use std::borrow::Cow;
use std::ops::Range;

use table::{
    CLIENTS, JOINED_ENDS, NOT_SECRET, SCHEMES, SECRET_ENDS, SECRET_NAMES, SECRET_PAIRS,
    SECRET_PARTS, TOKENS, Value,
};

/// What a secret is replaced by, before the digits.
const MASK: &str = "***";
/// How many hexadecimal digits of the hash follow.
const DIGITS: usize = 4;

/// Returns a text with its secrets masked. Masking it again changes nothing.
#[must_use]
pub fn masked(text: &str) -> Cow<'_, str> {
    let secrets = secrets(text);
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for secret in secrets {
        out.push_str(&text[from..secret.start]);
        out.push_str(&mask(&text[secret.clone()]));
        from = secret.end;
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

/// Returns a variable of an environment, `NAME=VALUE`, with its value as [`masked`] shows a secret.
pub(super) fn hashed_variable(text: &str) -> String {
    match text.split_once('=') {
        Some((name, value)) if !is_masked(value) => format!("{name}={}", mask(value)),
        _ => text.to_owned(),
    }
}

/// Whether a text contains what [`masked`] puts in place of a secret.
#[must_use]
pub fn is_masked(text: &str) -> bool {
    text.match_indices(MASK).any(|(at, _)| {
        let digits = text[at + MASK.len()..].bytes().take(DIGITS);
        digits.filter(|byte| byte.is_ascii_hexdigit()).count() == DIGITS
    })
}

/// Returns the replacement of a secret: `***` and a few digits of its hash.
fn mask(secret: &str) -> String {
    /// FNV-1a.
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let hash =
        secret.bytes().fold(START, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    let folded = hash ^ (hash >> 32);
    format!("{MASK}{:04x}", (folded ^ (folded >> 16)) & 0xffff)
}

/// Returns the secrets in a text, in order and apart from each other.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut scanner = Scanner { text, found: Vec::new(), client: None };
    let mut at = 0;
    while at < text.len() {
        at = scanner.word(at);
    }
    let mut found = scanner.found;
    found.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut apart: Vec<Range<usize>> = Vec::new();
    for secret in found {
        let masked = text[secret.clone()].starts_with(MASK);
        let inside = apart.last().is_some_and(|last| secret.start < last.end);
        if !secret.is_empty() && !masked && !inside {
            apart.push(secret);
        }
    }
    apart
}

struct Scanner<'t> {
    text: &'t str,
    found: Vec<Range<usize>>,
    /// The client whose command line this is.
    client: Option<&'t str>,
}

/// Whether a character may be part of the name of an option, a variable or a header.
fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Returns the length of a space at the beginning of a text: canonical names and strings of `print`
/// have it as an escape.
fn space(text: &str) -> usize {
    const SPACES: [&str; 5] = ["\\x20", "\\n", "\\t", "\\x09", "\\x0a"];
    match text.chars().next() {
        Some(c) if c.is_whitespace() => c.len_utf8(),
        _ => SPACES.iter().find(|space| text.starts_with(**space)).map_or(0, |space| space.len()),
    }
}

impl<'t> Scanner<'t> {
    /// Looks at the word at a position and returns where the next one begins.
    fn word(&mut self, start: usize) -> usize {
        let text = self.text;
        let rest = &text[start..];
        let escape = space(rest).max(usize::from(rest.starts_with(['\\'])));
        if escape > 0 {
            return start + escape;
        }
        let len = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        if len == 0 {
            if rest.starts_with(['|', ';', '&']) {
                self.client = None;
            }
            if rest.starts_with("://") {
                self.url(start + 3);
            }
            return start + rest.chars().next().map_or(1, char::len_utf8);
        }
        let word = &rest[..len];
        let before = &text[..start];
        self.token(start, word);
        self.private_key(start, word);
        if let Some((client, ..)) = CLIENTS.iter().find_map(|(names, option, value)| {
            names.iter().find(|name| **name == word).map(|name| (*name, option, value))
        }) && !word.starts_with('-')
        {
            self.client = Some(client);
        }
        let begins = before.is_empty()
            || before.ends_with([' ', '"', '\'', '[', '(', '\n', '\t'])
            || before.ends_with("\\x20");
        if begins {
            self.option(start, word);
        }
        if is_secret_name(word) {
            self.value_of(start, len);
        }
        if word.eq_ignore_ascii_case("passin") || word.trim_start_matches('-').starts_with("pass") {
            self.openssl(start + len);
        }
        start + len
    }

    fn push(&mut self, range: Range<usize>) {
        self.found.push(range);
    }

    /// Finds the secret of the word itself.
    fn token(&mut self, start: usize, word: &str) {
        for (prefix, least) in TOKENS {
            // Numbers of a key may stand after a word: `Bearer-eyJ`, but not within one.
            let Some(rest) = word.strip_prefix(prefix) else { continue };
            let token = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
            let mixed = rest.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
            if token && mixed && rest.len() >= least {
                self.push(start..start + word.len());
            }
        }
    }

    /// Finds a private key in PEM (RFC 7468): to its end, or that of the text.
    fn private_key(&mut self, start: usize, word: &str) {
        const END: &str = "KEY-----";
        let text = if word == "-----BEGIN" { &self.text[start..] } else { "" };
        let Some((label, rest)) = text.split_once(END) else { return };
        if label.ends_with("PRIVATE ") {
            let end = rest.find(END).map_or(text.len(), |at| label.len() + 2 * END.len() + at);
            self.push(start..start + end);
        }
    }

    /// Finds the secret after an option of a client.
    fn option(&mut self, start: usize, word: &str) {
        let Some(client) = self.client else { return };
        let clients = CLIENTS.iter().filter(|(names, ..)| names.contains(&client));
        for (_, option, value) in clients {
            let Some(rest) = word.strip_prefix(option) else { continue };
            let long = option.starts_with("--");
            let range = if !rest.is_empty() && !long && !rest.starts_with('-') {
                let from = start + option.len();
                from..self.end(from, self.opening(start))
            } else if rest.is_empty() && *value != Value::Attached {
                let from = start + word.len();
                // What follows an option at once is its value: `-p"x y"`.
                let Some(range) = self.next_word(from) else { continue };
                range
            } else if rest.is_empty() && self.text[start + word.len()..].starts_with(is_sign) {
                let from = start + word.len();
                from..self.end(from, self.opening(start))
            } else {
                continue;
            };
            match value {
                Value::User(sign) => {
                    if let Some(at) = self.text[range.clone()].find(*sign) {
                        self.push(range.start + at + 1..range.end);
                    }
                }
                Value::Attached | Value::Either => self.push(range),
            }
        }
    }

    /// Finds the value of a name: after `=` or `:`, or the next word after an option.
    fn value_of(&mut self, start: usize, len: usize) {
        let (text, after) = (self.text, start + len);
        // `/etc/password: ok` is about a file, `/x/TOKEN=y` is one named after a secret.
        let in_path = text[..start].ends_with('/');
        let signs = if in_path { &['='][..] } else { &['=', ':'] };
        let rest = &text[after..];
        // A quote, perhaps escaped, closes the name in JSON.
        let closing = rest.strip_prefix('\\').unwrap_or(rest);
        let closing = closing.strip_prefix(['"', '\'']).unwrap_or(rest);
        let gap = closing.trim_start_matches(' ');
        if let Some(value) = gap.strip_prefix(signs) {
            // `std::token` and `pass://` are no names with values.
            if value.starts_with([':', '/']) {
                return;
            }
            let mut from = text.len() - value.len();
            while let len @ 1.. = space(&text[from..]) {
                from += len;
            }
            let scheme = SCHEMES.iter().find(|scheme| {
                let word = text.get(from..from + scheme.len());
                word.is_some_and(|word| word.eq_ignore_ascii_case(scheme))
                    && space(&text[from + scheme.len()..]) > 0
            });
            if let Some(scheme) = scheme {
                from += scheme.len();
                from += space(&text[from..]);
            }
            let own = &text[from..];
            let escaped = usize::from(own.starts_with("\\\"") || own.starts_with("\\'"));
            let quote = own[escaped..].chars().next().filter(|c| matches!(c, '"' | '\''));
            let range = match quote {
                Some(quote) => {
                    let from = from + escaped + 1;
                    from..self.end(from, Some(quote))
                }
                None => from..self.end(from, self.opening(start)),
            };
            let part = text[range.clone()].find('/').filter(|_| in_path);
            self.push(part.map_or(range.clone(), |len| range.start..range.start + len));
        } else if is_option(&text[start..after])
            && let Some(range) = self.next_word(after)
            && !text[range.clone()].starts_with('-')
        {
            self.push(range);
        }
    }

    /// Finds the password of a URL with a user: `user:password@host`.
    fn url(&mut self, start: usize) {
        /// The least length of a user that is a token.
        const TOKEN: usize = 20;
        let authority = &self.text[start..];
        let end = authority
            .find(|c: char| matches!(c, '/' | '"' | '\'' | '?' | '#') || c.is_whitespace())
            .unwrap_or(authority.len());
        let Some(at) = authority[..end].rfind('@') else { return };
        match authority[..at].find(':') {
            Some(colon) => self.push(start + colon + 1..start + at),
            None if at >= TOKEN => self.push(start..start + at),
            None => {}
        }
    }

    /// Finds the password in `-passin pass:x`.
    fn openssl(&mut self, after: usize) {
        if let Some(range) = self.next_word(after)
            && let Some(secret) = self.text[range.clone()].strip_prefix("pass:")
        {
            self.push(range.end - secret.len()..range.end);
        }
    }

    /// Returns the word after an option: after a space, or quotes and a comma.
    fn next_word(&self, after: usize) -> Option<Range<usize>> {
        let rest = &self.text[after..];
        let closed = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
        let mut next = closed.strip_prefix(',').unwrap_or(closed);
        let mut spaces = usize::from(next.len() < closed.len());
        while let len @ 1.. = space(next) {
            next = &next[len..];
            spaces += 1;
        }
        if spaces == 0 {
            return None;
        }
        let quote = next.chars().next().filter(|c| matches!(c, '"' | '\''));
        let from = self.text.len() - next.len() + usize::from(quote.is_some());
        Some(from..self.end(from, quote))
    }

    /// Returns the quote that the word at a position begins after.
    fn opening(&self, start: usize) -> Option<char> {
        self.text[..start].chars().next_back().filter(|c| matches!(c, '"' | '\''))
    }

    /// Returns where the value ends that begins at a position, after this quote if there is one.
    fn end(&self, from: usize, quote: Option<char>) -> usize {
        let text = self.text;
        let mut at = from;
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            match quote {
                // How a shell writes a quote within quotes.
                Some('\'') if rest.starts_with("'\\''") => at += 3,
                Some(quote) if c == quote => break,
                Some('"') if c == '\\' => {
                    // The end of a string in a string.
                    if rest.starts_with("\\\"") && self.is_escaped(from) {
                        break;
                    }
                    at += 1;
                    at += text[at..].chars().next().map_or(0, char::len_utf8);
                    continue;
                }
                None if space(rest) > 0
                    || matches!(c, '"' | '\'' | ')' | ']' | ';' | '&' | '\\') =>
                {
                    break;
                }
                _ => {}
            }
            at += c.len_utf8();
        }
        at
    }

    /// Whether the quote before a position is escaped.
    fn is_escaped(&self, from: usize) -> bool {
        self.text[..from].ends_with("\\\"")
    }
}

fn is_sign(c: char) -> bool {
    !c.is_alphanumeric() && !c.is_whitespace() && !matches!(c, '"' | '\'' | ',' | '\\' | ']')
}

/// Whether the value of an option, a variable or a header with this name is a secret.
fn is_secret_name(word: &str) -> bool {
    let word = word.trim_matches('-');
    let separated = separated(word);
    let parts: Vec<&str> =
        separated.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let Some(last) = parts.iter().rev().find(|part| !is_number(part)) else { return false };
    if NOT_SECRET.contains(last) {
        return false;
    }
    let lower = word.to_ascii_lowercase();
    SECRET_NAMES.contains(&lower.as_str())
        || parts.iter().any(|part| SECRET_PARTS.contains(part))
        || SECRET_ENDS.contains(last)
        || parts.windows(2).any(|two| SECRET_PAIRS.iter().any(|pair| two == pair))
        || JOINED_ENDS.iter().any(|end| last.ends_with(end))
}

/// Whether a word with a secret name is an option whose value is the next word. `-lsecret` has
/// its value in itself.
fn is_option(word: &str) -> bool {
    let Some(name) = word.strip_prefix('-') else { return false };
    let first = name.split(['-', '_']).next().unwrap_or_default();
    let whole = SECRET_PARTS.contains(&first) || SECRET_ENDS.contains(&first);
    name.starts_with('-') || whole
}

/// Writes `accessToken` as `access_token`.
fn separated(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 4);
    let mut lower = false;
    for c in word.chars() {
        if c.is_ascii_uppercase() && lower {
            out.push('_');
        }
        lower = c.is_ascii_lowercase();
        out.push(c.to_ascii_lowercase());
    }
    out
}
