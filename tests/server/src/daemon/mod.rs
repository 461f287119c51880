//! The daemon: one thread, a task for each client, and one TUN device for all of them.

pub mod args;
mod connection;
mod device;
mod switch;
mod table;
pub mod tls;

use std::fs::File;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use args::Args;
use device::{Device, LINK_LOCAL};
use switch::Switch;
use tls::Acceptor;

/// How long the clients may take to agree to the end when the daemon is stopped.
const FAREWELL: Duration = Duration::from_secs(3);

/// Serves until a signal comes.
///
/// # Errors
/// A sentence that says what could not be set up.
pub fn run(args: Args) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(LocalSet::new().run_until(serve(args)))
}

async fn serve(args: Args) -> Result<(), String> {
    let Args { listen, certificate, key, radius, tls, pool, tun, mtu, addresses6, mut config } = args;
    let (acceptor, leaf) = Acceptor::new(&certificate, &key, tls)?;
    config.certificate = leaf;
    let device = match tun {
        Some(name) => {
            let mut addresses = vec![(IpAddr::V4(pool.server()), pool.prefix())];
            addresses.extend(config.ipv6.then_some((IpAddr::V6(LINK_LOCAL), 64)));
            addresses.extend(addresses6);
            Some(Device::create(&name, mtu, &addresses).await?)
        }
        None => None,
    };
    let (mut interrupt, mut terminate) = match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(interrupt), Ok(terminate)) => (interrupt, terminate),
        _ => return Err("signals cannot be caught".to_owned()),
    };
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let address = listener.local_addr().map_err(|error| format!("no address: {error}"))?;
    let switch = Switch::new(Arc::new(config), radius, acceptor, pool, device);
    let distribution = tokio::task::spawn_local(switch.clone().distribute());
    eprintln!("listening on {address}{}", switch.device_name().map_or(String::new(), |name| format!(", {name}")));
    loop {
        tokio::select! {
            accepted = listener.accept() => accept(&switch, accepted),
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    eprintln!("stopping");
    distribution.abort();
    drop(tokio::time::timeout(FAREWELL, switch.close_all()).await);
    Ok(())
}

fn accept(switch: &Rc<Switch>, accepted: std::io::Result<(TcpStream, SocketAddr)>) {
    match accepted {
        Ok((stream, client)) => {
            tokio::task::spawn_local(connection::serve(switch.clone(), stream, client));
        }
        Err(error) => eprintln!("cannot accept a connection: {error}"),
    }
}

/// A seed from the system's random source.
fn seed() -> std::io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(seed)
}
