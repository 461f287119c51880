//! The system service `org.sstpd`.

use std::env;
use std::fs::DirBuilder;
use std::future::Future;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use nm_sstp::dbus::manager::{BUS_NAME, Bus, Departure, Machine, Options, Parts, Service};
use nm_sstp::dbus::polkit::Polkit;
use nm_sstp::probe::Look;
use nm_sstp::store::Store;
use nm_sstp::worker;
use sd_notify::NotifyState;
use tokio::sync::Mutex;
use tracing::{debug, error};
use zbus::Connection;
use zbus::fdo::RequestNameFlags;

/// Where it is written down what has been changed on the machine, where systemd does not say.
const STATE: &str = "/run/nm-sstp";

fn state_directory() -> PathBuf {
    env::var_os("RUNTIME_DIRECTORY").map_or_else(|| PathBuf::from(STATE), PathBuf::from)
}

/// Makes it where it is not there: later this process can write nowhere else. What goes wrong shows when it is used.
pub(crate) fn make_state_directory() {
    drop(DirBuilder::new().recursive(true).mode(0o700).create(state_directory()));
}

/// Serves `sstpctl` and others until the process should leave.
pub(crate) async fn serve(persist: bool, stop: impl Future<Output = ()>) -> ExitCode {
    match run(persist, stop).await {
        Ok(Departure::Stuck) => ExitCode::FAILURE,
        Ok(departure) => {
            debug!(?departure, "leaving");
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            error!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

async fn run(persist: bool, stop: impl Future<Output = ()>) -> Result<Departure, String> {
    let no_bus = |error: zbus::Error| super::no_bus(&error, BUS_NAME, "org.sstpd.conf");
    let connection = Connection::system().await.map_err(no_bus)?;
    let machine = Arc::new(Mutex::new(Machine::new(state_directory())));
    let parts = Parts {
        dial: Arc::new(worker::spawn),
        look: Box::new(|profile, rights| {
            Box::pin(async move { worker::look(Look::prepare(profile, &rights).await).await })
        }),
        host: machine.clone(),
        authority: Arc::new(Polkit::new(connection.clone())),
        callers: Arc::new(Bus::new(connection.clone())),
        store: Store::of_the_system(),
    };
    let options = Options { persist, ..Options::default() };
    let service = Service::serve(&connection, parts, options).await.map_err(no_bus)?;
    // Whoever calls as soon as the name is there waits for the machine.
    let mut preparing = machine.lock().await;
    connection.request_name_with_flags(BUS_NAME, RequestNameFlags::DO_NOT_QUEUE).await.map_err(no_bus)?;
    let prepared = preparing.prepare().await.map(drop);
    prepared.map_err(|reason| format!("What a process before this one has left cannot be undone: {reason}."))?;
    drop(preparing);
    notify(NotifyState::Ready);
    debug!(version = env!("CARGO_PKG_VERSION"), "ready");
    Ok(service.run(&connection, stop_notified(stop)).await)
}

/// The same, and systemd is told of it.
async fn stop_notified(stop: impl Future<Output = ()>) {
    stop.await;
    notify(NotifyState::Stopping);
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        debug!("systemd could not be told: {error}");
    }
}
