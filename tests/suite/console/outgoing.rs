//! What goes out to people, as it is set up and watched in the console.

use serde_json::json;

use crate::support::{browsing::Browsing, neighbours::Neighbour, office::Office};

async fn practice(language: &'static str) -> (Office, Neighbour, Browsing) {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let ada = Browsing::signed_in(&office, "owner@alpha.example", language).await;
    (office, tenant, ada)
}

#[tokio::test]
async fn nobody_is_called_before_it_is_said_where_consent_comes_from() {
    let (office, tenant, mut ada) = practice("en").await;
    let page = ada.get("/console/outgoing").await;
    assert!(page.one("main").contains("Nobody is called before"));
    let page = ada.get("/console/outgoing/settings").await;
    let wrong = [("from", "07:00"), ("until", "21:00"), ("countries", "Germany"), ("at-once", "many")];
    let page = ada.submit(&page, "main form", &wrong).await;
    assert_eq!((page.status, page.wrongs()), (422, vec!["Enter a number from 0 to 100.".to_owned()]));
    let page = ada.submit(&page, "main form", &[("at-once", "2")]).await;
    assert_eq!(page.wrongs().len(), 3, "{:?}", page.wrongs());
    assert_eq!(page.attribute("#countries", "value").unwrap(), "Germany");
    let right =
        [("consent", "asked in writing"), ("from", "10:00"), ("until", "18:00"), ("countries", "de, at")];
    let page = ada.submit(&page, "main form", &right).await;
    assert_eq!(page.told(), "Saved. It counts for every call from here on.");
    let kept = tenant.owner.get("/api/outgoing-settings").await.well();
    assert_eq!((&kept["consent"], &kept["countries"]), (&json!("asked in writing"), &json!(["DE", "AT"])));
    assert_eq!((&kept["from"], &kept["at_once"]), (&json!("10:00"), &json!(2)));
    assert!(!ada.get("/console/outgoing").await.one("main").contains("Nobody is called before"));
    // A member sees it and does not change it.
    office.member(&tenant.owner, "ben", "member").await;
    let mut ben = Browsing::signed_in(&office, "ben@member.example", "en").await;
    let page = ben.get("/console/outgoing/settings").await;
    assert!(!page.has("main form button"));
    assert_eq!(
        ben.post("/console/outgoing/settings", &[("at-once", "1"), ("from", "10:00"), ("until", "11:00")])
            .await
            .status,
        403
    );
    office.server.stop().await;
}

#[tokio::test]
async fn reminders_of_a_service_are_set_row_by_row() {
    let (office, tenant, mut ada) = practice("de").await;
    let path = format!("/console/outgoing/reminders/{}", tenant.ids["service"]);
    let page = ada.get(&path).await;
    assert_eq!(page.all("fieldset").len(), 2);
    let wrong = [("lead-0", "1"), ("unit-0", "hours"), ("channel-0", "call"), ("lead-1", "bald")];
    let page = ada.submit(&page, "main form", &wrong).await;
    assert_eq!(page.status, 422);
    assert_eq!(page.attribute("#lead-1", "value").unwrap(), "bald");
    let page = ada.submit(&page, "main form", &[("lead-1", "")]).await;
    assert_eq!(page.wrongs(), ["Geben Sie eine Zeit zwischen 2 Stunden und 60 Tagen ein, jede nur einmal."]);
    let right = [
        ("lead-0", ""),
        ("lead-1", "2"),
        ("unit-1", "days"),
        ("channel-1", "call"),
        ("attempts-1", "2"),
        ("sms-1", "yes"),
        ("words-de-1", "Bringen Sie die Karte mit."),
    ];
    let page = ada.submit(&page, "main form", &right).await;
    assert!(page.told().starts_with("Die Erinnerungen sind gespeichert."));
    assert!(
        page.one("main table").contains("2 Tage vorher · Anruf · höchstens 2 Anrufe · danach SMS"),
        "{}",
        page.one("main table")
    );
    let kept = tenant.owner.get(&format!("/api/services/{}/reminders", tenant.ids["service"])).await.well();
    assert_eq!(kept[0]["lead"], 2 * 24 * 60, "{kept}");
    let again = ada.get(&path).await;
    assert_eq!(again.attribute("#lead-0", "value").unwrap(), "2");
    assert_eq!(again.one("#words-de-0"), "Bringen Sie die Karte mit.");
    office.server.stop().await;
}

#[tokio::test]
async fn a_campaign_is_made_filled_begun_paused_and_given_up() {
    let (office, tenant, mut ada) = practice("de").await;
    let allow = json!({ "consent": "asked", "countries": ["DE"] });
    tenant.owner.patch("/api/outgoing-settings", allow).await.well();
    let page = ada.get("/console/campaigns/new").await;
    let page = ada.submit(&page, "main form", &[("name", ""), ("purpose", ""), ("attempts", "9")]).await;
    assert_eq!((page.status, page.wrongs().len()), (422, 3), "{:?}", page.wrongs());
    let people = "0151 12345678, Otto <b>Bunt</b>\n\n030 110; Notruf\n0151 12345678";
    let right = [
        ("name", "Grippeimpfung"),
        ("purpose", "Einen Termin anbieten."),
        ("attempts", "2"),
        ("people", people),
    ];
    let page = ada.submit(&page, "main form", &right).await;
    assert_eq!(page.heading(), "Grippeimpfung");
    assert!(page.one(".head").contains("Entwurf"));
    assert!(page.one("tbody").contains("Otto <b>Bunt</b>"), "names are names: {}", page.one("tbody"));
    let page = ada.submit(&page, "form[action$='people']", &[("people", "0151 12345679 , Eva")]).await;
    assert!(page.told().contains("hinzugefügt"), "{}", page.told());
    let form = ada.get(&page.attribute("a[href$='/edit']", "href").unwrap()).await;
    assert_eq!(form.attribute("#name", "value").as_deref(), Some("Grippeimpfung"));
    let wrong = ada.submit(&form, "main form", &[("purpose", ""), ("from", "acht")]).await;
    assert_eq!((wrong.status, wrong.wrongs().len()), (422, 1), "{:?}", wrong.wrongs());
    let edited = ada.submit(&form, "main form", &[("name", "Grippe"), ("attempts", "3")]).await;
    assert_eq!((edited.heading().as_str(), edited.status), ("Grippe", 200), "{}", edited.text);
    assert!(edited.told().starts_with("Gespeichert.") && edited.one("tbody").contains("Otto"));
    let late = ada.submit(&form, "main form", &[("name", "Zu spät")]).await;
    assert_eq!(late.status, 409, "somebody was faster");
    assert!(late.text.contains("Zu spät") && late.text.contains("Grippe"));
    let back = ada.submit(&edited, "form[action$='begin']", &[]).await;
    assert!(!back.has("a[href$='/edit']"), "what is under way is paused first");
    let begun = back.path.clone();
    assert_eq!(ada.get(&format!("{begun}/edit")).await.status, 404);
    let page = back;
    assert!(page.one(".head").contains("läuft"), "{}", page.text);
    let page = ada.submit(&page, "form[action$='pause']", &[]).await;
    assert!(page.one(".head").contains("pausiert"));
    let page = ada.submit(&page, "form[action$='resume']", &[]).await;
    let path = page.path.clone();
    let page = ada.submit(&page, "form[action$='cancel']", &[]).await;
    assert!(page.one(".head").contains("aufgegeben"));
    assert!(!page.has("form[action$='people']"));
    let refused = ada.post(&format!("{path}/resume"), &[]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.one("main").contains("Diese Anrufaktion ist beendet."));
    assert!(ada.get("/console/campaigns").await.one("tbody").contains("Grippe"));
    office.server.stop().await;
}

#[tokio::test]
async fn numbers_that_are_not_called_are_noted_in_any_spelling_and_given_free() {
    let (office, tenant, mut ada) = practice("de").await;
    let page = ada.get("/console/outgoing/opt-outs").await;
    let page = ada.submit(&page, "form.filters", &[("number", "zwölf")]).await;
    assert_eq!(page.status, 422);
    let page = ada.submit(&page, "form.filters", &[("number", "0151/7654 3210")]).await;
    assert!(page.told().starts_with("Vermerkt."), "{}", page.text);
    let kept = tenant.owner.get("/api/opt-outs").await.well();
    let number = |one: &serde_json::Value| one["number"] == "+4915176543210";
    let id = kept["items"].as_array().unwrap().iter().find(|one| number(one)).unwrap()["id"].clone();
    let form = format!("form[action$='{}/remove']", id.as_str().unwrap());
    let page = ada.submit(&page, &form, &[]).await;
    assert!(page.told().contains("wieder angerufen"));
    office.server.stop().await;
}

#[tokio::test]
async fn what_goes_out_is_listed_with_why_and_what_came_of_it_and_can_be_dropped() {
    let (office, tenant, mut ada) = practice("de").await;
    let page = ada.get("/console/outgoing").await;
    let form = format!("form[action='/console/outgoing/{}/cancel']", tenant.ids["outgoing"]);
    assert!(page.one("tbody").contains("wartet"), "{}", page.text);
    let page = ada.submit(&page, &form, &[]).await;
    assert_eq!(page.told(), "Verworfen. Es geht nicht hinaus.");
    assert!(page.one("tbody").contains("verworfen"));
    assert!(ada.get("/console/outgoing?state=waiting").await.has("#rows .empty"));
    office.server.stop().await;
}
