//! What has been kept for long enough goes; what has not stays.

use frontdesk::{
    domain::{forgetting::Retention, time::Timestamp},
    platform::clock::Clock,
    store::{Store, Work},
};
use reqwest::Method;
use serde_json::json;

use super::{
    ground::{CANARY, NUMBER, OTHER, OTHER_NUMBER},
    on_both_grounds,
};
use crate::support::office::sent;

fn days_ago(days: i64) -> Timestamp {
    Clock::system().now().plus_minutes(-days * 24 * 60)
}

on_both_grounds! {
    async fn a_recording_goes_after_thirty_days_and_its_call_stays(ground: Ground) {
        let old = ground.somebody("old", CANARY, NUMBER, 1, days_ago(31)).await;
        let young = ground.somebody("young", OTHER, OTHER_NUMBER, 2, days_ago(29)).await;
        ground.forgetting(Clock::system()).purge(&ground.practice.tenant.id).await.unwrap();
        let listen = async |call: &str| ground.owner.request(Method::GET, &format!("/api/calls/{call}/recording")).send().await.unwrap().status();
        assert_eq!(listen(old.call.as_str()).await, 404);
        assert_eq!(listen(young.call.as_str()).await, 200);
        let blobs = ground.blobs();
        assert!(!blobs.iter().any(|name| name.contains(old.call.as_str())), "{blobs:?}");
        assert!(blobs.iter().any(|name| name.contains(young.call.as_str())), "{blobs:?}");
        let kept = ground.owner.get(&format!("/api/calls/{}", old.call)).await.well();
        assert_eq!(kept["turns"][0]["text"], CANARY, "its words are kept for longer");
        assert_eq!(kept["recorded"], false);
        // Run once more, and with the blobs gone, it finds nothing to do.
        std::fs::remove_dir_all(ground.office.house.path("blobs")).unwrap();
        ground.forgetting(Clock::system()).purge(&ground.practice.tenant.id).await.unwrap();
        ground.office.server.stop().await;
    }

    async fn words_calls_messages_appointments_and_people_go_each_in_their_time(ground: Ground) {
        let owner = &ground.owner;
        let old = ground.somebody("old", CANARY, NUMBER, 1, days_ago(91)).await;
        let forgetting = ground.forgetting(Clock::system());
        let tenant = &ground.practice.tenant.id;
        forgetting.purge(tenant).await.unwrap();
        let path = format!("/api/calls/{}", old.call);
        let kept = owner.get(&path).await.well();
        assert_eq!(kept["turns"], json!([]));
        assert!(kept["summary"].is_null(), "{kept}");
        assert_eq!(kept["from"], NUMBER, "that there was a call is kept for longer");
        assert_eq!(owner.get(&format!("/api/search/calls?q={CANARY}")).await.well()["items"], json!([]));
        assert!(ground.blobs().is_empty(), "the sound of messages goes with the words of calls");
        let message = owner.get("/api/messages/msg_old").await.well();
        assert_eq!(message["text"], CANARY);
        // A tenant says for how long.
        let shorter = json!({ "recordings": 10, "transcripts": 20, "messages": 30, "calls": 40 });
        owner.patch("/api/retention", shorter).await.well();
        forgetting.purge(tenant).await.unwrap();
        assert_eq!(owner.get("/api/messages/msg_old").await.status, 404);
        assert_eq!(owner.get(&path).await.status, 404);
        assert_eq!(owner.get("/api/appointments/apt_old").await.status, 200);
        assert_eq!(owner.get(&format!("/api/contacts/{}", old.contact)).await.status, 200);
        owner.patch("/api/retention", json!({ "appointments": 40, "contacts": 91 })).await.well();
        forgetting.purge(tenant).await.unwrap();
        assert_eq!(owner.get("/api/appointments/apt_old").await.status, 404);
        // The attempt that still waits keeps a number, not the person.
        assert_eq!(owner.get(&format!("/api/contacts/{}", old.contact)).await.status, 404);
        ground.office.server.stop().await;
    }

    async fn retention_has_bounds_a_state_and_an_entry_in_the_log(ground: Ground) {
        let owner = &ground.owner;
        let first = owner.get("/api/retention").await;
        let tag = first.header("ETag").unwrap().to_owned();
        let usual = Retention::default();
        assert_eq!(first.clone().well()["recordings"], usual.recordings);
        assert_eq!(first.well()["transcripts"], 90);
        for (wrong, at) in [
            (json!({ "recordings": 0 }), "/recordings"),
            (json!({ "contacts": 3_651 }), "/contacts"),
            (json!({ "transcripts": 366 }), "/transcripts"),
            (json!({ "by_caller": "never" }), "/by_caller"),
        ] {
            let refused = owner.patch("/api/retention", wrong.clone()).await;
            assert_eq!((refused.status, refused.pointers()), (422, vec![at]), "{wrong}");
        }
        let change = async |days: u32| {
            let request = owner.request(Method::PATCH, "/api/retention").header("If-Match", &tag);
            sent(request.json(&json!({ "recordings": days }))).await
        };
        let changed = change(7).await;
        assert_eq!(changed.well()["recordings"], 7);
        assert_eq!(change(8).await.status, 412, "somebody else has changed it");
        let told = owner.get("/api/audit?subject=retention").await.well();
        assert_eq!(told["items"][0]["action"], "retention.changed");
        let admin = ground.office.member(owner, "someone", "admin").await;
        assert_eq!(admin.get("/api/retention").await.status, 200);
        assert_eq!(admin.patch("/api/retention", json!({ "recordings": 9 })).await.status, 403);
        ground.office.server.stop().await;
    }

    async fn nothing_is_purged_on_the_first_day_and_then_every_hour(ground: Ground) {
        let store = &ground.office.server.store;
        let now = Clock::system().now();
        let look = async |minutes: i64| {
            frontdesk::app::forgetting::look_after(store, now.plus_minutes(minutes)).await.unwrap();
            waits(store, now.plus_minutes(minutes)).await
        };
        assert!(!look(0).await, "whoever has just come has a day to say for how long");
        assert!(!look(23 * 60).await);
        assert!(look(25 * 60).await);
        assert!(!look(25 * 60 + 30).await);
        assert!(look(26 * 60 + 1).await);
        ground.office.server.stop().await;
    }
}

/// Whether a purge is due; it is taken off the queue.
async fn waits(store: &Store, now: Timestamp) -> bool {
    let taken = store.across_tenants().take_jobs(now, now, 100, frontdesk::store::Lane::Slow).await.unwrap();
    let mut found = false;
    for job in taken {
        found |= job.work == Work::Purge;
        let mut tx = store.begin(&job.tenant).await.unwrap();
        tx.jobs().done(&job).await.unwrap();
        tx.commit().await.unwrap();
    }
    found
}
