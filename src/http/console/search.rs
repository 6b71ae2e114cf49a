//! `/console/search`: one field for everything: a name, a telephone number in any spelling, a word from a call, the id of an
//! appointment or a call.

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

use super::{
    failure::Failure,
    form::Typed,
    lists,
    page::{Page, show},
    visitor::Reader,
};
use crate::{
    app::{
        self, appointments, calls, contacts,
        search::{self, Found},
    },
    domain::{
        contact::Contact,
        conversation::CallRecord,
        id::{AppointmentId, CallId},
        people::{Subject, Verb},
    },
    http::Doors,
    store::{CallFilter, CallsOf, ContactFilter},
};

/// Things of each kind that are shown.
const SHOWN_MAX: u32 = 10;

pub(super) fn router() -> Router<Doors> {
    Router::new().route("/console/search", get(find))
}

#[derive(Template)]
#[template(path = "search.html", config = ".askama.toml")]
struct SearchPage {
    page: Page,
    q: String,
    people: Vec<Contact>,
    calls: Vec<CallRecord>,
    said: Vec<Found>,
}

async fn find(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let typed = Typed::read(query.unwrap_or_default().as_bytes());
    let q = typed.get("q").to_owned();
    if let Some(place) = named(&doors, &reader, &q).await? {
        return Ok(Redirect::to(&place).into_response());
    }
    let page = Page::new(&reader, "", reader.t("search-title"), doors.clock.now());
    let (mut people, mut rang, mut said) = (vec![], vec![], vec![]);
    let (sees_people, sees_calls) =
        (reader.may(Verb::Read, Subject::Contacts), reader.may(Verb::Read, Subject::Calls));
    let number = lists::looks_like_number(&q).then(|| lists::number(&q, page.home())).flatten();
    let filter = match &number {
        Some(number) => ContactFilter::Number(number.clone()),
        None => ContactFilter::NameHolds(q.clone()),
    };
    if sees_people && !q.is_empty() {
        people = contacts::list(&doors.store, &reader.by, &filter, None, SHOWN_MAX).await?.items;
    }
    if let Some(number) = number.filter(|_| sees_calls) {
        let filter = CallFilter { of: Some(CallsOf::Caller(number)), ..CallFilter::default() };
        rang = calls::list(&doors.store, &reader.by, &filter, None, SHOWN_MAX).await?.items;
    } else if sees_calls && !q.is_empty() {
        match search::calls(&doors.store, &reader.by, &q, (None, None), None, SHOWN_MAX).await {
            Ok(found) => said = found.items,
            // What has no word in it was said in no call.
            Err(app::Error::Invalid(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    show(&SearchPage { page, q, people, calls: rang, said })
}

/// The page of what the text names by its id, if it does.
async fn named(doors: &Doors, reader: &Reader, q: &str) -> Result<Option<String>, Failure> {
    if let Ok(id) = q.parse::<CallId>()
        && calls::may_watch(&doors.store, &reader.by, Some(&id)).await.is_ok()
    {
        return Ok(Some(format!("/console/calls/{id}")));
    }
    if let Ok(id) = q.parse::<AppointmentId>()
        && appointments::get(&doors.store, &reader.by, &id).await.is_ok()
    {
        return Ok(Some(format!("/console/appointments/{id}")));
    }
    Ok(None)
}
