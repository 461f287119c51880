//! The command line.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use nm_sstp::crypto::binding::HashProtocol;
use sstp_test_server::behaviour::{BreakOff, Phase};
use sstp_test_server::pool::Pool;
use sstp_test_server::{Behaviour, Config, Method, Radius, User};
use zeroize::Zeroizing;

use super::tls::Version;

/// Name, value and meaning of every option.
const OPTIONS: &[(&str, &str, &str)] = &[
    ("--listen", "ADDR:PORT", "where to listen; 0.0.0.0:443 by default"),
    ("--cert", "FILE", "certificate chain as PEM, the server's own first"),
    ("--key", "FILE", "its private key as PEM"),
    ("--tls", "VERSION", "greatest version of TLS: 1.2 or 1.3, the default"),
    (
        "--user",
        "NAME:PASSWORD[:METHOD]",
        "who may log in, with one method or with any; repeatable. Others see it in ps",
    ),
    ("--users", "FILE", "the same, one a line; empty lines and lines with # are left out; repeatable"),
    ("--auth", "LIST", "methods to ask for, in this order; mschapv2,chap-md5,pap by default; eap only with --radius"),
    ("--radius", "ADDR:PORT", "RADIUS server that decides about logins in the place of --user"),
    ("--radius-secret", "FILE", "the secret that is shared with it, without the newline at its end"),
    ("--tenant", "TEXT", "the only tenantid that is served; a request without it gets 404 Not Found"),
    ("--bypass-cookie", "TEXT", "a Cookie that is worth an authentication; another one is refused"),
    ("--pool", "NETWORK", "network of the clients, its first address is the server's; 10.99.0.0/24 by default"),
    ("--dns", "ADDR", "DNS server for the clients; at most two"),
    ("--nbns", "ADDR", "NetBIOS name server for the clients; at most two"),
    ("--ipv6", "", "negotiate IPV6CP, too; the server is fe80::1"),
    ("--ipv6-address", "ADDR/LEN", "address of the TUN device besides that; repeatable, and implies --ipv6"),
    ("--mru", "OCTETS", "MRU to ask for; 1500, the default, is not asked for"),
    ("--mtu", "OCTETS", "MTU of the TUN device; 1400 by default"),
    ("--tun", "NAME", "name of the TUN device, %d in it is a number; sstp%d by default"),
    ("--no-tun", "", "make no TUN device: datagrams go nowhere, and no privilege is needed"),
    ("--hash", "LIST", "hash protocols to offer for crypto binding; sha1,sha256 by default"),
    ("--verify-binding", "strict|off", "whether to check crypto binding; strict by default"),
    ("--lcp-echo", "SECONDS", "time between LCP Echo-Requests; none are sent by default"),
    ("--hello", "SECONDS", "the Hello timer of SSTP; 60 by default"),
    ("--misbehave", "NAME", "misbehave in one of the ways below; repeatable"),
    ("--help", "", "show this and exit"),
    ("--version", "", "show the version and exit"),
];

/// What the command line asks for.
pub enum Command {
    /// Serve.
    Run(Box<Args>),
    /// Print this and exit.
    Print(String),
}

/// What the daemon needs to know.
pub struct Args {
    pub listen: SocketAddr,
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Where the RADIUS server is, where the configuration has its secret.
    pub radius: Option<SocketAddr>,
    /// Greatest version of TLS.
    pub tls: Version,
    pub pool: Pool,
    /// Name of the TUN device; `None`: there is none.
    pub tun: Option<String>,
    /// MTU of the TUN device, in octets.
    pub mtu: u16,
    /// Further addresses of the TUN device, with the lengths of their prefixes.
    pub addresses6: Vec<(IpAddr, u8)>,
    /// Everything that the connections need, but for the certificate.
    pub config: Config,
}

impl Command {
    /// Reads the arguments, the program's name left out.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, String> {
        let mut arguments = arguments.into_iter();
        let (mut certificate, mut key) = (None, None);
        let mut args = Args {
            listen: SocketAddr::from(([0, 0, 0, 0], 443)),
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            radius: None,
            tls: Version::Tls13,
            pool: Pool::default(),
            tun: Some("sstp%d".to_owned()),
            mtu: 1400,
            addresses6: Vec::new(),
            config: Config::default(),
        };
        while let Some(argument) = arguments.next() {
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            let Some((_, placeholder, _)) = OPTIONS.iter().find(|(option, ..)| *option == name) else {
                return Err(format!("'{name}' is no option; --help lists them"));
            };
            let value = match inline {
                _ if placeholder.is_empty() => String::new(),
                Some(value) => value,
                None => arguments.next().ok_or_else(|| format!("{name} needs a value: {placeholder}"))?,
            };
            match name.as_str() {
                "--help" => return Ok(Command::Print(help())),
                "--version" => return Ok(Command::Print(version())),
                "--cert" => certificate = Some(PathBuf::from(value)),
                "--key" => key = Some(PathBuf::from(value)),
                "--no-tun" => args.tun = None,
                "--tun" => args.tun = Some(value),
                _ => args.set(&name, &value).map_err(|reason| format!("{name}: {reason}"))?,
            }
        }
        args.certificate = certificate.ok_or("--cert is missing")?;
        args.key = key.ok_or("--key is missing")?;
        args.config.server_address = args.pool.server();
        if args.radius.is_some() != args.config.radius.is_some() {
            return Err("--radius and --radius-secret need each other".to_owned());
        }
        if args.config.users.is_empty() && args.radius.is_none() {
            return Err("nobody may log in: give --user, --users or --radius".to_owned());
        }
        if args.config.methods.contains(&Method::Eap) && args.radius.is_none() {
            return Err("--auth eap works only with --radius".to_owned());
        }
        Ok(Command::Run(Box::new(args)))
    }
}

impl Args {
    /// Takes an option that has a value to be read.
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let config = &mut self.config;
        match name {
            "--listen" => self.listen = parse(value, "an address and a port")?,
            "--tls" => self.tls = value.parse()?,
            "--user" => {
                let user = user(value)?;
                config.users.retain(|other| other.name != user.name);
                config.users.push(user);
            }
            "--users" => {
                let text = std::fs::read_to_string(value).map_err(|error| format!("{value}: {error}"))?;
                let text = Zeroizing::new(text);
                let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
                for line in lines {
                    config.users.push(user(line)?);
                }
            }
            "--auth" => config.methods = value.split(',').map(Method::from_str).collect::<Result<_, _>>()?,
            "--radius" => self.radius = Some(parse(value, "an address and a port")?),
            "--radius-secret" => config.radius = Some(Radius { secret: secret(value)? }),
            "--tenant" => config.tenant = Some(value.to_owned()),
            "--bypass-cookie" => config.bypass_cookie = Some(value.to_owned()),
            "--pool" => self.pool = value.parse()?,
            "--dns" => push_two(&mut config.dns, parse(value, "an IPv4 address")?)?,
            "--nbns" => push_two(&mut config.nbns, parse(value, "an IPv4 address")?)?,
            "--ipv6" => config.ipv6 = true,
            "--ipv6-address" => {
                self.addresses6.push(address6(value)?);
                config.ipv6 = true;
            }
            "--mru" => config.mru = within(value, 128, 4091)?,
            "--mtu" => self.mtu = within(value, 576, 4091)?,
            "--hash" => config.hash_protocols = value.split(',').map(hash_protocol).collect::<Result<_, _>>()?,
            "--verify-binding" => {
                config.verify_binding = match value {
                    "strict" => true,
                    "off" => false,
                    _ => return Err(format!("'{value}' is neither strict nor off")),
                }
            }
            "--lcp-echo" => config.lcp_echo_interval = Some(seconds(value)?),
            "--hello" => config.hello_interval = seconds(value)?,
            "--misbehave" => {
                config.behaviours.push(value.parse().map_err(|error: <Behaviour as FromStr>::Err| error.to_string())?);
            }
            _ => return Err("is not an option".to_owned()),
        }
        Ok(())
    }
}

fn parse<T: FromStr>(value: &str, what: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("'{value}' is not {what}"))
}

fn within(value: &str, min: u16, max: u16) -> Result<u16, String> {
    let number = value.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("'{value}' is not a number from {min} to {max}"))
}

fn address6(value: &str) -> Result<(IpAddr, u8), String> {
    let parts = value.split_once('/').and_then(|(address, prefix)| {
        let prefix = prefix.parse::<u8>().ok().filter(|prefix| *prefix <= 128)?;
        Some((IpAddr::V6(address.parse().ok()?), prefix))
    });
    parts.ok_or_else(|| format!("'{value}' is no IPv6 address with the length of its prefix, such as fd99::1/64"))
}

fn seconds(value: &str) -> Result<Duration, String> {
    within(value, 1, u16::MAX).map(|seconds| Duration::from_secs(seconds.into()))
}

fn push_two(list: &mut Vec<Ipv4Addr>, address: Ipv4Addr) -> Result<(), String> {
    if list.len() == 2 {
        return Err("a client can get only two".to_owned());
    }
    list.push(address);
    Ok(())
}

fn hash_protocol(name: &str) -> Result<HashProtocol, String> {
    match name {
        "sha1" => Ok(HashProtocol::Sha1),
        "sha256" => Ok(HashProtocol::Sha256),
        _ => Err(format!("'{name}' is no hash protocol; there are sha1 and sha256")),
    }
}

/// The content of a file, but for the newline at its end.
fn secret(path: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut secret = Zeroizing::new(std::fs::read(path).map_err(|error| format!("{path}: {error}"))?);
    let text = secret.trim_ascii_end().len();
    secret.truncate(text);
    if secret.is_empty() { Err(format!("{path}: it is empty")) } else { Ok(secret) }
}

/// `NAME:PASSWORD` or `NAME:PASSWORD:METHOD`. The password may hold colons: only a last part that is the name of a
/// method is one. The value is not shown in the error.
fn user(value: &str) -> Result<User, String> {
    let Some((name, rest)) = value.split_once(':').filter(|(name, _)| !name.is_empty()) else {
        return Err("the value is not NAME:PASSWORD".to_owned());
    };
    let with_method = rest.rsplit_once(':').and_then(|(password, method)| Some((password, method.parse().ok()?)));
    let (password, method) = match with_method {
        Some((password, method)) => (password, Some(method)),
        None => (rest, None),
    };
    Ok(User { name: name.to_owned(), password: Zeroizing::new(password.to_owned()), method })
}

fn version() -> String {
    format!("sstp-test-server {}\n", env!("CARGO_PKG_VERSION"))
}

fn help() -> String {
    let row = |name: &str, meaning: &str| format!("  {name:<31} {meaning}\n");
    let options = OPTIONS.iter().map(|(name, value, meaning)| row(format!("{name} {value}").trim_end(), meaning));
    let families = BreakOff::ALL.iter().map(|how| row(&format!("{}-in-PHASE", how.name()), how.purpose()));
    let behaviours = Behaviour::TABLE.iter().map(|(_, name, purpose)| row(name, purpose));
    let phases = Phase::ALL.map(Phase::name).join(", ");
    [
        version(),
        "An SSTP server for tests. It is not meant for any other use.\n\n".to_owned(),
        "Usage: sstp-test-server --cert FILE --key FILE --user NAME:PASSWORD [OPTION]...\n\nOptions:\n".to_owned(),
        options.collect(),
        "\nWays to misbehave; the last ones are several of the others:\n".to_owned(),
        families.chain(behaviours).collect(),
        format!("\nPHASE is one of {phases}.\n"),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Box<Args>, String> {
        match Command::parse(line.split_whitespace().map(str::to_owned))? {
            Command::Run(args) => Ok(args),
            Command::Print(text) => Err(text),
        }
    }

    const NEEDED: &str = "--cert c.pem --key k.pem --user ann:secret";

    #[test]
    fn everything_that_the_lab_says() {
        let args = parsed(&format!(
            "{NEEDED} --listen 127.0.0.1:4433 --user bob:a:b:pap --auth pap,mschapv2 --pool 10.7.0.0/24 --dns 10.7.0.53 \
             --dns 10.7.0.54 --hash sha256 --tun vpn0 --misbehave silent-in-lcp --misbehave=softether \
             --verify-binding off --lcp-echo 20 --ipv6-address fd99::1/64"
        ))
        .unwrap();
        assert_eq!(args.listen, SocketAddr::from(([127, 0, 0, 1], 4433)));
        let Config { users, methods, dns, behaviours, hash_protocols, .. } = &args.config;
        assert_eq!((users[0].name.as_str(), users[0].password.as_str(), users[0].method), ("ann", "secret", None));
        assert_eq!((users[1].password.as_str(), users[1].method), ("a:b", Some(Method::Pap)));
        assert_eq!(methods[..], [Method::Pap, Method::MsChapV2]);
        assert_eq!((dns.len(), hash_protocols.len(), args.config.verify_binding), (2, 1, false));
        assert_eq!(behaviours[..], [Behaviour::In(BreakOff::Silent, Phase::Lcp), Behaviour::SoftEther]);
        assert_eq!(args.config.server_address, Ipv4Addr::new(10, 7, 0, 1));
        assert_eq!(args.tun.as_deref(), Some("vpn0"));
        assert_eq!((args.addresses6[..].to_vec(), args.config.ipv6), (vec![("fd99::1".parse().unwrap(), 64)], true));
    }

    #[test]
    fn what_is_refused() {
        for line in [
            "",
            "--cert c.pem --key k.pem",
            "--key k.pem --user a:b",
            &format!("{NEEDED} --nonsense"),
            &format!("{NEEDED} --listen 443"),
            &format!("{NEEDED} --auth eap"),
            &format!("{NEEDED} --dns 10.0.0.1 --dns 10.0.0.2 --dns 10.0.0.3"),
            &format!("{NEEDED} --mtu 100"),
            &format!("{NEEDED} --ipv6-address fd99::1"),
            &format!("{NEEDED} --ipv6-address 10.0.0.1/24"),
            &format!("{NEEDED} --tls 1.1"),
            &format!("{NEEDED} --misbehave nicely"),
            &format!("{NEEDED} --tun"),
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        assert!(!parsed("--cert c --key k --user hunter2").err().unwrap().contains("hunter2"));
    }

    #[test]
    fn radius_needs_an_address_and_a_secret() {
        let path = std::env::temp_dir().join(format!("sstp-test-server-secret-{}", std::process::id()));
        std::fs::write(&path, "hunter2\n").unwrap();
        let line = "--cert c --key k --radius 10.7.0.9:1812 --auth eap,mschapv2";
        let args = parsed(&format!("{line} --radius-secret {}", path.display()));
        std::fs::write(&path, "\n").unwrap();
        assert!(parsed(&format!("{line} --radius-secret {}", path.display())).is_err(), "an empty secret");
        std::fs::remove_file(&path).unwrap();
        let args = args.unwrap();
        assert_eq!(args.radius, Some(SocketAddr::from(([10, 7, 0, 9], 1812))));
        assert_eq!(*args.config.radius.unwrap().secret, b"hunter2");
        assert!(parsed(line).is_err());
        assert!(parsed(&format!("{line} --radius-secret {}", path.display())).is_err(), "no such file");
    }

    #[test]
    fn help_lists_every_behaviour() {
        let text = parsed("--help").err().unwrap();
        assert!(Behaviour::TABLE.iter().all(|(_, name, _)| text.contains(name)));
        assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
    }
}
