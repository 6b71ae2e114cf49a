//! Twilio's REST API for telephone numbers: what is for sale, what is owned, and what goes wrong.
//!
//! A purchase takes effect before it is answered, as it does at Twilio, so an answer can be lost. What is asked in a form
//! that Twilio does not know is a fault.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::stream;
use serde_json::{Value, json};

use super::{
    Exchange,
    calling::{Placed, Texted},
    exchange::{Shared, problem},
    intelligence::Transcript,
    sid,
};
use crate::{domain::time::Timestamp, platform::clock::Clock};

/// Something that goes wrong once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The next purchase is made, and its answer never comes.
    AnswerLost,
    /// The next purchase finds the number taken by somebody else (21422).
    Taken,
    /// The next request is one too many (429), to be made again after so many seconds.
    TooMany(u64),
    /// The next request is not believed to come from the account (401).
    Unauthorized,
    /// The next request breaks Twilio (500).
    Broken,
    /// The next change of a number is refused for its URL (21502).
    UrlRefused,
    /// The next call goes to a country the account has no permission for (21215).
    NoPermission,
}

/// A number somebody owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// `PN` and 32 hexadecimal digits.
    pub sid: String,
    /// Who owns it.
    pub account_sid: String,
    /// The number.
    pub number: String,
    /// What was set, by its name in a form.
    pub settings: Vec<(String, String)>,
}

impl Holding {
    /// What was set under that name in a form; empty when nothing was.
    pub fn setting(&self, name: &str) -> &str {
        self.settings.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// Everything there is.
#[derive(Default)]
pub(super) struct Market {
    offered: Vec<String>,
    owned: Vec<Holding>,
    mishaps: VecDeque<Mishap>,
    asked: Vec<Request>,
    /// The calls that were asked for, and how many of them were given to whoever plays them.
    pub(super) placed: Vec<Placed>,
    pub(super) given: usize,
    pub(super) texted: Vec<Texted>,
    /// What was written down of calls, and of which call recordings are.
    pub(super) transcripts: Vec<Transcript>,
    pub(super) recorded: HashMap<String, String>,
    /// What time it is, when somebody has said so.
    pub(super) now: Option<Timestamp>,
}

/// A request as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Such as `POST`.
    pub method: String,
    /// Below `/2010-04-01/Accounts/{AccountSid}/`, without the query.
    pub path: String,
    /// The query or the form.
    pub form: Vec<(String, String)>,
    /// The answer's body; null when there was none.
    pub answer: Value,
}

/// What may stand in the form of a purchase or a change.
const SETTINGS: [&str; 22] = [
    "ApiVersion",
    "FriendlyName",
    "SmsApplicationSid",
    "SmsFallbackMethod",
    "SmsFallbackUrl",
    "SmsMethod",
    "SmsUrl",
    "StatusCallback",
    "StatusCallbackMethod",
    "VoiceApplicationSid",
    "VoiceCallerIdLookup",
    "VoiceFallbackMethod",
    "VoiceFallbackUrl",
    "VoiceMethod",
    "VoiceUrl",
    "EmergencyStatus",
    "EmergencyAddressSid",
    "TrunkSid",
    "VoiceReceiveMode",
    "IdentitySid",
    "AddressSid",
    "BundleSid",
];

impl Exchange {
    /// Has these numbers for sale from here on.
    pub fn offer(&self, numbers: impl IntoIterator<Item = impl Into<String>>) {
        self.market().offered.extend(numbers.into_iter().map(Into::into));
    }

    /// Lets an account own a number with these settings, as if it had been bought elsewhere.
    pub fn own(&self, account_sid: &str, number: &str, settings: &[(&str, &str)]) {
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let holding = Holding {
            sid: sid("PN"),
            account_sid: account_sid.to_owned(),
            number: number.to_owned(),
            settings,
        };
        self.market().owned.push(holding);
    }

    /// Takes a number away from whoever owns it, as if it had been released elsewhere.
    pub fn disown(&self, number: &str) {
        self.market().owned.retain(|holding| holding.number != number);
    }

    /// What is owned.
    pub fn owned(&self) -> Vec<Holding> {
        self.market().owned.clone()
    }

    /// What goes wrong from here on, in this order, each once.
    pub fn go_wrong(&self, mishaps: impl IntoIterator<Item = Mishap>) {
        self.market().mishaps.extend(mishaps);
    }

    /// What was asked about numbers.
    pub fn asked(&self) -> Vec<Request> {
        self.market().asked.clone()
    }

    /// How often a purchase was asked for.
    pub fn purchases(&self) -> usize {
        let market = self.market();
        market
            .asked
            .iter()
            .filter(|one| one.method == "POST" && one.path == "IncomingPhoneNumbers.json")
            .count()
    }
}

type Pairs = Vec<(String, String)>;
/// A status, Twilio's code and its words.
type Refusal = (StatusCode, u32, &'static str);

const TAKEN: Refusal = (StatusCode::BAD_REQUEST, 21_422, "PhoneNumber is not available");
const UNKNOWN: Refusal = (StatusCode::NOT_FOUND, 20_404, "The requested resource was not found");

pub(super) fn routes() -> Router<Arc<Shared>> {
    const BELOW: &str = "/2010-04-01/Accounts/{account}";
    Router::new()
        .route(&format!("{BELOW}/AvailablePhoneNumbers/{{country}}/{{kind}}"), get(available))
        .route(&format!("{BELOW}/IncomingPhoneNumbers.json"), get(list).post(buy))
        .route(&format!("{BELOW}/IncomingPhoneNumbers/{{number}}"), get(fetch).post(change).delete(release))
}

impl Market {
    /// What time it is.
    pub(super) fn now(&self) -> Timestamp {
        self.now.unwrap_or_else(|| Clock::system().now())
    }

    /// Whether the next thing to go wrong is one of these; then it has.
    fn mishap(&mut self, possible: &[Mishap]) -> Option<Mishap> {
        let next = *self.mishaps.front()?;
        let general = matches!(next, Mishap::TooMany(_) | Mishap::Unauthorized | Mishap::Broken);
        if general || possible.contains(&next) { self.mishaps.pop_front() } else { None }
    }
}

fn refused(mishap: Mishap) -> Response {
    match mishap {
        Mishap::Taken => problem(TAKEN.0, TAKEN.1, TAKEN.2),
        Mishap::TooMany(seconds) => {
            let mut response = problem(StatusCode::TOO_MANY_REQUESTS, 20_429, "Too Many Requests");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        Mishap::Unauthorized => problem(StatusCode::UNAUTHORIZED, 20_003, "Authenticate"),
        Mishap::UrlRefused => problem(StatusCode::BAD_REQUEST, 21_502, "Voice URL is not a valid URL"),
        Mishap::NoPermission => {
            problem(StatusCode::BAD_REQUEST, 21_215, "Geo Permission configuration is not permitting call")
        }
        Mishap::Broken => (StatusCode::INTERNAL_SERVER_ERROR, "<html>").into_response(),
        // The head is promised, and the connection ends.
        Mishap::AnswerLost => {
            let broken = stream::once(async { Err::<String, _>(std::io::Error::other("lost")) });
            (StatusCode::CREATED, Body::from_stream(broken)).into_response()
        }
    }
}

/// Answers, and notes what was asked and answered.
pub(super) fn answer(
    shared: &Shared,
    (method, path, form): (&str, String, Pairs),
    possible: &[Mishap],
    refusal: Option<Response>,
    work: impl FnOnce(&mut Market, &Pairs) -> Result<(StatusCode, Value), Refusal>,
) -> Response {
    let mut market = shared.market();
    let note = |market: &mut Market, form: Pairs, answer: Value| {
        market.asked.push(Request { method: method.to_owned(), path: path.clone(), form, answer });
    };
    if let Some(refusal) = refusal {
        note(&mut market, form, Value::Null);
        return refusal;
    }
    let mishap = market.mishap(possible);
    if let Some(mishap) = mishap.filter(|mishap| *mishap != Mishap::AnswerLost) {
        note(&mut market, form, Value::Null);
        return refused(mishap);
    }
    match work(&mut market, &form) {
        Ok((status, body)) => {
            note(&mut market, form, body.clone());
            match mishap {
                Some(lost) => refused(lost),
                None if body.is_null() => status.into_response(),
                None => (status, Json(body)).into_response(),
            }
        }
        Err((status, code, message)) => {
            note(&mut market, form, Value::Null);
            problem(status, code, message)
        }
    }
}

async fn available(
    State(shared): State<Arc<Shared>>,
    Path((account, country, kind)): Path<(String, String, String)>,
    Query(query): Query<Pairs>,
    headers: HeaderMap,
) -> Response {
    let path = format!("AvailablePhoneNumbers/{country}/{kind}");
    let refusal = shared.refusal(&account, &headers);
    let value = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let (area, contains) = (value("AreaCode"), value("Contains"));
    let count = value("PageSize").and_then(|size| size.parse().ok()).unwrap_or(50);
    let prefix = match country.as_str() {
        "DE" => "+49",
        "US" | "CA" => "+1",
        "GB" => "+44",
        _ => return problem(UNKNOWN.0, UNKNOWN.1, UNKNOWN.2),
    };
    if !matches!(kind.as_str(), "Local.json" | "Mobile.json" | "TollFree.json") {
        shared.faults.add(format!("REST: there are no numbers of the kind {kind}"));
    }
    answer(&shared, ("GET", path, query), &[], refusal, |market, _| {
        let fits = |number: &&String| {
            let area =
                area.as_ref().is_none_or(|area| number[prefix.len().min(number.len())..].starts_with(area));
            let has = contains.as_ref().is_none_or(|wanted| number.contains(wanted.trim_matches('*')));
            number.starts_with(prefix) && area && has
        };
        let found = market.offered.iter().filter(fits).take(count);
        let numbers: Vec<Value> = found
            .map(|number| {
                json!({
                    "friendly_name": number, "phone_number": number, "lata": null, "locality": "Berlin",
                    "rate_center": null, "latitude": null, "longitude": null, "region": "Berlin",
                    "postal_code": null, "iso_country": country, "address_requirements": "none", "beta": false,
                    "capabilities": { "voice": true, "SMS": false, "MMS": false, "fax": false },
                })
            })
            .collect();
        let uri = format!("/2010-04-01/Accounts/{account}/AvailablePhoneNumbers/{country}/{kind}");
        Ok((StatusCode::OK, json!({ "uri": uri, "available_phone_numbers": numbers })))
    })
}

async fn list(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Query(query): Query<Pairs>,
    headers: HeaderMap,
) -> Response {
    let refusal = shared.refusal(&account, &headers);
    let value = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let number = value("PhoneNumber");
    let size: usize = value("PageSize").and_then(|size| size.parse().ok()).unwrap_or(50).clamp(1, 1_000);
    let page: usize = value("Page").and_then(|page| page.parse().ok()).unwrap_or(0);
    if page > 0 && value("PageToken") != Some(format!("PAPN{page}")) {
        shared.faults.add("REST: a page was asked for without its token".to_owned());
    }
    let path = "IncomingPhoneNumbers.json".to_owned();
    answer(&shared, ("GET", path, query), &[], refusal, |market, _| {
        let mine = market.owned.iter().filter(|holding| holding.account_sid == account);
        let all: Vec<_> = mine
            .filter(|holding| number.as_ref().is_none_or(|wanted| holding.number.contains(&**wanted)))
            .collect();
        let shown: Vec<Value> = all.iter().skip(page * size).take(size).map(|one| shown(one)).collect();
        let base = format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json?PageSize={size}");
        let at = |page: usize| format!("{base}&Page={page}&PageToken=PAPN{page}");
        let more = (page + 1) * size < all.len();
        let body = json!({
            "page": page, "page_size": size, "start": page * size, "end": page * size + shown.len().max(1) - 1,
            "uri": at(page), "first_page_uri": format!("{base}&Page=0"),
            "previous_page_uri": (page > 0).then(|| at(page - 1)), "next_page_uri": more.then(|| at(page + 1)),
            "incoming_phone_numbers": shown,
        });
        Ok((StatusCode::OK, body))
    })
}

async fn buy(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let refusal = shared.refusal(&account, &headers);
    let form: Pairs = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    unknown(&shared, &form, &["PhoneNumber", "AreaCode"]);
    let possible = [Mishap::AnswerLost, Mishap::Taken];
    answer(
        &shared,
        ("POST", "IncomingPhoneNumbers.json".to_owned(), form),
        &possible,
        refusal,
        |market, form| {
            let wanted =
                form.iter().find(|(name, _)| name == "PhoneNumber").map(|(_, number)| number.clone());
            let at = market.offered.iter().position(|offered| Some(offered) == wanted.as_ref());
            let (Some(at), Some(number)) = (at, wanted) else { return Err(TAKEN) };
            market.offered.remove(at);
            let settings = form.iter().filter(|(name, _)| name != "PhoneNumber").cloned().collect();
            let bought = Holding { sid: sid("PN"), account_sid: account, number, settings };
            let body = shown(&bought);
            market.owned.push(bought);
            Ok((StatusCode::CREATED, body))
        },
    )
}

async fn fetch(
    State(shared): State<Arc<Shared>>,
    Path((account, number)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let refusal = shared.refusal(&account, &headers);
    let path = format!("IncomingPhoneNumbers/{number}");
    answer(&shared, ("GET", path, vec![]), &[], refusal, |market, _| {
        let at = position(market, &account, &number)?;
        Ok((StatusCode::OK, shown(&market.owned[at])))
    })
}

async fn change(
    State(shared): State<Arc<Shared>>,
    Path((account, number)): Path<(String, String)>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let refusal = shared.refusal(&account, &headers);
    let form: Pairs = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    unknown(&shared, &form, &["AccountSid"]);
    let path = format!("IncomingPhoneNumbers/{number}");
    answer(&shared, ("POST", path, form), &[Mishap::UrlRefused], refusal, |market, form| {
        let at = position(market, &account, &number)?;
        let holding = &mut market.owned[at];
        for (name, value) in form {
            holding.settings.retain(|(known, _)| known != name);
            if !value.is_empty() {
                holding.settings.push((name.clone(), value.clone()));
            }
        }
        Ok((StatusCode::OK, shown(holding)))
    })
}

async fn release(
    State(shared): State<Arc<Shared>>,
    Path((account, number)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let refusal = shared.refusal(&account, &headers);
    let path = format!("IncomingPhoneNumbers/{number}");
    answer(&shared, ("DELETE", path, vec![]), &[], refusal, |market, _| {
        let at = position(market, &account, &number)?;
        let gone = market.owned.remove(at);
        market.offered.push(gone.number);
        Ok((StatusCode::NO_CONTENT, Value::Null))
    })
}

fn position(market: &Market, account: &str, number: &str) -> Result<usize, Refusal> {
    let sid = number.trim_end_matches(".json");
    let at = market.owned.iter().position(|one| one.account_sid == account && one.sid == sid);
    at.ok_or(UNKNOWN)
}

/// Notes what Twilio does not know in a form.
fn unknown(shared: &Shared, form: &Pairs, besides: &[&str]) {
    for (name, _) in form {
        if !SETTINGS.contains(&name.as_str()) && !besides.contains(&name.as_str()) {
            shared.faults.add(format!("REST: no number has {name}"));
        }
    }
}

/// A number as Twilio shows it.
fn shown(holding: &Holding) -> Value {
    let set = |name: &str| Some(holding.setting(name)).filter(|value| !value.is_empty());
    let text = |name: &str| set(name).unwrap_or_default();
    let method = |name: &str| set(name).unwrap_or("POST");
    json!({
        "account_sid": holding.account_sid, "address_sid": set("AddressSid"), "address_requirements": "none",
        "api_version": "2010-04-01", "beta": false,
        "capabilities": { "voice": true, "sms": false, "mms": false, "fax": false },
        "date_created": "Thu, 30 Jul 2026 23:19:04 +0000", "date_updated": "Thu, 30 Jul 2026 23:19:04 +0000",
        "friendly_name": holding.number, "identity_sid": null, "phone_number": holding.number,
        "origin": "twilio", "sid": holding.sid, "sms_application_sid": null, "sms_fallback_method": "POST",
        "sms_fallback_url": "", "sms_method": "POST", "sms_url": "",
        "status_callback": text("StatusCallback"), "status_callback_method": method("StatusCallbackMethod"),
        "trunk_sid": set("TrunkSid"),
        "uri": format!("/2010-04-01/Accounts/{}/IncomingPhoneNumbers/{}.json", holding.account_sid, holding.sid),
        "voice_receive_mode": "voice", "voice_application_sid": set("VoiceApplicationSid"),
        "voice_caller_id_lookup": false, "voice_fallback_method": method("VoiceFallbackMethod"),
        "voice_fallback_url": text("VoiceFallbackUrl"), "voice_method": method("VoiceMethod"),
        "voice_url": text("VoiceUrl"), "emergency_status": "Inactive", "emergency_address_sid": null,
        "emergency_address_status": "unregistered", "bundle_sid": set("BundleSid"), "status": "in-use",
        "subresource_uris": {}, "type": "local",
    })
}
