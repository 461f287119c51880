//! Which files the process may open from now on (Landlock).
//!
//! Rules can only allow, and they allow what lies below a directory, or one file. `/etc` is where that hurts: the
//! resolver's files are replaced by new ones now and then, so that a rule for each of them would soon name a file that is
//! gone, and the whole of `/etc` has secrets of root's. So all of it may be read where root's secrets cannot be read
//! anyway: by another user than root, or where the unit of the service has hidden them. Elsewhere the files are named
//! one by one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, LandlockStatus, RestrictSelfAttr, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};
use nix::unistd::{AccessFlags, access};

use super::Programs;
use crate::captures;

/// What libraries read: themselves and their data, and the certificates of authorities, which lie in /var on Fedora, SUSE
/// and Debian where somebody added to them.
const LIBRARIES: &[&str] =
    &["/usr", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store", "/var/lib/ca-certificates"];

/// What else the face reads, to look up names above all.
const READ: &[&str] = &[
    // where /etc/resolv.conf may lead to, and sockets of those who look names up
    "/run/systemd/resolve",
    "/run/systemd/netif",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/run/nscd",
    // the bus and the journal
    "/run/dbus",
    "/run/systemd/journal",
    "/proc/self",
    "/proc/sys/net",
    "/proc/sys/kernel",
    "/sys/class/net",
];

/// What libraries read in `/etc`.
const LIBRARIES_IN_ETC: &[&str] = &[
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/openssl.cnf",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];

/// What else the face reads in `/etc`, where it has to be named.
const READ_IN_ETC: &[&str] = &[
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/machine-id",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
];

/// What the library of Kerberos reads, where it is there. What the administrator has for it alone belongs below the service's
/// own directories.
const KERBEROS: &[&str] = if cfg!(feature = "negotiate") {
    &["/etc/krb5.conf", "/etc/krb5.conf.d", "/etc/gss", "/var/lib/sss/pubconf"]
} else {
    &[]
};

/// Where libraries of tokens lie that no distribution has, and tokens of SoftHSM, which are files. A worker of the service is
/// under the service's rules; one of NetworkManager reaches its token before there are any.
const LIBRARIES_OF_TOKENS: &[&str] = &["/opt"];
const TOKENS: &[&str] = &["/var/lib/softhsm"];

/// Devices, to be read and written.
const DEVICES: &[&str] = &["/dev/null", "/dev/random", "/dev/urandom"];

/// What makes interfaces.
const TUN: &[&str] = &["/dev/net/tun"];

/// The files of the system service, and where systemd says that its own are.
const OF_THE_SERVICE: &[&str] = &["/etc/nm-sstp", "/run/nm-sstp", captures::DIRECTORY];

/// What it changes where it has nobody to ask for name servers: the file itself, in place.
const RESOLVER: &[&str] = &["/etc/resolv.conf"];

/// The kernel's settings of interfaces that it may change.
const KERNEL: &[&str] = &["/proc/sys/net/ipv6/conf"];

/// What `resolvconf` is and changes.
const RESOLVCONF: &[&str] = &["/etc/resolvconf", "/run/resolvconf", "/run/lock"];

/// The secrets that say whether root's can be read.
const SECRETS: &str = "/etc/shadow";

/// Who is to go on working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A worker.
    Worker,
    /// The process of the face, with one tunnel that is up.
    Face,
    /// The system service.
    Service(Programs),
}

/// What the kernel has made of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Extent {
    /// All threads of the process.
    AllThreads,
    /// The thread that called, and those that it starts, as far as this version of Landlock goes.
    ThisThread(ABI),
    /// This kernel has no Landlock.
    None,
}

/// Restricts the calling thread and all that it starts, for good.
///
/// # Errors
///
/// A sentence without its begin and end.
pub fn restrict(needs: Needs) -> Result<Extent, String> {
    let status = enforce(needs).map_err(|error| error.to_string())?;
    Ok(match status.landlock {
        _ if status.ruleset == RulesetStatus::NotEnforced => Extent::None,
        _ if status.all_threads => Extent::AllThreads,
        LandlockStatus::Available { effective_abi, .. } => Extent::ThisThread(effective_abi),
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => Extent::None,
    })
}

fn enforce(needs: Needs) -> Result<RestrictionStatus, RulesetError> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    // Rights beyond the fifth version would be without a rule for the sockets of the bus and the journal.
    let all = AccessFs::from_all(ABI::V5);
    let use_device = make_bitflags!(AccessFs::{ReadFile | WriteFile | IoctlDev});
    let mut ruleset = Ruleset::default()
        .handle_access(all)?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .add_rules(path_beneath_rules(LIBRARIES, read))?
        .add_rules(path_beneath_rules(LIBRARIES_IN_ETC, read))?
        .add_rules(path_beneath_rules(DEVICES, use_device))?;
    if needs != Needs::Worker {
        let start = read | AccessFs::Execute;
        ruleset = ruleset
            .add_rules(path_beneath_rules(READ, read))?
            .add_rules(path_beneath_rules(KERBEROS, read))?
            .add_rules(path_beneath_rules(etc(), read))?
            .add_rules(path_beneath_rules(TUN, use_device))?
            .add_rules(path_beneath_rules(ourselves(), start))?;
    }
    if let Needs::Service(programs) = needs {
        let change = all & !(AccessFs::Execute | AccessFs::IoctlDev | devices());
        ruleset = ruleset
            .add_rules(path_beneath_rules(OF_THE_SERVICE, change))?
            // For a worker, which counts its threads: /proc/self above is the service's.
            .add_rules(path_beneath_rules(["/proc"], AccessFs::ReadDir))?
            .add_rules(path_beneath_rules(LIBRARIES_OF_TOKENS, read))?
            .add_rules(path_beneath_rules(TOKENS, change))?
            .add_rules(path_beneath_rules(RESOLVER, change))?
            .add_rules(path_beneath_rules(KERNEL, read | AccessFs::WriteFile | AccessFs::Truncate))?
            .add_rules(path_beneath_rules(said_by_systemd("RUNTIME_DIRECTORY"), change))?
            .add_rules(path_beneath_rules(said_by_systemd("CREDENTIALS_DIRECTORY"), read))?;
        if programs == Programs::Resolvconf {
            let run = read | AccessFs::Execute;
            ruleset = ruleset
                .add_rules(path_beneath_rules(["/usr", "/lib", "/lib64", "/bin", "/sbin"], run))?
                .add_rules(path_beneath_rules(RESOLVCONF, change | run))?;
        }
    }
    ruleset.all_threads(true)?.restrict_self()
}

/// This program, and where what loads it is, to start a worker. /proc names the one even where a new version has taken its
/// place; the other is found among what is mapped, and its directory is named, since it may be replaced, too.
fn ourselves() -> Vec<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let is_loader = |path: &&Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"ld-"));
    let loader = maps.lines().filter_map(|line| line.find('/').map(|at| Path::new(&line[at..]))).find(is_loader);
    match loader.and_then(Path::parent) {
        Some(directory) => vec![PathBuf::from("/proc/self/exe"), directory.to_owned()],
        // musl's is the C library itself
        None => ["/proc/self/exe", "/lib", "/usr/lib"].map(PathBuf::from).into(),
    }
}

/// The making of devices.
fn devices() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{MakeChar | MakeBlock})
}

fn etc() -> Vec<&'static Path> {
    let has_secrets = access(SECRETS, AccessFlags::R_OK).is_ok();
    if has_secrets { READ_IN_ETC.iter().map(Path::new).collect() } else { vec![Path::new("/etc")] }
}

/// A directory that systemd made for the unit.
fn said_by_systemd(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from)
}
