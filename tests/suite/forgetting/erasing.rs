//! Somebody who is to be forgotten is: nothing of them is left in any table, index or blob, byte by byte; others stay.

use std::{collections::BTreeSet, task::Poll};

use frontdesk::{
    app::{
        forgetting::Forgetting,
        outgoing::dialling::{Dialled, Dialler},
    },
    domain::{
        booking::Appointment,
        calendar::{Clash, ClashKind, Vendor},
        forgetting::{Counts, Erasure, ErasureState, Person},
        id::TenantId,
        outgoing::{Ending, Outgoing, OutgoingSettings, OutgoingState},
        phone::E164,
        time::Timestamp,
    },
    platform::clock::Clock,
    store::Store,
};
use reqwest::Method;
use serde_json::json;

use super::{
    ground::{CANARY, Ground, NUMBER, OTHER, OTHER_NUMBER},
    on_both_grounds,
};
use crate::support::{
    agenda::{self, Agenda},
    office::sent,
};

/// A word of the tenant's, in everything that is a tenant's.
const OWN: &str = "rotkehlchenpraxis";

on_both_grounds! {
    async fn of_somebody_who_is_forgotten_nothing_is_left_anywhere(ground: Ground) {
        let now = Clock::system().now();
        let somebody = ground.somebody("somebody", CANARY, NUMBER, 1, now.plus_minutes(-600)).await;
        let other = ground.somebody("other", OTHER, OTHER_NUMBER, 2, now.plus_minutes(-600)).await;
        let owner = &ground.owner;
        // Copies with them in it go, too.
        let export = owner.post("/api/exports", json!({ "everything": true })).await.well();
        let export = format!("/api/exports/{}", export["id"].as_str().unwrap());
        ground.done(owner, &export).await;
        assert_eq!(ground.found(&[CANARY, OTHER], &[CANARY, OTHER]).await.len(), 2, "what is looked for can be found");
        let erasure = owner.post("/api/erasures", json!({ "number": "+49 151 70707099" })).await;
        assert_eq!(erasure.status, 202);
        let path = format!("/api/erasures/{}", erasure.well()["id"].as_str().unwrap());
        let receipt = ground.done(owner, &path).await;
        assert_eq!(receipt["digits"], "99");
        for table in ["contacts", "calls", "turns", "tool_calls", "call_summaries", "recordings", "transfers", "messages",
            "appointments", "appointment_history", "booking_requests", "outgoing_calls", "campaign_entries", "exports",
            "clashes", "waiting_list", "contact_pins", "imported_turns", "transcript_imports", "call_tags"]
        {
            assert!(receipt["counts"][table].as_u64() > Some(0), "{table}: {receipt}");
        }
        assert!(!receipt.to_string().contains(NUMBER), "{receipt}");
        let words = [CANARY, NUMBER, somebody.contact.as_str(), OTHER, OTHER_NUMBER];
        let left = ground.found(&words, &[OTHER, OTHER_NUMBER]).await;
        assert_eq!(left, BTreeSet::from([OTHER.to_owned(), OTHER_NUMBER.to_owned()]), "0 left of one, all of the other");
        assert!(!ground.blobs().iter().any(|name| name.contains("somebody") || name.starts_with("exports/")));
        assert_eq!(owner.get(&export).await.status, 404);
        assert_eq!(owner.get(&format!("/api/calls/{}", somebody.call)).await.status, 404);
        assert_eq!(owner.get(&format!("/api/search/calls?q={CANARY}")).await.well()["items"], json!([]));
        let stays = owner.get(&format!("/api/calls/{}", other.call)).await.well();
        assert_eq!(stays["turns"][0]["text"], OTHER);
        assert_eq!(stays["imported_transcript"]["turns"][0]["text"], OTHER);
        let mut tx = ground.office.server.store.read(&ground.practice.tenant.id).await.unwrap();
        assert!(matches!(tx.audit().verify().await.unwrap(), Ok(entries) if entries > 0), "the log holds");
        drop(tx);
        ground.office.server.stop().await;
    }

    async fn whoever_does_not_want_to_be_called_is_not_called_when_forgotten(ground: Ground) {
        let now = Clock::system().now();
        ground.somebody("somebody", CANARY, NUMBER, 1, now.plus_minutes(-600)).await;
        ground.opt_out(NUMBER).await;
        let owner = &ground.owner;
        let erasure = owner.post("/api/erasures", json!({ "contact": "con_somebody" })).await.well();
        ground.done(owner, &format!("/api/erasures/{}", erasure["id"].as_str().unwrap())).await;
        let kept = owner.get("/api/opt-outs").await.well();
        assert_eq!(kept["items"][0]["number"], NUMBER);
        assert!(kept["items"][0]["call"].is_null(), "of how they said so, nothing: {kept}");
        assert_eq!(ground.found(&[CANARY], &[]).await, BTreeSet::new());
        let store = &ground.office.server.store;
        let number: E164 = NUMBER.parse().unwrap();
        let mut tx = store.read(&ground.practice.tenant.id).await.unwrap();
        assert!(tx.opt_outs().of(&number).await.unwrap().is_some());
        drop(tx);
        ground.office.server.stop().await;
    }

    async fn a_call_in_the_air_is_waited_for_and_what_was_done_stays_done(ground: Ground) {
        let now = Clock::system().now();
        ground.somebody("somebody", CANARY, NUMBER, 1, now.plus_minutes(-600)).await;
        let (store, tenant) = (&ground.office.server.store, &ground.practice.tenant.id);
        let mut call = ground.practice.new_call(7);
        call.from = Some(NUMBER.parse().unwrap());
        let mut tx = store.begin(tenant).await.unwrap();
        tx.calls().ring(&call, now).await.unwrap();
        tx.commit().await.unwrap();
        let owner = &ground.owner;
        let erasure = owner.post("/api/erasures", json!({ "number": NUMBER })).await.well();
        let path = format!("/api/erasures/{}", erasure["id"].as_str().unwrap());
        let id = erasure["id"].as_str().unwrap().parse().unwrap();
        let forgetting = ground.forgetting(Clock::system());
        assert!(matches!(forgetting.erase(tenant, &id, 1).await, Err(frontdesk::app::Error::Later { .. })));
        assert_eq!(owner.get("/api/messages/msg_somebody").await.status, 404);
        assert_eq!(owner.get(&path).await.well()["state"], "running");
        frontdesk::app::calls::refused(store, tenant, &call.id, now).await.unwrap();
        forgetting.erase(tenant, &id, 2).await.unwrap();
        assert_eq!(owner.get(&path).await.well()["state"], "done");
        assert_eq!(ground.found(&[CANARY, NUMBER], &[]).await, BTreeSet::new());
        ground.office.server.stop().await;
    }

    async fn an_erasure_that_is_killed_anywhere_is_finished_by_whoever_comes_next(ground: Ground) {
        const KILLS_MAX: u32 = 40;
        let (store, tenant) = (&ground.office.server.store, &ground.practice.tenant.id);
        let (mut numbers, mut kills) = (vec![], 0);
        // Further on each time, until one ends before it is killed.
        for kill in 1..=KILLS_MAX {
            let now = Clock::system().now();
            let (name, number) = (format!("p{kill}"), format!("+49151707072{kill:02}"));
            ground.somebody(&name, CANARY, &number, 10 + kill, now.plus_minutes(-600)).await;
            let erasure = Erasure {
                id: format!("era_{name}").parse().unwrap(),
                person: Some(Person::Number(number.parse().unwrap())),
                digits: "00".to_owned(),
                state: ErasureState::Running,
                asked_by: "usr_1".to_owned(),
                asked: now,
                approved_by: None,
                ended: None,
                counts: Counts::new(),
            };
            let mut tx = store.begin(tenant).await.unwrap();
            tx.forgetting().add_erasure(&erasure).await.unwrap();
            tx.commit().await.unwrap();
            let steps = kill * kill;
            // Whoever is killed takes their connections along.
            let store_of_its_own = Store::open(&ground.office.house.config().database).await.unwrap();
            let forgetting = Forgetting { store: store_of_its_own, ..ground.forgetting(Clock::system()) };
            let ended = stopped_after(steps, forgetting.erase(tenant, &erasure.id, 1)).await;
            kills += u32::from(ended.is_none());
            forgetting.store.close().await;
            ground.forgetting(Clock::system()).erase(tenant, &erasure.id, 2).await.unwrap();
            let mut tx = store.read(tenant).await.unwrap();
            let receipt = tx.forgetting().erasure(&erasure.id).await.unwrap().unwrap();
            assert_eq!((receipt.state, receipt.person), (ErasureState::Done, None), "after {steps} steps");
            numbers.push(number);
            if ended.is_some() {
                break;
            }
        }
        assert!((4..KILLS_MAX).contains(&kills), "killed {kills} times, and once not");
        let mut words = vec![CANARY];
        words.extend(numbers.iter().map(String::as_str));
        assert_eq!(ground.found(&words, &[]).await, BTreeSet::new());
        assert!(ground.blobs().is_empty(), "{:?}", ground.blobs());
        ground.office.server.stop().await;
    }

    async fn an_appointment_in_whose_place_another_stood_makes_room_for_it(ground: Ground) {
        let now = Clock::system().now();
        // Their appointments are hours ahead, one after the other.
        ground.somebody("somebody", CANARY, NUMBER, 20, now.plus_minutes(-600)).await;
        let other = ground.somebody("other", OTHER, OTHER_NUMBER, 21, now.plus_minutes(-600)).await;
        let (store, tenant) = (&ground.office.server.store, &ground.practice.tenant.id);
        let mut tx = store.begin(tenant).await.unwrap();
        let first = tx.appointments().get(&"apt_somebody".parse().unwrap()).await.unwrap().unwrap();
        let moved = Appointment {
            id: "apt_moved".parse().unwrap(),
            contact: Some(other.contact.parse().unwrap()),
            clashing: true,
            ..first
        };
        tx.appointments().insert(&moved, None, now).await.unwrap();
        let clash = Clash {
            id: "cls_moved".parse().unwrap(),
            appointment: moved.id.clone(),
            calendar: None,
            event: None,
            what: ClashKind::MovedOntoAnother,
            found: now,
            settled: None,
        };
        tx.clashes().add(&clash).await.unwrap();
        tx.commit().await.unwrap();
        let erasure = ground.owner.post("/api/erasures", json!({ "number": NUMBER })).await.well();
        ground.done(&ground.owner, &format!("/api/erasures/{}", erasure["id"].as_str().unwrap())).await;
        let mut tx = store.read(tenant).await.unwrap();
        assert!(!tx.appointments().get(&moved.id).await.unwrap().unwrap().clashing);
        assert!(tx.clashes().get(&clash.id).await.unwrap().unwrap().settled.is_some());
        drop(tx);
        ground.office.server.stop().await;
    }

    async fn how_often_somebody_was_called_outlives_who_they_are_for_a_week(ground: Ground) {
        let now = Clock::system().now();
        let (server, tenant) = (&ground.office.server, &ground.practice.tenant.id);
        ground.somebody("somebody", CANARY, NUMBER, 1, now.plus_minutes(-600)).await;
        let settings = OutgoingSettings {
            consent: Some("asked at the first visit".to_owned()),
            countries: vec!["DE".to_owned()],
            number: Some(ground.practice.number.id.clone()),
            ..OutgoingSettings::default()
        };
        let mut tx = server.store.begin(tenant).await.unwrap();
        tx.outgoing().set(&settings).await.unwrap();
        let waiting = tx.outgoing().get(&"out_somebody".parse().unwrap()).await.unwrap().unwrap();
        for days in [1, 2, 3] {
            let asked = now.plus_minutes(-days * 24 * 60);
            let one = Outgoing { id: format!("out_before{days}").parse().unwrap(), ..waiting.clone() };
            assert!(tx.outgoing().add(&one, None, "usr_1").await.unwrap());
            tx.outgoing().ask(&one.id, asked, "AC1", asked).await.unwrap();
            tx.outgoing().end(&one.id, OutgoingState::Over, Ending::NoAnswer, asked, None).await.unwrap();
        }
        tx.commit().await.unwrap();
        let erasure = ground.owner.post("/api/erasures", json!({ "number": NUMBER })).await.well();
        ground.done(&ground.owner, &format!("/api/erasures/{}", erasure["id"].as_str().unwrap())).await;
        assert_eq!(ground.found(&[CANARY, NUMBER], &[]).await, BTreeSet::new(), "the number stands nowhere");
        // Somebody wants them called again, tomorrow and next week, at noon.
        let dialler = Dialler { store: server.store.clone(), accounts: server.accounts.clone() };
        let noon = |days: i64| Timestamp((now.0 / DAY + days) * DAY + DAY / 2);
        let mut problems = vec![];
        for (n, number, days) in [(1, NUMBER, 1), (2, OTHER_NUMBER, 1), (3, NUMBER, 9)] {
            let id = format!("out_again{n}").parse().unwrap();
            let again = Outgoing { id, to: number.parse().unwrap(), due: noon(days), ..waiting.clone() };
            let mut tx = server.store.begin(tenant).await.unwrap();
            assert!(tx.outgoing().add(&again, None, "usr_1").await.unwrap());
            tx.commit().await.unwrap();
            assert_eq!(dialler.dial_next(tenant, noon(days)).await.unwrap(), Dialled::Something);
            let mut tx = server.store.read(tenant).await.unwrap();
            let found = tx.outgoing().get(&again.id).await.unwrap().unwrap();
            problems.push((number, days, found.problem.as_deref() == Some("it may not be made before"), found.due));
            drop(tx);
            let mut tx = server.store.begin(tenant).await.unwrap();
            tx.outgoing().cancel(&again.id, now).await.unwrap();
            tx.commit().await.unwrap();
        }
        let put_off: Vec<bool> = problems.iter().map(|(_, _, put_off, _)| *put_off).collect();
        assert_eq!(put_off, [true, false, false], "{problems:?}");
        // The third attempt of the week was three days ago.
        assert!(problems[0].3 > now.plus_minutes(3 * 24 * 60), "{problems:?}");
        ground.forgetting(Clock::showing(now.plus_minutes(8 * 24 * 60))).purge(tenant).await.unwrap();
        assert!(server.store.read(tenant).await.unwrap().forgetting().digest_key().await.unwrap().is_none());
        ground.office.server.stop().await;
    }

    async fn of_a_tenant_that_is_forgotten_only_the_operators_receipt_is_left(ground: Ground) {
        let now = Clock::system().now();
        ground.somebody("somebody", CANARY, NUMBER, 1, now.plus_minutes(-600)).await;
        let owner = &ground.owner;
        let tenant = owner.tenant().to_owned();
        // The tenant's own words, through its own doors.
        owner.patch(&format!("/api/tenants/{tenant}"), json!({ "name": OWN })).await.well();
        owner.post("/api/resources", json!({ "name": OWN })).await.well();
        owner.post("/api/api-keys", json!({ "name": OWN, "scopes": ["tenant:read"] })).await.well();
        owner.post("/api/invitations", json!({ "email": format!("{OWN}@staff.example"), "role": "viewer" })).await.well();
        owner.post("/api/exports", json!({ "number": NUMBER })).await.well();
        let member = ground.office.member(owner, OWN, "viewer").await;
        let neighbour = ground.office.owner("neighbour").await;
        neighbour.post("/api/contacts", json!({ "name": OTHER, "number": OTHER_NUMBER })).await.well();
        let operator = ground.office.operator("operator").await;
        let path = format!("/api/tenants/{tenant}/erasure");
        let slug = |slug: &str| json!({ "slug": slug });
        assert_eq!(member.post(&path, slug("praxis")).await.status, 403);
        assert_eq!(neighbour.post(&path, slug("praxis")).await.status, 404);
        assert_eq!(owner.post(&path, slug("praxi")).await.pointers(), ["/slug"]);
        assert_eq!(owner.post(&path, slug("praxis")).await.status, 202);
        let receipt = until_forgotten(&operator, &tenant).await;
        assert!(receipt["counts"]["turns"].as_u64() > Some(0), "{receipt}");
        assert!(receipt["counts"]["users"].as_u64() > Some(0), "{receipt}");
        assert_eq!(owner.get("/api/contacts").await.status, 401, "nobody of it is anybody");
        let words = [CANARY, NUMBER, OWN, "owner@praxis.example", OTHER];
        assert_eq!(ground.found(&words, &[OTHER]).await, BTreeSet::from([OTHER.to_owned()]));
        assert!(ground.blobs().is_empty(), "{:?}", ground.blobs());
        let id: TenantId = tenant.parse().unwrap();
        let tenants = ground.office.server.store.across_tenants().tenants().await.unwrap();
        assert!(tenants.iter().all(|one| one.id != id) && tenants.len() == 1);
        assert_eq!(neighbour.get("/api/contacts").await.well()["items"][0]["name"], OTHER);
        ground.office.server.stop().await;
    }
}

/// A day, in microseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// Does some work until it has been looked at so often, and drops it then: as if whoever does it were killed. What came of it
/// if it ended before.
async fn stopped_after<T>(steps: u32, work: impl Future<Output = T>) -> Option<T> {
    let (mut work, mut taken) = (Box::pin(work), 0);
    let ended = std::future::poll_fn(|context| {
        if taken == steps {
            return Poll::Ready(None);
        }
        taken += 1;
        work.as_mut().poll(context).map(Some)
    });
    ended.await
}

pub(super) async fn until_forgotten(
    operator: &crate::support::office::Asker,
    tenant: &str,
) -> serde_json::Value {
    for _ in 0..1_200 {
        let all = operator.get("/api/tenant-erasures").await.well();
        let found =
            all["items"].as_array().unwrap().iter().find(|one| one["tenant"] == tenant).unwrap().clone();
        if found["state"] == "done" {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{tenant} is never forgotten");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_into_a_calendar_outside_is_taken_back() {
    let outside = Agenda::open(Vendor::Google).await;
    let free = outside.free(2).await;
    let booked = outside.book(&free[20]).await;
    outside.until_stands(&agenda::id(&booked), "confirmed").await;
    assert_eq!(outside.standing().len(), 1);
    let erasure = outside.owner.post("/api/erasures", json!({ "contact": outside.contact })).await.well();
    let path = format!("/api/erasures/{}", erasure["id"].as_str().unwrap());
    outside
        .until("they are forgotten", async || outside.owner.get(&path).await.well()["state"] == "done")
        .await;
    assert!(outside.standing().is_empty(), "{:?}", outside.standing());
    assert_eq!(outside.owner.get(&format!("/api/contacts/{}", outside.contact)).await.status, 404);
    assert_eq!(outside.owner.get(&format!("/api/appointments/{}", agenda::id(&booked))).await.status, 404);
    assert!(outside.owner.get(&path).await.well()["counts"].get("events_left").is_none());
    assert!(outside.free(2).await.contains(&free[20]), "the time can be had again");
    outside.office.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_sets_things_up_has_people_forgotten() {
    let ground = Ground::on_sqlite().await;
    let owner = &ground.owner;
    for (wrong, at) in [
        (json!({}), ""),
        (json!({ "number": NUMBER, "contact": "con_praxis" }), ""),
        (json!({ "number": "nobody" }), "/number"),
        (json!({ "contact": "con_nobody" }), "/contact"),
    ] {
        let refused = owner.post("/api/erasures", wrong.clone()).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![at]), "{wrong}");
    }
    let member = ground.office.member(owner, "someone", "member").await;
    assert_eq!(member.post("/api/erasures", json!({ "number": NUMBER })).await.status, 403);
    assert_eq!(member.post("/api/exports", json!({ "number": NUMBER })).await.status, 403);
    let admin = ground.office.member(owner, "someone", "admin").await;
    assert_eq!(admin.post("/api/exports", json!({ "everything": true })).await.status, 403);
    assert_eq!(sent(admin.request(Method::POST, "/api/erasures/era_nobody/approve")).await.status, 404);
    ground.office.server.stop().await;
}
