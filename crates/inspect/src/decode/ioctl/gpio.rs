//! Requests of lines of GPIO chips (linux/gpio.h).

use sysreel_abi::consts::ioctl_values as c;

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::shape::{self, Field, Shape};
use super::super::view::View;
use super::form::Form::{self, Exchanged, Shaped, Written};
use Shape::*;

const U32: Shape = Number(4);

#[rustfmt::skip]
pub(super) const FORMS: &[(&str, Form)] = &[
    ("GPIO_GET_CHIPINFO_IOCTL", Shaped(&[("name", 0, FixedText(32)), ("label", 32, FixedText(32)),
        ("lines", 64, U32)])),
    ("GPIO_GET_LINEINFO_IOCTL", Exchanged(&[LINE], LINE_INFO, 72)),
    ("GPIO_GET_LINEINFO_WATCH_IOCTL", Exchanged(&[LINE], LINE_INFO, 72)),
    ("GPIO_GET_LINEINFO_UNWATCH_IOCTL", Written(&[("offset", 0, U32)], 4)),
    ("GPIO_GET_LINEHANDLE_IOCTL", Exchanged(HANDLE, HANDLE_MADE, 364)),
    ("GPIO_GET_LINEEVENT_IOCTL", Exchanged(EVENT, EVENT_MADE, 48)),
    ("GPIOHANDLE_GET_LINE_VALUES_IOCTL", Form::Answered(VALUES, 64)),
    ("GPIOHANDLE_SET_LINE_VALUES_IOCTL", Written(VALUES, 64)),
    ("GPIOHANDLE_SET_CONFIG_IOCTL", Written(&[("flags", 0, Flags(4, &c::GPIO_HANDLE)),
        ("default_values", 4, Sequence(&Number(1), 64))], 84)),
    ("GPIO_V2_GET_LINEINFO_IOCTL", Exchanged(&[LINE2], LINE2_INFO, 256)),
    ("GPIO_V2_GET_LINEINFO_WATCH_IOCTL", Exchanged(&[LINE2], LINE2_INFO, 256)),
    ("GPIO_V2_GET_LINE_IOCTL", Exchanged(REQUEST, REQUEST_MADE, 592)),
    ("GPIO_V2_LINE_GET_VALUES_IOCTL", Exchanged(&[MASK], &[BITS, MASK], 16)),
    ("GPIO_V2_LINE_SET_VALUES_IOCTL", Written(&[BITS, MASK], 16)),
    ("GPIO_V2_LINE_SET_CONFIG_IOCTL", Written(CONFIG, 272)),
];
const LINE: Field = ("line_offset", 0, U32);
const LINE_INFO: &[Field] = &[
    LINE,
    ("flags", 4, Flags(4, &c::GPIO_LINE)),
    ("name", 8, FixedText(32)),
    ("consumer", 40, FixedText(32)),
];
const VALUES: &[Field] = &[("values", 0, Sequence(&Number(1), 64))];
macro_rules! handle {
    ($($more:tt)*) => {
        &[
            ("lines", 356, U32),
            ("lineoffsets", 0, Counted(&U32, 356, 64)),
            ("flags", 256, Flags(4, &c::GPIO_HANDLE)),
            ("default_values", 260, Counted(&Number(1), 356, 64)),
            ("consumer_label", 324, FixedText(32)),
            $($more)*
        ]
    };
}
const HANDLE: &[Field] = handle!();
const HANDLE_MADE: &[Field] = handle!(("fd", 360, Fd));
macro_rules! event {
    ($($more:tt)*) => {
        &[
            ("lineoffset", 0, U32),
            ("handleflags", 4, Flags(4, &c::GPIO_HANDLE)),
            ("eventflags", 8, Flags(4, &c::GPIO_EVENT)),
            ("consumer_label", 12, FixedText(32)),
            $($more)*
        ]
    };
}
const EVENT: &[Field] = event!();
const EVENT_MADE: &[Field] = event!(("fd", 44, Fd));
const LINE2: Field = ("offset", 64, U32);
const LINE2_INFO: &[Field] = &[
    LINE2,
    ("name", 0, FixedText(32)),
    ("consumer", 32, FixedText(32)),
    ("flags", 72, Flags(8, &c::GPIO_V2_LINE)),
    ("num_attrs", 68, U32),
    ("attrs", 80, Counted(&Call16(attribute), 68, 10)),
    ("_padding", 240, Sequence(&Hex(4), 4)),
];
const BITS: Field = ("bits", 0, Hex(8));
const MASK: Field = ("mask", 8, Hex(8));
const CONFIG: &[Field] = &[
    ("flags", 0, Flags(8, &c::GPIO_V2_LINE)),
    ("num_attrs", 8, U32),
    ("_padding", 12, Sequence(&Hex(4), 5)),
    ("=attrs", 32, Counted(&Call24(masked), 8, 10)),
];
macro_rules! request {
    ($($more:tt)*) => {
        &[
            ("num_lines", 560, U32),
            ("offsets", 0, Counted(&U32, 560, 64)),
            ("consumer", 256, FixedText(32)),
            ("config", 288, Members(CONFIG)),
            ("_event_buffer_size", 564, U32),
            ("_padding", 568, Sequence(&Hex(4), 5)),
            $($more)*
        ]
    };
}
const REQUEST: &[Field] = request!();
const REQUEST_MADE: &[Field] = request!(("fd", 588, Fd));

/// struct gpio_v2_line_attribute, whose value depends on its id.
fn attribute(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    out.push('{');
    members_of(view, chunk, out);
    out.push('}');
}

fn members_of(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) {
    let f = Fields::new(view.abi, chunk.bytes);
    let (name, form) = match f.u32(0) {
        _ if f.u32(4) != 0 => ("", Raw),
        1 => ("flags", Flags(8, &c::GPIO_V2_LINE)),
        2 => ("values", Hex(8)),
        3 => ("debounce_period_us", U32),
        _ => ("", Raw),
    };
    if name.is_empty() {
        const UNKNOWN: &[Field] = &[("id", 0, U32), ("_padding", 4, Hex(4)), ("data", 8, Hex(8))];
        out.push_str("attr=");
        return shape::members(view, 0, UNKNOWN, chunk, out);
    }
    super::super::out::member(out, name);
    shape::write(view, 0, form, chunk.from(8), out);
}

/// struct gpio_v2_line_config_attribute: an attribute and the lines that have it.
fn masked(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    out.push('{');
    members_of(view, chunk, out);
    super::super::out::member(out, "mask");
    shape::write(view, 0, Hex(8), chunk.from(16), out);
    out.push('}');
}
