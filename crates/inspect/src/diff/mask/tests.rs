use super::variable::masked_variable;
use super::*;

/// The secret is between `<` and `>`.
const SECRETS: &[&str] = &[
    "tool --password=<hunter2> file",
    "tool --password <hunter2> file",
    "tool --db-password '<hunter 2>' file",
    "tool '--password=<my secret>' file",
    "tool --password=<my>\\x20secret",
    "sh -c 'tool --password=<x> db; rm y'",
    "sh -c 'tool\\x20--password=<x>\\x20db'",
    "env API_TOKEN=<abc> make",
    "env AWS_SECRET_ACCESS_KEY=<wJalrXUtnFEMI/K7MDENG> aws s3 ls",
    "PGPASSWORD=<x> psql",
    "DB_PASS=<x> GITHUB_TOKEN_2=<abc> make",
    "tool -password <x> -token <y>",
    "MYSQL_PWD=<x> mysql",
    "export TOKEN=\"<a b>\"",
    "tool --apiKey=<x1>",
    "tool --accessToken <x1>",
    "mysql -p<hunter2> -h db",
    "mysqldump -u root '-p<hunter 2>' db",
    "/usr/bin/mysql -p<hunter2>",
    "sshpass -p <hunter2> ssh host",
    "sshpass -p<hunter2> ssh host",
    "redis-cli -a <x> ping",
    "curl -u me:<hunter2> http://h/",
    "curl --user me:<hunter2> http://h/",
    "curl -ume:<hunter2> http://h/",
    "smbclient -U me%<x> //h/s",
    "zip -P <x> a.zip b",
    "openssl rsa -passin pass:<hunter2> -in k",
    "git clone https://me:<hunter2>@host/repo",
    "git clone https://<0123456789abcdef0123456789abcdef01234567>@host/repo",
    "connect to postgres://u:<p@ss>@h:5432/db",
    "curl -H 'Authorization: Bearer <abc.def>' http://h/",
    "curl -H 'Authorization:\\x20Bearer\\x20<abc.def>' http://h/",
    "curl -H 'authorization: <abc def>' http://h/",
    "curl -H 'X-Api-Key: <abc>' http://h/",
    "curl -H 'PRIVATE-TOKEN: <abc>' http://h/",
    "curl -H 'Cookie: <a=b; c=d>' http://h/",
    "aws configure set x <AKIAIOSFODNN7EXAMPLE>",
    "echo <ghp_0123456789abcdefABCDEF0123456789abcd>",
    "x=<xoxb-1234567890-abcdef>",
    "execve(\"/usr/bin/mysql\", [\"mysql\", \"-p<hunter2>\", \"-h\"]",
    "execve(\"/bin/t\", [\"t\", \"--password\", \"<hunter2>\"], [\"HOME=/\", \"TOKEN=<x y>\"])",
    "write(1, \"{\\\"password\\\": \\\"<hunter2>\\\", \\\"a\\\": 1}\", 20)",
    "{\"password\": \"<hunter2>\", \"a\": 1}",
    "password: <hunter2>",
    "GET /x?token=<abc>&y=1 HTTP/1.1",
    "write $WS/d/API_KEY=<abc>/x ok",
];

/// No secrets.
const PLAIN: &[&str] = &[
    "",
    "make -p 80:80",
    "gcc -pass-exit-codes x.c",
    "ld -lsecret x.o",
    "tool --token-budget 5",
    "docker run -p 80:80 image",
    "mkdir -p a/b",
    "mysql -p -h db",
    "cc -O2 -pthread x.c",
    "tool --password-file /run/secret",
    "tool --password-stdin",
    "tool --password --host h",
    "tool --token-id=7",
    "tool --max-tokens=100",
    "SSH_AUTH_SOCK=/tmp/agent PWD=/srv/me OLDPWD=/",
    "read $WS/password: ok => ENOENT",
    "stat $HOME/.config/token: ok => ENOENT",
    "exec.new: token",
    "https://host/path@2x?x=user:y@z",
    "ssh://git@host/repo",
    "use std::token::Stream",
    "secret.read",
    "+ read $WS/secret/key",
    "ghp_short",
    "sk-learn-something",
    "--password=***1a2b x",
    "http://h/",
    "compass: north",
    "\\",
    "'",
    "password=",
    "--password ''",
    "é--password",
];

#[test]
fn the_table_of_secrets() {
    for &case in SECRETS {
        let text = case.replace(['<', '>'], "");
        let mut wanted = String::new();
        let mut rest = case;
        while let Some((before, after)) = rest.split_once('<') {
            let (secret, after) = after.split_once('>').unwrap();
            wanted += before;
            wanted += &mask(secret);
            rest = after;
        }
        wanted += rest;
        assert_eq!(masked(&text), wanted, "{text}");
        assert_eq!(masked(&wanted), wanted, "twice");
        assert!(is_masked(&wanted) && !is_masked(&text), "{text}");
    }
    for &text in PLAIN {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn different_secrets_stay_different() {
    let masks = ["a", "b", "hunter2", "hunter3"].map(masked_value);
    assert!(masks.iter().enumerate().all(|(at, mask)| !masks[..at].contains(mask)));
    assert!(masks.iter().all(|mask| mask.len() == MASK.len() + DIGITS));
}

fn masked_value(secret: &str) -> String {
    masked(&format!("--password={secret}")).trim_start_matches("--password=").to_owned()
}

proptest::proptest! {
    #[test]
    fn any_text_is_masked_once(text in r#"[-a-c="':@/ \\x20,é;*]{0,40}|.{0,40}"#) {
        for text in [text.clone(), format!("--password{text}"), format!("mysql -p{text}")] {
            let once = masked(&text).into_owned();
            proptest::prop_assert_eq!(masked(&once).into_owned(), once);
        }
    }
}

#[test]
fn all_of_a_secret_variable_is_masked() {
    for (text, rest) in [
        ("PGPASSWORD=a b c", "PGPASSWORD="),
        ("API_KEY='x' y", "API_KEY="),
        ("MY_TOKEN=a=b", "MY_TOKEN="),
    ] {
        let masked = masked_variable(text);
        let digits = masked.strip_prefix(rest).and_then(|value| value.strip_prefix("***"));
        assert!(digits.is_some_and(|digits| digits.len() == 4), "{text}: {masked}");
        assert_eq!(masked_variable(&masked), masked);
    }
    for text in ["PATH=/a b:/c", "TOKEN_FILE=/x", "PASSWORD=", "nothing", ""] {
        assert_eq!(masked_variable(text), text);
    }
    assert!(!masked_variable("DB=postgres://u:secret@host/x").contains("secret"));
}

#[test]
fn variables_have_secrets_in_their_values_too() {
    for (text, secret) in [
        ("AUTH=Bearer abcdefgh", "abcdefgh"),
        ("H=basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("MY_TOKEN=Bearer x", "Bearer x"),
        ("K=-----BEGIN RSA PRIVATE KEY-----\\nMIIx\\n-----END RSA PRIVATE KEY-----", "MIIx"),
        ("K=-----BEGIN PRIVATE KEY-----\\nMIIx", "MIIx"),
    ] {
        let masked = masked_variable(text);
        assert!(!masked.contains(secret) && masked.contains("***"), "{text}: {masked}");
        assert_eq!(masked_variable(&masked), masked, "{text}");
    }
    for text in ["A=Bearer of news and more", "K=-----BEGIN PUBLIC KEY-----\\nx", "A=Bearer", "A="]
    {
        assert_eq!(masked_variable(text), text);
    }
}
