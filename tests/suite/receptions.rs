//! Contacts who are blocked, or always put through, when they call.

use frontdesk::{
    app::{
        access::{Actor, Who},
        calls::{self, Ring, Rung},
        receptions,
        transfers::{self, After, Rang},
    },
    domain::{
        assistant::Language,
        conversation::{CallState, Outcome},
        id::CallId,
        pause::Pause,
        phone::E164,
        reception::Reception,
        transfer::{TransferState, TransferTarget},
    },
    store::Store,
    telephony::{Settings, twiml},
};
use serde_json::json;

use crate::support::{
    browsing::Browsing,
    databases::on_both,
    neighbours::Neighbour,
    office::Office,
    practice::{Practice, at, sid},
};

const MOBILE: &str = "+4917612345678";

fn mobile() -> E164 {
    MOBILE.parse().unwrap()
}

fn someone(practice: &Practice) -> Actor {
    Actor::new(practice.tenant.id.clone(), Who::System("test"))
}

async fn ring(store: &Store, practice: &Practice, n: u32, forwarded: Option<E164>) -> Rung {
    let new = practice.new_call(n);
    let ring = Ring {
        sid: new.sid,
        account_sid: new.account_sid,
        from: new.from,
        to: new.to,
        attested: false,
        forwarded,
    };
    calls::ring(store, at(0), ring).await.unwrap()
}

async fn receive(store: &Store, practice: &Practice, wanted: Reception) {
    receptions::set(store, &someone(practice), at(0), &practice.contact.id, &wanted).await.unwrap();
}

async fn outcome(store: &Store, practice: &Practice, call: &CallId) -> (CallState, Option<Outcome>) {
    let kept = calls::load(store, &practice.tenant.id, call).await.unwrap().record;
    (kept.state, kept.outcome)
}

fn target(active: bool) -> TransferTarget {
    TransferTarget {
        id: "tgt_winter".parse().unwrap(),
        name: "Dr. Winter".to_owned(),
        number: mobile(),
        description: String::new(),
        hours: None,
        announced: false,
        active,
    }
}

async fn keep(store: &Store, practice: &Practice, target: &TransferTarget) {
    let mut tx = store.begin(&practice.tenant.id).await.unwrap();
    tx.transfer_targets().put(target).await.unwrap();
    tx.commit().await.unwrap();
}

on_both! {
    async fn whoever_is_blocked_is_not_talked_to_and_the_call_says_whose_doing_it_was(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        receive(store, &practice, Reception::Blocked).await;
        for _ in 0..2 {
            // Twilio asks again: the same answer.
            let Rung::Blocked { call, language } = ring(store, &practice, 1, None).await else { panic!("it is answered") };
            assert_eq!(language, Language::German);
            assert_eq!(outcome(store, &practice, &call).await, (CallState::Failed, Some(Outcome::Blocked)));
        }
        receive(store, &practice, Reception::Assistant).await;
        assert!(matches!(ring(store, &practice, 2, None).await, Rung::Answer(_)), "they are let through again");
    }

    async fn whoever_is_always_put_through_rings_somebody_and_no_assistant(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        let winter = target(true);
        keep(store, &practice, &winter).await;
        receive(store, &practice, Reception::PutThrough(Some(winter.id.clone()))).await;
        let Rung::SteppedBack(stepped) = ring(store, &practice, 1, None).await else { panic!("the assistant answers") };
        let (transfer, shown) = stepped.rung.unwrap();
        assert_eq!((transfer.number.clone(), transfer.name.as_str()), (mobile(), "Dr. Winter"));
        assert_eq!(Some(shown), practice.contact.number.clone());
        let Rung::SteppedBack(again) = ring(store, &practice, 1, None).await else { panic!("the assistant answers") };
        assert_eq!(again.rung.unwrap().0.id, transfer.id, "asked again, it is the same");
        let account = format!("AC{:032x}", 1);
        let after = transfers::ended(store, at(1), &transfer.id, &account, Rang::NoAnswer, None, false).await.unwrap();
        assert!(matches!(after, After::Message { state: TransferState::NoAnswer, .. }), "a message can be left: {after:?}");
        calls::status(store, at(2), &sid(1), CallState::Completed).await.unwrap();
        assert_eq!(outcome(store, &practice, &stepped.call).await, (CallState::Completed, Some(Outcome::NotReached)));
        let Rung::SteppedBack(stepped) = ring(store, &practice, 2, None).await else { panic!("the assistant answers") };
        let transfer = stepped.rung.unwrap().0;
        let account = format!("AC{:032x}", 1);
        transfers::ended(store, at(3), &transfer.id, &account, Rang::Answered, Some(true), false).await.unwrap();
        assert_eq!(outcome(store, &practice, &stepped.call).await.1, Some(Outcome::Transferred));
    }

    async fn where_nobody_can_be_rung_the_assistant_answers(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        keep(store, &practice, &target(true)).await;
        receive(store, &practice, Reception::PutThrough(Some(target(true).id))).await;
        assert!(matches!(ring(store, &practice, 1, Some(mobile())).await, Rung::Answer(_)), "nobody is sent in a circle");
        keep(store, &practice, &target(false)).await;
        assert!(matches!(ring(store, &practice, 2, None).await, Rung::Answer(_)), "whoever is put aside is not rung");
        let refused = receptions::set(store, &someone(&practice), at(0), &practice.contact.id, &Reception::PutThrough(None)).await;
        assert!(refused.unwrap_err().to_string().contains("no fallback number"));
        let mut tx = store.begin(&practice.tenant.id).await.unwrap();
        tx.pauses().put_everywhere(&Pause { until: None, fallback: Some(mobile()) }).await.unwrap();
        tx.commit().await.unwrap();
        receive(store, &practice, Reception::PutThrough(None)).await;
        let Rung::SteppedBack(stepped) = ring(store, &practice, 3, None).await else { panic!("the assistant answers") };
        assert_eq!(stepped.rung.unwrap().0.number, mobile());
    }

    async fn one_who_is_put_through_is_even_where_another_of_that_number_is_blocked(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        keep(store, &practice, &target(true)).await;
        let mut other = practice.contact.clone();
        other.id = "con_other".parse().unwrap();
        let mut tx = store.begin(&practice.tenant.id).await.unwrap();
        tx.contacts().put(&other, at(0)).await.unwrap();
        tx.receptions().put(&other.id, &Reception::Blocked).await.unwrap();
        tx.commit().await.unwrap();
        assert!(matches!(ring(store, &practice, 1, None).await, Rung::Blocked { .. }), "one who is blocked blocks the number");
        receive(store, &practice, Reception::PutThrough(Some(target(true).id))).await;
        assert!(matches!(ring(store, &practice, 2, None).await, Rung::SteppedBack(_)));
    }
}

#[test]
fn a_blocked_caller_hears_a_sentence_and_the_line_is_let_go() {
    let settings: Settings = frontdesk::boot::config::Config::read(None, []).unwrap().twilio;
    let said = twiml::not_taken(&settings, Language::German);
    assert!(
        said.contains("wird unter dieser Nummer nicht angenommen") && said.contains("<Hangup/>"),
        "{said}"
    );
}

#[tokio::test]
async fn a_contact_is_blocked_and_put_through_on_its_page_and_over_the_api() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let owner = &tenant.owner;
    let contact = &tenant.ids["contact"];
    let path = format!("/api/contacts/{contact}/reception");
    assert_eq!(owner.get(&path).await.well(), json!({ "how": "assistant", "target": null }));
    for (wanted, pointer) in [
        (json!({ "how": "ignored" }), "/how"),
        (json!({ "how": "blocked", "target": tenant.ids["target"] }), "/target"),
        (json!({ "how": "put_through" }), "/target"),
        (json!({ "how": "put_through", "target": "tgt_nobody" }), "/target"),
    ] {
        let refused = owner.put(&path, wanted.clone()).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{wanted}");
    }
    let through = json!({ "how": "put_through", "target": tenant.ids["target"] });
    assert_eq!(owner.put(&path, through.clone()).await.well(), through);
    let mut ada = Browsing::signed_in(&office, "owner@alpha.example", "de").await;
    let page = ada.get(&format!("/console/contacts/{contact}")).await;
    assert!(page.one(".head").contains("wird durchgestellt"), "{}", page.text);
    assert!(page.has("[aria-labelledby='tried'] tbody tr"), "what we have tried stands there");
    assert!(page.one(".facts").contains("PIN Keine"), "{}", page.one(".facts"));
    owner.put(&format!("/api/contacts/{contact}/pin"), json!({ "pin": "4711" })).await;
    let blocked =
        ada.submit(&page, "form[action$='/reception']", &[("how", "blocked"), ("target", "")]).await;
    assert!(
        blocked.told().starts_with("Gesperrt.") && blocked.one(".head").contains("gesperrt"),
        "{}",
        blocked.text
    );
    assert!(blocked.one(".facts").contains("Vergeben seit") && !blocked.text.contains("4711"));
    assert_eq!(owner.get(&path).await.well()["how"], "blocked");
    let nobody = [("how", "put_through"), ("target", "")];
    let refused = ada.submit(&blocked, "form[action$='/reception']", &nobody).await;
    assert_eq!(refused.wrongs(), ["Wählen Sie, zu wem durchgestellt wird: Es gibt keine Ersatznummer."]);
    let viewer = office.member(owner, "vera", "viewer").await;
    assert_eq!(viewer.put(&path, through).await.status, 403);
    let told = owner.get("/api/audit").await.well().to_string();
    assert!(told.contains("contact.changed") && told.contains("put_through"), "{told}");
    office.server.stop().await;
}
