//! The process that NetworkManager starts for one connection.

use std::future::Future;
use std::process::ExitCode;

use nm_sstp::confine;
use nm_sstp::dbus::nm;
use nm_sstp::tunnel::{Attempt, Tunnel, TunnelState};
use nm_sstp::worker;
use tracing::{Instrument, debug, error};

/// Serves NetworkManager until the process should leave.
pub(crate) async fn serve(bus_name: &str, persist: bool, stop: impl Future<Output = ()>) -> ExitCode {
    let options = nm::Options { persist, ..nm::Options::default() };
    // Another tunnel of the same process would need again what is given up.
    let dial = if persist { worker::spawn } else { the_only_one };
    let (plugin, service) = nm::Service::new(Box::new(dial), options);
    let bus = zbus::connection::Builder::system()
        .serve_at(nm::PATH, plugin)
        .name(bus_name)
        .allow_name_replacements(false)
        .replace_existing_names(false);
    let connection = match bus.build().await {
        Ok(connection) => connection,
        Err(error) => {
            error!("{}", super::no_bus(&error, bus_name, "nm-sstp-service.conf"));
            return ExitCode::FAILURE;
        }
    };
    debug!(bus_name, version = env!("CARGO_PKG_VERSION"), "ready");
    match service.run(&connection, stop).await {
        Ok(nm::Departure::Stuck) => ExitCode::FAILURE,
        Ok(departure) => {
            debug!(?departure, "leaving");
            ExitCode::SUCCESS
        }
        Err(error) => {
            error!("The process lost its object on the bus: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Starts a tunnel that is the last one of this process when it comes up.
fn the_only_one(attempt: Attempt) -> Tunnel {
    let tunnel = worker::spawn(attempt);
    let mut state = tunnel.state.clone();
    let confined = async move {
        if state.wait_for(|state| matches!(state, TunnelState::Up(_))).await.is_ok() {
            confine::tunnel_is_up().await;
        }
    };
    tokio::spawn(confined.in_current_span());
    tunnel
}
