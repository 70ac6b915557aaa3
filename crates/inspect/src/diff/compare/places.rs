//! Which names are the program's own, secret, or of this machine.

use crate::diff::resource::{Kind, Name};

/// The directories in which a program may do as it likes.
const OWN: [&str; 2] = ["WS", "TMP"];

/// Whether a canonical name is in one of the program's own directories, or is not the name of a
/// file. `$WS/..` is above `$WS`, and `$WSX` is another root.
pub(super) fn is_own(name: &Name) -> bool {
    match name.kind() {
        Kind::Descriptor | Kind::Process { .. } => true,
        _ => name.root().is_some_and(|root| OWN.contains(&root)),
    }
}

/// Whether a file is in a directory for temporary files, in which everyone may create some.
pub(super) fn is_of_passing(name: &Name) -> bool {
    const DIRECTORIES: [&str; 3] = ["/tmp/", "/var/tmp/", "/dev/shm/"];
    let path = name.path().unwrap_or_default();
    name.root() == Some("TMP") || DIRECTORIES.iter().any(|directory| path.starts_with(directory))
}

/// Whether a file belongs to the system, so that what is loaded from it is installed.
pub(super) fn is_of_system(name: &Name) -> bool {
    const DIRECTORIES: [&str; 7] =
        ["/usr/", "/lib/", "/lib64/", "/lib32/", "/opt/", "/nix/", "/snap/"];
    let path = name.file().unwrap_or_default();
    DIRECTORIES.iter().any(|directory| path.starts_with(directory))
}

/// Whether a name belongs to a process that is not in the log.
pub(super) fn is_of_other_process(name: &Name) -> bool {
    let path = name.file().unwrap_or_default();
    path.starts_with("/proc/") && path.split('/').any(|part| part == "<other>")
}

/// Whether it is a file that the allocator of glibc reads when the heap of a thread first shrinks
/// or when threads need many heaps, which depends on the scheduler.
pub(super) fn is_of_allocator(name: &Name) -> bool {
    const FILES: [&str; 2] = ["/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu/online"];
    name.file().is_some_and(|path| FILES.contains(&path))
}

/// Whether a name is that of a folder over which a store spreads its files.
pub(super) fn is_spread(name: &Name) -> bool {
    name.file().is_some_and(|path| path.ends_with("/<hex>"))
}

/// Whether a name is one in such a folder.
pub(super) fn is_in_spread(name: &Name) -> bool {
    is_spread(name) || name.file().is_some_and(|path| path.contains("/<hex>/"))
}

/// Whether a network address is one of the loopback interface.
pub(super) fn is_loopback(name: &Name) -> bool {
    name.ip().is_some_and(|ip| ip.is_loopback())
}

/// Whether a network address is `0.0.0.0` or `[::]`, by which a connection reaches this machine.
pub(super) fn is_this_machine(name: &Name) -> bool {
    name.ip().is_some_and(|ip| ip.is_unspecified())
}

/// Directories whose files are secrets by custom.
const SECRET_DIRECTORIES: [&str; 13] = [
    "private",
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".config/gcloud",
    ".config/op",
    ".config/sops/age",
    ".password-store",
    ".local/share/keyrings",
    ".mozilla/firefox",
    "etc/sudoers.d",
];

/// Files that are secrets by custom, by the end of their path.
const SECRET_FILES: [&str; 27] = [
    ".netrc",
    ".git-credentials",
    ".config/git/credentials",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".npmrc",
    ".yarnrc.yml",
    ".docker/config.json",
    ".config/containers/auth.json",
    ".config/gh/hosts.yml",
    ".config/glab-cli/config.yml",
    ".config/hub",
    ".vault-token",
    ".terraform.d/credentials.tfrc.json",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".gem/credentials",
    ".m2/settings.xml",
    ".gradle/gradle.properties",
    ".env",
    ".htpasswd",
    "etc/shadow",
    "etc/gshadow",
    "etc/sudoers",
    "credentials.json",
    "kubeconfig",
];

/// The ends of names of private keys.
const KEYS: [&str; 6] = [".pem", ".key", ".p12", ".pfx", ".jks", ".kdbx"];

/// Directories whose files are the same on every machine.
const PUBLIC: [&str; 3] = ["/usr/", "/etc/ssl/certs/", "/etc/pki/"];

/// Whether a path holds secrets by custom: keys, passwords, tokens.
pub(super) fn is_secret(name: &Name) -> bool {
    let Some(path) = name.file() else { return false };
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let is_file = |name: &&str| {
        path.strip_suffix(*name).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    let is_inside = |directory: &&str| path.contains(&format!("/{directory}/"));
    // Known hosts, settings and public keys are not secret.
    let in_ssh = folder.ends_with("/.ssh");
    let harmless = in_ssh && matches!(file, "known_hosts" | "config" | "authorized_keys")
        || file.ends_with(".pub");
    // Certificates of authorities are public.
    let is_key = KEYS.iter().any(|end| file.len() > end.len() && file.ends_with(end))
        && !PUBLIC.iter().any(|public| path.starts_with(public));
    // A program has its own environment in memory: what reads the file looks for tokens.
    let is_environment = file == "environ" && folder.starts_with("/proc/");
    let is_known = SECRET_FILES.iter().any(is_file) || SECRET_DIRECTORIES.iter().any(is_inside);
    !harmless && (is_known || is_key || is_environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_directories_end_where_they_end() {
        for own in ["$WS", "$WS/a", "$TMP/x/y", "<stdout>"] {
            assert!(is_own(&Name::parse(own)), "{own}");
        }
        for other in ["$WS/..", "$WS/../x", "$TMP/../x", "$WSX/a", "$HOME/a", "/etc/x", "$WSX"] {
            assert!(!is_own(&Name::parse(other)), "{other}");
        }
    }

    #[test]
    fn loopback_has_three_forms() {
        for here in ["tcp 127.0.0.1:9", "tcp [::1]:9", "udp [::ffff:127.0.0.1]:9"] {
            assert!(is_loopback(&Name::parse(here)), "{here}");
        }
        for there in ["tcp 128.0.0.1:9", "tcp [::ffff:10.0.0.1]:9", "unix /x", "netlink"] {
            assert!(!is_loopback(&Name::parse(there)), "{there}");
        }
    }

    #[test]
    fn secrets_are_known() {
        for secret in [
            "$HOME/.npmrc",
            "$HOME/.docker/config.json",
            "$HOME/.config/gh/hosts.yml",
            "$WS/.env",
            "$HOME/.vault-token",
            "/proc/<pid>/environ",
            "/proc/<other>/environ",
            "/etc/shadow",
            "$HOME/.ssh/id_ed25519",
            "$HOME/.aws/credentials",
            "$HOME/.kube/cache/x",
            "$HOME/.netrc",
            "/etc/ssl/private/a.key",
            "$WS/deploy.pem",
            "/etc/sudoers.d/x",
        ] {
            assert!(is_secret(&Name::parse(secret)), "{secret}");
        }
        for plain in [
            "$HOME/.ssh/known_hosts",
            "$HOME/.ssh/id.pub",
            "$WS/env",
            "/usr/lib/python3/certifi/cacert.pem",
            "$WS/config.json",
            "$WS/npmrc",
            "$WS/x.keys",
            "/etc/ssl/certs/a.pem",
        ] {
            assert!(!is_secret(&Name::parse(plain)), "{plain}");
        }
    }
}
