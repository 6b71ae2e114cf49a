//! Free times and appointments, as staff and their programs use them.

use frontdesk::platform::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::office::{Answer, Asker, Office, sent};

/// An owner with Anna, who is open around the clock, a service of half an hour with her, and a contact.
struct Desk {
    office: Office,
    owner: Asker,
    service: String,
    anna: String,
    contact: String,
}

impl Desk {
    async fn open(rules: Value) -> Self {
        let office = Office::open().await;
        let owner = office.owner("alpha").await;
        let day = json!([["00:00", "24:00"]]);
        let week =
            json!({ "mon": day, "tue": day, "wed": day, "thu": day, "fri": day, "sat": day, "sun": day });
        let anna = id(&owner.post("/api/resources", json!({ "name": "Anna" })).await.well());
        owner
            .request(Method::PUT, &format!("/api/schedules/{anna}"))
            .json(&json!({ "week": week }))
            .send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap();
        let mut body =
            json!({ "key": "checkup", "names": { "de": "Kontrolle" }, "duration": 30, "resources": [anna] });
        body.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
        let service = id(&owner.post("/api/services", body).await.well());
        let contact = id(&owner.post("/api/contacts", json!({ "name": "Erika Beispiel" })).await.well());
        Self { office, owner, service, anna, contact }
    }

    /// A date some days from today, in UTC.
    fn date(&self, days: i64) -> String {
        let now = Clock::system().now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
        now.saturating_add(jiff::Span::new().days(days)).to_string()
    }

    /// The first start offered on the tenant's date some days from today, `n` starts on.
    async fn offered(&self, days: i64, n: usize) -> String {
        let path = format!("/api/availability?service={}&from={}", self.service, self.date(days));
        let times = self.owner.get(&path).await.well();
        times["slots"][n]["start"].as_str().unwrap().to_owned()
    }

    fn wanted(&self, start: &str) -> Value {
        json!({ "service": self.service, "contact": self.contact, "start": start })
    }

    async fn book(&self, start: &str) -> Answer {
        self.owner.post("/api/appointments", self.wanted(start)).await
    }
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

fn instant(text: &Value) -> jiff::Timestamp {
    text.as_str().unwrap().parse().unwrap()
}

async fn keyed(asker: &Asker, path: &str, key: &str, body: &Value) -> Answer {
    let request = asker.request(Method::POST, path).header("Idempotency-Key", key);
    sent(if body.is_null() { request } else { request.json(body) }).await
}

#[tokio::test]
async fn what_is_offered_can_be_booked_moved_and_cancelled_and_is_told_in_the_audit_log() {
    let desk = Desk::open(json!({ "cancel_cutoff": 100_000 })).await;
    let owner = &desk.owner;
    let start = desk.offered(2, 20).await;
    let made = desk.book(&start).await;
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")));
    let path = made.header("location").unwrap().to_owned();
    assert_eq!(instant(&made.body["start"]), start.parse().unwrap());
    assert_eq!(made.body["resources"], json!([desk.anna]));
    assert_eq!((&made.body["status"], &made.body["seats"]), (&json!("confirmed"), &json!(1)));
    assert_eq!(owner.get(&path).await.well(), made.body);
    let again = desk.book(&start).await;
    assert_eq!((again.status, again.problem()), (409, "taken"));
    let noted = owner.patch(&path, json!({ "note": "brings a dog" })).await;
    assert_eq!((&noted.body["note"], noted.header("etag")), (&json!("brings a dog"), Some("\"2\"")));
    let stale = owner.request(Method::PATCH, &path).header("If-Match", "\"1\"").json(&json!({ "note": "" }));
    assert_eq!(sent(stale).await.status, 412);
    assert_eq!(
        owner.patch(&path, json!({ "start": start })).await.pointers(),
        ["/start"],
        "it is moved instead"
    );
    // Staff are not bound by the callers' cut-off.
    let later = desk.offered(3, 4).await;
    let stale = owner.request(Method::POST, &format!("{path}/move")).header("If-Match", "\"1\"");
    assert_eq!(sent(stale.json(&json!({ "start": later }))).await.status, 412);
    let moved = owner.post(&format!("{path}/move"), json!({ "start": later })).await.well();
    assert_eq!((instant(&moved["start"]), &moved["id"]), (later.parse().unwrap(), &made.body["id"]));
    let cancelled = sent(owner.request(Method::POST, &format!("{path}/cancel"))).await;
    assert_eq!(cancelled.body["status"], "cancelled");
    let gone = sent(owner.request(Method::POST, &format!("{path}/cancel"))).await;
    assert_eq!(gone.status, 404);
    let log = owner.get(&format!("/api/audit?subject={}", id(&made.body))).await.well();
    let actions: Vec<&str> =
        log["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["appointment.changed", "appointment.changed", "appointment.changed", "appointment.created"]
    );
    assert!(!log.to_string().contains("dog"), "what staff wrote does not stand in the log");
    desk.office.server.stop().await;
}

#[tokio::test]
async fn a_request_that_is_made_again_makes_one_appointment() {
    let desk = Desk::open(json!({})).await;
    let owner = &desk.owner;
    let (one, two) = (desk.offered(2, 4).await, desk.offered(2, 8).await);
    let first = keyed(owner, "/api/appointments", "a", &desk.wanted(&one)).await;
    let again = keyed(owner, "/api/appointments", "a", &desk.wanted(&one)).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    let other = keyed(owner, "/api/appointments", "a", &desk.wanted(&two)).await;
    assert_eq!((other.status, other.problem()), (409, "conflict"), "the key names another request");
    // Somebody else's key of the same name is another.
    let admin = desk.office.member(owner, "ann", "admin").await;
    let theirs = keyed(&admin, "/api/appointments", "a", &desk.wanted(&two)).await;
    assert_eq!(theirs.status, 201);
    let path = format!("/api/appointments/{}", id(&first.body));
    let to = json!({ "start": desk.offered(2, 12).await });
    let moved = keyed(owner, &format!("{path}/move"), "b", &to).await;
    let again = keyed(owner, &format!("{path}/move"), "b", &to).await;
    assert_eq!((moved.status, &moved.body), (200, &again.body));
    let gone = keyed(owner, &format!("{path}/cancel"), "c", &Value::Null).await;
    let again = keyed(owner, &format!("{path}/cancel"), "c", &Value::Null).await;
    assert_eq!((gone.status, &gone.body), (200, &again.body));
    assert_eq!(owner.get("/api/appointments").await.well()["items"].as_array().unwrap().len(), 2);
    desk.office.server.stop().await;
}

#[tokio::test]
async fn appointments_are_listed_by_time_resource_contact_and_status_a_page_at_a_time() {
    let desk = Desk::open(json!({})).await;
    let owner = &desk.owner;
    let mut made = vec![];
    for n in [0, 4, 8, 12, 16] {
        made.push(id(&desk.book(&desk.offered(3, n).await).await.well()));
    }
    sent(owner.request(Method::POST, &format!("/api/appointments/{}/cancel", made[1]))).await.well();
    let listed = async |query: &str| {
        let page = owner.get(&format!("/api/appointments?{query}")).await.well();
        let items = page["items"].as_array().unwrap().iter().map(id).collect::<Vec<_>>();
        (items, page["next_cursor"].as_str().map(str::to_owned))
    };
    assert_eq!(listed("").await.0, made);
    let (contact, anna, date) = (&desk.contact, &desk.anna, desk.date(3));
    for filter in [
        format!("contact={contact}"),
        format!("resource={anna}"),
        format!("resource={anna}&contact={contact}&from={date}"),
        format!("from={date}&to={}", desk.date(4)),
    ] {
        assert_eq!(listed(&filter).await.0, made, "{filter}");
        let (mut all, mut cursor) = (vec![], String::new());
        loop {
            let (items, next) = listed(&format!("{filter}&limit=2{cursor}")).await;
            assert!(items.len() <= 2);
            all.extend(items);
            let Some(next) = next else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(all, made, "page by page: {filter}");
    }
    assert_eq!(listed("status=cancelled").await.0, [made[1].clone()]);
    assert_eq!(listed(&format!("status=confirmed&resource={anna}")).await.0.len(), 4);
    assert_eq!(listed(&format!("to={}", desk.date(1))).await.0, [""; 0]);
    assert_eq!(listed("contact=con_nobody").await.0, [""; 0]);
    for (query, wrong) in [
        ("status=lost", "status"),
        ("from=monday", "from"),
        ("resource=anna", "resource"),
        ("from=2027-01-02&to=2027-01-01", "to"),
        ("colour=red", "colour"),
    ] {
        let refused = owner.get(&format!("/api/appointments?{query}")).await;
        assert_eq!(refused.status, 422, "{query}");
        assert_eq!(refused.body["errors"][0]["parameter"], wrong, "{query}");
    }
    desk.office.server.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_or_breaks_a_rule_is_refused_and_nothing_is_kept() {
    let desk = Desk::open(json!({ "max_per_day": 1, "interval": 30 })).await;
    let owner = &desk.owner;
    let start = desk.offered(2, 4).await;
    let with = |change: Value| {
        let mut body = desk.wanted(&start);
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    for (change, pointer) in [
        (json!({ "start": "tomorrow" }), "/start"),
        (json!({ "start": "2027-01-13T09:00:00" }), "/start"),
        (json!({ "service": "svc_nothing" }), "/service"),
        (json!({ "service": "checkup" }), "/service"),
        (json!({ "contact": "con_nobody" }), "/contact"),
        (json!({ "resource": "res_nobody" }), "/resource"),
        (json!({ "seats": 0 }), "/seats"),
        (json!({ "note": "x".repeat(2_001) }), "/note"),
        (json!({ "colour": "red" }), "/colour"),
    ] {
        let refused = owner.post("/api/appointments", with(change.clone())).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{change}");
    }
    let off = instant(&json!(start)).checked_add(jiff::SignedDuration::from_mins(7)).unwrap();
    let refused = desk.book(&off.to_string()).await;
    assert_eq!((refused.status, refused.problem()), (409, "refused"));
    assert!(refused.body["detail"].as_str().unwrap().contains("off_grid"), "{}", refused.body);
    desk.book(&start).await.well();
    let path = format!("/api/availability?service={}&from={}&explain=true", desk.service, desk.date(2));
    let times = owner.get(&path).await.well();
    assert_eq!(times["slots"], json!([]), "one a day is the limit");
    let refused = times["refused"].as_array().unwrap();
    assert!(refused.len() >= 46 && refused.iter().all(|one| one["reason"] == "limit"), "{times}");
    assert_eq!(owner.get("/api/appointments").await.well()["items"].as_array().unwrap().len(), 1);
    let viewer = desk.office.member(owner, "vic", "viewer").await;
    assert_eq!(viewer.get("/api/appointments").await.status, 200);
    assert_eq!(viewer.post("/api/appointments", desk.wanted(&start)).await.status, 403);
    desk.office.server.stop().await;
}

#[tokio::test]
async fn the_times_of_a_service_are_told_with_what_is_against_the_others() {
    let desk = Desk::open(json!({ "minimum_notice": 0, "horizon_days": 3, "capacity": 2 })).await;
    let owner = &desk.owner;
    let start = desk.offered(2, 4).await;
    let ask =
        async |more: &str| owner.get(&format!("/api/availability?service={}{more}", desk.service)).await;
    desk.book(&start).await.well();
    let day = format!("&from={}&explain=true", desk.date(2));
    let offered =
        |times: &Value| times["slots"].as_array().unwrap().iter().any(|slot| slot["start"] == *start);
    let times = ask(&day).await.well();
    assert!(offered(&times), "a seat is left");
    assert!(!offered(&ask(&format!("{day}&seats=2")).await.well()));
    desk.book(&start).await.well();
    let times = ask(&day).await.well();
    let refused = times["refused"].as_array().unwrap();
    assert_eq!(refused, &[json!({ "start": start, "reason": "capacity" })]);
    assert_eq!(times["slots"].as_array().unwrap().len(), 47);
    let plain = ask(&format!("&from={}", desk.date(2))).await.well();
    assert_eq!(plain, json!({ "slots": times["slots"] }), "nobody asked why");
    let beyond = ask(&format!("&from={}&explain=true", desk.date(5))).await.well();
    assert!(beyond["refused"].as_array().unwrap().iter().all(|one| one["reason"] == "horizon"));
    let nobody = ask("&resource=res_nobody").await;
    assert_eq!(nobody.status, 404);
    for (query, wrong) in [
        ("&from=soon", "from"),
        ("&from=2027-01-02&to=2027-01-01", "to"),
        ("&from=2027-01-01&to=2027-06-01", "to"),
        ("&seats=0", "seats"),
        ("&explain=perhaps", "explain"),
    ] {
        let refused = ask(query).await;
        assert_eq!(
            (refused.status, refused.body["errors"][0]["parameter"].as_str()),
            (422, Some(wrong)),
            "{query}"
        );
    }
    assert_eq!(owner.get("/api/availability?service=svc_nothing").await.status, 404);
    desk.office.server.stop().await;
}

#[tokio::test]
async fn a_services_rules_are_kept_as_they_are_written() {
    let office = Office::open().await;
    let owner = office.owner("alpha").await;
    let rules = json!({
        "max_per_day": 4, "max_per_week": 10, "max_per_month": 20, "max_minutes_per_day": 120, "capacity": 8,
        "selection": "round_robin", "blocking": ["busy", "working_elsewhere"], "conflict_calendars": ["main"]
    });
    let mut body = json!({ "key": "yoga", "names": { "en": "yoga" }, "duration": 60 });
    body.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
    let path = format!("/api/services/{}", id(&owner.post("/api/services", body.clone()).await.well()));
    let shown = owner.get(&path).await.well();
    for (key, value) in rules.as_object().unwrap() {
        assert_eq!(&shown[key], value, "{key}");
    }
    let edited = owner.patch(&path, json!({ "conflict_calendars": null, "selection": "all" })).await.well();
    assert_eq!((&edited["conflict_calendars"], &edited["selection"]), (&json!(null), &json!("all")));
    for (change, pointer) in [
        (json!({ "capacity": 0 }), "/capacity"),
        (json!({ "selection": "best" }), "/selection"),
        (json!({ "blocking": ["loud"] }), "/blocking/0"),
        (json!({ "max_per_month": 0 }), "/max_per_month"),
        (json!({ "max_minutes_per_day": 59 }), "/max_minutes_per_day"),
        (json!({ "conflict_calendars": [""] }), "/conflict_calendars/0"),
    ] {
        let refused = owner.patch(&path, change.clone()).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{change}");
    }
    let plain = json!({ "key": "plain", "names": { "en": "plain" }, "duration": 60 });
    let plain = owner.post("/api/services", plain).await.well();
    assert_eq!((&plain["capacity"], &plain["selection"]), (&json!(1), &json!("any")));
    assert_eq!(plain["blocking"], json!(["busy", "tentative", "out_of_office"]));
    office.server.stop().await;
}

#[tokio::test]
async fn rules_are_tried_out_over_http_without_keeping_anything() {
    let office = Office::open().await;
    let owner = office.owner("alpha").await;
    let mut body = json!({
        "zone": "Europe/Berlin", "now": "2027-01-01T00:00:00Z",
        "rules": { "duration": 60, "working_hours": { "wed": [["09:00", "10:00"]] } },
        "query": { "op": "slots", "from": "2027-01-13" }
    });
    let answer = owner.post("/api/availability/preview", body.clone()).await;
    assert_eq!(answer.status, 200);
    let slot =
        json!({ "start": "2027-01-13T09:00:00+01:00", "end": "2027-01-13T10:00:00+01:00", "resources": [] });
    assert_eq!(answer.body, json!({ "slots": [slot] }));
    body["rules"]["bufer_after"] = json!(5);
    let refused = owner.post("/api/availability/preview", body.clone()).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/rules/bufer_after"]));
    assert_eq!(office.stranger().post("/api/availability/preview", body).await.status, 401);
    assert_eq!(owner.get("/api/services").await.well()["items"], json!([]));
    office.server.stop().await;
}
