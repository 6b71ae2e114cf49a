//! `/console/messages`: what callers left, worked as a list: what cannot wait first, then the oldest, a card for each caller.
//!
//! Whoever rings back takes a card for ten minutes. The telephone itself dials; nobody is called from here.

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Method},
    response::Response,
    routing::{get, post},
};
use jiff::civil::{Date, DateTime, Time};

use super::{
    failure::Failure,
    form::{Form, Typed},
    lists::{self, Next},
    page::{Page, show_with},
    visitor::Reader,
};
use crate::{
    app::{
        messages::{self, CLAIM_MINUTES, Card},
        people::members,
        voicemail,
    },
    domain::{
        availability::instant,
        id::MessageId,
        people::{Subject, Verb},
        time::Timestamp,
    },
    http::{Doors, api},
    store::{Member, Message},
};

/// Messages that were looked after, on a page.
const HANDLED_ON_PAGE: u32 = 50;
/// Members whose names are looked up, at most.
const MEMBERS_MAX: u32 = 200;
/// From which hour on "in an hour" is tomorrow.
const EVENING: i8 = 17;
/// When tomorrow's calls begin.
const MORNING: i8 = 9;
/// Messages whose being done can be undone at once, at most.
const UNDO_MAX: usize = 50;

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/messages", get(list))
        .route("/console/messages/reopen", post(reopen))
        .route("/console/messages/{message}/recording", get(recording))
        .route("/console/messages/{message}/{act}", post(act))
}

#[derive(Template)]
#[template(path = "messages/list.html", config = ".askama.toml")]
struct ListPage {
    page: Page,
    form: Form,
    due: Vec<CardShown>,
    later: Vec<CardShown>,
    more: bool,
    /// What was just done and can be undone.
    undo: Vec<MessageId>,
    /// Those that were looked after, when they were asked for.
    handled: Option<Vec<(Message, String)>>,
    next: Option<Next>,
    may_work: bool,
    minutes: i64,
}

/// A caller's card.
struct CardShown {
    card: Card,
    /// The message by which it is named.
    id: MessageId,
    /// Who rings back.
    claim: Claim,
    /// When it is to be tried again, as it is proposed or was typed.
    again_date: String,
    again_time: String,
}

/// Who rings back.
enum Claim {
    Nobody,
    Me(Timestamp),
    Other(String, Timestamp),
}

async fn list(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let typed = Typed::read(query.unwrap_or_default().as_bytes());
    shown(&doors, &reader, Form::new(reader.language, typed), None).await
}

/// The list; with `of`, that card's form holds what was typed into it.
async fn shown(
    doors: &Doors,
    reader: &Reader,
    form: Form,
    of: Option<&MessageId>,
) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let work = messages::worklist(&doors.store, &reader.by, now).await?;
    let names = names(doors, reader).await?;
    let me = reader.by.to_string();
    let (date, time) = proposed(reader, now);
    let card = |card: Card| {
        let id = card.messages.first().map(|message| message.id.clone());
        let claim = match card.claim(now) {
            None => Claim::Nobody,
            Some((who, until)) if *who == me => Claim::Me(*until),
            Some((who, until)) => Claim::Other(name(reader, &names, who), *until),
        };
        let typed = of.is_some() && of == id.as_ref();
        let told = |field: &str, proposed: &str| {
            if typed { form.typed().get(field).to_owned() } else { proposed.to_owned() }
        };
        let (again_date, again_time) = (told("again-date", &date), told("again-time", &time));
        id.map(|id| CardShown { id, claim, again_date, again_time, card })
    };
    let due = work.due.into_iter().filter_map(card).collect();
    let later = work.later.into_iter().filter_map(card).collect();
    let mut next = None;
    let handled = if form.typed().get("show") == "done" {
        let after = lists::place(form.typed().get("after"));
        let page =
            messages::list(&doors.store, &reader.by, Some(true), after.as_ref(), HANDLED_ON_PAGE).await?;
        next = Next::of(page.next.as_ref(), form.typed());
        let by = |message: &Message| {
            message.handled.as_ref().map(|(_, by)| name(reader, &names, by)).unwrap_or_default()
        };
        Some(page.items.into_iter().map(|message| (message.clone(), by(&message))).collect())
    } else {
        None
    };
    let undo = form.typed().all("undo").filter_map(|id| id.parse().ok()).take(UNDO_MAX).collect();
    let page = Page::new(reader, "/console/messages", reader.t("nav-messages"), now).with_form(&form);
    let status = form.status;
    let may_work = reader.may(Verb::Write, Subject::Messages);
    let shown = ListPage {
        page,
        form,
        due,
        later,
        more: work.more,
        undo,
        handled,
        next,
        may_work,
        minutes: CLAIM_MINUTES,
    };
    show_with(status, &shown)
}

/// Who works here, by how they stand in the books; nobody where the reader may not know.
async fn names(doors: &Doors, reader: &Reader) -> Result<Vec<(String, String)>, Failure> {
    if !reader.may(Verb::Read, Subject::Members) {
        return Ok(vec![]);
    }
    let members = members::list(&doors.store, &reader.by, None, MEMBERS_MAX).await?;
    let short = |email: &str| email.split('@').next().unwrap_or_default().to_owned();
    let name = |one: &Member| if one.name.is_empty() { short(one.email.as_str()) } else { one.name.clone() };
    let named = members.items.into_iter().map(|one| one.item);
    Ok(named.map(|one| (one.user.to_string(), name(&one))).collect())
}

fn name(reader: &Reader, names: &[(String, String)], who: &str) -> String {
    if who == reader.by.to_string() {
        return reader.t("messages-me").to_string();
    }
    let known = names.iter().find(|(id, _)| id == who).map(|(_, name)| name.clone());
    known.unwrap_or_else(|| reader.t("messages-colleague").to_string())
}

/// When it is proposed to try again: in an hour, or tomorrow morning when that is late.
fn proposed(reader: &Reader, now: Timestamp) -> (String, String) {
    let soon = reader.zone().wall(now.plus_minutes(60));
    let (date, time) = if soon.hour() >= EVENING || soon.hour() < MORNING {
        let today = reader.zone().wall(now).date();
        let day = if soon.hour() < MORNING && soon.date() == today {
            today
        } else {
            today.tomorrow().unwrap_or(today)
        };
        (day, Time::constant(MORNING, 0, 0, 0))
    } else {
        (soon.date(), Time::constant(soon.hour(), soon.minute() / 5 * 5, 0, 0))
    };
    (date.to_string(), format!("{:02}:{:02}", time.hour(), time.minute()))
}

async fn recording(
    State(doors): State<Doors>,
    reader: Reader,
    Path(message): Path<String>,
    method: Method,
    asked: HeaderMap,
) -> Result<Response, Failure> {
    let id: MessageId = message.parse().map_err(|_| Failure::NotFound)?;
    let listening = voicemail::open(&doors.store, &doors.blobs, &doors.keys, &reader.by, &id).await?;
    Ok(api::calls::listened(listening, &method, &asked))
}

/// What somebody does with a card.
async fn act(
    State(doors): State<Doors>,
    reader: Reader,
    Path((message, act)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id: MessageId = message.parse().map_err(|_| Failure::NotFound)?;
    let (store, by, now) = (&doors.store, &reader.by, doors.clock.now());
    let told = reader.t(format!("messages-told-{act}"));
    let done = match act.as_str() {
        "claim" => messages::claim(store, by, now, &id).await.map(|_| vec![]),
        "release" => messages::release(store, by, now, &id).await.map(|_| vec![]),
        "undo" => messages::undo_not_reached(store, by, now, &id).await.map(|_| vec![]),
        "urgent" | "not-urgent" => {
            let kept = messages::get(store, by, &id).await?.item;
            let wanted = messages::Wanted { handled: kept.handled.is_some(), urgent: act == "urgent" };
            messages::edit(store, by, now, &id, None, wanted).await.map(|_| vec![])
        }
        "reached" => messages::done(store, by, now, &id, true).await,
        "done" => messages::done(store, by, now, &id, false).await,
        "not-reached" => {
            let mut form = Form::new(reader.language, typed);
            let date = form.typed().get("again-date").parse::<Date>();
            let time = form.typed().get("again-time").parse::<Time>();
            let (Ok(date), Ok(time)) = (date, time) else {
                let words = form.t("fault-again-at");
                form.fault("again-at", words);
                return shown(&doors, &reader, form, Some(&id)).await;
            };
            let at = DateTime::from_parts(date, time);
            let again = instant(at.date(), at.time(), &reader.zone());
            match messages::not_reached(store, by, now, &id, again).await {
                Ok(_) => Ok(vec![]),
                Err(error) => {
                    let form = form.refused(error)?;
                    return shown(&doors, &reader, form, Some(&id)).await;
                }
            }
        }
        _ => return Err(Failure::NotFound),
    };
    match done {
        Ok(undo) => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            for message in undo.iter().take(UNDO_MAX) {
                query.append_pair("undo", message.id.as_str());
            }
            let query = query.finish();
            let mut to = "/console/messages".to_owned();
            if !query.is_empty() {
                to.push('?');
                to.push_str(&query);
            }
            Ok(reader.done(&to, &told))
        }
        Err(error) => {
            // Somebody was faster: the list as it is by now says who.
            let form = Form::new(reader.language, Typed::default()).refused(error)?;
            shown(&doors, &reader, form, None).await
        }
    }
}

/// What was done was not done after all.
async fn reopen(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let ids: Vec<MessageId> = typed.all("message").filter_map(|id| id.parse().ok()).take(UNDO_MAX).collect();
    messages::reopen(&doors.store, &reader.by, doors.clock.now(), &ids).await?;
    Ok(reader.done("/console/messages", &reader.t("messages-told-reopen")))
}
