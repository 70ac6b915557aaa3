//! Values in the structures of ioctl.

use super::uapi::lists;

lists! {
    /// Components of counters.
    "linux/counter.h" COUNTER_COMPONENT "COUNTER_COMPONENT_" 32:
        COUNTER_COMPONENT_NONE = 0, COUNTER_COMPONENT_SIGNAL = 1, COUNTER_COMPONENT_FUNCTION = 3,
        COUNTER_COMPONENT_SYNAPSE_ACTION = 4, COUNTER_COMPONENT_EXTENSION = 5;
    /// Scopes of counters.
    "linux/counter.h" COUNTER_SCOPE "COUNTER_SCOPE_" 32:
        COUNTER_SCOPE_DEVICE = 0, COUNTER_SCOPE_SIGNAL = 1, COUNTER_SCOPE_COUNT = 2;
    /// Events of counters.
    "linux/counter.h" COUNTER_EVENT "COUNTER_EVENT_" 32:
        COUNTER_EVENT_OVERFLOW = 0, COUNTER_EVENT_UNDERFLOW = 1,
        COUNTER_EVENT_OVERFLOW_UNDERFLOW = 2, COUNTER_EVENT_THRESHOLD = 3, COUNTER_EVENT_INDEX = 4,
        COUNTER_EVENT_CHANGE_OF_STATE = 5, COUNTER_EVENT_CAPTURE = 6;
    /// States of a bus of IDE disks [linux/hdreg.h].
    "" BUS_STATE "BUSSTATE_" 32: BUSSTATE_OFF = 0, BUSSTATE_ON = 1, BUSSTATE_TRISTATE = 2;
    /// Volumes of UBI [mtd/ubi-user.h].
    "" UBI_VOLUME "UBI_" 32: UBI_DYNAMIC_VOLUME = 3, UBI_STATIC_VOLUME = 4;
    /// How long data is expected to stay [mtd/ubi-user.h of Linux 3.6].
    "" UBI_DATA "UBI_" 32: UBI_LONGTERM = 1, UBI_SHORTTERM = 2, UBI_UNKNOWN = 3;
    /// Flags of volumes [mtd/ubi-user.h].
    "" UBI_VOLUME_FLAGS "UBI_VOL_" 32: UBI_VOL_SKIP_CRC_CHECK_FLG = 1;
    /// Properties of volumes [mtd/ubi-user.h].
    "" UBI_PROPERTY "UBI_VOL_PROP_" 32: UBI_VOL_PROP_DIRECT_WRITE = 1;
    /// Modes of raw flash [mtd/mtd-abi.h].
    "" MTD_FILE_MODE "MTD_FILE_MODE_" 32:
        MTD_FILE_MODE_NORMAL = 0, MTD_FILE_MODE_OTP_FACTORY = 1, MTD_FILE_MODE_OTP_USER = 2,
        MTD_FILE_MODE_RAW = 3;
    /// How raw flash is written [mtd/mtd-abi.h].
    "" MTD_OPS "MTD_OPS_" 32: MTD_OPS_PLACE_OOB = 0, MTD_OPS_AUTO_OOB = 1, MTD_OPS_RAW = 2;
    /// One-time programmable areas [mtd/mtd-abi.h].
    "" MTD_OTP "MTD_OTP_" 32: MTD_OTP_OFF = 0, MTD_OTP_FACTORY = 1, MTD_OTP_USER = 2;
    /// Types of raw flash [mtd/mtd-abi.h].
    "" MTD_TYPE "MTD_" 32:
        MTD_ABSENT = 0, MTD_RAM = 1, MTD_ROM = 2, MTD_NORFLASH = 3, MTD_NANDFLASH = 4,
        MTD_DATAFLASH = 6, MTD_UBIVOLUME = 7, MTD_MLCNANDFLASH = 8;
    /// Capabilities of raw flash [mtd/mtd-abi.h].
    "" MTD_FLAGS "MTD_" 32:
        MTD_WRITEABLE = 0x400, MTD_BIT_WRITEABLE = 0x800, MTD_NO_ERASE = 0x1000,
        MTD_POWERUP_LOCK = 0x2000, MTD_SLC_ON_MLC_EMULATION = 0x4000;
    /// Shared memory of trusted environments.
    "linux/tee.h" TEE_SHARED "TEE_IOCTL_SHM_" 32:
        TEE_IOCTL_SHM_MAPPED = 1, TEE_IOCTL_SHM_DMA_BUF = 2;
    /// Who logs in to a trusted environment.
    "linux/tee.h" TEE_LOGIN "TEE_IOCTL_LOGIN_" 32:
        TEE_IOCTL_LOGIN_PUBLIC = 0, TEE_IOCTL_LOGIN_USER = 1, TEE_IOCTL_LOGIN_GROUP = 2,
        TEE_IOCTL_LOGIN_APPLICATION = 4, TEE_IOCTL_LOGIN_USER_APPLICATION = 5,
        TEE_IOCTL_LOGIN_GROUP_APPLICATION = 6;
    /// Parameters of trusted environments.
    "linux/tee.h" TEE_PARAMETER "TEE_IOCTL_PARAM_ATTR_TYPE_" 32:
        TEE_IOCTL_PARAM_ATTR_TYPE_NONE = 0, TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INPUT = 1,
        TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_OUTPUT = 2, TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INOUT = 3,
        TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INPUT = 5, TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_OUTPUT = 6,
        TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INOUT = 7;
    /// Parameters of clocks.
    "linux/rtc.h" RTC_PARAM "RTC_PARAM_" 64:
        RTC_PARAM_FEATURES = 0, RTC_PARAM_CORRECTION = 1, RTC_PARAM_BACKUP_SWITCH_MODE = 2;
    /// Features of clocks: numbers of bits.
    "linux/rtc.h" RTC_FEATURE "RTC_FEATURE_" 32:
        RTC_FEATURE_ALARM = 0, RTC_FEATURE_ALARM_RES_MINUTE = 1, RTC_FEATURE_NEED_WEEK_DAY = 2,
        RTC_FEATURE_ALARM_RES_2S = 3, RTC_FEATURE_UPDATE_INTERRUPT = 4, RTC_FEATURE_CORRECTION = 5,
        RTC_FEATURE_BACKUP_SWITCH_MODE = 6, RTC_FEATURE_ALARM_WAKEUP_ONLY = 7;
    /// When clocks use their battery.
    "linux/rtc.h" RTC_BSM "RTC_BSM_" 64:
        RTC_BSM_DISABLED = 0, RTC_BSM_DIRECT = 1, RTC_BSM_LEVEL = 2, RTC_BSM_STANDBY = 3;
    /// What SCSI devices reset.
    "scsi/sg.h" SG_SCSI_RESET "SG_SCSI_RESET_" 32:
        SG_SCSI_RESET_NOTHING = 0, SG_SCSI_RESET_DEVICE = 1, SG_SCSI_RESET_BUS = 2,
        SG_SCSI_RESET_HOST = 3, SG_SCSI_RESET_TARGET = 4;
    /// Extended attributes of files.
    "linux/fs.h" FS_XFLAG "FS_XFLAG_" 32:
        FS_XFLAG_REALTIME = 1, FS_XFLAG_PREALLOC = 2, FS_XFLAG_IMMUTABLE = 8,
        FS_XFLAG_APPEND = 0x10, FS_XFLAG_SYNC = 0x20, FS_XFLAG_NOATIME = 0x40,
        FS_XFLAG_NODUMP = 0x80, FS_XFLAG_RTINHERIT = 0x100, FS_XFLAG_PROJINHERIT = 0x200,
        FS_XFLAG_NOSYMLINKS = 0x400, FS_XFLAG_EXTSIZE = 0x800, FS_XFLAG_EXTSZINHERIT = 0x1000,
        FS_XFLAG_NODEFRAG = 0x2000, FS_XFLAG_FILESTREAM = 0x4000, FS_XFLAG_DAX = 0x8000,
        FS_XFLAG_COWEXTSIZE = 0x10000, FS_XFLAG_HASATTR = 0x80000000;
    /// Flags of time stamps of external events.
    "linux/ptp_clock.h" PTP_FLAGS "PTP_" 32:
        PTP_ENABLE_FEATURE = 1, PTP_RISING_EDGE = 2, PTP_FALLING_EDGE = 4, PTP_STRICT_FLAGS = 8;
    /// Flags of periodic outputs.
    "linux/ptp_clock.h" PTP_OUTPUT "PTP_PEROUT_" 32:
        PTP_PEROUT_ONE_SHOT = 1, PTP_PEROUT_DUTY_CYCLE = 2, PTP_PEROUT_PHASE = 4;
    /// Functions of pins.
    "linux/ptp_clock.h" PTP_PIN "PTP_PF_" 32:
        PTP_PF_NONE = 0, PTP_PF_EXTTS = 1, PTP_PF_PEROUT = 2, PTP_PF_PHYSYNC = 3;
    /// Flags of lines.
    "linux/gpio.h" GPIO_LINE "GPIOLINE_FLAG_" 32:
        GPIOLINE_FLAG_KERNEL = 1, GPIOLINE_FLAG_IS_OUT = 2, GPIOLINE_FLAG_ACTIVE_LOW = 4,
        GPIOLINE_FLAG_OPEN_DRAIN = 8, GPIOLINE_FLAG_OPEN_SOURCE = 0x10,
        GPIOLINE_FLAG_BIAS_PULL_UP = 0x20, GPIOLINE_FLAG_BIAS_PULL_DOWN = 0x40,
        GPIOLINE_FLAG_BIAS_DISABLE = 0x80;
    /// Flags of requests for lines.
    "linux/gpio.h" GPIO_HANDLE "GPIOHANDLE_REQUEST_" 32:
        GPIOHANDLE_REQUEST_INPUT = 1, GPIOHANDLE_REQUEST_OUTPUT = 2,
        GPIOHANDLE_REQUEST_ACTIVE_LOW = 4, GPIOHANDLE_REQUEST_OPEN_DRAIN = 8,
        GPIOHANDLE_REQUEST_OPEN_SOURCE = 0x10, GPIOHANDLE_REQUEST_BIAS_PULL_UP = 0x20,
        GPIOHANDLE_REQUEST_BIAS_PULL_DOWN = 0x40, GPIOHANDLE_REQUEST_BIAS_DISABLE = 0x80;
    /// Flags of requests for events.
    "linux/gpio.h" GPIO_EVENT "GPIOEVENT_REQUEST_" 32:
        GPIOEVENT_REQUEST_BOTH_EDGES = 3, GPIOEVENT_REQUEST_RISING_EDGE = 1,
        GPIOEVENT_REQUEST_FALLING_EDGE = 2;
    /// Flags of lines of the second version.
    "linux/gpio.h" GPIO_V2_LINE "GPIO_V2_LINE_FLAG_" 32:
        GPIO_V2_LINE_FLAG_USED = 1, GPIO_V2_LINE_FLAG_ACTIVE_LOW = 2, GPIO_V2_LINE_FLAG_INPUT = 4,
        GPIO_V2_LINE_FLAG_OUTPUT = 8, GPIO_V2_LINE_FLAG_EDGE_RISING = 0x10,
        GPIO_V2_LINE_FLAG_EDGE_FALLING = 0x20, GPIO_V2_LINE_FLAG_OPEN_DRAIN = 0x40,
        GPIO_V2_LINE_FLAG_OPEN_SOURCE = 0x80, GPIO_V2_LINE_FLAG_BIAS_PULL_UP = 0x100,
        GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN = 0x200, GPIO_V2_LINE_FLAG_BIAS_DISABLED = 0x400,
        GPIO_V2_LINE_FLAG_EVENT_CLOCK_REALTIME = 0x800, GPIO_V2_LINE_FLAG_EVENT_CLOCK_HTE = 0x1000;
    /// Encryption of loop devices.
    "linux/loop.h" LOOP_CRYPT "LO_CRYPT_" 32:
        LO_CRYPT_NONE = 0, LO_CRYPT_XOR = 1, LO_CRYPT_DES = 2, LO_CRYPT_FISH2 = 3,
        LO_CRYPT_BLOW = 4, LO_CRYPT_CAST128 = 5, LO_CRYPT_IDEA = 6, LO_CRYPT_DUMMY = 9,
        LO_CRYPT_SKIPJACK = 0xa, LO_CRYPT_CRYPTOAPI = 0x12;
    /// Flags of loop devices.
    "linux/loop.h" LOOP_FLAGS "LO_FLAGS_" 32:
        LO_FLAGS_READ_ONLY = 1, LO_FLAGS_AUTOCLEAR = 4, LO_FLAGS_PARTSCAN = 8,
        LO_FLAGS_DIRECT_IO = 0x10;
    /// Directions of SCSI commands.
    "scsi/sg.h" SG_DIRECTION "SG_DXFER_" 32:
        SG_DXFER_NONE = 0xffffffff, SG_DXFER_TO_DEV = 0xfffffffe, SG_DXFER_FROM_DEV = 0xfffffffd,
        SG_DXFER_TO_FROM_DEV = 0xfffffffc;
    /// Flags of SCSI commands.
    "scsi/sg.h" SG_FLAGS "SG_FLAG_" 32:
        SG_FLAG_DIRECT_IO = 1, SG_FLAG_NO_DXFER = 0x10000;
    /// Flags of answers to seccomp.
    "linux/seccomp.h" SECCOMP_ANSWER "SECCOMP_USER_NOTIF_FLAG_" 32:
        SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1;
    /// Flags of descriptors that seccomp adds.
    "linux/seccomp.h" SECCOMP_FD "SECCOMP_ADDFD_FLAG_" 32:
        SECCOMP_ADDFD_FLAG_SETFD = 1, SECCOMP_ADDFD_FLAG_SEND = 2;
    /// Operations on partitions.
    "linux/blkpg.h" PARTITION "BLKPG_" 32:
        BLKPG_ADD_PARTITION = 1, BLKPG_DEL_PARTITION = 2, BLKPG_RESIZE_PARTITION = 3;
    /// Commands of ATA disks [include/linux/ata.h].
    "" ATA_COMMAND "ATA_CMD_" 32:
        ATA_CMD_DEV_RESET = 8, ATA_CMD_PIO_READ = 0x20, ATA_CMD_PIO_READ_EXT = 0x24,
        ATA_CMD_READ_EXT = 0x25, ATA_CMD_PIO_WRITE = 0x30, ATA_CMD_PIO_WRITE_EXT = 0x34,
        ATA_CMD_WRITE_EXT = 0x35, ATA_CMD_VERIFY = 0x40, ATA_CMD_VERIFY_EXT = 0x42,
        ATA_CMD_EDD = 0x90, ATA_CMD_DOWNLOAD_MICRO = 0x92, ATA_CMD_PACKET = 0xa0,
        ATA_CMD_ID_ATAPI = 0xa1, ATA_CMD_SMART = 0xb0, ATA_CMD_READ_MULTI = 0xc4,
        ATA_CMD_WRITE_MULTI = 0xc5, ATA_CMD_SET_MULTI = 0xc6, ATA_CMD_READ = 0xc8,
        ATA_CMD_WRITE = 0xca, ATA_CMD_STANDBYNOW1 = 0xe0, ATA_CMD_IDLEIMMEDIATE = 0xe1,
        ATA_CMD_STANDBY = 0xe2, ATA_CMD_IDLE = 0xe3, ATA_CMD_CHK_POWER = 0xe5,
        ATA_CMD_SLEEP = 0xe6, ATA_CMD_FLUSH = 0xe7, ATA_CMD_FLUSH_EXT = 0xea,
        ATA_CMD_ID_ATA = 0xec, ATA_CMD_SET_FEATURES = 0xef;
}

/// How an IDE disk shares its bus (linux/hdreg.h). The header has the numbers of the bits.
pub static IDE_NICE: crate::desc::Constants = crate::desc::Constants {
    prefix: "IDE_NICE_",
    bits: 32,
    items: &[
        ("1 << IDE_NICE_DSC_OVERLAP", 1),
        ("1 << IDE_NICE_ATAPI_OVERLAP", 2),
        ("1 << IDE_NICE_1", 8),
        ("1 << IDE_NICE_0", 4),
        ("1 << IDE_NICE_2", 16),
    ],
    fields: &[],
    overrides: &[],
};
