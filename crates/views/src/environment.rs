//! Environments of programs, from the call that executed them.

use serde::{Serialize, Serializer};
use sysreel_inspect::calls::Exec;
use sysreel_inspect::diff::mask::variable::masked_variable;
use sysreel_inspect::visible::visible_bytes;

use crate::pool::{BytesList, Pool};

/// An environment.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    /// The variables, `NAME=VALUE` each.
    pub(crate) variables: BytesList,
    /// How many of them are cut, because the recorder kept only the beginning.
    pub(crate) cut: u64,
}

/// Returns the environment that a program got; `None` if it is not in the log, or has no room.
pub(crate) fn of_program(exec: &Exec<'_>, pool: &mut Pool) -> Option<Environment> {
    let found = exec.environment()?;
    Some(Environment { variables: pool.keep_all(&found.variables)?, cut: found.cut.len() as u64 })
}

/// A variable of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Variable {
    /// Its name, as visible text.
    pub name: String,
    /// Its value, as visible text; `***` and four digits for a secret.
    pub value: String,
}

impl Variable {
    /// Returns the variable of a text, `NAME=VALUE`. The value of a secret is masked, unless
    /// secrets are shown.
    pub(crate) fn of(text: &[u8], show_secrets: bool) -> Self {
        let text = visible_bytes(text);
        let text = if show_secrets { text.into() } else { masked_variable(&text) };
        match text.split_once('=') {
            Some((name, value)) => Self { name: name.to_owned(), value: value.to_owned() },
            // A text without the sign is no variable, but programs see it.
            None => Self { name: text.into_owned(), value: String::new() },
        }
    }
}

/// The variables of an environment, in its order.
#[derive(Clone, Debug)]
pub struct Variables {
    pub(crate) texts: BytesList,
    pub(crate) show_secrets: bool,
}

impl Variables {
    /// Iterates over the variables.
    pub fn iter(&self) -> impl Iterator<Item = Variable> {
        self.texts.as_slice().iter().map(|text| Variable::of(text.as_bytes(), self.show_secrets))
    }
}

impl Serialize for Variables {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}
