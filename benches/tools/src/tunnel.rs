//! A tunnel without NetworkManager: `Tunnel::spawn`, and an address for its interface.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use nm_sstp::profile::{Profile, Secrets};
use nm_sstp::tunnel::{Attempt, Command, Established, Tunnel, TunnelState};
use rtnetlink::LinkUnspec;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::options::Options;

/// Length of the prefix of the address where none is told: the server's pool as it is by default.
const PREFIX: u8 = 24;

/// Reads the profile from the command line.
pub fn profile(options: &Options) -> Result<(Profile, Secrets), String> {
    let user: String = options.need("user")?;
    let (name, password) = user.split_once(':').ok_or("--user needs NAME:PASSWORD")?;
    let data = BTreeMap::from([
        ("gateway".to_owned(), options.at(0, "the gateway")?),
        ("ca-cert".to_owned(), options.need("ca")?),
        ("user".to_owned(), name.to_owned()),
    ]);

    let (profile, _notices) = Profile::from_settings(&data, None, None).map_err(|error| error.to_string())?;
    let (secrets, _notices) = Secrets::from_settings(&data, [("password", password)]);
    Ok((profile, secrets))
}

/// The runtime that the helper has: one thread.
pub fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| format!("no runtime: {error}"))
}

/// Waits until the tunnel is up; `told` hears of every state.
pub async fn up(
    state: &mut watch::Receiver<TunnelState>,
    mut told: impl FnMut(&TunnelState),
) -> Result<Arc<Established>, String> {
    loop {
        let now = state.borrow_and_update().clone();
        told(&now);
        match now {
            TunnelState::Up(established) => return Ok(established),
            TunnelState::Down(Some(failure)) => return Err(failure.to_string()),
            TunnelState::Down(None) => return Err("the tunnel ended before it was up".to_owned()),
            TunnelState::Starting(_) | TunnelState::Asking(_) | TunnelState::Reconnecting { .. } => {}
        }
        state.changed().await.map_err(|_| "the tunnel is gone".to_owned())?;
    }
}

/// Ends the tunnel and waits for its end.
pub async fn down(tunnel: &mut Tunnel) -> Result<(), String> {
    // Where nobody listens any more it is down already.
    let _ = tunnel.commands.send(Command::Disconnect).await;
    loop {
        if let TunnelState::Down(failure) = &*tunnel.state.borrow_and_update() {
            return failure.as_ref().map_or(Ok(()), |failure| Err(failure.to_string()));
        }
        if tunnel.state.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// `sstp-bench up`.
pub fn run(options: &Options) -> Result<(), String> {
    let (profile, secrets) = profile(options)?;
    let prefix = options.get("prefix")?.unwrap_or(PREFIX);
    runtime()?.block_on(async {
        let mut ends = [SignalKind::terminate(), SignalKind::interrupt()].map(signal).into_iter();
        let (Some(Ok(mut terminate)), Some(Ok(mut interrupt))) = (ends.next(), ends.next()) else {
            return Err("signals cannot be caught".to_owned());
        };
        let mut tunnel = Tunnel::spawn(Attempt::new(profile, secrets));
        let established = up(&mut tunnel.state, |_| {}).await?;
        let ipv4 = established.parameters.ipv4.as_ref().ok_or("the server gave no IPv4 address")?;
        configure(&established.interface, ipv4.address.into(), prefix).await?;
        println!("up {} {} mtu {}", established.interface, ipv4.address, established.parameters.mtu);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = tunnel.state.wait_for(|state| matches!(state, TunnelState::Down(_))) => {}
        }
        down(&mut tunnel).await
    })
}

/// Gives the interface its address and takes it up.
async fn configure(interface: &str, address: IpAddr, prefix: u8) -> Result<(), String> {
    let failed = |error: String| format!("{interface} cannot be configured: {error}");
    let (connection, handle, _messages) = rtnetlink::new_connection().map_err(|error| failed(error.to_string()))?;
    let connection = tokio::spawn(connection);
    let index = std::fs::read_to_string(format!("/sys/class/net/{interface}/ifindex"))
        .map_err(|error| failed(error.to_string()))?;
    let index = index.trim().parse().map_err(|_| failed("it has no index".to_owned()))?;
    let configured = async {
        handle.address().add(index, address, prefix).execute().await?;
        handle.link().change(LinkUnspec::new_with_index(index).up().build()).execute().await
    };
    let configured = configured.await.map_err(|error| failed(error.to_string()));
    connection.abort();
    configured
}
