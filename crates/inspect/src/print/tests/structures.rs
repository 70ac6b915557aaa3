//! Structures with members that depend on others: the expected text is that of the man pages and
//! of the kernel's headers.

use expect_test::expect;

use super::calls::{A, B, check, le, le32};
use sysreel_abi::Filter;

use crate::print::{Clock, Detail, Options, Precision};
use crate::testing::LogBuilder;

/// The first version of `struct perf_event_attr`, with this type, configuration and bits.
fn event(kind: u32, config: u64, bits: u64) -> Vec<u8> {
    let head = [le32(&[kind, 64]), le(&[config, 4000, 1 << 1, 1 << 3, bits])].concat();
    [head, le32(&[7, 0]), le(&[0x11])].concat()
}

#[test]
fn performance_events() {
    let mut log = LogBuilder::new();
    // disabled, freq, precise_ip=2 and an unknown bit.
    let bits = 1 | 1 << 10 | 2 << 15 | 1 << 40;
    let mut open = |attr: &[u8]| {
        log.call("perf_event_open", [A, 0, 1, u64::MAX, 8, 0], &[(0, 0, 0, attr)], 3, &[]);
    };
    open(&event(0, 9, bits));
    open(&event(3, 0x0001_0203, 0));
    let mut longer = event(5, 0, 1 << 14);
    longer[4..8].copy_from_slice(&le32(&[72]));
    longer[52..56].copy_from_slice(&le32(&[4]));
    longer.extend(le(&[8]));
    open(&longer);
    // The caller says more than there is.
    open(&event(0, 0, 0)[..56]);
    check(
        &log,
        expect![[r#"
            perf_event_open({type=PERF_TYPE_HARDWARE, size=PERF_ATTR_SIZE_VER0, config=PERF_COUNT_HW_REF_CPU_CYCLES, sample_freq=4000, sample_type=PERF_SAMPLE_TID, read_format=PERF_FORMAT_GROUP, disabled=1, freq=1, precise_ip=2 /* requested to have 0 skid */, __reserved_1=0x4 /* Bits 63..38 */, ...}, 0, 1, -1, PERF_FLAG_FD_CLOEXEC) = 3
            perf_event_open({type=PERF_TYPE_HW_CACHE, size=PERF_ATTR_SIZE_VER0, config=PERF_COUNT_HW_CACHE_RESULT_MISS<<16|PERF_COUNT_HW_CACHE_OP_PREFETCH<<8|PERF_COUNT_HW_CACHE_DTLB, sample_period=4000, sample_type=PERF_SAMPLE_TID, read_format=PERF_FORMAT_GROUP, precise_ip=0 /* arbitrary skid */, ...}, 0, 1, -1, PERF_FLAG_FD_CLOEXEC) = 3
            perf_event_open({type=PERF_TYPE_BREAKPOINT, size=PERF_ATTR_SIZE_VER1, config=0, sample_period=4000, sample_type=PERF_SAMPLE_TID, read_format=PERF_FORMAT_GROUP, watermark=1, precise_ip=0 /* arbitrary skid */, ...}, 0, 1, -1, PERF_FLAG_FD_CLOEXEC) = 3
            perf_event_open(0x1000, 0, 1, -1, PERF_FLAG_FD_CLOEXEC) = 3
        "#]],
    );
    expect![[r#"
        perf_event_open({type=PERF_TYPE_HARDWARE, size=PERF_ATTR_SIZE_VER0, config=PERF_COUNT_HW_REF_CPU_CYCLES, sample_freq=4000, sample_type=PERF_SAMPLE_TID, read_format=PERF_FORMAT_GROUP, disabled=1, inherit=0, pinned=0, exclusive=0, exclude_user=0, exclude_kernel=0, exclude_hv=0, exclude_idle=0, mmap=0, comm=0, freq=1, inherit_stat=0, enable_on_exec=0, task=0, watermark=0, precise_ip=2 /* requested to have 0 skid */, mmap_data=0, sample_id_all=0, exclude_host=0, exclude_guest=0, exclude_callchain_kernel=0, exclude_callchain_user=0, mmap2=0, comm_exec=0, use_clockid=0, context_switch=0, write_backward=0, namespaces=0, ksymbol=0, bpf_event=0, aux_output=0, cgroup=0, text_poke=0, build_id=0, inherit_thread=0, remove_on_exec=0, sigtrap=0, __reserved_1=0x4 /* Bits 63..38 */, wakeup_events=7, config1=0x11}, 0, 1, -1, PERF_FLAG_FD_CLOEXEC) = 3
        perf_event_open({type=PERF_TYPE_HW_CACHE, size=PERF_ATTR_SIZE_VER0, config=PERF_COUNT_HW_CACHE_RESULT_MISS<<16|PERF_COUNT_HW_CACHE_OP_PREFETCH<<8|PERF_COUNT_HW_CACHE_DTLB, sample_period=4000, sample_type=PERF_SAMPLE_TID, read_format=PERF_FORMAT_GROUP, disabled=0, inherit=0, pinned=0, exclusive=0, exclude_user=0, exclude_kernel=0, exclude_hv=0, exclude_idle=0, mmap=0, comm=0, freq=0, inherit_stat=0, enable_on_exec=0, task=0, watermark=0, precise_ip=0 /* arbitrary skid */, mmap_data=0, sample_id_all=0, exclude_host=0, exclude_guest=0, exclude_callchain_kernel=0, exclude_callchain_user=0, mmap2=0, comm_exec=0, use_clockid=0, context_switch=0, write_backward=0, namespaces=0, ksymbol=0, bpf_event=0, aux_output=0, cgroup=0, text_poke=0, build_id=0, inherit_thread=0, remove_on_exec=0, sigtrap=0, wakeup_events=7, config1=0x11}, 0, 1, -1, PERF_FLAG_FD_CLOEXEC) = 3
        perf_event_open({type=PERF_TYPE_BREAKPOINT, size=PERF_ATTR_SIZE_VER1, config=0, sample_period=4000, sample_type=PERF_SAMPLE_TID, read_format=PERF_FORMAT_GROUP, disabled=0, inherit=0, pinned=0, exclusive=0, exclude_user=0, exclude_kernel=0, exclude_hv=0, exclude_idle=0, mmap=0, comm=0, freq=0, inherit_stat=0, enable_on_exec=0, task=0, watermark=1, precise_ip=0 /* arbitrary skid */, mmap_data=0, sample_id_all=0, exclude_host=0, exclude_guest=0, exclude_callchain_kernel=0, exclude_callchain_user=0, mmap2=0, comm_exec=0, use_clockid=0, context_switch=0, write_backward=0, namespaces=0, ksymbol=0, bpf_event=0, aux_output=0, cgroup=0, text_poke=0, build_id=0, inherit_thread=0, remove_on_exec=0, sigtrap=0, wakeup_watermark=7, bp_type=HW_BREAKPOINT_X, bp_addr=0x11, bp_len=8}, 0, 1, -1, PERF_FLAG_FD_CLOEXEC) = 3
        perf_event_open(0x1000, 0, 1, -1, PERF_FLAG_FD_CLOEXEC) = 3
    "#]].assert_eq(&log.text(&Options { verbose: true, ..Options::default() }));
}

#[test]
fn commands_of_bpf() {
    let mut log = LogBuilder::new();
    let mut call = |command: u64, attr: &[u8], nested: &[u8]| {
        let size = attr.len() as u64;
        let regions = [(1, 0, 0, attr), (1, 1, 0, nested)];
        let n = if nested.is_empty() { 1 } else { 2 };
        log.call("bpf", [command, A, size, 0, 0, 0], &regions[..n], 4, &[]);
    };
    // BPF_RAW_TRACEPOINT_OPEN, BPF_BTF_LOAD, BPF_PROG_QUERY, BPF_LINK_CREATE of two types,
    // BPF_MAP_CREATE on a node, BPF_PROG_GET_FD_BY_ID.
    call(17, &[le(&[B]), le32(&[5, 0])].concat(), b"sched_switch\0");
    call(18, &[le(&[B, 0]), le32(&[3, 0, 1, 0])].concat(), b"\x9f\xeb\x01");
    call(16, &[le32(&[5, 1, 1, 2]), le(&[B]), le32(&[2, 0])].concat(), b"");
    call(28, &[le32(&[5, 6, 0x29, 0]), le(&[0xabc])].concat(), b"");
    call(28, &[le32(&[5, 6, 0x18, 0]), le(&[7])].concat(), b"");
    call(0, &le32(&[1, 4, 8, 16, 4, 0, 1]), b"");
    call(13, &le32(&[77]), b"");
    // A member that is not known.
    call(22, &le32(&[3, 0, 9, 0]), b"");
    check(
        &log,
        expect![[r#"
            bpf(BPF_RAW_TRACEPOINT_OPEN, {raw_tracepoint={name="sched_switch", prog_fd=5}}, 16) = 4
            bpf(BPF_BTF_LOAD, {btf="\237\353\1", btf_log_buf=NULL, btf_size=3, btf_log_size=0, btf_log_level=1}, 32) = 4
            bpf(BPF_PROG_QUERY, {query={target_fd=5, attach_type=BPF_CGROUP_INET_EGRESS, query_flags=BPF_F_QUERY_EFFECTIVE, attach_flags=BPF_F_ALLOW_MULTI, prog_ids=0x2000, prog_cnt=2}}, 32) = 4
            bpf(BPF_LINK_CREATE, {link_create={prog_fd=5, target_fd=6, attach_type=BPF_PERF_EVENT, flags=0, perf_event={bpf_cookie=0xabc}}}, 24) = 4
            bpf(BPF_LINK_CREATE, {link_create={prog_fd=5, target_fd=6, attach_type=BPF_TRACE_FENTRY, flags=0, target_btf_id=7}}, 24) = 4
            bpf(BPF_MAP_CREATE, {map_type=BPF_MAP_TYPE_HASH, key_size=4, value_size=8, max_entries=16, map_flags=BPF_F_NUMA_NODE, inner_map_fd=0, numa_node=1}, 28) = 4
            bpf(BPF_PROG_GET_FD_BY_ID, {prog_id=77, next_id=0}, 4) = 4
            bpf(BPF_MAP_FREEZE, {map_fd=3, ...}, 16) = 4
        "#]],
    );
    let text = log.text(&Options { verbose: true, ..Options::default() });
    let rest = r#"/* bytes 4..15 */ "\x00\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00"}, 16) = 4"#;
    assert!(text.ends_with(&format!("{{map_fd=3, {rest}\n")), "{text}");
}

/// A control message: its level, type and data, padded to a word.
fn control(level: u32, kind: u32, data: &[u8]) -> Vec<u8> {
    let mut one = [le(&[16 + data.len() as u64]), le32(&[level, kind]), data.to_vec()].concat();
    one.resize(one.len().next_multiple_of(8), 0);
    one
}

#[test]
fn control_messages() {
    let mut log = LogBuilder::new();
    let packet = [le32(&[1]), vec![127, 0, 0, 1, 10, 0, 0, 2]].concat();
    let inet = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let failed = [le32(&[111]), vec![2, 3, 4, 0], le32(&[5, 6]), inet.to_vec()].concat();
    let loopback = [&[0; 15][..], &[1], &le32(&[1])].concat();
    let messages = [
        control(1, 2, &le32(&[9, 1000, u32::MAX])),
        control(1, 29, &le(&[5, 6])),
        // Half a structure.
        control(1, 29, &le(&[5])),
        control(1, 4, &le32(&[3])),
        control(0, 8, &packet),
        control(0, 2, &le32(&[64])),
        control(0, 1, &[0x10]),
        control(0, 11, &failed),
        control(0, 99, b"x"),
        control(41, 50, &loopback),
        control(77, 1, b"y"),
    ]
    .concat();
    let header = le(&[0, 0, 0x7000, 0, 0x8000, messages.len() as u64, 0]);
    let regions = [(1, 0, 0, &header[..]), (1, 1, 1, &[]), (1, 1, 2, &messages)];
    log.call("sendmsg", [3, A, 0, 0, 0, 0], &regions, 0, &[]);
    check(
        &log,
        expect![[r#"
        sendmsg(3, {msg_name=NULL, msg_namelen=0, msg_iov=[], msg_iovlen=0, msg_control=[{cmsg_len=28, cmsg_level=SOL_SOCKET, cmsg_type=SCM_CREDENTIALS, cmsg_data={pid=9, uid=1000, gid=-1}}, {cmsg_len=32, cmsg_level=SOL_SOCKET, cmsg_type=SO_TIMESTAMP_OLD, cmsg_data={tv_sec=5, tv_usec=6}}, {cmsg_len=24, cmsg_level=SOL_SOCKET, cmsg_type=SO_TIMESTAMP_OLD, cmsg_data=???}, {cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_PIDFD, cmsg_data=[3]}, {cmsg_len=28, cmsg_level=SOL_IP, cmsg_type=IP_PKTINFO, cmsg_data={ipi_ifindex=if_nametoindex("lo"), ipi_spec_dst=inet_addr("127.0.0.1"), ipi_addr=inet_addr("10.0.0.2")}}, {cmsg_len=20, cmsg_level=SOL_IP, cmsg_type=IP_TTL, cmsg_data=[64]}, {cmsg_len=17, cmsg_level=SOL_IP, cmsg_type=IP_TOS, cmsg_data=[0x10]}, {cmsg_len=48, cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data={ee_errno=111, ee_origin=2, ee_type=3, ee_code=4, ee_info=5, ee_data=6, offender={sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}}}, {cmsg_len=17, cmsg_level=SOL_IP, cmsg_type=0x63 /* IP_??? */, cmsg_data="x"}, {cmsg_len=36, cmsg_level=SOL_IPV6, cmsg_type=IPV6_PKTINFO, cmsg_data={inet_pton(AF_INET6, "::1", &ipi6_addr), ipi6_ifindex=if_nametoindex("lo")}}, {cmsg_len=17, cmsg_level=0x4d /* SOL_??? */, cmsg_type=0x1, cmsg_data="y"}], msg_controllen=328, msg_flags=0}, 0) = 0
    "#]],
    );
}

#[test]
fn addresses_of_sockets() {
    let mut log = LogBuilder::new();
    let mut bind = |address: &[u8]| {
        let size = address.len() as u64;
        log.call("bind", [3, A, size, 0, 0, 0], &[(1, 0, 0, address)], 0, &[]);
    };
    let packet = [&[17, 0, 0, 3][..], &le32(&[1]), &[1, 0, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]].concat();
    bind(&packet);
    bind(&[&[40, 0, 0, 0][..], &le32(&[1024, 2]), &[0; 4]].concat());
    bind(&[&[16, 0, 1, 0][..], &le32(&[5, 3])].concat());
    // Shorter than the structure.
    bind(&[2, 0, 0, 80, 127, 0, 0, 1]);
    let link = [&[10, 0, 0, 80, 0, 0, 0, 0, 0xfe, 0x80][..], &[0; 13], &[1], &le32(&[1])].concat();
    bind(&link);
    // All of `sun_path`, and a byte after it.
    bind(&[&[1, 0][..], &[b'p'; 109]].concat());
    log.call("syslog", [8, 0, 7, 0, 0, 0], &[], 0, &[]);
    log.call("syslog", [8, 0, 8, 0, 0, 0], &[], 0, &[]);
    log.call("syslog", [8, 0, 99, 0, 0, 0], &[], -22, &[]);
    log.call("ptrace", [0x4204, 7, 0x202, 0, 0, 0], &[], -3, &[]);
    check(
        &log,
        expect![[r#"
            bind(3, {sa_family=AF_PACKET, sll_protocol=htons(ETH_P_ALL), sll_ifindex=if_nametoindex("lo"), sll_hatype=ARPHRD_ETHER, sll_pkttype=PACKET_HOST, sll_halen=6, sll_addr=[0x2, 0, 0, 0, 0, 0x1]}, 20) = 0
            bind(3, {sa_family=AF_VSOCK, svm_cid=VMADDR_CID_HOST, svm_port=0x400, svm_flags=0}, 16) = 0
            bind(3, {sa_family=AF_NETLINK, nl_pad=0x1, nl_pid=5, nl_groups=0x00000003}, 12) = 0
            bind(3, {sa_family=AF_INET, sa_data="\0P\177\0\0\1"}, 8) = 0
            bind(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "fe80::1", &sin6_addr), sin6_scope_id=if_nametoindex("lo")}, 28) = 0
            bind(3, {sa_family=AF_UNIX, sun_path="pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"}, 111) = 0
            syslog(8 /* SYSLOG_ACTION_CONSOLE_LEVEL */, NULL, 7 /* LOGLEVEL_DEBUG */) = 0
            syslog(8 /* SYSLOG_ACTION_CONSOLE_LEVEL */, NULL, 8 /* LOGLEVEL_DEBUG+1 */) = 0
            syslog(8 /* SYSLOG_ACTION_CONSOLE_LEVEL */, NULL, 99 /* LOGLEVEL_??? */) = -1 EINVAL (Invalid argument)
            ptrace(PTRACE_GETREGSET, 7, NT_X86_XSTATE, NULL) = -1 ESRCH (No such process)
        "#]],
    );
}

#[test]
fn calls_may_differ_in_detail() {
    let calls = |expression: &str| Some(Filter::parse(expression).unwrap());
    let mut log = LogBuilder::new();
    log.call("openat", [3, A, 0o100, 0o600, 0, 0], &[(1, 0, 0, b"f\0")], -2, &[]);
    let fds = [le32(&[3]), vec![1, 0, 0, 0]].concat();
    log.call("poll", [A, 1, 0, 0, 0, 0], &[(0, 0, 0, &fds)], 0, &[(0, 0, 0, &fds)]);
    log.call("perf_event_open", [A, 0, 1, 5, 0, 0], &[(0, 0, 0, &event(4, 1, 0))], 3, &[]);
    let detail = Detail { raw: calls("openat"), ..Detail::default() };
    let mut text = log.text(&Options { detail, ..Options::default() });
    let detail = Detail { dereferenced: calls("poll"), ..Detail::default() };
    text.push_str(&log.text(&Options { detail, ..Options::default() }));
    let detail = Detail { abbreviated: calls("poll"), ..Detail::default() };
    text.push_str(&log.text(&Options { detail, ..Options::default() }));
    expect![[r#"
        openat(0x3, 0x1000, 0x40, 0x180)        = -1 (errno 2)
        poll([{fd=3, events=POLLIN}], 1, 0)     = 0 (Timeout)
        perf_event_open({type=PERF_TYPE_RAW, size=PERF_ATTR_SIZE_VER0, config=0x1, sample_period=4000, sample_type=PERF_SAMPLE_TID, read_format=PERF_FORMAT_GROUP, precise_ip=0 /* arbitrary skid */, ...}, 0, 1, 5, 0) = 3
        openat(3, "f", O_RDONLY|O_CREAT, 0600)  = -1 ENOENT (No such file or directory)
        poll([{fd=3, events=POLLIN}], 1, 0)     = 0 (Timeout)
        perf_event_open(0x1000, 0, 1, 5, 0)     = 3
        openat(3, "f", O_RDONLY|O_CREAT, 0600)  = -1 ENOENT (No such file or directory)
        poll([{fd=3, events=POLLIN}], 1, 0)     = 0 (Timeout)
        perf_event_open({type=PERF_TYPE_RAW, size=PERF_ATTR_SIZE_VER0, config=0x1, sample_period=4000, sample_type=PERF_SAMPLE_TID, read_format=PERF_FORMAT_GROUP, disabled=0, inherit=0, pinned=0, exclusive=0, exclude_user=0, exclude_kernel=0, exclude_hv=0, exclude_idle=0, mmap=0, comm=0, freq=0, inherit_stat=0, enable_on_exec=0, task=0, watermark=0, precise_ip=0 /* arbitrary skid */, mmap_data=0, sample_id_all=0, exclude_host=0, exclude_guest=0, exclude_callchain_kernel=0, exclude_callchain_user=0, mmap2=0, comm_exec=0, use_clockid=0, context_switch=0, write_backward=0, namespaces=0, ksymbol=0, bpf_event=0, aux_output=0, cgroup=0, text_poke=0, build_id=0, inherit_thread=0, remove_on_exec=0, sigtrap=0, wakeup_events=7, config1=0x11}, 0, 1, 5, 0) = 3
    "#]].assert_eq(&text);
}

#[test]
fn times_have_a_precision() {
    let mut log = LogBuilder::new();
    log.call("getppid", [0; 6], &[], 1, &[]);
    let shown = |precision| {
        let clock = Clock::Unix(precision);
        let (relative, duration) = (Some(precision), Some(precision));
        log.text(&Options { clock, relative, duration, ..Options::default() })
    };
    let all = [Precision::Seconds, Precision::Millis, Precision::Micros, Precision::Nanos];
    expect![[r#"
        0 (+     0) getppid()                   = 1 <0>
        0.002 (+     0.000) getppid()           = 1 <0.001>
        0.002000 (+     0.000000) getppid()     = 1 <0.001000>
        0.002000000 (+     0.000000000) getppid() = 1 <0.001000000>
    "#]]
    .assert_eq(&all.map(shown).concat());
}
