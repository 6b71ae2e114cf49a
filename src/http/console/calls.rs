//! `/console/calls`: every ring in one row, and one call with what was said, what came of it and why.

mod kept;
pub(super) mod shared;

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Method},
    response::Response,
    routing::{get, post},
};

use super::{
    failure::Failure,
    form::{Form, Typed},
    format,
    lists::{self, Next},
    live,
    page::{Page, show, show_with},
    visitor::Reader,
    words::Said,
};
use crate::{
    app::{
        assistants,
        calls::{self, Kept, Steer},
        recordings, remarks,
        search::{self, Found},
    },
    domain::{
        booking::AppointmentStatus,
        conversation::{CallRecord, CallState, Direction, Outcome, Speaker, Turn},
        id::CallId,
        outgoing::hours,
        participants::participants,
        people::{Subject, Verb},
        quality::{self, Kind},
        tool::ToolName,
    },
    http::{Doors, api},
    live::{Aired, Asked as AskedOfCall},
    store::{CallFilter, CallsOf},
};

/// Calls on a page.
const CALLS_ON_PAGE: u32 = 50;
/// What a list of calls can be asked for.
const FILTERS: [&str; 7] = ["q", "from", "until", "outcome", "transfer", "tag", "assistant"];
/// Assistants to choose from in the filter, at most.
const ASSISTANTS_MAX: u32 = 200;

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/calls", get(list))
        .route("/console/calls/{call}", get(one))
        .route("/console/calls/{call}/recording", get(recording))
        .route("/console/calls/{call}/{act}", post(act))
        .merge(kept::router())
}

#[derive(Template)]
#[template(path = "calls/list.html", config = ".askama.toml")]
struct ListPage {
    page: Page,
    form: Form,
    outcomes: Vec<(String, String)>,
    transfers: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    assistants: Vec<(String, String)>,
    rows: Vec<Row>,
    /// What the list was asked for, to be carried along to a call; begins with a question mark where there is any.
    carried: String,
    found: Option<Vec<FoundRow>>,
    filtered: bool,
    next: Option<Next>,
}

/// A call in the list.
struct Row {
    call: CallRecord,
    assistant: String,
    ended: Said,
    status: &'static str,
    talked_ms: Option<i64>,
}

/// A turn in which the words were heard.
struct FoundRow {
    found: Found,
    at: String,
}

/// What one typed to see some calls only.
fn filter(reader: &Reader, form: &mut Form) -> CallFilter {
    let zone = reader.zone();
    let typed = form.typed().clone();
    let day = |name: &str| typed.maybe(name).map(|text| (name.to_owned(), text.parse::<jiff::civil::Date>()));
    let mut filter = CallFilter::default();
    for (name, date) in day("from").into_iter().chain(day("until")) {
        match date {
            Ok(date) if name == "from" => filter.from = lists::begins(date, &zone),
            Ok(date) => filter.until = date.tomorrow().ok().and_then(|next| lists::begins(next, &zone)),
            Err(_) => {
                let words = form.t("fault-date");
                form.fault(&name, words);
            }
        }
    }
    filter.outcome = typed.maybe("outcome").and_then(Outcome::parse);
    filter.passed_on = typed.maybe("transfer").and_then(api::calls::passed_on);
    filter.tag = typed.maybe("tag").and_then(|tag| tag.parse().ok());
    filter.of = typed.maybe("assistant").and_then(|id| id.parse().ok()).map(CallsOf::Assistant);
    if let Some(number) = typed.maybe("q").filter(|text| lists::looks_like_number(text)) {
        match lists::number(number, hours::country_of(&zone)) {
            Some(number) => filter.of = Some(CallsOf::Caller(number)),
            None => {
                let words = form.t("fault-number");
                form.fault("q", words);
            }
        }
    }
    filter
}

/// What a list of calls was asked for, as it is carried along to a call and back.
fn carried(typed: &Typed) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let kept = typed.iter().filter(|(name, value)| FILTERS.contains(name) && !value.trim().is_empty());
    query.extend_pairs(kept);
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

async fn list(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let typed = Typed::read(query.unwrap_or_default().as_bytes());
    let mut form = Form::new(reader.language, typed);
    let filter = filter(&reader, &mut form);
    let after = lists::place(form.typed().get("after"));
    let page =
        Page::new(&reader, "/console/calls", reader.t("nav-calls"), doors.clock.now()).with_form(&form);
    let named = assistants::list(&doors.store, &reader.by, None, ASSISTANTS_MAX).await?;
    let named: Vec<(String, String)> =
        named.items.into_iter().map(|one| (one.id.to_string(), one.name)).collect();
    let words = form.typed().maybe("q").filter(|text| !lists::looks_like_number(text)).map(str::to_owned);
    let filtered = form.typed().iter().any(|(name, value)| name != "after" && !value.trim().is_empty());
    let mut found = None;
    let (mut rows, mut next) = (vec![], None);
    if let Some(words) = words {
        let within = (filter.from, filter.until);
        match search::calls(&doors.store, &reader.by, &words, within, after.as_ref(), CALLS_ON_PAGE).await {
            Ok(hits) => {
                next = Next::of(hits.next.as_ref(), form.typed());
                let row = |found: Found| FoundRow { at: format::position(found.hit.began.0), found };
                found = Some(hits.items.into_iter().map(row).collect());
            }
            Err(error) => form = form.refused(error)?,
        }
    } else if !form.is_wrong() {
        let calls = calls::list(&doors.store, &reader.by, &filter, after.as_ref(), CALLS_ON_PAGE).await?;
        next = Next::of(calls.next.as_ref(), form.typed());
        rows = calls.items.into_iter().map(|call| row(&reader, &named, call)).collect();
    }
    let mut outcomes = vec![(String::new(), page.t("calls-any").to_string())];
    outcomes.extend(
        Outcome::ALL.map(|one| (one.as_str().to_owned(), page.t(outcome_key("outcome", one)).to_string())),
    );
    let any = || vec![(String::new(), page.t("calls-any").to_string())];
    let (mut choices, mut transfers, mut tags) = (any(), any(), any());
    choices.extend(named);
    transfers.extend([true, false].map(|taken| {
        let word = api::calls::passed_on_word(taken);
        (word.to_owned(), page.word("passed-on", word).to_string())
    }));
    let known = remarks::tags(&doors.store, &reader.by).await?;
    tags.extend(known.iter().map(|tag| (tag.to_string(), tag.to_string())));
    let carried = carried(form.typed());
    let assistants = choices;
    let shown =
        ListPage { page, form, outcomes, transfers, tags, assistants, rows, carried, found, filtered, next };
    show(&shown)
}

fn row(reader: &Reader, assistants: &[(String, String)], call: CallRecord) -> Row {
    let assistant = assistants.iter().find(|(id, _)| *id == call.assistant.as_str());
    let (ended, status) = ending(reader, &call);
    let talked_ms = call.answered.zip(call.ended).map(|(from, to)| to.millis_since(from));
    Row {
        talked_ms,
        assistant: assistant.map(|(_, name)| name.clone()).unwrap_or_default(),
        ended,
        status,
        call,
    }
}

/// How a call ended in a word, and the look of that word.
fn ending(reader: &Reader, call: &CallRecord) -> (Said, &'static str) {
    match (call.outcome, call.state) {
        (Some(outcome), _) => {
            let status = match outcome {
                Outcome::CallerLeft | Outcome::AgentLeft | Outcome::Transferred | Outcome::Dismissed => {
                    "good"
                }
                Outcome::Silence
                | Outcome::MaxDuration
                | Outcome::NotReached
                | Outcome::Machine
                | Outcome::Paused
                | Outcome::Blocked
                | Outcome::ForwardingTest => "",
                Outcome::Drained | Outcome::Refused => "warn",
                Outcome::Degraded | Outcome::Lost => "bad",
            };
            (reader.t(outcome_key("outcome", outcome)), status)
        }
        (None, CallState::Ringing) => (reader.t("calls-ringing"), "live"),
        (None, CallState::InProgress) => (reader.t("calls-now"), "live"),
        (None, CallState::Completed | CallState::Failed) => (reader.t("calls-over"), ""),
    }
}

/// The key of the words for an outcome.
fn outcome_key(kind: &str, outcome: Outcome) -> String {
    format!("{kind}-{}", outcome.as_str().replace('_', "-"))
}

#[derive(Template)]
#[template(path = "calls/one.html", config = ".askama.toml")]
struct OnePage {
    page: Page,
    kept: Kept,
    /// What the team writes on it.
    form: Form,
    links: kept::Links,
    /// To the list as it was asked for, and to the calls on either side in it.
    carried: String,
    before: Option<CallId>,
    after: Option<CallId>,
    may_hand_out: bool,
    assistant: String,
    ended: Said,
    status: &'static str,
    /// How it ended, whose doing it was and what to do, in a sentence.
    sentence: Option<Said>,
    lines: Vec<Line>,
    sides: Vec<Side>,
    score: Option<ScoreShown>,
    cost: String,
    talked_ms: Option<i64>,
    rang_ms: Option<i64>,
    recorded_ms: Option<i64>,
    /// How it stands, while it is in the air.
    aired: Option<Aired>,
    /// What can be done with it: what is done, and under which id its button keeps the focus.
    acts: Vec<(&'static str, &'static str)>,
    may_steer: bool,
    /// Whether the reader may see what was booked in it.
    sees_dated: bool,
    may_listen: bool,
    /// Where the reader is rung when they take the call over.
    over: Form,
    /// To whom the caller can be passed on: ids and names.
    targets: Vec<(String, String)>,
    /// What can be done in a call, for the words as they are heard.
    tools: Vec<&'static str>,
}

/// A turn, or what happened between turns.
enum Line {
    Turn { turn: Turn, at: String, unheard: Option<String>, from_ms: Option<u64> },
    Tool { name: String, status: &'static str, took_ms: Option<i64> },
}

/// One side, summed up.
struct Side {
    speaker: Speaker,
    turns: u32,
    words: u64,
    speaking_ms: i64,
}

/// How well it went, and what it is made of.
struct ScoreShown {
    points: u32,
    parts: Vec<ScorePart>,
}

struct ScorePart {
    name: Said,
    value: String,
    took_off: u32,
    at_most: u32,
}

async fn one(
    State(doors): State<Doors>,
    reader: Reader,
    Path(call): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let id: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    let asked = Typed::read(query.unwrap_or_default().as_bytes());
    let kept = calls::show(&doors.store, &reader.by, &id).await?;
    let form = Form::new(reader.language, kept::typed_of(&kept.remarks));
    let links = kept::Links::of(&doors, &reader, &id).await?;
    one_page(&doors, &reader, kept, asked, form, links, None).await
}

/// The page of a call, with what was typed to take it over, if that was refused.
pub(super) async fn page_of(
    doors: &Doors,
    reader: &Reader,
    id: &CallId,
    refused: Option<Form>,
) -> Result<Response, Failure> {
    let kept = calls::show(&doors.store, &reader.by, id).await?;
    let form = Form::new(reader.language, kept::typed_of(&kept.remarks));
    let links = kept::Links::of(doors, reader, id).await?;
    one_page(doors, reader, kept, Typed::default(), form, links, refused).await
}

/// The page of a call: `asked` is what the list was asked for in which it stands, `refused` what was typed to take it over.
async fn one_page(
    doors: &Doors,
    reader: &Reader,
    kept: Kept,
    asked: Typed,
    form: Form,
    links: kept::Links,
    refused: Option<Form>,
) -> Result<Response, Failure> {
    let id = kept.record.id.clone();
    let (mut before, mut after) = (None, None);
    // Words are found in turns: there is no list of calls then that it could stand in.
    if asked.maybe("q").is_none_or(lists::looks_like_number) {
        let filter = filter(reader, &mut Form::new(reader.language, asked.clone()));
        (before, after) = calls::beside(&doors.store, &reader.by, &filter, &kept.record).await?;
    }
    let carried = carried(&asked);
    let assistant = match assistants::get(&doors.store, &reader.by, &kept.record.assistant).await {
        Ok(revised) => revised.item.name,
        Err(crate::app::Error::NotFound(_) | crate::app::Error::Forbidden(_)) => String::new(),
        Err(error) => return Err(error.into()),
    };
    let now = doors.clock.now();
    let plain = Page::new(reader, "/console/calls", "", now);
    let title = match kept.record.person() {
        _ if kept.record.test.is_some() => reader.t("call-title-test"),
        Some(number) => reader.t("call-title").s("who", plain.phone(number)),
        None => reader.t("call-title-withheld"),
    };
    let over = match refused {
        Some(form) => form,
        None => live::over(doors, reader).await?,
    }
    .prefixed("over-");
    let page = Page::new(reader, "/console/calls", title, now)
        .with_form(&form)
        .with_form(&links.form)
        .with_form(&over)
        .script("player.js")
        .script("talk.js");
    let (ended, status) = ending(reader, &kept.record);
    let inbound = kept.record.direction == Direction::Inbound;
    let sentence = kept.record.outcome.map(|outcome| {
        if outcome == Outcome::NotReached && inbound {
            reader.t("ended-not-put-through")
        } else {
            reader.t(outcome_key("ended", outcome))
        }
    });
    let span = |from: Option<crate::domain::time::Timestamp>, to: Option<crate::domain::time::Timestamp>| {
        from.zip(to).map(|(from, to)| to.millis_since(from).max(0))
    };
    let end = kept.record.ended;
    let aired = doors.lines.aired(reader.by.tenant(), &id);
    let passable = aired.is_some() && kept.record.test.is_none();
    let targets = if passable { live::targets(doors, reader).await? } else { vec![] };
    let may_listen = aired.as_ref().is_some_and(|aired| aired.open)
        && reader.may(Verb::Read, Subject::Listening)
        && reader.inside.as_ref().and_then(|inside| inside.tenant.as_ref()).is_some_and(|at| at.listening_in);
    let answer = [&form, &over].into_iter().find(|form| form.is_wrong()).unwrap_or(&links.form).status;
    let shown = OnePage {
        form,
        links,
        carried,
        before,
        after,
        may_hand_out: reader.may(Verb::Write, Subject::Privacy),
        assistant,
        ended,
        status,
        sentence,
        lines: lines(&kept),
        sides: participants(&kept.turns)
            .into_iter()
            .map(|side| Side {
                speaker: side.speaker,
                turns: side.turns,
                words: side.words,
                speaking_ms: i64::try_from(side.speaking_ms).unwrap_or(i64::MAX),
            })
            .collect(),
        score: kept.measures.as_ref().and_then(|measures| score(&page, measures)),
        cost: format::dollars(kept.record.cost, reader.language),
        talked_ms: span(kept.record.answered, end),
        rang_ms: span(Some(kept.record.rang), kept.record.answered.or(end)),
        recorded_ms: kept.taped.as_ref().and_then(|taped| taped.millis).and_then(|ms| i64::try_from(ms).ok()),
        acts: aired.as_ref().map(live::acts).unwrap_or_default(),
        aired,
        may_listen,
        over,
        targets,
        tools: ToolName::ALL.into_iter().chain(ToolName::OURS).map(ToolName::as_str).collect(),
        may_steer: reader.may(Verb::Write, Subject::Calls),
        sees_dated: reader.may(Verb::Read, Subject::Appointments),
        page,
        kept,
    };
    show_with(answer, &shown)
}

/// What was said and done, in order.
fn lines(kept: &Kept) -> Vec<Line> {
    let began = kept.taped.as_ref().map(|taped| taped.began.0);
    let answered = kept.record.answered;
    let mut lines: Vec<(i64, Line)> = vec![];
    for turn in &kept.turns {
        let unheard = turn.text.strip_prefix(&turn.heard_text).map(str::trim).filter(|rest| !rest.is_empty());
        let unheard = unheard.filter(|_| turn.speaker == Speaker::Agent).map(str::to_owned);
        let from_ms = began.and_then(|began| turn.began.0.checked_sub(began));
        let at = format::position(turn.began.0);
        let place = i64::try_from(turn.began.0).unwrap_or(i64::MAX);
        lines.push((place, Line::Turn { turn: turn.clone(), at, unheard, from_ms }));
    }
    for tool in &kept.tool_calls {
        let place = answered.map_or(0, |answered| tool.began.millis_since(answered));
        let took_ms = tool.took_ms.and_then(|ms| i64::try_from(ms).ok());
        lines.push((place, Line::Tool { name: tool.name.clone(), status: tool.status.as_str(), took_ms }));
    }
    lines.sort_by_key(|(place, _)| *place);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// The score and what took how much off it.
fn score(page: &Page, measures: &quality::Measures) -> Option<ScoreShown> {
    let score = quality::judge(measures)?;
    let part = |one: &quality::Component| {
        let millis = i64::try_from(one.value).unwrap_or(i64::MAX);
        let value = match one.kind {
            Kind::Latency => page.t("quality-latency-value").n("ms", one.value).to_string(),
            Kind::Silence => page.duration(millis),
            Kind::Interruptions | Kind::Cuts | Kind::Repeats => page.number(one.value),
        };
        let name = page.t(match one.kind {
            Kind::Latency => "quality-latency",
            Kind::Interruptions => "quality-interruptions",
            Kind::Cuts => "quality-cuts",
            Kind::Silence => "quality-silence",
            Kind::Repeats => "quality-repeats",
        });
        ScorePart { name, value, took_off: one.took_off, at_most: one.at_most }
    };
    Some(ScoreShown { points: score.points, parts: score.components.iter().map(part).collect() })
}

async fn recording(
    State(doors): State<Doors>,
    reader: Reader,
    Path(call): Path<String>,
    method: Method,
    asked: HeaderMap,
) -> Result<Response, Failure> {
    let id: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    let listening = recordings::open(&doors.store, &doors.blobs, &doors.keys, &reader.by, &id).await?;
    Ok(api::calls::listened(listening, &method, &asked))
}

/// What somebody does with a call in the air.
async fn act(
    State(doors): State<Doors>,
    reader: Reader,
    Path((call, act)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let id: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    let in_air = doors.lines.carries(reader.by.tenant(), &id);
    let now = doors.clock.now();
    let (steer, asked) = match act.as_str() {
        "end" => (None, AskedOfCall::Dismiss),
        "hold" => (Some(Steer::Hold), AskedOfCall::Hold),
        "resume" => (Some(Steer::Resume), AskedOfCall::Resume),
        "mute" => (Some(Steer::Mute), AskedOfCall::Mute),
        "unmute" => (Some(Steer::Unmute), AskedOfCall::Unmute),
        _ => return Err(Failure::NotFound),
    };
    match steer {
        Some(steer) => calls::steer(&doors.store, &reader.by, now, &id, steer, in_air).await?,
        None => calls::end(&doors.store, &reader.by, now, &id, in_air).await?,
    }
    // One that has ended meanwhile has ended.
    doors.lines.ask(reader.by.tenant(), &id, asked);
    Ok(reader.done(&format!("/console/calls/{id}"), &reader.t(format!("call-done-{act}"))))
}
