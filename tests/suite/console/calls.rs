//! Calls on the console: the list, one call, what was said as text, and the walls.

use frontdesk::{
    app::calls::{self, Finished},
    domain::{
        conversation::{Outcome, Speaker, Turn},
        id::CallId,
        time::CallTime,
    },
};

use crate::support::{
    browsing::Browsing,
    neighbours::Neighbour,
    office::Office,
    practice::{Practice, at},
};

fn turn(ordinal: u32, speaker: Speaker, words: &str, heard: &str) -> Turn {
    Turn {
        ordinal,
        speaker,
        began: CallTime(u64::from(ordinal) * 3_000),
        ended: CallTime(u64::from(ordinal) * 3_000 + 2_000),
        text: words.to_owned(),
        heard_text: heard.to_owned(),
        generated_ms: 2_000,
        heard_ms: 1_000,
        interrupted: heard != words,
        first_audio_ms: (speaker == Speaker::Agent).then_some(800),
        confidence: None,
    }
}

/// A call of the tenant's in which this was said.
async fn kept(office: &Office, tenant: &Neighbour, name: &str, n: u32, turns: Vec<Turn>) -> CallId {
    let mut practice = Practice::named(name);
    practice.tenant.id = tenant.owner.tenant().parse().unwrap();
    let call = practice.new_call(n);
    let store = &office.server.store;
    let mut tx = store.begin(&practice.tenant.id).await.unwrap();
    tx.calls().ring(&call, at(0)).await.unwrap();
    tx.commit().await.unwrap();
    calls::answered(store, &practice.tenant.id, &call.id, at(0)).await.unwrap();
    let finished = Finished { turns, ..Finished::without_words(Outcome::CallerLeft, at(3)) };
    calls::finished(store, &practice.tenant.id, &call.id, &finished).await.unwrap();
    call.id
}

#[tokio::test]
async fn every_call_is_a_row_and_what_was_said_in_it_is_text_whatever_it_is() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let script = "<script>alert('x')</script> <img src=x onerror=alert(1)> & \"quotes\"";
    let turns = vec![
        turn(0, Speaker::Agent, "Guten Tag, hier ist die Praxis.", "Guten Tag,"),
        turn(1, Speaker::Caller, script, script),
    ];
    let call = kept(&office, &tenant, "alpha", 7, turns).await;
    let mut ada = Browsing::signed_in(&office, "owner@alpha.example", "de").await;
    let list = ada.get("/console/calls").await;
    assert!(list.has(&format!("a[href='/console/calls/{call}']")), "{}", list.text);
    let page = ada.get(&format!("/console/calls/{call}")).await;
    assert_eq!(page.status, 200);
    assert!(!page.has("main script") && !page.has("main img"));
    assert_eq!(page.one("#turn-1 > p:last-child"), script);
    assert_eq!(page.one("#turn-0 > p:last-child"), "Guten Tag, Nicht mehr gehört: hier ist die Praxis.");
    assert_eq!(page.one(".lead"), "Die anrufende Person hat aufgelegt.");
    assert!(page.one(".facts").contains("3 Min."), "{}", page.one(".facts"));
}

#[tokio::test]
async fn words_and_numbers_are_found_from_one_field() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let turns = vec![turn(
        0,
        Speaker::Caller,
        "Ein Termin für den Kanarienvogel",
        "Ein Termin für den Kanarienvogel",
    )];
    let call = kept(&office, &tenant, "alpha", 7, turns).await;
    let mut ada = Browsing::signed_in(&office, "owner@alpha.example", "de").await;
    let page = ada.get("/console/calls").await;
    let found = ada.submit(&page, "form.filters", &[("q", "kanarienvogel")]).await;
    assert_eq!(found.attribute(".hits a", "href"), Some(format!("/console/calls/{call}#turn-0")));
    assert_eq!(found.one("mark"), "Kanarienvogel");
    let number = Practice::named("alpha").contact.number.unwrap();
    let spelt = number.as_str().replacen("+49", "0049 (", 1).replace("0049 (", "0049 ");
    let by_number = ada.submit(&page, "form.filters", &[("q", &spelt)]).await;
    assert!(by_number.has(&format!("a[href^='/console/calls/{call}?q=']")), "{spelt}: {}", by_number.text);
    let none = ada.submit(&page, "form.filters", &[("q", "wellensittich")]).await;
    assert!(none.one(".empty").starts_with("In keinem Gespräch"));
    let odd = ada.submit(&page, "form.filters", &[("from", "gestern")]).await;
    assert_eq!(odd.wrongs(), ["Geben Sie das Datum so ein: 21.11.2026."]);
    assert_eq!(odd.attribute("#from", "value").as_deref(), Some("gestern"));
}

#[tokio::test]
async fn another_tenants_call_is_not_there_and_a_viewer_ends_none() {
    let office = Office::open().await;
    let alpha = Neighbour::settle(&office, "alpha", "plain", 1).await;
    Neighbour::settle(&office, "beta", "plain", 2).await;
    let call = kept(&office, &alpha, "alpha", 7, vec![]).await;
    let mut beta = Browsing::signed_in(&office, "owner@beta.example", "en").await;
    for path in [
        format!("/console/calls/{call}"),
        format!("/console/calls/{call}/recording"),
        "/console/calls/nonsense".to_owned(),
    ] {
        let page = beta.get(&path).await;
        assert_eq!((page.status, page.heading().as_str()), (404, "There is no such page"), "{path}");
    }
    assert_eq!(beta.post(&format!("/console/calls/{call}/end"), &[]).await.status, 404);
    office.member(&alpha.owner, "vera", "viewer").await;
    let mut vera = Browsing::signed_in(&office, "vera@viewer.example", "en").await;
    assert_eq!(vera.get(&format!("/console/calls/{call}")).await.status, 200);
    assert_eq!(vera.post(&format!("/console/calls/{call}/end"), &[]).await.status, 403);
}
