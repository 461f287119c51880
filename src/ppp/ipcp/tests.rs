//! IPCP as a client negotiates it, the server played by the test.

use super::super::negotiator::{Ending, Layer};
use super::super::testing::{Bench, options};
use super::option::{IP_ADDRESS, PRIMARY_DNS, PRIMARY_NBNS, SECONDARY_DNS, SECONDARY_NBNS};
use super::*;
use crate::wire::ppp::code::{CONFIGURE_ACK, CONFIGURE_NAK, CONFIGURE_REJECT, CONFIGURE_REQUEST};

const ANY: [u8; 4] = [0; 4];

/// Options of four octets each.
fn addresses(addresses: &[(u8, [u8; 4])]) -> Vec<u8> {
    addresses.iter().flat_map(|(kind, address)| options(&[(*kind, address)])).collect()
}

/// What is asked for first, with this address.
fn everything(address: [u8; 4]) -> Vec<u8> {
    let servers = [PRIMARY_DNS, SECONDARY_DNS, PRIMARY_NBNS, SECONDARY_NBNS].map(|kind| (kind, ANY));
    [addresses(&[(IP_ADDRESS, address)]), addresses(&servers)].concat()
}

#[track_caller]
fn open() -> Bench<IpcpPolicy> {
    let mut bench = Bench::open(IpcpPolicy::new(Ipv4Addr::UNSPECIFIED));
    bench.expect(CONFIGURE_REQUEST, 1, &everything(ANY));
    bench
}

#[test]
fn the_server_gives_everything() {
    let mut bench = open();
    bench.receive(CONFIGURE_REQUEST, 7, &addresses(&[(IP_ADDRESS, [10, 0, 0, 1])]));
    bench.expect(CONFIGURE_ACK, 7, &addresses(&[(IP_ADDRESS, [10, 0, 0, 1])]));
    let given = addresses(&[
        (IP_ADDRESS, [10, 0, 0, 2]),
        (PRIMARY_DNS, [10, 0, 0, 53]),
        (SECONDARY_DNS, [10, 0, 1, 53]),
        (PRIMARY_NBNS, [10, 0, 0, 42]),
        (SECONDARY_NBNS, [10, 0, 1, 42]),
    ]);
    bench.receive(CONFIGURE_NAK, 1, &given);
    bench.expect(CONFIGURE_REQUEST, 2, &given);
    assert_eq!(bench.receive(CONFIGURE_ACK, 2, &given), Some(Layer::Up));
    let policy = &bench.negotiator.policy;
    assert_eq!(policy.address(), Some([10, 0, 0, 2].into()));
    assert_eq!(policy.peer(), Some([10, 0, 0, 1].into()));
    assert_eq!(policy.dns(), [Ipv4Addr::from([10, 0, 0, 53]), [10, 0, 1, 53].into()]);
    assert_eq!(policy.nbns(), [Ipv4Addr::from([10, 0, 0, 42]), [10, 0, 1, 42].into()]);
}

/// ogital, accel-ppp and SoftEther reject the servers that they do not have, and nak the rest.
#[test]
fn what_the_server_rejects_is_not_asked_for_again() {
    let mut bench = open();
    let rejected = addresses(&[(SECONDARY_DNS, ANY), (PRIMARY_NBNS, ANY), (SECONDARY_NBNS, ANY)]);
    bench.receive(CONFIGURE_REJECT, 1, &rejected);
    bench.expect(CONFIGURE_REQUEST, 2, &addresses(&[(IP_ADDRESS, ANY), (PRIMARY_DNS, ANY)]));
    bench.receive(CONFIGURE_NAK, 2, &addresses(&[(IP_ADDRESS, [10, 0, 0, 2]), (PRIMARY_DNS, [10, 0, 0, 1])]));
    let wanted = addresses(&[(IP_ADDRESS, [10, 0, 0, 2]), (PRIMARY_DNS, [10, 0, 0, 1])]);
    bench.expect(CONFIGURE_REQUEST, 3, &wanted);
    // one by one, until nothing is left
    bench.receive(CONFIGURE_REJECT, 3, &addresses(&[(PRIMARY_DNS, [10, 0, 0, 1])]));
    bench.expect(CONFIGURE_REQUEST, 4, &addresses(&[(IP_ADDRESS, [10, 0, 0, 2])]));
    bench.receive(CONFIGURE_REJECT, 4, &addresses(&[(IP_ADDRESS, [10, 0, 0, 2])]));
    bench.expect(CONFIGURE_REQUEST, 5, &[]);
    bench.receive(CONFIGURE_ACK, 5, &[]);
    let policy = &bench.negotiator.policy;
    assert_eq!((policy.address(), policy.dns(), policy.nbns()), (None, vec![], vec![]));
}

#[test]
fn a_nak_for_each_option_changes_that_option() {
    let kinds = [IP_ADDRESS, PRIMARY_DNS, SECONDARY_DNS, PRIMARY_NBNS, SECONDARY_NBNS];
    for (at, kind) in kinds.into_iter().enumerate() {
        let mut bench = open();
        bench.receive(CONFIGURE_NAK, 1, &addresses(&[(kind, [192, 0, 2, 1])]));
        let mut expected = kinds.map(|kind| (kind, ANY));
        expected[at].1 = [192, 0, 2, 1];
        bench.expect(CONFIGURE_REQUEST, 2, &addresses(&expected));
    }
}

#[test]
fn a_server_that_answers_a_wish_for_dns_with_the_same_wish_has_none() {
    let mut bench = open();
    bench.receive(
        CONFIGURE_NAK,
        1,
        &addresses(&[(IP_ADDRESS, [10, 0, 0, 2]), (PRIMARY_DNS, ANY), (SECONDARY_DNS, ANY)]),
    );
    let rest = addresses(&[(IP_ADDRESS, [10, 0, 0, 2]), (PRIMARY_NBNS, ANY), (SECONDARY_NBNS, ANY)]);
    bench.expect(CONFIGURE_REQUEST, 2, &rest);
    // also where it has named one before
    let mut bench = open();
    for (identifier, address) in [(1, [10, 0, 0, 53]), (2, [10, 0, 0, 54]), (3, [10, 0, 0, 54])] {
        bench.receive(CONFIGURE_NAK, identifier, &addresses(&[(PRIMARY_DNS, address)]));
    }
    bench.receive(CONFIGURE_ACK, 4, &[]);
    assert!(bench.negotiator.policy.dns().is_empty());
}

#[test]
fn a_server_may_name_a_dns_server_that_we_do_not_ask_for_any_more() {
    let mut bench = open();
    bench.receive(CONFIGURE_REJECT, 1, &addresses(&[(PRIMARY_DNS, ANY)]));
    bench.receive(CONFIGURE_NAK, 2, &addresses(&[(PRIMARY_DNS, [10, 0, 0, 53])]));
    assert_eq!(bench.negotiator.policy.dns(), [Ipv4Addr::from([10, 0, 0, 53])]);
}

#[test]
fn no_address_at_all() {
    // the server agrees to 0.0.0.0
    let mut bench = open();
    bench.receive(CONFIGURE_ACK, 1, &everything(ANY));
    assert_eq!(bench.negotiator.policy.address(), None);
    // or has nothing better to offer, again and again
    let mut bench = open();
    let mut identifier = 1;
    let ended = loop {
        if let Some(layer) = bench.receive(CONFIGURE_NAK, identifier, &addresses(&[(IP_ADDRESS, ANY)])) {
            break layer;
        }
        identifier += 1;
        assert!(identifier < 100);
    };
    assert_eq!(ended, Layer::Finished);
    assert_eq!(bench.negotiator.ending(), Some(&Ending::NotConverging));
    assert_eq!(bench.negotiator.policy.address(), None);
}

#[test]
fn addresses_that_no_host_can_have_are_not_believed() {
    for bad in [[0, 0, 0, 0], [0, 1, 2, 3], [127, 0, 0, 1], [224, 0, 0, 1], [239, 255, 255, 255], [255; 4]] {
        let mut bench = open();
        let given = addresses(&[(IP_ADDRESS, bad), (PRIMARY_DNS, bad), (SECONDARY_DNS, [10, 0, 0, 53])]);
        bench.receive(CONFIGURE_NAK, 1, &given);
        let policy = &bench.negotiator.policy;
        assert_eq!((policy.address(), policy.dns()), (None, vec![[10, 0, 0, 53].into()]), "{bad:?}");
        bench.receive(CONFIGURE_REQUEST, 1, &addresses(&[(IP_ADDRESS, bad)]));
        assert_eq!(bench.negotiator.policy.peer(), None, "{bad:?}");
    }
    for good in [[10, 0, 0, 2], [100, 64, 0, 1], [169, 254, 1, 1], [192, 0, 0, 1], [198, 51, 100, 7], [8, 8, 8, 8]] {
        let mut bench = open();
        bench.receive(CONFIGURE_NAK, 1, &addresses(&[(IP_ADDRESS, good)]));
        bench.receive(CONFIGURE_REQUEST, 1, &addresses(&[(IP_ADDRESS, good)]));
        let policy = &bench.negotiator.policy;
        assert_eq!((policy.address(), policy.peer()), (Some(good.into()), Some(good.into())));
    }
}

#[test]
fn the_same_server_twice_is_one() {
    let mut bench = open();
    let twice = [10, 0, 0, 53];
    bench.receive(CONFIGURE_NAK, 1, &addresses(&[(PRIMARY_DNS, twice), (SECONDARY_DNS, twice)]));
    assert_eq!(bench.negotiator.policy.dns(), [Ipv4Addr::from(twice)]);
}

#[test]
fn the_wishes_of_the_server() {
    let mut bench = open();
    // it wants an address from us, Van Jacobson compression, and name servers
    for (kind, data) in [
        (IP_ADDRESS, &ANY[..]),
        (IP_ADDRESS, &[10, 0, 0]),
        (IP_ADDRESS, &[10, 0, 0, 1, 0]),
        (1, &[10, 0, 0, 1, 10, 0, 0, 2]),
        (2, &[0x00, 0x2d, 15, 1]),
        (PRIMARY_DNS, &[10, 0, 0, 53]),
        (PRIMARY_DNS, &ANY),
        (4, &ANY),
    ] {
        let wish = options(&[(kind, data), (IP_ADDRESS, &[10, 0, 0, 1])]);
        bench.receive(CONFIGURE_REQUEST, 9, &wish);
        bench.expect(CONFIGURE_REJECT, 9, &options(&[(kind, data)]));
    }
    // without any it is as good as with one
    bench.receive(CONFIGURE_REQUEST, 10, &[]);
    bench.expect(CONFIGURE_ACK, 10, &[]);
    assert_eq!(bench.negotiator.policy.peer(), None);
}

#[test]
fn wishes_that_cannot_be_read_are_no_wishes() {
    let mut bench = open();
    bench.receive(
        CONFIGURE_NAK,
        1,
        &options(&[(IP_ADDRESS, &[10, 0, 0]), (PRIMARY_DNS, &[1; 16]), (2, &[0x00, 0x2d])]),
    );
    bench.expect(CONFIGURE_REQUEST, 2, &everything(ANY));
}

#[test]
fn an_address_of_our_own_is_asked_for() {
    let mut bench = Bench::open(IpcpPolicy::new([10, 9, 9, 9].into()));
    bench.expect(CONFIGURE_REQUEST, 1, &everything([10, 9, 9, 9]));
    bench.receive(CONFIGURE_ACK, 1, &everything([10, 9, 9, 9]));
    assert_eq!(bench.negotiator.policy.address(), Some([10, 9, 9, 9].into()));
}

/// SoftEther asks a DHCP server first, and gets our repetitions meanwhile.
#[test]
fn an_answer_that_comes_seconds_late_counts() {
    let mut bench = open();
    bench.at(4.2);
    bench.expect(CONFIGURE_REQUEST, 1, &everything(ANY));
    bench.expect(CONFIGURE_REQUEST, 1, &everything(ANY));
    bench.quiet();
    let given = [addresses(&[(IP_ADDRESS, [192, 168, 30, 10])])].concat();
    bench.receive(CONFIGURE_NAK, 1, &given);
    bench.expect(CONFIGURE_REQUEST, 2, &everything([192, 168, 30, 10]));
    bench.receive(CONFIGURE_NAK, 1, &given);
    bench.receive(CONFIGURE_NAK, 1, &given);
    bench.quiet();
}
