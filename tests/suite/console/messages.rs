//! Messages as people work them in the console.

use frontdesk::{
    domain::time::Timestamp,
    platform::clock::Clock,
    store::{Message, MessageWork},
};

use crate::support::{browsing::Browsing, neighbours::Neighbour, office::Office};

const ERIKA: &str = "+493012345001";

async fn left(
    office: &Office,
    tenant: &Neighbour,
    name: &str,
    number: Option<&str>,
    at: Timestamp,
    urgent: bool,
) {
    let message = Message {
        id: format!("msg_{name}").parse().unwrap(),
        call: None,
        name: name.to_owned(),
        number: number.map(|number| number.parse().unwrap()),
        text: "<b>Bitte</b> um Rückruf.".to_owned(),
        left: at,
        handled: None,
        spoken: None,
        work: MessageWork { urgent, ..MessageWork::default() },
    };
    let id = tenant.owner.tenant().parse().unwrap();
    let mut tx = office.server.store.begin(&id).await.unwrap();
    tx.messages().add(&message).await.unwrap();
    tx.commit().await.unwrap();
}

/// A practice where two have left messages, and two who work there.
async fn desk() -> (Office, Browsing, Browsing) {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    tenant.owner.patch("/api/messages/msg_alpha", serde_json::json!({ "handled": true })).await.well();
    let now = Clock::system().now();
    left(&office, &tenant, "first", Some(ERIKA), now.plus_minutes(-90), false).await;
    left(&office, &tenant, "second", Some(ERIKA), now.plus_minutes(-60), false).await;
    left(&office, &tenant, "otto", Some("+493012345002"), now.plus_minutes(-30), true).await;
    let member = office.member(&tenant.owner, "ben", "member").await;
    assert!(member.user().starts_with("usr_"));
    let ada = Browsing::signed_in(&office, "owner@alpha.example", "en").await;
    let ben = Browsing::signed_in(&office, "ben@member.example", "de").await;
    (office, ada, ben)
}

#[tokio::test]
async fn a_card_is_taken_rung_and_done_and_that_can_be_undone() {
    let (office, mut ada, mut ben) = desk().await;
    let page = ada.get("/console/messages").await;
    assert_eq!(page.heading(), "Messages");
    assert_eq!(page.all("article h3").len(), 2, "one card for each caller");
    assert!(page.one("article").contains("urgent"), "what cannot wait stands first");
    assert!(
        page.text.contains("&#60;b&#62;Bitte") || page.text.contains("&lt;b&gt;Bitte"),
        "words are words"
    );
    assert!(!page.has("a[href^='tel:']"), "who has not taken it does not ring");
    let page = ada.submit(&page, "#card-msg_first form[action$='claim']", &[]).await;
    assert_eq!(page.told(), "The card is yours. Tap the number to ring.");
    assert_eq!(page.attribute("#card-msg_first a[href^='tel:']", "href").unwrap(), format!("tel:{ERIKA}"));
    let theirs = ben.get("/console/messages").await;
    assert!(theirs.one("#card-msg_first").contains("zurückgerufen"), "{}", theirs.text);
    assert!(!theirs.has("#card-msg_first form"), "two do not ring");
    // A page that was open before does not help.
    let refused = ben.post("/console/messages/msg_second/done", &[]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.one("#summary").contains("Jemand aus dem Team ruft schon zurück"));
    let page = ada.submit(&page, "#card-msg_first form[action$='reached']", &[]).await;
    assert_eq!(page.all("article h3").len(), 1);
    assert!(page.told().contains("Reached"));
    let page = ada.submit(&page, "#list form[action$='reopen']", &[]).await;
    assert_eq!(page.all("article h3").len(), 2, "undone");
    office.server.stop().await;
}

#[tokio::test]
async fn whoever_is_not_reached_stands_among_those_for_later() {
    let (office, mut ada, _) = desk().await;
    let page = ada.get("/console/messages").await;
    let page = ada.submit(&page, "#card-msg_otto form[action$='claim']", &[]).await;
    let wrong = [("again-date", "2020-01-01"), ("again-time", "09:00")];
    let page = ada.submit(&page, "#card-msg_otto form[action$='not-reached']", &wrong).await;
    assert_eq!(page.status, 422);
    assert_eq!(page.wrongs(), ["Enter a day and a time within the next thirty days."]);
    assert_eq!(
        page.attribute("#again-date-msg_otto", "value").unwrap(),
        "2020-01-01",
        "kept as it was typed"
    );
    let page = ada.get("/console/messages").await;
    let page = ada.submit(&page, "#card-msg_otto form[action$='not-reached']", &[]).await;
    assert_eq!(page.told(), "Put off. The card comes back by itself.");
    let order = page.all("article h3");
    assert!(order[1].ends_with("345002") || order[1].contains("2345002"), "{order:?}");
    assert!(page.one("#card-msg_otto").contains("not reached once"));
    let page = ada.submit(&page, "#card-msg_otto form[action$='undo']", &[]).await;
    assert!(!page.one("#card-msg_otto").contains("not reached"));
    let page = ada.submit(&page, "#card-msg_otto form[action$='not-urgent']", &[]).await;
    assert!(!page.one("#card-msg_otto").contains("urgent "), "{}", page.one("#card-msg_otto"));
    office.server.stop().await;
}

#[tokio::test]
async fn what_is_done_is_listed_and_only_who_looks_after_callers_works_it() {
    let (office, mut ada, _) = desk().await;
    let page = ada.get("/console/messages?show=done").await;
    assert_eq!(page.all("tbody tr").len(), 1);
    let page = ada.submit(&page, "main form[action$='reopen']", &[]).await;
    assert_eq!(page.all("article h3").len(), 3);
    let owner = office.login("owner@alpha.example").await;
    office.member(&owner, "carla", "viewer").await;
    let mut carla = Browsing::signed_in(&office, "carla@viewer.example", "de").await;
    let page = carla.get("/console/messages").await;
    assert_eq!(page.all("article").len(), 3);
    assert!(!page.has("article form"));
    assert_eq!(carla.post("/console/messages/msg_otto/claim", &[]).await.status, 403);
    assert_eq!(ada.post("/console/messages/msg_nobody/claim", &[]).await.status, 404);
    assert_eq!(ada.get("/console/messages/msg_otto/recording").await.status, 404);
    office.server.stop().await;
}
