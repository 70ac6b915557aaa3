//! The views: each is compared with something that knows better: the program, the shell, the
//! printed log.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::stage::{Stage, installed};

/// Runs a view and returns its JSON and its exit status.
pub(crate) fn view(stage: &Stage, arguments: &[&str]) -> (Value, i32) {
    let mut all = arguments.to_vec();
    all.push("--json");
    let ran = stage.sysreel(&all);
    let json = serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e} {ran:?}"));
    check(&json);
    (json, ran.status.code().unwrap())
}

/// Checks a document or a line against the schema that it names.
pub(crate) fn check(json: &Value) {
    let name = text(json, "schema").trim_start_matches("sysreel/").replace('/', "-");
    let path = format!("{}/../../docs/schemas/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("schema.json", schema).unwrap();
    let mut schemas = boon::Schemas::new();
    let schema = compiler.compile("schema.json", &mut schemas).unwrap();
    if let Err(error) = schemas.validate(json, schema) {
        panic!("{name}: {error:#}");
    }
}

pub(crate) fn record(script: &str) -> Stage {
    let stage = Stage::new();
    let ran = stage.sysreel(&[
        "record",
        "-q",
        "--capture-limit=all",
        "-o",
        "r.reel",
        "--",
        "sh",
        "-c",
        script,
    ]);
    assert!(stage.path("r.reel").exists(), "{ran:?}");
    stage
}

pub(crate) fn perl(script: &str) -> String {
    format!("perl -e '{script}'")
}

pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

pub(crate) fn all<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn stat_agrees_with_the_summary_and_with_itself() {
    let stage = record(
        "ls /; cat /etc/passwd missing | head -c 100 >out; for i in 1 2 3; do stat none; done",
    );
    let summary = stage.sysreel(&["print", "-c", "--json", "r.reel"]);
    let summary: Value = serde_json::from_slice(&summary.stdout).unwrap();
    let (stat, _) = view(&stage, &["stat", "r.reel"]);
    let of_summary: BTreeMap<&str, Value> = all(&summary, "calls")
        .iter()
        .map(|c| {
            (
                text(c, "name"),
                serde_json::json!([
                    c["calls"],
                    c["errors"],
                    c["unfinished"],
                    c["total_ns"],
                    c["min_ns"],
                    c["max_ns"]
                ]),
            )
        })
        .collect();
    let of_stat: BTreeMap<&str, Value> = all(&stat, "groups")
        .iter()
        .map(|g| {
            (
                g["key"][0].as_str().unwrap(),
                serde_json::json!([
                    g["calls"],
                    g["errors"],
                    g["unfinished"],
                    g["total_ns"],
                    g["min_ns"],
                    g["max_ns"]
                ]),
            )
        })
        .collect();
    assert!(of_summary.len() > 20, "{of_summary:?}");
    assert_eq!(of_stat, of_summary);
    for field in ["pid", "exe", "errno", "failed", "nr", "abi,call"] {
        let (by, _) = view(&stage, &["stat", "r.reel", "--by", field]);
        for column in ["calls", "errors", "total_ns", "bytes"] {
            let sum: u64 = all(&by, "groups").iter().filter_map(|g| g[column].as_u64()).sum();
            assert_eq!(Some(sum), by["total"][column].as_u64(), "{field} {column}");
            assert_eq!(by["total"][column], stat["total"][column], "{field} {column}");
        }
    }
    // The slowest are the longest of all, and the filter is that of `print`.
    let (slow, _) = view(&stage, &["stat", "r.reel", "--slowest", "5", "-F", "%file and failed"]);
    let times: Vec<u64> =
        all(&slow, "slowest").iter().map(|s| s["duration_ns"].as_u64().unwrap()).collect();
    assert!(times.len() == 5 && times.is_sorted_by(|a, b| a >= b), "{times:?}");
    assert_eq!(Some(times[0]), slow["total"]["max_ns"].as_u64());
    let lines = stage.sysreel(&["print", "--join", "r.reel", "-F", "%file and failed"]);
    assert_eq!(
        slow["total"]["calls"].as_u64(),
        Some(u64::try_from(lines.text().lines().count()).unwrap())
    );
    let wrong = stage.sysreel(&["stat", "r.reel", "--by", "nonsense"]);
    assert!(
        wrong.status.code() == Some(2) && wrong.stderr.contains("expected one of"),
        "{wrong:?}"
    );
}

#[test]
fn net_shows_what_the_program_did() {
    if !installed("net_shows_what_the_program_did", &["perl"]) {
        return;
    }
    let stage = record(&perl(
        r#"use Socket; use Fcntl; use Errno;
        socket(L,AF_INET,SOCK_STREAM,0); bind(L,sockaddr_in(0,INADDR_LOOPBACK)); listen(L,1);
        ($port)=sockaddr_in(getsockname(L)); socket(C,AF_INET,SOCK_STREAM,0);
        connect(C,sockaddr_in($port,INADDR_LOOPBACK)); accept(S,L);
        syswrite(C,"x"x5); recv(S,$b,10,MSG_PEEK); sysread(S,$b,10); syswrite(S,"y"x70); sysread(C,$b,100);
        socket(U,AF_INET,SOCK_DGRAM,0); bind(U,sockaddr_in(0,INADDR_LOOPBACK));
        ($udp)=sockaddr_in(getsockname(U)); socket(V,AF_INET,SOCK_DGRAM,0);
        send(V,"abc",0,sockaddr_in($udp,INADDR_LOOPBACK)); recv(U,$b,10,0);
        socket(N,AF_INET,SOCK_STREAM,0); fcntl(N,F_SETFL,O_NONBLOCK);
        connect(N,sockaddr_in(1,INADDR_LOOPBACK)); vec($w="",fileno(N),1)=1; select(undef,$w,undef,1);
        getsockopt(N,SOL_SOCKET,SO_ERROR);
        socket(R,AF_INET,SOCK_STREAM,0); connect(R,sockaddr_in(1,INADDR_LOOPBACK));
        connect(R,sockaddr_in($port,INADDR_LOOPBACK));
        socket(X,AF_UNIX,SOCK_STREAM,0); connect(X,sockaddr_un("/run/no\nsuch"));
        socketpair(P,Q,AF_UNIX,SOCK_STREAM,0); syswrite(P,"pair"); sysread(Q,$b,9);
        open(F,">ports"); print F "$port $udp";"#,
    ));
    let ports = fs::read_to_string(stage.path("ports")).unwrap();
    let (port, udp) = ports.split_once(' ').unwrap();
    let (net, status) = view(&stage, &["net", "r.reel"]);
    assert_eq!(status, 0);
    let found: Vec<String> = all(&net, "endpoints")
        .iter()
        .map(|e| {
            let fields = ["role", "protocol", "address", "outcome"].map(|key| text(e, key));
            format!("{} {} {} {}", fields.join(" "), e["sockets"], e["received"], e["sent"])
        })
        .collect();
    for expected in [
        format!("listen tcp 127.0.0.1:{port} ok 1 0 0"),
        format!("connect tcp 127.0.0.1:{port} ok 2 70 5"),
        format!("accept tcp 127.0.0.1:{port} ok 1 5 70"),
        format!("datagram udp 127.0.0.1:{udp} ok 1 0 3"),
        "connect tcp 127.0.0.1:1 ECONNREFUSED 2 0 0".to_owned(),
        "connect unix /run/no\\nsuch ENOENT 1 0 0".to_owned(),
        "pair unix  ok 2 4 4".to_owned(),
    ] {
        assert!(found.contains(&expected), "{expected} in {found:#?}");
    }
    let shown = stage.sysreel(&["net", "r.reel"]).text();
    assert!(shown.contains("/run/no\\nsuch") && shown.lines().count() >= 8, "{shown}");
}

#[test]
fn fds_are_those_of_proc_and_leaks_are_found() {
    if !installed("fds_are_those_of_proc_and_leaks_are_found", &["perl"]) {
        return;
    }
    let stage = record(
        r#"exec 7<r.reel 8>&2; mkfifo q; exec 9<>q; ls -l /proc/$$/fd >listed; echo $$ >pid;
        exec 7<&-; perl -e '$^F=255; open(A,"/etc/passwd"); $^F=2; open(B,"/etc/hostname");
        open(C,"/etc/fstab"); close(C); exec "true"'"#,
    );
    let pid: u64 = fs::read_to_string(stage.path("pid")).unwrap().trim().parse().unwrap();
    // The event at which ls began to list.
    let lines = stage.sysreel(&[
        "print",
        "--event-numbers",
        "r.reel",
        "-F",
        r#"getdents64 and fd.path ~ "/proc/*/fd""#,
        "--join",
    ]);
    let event = lines.text().split_whitespace().next().unwrap().to_owned();
    let (at, _) = view(&stage, &["fds", "r.reel", "--at", &event]);
    let shell = all(&at, "processes").iter().find(|p| p["pid"] == pid).unwrap();
    let found: BTreeMap<u64, &str> =
        all(shell, "fds").iter().map(|fd| (fd["fd"].as_u64().unwrap(), text(fd, "name"))).collect();
    let listed = fs::read_to_string(stage.path("listed")).unwrap();
    let listed: BTreeMap<u64, &str> = listed
        .lines()
        .filter_map(|line| {
            let (left, name) = line.split_once(" -> ")?;
            Some((left.split_whitespace().last()?.parse().ok()?, name))
        })
        .collect();
    assert!(listed.len() >= 6, "{listed:?}");
    assert_eq!(found, listed);

    let (leaked, _) = view(&stage, &["fds", "r.reel", "--leaked"]);
    let names: Vec<&str> = all(&leaked, "inherited").iter().map(|i| text(i, "name")).collect();
    assert!(names.contains(&"/etc/passwd"), "{names:?}");
    assert!(!names.contains(&"/etc/hostname") && !names.contains(&"/etc/fstab"), "{names:?}");
    let (every, _) = view(&stage, &["fds", "r.reel"]);
    let end = |name: &str| {
        let fd = all(&every, "fds").iter().find(|fd| text(fd, "name") == name);
        text(fd.unwrap_or(&Value::Null), "end").to_owned()
    };
    assert_eq!(["/etc/hostname", "/etc/fstab"].map(end), ["exec", "closed"]);
}

/// Every view of a log of which a part is missing shows the rest, and says so.
#[test]
fn damaged_logs_are_shown_with_exit_status_3() {
    let stage = record("cat /etc/passwd | cat; ls / >/dev/null");
    let bytes = fs::read(stage.path("r.reel")).unwrap();
    stage.write("cut.reel", &bytes[..bytes.len() * 2 / 3]);
    for arguments in [
        &["stat", "cut.reel"][..],
        &["net", "cut.reel"],
        &["fds", "cut.reel"],
        &["fds", "cut.reel", "--at", "+0.001"],
        &["waits", "cut.reel"],
        &["waits", "cut.reel", "--top"],
        &["lint", "cut.reel"],
        &["show", "cut.reel", "3"],
    ] {
        let (json, status) = view(&stage, arguments);
        assert_eq!((status, &json["complete"]), (3, &Value::Bool(false)), "{arguments:?}");
        assert!(!all(&json, "missing").is_empty(), "{arguments:?}");
    }
    for arguments in [&["stream", "cut.reel"][..], &["grep", "root", "cut.reel"]] {
        let ran = stage.sysreel(arguments);
        assert_eq!(ran.status.code(), Some(3), "{arguments:?} {ran:?}");
    }
    for view in ["stat", "net", "fds", "waits", "lint", "stream"] {
        let ran = stage.sysreel(&[view, "/etc/passwd"]);
        assert_eq!(ran.status.code(), Some(1), "{view} {ran:?}");
        let ran = stage.sysreel(&[view, "r.reel", "--from", "9", "--to", "3"]);
        assert_eq!(ran.status.code(), Some(2), "{view} {ran:?}");
    }
}
