//! The tracked files, and the syntax of those that are Rust.

use anyhow::{Context, Result, bail};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// All tracked text files.
pub(super) struct Repository {
    pub(super) sources: Vec<Source>,
}

/// A tracked text file.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
    /// Of Rust files.
    pub(super) rust: Option<Rust>,
}

/// The syntax of a Rust file.
pub(super) struct Rust {
    pub(super) file: syn::File,
    pub(super) tokens: Vec<Token>,
    /// The whole file is compiled for tests alone.
    pub(super) test: bool,
}

/// A token with its place. A group is an opening token, its contents and a closing one, so that
/// what stands in a macro call is looked at as well.
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// Counted from 1.
    pub(super) line: usize,
    /// In characters, from 0.
    pub(super) column: usize,
    pub(super) end_line: usize,
    pub(super) end_column: usize,
    /// Belongs to an item or statement under `#[cfg(test)]`.
    pub(super) test: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Word,
    Punct,
    Literal,
    Open,
    Close,
}

impl Repository {
    /// Rust files below a folder, with their syntax.
    pub(super) fn rust<'a>(
        &'a self,
        folder: &'a str,
    ) -> impl Iterator<Item = (&'a Source, &'a Rust)> {
        self.sources
            .iter()
            .filter(move |source| source.path.starts_with(folder))
            .filter_map(|source| Some((source, source.rust.as_ref()?)))
    }

    /// Makes a repository of paths and texts.
    pub(super) fn new(files: Vec<(String, String)>) -> Result<Repository> {
        let sources = files
            .into_iter()
            .map(|(path, text)| Source::new(path, text))
            .collect::<Result<Vec<_>>>()?;
        let mut repository = Repository { sources };
        let tests = super::layers::test_files(&repository);
        repository.mark_tests(&tests);
        Ok(repository)
    }

    fn mark_tests(&mut self, tests: &BTreeSet<String>) {
        for source in &mut self.sources {
            let in_tests = source.path.contains("/tests/") && !source.path.contains("/src/");
            if let Some(rust) = &mut source.rust {
                rust.test = in_tests || tests.contains(&source.path);
            }
        }
    }
}

impl Source {
    fn new(path: String, text: String) -> Result<Source> {
        let rust = match path.ends_with(".rs") {
            true => Some(Rust::parse(&text).with_context(|| path.clone())?),
            false => None,
        };
        Ok(Source { path, text, rust })
    }
}

impl Rust {
    fn parse(text: &str) -> Result<Rust> {
        let stream: TokenStream = text.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut tokens = Vec::new();
        flatten(stream.clone(), &mut tokens);
        mark_tests(&mut tokens);
        Ok(Rust { file: syn::parse2(stream)?, tokens, test: false })
    }

    /// Tokens that are compiled without tests, with their index in `tokens`.
    pub(super) fn product(&self) -> impl Iterator<Item = (usize, &Token)> {
        self.tokens.iter().enumerate().filter(|(_, token)| !self.test && !token.test)
    }
}

impl Token {
    /// True when the token is this identifier or punctuation.
    pub(super) fn is(&self, text: &str) -> bool {
        self.kind != Kind::Literal && self.text == text
    }
}

/// Everything that git tracks and that is text.
pub(super) fn read(root: &Path) -> Result<Repository> {
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root)
        .output()
        .context("git ls-files")?;
    let names = String::from_utf8(listed.stdout).context("names in git are UTF-8")?;
    let files: Vec<(String, String)> = names
        .split_terminator('\0')
        .filter_map(|name| Some((name.to_owned(), fs::read_to_string(root.join(name)).ok()?)))
        .collect();
    // Without git (a source archive) there is nothing to check, and that must not look tidy.
    if files.iter().filter(|(path, _)| path.ends_with(".rs")).count() < 10 {
        bail!("git lists no sources here: run in a clone");
    }
    Repository::new(files)
}

fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    let push = |into: &mut Vec<Token>, kind, text: String, span: proc_macro2::Span| {
        let (start, end) = (span.start(), span.end());
        into.push(Token {
            kind,
            text,
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            test: false,
        });
    };
    for tree in stream {
        match tree {
            TokenTree::Ident(ident) => push(into, Kind::Word, ident.to_string(), ident.span()),
            TokenTree::Punct(punct) => push(into, Kind::Punct, punct.to_string(), punct.span()),
            // The source, since a doc comment is a literal too.
            TokenTree::Literal(literal) => {
                let text = literal.span().source_text().unwrap_or_else(|| literal.to_string());
                push(into, Kind::Literal, text, literal.span());
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::None => ("", ""),
                };
                push(into, Kind::Open, open.into(), group.span_open());
                flatten(group.stream(), into);
                push(into, Kind::Close, close.into(), group.span_close());
            }
        }
    }
}

/// Marks what follows `#[cfg(test)]`: to the end of its block, or to a `;` or `,` outside of all
/// brackets.
fn mark_tests(tokens: &mut [Token]) {
    let mut at = 0;
    while at < tokens.len() {
        let Some(after) = cfg_test(tokens, at) else {
            at += 1;
            continue;
        };
        let end = item_end(tokens, after);
        for token in &mut tokens[at..end] {
            token.test = true;
        }
        at = end;
    }
}

/// The index after an attribute `#[cfg(test)]` or `#[cfg(all(test, ..))]` that begins here.
fn cfg_test(tokens: &[Token], at: usize) -> Option<usize> {
    let starts =
        |expected: &[&str]| tokens[at..].iter().zip(expected).all(|(token, text)| token.is(text));
    let end = || group_end(tokens, at + 1);
    // In all(...), `test` may have any place.
    let all_has_test = || {
        let group = &tokens[at..end()];
        group.windows(2).any(|pair| (pair[0].is("(") || pair[0].is(",")) && pair[1].is("test"))
            && !group.iter().any(|token| token.is("any") || token.is("not"))
    };
    (starts(&["#", "[", "cfg", "(", "test", ")", "]"])
        || starts(&["#", "[", "cfg", "(", "all", "("]) && all_has_test())
    .then(end)
}

/// The index after the group that opens here.
pub(super) fn group_end(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut at = start;
    while at < tokens.len() {
        let token = &tokens[at];
        match token.kind {
            Kind::Open => {
                at = group_end(tokens, at);
                if token.is("{") {
                    return at;
                }
            }
            Kind::Close => return at,
            _ if token.is(";") || token.is(",") => return at + 1,
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words that are compiled without tests.
    fn product(text: &str) -> String {
        let rust = Rust::parse(text).unwrap();
        let words = rust.product().filter(|(_, token)| token.kind == Kind::Word);
        words.map(|(_, token)| token.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tests_end_with_their_item() {
        assert_eq!(product("#[cfg(test)] mod tests { fn a() {} } fn b() {}"), "fn b");
        assert_eq!(product("#[cfg(test)] mod tests; fn b() {}"), "fn b");
        assert_eq!(product("#[cfg(test)] #[x(y)] fn a(b: [u8; 3]) -> u8 { 1 } const B: A = 1;"), {
            "const B A"
        });
        assert_eq!(product("#[cfg(all(test, unix))] use a; use b;"), "use b");
        assert_eq!(product("struct A { #[cfg(test)] b: u8, c: u8 }"), "struct A c u8");
        assert_eq!(product("#[cfg(not(test))] fn b() {}"), "cfg not test fn b");
    }

    #[test]
    fn strings_and_comments_are_no_words() {
        assert_eq!(product("// a\n/// b\nfn c() { \"d\"; /* e */ }"), "doc fn c");
    }
}
