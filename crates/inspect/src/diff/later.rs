//! Files that others run or trust later.

use super::resource::Name;

/// Parts of paths: what is below is run or trusted.
const DIRECTORIES: [&str; 20] = [
    "/.git/hooks/",
    "/.husky/",
    "/.github/workflows/",
    "/.github/actions/",
    "/.circleci/",
    "/.devcontainer/",
    "/.config/systemd/",
    "/.config/autostart/",
    "/.config/fish/",
    "/.bashrc.d/",
    "/etc/cron",
    "/var/spool/cron",
    "/etc/profile.d/",
    "/etc/init.d/",
    "/etc/systemd/system/",
    "/etc/ld.so.conf",
    "/etc/pam.d/",
    "/etc/sudoers",
    "/etc/udev/rules.d/",
    "/etc/apt/apt.conf.d/",
];

/// Ends of paths.
const FILES: [&str; 29] = [
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".login",
    ".cshrc",
    ".xinitrc",
    ".xprofile",
    ".xsessionrc",
    ".envrc",
    ".gitconfig",
    ".config/git/config",
    ".gitlab-ci.yml",
    ".travis.yml",
    "Jenkinsfile",
    ".pre-commit-config.yaml",
    ".vscode/tasks.json",
    ".vscode/launch.json",
    ".ssh/rc",
    ".ssh/config",
    "authorized_keys",
    "etc/profile",
    "ld.so.preload",
];

/// Whether a file that is written or renamed to this name is run or trusted later: hooks, start
/// files of shells and sessions, what build servers and editors run, cron, keys that let others in.
pub(super) fn is_used_later(name: &Name) -> bool {
    let path = name.file().unwrap_or_default();
    let is_file = |end: &&str| {
        path.strip_suffix(*end).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    // Git makes samples of hooks, which it does not run.
    let is_sample = path.ends_with(".sample");
    FILES.iter().any(is_file)
        || !is_sample && DIRECTORIES.iter().any(|directory| path.contains(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_run_later_are_known_by_their_place() {
        for later in [
            "$WS/.git/hooks/pre-commit",
            "$HOME/.bashrc",
            "$WS/.ssh/authorized_keys",
            "/etc/cron.d/x",
            "$WS/.envrc",
            "$WS/.github/workflows/x.yml",
            "$WS/.vscode/tasks.json",
            "$HOME/.ssh/rc",
            "$HOME/.config/git/config",
        ] {
            assert!(is_used_later(&Name::parse(later)), "{later}");
        }
        for other in ["$WS/hooks/x", "$WS/bashrc", "/etc/x", "$WS/.git/hooks/x.sample", "$WS/x/rc"]
        {
            assert!(!is_used_later(&Name::parse(other)), "{other}");
        }
    }
}
