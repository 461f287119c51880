//! Which system calls the process may make from now on (seccomp).
//!
//! The list says what is allowed, so that a call that a kernel learns next year is not. What is not on it fails as if the
//! kernel did not have it (`ENOSYS`): the C library then does with an older call what it can do, and where it matters
//! most it has to, since `clone3` keeps what it is to do where no filter can look. Missing on purpose are:
//!
//! - to start a program (`execve`), and to make a process: `clone` makes threads only. The face does both for its workers;
//!   Landlock bounds what it may start, as far as that goes: what loads programs could load another one;
//! - for a worker, sockets: it has those that it was given;
//! - another user, group, name space, root directory, or mount; and capabilities, but for giving them up;
//! - other processes: `ptrace`, their memory, and signals to them;
//! - to wait for connections (`listen`, `accept`), and sockets other than TCP, UDP, Unix and the kernel's routing;
//! - memory that is written first and executed then;
//! - BPF, keys of the kernel, modules, io_uring, handles of files, and typing into a terminal.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
pub use self::list::apply;

/// Whose calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// A worker's.
    Worker,
    /// Those of the process of the face, and of the workers that it starts before they give up theirs.
    Face,
}

/// There is no list of calls for this processor.
///
/// # Errors
///
/// Always.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
pub fn apply(_calls: Calls) -> Result<&'static str, String> {
    Err("there is no list of system calls for this processor".to_owned())
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod list;
