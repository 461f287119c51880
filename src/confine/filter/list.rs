//! The list, for processors of 64 bits.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use super::Calls;
use nix::libc::{self, c_long};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Is, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Calls that are allowed whatever their arguments are.
const ALLOWED: &[c_long] = &[
    // memory
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_memfd_create,
    libc::SYS_mincore,
    libc::SYS_mlock,
    libc::SYS_mremap,
    libc::SYS_munlock,
    libc::SYS_munmap,
    // descriptors
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_lseek,
    libc::SYS_pipe2,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    // files; which, is Landlock's part
    libc::SYS_copy_file_range,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_linkat,
    libc::SYS_mkdirat,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_readlinkat,
    libc::SYS_renameat2,
    libc::SYS_sendfile,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_symlinkat,
    libc::SYS_umask,
    libc::SYS_unlinkat,
    libc::SYS_utimensat,
    // sockets
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    // waiting, and the clock
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_signalfd4,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime,
    libc::SYS_timerfd_settime,
    libc::SYS_wait4,
    libc::SYS_waitid,
    // threads and signals
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_get_robust_list,
    libc::SYS_gettid,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    // who and where we are
    libc::SYS_capget,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getgroups,
    libc::SYS_getpgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getresgid,
    libc::SYS_getresuid,
    libc::SYS_getrusage,
    libc::SYS_getsid,
    libc::SYS_getuid,
    libc::SYS_sysinfo,
    libc::SYS_times,
    libc::SYS_uname,
    // giving up even more
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_restrict_self,
];

/// What the face does besides, and its workers before they are confined.
const OF_THE_FACE: &[c_long] = &[
    // sockets
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_rm_watch,
    // workers; Landlock lets it start this program, and what loads it
    libc::SYS_execve,
    libc::SYS_kill,
    // giving up even more
    libc::SYS_capset,
    libc::SYS_seccomp,
];

/// What newer processors have under newer names only.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_chmod,
    libc::SYS_dup2,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_getdents,
    libc::SYS_inotify_init,
    libc::SYS_link,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_rmdir,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_symlink,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(target_arch = "aarch64")]
const OLDER: &[c_long] = &[libc::SYS_renameat];
#[cfg(target_arch = "riscv64")]
const OLDER: &[c_long] = &[libc::SYS_riscv_flush_icache, libc::SYS_riscv_hwprobe];

/// `PR_SET_VMA`: the C library gives its memory names.
const PR_SET_VMA: u64 = 0x5356_4d41;

/// Applies the filter to every thread of the process, for good.
///
/// # Errors
///
/// A sentence without its begin and end.
pub fn apply(calls: Calls) -> Result<&'static str, String> {
    let program = program(calls).map_err(|error| error.to_string())?;
    seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())?;
    Ok("all threads")
}

fn program(calls: Calls) -> Result<BpfProgram, seccompiler::BackendError> {
    let more = if calls == Calls::Face { OF_THE_FACE } else { &[] };
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    rules.extend(ALLOWED.iter().chain(OLDER).chain(more).map(|call| (*call, Vec::new())));
    rules.extend(conditional(calls)?);
    let refused = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(rules, refused, SeccompAction::Allow, TargetArch::try_from(ARCH)?)?.try_into()
}

/// Calls that are allowed where one of their rules holds. The arguments that count here have 32 bits.
fn conditional(calls: Calls) -> Result<Vec<(i64, Vec<SeccompRule>)>, seccompiler::BackendError> {
    let (write, execute) = (libc::PROT_WRITE, libc::PROT_EXEC);
    let map = [0, write, execute].map(|wanted| masked(2, write | execute, wanted).and_then(one));
    let ourselves = u64::from(std::process::id());
    let mut clone = vec![one(masked(0, libc::CLONE_THREAD, libc::CLONE_THREAD)?)?];
    let mut tgkill = vec![one(argument(0, Is::Eq, ourselves)?)?];
    let mut prctl = vec![
        one(argument(0, Is::Eq, bits(libc::PR_SET_NAME))?)?,
        one(argument(0, Is::Eq, bits(libc::PR_SET_NO_NEW_PRIVS))?)?,
        one(argument(0, Is::Eq, PR_SET_VMA)?)?,
    ];
    let mut rules = Vec::new();
    if calls == Calls::Face {
        // how the C library starts a program
        clone.push(one(masked(0, libc::CLONE_VFORK, libc::CLONE_VFORK)?)?);
        // a worker is another process
        tgkill.clear();
        for option in [libc::PR_SET_DUMPABLE, libc::PR_SET_PDEATHSIG] {
            prctl.push(one(argument(0, Is::Eq, bits(option))?)?);
        }
        rules.push((libc::SYS_socket, sockets()?));
    }
    rules.extend([
        (libc::SYS_clone, clone),
        (libc::SYS_tgkill, tgkill),
        (libc::SYS_prctl, prctl),
        (libc::SYS_socketpair, vec![one(argument(0, Is::Eq, bits(libc::AF_UNIX))?)?]),
        (libc::SYS_mmap, map.into_iter().collect::<Result<_, _>>()?),
        (libc::SYS_mprotect, vec![one(masked(2, execute, 0)?)?]),
        (libc::SYS_prlimit64, vec![one(argument(0, Is::Eq, 0)?)?]),
    ]);
    rules.push((libc::SYS_ioctl, ioctls(calls)?));
    Ok(rules)
}

/// A worker needs none but what sockets are told by; its interface has others that would outlast it.
fn ioctls(calls: Calls) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    match calls {
        Calls::Worker => {
            Ok(vec![one(argument(1, Is::Eq, libc::FIONBIO)?)?, one(argument(1, Is::Eq, libc::FIONREAD)?)?])
        }
        Calls::Face => Ok(vec![both(argument(1, Is::Ne, libc::TIOCSTI)?, argument(1, Is::Ne, libc::TIOCLINUX)?)?]),
    }
}

/// The kinds of sockets that the face makes.
fn sockets() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let mut sockets = vec![
        one(argument(0, Is::Eq, bits(libc::AF_UNIX))?)?,
        both(argument(0, Is::Eq, bits(libc::AF_NETLINK))?, argument(2, Is::Eq, bits(libc::NETLINK_ROUTE))?)?,
    ];
    let kind = !(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK);
    for family in [libc::AF_INET, libc::AF_INET6] {
        for (wanted, protocol) in [(libc::SOCK_STREAM, libc::IPPROTO_TCP), (libc::SOCK_DGRAM, libc::IPPROTO_UDP)] {
            for protocol in [0, protocol] {
                sockets.push(SeccompRule::new(vec![
                    argument(0, Is::Eq, bits(family))?,
                    SeccompCondition::new(1, Len::Dword, Is::MaskedEq(u64::from(kind as u32)), bits(wanted))?,
                    argument(2, Is::Eq, bits(protocol))?,
                ])?);
            }
        }
    }
    Ok(sockets)
}

type Condition = Result<SeccompCondition, seccompiler::BackendError>;

fn bits(value: i32) -> u64 {
    u64::from(value.unsigned_abs())
}

fn argument(index: u8, is: Is, value: u64) -> Condition {
    SeccompCondition::new(index, Len::Dword, is, value)
}

fn masked(index: u8, mask: i32, value: i32) -> Condition {
    argument(index, Is::MaskedEq(bits(mask)), bits(value))
}

fn one(condition: SeccompCondition) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![condition])
}

fn both(first: SeccompCondition, second: SeccompCondition) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![first, second])
}
