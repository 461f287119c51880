use super::*;

fn octets(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    octets(text).try_into().unwrap()
}

/// The secret of the examples of RFC 2865 7.
fn secret() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(b"xyzzy5461".to_vec())
}

/// RFC 2865 7.1, the authenticator of the request and the reply.
const REQUEST_AUTHENTICATOR: &str = "0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a";
const ACCEPT: &str = "
    02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf
    9b 55 e0 b2 06 06 00 00 00 01 0f 06 00 00 00 00
    0e 06 c0 a8 01 03";

fn parse(datagram: &[u8]) -> Result<Reply, Discarded> {
    Reply::parse(datagram, 0, &array(REQUEST_AUTHENTICATOR), &secret())
}

/// A reply to the request above, signed as a server would.
fn reply(code: u8, body: &[u8]) -> Vec<u8> {
    let length = ((HEADER + body.len()) as u16).to_be_bytes();
    let head = [code, 0, length[0], length[1]];
    let authenticator = md5(&[&head, &array::<16>(REQUEST_AUTHENTICATOR), body, &secret()]);
    [&head[..], &authenticator, body].concat()
}

#[test]
fn the_password_of_rfc_2865_7_1_is_hidden() {
    let hidden = hide(&secret(), &array(REQUEST_AUTHENTICATOR), b"arctangent");
    assert_eq!(hidden, octets("0d be 70 8d 93 d4 13 ce 31 96 e4 3f 78 2a 0a ee"));
    assert_eq!(hide(&secret(), &[0; 16], b"").len(), 16);
    assert_eq!(hide(&secret(), &[0; 16], &[b'x'; 17]).len(), 32);
}

#[test]
fn the_reply_of_rfc_2865_7_1_is_accepted() {
    let reply = parse(&octets(ACCEPT)).unwrap();
    assert_eq!(reply.verdict, Verdict::Accept);
    assert_eq!(reply.get(attribute::SERVICE_TYPE), Some(&[0, 0, 0, 1][..]));
    assert_eq!(reply.get(attribute::STATE), None);
    let (_, lengths) = reply.hlak();
    assert_eq!(lengths, [0, 0]);
}

/// RFC 2865 7.2: the request's authenticator and the reply.
#[test]
fn the_reply_of_rfc_2865_7_2_is_accepted() {
    let accept = octets(
        "02 01 00 38 15 ef bc 7d ab 26 cf a3 dc 34 d9 c0 3c 86 01 a4 06 06 00 00 00 02 07 06 00 00 00 01
         08 06 ff ff ff fe 0a 06 00 00 00 02 0d 06 00 00 00 01 0c 06 00 00 05 dc",
    );
    let authenticator = array("2a ee 86 f0 8d 0d 55 96 9c a5 97 8e 0d 33 67 a2");
    let reply = Reply::parse(&accept, 1, &authenticator, &secret()).unwrap();
    assert_eq!(reply.get(attribute::FRAMED_MTU), Some(&[0, 0, 0x05, 0xdc][..]));
}

#[test]
fn replies_that_are_not_the_servers_are_discarded() {
    let good = octets(ACCEPT);
    for at in 0..good.len() {
        let mut spoiled = good.clone();
        spoiled[at] ^= 0x80;
        assert!(parse(&spoiled).is_err(), "octet {at}");
        assert!(parse(&good[..at]).is_err(), "cut at {at}");
    }
    assert!(parse(&[&good[..], &[0; 7]].concat()).is_ok(), "padding");
    assert_eq!(parse(&reply(5, &[])).unwrap_err(), Discarded::Code(5));
    for body in [&[1][..], &[1, 1], &[1, 0], &[1, 3], &[1, 4, 0]] {
        assert_eq!(parse(&reply(2, body)).unwrap_err(), Discarded::Malformed, "{body:?}");
    }
}

/// HMAC-MD5 itself: RFC 2202 2, cases 2 and 6.
#[test]
fn hmac_of_rfc_2202() {
    let mac = hmac_md5(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(mac, array("750c783e6ab0b503eaa86e310a5db738"));
    let mac = hmac_md5(&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First");
    assert_eq!(mac, array("6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"));
}

#[test]
fn a_reply_with_eap_needs_a_message_authenticator() {
    let eap = [79, 6, 3, 1, 0, 4];
    assert_eq!(parse(&reply(2, &eap)).unwrap_err(), Discarded::MessageAuthenticator);
    let mut unsigned = reply(2, &[&eap[..], &[80, 18], &[0; 16]].concat());
    unsigned[4..HEADER].copy_from_slice(&array::<16>(REQUEST_AUTHENTICATOR));
    let mac = hmac_md5(&secret(), &unsigned);
    let good = parse(&reply(2, &[&eap[..], &[80, 18], &mac].concat())).unwrap();
    assert_eq!(good.joined(attribute::EAP_MESSAGE), Some(vec![3, 1, 0, 4]));
    for bad in [[0; 16], std::array::from_fn(|i| mac[i] ^ 1)] {
        let bad = reply(2, &[&eap[..], &[80, 18], &bad].concat());
        assert_eq!(parse(&bad).unwrap_err(), Discarded::MessageAuthenticator);
    }
    assert_eq!(parse(&reply(2, &[80, 4, 1, 2])).unwrap_err(), Discarded::MessageAuthenticator);
}

#[test]
fn requests_are_signed_and_long_values_are_split() {
    let mut request = Request::new(9, [7; 16], secret());
    request.add(attribute::USER_NAME, b"nemo");
    request.add_split(attribute::EAP_MESSAGE, &[5; 300]);
    let packet = request.finish().unwrap();
    assert_eq!((packet[0], packet[1]), (1, 9));
    assert_eq!(usize::from(u16::from_be_bytes([packet[2], packet[3]])), packet.len());
    let found = attributes(&packet).unwrap();
    let lengths: Vec<_> = found.iter().filter(|(kind, ..)| *kind == 79).map(|(_, at, end)| end - at).collect();
    assert_eq!(lengths, [253, 47]);
    let (kind, at, end) = *found.last().unwrap();
    assert_eq!((kind, end - at), (attribute::MESSAGE_AUTHENTICATOR, 16));
    let mut unsigned = packet.clone();
    unsigned[at..end].fill(0);
    assert_eq!(packet[at..end], hmac_md5(&secret(), &unsigned));

    let mut request = Request::new(9, [7; 16], secret());
    request.add_split(attribute::EAP_MESSAGE, &[5; 4090]);
    assert!(request.finish().is_none());
}

#[test]
fn microsofts_attributes_are_found() {
    let mut request = Request::new(0, [7; 16], secret());
    request.add_microsoft(microsoft::CHAP_CHALLENGE, &[1; 16]);
    let (kind, at, end) = attributes(&request.octets).unwrap()[3];
    assert_eq!((kind, &request.octets[at..end]), (26, &[&[0, 0, 1, 55, 11, 18][..], &[1; 16]].concat()[..]));
    // another vendor's, a broken one, and two in one
    let body = [
        &[26, 9, 0, 0, 0, 9, 2, 3, 0][..],
        &[26, 8, 0, 0, 1, 55, 2, 99],
        &[26, 8, 0, 0, 1, 55, 2, 0],
        &[26, 13, 0, 0, 1, 55, 9, 4, 0, 0, 2, 3, b'E'],
    ];
    assert_eq!(parse(&reply(3, &body.concat())).unwrap().microsoft(microsoft::CHAP_ERROR), Some(&b"E"[..]));
}

#[test]
fn keys_that_cannot_be_are_none() {
    for length in [0, 1, 2, 3, 17, 19] {
        assert!(reveal(&secret(), &[0; 16], &vec![0x80; length]).is_none(), "{length}");
    }
    // a length beyond the block
    let pad = md5(&[&secret(), &[0; 16], &[0x80, 0]]);
    let block: [u8; 16] = std::array::from_fn(|i| pad[i] ^ 16);
    assert!(reveal(&secret(), &[0; 16], &[&[0x80, 0][..], &block].concat()).is_none());
    let block: [u8; 16] = std::array::from_fn(|i| pad[i] ^ 15);
    assert_eq!(*reveal(&secret(), &[0; 16], &[&[0x80, 0][..], &block].concat()).unwrap(), [15; 15]);
}

/// What FreeRADIUS 3.2.1 replied to the Response of RFC 2759 9.2: the message is the one that is printed there, and the
/// key that the server sends with is the one of RFC 3079 3.5.3.
#[test]
fn the_keys_of_freeradius_are_decrypted() {
    let accept = octets(
        "020500c518b937193e5412a0b716b6ae95a2a1095012d5c037dfaeb62706b05baaaa76b091d31a33000001371a2d01533d34303741353538
         393131354644304436323039463531304645394330343536363933324344413536
         1a2a000001371124815e992c574bce067f5dd90a40442fd5716a6cff1a9e13d3507ef1db992fee8754a5
         1a2a0000013710248e2367b8afb209b08ba060cbc9f4f1b25f0c488ef2153b749f013023ef0019995f9b
         1a0c000001370706000000011a0c00000137080600000006",
    );
    let reply = Reply::parse(&accept, 5, &array("d6eafd6d196673d65c6d117b3af791bb"), &secret()).unwrap();
    let message = reply.microsoft(microsoft::CHAP2_SUCCESS).unwrap();
    assert_eq!(message[1..], *b"S=407A5589115FD0D6209F510FE9C04566932CDA56");
    let [receive, send] = reply.keys();
    assert_eq!(*receive, octets("d5f0e9521e3ea9589645e86051c82226"));
    assert_eq!(*send, octets("8b7cdc149b993a1ba118cb153f56dccb"));
    assert_eq!(reply.hlak().1, [16, 16]);
}
