use super::*;

fn client() -> (Client, Entropy, Instant) {
    #[allow(clippy::disallowed_methods, reason = "the start of the virtual clock")]
    let now = Instant::now();
    (Client::new(Zeroizing::new(b"secret".to_vec()), 255), Entropy::new([1; 32]), now)
}

#[test]
fn a_request_is_sent_four_times_and_then_given_up() {
    let (mut client, mut entropy, mut now) = client();
    let request = client.request(&mut entropy);
    client.send(now, request).unwrap();
    let first = client.poll_transmit().unwrap();
    assert_eq!(first[1], 0);
    for _ in 0..RETRANSMISSIONS {
        assert!(!client.handle_timeout(now) && client.poll_transmit().is_none(), "too early");
        now += RESTART;
        assert_eq!(client.timer(), Some(now));
        assert!(!client.handle_timeout(now));
        assert_eq!(client.poll_transmit().as_ref(), Some(&first));
    }
    assert!(client.handle_timeout(now + RESTART));
    assert!(client.poll_transmit().is_none() && client.timer().is_none() && !client.is_waiting());
    assert_eq!(client.handle_datagram(&[2, 0, 0, 20]).unwrap_err(), Discarded::NotAwaited);
}

#[test]
fn a_new_request_takes_the_place_of_the_old_one() {
    let (mut client, mut entropy, now) = client();
    for identifier in 0..2 {
        let request = client.request(&mut entropy);
        client.send(now, request).unwrap();
        assert_eq!(client.poll_transmit().unwrap()[1], identifier);
    }
    let mut request = client.request(&mut entropy);
    request.add_split(attribute::EAP_MESSAGE, &[0; 5000]);
    assert_eq!(client.send(now, request), Err(TooLong));
    assert!(!client.is_waiting());
}
