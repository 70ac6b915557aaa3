//! The classes of calls as text.

use sysreel_inspect::abi::desc::Classes;

/// Lists of classes with commas, such as `file,desc`. Each is written once: calls have a few dozen
/// different ones.
#[derive(Debug, Default)]
pub(crate) struct ClassLists(Vec<(Classes, String)>);

impl ClassLists {
    /// Returns the names of classes with commas between them.
    pub(crate) fn of(&mut self, classes: Classes) -> &str {
        let known = self.0.iter().position(|(known, _)| *known == classes);
        let at = known.unwrap_or_else(|| {
            self.0.push((classes, classes.names().collect::<Vec<_>>().join(",")));
            self.0.len() - 1
        });
        self.0.get(at).map_or("", |(_, list)| list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_has_its_own_classes() {
        let both = Classes(Classes::FILE.0 | Classes::DESC.0);
        let mut lists = ClassLists::default();
        for _ in 0..2 {
            assert_eq!(lists.of(both), "file,desc");
            assert_eq!(lists.of(Classes::FILE), "file");
            assert_eq!(lists.of(Classes::NONE), "");
        }
        assert_eq!(lists.0.len(), 3);
    }
}
