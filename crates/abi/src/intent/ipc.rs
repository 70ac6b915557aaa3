//! System V IPC and POSIX message queues: which object a call is about, and what it does with it.

use crate::arch::Abi;
use crate::consts::unpackaged as u;
use crate::desc::Row;

/// How a call refers to an IPC object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpcObject {
    /// By the key in argument 0; the result is its id.
    Key(u32),
    /// By the id in argument 0.
    Id(u32),
    /// By the name in argument 0.
    Name,
}

/// A call on an IPC object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpcCall {
    /// The kind of the object: `shm`, `sem`, `msg`, `mq`.
    pub kind: &'static str,
    /// Which object.
    pub object: IpcObject,
    /// What is done with it; `get` also makes it.
    pub does: &'static str,
    /// The argument with flags and mode, of `get`.
    pub flags: Option<usize>,
}

/// The key that means a new object without a key (`IPC_PRIVATE`).
pub const IPC_PRIVATE: u32 = 0;

/// Returns what a call does with an IPC object; `None` if it does nothing to one.
#[must_use]
pub fn ipc_call(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<IpcCall> {
    let args = abi.args(args);
    let low = |at: usize| u32::try_from(args.get(at)? & 0xffff_ffff).ok();
    let first = low(0)?;
    let by_id =
        |kind, does| Some(IpcCall { kind, object: IpcObject::Id(first), does, flags: None });
    let get = |kind, flags: &str| {
        Some(IpcCall { kind, object: IpcObject::Key(first), does: "get", flags: row.arg(flags) })
    };
    let control = |kind: &'static str, command: Option<u32>| {
        // IPC_64 of i386 is in the command.
        let does = match u64::from(command?) & !u::IPC_64 {
            u::IPC_RMID => "remove",
            u::IPC_SET => "set",
            u::SETVAL | u::SETALL if kind == "sem" => "operate",
            _ => return None,
        };
        by_id(kind, does)
    };
    match row.name {
        "shmget" => get("shm", "shmflg"),
        "semget" => get("sem", "semflg"),
        "msgget" => get("msg", "msgflg"),
        "shmat" if u64::from(low(2)?) & u::SHM_RDONLY != 0 => by_id("shm", "attach,SHM_RDONLY"),
        "shmat" => by_id("shm", "attach"),
        "msgsnd" => by_id("msg", "send"),
        "msgrcv" => by_id("msg", "receive"),
        "semop" | "semtimedop" => by_id("sem", "operate"),
        "shmctl" => control("shm", low(1)),
        "msgctl" => control("msg", low(1)),
        "semctl" => control("sem", low(2)),
        "mq_open" => {
            let does = "get";
            Some(IpcCall { kind: "mq", object: IpcObject::Name, does, flags: row.arg("oflag") })
        }
        "mq_unlink" => {
            Some(IpcCall { kind: "mq", object: IpcObject::Name, does: "remove", flags: None })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;

    #[test]
    fn calls_are_told_by_what_they_do() {
        let of = |name, args| {
            let row = row_named(Abi::X86_64, name).unwrap();
            ipc_call(Abi::X86_64, row, &args).map(|call| (call.kind, call.does))
        };
        assert_eq!(of("shmget", [0x5359, 4096, 0o1600, 0, 0, 0]), Some(("shm", "get")));
        assert_eq!(of("msgctl", [7, 0, 0, 0, 0, 0]), Some(("msg", "remove")));
        assert_eq!(of("msgctl", [7, 2, 0, 0, 0, 0]), None, "IPC_STAT");
        assert_eq!(of("semctl", [7, 0, 16, 1, 0, 0]), Some(("sem", "operate")));
        assert_eq!(of("shmat", [7, 0, 0o10000, 0, 0, 0]), Some(("shm", "attach,SHM_RDONLY")));
        assert_eq!(of("read", [7; 6]), None);
    }
}
