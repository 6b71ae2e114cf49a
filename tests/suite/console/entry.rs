//! In and out of the console.

use crate::support::{
    browsing::Browsing,
    house::House,
    office::{Office, PASSWORD},
};

/// Keeps the session.
const SESSION: &str = "__Host-frontdesk";

#[tokio::test]
async fn somebody_registers_and_is_at_home() {
    let office = Office::open().await;
    let mut ada = Browsing::at(office.server.addr, "de");
    let page = ada.get("/").await;
    assert_eq!(page.heading(), "Ihr Telefon wird angenommen. Immer.");
    let page = ada.get("/console/entry/register").await;
    let wanted = [("tenant", "Praxis Sommer"), ("email", "ada@sommer.example"), ("password", PASSWORD)];
    let page = ada.submit(&page, "main form", &wanted).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.path.starts_with("/console/"), "{}", page.path);
    assert!(page.one(".brand").contains("Praxis Sommer"));
    let page = ada.submit(&page, "form[action='/console/entry/logout']", &[]).await;
    assert_eq!((page.heading().as_str(), page.told().as_str()), ("Anmelden", "Sie sind abgemeldet."));
    assert_eq!(ada.get("/console/calls").await.path, "/console/entry/login?next=%2Fconsole%2Fcalls");
}

#[tokio::test]
async fn a_refused_form_says_what_to_do_and_loses_nothing_but_the_password() {
    let office = Office::open().await;
    let mut ada = Browsing::at(office.server.addr, "de");
    let page = ada.get("/console/entry/register").await;
    let wanted = [("tenant", "Praxis <b>Sommer</b>"), ("email", "ada@sommer.example"), ("password", "kurz")];
    let page = ada.submit(&page, "main form", &wanted).await;
    assert_eq!(page.status, 422);
    assert_eq!(page.one("#summary h2"), "Das müssen Sie noch ändern");
    assert_eq!(page.wrongs().len(), 1);
    assert!(
        page.wrongs()[0].starts_with("Wählen Sie ein Passwort mit mindestens 15 Zeichen"),
        "{:?}",
        page.wrongs()
    );
    assert_eq!(page.attribute("#summary a", "href").as_deref(), Some("#password"));
    assert!(page.one("title").starts_with("Fehler: "));
    assert_eq!(page.attribute("#tenant", "value").as_deref(), Some("Praxis <b>Sommer</b>"));
    assert_eq!(page.attribute("#password", "value").as_deref(), Some(""));
    assert_eq!(page.attribute("#password", "aria-invalid").as_deref(), Some("true"));
    assert!(!page.has("main b"), "what somebody typed is text");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_page() {
    let office = Office::open().await;
    office.owner("known").await;
    let mut ada = Browsing::at(office.server.addr, "en");
    let page = ada.get("/console/entry/login").await;
    let known = [("email", "owner@known.example"), ("password", "not the right one at all")];
    let unknown = [("email", "nobody@known.example"), ("password", "not the right one at all")];
    let one = ada.submit(&page, "main form", &known).await;
    let other = ada.submit(&page, "main form", &unknown).await;
    assert_eq!((one.status, other.status), (401, 401));
    assert_eq!(one.text.replace("owner@", "nobody@"), other.text);
    assert!(!ada.cookies().contains_key(SESSION));
}

#[tokio::test]
async fn a_form_from_another_site_changes_nothing() {
    let office = Office::open().await;
    office.owner("forged").await;
    let mut ada = Browsing::signed_in(&office, "owner@forged.example", "en").await;
    for origin in [None, Some("https://evil.example"), Some("null")] {
        let page = ada.post_from("/console/entry/language", &[("language", "de")], origin).await;
        assert_eq!(page.status, 403);
        assert_eq!(page.heading(), "Not carried out");
    }
    assert_eq!(ada.get("/console/calls").await.heading(), "Calls");
}

#[tokio::test]
async fn a_form_that_is_sent_after_the_session_ended_is_carried_out_after_the_password() {
    let office = Office::open().await;
    office.owner("late").await;
    let mut ada = Browsing::signed_in(&office, "owner@late.example", "en").await;
    let page = ada.get("/console/calls").await;
    ada.lose(SESSION);
    let again = ada.post("/console/calls/call_none/end", &[("why", "a <long> text & more")]).await;
    assert_eq!((again.status, again.heading().as_str()), (401, "Sign in once more"));
    assert_eq!(again.attribute("input[name=why]", "value").as_deref(), Some("a <long> text & more"));
    let wrong = ada
        .submit(&again, "main form", &[("again-email", "owner@late.example"), ("again-password", "no")])
        .await;
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.attribute("input[name=why]", "value").as_deref(), Some("a <long> text & more"));
    let right = [("again-email", "owner@late.example"), ("again-password", PASSWORD)];
    let done = ada.submit(&wrong, "main form", &right).await;
    // It was carried out: there is no such call.
    assert_eq!(done.status, 404);
    assert!(ada.cookies().contains_key(SESSION));
    assert_eq!(ada.get("/console/calls").await.heading(), page.heading());
}

#[tokio::test]
async fn language_and_colours_are_the_readers_and_stay() {
    let office = Office::open().await;
    let mut ada = Browsing::at(office.server.addr, "en");
    let page = ada.get("/console/entry/login").await;
    assert_eq!(page.attribute("html", "lang").as_deref(), Some("en"));
    let page =
        ada.post("/console/entry/language", &[("language", "de"), ("back", "/console/entry/login")]).await;
    assert_eq!(page.attribute("html", "lang").as_deref(), Some("de"));
    assert_eq!(page.heading(), "Anmelden");
    let page =
        ada.post("/console/entry/colours", &[("colours", "dark"), ("back", "https://evil.example/")]).await;
    assert_eq!(page.attribute("html", "data-colours").as_deref(), Some("dark"));
    assert!(page.path.starts_with("/console"));
}

#[tokio::test]
async fn a_forgotten_password_is_chosen_anew_by_the_link_in_the_mail() {
    let office = Office::open().await;
    office.owner("oblivious").await;
    let mut ada = Browsing::at(office.server.addr, "en");
    let page = ada.get("/console/entry/forgot").await;
    let page = ada.submit(&page, "main form", &[("email", "owner@oblivious.example")]).await;
    assert!(page.one("main .lead").contains("is on its way"));
    let token = office.link_to("owner@oblivious.example").await;
    let page = ada.get("/console/reset").await;
    let wanted = [("token", token.as_str()), ("password", "six loud herons at dawn")];
    let page = ada.submit(&page, "main form", &wanted).await;
    assert_eq!(page.told(), "The new password counts. Sign in with it.");
    let page = ada
        .submit(
            &page,
            "main form",
            &[("email", "owner@oblivious.example"), ("password", "six loud herons at dawn")],
        )
        .await;
    assert_eq!(page.heading(), "First steps");
}

#[tokio::test]
async fn an_invitation_is_accepted_by_the_link_in_the_mail() {
    let office = Office::open().await;
    let owner = office.owner("inviting").await;
    office.seats(&owner, 5).await;
    let wanted = serde_json::json!({ "email": "ben@member.example", "role": "member" });
    owner.post("/api/invitations", wanted).await.well();
    let token = office.link_to("ben@member.example").await;
    let mut ben = Browsing::at(office.server.addr, "en");
    let page = ben.get("/console/invitation").await;
    let page = ben.submit(&page, "main form", &[("token", &token)]).await;
    assert!(page.one("main .lead").contains("inviting"), "{}", page.text);
    let page = ben.submit(&page, "main form", &[("password", PASSWORD)]).await;
    assert_eq!(page.heading(), "Today");
    assert!(page.one(".brand").contains("inviting"));
}

#[tokio::test]
async fn where_nobody_may_register_the_page_says_how_the_first_operator_is_made() {
    let office = Office::open_in(House::new().with("PEOPLE__REGISTRATION", "false")).await;
    let mut ada = Browsing::at(office.server.addr, "en");
    let page = ada.get("/console/entry/register").await;
    assert!(!page.has("main form"));
    assert!(page.one("main code").starts_with("frontdesk admin"));
}

#[tokio::test]
async fn a_page_loads_nothing_inline_and_nothing_from_elsewhere() {
    let office = Office::open().await;
    office.owner("strict").await;
    let mut ada = Browsing::signed_in(&office, "owner@strict.example", "en").await;
    for path in ["/", "/console/entry/login", "/console/calls", "/console/nothing"] {
        let page = ada.get(path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(!page.has("[style]") && !page.has("style") && !page.has("script:not([src])"), "{path}");
        for address in page.text.split(['"']).filter(|part| part.contains("://")) {
            assert!(address.starts_with("http://www.w3.org/"), "{path}: {address}");
        }
    }
}

/// Ada, who owns one tenant and works at another, signed in at her own; with the ids of both.
async fn at_two(office: &Office, name: &str) -> (Browsing, String, String) {
    let email = format!("owner@{name}.example");
    let own = office.owner(name).await;
    let other = office.owner(&format!("{name}-other")).await;
    office.seats(&other, 5).await;
    let wanted = serde_json::json!({ "email": email, "role": "admin" });
    other.post("/api/invitations", wanted).await.well();
    let token = office.link_to(&email).await;
    let wanted = serde_json::json!({ "token": token, "password": PASSWORD });
    office.stranger().post("/auth/accept", wanted).await.well();
    let ada = Browsing::signed_in(office, &email, "en").await;
    (ada, own.tenant().to_owned(), other.tenant().to_owned())
}

#[tokio::test]
async fn a_form_of_another_tenants_tab_does_nothing_and_goes_back_with_everything_in_it() {
    let office = Office::open().await;
    let (mut ada, own, other) = at_two(&office, "tabs").await;
    let open = ada.get("/console/contacts/new").await;
    assert!(open.one(".brand").contains("tabs"));
    let switch = "form[action='/console/entry/switch']";
    let there = ada.submit(&open, switch, &[("tenant", &other)]).await;
    assert!(there.one(".brand").contains("tabs-other"), "{}", there.text);
    let form = "form[action='/console/contacts']";
    let typed = [("name", "Cleo <b>Brandt</b>"), ("number", "030 1234567")];
    let refused = ada.submit(&open, form, &typed).await;
    assert_eq!((refused.status, refused.heading().as_str()), (409, "This form belongs to another business"));
    assert!(refused.one("main .lead").contains("tabs"), "{}", refused.text);
    let kept = refused.attribute("main input[name=name]", "value");
    assert_eq!(kept.as_deref(), Some("Cleo <b>Brandt</b>"));
    assert_eq!(refused.attribute("main button", "value").as_deref(), Some(own.as_str()));
    let list = ada.get("/console/contacts").await;
    assert!(
        list.one(".brand").contains("tabs-other") && !list.text.contains("Cleo"),
        "nothing was done there"
    );
    let sent = ada.submit(&refused, "main form", &[("go-back", &own)]).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    assert!(!sent.one(".brand").contains("tabs-other"));
    let list = ada.get("/console/contacts").await;
    assert!(!list.one(".brand").contains("tabs-other") && list.text.contains("Cleo"), "{}", list.text);
}

#[tokio::test]
async fn a_form_whose_session_ended_is_carried_out_at_the_tenant_it_was_made_for() {
    let office = Office::open().await;
    let (mut ada, _, other) = at_two(&office, "later").await;
    let open = ada.get("/console/contacts/new").await;
    ada.submit(&open, "form[action='/console/entry/switch']", &[("tenant", &other)]).await;
    ada.lose(SESSION);
    let typed = [("name", "Cleo Brandt"), ("number", "030 1234567")];
    let again = ada.submit(&open, "form[action='/console/contacts']", &typed).await;
    assert_eq!(again.status, 401);
    let right = [("again-email", "owner@later.example"), ("again-password", PASSWORD)];
    let done = ada.submit(&again, "main form", &right).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let list = ada.get("/console/contacts").await;
    assert!(!list.one(".brand").contains("later-other") && list.text.contains("Cleo"), "{}", list.text);
}

#[tokio::test]
async fn a_form_for_a_tenant_that_let_its_sender_go_does_nothing() {
    let office = Office::open().await;
    let (mut ada, own, other) = at_two(&office, "gone").await;
    let page = ada.get("/console/contacts").await;
    let there = ada.submit(&page, "form[action='/console/entry/switch']", &[("tenant", &other)]).await;
    assert!(there.one(".brand").contains("gone-other"));
    let open = ada.get("/console/contacts/new").await;
    ada.submit(&open, "form[action='/console/entry/switch']", &[("tenant", &own)]).await;
    let owner = office.login("owner@gone-other.example").await;
    let members = owner.get("/api/members").await.well();
    let her = members["items"].as_array().unwrap().iter().find(|one| one["email"] == "owner@gone.example");
    owner.delete(&format!("/api/members/{}", her.unwrap()["id"].as_str().unwrap())).await;
    let typed = [("name", "Cleo Brandt"), ("number", "030 1234567")];
    let refused = ada.submit(&open, "form[action='/console/contacts']", &typed).await;
    assert_eq!(refused.status, 409);
    assert!(!refused.has("main form"), "there is nothing to go back to");
    let forced = ada.submit(&open, "form[action='/console/contacts']", &[("go-back", &other)]).await;
    assert_eq!(forced.status, 404);
    assert!(!ada.get("/console/contacts").await.text.contains("Cleo"));
}
