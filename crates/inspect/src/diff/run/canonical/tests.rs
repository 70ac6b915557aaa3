use super::*;

fn canonical_name(sort: Sort, name: &[u8]) -> String {
    let mut names = Names::default();
    let id = names.id(sort, name);
    let mut local_ids = RunLocalIds {
        pids: HashSet::from([31, 27_028]),
        ports: HashSet::from([40_000]),
        ..RunLocalIds::default()
    };
    local_ids.add_random(&[0xde, 0xad, 0xbe, 0xef, 0x01]);
    let mut roots = Roots::default();
    roots.add("WS", b"/srv/me/ws");
    roots.add("HOME", b"/srv/me");
    roots.add("TMP", b"/tmp/");
    roots.add("NONE", b"/");
    canonical_names(&names, &local_ids, &roots)[id.0 as usize].to_string()
}

#[test]
fn paths_are_put_under_their_roots() {
    for (path, is) in [
        ("/srv/me/ws/a b", "$WS/a\\x20b"),
        ("/srv/me/ws", "$WS"),
        ("/srv/me/wsx", "$HOME/wsx"),
        ("/tmp/x (deleted)", "$TMP/x"),
        ("/", "/"),
        ("/srv", "/srv"),
        ("/usr/lib/python3.31/x", "/usr/lib/python3.31/x"),
        ("/proc/31/status", "/proc/<pid>/status"),
        ("/proc/32/status", "/proc/<other>/status"),
        ("/proc/self/fd/9", "/proc/self/fd/<fd>"),
        ("/proc/31/task/77/comm", "/proc/<pid>/task/<tid>/comm"),
        ("/dev/pts/4", "/dev/pts/<pty>"),
        ("/var/hs_27028", "/var/hs_27028"),
        ("/var/size27029", "/var/size27029"),
        ("/tmp/#17 (deleted)", "$TMP/<nameless>"),
        ("/tmp/#17", "$TMP/#17"),
        ("/var/lib-7c1ed27028.so", "/var/lib-7c1ed27028.so"),
        ("/var/27028c1.so", "/var/27028c1.so"),
        ("/tmp/k-deadbeef.tmp", "$TMP/k-<random>.tmp"),
        ("/tmp/k-EFBEADDE", "$TMP/k-<random>"),
        ("/tmp/k-deadbee0", "$TMP/k-deadbee0"),
        ("/tmp/deadbeef-0102-4abc-9def-00112233aabb.txt", "$TMP/<random>.txt"),
        ("/tmp/deadbeef-old", "$TMP/<random>-old"),
    ] {
        assert_eq!(canonical_name(Sort::Path, path.as_bytes()), is, "{path}");
    }
    // Whether a number is a pid is decided when two runs are compared.
    assert_eq!(canonical_name(Sort::Path, b"/tmp/a31"), "$TMP/a31");
    assert_eq!(canonical_name(Sort::Path, b"/tmp/\xff\n"), "$TMP/\\xff\\x0a");
}

#[test]
fn links_lose_their_number() {
    assert_eq!(canonical_name(Sort::Link, b"pipe:[123]"), "<pipe>");
    assert_eq!(canonical_name(Sort::Link, b"anon_inode:[eventfd]"), "<eventfd>");
    assert_eq!(canonical_name(Sort::Link, b"anon_inode:inotify"), "<inotify>");
}

#[test]
fn addresses_and_pids() {
    let inet = |port: u16| {
        let mut bytes = vec![1, 2, 0];
        bytes.extend(port.to_be_bytes());
        bytes.extend([127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    };
    assert_eq!(canonical_name(Sort::Address, &inet(80)), "tcp 127.0.0.1:80");
    assert_eq!(canonical_name(Sort::Address, &inet(40_000)), "tcp 127.0.0.1:<port>");
    assert_eq!(canonical_name(Sort::Address, b"\x01\x01\x00/tmp/s\0"), "unix $TMP/s");
    assert_eq!(canonical_name(Sort::Address, b"\x01\x01\x00\x0000a1f"), "unix @<auto>");
    assert_eq!(canonical_name(Sort::Address, b"\x01\x01\x00\x00name"), "unix @name");
    assert_eq!(canonical_name(Sort::Pid, &31i32.to_le_bytes()), "<traced>");
    assert_eq!(canonical_name(Sort::Pid, &(-5i32).to_le_bytes()), "<other-group>");
}

#[test]
fn roots_are_found_in_text() {
    let mut roots = Roots::default();
    roots.add("WS", b"/w");
    let text = |text: &str| {
        let mut out = Vec::new();
        roots.in_text(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(text("-I/w/include:/w"), "-I$WS/include:$WS");
    assert_eq!(text("--out=/w"), "--out=$WS");
    assert_eq!(text("/wx /a/w x/w"), "/wx /a/w x/w");
}

#[test]
fn names_stand_for_paths() {
    let mut roots = Roots::default();
    roots.add("WS", b"/srv/me/ws");
    roots.add("HOME", b"/srv/h");
    let real = |name: &str| roots.real(&Name::parse(name));
    assert_eq!(real("$HOME/.profile").as_deref(), Some("/srv/h/.profile"));
    assert_eq!(real("$WS/../x").as_deref(), Some("/srv/me/x"));
    assert_eq!(real("unix $WS/s").as_deref(), Some("unix /srv/me/ws/s"));
    assert_eq!((real("/etc/x"), real("$WSX/a"), real("<pipe>")), (None, None, None));
}
