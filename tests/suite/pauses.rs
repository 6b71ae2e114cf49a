//! Pauses: the assistant steps back, and callers go to somebody at the business or leave a message.

use frontdesk::{
    app::{
        access::{Actor, Who},
        calls::{self, Ring, Rung},
        pauses::{self, SteppedBack},
        transfers::{self, After, Rang},
    },
    domain::{
        assistant::Language,
        conversation::{CallState, Outcome},
        id::CallId,
        pause::{Pause, UNTIL_TAKEN_BACK},
        phone::E164,
        time::Timestamp,
        transfer::TransferState,
    },
    platform::clock::Clock,
    sim::{
        openai::Manners,
        scenario,
        stage::{Stage, Wanted},
        twilio::{self, Conditions},
    },
    store::{AuditFilter, Store},
};
use serde_json::{Value, json};

use crate::support::{
    databases::on_both,
    house::House,
    office::Office,
    practice::{Practice, at, sid},
};

const MOBILE: &str = "+4917612345678";

fn mobile() -> E164 {
    MOBILE.parse().unwrap()
}

async fn ring_at(
    store: &Store,
    practice: &Practice,
    n: u32,
    now: Timestamp,
    forwarded: Option<E164>,
) -> Rung {
    let new = practice.new_call(n);
    let ring = Ring {
        sid: new.sid,
        account_sid: new.account_sid,
        from: new.from,
        to: new.to,
        attested: false,
        forwarded,
    };
    calls::ring(store, now, ring).await.unwrap()
}

#[track_caller]
fn stepped(rung: Rung) -> SteppedBack {
    let Rung::SteppedBack(stepped) = rung else { panic!("the assistant answers") };
    *stepped
}

/// Pauses the practice's number, or all numbers.
async fn pause(store: &Store, practice: &Practice, everywhere: bool, wanted: Pause) {
    let mut tx = store.begin(&practice.tenant.id).await.unwrap();
    match everywhere {
        true => tx.pauses().put_everywhere(&wanted).await.unwrap(),
        false => tx.pauses().put(&practice.number.id, &wanted).await.unwrap(),
    }
    tx.commit().await.unwrap();
}

async fn outcome(store: &Store, practice: &Practice, call: &CallId) -> (CallState, Option<Outcome>) {
    let kept = calls::load(store, &practice.tenant.id, call).await.unwrap().record;
    (kept.state, kept.outcome)
}

on_both! {
    async fn while_a_number_is_paused_callers_ring_its_fallback_and_after_it_the_assistant(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        pause(store, &practice, false, Pause { until: Some(at(60)), fallback: Some(mobile()) }).await;
        let stepped = stepped(ring_at(store, &practice, 1, at(59), None).await);
        let (transfer, shown) = stepped.rung.unwrap();
        assert_eq!((transfer.number, Some(shown)), (mobile(), practice.contact.number.clone()));
        assert_eq!(transfer.state, TransferState::Ringing);
        // Twilio asks again: the same answer, although the time is over.
        let again = self::stepped(ring_at(store, &practice, 1, at(61), None).await);
        assert_eq!(again.rung.unwrap().0.id, transfer.id);
        assert!(matches!(ring_at(store, &practice, 2, at(60), None).await, Rung::Answer(_)), "its time is over");
        // Somebody takes it.
        let account = format!("AC{:032x}", 1);
        let after = transfers::ended(store, at(62), &transfer.id, &account, Rang::Answered, Some(true), false).await.unwrap();
        assert!(matches!(after, After::Over { state: TransferState::Connected, .. }));
        assert_eq!(outcome(store, &practice, &stepped.call).await, (CallState::Completed, Some(Outcome::Transferred)));
    }

    async fn who_is_not_answered_can_leave_a_message_and_the_call_says_so(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        pause(store, &practice, true, Pause { until: Some(UNTIL_TAKEN_BACK), fallback: Some(mobile()) }).await;
        let stepped = stepped(ring_at(store, &practice, 1, at(0), None).await);
        let (transfer, _) = stepped.rung.unwrap();
        let account = format!("AC{:032x}", 1);
        let after = transfers::ended(store, at(1), &transfer.id, &account, Rang::NoAnswer, None, false).await.unwrap();
        let After::Message { language, state, .. } = after else { panic!("the caller is back with the assistant") };
        assert_eq!((language, state), (Language::German, TransferState::NoAnswer));
        assert_eq!(outcome(store, &practice, &stepped.call).await.1, None, "the caller is still there");
        calls::status(store, at(2), &sid(1), CallState::Completed).await.unwrap();
        assert_eq!(outcome(store, &practice, &stepped.call).await, (CallState::Completed, Some(Outcome::Paused)));
    }

    async fn who_hangs_up_while_the_fallback_rings_has_left(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        pause(store, &practice, true, Pause { until: Some(at(60)), fallback: Some(mobile()) }).await;
        let stepped = stepped(ring_at(store, &practice, 1, at(0), None).await);
        calls::status(store, at(1), &sid(1), CallState::Completed).await.unwrap();
        assert_eq!(outcome(store, &practice, &stepped.call).await.1, Some(Outcome::CallerLeft));
    }

    async fn nobody_is_sent_in_a_circle(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        let caller = practice.contact.number.clone().unwrap();
        pause(store, &practice, false, Pause { until: Some(at(60)), fallback: Some(caller) }).await;
        assert!(stepped(ring_at(store, &practice, 1, at(0), None).await).rung.is_none(), "who calls is not rung");
        pause(store, &practice, false, Pause { until: Some(at(60)), fallback: Some(mobile()) }).await;
        let sent = stepped(ring_at(store, &practice, 2, at(0), Some(mobile())).await);
        assert!(sent.rung.is_none(), "who has sent the caller here is not rung");
        let by = Actor::new(practice.tenant.id.clone(), Who::System("test"));
        let own = Pause { until: None, fallback: Some(practice.number.number.clone()) };
        let refused = pauses::edit(store, &by, at(0), None, |_| Ok(own)).await.unwrap_err();
        assert!(refused.to_string().contains("in a circle"), "{refused}");
    }

    async fn without_a_fallback_of_its_own_a_number_has_the_one_for_all(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        pause(store, &practice, false, Pause { until: Some(at(60)), fallback: None }).await;
        assert!(stepped(ring_at(store, &practice, 1, at(0), None).await).rung.is_none(), "there is only the voicemail");
        pause(store, &practice, true, Pause { until: None, fallback: Some(mobile()) }).await;
        let rung = stepped(ring_at(store, &practice, 2, at(0), None).await).rung.unwrap();
        assert_eq!(rung.0.number, mobile());
    }
}

#[tokio::test]
async fn an_admin_pauses_a_number_or_all_and_it_is_told_in_the_log() {
    let office = Office::open_in(House::new()).await;
    let owner = office.owner("sonne").await;
    let store = &office.server.store;
    let mut practice = Practice::named("sonne");
    let tenant = owner.tenant().parse().unwrap();
    practice.tenant = store.read(&tenant).await.unwrap().tenant().get().await.unwrap().unwrap();
    practice.keep(store).await;
    let path = format!("/api/numbers/{}", practice.number.id);
    let before = owner.get(&path).await;
    assert_eq!(before.body["paused_until"], Value::Null);
    let wanted = json!({ "paused_until": "until_taken_back", "fallback_number": "0049 (176) 1234-5678" });
    let paused = owner.patch(&path, wanted).await;
    assert_ne!(paused.header("etag"), before.header("etag"), "it is another state of the number");
    let paused = paused.well();
    assert_eq!(
        (&paused["paused_until"], &paused["fallback_number"]),
        (&json!("until_taken_back"), &json!(MOBILE))
    );
    assert_eq!(paused["assistant"], before.body["assistant"], "who answers stays");
    let listed = owner.get("/api/numbers").await.well();
    assert_eq!(listed["items"][0]["fallback_number"], MOBILE);
    let stale =
        owner.request(reqwest::Method::PATCH, &path).header("If-Match", before.header("etag").unwrap());
    let stale = crate::support::office::sent(stale.json(&json!({ "paused_until": null }))).await;
    assert_eq!((stale.status, stale.problem()), (412, "stale"));
    let back = owner.patch(&path, json!({ "paused_until": null })).await.well();
    assert_eq!((&back["paused_until"], &back["fallback_number"]), (&Value::Null, &json!(MOBILE)));

    for (wanted, pointer) in [
        (json!({ "paused_until": "tomorrow" }), "/paused_until"),
        (json!({ "paused_until": "2001-01-01T00:00:00Z" }), "/paused_until"),
        (json!({ "fallback_number": "112" }), "/fallback_number"),
        (json!({ "fallback_number": "+49 900 1234567" }), "/fallback_number"),
        (json!({ "fallback_number": "the doctor" }), "/fallback_number"),
    ] {
        for path in [path.as_str(), "/api/pause"] {
            let refused = owner.patch(path, wanted.clone()).await;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{path} {wanted}");
        }
    }
    let everywhere = owner.patch("/api/pause", json!({ "paused_until": "until_taken_back" })).await.well();
    assert_eq!(everywhere, json!({ "paused_until": "until_taken_back", "fallback_number": null }));
    let member = office.member(&owner, "ben", "member").await;
    assert_eq!(member.patch("/api/pause", json!({ "paused_until": null })).await.status, 403);
    assert_eq!(member.get("/api/pause").await.well()["paused_until"], "until_taken_back");
    let mut tx = store.read(&tenant).await.unwrap();
    let told = tx.audit().page(&AuditFilter::default(), None, 200).await.unwrap();
    drop(tx);
    let told: Vec<_> = told.items.iter().filter(|entry| entry.action == "pause.changed").collect();
    assert_eq!(told.len(), 3);
    assert!(
        told.iter().all(|entry| !format!("{:?}", entry.changes).contains("17612345678")),
        "no number in the log"
    );
    office.server.stop().await;
}

#[tokio::test]
async fn twilio_rings_the_fallback_or_takes_a_message_while_the_assistant_has_stepped_back() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Wanted {
        clock: Clock::hurried(5),
        folder: folder.path().to_owned(),
        manners: Manners::default(),
        conditions: Conditions::default(),
        clips: false,
        calendar: None,
        keep_log: false,
        environment: vec![],
    };
    let stage = Stage::set(scenario::named("book", Language::English).unwrap(), wanted).await.unwrap();
    let store = &stage.server.store;
    let form = stage.dial.form(&twilio::sid("CA"), "ringing");
    let to = form.iter().find(|(name, _)| name == "To").unwrap().1.parse().unwrap();
    let (tenant, held) = store.across_tenants().number(&to).await.unwrap().unwrap();
    let pause = async |wanted: Pause| {
        let mut tx = store.begin(&tenant.id).await.unwrap();
        tx.pauses().put(&held.number.id, &wanted).await.unwrap();
        tx.commit().await.unwrap();
    };
    pause(Pause { until: Some(UNTIL_TAKEN_BACK), fallback: Some(mobile()) }).await;
    let dialled = stage.dial.post(&stage.dial.voice_url, &form).await.unwrap().body;
    assert!(
        dialled.contains("<Dial") && dialled.contains(MOBILE) && !dialled.contains("<Connect"),
        "{dialled}"
    );
    pause(Pause { until: Some(UNTIL_TAKEN_BACK), fallback: None }).await;
    let form = stage.dial.form(&twilio::sid("CA"), "ringing");
    let recorded = stage.dial.post(&stage.dial.voice_url, &form).await.unwrap().body;
    assert!(recorded.contains("<Record") && !recorded.contains("<Connect"), "{recorded}");
    pause(Pause::default()).await;
    let form = stage.dial.form(&twilio::sid("CA"), "ringing");
    let answered = stage.dial.post(&stage.dial.voice_url, &form).await.unwrap().body;
    assert!(answered.contains("<Connect"), "{answered}");
    stage.strike().await;
}
