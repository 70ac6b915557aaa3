//! Files and functions stay small enough to be read in one go.

use super::source::{Kind, Repository, Rust, Token, group_end};
use syn::spanned::Spanned;
use syn::visit::Visit;

const MAX_FILE: usize = 400;
const MAX_FUNCTION: usize = 70;

/// A function with a body.
pub(super) struct Function {
    pub(super) name: String,
    /// Of its signature.
    pub(super) line: usize,
    /// From the signature to the closing brace. Attributes and documentation are not counted.
    pub(super) lines: usize,
}

pub(super) fn files(repository: &Repository) -> Vec<String> {
    let mut complaints = Vec::new();
    for (source, _) in repository.rust("").filter(|(source, _)| !super::is_table(&source.path)) {
        let lines = source.text.lines().count();
        if lines > MAX_FILE {
            complaints.push(format!(
                "{} has {lines} lines, {MAX_FILE} are allowed; split it where it does two things",
                source.path
            ));
        }
    }
    complaints
}

pub(super) fn functions(repository: &Repository) -> Vec<String> {
    let mut complaints = Vec::new();
    for (source, rust) in repository.rust("") {
        for Function { name, line, lines } in all(rust) {
            if lines > MAX_FUNCTION {
                complaints.push(format!(
                    "{}:{line} fn {name} has {lines} lines, {MAX_FUNCTION} are allowed",
                    source.path
                ));
            }
        }
    }
    complaints
}

/// Every function of a file that has a body: free, nested, of an impl or a trait, in tests, and in
/// the tokens of a macro.
pub(super) fn all(rust: &Rust) -> Vec<Function> {
    let mut finder = Finder { found: Vec::new() };
    finder.visit_file(&rust.file);
    let mut found = finder.found;
    for (at, token) in rust.tokens.iter().enumerate().filter(|(_, token)| token.is("fn")) {
        // What a macro is given is not a part of the tree.
        if let Some(function) = function_at(&rust.tokens, at)
            && !found.iter().any(|known| known.line == token.line && known.name == function.name)
        {
            found.push(function);
        }
    }
    found
}

struct Finder {
    found: Vec<Function>,
}

impl Finder {
    fn add(&mut self, sig: &syn::Signature, vis: Option<&syn::Visibility>, body: &syn::Block) {
        let start = match vis {
            None | Some(syn::Visibility::Inherited) => sig.span(),
            Some(vis) => vis.span(),
        };
        self.found.push(Function {
            name: sig.ident.to_string(),
            line: start.start().line,
            lines: body.brace_token.span.close().end().line - start.start().line + 1,
        });
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, Some(&item.vis), &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, Some(&item.vis), &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.add(&item.sig, None, body);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

/// The function whose `fn` stands at this token, if it has a name and a body.
fn function_at(tokens: &[Token], at: usize) -> Option<Function> {
    let name = tokens.get(at + 1).filter(|token| token.kind == Kind::Word)?;
    let mut next = at + 2;
    loop {
        let token = tokens.get(next)?;
        match token.kind {
            Kind::Open if token.is("{") => {
                let close = &tokens[group_end(tokens, next) - 1];
                let lines = close.end_line - tokens[at].line + 1;
                return Some(Function { name: name.text.clone(), line: tokens[at].line, lines });
            }
            Kind::Open => next = group_end(tokens, next),
            Kind::Close => return None,
            _ if token.is(";") => return None,
            _ => next += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a file with this text, in which BODY stands for a body of 80 lines.
    fn complaints(text: &str) -> Vec<String> {
        let text = text.replace("BODY", &format!("{{\n{}}}", "    x();\n".repeat(78)));
        let files = vec![("crates/abi/src/x.rs".into(), text)];
        functions(&Repository::new(files).unwrap())
    }

    #[test]
    fn long_functions_are_found_wherever_they_stand() {
        for text in [
            "fn f() BODY",
            "pub(super) const fn f() BODY",
            "pub(in crate::a) async fn f() BODY",
            "impl A { pub fn f() BODY }",
            "trait A { fn f() BODY }",
            "#[cfg(test)] mod a {}\nfn f() BODY",
            "#[cfg(test)] mod tests { #[test] fn f() BODY }",
            "m! { pub(super) fn f() -> [u8; 3] BODY }",
            "macro_rules! m { () => { fn f() BODY } }",
            "unsafe extern \"C\" fn f() BODY",
        ] {
            assert_eq!(complaints(text).len(), 1, "{text}");
        }
        assert_eq!(complaints("fn f() {\nfn g() BODY\n}").len(), 2);
    }

    #[test]
    fn the_length_is_that_of_signature_and_body() {
        let of = |body: usize, before: &str| {
            let text = format!("{before}\npub(super) const fn f(\n) {{\n{}}}", "x;\n".repeat(body));
            complaints(&text)
        };
        assert!(of(67, "").is_empty());
        let expected = "crates/abi/src/x.rs:2 fn f has 71 lines, 70 are allowed";
        assert_eq!(of(68, ""), [expected]);
        // Documentation is not counted, and a function of 89 lines does not pass.
        assert!(of(67, "/// a\n/// b\n#[inline]").is_empty());
        assert_eq!(of(86, "/// a"), ["crates/abi/src/x.rs:2 fn f has 89 lines, 70 are allowed"]);
    }

    #[test]
    fn long_files_are_found() {
        let found = |path: &str, lines: usize| {
            let text = "// x\n".repeat(lines);
            files(&Repository::new(vec![(path.into(), text)]).unwrap()).len()
        };
        assert_eq!(found("crates/abi/src/x.rs", 400), 0);
        assert_eq!(found("crates/abi/src/x.rs", 401), 1);
        assert_eq!(found("crates/abi/src/table/x.rs", 401), 0);
    }
}
