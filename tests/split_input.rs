//! How the stream is cut into reads and writes changes nothing, and a run can be replayed.

mod support;

use std::time::Duration;

use nm_sstp::wire::ip::IpVersion;
use proptest::prelude::*;
use support::{Pair, client, datagram, server};

/// What a whole connection leaves behind: what was sent, what was delivered, what was told.
fn connection(chunk: usize, delay: Duration) -> (Vec<u8>, Vec<Vec<u8>>, String) {
    let mut pair = Pair::new(client(), server(""));
    (pair.chunk, pair.delay) = (chunk, delay);
    pair.up();
    for i in 0..40u8 {
        assert!(pair.server.send_datagram(&datagram(100 + u16::from(i) * 30, i)));
    }
    assert!(pair.send(IpVersion::V4, &datagram(1000, 1)));
    pair.run_for(Duration::from_secs(100));
    pair.close();
    pair.closed().unwrap();
    let told: Vec<_> = pair.events.iter().map(|(_, event)| format!("{event:?}")).collect();
    (pair.sent, pair.delivered, told.join("\n"))
}

#[test]
fn a_run_is_replayed_to_the_octet() {
    assert_eq!(connection(usize::MAX, Duration::ZERO), connection(usize::MAX, Duration::ZERO));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_the_stream_gives_the_same(chunk in 1usize..3000) {
        prop_assert_eq!(connection(chunk, Duration::ZERO), connection(usize::MAX, Duration::ZERO));
    }
}
