//! A path whose round trip is longer than the restart timers of PPP makes a connection slow, and no more than that.

mod support;

use std::time::Duration;

use nm_sstp::session::Config;
use nm_sstp::wire::ip::IpVersion;
use support::{Pair, client, datagram, server};

#[test]
fn sessions_come_up_and_stay() {
    for behaviours in ["", "softether", "pppd", "windows", "ipv6cp-terminate-ack"] {
        for delay in [0.05, 0.3, 0.6, 1.0, 1.4, 1.9] {
            if behaviours == "softether" && delay > 1.4 {
                continue; // its hello timer of 3 s ends the call
            }
            let mut pair = Pair::new(Config { ipv6: true, ..client() }, server(behaviours));
            pair.delay = Duration::from_secs_f64(delay);
            pair.up();
            // HTTP, the call, LCP, a challenge, its answer, IPCP twice; servers that refuse first need some more
            let round_trips = pair.elapsed().as_secs_f64() / (2.0 * delay);
            let own_time = if ["softether", "pppd"].contains(&behaviours) { 5.0 } else { 0.0 };
            assert!(round_trips <= 11.0 + own_time / (2.0 * delay), "{behaviours} {delay}: {round_trips}");
            let before = pair.phases().len();
            pair.run_for(Duration::from_secs(100));
            assert_eq!((pair.result(), pair.phases().len()), (None, before), "{behaviours} {delay}: {:?}", pair.events);
            assert!(pair.send(IpVersion::V4, &datagram(100, 1)), "{behaviours} {delay}");
        }
    }
}
