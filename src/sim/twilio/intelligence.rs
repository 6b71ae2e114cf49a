//! Twilio's Conversation Intelligence (classic): transcripts of calls, and their sentences page by page.
//!
//! It answers as the public reference says; what stands in a sentence is whatever a test put there, so that it can be wrong.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::get,
};
use serde_json::{Value, json};

use super::{
    Exchange,
    exchange::{Shared, problem},
    numbers::answer,
};

/// The most sentences of one page.
const PAGE_MAX: usize = 1_000;

/// A transcript as it lies at Twilio.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// `GT` and 32 hexadecimal digits.
    pub sid: String,
    /// In which account.
    pub account_sid: String,
    /// Where it stands, in Twilio's words.
    pub status: String,
    /// Of what it was made; of something outside, when empty.
    pub source_sid: String,
    /// What its maker called it.
    pub customer_key: Option<String>,
    /// Who is on which channel, and their role.
    pub participants: Vec<(u32, String)>,
    /// Its sentences, as they are sent.
    pub sentences: Vec<Value>,
    /// Where its next pages are said to be; where the first is, when nobody says otherwise.
    pub pages_at: Option<String>,
}

impl Transcript {
    /// A finished one of a call or a recording, in which these words are said on these channels, two seconds each.
    pub fn of(source_sid: &str, account_sid: &str, said: &[(u32, &str)]) -> Self {
        let sentence = |(index, (channel, words)): (usize, &(u32, &str))| {
            json!({
                "media_channel": channel, "sentence_index": index, "start_time": format!("{}.250", index * 2),
                "end_time": format!("{}.0", index * 2 + 2), "transcript": words, "sid": super::sid("GX"),
                "confidence": "0.875", "words": [],
            })
        };
        Self {
            sid: super::sid("GT"),
            account_sid: account_sid.to_owned(),
            status: "completed".to_owned(),
            source_sid: source_sid.to_owned(),
            sentences: said.iter().enumerate().map(sentence).collect(),
            ..Self::default()
        }
    }
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v2/Transcripts/{transcript}", get(fetch))
        .route("/v2/Transcripts/{transcript}/Sentences", get(sentences))
}

impl Exchange {
    /// Has a transcript, or another one of that name.
    pub fn transcribe(&self, transcript: &Transcript) {
        let mut market = self.market();
        market.transcripts.retain(|known| known.sid != transcript.sid);
        market.transcripts.push(transcript.clone());
    }

    /// Says of which call a recording is, when it is asked.
    pub fn recorded_in(&self, recording_sid: &str, call_sid: &str) {
        self.market().recorded.insert(recording_sid.to_owned(), call_sid.to_owned());
    }
}

const UNKNOWN: (StatusCode, u32, &str) =
    (StatusCode::NOT_FOUND, 20_404, "The requested resource was not found");

async fn fetch(
    State(shared): State<Arc<Shared>>,
    Path(transcript): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(account) = shared.who(&headers) else {
        return problem(StatusCode::UNAUTHORIZED, 20_003, "Authenticate");
    };
    answer(&shared, ("GET", format!("Transcripts/{transcript}"), vec![]), &[], None, |market, _| {
        let fits = |one: &&Transcript| one.sid == transcript && one.account_sid == account;
        let found = market.transcripts.iter().find(fits).ok_or(UNKNOWN)?;
        let source = (!found.source_sid.is_empty()).then_some(&found.source_sid);
        let participant =
            |(channel, role): &(u32, String)| json!({ "channel_participant": channel, "role": role });
        let participants: Vec<Value> = found.participants.iter().map(participant).collect();
        Ok((
            StatusCode::OK,
            json!({
                "sid": found.sid, "account_sid": found.account_sid, "service_sid": super::sid("GA"),
                "status": found.status, "customer_key": found.customer_key, "data_logging": false,
                "language_code": "de-DE", "duration": 60, "redaction": false, "media_start_time": null,
                "encryption_credential_sid": null,
                "channel": {
                    "media_properties": { "source": "Recording", "source_sid": source, "media_url": null },
                    "participants": participants, "type": "voice",
                },
            }),
        ))
    })
}

async fn sentences(
    State(shared): State<Arc<Shared>>,
    Path(transcript): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let Some(account) = shared.who(&headers) else {
        return problem(StatusCode::UNAUTHORIZED, 20_003, "Authenticate");
    };
    let value = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let size: usize = value("PageSize").and_then(|size| size.parse().ok()).unwrap_or(50);
    let page: usize = value("Page").and_then(|page| page.parse().ok()).unwrap_or(0);
    if !(1..=PAGE_MAX).contains(&size) {
        shared.faults.add(format!("REST: a page of {size} sentences"));
    }
    if page > 0 && value("PageToken") != Some(format!("PTGX{page}")) {
        shared.faults.add("REST: a page was asked for without its token".to_owned());
    }
    let base =
        format!("http://{}", headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default());
    let path = format!("Transcripts/{transcript}/Sentences");
    answer(&shared, ("GET", path.clone(), query), &[], None, |market, _| {
        let fits = |one: &&Transcript| one.sid == transcript && one.account_sid == account;
        let found = market.transcripts.iter().find(fits).ok_or(UNKNOWN)?;
        let shown: Vec<&Value> = found.sentences.iter().skip(page * size).take(size).collect();
        let at = |base: &str, page: usize| {
            let token = if page > 0 { format!("&PageToken=PTGX{page}") } else { String::new() };
            format!("{base}/v2/{path}?PageSize={size}&Page={page}{token}")
        };
        let more = (page + 1) * size < found.sentences.len();
        let elsewhere = found.pages_at.as_deref().unwrap_or(&base);
        Ok((
            StatusCode::OK,
            json!({
                "sentences": shown,
                "meta": {
                    "key": "sentences", "page": page, "page_size": size, "url": at(&base, page),
                    "first_page_url": at(&base, 0), "previous_page_url": (page > 0).then(|| at(&base, page - 1)),
                    "next_page_url": more.then(|| at(elsewhere, page + 1)),
                },
            }),
        ))
    })
}
