//! Parses a filter: recursive descent over tokens. `docs/filter.md` has the grammar.

use std::ops::Range;

use super::check;
use super::constants::is_constant;
use super::error::FilterError;
use super::field::Field;
use super::syntax::{Expr, Quantifier, Relation};
use super::token::{Kind, Token, tokens};

/// Most bytes of a filter.
const MAX_LEN: usize = 64 << 10;
/// Most brackets and negations within each other.
pub(super) const MAX_DEPTH: usize = 200;

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
    pub(super) text: &'t str,
    tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) depth: usize,
}

impl Parser<'_> {
    pub(super) fn token(&self) -> &Token {
        // The last token is the end, which is never passed.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.token().kind
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.token().span.clone()
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.token().clone();
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    pub(super) fn peek(&self, ahead: usize) -> &Kind {
        self.tokens.get(self.at + ahead).map_or(&Kind::End, |token| &token.kind)
    }

    pub(super) fn error(&self, span: Range<usize>, message: impl Into<String>) -> FilterError {
        FilterError::new(self.text, span, message)
    }

    /// Returns the error of a token that cannot stand here.
    pub(super) fn unexpected(&self, expected: &str) -> FilterError {
        self.error(self.span(), format!("expected {expected}"))
    }

    pub(super) fn take_sign(&mut self, signs: &[&str]) -> bool {
        let found = matches!(self.kind(), Kind::Sign(sign) if signs.contains(sign));
        if found {
            self.next();
        }
        found
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.kind(), Kind::Word(found) if found == word);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn expect(&mut self, sign: &'static str) -> Result<(), FilterError> {
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

    pub(super) fn end_of_last(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |last| self.tokens[last].span.end)
    }
}

fn one_or(mut parts: Vec<Expr>, many: impl FnOnce(Vec<Expr>) -> Expr) -> Expr {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}
