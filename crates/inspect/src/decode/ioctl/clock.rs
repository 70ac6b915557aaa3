//! Requests of counters and of hardware clocks (linux/counter.h, linux/ptp_clock.h).

use sysreel_abi::ArgKind;
use sysreel_abi::consts::ioctl_values as c;

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::shape::{self, Field, Shape};
use super::super::view::View;
use super::form::Form::{self, Exchanged, Nothing, Shaped, Value, Written};
use Shape::*;

const U32: Shape = Number(4);

#[rustfmt::skip]
pub(super) const FORMS: &[(&str, Form)] = &[
    ("COUNTER_ADD_WATCH_IOCTL", Shaped(&[("component", 0, Members(&[
        ("type", 0, Enum(1, &c::COUNTER_COMPONENT)), ("scope", 1, Enum(1, &c::COUNTER_SCOPE)),
        ("parent", 2, Number(1)), ("id", 3, Number(1))])),
        ("event", 4, Enum(1, &c::COUNTER_EVENT)), ("channel", 5, Number(1))])),
    ("RTC_PARAM_GET", Form::Call(asked_parameter)), ("RTC_PARAM_SET", Form::Call(parameter)),
    ("COUNTER_ENABLE_EVENTS_IOCTL", Nothing), ("COUNTER_DISABLE_EVENTS_IOCTL", Nothing),
    ("PTP_EXTTS_REQUEST", Written(&[INDEX, EVENT_FLAGS], 16)),
    ("PTP_EXTTS_REQUEST2", Shaped(&[INDEX, EVENT_FLAGS, ("_rsv", 8, Sequence(&Hex(4), 2))])),
    ("PTP_PEROUT_REQUEST", Form::Call(old_output)), ("PTP_PEROUT_REQUEST2", Form::Call(output)),
    ("PTP_ENABLE_PPS", Value(ArgKind::Hex)), ("PTP_ENABLE_PPS2", Value(ArgKind::Hex)),
    ("PTP_SYS_OFFSET", Written(SAMPLES, 832)), ("PTP_SYS_OFFSET2", Written(SAMPLES, 832)),
    ("PTP_SYS_OFFSET_EXTENDED", Exchanged(SAMPLES, SAMPLES, 1216)),
    ("PTP_SYS_OFFSET_EXTENDED2", Exchanged(SAMPLES, SAMPLES, 1216)),
    ("PTP_PIN_GETFUNC", Exchanged(&[PIN], PIN_ANSWER, 96)),
    ("PTP_PIN_GETFUNC2", Exchanged(&[PIN, PIN_RESERVED], PIN_ANSWER, 96)),
    ("PTP_PIN_SETFUNC", Written(&[PIN, FUNCTION, CHANNEL], 96)),
    ("PTP_PIN_SETFUNC2", Written(&[PIN, FUNCTION, CHANNEL, PIN_RESERVED], 96)),
    ("PTP_CLOCK_GETCAPS", Shaped(CAPABILITIES)), ("PTP_CLOCK_GETCAPS2", Shaped(CAPABILITIES)),
    ("PTP_SYS_OFFSET_PRECISE", Form::Answered(PRECISE, 64)),
    ("PTP_SYS_OFFSET_PRECISE2", Form::Answered(PRECISE, 64)),
];
const INDEX: Field = ("index", 0, U32);
const EVENT_FLAGS: Field = ("flags", 4, Flags(4, &c::PTP_FLAGS));
const SAMPLES: &[Field] = &[("n_samples", 0, U32), ("_rsv", 4, Sequence(&Hex(4), 3))];
const PIN: Field = ("index", 64, U32);
const FUNCTION: Field = ("func", 68, Enum(4, &c::PTP_PIN));
const CHANNEL: Field = ("chan", 72, U32);
const PIN_RESERVED: Field = ("_rsv", 76, Sequence(&Hex(4), 5));
const PIN_ANSWER: &[Field] = &[("name", 0, FixedText(64)), PIN, FUNCTION, CHANNEL, PIN_RESERVED];
/// struct ptp_clock_time.
const TIME: Shape = Members(&[("sec", 0, Signed(8)), ("nsec", 8, U32), ("_reserved", 12, Hex(4))]);
const PRECISE: &[Field] =
    &[("device", 0, TIME), ("sys_realtime", 16, TIME), ("sys_monoraw", 32, TIME)];
const CAPABILITIES: &[Field] = &[
    ("max_adj", 0, Signed(4)),
    ("n_alarm", 4, Signed(4)),
    ("n_ext_ts", 8, Signed(4)),
    ("n_per_out", 12, Signed(4)),
    ("pps", 16, Signed(4)),
    ("n_pins", 20, Signed(4)),
    ("cross_timestamping", 24, Signed(4)),
];

/// struct rtc_param, whose value is the answer.
fn asked_parameter(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const SIZE: usize = 24;
    chunk.has(SIZE) && {
        out.push_str("{param=");
        shape::write(view, 0, Enum(8, &c::RTC_PARAM), chunk, out);
        rest(view, chunk, out);
        out.push_str(" => ");
        crate::text::pointer(out, view.arg(2));
        true
    }
}

fn rest(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) {
    out.push_str(", index=");
    shape::write(view, 0, U32, chunk.from(16), out);
    let pad = Fields::new(view.abi, chunk.bytes).u32(20);
    if pad != 0 {
        out.push_str(", __pad=");
        crate::text::hex(out, pad);
    }
    out.push('}');
}

fn parameter(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const SIZE: usize = 24;
    const FEATURES: Shape = Bits(8, &c::RTC_FEATURE, "1<<RTC_FEATURE_");
    chunk.has(SIZE) && {
        let number = Fields::new(view.abi, chunk.bytes).u64(0);
        let known = c::RTC_PARAM.items.iter().find(|(_, known)| *known == number);
        let (name, shape) = match known.map(|(name, _)| *name) {
            Some("RTC_PARAM_FEATURES") => ("uvalue", FEATURES),
            Some("RTC_PARAM_CORRECTION") => ("svalue", Signed(8)),
            Some("RTC_PARAM_BACKUP_SWITCH_MODE") => ("uvalue", Enum(8, &c::RTC_BSM)),
            _ => ("uvalue", Hex(8)),
        };
        out.push_str("{param=");
        shape::write(view, 0, Enum(8, &c::RTC_PARAM), chunk, out);
        super::super::out::member(out, name);
        shape::write(view, 0, shape, chunk.from(8), out);
        rest(view, chunk, out);
        true
    }
}

fn old_output(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    periodic(view, chunk, false, out)
}

fn output(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    periodic(view, chunk, true, out)
}

/// struct ptp_perout_request, two members of which depend on its flags.
fn periodic(view: &View<'_>, chunk: Chunk<'_>, is_second: bool, out: &mut String) -> bool {
    const SIZE: usize = 56;
    const FLAGS: usize = 36;
    const DUTY_CYCLE: u64 = 2;
    const PHASE: u64 = 4;
    if !chunk.has(SIZE) {
        return false;
    }
    let flags = Fields::new(view.abi, chunk.bytes).u32(FLAGS);
    let start = if flags & PHASE != 0 { "phase" } else { "start" };
    let last = match flags & DUTY_CYCLE {
        0 if is_second => ("_rsv", 40, Sequence(&Hex(4), 4)),
        0 => ("", 40, Padding(16)),
        _ => ("on", 40, TIME),
    };
    let fields = [
        (start, 0, TIME),
        ("period", 16, TIME),
        ("index", 32, U32),
        ("flags", FLAGS, Flags(4, &c::PTP_OUTPUT)),
        last,
    ];
    shape::members(view, 0, &fields, chunk, out);
    true
}
