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
    ("cli", &["format", "abi", "sys", "record", "replay", "inspect"]),
];

/// Packages for the command line alone.
const CLI_ONLY: &[&str] = &["clap", "anyhow", "indicatif"];

pub(super) fn dependencies(repository: &Repository) -> Vec<String> {
    let mut complaints = Vec::new();
    for (krate, allowed) in MAY_USE {
        let path = format!("crates/{krate}/Cargo.toml");
        let Some(manifest) = repository.sources.iter().find(|source| source.path == path) else {
            continue;
        };
        let normal = manifest.text.split("[dev-dependencies]").next().unwrap_or("");
        for line in normal.lines() {
            let package = line.split(['.', ' ', '=']).next().unwrap_or("");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_follow_the_arrows() {
        let found = |text: &str| {
            let files = vec![("crates/inspect/Cargo.toml".into(), text.into())];
            dependencies(&Repository::new(files).unwrap()).len()
        };
        assert_eq!(found("sysreel-sys.workspace = true\nclap = \"4\""), 2);
        assert_eq!(found("sysreel-abi.workspace = true"), 0);
        assert_eq!(found("[dev-dependencies]\nsysreel-sys.workspace = true"), 0);
    }
}
