//! How vendors are asked: few at a time, patiently, and not at all for a while.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use frontdesk::{
    calendars::{
        Error,
        manners::{FAILURES_MAX, Manners, REST, Repeat},
    },
    domain::time::Timestamp,
    platform::clock::Clock,
};
use futures_util::future::join_all;

use super::access;

/// Manners on a clock that stands still but for those who wait.
fn manners() -> Manners {
    Manners::new(Clock::showing(Timestamp(1_800_000_000_000_000)), NonZeroUsize::new(4).unwrap())
}

#[tokio::test(start_paused = true)]
async fn four_requests_of_a_mailbox_are_in_the_air_at_once() {
    let (manners, who) = (manners(), access("token"));
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let ask = || {
        manners.ask(&who, None, Duration::from_secs(60), Repeat::Never, || async {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })
    };
    assert!(join_all((0..20).map(|_| ask())).await.iter().all(Result::is_ok));
    assert_eq!(most.load(Ordering::SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_keeps_failing_rests_and_is_asked_again() {
    let (manners, who) = (manners(), access("token"));
    let patience = Duration::from_secs(1);
    let away = || async { Err::<(), _>(Error::Away(None)) };
    for _ in 0..FAILURES_MAX {
        let answer = manners.ask(&who, None, patience, Repeat::Never, away).await;
        assert!(matches!(answer, Err(Error::Away(_))));
    }
    let asked = AtomicUsize::new(0);
    let fine = || async {
        asked.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    let resting = manners.ask(&who, None, patience, Repeat::Never, fine).await;
    assert!(matches!(resting, Err(Error::Resting { wait }) if wait <= REST), "{resting:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    tokio::time::sleep(REST).await;
    manners.ask(&who, None, patience, Repeat::Never, fine).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_time_is_left_alone_for_it() {
    let (manners, who) = (manners(), access("token"));
    let told = Some(Duration::from_secs(30));
    let busy = || async { Err::<(), _>(Error::TooMany { retry_after: told }) };
    let answer = manners.ask(&who, None, Duration::from_secs(5), Repeat::Safely, busy).await;
    assert!(matches!(answer, Err(Error::TooMany { .. })), "{answer:?}");
    let fine = || async { Ok(()) };
    tokio::time::sleep(Duration::from_secs(29)).await;
    let early = manners.ask(&who, None, Duration::from_secs(5), Repeat::Safely, fine).await;
    assert!(matches!(early, Err(Error::Resting { .. })), "{early:?}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    manners.ask(&who, None, Duration::from_secs(5), Repeat::Safely, fine).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_patience_they_have() {
    let (manners, who) = (manners(), access("token"));
    let watch = tokio::time::sleep(Duration::from_secs(3));
    let never = || std::future::pending::<Result<(), Error>>();
    let asked = manners.ask(&who, None, Duration::from_secs(2), Repeat::Safely, never);
    tokio::select! {
        biased;
        answer = asked => assert!(matches!(answer, Err(Error::Away(None))), "{answer:?}"),
        () = watch => panic!("it waited longer"),
    }
}
