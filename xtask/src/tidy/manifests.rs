//! Which packages a crate may use.

use super::source::Repository;

/// Which of our crates each crate may use: the arrows of ARCHITECTURE.md.
const MAY_USE: &[(&str, &[&str])] = &[
    ("format", &[]),
    ("abi", &[]),
    ("sys", &["format"]),
    ("record", &["format", "abi", "sys"]),
    ("replay", &["format", "abi", "sys"]),
    ("inspect", &["format", "abi"]),
    ("views", &["inspect"]),
    ("export", &["inspect", "views"]),
    ("report", &["inspect", "views"]),
    ("browse", &["inspect", "views"]),
    (
        "cli",
        &[
            "format", "abi", "sys", "record", "replay", "inspect", "views", "export", "report",
            "browse",
        ],
    ),
];

/// Packages for the command line alone.
const CLI_ONLY: &[&str] = &["clap", "clap_complete", "clap_mangen", "anyhow", "indicatif"];

pub(super) fn dependencies(repository: &Repository) -> Vec<String> {
    let mut complaints = Vec::new();
    for (krate, allowed) in MAY_USE {
        let path = format!("crates/{krate}/Cargo.toml");
        let Some(manifest) = repository.sources.iter().find(|source| source.path == path) else {
            continue;
        };
        let parsed: toml::Table = match manifest.text.parse() {
            Ok(table) => table,
            Err(error) => {
                complaints.push(format!("{path}: {error}"));
                continue;
            }
        };
        for package in packages(&parsed) {
            if let Some(ours) = package.strip_prefix("sysreel-")
                && !allowed.contains(&ours)
            {
                complaints.push(format!("{path} uses {package}"));
            }
            if *krate != "cli" && CLI_ONLY.contains(&package) {
                complaints.push(format!("{path} uses {package}, which is for the command line"));
            }
        }
    }
    complaints
}

/// Returns the dependencies of a manifest, for all targets, but not those of its tests.
fn packages(manifest: &toml::Table) -> Vec<&str> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(toml::Table::values);
    std::iter::once(manifest)
        .chain(targets.filter_map(toml::Value::as_table))
        .flat_map(|table| ["dependencies", "build-dependencies"].map(|kind| table.get(kind)))
        .flatten()
        .filter_map(toml::Value::as_table)
        .flat_map(toml::Table::keys)
        .map(String::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_follow_the_arrows() {
        let found = |text: &str| {
            let files = vec![("crates/inspect/Cargo.toml".into(), text.into())];
            dependencies(&Repository::new(files).unwrap()).len()
        };
        assert_eq!(found("[dependencies]\nsysreel-sys.workspace = true\nclap = \"4\""), 2);
        assert_eq!(found("[dependencies.clap]\nversion = \"4\""), 1);
        let target = "[dev-dependencies]\na = \"1\"\n[target.'cfg(unix)'.build-dependencies]\n";
        assert_eq!(found(&format!("{target}sysreel-sys = \"1\"")), 1);
        assert_eq!(found("[dependencies]\nsysreel-abi.workspace = true"), 0);
        assert_eq!(found("[dev-dependencies]\nsysreel-sys.workspace = true"), 0);
    }
}
