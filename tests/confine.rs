//! What a process that somebody has taken over can do no more, and what it goes on doing.
//!
//! Giving up is for good. So each test starts this program once more for one test of the module `inside`, which gives
//! up by the real functions, in namespaces of its own.
#![cfg(feature = "service")]

use std::path::Path;
use std::process::Command;

use caps::{CapSet, Capability};

/// Runs one test of [`inside`] alone in a process.
fn in_a_process(name: &str) {
    let can = caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_ADMIN).unwrap();
    if !can || !Path::new("/dev/net/tun").exists() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no name spaces or no /dev/net/tun");
        println!("skipped: this needs root who may make name spaces, and /dev/net/tun");
        return;
    }
    let name = format!("inside::{name}");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--ignored", "--test-threads=1", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{name}: {}\n{text}", output.status);
    print!("{text}");
}

#[test]
fn a_worker_has_what_it_was_given_and_nothing_else() {
    in_a_process("a_worker");
}

#[test]
fn a_worker_of_the_service_is_no_root_that_could_do_anything() {
    in_a_process("a_worker_of_the_service");
}

#[test]
fn a_worker_with_a_token_is_confined_in_two_steps() {
    in_a_process("a_worker_with_a_token");
}

#[test]
fn a_process_whose_tunnel_is_up_starts_workers_only() {
    in_a_process("a_tunnel");
}

#[test]
fn without_landlock_root_is_left_all_the_same() {
    in_a_process("a_tunnel_without_landlock");
}

#[test]
fn a_thread_that_stays_is_covered_by_the_filter_and_the_user() {
    in_a_process("a_tunnel_beside_a_thread");
}

#[test]
fn the_service_writes_to_its_own_directories_only() {
    in_a_process("the_service");
}

#[test]
fn resolvconf_can_be_started_where_it_is_needed() {
    in_a_process("the_service_with_resolvconf");
}

mod inside {
    use std::fs::{self, File};
    use std::io;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;
    use std::process::{Command, exit};
    use std::sync::mpsc;
    use std::thread;

    use futures_util::TryStreamExt;
    use nix::libc::{self, c_long};
    use nix::sched::{CloneFlags, unshare};
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};
    use nm_sstp::confine::{self, Programs, files};
    use nm_sstp::log;
    use nm_sstp::private_file;
    use nm_sstp::tun::{Device, Tun};
    use rtnetlink::LinkUnspec;
    use seccompiler::{SeccompAction, SeccompFilter, TargetArch};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream, UdpSocket, lookup_host};
    use tokio::runtime::{Builder, Runtime};
    use tokio::task::spawn_blocking;
    use tokio::time::timeout;
    use tracing::level_filters::LevelFilter;

    /// Does it in a process with one thread, as the helper is: libtest keeps one of its own.
    fn with_one_thread(body: impl FnOnce()) {
        // SAFETY: the one other thread waits for this one, and holds no lock meanwhile.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => {
                assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
            }
            ForkResult::Child => {
                let done = catch_unwind(AssertUnwindSafe(body));
                exit(i32::from(done.is_err()));
            }
        }
    }

    /// The runtime of the helper.
    fn runtime() -> Runtime {
        log::init(log::Options { level: LevelFilter::TRACE, stderr: true });
        Builder::new_current_thread().enable_all().thread_keep_alive(confine::IDLE_THREAD).build().unwrap()
    }

    /// A network of its own, with a loopback interface that works.
    async fn network() {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let (connection, handle, _) = rtnetlink::new_connection().unwrap();
        let connection = tokio::spawn(connection);
        handle.link().set(LinkUnspec::new_with_name("lo").up().build()).execute().await.unwrap();
        connection.abort();
    }

    /// One system call with up to four arguments that are numbers, or addresses of nothing.
    fn refused(name: &str, call: c_long, arguments: [c_long; 4]) {
        let [first, second, third, fourth] = arguments;
        // SAFETY: an address is null here, for which the kernel has an error.
        let result = unsafe { libc::syscall(call, first, second, third, fourth) };
        let error = io::Error::last_os_error();
        assert_eq!((result, error.raw_os_error()), (-1, Some(libc::ENOSYS)), "{name}: {error}");
    }

    /// Whoever has taken over a process of the face can start this program again, and ends there, where Landlock is.
    fn no_shell() {
        let error = Command::new("/bin/sh").args(["-c", "true"]).spawn().unwrap_err();
        let expected = [libc::ENOSYS, libc::EACCES].map(Some);
        assert!(expected.contains(&error.raw_os_error()), "{error}");
    }

    fn no_way_out() {
        for (name, call, arguments) in [
            ("execveat", libc::SYS_execveat, [0; 4]),
            ("clone", libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0]),
            ("clone3", libc::SYS_clone3, [0; 4]),
            ("setuid", libc::SYS_setuid, [0; 4]),
            ("setresuid", libc::SYS_setresuid, [0; 4]),
            ("setgroups", libc::SYS_setgroups, [0; 4]),
            ("ptrace", libc::SYS_ptrace, [16, 1, 0, 0]),
            ("process_vm_readv", libc::SYS_process_vm_readv, [1, 0, 0, 0]),
            ("mount", libc::SYS_mount, [0; 4]),
            ("unshare", libc::SYS_unshare, [0; 4]),
            ("setns", libc::SYS_setns, [0; 4]),
            ("chroot", libc::SYS_chroot, [0; 4]),
            ("bpf", libc::SYS_bpf, [0; 4]),
            ("keyctl", libc::SYS_keyctl, [0; 4]),
            ("init_module", libc::SYS_init_module, [0; 4]),
            ("io_uring_setup", libc::SYS_io_uring_setup, [0; 4]),
            ("open_by_handle_at", libc::SYS_open_by_handle_at, [0; 4]),
            ("listen", libc::SYS_listen, [0; 4]),
            ("packet socket", libc::SYS_socket, [libc::AF_PACKET.into(), libc::SOCK_RAW.into(), 3, 0]),
            ("raw socket", libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_RAW.into(), 1, 0]),
            ("netfilter", libc::SYS_socket, [libc::AF_NETLINK.into(), libc::SOCK_RAW.into(), 12, 0]),
            ("vsock", libc::SYS_socket, [libc::AF_VSOCK.into(), libc::SOCK_STREAM.into(), 0, 0]),
            ("memory to write and execute", libc::SYS_mmap, [0, 4096, 7, 0x22]),
            ("memory to execute", libc::SYS_mprotect, [0, 4096, 5, 0]),
            ("typing", libc::SYS_ioctl, [0, libc::TIOCSTI as c_long, 0, 0]),
        ] {
            refused(name, call, arguments);
        }
    }

    /// What a worker cannot do, either.
    fn no_way_out_of_a_worker() {
        no_shell();
        no_way_out();
        for (name, call, arguments) in [
            ("execve", libc::SYS_execve, [0; 4]),
            ("vfork", libc::SYS_clone, [(libc::CLONE_VFORK | libc::CLONE_VM | libc::SIGCHLD).into(), 0, 0, 0]),
            ("capset", libc::SYS_capset, [0; 4]),
            ("kill", libc::SYS_kill, [1, 0, 0, 0]),
            ("tgkill", libc::SYS_tgkill, [1, 1, 0, 0]),
            ("an interface that stays", libc::SYS_ioctl, [0, 0x400454cb, 1, 0]),
            ("connect", libc::SYS_connect, [0; 4]),
            ("bind", libc::SYS_bind, [0; 4]),
            ("bus", libc::SYS_socket, [libc::AF_UNIX.into(), libc::SOCK_STREAM.into(), 0, 0]),
            ("TCP", libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0, 0]),
            ("UDP", libc::SYS_socket, [libc::AF_INET6.into(), libc::SOCK_DGRAM.into(), 0, 0]),
            ("routes", libc::SYS_socket, [libc::AF_NETLINK.into(), libc::SOCK_RAW.into(), 0, 0]),
        ] {
            refused(name, call, arguments);
        }
        for path in ["/dev/net/tun", "/etc/passwd", "/etc/resolv.conf", "/proc/self/maps", "/proc/1/environ"] {
            assert!(File::open(path).is_err(), "{path}");
        }
    }

    /// A socket of each kind, and the interface, that a worker is given.
    struct Given {
        tcp: (TcpStream, TcpStream),
        tun: Tun,
    }

    async fn given() -> Given {
        network().await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        Given { tcp: (client, listener.accept().await.unwrap().0), tun: Tun::create("tunnel%d", 1400).await.unwrap() }
    }

    /// What a worker goes on doing: it carries, verifies certificates, and starts threads.
    async fn carries(Given { tcp: (mut client, mut server), mut tun }: Given) {
        client.write_all(b"octets").await.unwrap();
        let mut octets = [0; 6];
        server.read_exact(&mut octets).await.unwrap();
        assert_eq!(&octets, b"octets");
        // the interface is down
        assert!(!tun.write(&[0x45; 40]).unwrap());
        let connector = spawn_blocking(|| openssl::ssl::SslConnector::builder(openssl::ssl::SslMethod::tls()));
        let connector = connector.await.unwrap().unwrap().build();
        drop(connector);
        native_tls::TlsConnector::new().unwrap();
        assert!(fs::read_dir("/etc/ssl/certs").unwrap().next().is_some());
    }

    #[test]
    #[ignore = "gives up the rights of the process"]
    fn a_worker() {
        with_one_thread(|| {
            let runtime = runtime();
            // one thread only, which the runtime's pool does not have yet
            let given = runtime.block_on(given());
            assert_eq!(status("CapEff").len(), 16);
            confine::worker();
            runtime.block_on(async {
                carries(given).await;
                spawn_blocking(|| {
                    no_way_out_of_a_worker();
                    no_secrets();
                    nothing_is_written();
                })
                .await
                .unwrap();
            });
            let ids = (nix::unistd::getresuid().unwrap(), nix::unistd::getresgid().unwrap());
            assert!(ids.0.real.as_raw() == 65534 && ids.0.saved.as_raw() == 65534 && ids.1.saved.as_raw() == 65534);
            assert_eq!(nix::unistd::getgroups().unwrap(), []);
            assert!(caps::read(None, caps::CapSet::Permitted).unwrap().is_empty());
            no_way_out_of_a_worker();
        });
    }

    /// The unit leaves the user as it is, and one capability.
    #[test]
    #[ignore = "gives up the rights of the process"]
    fn a_worker_of_the_service() {
        with_one_thread(|| {
            own_run();
            let runtime = runtime();
            let given = runtime.block_on(given());
            confine::at_start(Programs::No);
            confine::worker();
            runtime.block_on(carries(given));
            assert!(nix::unistd::geteuid().is_root());
            assert!(caps::read(None, caps::CapSet::Permitted).unwrap().is_empty());
            no_way_out_of_a_worker();
            no_secrets();
            nothing_is_written();
            assert!(File::create("/run/nm-sstp/journal").is_err());
        });
    }

    #[test]
    #[ignore = "gives up the rights of the process"]
    fn a_worker_with_a_token() {
        with_one_thread(|| {
            let runtime = runtime();
            let given = runtime.block_on(given());
            confine::worker_reached_token();
            // its library reads its files now and then
            File::open("/etc/shadow").unwrap();
            refused("bus", libc::SYS_socket, [libc::AF_UNIX.into(), libc::SOCK_STREAM.into(), 0, 0]);
            refused("execve", libc::SYS_execve, [0; 4]);
            runtime.block_on(async {
                confine::worker_is_up().await;
                carries(given).await;
            });
            assert!(caps::read(None, caps::CapSet::Permitted).unwrap().is_empty());
            no_way_out_of_a_worker();
            no_secrets();
            nothing_is_written();
        });
    }

    fn no_secrets() {
        let error = File::open("/etc/shadow").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
        assert!(fs::read_dir("/root").is_err());
    }

    fn nothing_is_written() {
        for directory in ["/tmp", "/var/tmp", "/run", "/etc"] {
            let error = File::create(format!("{directory}/nm-sstp-confine")).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{directory}: {error}");
        }
    }

    /// A field of `/proc/thread-self/status`.
    fn status(field: &str) -> String {
        let text = fs::read_to_string("/proc/thread-self/status").unwrap();
        text.lines().find_map(|line| line.strip_prefix(field)).unwrap().trim_start_matches(':').trim().to_owned()
    }

    /// What a tunnel needs to go on, and to be made again.
    async fn goes_on(tcp: SocketAddr, unix: &Path) {
        let addresses: Vec<_> = lookup_host(("localhost", 443)).await.unwrap().collect();
        assert!(!addresses.is_empty());
        TcpStream::connect(tcp).await.unwrap();
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        udp.send_to(b"x", udp.local_addr().unwrap()).await.unwrap();
        UnixStream::connect(unix).unwrap();
        fs::read("/etc/resolv.conf").unwrap();
        fs::read("/etc/hosts").unwrap();
        assert!(fs::read_dir("/usr/lib").unwrap().next().is_some());
        let (connection, handle, _) = rtnetlink::new_connection().unwrap();
        tokio::spawn(connection);
        assert!(!handle.link().get().execute().try_collect::<Vec<_>>().await.unwrap().is_empty());
        openssl::ssl::SslConnector::builder(openssl::ssl::SslMethod::tls()).unwrap();
        native_tls::TlsConnector::new().unwrap();
        let error = private_file::read(Path::new("/etc/hosts"), Some("games")).await.unwrap_err();
        assert!(error.to_string().contains("may not take on the rights of a user"), "{error}");
        Tun::create("again%d", 1400).await.unwrap();
        let again = || Command::new("/proc/self/exe").arg("--list").output().unwrap();
        assert!(spawn_blocking(again).await.unwrap().status.success());
    }

    /// Before and after a tunnel's process gives up what it does not need.
    async fn give_up_with_a_tunnel() {
        network().await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let path = std::env::temp_dir().join(format!("nm-sstp-confine-{}", std::process::id()));
        let _unix = UnixListener::bind(&path).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let mut tun = Tun::create("tunnel%d", 1400).await.unwrap();
        // such as a name that is looked up
        spawn_blocking(|| ()).await.unwrap();

        confine::tunnel_is_up().await;

        tun.set_mtu(1300).await.unwrap();
        goes_on(listener.local_addr().unwrap(), &path).await;
        assert_eq!(status("Uid"), "65534\t65534\t65534\t65534");
        assert_eq!(status("Gid"), "65534\t65534\t65534\t65534");
        assert_eq!(status("Groups"), "");
        assert_eq!(status("CapPrm"), "0000000000001000");
        assert_eq!(status("CapEff"), "0000000000001000");
        assert_eq!((status("NoNewPrivs"), status("Seccomp")), ("1".to_owned(), "2".to_owned()));
        no_secrets();
        no_way_out();
    }

    #[test]
    #[ignore = "gives up the rights of the process"]
    fn a_tunnel() {
        with_one_thread(|| {
            runtime().block_on(async {
                give_up_with_a_tunnel().await;
                nothing_is_written();
                spawn_blocking(|| {
                    no_shell();
                    no_way_out();
                    no_secrets();
                    nothing_is_written();
                })
                .await
                .unwrap();
                thread::spawn(no_way_out).join().unwrap();
            });
        });
    }

    #[test]
    #[ignore = "gives up the rights of the process"]
    fn a_tunnel_without_landlock() {
        with_one_thread(|| {
            let rules = [(libc::SYS_landlock_create_ruleset, Vec::new())].into_iter().collect();
            let absent = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
            let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
            let filter = SeccompFilter::new(rules, SeccompAction::Allow, absent, arch).unwrap();
            let program: seccompiler::BpfProgram = filter.try_into().unwrap();
            seccompiler::apply_filter(&program).unwrap();
            runtime().block_on(async {
                give_up_with_a_tunnel().await;
                assert_eq!(files::restrict(files::Needs::Face), Ok(files::Extent::None));
            });
        });
    }

    #[test]
    #[ignore = "gives up the rights of the process"]
    fn a_tunnel_beside_a_thread() {
        with_one_thread(|| {
            let (go, gone) = mpsc::channel::<()>();
            let other = thread::spawn(move || {
                gone.recv().unwrap();
                no_way_out();
                no_secrets();
                assert_eq!(status("CapPrm"), "0000000000000000");
            });
            runtime().block_on(async {
                // it waits for that thread; what covers all of them does not
                timeout(2 * confine::IDLE_THREAD, confine::tunnel_is_up()).await.unwrap_err();
            });
            no_way_out();
            no_secrets();
            go.send(()).unwrap();
            other.join().unwrap();
        });
    }

    /// A /run and a /var/lib of its own.
    fn own_run() {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let none: Option<&str> = None;
        let flags = nix::mount::MsFlags::MS_REC | nix::mount::MsFlags::MS_PRIVATE;
        nix::mount::mount(none, "/", none, flags, none).unwrap();
        for directory in ["/run/nm-sstp", "/var/lib/softhsm"].map(Path::new) {
            let parent = directory.parent().unwrap();
            nix::mount::mount(Some("none"), parent, Some("tmpfs"), nix::mount::MsFlags::empty(), none).unwrap();
            fs::create_dir(directory).unwrap();
        }
    }

    /// What a worker of the service does when its tunnel is up, if its key is on a token.
    #[test]
    #[ignore = "a part of the_service"]
    fn a_worker_counts_its_threads() {
        assert!(fs::read_dir("/proc/self/task").unwrap().count() > 0);
    }

    #[test]
    #[ignore = "gives up the rights of the process"]
    fn the_service() {
        with_one_thread(|| {
            own_run();
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            confine::at_start(Programs::No);
            runtime().block_on(async {
                fs::write("/run/nm-sstp/new", "1").unwrap();
                fs::rename("/run/nm-sstp/new", "/run/nm-sstp/journal").unwrap();
                assert_eq!(fs::read("/run/nm-sstp/journal").unwrap(), b"1");
                fs::write("/var/lib/softhsm/token.lock", "").unwrap();
                assert!(File::create("/var/lib/nm-sstp-confine").is_err());
                fs::write("/proc/sys/net/ipv6/conf/lo/accept_ra", "0").unwrap();
                assert!(fs::write("/proc/sys/net/ipv4/ip_forward", "0").is_err());
                spawn_blocking(|| {
                    nothing_is_written();
                    no_secrets();
                    no_shell();
                    no_way_out();
                    let arguments = ["--exact", "inside::a_worker_counts_its_threads", "--ignored"];
                    let worker = Command::new("/proc/self/exe").args(arguments).output().unwrap();
                    assert!(worker.status.success(), "{worker:?}");
                })
                .await
                .unwrap();
            });
            assert_eq!(status("CapPrm"), "0000000000001000");
            assert_eq!((status("NoNewPrivs"), status("Seccomp")), ("1".to_owned(), "2".to_owned()));
        });
    }

    #[test]
    #[ignore = "gives up the rights of the process"]
    fn the_service_with_resolvconf() {
        with_one_thread(|| {
            own_run();
            confine::at_start(Programs::Resolvconf);
            assert!(Command::new("/bin/sh").args(["-c", "test 1 = 1"]).status().unwrap().success());
            assert!(!Command::new("/bin/cat").arg("/etc/shadow").output().unwrap().status.success());
            no_secrets();
            nothing_is_written();
        });
    }
}
