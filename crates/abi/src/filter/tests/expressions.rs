//! Expressions: what they mean, how they are written, and what is wrong with wrong ones.

use std::ops::ControlFlow;

use proptest::prelude::*;

use crate::arch::Abi;
use crate::consts::{memory, open};
use crate::desc::{ArgKind, Classes};
use crate::filter::*;
use crate::number;

/// A call as a test states it.
#[derive(Clone, Default)]
pub(super) struct Call {
    name: &'static str,
    pub(super) values: Vec<(&'static str, Fact)>,
    /// Fields that are not known.
    unknown: Vec<&'static str>,
    /// The programs that started it, from the nearest.
    under: Vec<&'static str>,
    event: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Fact {
    Number(i128),
    Argument(u64, ArgKind),
    Text(&'static str),
    Cut(&'static str),
    Address(&'static str),
}

impl Facts for Call {
    fn values(
        &self,
        field: &FieldRef,
        each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
    ) -> Known {
        let name = field.to_string();
        if self.unknown.contains(&&*name) {
            return Known::No;
        }
        let _ = self.values.iter().filter(|(field, _)| *field == name).try_for_each(|(_, fact)| {
            each(match fact {
                Fact::Number(number) => Value::Number(*number),
                Fact::Argument(raw, kind) => {
                    Value::Argument(argument_value(*kind, *raw), Abi::X86_64, *kind)
                }
                Fact::Text(text) => Value::Text(text.as_bytes()),
                Fact::Cut(text) => Value::Cut(text.as_bytes()),
                Fact::Address(address) => Value::Address(address.parse().unwrap()),
            })
        });
        Known::Yes
    }

    fn is_called(&self, name: &str) -> Answer {
        Answer::from_bool(self.name == name)
    }

    fn has_classes(&self, classes: Classes) -> Answer {
        let row = number::row_named(Abi::X86_64, self.name).unwrap();
        Answer::from_bool(row.class.contains(classes))
    }

    fn is_under(&self, process: &Process) -> Answer {
        Answer::from_bool(match process {
            Process::Pid(pid) => *pid == 1,
            Process::Program(pattern) => {
                self.under.iter().any(|program| pattern.matches(program.as_bytes()))
            }
        })
    }

    fn has_passed(&self, place: &Place) -> Answer {
        Answer::from_bool(matches!(place, Place::Event(number) if *number <= self.event))
    }

    fn is_behind(&self, place: &Place) -> Answer {
        Answer::from_bool(matches!(place, Place::Event(number) if *number < self.event))
    }
}

/// A failed openat of two paths, as no real call has them all.
pub(super) fn call() -> Call {
    let flags = ArgKind::Flags(&open::OPEN);
    Call {
        name: "openat",
        values: vec![
            ("call", Fact::Text("openat")),
            ("class", Fact::Text("file")),
            ("args.flags", Fact::Argument(0o101, flags)),
            ("args.dfd", Fact::Argument(0xffff_ff9c, ArgKind::DirFd)),
            ("args.filename", Fact::Argument(0x7fff_0000, ArgKind::Path)),
            ("args.filename", Fact::Text("/etc/a.conf")),
            ("path", Fact::Text("/etc/a.conf")),
            ("path", Fact::Text("/opt/u/b.so")),
            ("rval", Fact::Number(-2)),
            ("errno", Fact::Number(2)),
            ("failed", Fact::Number(1)),
            ("unfinished", Fact::Number(0)),
            ("dur", Fact::Number(1_500_000)),
            ("bytes", Fact::Number(8192)),
            ("fd", Fact::Number(3)),
            ("fd", Fact::Number(4)),
            ("fd.kind", Fact::Text("pipe")),
            ("net.peer", Fact::Address("10.1.2.3")),
            ("net.peer", Fact::Address("::ffff:192.168.0.9")),
            ("net.peer", Fact::Text("/run/socket")),
            ("data", Fact::Text("\u{7f}ELF, and Text")),
            ("exe", Fact::Text("/usr/bin/gcc")),
        ],
        under: vec!["/usr/bin/gcc", "/usr/bin/make"],
        event: 50,
        ..Call::default()
    }
}

/// Filters, and whether they match [`call`].
const MEANINGS: [(&str, bool); 74] = [
    ("openat", true),
    ("read", false),
    ("call == openat", true),
    ("call != openat", false),
    ("call ~ \"open*\"", true),
    ("call ~ /at$/", true),
    ("call in {read, openat}", true),
    ("class == file", true),
    ("%file and not %network", true),
    ("! openat || %file", true),
    ("openat and read or openat", true),
    ("openat or openat and read", true),
    ("(openat or openat) and read", false),
    ("failed", true),
    ("not failed", false),
    ("not not failed", true),
    ("unfinished", false),
    ("errno == ENOENT", true),
    ("errno = ENOENT", true),
    ("errno != ENOENT", false),
    ("errno in {EACCES, ENOENT}", true),
    ("errno not in {EACCES, EPERM}", true),
    ("errno in {1..5}", true),
    ("errno == 2 and rval == -2", true),
    ("rval < 0", true),
    ("0 > rval", true),
    ("rval >= args.flags", false),
    ("dur > 1ms", true),
    ("dur > 1.5ms", false),
    ("dur >= 1500us and dur <= 1500000ns", true),
    ("dur in {1ms..2ms}", true),
    ("bytes == 8K", true),
    ("bytes > 1M", false),
    ("args.flags & O_CREAT", true),
    ("args.flags & O_EXCL", false),
    ("args.flags & O_ACCMODE == O_WRONLY", true),
    ("args.flags & O_ACCMODE == O_RDWR", false),
    ("args.flags == O_WRONLY", false),
    ("args.flags & MAP_SHARED", false),
    ("args.dfd == AT_FDCWD", true),
    ("args.dfd == -100", true),
    ("args.filename == \"/etc/a.conf\"", true),
    ("args.filename ~ \"*.conf\"", false),
    ("args.filename ~ \"**/*.conf\"", true),
    ("args.count", false),
    ("args.count == 0", false),
    ("args.count != 0", true),
    ("path == \"/etc/a.conf\"", true),
    ("path != \"/etc/a.conf\"", false),
    ("path != \"/etc/b\"", true),
    ("path ~ \"/etc/*\"", true),
    ("all path ~ \"/etc/*\"", false),
    ("all path ~ \"/**\"", true),
    ("any path ~ /SO$/i", true),
    ("path !~ /conf/", false),
    ("path contains \"opt\"", true),
    ("path not contains \"tmp\"", true),
    ("base(path) == \"b.so\"", true),
    ("ext(path) in {\"so\", \"a\"}", true),
    ("dir(path) == \"/etc\"", true),
    ("len(path) >= 11", true),
    ("lower(data) contains \"text\"", true),
    ("data contains x\"7f 45 4c 46\"", true),
    ("data ~ /^\\x7fELF/", true),
    ("all fd > 2", true),
    ("all fd > 3", false),
    ("fd.kind == pipe", true),
    ("net.peer == 10.0.0.0/8", true),
    ("net.peer in {10.1.2.4, [::1]}", false),
    ("net.peer == 192.168.0.0/24 and net.peer == \"/run/socket\"", true),
    ("under \"**/make\" and not under \"/bin/*\"", true),
    ("under 1 and not under 2", true),
    ("between 10 50 and not between 51 60", true),
    ("not between 0 49", true),
];

#[test]
fn tests_mean_what_they_say() {
    for (text, wanted) in MEANINGS {
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.answer(&call()), Answer::from_bool(wanted), "{text}");
        let negated = Filter::parse(&format!("not ({text})")).unwrap();
        assert_eq!(negated.answer(&call()), Answer::from_bool(!wanted), "not ({text})");
    }
}

#[test]
fn absent_values_fail_positive_tests_and_pass_their_negations() {
    let empty = Call { name: "getppid", ..Call::default() };
    for (text, wanted) in [
        ("path", false),
        ("path == \"/a\"", false),
        ("path != \"/a\"", true),
        ("path !~ \"/a\"", true),
        ("all path ~ \"/a\"", false),
        ("errno not in {ENOENT}", true),
        ("dur < 1s", false),
    ] {
        let filter = Filter::parse(text).unwrap();
        assert_eq!(filter.answer(&empty), Answer::from_bool(wanted), "{text}");
    }
}

#[test]
fn what_is_not_known_decides_only_where_it_matters() {
    let call = Call { unknown: vec!["errno", "failed", "path"], ..call() };
    for (text, wanted) in [
        ("failed", Answer::Unknown),
        ("failed or openat", Answer::Yes),
        ("failed and read", Answer::No),
        ("failed and openat", Answer::Unknown),
        ("not failed", Answer::Unknown),
        ("path != \"/a\"", Answer::Unknown),
        ("all path ~ \"/a\"", Answer::Unknown),
        ("errno in {ENOENT}", Answer::Unknown),
    ] {
        assert_eq!(Filter::parse(text).unwrap().answer(&call), wanted, "{text}");
    }
}

#[test]
fn constants_are_those_of_the_argument() {
    let call = Call {
        name: "mmap",
        values: vec![
            ("args.flags", Fact::Argument(0x22, ArgKind::Flags(&memory::MAP))),
            ("args.sig", Fact::Argument(15, ArgKind::Signal)),
        ],
        ..Call::default()
    };
    for (text, wanted) in [
        ("args.flags & MAP_ANONYMOUS", true),
        ("args.flags & MAP_SHARED", false),
        ("args.flags & O_CREAT", false),
        ("args.sig == SIGTERM", true),
        ("args.sig in {SIGKILL, SIGINT}", false),
    ] {
        let answer = Filter::parse(text).unwrap().answer(&call);
        assert_eq!(answer, Answer::from_bool(wanted), "{text}");
    }
}

fn canonical(text: &str) -> String {
    Filter::parse(text).unwrap().canonical()
}

#[test]
fn the_canonical_form_is_words_and_the_least_brackets() {
    for (text, wanted) in [
        ("openat&&failed", "openat and failed"),
        ("!(openat||failed)", "not (openat or failed)"),
        ("( (openat) )", "openat"),
        ("errno=ENOENT", "errno == ENOENT"),
        ("5 <  rval", "rval > 5"),
        ("dur > 1500us", "dur > 1500us"),
        ("dur > 3000ms", "dur > 3s"),
        ("bytes in {1024..4096,0x10}", "bytes in {1024..4096, 16}"),
        ("data contains x'0a ff'", "data contains \"\\n\\xff\""),
        ("path ~ '/a b'", "path ~ \"/a b\""),
        ("path ~ /a\\/b/i", "path ~ /a\\/b/i"),
        ("not path ~ /x/", "path !~ /x/"),
        ("net.peer == [::1]/64", "net.peer == [::1]/64"),
        ("openat,%network", "openat or %network"),
        ("!read,write", "not (read or write)"),
        ("%file,!openat,read", "%file and not openat or read"),
    ] {
        assert_eq!(canonical(text), wanted, "{text}");
    }
}

/// Brackets and negations are bounded, so no filter can exhaust the stack.
#[test]
fn deep_and_long_filters_are_refused() {
    for (deep, good) in [(200, true), (201, false), (30_000, false)] {
        for (open, close) in [("(", ")"), ("!", ""), ("not ", "")] {
            let text = format!("{}failed{}", open.repeat(deep), close.repeat(deep));
            assert_eq!(Filter::parse(&text).is_ok(), good, "{deep} {open}");
        }
    }
    let long = "failed or ".repeat(7000) + "failed";
    assert!(Filter::parse(&long).unwrap_err().message().contains("65536"));
}

#[test]
fn every_prefix_parses_or_fails_within_it() {
    for (text, _) in MEANINGS {
        for end in 0..=text.len() {
            if let Err(error) = Filter::parse(&text[..end]) {
                assert!(error.span().end <= end, "{}", &text[..end]);
                let _ = error.to_string();
            }
        }
    }
}

/// The fields that the tests of [`MEANINGS`] ask for.
const ASKED: [&str; 12] = [
    "call",
    "class",
    "args.flags",
    "path",
    "rval",
    "errno",
    "failed",
    "dur",
    "fd",
    "net.peer",
    "data",
    "bytes",
];

fn filters() -> impl Strategy<Value = String> {
    let leaf = (0..MEANINGS.len()).prop_map(|at| MEANINGS[at].0.to_owned());
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || {b}")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

proptest! {
    /// The canonical form is the same filter.
    #[test]
    fn canonical_forms_parse_to_the_same(text in filters()) {
        let filter = Filter::parse(&text).unwrap();
        let again = Filter::parse(&filter.canonical()).unwrap();
        prop_assert_eq!(filter.canonical(), again.canonical());
        prop_assert_eq!(filter.answer(&call()), again.answer(&call()));
    }

    /// What is answered without some facts is not answered otherwise with them: so a recorder that
    /// knows little drops nothing that a reader wants.
    #[test]
    fn more_knowledge_changes_no_answer(text in filters(), hidden in 0u32..1 << ASKED.len()) {
        let unknown = (0..ASKED.len()).filter(|at| hidden >> at & 1 == 1).map(|at| ASKED[at]);
        let less = Call { unknown: unknown.collect(), ..call() };
        let filter = Filter::parse(&text).unwrap();
        let (less, full) = (filter.answer(&less), filter.answer(&call()));
        prop_assert!(less == Answer::Unknown || less == full, "{:?} {:?}", less, full);
        let row = number::row_named(Abi::X86_64, "openat");
        if full == Answer::Yes {
            prop_assert!(filter.may_match(Some("openat"), row, Some(Abi::X86_64)));
        }
    }

    /// No text makes the parser panic.
    #[test]
    fn any_text_is_parsed_or_refused(
        text in "[a-z0-9_.%!&|()~/\"'\\\\{}<>=,@ \\[\\]:\u{e9}-]{0,40}"
    ) {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(text.get(error.span()).is_some(), "{:?}", error);
        }
    }
}
