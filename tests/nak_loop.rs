//! A server that does not agree is not asked for ever: the negotiation goes on without the option, or ends.

mod support;

use std::time::Duration;

use nm_sstp::session::Event;
use support::{Pair, client, server};

fn outcome(behaviour: &str) -> Pair {
    let mut pair = Pair::new(client(), server(behaviour));
    pair.run_for(Duration::from_secs(15));
    assert!(pair.sent.len() < 8192, "{behaviour}: sent {} octets", pair.sent.len());
    pair
}

#[test]
fn options_of_the_link_are_given_up() {
    for behaviour in ["lcp-nak-loop", "loop-magic"] {
        let pair = outcome(behaviour);
        let up = pair.events.iter().any(|(_, event)| matches!(event, Event::Up(_)));
        assert!(up, "{behaviour}: {:?}", pair.events);
    }
}

#[test]
fn without_an_address_it_ends() {
    let pair = outcome("nak-loop");
    let error = pair.result().unwrap().unwrap_err();
    assert!(error.to_string().contains("no IPv4 address"), "{error}");
}
