//! `sstp-bench serve` and `flow`: a bulk transfer, inside TLS or without.
//!
//! Inside TLS it is what a tunnel is compared with: the same TLS library, records of the same size, but no SSTP, no
//! PPP, no TUN and no second TCP. Without TLS it goes through the tunnel.
//!
//! A client sends a request of 9 octets: `u` or `d` and the number of octets. For `u` it sends that many, and the
//! server answers with one octet once it has them; for `d` the server sends them.

use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};

use crate::options::Options;
use crate::usage::cpu_seconds;

/// One TLS record's worth (RFC 8446 5.1), in octets.
const WRITE: usize = 16_384;
/// Octets read at a time; also from the socket under TLS, as the helper does.
const READ: usize = 65_536;
/// The longest transfer that the server takes part in, in octets.
const MAX_LENGTH: u64 = 64 << 30;

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// A socket whose input is buffered: OpenSSL reads each record with two reads.
struct Buffered(BufReader<TcpStream>);

impl Buffered {
    fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Buffered(BufReader::with_capacity(READ, socket)))
    }
}

impl Read for Buffered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Buffered {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.get_mut().flush()
    }
}

// OpenSSL's wrapper wants to show the stream in its errors.
impl std::fmt::Debug for Buffered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Buffered")
    }
}

fn send(stream: &mut dyn Stream, mut length: u64) -> io::Result<()> {
    let octets = [0x5a; WRITE];
    while length > 0 {
        let piece = length.min(WRITE as u64) as usize;
        stream.write_all(&octets[..piece])?;
        length -= piece as u64;
    }
    stream.flush()
}

fn receive(stream: &mut dyn Stream, mut length: u64) -> io::Result<()> {
    let mut octets = vec![0; READ];
    while length > 0 {
        let wanted = length.min(READ as u64) as usize;
        match stream.read(&mut octets[..wanted])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => length -= read as u64,
        }
    }
    Ok(())
}

/// `sstp-bench serve`; ends only with the process.
pub fn serve(options: &Options) -> Result<(), String> {
    let listen = |name: &str| {
        let address: String = options.need(name)?;
        TcpListener::bind(&address).map_err(|error| format!("cannot listen on {address}: {error}"))
    };
    let (with_tls, without) = (listen("tls")?, listen("tcp")?);
    let acceptor = acceptor(&options.need("cert")?, &options.need("key")?).map_err(|error| format!("TLS: {error}"))?;
    println!("ready");
    let tls = thread::spawn(move || {
        accept(&with_tls, |socket| {
            let mut stream = acceptor.accept(Buffered::new(socket)?).map_err(io::Error::other)?;
            println!(
                "{} {}",
                stream.ssl().version_str(),
                stream.ssl().current_cipher().map_or("", |cipher| cipher.name())
            );
            answer(&mut stream)
        });
    });
    accept(&without, |socket| answer(&mut Buffered::new(socket)?));
    tls.join().map_err(|_| "the TLS server panicked".to_owned())
}

/// What a server of today offers: TLS 1.2 and 1.3, with the client's preference among the ciphers.
fn acceptor(certificate: &PathBuf, key: &PathBuf) -> Result<SslAcceptor, openssl::error::ErrorStack> {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    acceptor.set_certificate_chain_file(certificate)?;
    acceptor.set_private_key_file(key, SslFiletype::PEM)?;
    Ok(acceptor.build())
}

/// One client at a time.
fn accept(listener: &TcpListener, mut answer: impl FnMut(TcpStream) -> io::Result<()>) {
    for socket in listener.incoming() {
        if let Err(error) = socket.and_then(&mut answer) {
            eprintln!("a client failed: {error}");
        }
    }
}

fn answer(stream: &mut dyn Stream) -> io::Result<()> {
    let mut request = [0; 9];
    stream.read_exact(&mut request)?;
    let [direction, length @ ..] = request;
    let length = u64::from_be_bytes(length).min(MAX_LENGTH);
    match direction {
        b'u' => {
            receive(stream, length)?;
            stream.write_all(b".")?;
        }
        _ => send(stream, length)?,
    }
    stream.flush()
}

/// `sstp-bench flow`.
pub fn run(options: &Options) -> Result<(), String> {
    let server: String = options.at(0, "the server")?;
    let direction: String = options.at(1, "the direction")?;
    let mib: u64 = options.at(2, "a number of MiB")?;
    let mut watched: Vec<u32> = vec![std::process::id()];
    watched.extend(options.all::<u32>("pid")?);
    let (scheme, address) = server.split_once("://").ok_or("the server is neither tls:// nor tcp://")?;
    let failed = |error: io::Error| format!("{server}: {error}");
    let socket = TcpStream::connect(address).and_then(Buffered::new).map_err(failed)?;
    let mut stream: Box<dyn Stream> = match scheme {
        "tls" => {
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
            let connector = connector(&options.need("ca")?)?;
            Box::new(connector.connect(host, socket).map_err(|error| format!("{server}: {error}"))?)
        }
        _ => Box::new(socket),
    };
    let usage = || watched.iter().map(|pid| cpu_seconds(*pid)).collect::<Result<Vec<f64>, String>>();
    let before = usage()?;
    #[allow(clippy::disallowed_methods, reason = "this is what is measured")]
    let began = Instant::now();
    transfer(&mut *stream, &direction, mib << 20).map_err(failed)?;
    let seconds = began.elapsed().as_secs_f64();
    let after = usage()?;
    let gib = mib as f64 / 1024.0;
    print!("{:.0}", (mib << 20) as f64 * 8.0 / seconds / 1e6);
    for (before, after) in before.iter().zip(&after) {
        print!(" {:.2}", (after - before) / gib);
    }
    println!();
    Ok(())
}

fn transfer(stream: &mut dyn Stream, direction: &str, length: u64) -> io::Result<()> {
    let up = direction == "up";
    let mut request = [if up { b'u' } else { b'd' }; 9];
    request[1..].copy_from_slice(&length.to_be_bytes());
    stream.write_all(&request)?;
    if up {
        send(stream, length)?;
        stream.read_exact(&mut [0])
    } else {
        receive(stream, length)
    }
}

/// As `nm_sstp::transport` makes it.
fn connector(ca: &PathBuf) -> Result<native_tls::TlsConnector, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", ca.display());
    let pem = fs::read(ca).map_err(|error| failed(&error))?;
    let mut builder = native_tls::TlsConnector::builder();
    builder.min_protocol_version(Some(native_tls::Protocol::Tlsv12));
    for certificate in native_tls::Certificate::stack_from_pem(&pem).map_err(|error| failed(&error))? {
        builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| failed(&error))
}
