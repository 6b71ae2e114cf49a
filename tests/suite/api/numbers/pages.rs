//! Telephone numbers on the console.

use super::desk::{Desk, OFFERED};
use crate::support::browsing::Browsing;

#[tokio::test]
async fn a_number_is_looked_for_bought_forwarded_to_and_given_back() {
    let desk = Desk::open().await;
    desk.office.owner("sommer").await;
    let mut ada = Browsing::signed_in(&desk.office, "owner@sommer.example", "de").await;
    let page = ada.get("/console/numbers").await;
    assert!(page.one(".empty").starts_with("Noch keine Rufnummer."));
    let page = ada.get("/console/numbers/buy").await;
    assert!(!page.has(".offers"), "nothing is asked of Twilio before somebody looks");
    let page = ada.submit(&page, "form.filters", &[]).await;
    assert_eq!(page.all(".offers li").len(), OFFERED.len(), "{}", page.text);
    let bought = ada.submit(&page, "main form[method=post]", &[("number", OFFERED[0])]).await;
    assert_eq!(bought.told(), "Die Rufnummer ist gekauft und klingelt hier.", "{}", bought.text);
    assert_eq!(desk.exchange.purchases(), 1);
    let national = OFFERED[0].replacen("+49", "0", 1);
    assert!(bought.all("code").contains(&format!("*21*{national}#")), "{:?}", bought.all("code"));
    assert!(bought.all("code").contains(&format!("**61*{}#", OFFERED[0])));
    assert!(bought.all("code").contains(&format!("**61*{}**20#", OFFERED[0])), "after some seconds");
    let wrong = ada.submit(&bought, "details.danger form", &[("number", "030 1")]).await;
    assert_eq!(wrong.status, 422);
    assert_eq!(desk.exchange.owned().len(), 1);
    let gone = ada.submit(&wrong, "details.danger form", &[("number", &national)]).await;
    assert_eq!(gone.told(), "Die Rufnummer ist zurückgegeben.");
    assert!(desk.exchange.owned().is_empty());
    desk.close().await;
}
