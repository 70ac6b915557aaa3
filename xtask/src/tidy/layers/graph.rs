//! Which file of a crate imports from which, and the circles in that.

use super::collect::Crate;
use crate::tidy::source::Repository;
use std::collections::{BTreeMap, BTreeSet};

/// Lines, and what is imported there.
type Places = Vec<(usize, String)>;

/// The imports between the files of a crate.
pub(super) struct Graph {
    imports: BTreeMap<String, BTreeMap<String, Places>>,
}

impl Graph {
    /// Reads the sources of a crate in crates/.
    pub(super) fn of(repository: &Repository, krate: &str) -> Graph {
        let roots = ["lib.rs", "main.rs"].map(|file| format!("crates/{krate}/src/{file}"));
        let root = roots.iter().find(|root| repository.sources.iter().any(|s| s.path == **root));
        let mut imports: BTreeMap<String, BTreeMap<String, Places>> = BTreeMap::new();
        let Some(root) = root else { return Graph { imports } };
        let krate = Crate::of(repository, root);
        for (id, module) in krate.modules.iter().enumerate().filter(|(_, module)| !module.test) {
            let from = imports.entry(module.file.clone()).or_default();
            let mut add = |targets: BTreeSet<String>, line: usize, what: String| {
                for target in targets.into_iter().filter(|target| *target != module.file) {
                    let places = from.entry(target).or_default();
                    if places.iter().all(|(_, known)| *known != what) {
                        places.push((line, what.clone()));
                    }
                }
            };
            // A re-export counts as an import where it is used.
            for import in module.imports.iter().filter(|import| !import.re_export) {
                add(krate.definers(id, &import.path), import.line, shown(&import.path));
            }
            for path in &module.paths {
                add(krate.path_definers(id, path), path.place.0, shown(&path.segments));
            }
        }
        Graph { imports }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.imports.keys().map(String::as_str)
    }

    /// The files that a file imports from, with the places.
    pub(super) fn imports(&self, file: &str) -> impl Iterator<Item = (&String, &Places)> {
        self.imports.get(file).into_iter().flatten()
    }

    /// The sets of files that import one another, over others or not.
    pub(super) fn circles(&self) -> Vec<BTreeSet<String>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.files().map(|file| (file, self.reached(file))).collect();
        let mut circles: Vec<BTreeSet<String>> = Vec::new();
        for file in self.files() {
            if !reached[file].contains(file) || circles.iter().any(|known| known.contains(file)) {
                continue;
            }
            let circle = reached[file].iter().filter(|other| reached[**other].contains(file));
            circles.push(circle.map(|file| (*file).to_owned()).collect());
        }
        circles
    }

    /// The files that a file imports from, directly or not.
    fn reached(&self, file: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = self.imports(file).map(|(target, _)| target.as_str()).collect();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(self.imports(next).map(|(target, _)| target.as_str()));
            }
        }
        found
    }
}

/// A path as it is shown, without what only says where the name is from.
fn shown(path: &[String]) -> String {
    let named: Vec<&str> = path
        .iter()
        .map(String::as_str)
        .filter(|segment| !["crate", "self", "super"].contains(segment))
        .collect();
    named[named.len().saturating_sub(2)..].join("::")
}
