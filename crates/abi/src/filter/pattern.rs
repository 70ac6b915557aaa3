//! Patterns on the right of `~`: names with wildcards, and regular expressions.

use std::fmt;

use super::quote::write_text;

/// Most bytes of a compiled regular expression.
const REGEX_SIZE: usize = 1 << 20;

/// A pattern.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// For the whole string. `*` and `?` do not match `/`; the component `**` matches any number
    /// of components.
    Glob(glob::Pattern),
    /// A regular expression for a part of the bytes, its source, and its letters.
    Regex(Box<regex::bytes::Regex>, String, String),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glob(a), Self::Glob(b)) => a == b,
            (Self::Regex(_, a, i), Self::Regex(_, b, j)) => (a, i) == (b, j),
            _ => false,
        }
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// Compiles a pattern with wildcards. The error says what is wrong.
    pub(super) fn glob(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text)
            .map_err(|_| "not UTF-8; for bytes use a regular expression".to_owned())?;
        glob::Pattern::new(text)
            .map(Self::Glob)
            .map_err(|error| format!("not a pattern, at character {}: {}", error.pos, error.msg))
    }

    /// Compiles a regular expression. `flags` are the letters after it. The error says what is
    /// wrong.
    pub(super) fn regex(source: &str, flags: &str) -> Result<Self, String> {
        let mut builder = regex::bytes::RegexBuilder::new(source);
        builder.unicode(source.bytes().any(|c| !c.is_ascii())).size_limit(REGEX_SIZE);
        for letter in flags.chars() {
            match letter {
                'i' => builder.case_insensitive(true),
                's' => builder.dot_matches_new_line(true),
                _ => return Err(format!("`{letter}` after a pattern; known are `i` and `s`")),
            };
        }
        let regex = builder.build().map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "this regular expression is too large".to_owned(),
            // The last line says what is wrong, those before it where.
            error => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                last.strip_prefix("error: ").unwrap_or(last).to_owned()
            }
        })?;
        Ok(Self::Regex(Box::new(regex), source.to_owned(), flags.to_owned()))
    }

    /// Whether it matches. A byte outside UTF-8 fits `?` and `*`, but no character.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Glob(pattern) => {
                let options = glob::MatchOptions {
                    require_literal_separator: true,
                    ..glob::MatchOptions::default()
                };
                pattern.matches_with(&String::from_utf8_lossy(text), options)
            }
            Self::Regex(regex, _, _) => regex.is_match(text),
        }
    }
}

impl Pattern {
    /// Whether it matches every string with this beginning.
    #[must_use]
    pub fn matches_beginning(&self, text: &[u8]) -> bool {
        let Self::Regex(regex, _, _) = self else { return false };
        // A match that ends within the beginning may still look at the next byte: `$`, `\b`.
        [b'a', b' ', b'\n'].iter().all(|next| {
            let longer = [text, &[*next]].concat();
            regex.shortest_match(&longer).is_some_and(|end| end <= text.len())
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glob(pattern) => write_text(f, pattern.as_str().as_bytes()),
            Self::Regex(_, source, flags) => {
                let mut escaped = false;
                f.write_str("/")?;
                for c in source.chars() {
                    f.write_str(if c == '/' && !escaped { "\\" } else { "" })?;
                    escaped = c == '\\' && !escaped;
                    write!(f, "{c}")?;
                }
                write!(f, "/{flags}")
            }
        }
    }
}
