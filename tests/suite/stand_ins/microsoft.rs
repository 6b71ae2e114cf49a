//! Microsoft's stand-in, asked as a program asks that is not ours: it does what Graph does, and says it in Graph's shapes.

use std::time::Duration;

use aws_lc_rs::digest;
use frontdesk::{
    boot,
    domain::time::{TimeRange, Timestamp},
    platform::clock::Clock,
    sim::{
        Faults,
        microsoft::{Choice, Microsoft, Setup, Trouble},
    },
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};

use crate::support::specs::{errors, spec};

const SPEC: &str = "microsoft-graph-calendar.openapi.json";
const ADA: &str = "ada@practice.example";
const ROOM: &str = "room@practice.example";
const DIRECTORY: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const BACK: &str = "http://127.0.0.1:9/calendars/microsoft/callback";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-everybody";
const EVERYTHING: &str = "openid profile offline_access Calendars.ReadWrite User.Read";

/// Ada's mailbox and who may look into it.
struct Scene {
    microsoft: Microsoft,
    faults: Faults,
    calendar: String,
    client: reqwest::Client,
    token: String,
    refresh: String,
}

fn pairs(query: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish()
}

impl Scene {
    async fn open() -> Self {
        Self::without(&[]).await
    }

    /// Ada does not agree to these.
    async fn without(untick: &[&str]) -> Self {
        boot::install_tls();
        let faults = Faults::default();
        let setup = Setup {
            clock: Clock::system(),
            client_id: "an-application".to_owned(),
            client_secret: "its-secret".to_owned(),
            redirect_uri: BACK.to_owned(),
            faults: faults.clone(),
        };
        let microsoft = Microsoft::start(setup).await.unwrap();
        let calendar = microsoft.add_mailbox(ADA, DIRECTORY, "W. Europe Standard Time");
        microsoft.add_mailbox(ROOM, DIRECTORY, "Europe/Berlin");
        let client = reqwest::Client::new();
        let mut scene =
            Self { microsoft, faults, calendar, client, token: String::new(), refresh: String::new() };
        let code = scene.code(untick).await;
        let (status, tokens) = scene.redeem(&code).await;
        assert_eq!(status, 200, "{tokens}");
        scene.token = tokens["access_token"].as_str().unwrap().to_owned();
        scene.refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
        scene
    }

    async fn code(&self, untick: &[&str]) -> String {
        let digest = digest::digest(&digest::SHA256, VERIFIER.as_bytes());
        let challenge = base64_simd::URL_SAFE_NO_PAD.encode_to_string(digest.as_ref());
        let query = pairs(&[
            ("client_id", "an-application"),
            ("response_type", "code"),
            ("response_mode", "query"),
            ("redirect_uri", BACK),
            ("scope", EVERYTHING),
            ("state", "a-state"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let page = format!("{}/common/oauth2/v2.0/authorize?{query}", self.microsoft.login_url());
        let untick = untick.iter().map(|scope| (*scope).to_owned()).collect();
        let choice = Choice { untick, ..Choice::all(ADA) };
        let back: url::Url = self.microsoft.consent(&page, &choice).await.unwrap().parse().unwrap();
        let code = back.query_pairs().find(|(name, _)| name == "code");
        code.unwrap().1.into_owned()
    }

    async fn tokens(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let own = [("client_id", "an-application"), ("client_secret", "its-secret"), ("redirect_uri", BACK)];
        let url = format!("{}/common/oauth2/v2.0/token", self.microsoft.login_url());
        let answer = self.client.post(url).form(&[&own, form].concat()).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn redeem(&self, code: &str) -> (u16, Value) {
        let form = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
        self.tokens(&form).await
    }

    async fn refreshed(&self, token: &str) -> (u16, Value) {
        self.tokens(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let query = pairs(query);
        let url = match path.strip_prefix("http") {
            Some(_) => path.to_owned(),
            None => format!("{}{path}?{query}", self.microsoft.api_url()),
        };
        self.client
            .request(method, url)
            .bearer_auth(&self.token)
            .header("prefer", "IdType=\"ImmutableId\", odata.maxpagesize=3")
            .header("client-request-id", "0")
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> (u16, Value) {
        answered(self.request(Method::GET, path, query)).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answered(self.request(Method::POST, path, &[]).json(&body)).await
    }

    fn in_calendar(&self, what: &str) -> String {
        format!("/me/calendars/{}/{what}", self.calendar)
    }

    /// All changes, page after page, and the address to ask for later ones.
    async fn told(&self, from: Option<&str>) -> (Vec<Value>, String) {
        let (mut told, mut at) = (vec![], from.map(str::to_owned));
        loop {
            let (status, page) = match &at {
                Some(link) => self.get(link, &[]).await,
                None => self.get(&self.in_calendar("calendarView/delta"), &NOVEMBER).await,
            };
            assert_eq!(status, 200, "{page}");
            told.extend(page["value"].as_array().unwrap().clone());
            if let Some(last) = page["@odata.deltaLink"].as_str() {
                return (told, last.to_owned());
            }
            at = Some(page["@odata.nextLink"].as_str().unwrap().to_owned());
        }
    }
}

const NOVEMBER: [(&str, &str); 2] =
    [("startDateTime", "2026-11-01T00:00:00Z"), ("endDateTime", "2026-12-01T00:00:00Z")];

async fn answered(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn event(start: &str, end: &str) -> Value {
    json!({
        "subject": "Check-up", "start": { "dateTime": start, "timeZone": "UTC" },
        "end": { "dateTime": end, "timeZone": "UTC" },
    })
}

fn weekly() -> Value {
    let mut series = event("2026-11-02T09:00:00", "2026-11-02T10:00:00");
    series["recurrence"] = json!({
        "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["monday"] },
        "range": { "type": "numbered", "startDate": "2026-11-02", "numberOfOccurrences": 3 },
    });
    series
}

fn range(from: &str, until: &str) -> TimeRange {
    let at = |text: &str| Timestamp::from(text.parse::<jiff::Timestamp>().unwrap());
    TimeRange { start: at(from), end: at(until) }
}

fn days(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| &event["start"]["dateTime"].as_str().unwrap()[..10]).collect()
}

/// JSON Schema has no `nullable`.
fn schema_of(openapi: &Value) -> Value {
    match openapi {
        Value::Object(fields) => {
            let plain: Map<String, Value> = fields
                .iter()
                .filter(|(name, _)| *name != "nullable")
                .map(|(name, value)| (name.clone(), schema_of(value)))
                .collect();
            if fields.get("nullable") == Some(&Value::Bool(true)) {
                json!({ "anyOf": [plain, { "type": "null" }] })
            } else {
                Value::Object(plain)
            }
        }
        Value::Array(items) => items.iter().map(schema_of).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn every_answer_of_the_stand_in_for_microsoft_has_the_published_shape() {
    let Some(openapi) = spec(SPEC) else { return };
    let scene = Scene::open().await;
    for day in 10..15 {
        let time = range(&format!("2026-11-{day}T09:00:00Z"), &format!("2026-11-{day}T10:00:00Z"));
        scene.microsoft.put_busy(ADA, &scene.calendar, time, time.start);
    }
    scene.microsoft.put(ADA, &scene.calendar, weekly());
    let (_, made) =
        scene.post(&scene.in_calendar("events"), event("2026-11-20T09:00:00", "2026-11-20T10:00:00")).await;
    let own = format!("/me/events/{}", made["id"].as_str().unwrap());
    let (_, later) = scene.told(None).await;
    scene.microsoft.delete_event(ADA, &scene.calendar, made["id"].as_str().unwrap());
    let schedule = json!({
        "schedules": [ADA, "nobody@practice.example"],
        "startTime": { "dateTime": "2026-11-01T00:00:00", "timeZone": "UTC" },
        "endTime": { "dateTime": "2026-12-01T00:00:00", "timeZone": "UTC" },
    });
    let (view, delta, events) = (
        scene.in_calendar("calendarView"),
        scene.in_calendar("calendarView/delta"),
        scene.in_calendar("events"),
    );
    let answers = [
        ("/me", "get", scene.get("/me", &[]).await),
        ("/me/calendars", "get", scene.get("/me/calendars", &[]).await),
        ("/me/mailboxSettings", "get", scene.get("/me/mailboxSettings", &[]).await),
        ("/me/calendars/{calendar-id}/calendarView", "get", scene.get(&view, &NOVEMBER).await),
        ("/me/calendars/{calendar-id}/calendarView", "get", scene.get(&view, &[]).await),
        ("/me/calendars/{calendar-id}/calendarView/delta()", "get", scene.get(&delta, &NOVEMBER).await),
        ("/me/calendars/{calendar-id}/calendarView/delta()", "get", scene.get(&later, &[]).await),
        ("/me/calendars/{calendar-id}/events", "post", (201, made)),
        ("/me/calendars/{calendar-id}/events", "post", scene.post(&events, weekly()).await),
        ("/me/events/{event-id}", "get", scene.get(&own, &[]).await),
        ("/me/calendar/getSchedule", "post", scene.post("/me/calendar/getSchedule", schedule).await),
    ];
    let mut seen = vec![];
    for (path, method, (status, answer)) in &answers {
        let responses = &openapi["paths"][path][method]["responses"];
        let class = if *status < 300 { status.to_string() } else { "4XX".to_owned() };
        let shape = &responses[&class]["content"]["application/json"]["schema"];
        assert!(shape.is_object(), "{method} {path} may not be answered with {status}");
        let mut schema = schema_of(shape);
        schema["components"] = schema_of(&openapi["components"]);
        let wrong = errors(&jsonschema::draft202012::new(&schema).unwrap(), answer);
        assert!(wrong.is_empty(), "{method} {path} {status}: {wrong:?} in {answer}");
        seen.push(*status);
    }
    assert_eq!(seen, [200, 200, 403, 200, 400, 200, 200, 201, 201, 404, 200]);
}

#[tokio::test]
async fn a_series_takes_place_week_after_week_and_one_of_its_occurrences_moves_or_goes_by_itself() {
    let scene = Scene::open().await;
    let series = scene.microsoft.put(ADA, &scene.calendar, weekly());
    let (told, later) = scene.told(None).await;
    assert_eq!(told[0]["type"], "seriesMaster");
    assert_eq!(days(&told[1..]), ["2026-11-02", "2026-11-09", "2026-11-16"]);
    assert!(told[1..].iter().all(|one| one["seriesMasterId"] == series.as_str() && one["showAs"].is_null()));

    let first = told[1]["id"].as_str().unwrap().to_owned();
    let moved = format!("/me/events/{}", told[2]["id"].as_str().unwrap());
    let request = scene.request(Method::PATCH, &moved, &[]);
    let (status, shown) = answered(request.json(&event("2026-11-10T09:00:00", "2026-11-10T10:00:00"))).await;
    assert_eq!((status, shown["type"].as_str()), (200, Some("exception")), "{shown}");
    scene.microsoft.delete_event(ADA, &scene.calendar, &first);
    let view = scene.in_calendar("calendarView");
    let (_, view) = scene.get(&view, &NOVEMBER).await;
    assert_eq!(days(view["value"].as_array().unwrap()), ["2026-11-10", "2026-11-16"]);

    let (told, later) = scene.told(Some(&later)).await;
    let removed: Vec<_> =
        told.iter().filter(|one| one["@removed"].is_object()).map(|one| &one["id"]).collect();
    assert_eq!(removed, [first.as_str()]);
    scene.microsoft.delete_event(ADA, &scene.calendar, &series);
    let (told, _) = scene.told(Some(&later)).await;
    assert!(told.iter().all(|one| one["@removed"].is_object()), "{told:?}");
    // What was told before may be told again.
    let left = format!("{series}.20261116");
    for id in [&series, &left] {
        assert!(told.iter().any(|one| one["id"] == id.as_str()), "{id} is not told of: {told:?}");
    }
    let view = scene.in_calendar("calendarView");
    let (_, view) = scene.get(&view, &NOVEMBER).await;
    assert_eq!(days(view["value"].as_array().unwrap()), ["2026-11-10"], "what was moved stands by itself");
}

#[tokio::test]
async fn a_mailbox_is_not_taken_by_requests_nobody_waits_for_any_more() {
    let scene = Scene::open().await;
    scene.microsoft.trouble([Trouble::Late(Duration::from_secs(60)); 8]);
    for _ in 0..8 {
        let late = scene.request(Method::GET, "/me/calendars", &[]).timeout(Duration::from_millis(30));
        assert!(late.send().await.unwrap_err().is_timeout());
    }
    // The stand-in hears that a connection has ended a moment after it did.
    let mut status = 429;
    for _ in 0..1_000 {
        (status, _) = scene.get("/me/calendars", &[]).await;
        if status == 200 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(status, 200);
}

#[tokio::test]
async fn what_is_cut_off_before_is_not_done_and_what_is_cut_off_behind_or_late_is() {
    let scene = Scene::open().await;
    for (trouble, left) in [
        (Trouble::Dropped, 1),
        (Trouble::Broken(500), 1),
        (Trouble::AnswerLost, 0),
        (Trouble::Late(Duration::from_secs(60)), 0),
    ] {
        let id =
            scene.microsoft.put(ADA, &scene.calendar, event("2026-11-20T09:00:00", "2026-11-20T10:00:00"));
        scene.microsoft.trouble([trouble]);
        let request = scene.request(Method::DELETE, &format!("/me/events/{id}"), &[]);
        let waits = if matches!(trouble, Trouble::Late(_)) { 2 } else { 20 };
        let answer = request.timeout(Duration::from_secs(waits)).send().await;
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 500), "{trouble:?}");
        assert_eq!(scene.microsoft.events(ADA, &scene.calendar).len(), left, "{trouble:?}");
        scene.microsoft.delete_event(ADA, &scene.calendar, &id);
    }
}

#[tokio::test]
async fn whoever_did_not_agree_to_calendars_keeps_them_closed() {
    let scene = Scene::without(&["Calendars.ReadWrite"]).await;
    assert_eq!(scene.get("/me", &[]).await.0, 200);
    let (status, refusal) = scene.get("/me/calendars", &[]).await;
    assert_eq!((status, refusal["error"]["code"].as_str()), (403, Some("ErrorAccessDenied")));
}

#[tokio::test]
async fn a_code_is_good_once_and_a_refresh_token_is_replaced_with_every_use_until_consent_ends() {
    let scene = Scene::open().await;
    let code = scene.code(&[]).await;
    assert_eq!(scene.redeem(&code).await.0, 200);
    let (status, refusal) = scene.redeem(&code).await;
    assert_eq!((status, refusal["error"].as_str()), (400, Some("invalid_grant")));
    let (_, first) = scene.refreshed(&scene.refresh).await;
    let (_, second) = scene.refreshed(first["refresh_token"].as_str().unwrap()).await;
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(scene.refreshed(&scene.refresh).await.0, 200, "what was replaced is good for a moment yet");
    scene.microsoft.revoke(ADA);
    let (status, refusal) = scene.refreshed(second["refresh_token"].as_str().unwrap()).await;
    assert_eq!((status, refusal["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(scene.get("/me/calendars", &[]).await.0, 401);
}

#[tokio::test]
async fn a_schedule_tells_of_closed_mailboxes_and_says_in_a_200_of_which_it_cannot() {
    let scene = Scene::open().await;
    scene.microsoft.close(ADA);
    assert_eq!(scene.get("/me/calendars", &[]).await.0, 403);
    let calendar = &scene.calendar;
    scene.microsoft.put(ADA, calendar, event("2026-11-20T09:00:00", "2026-11-20T10:00:00"));
    scene.microsoft.refuse_schedule(ROOM, Some("ErrorMailboxMoveInProgress"));
    let question = |start: &str| {
        json!({ "schedules": [ADA, ROOM], "startTime": { "dateTime": start, "timeZone": "UTC" },
            "endTime": { "dateTime": "2026-12-01T00:00:00", "timeZone": "UTC" } })
    };
    let (status, told) = scene.post("/me/calendar/getSchedule", question("2026-11-01T00:00:00")).await;
    assert_eq!(status, 200);
    assert_eq!(told["value"][0]["scheduleItems"][0]["status"], "busy");
    assert_eq!(told["value"][0]["workingHours"]["timeZone"]["name"], "W. Europe Standard Time");
    assert_eq!(told["value"][1]["error"]["responseCode"], "ErrorMailboxMoveInProgress");
    assert!(scene.faults.none(), "{:?}", scene.faults.all());
    for bad in ["2026-11-01T00:00:00Z", "2026-11-01", "2026-11-01T00:00:00+01:00"] {
        assert_eq!(scene.post("/me/calendar/getSchedule", question(bad)).await.0, 400, "{bad}");
    }
    assert!(!scene.faults.none());
}
