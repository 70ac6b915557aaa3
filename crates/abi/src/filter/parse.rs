//! Parses a filter: recursive descent over tokens. `docs/filter.md` has the grammar.

use std::ops::Range;

use super::check;
use super::error::FilterError;
use super::field::{Field, FieldKind, FieldRef};
use super::pattern::Pattern;
use super::syntax::{Expr, Function, Operand, Place, Process, Quantifier, Relation};
use super::token::{Kind, Token, Unit, tokens};

/// Most bytes of a filter.
const MAX_LEN: usize = 64 << 10;
/// Most brackets and negations within each other.
const MAX_DEPTH: usize = 200;

/// Words that are part of the language.
const KEYWORDS: [&str; 9] =
    ["and", "or", "not", "any", "all", "in", "contains", "under", "between"];

/// Parses an expression.
pub(super) fn parse(text: &str) -> Result<Expr, FilterError> {
    if text.len() > MAX_LEN {
        return Err(FilterError::new(
            text,
            0..0,
            format!("a filter has at most {MAX_LEN} bytes; this one has {}", text.len()),
        ));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0 };
    let expr = parser.or()?;
    match parser.kind() {
        Kind::End => Ok(expr),
        Kind::Word(_) | Kind::Text(_) | Kind::Number(..) => {
            Err(parser.unexpected("`and` or `or` before this"))
        }
        _ => Err(parser.unexpected("`and`, `or` or the end of the filter")),
    }
}

pub(super) struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn token(&self) -> &Token {
        // The last token is the end, which is never passed.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn kind(&self) -> &Kind {
        &self.token().kind
    }

    fn span(&self) -> Range<usize> {
        self.token().span.clone()
    }

    fn next(&mut self) -> Token {
        let token = self.token().clone();
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    fn peek(&self, ahead: usize) -> &Kind {
        self.tokens.get(self.at + ahead).map_or(&Kind::End, |token| &token.kind)
    }

    fn error(&self, span: Range<usize>, message: impl Into<String>) -> FilterError {
        FilterError::new(self.text, span, message)
    }

    /// Returns the error of a token that cannot stand here.
    fn unexpected(&self, expected: &str) -> FilterError {
        self.error(self.span(), format!("expected {expected}"))
    }

    fn take_sign(&mut self, signs: &[&str]) -> bool {
        let found = matches!(self.kind(), Kind::Sign(sign) if signs.contains(sign));
        if found {
            self.next();
        }
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.kind(), Kind::Word(found) if found == word);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), FilterError> {
        if self.take_sign(&[sign]) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn or(&mut self) -> Result<Expr, FilterError> {
        let mut parts = vec![self.and()?];
        while self.take_word("or") || self.take_sign(&["||"]) {
            parts.push(self.and()?);
        }
        Ok(one_or(parts, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, FilterError> {
        let mut parts = vec![self.not()?];
        while self.take_word("and") || self.take_sign(&["&&"]) {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Expr::And))
    }

    fn not(&mut self) -> Result<Expr, FilterError> {
        let span = self.span();
        let negated = self.take_word("not") || self.take_sign(&["!"]);
        if !negated && !matches!(self.kind(), Kind::Sign("(")) {
            return self.primary();
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(span, format!("more than {MAX_DEPTH} levels of brackets")));
        }
        let expr = if negated {
            Expr::Not(Box::new(self.not()?))
        } else {
            self.next();
            let expr = self.or()?;
            self.expect(")")?;
            expr
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn primary(&mut self) -> Result<Expr, FilterError> {
        if self.take_word("under") {
            return self.process().map(Expr::Under);
        }
        if self.take_word("between") {
            return Ok(Expr::Between(self.place()?, self.place()?));
        }
        if self.take_sign(&["%"]) {
            let Token { kind, span } = self.next();
            let Kind::Word(name) = kind else {
                return Err(self.error(span, "expected the name of a class, as in %file"));
            };
            return check::class(self.text, span, &name);
        }
        self.test()
    }

    fn test(&mut self) -> Result<Expr, FilterError> {
        let quantifier = match self.kind() {
            Kind::Word(word) if word == "any" => Quantifier::Any,
            Kind::Word(word) if word == "all" => match self.peek(1) {
                Kind::End | Kind::Sign(")" | "&&" | "||") => {
                    self.next();
                    return Ok(Expr::All);
                }
                Kind::Word(word) if word == "and" || word == "or" => {
                    self.next();
                    return Ok(Expr::All);
                }
                _ => Quantifier::All,
            },
            _ => return self.test_of(Quantifier::Any, false),
        };
        self.next();
        self.test_of(quantifier, true)
    }

    fn test_of(&mut self, quantifier: Quantifier, is_asked: bool) -> Result<Expr, FilterError> {
        let span = self.span();
        if let (Kind::Word(name), false) = (self.kind(), is_asked)
            && !self.is_value(name)
        {
            let name = name.clone();
            self.next();
            let compared = matches!(self.kind(), Kind::Sign("==" | "=" | "!=" | "~" | "!~" | "&"));
            return check::bare_name(self.text, span, &name, compared, &KEYWORDS);
        }
        let left = self.value(None)?;
        let span = span.start..self.end_of_last();
        let negated = self.take_word("not");
        if negated && !matches!(self.kind(), Kind::Word(w) if w == "in" || w == "contains") {
            return Err(self.unexpected("`in` or `contains`"));
        }
        let negate = |negated, expr| if negated { Expr::Not(Box::new(expr)) } else { expr };
        let kind = check::kind(&left);
        Ok(match self.kind().clone() {
            Kind::Sign(sign @ ("==" | "=" | "!=" | "<" | "<=" | ">" | ">=")) => {
                self.next();
                let right_span = self.span();
                let right = self.value(kind)?;
                let right_span = right_span.start..self.end_of_last();
                let relation = match sign {
                    "<" => Relation::Less,
                    "<=" => Relation::AtMost,
                    ">" => Relation::Greater,
                    ">=" => Relation::AtLeast,
                    _ => Relation::Equal,
                };
                let sides = [(left, span), (right, right_span)];
                let expr = check::compare(self.text, quantifier, sides, relation)?;
                negate(sign == "!=", expr)
            }
            Kind::Sign(sign @ ("~" | "!~")) => {
                self.next();
                check::has_text(self.text, &span, &left)?;
                let pattern = self.pattern()?;
                negate(sign == "!~", Expr::Matches(quantifier, left, pattern))
            }
            Kind::Word(word) if word == "in" => {
                self.next();
                let items = self.items(&left, kind)?;
                negate(negated, Expr::In(quantifier, left, items))
            }
            Kind::Word(word) if word == "contains" => {
                self.next();
                check::has_text(self.text, &span, &left)?;
                let token = self.next();
                let Kind::Text(bytes) = token.kind else {
                    return Err(self.error(token.span, "expected a string in quotes"));
                };
                negate(negated, Expr::Contains(quantifier, left, bytes))
            }
            _ => {
                check::exists(self.text, &span, &left)?;
                Expr::Exists(quantifier, left)
            }
        })
    }

    /// Whether a value begins with this word: a field or a function, or a constant.
    fn is_value(&self, word: &str) -> bool {
        let is_called = matches!(self.peek(1), Kind::Sign("("));
        let has_part = matches!(self.peek(1), Kind::Sign("."));
        is_called
            || has_part
            || Field::from_name(word).is_some_and(|field| field != Field::Arg)
            || word == Field::Arg.name()
            || is_constant(word)
    }

    fn end_of_last(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |last| self.tokens[last].span.end)
    }

    /// Reads a value with its mask. `expected` is the kind of the field that it is compared with.
    fn value(&mut self, expected: Option<FieldKind>) -> Result<Operand, FilterError> {
        let start = self.span().start;
        let left = self.atom(expected)?;
        if !self.take_sign(&["&"]) {
            return Ok(left);
        }
        let right = self.atom(check::kind(&left))?;
        check::mask(self.text, start..self.end_of_last(), left, right)
    }

    fn atom(&mut self, expected: Option<FieldKind>) -> Result<Operand, FilterError> {
        let Token { kind, span } = self.next();
        match kind {
            Kind::Number(value, unit) => Ok(Operand::Number(value, unit)),
            Kind::Sign("-") => match self.next() {
                Token { kind: Kind::Number(value, unit), .. } => Ok(Operand::Number(-value, unit)),
                token => Err(self.error(token.span, "expected a number after `-`")),
            },
            Kind::Text(bytes) => Ok(Operand::Text(bytes)),
            Kind::Address(address, bits) => Ok(Operand::Address(address, bits)),
            Kind::Word(word) if matches!(self.kind(), Kind::Sign("(")) => {
                self.function(&word, span)
            }
            Kind::Word(word) => match check::word(self.text, span.clone(), &word, expected)? {
                Some(operand) => Ok(operand),
                None => self.field(&word, span),
            },
            _ => {
                self.at -= usize::from(kind != Kind::End);
                Err(self.unexpected(match expected {
                    Some(_) => "a value to compare with",
                    None => "a test, such as `failed`, `openat`, `%file` or `path ~ \"/etc/*\"`",
                }))
            }
        }
    }

    /// Reads the rest of a field: `fd.path`, `args.flags`.
    fn field(&mut self, word: &str, span: Range<usize>) -> Result<Operand, FilterError> {
        let (mut name, mut end) = (word.to_owned(), span.end);
        while self.take_sign(&["."]) {
            let Token { kind, span } = self.next();
            let Kind::Word(part) = kind else {
                return Err(self.error(span, "expected a name after `.`"));
            };
            name = format!("{name}.{part}");
            end = span.end;
        }
        let span = span.start..end;
        if let Some(arg) = name.strip_prefix("args.") {
            check::argument(self.text, span, arg)?;
            return Ok(Operand::Field(FieldRef { field: Field::Arg, arg: arg.to_owned() }));
        }
        match Field::from_name(&name) {
            Some(Field::Arg) => Err(self
                .error(span, "which argument?")
                .help("write its name in the kernel's prototype: args.flags, args.count")),
            Some(field) => Ok(Operand::Field(FieldRef { field, arg: String::new() })),
            None => Err(check::unknown_field(self.text, span, &name)),
        }
    }

    fn function(&mut self, name: &str, span: Range<usize>) -> Result<Operand, FilterError> {
        let known = Function::ALL;
        let Some((_, function)) = known.iter().find(|(known, _)| *known == name) else {
            let known = known.map(|(name, _)| name).join(", ");
            return Err(self.error(span, "unknown function").help(format!("known are {known}")));
        };
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(span, format!("more than {MAX_DEPTH} levels of brackets")));
        }
        self.expect("(")?;
        let inner = self.span();
        let of = self.value(None)?;
        check::has_text(self.text, &(inner.start..self.end_of_last()), &of)?;
        self.expect(")")?;
        self.depth -= 1;
        Ok(Operand::Function(*function, Box::new(of)))
    }

    fn items(
        &mut self,
        left: &Operand,
        kind: Option<FieldKind>,
    ) -> Result<Vec<(Operand, Option<Operand>)>, FilterError> {
        self.expect("{")?;
        let mut items = Vec::new();
        loop {
            let first = self.item(left, kind)?;
            let last = if self.take_sign(&[".."]) { Some(self.item(left, kind)?) } else { None };
            items.push((first, last));
            if !self.take_sign(&[","]) {
                self.expect("}").map_err(|_| self.unexpected("`,` or `}`"))?;
                return Ok(items);
            }
        }
    }

    fn item(&mut self, left: &Operand, kind: Option<FieldKind>) -> Result<Operand, FilterError> {
        let start = self.span().start;
        let item = self.value(kind)?;
        let span = start..self.end_of_last();
        match check::compare(
            self.text,
            Quantifier::Any,
            [(left.clone(), span.clone()), (item, span)],
            Relation::Equal,
        )? {
            Expr::Compare(_, _, _, item) => Ok(item),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn pattern(&mut self) -> Result<Pattern, FilterError> {
        let Token { kind, span } = self.next();
        let pattern = match kind {
            Kind::Text(text) => Pattern::glob(&text),
            Kind::Regex(source, flags) => Pattern::regex(&source, &flags),
            _ => {
                return Err(self
                    .error(span, "expected a pattern")
                    .help("write \"/etc/*.conf\" or a regular expression: /conf$/"));
            }
        };
        let is_regex = self.text[span.clone()].starts_with('/');
        pattern.map_err(|why| {
            let error = self.error(span, why);
            let help = "between slashes is a regular expression; names with wildcards and paths \
                        are quoted";
            if is_regex { error.help(help) } else { error }
        })
    }

    fn process(&mut self) -> Result<Process, FilterError> {
        let Token { kind, span } = self.next();
        match kind {
            Kind::Number(pid, Unit::None) => match u32::try_from(pid) {
                Ok(pid) => Ok(Process::Pid(pid)),
                Err(_) => Err(self.error(span, "not a pid")),
            },
            Kind::Text(text) => match Pattern::glob(&text) {
                Ok(pattern) => Ok(Process::Program(pattern)),
                Err(why) => Err(self.error(span, why)),
            },
            Kind::Word(word) => Err(self
                .error(span, "expected a pid or a program in quotes")
                .help(format!("write under \"{word}\""))),
            _ => Err(self.error(span, "expected a pid or a program in quotes: under \"make\"")),
        }
    }

    fn place(&mut self) -> Result<Place, FilterError> {
        let Token { kind, span } = self.next();
        let place = match kind {
            Kind::Number(number, Unit::None) => u64::try_from(number).ok().map(Place::Event),
            Kind::Text(name) => Some(Place::Mark(name)),
            Kind::Sign("+") => match self.next().kind {
                Kind::Number(time, Unit::Time) => u64::try_from(time).ok().map(Place::Time),
                _ => None,
            },
            _ => None,
        };
        place.ok_or_else(|| {
            self.error(span, "expected a place").help(
                "an event number, a time after the start (+1.5s), or the name of a mark in quotes",
            )
        })
    }
}

/// Whether a word is written as constants are: `O_CREAT`.
pub(super) fn is_constant(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        && word.chars().any(|c| c.is_ascii_uppercase())
}

fn one_or(mut parts: Vec<Expr>, many: impl FnOnce(Vec<Expr>) -> Expr) -> Expr {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}
