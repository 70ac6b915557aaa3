//! Views of what few programs do: shared descriptor tables, files without a name, paths with a root
//! of their own, messages in bulk, a TLS hello in pieces. The programs are perl scripts that make
//! the calls themselves, by their numbers on x86_64.

use serde_json::Value;

use crate::stage::{Stage, installed};
use crate::views::{all, text, view};

/// Records a perl script, which must succeed.
fn record(script: &str) -> Stage {
    let stage = Stage::new();
    record_in(&stage, script);
    stage
}

fn record_in(stage: &Stage, script: &str) {
    stage.write("script", script);
    let ran = stage.sysreel(&["record", "-q", "-o", "r.reel", "--", "perl", "script"]);
    assert!(ran.status.success(), "{ran:?}");
}

/// Whether the test can run here.
fn runs(name: &str) -> bool {
    cfg!(target_arch = "x86_64") && installed(name, &["perl"])
}

#[test]
fn fds_of_processes_that_share_them() {
    if !runs("fds_of_processes_that_share_them") {
        return;
    }
    // CLONE_FILES is 0x400, SIGCHLD is 17.
    let stage = record(
        r#"open(A, "<", "/etc/passwd") or die; $a = fileno(A);
        $child = syscall(56, 0x400 | 17, 0, 0, 0, 0);
        if ($child == 0) {
            open(B, "<", "/etc/group") or die; syscall(231, fileno(B));
        }
        waitpid($child, 0); $b = $? >> 8;
        syscall(3, $b) == 0 or die "the child's descriptor is not here";
        $fork = fork;
        if ($fork == 0) { syscall(3, $a); syscall(231, 0); }
        waitpid($fork, 0);
        open(P, ">", "pids"); print P "$$ $child $fork"; close(P);
        exec "true";"#,
    );
    let pids = std::fs::read_to_string(stage.path("pids")).unwrap();
    let pids: Vec<u64> = pids.split(' ').map(|pid| pid.parse().unwrap()).collect();
    let [maker, child, fork] = pids[..] else { panic!("{pids:?}") };
    let (fds, status) = view(&stage, &["fds", "r.reel"]);
    assert_eq!(status, 0);
    let rows = |name: &str| -> Vec<(u64, String, String)> {
        let rows = all(&fds, "fds").iter().filter(|fd| text(fd, "name") == name);
        rows.map(|fd| {
            let words = (text(fd, "origin").to_owned(), text(fd, "end").to_owned());
            (fd["pid"].as_u64().unwrap(), words.0, words.1)
        })
        .collect()
    };
    let row = |pid, origin: &str, end: &str| (pid, origin.to_owned(), end.to_owned());
    // The end of a process that shares them closes nothing, and its maker closes what it opened.
    let group = rows("/etc/group");
    assert_eq!(group, [row(child, "made", "closed")]);
    let passwd = rows("/etc/passwd");
    assert_eq!(passwd, [row(maker, "made", "exec"), row(fork, "inherited", "closed")]);
    // A copy is no leak of the process that got it.
    let (leaked, _) = view(&stage, &["fds", "--leaked", "r.reel"]);
    let is_leak = |fd: &Value| ["/etc/group", "/etc/passwd"].contains(&text(fd, "name"));
    assert!(!all(&leaked, "fds").iter().any(is_leak), "{leaked}");
    let shown = stage.sysreel(&["fds", "r.reel"]).text();
    assert!(shown.contains("(inherited)"), "{shown}");
}

/// Returns a ClientHello (RFC 8446, 4.1.2) for a server name, in one record.
fn client_hello(name: &str) -> Vec<u8> {
    fn sized(width: usize, bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&length[4 - width..], bytes].concat()
    }
    let entry = [&[0][..], &sized(2, name.as_bytes())].concat();
    let extensions = [&[0, 0][..], &sized(2, &sized(2, &entry))].concat();
    let hello = [
        &[3, 3][..],
        &[7; 32],
        &sized(1, &[9; 32]),
        &sized(2, &[0x13, 1]),
        &sized(1, &[0]),
        &sized(2, &extensions),
    ]
    .concat();
    [&[22, 3, 1][..], &sized(2, &[&[1][..], &sized(3, &hello)].concat())].concat()
}

#[test]
fn net_finds_server_names_that_come_in_pieces() {
    if !runs("net_finds_server_names_that_come_in_pieces") {
        return;
    }
    let stage = Stage::new();
    stage.write("hello", client_hello("pieces.example"));
    record_in(
        &stage,
        r#"use Socket; use IO::Handle;
        socket(L, AF_INET, SOCK_STREAM, 0); bind(L, sockaddr_in(0, INADDR_LOOPBACK)); listen(L, 1);
        ($port) = sockaddr_in(getsockname(L));
        socket(C, AF_INET, SOCK_STREAM, 0); connect(C, sockaddr_in($port, INADDR_LOOPBACK)) or die;
        open(F, "<", "hello"); local $/; $hello = <F>;
        for ($at = 0; $at < length($hello); $at += 20) { syswrite(C, substr($hello, $at, 20)); }"#,
    );
    let (net, status) = view(&stage, &["net", "r.reel"]);
    assert_eq!(status, 0);
    let connect = all(&net, "endpoints").iter().find(|e| text(e, "role") == "connect").unwrap();
    assert_eq!(connect["names"], serde_json::json!(["pieces.example"]), "{connect}");
}

#[test]
fn files_without_a_name_count_for_the_one_they_get() {
    if !runs("files_without_a_name_count_for_the_one_they_get") {
        return;
    }
    // linkat(2) with AT_SYMLINK_FOLLOW, and with AT_EMPTY_PATH, which needs a capability.
    let stage = record(
        r#"use Fcntl;
        sub make {
            sysopen(my $f, ".", 020200000 | O_RDWR, 0600) or return;
            syswrite($f, "12345"); return $f;
        }
        $one = make() or do { open(S, ">", "skipped"); exit };
        $path = "/proc/self/fd/" . fileno($one); $name = "one"; $empty = "";
        syscall(265, -100, $path, -100, $name, 0x400) == 0 or die "linkat: $!";
        syswrite($one, "67");
        rename("one", "moved"); syswrite($one, "8");
        $two = make(); $name = "two";
        syscall(265, fileno($two), $empty, -100, $name, 0x1000);
        make();"#,
    );
    if stage.path("skipped").exists() {
        return;
    }
    let (files, status) = view(&stage, &["files", "--writes", "r.reel"]);
    assert_eq!(status, 0);
    let of = |name: &str| {
        let path = stage.path(name).to_str().unwrap().to_owned();
        all(&files, "files").iter().find(|file| text(file, "path") == path).cloned()
    };
    let one = of("one").unwrap();
    assert_eq!((&one["bytes_written"], &one["uses"]["write"]), (&7.into(), &2.into()), "{one}");
    assert_eq!(one["uses"]["create"], 1, "{one}");
    assert_eq!(of("moved").unwrap()["bytes_written"], 1);
    assert_eq!(of("two").is_some(), stage.path("two").exists());
    if let Some(two) = of("two") {
        assert_eq!(two["bytes_written"], 5, "{two}");
    }
    // The third file never had a name.
    let total: u64 = all(&files, "files").iter().filter_map(|f| f["bytes_written"].as_u64()).sum();
    assert_eq!(total, if stage.path("two").exists() { 13 } else { 8 }, "{files}");
}

#[test]
fn paths_that_cannot_leave_a_directory_begin_there() {
    if !runs("paths_that_cannot_leave_a_directory_begin_there") {
        return;
    }
    let stage = Stage::new();
    stage.sh("mkdir -p d/e; echo x >d/e/f");
    // struct open_how: flags, mode, resolve. RESOLVE_IN_ROOT is 0x10, RESOLVE_BENEATH 0x08.
    record_in(
        &stage,
        r#"use Fcntl; sysopen(D, "d", O_RDONLY | O_DIRECTORY) or die;
        sub at { my ($path, $resolve) = @_; my $how = pack("QQQ", 0, 0, $resolve);
            syscall(437, fileno(D), $path, $how, 24) }
        at("/../e/f", 0x10) >= 0 or die "openat2: $!";
        at("/../../gone", 0x10); at("e/none", 0x08); at("../d/left", 0x08);"#,
    );
    let (files, _) = view(&stage, &["files", "r.reel"]);
    let has = |path: &str| all(&files, "files").iter().any(|file| text(file, "path") == path);
    // The last one would leave the directory, which is an error and not another path. It comes back
    // in.
    for name in ["d/e/f", "d/gone", "d/e/none", "d/left"] {
        assert!(has(stage.path(name).to_str().unwrap()), "{name}: {files}");
    }
    assert!(!has("/gone") && !has("/e/f"), "{files}");
}

#[test]
fn repeated_lookups_count_as_many() {
    if !runs("repeated_lookups_count_as_many") {
        return;
    }
    let stage = record(r#"for (1 .. 5) { -e "gone" } -e "once";"#);
    let (files, _) = view(&stage, &["files", "--missing", "r.reel"]);
    let times = |name: &str| {
        let mut searches = all(&files, "searches").iter();
        searches.find(|search| text(search, "name") == name).unwrap()["times"].as_u64()
    };
    assert_eq!((times("gone"), times("once")), (Some(5), Some(1)));
}

#[test]
fn bytes_of_messages_in_bulk_are_their_sum() {
    if !runs("bytes_of_messages_in_bulk_are_their_sum") {
        return;
    }
    // sendmmsg(2) and recvmmsg(2) with struct mmsghdr: a msghdr of 56 bytes, and the length.
    let stage = record(
        r#"use Socket; socketpair(A, B, AF_UNIX, SOCK_DGRAM, 0);
        @texts = ("abc", "defgh"); @room = ("." x 100, "." x 100);
        sub vector { my $all = ""; @iov = ();
            for (@_) { push @iov, pack("PQ", $_, length $_) }
            $all .= pack("QLx4PQQQLx4Lx4", 0, 0, $_, 1, 0, 0, 0, 0) for @iov; $all }
        $out = vector(@texts); syscall(307, fileno(A), $out, 2, 0) == 2 or die "sendmmsg: $!";
        $in = vector(@room); syscall(299, fileno(B), $in, 2, 0, 0) == 2 or die "recvmmsg: $!";"#,
    );
    let (stat, _) = view(&stage, &["stat", "r.reel"]);
    for name in ["sendmmsg", "recvmmsg"] {
        let group = all(&stat, "groups").iter().find(|group| group["key"][0] == name).unwrap();
        assert_eq!(group["bytes"], 8, "{group}");
    }
    let found = stage.sysreel(&["print", "--join", "-F", "bytes == 8 and call ~ /mmsg/", "r.reel"]);
    assert_eq!(found.text().lines().count(), 2, "{found:?}");
}

/// Every command that selects says so if it selected nothing, and only then.
#[test]
fn what_selects_nothing_says_so() {
    let stage = Stage::new();
    let ran =
        stage.sysreel(&["record", "-q", "-o", "r.reel", "--", "head", "-c999", "/etc/passwd"]);
    assert!(ran.status.success(), "{ran:?}");
    let commands: [&[&str]; 17] = [
        &["print"],
        &["print", "--join"],
        &["print", "-c"],
        &["stat"],
        &["tree"],
        &["ps"],
        &["files"],
        &["files", "--missing"],
        &["env"],
        &["maps"],
        &["net"],
        &["fds"],
        &["waits", "--top"],
        &["stream"],
        &["stream", "--json"],
        &["lint"],
        &["grep", "root"],
    ];
    let note = "r.reel: nothing matches\n";
    for command in commands {
        let run = |filter: &str| stage.sysreel(&[command, &["r.reel", "-F", filter]].concat());
        let none = run("pid == 1 and pid == 2");
        let status = if command[0] == "grep" { 1 } else { 0 };
        assert_eq!(none.status.code(), Some(status), "{command:?}: {none:?}");
        assert!(none.stderr.ends_with(note), "{command:?}: {none:?}");
        let some = run("pid > 0");
        assert_eq!((some.status.code(), &*some.stderr), (Some(0), ""), "{command:?}: {some:?}");
    }
    for (arguments, matches) in [
        (&["env", "--pid", "1"][..], false),
        (&["maps", "--pid", "1"], false),
        (&["stream", "--match", "no such text"], false),
        (&["stream", "--match", "root"], true),
        // It matches calls, but no program begins with one.
        (&["env", "-F", "call == read"], false),
    ] {
        let ran = stage.sysreel(&[arguments, &["r.reel"]].concat());
        assert_eq!(ran.status.code(), Some(0), "{arguments:?}: {ran:?}");
        assert_eq!(ran.stderr.ends_with(note), !matches, "{arguments:?}: {ran:?}");
    }
}

/// A socket has the address at its end, not the one that it lacked when it was made.
#[test]
fn fds_names_sockets_by_the_address_that_they_got() {
    if !runs("fds_names_sockets_by_the_address_that_they_got") {
        return;
    }
    let stage = record(
        "use Socket; socket(A,AF_INET,SOCK_STREAM,0); bind(A,sockaddr_in(0,INADDR_LOOPBACK)); \
         open(P,\">port\"); print P (sockaddr_in(getsockname(A)))[0]; close P; close A; \
         socket(B,AF_INET,SOCK_STREAM,0); close B",
    );
    let port = std::fs::read_to_string(stage.path("port")).unwrap();
    let (fds, _) = view(&stage, &["fds", "r.reel"]);
    let sockets = all(&fds, "fds").iter().filter(|fd| text(fd, "by") == "socket");
    let names: Vec<&str> = sockets.map(|fd| text(fd, "name")).collect();
    assert_eq!(names.first(), Some(&&*format!("tcp 127.0.0.1:{port}")), "{names:?}");
    // One that never had an address is shown by its inode.
    assert!(names.len() == 2 && names[1].starts_with("socket:["), "{names:?}");
}
