//! Messages of netlink(7).

use std::mem::offset_of;

use linux_raw_sys::netlink::nlmsghdr;

use crate::bytes::u32_at;

/// The kernel aligns messages to this many bytes (`NLMSG_ALIGNTO`, include/uapi/linux/netlink.h).
const ALIGNED: usize = 4;

/// Zeroes the port of the sender in each message: the kernel chose it for this run.
pub fn forget_ports(messages: &mut [u8]) {
    let mut at = 0_usize;
    while let Some(message) = messages.get_mut(at..).filter(|message| !message.is_empty()) {
        let len = u32_at(message, offset_of!(nlmsghdr, nlmsg_len)).unwrap_or(0);
        let port = offset_of!(nlmsghdr, nlmsg_pid);
        if let Some(port) = message.get_mut(port..port + size_of::<u32>()) {
            port.fill(0);
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX).max(size_of::<nlmsghdr>());
        at = at.saturating_add(len).checked_next_multiple_of(ALIGNED).unwrap_or(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: u32, port: u32, data: &[u8]) -> Vec<u8> {
        [&len.to_le_bytes()[..], &[1, 0, 5, 0], &[7, 0, 0, 0], &port.to_le_bytes(), data].concat()
    }

    #[test]
    fn every_message_loses_its_port_and_nothing_else() {
        let both = |port| [message(18, port, b"ab\0\0"), message(20, port, b"abcd")].concat();
        let mut messages = both(0x1234_5678);
        forget_ports(&mut messages);
        assert_eq!(messages, both(0));
        for cut in 0..messages.len() {
            forget_ports(&mut messages[..cut]);
        }
        let mut hostile = message(0, 9, b"");
        forget_ports(&mut hostile);
        assert_eq!(hostile, message(0, 0, b""));
        let mut long = message(u32::MAX, 9, b"x");
        forget_ports(&mut long);
        assert_eq!(long, message(u32::MAX, 0, b"x"));
    }
}
