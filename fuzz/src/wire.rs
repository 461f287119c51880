//! Parsers take anything, and what they give can be emitted and parsed again.

use nm_sstp::profile::Gateway;
use nm_sstp::wire::auth::{
    ChangePassword, ChapPacket, MsChapV2Failure, MsChapV2Response, PapPacket, pap_code, parse_mschapv2_success,
};
use nm_sstp::wire::avp::Avp;
use nm_sstp::wire::eap::{EapMsChapV2, EapPacket, TlsPiece};
use nm_sstp::wire::http::{MAX_RESPONSE_LEN, Response};
use nm_sstp::wire::ip::{self, IpVersion};
use nm_sstp::wire::ppp::{CONTROL_HEADER_LEN, ControlPacket, Options, parse_frame};
use nm_sstp::wire::sstp::{ControlMessage, HEADER_LEN, Header, MAX_PACKET_LEN};
use nm_sstp::wire::stranger::Stranger;
use nm_sstp::wire::tlv::{Cryptobinding, Tlv};

/// SSTP packets (MS-SSTP 2.2).
pub fn sstp(data: &[u8]) {
    if let Ok(Some(header)) = Header::parse(data) {
        assert!((HEADER_LEN..=MAX_PACKET_LEN).contains(&header.length));
        let again = Header::parse(&header.emit()).unwrap();
        assert_eq!(again, Some(header));
    }
    if let Ok(message) = ControlMessage::parse(data) {
        let mut packet = Vec::new();
        message.emit(&mut packet);
        let header = Header::parse(&packet).unwrap();
        assert_eq!(header, Some(Header { control: true, length: packet.len() }));
        assert_eq!(ControlMessage::parse(&packet), Ok(message));
    }
}

/// PPP frames, control packets, options (RFC 1661 2, 5, 6), and the headers of datagrams in them.
pub fn ppp(data: &[u8]) {
    if let Ok((_, at)) = parse_frame(data) {
        assert!((1..=4).contains(&at) && at <= data.len());
        let datagram = &data[at..];
        for version in [IpVersion::V4, IpVersion::V6] {
            if let Ok(length) = ip::datagram_len(version, datagram) {
                assert!((ip::IPV4_HEADER_LEN..=datagram.len()).contains(&length));
                assert_eq!(ip::version(datagram), Some(version));
            }
        }
    }
    if let Ok(packet) = ControlPacket::parse(data) {
        let mut again = Vec::new();
        packet.emit(&mut again);
        assert_eq!(again, data[..CONTROL_HEADER_LEN + packet.data.len()]);
        let mut readable = Vec::new();
        for option in Options::new(packet.data) {
            match option {
                Ok(option) => option.emit(&mut readable),
                Err(malformed) => assert_eq!(malformed.offset, readable.len()),
            }
        }
        assert_eq!(readable, packet.data[..readable.len()]);
    }
}

/// PAP, CHAP and MS-CHAPv2 (RFC 1334, RFC 1994, RFC 2759).
pub fn auth(data: &[u8]) {
    let mut again = Vec::new();
    if let Ok(packet) = ControlPacket::parse(data) {
        if let Ok(pap) = PapPacket::parse(packet) {
            pap.emit(packet.identifier, &mut again);
            let emitted = ControlPacket::parse(&again).unwrap();
            assert!(PapPacket::parse(emitted) == Ok(pap));
            assert!((pap_code::AUTHENTICATE_REQUEST..=pap_code::AUTHENTICATE_NAK).contains(&emitted.code));
        }
        again.clear();
        if let Ok(chap) = ChapPacket::parse(packet) {
            chap.emit(packet.identifier, &mut again);
            assert_eq!(ControlPacket::parse(&again), Ok(packet));
        }
    }
    if let Ok(response) = MsChapV2Response::parse(data) {
        assert_eq!(MsChapV2Response::parse(&response.emit()), Ok(response));
    }
    if let Ok(proof) = parse_mschapv2_success(data) {
        let digits: String = proof.iter().map(|octet| format!("{octet:02x}")).collect();
        assert!(data[2..42].eq_ignore_ascii_case(digits.as_bytes()));
    }
    let failure = MsChapV2Failure::parse(data);
    assert!(failure.message.chars().count() <= 240 && !failure.message.chars().any(char::is_control));
}

/// EAP and what stands inside of it (RFC 3748, [MS-CHAP], RFC 5216, [MS-PEAP], RFC 5281).
pub fn eap(data: &[u8]) {
    let mut again = Vec::new();
    if let Ok(packet) = ControlPacket::parse(data)
        && let Ok(eap) = EapPacket::parse(packet)
    {
        eap.emit(packet.identifier, &mut again);
        assert_eq!(ControlPacket::parse(&again).and_then(EapPacket::parse), Ok(eap));
    }
    if let Ok(mschapv2) = EapMsChapV2::parse(data) {
        assert_eq!(EapMsChapV2::parse(&mschapv2.emit()), Ok(mschapv2));
        if let EapMsChapV2::ChangePassword { fields, .. } = mschapv2 {
            change_password(fields);
        }
    }
    change_password(data);
    if let Ok(piece) = TlsPiece::parse(data) {
        assert!(piece.data.len() < data.len());
        assert_eq!(TlsPiece::parse(&piece.emit()), Ok(piece));
    }
    again.clear();
    let mut rest = data;
    while let Ok(Some((pair, after))) = Avp::parse(rest) {
        assert!(after.len() < rest.len());
        rest = after;
        again.clear();
        pair.emit(&mut again);
        assert_eq!(Avp::parse(&again), Ok(Some((pair, &[][..]))));
        assert_eq!(again.len() % 4, 0);
    }
    let mut rest = data;
    while let Ok(Some((tlv, after))) = Tlv::parse(rest) {
        again.clear();
        tlv.emit(&mut again);
        assert_eq!(Tlv::parse(&again), Ok(Some((tlv, &[][..]))));
        assert_eq!(rest.len() - after.len(), again.len());
        rest = after;
        if let Ok(binding) = Cryptobinding::parse(tlv.value) {
            assert_eq!(Cryptobinding::parse(&binding.emit()[4..]), Ok(binding));
        }
    }
}

fn change_password(fields: &[u8]) {
    if let Ok(change) = ChangePassword::parse(fields) {
        let emitted = change.emit();
        assert_eq!(emitted.len(), fields.len());
        assert_eq!(ChangePassword::parse(&emitted).unwrap().emit(), emitted);
        assert_eq!(emitted[..548], fields[..548]);
    }
}

/// The HTTP response (MS-SSTP 3.2.4.1); who answers where it is none; and what a request is made of.
pub fn http(data: &[u8]) {
    if let Some(stranger) = Stranger::recognize(data) {
        assert!(!stranger.to_string().contains(char::is_control), "{stranger:?} is fit for a log");
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(gateway) = Gateway::parse(text)
    {
        let request = format!("{} {}", gateway.uri, gateway);
        assert!(request.starts_with('/') && request.matches(' ').count() == 1, "{request:?}");
        assert!(request.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic()), "{request:?}");
    }
    if let Ok(Some(response)) = Response::parse(data) {
        let length = response.length;
        assert!(length <= data.len().min(MAX_RESPONSE_LEN));
        assert_eq!(Response::parse(&data[..length]), Ok(Some(response)));
        for cut in [0, 1, length / 3, length / 2, length - 1] {
            assert_eq!(Response::parse(&data[..cut]), Ok(None), "a part of it is not enough, but no error either");
        }
    }
}
