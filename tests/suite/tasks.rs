//! Leaving waits for what runs, and what the process cannot be without is missed at once.

use std::time::Duration;

use frontdesk::platform::{clock::Clock, tasks::Tasks};

#[tokio::test(start_paused = true)]
async fn leaving_waits_for_what_runs() {
    let tasks = Tasks::new();
    let worker = tasks.clone();
    tasks.spawn(async move {
        worker.leaving().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
    });
    let watch = Clock::system().stopwatch();
    tasks.leave();
    tasks.ended().await;
    assert_eq!(watch.elapsed(), Duration::from_secs(3));
    assert_eq!(tasks.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_vital_task_that_ends_or_panics_is_missed() {
    let tasks = Tasks::new();
    tasks.spawn_vital("listener", async { Err("the port is gone") });
    assert_eq!(tasks.fallen().await, "listener");

    let tasks = Tasks::new();
    tasks.spawn_vital("worker", async {
        assert!(std::hint::black_box(false), "a worker fell");
        Ok::<(), &str>(())
    });
    assert_eq!(tasks.fallen().await, "worker");
}

#[tokio::test(start_paused = true)]
async fn a_vital_task_that_ends_when_asked_to_is_not_missed() {
    let tasks = Tasks::new();
    let worker = tasks.clone();
    tasks.spawn_vital("worker", async move {
        worker.stopping().await;
        Ok::<(), &str>(())
    });
    tasks.stop();
    tasks.ended().await;
    assert!(tokio::time::timeout(Duration::from_secs(60), tasks.fallen()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_ordinary_task_that_panics_ends_alone() {
    let tasks = Tasks::new();
    let fell = tasks.spawn(async { assert!(std::hint::black_box(false), "one call fell") });
    assert!(fell.await.is_err());
    assert!(tokio::time::timeout(Duration::from_secs(60), tasks.fallen()).await.is_err());
}
