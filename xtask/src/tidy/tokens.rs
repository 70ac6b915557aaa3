//! Words that only some files may contain.

use super::CRATES;
use super::source::{Kind, Repository, Rust};

/// `unsafe` is for crates/sys, and every other crate forbids it.
pub(super) fn no_unsafe(repository: &Repository) -> Vec<String> {
    let mut complaints = Vec::new();
    for (source, rust) in repository.rust("").filter(|(s, _)| !s.path.starts_with("crates/sys/")) {
        // Tests too: they make system calls through crates/sys.
        for token in rust.tokens.iter().filter(|token| token.is("unsafe")) {
            complaints.push(format!("{}:{}", source.path, token.line));
        }
    }
    for krate in CRATES.iter().filter(|krate| **krate != "sys") {
        let root = ["lib.rs", "main.rs"].map(|file| format!("crates/{krate}/src/{file}"));
        for (source, rust) in repository.rust("").filter(|(s, _)| root.contains(&s.path)) {
            let forbidden = words(rust, &["forbid", "(", "unsafe_code", ")"]).next().is_some();
            if !forbidden {
                complaints.push(format!("{} has no #![forbid(unsafe_code)]", source.path));
            }
        }
    }
    complaints
}

/// Cold metadata is encoded in one place, so that the encoder can be replaced.
pub(super) fn one_bincode(repository: &Repository) -> Vec<String> {
    let mut complaints = Vec::new();
    for (source, rust) in repository.rust("crates/") {
        if source.path != "crates/format/src/meta.rs" {
            let named = rust.tokens.iter().filter(|token| token.is("bincode"));
            complaints.extend(named.map(|token| format!("{}:{}", source.path, token.line)));
        }
    }
    complaints
}

/// Calls are told apart by what the table says of them. crates/sys makes calls of its own, with
/// libc's names.
pub(super) fn no_numbers(repository: &Repository) -> Vec<String> {
    let mut complaints = Vec::new();
    let free = ["crates/abi/", "crates/sys/"];
    for (source, rust) in repository.rust("crates/") {
        if free.iter().any(|folder| source.path.starts_with(folder)) {
            continue;
        }
        for token in rust.tokens.iter().filter(|token| token.kind == Kind::Word) {
            if ["SYS_", "__NR_"].iter().any(|start| token.text.starts_with(start))
                || token.text == "Sysno"
            {
                complaints.push(format!("{}:{} {}", source.path, token.line, token.text));
            }
        }
        // What a glob brings in has names that this rule would have to guess.
        for package in ["libc", "syscalls", "linux_raw_sys"] {
            complaints.extend(
                words(rust, &["use", package])
                    .filter(|at| {
                        let rest = &rust.tokens[*at..];
                        rest.iter().take_while(|t| !t.is(";")).any(|token| token.is("*"))
                    })
                    .map(|at| format!("{}:{} {package}::*", source.path, rust.tokens[at].line)),
            );
        }
    }
    complaints
}

/// Libraries print nothing, except their examples. cli prints through `say`, which survives a
/// failed write.
pub(super) fn no_printing(repository: &Repository) -> Vec<String> {
    let mut complaints = Vec::new();
    for (source, rust) in repository.rust("crates/") {
        let lines = match source.path.as_str() {
            // The screen of `browse` is a terminal that it has to itself.
            "crates/cli/src/say.rs" | "crates/browse/src/terminal.rs" => continue,
            // A build script talks to cargo.
            path if path.contains("/examples/") || path.ends_with("/build.rs") => continue,
            path if path.starts_with("crates/cli/") => print_macros(rust),
            _ => [print_macros(rust), streams(rust)].concat(),
        };
        complaints
            .extend(lines.iter().map(|(line, what)| format!("{}:{line} {what}", source.path)));
    }
    complaints
}

/// Calls of `print!` and its kin.
fn print_macros(rust: &Rust) -> Vec<(usize, String)> {
    const MACROS: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];
    rust.product()
        .filter(|(at, token)| {
            token.kind == Kind::Word
                && MACROS.contains(&token.text.as_str())
                && rust.tokens.get(at + 1).is_some_and(|next| next.is("!"))
        })
        .map(|(_, token)| (token.line, format!("{}!", token.text)))
        .collect()
}

/// Uses of standard output and standard error, other than to ask whether they are a terminal or to
/// duplicate their descriptor (the argument of dup2(2)'s wrappers).
fn streams(rust: &Rust) -> Vec<(usize, String)> {
    let is = |at: usize, text: &str| rust.tokens.get(at).is_some_and(|token| token.is(text));
    rust.product()
        .filter(|(at, token)| {
            (token.is("stdout") || token.is("stderr"))
                && is(at + 1, "(")
                && is(at + 2, ")")
                && !(is(at + 3, ".") && is(at + 4, "is_terminal"))
                && !before(rust, *at).is_some_and(|word| [".", "fn", "dup2"].contains(&word))
        })
        .map(|(_, token)| (token.line, format!("{}()", token.text)))
        .collect()
}

/// What a call is preceded by: `.`, `fn`, or `dup2` where it is the argument of such a function.
fn before(rust: &Rust, call: usize) -> Option<&str> {
    let previous = |token: &&super::source::Token| !token.is(":") && token.kind != Kind::Word;
    match rust.tokens[..call].last()?.text.as_str() {
        text @ ("." | "fn") => Some(text),
        _ => {
            let open = rust.tokens[..call].iter().rposition(|token| previous(&token))?;
            let function = rust.tokens[..open].last()?;
            function.text.starts_with("dup2").then_some("dup2")
        }
    }
}

/// Where these tokens follow one another.
fn words<'a>(rust: &'a Rust, expected: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
    (0..rust.tokens.len()).filter(move |at| {
        let found = &rust.tokens[*at..];
        found.len() >= expected.len()
            && found.iter().zip(expected).all(|(token, text)| token.is(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Repository {
        Repository::new(vec![(path.into(), text.into())]).unwrap()
    }

    #[test]
    fn unsafe_is_found_in_code_alone() {
        let found = |text| no_unsafe(&source("crates/abi/src/x.rs", text)).len();
        assert_eq!(found("fn f() { unsafe { g() } }"), 1);
        assert_eq!(found("unsafe impl Send for A {}\nunsafe fn f() {}"), 2);
        assert_eq!(found("unsafe extern \"C\" { fn f(); }\n#[unsafe(no_mangle)] fn g() {}"), 2);
        assert_eq!(found("m! { unsafe { g() } }"), 1);
        assert_eq!(found("// unsafe\nfn f() { \"unsafe\"; }"), 0);
        assert_eq!(no_unsafe(&source("crates/sys/src/x.rs", "unsafe fn f() {}")).len(), 0);
    }

    #[test]
    fn unsafe_must_be_forbidden() {
        let found = |text| no_unsafe(&source("crates/abi/src/lib.rs", text)).len();
        assert_eq!(found("//! #![forbid(unsafe_code)]"), 1);
        assert_eq!(found("#![forbid(unsafe_code)]"), 0);
    }

    #[test]
    fn bincode_has_one_place() {
        assert_eq!(one_bincode(&source("crates/format/src/lib.rs", "use bincode::x;")).len(), 1);
        assert_eq!(one_bincode(&source("crates/format/src/meta.rs", "use bincode::x;")).len(), 0);
    }

    #[test]
    fn numbers_are_found_however_they_are_named() {
        let found = |text| no_numbers(&source("crates/record/src/x.rs", text)).len();
        assert_eq!(found("const A: i64 = libc::SYS_read;"), 1);
        assert_eq!(found("use libc::{SYS_read as read, c_int};"), 1);
        assert_eq!(found("use linux_raw_sys::general::__NR_read;"), 1);
        assert_eq!(found("use syscalls::x86_64::Sysno as S;"), 1);
        assert_eq!(found("use libc::*;\nfn f() { f(SYS_read) }"), 2);
        assert_eq!(found("use linux_raw_sys::{general::*, errno};"), 1);
        assert_eq!(found("use libc::c_int;\nuse other::*;\nconst A: &str = \"SYS_read\";"), 0);
        assert_eq!(no_numbers(&source("crates/sys/src/x.rs", "use libc::SYS_read;")).len(), 0);
    }

    #[test]
    fn printing_is_found_behind_a_test_module() {
        let found = |path, text| no_printing(&source(path, text)).len();
        let library = "crates/abi/src/x.rs";
        assert_eq!(found(library, "fn f() { println!(); dbg!(1); }"), 2);
        assert_eq!(found(library, "#[cfg(test)] mod t { fn f() { print!() } }"), 0);
        assert_eq!(found(library, "#[cfg(test)] mod t {}\nfn f() { print!(\"\") }"), 1);
        assert_eq!(found(library, "fn f() { writeln!(std::io::stderr(), \"\"); }"), 1);
        assert_eq!(found(library, "fn f() { stdout().lock(); }"), 1);
        assert_eq!(found(library, "fn f() { io::stdout().is_terminal(); c.stdout(); }"), 0);
        assert_eq!(found(library, "fn stdout() { nix::unistd::dup2_stdout(io::stderr()) }"), 0);
        assert_eq!(found("crates/cli/src/x.rs", "fn f() { stderr(); eprintln!() }"), 1);
        assert_eq!(found("crates/cli/src/say.rs", "fn f() { eprintln!() }"), 0);
        assert_eq!(found("crates/cli/build.rs", "fn main() { println!() }"), 0);
        assert_eq!(found("crates/browse/src/terminal.rs", "fn f() { stdout().flush() }"), 0);
        assert_eq!(found("crates/browse/src/run.rs", "fn f() { stdout().flush() }"), 1);
        assert_eq!(found("crates/abi/tests/it/x.rs", "fn f() { eprintln!() }"), 0);
    }

    #[test]
    fn a_file_is_a_test_where_its_module_is() {
        let repository = Repository::new(vec![
            ("crates/abi/src/lib.rs".into(), "mod a; #[cfg(test)] mod b; mod c;".into()),
            ("crates/abi/src/a.rs".into(), "fn f() { print!() }".into()),
            ("crates/abi/src/b.rs".into(), "mod d; fn f() { print!() }".into()),
            ("crates/abi/src/b/d.rs".into(), "fn f() { print!() }".into()),
            ("crates/abi/src/c.rs".into(), "#[cfg(test)] mod e;".into()),
            ("crates/abi/src/c/e.rs".into(), "fn f() { print!() }".into()),
        ]);
        assert_eq!(no_printing(&repository.unwrap()), ["crates/abi/src/a.rs:1 print!"]);
    }
}
