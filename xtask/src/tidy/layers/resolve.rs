//! From a path to what it names.

use super::collect::{Crate, ModuleId, Path};
use std::collections::BTreeSet;

/// What a path names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Entity {
    Module(ModuleId),
    /// An item, by the file that defines it.
    Item(String),
}

/// Names under lookup, so that imports in a circle end.
type Seen = BTreeSet<(ModuleId, String)>;

impl Crate {
    /// The files of this crate that define what a path names.
    pub(super) fn definers(&self, module: ModuleId, path: &[String]) -> BTreeSet<String> {
        files(self.resolve(module, path, &mut Seen::new()))
    }

    /// The same for a path in code, whose only segment may be a variable.
    pub(super) fn path_definers(&self, module: ModuleId, path: &Path) -> BTreeSet<String> {
        let mut found = self.resolve(module, &path.segments, &mut Seen::new());
        if !path.is_item {
            // A variable may be called as something is that a glob brings in.
            let name = &path.segments[0];
            let explicit = self.modules[module].items.contains(name)
                || self.modules[module].imports.iter().any(|i| i.name.as_ref() == Some(name));
            if !explicit {
                found.clear();
            }
        }
        if found.is_empty() && path.is_macro && path.segments.len() == 1 {
            found.extend(self.macros.get(&path.segments[0]).cloned().map(Entity::Item));
        }
        files(found)
    }

    fn resolve(&self, module: ModuleId, path: &[String], seen: &mut Seen) -> BTreeSet<Entity> {
        let Some((first, mut rest)) = path.split_first() else { return BTreeSet::new() };
        let mut found = match first.as_str() {
            "crate" => BTreeSet::from([Entity::Module(0)]),
            "self" => BTreeSet::from([Entity::Module(module)]),
            "super" => {
                let mut at = self.modules[module].parent;
                while let [next, others @ ..] = rest
                    && next == "super"
                {
                    at = at.and_then(|at| self.modules[at].parent);
                    rest = others;
                }
                at.into_iter().map(Entity::Module).collect()
            }
            name => self.lookup(module, name, seen),
        };
        for name in rest {
            let mut next = BTreeSet::new();
            // A function may have the name of a module, but a path cannot continue into a function.
            if found.iter().any(|entity| matches!(entity, Entity::Module(_))) {
                found.retain(|entity| matches!(entity, Entity::Module(_)));
            }
            for entity in found {
                match entity {
                    Entity::Module(id) => {
                        let inner = self.lookup(id, name, seen);
                        // Made by a macro, most likely.
                        if inner.is_empty() {
                            next.insert(Entity::Item(self.modules[id].file.clone()));
                        }
                        next.extend(inner);
                    }
                    // A variant or an associated item.
                    item @ Entity::Item(_) => drop(next.insert(item)),
                }
            }
            found = next;
        }
        found
    }

    /// What a name means in a module: a child, an item, an import, or what a glob brings in.
    fn lookup(&self, module: ModuleId, name: &str, seen: &mut Seen) -> BTreeSet<Entity> {
        if !seen.insert((module, name.to_owned())) {
            return BTreeSet::new();
        }
        let here = &self.modules[module];
        let mut found = BTreeSet::new();
        found.extend(here.children.get(name).copied().map(Entity::Module));
        if here.items.contains(name) {
            found.insert(Entity::Item(here.file.clone()));
        }
        for import in here.imports.iter().filter(|import| import.name.as_deref() == Some(name)) {
            found.extend(self.resolve(module, &import.path, seen));
        }
        if found.is_empty() {
            for glob in here.imports.iter().filter(|import| import.name.is_none()) {
                for entity in self.resolve(module, &glob.path, &mut seen.clone()) {
                    if let Entity::Module(id) = entity {
                        found.extend(self.lookup(id, name, seen));
                    }
                }
            }
        }
        seen.remove(&(module, name.to_owned()));
        found
    }
}

/// A module that is only named is not imported: what is used of it is.
fn files(entities: BTreeSet<Entity>) -> BTreeSet<String> {
    entities
        .into_iter()
        .filter_map(|entity| match entity {
            Entity::Item(file) => Some(file),
            Entity::Module(_) => None,
        })
        .collect()
}
