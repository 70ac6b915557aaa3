//! Wrong filters, and what is said about them.

use expect_test::expect_file;

use crate::filter::Filter;

fn errors(filters: &[&str]) -> String {
    let text_of = |filter: &&str| {
        let error = Filter::parse(filter).expect_err(filter);
        let span = error.span();
        assert!(filter.get(span.clone()).is_some(), "{filter}: {span:?}");
        let carets = "^".repeat(filter[span.clone()].chars().count().max(1));
        let before = " ".repeat(filter[..span.start].chars().count());
        let help = error.suggestion().map_or(String::new(), |help| format!("; {help}"));
        format!("{filter}\n{before}{carets} {}{help}\n", error.message())
    };
    filters.iter().map(text_of).collect()
}

/// Filters with errors of syntax.
const SYNTAX: [&str; 36] = [
    "failed and",
    "and failed",
    "failed failed",
    "(failed",
    "failed)",
    "()",
    "path ~ /etc/passwd",
    "path == /etc",
    "path ~ \"/etc",
    "path ~ /etc",
    "path ~ \"/a/***\"",
    "path ~ /(/",
    "path ~ /a/x",
    "path ~ make",
    "path == make",
    "path == \"\\q\"",
    "data contains x\"7\"",
    "errno in ENOENT",
    "errno in {ENOENT",
    "errno not ENOENT",
    "dur > 5",
    "dur > 5x",
    "dur > 1.0000000001s",
    "rval == 99999999999999999999",
    "rval == 08",
    "bytes > 5ms",
    "net.peer == 1.2.3.999",
    "net.peer == [::g]",
    "net.peer == 10.0.0.0/33",
    "under make",
    "under",
    "between 1",
    "between +5 7",
    "% and",
    "failed; openat",
    "openat & failed",
];

#[test]
fn errors_of_syntax_say_where_and_what_was_expected() {
    expect_file!["syntax_errors.txt"].assert_eq(&errors(&SYNTAX));
}
/// Filters with wrong names and types.
const NAMES: [&str; 29] = [
    "opnat and failed",
    "faild",
    "fd.pth == \"/a\"",
    "args.flgs & O_CREAT",
    "args == 5",
    "args.flags & O_CRAET",
    "errno == ENOENTT",
    "errno == \"ENOENT\"",
    "signal == SIGTREM",
    "call == opnat",
    "call == \"openat\"",
    "openat == 3",
    "class == files",
    "fd.kind == pip",
    "failed == 1",
    "rval == ENOENT",
    "rval == \"x\"",
    "rval ~ \"x\"",
    "path > \"/a\"",
    "path in {\"/a\"..\"/z\"}",
    "source in {kernel..recorder}",
    "path == 5",
    "1 == 1",
    "pid == dur",
    "time and failed",
    "lowr(path) == \"a\"",
    "len(rval) == 1",
    "%nonsense or failed",
    "5",
];

#[test]
fn errors_of_names_and_types_suggest_what_was_meant() {
    expect_file!["name_errors.txt"].assert_eq(&errors(&NAMES));
}
