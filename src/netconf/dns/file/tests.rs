use super::super::tests::wanted;
use super::*;

const ORIGINAL: &str = "# by hand\ndomain home.example\nsearch home.example\nnameserver 192.168.9.1\n\
                        options timeout:1 edns0\nsortlist 10.0.0.0\n";

#[test]
fn servers_and_domains_are_replaced_and_options_stay() {
    let tunnel = wanted("sstp0", &["10.99.0.53", "2001:db8::53"], &["corp.example", "example"]);
    assert_eq!(
        text(&[&tunnel], Some(ORIGINAL)),
        "# Written by nm-sstp for sstp0; when the tunnel ends, what was here before comes back.\n\
         search corp.example example\n\
         nameserver 10.99.0.53\n\
         nameserver 2001:db8::53\n\
         options timeout:1 edns0\n\
         sortlist 10.0.0.0\n"
    );
}

#[test]
fn the_first_tunnel_is_asked_first_and_no_more_servers_are_named_than_are_asked() {
    let first = wanted("sstp1", &["10.98.0.53", "10.98.0.54"], &["b.example"]);
    let second = wanted("sstp0", &["10.99.0.53", "10.99.0.54"], &["a.example", "b.example"]);
    let text = text(&[&first, &second], None);
    assert!(text.starts_with("# Written by nm-sstp for sstp1 and sstp0;"), "{text}");
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        lines,
        ["search b.example a.example", "nameserver 10.98.0.53", "nameserver 10.98.0.54", "nameserver 10.99.0.53"]
    );
}

#[test]
fn a_tunnel_without_servers_leaves_those_that_are_there() {
    let tunnel = wanted("sstp0", &[], &["corp.example"]);
    let text = text(&[&tunnel], Some(ORIGINAL));
    assert!(text.contains("search corp.example\nnameserver 192.168.9.1\n"), "{text}");
    assert!(!text.contains("home.example"), "{text}");
}
