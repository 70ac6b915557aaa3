//! JSON output: valid, without loss, one line per event.

use expect_test::expect;
use serde_json::Value;
use sysreel_abi::{Abi, AuditArch};
use sysreel_format::{
    Data, Direction, EventKind, GoneHow, Name, RegionFlags, RegionHead, Role, StopHead,
};

use crate::testing::{LogBuilder, entry_info, exit_info, no_info};

#[test]
fn every_kind_of_event_is_one_valid_line() {
    let mut log = LogBuilder::new();
    log.call("write", [1, 0x1000, 3, 0, 0, 0], &[(1, 0, 0, b"a\xffb")], 3, &[]);
    log.stop(0, 0xa7f, &no_info(), |buf| {
        buf.siginfo(&[10, 0, 0, 0]);
        buf.registers(1, &[1, 2]);
        buf.raw_part(sysreel_format::PartKind(99), 0, b"?");
    });
    log.stop(0, 0x857f, &exit_info(AuditArch::X86_64, i64::MAX, 0), |buf| {
        buf.name(&Name {
            fd: 3,
            mode: 0,
            dev: 0,
            ino: u64::MAX,
            rdev: 0,
            link: b"/a\xff\x1b",
            local: &[],
            peer: &[],
        });
    });
    log.event(EventKind(77), 0, |buf| buf.raw(b"new"));
    log.event(EventKind::MARK, u32::MAX, |buf| buf.raw("m\"\u{9b}\n".as_bytes()));
    log.event(EventKind::STOP, 0, |buf| buf.raw(&[1]));
    log.gone(0, 0x100, GoneHow::REAPED);
    let json = log.json();
    for line in json.lines() {
        let value: Value = serde_json::from_str(line).expect(line);
        assert!(value["seq"].is_u64() && value["kind"].is_string(), "{line}");
    }
    assert!(!json.chars().any(|c| c.is_control() && c != '\n'));
    expect![[r#"
        {"seq":0,"kind":"task","source":"kernel","source_raw":1,"task":0,"t_ns":1000000,"tid":100,"tgid":100,"parent":null,"origin":"attached","origin_raw":2}
        {"seq":1,"kind":"stop","source":"kernel","source_raw":1,"task":0,"t_ns":2000000,"status":"0x857f","stop":"syscall","signal":"SIGTRAP","signal_raw":5,"layout":"merged","layout_raw":1,"ret_len":80,"bytes":"010000003e0000c00010ff7f000000000020ff7f000000000100000000000000010000000000000000100000000000000300000000000000000000000000000000000000000000000000000000000000","op":"entry","op_raw":1,"arch":"X86_64","arch_raw":3221225534,"ip":"0x7fff1000","sp":"0x7fff2000","nr":"0x1","name":"write","args":["0x1","0x1000","0x3","0x0","0x0","0x0"],"regions":[{"arg":1,"dir":"in","role":0,"index":0,"address":"0x1000","asked":3,"got":3,"errno":null,"cut":false,"string":false,"data":"61ff62"}]}
        {"seq":2,"kind":"stop","source":"kernel","source_raw":1,"task":0,"t_ns":3000000,"status":"0x857f","stop":"syscall","signal":"SIGTRAP","signal_raw":5,"layout":"merged","layout_raw":1,"ret_len":33,"bytes":"020000003e0000c00010ff7f000000000020ff7f00000000030000000000000000","op":"exit","op_raw":2,"arch":"X86_64","arch_raw":3221225534,"ip":"0x7fff1000","sp":"0x7fff2000","rval":3,"is_error":0}
        {"seq":3,"kind":"stop","source":"kernel","source_raw":1,"task":0,"t_ns":4000000,"status":"0xa7f","stop":"signal","signal":"SIGUSR1","signal_raw":10,"layout":"merged","layout_raw":1,"ret_len":24,"bytes":"000000003e0000c000000000000000000000000000000000","op":"none","op_raw":0,"arch":"X86_64","arch_raw":3221225534,"ip":"0x0","sp":"0x0","siginfo":"0a000000","registers":[{"regset":1,"bytes":"0102"}],"unknown_parts":[{"kind":99,"flags":0,"bytes":"3f"}]}
        {"seq":4,"kind":"stop","source":"kernel","source_raw":1,"task":0,"t_ns":5000000,"status":"0x857f","stop":"syscall","signal":"SIGTRAP","signal_raw":5,"layout":"merged","layout_raw":1,"ret_len":33,"bytes":"020000003e0000c00010ff7f000000000020ff7f00000000ffffffffffffff7f00","op":"exit","op_raw":2,"arch":"X86_64","arch_raw":3221225534,"ip":"0x7fff1000","sp":"0x7fff2000","rval":"9223372036854775807","is_error":0,"names":[{"fd":3,"link_hex":"2f61ff1b","mode":0,"dev":0,"ino":"0xffffffffffffffff","rdev":0}]}
        {"seq":5,"kind":"unknown","kind_raw":77,"source":"kernel","source_raw":1,"task":0,"t_ns":6000000,"body":"6e6577"}
        {"seq":6,"kind":"mark","source":"kernel","source_raw":1,"task":null,"t_ns":7000000,"name":"m\"\u009b\u000a"}
        {"seq":7,"kind":"stop","source":"kernel","source_raw":1,"task":0,"t_ns":8000000,"error":"malformed stop at byte 0","body":"01"}
        {"seq":8,"kind":"gone","source":"kernel","source_raw":1,"task":0,"t_ns":9000000,"status":"0x100","how":"reaped","how_raw":1,"utime_ns":0,"stime_ns":0,"maxrss_kib":0}
    "#]].assert_eq(&json);
}

#[test]
fn numbers_of_any_size_survive() {
    let mut log = LogBuilder::new();
    for nr in [u64::MAX, 0x4000_0027, 0xdead_beef_0000_0027] {
        log.stop(0, 0x857f, &entry_info(AuditArch::X86_64, nr, [u64::MAX; 6]), |_| {});
    }
    log.stop(0, 0x857f, &exit_info(AuditArch(7), i64::MIN, 9), |_| {});
    let lines: Vec<Value> =
        log.json().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let read = |value: &Value| {
        u64::from_str_radix(value.as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap()
    };
    assert_eq!(read(&lines[1]["nr"]), u64::MAX);
    assert_eq!(lines[1]["name"], Value::Null);
    assert_eq!(read(&lines[2]["nr"]), 0x4000_0027);
    assert_eq!(lines[2]["name"], "getpid");
    assert_eq!(read(&lines[3]["args"][5]), u64::MAX);
    assert_eq!(lines[4]["rval"], i64::MIN.to_string());
    assert_eq!((&lines[4]["is_error"], &lines[4]["arch_raw"]), (&Value::from(9), &Value::from(7)));
}

#[test]
fn a_short_or_unknown_struct_stays_bytes() {
    let mut log = LogBuilder::new();
    let full = entry_info(Abi::X86_64.arch(), 1, [0; 6]);
    for (layout, info) in [(1, &full[..79]), (1, &full[..0]), (9, &full[..]), (2, &full[..])] {
        log.event(EventKind::STOP, 0, |buf| {
            let layout = sysreel_format::Layout(layout);
            buf.stop_head(&StopHead { wait_status: 0x857f, info_ret: -22, layout, info });
        });
    }
    let lines: Vec<Value> =
        log.json().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines[1..] {
        assert!(line.get("nr").is_none() && line["ret_len"] == -22, "{line}");
        assert!(line["bytes"].is_string());
    }
}

#[test]
fn a_buffer_that_is_lost_is_null_and_not_empty() {
    let mut log = LogBuilder::new();
    let head = RegionHead {
        arg: 255,
        dir: Direction::OUT,
        role: Role::DIRECT,
        flags: RegionFlags::CUT,
        index: 0,
        address: 0x1000,
        asked: 400,
        got: 300,
        errno: 14,
    };
    log.stop(0, 0x857f, &no_info(), |buf| {
        buf.region(&head, Data::Blobs(&[sysreel_format::BlobNumber(3)]))
    });
    let line = log.json().lines().nth(1).unwrap().to_owned();
    let value: Value = serde_json::from_str(&line).unwrap();
    let region = &value["regions"][0];
    assert_eq!((&region["data"], &region["arg"]), (&Value::Null, &Value::Null));
    assert_eq!((&region["errno"], &region["cut"]), (&Value::from("EFAULT"), &Value::from(true)));
}
