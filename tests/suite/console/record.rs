//! What is done with a call that is over, on its page.

use frontdesk::{
    app::calls::{self, Finished},
    domain::{
        conversation::{Outcome, Speaker, Turn},
        id::CallId,
        time::CallTime,
    },
    platform::blobs::BlobName,
    store::Taped,
};

use crate::support::{
    browsing::Browsing,
    neighbours::Neighbour,
    office::Office,
    practice::{Practice, at},
};

/// A call of the tenant's that is over and was recorded, ten minutes after the one before.
async fn kept(office: &Office, tenant: &Neighbour, n: u32) -> CallId {
    let mut practice = Practice::named("alpha");
    practice.tenant.id = tenant.owner.tenant().parse().unwrap();
    let (store, id) = (&office.server.store, practice.tenant.id.clone());
    let call = practice.new_call(n);
    let mut tx = store.begin(&id).await.unwrap();
    tx.calls().ring(&call, at(i64::from(n) * 10)).await.unwrap();
    tx.commit().await.unwrap();
    let blob = format!("recordings/{}.ogg", call.id);
    office.server.blobs.put(&BlobName::new(blob.clone()).unwrap(), b"OggS").unwrap();
    let words = "Guten Tag".to_owned();
    let turn = Turn {
        ordinal: 0,
        speaker: Speaker::Caller,
        began: CallTime(0),
        ended: CallTime(1_000),
        heard_text: words.clone(),
        text: words,
        generated_ms: 0,
        heard_ms: 0,
        interrupted: false,
        first_audio_ms: None,
        confidence: None,
    };
    let taped = Taped {
        blob,
        key: None,
        begun: at(0),
        began: CallTime(0),
        millis: Some(1_000),
        complete: true,
        silences: vec![],
    };
    let finished = Finished {
        turns: vec![turn],
        recording: Some(taped),
        ..Finished::without_words(Outcome::CallerLeft, at(i64::from(n) * 10 + 3))
    };
    calls::finished(store, &id, &call.id, &finished).await.unwrap();
    let idle = async {
        while store.across_tenants().next_due().await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), idle).await.unwrap();
    call.id
}

#[tokio::test]
async fn a_note_and_tags_are_written_on_a_call_and_the_list_is_gone_through_by_them() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let mut all = vec![];
    for n in 10..13 {
        all.push(kept(&office, &tenant, n).await);
    }
    let mut ada = Browsing::signed_in(&office, "owner@alpha.example", "de").await;
    let mut last = None;
    for call in [&all[0], &all[2]] {
        let page = ada.get(&format!("/console/calls/{call}")).await;
        let fields = [("note", "<i>Ruft am Freitag wieder an.</i>"), ("tags", "Rechnung, Rückruf,")];
        let saved = ada.submit(&page, "form[action$='/remarks']", &fields).await;
        assert_eq!(saved.told(), "Die Notiz ist gespeichert.");
        assert_eq!(saved.one("#note"), "<i>Ruft am Freitag wieder an.</i>");
        assert_eq!(saved.attribute("#tags", "value").as_deref(), Some("Rechnung, Rückruf"));
        last = Some((page, saved));
    }
    let (stale, saved) = last.unwrap();
    let late = ada.submit(&stale, "form[action$='/remarks']", &[("note", "Zu spät")]).await;
    assert_eq!(late.status, 409);
    assert_eq!(late.one("#note"), "Zu spät", "what was typed is still there");
    let wrong = ada.submit(&saved, "form[action$='/remarks']", &[("tags", &"x".repeat(41))]).await;
    assert_eq!(wrong.status, 422);
    assert_eq!(
        wrong.wrongs(),
        ["Geben Sie höchstens zehn Schlagwörter mit je höchstens 40 Zeichen ein, mit Kommas getrennt."]
    );
    let list = ada.get("/console/calls").await;
    let list = ada.submit(&list, "form.filters", &[("tag", "Rechnung")]).await;
    assert_eq!(list.all("tbody tr").len(), 2, "{}", list.text);
    let newest = list.attribute("tbody th a", "href").unwrap();
    assert_eq!(newest, format!("/console/calls/{}?tag=Rechnung", all[2]));
    let page = ada.get(&newest).await;
    assert!(!page.has("a[rel='prev']"), "none is newer");
    let older = page.attribute("a[rel='next']", "href").unwrap();
    assert_eq!(older, format!("/console/calls/{}?tag=Rechnung", all[0]), "the one between has no such tag");
    let page = ada.get(&older).await;
    assert_eq!(page.attribute("a[rel='prev']", "href"), Some(newest));
    assert_eq!(page.attribute("nav.pages a", "href").as_deref(), Some("/console/calls?tag=Rechnung"));
    let whole = ada.get(&format!("/console/calls/{}", all[1])).await;
    assert_eq!(whole.attribute("a[rel='prev']", "href"), Some(format!("/console/calls/{}", all[2])));
    assert_eq!(whole.attribute("a[rel='next']", "href"), Some(format!("/console/calls/{}", all[0])));
    office.member(&tenant.owner, "vera", "viewer").await;
    let mut vera = Browsing::signed_in(&office, "vera@viewer.example", "en").await;
    let page = vera.get(&format!("/console/calls/{}", all[0])).await;
    assert!(!page.has("form[action$='/remarks']"));
    assert!(page.one("[aria-labelledby='remarks']").contains("Rückruf"));
}

#[tokio::test]
async fn a_recording_is_deleted_after_it_was_said_what_goes_and_what_stays() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let call = kept(&office, &tenant, 10).await;
    let mut ada = Browsing::signed_in(&office, "owner@alpha.example", "de").await;
    let page = ada.get(&format!("/console/calls/{call}")).await;
    let way = page.attribute("a[href$='/recording/remove']", "href").unwrap();
    let sure = ada.get(&way).await;
    assert_eq!(sure.heading(), "Aufzeichnung löschen?");
    assert!(sure.one(".lead").starts_with("Termin und Eintrag in der Anrufliste bleiben."));
    assert_eq!(
        (sure.one("main button.danger"), sure.one("main .acts a")),
        ("Aufzeichnung löschen".to_owned(), "Behalten".to_owned())
    );
    // Unticked, the words stay.
    let done = ada.post(&way, &[]).await;
    assert_eq!(
        done.told(),
        "Die Aufzeichnung ist gelöscht. Mitschrift, Termin und Eintrag in der Anrufliste sind geblieben."
    );
    assert!(!done.has("audio") && done.one("#turn-0").contains("Guten Tag"));
    assert_eq!(ada.get(&way).await.status, 404);
    let other = kept(&office, &tenant, 11).await;
    let sure = ada.get(&format!("/console/calls/{other}/recording/remove")).await;
    let done = ada.submit(&sure, "main form", &[("transcript", "yes")]).await;
    assert!(!done.has("audio") && !done.has("#turn-0"), "{}", done.text);
    office.member(&tenant.owner, "mia", "member").await;
    let mut mia = Browsing::signed_in(&office, "mia@member.example", "de").await;
    let third = kept(&office, &tenant, 12).await;
    let page = mia.get(&format!("/console/calls/{third}")).await;
    assert!(page.has("audio") && !page.has("a[href$='/recording/remove']"));
    assert_eq!(mia.post(&format!("/console/calls/{third}/recording/remove"), &[]).await.status, 403);
}

#[tokio::test]
async fn a_link_to_a_call_is_made_shown_once_opened_and_taken_back() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let call = kept(&office, &tenant, 10).await;
    let mut ada = Browsing::signed_in(&office, "owner@alpha.example", "en").await;
    let page = ada.get(&format!("/console/calls/{call}")).await;
    let made = ada.submit(&page, "form[action$='/shares']", &[("open", "168")]).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let url = made.one("code.secret");
    let link = url[url.find("/console/").unwrap()..].to_owned();
    let mut stranger = Browsing::at(office.server.addr, "en");
    let opened = stranger.get(&link).await;
    assert_eq!((opened.status, opened.heading().as_str()), (200, "A call to listen to"));
    assert!(!opened.has("a[href^='/console/calls']"));
    let page = ada.get(&format!("/console/calls/{call}")).await;
    assert!(!page.text.contains(&link), "it is shown once");
    assert!(page.one("[aria-labelledby='shares'] li").contains("opened once"), "{}", page.text);
    let wrong = ada.submit(&page, "form[action$='/shares']", &[("open", "9999")]).await;
    assert_eq!(wrong.wrongs(), ["Choose how long the link opens: fourteen days at most."]);
    let done = ada.submit(&page, "form[action$='/revoke']", &[]).await;
    assert_eq!(done.told(), "The link opens no more.");
    assert!(done.one("[aria-labelledby='shares'] li").starts_with("taken back"));
    assert_eq!(stranger.get(&link).await.status, 404);
}
