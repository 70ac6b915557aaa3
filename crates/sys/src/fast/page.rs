//! The code that is put into a process. It makes a call of the program, copies what the call
//! concerns, and adds a record to the ring of its thread.
//!
//! A patched call site jumps to its stub, and the stub here, with the address of its description
//! ([`Stub`](super::Stub)) in r11. `syscall` itself overwrites rcx and r11, so these two are free;
//! nothing else of the program may change, nor anything below its stack pointer. Until all
//! registers are saved the code touches no flags, then it has a stack of its own. No vector
//! registers are used, and of the others only those that are saved.
//!
//! The tracer moves a thread out of here at every stop that is not one of a call. So the state must
//! be known at each instruction: the word `PHASE` says how far a call has come.
//!
//! The code is position-independent and has no relocations. It runs at [`PAGE`](super::PAGE), in
//! front of the programs of the calls, which it reads.

use super::layout as l;

#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".pushsection .rodata.sysreel_fast_page,\"a\",@progbits; .balign 16",
    ".globl sysreel_fast_page; .hidden sysreel_fast_page",
    "sysreel_fast_page:",
    ".Lf_page:",
    // See `Place`.
    ".long .Lf_hook - .Lf_page",
    ".long .Lf_flags - .Lf_page",
    ".long .Lf_call - .Lf_page",
    ".long .Lf_own - .Lf_page",
    ".long .Lf_help - .Lf_page",
    ".long .Lf_done - .Lf_page",
    ".long .Lf_end - .Lf_page",
    // Is the block that of this thread, and the process not demoted? Without flags: lea and jrcxz.
    ".Lf_hook:",
    "mov %gs:{MAGIC}, %rcx",
    "lea -{MAGIC_VALUE}(%rcx), %rcx",
    "jrcxz 1f",
    "jmp *{TRACED}(%r11)",
    "1:",
    "mov %r11, %gs:{DESCRIPTION}; mov %rax, %gs:{NR}",
    "mov %rdi, %gs:{ARGS}; mov %rsi, %gs:{ARGS}+8",
    "mov %rdx, %gs:{ARGS}+16; mov %r10, %gs:{ARGS}+24",
    "mov %r8, %gs:{ARGS}+32; mov %r9, %gs:{ARGS}+40",
    "mov %rsp, %gs:{SP}",
    "movq ${BEFORE}, %gs:{PHASE}",
    "mov %gs:{SELF}, %rsp",
    "lea {RECORDS}(%rsp), %rsp",
    // Up to and with this instruction the flags are live.
    ".Lf_flags:",
    "pushfq",
    "cld",
    // May this call be made here? rdi: the block, rsi: the program of the call.
    "mov %gs:{SELF}, %rdi",
    "cmp ${CALLS}, %rax; jae .Lf_not",
    "mov %eax, %ecx",
    "shl $4, %ecx",
    "lea .Lf_page+{PROGRAMS}(%rip), %rsi",
    "add %rcx, %rsi",
    "testb ${FAST}, (%rsi)",
    "jz .Lf_not",
    "mov {NEXT}(%rdi), %rdx",
    "cmp ${LAST_START}, %rdx; ja .Lf_not",
    "movzbl 1(%rsi), %ecx",
    "test %ecx, %ecx; jz 2f",
    "cmpq ${MOST}, {ARGS}-8(%rdi,%rcx,8)",
    "ja .Lf_not",
    "2:",
    "movzbl 2(%rsi), %ecx",
    "test %ecx, %ecx; jz 3f",
    "mov {ARGS}-8(%rdi,%rcx,8), %rcx",
    "movzbl 3(%rsi), %r8d",
    "shl $4, %r8d",
    "lea .Lf_page+{COMMANDS}(%rip), %r9",
    "add %r9, %r8",
    "cmp $64, %rcx; jb 4f",
    "sub ${HIGH}, %rcx",
    "cmp $64, %rcx; jae .Lf_not",
    "add $8, %r8",
    "4:",
    "mov (%r8), %r8",
    "bt %rcx, %r8",
    "jnc .Lf_not",
    "3:",
    // If the call writes near the string that it reads, the string may be gone afterwards.
    "testb ${NEAR}, (%rsi)",
    "jz 5f",
    "movzbl 5(%rsi), %ecx",
    "mov {ARGS}(%rdi,%rcx,8), %r8",
    "movzbl 9(%rsi), %ecx",
    "mov {ARGS}(%rdi,%rcx,8), %r9; mov %r9, %rcx",
    "sub %r8, %rcx",
    "cmp ${LONGEST}, %rcx; jb .Lf_not",
    "sub %r9, %r8",
    "movzwl 10(%rsi), %ecx",
    "cmpb ${FIXED}, 8(%rsi)",
    "je 6f",
    "mov ${MOST}, %ecx",
    "6:",
    "cmp %rcx, %r8; jb .Lf_not",
    "5:",
    // The record. r10 is its address.
    "mov {DESCRIPTION}(%rdi), %r8; mov {AFTER}(%r8), %r9",
    "mov %r9, {RETURN}(%rdi); mov %rdx, {START}(%rdi)",
    "lea (%rdi,%rdx), %r10",
    "mov %r9, {R_IP}(%r10); mov {SP}(%rdi), %rcx",
    "mov %rcx, {R_SP}(%r10); mov %rax, {R_NR}(%r10)",
    "mov {ARGS}(%rdi), %rcx; mov %rcx, {R_ARGS}(%r10)",
    "mov {ARGS}+8(%rdi), %rcx; mov %rcx, {R_ARGS}+8(%r10)",
    "mov {ARGS}+16(%rdi), %rcx; mov %rcx, {R_ARGS}+16(%r10)",
    "mov {ARGS}+24(%rdi), %rcx; mov %rcx, {R_ARGS}+24(%r10)",
    "mov {ARGS}+32(%rdi), %rcx; mov %rcx, {R_ARGS}+32(%r10)",
    "mov {ARGS}+40(%rdi), %rcx; mov %rcx, {R_ARGS}+40(%r10)",
    "rdtsc",
    "shl $32, %rdx",
    "or %rdx, %rax",
    "mov %rax, {R_BEGAN}(%r10); mov {NR}(%rdi), %rax",
    "mov {ARGS}+8(%rdi), %rsi; mov {ARGS}+16(%rdi), %rdx",
    "mov {ARGS}+24(%rdi), %r10; mov {ARGS}+32(%rdi), %r8",
    "mov {ARGS}+40(%rdi), %r9; mov {ARGS}(%rdi), %rdi",
    "mov %gs:{SP}, %rsp",
    "movq ${AT_CALL}, %gs:{PHASE}",
    // The filter lets only this call pass, and `.Lf_own`.
    ".Lf_call:",
    "syscall",
    "mov %rax, %gs:{RESULT}",
    "movq ${MADE}, %gs:{PHASE}",
    "mov %gs:{SELF}, %rdi",
    "lea {FLAGS}(%rdi), %rsp",
    "mov {START}(%rdi), %r10",
    "add %rdi, %r10",
    "mov %rax, {R_RESULT}(%r10)",
    "rdtsc",
    "shl $32, %rdx",
    "or %rdx, %rax",
    "mov %rax, {R_ENDED}(%r10)",
    // The copies. r9: where the next one goes, r8: its descriptor, r11: how many are left.
    "lea {R_COPIES}(%r10), %r9",
    "mov {NR}(%rdi), %ecx",
    "shl $4, %ecx",
    "lea .Lf_page+{PROGRAMS}(%rip), %r8",
    "lea 4(%r8,%rcx), %r8",
    "mov $3, %r11d",
    ".Lf_next:",
    "mov {RESULT}(%rdi), %rax",
    "movzbl (%r8), %ecx",
    "test %ecx, %ecx; jz .Lf_copied",
    "movzbl 1(%r8), %edx",
    "mov {ARGS}(%rdi,%rdx,8), %rsi",
    "test %rsi, %rsi; jz .Lf_step",
    "cmp ${STRING}, %ecx; je .Lf_string",
    "cmp ${INPUT}, %ecx; je .Lf_input",
    // What the kernel writes, it writes on success.
    "cmp $-4095, %rax; jae .Lf_step",
    "movzwl 2(%r8), %edx",
    "cmp ${FIXED}, %ecx; je .Lf_copy",
    // As much as the result says, and no more than there is room for.
    "mov {ARGS}(%rdi,%rdx,8), %rdx",
    "cmp %rax, %rdx",
    "cmova %rax, %rdx",
    "jmp .Lf_copy",
    ".Lf_input:",
    "movzwl 2(%r8), %edx",
    "mov {ARGS}(%rdi,%rdx,8), %rdx",
    "cmp %rax, %rdx; jne .Lf_help",
    // rdx bytes from rsi.
    ".Lf_copy:",
    "test %rdx, %rdx; jz .Lf_step",
    "mov %rsi, (%r9); mov %rdx, 8(%r9)",
    "lea 16(%r9), %rdi",
    "mov %rdx, %rcx",
    "cmp $256, %rcx; jae 8f",
    "shr $3, %ecx",
    "jz 7f",
    "6:",
    "mov (%rsi), %rax; mov %rax, (%rdi)",
    "add $8, %rsi",
    "add $8, %rdi",
    "dec %ecx; jnz 6b",
    "7:",
    "mov %edx, %ecx",
    "and $7, %ecx",
    "8:",
    "rep movsb",
    "mov %gs:{SELF}, %rdi",
    "jmp .Lf_put",
    // A string, if it is known that the kernel has read it.
    ".Lf_string:",
    "cmp $-4095, %rax; jb 1f",
    "neg %rax",
    "cmp $64, %rax; jae .Lf_help",
    "mov .Lf_page+{PROOFS}(%rip), %rcx",
    "bt %rax, %rcx",
    "jnc .Lf_help",
    "1:",
    "mov %rsi, (%r9)",
    "xor %edx, %edx",
    "2:",
    "mov (%rsi,%rdx), %cl; mov %cl, 16(%r9,%rdx)",
    "inc %edx",
    "test %cl, %cl; jz 3f",
    "cmp ${LONGEST}, %edx; jb 2b",
    "3:",
    "mov %rdx, 8(%r9)",
    ".Lf_put:",
    "add $23, %rdx",
    "and $-8, %rdx",
    "add %rdx, %r9",
    ".Lf_step:",
    "add $4, %r8",
    "dec %r11d; jnz .Lf_next",
    ".Lf_copied:",
    // The name of a new descriptor: its link in /proc, and its stat.
    "mov {NR}(%rdi), %ecx",
    "shl $4, %ecx",
    "lea .Lf_page+{PROGRAMS}(%rip), %r8",
    "testb ${NAMED}, (%r8,%rcx)",
    "jz .Lf_publish",
    "mov {RESULT}(%rdi), %rax",
    "cmp $-4095, %rax; jae .Lf_publish",
    "lea {PATH_END}(%rdi), %rsi",
    "movb $0, (%rsi)",
    "mov $10, %ecx",
    "1:",
    "xor %edx, %edx",
    "div %ecx",
    "add $48, %dl",
    "dec %rsi",
    "mov %dl, (%rsi)",
    "test %eax, %eax; jnz 1b",
    "lea .Lf_prefix_end(%rip), %r8",
    "mov $21, %ecx",
    "2:",
    "dec %r8",
    "dec %rsi",
    "mov (%r8), %dl; mov %dl, (%rsi)",
    "dec %ecx; jnz 2b",
    "mov %rsi, %rdi",
    "lea 16(%r9), %rsi",
    "mov ${LONGEST}, %edx; mov ${READLINK}, %eax",
    "call .Lf_own",
    "test %rax, %rax; jle .Lf_help",
    "cmp ${LONGEST}, %rax; jae .Lf_help",
    "movq ${LINK}, (%r9)",
    "mov %rax, 8(%r9)",
    "add $23, %rax",
    "and $-8, %rax",
    "add %rax, %r9",
    "mov %gs:{RESULT}, %rdi",
    "lea 16(%r9), %rsi",
    "mov ${FSTAT}, %eax",
    "call .Lf_own",
    "test %rax, %rax; jnz .Lf_help",
    "movq ${STAT}, (%r9)",
    "movq ${STAT_LEN}, 8(%r9)",
    "add $16+{STAT_LEN}, %r9",
    "mov %gs:{SELF}, %rdi",
    // The store to NEXT makes the record visible.
    ".Lf_publish:",
    "mov %r9, %rcx",
    "sub %r10, %rcx",
    "mov %rcx, {R_LEN}(%r10)",
    "add {START}(%rdi), %rcx",
    "mov %rcx, {NEXT}(%rdi); mov {ARGS}+8(%rdi), %rsi",
    "mov {ARGS}+16(%rdi), %rdx; mov {ARGS}+24(%rdi), %r10",
    "mov {ARGS}+32(%rdi), %r8; mov {ARGS}+40(%rdi), %r9",
    "mov {RESULT}(%rdi), %rax; mov {ARGS}(%rdi), %rdi",
    "popfq",
    "mov %gs:{RETURN}, %rcx; mov %gs:{FLAGS}, %r11",
    "mov %gs:{SP}, %rsp",
    "movq ${OUTSIDE}, %gs:{PHASE}",
    ".Lf_done:",
    "jmp *%gs:{RETURN}",
    // Not here: the stub makes the call, and the tracer sees it.
    ".Lf_not:",
    "mov %gs:{NR}, %rax; mov %gs:{ARGS}+8, %rsi",
    "mov %gs:{ARGS}+16, %rdx; mov %gs:{ARGS}+24, %r10",
    "mov %gs:{ARGS}+32, %r8; mov %gs:{ARGS}+40, %r9",
    "mov %gs:{ARGS}, %rdi",
    "popfq",
    "mov %gs:{DESCRIPTION}, %r11; mov %gs:{SP}, %rsp",
    "movq ${OUTSIDE}, %gs:{PHASE}",
    "jmp *{TRACED}(%r11)",
    // A call of the page's own.
    ".Lf_own:",
    "syscall",
    "ret",
    // The memory may be missing: the tracer is to look, and moves the thread out.
    ".Lf_help:",
    "mov $-1, %rax",
    "syscall",
    "jmp .Lf_help",
    ".ascii \"/proc/thread-self/fd/\"",
    ".Lf_prefix_end:",
    ".Lf_end:",
    ".globl sysreel_fast_page_end; .hidden sysreel_fast_page_end",
    "sysreel_fast_page_end:",
    ".popsection",
    MAGIC = const l::MAGIC,
    MAGIC_VALUE = const l::MAGIC_VALUE,
    SELF = const l::SELF,
    NEXT = const l::NEXT,
    START = const l::START,
    PHASE = const l::PHASE,
    DESCRIPTION = const l::DESCRIPTION,
    RETURN = const l::RETURN,
    RESULT = const l::RESULT,
    NR = const l::NR,
    ARGS = const l::ARGS,
    SP = const l::SP,
    FLAGS = const l::FLAGS,
    RECORDS = const l::RECORDS,
    PATH_END = const l::PATH_END,
    OUTSIDE = const l::OUTSIDE,
    BEFORE = const l::BEFORE,
    AT_CALL = const l::AT_CALL,
    MADE = const l::MADE,
    AFTER = const l::AFTER,
    TRACED = const l::TRACED,
    CALLS = const l::CALLS,
    PROGRAMS = const l::PROGRAMS,
    COMMANDS = const l::COMMANDS,
    PROOFS = const l::PROOFS,
    HIGH = const l::HIGH_COMMANDS,
    FAST = const l::FAST,
    NAMED = const l::NAMED,
    NEAR = const l::NEAR,
    STRING = const l::STRING,
    INPUT = const l::INPUT,
    FIXED = const l::FIXED,
    LONGEST = const l::LONGEST_STRING,
    MOST = const l::MOST,
    LAST_START = const l::LAST_START,
    R_LEN = const l::record::LEN,
    R_BEGAN = const l::record::BEGAN,
    R_ENDED = const l::record::ENDED,
    R_IP = const l::record::IP,
    R_SP = const l::record::SP,
    R_NR = const l::record::NR,
    R_ARGS = const l::record::ARGS,
    R_RESULT = const l::record::RESULT,
    R_COPIES = const l::record::COPIES,
    LINK = const l::LINK,
    STAT = const l::STAT,
    STAT_LEN = const size_of::<libc::stat>(),
    READLINK = const libc::SYS_readlink,
    FSTAT = const libc::SYS_fstat,
    options(att_syntax)
);

#[cfg(target_arch = "x86_64")]
unsafe extern "C" {
    static sysreel_fast_page: [u8; 0];
    static sysreel_fast_page_end: [u8; 0];
}

/// The code, with the offsets of its places in front.
#[cfg(target_arch = "x86_64")]
pub(super) fn code() -> &'static [u8] {
    // SAFETY: the two symbols are begin and end of the read-only bytes assembled above.
    unsafe {
        let (begin, end) = (&raw const sysreel_fast_page, &raw const sysreel_fast_page_end);
        let (begin, end) = (begin.cast::<u8>(), end.cast::<u8>());
        let len = usize::try_from(end.offset_from(begin)).unwrap_or(0);
        std::slice::from_raw_parts(begin, len)
    }
}

/// There is none for other architectures.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn code() -> &'static [u8] {
    &[]
}

/// The places of the code that the tracer must know, in the order in which their offsets stand in
/// front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first instruction.
    Hook,
    /// The instruction that saves the flags.
    Flags,
    /// The `syscall` that is the program's call.
    Call,
    /// The `syscall` that asks for names.
    Own,
    /// Where the tracer is asked for help; the `syscall` is 7 bytes further.
    Help,
    /// The jump back to the program.
    Done,
    /// The end of the code.
    End,
}

impl Place {
    /// Its address.
    pub fn address(self) -> u64 {
        let at = 4 * self as usize;
        let offset = code().get(at..at + 4).and_then(|bytes| bytes.first_chunk().copied());
        super::PAGE + u64::from(offset.map_or(0, u32::from_le_bytes))
    }
}
