//! A real device in a network namespace of its own, which takes root. A machine that cannot do that skips these tests
//! and says so; in CI (`CI=true`) they fail there.

use std::env;
use std::future::{Future, poll_fn};
use std::net::{Ipv4Addr, UdpSocket};
use std::thread;
use std::time::Duration;

use futures_util::TryStreamExt;
use nix::sched::{CloneFlags, unshare};
use rtnetlink::packet_route::address::AddressAttribute;
use tokio::runtime;
use tokio::time::{sleep, timeout};

use super::*;

/// Runs the test in a thread with a network namespace of its own.
pub(crate) fn in_namespace<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let tested = thread::spawn(|| {
        if let Err(errno) = unshare(CloneFlags::CLONE_NEWNET) {
            assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "no network namespace: {errno}");
            println!("skipped: this machine gives no network namespace ({errno}); it takes root");
            return;
        }
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { timeout(Duration::from_secs(20), test()).await.expect("the test hangs") });
    });
    tested.join().unwrap();
}

/// A request to the kernel, together with the connection that it needs.
macro_rules! netlink {
    (|$handle:ident| $request:expr) => {{
        let (connection, $handle, _messages) = rtnetlink::new_connection().unwrap();
        tokio::select! { result = async { $request.await } => result, () = connection => panic!("netlink is gone") }
    }};
}

async fn link(index: u32) -> Option<LinkMessage> {
    netlink!(|handle| handle.link().get().match_index(index).execute().try_next()).ok().flatten()
}

/// Brings an interface up and gives it this address.
pub(crate) async fn bring_up(index: u32, address: Ipv4Addr) {
    let request = LinkUnspec::new_with_index(index).up().build();
    netlink!(|handle| handle.link().change(request).execute()).unwrap();
    netlink!(|handle| handle.address().add(index, address.into(), 24).execute()).unwrap();
}

fn mtu(link: &LinkMessage) -> Option<u32> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Mtu(mtu) => Some(*mtu),
        _ => None,
    })
}

#[test]
fn a_device_has_a_name_of_its_own_and_the_mtu_asked_for() {
    in_namespace(|| async {
        let mut first = Tun::create("sstp%d", 1396).await.unwrap();
        let second = Tun::create("sstp%d", 1400).await.unwrap();
        assert_eq!((first.name(), second.name()), ("sstp0", "sstp1"));
        assert_eq!(mtu(&link(first.interface.index).await.unwrap()), Some(1396));
        first.set_mtu(1280).await.unwrap();
        assert_eq!(mtu(&link(first.interface.index).await.unwrap()), Some(1280));
        assert_eq!(mtu(&link(second.interface.index).await.unwrap()), Some(1400));

        let index = first.interface.index;
        drop(first);
        assert!(link(index).await.is_none(), "the interface outlived its descriptor");
        assert!(link(second.interface.index).await.is_some());
    });
}

#[test]
fn a_taken_or_impossible_name_is_an_error_that_names_it() {
    in_namespace(|| async {
        let _first = Tun::create("ppp7", 1400).await.unwrap();
        let text = Tun::create("ppp7", 1400).await.err().unwrap().to_string();
        assert!(text.contains("ppp7 cannot be made") && text.contains("another interface has that name"), "{text}");
        let error = Tun::create("a-name-that-is-too-long", 1400).await.err().unwrap();
        assert!(matches!(error, Error::Create { .. }), "{error:?}");
        let error = Tun::create("sstp%d", 20).await.err().unwrap();
        assert!(matches!(error, Error::Configure { .. }), "{error:?}");
    });
}

#[test]
fn the_kernel_makes_up_no_address() {
    in_namespace(|| async {
        let tun = Tun::create("sstp%d", 1400).await.unwrap();
        bring_up(tun.interface.index, Ipv4Addr::new(10, 9, 0, 1)).await;
        // Long enough for a link-local address, which needs no duplicate address detection here.
        sleep(Duration::from_millis(300)).await;
        let addresses: Vec<_> = netlink!(|handle| handle
            .address()
            .get()
            .set_link_index_filter(tun.interface.index)
            .execute()
            .try_collect::<Vec<_>>())
        .unwrap()
        .iter()
        .flat_map(|message| &message.attributes)
        .filter_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(address.to_string()),
            _ => None,
        })
        .collect();
        assert_eq!(addresses, ["10.9.0.1"]);
    });
}

#[test]
fn datagrams_go_both_ways() {
    in_namespace(|| async {
        let mut tun = Tun::create("sstp%d", 1400).await.unwrap();
        bring_up(tun.interface.index, Ipv4Addr::new(10, 9, 0, 1)).await;
        let socket = UdpSocket::bind((Ipv4Addr::new(10, 9, 0, 1), 4000)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.send_to(b"out", (Ipv4Addr::new(10, 9, 0, 2), 5000)).unwrap();

        let mut buffer = [0; 2048];
        let length = poll_fn(|cx| tun.poll_read(cx, &mut buffer)).await.unwrap();
        let mut datagram = buffer[..length].to_vec();
        assert_eq!((datagram[0], datagram[9], length), (0x45, 17, 20 + 8 + 3));
        assert_eq!(&datagram[28..], b"out");

        // The same datagram back: source and destination change places, which leaves the checksums as they are.
        let addresses: Vec<u8> = [&datagram[16..20], &datagram[12..16]].concat();
        datagram[12..20].copy_from_slice(&addresses);
        let ports: Vec<u8> = [&datagram[22..24], &datagram[20..22]].concat();
        datagram[20..24].copy_from_slice(&ports);
        assert!(tun.write(&datagram).unwrap());
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from.to_string()), (&b"out"[..], "10.9.0.2:5000".to_owned()));
    });
}

#[test]
fn what_comes_before_the_link_is_up_is_lost_and_no_more() {
    in_namespace(|| async {
        let mut tun = Tun::create("sstp%d", 1400).await.unwrap();
        let mut buffer = [0; 2048];
        let datagram = [0x45; 40];
        assert!(!tun.write(&datagram).unwrap());
        let waited = timeout(Duration::from_millis(100), poll_fn(|cx| tun.poll_read(cx, &mut buffer))).await;
        assert!(waited.is_err(), "{waited:?}");

        bring_up(tun.interface.index, Ipv4Addr::new(10, 9, 0, 1)).await;
        assert!(tun.write(&datagram).unwrap());
        let socket = UdpSocket::bind((Ipv4Addr::new(10, 9, 0, 1), 4000)).unwrap();
        socket.send_to(b"out", (Ipv4Addr::new(10, 9, 0, 2), 5000)).unwrap();
        let length = poll_fn(|cx| tun.poll_read(cx, &mut buffer)).await.unwrap();
        assert_eq!(length, 31);
    });
}

#[test]
fn an_interface_that_somebody_deletes_is_noticed() {
    in_namespace(|| async {
        let mut tun = Tun::create("sstp%d", 1400).await.unwrap();
        bring_up(tun.interface.index, Ipv4Addr::new(10, 9, 0, 1)).await;
        netlink!(|handle| handle.link().del(tun.interface.index).execute()).unwrap();
        assert!(tun.write(&[0x45; 40]).is_err());
    });
}
