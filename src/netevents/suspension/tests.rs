use tokio::runtime;
use tokio::time::timeout;

use super::*;

fn on_runtime<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
}

#[test]
fn each_suspension_is_told_of_once() {
    on_runtime(|| async {
        let mut suspension = Suspension::watch().unwrap();
        assert_eq!(suspension.look(), None);
        let start = suspension.counted;
        let seconds = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(suspension.count(seconds(3600)), Some(Duration::from_secs(3600)));
        assert_eq!(suspension.count(seconds(3600)), None);
        assert_eq!(suspension.count(seconds(3600) + Duration::from_millis(900)), None, "that is none");
        assert_eq!(suspension.count(seconds(3605)), Some(Duration::from_secs(5)));
        assert_eq!(suspension.count(seconds(3604)), None, "no clock goes back");
    });
}

#[test]
fn a_clock_that_goes_on_wakes_nobody() {
    on_runtime(|| async {
        let suspension = Suspension::watch().unwrap();
        assert!(timeout(Duration::from_millis(200), suspension.time_jumps()).await.is_err());
        assert!(suspension.timer.get_ref().0.get().unwrap().is_some(), "the timer is not set");
    });
}
