//! Masks passwords and tokens in texts of reports and baselines, which are shown to more people
//! than a log.
//!
//! What is a secret is decided by the word in front of it (`--password x`, `TOKEN=x`,
//! `Authorization: Bearer x`, `mysql -px`, `user:x@host`) or by its own form (`AKIA...`). A secret
//! is replaced by `***` and sixteen bits of a hash, so that two of them are seen to differ. That is
//! too little to find a secret, or to confirm a guess of one.

use std::borrow::Cow;
use std::ops::Range;

/// What a secret is replaced by, before the digits.
const MASK: &str = "***";
/// How many hexadecimal digits of the hash follow.
const DIGITS: usize = 4;

/// Parts of names of options, variables and headers whose values are secret.
const SECRET_PARTS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "pass",
    "secret",
    "token",
    "apikey",
    "credential",
    "credentials",
    "cookie",
    "authorization",
];
/// Two parts in a row that make a name secret: `API_KEY`.
const SECRET_PAIRS: [[&str; 2]; 6] = [
    ["api", "key"],
    ["access", "key"],
    ["private", "key"],
    ["secret", "key"],
    ["auth", "key"],
    ["encryption", "key"],
];
/// Whole names whose values are secret.
const SECRET_NAMES: [&str; 4] = ["mysql_pwd", "rediscli_auth", "pw", "x-api-key"];
/// Last parts of names whose values are about a secret but none.
const NOT_SECRET: [&str; 20] = [
    "file", "path", "dir", "stdin", "prompt", "name", "id", "url", "uri", "type", "env", "cmd",
    "command", "ttl", "length", "len", "min", "max", "count", "fd",
];
/// Words between a header and its secret.
const SCHEMES: [&str; 5] = ["Bearer", "Basic", "Token", "Digest", "Negotiate"];

/// The forms of well-known tokens: how they begin, and how many letters, digits, `_`, `-` follow at
/// least.
const TOKENS: [(&str, usize); 27] = [
    // AWS.
    ("AKIA", 16),
    ("ASIA", 16),
    // GitHub, GitLab.
    ("ghp_", 30),
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 30),
    ("glpat-", 16),
    // Slack.
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
    // Google, Stripe, npm, PyPI, Docker, Hugging Face, Vault, DigitalOcean, SendGrid, OpenAI.
    ("AIza", 30),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("npm_", 30),
    ("pypi-", 30),
    ("dckr_pat_", 20),
    ("hf_", 30),
    ("hvs.", 20),
    ("dop_v1_", 40),
    ("SG.", 40),
    ("sk-", 32),
    // JSON web tokens.
    ("eyJ", 40),
];

/// What follows an option of a client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// A secret in the same word: `-px`.
    Attached,
    /// A secret in the same word or the next one.
    Either,
    /// A user and, after this character, a secret.
    User(char),
}

/// Clients whose short options take a secret.
const CLIENTS: [(&[&str], &str, Value); 11] = [
    (
        &[
            "mysql",
            "mysqldump",
            "mysqladmin",
            "mysqlimport",
            "mysqlshow",
            "mariadb",
            "mariadb-dump",
            "mariadb-admin",
        ],
        "-p",
        Value::Attached,
    ),
    (&["7z", "7za", "7zr", "rar", "unrar"], "-p", Value::Attached),
    (&["sshpass"], "-p", Value::Either),
    (&["zip", "unzip", "sqlcmd", "bcp"], "-P", Value::Either),
    (&["redis-cli"], "-a", Value::Either),
    (
        &["ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldapwhoami", "ldappasswd"],
        "-w",
        Value::Either,
    ),
    (&["mongo", "mongosh", "mongodump", "mongorestore"], "-p", Value::Either),
    (&["curl"], "-u", Value::User(':')),
    (&["curl"], "--user", Value::User(':')),
    (&["curl"], "--proxy-user", Value::User(':')),
    (&["smbclient", "rpcclient"], "-U", Value::User('%')),
];

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

/// Whether a text contains what [`masked`] puts in place of a secret.
#[must_use]
pub fn is_masked(text: &str) -> bool {
    text.match_indices(MASK).any(|(at, _)| {
        let digits = text[at + MASK.len()..].bytes().take(DIGITS);
        digits.filter(|byte| byte.is_ascii_hexdigit()).count() == DIGITS
    })
}

/// Returns what stands for a secret.
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
        } else if text[start..].starts_with('-')
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
    let Some(last) = parts.last() else { return false };
    if NOT_SECRET.contains(last) {
        return false;
    }
    let lower = word.to_ascii_lowercase();
    let ends = ["password", "passwd", "token", "secret", "apikey", "passphrase"];
    SECRET_NAMES.contains(&lower.as_str())
        || parts.iter().any(|part| SECRET_PARTS.contains(part))
        || parts.windows(2).any(|two| SECRET_PAIRS.iter().any(|pair| two == pair))
        || ends.iter().any(|end| last.ends_with(end))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret is between `<` and `>`.
    const SECRETS: &[&str] = &[
        "tool --password=<hunter2> file",
        "tool --password <hunter2> file",
        "tool --db-password '<hunter 2>' file",
        "tool '--password=<my secret>' file",
        "tool --password=<my>\\x20secret",
        "sh -c 'tool --password=<x> db; rm y'",
        "sh -c 'tool\\x20--password=<x>\\x20db'",
        "env API_TOKEN=<abc> make",
        "env AWS_SECRET_ACCESS_KEY=<wJalrXUtnFEMI/K7MDENG> aws s3 ls",
        "PGPASSWORD=<x> psql",
        "MYSQL_PWD=<x> mysql",
        "export TOKEN=\"<a b>\"",
        "tool --apiKey=<x1>",
        "tool --accessToken <x1>",
        "mysql -p<hunter2> -h db",
        "mysqldump -u root '-p<hunter 2>' db",
        "/usr/bin/mysql -p<hunter2>",
        "sshpass -p <hunter2> ssh host",
        "sshpass -p<hunter2> ssh host",
        "redis-cli -a <x> ping",
        "curl -u me:<hunter2> http://h/",
        "curl --user me:<hunter2> http://h/",
        "curl -ume:<hunter2> http://h/",
        "smbclient -U me%<x> //h/s",
        "zip -P <x> a.zip b",
        "openssl rsa -passin pass:<hunter2> -in k",
        "git clone https://me:<hunter2>@host/repo",
        "git clone https://<0123456789abcdef0123456789abcdef01234567>@host/repo",
        "connect to postgres://u:<p@ss>@h:5432/db",
        "curl -H 'Authorization: Bearer <abc.def>' http://h/",
        "curl -H 'Authorization:\\x20Bearer\\x20<abc.def>' http://h/",
        "curl -H 'authorization: <abc def>' http://h/",
        "curl -H 'X-Api-Key: <abc>' http://h/",
        "curl -H 'PRIVATE-TOKEN: <abc>' http://h/",
        "curl -H 'Cookie: <a=b; c=d>' http://h/",
        "aws configure set x <AKIAIOSFODNN7EXAMPLE>",
        "echo <ghp_0123456789abcdefABCDEF0123456789abcd>",
        "x=<xoxb-1234567890-abcdef>",
        "execve(\"/usr/bin/mysql\", [\"mysql\", \"-p<hunter2>\", \"-h\"]",
        "execve(\"/bin/t\", [\"t\", \"--password\", \"<hunter2>\"], [\"HOME=/\", \"TOKEN=<x y>\"])",
        "write(1, \"{\\\"password\\\": \\\"<hunter2>\\\", \\\"a\\\": 1}\", 20)",
        "{\"password\": \"<hunter2>\", \"a\": 1}",
        "password: <hunter2>",
        "GET /x?token=<abc>&y=1 HTTP/1.1",
        "write $WS/d/API_KEY=<abc>/x ok",
    ];

    /// No secrets.
    const PLAIN: &[&str] = &[
        "",
        "make -p 80:80",
        "docker run -p 80:80 image",
        "mkdir -p a/b",
        "mysql -p -h db",
        "cc -O2 -pthread x.c",
        "tool --password-file /run/secret",
        "tool --password-stdin",
        "tool --password --host h",
        "tool --token-id=7",
        "tool --max-tokens=100",
        "SSH_AUTH_SOCK=/tmp/agent PWD=/home/me OLDPWD=/",
        "read $WS/password: ok => ENOENT",
        "stat $HOME/.config/token: ok => ENOENT",
        "exec.new: token",
        "https://host/path@2x?x=user:y@z",
        "ssh://git@host/repo",
        "use std::token::Stream",
        "secret.read",
        "+ read $WS/secret/key",
        "ghp_short",
        "sk-learn-something",
        "--password=***1a2b x",
        "http://h/",
        "compass: north",
        "\\",
        "'",
        "password=",
        "--password ''",
        "é--password",
    ];

    #[test]
    fn the_table_of_secrets() {
        for &case in SECRETS {
            let text = case.replace(['<', '>'], "");
            let mut wanted = String::new();
            let mut rest = case;
            while let Some((before, after)) = rest.split_once('<') {
                let (secret, after) = after.split_once('>').unwrap();
                wanted += before;
                wanted += &mask(secret);
                rest = after;
            }
            wanted += rest;
            assert_eq!(masked(&text), wanted, "{text}");
            assert_eq!(masked(&wanted), wanted, "twice");
            assert!(is_masked(&wanted) && !is_masked(&text), "{text}");
        }
        for &text in PLAIN {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn different_secrets_stay_different() {
        let masks = ["a", "b", "hunter2", "hunter3"].map(|secret| masked_value(secret));
        assert!(masks.iter().enumerate().all(|(at, mask)| !masks[..at].contains(mask)));
        assert!(masks.iter().all(|mask| mask.len() == MASK.len() + DIGITS));
    }

    fn masked_value(secret: &str) -> String {
        masked(&format!("--password={secret}")).trim_start_matches("--password=").to_owned()
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_masked_once(text in r#"[-a-c="':@/ \\x20,é;*]{0,40}|.{0,40}"#) {
            for text in [text.clone(), format!("--password{text}"), format!("mysql -p{text}")] {
                let once = masked(&text).into_owned();
                proptest::prop_assert_eq!(masked(&once).into_owned(), once);
            }
        }
    }
}
