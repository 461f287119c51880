//! How long a tunnel may take until it is up.

use std::future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::{Failure, TunnelState};

/// Is ready when the tunnel has taken so long and is not up; never, where it comes up or ends before. Time in which a person
/// is asked does not count: the server bounds that.
pub(super) async fn passed(limit: Option<Duration>, mut state: watch::Receiver<TunnelState>) -> Failure {
    let Some(limit) = limit else { return future::pending().await };
    let mut left = limit;
    loop {
        let began = Instant::now();
        let current = state.borrow_and_update().clone();
        let changed = match current {
            TunnelState::Up(_) | TunnelState::Reconnecting { .. } | TunnelState::Down(_) => {
                return future::pending().await;
            }
            TunnelState::Asking(_) => state.changed().await,
            TunnelState::Starting(phase) => {
                let Ok(changed) = timeout(left, state.changed()).await else {
                    return Failure::ConnectTimeout { after: limit, phase };
                };
                left = left.saturating_sub(began.elapsed());
                changed
            }
        };
        if changed.is_err() {
            return future::pending().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::session::{self, Question};
    use crate::tunnel::Phase;

    fn asking() -> TunnelState {
        TunnelState::Asking(Question::OneTimeCode { text: String::new() })
    }

    const TENTH: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn the_time_of_questions_does_not_count() {
        let (publisher, state) = watch::channel(TunnelState::Starting(Phase::Resolve));
        let start = Instant::now();
        let watching = tokio::spawn(passed(Some(10 * TENTH), state));
        sleep(4 * TENTH).await;
        publisher.send_replace(asking());
        sleep(10 * TENTH).await;
        publisher.send_replace(TunnelState::Starting(Phase::Session(session::Phase::Authentication)));
        let failure = watching.await.unwrap();
        assert!((18 * TENTH..40 * TENTH).contains(&start.elapsed()), "{:?}", start.elapsed());
        let text = "the connection was not up within 1 s, as its setting connect-timeout wants; the time ran out during \
                    authentication";
        assert_eq!(failure.to_string(), text);
    }

    #[tokio::test]
    async fn it_never_passes_for_what_is_down_or_has_no_limit() {
        let (publisher, state) = watch::channel(TunnelState::Starting(Phase::Resolve));
        let unlimited = tokio::spawn(passed(None, state.clone()));
        let limited = tokio::spawn(passed(Some(3 * TENTH), state));
        sleep(TENTH).await;
        publisher.send_replace(TunnelState::Down(None));
        sleep(5 * TENTH).await;
        assert!(!unlimited.is_finished() && !limited.is_finished());
    }
}
