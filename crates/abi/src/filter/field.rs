//! The fields of the filter language: one table, of which the parser, the evaluator and the
//! documentation are made.

use linux_raw_sys::general as g;

use super::quote::write_text;
use crate::arch::Abi;
use crate::desc::Classes;

/// What the values of a field are, which decides what they can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Whole numbers.
    Number,
    /// Sizes in bytes.
    Size,
    /// Times and durations in nanoseconds.
    Time,
    /// Nothing: the field is true or false.
    Flag,
    /// Names of system calls.
    Call,
    /// Words of a closed list.
    Word(Words),
    /// Error numbers.
    Errno,
    /// Signal numbers.
    Signal,
    /// Strings and paths.
    Text,
    /// Addresses of sockets.
    Address,
    /// An argument of the call: a number with the constants of its kind, a string, or both.
    Argument,
}

impl FieldKind {
    /// Returns what its values are called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "numbers",
            Self::Size => "sizes",
            Self::Time => "times",
            Self::Flag => "true or false",
            Self::Call => "names",
            Self::Word(_) => "words",
            Self::Errno => "errors",
            Self::Signal => "signals",
            Self::Text => "strings",
            Self::Address => "addresses",
            Self::Argument => "numbers, strings",
        }
    }
}

/// A closed list of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Classes of calls.
    Class,
    /// ABIs.
    Abi,
    /// Types of files.
    FileType,
    /// Where reports come from.
    Source,
}

/// The words for where reports come from: the recorder itself, the kernel at a stop, code inside
/// the recorded process.
pub const SOURCES: [&str; 3] = ["recorder", "kernel", "in_process"];

/// The words for types of files.
const FILE_TYPES: [(u32, &str); 7] = [
    (g::S_IFREG, "file"),
    (g::S_IFDIR, "directory"),
    (g::S_IFIFO, "pipe"),
    (g::S_IFSOCK, "socket"),
    (g::S_IFCHR, "char"),
    (g::S_IFBLK, "block"),
    (g::S_IFLNK, "symlink"),
];
/// An anonymous inode: an eventfd, an epoll set, a pidfd.
const ANONYMOUS: &str = "anon";

/// Returns the word of `fd.kind` for an `st_mode`; `None` if it is 0, which means unknown.
#[must_use]
pub fn file_type(mode: u32) -> Option<&'static str> {
    let known = FILE_TYPES.iter().find(|(bits, _)| mode & g::S_IFMT == *bits);
    (mode != 0).then(|| known.map_or(ANONYMOUS, |(_, word)| *word))
}

impl Words {
    /// Returns the words.
    #[must_use]
    pub fn all(self) -> Vec<&'static str> {
        match self {
            Self::Class => Classes::ALL.iter().map(|(name, _)| *name).collect(),
            Self::Abi => Abi::ALL.iter().map(|abi| abi.name()).collect(),
            Self::Source => SOURCES.to_vec(),
            Self::FileType => FILE_TYPES.iter().map(|(_, word)| *word).chain([ANONYMOUS]).collect(),
        }
    }
}

/// What must be known of a call before a field has values. The order is that of the cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Its entry stop: the call and its registers.
    Entry,
    /// Its end.
    End,
    /// The state of the recorded system: descriptors, directories, programs.
    State,
    /// The memory that it read or wrote.
    Memory,
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $kind:expr, $stage:ident;)*) => {
        /// A field of the filter language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Field { $($(#[doc = $doc])+ $variant,)* }

        impl Field {
            /// All fields, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns its name; that of [`Self::Arg`] is followed by the name of an argument.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns what its values are.
            #[must_use]
            pub const fn kind(self) -> FieldKind {
                match self { $(Self::$variant => $kind,)* }
            }

            /// Returns what must be known before it has values.
            #[must_use]
            pub const fn stage(self) -> Stage {
                match self { $(Self::$variant => Stage::$stage,)* }
            }

            /// Returns one sentence about it.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii_start(),)* }
            }
        }
    };
}

fields! {
    /// The name of the call. Calls that socketcall(2) or ipc(2) make have both names.
    Call "call" FieldKind::Call, Entry;
    /// The classes of the call; `%file` is short for `class == file`.
    Class "class" FieldKind::Word(Words::Class), Entry;
    /// The ABI of the call.
    Abi "abi" FieldKind::Word(Words::Abi), Entry;
    /// The number of the call, as the kernel reported it.
    Nr "nr" FieldKind::Number, Entry;
    /// An argument by its name in the kernel's prototype: the number that was passed, and the
    /// string or bytes that it points to.
    Arg "args" FieldKind::Argument, Memory;
    /// The result, as the kernel reported it.
    Rval "rval" FieldKind::Number, End;
    /// The error of a call that failed.
    Errno "errno" FieldKind::Errno, End;
    /// Whether the call failed.
    Failed "failed" FieldKind::Flag, End;
    /// Whether the call has no end in the log.
    Unfinished "unfinished" FieldKind::Flag, End;
    /// How long the call took.
    Dur "dur" FieldKind::Time, End;
    /// The time since the first event of the log: of a call, that of its entry.
    Time "time" FieldKind::Time, Entry;
    /// The number of the event: of a call, that of its entry.
    Event "event" FieldKind::Number, Entry;
    /// The id of the process.
    Pid "pid" FieldKind::Number, Entry;
    /// The id of the thread.
    Tid "tid" FieldKind::Number, Entry;
    /// The id of the process that created this one.
    Ppid "ppid" FieldKind::Number, Entry;
    /// The path of the program that the process runs.
    Exe "exe" FieldKind::Text, State;
    /// The name of the thread: that of its program, or the one that it was given with prctl(2) or
    /// in /proc; at most 15 bytes.
    Comm "comm" FieldKind::Text, State;
    /// A variable of the environment with which the program began; `env[NAME]` has no value if the
    /// program got no such variable.
    Env "env" FieldKind::Text, Memory;
    /// Where the report comes from: the kernel, code in the process, or the recorder itself.
    Source "source" FieldKind::Word(Words::Source), Entry;
    /// The files that the call concerns: paths among its arguments, from the root, and the names
    /// of its descriptors.
    Path "path" FieldKind::Text, State;
    /// The paths among its arguments, as the program wrote them.
    PathWritten "path.written" FieldKind::Text, Memory;
    /// Descriptors among its arguments, and those that it makes.
    Fd "fd" FieldKind::Number, Entry;
    /// The names of these descriptors, such as `/etc/passwd` and `pipe:[123]`.
    FdPath "fd.path" FieldKind::Text, State;
    /// The types of their files.
    FdKind "fd.kind" FieldKind::Word(Words::FileType), State;
    /// The address of the other end of a socket.
    NetPeer "net.peer" FieldKind::Address, State;
    /// The socket's own address.
    NetLocal "net.local" FieldKind::Address, State;
    /// The port of the other end.
    NetPort "net.port" FieldKind::Number, State;
    /// How many bytes a call of read(2)'s or write(2)'s kind moved.
    Bytes "bytes" FieldKind::Size, End;
    /// The contents of buffers that the call read or wrote.
    Data "data" FieldKind::Text, Memory;
    /// The signal that is delivered. Calls have none; `args.sig` is what kill(2) sends.
    Signal "signal" FieldKind::Signal, Entry;
}

impl Field {
    /// Whether it is one of many: an argument or a variable, which has a name of its own.
    #[must_use]
    pub const fn has_name(self) -> bool {
        matches!(self, Self::Arg | Self::Env)
    }

    /// Returns the field of a name; for `args` and `env`, the name of the argument or variable is
    /// not part of it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }
}

/// A field, and which argument or variable if it is [`Field::Arg`] or [`Field::Env`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRef {
    /// The field.
    pub field: Field,
    /// The name of the argument or variable; empty for other fields.
    pub arg: String,
}

impl std::fmt::Display for FieldRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.field.name())?;
        match self.field {
            Field::Arg => write!(f, ".{}", self.arg),
            Field::Env if self.arg.chars().all(is_word) => write!(f, "[{}]", self.arg),
            Field::Env => {
                f.write_str("[")?;
                write_text(f, self.arg.as_bytes())?;
                f.write_str("]")
            }
            _ => Ok(()),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl std::str::FromStr for FieldRef {
    type Err = String;

    /// Parses the name of a field: `errno`, `fd.path`, `args.flags`, `env[HOME]`.
    fn from_str(name: &str) -> Result<Self, String> {
        let variable = name.strip_prefix("env[").and_then(|rest| rest.strip_suffix(']'));
        if let Some(variable) = variable.filter(|name| !name.is_empty() && !name.contains(']')) {
            return Ok(Self { field: Field::Env, arg: variable.to_owned() });
        }
        let of_arg =
            name.strip_prefix("args.").filter(|arg| !arg.is_empty() && arg.chars().all(is_word));
        if let Some(arg) = of_arg {
            return Ok(Self { field: Field::Arg, arg: arg.to_owned() });
        }
        let field = Field::from_name(name).filter(|field| !field.has_name());
        field.map(|field| Self { field, arg: String::new() }).ok_or_else(|| {
            let names = Field::ALL.iter().map(|field| match field {
                Field::Arg => "args.NAME",
                Field::Env => "env[NAME]",
                field => field.name(),
            });
            let names: Vec<_> = names.collect();
            format!("unknown field `{name}`, expected one of {}", names.join(", "))
        })
    }
}
