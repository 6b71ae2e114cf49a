//! The settings on the console: members, keys, webhooks, retention, the audit log; and two people who edit the same thing.

use serde_json::json;

use crate::support::{
    browsing::Browsing,
    house::{House, KEY},
    office::{Office, PASSWORD},
};

#[tokio::test]
async fn whoever_edits_second_sees_both_versions_and_chooses() {
    let office = Office::open().await;
    office.owner("twice").await;
    let mut ada = Browsing::signed_in(&office, "owner@twice.example", "de").await;
    let mut ben = Browsing::signed_in(&office, "owner@twice.example", "de").await;
    let form = "form[action='/console/settings/company']";
    let hers = ada.get("/console/settings").await;
    let his = ben.get("/console/settings").await;
    let saved = ada.submit(&hers, form, &[("name", "Praxis Ada")]).await;
    assert_eq!(saved.told(), "Gespeichert.");
    let refused = ben.submit(&his, form, &[("name", "Praxis Ben")]).await;
    assert_eq!(refused.status, 409);
    assert_eq!(
        refused.attribute("#company-name", "value").as_deref(),
        Some("Praxis Ben"),
        "his is still there"
    );
    assert!(
        refused.all(".theirs").contains(&"Jetzt gespeichert: Praxis Ada".to_owned()),
        "{:?}",
        refused.all(".theirs")
    );
    assert!(
        ada.get("/console/settings").await.one(".brand").contains("Praxis Ada"),
        "nothing was overwritten"
    );
    let chosen = ben.submit(&refused, form, &[]).await;
    assert_eq!(chosen.told(), "Gespeichert.");
    assert!(chosen.one(".brand").contains("Praxis Ben"));
}

#[tokio::test]
async fn a_key_is_shown_once_opens_the_api_and_is_taken_back() {
    let office = Office::open().await;
    office.owner("keys").await;
    let mut ada = Browsing::signed_in(&office, "owner@keys.example", "en").await;
    let page = ada.get("/console/settings/keys").await;
    let form = "form[action='/console/settings/keys']";
    let refused = ada.submit(&page, form, &[("name", "Practice software")]).await;
    assert_eq!(refused.wrongs(), ["Choose at least one right, and only such as you have yourself."]);
    assert_eq!(refused.attribute("#summary a", "href").as_deref(), Some("#scopes"));
    let made = ada.submit(&refused, form, &[("scopes", "calls:read")]).await;
    let key = made.one("code.secret");
    assert_eq!(office.bearer(&key).get("/api/calls").await.status, 200);
    assert_eq!(office.bearer(&key).get("/api/contacts").await.status, 403);
    let again = ada.get("/console/settings/keys").await;
    assert!(!again.text.contains(&key), "it is shown once");
    let gone = ada.submit(&again, "details.danger form", &[]).await;
    assert_eq!(gone.told(), "The key was taken back.");
    assert_eq!(office.bearer(&key).get("/api/calls").await.status, 401);
}

#[tokio::test]
async fn a_member_is_invited_given_another_role_and_let_go() {
    let office = Office::open().await;
    let owner = office.owner("team").await;
    office.member(&owner, "ben", "member").await;
    let mut ada = Browsing::signed_in(&office, "owner@team.example", "en").await;
    let mut ben = Browsing::signed_in(&office, "ben@member.example", "en").await;
    assert_eq!(ben.get("/console/settings/keys").await.status, 403);
    let page = ada.get("/console/settings/members").await;
    let wrong = ada.submit(&page, "form[action='/console/settings/members']", &[("email", "nobody")]).await;
    assert_eq!(wrong.wrongs(), ["Enter the whole e-mail address, for example ada@example.com."]);
    let invited = ada
        .submit(
            &page,
            "form[action='/console/settings/members']",
            &[("email", "cleo@team.example"), ("role", "viewer")],
        )
        .await;
    assert_eq!(
        invited.told(),
        "The invitation to cleo@team.example is on its way. It is good for seven days."
    );
    let back = ada.submit(&invited, "form[action^='/console/settings/invitations/']", &[]).await;
    assert_eq!(back.told(), "The invitation was taken back.");
    let row = "tr:has(td):nth-child(2)";
    let raised = ada.submit(&back, &format!("{row} form.row"), &[("role", "admin")]).await;
    assert_eq!(raised.told(), "The role of ben@member.example was changed.");
    assert_eq!(ben.get("/console/settings/keys").await.status, 200);
    let gone = ada.submit(&raised, &format!("{row} details form"), &[]).await;
    assert_eq!(gone.told(), "The member was removed.");
    assert!(ben.get("/console/calls").await.path.starts_with("/console/entry/login"));
}

#[tokio::test]
async fn retention_is_said_in_days_and_a_recording_is_not_kept_beyond_its_call() {
    let office = Office::open().await;
    office.owner("keeper").await;
    let mut ada = Browsing::signed_in(&office, "owner@keeper.example", "en").await;
    let form = "form[action='/console/settings/retention']";
    let page = ada.get("/console/settings").await;
    let refused = ada.submit(&page, form, &[("recordings", "900"), ("contacts", "many")]).await;
    assert_eq!(refused.wrongs(), ["Enter a number of days, from 1 to 3650."]);
    assert_eq!(refused.attribute("#keep-recordings", "value").as_deref(), Some("900"));
    let refused = ada.submit(&refused, form, &[("contacts", "400")]).await;
    assert!(refused.wrongs()[0].contains("the recording goes with its call"), "{:?}", refused.wrongs());
    let saved = ada.submit(&refused, form, &[("recordings", "14")]).await;
    assert!(saved.told().starts_with("Saved."));
    assert_eq!(saved.attribute("#keep-recordings", "value").as_deref(), Some("14"));
    let log = ada.get("/console/settings/audit").await;
    assert!(log.one("tbody tr").contains("retention.changed"), "{}", log.one("tbody tr"));
    let verified = ada.submit(&log, "form[action='/console/settings/audit/verify']", &[]).await;
    assert!(verified.told().starts_with("The log is intact"), "{}", verified.told());
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session() {
    let office = Office::open().await;
    office.owner("changing").await;
    let mut ada = Browsing::signed_in(&office, "owner@changing.example", "en").await;
    let mut lost = Browsing::signed_in(&office, "owner@changing.example", "en").await;
    let page = ada.get("/console/settings").await;
    let form = "form[action='/console/settings/password']";
    let wrong = [("current-password", "not this one at all"), ("password", "six loud herons at dawn")];
    let refused = ada.submit(&page, form, &wrong).await;
    assert_eq!(refused.wrongs(), ["The present password is not right. Enter it once more."]);
    let right = [("current-password", PASSWORD), ("password", "six loud herons at dawn")];
    let saved = ada.submit(&refused, form, &right).await;
    assert!(saved.told().starts_with("The new password counts."), "{}", saved.told());
    assert!(lost.get("/console/settings").await.path.starts_with("/console/entry/login"));
}

#[tokio::test]
async fn a_webhook_shows_its_secret_once() {
    let office = Office::open_in(House::new().with("SECRETS__KEY", KEY)).await;
    office.owner("hooks").await;
    let mut ada = Browsing::signed_in(&office, "owner@hooks.example", "en").await;
    let page = ada.get("/console/settings/webhooks").await;
    let form = "form[action='/console/settings/webhooks']";
    let refused = ada.submit(&page, form, &[("url", "http://10.0.0.1/x"), ("kinds", "call.ended")]).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(
        refused.wrongs()[0].starts_with("Enter an address that begins with https://"),
        "{:?}",
        refused.wrongs()
    );
    let made = ada.submit(&refused, form, &[("url", "https://hooks.example.com/x")]).await;
    assert!(made.has("code.secret"), "{}", made.text);
    let secret = made.one("code.secret");
    let list = ada.get("/console/settings/webhooks").await;
    let one = list.attribute("main .offers a", "href").unwrap();
    let page = ada.get(&one).await;
    assert!(page.text.contains("hooks.example.com") && !page.text.contains(&secret));
}

#[tokio::test]
async fn who_was_faster_is_named_as_she_is_called_with_the_time() {
    let office = Office::open().await;
    let owner = office.owner("named").await;
    office.member(&owner, "aylin", "admin").await;
    let mut aylin = Browsing::signed_in(&office, "aylin@admin.example", "en").await;
    let page = aylin.get("/console/account").await;
    let long = aylin.submit(&page, "#name-form", &[("name", &"x".repeat(101))]).await;
    assert_eq!(
        (long.status, long.wrongs()),
        (422, vec!["Enter a name of at most 100 characters.".to_owned()])
    );
    let kept = aylin.submit(&page, "#name-form", &[("name", " Aylin Kaya ")]).await;
    assert_eq!(kept.told(), "Your name is saved.");
    assert_eq!(kept.attribute("#name", "value").as_deref(), Some("Aylin Kaya"));
    let mut ada = Browsing::signed_in(&office, "owner@named.example", "en").await;
    assert!(ada.get("/console/settings/members").await.text.contains("Aylin Kaya"));
    let contact = owner.post("/api/contacts", json!({ "name": "Cleo" })).await.well();
    let path = format!("/console/contacts/{}", contact["id"].as_str().unwrap());
    let form = "form[data-keep]";
    let (hers, mut window, mine) = (aylin.get(&path).await, ada.clone(), ada.get(&path).await);
    aylin.submit(&hers, form, &[("note", "Comes early.")]).await;
    let late = ada.submit(&mine, form, &[("note", "Comes late.")]).await;
    let said = &late.wrongs()[0];
    assert!(said.starts_with("Aylin Kaya has changed this meanwhile (today"), "{said}");
    assert!(late.one(".theirs").contains("Comes early.") && late.one("textarea") == "Comes late.");
    ada.submit(&late, form, &[]).await;
    let own = window.submit(&mine, form, &[("note", "Comes never.")]).await;
    let said = &own.wrongs()[0];
    assert!(said.starts_with("You have changed this yourself meanwhile ("), "{said}");
    office.server.stop().await;
}
