use std::time::Duration;

use nm_sstp::crypto::mschapv2::{PasswordHash, nt_response};
use nm_sstp::wire::auth::{ChapPacket, MsChapV2Failure, MsChapV2Response};

use super::change::tests::packet as change_password;
use super::*;
use crate::{Behaviour, User};

/// The server's side of MS-CHAPv2, and a client by hand.
struct Bench {
    now: Instant,
    auth: Authenticator,
    out: Outbox,
    /// Identifier of the packet that the client answers next, and the challenge.
    identifier: u8,
    challenge: [u8; 16],
}

impl Bench {
    fn new(behaviours: &[Behaviour]) -> Self {
        let user = User { name: "ann".to_owned(), password: "hunter2".to_owned().into(), method: None };
        Self::with(Config { users: vec![user], behaviours: behaviours.to_vec(), ..Config::default() })
    }

    fn with(config: Config) -> Self {
        #[allow(clippy::disallowed_methods, reason = "the start of the virtual clock")]
        let now = Instant::now();
        let auth = Authenticator::new(Arc::new(config), Method::MsChapV2, 1500, Entropy::new([3; 32])).unwrap();
        let mut bench = Bench { now, auth, out: Outbox::default(), identifier: 0, challenge: [0; 16] };
        bench.auth.start(now, &mut bench.out);
        let (code, identifier, data) = bench.sent().unwrap();
        assert_eq!((code, data[0]), (1, 16));
        bench.identifier = identifier;
        bench.challenge.copy_from_slice(&data[1..17]);
        bench
    }

    /// Code, identifier and data of the next packet that the server sent.
    fn sent(&mut self) -> Option<(u8, u8, Vec<u8>)> {
        let frame = self.out.pop()?;
        let packet = ControlPacket::parse(&frame.information).unwrap();
        Some((packet.code, packet.identifier, packet.data.to_vec()))
    }

    fn response(&self, name: &str, password: &str) -> MsChapV2Response {
        let (peer_challenge, hash) = ([9; 16], PasswordHash::new(password));
        let nt_response = nt_response(&self.challenge, &peer_challenge, name.as_bytes(), &hash);
        MsChapV2Response { peer_challenge, nt_response }
    }

    /// Sends a packet of the client.
    fn give(&mut self, octets: &[u8]) -> Option<Outcome> {
        self.auth.handle_packet(self.now, ControlPacket::parse(octets).unwrap(), &mut self.out).unwrap()
    }

    fn respond(&mut self, name: &str, password: &str) -> Option<Outcome> {
        let value = self.response(name, password).emit();
        let mut packet = Vec::new();
        ChapPacket::Response { value: &value, name: name.as_bytes() }.emit(self.identifier, &mut packet);
        self.give(&packet)
    }

    fn change(&mut self, name: &str, old: &str, new: &str) -> Option<Outcome> {
        let data = change_password(old, new, &self.response(name, new));
        let mut packet = Vec::new();
        ControlPacket { code: 7, identifier: self.identifier, data: &data }.emit(&mut packet);
        self.give(&packet)
    }

    /// Takes a Failure, which the client's next packet follows; returns its error code and whether it allows a retry.
    fn failure(&mut self) -> (u32, bool) {
        let (code, identifier, data) = self.sent().unwrap();
        assert_eq!((code, identifier), (4, self.identifier));
        let failure = MsChapV2Failure::parse(&data);
        self.identifier = identifier.wrapping_add(1);
        self.challenge = failure.challenge.unwrap();
        (failure.code.unwrap(), failure.retry)
    }
}

#[test]
fn an_expired_password_is_changed() {
    let mut bench = Bench::new(&[Behaviour::PasswordExpired]);
    assert!(bench.respond("ann", "hunter2").is_none());
    assert_eq!(bench.failure(), (648, false));
    assert!(
        matches!(bench.change("ann", "hunter2", "Tr0ub4dor&3"), Some(Outcome::Accepted { user, .. }) if user == "ann")
    );
    let (code, identifier, message) = bench.sent().unwrap();
    assert_eq!((code, identifier), (3, bench.identifier));
    assert!(message.starts_with(b"S="));
    // the new one is good from now on, and a repeated packet gets the answer that it has got
    assert!(bench.change("ann", "hunter2", "other").is_none());
    assert_eq!(bench.sent(), Some((3, identifier, message)));
    bench.auth.start(bench.now, &mut bench.out);
    let (_, identifier, challenge) = bench.sent().unwrap();
    bench.identifier = identifier;
    bench.challenge.copy_from_slice(&challenge[1..17]);
    assert!(matches!(bench.respond("ann", "Tr0ub4dor&3"), Some(Outcome::Accepted { .. })));
}

#[test]
fn a_new_password_that_is_refused_may_be_followed_by_another() {
    let mut bench = Bench::new(&[Behaviour::PasswordExpiredRefused]);
    assert!(bench.respond("ann", "hunter2").is_none());
    assert_eq!(bench.failure(), (648, false));
    assert!(bench.change("ann", "hunter2", "weak").is_none());
    assert_eq!(bench.failure(), (709, true));
    assert!(matches!(bench.change("ann", "hunter2", "stronger"), Some(Outcome::Accepted { .. })));
}

#[test]
fn a_change_that_nobody_asked_for_or_by_a_stranger_is_no_good() {
    let mut bench = Bench::new(&[]);
    assert!(bench.change("ann", "hunter2", "new").is_none() && bench.sent().is_none());
    let mut bench = Bench::new(&[Behaviour::PasswordExpired]);
    bench.respond("ann", "hunter2");
    bench.failure();
    assert!(matches!(bench.change("ann", "hunter3", "new"), Some(Outcome::Refused { .. })));
    assert_eq!(bench.failure(), (691, false));
    // the same with a Response that is not of the new password
    let mut bench = Bench::new(&[Behaviour::PasswordExpired]);
    bench.respond("ann", "hunter2");
    bench.failure();
    bench.challenge = [0; 16];
    assert!(matches!(bench.change("ann", "hunter2", "new"), Some(Outcome::Refused { .. })));
}

#[test]
fn a_wrong_password_stays_wrong_when_it_has_expired() {
    let mut bench = Bench::new(&[Behaviour::PasswordExpired]);
    assert!(matches!(bench.respond("ann", "hunter3"), Some(Outcome::Refused { .. })));
    assert_eq!(bench.failure(), (691, false));
}

#[test]
fn a_wrong_password_may_be_followed_by_another_where_the_server_is_told_so() {
    let mut bench = Bench::new(&[Behaviour::RetryOnAuthFailure]);
    for _ in 0..2 {
        assert!(bench.respond("ann", "hunter3").is_none());
        assert_eq!(bench.failure(), (691, true));
    }
    assert!(matches!(bench.respond("ann", "hunter2"), Some(Outcome::Accepted { .. })));
    // a client that does not go on is left
    let mut bench = Bench::new(&[Behaviour::RetryOnAuthFailure]);
    bench.respond("ann", "hunter3");
    bench.now += Duration::from_secs(30);
    assert!(matches!(bench.auth.handle_timeout(bench.now, &mut bench.out), Some(Outcome::Silent)));
}

/// RFC 2548 2.1.4, 2.1.6, 2.3.4: what goes to RADIUS, and what comes back from there.
#[test]
fn a_change_is_relayed() {
    let radius = Some(crate::Radius { secret: b"secret".to_vec().into() });
    let mut bench = Bench::with(Config { radius, ..Config::default() });
    let vendor = |kind: u8, value: &[u8]| {
        let length = value.len() as u8;
        [&[26, length + 8, 0, 0, 1, 55, kind, length + 2], value].concat()
    };
    assert!(bench.respond("ann", "hunter2").is_none() && bench.sent().is_none());
    let request = bench.auth.poll_radius().unwrap();
    let error = b"\x01E=648 R=0 C=000102030405060708090A0B0C0D0E0F V=3 M=Password expired";
    let reply = crate::radius::reply_to(&request, 3, &vendor(2, error), b"secret");
    assert!(bench.auth.handle_radius(bench.now, &reply, &mut bench.out).is_none());
    assert_eq!(bench.failure(), (648, false));
    assert_eq!(bench.challenge, std::array::from_fn(|i| i as u8));

    assert!(bench.change("ann", "hunter2", "new").is_none());
    let request = bench.auth.poll_radius().unwrap();
    let data = change_password("hunter2", "new", &bench.response("ann", "new"));
    let identifier = bench.identifier;
    let fragments = data[..516].chunks(243).zip(1u8..);
    let fragments = fragments.map(|(chunk, n)| vendor(6, &[&[6, identifier, 0, n], chunk].concat()));
    let proof = vendor(27, &[&[7, identifier], &data[516..]].concat());
    let expected = [vendor(11, &bench.challenge), fragments.collect::<Vec<_>>().concat(), proof].concat();
    assert!(request.windows(expected.len()).any(|octets| octets == expected));

    let success = vendor(26, b"\x02S=0123456789012345678901234567890123456789");
    let reply = crate::radius::reply_to(&request, 2, &success, b"secret");
    assert!(matches!(
        bench.auth.handle_radius(bench.now, &reply, &mut bench.out),
        Some(Outcome::Accepted { user, .. }) if user == "ann"
    ));
    assert_eq!(bench.sent(), Some((3, identifier, b"S=0123456789012345678901234567890123456789".to_vec())));
}
