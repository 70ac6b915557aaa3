//! Constants of terminals: the flags of `struct termios` (include/uapi/asm-generic/termbits.h), and
//! the arguments of requests. 64-bit ARM has the same values as x86.

use linux_raw_sys::general::*;

use super::list;
use super::unpackaged::*;
use crate::desc::{Constants, Field};

list! { /// Input modes, `c_iflag`.
INPUT "I" 32:
IGNBRK BRKINT IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF IMAXBEL IUTF8 }
list! { /// Local modes, `c_lflag`.
LOCAL "E" 32:
ISIG ICANON XCASE ECHO ECHOE ECHOK ECHONL NOFLSH IEXTEN ECHOCTL ECHOPRT ECHOKE FLUSHO PENDIN TOSTOP
EXTPROC }
list! { /// Special characters, by their index in `c_cc`.
CHARACTER "V" 32:
VINTR VQUIT VERASE VKILL VEOF VTIME VMIN VSWTC VSTART VSTOP VSUSP VEOL VREPRINT VDISCARD VWERASE
VLNEXT VEOL2 }
list! { /// Line disciplines, `c_line`.
DISCIPLINE "N_" 32:
N_TTY N_SLIP N_MOUSE N_PPP N_STRIP N_AX25 N_X25 N_6PACK N_MASC N_R3964 N_PROFIBUS_FDL N_IRDA
N_SMSBLOCK N_HDLC N_SYNC_PPP N_HCI N_GIGASET_M101 N_SLCAN N_PPS N_V253 N_CAIF N_GSM0710 N_TI_WL
N_TRACESINK N_TRACEROUTER N_NCI N_SPEAKUP N_NULL N_MCTP N_DEVELOPMENT N_CAN327 }
list! { /// Argument of TCXONC.
FLOW "TC" 32: TCOOFF TCOON TCIOFF TCION }
list! { /// Argument of TCFLSH.
QUEUE "TC" 32: TCIFLUSH TCOFLUSH TCIOFLUSH }

/// Defines flags with several groups of bits that hold one value each.
macro_rules! grouped {
    ($(#[$doc:meta])* $name:ident $prefix:literal: $($flag:ident)*
        $(; $mask:ident: $($part:ident)*)*) => {
        $(#[$doc])*
        pub static $name: Constants = Constants {
            prefix: $prefix,
            bits: 32,
            items: &[$((stringify!($flag), $flag as u64)),*],
            fields: &[$(Field {
                mask: $mask as u64,
                last: false,
                apart: None,
                items: &[$((stringify!($part), $part as u64)),*],
            }),*],
            overrides: &[],
        };
    };
}

grouped! { /// Output modes, `c_oflag`.
OUTPUT "O": OPOST OLCUC ONLCR OCRNL ONOCR ONLRET OFILL OFDEL;
NLDLY: NL0 NL1; CRDLY: CR0 CR1 CR2 CR3; TABDLY: TAB0 TAB1 TAB2 XTABS; BSDLY: BS0 BS1;
VTDLY: VT0 VT1; FFDLY: FF0 FF1 }
grouped! { /// Control modes, `c_cflag`.
CONTROL "C": CSTOPB CREAD PARENB PARODD HUPCL CLOCAL ADDRB CMSPAR CRTSCTS;
CBAUD: B0 B50 B75 B110 B134 B150 B200 B300 B600 B1200 B1800 B2400 B4800 B9600 B19200 B38400 BOTHER
B57600 B115200 B230400 B460800 B500000 B576000 B921600 B1000000 B1152000 B1500000 B2000000 B2500000
B3000000 B3500000 B4000000;
CSIZE: CS5 CS6 CS7 CS8 }
