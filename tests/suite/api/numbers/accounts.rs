//! A tenant's own Twilio account.

use frontdesk::sim::twilio::Account;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    desk::{Desk, OFFERED, OPERATOR, OWN},
    none,
};
use crate::support::office::{Answer, Asker, sent};

async fn set(by: &Asker, tenant: &str, account: (&str, &str)) -> Answer {
    let wanted = json!({ "account_sid": account.0, "auth_token": account.1 });
    sent(by.request(Method::PUT, &format!("/api/tenants/{tenant}/twilio")).json(&wanted)).await
}

#[tokio::test]
async fn a_tenants_own_account_buys_and_signs_and_its_token_is_never_seen_again() {
    let desk = Desk::open().await;
    let owner = desk.office.owner("sommer").await;
    let path = format!("/api/tenants/{}/twilio", owner.tenant());
    let usual = owner.get(&path).await.well();
    assert_eq!(usual, json!({ "own": false, "account_sid": null, "auth_token": null, "set_at": null }));
    assert_eq!(owner.delete(&path).await.status, 404, "there is none to forget");

    let wrong = set(&owner, owner.tenant(), (OWN.0, "not the token")).await;
    assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/auth_token"]));
    let operators = set(&owner, owner.tenant(), OPERATOR).await;
    assert_eq!((operators.status, operators.pointers()), (422, vec!["/account_sid"]));
    let (accounts, tenant, call) =
        (desk.accounts().await, owner.tenant().parse().unwrap(), format!("CA{:032x}", 9).parse().unwrap());
    assert!(accounts.hang_up(&tenant, OWN.0, &call).await.is_err(), "nobody may hang up in its name yet");
    let own = set(&owner, owner.tenant(), OWN).await.well();
    accounts.hang_up(&tenant, OWN.0, &call).await.unwrap();
    assert_eq!(
        (&own["own"], &own["account_sid"], &own["auth_token"]),
        (&json!(true), &json!(OWN.0), &json!("…cdef"))
    );
    assert_eq!(owner.get(&path).await.well(), own);
    let admin = desk.office.member(&owner, "anna", "admin").await;
    assert_eq!(set(&admin, owner.tenant(), OWN).await.status, 403, "that is the owner's to decide");

    desk.buy(&owner, "a", json!({ "number": OFFERED[0], "assistant": desk.assistant(&owner).await }))
        .await
        .well();
    assert_eq!(desk.exchange.owned()[0].account_sid, OWN.0);
    assert_eq!(desk.ring(OWN, 1, OFFERED[0]).await.1[0], "Connect");
    assert_eq!(desk.ring(OPERATOR, 2, OFFERED[0]).await.0, 403, "another account does not speak of it");

    let rolled = (OWN.0, "ffffffffffffffffffffffffffffffff");
    desk.exchange.know(Account { sid: rolled.0.to_owned(), token: rolled.1.to_owned() });
    assert_eq!(desk.ring(rolled, 3, OFFERED[0]).await.0, 403);
    set(&owner, owner.tenant(), rolled).await.well();
    assert_eq!(desk.ring(rolled, 4, OFFERED[0]).await.1[0], "Connect", "the token counts at once");
    assert_eq!(desk.ring(OWN, 5, OFFERED[0]).await.0, 403, "and the old one no more");

    let stays = owner.delete(&path).await;
    assert_eq!((stays.status, stays.problem()), (409, "conflict"), "a number belongs to it");
    let log = owner.get("/api/audit").await.well().to_string();
    assert!(log.contains("twilio_account.set") && log.contains(OWN.0));
    let mut tx = desk.office.server.store.read(&owner.tenant().parse().unwrap()).await.unwrap();
    let kept = tx.twilio_account().get().await.unwrap().unwrap();
    drop(tx);
    for token in [OWN.1, rolled.1] {
        assert!(!log.contains(token), "the log shows a token");
        assert!(
            !kept.auth_token.windows(8).any(|part| token.as_bytes().windows(8).any(|other| part == other))
        );
        assert!(!format!("{kept:?}").contains(token));
    }

    let listed = owner.get("/api/numbers").await.well();
    let number = format!("/api/numbers/{}", listed["items"][0]["id"].as_str().unwrap());
    assert_eq!(owner.delete(&number).await.status, 204);
    assert_eq!(owner.delete(&path).await.status, 204);
    assert_eq!(owner.get(&path).await.well(), usual);
    none(&owner).await;
    desk.close().await;
}

#[tokio::test]
async fn what_was_bought_before_stays_with_the_account_that_bought_it() {
    let desk = Desk::open().await;
    let owner = desk.office.owner("sommer").await;
    let assistant = desk.assistant(&owner).await;
    let first = desk.buy(&owner, "a", json!({ "number": OFFERED[0], "assistant": assistant })).await;
    set(&owner, owner.tenant(), OWN).await.well();
    desk.buy(&owner, "b", json!({ "number": OFFERED[1], "assistant": assistant })).await.well();
    assert_eq!(desk.ring(OPERATOR, 1, OFFERED[0]).await.1[0], "Connect");
    assert_eq!(desk.ring(OWN, 2, OFFERED[1]).await.1[0], "Connect");
    assert_eq!(desk.ring(OWN, 3, OFFERED[0]).await.0, 403);
    assert_eq!(owner.delete(first.header("location").unwrap()).await.status, 204);
    assert_eq!(desk.exchange.owned().len(), 1, "it was given back by the account that owned it");

    // What an account of one's own owns already is one's own to take over.
    let settings = [("TrunkSid", "TK00000000000000000000000000000001")];
    desk.exchange.own(OWN.0, "+493055502002", &settings);
    let wanted = json!({ "number": "+493055502002", "assistant": assistant });
    let imported = owner.post("/api/numbers/import", wanted).await.well();
    assert_eq!(imported["setup"], json!({ "state": "done", "problem": Value::Null }));
    assert_eq!(desk.exchange.owned()[1].setting("TrunkSid"), "", "it would get the calls instead");
    let missing =
        owner.post("/api/numbers/import", json!({ "number": "+493055502003", "language": "de" })).await;
    assert_eq!((missing.status, missing.pointers()), (422, vec!["/number"]));
    desk.close().await;
}
