//! Closing days, absences, what they leave stranded, and why a time is not offered: as the console and programs ask.

use frontdesk::platform::clock::Clock;
use jiff::{Span, civil::Date, tz::TimeZone};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::office::{Asker, Office, sent};

/// A practice in UTC that is always open: Anna and Ben, a check-up of half an hour with either, and a patient.
struct Practice {
    office: Office,
    owner: Asker,
    service: String,
    anna: String,
    ben: String,
    contact: String,
    today: Date,
}

impl Practice {
    async fn open() -> Self {
        let office = Office::open().await;
        let owner = office.owner("alpha").await;
        let day = json!([["00:00", "24:00"]]);
        let week =
            ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|name| (name.to_owned(), day.clone()));
        let schedule = json!({ "week": Value::Object(week.into_iter().collect()) });
        let path = format!("/api/tenants/{}", owner.tenant());
        owner.patch(&path, json!({ "zone": "UTC" })).await.well();
        let mut people = vec![];
        for name in ["Anna", "Ben"] {
            let wanted = json!({ "name": name, "schedule": schedule });
            people.push(id(&owner.post("/api/resources", wanted).await.well()));
        }
        let service = json!({
            "key": "checkup", "names": { "de": "Kontrolle" }, "duration": 30, "resources": people,
            "minimum_notice": 120
        });
        let service = id(&owner.post("/api/services", service).await.well());
        let contact = id(&owner.post("/api/contacts", json!({ "name": "Erika Beispiel" })).await.well());
        let ben = people.pop().unwrap();
        let anna = people.pop().unwrap();
        let today = Clock::system().now().to_jiff().to_zoned(TimeZone::UTC).date();
        Self { office, owner, service, anna, ben, contact, today }
    }

    fn date(&self, days: i64) -> Date {
        self.today.saturating_add(Span::new().days(days))
    }

    /// An appointment with Anna that many days from today.
    async fn book(&self, days: i64, at: &str) -> String {
        let start = format!("{}T{at}:00Z", self.date(days));
        let wanted = json!({
            "service": self.service, "contact": self.contact, "resource": self.anna, "start": start
        });
        id(&self.owner.post("/api/appointments", wanted).await.well())
    }

    async fn stranded(&self, query: &str) -> Vec<Value> {
        let found = self.owner.get(&format!("/api/stranded{query}")).await.well();
        found["items"].as_array().unwrap().clone()
    }

    async fn decide(&self, decision: Value) -> Value {
        let answer = self.owner.post("/api/stranded", json!({ "decisions": [decision] })).await.well();
        answer["items"][0].clone()
    }
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_closing_day_is_entered_edited_and_taken_away_and_closes_everybody() {
    let practice = Practice::open().await;
    let owner = &practice.owner;
    let (first, last) = (practice.date(10).to_string(), practice.date(12).to_string());
    let made =
        owner.post("/api/closures", json!({ "name": "Betriebsferien", "first": first, "last": last })).await;
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{}", made.body);
    let path = made.header("location").unwrap().to_owned();
    assert_eq!(owner.get(&path).await.well(), made.body);
    let free = async |days: i64| {
        let path = format!("/api/availability?service={}&from={}", practice.service, practice.date(days));
        owner.get(&path).await.well()["slots"].as_array().unwrap().len()
    };
    assert_eq!((free(9).await, free(10).await, free(12).await, free(13).await), (48, 0, 0, 48));
    let half = json!({ "last": first, "from": "12:00", "resource": practice.anna });
    let edited = owner.patch(&path, half).await;
    assert_eq!((&edited.body["until"], &edited.body["daily"]), (&json!("24:00"), &json!(true)));
    assert_eq!((free(10).await, free(11).await), (48, 48), "Ben is there");
    let only =
        format!("/api/availability?service={}&resource={}&from={first}", practice.service, practice.anna);
    assert_eq!(owner.get(&only).await.well()["slots"].as_array().unwrap().len(), 24);
    let stale = owner.request(Method::PATCH, &path).header("If-Match", "\"1\"").json(&json!({ "name": "x" }));
    assert_eq!(sent(stale).await.status, 412);
    for (body, pointer) in [
        (json!({ "first": "soon" }), "/first"),
        (json!({ "first": last, "last": first }), "/last"),
        (json!({ "first": first, "from": "12:00", "until": "11:00" }), "/until"),
        (json!({ "first": first, "kind": "party" }), "/kind"),
        (json!({ "first": first, "resource": "res_nobody" }), "/resource"),
    ] {
        let answer = owner.post("/api/closures", body.clone()).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]), "{body}");
    }
    assert_eq!(owner.delete(&path).await.status, 204);
    assert_eq!(owner.get("/api/closures").await.well()["items"], json!([]));
    assert_eq!(free(11).await, 48);
    let log = owner.get("/api/audit").await.well().to_string();
    assert!(log.contains("closure.created") && log.contains("closure.removed"));
    assert!(!log.contains("Betriebsferien"), "what it is called may say why somebody is away");
    practice.office.server.stop().await;
}

#[tokio::test]
async fn public_holidays_are_proposed_and_never_entered_by_themselves() {
    let practice = Practice::open().await;
    let owner = &practice.owner;
    let path = "/api/holidays?country=DE&region=BE&year=2027";
    let proposed = owner.get(path).await.well();
    let womens_day = proposed["items"].as_array().unwrap().iter().find(|one| one["date"] == "2027-03-08");
    let womens_day = womens_day.unwrap();
    assert_eq!(womens_day["names"]["de"], "Internationaler Frauentag");
    assert_eq!((&womens_day["since"], &womens_day["closure"]), (&json!(2019), &Value::Null));
    assert_eq!(owner.get("/api/closures").await.well()["items"], json!([]), "nothing was entered");
    let ticked = json!({ "kind": "holiday", "name": "Frauentag", "first": "2027-03-08", "yearly": true });
    let ticked = id(&owner.post("/api/closures", ticked).await.well());
    for year in ["2027", "2030"] {
        let proposed = owner.get(&path.replace("2027", year)).await.well();
        let made = proposed["items"].as_array().unwrap().iter().find(|one| one["closure"] == json!(ticked));
        assert_eq!(made.unwrap()["date"], format!("{year}-03-08"));
    }
    for (query, parameter) in [
        ("country=AT&region=BE&year=2027", "country"),
        ("country=DE&region=XX&year=2027", "region"),
        ("country=DE&region=BE&year=1900", "year"),
    ] {
        let answer = owner.get(&format!("/api/holidays?{query}")).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["parameter"]), (422, &json!(parameter)));
    }
    practice.office.server.stop().await;
}

#[tokio::test]
async fn somebody_who_is_ill_today_has_their_time_closed_at_once_and_their_appointments_listed() {
    let practice = Practice::open().await;
    let (tomorrow, later) = (practice.book(1, "10:00").await, practice.book(5, "10:00").await);
    // Whoever looks after callers says so, and need not be an admin.
    let member = practice.office.member(&practice.owner, "mia", "member").await;
    let path = format!("/api/resources/{}/absence", practice.anna);
    let until = json!({ "until": practice.date(2).to_string() });
    let answer = member.post(&path, until).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let hit = answer.body["stranded"].as_array().unwrap();
    assert_eq!(hit.iter().map(|one| &one["appointment"]).collect::<Vec<_>>(), [&json!(tomorrow)]);
    assert_eq!(hit[0]["causes"][0]["closure"], answer.body["closure"]["id"]);
    assert_eq!(hit[0]["colleagues"], json!([practice.ben]), "who else could have it");
    assert_eq!(hit[0]["not_rung"], "no_number", "whom the team must call itself");
    let why = format!(
        "/api/availability/why?service={}&resource={}&at={}T10:30",
        practice.service,
        practice.anna,
        practice.date(1)
    );
    let why = practice.owner.get(&why).await.well();
    assert_eq!((&why["free"], &why["reason"]), (&json!(false), &json!("closed")));
    assert_eq!(why["resources"][0]["reasons"][0]["closure"], answer.body["closure"]["id"]);
    for until in ["2020-01-01", "2020-01-01T00:00:00Z", "tomorrow", "2100-01-01"] {
        assert_eq!(member.post(&path, json!({ "until": until })).await.pointers(), ["/until"], "{until}");
    }
    assert_eq!(practice.stranded("").await.len(), 1);
    let viewer = practice.office.member(&practice.owner, "vic", "viewer").await;
    assert_eq!(viewer.post(&path, json!({ "until": practice.date(2).to_string() })).await.status, 403);
    assert_eq!(practice.owner.get(&format!("/api/appointments/{later}")).await.well()["status"], "confirmed");
    practice.office.server.stop().await;
}

#[tokio::test]
async fn what_is_stranded_is_kept_given_to_a_colleague_or_cancelled_and_leaves_the_list() {
    let practice = Practice::open().await;
    let owner = &practice.owner;
    let mut booked = vec![];
    for at in ["10:00", "11:00", "12:00", "13:00"] {
        booked.push(practice.book(1, at).await);
    }
    // Any change of hours that strands appointments ends in the same list.
    let shut = json!({ "exceptions": { practice.date(1).to_string(): [] } });
    owner.patch(&format!("/api/schedules/{}", practice.anna), shut).await.well();
    let all = practice.stranded("").await;
    assert_eq!(all.len(), 4);
    assert_eq!(all[0]["causes"][0]["source"], "exception");
    let stale = json!({ "appointment": booked[0], "do": "cancel", "revision": "99" });
    assert_eq!(practice.decide(stale).await["problem"], "stale");
    let kept = practice.decide(json!({ "appointment": booked[0], "do": "keep", "revision": "1" })).await;
    assert_eq!(kept["done"], true);
    let given = practice.decide(json!({ "appointment": booked[1], "do": "colleague" })).await;
    assert_eq!(given["resource"], json!(practice.ben));
    let moved = owner.get(&format!("/api/appointments/{}", booked[1])).await.well();
    assert_eq!(moved["resources"], json!([practice.ben]));
    assert_eq!(practice.decide(json!({ "appointment": booked[2], "do": "cancel" })).await["done"], true);
    let rung = practice.decide(json!({ "appointment": booked[3], "do": "ring" })).await;
    assert_eq!((&rung["problem"], &rung["detail"]), (&json!("not_rung"), &json!("no_number")));
    let left = practice.stranded("").await;
    assert_eq!(left.iter().map(|one| &one["appointment"]).collect::<Vec<_>>(), [&json!(booked[3])]);
    assert_eq!(practice.stranded("?kept=true").await.len(), 2);
    // Ben is taken at eleven: nobody else can have another one then.
    let again = practice.book(3, "11:00").await;
    let ben_too = json!({ "first": practice.date(3).to_string() });
    owner.post("/api/closures", ben_too).await.well();
    let nobody = practice.decide(json!({ "appointment": again, "do": "colleague" })).await;
    assert_eq!(nobody["problem"], "nobody_else");
    // What was said of one cause is not said of another.
    let ill = json!({ "first": practice.date(1).to_string(), "resource": practice.anna, "kind": "absence" });
    owner.post("/api/closures", ill).await.well();
    let resource = format!("?resource={}", practice.anna);
    let back = practice.stranded(&resource).await;
    assert!(back.iter().any(|one| one["appointment"] == json!(booked[0])), "{back:?}");
    for (decision, pointer) in [
        (json!({ "appointment": "apt_nobody", "do": "keep" }), "/decisions/0/appointment"),
        (json!({ "appointment": booked[0], "do": "forget" }), "/decisions/0/do"),
        (
            json!({ "appointment": booked[0], "do": "keep", "resource": practice.ben }),
            "/decisions/0/resource",
        ),
    ] {
        let answer = owner.post("/api/stranded", json!({ "decisions": [decision] })).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]), "{decision}");
    }
    assert_eq!(owner.post("/api/stranded", json!({ "decisions": [] })).await.status, 422);
    practice.office.server.stop().await;
}

#[tokio::test]
async fn today_an_appointment_changes_hands_within_the_notice_it_was_booked_with() {
    let practice = Practice::open().await;
    let owner = &practice.owner;
    let soon = practice.book(1, "10:00").await;
    // Booked a day ahead; the notice grows past it, as time does.
    owner
        .patch(&format!("/api/services/{}", practice.service), json!({ "minimum_notice": 5_000 }))
        .await
        .well();
    let away = json!({ "until": practice.date(1).to_string() });
    owner.post(&format!("/api/resources/{}/absence", practice.anna), away).await.well();
    assert_eq!(practice.stranded("").await[0]["colleagues"], json!([practice.ben]));
    let given =
        practice.decide(json!({ "appointment": soon, "do": "colleague", "resource": practice.ben })).await;
    assert_eq!((&given["done"], &given["resource"]), (&json!(true), &json!(practice.ben)), "{given}");
    practice.office.server.stop().await;
}

#[tokio::test]
async fn why_a_time_is_not_offered_is_told_as_far_as_the_asker_may_see() {
    let practice = Practice::open().await;
    let owner = &practice.owner;
    let taken = practice.book(1, "10:00").await;
    let at = format!("{}T10:00", practice.date(1));
    let path = format!("/api/availability/why?service={}&at={at}", practice.service);
    let why = owner.get(&path).await.well();
    assert_eq!((&why["free"], &why["free_with"]), (&json!(true), &json!([practice.ben])));
    let anna =
        why["resources"].as_array().unwrap().iter().find(|one| one["resource"] == json!(practice.anna));
    let reason = &anna.unwrap()["reasons"][0];
    assert_eq!((&reason["reason"], &reason["source"]), (&json!("busy"), &json!("appointment")));
    assert_eq!(reason["appointment"], json!(taken));
    let moving = owner.get(&format!("{path}&appointment={taken}")).await.well();
    assert_eq!(moving["free_with"].as_array().unwrap().len(), 2, "it does not stand in its own way");
    let past = owner.get(&path.replace(&at, "2020-01-01T10:10:00Z")).await.well();
    let reasons: Vec<&Value> =
        past["resources"][0]["reasons"].as_array().unwrap().iter().map(|one| &one["rule"]).collect();
    assert_eq!(reasons, [&json!("minimum_notice"), &json!("interval")]);
    for at in ["soon", "2027-13-01T10:00", "2027-01-01"] {
        let path = format!("/api/availability/why?service={}&at={at}", practice.service);
        assert_eq!(owner.get(&path).await.status, 422, "{at}");
    }
    practice.office.server.stop().await;
}
