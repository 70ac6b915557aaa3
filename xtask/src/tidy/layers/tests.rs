use super::*;

/// A crate `abi` of these files in its src/.
fn repository(files: &[(&str, &str)]) -> Repository {
    let path = |file: &str| match file.ends_with(".txt") {
        true => EXCEPTIONS.to_owned(),
        false => format!("crates/abi/src/{file}"),
    };
    Repository::new(files.iter().map(|(file, text)| (path(file), (*text).to_owned())).collect())
        .unwrap()
}

/// The imports of a crate of these files, as `from>to`.
fn imports(files: &[(&str, &str)]) -> String {
    let graph = Graph::of(&repository(files), "abi");
    let short = |file: &str| file["crates/abi/src/".len()..].trim_end_matches(".rs").to_owned();
    let edges = graph.files().flat_map(|file| {
        graph.imports(file).map(move |(target, _)| format!("{}>{}", short(file), short(target)))
    });
    edges.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_kind_of_path_is_an_import() {
    let b = ("b.rs", "pub struct B; pub fn f() {} pub mod c { pub struct C; }");
    let import = |a: &str| imports(&[("lib.rs", "mod a; mod b;"), ("a.rs", a), b]);
    for text in [
        "use crate::b::B;",
        "use super::b::{self, f as g};",
        "use crate::{b::{c::C}};",
        "fn g() { crate::b::f() }",
        "fn g(b: super::b::B) {}",
        "use crate::b; fn g() { b::f() }",
        "use crate::b as d; fn g() { d::f() }",
        "use crate::b::*; fn g() { f() }",
        "use crate::b::*; struct D(B);",
        "fn g() { m!(x, crate::b::f) }",
        "mod d { use super::super::b::B; }",
        "impl crate::b::B {}",
        "fn g() { use crate::b::f; f() }",
        "type D = <crate::b::B as Clone>::E;",
    ] {
        assert_eq!(import(text), "a>b", "{text}");
    }
    for text in [
        "mod b { pub struct B; } use b::B;",
        "use other::b::B;",
        "use ::b::B;",
        "use crate::b;",
        "// crate::b::f\nfn g() { \"crate::b::f\"; x.f() }",
        "#[cfg(test)] use crate::b::B;",
        "#[cfg(test)] mod tests { use crate::b::B; }",
        "use crate::b::*; fn g(f: u8) -> u8 { f }",
        "pub(in crate::b) fn g() {}",
    ] {
        assert_eq!(import(text), "", "{text}");
    }
}

#[test]
fn a_parent_that_re_exports_is_not_imported() {
    let files = |parent: &'static str, child: &'static str| {
        imports(&[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", parent),
            ("a/b.rs", child),
            ("a/c.rs", "pub struct C; pub(crate) struct D;"),
        ])
    };
    let parent = "mod b; mod c; pub use c::C;";
    assert_eq!(files(parent, "use super::C;"), "a/b>a/c");
    assert_eq!(files(parent, "use crate::a::C;"), "a/b>a/c");
    let glob = "mod b; mod c; pub use c::*;";
    assert_eq!(files(glob, "use super::{C, D};"), "a/b>a/c");
    assert_eq!(files(glob, "use super::*; struct E(D);"), "a/b>a/c");
    // What the parent defines is its own, and so is what a macro there makes.
    let own = "mod b; mod c; pub use b::B; pub struct P;";
    assert_eq!(files(own, "use super::P; pub struct B;"), "a/b>a/mod");
    let used = "mod b; mod c; pub use b::B; pub struct P(B);";
    assert_eq!(files(used, "use super::P; pub struct B;"), "a/b>a/mod a/mod>a/b");
    assert_eq!(files("mod b; mod c; m!(Q);", "use super::Q;"), "a/b>a/mod");
}

#[test]
fn macros_are_imported_with_and_without_a_path() {
    let files = |a: &'static str| {
        imports(&[
            ("lib.rs", "mod m; mod a;"),
            ("m.rs", "macro_rules! m { () => {} }\npub(crate) use m;"),
            ("a.rs", a),
        ])
    };
    assert_eq!(files("m!();"), "a>m");
    assert_eq!(files("use crate::m::m; m!();"), "a>m");
    assert_eq!(files("fn f(m: bool) -> bool { m != true }"), "");
}

const CIRCLE: [(&str, &str); 4] = [
    ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
    ("a.rs", "use crate::b::B; pub struct A;"),
    ("b.rs", "use crate::c::C; pub struct B;"),
    ("c.rs", "use crate::A; pub struct C;"),
];

#[test]
fn circles_are_found() {
    let complaints = circles(&repository(&CIRCLE));
    assert_eq!(complaints.len(), 3);
    assert!(complaints[0].starts_with("crates/abi/src/a.rs ("), "{complaints:?}");
    let described = describe(&repository(&CIRCLE));
    assert!(described.starts_with("abi: 3 files import one another\n"), "{described}");
    assert!(described.contains("    -> crates/abi/src/b.rs: 1 b::B\n"), "{described}");
}

#[test]
fn exceptions_only_shrink() {
    let all = "# abi\ncrates/abi/src/a.rs\ncrates/abi/src/b.rs\ncrates/abi/src/c.rs\n";
    let with = |text| circles(&repository(&[&CIRCLE[..], &[("circles.txt", text)]].concat()));
    assert_eq!(with(all), [""; 0]);
    let less = with("crates/abi/src/a.rs\ncrates/abi/src/b.rs\n");
    assert!(less[0].starts_with("crates/abi/src/c.rs ("), "{less:?}");
    let more = with(&format!("{all}crates/abi/src/lib.rs\n"));
    assert!(more[0].starts_with("crates/abi/src/lib.rs is in none: remove"), "{more:?}");
    assert_eq!(more.len(), 1);
}

#[test]
fn layers_are_kept() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::A;"),
        ("a.rs", "mod x; use crate::b::B; pub struct A;"),
        ("a/x.rs", "use crate::A;"),
        ("b.rs", "pub struct B;"),
    ];
    let graph = Graph::of(&repository(&files), "abi");
    let found = |layers: &[&[&str]]| check(&graph, "abi", layers);
    assert_eq!(found(&[&["b"], &["a"]]), [""; 0]);
    assert_eq!(found(&[&["a", "b"]]), [""; 0]);
    let wrong = "crates/abi/src/a.rs:1 imports b::B of the higher crates/abi/src/b.rs";
    assert_eq!(found(&[&["a"], &["b"]]), [wrong]);
    assert_eq!(found(&[&["b"]]).len(), 2, "a and a/x are in no layer");
    // A file can be in another layer than its folder's.
    assert_eq!(found(&[&["b"], &["a/x"], &["a"]]).len(), 1);
}
