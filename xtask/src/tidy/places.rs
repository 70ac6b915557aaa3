//! No paths of somebody's machine, no hosts of registries.

use super::source::Repository;

pub(super) fn places(repository: &Repository) -> Vec<String> {
    // Split, so that the rule does not match its own source.
    let marks = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("index.", "crates.io"),
        concat!("static.", "crates.io"),
    ];
    let mut complaints = Vec::new();
    for source in &repository.sources {
        if source.path.ends_with("Cargo.lock") || source.path.starts_with("fixtures/logs/") {
            continue;
        }
        for (number, line) in (1..).zip(source.text.lines()) {
            // The user of recorded examples.
            let line = line.replace(concat!("/ho", "me/demo"), "");
            for mark in marks.iter().filter(|mark| line.contains(**mark)) {
                complaints.push(format!("{}:{number} has {mark}", source.path));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found() {
        let text = concat!("see /ho", "me/me/x").to_owned();
        let found =
            |path: &str| places(&Repository::new(vec![(path.into(), text.clone())]).unwrap()).len();
        assert_eq!(found("README.md"), 1);
        assert_eq!(found("Cargo.lock"), 0);
    }
}
