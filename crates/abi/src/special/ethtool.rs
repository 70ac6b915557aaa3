//! The structures of SIOCETHTOOL, by their command (linux/ethtool.h, net/ethtool/ioctl.c).

/// Returns the length in bytes of a structure, from its 32-bit words. `None` for a command that is
/// not here, or words that cannot be read.
pub(crate) fn length(word: impl Fn(u8) -> Option<u32>) -> Option<u64> {
    let command = word(0)?;
    if let Some((_, len)) = FIXED.iter().find(|(commands, _)| commands.contains(&command)) {
        return Some((*len).into());
    }
    let &(_, head, at, each) = COUNTED.iter().find(|(commands, ..)| commands.contains(&command))?;
    let count = match command {
        SETS => word(at)?.count_ones() + word(at + 1)?.count_ones(),
        // The last byte is signed: a wish that was not met is negative.
        LINK_GET | LINK_SET => u32::try_from(word(at)?.cast_signed() >> 24).unwrap_or(0),
        _ => word(at)?,
    };
    Some(u64::from(head) + u64::from(count) * u64::from(each))
}

const SETS: u32 = 0x37;
const LINK_GET: u32 = 0x4c;
const LINK_SET: u32 = 0x4d;

/// Commands, and the length of their structure.
const FIXED: &[(&[u32], u8)] = &[
    // ethtool_cmd, ethtool_drvinfo, ethtool_wolinfo.
    (&[0x01, 0x02], 44),
    (&[0x03], 196),
    (&[0x05, 0x06], 20),
    // ethtool_value: ETHTOOL_GMSGLVL to ETHTOOL_GLINK, offloads, flags.
    (&[0x07, 0x08, 0x0a, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1c, 0x1e, 0x1f], 8),
    (&[0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x2b, 0x2c], 8),
    // ETHTOOL_NWAY_RST has no more than the command.
    (&[0x09], 4),
    // ethtool_coalesce, ethtool_ringparam, ethtool_pauseparam, ethtool_channels.
    (&[0x0e, 0x0f], 92),
    (&[0x10, 0x11], 36),
    (&[0x12, 0x13], 16),
    (&[0x3c, 0x3d], 36),
    // ethtool_ts_info, ethtool_modinfo, ethtool_eee, ethtool_fecparam.
    (&[0x41], 44),
    (&[0x42], 44),
    (&[0x44, 0x45], 40),
    (&[0x50, 0x51], 16),
];

/// Commands, the length of the structure's head, which word of it has the number of elements, and
/// the length of an element.
const COUNTED: &[(&[u32], u8, u8, u8)] = &[
    // ethtool_regs, ethtool_eeprom, ethtool_test, ethtool_gstrings.
    (&[0x04], 12, 2, 1),
    (&[0x0b, 0x0c, 0x43], 16, 3, 1),
    (&[0x1a], 16, 3, 8),
    (&[0x1b], 12, 2, 32),
    // ethtool_stats, ethtool_perm_addr, ethtool_sset_info: a bit for each element.
    (&[0x1d, 0x4a], 8, 1, 8),
    (&[0x20], 8, 1, 1),
    (&[SETS], 16, 2, 4),
    // ethtool_gfeatures, ethtool_sfeatures.
    (&[0x3a], 8, 1, 16),
    (&[0x3b], 8, 1, 8),
    // ethtool_link_settings: three bit sets of as many words as its last byte says.
    (&[LINK_GET, LINK_SET], 48, 3, 12),
];

#[cfg(test)]
mod tests {
    use super::length;

    fn of(words: &[u32]) -> Option<u64> {
        length(|at| words.get(usize::from(at)).copied())
    }

    /// The sizes of the structures, as the C compiler has them (linux/ethtool.h, Linux 6.1).
    #[test]
    fn lengths_are_those_of_the_header() {
        assert_eq!(of(&[1]), Some(44));
        assert_eq!(of(&[3]), Some(196));
        assert_eq!(of(&[0xe]), Some(92));
        assert_eq!(of(&[0x1b, 1, 3]), Some(12 + 3 * 32));
        assert_eq!(of(&[0x37, 0, 0b101, 1]), Some(16 + 3 * 4));
        assert_eq!(of(&[0x4c, 0, 0, 0x0300_00ff]), Some(48 + 3 * 12));
        assert_eq!(of(&[0x4c, 0, 0, 0xfd00_0000]), Some(48));
    }

    #[test]
    fn what_is_not_known_has_no_length() {
        assert_eq!(of(&[0x29]), None);
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[0x1b, 1]), None);
    }
}
