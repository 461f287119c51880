//! How the parts of a connection drive each other: what the call and the link lead to, phase by phase, and where the
//! server breaks off.

use std::time::{Duration, Instant};

use nm_sstp::wire::sstp::{ControlMessage, Status, StatusInfo, attribute};

use super::{Late, Progress, Server};
use crate::behaviour::{Behaviour, BreakOff, Phase};
use crate::call::{Call, Outcome};
use crate::link::LinkEvent;
use crate::quirks::Fate;
use crate::{Closed, Event};

/// How long after the call is up the behaviours of [`Phase::Up`] act.
const UP_DELAY: Duration = Duration::from_secs(1);

impl Server {
    /// Lets the call work, then sends what it wants to send and follows what it led to.
    pub(super) fn with_call(
        &mut self,
        now: Instant,
        work: impl FnOnce(&mut Call, &mut Vec<ControlMessage>) -> Option<Outcome>,
    ) {
        let Some(call) = &mut self.call else { return };
        let mut send = Vec::new();
        let was_ending = call.reason().is_some();
        let outcome = work(call, &mut send);
        if let Some(reason) = call.reason().filter(|_| !was_ending) {
            self.events.push_back(Event::Note(reason.to_string()));
        }
        for packet in send.iter().filter_map(|message| self.quirks.control(message)) {
            self.output.push(&packet, &[]);
        }
        match outcome {
            Some(Outcome::LowerLinkUp) => self.lower_link_up(now),
            Some(Outcome::Connected) => {
                let verified = if self.config.verify_binding { "is verified" } else { "was not looked at" };
                self.note(format!("the call is connected, the Compound MAC {verified}"));
                self.announce_addresses(now);
            }
            Some(Outcome::Ended(closed)) => self.finish(closed),
            None => {}
        }
    }

    /// PPP may begin (MS-SSTP 3.1.7.1).
    fn lower_link_up(&mut self, now: Instant) {
        let broken_off = self.enter(now, Phase::Lcp);
        if !broken_off && !self.quirks.has(Behaviour::WaitForClientLcp) && !self.quirks.has(Behaviour::LoopedBack) {
            self.link.open(now);
            self.follow_link(now);
        }
    }

    /// Sends what the link wants to send and follows its events.
    pub(super) fn follow_link(&mut self, now: Instant) {
        loop {
            while let Some(frame) = self.link.out.pop() {
                let mut information = frame.information.to_vec();
                match self.quirks.outbound(frame.protocol, &mut information) {
                    Fate::Pass => self.send_frame(frame.protocol, &information),
                    Fate::Lost => {}
                    Fate::Late(delay) => self.late.push((now + delay, Late::Outbound(frame.protocol, information))),
                }
            }
            match self.link.poll_event() {
                Some(event) if self.progress == Progress::Running => self.link_event(now, event),
                _ => return,
            }
        }
    }

    fn link_event(&mut self, now: Instant, event: LinkEvent) {
        match event {
            LinkEvent::Note(text) => self.note(text),
            LinkEvent::Opened => {
                if !self.enter(now, Phase::Auth) {
                    self.link.begin_authentication(now);
                }
            }
            LinkEvent::Authenticated { user, hlak } => {
                if let Some(call) = &mut self.call {
                    call.authenticated(hlak);
                }
                if let Some((user, method)) = user {
                    self.events.push_back(Event::Authenticated { user, method });
                }
                if !self.enter(now, Phase::Ncp) {
                    self.link.begin_network(now);
                }
            }
            LinkEvent::Refused { user, method } => {
                self.events.push_back(Event::AuthenticationFailed { user, method });
                if self.quirks.has(Behaviour::EofOnAuthFailure) {
                    self.finish(Closed::BrokenOff);
                }
            }
            LinkEvent::NetworkUp => self.announce_addresses(now),
            LinkEvent::Finished(reason) => self.with_call(now, |call, send| {
                call.disconnect(now, reason, send);
                None
            }),
        }
    }

    /// Tells about the addresses that may be used now and could not before.
    fn announce_addresses(&mut self, now: Instant) {
        if !self.call.as_ref().is_some_and(Call::is_connected) {
            return;
        }
        let (ipv4, ipv6) = (self.link.ipv4_address(), self.link.ipv6_address());
        if let Some(address) = ipv4.filter(|_| ipv4 != self.announced.0) {
            self.announced.0 = ipv4;
            self.events.push_back(Event::Up { address });
        }
        if let Some(address) = ipv6.filter(|_| ipv6 != self.announced.1) {
            self.announced.1 = ipv6;
            self.events.push_back(Event::Up6 { address });
        }
        if ipv4.is_some() || ipv6.is_some() {
            self.enter(now, Phase::Up);
        }
    }

    /// Comes to a phase, once; returns whether the connection was broken off there.
    pub(super) fn enter(&mut self, now: Instant, phase: Phase) -> bool {
        if phase <= self.phase {
            return false;
        }
        self.phase = phase;
        if phase == Phase::Up {
            self.up_timer = Some(now + UP_DELAY);
            return false;
        }
        self.misbehave(now, phase)
    }

    /// Does what it was told to do in a phase; returns whether the connection was broken off.
    pub(super) fn misbehave(&mut self, now: Instant, phase: Phase) -> bool {
        for packet in self.quirks.extra_packets(phase) {
            self.output.push(&packet, &[]);
        }
        if phase == Phase::Up {
            self.misbehave_when_up(now);
        }
        let Some(how) = self.quirks.break_off(phase) else { return false };
        self.note(format!("breaking off as told: {}", how.purpose()));
        match how {
            BreakOff::Silent => self.progress = Progress::Silent,
            BreakOff::Close => self.finish(Closed::BrokenOff),
            BreakOff::Abort => self.with_call(now, |call, send| {
                let status = StatusInfo::new(attribute::NO_ERROR, Status::UNACCEPTED_FRAME_RECEIVED);
                call.abort(now, status, "as told".to_owned(), send);
                None
            }),
            BreakOff::Disconnect => self.with_call(now, |call, send| {
                call.disconnect(now, "as told".to_owned(), send);
                None
            }),
        }
        true
    }

    fn misbehave_when_up(&mut self, now: Instant) {
        if self.quirks.has(Behaviour::ChallengeAgain) {
            self.link.challenge_again(now);
        }
        if self.quirks.has(Behaviour::LcpAgain) {
            self.link.negotiate_lcp_again(now);
        }
        if self.quirks.has(Behaviour::IpcpAgain) {
            self.link.negotiate_ipcp_again(now);
        }
        self.follow_link(now);
        if self.quirks.has(Behaviour::CutInPacket) {
            self.finish(Closed::BrokenOff);
        }
    }
}
