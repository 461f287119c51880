//! The pure part of the data path, without a system call: what the protocol core costs for each datagram.
//!
//! `cargo bench --no-default-features --bench datapath` needs no privilege. `benches/run` measures the whole tunnel.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nm_sstp::datapath::{DataHeader, TxBuf};
use nm_sstp::session::Session;
use nm_sstp::wire::ip::{self, IpVersion};
use nm_sstp::wire::ppp::parse_frame;
use nm_sstp::wire::sstp::{HEADER_LEN, Header};
use support::{Pair, client, datagram, server};

/// Lengths of datagrams in octets: an acknowledgement of TCP, and a full one in a tunnel with the usual MTU.
const LENGTHS: [u16; 2] = [52, 1400];

fn header() -> DataHeader {
    DataHeader::new(IpVersion::V4, false, false)
}

/// As many datagrams as one TLS record carries, in their packets; and how many these are.
fn record(length: u16) -> (Vec<u8>, u64) {
    let (mut tx, header, datagram) = (TxBuf::new(), header(), datagram(length, 0xaa));
    let mut datagrams = 0;
    fill(&mut tx, &header, &datagram, || datagrams += 1);
    (tx.pending().to_vec(), datagrams)
}

/// What the driver does with the datagrams that it reads, until the record is full.
fn fill(tx: &mut TxBuf, header: &DataHeader, datagram: &[u8], mut each: impl FnMut()) {
    while tx.has_room() {
        tx.datagram_room(header)[..datagram.len()].copy_from_slice(datagram);
        tx.commit_datagram(header, datagram.len());
        each();
    }
}

#[allow(clippy::disallowed_methods, reason = "any moment will do: nothing here waits")]
fn now() -> Instant {
    Instant::now()
}

/// A session that is up.
fn session() -> Session {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    pair.client
}

/// From the octets of a TLS record to datagrams.
fn receive(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("receive a record of datagrams");
    for length in LENGTHS {
        let (mut session, now) = (session(), now());
        let (mut octets, datagrams) = record(length);
        group.throughput(Throughput::Elements(datagrams));
        group.bench_function(BenchmarkId::from_parameter(length), |bencher| {
            bencher.iter(|| {
                let mut delivered = 0;
                let consumed = session.handle_input(now, &mut octets, |datagram| {
                    black_box(&mut *datagram);
                    delivered += 1;
                });
                assert_eq!((consumed, delivered), (octets.len(), datagrams));
                // the driver does this after every input
                while let Some(event) = session.poll_event() {
                    black_box(event);
                }
                black_box(session.poll_timeout())
            });
        });
    }
    group.finish();
}

/// From datagrams to the octets of a TLS record; of the copying, a `read` of the interface does as much.
fn send(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fill a record with datagrams");
    for length in LENGTHS {
        let (mut tx, header, datagram) = (TxBuf::new(), header(), datagram(length, 0xaa));
        group.throughput(Throughput::Elements(record(length).1));
        group.bench_function(BenchmarkId::from_parameter(length), |bencher| {
            bencher.iter(|| {
                fill(&mut tx, &header, &datagram, || {});
                tx.consume(black_box(tx.pending()).len());
            });
        });
    }
    group.finish();
}

/// The headers of one packet, without any state.
fn parse(criterion: &mut Criterion) {
    let (octets, _) = record(1400);
    criterion.bench_function("parse the headers of a packet", |bencher| {
        bencher.iter(|| {
            let packet = black_box(&octets[..]);
            let length = Header::parse(packet).ok().flatten().map_or(0, |header| header.length);
            let frame = &packet[HEADER_LEN..length];
            let (protocol, at) = parse_frame(frame).unwrap_or_else(|error| panic!("{error}"));
            black_box((protocol, ip::datagram_len(IpVersion::V4, &frame[at..])))
        });
    });
}

/// A whole connection, both ends, but for TCP and TLS: HTTP, SSTP, LCP, MS-CHAPv2, IPCP and IPV6CP.
fn connect(criterion: &mut Criterion) {
    criterion.bench_function("connect, both ends", |bencher| bencher.iter(session));
}

criterion_group!(benches, receive, send, parse, connect);
criterion_main!(benches);
