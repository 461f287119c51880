//! A server that floods us with what wants an answer costs it more than us, and stops nothing.

mod support;

use std::time::Duration;

use nm_sstp::wire::ip::IpVersion;
use nm_sstp::wire::sstp::ControlMessage;
use support::{Pair, client, datagram, server};

#[test]
fn echoes_by_the_thousand_at_once() {
    let mut pair = Pair::new(client(), server("never-answer-echo"));
    pair.up();
    pair.run_for(Duration::from_secs(10));
    let mut echo = Vec::new();
    ControlMessage::EchoRequest.emit(&mut echo);
    let flood = echo.repeat(5000);
    let before = pair.sent.len();
    pair.inject(&flood);
    let answered = pair.sent.len() - before;
    assert!((8..=flood.len()).contains(&answered), "{answered}");
    // and the session works on
    pair.inject(&echo);
    assert_eq!(pair.sent.len() - before, answered + 8);
    assert!(pair.send(IpVersion::V4, &datagram(100, 1)));
    assert_eq!(pair.server_delivered.len(), 1);
    pair.close();
    assert_eq!(pair.closed(), Ok(()));
}

#[test]
fn frames_by_the_thousand_at_once() {
    // an echo, an unknown code, an unknown protocol, a challenge, and a request that is refused
    for frame in [
        &[0xff, 0x03, 0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0][..],
        &[0xff, 0x03, 0xc0, 0x21, 0x77, 1, 0, 4],
        &[0xff, 0x03, 0x80, 0xfd, 1, 1, 0, 4],
        &[0xff, 0x03, 0xc2, 0x23, 1, 0x4d, 0, 21, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        &[0xff, 0x03, 0x80, 0x21, 1, 1, 0, 10, 2, 6, 0, 0x2d, 15, 1],
    ] {
        let mut pair = Pair::new(client(), server(""));
        pair.up();
        pair.run_for(Duration::from_secs(10));
        let packet = [&[0x10, 0, 0, frame.len() as u8 + 4], frame].concat();
        let before = pair.sent.len();
        pair.inject(&packet.repeat(3000));
        // a bounded number waits for the driver, and the rest is dropped
        let answered = pair.sent.len() - before;
        assert!((8..=128 * 100).contains(&answered), "{frame:02x?}: {answered}");
        pair.run_for(Duration::from_secs(30));
        assert_eq!(pair.result(), None, "{frame:02x?}");
        assert!(pair.send(IpVersion::V4, &datagram(100, 1)), "{frame:02x?}");
        pair.close();
        assert_eq!(pair.closed(), Ok(()));
    }
}
