//! The environment with which a program began.

use super::item::Exec;

/// The longest environment that is returned, in bytes: that of the kernel (execve(2)).
const LONGEST: usize = 6 << 20;

/// The environment of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// The variables, `NAME=VALUE` each.
    pub variables: Vec<Vec<u8>>,
    /// The positions of those that are cut, because the recorder kept only the beginning.
    pub cut: Vec<usize>,
}

impl Environment {
    /// Returns the value of a variable, the first one of that name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.variables.iter().find_map(|text| text.strip_prefix(name)?.strip_prefix(b"="))
    }

    /// Whether a variable that is cut is the one of this name, or may be.
    #[must_use]
    pub fn is_cut(&self, name: &[u8]) -> bool {
        let cut = self.cut.iter().filter_map(|at| self.variables.get(*at));
        cut.into_iter().any(|text| match text.strip_prefix(name) {
            Some(rest) => rest.is_empty() || rest.starts_with(b"="),
            None => name.starts_with(text),
        })
    }
}

impl Exec<'_> {
    /// Returns the environment that the program got; `None` if it is not in the log: the recorder
    /// attached later, or captured no memory.
    #[must_use]
    pub fn environment(&self) -> Option<Environment> {
        if let Some(variables) = &self.found.environ {
            return Some(Environment { variables: variables.clone(), cut: Vec::new() });
        }
        let call = self.call()?;
        let row = call.row()?;
        let at = row.args.iter().position(|arg| arg.name == "envp")?;
        let mut found = Environment::default();
        let (mut is_known, mut left) = (false, LONGEST);
        for region in call.regions().filter(|region| region.arg() == Some(at)) {
            is_known = true;
            if region.depth() == 0 {
                continue;
            }
            let bytes = region.first(left)?;
            left = left.saturating_sub(bytes.len());
            let end = bytes.iter().position(|byte| *byte == 0);
            found.cut.extend(end.is_none().then_some(found.variables.len()));
            found.variables.push(bytes.get(..end.unwrap_or(bytes.len()))?.to_vec());
        }
        // The list itself is in the log, if memory is.
        let is_null = call.args().raw(at) == Some(0);
        (is_known || is_null).then_some(found)
    }
}
