//! Names that are like a word that is none.

/// Returns the names that are like a text, the most similar first.
pub(crate) fn similar(text: &str, names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    /// How many are named at most.
    const MOST: usize = 3;
    let distance = |name: &str| {
        // A part of the name is as near as one wrong letter.
        let part = !text.is_empty() && (name.contains(text) || text.contains(name));
        if part { 1 } else { edits(text, name) }
    };
    let mut near: Vec<(usize, &str)> = names
        .map(|name| (distance(name), name))
        .filter(|(edits, name)| *edits <= name.len() / 3)
        .collect();
    near.sort_by_key(|(edits, _)| *edits);
    near.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// Returns how many letters must be inserted, removed or replaced to turn one text into the other.
fn edits(one: &str, other: &str) -> usize {
    /// Longer texts are like no name.
    const LONGEST: usize = 64;
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for c in one.chars().take(LONGEST) {
        let mut before = row[0];
        row[0] += 1;
        for (at, d) in other.iter().enumerate() {
            let replaced = before + usize::from(c != *d);
            before = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(before + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_named() {
        let names = ["fs.read.new", "fs.read.gone", "fs.write.new", "exec.argv", "privilege"];
        for (text, wanted) in [
            ("fs.write", &["fs.write.new"][..]),
            ("fs.raed.new", &["fs.read.new"]),
            ("exec.argvs", &["exec.argv"]),
            ("privileg", &["privilege"]),
            ("frobnicate-the-moon", &[]),
            ("", &[]),
        ] {
            let found = similar(text, names.into_iter());
            assert_eq!(found.first(), wanted.first(), "{text}: {found:?}");
            assert!(found.len() <= 3, "{text}: {found:?}");
        }
        assert_eq!([edits("", "abc"), edits("abc", "abc"), edits("kitten", "sitting")], [3, 0, 3]);
    }
}
