use super::*;

const INFORM: Inform = Inform {
    xid: 0x3903_f326,
    ciaddr: Ipv4Addr::new(10, 0, 0, 2),
    secs: 4,
    hardware_address: [0x52, 0x41, 0x53, 0x20, 1, 2],
};

/// A DHCPACK with these options.
fn ack(options: &[u8]) -> Vec<u8> {
    let mut message = vec![0; FIXED_LEN];
    message[..4].copy_from_slice(&[BOOTREPLY, HTYPE, HLEN, 0]);
    message[4..8].copy_from_slice(&INFORM.xid.to_be_bytes());
    message.extend_from_slice(&MAGIC_COOKIE);
    message.extend_from_slice(&[option::MESSAGE_TYPE, 1, DHCPACK]);
    message.extend_from_slice(options);
    message.push(option::END);
    message
}

fn parsed(options: &[u8]) -> Ack {
    Ack::parse(&ack(options)).unwrap().unwrap()
}

#[test]
fn inform_is_what_windows_sends() {
    let message = INFORM.emit();
    assert_eq!(message.len(), MIN_LEN);
    assert_eq!(message[..4], [1, 8, 6, 0]);
    assert_eq!(message[4..12], [0x39, 0x03, 0xf3, 0x26, 0, 4, 0, 0]);
    assert_eq!(message[12..16], [10, 0, 0, 2]);
    assert!(message[16..28].iter().all(|octet| *octet == 0), "yiaddr, siaddr, giaddr");
    assert_eq!(message[236..243], [99, 130, 83, 99, 53, 1, 8]);
    let options = &message[240..];
    assert_eq!(option_value(&[options], option::USER_CLASS).unwrap(), b"RRAS.Microsoft");
    assert_eq!(option_value(&[options], option::PARAMETER_REQUEST_LIST).unwrap(), [6, 44, 43, 77, 15, 119, 121, 249]);
    assert!(Ack::parse(&message).unwrap().is_none(), "a request is no answer");
}

#[test]
fn every_parameter() {
    let ack = parsed(&[
        6, 8, 10, 0, 0, 53, 10, 0, 0, 54, 44, 4, 10, 0, 0, 44, 15, 9, b'c', b'o', b'r', b'p', b'.', b't', b'e', b's',
        b't', 119, 6, 4, b'c', b'o', b'r', b'p', 0, 121, 8, 24, 10, 1, 2, 10, 0, 0, 1, 249, 6, 8, 172, 10, 0, 0, 1,
    ]);
    assert_eq!(ack.xid, INFORM.xid);
    assert_eq!(ack.dns, [Ipv4Addr::new(10, 0, 0, 53), Ipv4Addr::new(10, 0, 0, 54)]);
    assert_eq!(ack.nbns, [Ipv4Addr::new(10, 0, 0, 44)]);
    assert_eq!((ack.domain.as_deref(), &ack.search[..]), (Some("corp.test"), &["corp".to_owned()][..]));
    let router = Ipv4Addr::new(10, 0, 0, 1);
    assert_eq!(ack.routes, [(Ipv4Addr::new(10, 1, 2, 0), 24, router), (Ipv4Addr::new(172, 0, 0, 0), 8, router)]);
}

/// The table of RFC 3442, "Descriptor Format".
#[test]
fn descriptors_of_rfc_3442() {
    let router = [192, 0, 2, 1];
    for (descriptor, destination) in [
        (&[0][..], [0, 0, 0, 0]),
        (&[8, 10], [10, 0, 0, 0]),
        (&[24, 10, 0, 0], [10, 0, 0, 0]),
        (&[16, 10, 17], [10, 17, 0, 0]),
        (&[24, 10, 27, 129], [10, 27, 129, 0]),
        (&[25, 10, 229, 0, 128], [10, 229, 0, 128]),
        (&[32, 10, 198, 122, 47], [10, 198, 122, 47]),
    ] {
        let value = [descriptor, &router].concat();
        assert_eq!(parse_routes(&value), (vec![(destination.into(), descriptor[0], router.into())], Ok(())));
        for cut in 1..value.len() {
            assert!(parse_routes(&value[..cut]).1.is_err(), "{descriptor:?} cut at {cut}");
        }
    }
    assert!(parse_routes(&[33, 1, 2, 3, 4, 5, 0, 0, 0, 0]).1.is_err());
    assert_eq!(parse_routes(&[12, 10, 0xff, 192, 0, 2, 1]).0[0].0, Ipv4Addr::new(10, 0xf0, 0, 0));
}

#[test]
fn one_route_by_both_numbers_is_one() {
    let ack = parsed(&[121, 6, 8, 10, 10, 0, 0, 1, 249, 6, 8, 10, 10, 0, 0, 1]);
    assert_eq!(ack.routes.len(), 1);
}

#[test]
fn a_long_value_comes_in_pieces() {
    let ack = parsed(&[121, 3, 24, 10, 1, 6, 4, 10, 0, 0, 53, 121, 5, 2, 10, 0, 0, 1]);
    assert_eq!(ack.routes, [(Ipv4Addr::new(10, 1, 2, 0), 24, Ipv4Addr::new(10, 0, 0, 1))]);
}

/// As SoftEther 5 sends 40 routes: 255 octets, which end in the middle of one, and the rest in option 250.
#[test]
fn a_long_value_goes_on_in_option_250() {
    let value: Vec<u8> = (0..40).flat_map(|number| [24, 10, 60, number, 192, 168, 30, 1]).collect();
    let option = |code: u8, value: &[u8]| [&[code, value.len() as u8], value].concat();
    let (first, rest) = value.split_at(255);
    let told =
        [option(121, first), option(250, rest), option(249, first), option(250, rest), option(6, &[10, 0, 0, 53])];
    let ack = parsed(&told.concat());
    assert_eq!((ack.routes.len(), ack.dns.len()), (40, 1));
    assert_eq!(ack.routes[39], (Ipv4Addr::new(10, 60, 39, 0), 24, Ipv4Addr::new(192, 168, 30, 1)));
    let cut = parsed(&option(121, first));
    assert_eq!(cut.routes.len(), 31, "the whole ones before a cut are good");
}

#[test]
fn options_in_the_fields_of_the_boot_file() {
    let mut message = ack(&[option::OVERLOAD, 1, 3]);
    message[108..115].copy_from_slice(&[6, 4, 10, 0, 0, 53, 255]);
    message[44..51].copy_from_slice(&[44, 4, 10, 0, 0, 44, 255]);
    let ack = Ack::parse(&message).unwrap().unwrap();
    assert_eq!((ack.dns.len(), ack.nbns.len()), (1, 1));
}

#[test]
fn what_cannot_be_used_is_left_out() {
    let ack =
        parsed(&[6, 17, 0, 0, 0, 0, 10, 0, 0, 53, 10, 0, 0, 53, 224, 0, 0, 1, 9, 15, 5, b'a', b' ', b'b', b'\n', b'c']);
    assert_eq!(ack.dns, [Ipv4Addr::new(10, 0, 0, 53)]);
    assert_eq!(ack.domain, None);
    assert_eq!(parsed(&[15, 6, b'c', b'o', b'r', b'p', b'.', 0]).domain.as_deref(), Some("corp"));
    assert_eq!(parsed(&[121, 2, 33, 1]).routes, []);
}

#[test]
fn cuts_and_other_messages() {
    let whole = ack(&[6, 4, 10, 0, 0, 53]);
    for cut in 0..FIXED_LEN + 4 {
        assert!(Ack::parse(&whole[..cut]).is_err(), "cut at {cut}");
    }
    assert!(Ack::parse(&ack(&[6, 200])).is_err(), "a length past the end");
    let mut nak = whole.clone();
    nak[242] = 6;
    assert_eq!(Ack::parse(&nak), Ok(None));
}
