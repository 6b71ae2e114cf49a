//! `/api/events` and `/api/calls/{call}/events`: calls as they happen, as server-sent events.
//!
//! A stream is the asker's tenant's and no other's. It ends when the server leaves, and when whoever asked may no longer.
//! No call waits for a watcher: one that is too slow is told that it missed some.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Path, State},
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use metrics::counter;
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tracing::warn;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::id;
use crate::{
    app::{
        access::Actor,
        calls,
        news::{Happened, Item},
    },
    call::port::{Note, Verdict},
    domain::{
        conversation::Outcome,
        id::{CallId, TenantId},
        people::{Subject, Verb},
    },
    http::{
        Doors,
        auth::{By, Token},
        problem::Problem,
    },
    live::notice::{Notice, What},
    platform::{clock::Stopwatch, metrics::LIMIT_REACHED_TOTAL},
};

/// How often it is looked whether the asker may still watch.
const LOOK_PERIOD: Duration = Duration::from_secs(15);
/// Seconds after which somebody who found no room may come again.
const FULL_RETRY_SECONDS: u64 = 30;

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(of_tenant)).routes(routes!(of_call))
}

/// Who watches calls, by tenant. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Streams {
    per_tenant_max: usize,
    open: Arc<Mutex<HashMap<TenantId, usize>>>,
}

/// A place among those who watch; given back when dropped.
struct Seat {
    streams: Streams,
    tenant: TenantId,
}

impl Streams {
    /// Nobody watches yet; at most so many of one tenant will.
    pub fn new(per_tenant_max: usize) -> Self {
        Self { per_tenant_max, open: Arc::default() }
    }

    fn take(&self, tenant: &TenantId) -> Result<Seat, Problem> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(tenant.clone()).or_default();
        if *count >= self.per_tenant_max {
            counter!(LIMIT_REACHED_TOTAL, "limit" => "event_streams_max").increment(1);
            warn!(limit = self.per_tenant_max, "too many of one tenant watch calls");
            return Err(Problem::TooMany(FULL_RETRY_SECONDS));
        }
        *count += 1;
        Ok(Seat { streams: self.clone(), tenant: tenant.clone() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.tenant);
            }
        }
    }
}

/// What happened in a call: the `data` of an event. What does not belong to its kind is left out.
#[derive(Default, Serialize, ToSchema)]
struct EventShown {
    /// The same as the event's name: `ringing`, `answered`, `speaking`, `heard`, `turn`, `paused`, `judged`, `tool_began`,
    /// `tool_ended`, `recording`, `held`, `resumed`, `muted`,
    /// `unmuted`, `listening` and `listening_over` (somebody at the business listens to the call), `passed_on`, `transfer`, `ended`; of an appointment, `appointment` and `clash`; or `missed`.
    kind: &'static str,
    /// The call's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    /// When, since the call was answered; of a call only.
    #[serde(skip_serializing_if = "Option::is_none")]
    at_ms: Option<u64>,
    /// Who: `caller` or `agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    speaker: Option<&'static str>,
    /// Of `heard`: the words that were heard so far. Of `turn`: what was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Of `turn`: what of it was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<String>,
    /// Of `turn`: its place in the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    ordinal: Option<u32>,
    /// Of `judged`: `yielded` when the sound was an interruption, `went_on` when it was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    /// Of `tool_began` and `tool_ended`: which.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    /// Of `tool_ended`: `answered`; `failed` when it broke; `late` when it was given up. Of `transfer`: where it stands, as
    /// in the call's `transfers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// Of `tool_ended`.
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<u64>,
    /// Of `ended`: how.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// Of `appointment` and `clash`: the appointment's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    appointment: Option<String>,
    /// Of `appointment`: the step it took, as in its history.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'static str>,
    /// Of `appointment`: who did it, as in its history.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Of `clash`: its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    clash: Option<String>,
    /// Of `clash`: what has happened, as in `/api/clashes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'static str>,
}

impl EventShown {
    /// The event, unless it is none of anybody's who watches.
    fn of(notice: &Notice) -> Option<Self> {
        let plain = |kind| Self {
            kind,
            call: Some(notice.call.to_string()),
            at_ms: Some(notice.at.0),
            ..Self::default()
        };
        let (note, tool, broke) = match &notice.what {
            What::Ringing => return Some(plain("ringing")),
            What::Answered => return Some(plain("answered")),
            What::PassedOn => return Some(plain("passed_on")),
            What::Transfer(state) => {
                return Some(Self { status: Some(state.as_str()), ..plain("transfer") });
            }
            What::Listening(true) => return Some(plain("listening")),
            What::Listening(false) => return Some(plain("listening_over")),
            What::RecordingBegan => return Some(plain("recording")),
            What::Ended(outcome) => return Some(Self { outcome: Some(outcome.as_str()), ..plain("ended") }),
            What::Note { note, tool, broke } => (note, tool, *broke),
        };
        Some(match note {
            Note::Speaks(speaker) => Self { speaker: Some(speaker.as_str()), ..plain("speaking") },
            Note::Heard { speaker, words } => {
                Self { speaker: Some(speaker.as_str()), text: Some(words.0.clone()), ..plain("heard") }
            }
            Note::TurnOver(turn) => Self {
                speaker: Some(turn.speaker.as_str()),
                text: Some(turn.text.clone()),
                heard: Some(turn.heard_text.clone()),
                ordinal: Some(turn.ordinal),
                ..plain("turn")
            },
            Note::Paused => plain("paused"),
            Note::Judged { verdict, .. } => {
                let verdict = match verdict {
                    Verdict::Interruption | Verdict::LateInterruption => "yielded",
                    Verdict::GoesOn => "went_on",
                };
                Self { verdict: Some(verdict), ..plain("judged") }
            }
            Note::OnHold(held) => plain(if *held { "held" } else { "resumed" }),
            Note::Muted(muted) => plain(if *muted { "muted" } else { "unmuted" }),
            Note::ToolBegan(_) => Self { tool: tool.clone(), ..plain("tool_began") },
            Note::ToolEnded { took_ms, late, .. } => {
                let status = match (late, broke) {
                    (true, _) => "late",
                    (false, true) => "failed",
                    (false, false) => "answered",
                };
                let (tool, took_ms) = (tool.clone(), Some(*took_ms));
                Self { tool, status: Some(status), took_ms, ..plain("tool_ended") }
            }
            Note::FirstAudio
            | Note::ReplyLatency { .. }
            | Note::Said(_)
            | Note::Limit(_)
            | Note::EngineStalled
            | Note::Refused(_)
            | Note::Cost(_) => return None,
        })
    }

    /// What became of an appointment.
    fn of_appointment(item: &Item) -> Self {
        let appointment = Some(item.appointment.to_string());
        match &item.what {
            Happened::Step { step, by } => Self {
                kind: "appointment",
                appointment,
                step: Some(step.as_str()),
                by: Some(by.clone()),
                ..Self::default()
            },
            Happened::Clash { id, what } => Self {
                kind: "clash",
                appointment,
                clash: Some(id.to_string()),
                what: Some(what.as_str()),
                ..Self::default()
            },
        }
    }

    /// Not how many: all tenants' notices come the same way, and their number is none of this one's business.
    fn missed() -> Self {
        Self { kind: "missed", ..Self::default() }
    }

    /// The end of a call that was over before anybody watched.
    fn over(call: &CallId, outcome: Outcome) -> Self {
        let (call, outcome) = (Some(call.to_string()), Some(outcome.as_str()));
        Self { kind: "ended", call, outcome, ..Self::default() }
    }
}

/// Somebody who watches.
struct Watch {
    doors: Doors,
    by: Actor,
    token: Token,
    call: Option<CallId>,
    notices: Receiver<Arc<Notice>>,
    news: Receiver<Arc<Item>>,
    /// Whether the asker may know of appointments.
    appointments: bool,
    /// An event that is told before any other.
    first: Option<EventShown>,
    sent: u64,
    over: bool,
    /// Since it was last looked whether the asker may watch.
    looked: Stopwatch,
    _seat: Seat,
}

impl Watch {
    /// The next event; `None` when there will be none.
    async fn next(&mut self) -> Option<Event> {
        if let Some(first) = self.first.take() {
            return self.event(&first);
        }
        while !self.over {
            let told = tokio::select! {
                biased;
                () = self.doors.tasks.leaving() => return None,
                notice = self.notices.recv() => match notice {
                    Ok(notice) => self.concerns(&notice).then(|| EventShown::of(&notice)).flatten(),
                    Err(RecvError::Lagged(_)) => Some(EventShown::missed()),
                    Err(RecvError::Closed) => return None,
                },
                item = self.news.recv(), if self.call.is_none() && self.appointments => match item {
                    Ok(item) => {
                        (item.tenant == *self.by.tenant()).then(|| EventShown::of_appointment(&item))
                    }
                    Err(RecvError::Lagged(_)) => Some(EventShown::missed()),
                    Err(RecvError::Closed) => return None,
                },
                () = self.doors.clock.sleep(LOOK_PERIOD.saturating_sub(self.looked.elapsed())) => None,
            };
            if self.looked.elapsed() >= LOOK_PERIOD {
                if !self.token.holds(&self.doors, &self.by).await {
                    return None;
                }
                self.looked = self.doors.clock.stopwatch();
            }
            if let Some(told) = told {
                return self.event(&told);
            }
        }
        None
    }

    fn event(&mut self, told: &EventShown) -> Option<Event> {
        // A call that has ended says nothing more.
        self.over = self.call.is_some() && told.kind == "ended";
        self.sent += 1;
        Event::default().event(told.kind).id(self.sent.to_string()).json_data(told).ok()
    }

    fn concerns(&self, notice: &Notice) -> bool {
        notice.tenant == *self.by.tenant() && self.call.as_ref().is_none_or(|call| *call == notice.call)
    }
}

/// Everything that happens at the asker's tenant, or in one of its calls; until the token holds no more.
///
/// # Errors
/// [`Problem::NotFound`] without such a call; [`Problem::Forbidden`]; [`Problem::TooMany`] when too many watch.
pub async fn watch(
    doors: Doors,
    by: Actor,
    token: Token,
    call: Option<CallId>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, Problem> {
    // From here on, so that nothing is missed between looking and listening.
    let (notices, news) = (doors.lines.watch(), doors.calendars.news().watch());
    let appointments = by.may(Verb::Read, Subject::Appointments);
    let outcome = calls::may_watch(&doors.store, &by, call.as_ref()).await?;
    let first = call.as_ref().zip(outcome).map(|(call, outcome)| EventShown::over(call, outcome));
    let seat = doors.streams.take(by.tenant())?;
    let looked = doors.clock.stopwatch();
    let watch = Watch {
        doors,
        by,
        token,
        call,
        notices,
        news,
        appointments,
        first,
        sent: 0,
        over: false,
        looked,
        _seat: seat,
    };
    let events = stream::unfold(watch, async |mut watch| Some((Ok(watch.next().await?), watch)));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// The tenant's calls as they happen, and what becomes of appointments: server-sent events.
#[utoipa::path(get, path = "/api/events", tag = "calls",
    responses((status = OK, content_type = "text/event-stream", body = EventShown)))]
async fn of_tenant(
    State(doors): State<Doors>,
    By(by): By,
    token: Token,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    watch(doors, by, token, None).await
}

/// One call as it happens: server-sent events, until it has ended.
#[utoipa::path(get, path = "/api/calls/{call}/events", tag = "calls", params(("call", description = "Its id.")),
    responses((status = OK, content_type = "text/event-stream", body = EventShown)))]
async fn of_call(
    State(doors): State<Doors>,
    By(by): By,
    token: Token,
    Path(call): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let call = id(&call)?;
    watch(doors, by, token, Some(call)).await
}
