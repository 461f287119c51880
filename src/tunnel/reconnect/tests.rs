use super::*;

const SEED: [u8; 32] = [7; 32];

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A tunnel that came up at 0, on a clock of its own.
struct Course {
    reconnect: Reconnect,
    start: Instant,
    now: Instant,
}

impl Course {
    fn new(limit: Option<Duration>) -> Course {
        Course::with_seed(limit, SEED)
    }

    #[allow(clippy::disallowed_methods, reason = "where the clock of the test begins is all the same")]
    fn with_seed(limit: Option<Duration>, seed: [u8; 32]) -> Course {
        let start = Instant::now();
        Course { reconnect: Reconnect::new(start, limit, seed), start, now: start }
    }

    fn passes(&mut self, duration: Duration) -> &mut Self {
        self.now += duration;
        self
    }

    /// How long it is waited after a loss now.
    fn lost(&mut self, retry: Retry) -> Result<Duration, GiveUp> {
        self.reconnect.lost(self.now, retry).map(|next| next - self.now)
    }

    fn hurry(&mut self) {
        self.reconnect.hurry(self.now);
    }

    /// Waits for the next try and begins it; returns when it is, counted from the start.
    fn tries(&mut self) -> Duration {
        self.now = self.reconnect.next_try().expect("nothing is waited for").max(self.now);
        self.reconnect.begin(self.now);
        self.now - self.start
    }

    fn up(&mut self) {
        self.reconnect.up(self.now);
    }
}

/// `wait` is `nominal` seconds, give or take a quarter.
fn assert_about(wait: Duration, nominal: u64) {
    let nominal = seconds(nominal);
    assert!(wait >= nominal * 3 / 4 && wait <= nominal * 5 / 4, "{wait:?} is not about {nominal:?}");
}

#[test]
fn waits_double_up_to_a_minute() {
    let mut course = Course::new(None);
    course.passes(seconds(3600));
    for nominal in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        assert_about(course.lost(Retry::Yes).unwrap(), nominal);
        course.tries();
    }
    // more failures than fit into anything
    course.reconnect.failures = u32::MAX;
    assert_about(course.lost(Retry::Yes).unwrap(), 60);
}

#[test]
fn clients_of_one_server_come_back_one_by_one() {
    let waits: Vec<Duration> = (0..200)
        .map(|client| {
            let mut course = Course::with_seed(None, [client; 32]);
            course.passes(seconds(3600)).lost(Retry::Yes).unwrap()
        })
        .collect();
    let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    assert!(*least < Duration::from_millis(780) && *most > Duration::from_millis(1220), "{least:?} to {most:?}");
    waits.iter().for_each(|wait| assert_about(*wait, 1));
    assert_eq!(waits.iter().collect::<std::collections::BTreeSet<_>>().len(), waits.len());
}

#[test]
fn a_tunnel_that_was_up_for_a_minute_begins_anew_and_one_that_was_not_goes_on() {
    let mut course = Course::new(None);
    for nominal in [1, 2, 4] {
        assert_about(course.lost(Retry::Yes).unwrap(), nominal);
        course.tries();
    }
    course.up();
    assert_eq!(course.reconnect.next_try(), None);
    assert_about(course.passes(seconds(59)).lost(Retry::Yes).unwrap(), 8);
    course.tries();
    course.up();
    assert_about(course.passes(seconds(60)).lost(Retry::Yes).unwrap(), 1);
}

#[test]
fn what_would_fail_again_is_not_tried_again() {
    let mut course = Course::new(None);
    assert_eq!(course.lost(Retry::No), Err(GiveUp::Pointless));
    assert_eq!(course.reconnect.next_try(), None);
    course.hurry();
    assert_eq!(course.reconnect.next_try(), None, "a change of the network does not bring it back");
    assert_eq!(course.lost(Retry::Yes), Err(GiveUp::Pointless), "over is over");
}

#[test]
fn what_may_be_a_refusal_is_tried_once_more() {
    let mut course = Course::new(None);
    assert!(course.lost(Retry::Doubtful).is_ok());
    course.tries();
    assert!(course.lost(Retry::Yes).is_ok());
    course.tries();
    assert_eq!(course.lost(Retry::Doubtful), Err(GiveUp::Pointless));

    let mut course = Course::new(None);
    for _ in 0..3 {
        assert!(course.lost(Retry::Doubtful).is_ok());
        course.tries();
        course.up();
    }
}

#[test]
fn a_change_of_the_network_brings_the_next_try_forward_once_it_has_settled() {
    let mut course = Course::new(None);
    for _ in 0..8 {
        course.lost(Retry::Yes).unwrap();
        course.tries();
    }
    assert_about(course.passes(seconds(10)).lost(Retry::Yes).unwrap(), 60);
    let changed = course.passes(seconds(5)).now;
    course.hurry();
    assert_eq!(course.reconnect.next_try(), Some(changed + SETTLE));
    // what comes later does not put it off
    course.passes(Duration::from_millis(300)).hurry();
    assert_eq!(course.reconnect.next_try(), Some(changed + SETTLE));
    course.tries();
    assert_about(course.passes(Duration::from_millis(1)).lost(Retry::Yes).unwrap(), 60);
}

#[test]
fn a_network_that_comes_and_goes_is_tried_every_three_seconds_at_most() {
    let mut course = Course::new(None);
    let mut tries = 0;
    course.lost(Retry::Yes).unwrap();
    while course.now - course.start < seconds(60) {
        if course.reconnect.next_try().is_some_and(|next| next <= course.now) {
            course.tries();
            tries += 1;
            course.lost(Retry::Yes).unwrap();
        }
        course.passes(Duration::from_millis(100)).hurry();
    }
    assert!((15..=22).contains(&tries), "{tries} tries in a minute");
}

#[test]
fn a_try_that_began_on_another_network_is_followed_by_one_on_this() {
    let mut course = Course::new(None);
    for _ in 0..8 {
        course.lost(Retry::Yes).unwrap();
        course.tries();
    }
    // the network changes, and the try waits in vain
    course.passes(seconds(2)).hurry();
    assert_eq!(course.passes(seconds(13)).lost(Retry::Yes), Ok(Duration::ZERO));
    // nothing has changed since this one began
    course.tries();
    assert_about(course.passes(seconds(13)).lost(Retry::Yes).unwrap(), 60);
}

#[test]
fn a_tunnel_that_the_network_takes_with_it_comes_back_at_once() {
    let mut course = Course::new(None);
    course.passes(seconds(3600)).hurry();
    assert_eq!(course.lost(Retry::Yes), Ok(SETTLE));

    let mut course = Course::new(None);
    course.passes(seconds(3600)).hurry();
    assert_about(course.passes(seconds(6)).lost(Retry::Yes).unwrap(), 1);
}

#[test]
fn the_last_try_begins_where_the_limit_is() {
    let mut course = Course::new(Some(seconds(30)));
    course.passes(seconds(3600));
    let mut last = Duration::ZERO;
    while course.lost(Retry::Yes).is_ok() {
        last = course.tries();
    }
    assert_eq!(last, seconds(3630));
    assert_eq!(course.reconnect.next_try(), None);

    // a tunnel that was up in between, however shortly, was not lost for so long
    let mut course = Course::new(Some(seconds(30)));
    course.lost(Retry::Yes).unwrap();
    course.passes(seconds(29)).tries();
    course.up();
    course.passes(seconds(2));
    assert!(course.lost(Retry::Yes).is_ok());
    course.passes(seconds(31));
    assert_eq!(course.lost(Retry::Yes), Err(GiveUp::TooLong(seconds(30))));
}
