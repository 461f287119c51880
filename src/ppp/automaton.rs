//! The option negotiation automaton (RFC 1661 4): its table, as a constant.

use Action::{Irc, Sca, Scj, Scn, Scr, Ser, Sta, Str, Tld, Tlf, Tls, Tlu, Zrc};
use State::{AckRcvd, AckSent, Closed, Closing, Initial, Opened, ReqSent, Starting, Stopped, Stopping};

/// States (RFC 1661 4.2), in the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// 0: the lower layer is down, no Open.
    Initial,
    /// 1: the lower layer is down, Open.
    Starting,
    /// 2: the lower layer is up, no Open.
    Closed,
    /// 3: waits for a Configure-Request after the negotiation ended.
    Stopped,
    /// 4: a Terminate-Request was sent on a Close.
    Closing,
    /// 5: a Terminate-Request was sent or acknowledged, still Open.
    Stopping,
    /// 6: a Configure-Request was sent.
    ReqSent,
    /// 7: and a Configure-Ack was received.
    AckRcvd,
    /// 8: and a Configure-Ack was sent.
    AckSent,
    /// 9: and both.
    Opened,
}

/// Events (RFC 1661 4.3), in the order of the table's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The lower layer is up.
    Up,
    /// The lower layer is down.
    Down,
    /// The administrator opens.
    Open,
    /// The administrator closes.
    Close,
    /// TO+: timeout with the counter above zero.
    TimeoutRetry,
    /// TO-: timeout with the counter expired.
    TimeoutGiveUp,
    /// RCR+: an acceptable Configure-Request.
    RcrGood,
    /// RCR-: a Configure-Request that is not acceptable.
    RcrBad,
    /// RCA: a Configure-Ack.
    Rca,
    /// RCN: a Configure-Nak or Configure-Reject.
    Rcn,
    /// RTR: a Terminate-Request.
    Rtr,
    /// RTA: a Terminate-Ack.
    Rta,
    /// RUC: an unknown code.
    Ruc,
    /// RXJ+: a Code-Reject or Protocol-Reject that can be lived with.
    RxjGood,
    /// RXJ-: one that cannot.
    RxjBad,
    /// RXR: an Echo-Request, Echo-Reply or Discard-Request.
    Rxr,
}

/// Actions (RFC 1661 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// This-Layer-Up.
    Tlu,
    /// This-Layer-Down.
    Tld,
    /// This-Layer-Started.
    Tls,
    /// This-Layer-Finished.
    Tlf,
    /// Initialize-Restart-Count.
    Irc,
    /// Zero-Restart-Count.
    Zrc,
    /// Send-Configure-Request.
    Scr,
    /// Send-Configure-Ack.
    Sca,
    /// Send-Configure-Nak or Send-Configure-Reject.
    Scn,
    /// Send-Terminate-Request.
    Str,
    /// Send-Terminate-Ack.
    Sta,
    /// Send-Code-Reject.
    Scj,
    /// Send-Echo-Reply.
    Ser,
}

/// One cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What to do, in this order.
    pub actions: &'static [Action],
    /// The state after that.
    pub next: State,
}

/// What an event does in a state; `None` where it cannot occur.
pub fn transition(state: State, event: Event) -> Option<Transition> {
    TABLE[event as usize][state as usize]
}

const fn go(actions: &'static [Action], next: State) -> Option<Transition> {
    Some(Transition { actions, next })
}

const NEVER: Option<Transition> = None;

/// RFC 1661 4.1: a row for each event, a column for each state.
#[rustfmt::skip]
const TABLE: [[Option<Transition>; 10]; 16] = [
    // Up
    [go(&[], Closed), go(&[Irc, Scr], ReqSent), NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER],
    // Down
    [NEVER, NEVER, go(&[], Initial), go(&[Tls], Starting), go(&[], Initial), go(&[], Starting), go(&[], Starting), go(&[], Starting), go(&[], Starting), go(&[Tld], Starting)],
    // Open
    [go(&[Tls], Starting), go(&[], Starting), go(&[Irc, Scr], ReqSent), go(&[], Stopped), go(&[], Stopping), go(&[], Stopping), go(&[], ReqSent), go(&[], AckRcvd), go(&[], AckSent), go(&[], Opened)],
    // Close
    [go(&[], Initial), go(&[Tlf], Initial), go(&[], Closed), go(&[], Closed), go(&[], Closing), go(&[], Closing), go(&[Irc, Str], Closing), go(&[Irc, Str], Closing), go(&[Irc, Str], Closing), go(&[Tld, Irc, Str], Closing)],
    // TO+
    [NEVER, NEVER, NEVER, NEVER, go(&[Str], Closing), go(&[Str], Stopping), go(&[Scr], ReqSent), go(&[Scr], ReqSent), go(&[Scr], AckSent), NEVER],
    // TO-
    [NEVER, NEVER, NEVER, NEVER, go(&[Tlf], Closed), go(&[Tlf], Stopped), go(&[Tlf], Stopped), go(&[Tlf], Stopped), go(&[Tlf], Stopped), NEVER],
    // RCR+
    [NEVER, NEVER, go(&[Sta], Closed), go(&[Irc, Scr, Sca], AckSent), go(&[], Closing), go(&[], Stopping), go(&[Sca], AckSent), go(&[Sca, Tlu], Opened), go(&[Sca], AckSent), go(&[Tld, Scr, Sca], AckSent)],
    // RCR-
    [NEVER, NEVER, go(&[Sta], Closed), go(&[Irc, Scr, Scn], ReqSent), go(&[], Closing), go(&[], Stopping), go(&[Scn], ReqSent), go(&[Scn], AckRcvd), go(&[Scn], ReqSent), go(&[Tld, Scr, Scn], ReqSent)],
    // RCA
    [NEVER, NEVER, go(&[Sta], Closed), go(&[Sta], Stopped), go(&[], Closing), go(&[], Stopping), go(&[Irc], AckRcvd), go(&[Scr], ReqSent), go(&[Irc, Tlu], Opened), go(&[Tld, Scr], ReqSent)],
    // RCN
    [NEVER, NEVER, go(&[Sta], Closed), go(&[Sta], Stopped), go(&[], Closing), go(&[], Stopping), go(&[Irc, Scr], ReqSent), go(&[Scr], ReqSent), go(&[Irc, Scr], AckSent), go(&[Tld, Scr], ReqSent)],
    // RTR
    [NEVER, NEVER, go(&[Sta], Closed), go(&[Sta], Stopped), go(&[Sta], Closing), go(&[Sta], Stopping), go(&[Sta], ReqSent), go(&[Sta], ReqSent), go(&[Sta], ReqSent), go(&[Tld, Zrc, Sta], Stopping)],
    // RTA
    [NEVER, NEVER, go(&[], Closed), go(&[], Stopped), go(&[Tlf], Closed), go(&[Tlf], Stopped), go(&[], ReqSent), go(&[], ReqSent), go(&[], AckSent), go(&[Tld, Scr], ReqSent)],
    // RUC
    [NEVER, NEVER, go(&[Scj], Closed), go(&[Scj], Stopped), go(&[Scj], Closing), go(&[Scj], Stopping), go(&[Scj], ReqSent), go(&[Scj], AckRcvd), go(&[Scj], AckSent), go(&[Scj], Opened)],
    // RXJ+
    [NEVER, NEVER, go(&[], Closed), go(&[], Stopped), go(&[], Closing), go(&[], Stopping), go(&[], ReqSent), go(&[], ReqSent), go(&[], AckSent), go(&[], Opened)],
    // RXJ-
    [NEVER, NEVER, go(&[Tlf], Closed), go(&[Tlf], Stopped), go(&[Tlf], Closed), go(&[Tlf], Stopped), go(&[Tlf], Stopped), go(&[Tlf], Stopped), go(&[Tlf], Stopped), go(&[Tld, Irc, Str], Stopping)],
    // RXR
    [NEVER, NEVER, go(&[], Closed), go(&[], Stopped), go(&[], Closing), go(&[], Stopping), go(&[], ReqSent), go(&[], AckRcvd), go(&[], AckSent), go(&[Ser], Opened)],
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows as RFC 1661 4.1 prints them. The letters r (restart), p (passive) and x (crossed connection) are notes.
    const PRINTED: &str = "
      | State
      |    0         1         2         3         4         5
Events| Initial   Starting  Closed    Stopped   Closing   Stopping
------+-----------------------------------------------------------
 Up   |    2     irc,scr/6     -         -         -         -
 Down |    -         -         0       tls/1       0         1
 Open |  tls/1       1     irc,scr/6     3r        5r        5r
 Close|    0       tlf/0       2         2         4         4
      |
  TO+ |    -         -         -         -       str/4     str/5
  TO- |    -         -         -         -       tlf/2     tlf/3
      |
 RCR+ |    -         -       sta/2 irc,scr,sca/8   4         5
 RCR- |    -         -       sta/2 irc,scr,scn/6   4         5
 RCA  |    -         -       sta/2     sta/3       4         5
 RCN  |    -         -       sta/2     sta/3       4         5
      |
 RTR  |    -         -       sta/2     sta/3     sta/4     sta/5
 RTA  |    -         -         2         3       tlf/2     tlf/3
      |
 RUC  |    -         -       scj/2     scj/3     scj/4     scj/5
 RXJ+ |    -         -         2         3         4         5
 RXJ- |    -         -       tlf/2     tlf/3     tlf/2     tlf/3
      |
 RXR  |    -         -         2         3         4         5

      | State
      |    6         7         8           9
Events| Req-Sent  Ack-Rcvd  Ack-Sent    Opened
------+-----------------------------------------
 Up   |    -         -         -           -
 Down |    1         1         1         tld/1
 Open |    6         7         8           9r
 Close|irc,str/4 irc,str/4 irc,str/4 tld,irc,str/4
      |
  TO+ |  scr/6     scr/6     scr/8         -
  TO- | tlf/3p    tlf/3p    tlf/3p         -
      |
 RCR+ |  sca/8   sca,tlu/9   sca/8   tld,scr,sca/8
 RCR- |  scn/6     scn/7     scn/6   tld,scr,scn/6
 RCA  |  irc/7     scr/6x  irc,tlu/9   tld,scr/6x
 RCN  |irc,scr/6   scr/6x  irc,scr/8   tld,scr/6x
      |
 RTR  |  sta/6     sta/6     sta/6   tld,zrc,sta/5
 RTA  |    6         6         8       tld,scr/6
      |
 RUC  |  scj/6     scj/7     scj/8       scj/9
 RXJ+ |    6         6         8           9
 RXJ- |  tlf/3     tlf/3     tlf/3   tld,irc,str/5
      |
 RXR  |    6         7         8         ser/9
";

    const STATES: [State; 10] =
        [Initial, Starting, Closed, Stopped, Closing, Stopping, ReqSent, AckRcvd, AckSent, Opened];

    fn event(name: &str) -> Option<Event> {
        Some(match name {
            "Up" => Event::Up,
            "Down" => Event::Down,
            "Open" => Event::Open,
            "Close" => Event::Close,
            "TO+" => Event::TimeoutRetry,
            "TO-" => Event::TimeoutGiveUp,
            "RCR+" => Event::RcrGood,
            "RCR-" => Event::RcrBad,
            "RCA" => Event::Rca,
            "RCN" => Event::Rcn,
            "RTR" => Event::Rtr,
            "RTA" => Event::Rta,
            "RUC" => Event::Ruc,
            "RXJ+" => Event::RxjGood,
            "RXJ-" => Event::RxjBad,
            "RXR" => Event::Rxr,
            _ => return None,
        })
    }

    fn printed(cell: &str) -> Option<(Vec<String>, State)> {
        if cell == "-" {
            return None;
        }
        let cell = cell.trim_end_matches(['r', 'p', 'x']);
        let (actions, state) = cell.rsplit_once('/').unwrap_or(("", cell));
        let actions = actions.split(',').filter(|action| !action.is_empty()).map(str::to_owned).collect();
        Some((actions, STATES[state.parse::<usize>().unwrap()]))
    }

    #[test]
    fn all_160_cells_are_those_of_the_rfc() {
        let mut cells = 0;
        for (half, first_state) in PRINTED.split("\n\n").zip([0, 6]) {
            for (name, row) in half.lines().filter_map(|line| line.split_once('|')) {
                let Some(event) = event(name.trim()) else { continue };
                for (state, cell) in STATES[first_state..].iter().zip(row.split_whitespace()) {
                    let found = transition(*state, event).map(|found| {
                        let actions = found.actions.iter().map(|action| format!("{action:?}").to_lowercase());
                        (actions.collect::<Vec<_>>(), found.next)
                    });
                    assert_eq!(found, printed(cell), "{event:?} in {state:?}");
                    cells += 1;
                }
            }
        }
        assert_eq!(cells, 160);
    }
}
