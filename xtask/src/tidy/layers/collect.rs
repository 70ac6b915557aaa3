//! The modules of a crate: what each defines, imports and names.

use crate::tidy::source::{Kind, Repository, Rust, Token};
use std::collections::{BTreeMap, BTreeSet};
use syn::Item;
use syn::visit::Visit;

/// The index of a module in its crate.
pub(super) type ModuleId = usize;

/// A crate as its modules.
#[derive(Default)]
pub(super) struct Crate {
    /// The root first.
    pub(super) modules: Vec<Module>,
    /// By name, the files with a `macro_rules!` of that name.
    pub(super) macros: BTreeMap<String, String>,
    pub(super) test_files: BTreeSet<String>,
}

/// A module: a file, or a part of one.
pub(super) struct Module {
    pub(super) parent: Option<ModuleId>,
    pub(super) file: String,
    /// Is compiled for tests alone.
    pub(super) test: bool,
    /// By name. A function and a module may share one.
    pub(super) children: BTreeMap<String, ModuleId>,
    pub(super) items: BTreeSet<String>,
    pub(super) imports: Vec<Import>,
    /// Paths in its code other than those of `use`.
    pub(super) paths: Vec<Path>,
}

/// A name that a `use` brings in, or `*`.
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// None for a glob.
    pub(super) name: Option<String>,
    pub(super) line: usize,
    /// Others may use the name from here.
    pub(super) re_export: bool,
}

/// A path in code.
pub(super) struct Path {
    pub(super) segments: Vec<String>,
    pub(super) place: Place,
    /// Surely names an item, not a variable: called, capitalized, or of several segments.
    pub(super) is_item: bool,
    pub(super) is_macro: bool,
}

impl Crate {
    /// Reads a crate from its root file.
    pub(super) fn of(repository: &Repository, root: &str) -> Crate {
        let mut krate = Crate::default();
        krate.add_file(repository, root, None, false);
        krate
    }

    fn add_file(
        &mut self,
        repository: &Repository,
        file: &str,
        parent: Option<ModuleId>,
        test: bool,
    ) -> Option<ModuleId> {
        let rust = repository.sources.iter().find(|source| source.path == file)?.rust.as_ref()?;
        if test {
            self.test_files.insert(file.to_owned());
        }
        let id = self.new_module(file, parent, test);
        let mut collector = Collector {
            krate: self,
            repository,
            module: id,
            folder: folder_of(file),
            test,
            inline: Vec::new(),
            uses: Vec::new(),
        };
        collector.visit_file(&rust.file);
        let (inline, uses) = (collector.inline, collector.uses);
        self.add_tokens(rust, id, &inline, &uses);
        Some(id)
    }

    fn new_module(&mut self, file: &str, parent: Option<ModuleId>, test: bool) -> ModuleId {
        self.modules.push(Module {
            parent,
            file: file.to_owned(),
            test,
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            imports: Vec::new(),
            paths: Vec::new(),
        });
        self.modules.len() - 1
    }

    /// Adds the paths and the macros' definitions that the tokens hold. What stands in
    /// an inline module belongs to that.
    fn add_tokens(
        &mut self,
        rust: &Rust,
        file: ModuleId,
        inline: &[(Range, ModuleId)],
        uses: &[Range],
    ) {
        for path in paths(&rust.tokens) {
            if uses.iter().any(|range| range.contains(&path.place)) {
                continue;
            }
            let innermost = inline.iter().rfind(|(range, _)| range.contains(&path.place));
            let module = innermost.map_or(file, |(_, module)| *module);
            self.modules[module].paths.push(path);
        }
    }
}

/// Line and column.
type Place = (usize, usize);
type Range = std::ops::RangeInclusive<Place>;

fn range(start: proc_macro2::Span, end: proc_macro2::Span) -> Range {
    let (start, end) = (start.start(), end.end());
    (start.line, start.column)..=(end.line, end.column)
}

/// Walks the items of one file.
struct Collector<'a> {
    krate: &'a mut Crate,
    repository: &'a Repository,
    module: ModuleId,
    /// Where the files of child modules are.
    folder: String,
    /// In a module for tests alone.
    test: bool,
    /// Outer ones first.
    inline: Vec<(Range, ModuleId)>,
    uses: Vec<Range>,
}

impl Collector<'_> {
    fn define(&mut self, name: &syn::Ident) {
        self.krate.modules[self.module].items.insert(name.to_string());
    }

    fn module(&mut self, item: &syn::ItemMod) {
        let name = item.ident.to_string();
        let test = self.test || is_test(&item.attrs);
        let below = format!("{}/{name}", self.folder);
        if let Some((brace, items)) = &item.content {
            let file = self.krate.modules[self.module].file.clone();
            let id = self.krate.new_module(&file, Some(self.module), test);
            self.inline.push((range(item.mod_token.span, brace.span.close()), id));
            let outer = (self.module, std::mem::replace(&mut self.folder, below), self.test);
            (self.module, self.test) = (id, test);
            items.iter().for_each(|item| self.visit_item(item));
            (self.module, self.folder, self.test) = outer;
            if !test {
                self.krate.modules[self.module].children.insert(name, id);
            }
            return;
        }
        for file in [format!("{below}.rs"), format!("{below}/mod.rs")] {
            let id = self.krate.add_file(self.repository, &file, Some(self.module), test);
            if let Some(id) = id
                && !test
            {
                self.krate.modules[self.module].children.insert(name.clone(), id);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if let Item::Mod(item) = item {
            return self.module(item);
        }
        if is_test(attributes(item)) {
            return;
        }
        match item {
            Item::Const(item) => self.define(&item.ident),
            Item::Enum(item) => self.define(&item.ident),
            Item::Fn(item) => self.define(&item.sig.ident),
            Item::Static(item) => self.define(&item.ident),
            Item::Struct(item) => self.define(&item.ident),
            Item::Trait(item) => self.define(&item.ident),
            Item::Type(item) => self.define(&item.ident),
            Item::Union(item) => self.define(&item.ident),
            Item::Macro(item) => self.macro_item(item),
            _ => {}
        }
        syn::visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if is_test(&item.attrs) {
            return;
        }
        self.uses.push(range(item.use_token.span, item.semi_token.span));
        // A leading `::` names another crate.
        if item.leading_colon.is_none() {
            let mut imports = Vec::new();
            leaves(&item.tree, &mut Vec::new(), &mut imports);
            let re_export = !matches!(item.vis, syn::Visibility::Inherited);
            imports.iter_mut().for_each(|import| import.re_export = re_export);
            self.krate.modules[self.module].imports.extend(imports);
        }
    }
}

impl Collector<'_> {
    /// A macro's definition, or a call, which may define items in its tokens.
    fn macro_item(&mut self, item: &syn::ItemMacro) {
        if let Some(name) = &item.ident {
            let file = self.krate.modules[self.module].file.clone();
            self.krate.macros.insert(name.to_string(), file);
            self.define(name);
            return;
        }
        let tokens: Vec<_> = item.mac.tokens.clone().into_iter().collect();
        for pair in tokens.windows(2) {
            if let [proc_macro2::TokenTree::Ident(keyword), proc_macro2::TokenTree::Ident(name)] =
                pair
                && ["struct", "enum", "fn", "const", "static", "type", "trait"]
                    .contains(&keyword.to_string().as_str())
            {
                self.define(name);
            }
        }
    }
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]` or `#[cfg(all(test, ..))]` is among the attributes.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let condition = list.tokens.to_string().replace(' ', "");
        let all = condition.strip_prefix("all(").and_then(|rest| rest.strip_suffix(')'));
        list.path.is_ident("cfg")
            && (condition == "test"
                || all.is_some_and(|rest| rest.split(',').any(|part| part == "test")))
    })
}

/// The names that a `use` brings in.
fn leaves(tree: &syn::UseTree, prefix: &mut Vec<String>, into: &mut Vec<Import>) {
    use syn::UseTree::{Glob, Group, Name, Path, Rename};
    let mut leaf = |prefix: &[String], ident: &syn::Ident, name: &syn::Ident| {
        let mut path = prefix.to_vec();
        let mut name = name.to_string();
        // `use a::{self}` brings in `a`.
        match ident == "self" && !path.is_empty() {
            true if name == "self" => name = path[path.len() - 1].clone(),
            true => {}
            false => path.push(ident.to_string()),
        }
        let line = ident.span().start().line;
        into.push(Import { path, name: Some(name), line, re_export: false });
    };
    match tree {
        Path(path) => {
            prefix.push(path.ident.to_string());
            leaves(&path.tree, prefix, into);
            prefix.pop();
        }
        Name(name) => leaf(prefix, &name.ident, &name.ident),
        Rename(rename) => leaf(prefix, &rename.ident, &rename.rename),
        Glob(glob) => {
            let line = glob.star_token.spans[0].start().line;
            into.push(Import { path: prefix.clone(), name: None, line, re_export: false });
        }
        Group(group) => group.items.iter().for_each(|tree| leaves(tree, prefix, into)),
    }
}

/// The paths in code, test code left out: words joined by `::` that do not follow a `.`, a `::`
/// or a `'`.
fn paths(tokens: &[Token]) -> Vec<Path> {
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.is(text));
    let separator = |at: usize| is(at, ":") && is(at + 1, ":");
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let start = at;
        if tokens[at].kind != Kind::Word || tokens[at].test {
            at += 1;
            continue;
        }
        let mut segments = vec![tokens[at].text.clone()];
        at += 1;
        while separator(at) && tokens.get(at + 2).is_some_and(|next| next.kind == Kind::Word) {
            segments.push(tokens[at + 2].text.clone());
            at += 3;
        }
        let before = |back: usize, text: &str| start >= back && is(start - back, text);
        let field = before(1, ".") && !before(2, ".");
        let qualified = before(1, ":") && before(2, ":");
        if field || qualified || before(1, "'") || before(1, "fn") {
            continue;
        }
        let is_macro = is(at, "!") && !is(at + 1, "=");
        let capital = segments[0].starts_with(char::is_uppercase);
        let is_item = segments.len() > 1 || capital || is_macro || is(at, "(") || separator(at);
        let place = (tokens[start].line, tokens[start].column);
        paths.push(Path { segments, place, is_item, is_macro });
    }
    paths
}

/// Where the modules that a file declares have theirs.
fn folder_of(file: &str) -> String {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => file.trim_end_matches(".rs").to_owned(),
    }
}
