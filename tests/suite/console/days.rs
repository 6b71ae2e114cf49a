//! Appointments, availability and calendars, as people use their pages.

use std::collections::BTreeSet;

use frontdesk::{
    domain::{
        calendar::{CalendarAccess, Connection, ConnectionState, Grant, OutsideCalendar, Place, Vendor},
        time::{Timestamp, Zone},
    },
    platform::clock::Clock,
    store::SealedTokens,
};
use jiff::{Span, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use crate::support::{
    browsing::{Browsing, Shown},
    office::{Asker, Office},
};

/// A practice in UTC: Anna and Ben, always there, a check-up of half an hour with either; somebody signed in.
struct Practice {
    office: Office,
    owner: Asker,
    ada: Browsing,
    service: String,
    anna: String,
    ben: String,
    today: Date,
}

impl Practice {
    async fn open(language: &'static str) -> Self {
        let office = Office::open().await;
        let owner = office.owner("days").await;
        let path = format!("/api/tenants/{}", owner.tenant());
        owner.patch(&path, json!({ "zone": "UTC" })).await.well();
        let day = json!([["00:00", "24:00"]]);
        let week =
            ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|name| (name.to_owned(), day.clone()));
        let schedule = json!({ "week": Value::Object(week.into_iter().collect()) });
        let mut people = vec![];
        for name in ["Anna", "Ben"] {
            let wanted = json!({ "name": name, "schedule": schedule });
            people.push(id(&owner.post("/api/resources", wanted).await.well()));
        }
        let service = json!({
            "key": "checkup", "names": { "de": "Kontrolle", "en": "check-up" }, "duration": 30,
            "resources": people
        });
        let service = id(&owner.post("/api/services", service).await.well());
        let ada = Browsing::signed_in(&office, "owner@days.example", language).await;
        let ben = people.pop().unwrap();
        let anna = people.pop().unwrap();
        let today = Clock::system().now().to_jiff().to_zoned(TimeZone::UTC).date();
        Self { office, owner, ada, service, anna, ben, today }
    }

    fn date(&self, days: i64) -> Date {
        self.today.saturating_add(Span::new().days(days))
    }

    /// An appointment with Anna tomorrow.
    async fn book(&mut self, name: &str, time: &str) -> Shown {
        let date = self.date(1).to_string();
        let page =
            self.ada.get(&format!("/console/appointments/new?date={date}&resource={}", self.anna)).await;
        let wanted = [("time", time), ("name", name), ("number", "+49 30 1234567")];
        self.ada.submit(&page, "main form", &wanted).await
    }

    async fn all(&self) -> Vec<Value> {
        self.owner.get("/api/appointments").await.well()["items"].as_array().unwrap().clone()
    }
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_appointment_is_booked_moved_and_cancelled_by_forms_and_stands_in_the_week() {
    let mut practice = Practice::open("de").await;
    let page = practice.book("Erika <b>Beispiel</b>", "10:00").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.told().starts_with("Gebucht für morgen 10:00"), "{}", page.told());
    assert_eq!(page.heading(), "Termin: Erika <b>Beispiel</b>");
    assert!(!page.has("main b"), "what somebody typed is text");
    let way = page.path.clone();
    let week = practice.ada.get(&format!("/console/appointments?date={}", practice.date(1))).await;
    assert_eq!(week.heading(), "Termine");
    assert!(week.one(".entry.booked").contains("Erika <b>Beispiel</b>"), "{}", week.text);
    assert_eq!(week.attribute(".entry.booked a", "href").as_deref(), Some(way.as_str()));
    let page = practice.ada.get(&way).await;
    let to = [("time", "14:30"), ("resource", practice.ben.as_str())];
    let moved = practice.ada.submit(&page, "form[action$='/move']", &to).await;
    assert!(moved.told().starts_with("Verschoben auf morgen 14:30"), "{}", moved.told());
    assert_eq!(moved.all("#steps li").len(), 2, "booked, then moved");
    // Made from a state that is not the present one.
    let late = practice.ada.submit(&page, "form[action$='/move']", &[("time", "16:00")]).await;
    assert_eq!(late.status, 409);
    assert_eq!(late.attribute("#move-time", "value").as_deref(), Some("16:00"), "nothing typed is lost");
    assert!(late.all(".theirs").iter().any(|words| words.contains("14:30")), "{:?}", late.all(".theirs"));
    let again = practice.ada.submit(&late, "form[action$='/move']", &[]).await;
    assert!(again.told().contains("16:00"), "saved again, hers counts: {}", again.text);
    let noted =
        practice.ada.submit(&again, "form[action$='/note']", &[("note", "bringt einen Hund mit")]).await;
    assert_eq!(noted.one("#note-note"), "bringt einen Hund mit");
    let cancelled = practice.ada.submit(&noted, "form[action$='/cancel']", &[]).await;
    assert_eq!(cancelled.told(), "Der Termin ist abgesagt.");
    assert!(!cancelled.has("form[action$='/move']"), "what is cancelled is not moved");
    assert_eq!(practice.all().await[0]["status"], "cancelled");
    practice.office.server.stop().await;
}

#[tokio::test]
async fn a_time_that_is_taken_is_said_with_what_is_free_instead_and_nobody_is_entered_twice() {
    let mut practice = Practice::open("en").await;
    practice.book("Erika", "10:00").await;
    let page = practice.book("Max", "10:00").await;
    assert_eq!(page.status, 409);
    assert!(page.wrongs()[0].starts_with("That time was taken"), "{:?}", page.wrongs());
    assert!(page.all(".slots a").iter().any(|words| words.contains("10:00") || words.contains("10:30")));
    let why = page.attribute("main p a[href*='/why?']", "href").unwrap();
    let why = practice.ada.get(&why).await;
    assert_eq!(why.heading(), "Why not?");
    let page = practice.ada.submit(&page, "main form", &[("time", "11:00")]).await;
    assert!(page.told().starts_with("Booked for tomorrow 11:00"), "{}", page.text);
    let people = practice.owner.get("/api/contacts").await.well();
    assert_eq!(people["items"].as_array().unwrap().len(), 2);
    for (field, value) in [("time", "soon"), ("name", ""), ("number", "12")] {
        let page = practice.ada.get("/console/appointments/new").await;
        let wanted = [("time", "12:00"), ("name", "Eva"), ("number", ""), (field, value)];
        let page = practice.ada.submit(&page, "main form", &wanted).await;
        assert_eq!((page.status, page.wrongs().len()), (422, 1), "{field}: {:?}", page.wrongs());
        assert_eq!(page.attribute("#summary a", "href"), Some(format!("#{field}")));
    }
    practice.office.server.stop().await;
}

#[tokio::test]
async fn hours_are_written_as_people_write_them_and_two_who_edit_see_the_difference() {
    let mut practice = Practice::open("de").await;
    let path = format!("/console/availability/resources/{}", practice.anna);
    let page = practice.ada.get(&path).await;
    assert_eq!(page.attribute("#week-mon", "value").as_deref(), Some("0:00–24:00"));
    let form = "form[action$='/hours']";
    for wrong in ["nine to five", "9", "25:00-26:00"] {
        let page = practice.ada.submit(&page, form, &[("week-mon", wrong)]).await;
        assert_eq!(page.status, 422, "{wrong}");
        assert_eq!(page.attribute("#week-mon", "value").as_deref(), Some(wrong));
    }
    let backwards = practice.ada.submit(&page, form, &[("week-tue", "14:00-12:00")]).await;
    assert!(backwards.wrongs()[0].contains("nach 14:00 Uhr"), "{:?}", backwards.wrongs());
    let overlap = practice.ada.submit(&page, form, &[("week-tue", "9-12, 11-13")]).await;
    assert!(overlap.wrongs()[0].starts_with("Am Dienstag"), "{:?}", overlap.wrongs());
    let saved = practice.ada.submit(&page, form, &[("week-mon", "9-12.30 Uhr, 14:00 - 18")]).await;
    assert_eq!(saved.attribute("#week-mon", "value").as_deref(), Some("9:00–12:30, 14:00–18:00"));
    let late = practice.ada.submit(&page, form, &[("week-mon", "8-10")]).await;
    assert_eq!(late.status, 409);
    assert!(late.one(".theirs").contains("9:00–12:30, 14:00–18:00"), "both are shown");
    assert_eq!(late.attribute("#week-mon", "value").as_deref(), Some("8-10"));
    let exception = [("date-0", "2030-12-24"), ("hours-0", "")];
    let saved = practice.ada.submit(&saved, form, &exception).await;
    assert_eq!(saved.attribute("#date-0", "value").as_deref(), Some("2030-12-24"));
    let kept = practice.owner.get(&format!("/api/schedules/{}", practice.anna)).await.well();
    assert_eq!(kept["exceptions"], json!({ "2030-12-24": [] }));
    let gone = practice.ada.submit(&saved, form, &[("date-0", "")]).await;
    assert_eq!(gone.attribute("#date-0", "value").as_deref(), Some(""));
    practice.office.server.stop().await;
}

#[tokio::test]
async fn who_is_ill_today_is_blocked_and_what_that_hits_is_decided_on_one_page() {
    let mut practice = Practice::open("de").await;
    for (name, time) in [("Erika", "10:00"), ("Max", "11:00"), ("Eva", "12:00")] {
        practice.book(name, time).await;
    }
    let page = practice.ada.get("/console/availability/ill").await;
    assert_eq!(page.heading(), "Heute krank");
    let until = practice.date(1).to_string();
    let wanted = [("resource", practice.anna.as_str()), ("until", until.as_str())];
    let page = practice.ada.submit(&page, "main form", &wanted).await;
    assert_eq!(page.heading(), "Termine, bei denen niemand da ist");
    assert_eq!(page.told(), "Die Zeit ist gesperrt. Das trifft 3 Termine.");
    assert_eq!(page.all("tbody tr").len(), 3);
    let selects = page.all("tbody select");
    assert!(selects[0].contains("An Ben geben") && !selects[0].contains("Assistenz"), "{selects:?}");
    assert!(page.one("tbody .hint").contains("Ihr Team"), "who may not be rung is listed with the reason");
    let none = practice.ada.submit(&page, "main form", &[]).await;
    assert!(none.one("#outcomes").contains("nichts gewählt"));
    let first = page.attribute("tbody select", "name").unwrap();
    let page = practice.ada.submit(&page, "main form", &[(&first, "keep"), ("all", "colleague")]).await;
    let told = page.all("#outcomes li");
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("Bleibt bestehen") && told[1].contains("Jetzt bei Ben"), "{told:?}");
    assert!(!page.has("tbody tr"), "nothing is left to decide");
    let with_ben =
        practice.all().await.iter().filter(|one| one["resources"] == json!([practice.ben])).count();
    assert_eq!(with_ben, 2);
    practice.office.server.stop().await;
}

#[tokio::test]
async fn why_not_names_every_reason_with_the_way_to_where_it_is_changed() {
    let mut practice = Practice::open("de").await;
    let booked = practice.book("Erika", "10:00").await;
    let closing = practice.ada.get("/console/availability/closing/new").await;
    let date = practice.date(1).to_string();
    let wanted = [
        ("name", "Fortbildung"),
        ("first", date.as_str()),
        ("from", "10:00"),
        ("until", "12:00"),
        ("resource", practice.anna.as_str()),
    ];
    let stranded = practice.ada.submit(&closing, "main form", &wanted).await;
    assert!(stranded.told().contains("Bei einem Termin ist jetzt niemand da"), "{}", stranded.text);
    let path = format!(
        "/console/availability/why?service={}&resource={}&date={date}&time=09:45",
        practice.service, practice.anna
    );
    let page = practice.ada.get(&path).await;
    let reasons = page.all(".reasons li").join("\n");
    assert!(reasons.contains("Geschlossen: Fortbildung"), "{reasons}");
    assert!(reasons.contains("beginnt kein Termin dieser Art"), "{reasons}");
    assert!(reasons.contains("Ein Termin, 10:00–10:30"), "{reasons}");
    let ways: Vec<String> = ["/closing/clo_", "/services/svc_", "/console/appointments/apt_"]
        .iter()
        .filter_map(|way| page.attribute(&format!(".reasons a[href*='{way}']"), "href"))
        .collect();
    assert_eq!(ways.len(), 3, "each leads to where it is changed");
    assert!(booked.path.ends_with(ways[2].rsplit('/').next().unwrap()));
    for way in ways {
        assert_eq!(practice.ada.get(&way).await.status, 200, "{way}");
    }
    let free = practice.ada.get(&path.replace("09:45", "15:00")).await;
    assert!(free.has("#why a[href*='/console/appointments/new']"));
    // The entry is edited and taken away.
    let list = practice.ada.get("/console/availability/closing").await;
    let entry = list.attribute("tbody a", "href").unwrap();
    let entry = practice.ada.get(&entry).await;
    assert_eq!(entry.attribute("#from", "value").as_deref(), Some("10:00"));
    let list = practice.ada.submit(&entry, "form[action$='/remove']", &[]).await;
    assert_eq!(list.told(), "Der Eintrag ist gelöscht.");
    practice.office.server.stop().await;
}

#[tokio::test]
async fn holidays_are_proposed_by_land_and_only_what_is_ticked_closes() {
    let mut practice = Practice::open("de").await;
    let year = practice.date(0).year() + 1;
    let path = format!("/console/availability/closing/holidays?region=BE&year={year}");
    let page = practice.ada.get(&path).await;
    assert!(page.all(".tick label").iter().any(|words| words.contains("Internationaler Frauentag")));
    let day = format!("{year}-03-08");
    let page = practice.ada.submit(&page, "form[method=post][action$='/holidays']", &[("day", &day)]).await;
    assert_eq!(page.told(), "Ein Tag ist eingetragen.");
    assert_eq!(page.all("tbody tr").len(), 1);
    assert!(practice.ada.get(&path).await.one(".badge.good").contains("geschlossen"));
    practice.office.server.stop().await;
}

#[tokio::test]
async fn a_service_is_made_and_changed_and_its_free_times_stand_beside_it() {
    let mut practice = Practice::open("en").await;
    let page = practice.ada.get("/console/availability/services/new").await;
    let wrong = [("names-de", ""), ("names-en", ""), ("duration", "half an hour")];
    let page = practice.ada.submit(&page, "main form", &wrong).await;
    assert_eq!(page.status, 422);
    assert_eq!(page.attribute("#duration", "value").as_deref(), Some("half an hour"));
    let right =
        [("names-de", "Beratung"), ("names-en", "Advice"), ("duration", "20"), ("buffer-after", "10")];
    let page = practice.ada.submit(&page, "main form", &right).await;
    assert_eq!((page.heading().as_str(), page.told().as_str()), ("Advice", "Advice is saved."));
    assert!(page.has(".free-day .slots a"), "its free times stand beside it: {}", page.text);
    let archived = practice.ada.submit(&page, "main form", &[("max-per-day", "3"), ("active", "yes")]).await;
    assert_eq!(archived.attribute("#max-per-day", "value").as_deref(), Some("3"));
    let all = practice.ada.get("/console/availability").await;
    assert!(all.all("tbody th").iter().any(|words| words.contains("Advice")));
    practice.office.server.stop().await;
}

#[tokio::test]
async fn who_may_only_look_is_shown_no_form_and_can_change_nothing() {
    let mut practice = Practice::open("en").await;
    let booked = practice.book("Erika", "10:00").await.path;
    practice.office.member(&practice.owner, "vic", "viewer").await;
    let mut vic = Browsing::signed_in(&practice.office, "vic@viewer.example", "en").await;
    for path in [
        "/console/appointments".to_owned(),
        booked.clone(),
        "/console/availability".to_owned(),
        format!("/console/availability/services/{}", practice.service),
        "/console/appointments/stranded".to_owned(),
        "/console/calendars".to_owned(),
    ] {
        let page = vic.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.has("main form[method=post] button"), "{path}");
    }
    let hours = format!("/console/availability/resources/{}/hours", practice.anna);
    for path in [format!("{booked}/cancel"), hours, "/console/availability/ill".to_owned()] {
        assert_eq!(vic.post(&path, &[("week-mon", "")]).await.status, 403, "{path}");
    }
    assert_eq!(practice.all().await[0]["status"], "confirmed");
    // Another tenant's does not exist.
    practice.office.owner("other").await;
    let mut other = Browsing::signed_in(&practice.office, "owner@other.example", "en").await;
    let anna = format!("/console/availability/resources/{}", practice.anna);
    for path in [booked, anna, format!("/console/availability/services/{}", practice.service)] {
        assert_eq!(other.get(&path).await.status, 404, "{path}");
    }
    practice.office.server.stop().await;
}

#[tokio::test]
async fn the_calendars_page_says_what_can_be_done_where_none_is_connected() {
    let mut practice = Practice::open("de").await;
    let page = practice.ada.get("/console/calendars").await;
    assert_eq!(page.heading(), "Kalender");
    assert!(page.one(".empty").contains("kein Kalender verbunden"));
    let back = practice.ada.get("/console/calendars?problem=refused").await;
    assert!(back.one("#summary").contains("Sie haben nicht zugestimmt"));
    let forged = practice.ada.get("/console/calendars?problem=%3Cb%3Eforged").await;
    assert!(!forged.one("#summary").contains("forged"), "nothing of a link is shown");
    practice.office.server.stop().await;
}

#[tokio::test]
async fn calendars_are_chosen_for_each_and_who_was_faster_is_seen() {
    let mut practice = Practice::open("en").await;
    let connection = Connection {
        id: "cnx_days".parse().unwrap(),
        vendor: Vendor::Google,
        grant: Grant::Person,
        account: "anna@practice.example".to_owned(),
        directory: None,
        personal: false,
        state: ConnectionState::Connected,
        problem: None,
        connected: Timestamp::MIN,
        since: Timestamp::MIN,
    };
    let calendar = OutsideCalendar {
        id: "cal_days".parse().unwrap(),
        connection: connection.id.clone(),
        place: Place { mailbox: None, calendar: "primary".to_owned(), zone: Zone::utc() },
        name: "Surgery <b>hours</b>".to_owned(),
        primary: true,
        access: CalendarAccess::Write,
        there: true,
    };
    let store = &practice.office.server.store;
    let mut tx = store.begin(&practice.owner.tenant().parse().unwrap()).await.unwrap();
    let tokens = SealedTokens { refresh: None, access: None, access_expires: Timestamp::MIN };
    tx.connections().add(&connection, &BTreeSet::new(), &tokens, "usr_1").await.unwrap();
    tx.calendars().put(&calendar, Timestamp::MIN).await.unwrap();
    tx.commit().await.unwrap();
    let page = practice.ada.get("/console/calendars").await;
    assert!(page.one(".badge.good").contains("connected"), "{}", page.text);
    assert!(page.text.contains("Surgery &#60;b&#62;hours") || page.text.contains("Surgery &lt;b&gt;hours"));
    let form = format!("form[action='/console/calendars/choose/{}']", practice.anna);
    let chosen = practice.ada.submit(&page, &form, &[("target", "cal_days")]).await;
    assert_eq!(chosen.told(), "The choice is saved.");
    let kept = practice.owner.get(&format!("/api/resources/{}/calendars", practice.anna)).await.well();
    assert_eq!(kept, json!({ "blocking": ["cal_days"], "target": "cal_days" }));
    let late = practice.ada.submit(&page, &form, &[]).await;
    assert_eq!(late.status, 409);
    assert!(late.one(".theirs").contains("Surgery <b>hours</b>"), "{}", late.text);
    let again = practice.ada.submit(&late, &form, &[]).await;
    assert_eq!(again.told(), "The choice is saved.", "saved once more, hers counts");
    let gone = practice.ada.submit(&again, "form[action$='/disconnect']", &[]).await;
    assert_eq!(gone.told(), "Disconnected. Your choices are kept.");
    assert!(
        gone.has("form[action='/console/calendars/connect'] input[name=connection]"),
        "it can be reconnected"
    );
    practice.office.server.stop().await;
}
