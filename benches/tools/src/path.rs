//! `sstp-bench path`: a network path with a delay, for kernels without netem.
//!
//! Two TUN interfaces; what the kernel sends into one comes out of the other after half of the round trip. Delaying
//! datagrams and not the octets of a TCP stream, it delays TCP's handshake and acknowledgements too, as a real path.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tun::{AbstractDevice as _, Configuration, Device};

use crate::options::Options;

/// As on Ethernet, in octets.
const MTU: u16 = 1500;
/// What waits for a slow line, at most; what comes on top is lost. A home router's queue is longer rather than shorter.
const QUEUE: Duration = Duration::from_millis(50);

/// What a path does to datagrams.
#[derive(Clone, Copy)]
struct Line {
    /// Time from one end to the other.
    delay: Duration,
    /// Time that each octet takes on the line.
    per_octet: Duration,
}

/// Runs the command; ends only with the process.
pub fn run(options: &Options) -> Result<(), String> {
    let rtt: f64 = options.need("rtt")?;
    let delay = Duration::try_from_secs_f64(rtt / 2e3).map_err(|error| format!("--rtt: {error}"))?;
    let mbit: Option<f64> = options.get("mbit")?;
    let per_octet = mbit.map_or(Ok(Duration::ZERO), |mbit| Duration::try_from_secs_f64(8e-6 / mbit));
    let line = Line { delay, per_octet: per_octet.map_err(|error| format!("--mbit: {error}"))? };
    let left = Arc::new(create(&options.need::<String>("left")?)?);
    let right = Arc::new(create(&options.need::<String>("right")?)?);
    println!("ready");
    let ends = [(left.clone(), right.clone()), (right, left)].map(|(from, to)| {
        let (sender, receiver) = channel();
        thread::spawn(move || drop(let_out(&to, &receiver)));
        thread::spawn(move || take_in(&from, line, &sender))
    });
    for end in ends {
        end.join().map_err(|_| "a thread of the path panicked".to_owned())??;
    }
    Ok(())
}

fn create(name: &str) -> Result<Device, String> {
    let mut configuration = Configuration::default();
    configuration.tun_name(name).mtu(MTU);
    let device = tun::create(&configuration).map_err(|error| format!("{name} cannot be made: {error}"))?;
    match device.tun_name() {
        Ok(given) if given == name => Ok(device),
        _ => Err(format!("{name} cannot be made: it got another name")),
    }
}

/// Stamps each datagram with the time at which it is to come out.
fn take_in(from: &Device, line: Line, queue: &Sender<(Instant, Vec<u8>)>) -> Result<(), String> {
    let mut datagram = [0; MTU as usize];
    let mut free = now();
    loop {
        let length = from.recv(&mut datagram).map_err(|error| format!("an interface is gone: {error}"))?;
        let now = now();
        if free.saturating_duration_since(now) > QUEUE {
            continue;
        }
        free = free.max(now) + line.per_octet * length as u32;
        if queue.send((free + line.delay, datagram[..length].to_vec())).is_err() {
            return Ok(());
        }
    }
}

fn let_out(to: &Device, queue: &Receiver<(Instant, Vec<u8>)>) -> Result<(), String> {
    for (due, datagram) in queue {
        thread::sleep(due.saturating_duration_since(now()));
        // What the interface does not take is lost, as on any path.
        drop(to.send(&datagram));
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "the delay of a real path takes real time")]
fn now() -> Instant {
    Instant::now()
}
