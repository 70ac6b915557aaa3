//! What is taken for a secret.

/// Parts of names of options, variables and headers whose values are secret.
pub(super) const SECRET_PARTS: [&str; 5] =
    ["password", "passwd", "passphrase", "passwort", "secret"];
/// Parts that make a name secret at its end: `--pass`, but not `-pass-exit-codes`.
pub(super) const SECRET_ENDS: [&str; 7] =
    ["pass", "token", "apikey", "credential", "credentials", "cookie", "authorization"];
/// How the last part of a secret name ends where nothing separates the parts: `PGPASSWORD`.
pub(super) const JOINED_ENDS: [&str; 6] =
    ["password", "passwd", "token", "secret", "apikey", "passphrase"];
/// Two parts in a row that make a name secret: `API_KEY`.
pub(super) const SECRET_PAIRS: [[&str; 2]; 6] = [
    ["api", "key"],
    ["access", "key"],
    ["private", "key"],
    ["secret", "key"],
    ["auth", "key"],
    ["encryption", "key"],
];
/// Whole names whose values are secret.
pub(super) const SECRET_NAMES: [&str; 4] = ["mysql_pwd", "rediscli_auth", "pw", "x-api-key"];
/// Last parts of names whose values are about a secret but none.
pub(super) const NOT_SECRET: [&str; 20] = [
    "file", "path", "dir", "stdin", "prompt", "name", "id", "url", "uri", "type", "env", "cmd",
    "command", "ttl", "length", "len", "min", "max", "count", "fd",
];
/// Words between a header and its secret.
pub(super) const SCHEMES: [&str; 5] = ["Bearer", "Basic", "Token", "Digest", "Negotiate"];

/// The forms of well-known tokens: how they begin, and how many letters, digits, `_`, `-` follow at
/// least.
pub(super) const TOKENS: [(&str, usize); 27] = [
    // AWS.
    ("AKIA", 16),
    ("ASIA", 16),
    // GitHub, GitLab.
    ("ghp_", 30),
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 30),
    ("glpat-", 16),
    // Slack.
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
    // Google, Stripe, npm, PyPI, Docker, Hugging Face, Vault, DigitalOcean, SendGrid, OpenAI.
    ("AIza", 30),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("npm_", 30),
    ("pypi-", 30),
    ("dckr_pat_", 20),
    ("hf_", 30),
    ("hvs.", 20),
    ("dop_v1_", 40),
    ("SG.", 40),
    ("sk-", 32),
    // JSON web tokens.
    ("eyJ", 40),
];

/// What follows an option of a client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// A secret in the same word: `-px`.
    Attached,
    /// A secret in the same word or the next one.
    Either,
    /// A user and, after this character, a secret.
    User(char),
}

/// Clients whose short options take a secret.
pub(super) const CLIENTS: [(&[&str], &str, Value); 11] = [
    (
        &[
            "mysql",
            "mysqldump",
            "mysqladmin",
            "mysqlimport",
            "mysqlshow",
            "mariadb",
            "mariadb-dump",
            "mariadb-admin",
        ],
        "-p",
        Value::Attached,
    ),
    (&["7z", "7za", "7zr", "rar", "unrar"], "-p", Value::Attached),
    (&["sshpass"], "-p", Value::Either),
    (&["zip", "unzip", "sqlcmd", "bcp"], "-P", Value::Either),
    (&["redis-cli"], "-a", Value::Either),
    (
        &["ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldapwhoami", "ldappasswd"],
        "-w",
        Value::Either,
    ),
    (&["mongo", "mongosh", "mongodump", "mongorestore"], "-p", Value::Either),
    (&["curl"], "-u", Value::User(':')),
    (&["curl"], "--user", Value::User(':')),
    (&["curl"], "--proxy-user", Value::User(':')),
    (&["smbclient", "rpcclient"], "-U", Value::User('%')),
];
