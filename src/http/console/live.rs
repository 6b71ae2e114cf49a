//! A call in the air, as it is worked with from its page: passed on to a person, taken over, listened to.

use std::{fmt::Write as _, time::Duration};

use axum::{
    Router,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tracing::warn;

use super::{
    calls,
    failure::Failure,
    form::{Form, Typed},
    guard,
    visitor::Reader,
};
use crate::{
    app::{
        self,
        access::Actor,
        calls::{listens, may_listen},
        transfer_targets,
        transfers::{self, TakeOver},
    },
    domain::id::CallId,
    http::{
        Doors,
        auth::Token,
        sockets::{Opening, Socket},
    },
    live::{Aired, Asked as AskedOfCall, Heard, LISTENERS_MAX, Listening, Unheard},
};

/// Transfer targets to choose from, at most.
const TARGETS_MAX: u32 = 50;
/// How often it is looked whether a listener still may, in seconds.
const LOOK_SECONDS: u64 = 15;
/// How long a listener may take nothing before they are let go of, in seconds.
const STUCK_SECONDS_MAX: u64 = 10;

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/calls/{call}/transfer", post(transfer))
        .route("/console/calls/{call}/take-over", post(take_over))
        .route("/console/calls/{call}/listen", get(listen))
}

/// To whom a caller can be passed on: ids and names.
pub(super) async fn targets(doors: &Doors, reader: &Reader) -> Result<Vec<(String, String)>, Failure> {
    let all = transfer_targets::list(&doors.store, &reader.by, None, TARGETS_MAX).await?.items;
    Ok(all.into_iter().filter(|one| one.active).map(|one| (one.id.to_string(), one.name)).collect())
}

/// The form with which somebody takes a call over, with the number that is kept for them.
pub(super) async fn over(doors: &Doors, reader: &Reader) -> Result<Form, Failure> {
    let kept = transfers::own_telephone(&doors.store, &reader.by).await?;
    let typed = Typed::default().with("telephone", kept.map(|kept| kept.to_string()).unwrap_or_default());
    Ok(Form::new(reader.language, typed))
}

/// What can be done with a call that stands so, each with the id of its button: what takes something back stands where that was
/// done.
pub(super) fn acts(aired: &Aired) -> Vec<(&'static str, &'static str)> {
    let hold = if aired.held { "resume" } else { "hold" };
    let mute = if aired.muted { "unmute" } else { "mute" };
    let mut acts = vec![(hold, "act-hold")];
    if !aired.held {
        acts.push((mute, "act-mute"));
    }
    acts.push(("end", "act-end"));
    acts
}

async fn transfer(
    State(doors): State<Doors>,
    reader: Reader,
    Path(call): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let call: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    let target = typed.get("target").parse().map_err(|_| Failure::NotFound)?;
    let in_air = doors.lines.carries(reader.by.tenant(), &call);
    let asked = transfers::Asked { target, announced: None, wish: String::new() };
    let transfer = transfers::ask(&doors.store, &reader.by, doors.clock.now(), &call, asked, in_air).await?;
    // One that has ended meanwhile has ended.
    doors.lines.ask(reader.by.tenant(), &call, AskedOfCall::PassOn);
    Ok(reader.done(&format!("/console/calls/{call}"), &reader.t("live-passed-on").s("name", &transfer.name)))
}

async fn take_over(
    State(doors): State<Doors>,
    reader: Reader,
    Path(call): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let call: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    let in_air = doors.lines.carries(reader.by.tenant(), &call);
    let now = doors.clock.now();
    let form = Form::new(reader.language, typed);
    // What was emptied is not what is kept.
    let wanted =
        TakeOver { telephone: Some(form.typed().get("telephone")), keep: form.typed().ticked("keep") };
    match transfers::take_over(&doors.store, &reader.by, now, &call, wanted, in_air).await {
        Ok(_) => {
            // One that has ended meanwhile has ended.
            doors.lines.ask(reader.by.tenant(), &call, AskedOfCall::PassOn);
            Ok(reader.done(&format!("/console/calls/{call}"), &reader.t("live-taken-over")))
        }
        Err(error @ app::Error::Invalid(_)) => {
            let form = form.refused(error)?;
            calls::page_of(&doors, &reader, &call, Some(form)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Lets somebody listen to a call: a WebSocket that brings the sound of both sides as media streams do, and takes nothing.
async fn listen(
    State(doors): State<Doors>,
    reader: Reader,
    Path(call): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let call: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    may_listen(&doors.store, &reader.by, &call).await?;
    // No form is sent with this, and yet it is more than looking: it comes from a page of ours or not at all.
    if !guard::from_us(&doors, request.headers()) {
        return Err(Failure::Foreign);
    }
    let proof = reader.proof().ok_or(Failure::SignIn)?;
    let opening = match Opening::of(request) {
        Ok(opening) => opening,
        Err(problem) => return Ok(problem.into_response()),
    };
    let who = reader.inside.as_ref().map(|inside| inside.me.user.called().to_owned()).unwrap_or_default();
    let listening = doors.lines.listen(reader.by.tenant(), &call, who);
    let listening = listening.map_err(|unheard| match unheard {
        Unheard::Closed => Failure::Conflict("that call cannot be listened to".to_owned()),
        Unheard::Full => Failure::Limit(LISTENERS_MAX as u64),
    })?;
    listens(&doors.store, &reader.by, doors.clock.now(), &call, true).await?;
    let listener = Listener { doors: doors.clone(), by: reader.by.clone(), proof, call, listening };
    Ok(opening.serve(&doors, move |socket| listener.hear(socket)))
}

/// Somebody who listens to a call.
struct Listener {
    doors: Doors,
    by: Actor,
    proof: Token,
    call: CallId,
    listening: Listening,
}

impl Listener {
    /// Until the call is over, the listener goes, or they may no longer.
    async fn hear(mut self, mut socket: Socket) {
        let clock = self.doors.clock;
        let look = Duration::from_secs(LOOK_SECONDS);
        let mut looked = clock.stopwatch();
        loop {
            let piece = tokio::select! {
                biased;
                () = self.doors.tasks.leaving() => break,
                // They have nothing to say; what matters is that they are there.
                message = socket.next() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => None,
                },
                piece = self.listening.next() => match piece {
                    Some(piece) => Some(piece),
                    None => break,
                },
                () = clock.sleep(look.saturating_sub(looked.elapsed())) => None,
            };
            if looked.elapsed() >= look {
                if !self.still_may().await {
                    break;
                }
                looked = clock.stopwatch();
            }
            if let Some(piece) = piece {
                let sent = socket.send(Message::Text(written(&piece).into()));
                if !matches!(clock.within(Duration::from_secs(STUCK_SECONDS_MAX), sent).await, Some(Ok(()))) {
                    break;
                }
            }
        }
        let _ = clock.within(Duration::from_secs(1), socket.close(None)).await;
        let Self { doors, by, call, listening, .. } = self;
        drop(listening);
        if let Err(error) = listens(&doors.store, &by, doors.clock.now(), &call, false).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "that somebody stopped listening is not written down"
            );
        }
    }

    async fn still_may(&self) -> bool {
        if !self.proof.holds(&self.doors, &self.by).await {
            return false;
        }
        // While the database is away nobody's rights have changed that we know of.
        let may = may_listen(&self.doors.store, &self.by, &self.call).await;
        may.map_or_else(|error| matches!(error, app::Error::Unavailable(..)), |()| true)
    }
}

/// A piece of sound as a media stream's event.
fn written(piece: &Heard) -> String {
    let (track, sound) = match piece {
        Heard::Caller(sound) => ("inbound", sound),
        Heard::Agent(sound) => ("outbound", sound),
        Heard::Clear => return r#"{"event":"clear"}"#.to_owned(),
    };
    let mut text = String::with_capacity(64 + sound.len() * 4 / 3);
    let payload = base64_simd::STANDARD.encode_to_string(sound);
    // Writing to a string cannot fail.
    let _ = write!(text, r#"{{"event":"media","media":{{"track":"{track}","payload":"{payload}"}}}}"#);
    text
}
