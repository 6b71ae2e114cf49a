//! Today, figures, notifications and what an operator sees, as people use them.

use frontdesk::{
    app::{
        analytics,
        bookings::{self, Asker as Booker, Wish},
        calls::{self, Finished},
    },
    boot::config::Config,
    domain::{conversation::Outcome, time::Timestamp},
    platform::clock::Clock,
    store::NewCall,
};

use crate::support::{
    browsing::Browsing,
    house::House,
    office::{Asker, Office},
    practice::Practice,
};

/// A practice whose owner looks.
async fn practice(name: &str) -> (Office, Asker, Practice) {
    let office = Office::open_in(House::new()).await;
    let owner = office.owner(name).await;
    let store = &office.server.store;
    let mut practice = Practice::named(name);
    let tenant = owner.tenant().parse().unwrap();
    practice.tenant = store.read(&tenant).await.unwrap().tenant().get().await.unwrap().unwrap();
    practice.number.number = "+493055501234".parse().unwrap();
    practice.keep(store).await;
    (office, owner, practice)
}

/// A call that rang then and lasted a minute.
async fn called(office: &Office, practice: &Practice, n: u32, at: Timestamp) {
    let store = &office.server.store;
    let new: NewCall = practice.new_call(n);
    let mut tx = store.begin(&practice.tenant.id).await.unwrap();
    tx.calls().ring(&new, at).await.unwrap();
    tx.commit().await.unwrap();
    let ended =
        Finished { answered: Some(at), ..Finished::without_words(Outcome::AgentLeft, at.plus_minutes(1)) };
    calls::finished(store, &practice.tenant.id, &new.id, &ended).await.unwrap();
}

async fn count(office: &Office) {
    let prices = Config::read(None, []).unwrap().twilio.prices();
    while analytics::count_due(&office.server.store, &prices).await.unwrap() > 0 {}
}

#[tokio::test]
async fn today_shows_what_needs_somebody_what_is_on_and_how_yesterday_went() {
    let (office, _, practice) = practice("heute").await;
    let now = Clock::system().now();
    called(&office, &practice, 1, now.plus_minutes(-24 * 60)).await;
    count(&office).await;
    let mut tx = office.server.store.begin(&practice.tenant.id).await.unwrap();
    let nobody = frontdesk::domain::org::Number { assistant: None, ..practice.number.clone() };
    tx.numbers().put(&nobody).await.unwrap();
    tx.commit().await.unwrap();
    let mut ada = Browsing::signed_in(&office, "owner@heute.example", "de").await;
    let page = ada.get("/console/today").await;
    assert_eq!(page.heading(), "Heute");
    assert!(page.one("#needs").contains("nimmt niemand ab"), "{}", page.text);
    assert!(page.has("#live") && page.has("#dated .empty"));
    let tiles = page.all(".tile");
    assert!(tiles[0].starts_with("Anrufe") && tiles[0].contains('1'), "{tiles:?}");
    assert!(page.one("svg.spark title").contains("Anrufe der letzten 14 Tage"));
    office.server.stop().await;
}

#[tokio::test]
async fn the_switch_has_the_assistant_step_back_and_every_page_says_so() {
    let (office, owner, practice) = practice("pause").await;
    let mut ada = Browsing::signed_in(&office, "owner@pause.example", "de").await;
    let page = ada.get("/console/today").await;
    assert!(!page.has(".banner"));
    let form = "form[action='/console/today/pause']";
    let refused = ada.submit(&page, form, &[("for", "open"), ("fallback-number", "112")]).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.attribute("#pause-fallback-number", "value").as_deref(), Some("112"));
    let own = practice.number.number.to_string();
    let circle = ada.submit(&page, form, &[("for", "open"), ("fallback-number", own.as_str())]).await;
    assert_eq!(circle.status, 422);
    assert!(circle.wrongs()[0].contains("im Kreis"), "{:?}", circle.wrongs());
    let done = ada.submit(&page, form, &[("for", "open"), ("fallback-number", "0151 12345678")]).await;
    assert_eq!(done.told(), "Die Assistenz ist pausiert, bis jemand sie beendet.");
    assert_eq!(owner.get("/api/pause").await.well()["fallback_number"], "+4915112345678");
    let elsewhere = ada.get("/console/calls").await;
    assert!(elsewhere.one(".banner").contains("pausiert"), "{}", elsewhere.text);
    let back = ada.get("/console/today").await;
    let over = ada.submit(&back, "form[action='/console/today/resume']", &[]).await;
    assert_eq!(over.told(), "Die Pause ist beendet. Die Assistenz nimmt wieder ab.");
    assert!(!over.has(".banner"));
    office.server.stop().await;
}

#[tokio::test]
async fn figures_are_drawn_and_stand_in_tables_with_the_same_numbers() {
    let (office, _, practice) = practice("zahlen").await;
    let now = Clock::system().now();
    for n in 1..=3 {
        called(&office, &practice, n, now.plus_minutes(-60)).await;
    }
    count(&office).await;
    let mut ada = Browsing::signed_in(&office, "owner@zahlen.example", "en").await;
    let page = ada.get("/console/figures?by=week").await;
    assert_eq!(page.heading(), "Figures");
    assert!(page.one("figure").contains("Calls over time"), "{}", page.text);
    let bars = page.all("figure:first-of-type svg rect title");
    let rows = page.all("figure:first-of-type tbody tr");
    assert!(!bars.is_empty() && bars.len() == rows.len(), "{bars:?} {rows:?}");
    assert!(bars.last().unwrap().ends_with('3'), "{bars:?}");
    assert_eq!(page.all("section[aria-labelledby=outcomes-title] tbody tr").len(), 1, "{}", page.text);
    let file = ada.get("/console/figures/file?by=week").await;
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    assert!(file.text.contains("Calls"));
    let wrong = ada.get("/console/figures?from=tomorrow").await;
    assert_eq!(wrong.status, 422);
    assert_eq!(wrong.attribute("#from", "aria-invalid").as_deref(), Some("true"));
    office.server.stop().await;
}

#[tokio::test]
async fn a_member_chooses_what_she_gets_mails_about_and_sees_who_was_faster() {
    let (office, owner, _) = practice("mails").await;
    let mut ada = Browsing::signed_in(&office, "owner@mails.example", "de").await;
    let page = ada.get("/console/settings/notifications").await;
    assert_eq!(page.heading(), "Benachrichtigungen");
    let form = "main form";
    let half = ada.submit(&page, form, &[("quiet-from", "20:00")]).await;
    assert_eq!(half.status, 422);
    assert!(half.wrongs()[0].contains("Anfang und Ende"), "{:?}", half.wrongs());
    let wrong = ada.submit(&page, form, &[("sms-number", "110")]).await;
    assert!(wrong.wrongs()[0].starts_with("Geben Sie eine Mobilnummer"), "{:?}", wrong.wrongs());
    let wanted = [
        ("about-message", "daily"),
        ("quiet-from", "20:00"),
        ("quiet-until", "07:00"),
        ("sms-number", "0151 12345678"),
    ];
    let done = ada.submit(&page, form, &wanted).await;
    assert_eq!(done.told(), "Ihre Benachrichtigungen sind gespeichert.");
    let kept = owner.get("/users/me/notifications").await.well();
    assert_eq!((&kept["choices"]["message"], &kept["quiet_from"]), (&"daily".into(), &"20:00".into()));
    assert_eq!(kept["sms_number"], "+4915112345678");
    // The page from before is stale: both are shown.
    let late = ada.submit(&page, form, &[("about-message", "at_once")]).await;
    assert_eq!(late.status, 409);
    assert!(late.has(".theirs"), "{}", late.text);
    office.server.stop().await;
}

#[tokio::test]
async fn an_operator_has_the_doctor_look_and_reads_what_it_found() {
    let office = Office::open().await;
    office.owner("curious").await;
    office.operator("olga").await;
    let mut olga = Browsing::signed_in(&office, "olga@platform.example", "en").await;
    let page = olga.get("/console/operator").await;
    assert!(page.one("#doctor").contains("Nobody has had the doctor look"), "{}", page.one("#doctor"));
    let form = "form[action='/console/operator/doctor']";
    let mut page = olga.submit(&page, form, &[]).await;
    for _ in 0..20 {
        if page.has("#doctor .needs li") {
            break;
        }
        page = olga.submit(&page, form, &[]).await;
    }
    let found = page.all("#doctor .needs li");
    let engine = found.iter().find(|one| one.starts_with("engine")).unwrap();
    assert!(engine.contains("Set OPENAI_API_KEY"), "{engine}");
    assert!(found.iter().any(|one| one.starts_with("database") && one.contains("well")), "{found:?}");
    let mut ada = Browsing::signed_in(&office, "owner@curious.example", "en").await;
    assert_eq!(ada.post("/console/operator/doctor", &[]).await.status, 404);
}

#[tokio::test]
async fn an_operator_sees_the_whole_and_nobody_else_does() {
    let (office, _, _) = practice("ganzes").await;
    let operator = office.operator("olga").await;
    assert!(operator.token.is_some());
    let mut olga = Browsing::signed_in(&office, "olga@platform.example", "en").await;
    let page = olga.get("/console/operator").await;
    assert_eq!(page.heading(), "Operations");
    assert!(
        page.text.contains("ganzes") && page.one("#load").contains("Work that can wait"),
        "{}",
        page.text
    );
    assert!(page.one("main").contains("There is no key"), "no engine is configured here");
    let mut ada = Browsing::signed_in(&office, "owner@ganzes.example", "en").await;
    assert_eq!(ada.get("/console/operator").await.status, 404);
    office.server.stop().await;
}

#[tokio::test]
async fn todays_appointments_stand_in_the_days_line_with_what_callers_typed_as_text() {
    let (office, _, mut practice) = practice("linie").await;
    practice.contact.name = "<b>Erika</b>".to_owned();
    practice.keep(&office.server.store).await;
    let store = &office.server.store;
    let now = Clock::system().now();
    let wall = practice.tenant.zone.wall(now);
    // Whatever day it is, somebody of staff may book at noon of it.
    let noon = wall.date().at(12, 0, 0, 0).to_zoned(practice.tenant.zone.rules().clone()).unwrap();
    let mut open = practice.ada.clone();
    let day = jiff::civil::time(0, 0, 0, 0);
    let window = frontdesk::domain::booking::Window { opens: day, closes: jiff::civil::time(23, 45, 0, 0) };
    open.schedule.week = std::array::from_fn(|_| vec![window]);
    let mut tx = store.begin(&practice.tenant.id).await.unwrap();
    tx.resources().put(&open).await.unwrap();
    tx.commit().await.unwrap();
    let start = Timestamp::from(noon.timestamp());
    let wish =
        Wish { service: practice.checkup.id.clone(), start, resource: Some(open.id.clone()), seats: 1 };
    let by = Booker { tenant: practice.tenant.id.clone(), call: None, key: None, staff: None };
    // Asked at midnight, it is well ahead.
    let midnight = start.plus_minutes(-12 * 60);
    bookings::book(store, &by, midnight, &wish, &practice.contact.id, "", None).await.unwrap();
    let mut ada = Browsing::signed_in(&office, "owner@linie.example", "de").await;
    let page = ada.get("/console/today").await;
    let line = page.one(".day");
    assert!(line.contains("12:00–12:30") && line.contains("Vorsorge"), "{line}");
    assert!(line.contains("<b>Erika</b>") && !page.has(".day b"), "what stands in a name is text: {line}");
    office.server.stop().await;
}

#[tokio::test]
async fn every_page_says_that_a_calendar_is_cut_off_and_what_callers_hear() {
    use frontdesk::{
        domain::calendar::{Connection, ConnectionState, Grant, Vendor},
        store::SealedTokens,
    };
    let (office, _, practice) = practice("los").await;
    let now = Clock::system().now();
    let mut tx = office.server.store.begin(&practice.tenant.id).await.unwrap();
    let connection = Connection {
        id: "cnx_weber".parse().unwrap(),
        vendor: Vendor::Google,
        grant: Grant::Person,
        account: "weber@practice.example".to_owned(),
        directory: None,
        personal: false,
        state: ConnectionState::Connected,
        problem: None,
        connected: now,
        since: now,
    };
    let tokens = SealedTokens { refresh: None, access: None, access_expires: Timestamp(0) };
    tx.connections().add(&connection, &Default::default(), &tokens, "usr_ada").await.unwrap();
    let generation = tx.connections().way(&connection.id).await.unwrap().unwrap().generation;
    assert!(tx.connections().lost(&connection.id, generation, "invalid_grant", now).await.unwrap());
    tx.commit().await.unwrap();
    let mut ada = Browsing::signed_in(&office, "owner@los.example", "de").await;
    for path in ["/console/today", "/console/calls", "/console/figures", "/console/settings/notifications"] {
        let line = ada.get(path).await.one(".banner");
        assert!(
            line.contains("weber@practice.example") && line.contains("die Bestätigung folgt"),
            "{path}: {line}"
        );
    }
    office.server.stop().await;
}
