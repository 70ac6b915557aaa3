//! How environments differ.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::environment::Variable;
use crate::pool::Bytes;

/// How an environment differs from another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EnvChanges {
    /// The variables that only this one has, by name.
    pub added: Vec<Variable>,
    /// The variables with another value, by name.
    pub changed: Vec<Variable>,
    /// The variables that only the other one has, by name, with the value that they had.
    pub removed: Vec<Variable>,
}

impl EnvChanges {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// Returns about how many bytes it takes.
    pub(super) fn len(&self) -> usize {
        let all = [&self.added, &self.changed, &self.removed].into_iter().flatten();
        let lengths = all.map(|variable| {
            let texts = variable.name.len().saturating_add(variable.value.len());
            texts.saturating_add(size_of::<Variable>())
        });
        lengths.fold(size_of::<Self>(), usize::saturating_add)
    }

    /// Compares two environments: that of the node above, and that of a node.
    pub(super) fn between((above, own): (&[Bytes], &[Bytes]), show_secrets: bool) -> Self {
        let (above, own) = (by_name(above), by_name(own));
        let variable = |text: &[u8]| Variable::of(text, show_secrets);
        let mut changes = Self::default();
        for (name, texts) in &own {
            match above.get(name) {
                None => changes.added.extend(texts.iter().map(|text| variable(text))),
                Some(before) if before != texts => {
                    changes.changed.extend(texts.iter().map(|text| variable(text)));
                }
                Some(_) => {}
            }
        }
        for (_, texts) in above.iter().filter(|(name, _)| !own.contains_key(*name)) {
            changes.removed.extend(texts.iter().map(|text| variable(text)));
        }
        changes
    }
}

/// The variables of an environment; a name may occur several times.
fn by_name(environment: &[Bytes]) -> BTreeMap<&[u8], Vec<&[u8]>> {
    let mut by_name = BTreeMap::<_, Vec<_>>::new();
    for text in environment {
        let text = text.as_bytes();
        let name = text.split(|byte| *byte == b'=').next().unwrap_or(text);
        by_name.entry(name).or_default().push(text);
    }
    by_name
}
