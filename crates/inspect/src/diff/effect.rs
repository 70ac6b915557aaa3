//! Effects: what a program did to the system, one line each. Gates and baselines compare sets of
//! effects.
//!
//! `cc1 read $WS/q.h ok`: role, operation, resource, result. Only the resource may contain spaces,
//! in pairs of names, `OLD -> NEW`, and in addresses, `tcp 127.0.0.1:80`, so a line can be parsed
//! again.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

pub use super::op::Op;

use super::resource::Resource;

/// An effect. Two effects with the same line are the same effect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Effect {
    /// The program: the name of the last executed file.
    pub role: String,
    /// The operation.
    pub op: Op,
    /// What it was done to; `-` for nothing.
    pub resource: Resource,
    /// `ok` or the name of the error; for `exit`, the status or signal.
    pub result: String,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.role, self.op, self.resource, self.result)
    }
}

impl FromStr for Effect {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let parts = || {
            let (role, rest) = line.split_once(' ')?;
            let (op, rest) = rest.split_once(' ')?;
            let (resource, result) = rest.rsplit_once(' ')?;
            let op = *Op::ALL.iter().find(|known| known.name() == op)?;
            let whole = !role.is_empty() && !resource.is_empty() && !result.is_empty();
            let resource = Resource::parse(op, resource);
            let (role, result) = (role.into(), result.into());
            whole.then_some(Effect { role, op, resource, result })
        };
        parts().ok_or_else(|| {
            format!("`{line}` is not an effect: expected ROLE OPERATION RESOURCE RESULT")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_effects_parse_back() {
        for line in [
            "cc1 read $WS/q.h ok",
            "cc1 stat $WS/q.h.gch ENOENT",
            "mv rename $WS/a -> $WS/b\\x20c ok",
            "curl connect tcp 127.0.0.1:80 ECONNREFUSED",
            "db durability $WS/a -> $WS/b durable,directory ok",
            "sh exit - 3",
        ] {
            assert_eq!(line.parse::<Effect>().unwrap().to_string(), line);
        }
        for line in ["", "a", "a read", "a read b", "a frobs b ok", " read b ok", "a read  "] {
            assert!(line.parse::<Effect>().is_err(), "{line}");
        }
    }
}
