//! `/console/start`: first steps: a number, a calendar, hours and services, the assistant's words, a call. What is done is seen
//! from what is there; each step is a page she can leave and come back to.

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};

use super::{
    failure::Failure,
    page::{Page, show},
    visitor::Reader,
};
use crate::{
    app::{assistants, calls, forwarding, numbers, pauses, resources, services},
    domain::{
        assistant::AssistantStatus,
        people::{Subject, Verb},
    },
    http::Doors,
    store::CallFilter,
};

/// Things of each kind that are looked through.
const LOOKED_AT: u32 = 100;

pub(super) fn router() -> Router<Doors> {
    Router::new().route("/console/start", get(start))
}

/// A step.
struct Step {
    /// The beginning of its keys.
    key: &'static str,
    /// Where it is done.
    path: String,
    /// Whether it is done.
    done: bool,
}

#[derive(Template)]
#[template(path = "start.html", config = ".askama.toml")]
struct StartPage {
    page: Page,
    steps: Vec<Step>,
    done: usize,
}

/// The steps, as far as they have been taken.
async fn steps(doors: &Doors, reader: &Reader) -> Result<Vec<Step>, Failure> {
    let (store, by) = (&doors.store, &reader.by);
    let numbers = numbers::list(store, by, None, LOOKED_AT).await?.items;
    let held = numbers.iter().any(|held| held.released.is_none());
    let answered = numbers.iter().any(|held| held.released.is_none() && held.number.assistant.is_some());
    let connected = !doors.calendars.list(by).await?.is_empty();
    let resources = resources::list(store, by, None, LOOKED_AT).await?.items;
    let services = services::list(store, by, None, LOOKED_AT).await?.items;
    let live = assistants::list(store, by, None, LOOKED_AT).await?.items;
    let live = live.iter().any(|one| one.status == AssistantStatus::Live);
    let called = reader.may(Verb::Read, Subject::Calls)
        && !calls::list(store, by, &CallFilter::default(), None, 1).await?.items.is_empty();
    let everywhere = pauses::get(store, by).await?.item.fallback.is_some();
    let own = pauses::of_numbers(store, by).await?;
    let mut kept = numbers.iter().filter(|held| held.released.is_none());
    let covered = kept.all(|held| own.get(&held.number.id).is_some_and(|pause| pause.fallback.is_some()));
    let fallback = everywhere || (held && covered);
    let bookable = !resources.is_empty() && !services.is_empty();
    let forwarded = forwarding::any_arrives(store, by).await?;
    // Where there is one number, its page is the step.
    let mut at = numbers.iter().filter(|held| held.released.is_none()).map(|held| &held.number.id);
    let lines = match (at.next(), at.next()) {
        (Some(only), None) => format!("/console/numbers/{only}#forwarding"),
        _ => "/console/numbers".to_owned(),
    };
    let step = |key, path: &str, done| Step { key, path: path.to_owned(), done };
    Ok(vec![
        step("start-number", "/console/numbers", held),
        step("start-calendar", "/console/calendars", connected),
        step("start-hours", "/console/availability", bookable),
        step("start-assistant", "/console/assistants", live),
        step("start-answer", "/console/numbers", answered),
        step("start-forwarding", &lines, forwarded),
        step("start-fallback", "/console/today#pause", fallback),
        step("start-call", "/console/assistants", called),
    ])
}

/// Whether there is something left to do before callers are answered.
pub(super) async fn unfinished(doors: &Doors, reader: &Reader) -> Result<bool, Failure> {
    let all =
        [Subject::Numbers, Subject::Calendars, Subject::Resources, Subject::Services, Subject::Assistants];
    if !all.into_iter().all(|subject| reader.may(Verb::Write, subject)) {
        return Ok(false);
    }
    // Keeping one's calendar here is a choice, not a step left out; so are a voicemail in place of a fallback number, and a number
    // of one's own that callers learn.
    const CHOICES: [&str; 3] = ["start-calendar", "start-forwarding", "start-fallback"];
    let steps = steps(doors, reader).await?;
    Ok(steps.iter().any(|step| !step.done && !CHOICES.contains(&step.key)))
}

async fn start(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let page = Page::new(&reader, "/console/start", reader.t("nav-start"), doors.clock.now());
    let steps = steps(&doors, &reader).await?;
    let done = steps.iter().filter(|step| step.done).count();
    show(&StartPage { page, steps, done })
}
