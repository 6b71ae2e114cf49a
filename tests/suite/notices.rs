//! What needs somebody, and who is told of it by mail: at once, once a day, or not.

use frontdesk::{
    app::{notifications, people::People},
    boot,
    domain::{
        calendar::{Connection, ConnectionState, Grant, Vendor},
        notices::{Choice, EventKind, Preferences, time_of},
        people::Role,
        time::{Timestamp, Zone},
    },
    platform::clock::Clock,
    store::{Message, SealedTokens, Store},
    telephony::PublicUrl,
};
use jiff::civil::date;
use serde_json::{Value, json};

use crate::support::{
    house::House,
    office::{Asker, Office},
    practice::Practice,
};

/// A practice whose owner asks.
struct Desk {
    office: Office,
    owner: Asker,
    practice: Practice,
    people: People,
}

impl Desk {
    async fn open(name: &str) -> Self {
        let office = Office::open_in(House::new()).await;
        let owner = office.owner(name).await;
        let store = &office.server.store;
        let mut practice = Practice::named(name);
        let tenant = owner.tenant().parse().unwrap();
        practice.tenant = store.read(&tenant).await.unwrap().tenant().get().await.unwrap().unwrap();
        practice.keep(store).await;
        let public = PublicUrl::local(office.server.addr);
        let people = boot::people(&office.house.config(), store, &public, &office.server.keys).unwrap();
        Self { office, owner, practice, people }
    }

    fn store(&self) -> &Store {
        &self.office.server.store
    }

    async fn leave_message(&self, n: u32, at: Timestamp) {
        let message = Message {
            id: format!("msg_{n}").parse().unwrap(),
            call: None,
            name: "Erika Beispiel".to_owned(),
            number: self.practice.contact.number.clone(),
            text: "Es geht um den Befund.".to_owned(),
            left: at,
            handled: None,
            spoken: None,
            work: Default::default(),
        };
        let mut tx = self.store().begin(&self.practice.tenant.id).await.unwrap();
        tx.messages().add(&message).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn kinds(&self) -> Vec<Value> {
        let notices = self.owner.get("/api/notices").await.well();
        notices["items"].as_array().unwrap().iter().map(|notice| notice["kind"].clone()).collect()
    }

    async fn tell(&self, now: Timestamp) {
        notifications::tell_due(self.store(), &self.people, now).await.unwrap();
    }

    /// The mails to the owner, as they stand in the outbox: what they are about and what they say.
    async fn mails(&self) -> Vec<(String, String)> {
        let page = self.people.mails(None, 200).await.unwrap();
        let to = format!("owner@{}.example", self.practice.tenant.slug);
        let own = page.items.into_iter().filter(|one| one.mail.recipient.as_str() == to);
        own.map(|one| (one.mail.subject, one.body.unwrap_or_default())).collect()
    }
}

fn now() -> Timestamp {
    Clock::system().now()
}

#[tokio::test]
async fn what_needs_somebody_is_shown_until_its_cause_is_gone() {
    let desk = Desk::open("sonne").await;
    assert_eq!(desk.kinds().await, Vec::<Value>::new());
    desk.leave_message(1, now()).await;
    desk.leave_message(2, now()).await;
    let mut tx = desk.store().begin(&desk.practice.tenant.id).await.unwrap();
    let nobody = frontdesk::domain::org::Number { assistant: None, ..desk.practice.number.clone() };
    tx.numbers().put(&nobody).await.unwrap();
    let connection = Connection {
        id: "cnx_weber".parse().unwrap(),
        vendor: Vendor::Google,
        grant: Grant::Person,
        account: "weber@practice.example".to_owned(),
        directory: None,
        personal: false,
        state: ConnectionState::Connected,
        problem: None,
        connected: now(),
        since: now(),
    };
    let tokens = SealedTokens { refresh: None, access: None, access_expires: Timestamp(0) };
    tx.connections().add(&connection, &Default::default(), &tokens, "usr_ada").await.unwrap();
    let generation = tx.connections().way(&connection.id).await.unwrap().unwrap().generation;
    assert!(tx.connections().lost(&connection.id, generation, "invalid_grant", now()).await.unwrap());
    tx.commit().await.unwrap();
    let notices = desk.owner.get("/api/notices").await.well();
    let kinds: Vec<_> = notices["items"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, [json!("calendar_cut_off"), json!("number_without_assistant"), json!("messages")]);
    assert_eq!(notices["items"][0]["callers_hear"], "confirmation_follows");
    assert_eq!(notices["items"][0]["name"], "weber@practice.example");
    assert_eq!(notices["items"][2]["count"], 2);
    for n in 1..=2 {
        desk.owner.patch(&format!("/api/messages/msg_{n}"), json!({ "handled": true })).await.well();
    }
    let answered = json!({ "assistant": desk.practice.assistant.id.as_str() });
    desk.owner.patch(&format!("/api/numbers/{}", desk.practice.number.id), answered).await.well();
    assert_eq!(desk.kinds().await, [json!("calendar_cut_off")]);
    desk.office.server.stop().await;
}

#[tokio::test]
async fn whoever_wants_it_is_told_at_once_and_once_and_without_names() {
    let desk = Desk::open("mond").await;
    let usual = desk.owner.get("/users/me/notifications").await.well();
    assert_eq!(usual["choices"]["calendar_cut_off"], "at_once");
    assert_eq!(usual["choices"]["message"], "never");
    desk.leave_message(1, now()).await;
    desk.tell(now()).await;
    assert!(desk.mails().await.is_empty(), "nobody has asked for mails");
    let wanted = json!({ "choices": { "message": "at_once" } });
    let kept = desk.owner.patch("/users/me/notifications", wanted).await.well();
    assert_eq!(kept["choices"]["message"], "at_once");
    desk.tell(now().plus_minutes(5)).await;
    let mails = desk.mails().await;
    let [(subject, body)] = &mails[..] else { panic!("one mail: {mails:?}") };
    assert!(body.contains("- one message\n") && body.contains("/console/today"), "{body}");
    for secret in ["Erika", "Befund", "+49"] {
        assert!(!body.contains(secret) && !subject.contains(secret), "{body}");
    }
    for minutes in [10, 20] {
        desk.tell(now().plus_minutes(minutes)).await;
    }
    assert_eq!(desk.mails().await.len(), 1, "it is told once");
    desk.office.server.stop().await;
}

#[tokio::test]
async fn an_urgent_call_is_told_by_itself_and_not_twice() {
    let desk = Desk::open("saturn").await;
    let wanted = json!({ "choices": { "message": "at_once", "urgent_call": "at_once" } });
    desk.owner.patch("/users/me/notifications", wanted).await.well();
    desk.leave_message(1, now()).await;
    desk.owner.patch("/api/messages/msg_1", json!({ "urgent": true })).await.well();
    desk.tell(now().plus_minutes(5)).await;
    let mails = desk.mails().await;
    let [(_, body)] = &mails[..] else { panic!("one mail: {mails:?}") };
    assert!(body.contains("- one urgent call\n") && !body.contains("- one message"), "{body}");
    let wanted = json!({ "choices": { "message": "never", "urgent_call": "at_once" } });
    desk.owner.patch("/users/me/notifications", wanted).await.well();
    desk.leave_message(2, now().plus_minutes(6)).await;
    desk.tell(now().plus_minutes(15)).await;
    assert_eq!(desk.mails().await.len(), 1, "what is not urgent is not told");
    desk.office.server.stop().await;
}

#[tokio::test]
async fn the_daily_mail_goes_once_a_day_and_says_what_is_open() {
    let desk = Desk::open("stern").await;
    let wanted = json!({ "choices": { "message": "daily" }, "daily_at": "07:30" });
    desk.owner.patch("/users/me/notifications", wanted).await.well();
    desk.leave_message(1, now()).await;
    let zone = &desk.practice.tenant.zone;
    let at = |day: i8, hour: i8, minute: i8| {
        let wall = date(2030, 3, day).at(hour, minute, 0, 0).to_zoned(zone.rules().clone()).unwrap();
        Timestamp::from(wall.timestamp())
    };
    desk.tell(at(4, 7, 0)).await;
    let before = desk.mails().await.len();
    for minute in [31, 40, 50] {
        desk.tell(at(4, 7, minute)).await;
    }
    assert_eq!(desk.mails().await.len(), before + 1, "one a day");
    desk.tell(at(5, 7, 31)).await;
    let mails = desk.mails().await;
    assert_eq!(mails.len(), before + 2, "what is open is told again the next day");
    assert!(mails.iter().all(|(_, body)| body.contains("- one message\n")), "{mails:?}");
    desk.owner.patch("/api/messages/msg_1", json!({ "handled": true })).await.well();
    desk.tell(at(6, 7, 31)).await;
    assert_eq!(desk.mails().await.len(), before + 2, "nothing is open, and nothing is told");
    desk.office.server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_chosen_is_refused_with_the_reason() {
    let desk = Desk::open("komet").await;
    for (wanted, pointer) in [
        (json!({ "choices": { "weather": "daily" } }), "/choices/weather"),
        (json!({ "choices": { "message": "often" } }), "/choices/message"),
        (json!({ "quiet_from": "20:00" }), "/quiet_until"),
        (json!({ "quiet_from": "8 pm", "quiet_until": "07:00" }), "/quiet_from"),
        (json!({ "daily_at": "25:00" }), "/daily_at"),
        (json!({ "sms_number": "110" }), "/sms_number"),
        (json!({ "sms_number": "+12125550123" }), "/sms_number"),
    ] {
        let refused = desk.owner.patch("/users/me/notifications", wanted.clone()).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{wanted}");
    }
    let quiet = json!({ "quiet_from": "20:00", "quiet_until": "07:00" });
    let kept = desk.owner.patch("/users/me/notifications", quiet).await.well();
    assert_eq!(kept["sms_number"], Value::Null);
    let mobile = desk.owner.patch("/users/me/notifications", json!({ "sms_number": "+4915112345678" })).await;
    assert_eq!(mobile.well()["sms_number"], "+4915112345678");
    assert_eq!((&kept["quiet_from"], &kept["quiet_until"]), (&json!("20:00"), &json!("07:00")));
    desk.office.server.stop().await;
}

#[test]
fn quiet_hours_reach_over_midnight_and_end_in_the_morning() {
    let zone: Zone = "Europe/Berlin".parse().unwrap();
    let at = |day: i8, hour: i8| {
        let wall = date(2026, 3, day).at(hour, 0, 0, 0).to_zoned(zone.rules().clone()).unwrap();
        Timestamp::from(wall.timestamp())
    };
    let wanted = Preferences { quiet: Some((20 * 60, 7 * 60)), ..Preferences::default() };
    assert_eq!(wanted.quiet_until(at(2, 19), &zone), None);
    assert_eq!(wanted.quiet_until(at(2, 20), &zone), Some(at(3, 7)));
    assert_eq!(wanted.quiet_until(at(3, 6), &zone), Some(at(3, 7)));
    assert_eq!(wanted.quiet_until(at(3, 7), &zone), None);
    let noon = Preferences { quiet: Some((12 * 60, 13 * 60)), ..Preferences::default() };
    assert_eq!(noon.quiet_until(at(2, 12), &zone), Some(at(2, 13)));
    assert_eq!(time_of(7 * 60 + 30), jiff::civil::time(7, 30, 0, 0));
}

#[test]
fn admins_are_told_of_calendars_and_nobody_of_anything_else_unless_they_say_so() {
    let usual = Preferences::default();
    for kind in EventKind::ALL {
        let told = matches!(kind, EventKind::CalendarCutOff | EventKind::Clash);
        let wanted = if told { Choice::AtOnce } else { Choice::Never };
        assert_eq!(usual.choice(*kind, Role::Admin), wanted);
        assert_eq!(usual.choice(*kind, Role::Member), Choice::Never);
    }
}
