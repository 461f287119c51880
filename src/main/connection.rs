//! The process that NetworkManager starts for one connection.

use std::future::Future;
use std::process::ExitCode;

use nm_sstp::dbus::nm;
use nm_sstp::tunnel::Tunnel;
use tracing::{debug, error};

/// Serves NetworkManager until the process should leave.
pub(crate) async fn serve(bus_name: &str, persist: bool, stop: impl Future<Output = ()>) -> ExitCode {
    let options = nm::Options { persist, ..nm::Options::default() };
    let (plugin, service) = nm::Service::new(Box::new(Tunnel::spawn), options);
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
