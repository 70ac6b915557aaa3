//! The language of statements: every kind of line is parsed, and anything else is an error.

use crate::statements::{Claim, Count, Pattern, Shape, Who, parse};

#[test]
fn every_kind_of_line_is_understood() {
    let text = "\
stop 5 entry read arch=x86_64 nr=0 arg0=ffffffffffffffff arg2=10
stop 5 exit -9 error=1 arch=i386
stop 5 seccomp getuid data=4660
stop 5 signal SIGRTMIN+1
stop 5 group SIGSTOP
stop 5 event exec msg=7
gone 5 exited 3
gone 5 killed SIGKILL
gone 5 superseded
never * entry *
unfinished 5 read
memory 5 exit read arg1@7f00 aa+fill:00x3+...
memory 5 entry write arg1 empty role=0 index=0 asked=0
unreadable 5 entry write arg1 EFAULT
regions 5 write 1 0 short=0
regions 5 read 1 2 short=1
print write(1, \"a  b\", 4) = 4
skip no such kernel
# a remark
";
    let all = parse(text).unwrap();
    assert_eq!(all.len(), 19);
    let args = [Some(u64::MAX), None, Some(16), None, None, None];
    let shape =
        Shape::Entry { name: Some("read".into()), arch: Some("x86_64".into()), nr: Some(0), args };
    assert_eq!(all[0].claim, Claim::Stop(Who::Task(5), shape));
    let Claim::Memory(place, pattern) = &all[11].claim else { panic!("{:?}", all[11]) };
    assert!(place.at_exit && place.address == Some(0x7f00) && place.arg == 1);
    assert_eq!(*pattern, Pattern { bytes: vec![0xaa, 0, 0, 0], open: true });
    let count = Count { name: "read".into(), entry: 1, exit: 2, short: 1 };
    assert_eq!(all[15].claim, Claim::Regions(Who::Task(5), count));
    assert_eq!(all[16].claim, Claim::Print("write(1, \"a  b\", 4) = 4".into()));
}

#[test]
fn a_bad_line_is_an_error_that_names_it() {
    for bad in [
        "",
        "stop",
        "stop 5",
        "stop x entry read",
        "stop 5 entry",
        "stop 5  entry read",
        "stop 5 entry read ",
        "stop 5 entry read arg6=1",
        "stop 5 entry read arg0=0x1",
        "stop 5 entry read arg0=1 arg0=2",
        "stop 5 entry read arch=mips",
        "stop 5 entry read fd=1",
        "stop 5 exit",
        "stop 5 exit 1f",
        "stop 5 exit 0 error=2",
        "stop 5 exit 0 arch=x32",
        "stop 5 exit 99999999999999999999",
        "stop 5 seccomp getuid",
        "stop 5 signal KILL",
        "stop 5 event boom",
        "stop 5 event exec msg=x",
        "gone 5",
        "gone 5 exited",
        "gone 5 killed",
        "unfinished 5",
        "memory 5 entry write arg1",
        "memory 5 later write arg1 00",
        "memory 5 entry write arg1 0",
        "memory 5 entry write arg1 0g",
        "memory 5 entry write arg1 fill:00",
        "memory 5 entry write arg1 ...+00",
        "memory 5 entry write arg1 fill:00x99999999999",
        "memory 5 entry write arg1@ 00",
        "memory 5 entry write arg1 00 got=1",
        "memory 5 entry write arg1 00 asked=1 asked=1",
        "regions 5 read 1 0",
        "regions 5 read 1 x short=0",
        "regions 5 read 1 0 bad=1",
        "nonsense 5 entry read",
    ] {
        let error = parse(&format!("# first\n{bad}\n")).unwrap_err();
        assert!(error.contains("line 2"), "{bad:?}: {error}");
    }
    assert!(parse("# cut").unwrap_err().contains("line 1"));
    assert_eq!(parse("").unwrap(), []);
}
