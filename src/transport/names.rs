//! The addresses of a host by name servers that are asked beside a tunnel.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::dial::Way;
use crate::wire::dns::{Kind, MAX_ANSWER, Query};

/// The port of name servers (RFC 1035 4.2.1).
pub(super) const PORT: u16 = 53;

/// After this time without an answer the question is put once more (RFC 1035 4.2.1 has two to five seconds, for a network of
/// its time).
const AGAIN: Duration = Duration::from_secs(1);

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(3);

/// Asks all of these name servers at once, and takes what the first one says that knows any address. None: nobody does.
pub(super) async fn ask(host: &str, port: u16, servers: Vec<Way>) -> Vec<SocketAddr> {
    let mut running = JoinSet::new();
    for server in servers {
        let host = host.to_owned();
        running.spawn(async move {
            let (v6, v4) = tokio::join!(one(&host, Kind::Ipv6, &server), one(&host, Kind::Ipv4, &server));
            [v6, v4].concat()
        });
    }
    while let Some(answer) = running.join_next().await {
        match answer {
            Ok(addresses) if !addresses.is_empty() => {
                return addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
            }
            _ => {}
        }
    }
    Vec::new()
}

/// What one name server says; nothing where it says nothing.
async fn one(host: &str, kind: Kind, server: &Way) -> Vec<IpAddr> {
    match put(host, kind, server).await {
        Ok(addresses) => addresses,
        Err(error) => {
            debug!("the name server {} tells no address: {error}", server.address.ip());
            Vec::new()
        }
    }
}

async fn put(host: &str, kind: Kind, server: &Way) -> io::Result<Vec<IpAddr>> {
    let mut id = [0; 2];
    openssl::rand::rand_bytes(&mut id)?;
    let query = Query { id: u16::from_be_bytes(id), name: host.trim_end_matches('.').to_owned(), kind };
    let question = query.emit().ok_or(io::ErrorKind::InvalidInput)?;
    let any: IpAddr =
        if server.address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // the kernel chooses a port that nobody can guess
    let socket = UdpSocket::bind((any, 0)).await?;
    if let Some(interface) = &server.interface {
        SockRef::from(&socket).bind_device(Some(interface.as_bytes()))?;
    }
    socket.connect(server.address).await?;
    let (begin, mut datagram) = (Instant::now(), [0; MAX_ANSWER]);
    for until in [begin + AGAIN, begin + LIMIT] {
        socket.send(&question).await?;
        while let Ok(received) = timeout_at(until, socket.recv(&mut datagram)).await {
            let len = received?;
            // anything else may be a forgery, and the answer is still on its way
            if let Some(addresses) = query.addresses(&datagram[..len]) {
                return Ok(addresses);
            }
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name server that first says something else, and then an address to whoever asks for IPv4.
    async fn server(answers: bool) -> Way {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut datagram = [0; 512];
            while let Ok((len, from)) = socket.recv_from(&mut datagram).await {
                if !answers {
                    continue;
                }
                let (question, is_ipv4) = (datagram[..len].to_vec(), datagram[len - 3] == 1);
                let head =
                    [&question[..2], &[0x81, 0x80, 0, 1, 0, u8::from(is_ipv4), 0, 0, 0, 0], &question[12..]].concat();
                let record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07";
                let mut forged = head.clone();
                forged[0] ^= 1;
                for answer in [forged, [head, if is_ipv4 { record.to_vec() } else { Vec::new() }].concat()] {
                    socket.send_to(&answer, from).await.unwrap();
                }
            }
        });
        Way { address, interface: None }
    }

    #[tokio::test]
    async fn who_knows_it_is_believed_and_nobody_else_waited_for() {
        let (silent, knowing) = (server(false).await, server(true).await);
        let begin = Instant::now();
        let found = ask("vpn.example", 443, vec![silent, knowing]).await;
        assert_eq!(found, ["192.0.2.7:443".parse().unwrap()]);
        assert!(begin.elapsed() < LIMIT);
    }

    #[tokio::test]
    async fn nobody_is_asked_for_ever() {
        assert_eq!(ask("vpn.example", 443, vec![server(false).await]).await, []);
        assert_eq!(ask("vpn.example", 443, Vec::new()).await, []);
        assert_eq!(ask(&"x".repeat(64), 443, vec![server(true).await]).await, []);
    }
}
