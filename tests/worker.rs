//! The process that a tunnel runs in, with the real program: what it does, and what becomes of a tunnel whose process dies
//! or does not keep to the rules.
#![cfg(feature = "service")]

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nm_sstp::probe::Look;
use nm_sstp::profile::{Profile, Secrets};
use nm_sstp::profile_files::Rights;
use nm_sstp::tunnel::{Attempt, Command, Ending, FailureKind, Phase, Tunnel, TunnelState};
use nm_sstp::worker;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::X509;
use tokio::time::timeout;

const PROGRAM: &str = env!("CARGO_BIN_EXE_nm-sstp-service");

const LIMIT: Duration = Duration::from_secs(10);

fn profile(port: u16) -> Profile {
    let data = [("gateway", format!("127.0.0.1:{port}")), ("user", "alice".to_owned())];
    let data: BTreeMap<String, String> = data.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Profile::from_settings(&data, None, None).unwrap().0
}

fn tunnel_by(program: &Path, port: u16) -> Tunnel {
    let (secrets, _) = Secrets::from_settings(&BTreeMap::new(), [("password", "secret")]);
    worker::spawn_by(program, Attempt::new(profile(port), secrets))
}

fn tunnel(port: u16) -> Tunnel {
    tunnel_by(Path::new(PROGRAM), port)
}

async fn ending(tunnel: &mut Tunnel) -> Option<Arc<Ending>> {
    let down = tunnel.state.wait_for(|state| matches!(state, TunnelState::Down(_)));
    let TunnelState::Down(ending) = timeout(LIMIT, down).await.expect("it ends").unwrap().clone() else { panic!() };
    ending
}

async fn comes_to(tunnel: &mut Tunnel, phase: Phase) {
    let come = |state: &TunnelState| matches!(state, TunnelState::Starting(now) if *now == phase);
    timeout(LIMIT, tunnel.state.wait_for(come)).await.expect("it comes so far").unwrap();
}

/// Accepts, and says nothing.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A web server that has nothing but a certificate of its own making.
fn web_server() -> u16 {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_certificate(&certificate.build()).unwrap();
    let acceptor = acceptor.build();
    let (listener, port) = silent();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            if let Ok(mut stream) = acceptor.accept(socket.unwrap()) {
                let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
                let _ = stream.shutdown();
            }
        }
    });
    port
}

/// The processes that this one has started and that are workers.
fn workers() -> Vec<Pid> {
    let ours = std::process::id().to_string();
    let is_worker = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        parent == Some(&ours) && arguments.ends_with(b"\0--worker\0")
    };
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    processes.filter(|pid| is_worker(pid)).map(|pid| Pid::from_raw(pid.parse().unwrap())).collect()
}

/// One after another: they look for the workers of this process.
#[tokio::test]
async fn tunnels_in_processes_of_their_own() {
    a_refused_connection_is_told().await;
    a_look_comes_back_with_what_was_found().await;
    a_disconnect_ends_the_process().await;
    a_process_that_is_killed_is_a_failure_and_says_so().await;
    a_program_that_talks_nonsense_is_a_failure().await;
    a_process_that_does_not_end_is_ended().await;
    what_others_have_open_is_not_for_the_process().await;
    assert_eq!(workers(), []);
}

async fn a_refused_connection_is_told() {
    let (listener, port) = silent();
    drop(listener);
    let ending = ending(&mut tunnel(port)).await.unwrap();
    assert_eq!(ending.kind, FailureKind::Connect);
    let expected =
        format!("127.0.0.1:{port} refused the connection: no server listens on that port; check the name and the port");
    assert_eq!(ending.sentence, expected);
}

async fn a_look_comes_back_with_what_was_found() {
    let port = web_server();
    let look = Look::prepare(profile(port), &Rights::default()).await;
    let findings = timeout(LIMIT, worker::look_by(Path::new(PROGRAM), look)).await.unwrap();
    assert_eq!((findings.sstp, findings.verified), (Some(false), Some(false)), "{findings:?}");
    assert!(findings.tls.unwrap().version.starts_with("TLS 1."));

    let mut tunnel = tunnel(port);
    let ending = ending(&mut tunnel).await.unwrap();
    assert!(ending.sentence.contains("is not trusted"), "{ending}");
}

async fn a_disconnect_ends_the_process() {
    let (_listener, port) = silent();
    let mut tunnel = tunnel(port);
    comes_to(&mut tunnel, Phase::Tls).await;
    assert_eq!(workers().len(), 1);
    tunnel.commands.send(Command::Disconnect).await.unwrap();
    assert!(ending(&mut tunnel).await.is_none());
    assert_eq!(workers(), []);
}

async fn a_process_that_is_killed_is_a_failure_and_says_so() {
    let (_listener, port) = silent();
    let mut tunnel = tunnel(port);
    comes_to(&mut tunnel, Phase::Tls).await;
    kill(workers()[0], Signal::SIGKILL).unwrap();
    let ending = ending(&mut tunnel).await.unwrap();
    assert!(ending.sentence.starts_with("the process of the tunnel ended unexpectedly (signal: 9"), "{ending}");
}

async fn a_program_that_talks_nonsense_is_a_failure() {
    let path = std::env::temp_dir().join(format!("nm-sstp-worker-{}", std::process::id()));
    for (script, expected) in [
        ("#!/bin/sh\nprintf '\\003\\000\\000\\000abc' >&0\nsleep 1\n", "said what it must not"),
        ("#!/bin/sh\nprintf '\\377\\377\\377\\377' >&0\nsleep 1\n", "said what it must not"),
        ("#!/bin/sh\nexit 3\n", "ended unexpectedly"),
    ] {
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let ending = ending(&mut tunnel_by(&path, 9)).await.unwrap();
        assert!(ending.sentence.contains(expected), "{script}: {ending}");
    }
    fs::remove_file(&path).unwrap();
    let ending = ending(&mut tunnel_by(&path, 9)).await.unwrap();
    assert!(ending.sentence.contains("could not be started"), "{ending}");
}

async fn a_process_that_does_not_end_is_ended() {
    let path = std::env::temp_dir().join(format!("nm-sstp-stuck-{}", std::process::id()));
    fs::write(&path, "#!/bin/sh\nexec sleep 60\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    let mut tunnel = tunnel_by(&path, 9);
    tokio::time::sleep(Duration::from_millis(200)).await;
    tunnel.commands.send(Command::Disconnect).await.unwrap();
    assert!(ending(&mut tunnel).await.is_none());
    fs::remove_file(&path).unwrap();
}

/// A library of the other process may have opened it for somebody else, without a word about programs.
async fn what_others_have_open_is_not_for_the_process() {
    let (_listener, port) = silent();
    let file = fs::File::open("/proc/self/exe").unwrap();
    let open = nix::unistd::dup(&file).unwrap();
    let mut tunnel = tunnel(port);
    comes_to(&mut tunnel, Phase::Tls).await;
    let descriptors = fs::read_dir(format!("/proc/{}/fd", workers()[0]));
    match descriptors {
        Ok(descriptors) => {
            let leads_to = |entry: fs::DirEntry| fs::read_link(entry.path()).unwrap_or_default();
            let ours = fs::read_link("/proc/self/exe").unwrap();
            assert!(descriptors.flatten().map(leads_to).all(|path| path != ours));
        }
        Err(error) => println!("skipped: what a process has open is for root to see ({error})"),
    }
    drop(open);
    tunnel.commands.send(Command::Disconnect).await.unwrap();
    assert!(ending(&mut tunnel).await.is_none());
}
