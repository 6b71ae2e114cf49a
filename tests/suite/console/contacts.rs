//! People in the console: found, changed, not called any more, copied, forgotten.

use frontdesk::domain::forgetting::ErasureState;
use serde_json::json;

use crate::support::{browsing::Browsing, neighbours::Neighbour, office::Office};

async fn practice() -> (Office, Neighbour, Browsing) {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let ada = Browsing::signed_in(&office, "owner@alpha.example", "de").await;
    (office, tenant, ada)
}

#[tokio::test]
async fn people_are_found_by_any_part_of_their_name_and_by_number_in_any_spelling() {
    let (office, tenant, mut ada) = practice().await;
    for (name, number) in [
        ("Jürgen Müller", "+493012345678"),
        ("Änne Groß", "+4915112345678"),
        ("Muriel Klein", "+41446681800"),
    ] {
        tenant.owner.post("/api/contacts", json!({ "name": name, "number": number })).await.well();
    }
    let mut found = async |words: &str| {
        let query: String = form_urlencoded::byte_serialize(words.as_bytes()).collect();
        ada.get(&format!("/console/contacts?q={query}")).await.all("#people tbody th")
    };
    for words in ["Müller", "mueller", "Muller", "jürgen"] {
        assert_eq!(found(words).await, ["Jürgen Müller"], "{words}");
    }
    assert_eq!(found("gross").await, ["Änne Groß"]);
    assert_eq!(found("mu").await.len(), 2);
    for number in ["030 12345678", "0049 (30) 12345678", "+49 30/1234-5678"] {
        assert_eq!(found(number).await, ["Jürgen Müller"], "{number}");
    }
    assert_eq!(found("100%").await, [""; 0]);
    let page = ada.get("/console/contacts?q=12").await;
    assert_eq!(page.wrongs(), ["Geben Sie die Rufnummer mit Vorwahl ein, zum Beispiel 030 1234567."]);
    office.server.stop().await;
}

#[tokio::test]
async fn somebody_is_added_changed_and_not_changed_behind_anothers_back() {
    let (office, _, mut ada) = practice().await;
    let page = ada.get("/console/contacts/new").await;
    let wrong = [("name", ""), ("number", "12"), ("born", "gestern"), ("note", "Kommt gern früh.")];
    let page = ada.submit(&page, "main form", &wrong).await;
    assert_eq!((page.status, page.wrongs().len()), (422, 3));
    assert!(page.one("title").starts_with("Fehler:"), "{}", page.one("title"));
    assert_eq!(page.one("textarea"), "Kommt gern früh.", "nothing that was typed is lost");
    let right = [
        ("name", "<i>Erika</i>"),
        ("number", "030 12345678"),
        ("born", "1964-08-12"),
        ("email", "erika@example.com"),
    ];
    let page = ada.submit(&page, "main form", &right).await;
    assert_eq!((page.status, page.heading()), (200, "<i>Erika</i>".to_owned()));
    assert!(page.has("a[href='tel:+493012345678']"));
    let mut other = ada.clone();
    let theirs = other.submit(&page, "form[data-keep]", &[("note", "Ruft abends zurück.")]).await;
    assert_eq!(theirs.told(), "Gespeichert.");
    let stale = ada.submit(&page, "form[data-keep]", &[("note", "Kommt allein.")]).await;
    assert_eq!(stale.status, 409);
    assert_eq!(stale.one("textarea"), "Kommt allein.");
    assert!(stale.one(".theirs").contains("Ruft abends zurück."), "both are shown");
    let saved = ada.submit(&stale, "form[data-keep]", &[]).await;
    assert_eq!((saved.status, saved.one("textarea")), (200, "Kommt allein.".to_owned()));
    office.server.stop().await;
}

#[tokio::test]
async fn one_person_stands_with_appointments_calls_and_their_wish_not_to_be_called() {
    let (office, tenant, mut ada) = practice().await;
    let path = format!("/console/contacts/{}", tenant.ids["contact"]);
    let page = ada.get(&path).await;
    assert!(page.heading().starts_with("Erika Beispiel"));
    assert!(page.has("section[aria-labelledby='past'] table"), "{}", page.text);
    assert!(page.has(&format!("a[href='/console/calls/{}']", tenant.ids["call"])));
    let page = ada.submit(&page, "form[action$='do-not-call']", &[]).await;
    assert!(page.told().starts_with("Vermerkt."));
    assert!(page.one(".head").contains("nicht anrufen"));
    let page = ada.submit(&page, "form[action$='may-call']", &[]).await;
    assert!(!page.one(".head").contains("nicht anrufen"));
    office.server.stop().await;
}

#[tokio::test]
async fn deleting_says_what_goes_and_what_stays_before_it_is_done() {
    let (office, tenant, mut ada) = practice().await;
    let contact = tenant.ids["contact"].clone();
    let page = ada.get(&format!("/console/contacts/{contact}")).await;
    let page = ada.submit(&page, "form[action$='export']", &[]).await;
    assert!(page.told().contains("Kopie"));
    let page = ada.get(&format!("/console/contacts/{contact}/erase")).await;
    assert!(page.heading().contains("löschen?"));
    assert!(page.all("main li").len() >= 7 && page.one("main").contains("nicht rückgängig"));
    assert_eq!(
        tenant.owner.get(&format!("/api/contacts/{contact}")).await.status,
        200,
        "nothing has happened yet"
    );
    let page = ada.submit(&page, "form[action$='erase']", &[]).await;
    assert!(page.told().starts_with("Das Löschen hat begonnen."));
    let erasures = tenant.owner.get("/api/erasures").await.well();
    let asked = erasures["items"].as_array().unwrap().iter();
    assert!(asked.clone().any(|one| one["asked_by"] == tenant.owner.user()), "{erasures}");
    // A member neither sees nor does that.
    office.member(&tenant.owner, "ben", "member").await;
    let mut ben = Browsing::signed_in(&office, "ben@member.example", "de").await;
    assert_eq!(ben.get("/console/contacts/privacy").await.status, 403);
    assert_eq!(ben.get(&format!("/console/contacts/{contact}/erase")).await.status, 403);
    office.server.stop().await;
}

#[tokio::test]
async fn what_a_caller_wishes_is_decided_here() {
    let (office, tenant, mut ada) = practice().await;
    let id = tenant.ids["erasure"].parse().unwrap();
    let page = ada.get("/console/contacts/privacy").await;
    let form = format!("form[action$='{}/decline']", tenant.ids["erasure"]);
    assert!(page.has(&form), "{}", page.text);
    let page = ada.submit(&page, &form, &[]).await;
    assert!(page.told().starts_with("Abgelehnt."));
    assert!(!page.has(&form));
    let store = &office.server.store;
    let mut tx = store.read(&tenant.owner.tenant().parse().unwrap()).await.unwrap();
    assert_eq!(tx.forgetting().erasure(&id).await.unwrap().unwrap().state, ErasureState::Declined);
    drop(tx);
    let again = ada.post(&format!("/console/contacts/privacy/erasures/{id}/approve"), &[]).await;
    assert_eq!(again.status, 409);
    assert!(again.one("main").contains("schon entschieden"));
    office.server.stop().await;
}
