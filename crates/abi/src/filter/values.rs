//! Parses the parts of tests: values, sets, patterns, processes and places.

use std::ops::Range;

use super::check;
use super::error::FilterError;
use super::field::{Field, FieldKind, FieldRef};
use super::parse::{MAX_DEPTH, Parser};
use super::pattern::Pattern;
use super::syntax::{Expr, Function, Operand, Place, Process, Quantifier, Relation};
use super::token::{Kind, Token, Unit};

impl Parser<'_> {
    /// Reads a value with its mask. `expected` is the kind of the field that it is compared with.
    pub(super) fn value(&mut self, expected: Option<FieldKind>) -> Result<Operand, FilterError> {
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
            Kind::Variable(arg) => Ok(Operand::Field(FieldRef { field: Field::Env, arg })),
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
            Some(Field::Env) => {
                Err(self.error(span, "which variable?").help("write its name: env[PATH]"))
            }
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

    pub(super) fn items(
        &mut self,
        left: &Operand,
        kind: Option<FieldKind>,
    ) -> Result<Vec<(Operand, Option<Operand>)>, FilterError> {
        self.expect("{")?;
        let mut items = Vec::new();
        loop {
            let start = self.span().start;
            let first = self.item(left, kind, Relation::Equal)?;
            let last = if self.take_sign(&[".."]) {
                let last = self.item(left, kind, Relation::AtMost)?;
                let span = start..self.end_of_last();
                self.compared(left, (first.clone(), span), Relation::AtLeast)?;
                Some(last)
            } else {
                None
            };
            items.push((first, last));
            if !self.take_sign(&[","]) {
                self.expect("}").map_err(|_| self.unexpected("`,` or `}`"))?;
                return Ok(items);
            }
        }
    }

    fn item(
        &mut self,
        left: &Operand,
        kind: Option<FieldKind>,
        relation: Relation,
    ) -> Result<Operand, FilterError> {
        let start = self.span().start;
        let item = self.value(kind)?;
        self.compared(left, (item, start..self.end_of_last()), relation)
    }

    /// Checks that an item can be compared so. A range compares its ends by order.
    fn compared(
        &self,
        left: &Operand,
        (item, span): (Operand, Range<usize>),
        relation: Relation,
    ) -> Result<Operand, FilterError> {
        let sides = [(left.clone(), span.clone()), (item, span)];
        match check::compare(self.text, Quantifier::Any, sides, relation)? {
            Expr::Compare(_, _, _, item) => Ok(item),
            _ => Err(self.unexpected("a value")),
        }
    }

    pub(super) fn pattern(&mut self) -> Result<Pattern, FilterError> {
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

    pub(super) fn process(&mut self) -> Result<Process, FilterError> {
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

    pub(super) fn place(&mut self) -> Result<Place, FilterError> {
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
