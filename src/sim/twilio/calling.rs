//! Calls that Twilio is asked to make, and text messages: kept, listed, ended, and told of.
//!
//! A request takes effect before it is answered, as at Twilio, so an answer can be lost. Nobody's telephone rings by
//! itself: [`Exchange::next_placed`] hands out what was asked for, and [`Dial::ring_up`] plays it, with the callbacks in
//! whatever order and number they are wanted.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    super::{Faults, caller::Person},
    Dial, Error, Exchange, Report,
    exchange::Shared,
    numbers::{Mishap, answer},
    sid, twiml,
};
use crate::domain::time::Timestamp;

/// What may stand in the form of a call (twilio-voice.openapi.json).
const CALL_FORM: [&str; 17] = [
    "To",
    "From",
    "Url",
    "Method",
    "FallbackUrl",
    "FallbackMethod",
    "StatusCallback",
    "StatusCallbackEvent",
    "StatusCallbackMethod",
    "Timeout",
    "TimeLimit",
    "MachineDetection",
    "MachineDetectionTimeout",
    "AsyncAmd",
    "AsyncAmdStatusCallback",
    "AsyncAmdStatusCallbackMethod",
    "CallReason",
];

/// How long after it answers a machine's greeting is over.
const GREETING: Duration = Duration::from_secs(4);

/// A call that somebody has asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// `CA` and 32 hexadecimal digits.
    pub sid: String,
    /// In whose name.
    pub account_sid: String,
    /// Everything that was in the form.
    pub form: Vec<(String, String)>,
    /// When, by the exchange's clock.
    pub created: Timestamp,
    /// Where it stands, in Twilio's words.
    pub status: String,
    /// The document it was told to go on with.
    pub twiml: Option<String>,
}

impl Placed {
    /// What stood under that name in the form; empty when nothing did.
    pub fn asked(&self, name: &str) -> &str {
        self.form.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// A text message that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texted {
    /// To whom.
    pub to: String,
    /// From which number.
    pub from: String,
    /// What it says.
    pub body: String,
}

/// What becomes of a call when it is played.
pub enum Called<'p> {
    /// Somebody picks up.
    Answers(&'p mut dyn Person),
    /// A machine does, and is found out: Twilio's word for it.
    Machine(&'p mut dyn Person, &'static str),
    /// The line is forwarded: its network rings where that says, with this person on the line should it be answered.
    SentOn(&'p Dial, &'p mut dyn Person),
    /// Nobody talks to us: Twilio's word for how it ends.
    Ends(&'static str),
}

/// How status callbacks are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Each as it happens.
    Prompt,
    /// All of them at the end.
    Late,
    /// All of them at the end, the last first.
    Reversed,
    /// Each twice.
    Twice,
    /// None.
    Missing,
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    const BELOW: &str = "/2010-04-01/Accounts/{account}";
    Router::new()
        .route(&format!("{BELOW}/Calls.json"), get(list).post(create))
        .route(&format!("{BELOW}/Calls/{{call}}"), get(fetch).post(super::exchange::change_call))
        .route(&format!("{BELOW}/Messages.json"), post(send))
}

impl Exchange {
    /// The calls that were asked for, in order.
    pub fn placed(&self) -> Vec<Placed> {
        self.market().placed.clone()
    }

    /// Those that were asked for from then on.
    pub fn placed_since(&self, since: Timestamp) -> Vec<Placed> {
        let market = self.market();
        let from = market.placed.partition_point(|call| call.created < since);
        market.placed[from..].to_vec()
    }

    /// The text messages that were handed over, in order.
    pub fn texted(&self) -> Vec<Texted> {
        self.market().texted.clone()
    }

    /// The next call that is asked for and that nobody has been given.
    pub async fn next_placed(&self) -> Placed {
        loop {
            let told = self.called();
            {
                let mut market = self.market();
                if let Some(next) = market.placed.get(market.given).cloned() {
                    market.given += 1;
                    return next;
                }
            }
            told.await;
        }
    }

    /// Lets a call stand so when Twilio is asked about it.
    pub fn stands(&self, call_sid: &str, status: &str) {
        for call in self.market().placed.iter_mut().filter(|call| call.sid == call_sid) {
            status.clone_into(&mut call.status);
        }
    }

    /// What time it is at Twilio from here on.
    pub fn set_time(&self, now: Timestamp) {
        self.market().now = Some(now);
    }

    /// The document a call was told to go on with, once.
    fn redirected(&self, call_sid: &str) -> Option<String> {
        self.market().placed.iter_mut().find(|call| call.sid == call_sid)?.twiml.take()
    }
}

async fn create(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let refusal = shared.refusal(&account, &headers);
    let form: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    for (name, _) in &form {
        if !CALL_FORM.contains(&name.as_str()) {
            shared.faults.add(format!("REST: no call has {name}"));
        }
    }
    let possible = [Mishap::AnswerLost, Mishap::NoPermission];
    let response =
        answer(&shared, ("POST", "Calls.json".to_owned(), form), &possible, refusal, |market, form| {
            let value =
                |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            let number =
                |name: &str| value(name).is_some_and(|text| text.starts_with('+') && text.len() >= 8);
            if !number("To") {
                return Err((StatusCode::BAD_REQUEST, 21_211, "Invalid 'To' Phone Number"));
            }
            if !number("From") {
                return Err((StatusCode::BAD_REQUEST, 21_212, "Invalid 'From' Phone Number"));
            }
            if value("Url").is_none() {
                return Err((StatusCode::BAD_REQUEST, 21_205, "Url is not a valid URL"));
            }
            let placed = Placed {
                sid: sid("CA"),
                account_sid: account.clone(),
                form: form.clone(),
                created: market.now(),
                status: "queued".to_owned(),
                twiml: None,
            };
            let body = shown(&placed);
            market.placed.push(placed);
            Ok((StatusCode::CREATED, body))
        });
    shared.called.notify_waiters();
    response
}

async fn list(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let refusal = shared.refusal(&account, &headers);
    answer(&shared, ("GET", "Calls.json".to_owned(), query), &[], refusal, |market, query| {
        let fits = |call: &&Placed| {
            let asked =
                |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            call.account_sid == account
                && ["To", "From"]
                    .iter()
                    .all(|name| asked(name).is_none_or(|wanted| call.asked(name) == wanted))
        };
        let calls: Vec<Value> = market.placed.iter().rev().filter(fits).map(shown).collect();
        Ok((StatusCode::OK, json!({ "calls": calls, "page": 0, "page_size": 50, "next_page_uri": null })))
    })
}

async fn fetch(
    State(shared): State<Arc<Shared>>,
    Path((account, call)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let refusal = shared.refusal(&account, &headers);
    let path = format!("Calls/{call}");
    answer(&shared, ("GET", path, vec![]), &[], refusal, |market, _| {
        let sid = call.trim_end_matches(".json");
        let found = market.placed.iter().find(|one| one.account_sid == account && one.sid == sid);
        let found = found.ok_or((StatusCode::NOT_FOUND, 20_404, "The requested resource was not found"))?;
        Ok((StatusCode::OK, shown(found)))
    })
}

async fn send(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let refusal = shared.refusal(&account, &headers);
    let form: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    answer(
        &shared,
        ("POST", "Messages.json".to_owned(), form),
        &[Mishap::AnswerLost],
        refusal,
        |market, form| {
            let value = |name: &str| {
                form.iter()
                    .find(|(known, _)| known == name)
                    .map(|(_, value)| value.clone())
                    .unwrap_or_default()
            };
            let texted = Texted { to: value("To"), from: value("From"), body: value("Body") };
            if texted.body.is_empty() {
                return Err((StatusCode::BAD_REQUEST, 21_602, "Message body is required."));
            }
            let body = json!({ "sid": sid("SM"), "status": "queued", "to": texted.to, "from": texted.from,
                "body": texted.body, "account_sid": account, "direction": "outbound-api" });
            market.texted.push(texted);
            Ok((StatusCode::CREATED, body))
        },
    )
}

/// A call as Twilio shows it.
fn shown(call: &Placed) -> Value {
    let created = call.created.to_jiff().to_zoned(jiff::tz::TimeZone::UTC);
    let created = jiff::fmt::rfc2822::to_string(&created).unwrap_or_default();
    json!({
        "sid": call.sid, "account_sid": call.account_sid, "to": call.asked("To"), "from": call.asked("From"),
        "status": call.status, "date_created": created, "date_updated": created, "start_time": null,
        "end_time": null, "duration": null, "direction": "outbound-api", "answered_by": null,
        "api_version": "2010-04-01", "queue_time": "0", "parent_call_sid": null,
        "uri": format!("/2010-04-01/Accounts/{}/Calls/{}.json", call.account_sid, call.sid),
        "subresource_uris": {},
    })
}

impl Dial {
    /// Plays a call that was asked for: it rings, somebody or nobody answers, and what happens is told.
    ///
    /// # Errors
    /// [`Error`], when the server cannot be reached.
    pub async fn ring_up(
        &self,
        placed: &Placed,
        called: Called<'_>,
        telling: Telling,
        faults: &Faults,
    ) -> Result<Report, Error> {
        let mut report = Report { call_sid: placed.sid.clone(), ..Report::default() };
        let mut untold = vec![];
        self.tell(placed, "initiated", telling, &mut untold, faults).await?;
        self.tell(placed, "ringing", telling, &mut untold, faults).await?;
        let watch = self.clock.stopwatch();
        let end = match called {
            Called::Ends(word) => word,
            Called::SentOn(onward, person) => {
                // What is refused there is engaged here.
                let sent_on = onward.place(person, faults).await?;
                if sent_on.stream_end.is_some() { "completed" } else { "busy" }
            }
            Called::Answers(person) => {
                self.tell(placed, "in-progress", telling, &mut untold, faults).await?;
                self.pick_up(placed, person, None, faults, &mut report).await?;
                "completed"
            }
            Called::Machine(person, word) => {
                self.tell(placed, "in-progress", telling, &mut untold, faults).await?;
                self.pick_up(placed, person, Some(word), faults, &mut report).await?;
                "completed"
            }
        };
        report.duration = watch.elapsed();
        if let Some(exchange) = &self.exchange {
            exchange.over(&placed.sid);
            exchange.stands(&placed.sid, end);
        }
        self.tell(placed, end, telling, &mut untold, faults).await?;
        if telling == Telling::Reversed {
            untold.reverse();
        }
        for form in untold {
            self.callback(placed, &form, faults).await?;
        }
        Ok(report)
    }

    /// Somebody picks up: the document is asked for and followed; a machine is told of when its greeting is over.
    async fn pick_up(
        &self,
        placed: &Placed,
        person: &mut dyn Person,
        machine: Option<&str>,
        faults: &Faults,
        report: &mut Report,
    ) -> Result<(), Error> {
        let ended = self.exchange.as_ref().map(|exchange| exchange.begin(&placed.sid)).unwrap_or_default();
        if let Some(exchange) = &self.exchange {
            exchange.stands(&placed.sid, "in-progress");
        }
        let answer = self.post(placed.asked("Url"), &self.outgoing_form(placed, "in-progress")).await?;
        report.webhook_status = answer.status;
        if answer.status != 200 {
            faults.add(format!("the document of a call answered {} (11200)", answer.status));
            return Ok(());
        }
        let verbs = match twiml::parse(&answer.body) {
            Ok(verbs) => verbs,
            Err(why) => {
                faults.add(format!("TwiML (12100): {why}"));
                return Ok(());
            }
        };
        let found_out = async {
            let Some(word) = machine else { return Ok(()) };
            self.clock.sleep(GREETING).await;
            let form = [
                ("AccountSid", placed.account_sid.as_str()),
                ("CallSid", &placed.sid),
                ("AnsweredBy", word),
                ("MachineDetectionDuration", "4000"),
            ];
            let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
            self.post(placed.asked("AsyncAmdStatusCallback"), &form).await.map(drop)
        };
        let (_, told) = tokio::join!(self.follow(verbs, person, &ended, faults, report), found_out);
        told?;
        if let Some(document) = self.exchange.as_ref().and_then(|exchange| exchange.redirected(&placed.sid)) {
            match twiml::parse(&document) {
                Ok(verbs) => {
                    let ended = tokio_util::sync::CancellationToken::new();
                    self.follow(verbs, person, &ended, faults, report).await;
                }
                Err(why) => faults.add(format!("TwiML (12100): {why}")),
            }
        }
        report.undone.extend(person.undone());
        Ok(())
    }

    /// Tells how a call goes on, now or later.
    async fn tell(
        &self,
        placed: &Placed,
        status: &str,
        telling: Telling,
        untold: &mut Vec<Vec<(String, String)>>,
        faults: &Faults,
    ) -> Result<(), Error> {
        let form = self.outgoing_form(placed, status);
        match telling {
            Telling::Prompt => self.callback(placed, &form, faults).await?,
            Telling::Twice => {
                self.callback(placed, &form, faults).await?;
                self.callback(placed, &form, faults).await?;
            }
            Telling::Late | Telling::Reversed => untold.push(form),
            Telling::Missing => {}
        }
        Ok(())
    }

    async fn callback(
        &self,
        placed: &Placed,
        form: &[(String, String)],
        faults: &Faults,
    ) -> Result<(), Error> {
        let answer = self.post(placed.asked("StatusCallback"), form).await?;
        if answer.status != 204 && answer.status != 200 {
            faults.add(format!("the status callback answered {}", answer.status));
        }
        Ok(())
    }

    /// The form of a request about a call of the server's own.
    fn outgoing_form(&self, placed: &Placed, status: &str) -> Vec<(String, String)> {
        let now = self.clock.now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC);
        [
            ("AccountSid", placed.account_sid.as_str()),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", &placed.sid),
            ("CallStatus", status),
            ("Direction", "outbound-api"),
            ("From", placed.asked("From")),
            ("To", placed.asked("To")),
            ("Caller", placed.asked("From")),
            ("Called", placed.asked("To")),
            ("Timestamp", &jiff::fmt::rfc2822::to_string(&now).unwrap_or_default()),
            ("CallbackSource", "call-progress-events"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}
