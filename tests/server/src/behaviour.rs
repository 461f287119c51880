//! The ways in which the server can be told to misbehave: one table of names and purposes.

use std::fmt;
use std::str::FromStr;

/// How far a connection has come, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// TCP is accepted, the client's first TLS message is awaited.
    Tls,
    /// The HTTP request has arrived.
    Http,
    /// The Call Connect Request has arrived.
    Connect,
    /// The Call Connect Acknowledge was sent, LCP begins.
    Lcp,
    /// LCP is Opened, authentication begins.
    Auth,
    /// The user is authenticated, the network control protocols begin.
    Ncp,
    /// The call is connected and an address is given; the behaviour waits one more second.
    Up,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Phase; 7] =
        [Phase::Tls, Phase::Http, Phase::Connect, Phase::Lcp, Phase::Auth, Phase::Ncp, Phase::Up];

    /// The phase in the name of a behaviour.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Tls => "tls",
            Phase::Http => "http",
            Phase::Connect => "connect",
            Phase::Lcp => "lcp",
            Phase::Auth => "auth",
            Phase::Ncp => "ncp",
            Phase::Up => "up",
        }
    }

    /// Whether SSTP messages can be sent in this phase.
    fn speaks_sstp(self) -> bool {
        self >= Phase::Connect
    }
}

/// What a server does that breaks off at a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakOff {
    /// It sends nothing more, and keeps the connection open.
    Silent,
    /// It closes the TCP connection.
    Close,
    /// It sends Call Abort.
    Abort,
    /// It sends Call Disconnect.
    Disconnect,
}

impl BreakOff {
    /// Every way, in the order of the help text.
    pub const ALL: [BreakOff; 4] = [BreakOff::Silent, BreakOff::Close, BreakOff::Abort, BreakOff::Disconnect];

    /// The way in the name of a behaviour.
    pub fn name(self) -> &'static str {
        match self {
            BreakOff::Silent => "silent",
            BreakOff::Close => "close",
            BreakOff::Abort => "abort",
            BreakOff::Disconnect => "disconnect",
        }
    }

    /// What the server does, in words.
    pub fn purpose(self) -> &'static str {
        match self {
            BreakOff::Silent => "sends nothing more and keeps the connection open",
            BreakOff::Close => "closes the TCP connection",
            BreakOff::Abort => "sends Call Abort (not in tls, http)",
            BreakOff::Disconnect => "sends Call Disconnect (not in tls, http)",
        }
    }
}

/// Writes the enum, its names and its help text from one table.
macro_rules! behaviours {
    ($($name:literal $variant:ident $purpose:literal)*) => {
        /// A misbehaviour or a quirk.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Behaviour {
            /// Breaks off at a phase: `silent-in-lcp`, `close-in-auth`, `abort-in-up` and so on.
            In(BreakOff, Phase),
            $(#[doc = $purpose] $variant,)*
        }

        impl Behaviour {
            /// Every behaviour but the [`In`](Behaviour::In) family, with its name and what the server does.
            pub const TABLE: &'static [(Behaviour, &'static str, &'static str)] =
                &[$((Behaviour::$variant, $name, $purpose)),*];
        }
    };
}

behaviours! {
    // HTTP
    "http-404"              Http404             "answers the request with 404 Not Found"
    "http-503"              Http503             "answers the request with 503 Service Unavailable"
    "http-garbage"          HttpGarbage         "answers the request with the banner of an SSH server"
    "http-endless"          HttpEndless         "answers the request with a header block of 64 KiB that does not end"
    "http-page"             HttpPage            "answers with a page for a browser, as the portal of a network"
    "http-redirect"         HttpRedirect        "answers with the address of a page to log in at"
    "http2-only"            Http2Only           "answers the request with the first frames of HTTP/2"
    "http-bare"             HttpBare            "answers with a status line and nothing else, as the client may accept"
    // The SSTP call (MS-SSTP 3.3)
    "connect-nak"           ConnectNak          "answers every Call Connect Request with a Nak, the fourth with Call Abort"
    "connect-nak-once"      ConnectNakOnce      "answers the first Call Connect Request with a Nak"
    "ack-no-hash"           AckNoHash           "offers no hash protocol in the Call Connect Acknowledge"
    "ack-unknown-hash"      AckUnknownHash      "offers only hash protocols that do not exist"
    "ack-bad-attribute"     AckBadAttribute     "sends a Crypto Binding Request of the wrong length"
    "ack-no-attribute"      AckNoAttribute      "leaves the Crypto Binding Request out"
    "ack-unknown-attribute" AckUnknownAttribute "adds an attribute of unknown ID to the Call Connect Acknowledge"
    "ack-twice"             AckTwice            "sends the Call Connect Acknowledge twice"
    "bad-version"           BadVersion          "sends a packet of SSTP version 2.0 after the Call Connect Acknowledge"
    "bad-length"            BadLength           "sends a packet that is shorter than its header after the Call Connect Acknowledge"
    "unknown-message"       UnknownMessage      "sends a control message of unknown type after the Call Connect Acknowledge"
    "short-status"          ShortStatus         "sends Status Info without its first four octets (pppd with sstp-server)"
    "split-writes"          SplitWrites         "writes the header of every packet apart from the rest (sstp-server)"
    "split-octets"          SplitOctets         "writes every octet apart"
    "never-answer-echo"     NeverAnswerEcho     "never answers an SSTP Echo Request (SoftEther)"
    "frequent-echo"         FrequentEcho        "sends an SSTP Echo Request every 3 seconds once connected (SoftEther)"
    "echo-flood"            EchoFlood           "sends 1,000 SSTP and 1,000 LCP Echo Requests at once when up"
    "no-disconnect-ack"     NoDisconnectAck     "never answers Call Disconnect"
    "no-abort-answer"       NoAbortAnswer       "never answers Call Abort"
    "cut-in-packet"         CutInPacket         "when up, sends the first half of a packet and closes the connection"
    // LCP (RFC 1661)
    "wait-for-client-lcp"   WaitForClientLcp    "sends no PPP frame before it has received one (SoftEther)"
    "ignore-first-lcp"      IgnoreFirstLcp      "loses the client's first LCP Configure-Request (pppd)"
    "early-lcp-echo"        EarlyLcpEcho        "sends LCP Echo-Requests with text before LCP is Opened (SoftEther)"
    "never-answer-lcp-echo" NeverAnswerLcpEcho  "never answers an LCP Echo-Request"
    "lcp-echo-magic-zero"   LcpEchoMagicZero    "answers LCP Echo-Requests with a magic number of zero (ogital)"
    "reject-magic-pfc-acfc" RejectMagicPfcAcfc  "rejects the LCP options magic number, PFC and ACFC (SoftEther)"
    "windows-lcp"           WindowsLcp          "asks for callback, MRRU and an endpoint discriminator, too (Windows)"
    "unknown-lcp-option"    UnknownLcpOption    "asks for an LCP option that does not exist"
    "loop-magic"            LoopMagic           "asks for the magic number that the client just used, and naks it, as a looped link"
    "looped-back"           LoopedBack          "sends every PPP frame back to the client, and nothing else"
    "lcp-nak-loop"          LcpNakLoop          "naks LCP's MRU with ever another one, five times, then rejects it (RFC 1661 4.6)"
    "lcp-nak-forever"       LcpNakForever       "the same, but never rejects it"
    "no-terminate-ack"      NoTerminateAck      "never answers an LCP Terminate-Request"
    "lcp-again"             LcpAgain            "negotiates LCP anew when up"
    // Authentication
    "eap-first"             EapFirst            "asks for EAP before its other methods (SoftEther, Windows)"
    "eap-only"              EapOnly             "asks for EAP and nothing else"
    "mschapv1-only"         MsChapV1Only        "asks for MS-CHAPv1 and nothing else"
    "eap-start"             EapStart            "lets the RADIUS server ask for the identity in EAP (RFC 3579 2.1)"
    "no-auth"               NoAuth              "asks for no authentication at all"
    "slow-auth"             SlowAuth            "answers the client's credentials 20 seconds late (a second factor)"
    "eof-on-auth-failure"   EofOnAuthFailure    "closes the connection instead of refusing wrong credentials (ogital)"
    "terminate-on-auth-failure" TerminateOnAuthFailure "sends only LCP Terminate-Request on wrong credentials (SoftEther with PAP)"
    "retry-on-auth-failure" RetryOnAuthFailure  "refuses wrong MS-CHAPv2 credentials with R=1 and another challenge, and goes on"
    "password-expired"      PasswordExpired     "refuses right MS-CHAPv2 credentials with E=648 and takes a new password"
    "password-expired-refused" PasswordExpiredRefused "the same, but refuses the first new password with E=709"
    "bad-authenticator-response" BadAuthenticatorResponse "sends a wrong S= in the MS-CHAPv2 Success"
    "no-authenticator"      NoAuthenticator     "sends an MS-CHAPv2 Success without S="
    "success-unasked"       SuccessUnasked      "sends a CHAP Success instead of a Challenge"
    "challenge-again"       ChallengeAgain      "challenges the client again when up (RFC 1994 2)"
    "no-binding-check"      NoBindingCheck      "accepts any Call Connected, also before the authentication (SoftEther)"
    // Network control protocols and data
    "late-ipcp-nak"         LateIpcpNak         "sends IPCP Configure-Naks 4 seconds late (SoftEther)"
    "nak-loop"              NakLoop             "naks the IP address with ever another one, five times, then rejects it"
    "nak-forever"           NakForever          "the same, but never rejects it"
    "no-address"            NoAddress           "naks the IP address with 0.0.0.0, then rejects it (SoftEther without DHCP)"
    "ipcp-rejected"         IpcpRejected        "answers IPCP with Protocol-Reject"
    "ipcp-again"            IpcpAgain           "negotiates IPCP anew when up and gives another address"
    "ipv6cp-terminate-ack"  Ipv6cpTerminateAck  "answers the first IPV6CP Configure-Request with Terminate-Ack (accel-ppp)"
    "ccp-offer"             CcpOffer            "offers CCP with Deflate and BSD-Compress (pppd)"
    "unknown-ncp"           UnknownNcp          "offers IPXCP"
    "early-data"            EarlyData           "sends datagrams before the call is connected"
    "garbage-frames"        GarbageFrames       "sends malformed and unknown PPP frames in LCP and when up"
    // Several of the above: what the servers of the field do
    "softether"             SoftEther           "wait-for-client-lcp reject-magic-pfc-acfc early-lcp-echo eap-first no-binding-check late-ipcp-nak never-answer-echo frequent-echo"
    "ogital"                Ogital              "lcp-echo-magic-zero eof-on-auth-failure"
    "pppd"                  Pppd                "ignore-first-lcp ccp-offer short-status split-writes"
    "windows"               Windows             "windows-lcp eap-first"
}

impl Behaviour {
    /// The behaviours that this one consists of; itself where it is not one of the servers.
    pub fn parts(self) -> Vec<Behaviour> {
        let server = [Self::SoftEther, Self::Ogital, Self::Pppd, Self::Windows].contains(&self);
        match Self::TABLE.iter().find(|(behaviour, ..)| server && *behaviour == self) {
            Some((_, _, names)) => names.split(' ').filter_map(|name| name.parse().ok()).collect(),
            None => vec![self],
        }
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Behaviour::In(how, phase) => write!(f, "{}-in-{}", how.name(), phase.name()),
            other => match Self::TABLE.iter().find(|(behaviour, ..)| behaviour == other) {
                Some((_, name, _)) => f.write_str(name),
                None => Ok(()),
            },
        }
    }
}

/// A name that no behaviour has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBehaviour(String);

impl fmt::Display for UnknownBehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no behaviour is named '{}'; --help lists them", self.0)
    }
}

impl std::error::Error for UnknownBehaviour {}

impl FromStr for Behaviour {
    type Err = UnknownBehaviour;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((behaviour, ..)) = Self::TABLE.iter().find(|(_, name, _)| *name == text) {
            return Ok(*behaviour);
        }
        let family = text.split_once("-in-").and_then(|(how, phase)| {
            let how = BreakOff::ALL.into_iter().find(|candidate| candidate.name() == how)?;
            let phase = Phase::ALL.into_iter().find(|candidate| candidate.name() == phase)?;
            let possible = phase.speaks_sstp() || matches!(how, BreakOff::Silent | BreakOff::Close);
            possible.then_some(Behaviour::In(how, phase))
        });
        family.ok_or_else(|| UnknownBehaviour(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_parsed_and_shown() {
        for (behaviour, name, _) in Behaviour::TABLE {
            assert_eq!(name.parse(), Ok(*behaviour));
            assert_eq!(behaviour.to_string(), *name);
        }
        for (how, phase) in BreakOff::ALL.iter().flat_map(|how| Phase::ALL.map(|phase| (*how, phase))) {
            let name = Behaviour::In(how, phase).to_string();
            let impossible = phase < Phase::Connect && matches!(how, BreakOff::Abort | BreakOff::Disconnect);
            assert_eq!(name.parse::<Behaviour>().is_err(), impossible, "{name}");
        }
        assert!("silent-in-".parse::<Behaviour>().is_err());
        assert!("".parse::<Behaviour>().is_err());
    }

    #[test]
    fn servers_consist_of_behaviours_that_exist() {
        assert_eq!(Behaviour::SoftEther.parts()[0], Behaviour::WaitForClientLcp);
        for server in [Behaviour::SoftEther, Behaviour::Ogital, Behaviour::Pppd, Behaviour::Windows] {
            let row = Behaviour::TABLE.iter().find(|(behaviour, ..)| *behaviour == server);
            let names: Vec<_> = server.parts().iter().map(Behaviour::to_string).collect();
            assert_eq!(names.join(" "), row.unwrap().2);
        }
        assert_eq!(Behaviour::NoAuth.parts(), [Behaviour::NoAuth]);
    }
}
