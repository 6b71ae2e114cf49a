//! Calls in the air: who may ring, whose socket this is, and the drivers that carry them.
//!
//! [`Lines`] admits calls, opens the engine's session while the telephone is still being connected, and lets a
//! media socket in only when it proves which call it belongs to. What is said in a call is not decided here.

mod driver;
pub mod notice;
mod phone;
pub mod recorder;
mod standing;

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt;
use metrics::{counter, gauge};
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, oneshot},
};
use tokio_tungstenite::{WebSocketStream, tungstenite};
use tracing::{Instrument, error, info, info_span, warn};

use self::{
    driver::{Finished, Record, Ride},
    notice::{NOTICES_MAX, Notice, Notices, What},
    phone::Phone,
    recorder::{Recorder, Recording},
    standing::Standing,
};
pub use self::{
    phone::socket_config,
    standing::{Aired, Heard, LISTENERS_MAX, Listening, Unheard},
};
use crate::{
    app::{
        accounts::Accounts,
        bookings::Ledger,
        briefing,
        calls::{self, Answer},
        clips::{self, Clips},
        keys::Keys,
        recordings::{self, Prepared},
        test_calls::BROWSER,
        tools::{CallContext, Toolbox},
    },
    audio::vad::Detector,
    call::{Setup, port::Words},
    domain::{
        assistant::{Assistant, Language},
        cards,
        conversation::{CallRecord, CallState, Outcome, Silence},
        id::{AssistantId, CallId, TenantId},
        quality::{self, Measures},
        time::{CallTime, Timestamp},
        transfer::TransferState,
    },
    platform::{blobs::Blobs, clock::Clock, ids, metrics as figures, sealed::Key, tasks::Tasks},
    speech::{self, realtime::Session},
    store::{Store, Taped},
    telephony::media_stream::{self, Message, Start},
};

/// How much may be held at once: the `[limits]` part of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Calls in the air on this server.
    pub calls_max: usize,
    /// Largest message on a media socket, in bytes.
    pub media_message_bytes_max: usize,
    /// Time a media socket has to prove whose call it is, in milliseconds.
    pub proof_ms_max: u64,
    /// Media sockets that have not proven themselves yet.
    pub unproven_sockets_max: usize,
    /// Time the one-time token of a media socket is good for, in milliseconds.
    pub token_ms_max: u64,
    /// Time a media socket may be silent before the line counts as lost, in milliseconds.
    pub media_silence_ms_max: u64,
    /// People and programs of one tenant that watch calls as they happen.
    pub event_streams_max: usize,
    /// Time calls in the air have to finish when the server leaves, in milliseconds.
    pub drain_ms_max: u64,
}

/// Test calls of a tenant at a time.
pub const TEST_CALLS_MAX: u32 = 2;
/// What may be asked of a call at a time and not yet be heard.
const ASKED_MAX: usize = 8;
/// The least time a caller has with the agent who is back from being passed on, in milliseconds.
const BACK_MS_MIN: u64 = 180_000;
/// How often a line that is being let go of is looked for again, and how long apart, in milliseconds.
const LET_GO_LOOKS_MAX: u32 = 50;
const LET_GO_LOOK_MS: u64 = 20;
/// How many clip sets are kept in memory.
const CLIP_SETS_MAX: usize = 256;
/// How often the record of a finished call is tried to be kept, when the database is away.
const KEEP_TRIES_MAX: u32 = 8;

/// What the lines are built of.
pub struct Parts {
    /// Where records are kept.
    pub store: Store,
    /// Where appointments are promised.
    pub ledger: Ledger,
    /// Where recordings and clips are kept.
    pub blobs: Blobs,
    /// What recordings are sealed under.
    pub keys: Keys,
    /// How the engine is reached.
    pub speech: speech::Settings,
    /// The carrier's accounts, to hang up.
    pub accounts: Accounts,
    /// What finds speech in the caller's sound.
    pub detector: Detector,
    /// How much may be held at once.
    pub limits: Limits,
    /// What time it is.
    pub clock: Clock,
    /// What runs beside.
    pub tasks: Tasks,
}

/// All calls of this process. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Lines(Arc<Shared>);

struct Shared {
    parts: Parts,
    unproven: Arc<Semaphore>,
    air: Mutex<Air>,
    in_air: AtomicUsize,
    /// Of those in the air, how many are being carried.
    carried: AtomicUsize,
    clips: Mutex<HashMap<(AssistantId, Language, u64), Clips>>,
    watchers: broadcast::Sender<Arc<Notice>>,
}

#[derive(Default)]
struct Air {
    /// Calls whose media socket has not come yet, by token.
    expected: HashMap<String, Expected>,
    /// The token each call was given, by the carrier's name for it, until the call is over.
    tokens: HashMap<String, String>,
    /// Calls per tenant.
    tenants: HashMap<TenantId, u32>,
    /// How many of them are test calls.
    tests: HashMap<TenantId, u32>,
    calls: HashMap<CallId, InAir>,
}

/// A call in the air, as it is reached from outside.
struct InAir {
    /// Whose it is.
    tenant: TenantId,
    /// Where it takes what somebody at the business wants of it.
    asked: mpsc::Sender<Asked>,
    standing: Arc<Standing>,
}

struct Expected {
    answer: Answer,
    account_sid: String,
    engine: oneshot::Receiver<Result<Session, speech::Error>>,
    clips: Clips,
    place: Place,
}

/// What somebody at the business wants of a call in the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To end it, with a goodbye.
    Dismiss,
    /// To let go of the line, so that the caller can be passed on.
    PassOn,
    /// To put the caller on hold.
    Hold,
    /// To take the caller back.
    Resume,
    /// That the agent says nothing.
    Mute,
    /// That it may speak again.
    Unmute,
}

/// Why a call is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The server has as many calls as it may.
    #[error("the server has as many calls as it may")]
    ServerFull,
    /// The tenant has as many calls as it may.
    #[error("the tenant has as many calls as it may")]
    TenantFull,
    /// The tenant has as many test calls as it may.
    #[error("the tenant has as many test calls as it may")]
    TestsFull,
    /// The server is leaving.
    #[error("the server is leaving")]
    Leaving,
    /// There is no key for the engine: nobody could talk to the caller.
    #[error("no key is configured for the engine")]
    NoEngine,
}

/// Why a media socket is closed before anything was opened for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// It did not say whose call it is in time, or left.
    #[error("no proof in time")]
    NoProof,
    /// What it said could not be read.
    #[error("its first messages could not be read")]
    Malformed,
    /// The token is unknown, used or expired.
    #[error("the token is unknown, used or expired")]
    Token,
    /// The token belongs to another call or account.
    #[error("the token belongs to another call")]
    OtherCall,
    /// Too many sockets have not proven themselves.
    #[error("too many sockets have not proven themselves")]
    TooMany,
}

impl Unproven {
    /// The word it is counted under.
    fn as_str(self) -> &'static str {
        match self {
            Self::NoProof => "media_no_proof",
            Self::Malformed => "media_malformed",
            Self::Token => "media_token",
            Self::OtherCall => "media_other_call",
            Self::TooMany => "media_too_many",
        }
    }
}

/// A place among the calls in the air; given back when dropped.
struct Place {
    lines: Lines,
    tenant: TenantId,
    call: CallId,
    sid: String,
    /// What somebody at the business wants of the call.
    asked: Option<mpsc::Receiver<Asked>>,
    standing: Arc<Standing>,
    /// Whether it is a test call.
    test: bool,
    /// Whether its media stream runs.
    carried: bool,
}

impl Place {
    fn carry(&mut self) {
        self.carried = true;
        self.lines.0.carried.fetch_add(1, Ordering::Relaxed);
        self.lines.show();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut air = self.lines.air();
        leave(&mut air.tenants, &self.tenant);
        if self.test {
            leave(&mut air.tests, &self.tenant);
        }
        air.tokens.remove(&self.sid);
        air.calls.remove(&self.call);
        drop(air);
        self.standing.close();
        self.lines.0.in_air.fetch_sub(1, Ordering::Relaxed);
        if self.carried {
            self.lines.0.carried.fetch_sub(1, Ordering::Relaxed);
        }
        self.lines.show();
    }
}

fn leave(counted: &mut HashMap<TenantId, u32>, tenant: &TenantId) {
    if let Some(calls) = counted.get_mut(tenant) {
        *calls -= 1;
        if *calls == 0 {
            counted.remove(tenant);
        }
    }
}

impl Lines {
    /// No calls yet.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Shared {
            unproven: Arc::new(Semaphore::new(parts.limits.unproven_sockets_max)),
            air: Mutex::default(),
            in_air: AtomicUsize::new(0),
            carried: AtomicUsize::new(0),
            clips: Mutex::default(),
            watchers: broadcast::Sender::new(NOTICES_MAX),
            parts,
        }))
    }

    /// How many calls are in the air.
    pub fn in_air(&self) -> usize {
        self.0.in_air.load(Ordering::Relaxed)
    }

    /// How many calls may be in the air.
    pub fn calls_max(&self) -> usize {
        self.0.parts.limits.calls_max
    }

    /// Whether a call of that tenant's is in the air here.
    pub fn carries(&self, tenant: &TenantId, call: &CallId) -> bool {
        self.air().calls.get(call).is_some_and(|call| call.tenant == *tenant)
    }

    /// How a call of that tenant's stands that is in the air here.
    pub fn aired(&self, tenant: &TenantId, call: &CallId) -> Option<Aired> {
        Some(self.standing(tenant, call)?.shown())
    }

    /// Lets somebody listen to a call of that tenant's that is in the air here. `who` is shown to the others.
    ///
    /// # Errors
    /// [`Unheard`].
    pub fn listen(&self, tenant: &TenantId, call: &CallId, who: String) -> Result<Listening, Unheard> {
        let standing = self.standing(tenant, call).ok_or(Unheard::Closed)?;
        let watchers = self.0.watchers.clone();
        let notices = Notices { tenant: tenant.clone(), call: call.clone(), watchers, words: false };
        standing.listen(who, notices)
    }

    fn standing(&self, tenant: &TenantId, call: &CallId) -> Option<Arc<Standing>> {
        let air = self.air();
        air.calls.get(call).filter(|call| call.tenant == *tenant).map(|call| call.standing.clone())
    }

    /// Asks something of a call of that tenant's that is in the air here; whether it can hear it.
    pub fn ask(&self, tenant: &TenantId, call: &CallId, asked: Asked) -> bool {
        let air = self.air();
        let Some(call) = air.calls.get(call).filter(|call| call.tenant == *tenant) else { return false };
        let heard = call.asked.try_send(asked).is_ok();
        if !heard {
            counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "asked_max").increment(1);
        }
        heard
    }

    /// The largest message a media socket may send, in bytes.
    pub fn message_bytes_max(&self) -> usize {
        self.0.parts.limits.media_message_bytes_max
    }

    /// What happens in calls from here on. A watcher that is slow misses some; no call waits for one.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Notice>> {
        self.0.watchers.subscribe()
    }

    /// Takes a call that rings: opens its engine's session at once and returns the one-time token its media
    /// socket must bring. The same call asked for twice gets the same token.
    pub async fn expect(&self, answer: Answer, account_sid: String) -> Result<String, Refused> {
        let sid = answer.record.sid.as_str().to_owned();
        if answer.back.is_some() {
            // The line before was let go of a moment ago.
            for _ in 0..LET_GO_LOOKS_MAX {
                if !self.carries(&answer.tenant.id, &answer.record.id) {
                    break;
                }
                self.0.parts.clock.sleep(Duration::from_millis(LET_GO_LOOK_MS)).await;
            }
        }
        if let Some(token) = self.air().tokens.get(&sid) {
            return Ok(token.clone());
        }
        if !self.0.parts.speech.has_key() {
            return Err(Refused::NoEngine);
        }
        let token = ids::token();
        let place = self.admit(&answer, &sid, &token)?;
        let parts = &self.0.parts;
        // Whoever rings will ask for a time: what is free is looked at while the telephone is being connected.
        let (ledger, tenant) = (parts.ledger.clone(), answer.tenant.id.clone());
        parts.tasks.spawn(async move {
            if let Err(error) = ledger.freshen(&tenant).await {
                warn!(error = &error as &dyn std::error::Error, "calendars could not be looked at afresh");
            }
        });
        let language = answer.number.language;
        let now = parts.clock.now();
        let mut briefing = briefing::briefing(
            &answer.tenant,
            &answer.assistant,
            &answer.services,
            &answer.targets,
            language,
            now,
            answer.errand.as_ref(),
        );
        let waited_for = answer.services.iter().filter(|service| answer.waited_for.contains(&service.id));
        briefing::with_waiting_list(&mut briefing, &waited_for.collect::<Vec<_>>(), language);
        if let Some(back) = &answer.back {
            briefing.instructions.push_str(&back.facts);
        }
        let (opened, engine) = oneshot::channel();
        let (settings, clock) = (parts.speech.clone(), parts.clock);
        parts.tasks.spawn(async move {
            // Nobody takes it when the media socket never comes: then it is closed by being dropped.
            let _ = opened.send(Session::open(&settings, &briefing, clock).await);
        });
        let clips = self.clips(&answer, language).await;
        let expected = Expected { answer, account_sid, engine, clips, place };
        self.air().expected.insert(token.clone(), expected);
        let (lines, expiring) = (self.clone(), token.clone());
        parts.tasks.spawn(async move { lines.expire(expiring).await });
        Ok(token)
    }

    /// Tells whoever watches what becomes of a caller who was passed on.
    pub fn tell_transfer(&self, tenant: &TenantId, call: &CallId, state: TransferState, over: bool) {
        let watchers = self.0.watchers.clone();
        let notices = Notices { tenant: tenant.clone(), call: call.clone(), watchers, words: false };
        notices.tell(Default::default(), What::Transfer(state));
        if over {
            let outcome = match state {
                TransferState::Connected => Outcome::Transferred,
                TransferState::Asked
                | TransferState::Ringing
                | TransferState::Busy
                | TransferState::NoAnswer
                | TransferState::Declined
                | TransferState::Failed
                | TransferState::Cancelled => Outcome::CallerLeft,
            };
            notices.tell(Default::default(), What::Ended(outcome));
        }
    }

    /// Tells whoever watches that a call is over which was not carried here.
    pub fn tell_ended(&self, tenant: &TenantId, call: &CallId, outcome: Outcome) {
        let watchers = self.0.watchers.clone();
        let notices = Notices { tenant: tenant.clone(), call: call.clone(), watchers, words: false };
        notices.tell(Default::default(), What::Ended(outcome));
    }

    /// Carries the call whose media socket this is, until it is over.
    pub async fn carry<S>(&self, mut socket: WebSocketStream<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        match self.prove(&mut socket).await {
            Ok((expected, start)) => {
                let span = info_span!("call", call.id = %expected.answer.record.id, tenant.id = %expected.answer.tenant.id);
                self.ride(socket, expected, start).instrument(span).await;
            }
            Err(unproven) => {
                counter!(figures::SECURITY_TOTAL, "event" => unproven.as_str()).increment(1);
                warn!(reason = %unproven, "a media socket was closed");
                let frame = tungstenite::protocol::CloseFrame {
                    code: tungstenite::protocol::frame::coding::CloseCode::Policy,
                    reason: "".into(),
                };
                let _ = self.0.parts.clock.within(Duration::from_secs(1), socket.close(Some(frame))).await;
            }
        }
    }

    /// Nothing upstream happens for a socket that has not proven itself.
    async fn prove<S>(&self, socket: &mut WebSocketStream<S>) -> Result<(Expected, Start), Unproven>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let _permit: OwnedSemaphorePermit =
            self.0.unproven.clone().try_acquire_owned().map_err(|_| Unproven::TooMany)?;
        let limit = Duration::from_millis(self.0.parts.limits.proof_ms_max);
        let start =
            self.0.parts.clock.within(limit, first_start(socket)).await.ok_or(Unproven::NoProof)??;
        let token = start.parameters.get("token").ok_or(Unproven::Token)?;
        // A token is used up by being shown, whoever shows it.
        let expected = self.air().expected.remove(token).ok_or(Unproven::Token)?;
        let ours = expected.answer.record.sid.as_str() == start.call_sid
            && expected.account_sid == start.account_sid;
        if ours { Ok((expected, start)) } else { Err(Unproven::OtherCall) }
    }

    async fn ride<S>(&self, socket: WebSocketStream<S>, expected: Expected, start: Start)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let parts = &self.0.parts;
        let Expected { answer, account_sid, engine, clips, mut place } = expected;
        let Answer { tenant, number, assistant, record, back, errand, .. } = answer;
        let stream = back.as_ref().map_or(0, |back| back.stream);
        let began_ms = back.as_ref().map_or(0, |back| back.elapsed_ms);
        let notices = self.notices(&record, &tenant.id, &assistant);
        let answered = parts.clock.now();
        info!("the call is answered");
        notices.tell(Default::default(), What::Answered);
        let (store, tenant_id, call_id) = (parts.store.clone(), tenant.id.clone(), record.id.clone());
        parts.tasks.spawn(async move {
            if let Err(error) = calls::answered(&store, &tenant_id, &call_id, answered).await {
                warn!(error = &error as &dyn std::error::Error, "the call's state could not be kept");
            }
        });
        let context = CallContext {
            tenant: tenant.clone(),
            call: record.id.clone(),
            assistant: Arc::new(assistant.clone()),
            language: number.language,
            caller: record.person().cloned(),
            attested: record.attested,
        };
        let taping = Taping {
            tenant: tenant.id.clone(),
            call: record.id.clone(),
            answered,
            language: number.language,
        };
        // Who is back after having been passed on is not asked again, and what was recorded until then is the recording.
        let prepared = if assistant.recording && stream == 0 { self.prepare(&taping) } else { None };
        let recording = prepared.clone().map(|prepared| self.recording(taping, prepared));
        let (accounts, sid, owner) = (parts.accounts.clone(), record.sid.clone(), tenant.id.clone());
        let browser = account_sid == BROWSER;
        let hang_up: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            if browser {
                return; // No carrier knows of it: the end of the socket is the end of the call.
            }
            if let Err(error) = accounts.hang_up(&owner, &account_sid, &sid).await {
                warn!(error = &error as &dyn std::error::Error, "the carrier did not hang up");
            }
        });
        let mut setup = Setup {
            policy: assistant.policy.clone(),
            language: number.language,
            opening: clips.opening,
            opening_clip: clips.opening_clip,
            clips: clips.phrases,
            keypad: assistant.keypad.clone(),
        };
        if let Some(back) = &back {
            setup.opening = Words(back.phrase.words(number.language).to_owned());
            setup.opening_clip = setup.clips.get(&back.phrase).cloned();
            let left_ms = setup.policy.max_duration_ms.saturating_sub(back.elapsed_ms);
            setup.policy.max_duration_ms = left_ms.max(BACK_MS_MIN).min(setup.policy.max_duration_ms);
        }
        let ride = Ride {
            setup: Arc::new(setup),
            engine,
            toolbox: Arc::new(
                Toolbox::new(context, &parts.ledger, parts.clock)
                    .on_errand(errand)
                    .proving_with(parts.keys.clone()),
            ),
            detector: parts.detector,
            record: recording,
            notices: notices.clone(),
            clock: parts.clock,
            tasks: parts.tasks.clone(),
            stopping: parts.tasks.stopping_owned(),
            asked: place.asked.take(),
            standing: place.standing.clone(),
            stream,
            hang_up,
            media_silence_ms_max: parts.limits.media_silence_ms_max,
        };
        let phone = Phone::new(socket, start.stream_sid, parts.clock);
        let watch = parts.clock.stopwatch();
        place.carry();
        let mut finished = driver::drive(phone, ride).await;
        drop(place);
        let measures = quality::measure(&finished.turns);
        // A card number is kept nowhere: not in the words, and not in the sound of the turns it was said in.
        let secret = cards::blank(&mut finished.turns);
        let secret = secret.iter().map(|at| (finished.turns[*at].began, finished.turns[*at].ended)).collect();
        if !assistant.transcripts {
            finished.turns.clear();
        }
        let ended = parts.clock.now();
        counter!(figures::CALLS_TOTAL, "outcome" => finished.outcome.as_str()).increment(1);
        info!(outcome = finished.outcome.as_str(), seconds = watch.elapsed().as_secs(), "the call is over");
        let outcome = finished.outcome;
        // The turns of a later stream lie where they lay in the call.
        for turn in &mut finished.turns {
            (turn.began, turn.ended) = (turn.began + began_ms, turn.ended + began_ms);
        }
        self.keep(
            finished,
            &tenant.id,
            &record.id,
            answered,
            ended,
            number.language,
            Left { prepared, measures, secret },
        )
        .await;
        let last = if outcome == Outcome::Transferred { What::PassedOn } else { What::Ended(outcome) };
        notices.tell(watch.call_time(), last);
    }

    /// Keeps what is left of a call. The caller has gone: this may wait, and try again.
    #[expect(clippy::too_many_arguments, reason = "what is known of a call when it is over")]
    async fn keep(
        &self,
        finished: Finished,
        tenant: &TenantId,
        call: &CallId,
        answered: Timestamp,
        ended: Timestamp,
        language: Language,
        left: Left,
    ) {
        let parts = &self.0.parts;
        if let Some(engine) = finished.engine {
            engine.close(parts.clock).await;
        }
        let recording = match finished.recorder {
            Some(recorder) => recorder.stop().await.map_err(|error| {
                warn!(error = &error as &dyn std::error::Error, "a call has no recording");
            }),
            None => Err(()),
        };
        let consent = finished.consented.map(|at| agreed(answered, at, language));
        let recording = recording.ok().map(|recording| Taped {
            blob: recording.name.to_string(),
            key: left.prepared.map(|prepared| prepared.sealed),
            begun: consent.as_ref().map_or(answered, |(at, _)| *at),
            began: CallTime(recording.began_ms),
            millis: Some(recording.millis),
            complete: recording.complete,
            silences: silences(&recording, &left.secret),
        });
        let finished = calls::Finished {
            outcome: finished.outcome,
            answered: Some(answered),
            ended,
            cost: finished.cost,
            turns: finished.turns,
            recording,
            consent,
            stream: finished.stream,
            measures: Some(left.measures),
        };
        for attempt in 0..KEEP_TRIES_MAX {
            match calls::finished(&parts.store, tenant, call, &finished).await {
                Ok(()) => return,
                Err(error) => {
                    warn!(
                        attempt,
                        error = &error as &dyn std::error::Error,
                        "the call's record could not be kept"
                    );
                    parts.clock.sleep(Duration::from_millis(250 << attempt)).await;
                }
            }
        }
        error!("the call's record is lost");
        counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "keep_tries_max").increment(1);
    }

    fn prepare(&self, taping: &Taping) -> Option<Prepared> {
        let prepared = recordings::prepare(&self.0.parts.keys, &taping.tenant, &taping.call);
        prepared
            .inspect_err(|error| {
                warn!(error = error as &dyn std::error::Error, "a call goes on without its recording");
            })
            .ok()
    }

    /// What begins a call's recording, and has that written down beside.
    fn recording(&self, taping: Taping, prepared: Prepared) -> Record {
        let parts = &self.0.parts;
        let (blobs, tasks, store) = (parts.blobs.clone(), parts.tasks.clone(), parts.store.clone());
        Box::new(move |now| {
            let key = Key::new(&prepared.key)
                .inspect_err(|error| {
                    warn!(error = error as &dyn std::error::Error, "a call goes on without its recording");
                })
                .ok()?;
            let recorder = Recorder::start(&tasks, blobs, prepared.blob.as_str(), key);
            tasks.spawn(async move {
                let Taping { tenant, call, answered, language } = taping;
                let yes = agreed(answered, now, language);
                if let Err(error) = recordings::begun(&store, &tenant, &call, &prepared, now, &yes).await {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "that a recording began is not written down"
                    );
                }
            });
            Some(recorder)
        })
    }

    fn admit(&self, answer: &Answer, sid: &str, token: &str) -> Result<Place, Refused> {
        if self.0.parts.tasks.is_leaving() {
            return Err(Refused::Leaving);
        }
        let mut air = self.air();
        let in_air = self.0.in_air.load(Ordering::Relaxed);
        if in_air >= self.0.parts.limits.calls_max {
            counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "calls_max").increment(1);
            return Err(Refused::ServerFull);
        }
        let test = answer.record.test.is_some();
        if test && air.tests.get(&answer.tenant.id).is_some_and(|tests| *tests >= TEST_CALLS_MAX) {
            counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "test_calls_max").increment(1);
            return Err(Refused::TestsFull);
        }
        let calls = air.tenants.entry(answer.tenant.id.clone()).or_default();
        if *calls >= answer.tenant.calls_max {
            counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "tenant_calls_max").increment(1);
            return Err(Refused::TenantFull);
        }
        *calls += 1;
        if test {
            *air.tests.entry(answer.tenant.id.clone()).or_default() += 1;
        }
        air.tokens.insert(sid.to_owned(), token.to_owned());
        let (tenant, call) = (answer.tenant.id.clone(), answer.record.id.clone());
        let (asker, asked) = mpsc::channel(ASKED_MAX);
        // Whoever is back from being passed on has not been told anew who may listen.
        let standing = Standing::new(answer.tenant.listening_in && !test && answer.back.is_none());
        let in_air = InAir { tenant: tenant.clone(), asked: asker, standing: standing.clone() };
        air.calls.insert(call.clone(), in_air);
        drop(air);
        self.0.in_air.fetch_add(1, Ordering::Relaxed);
        self.show();
        self.notices(&answer.record, &tenant, &answer.assistant).tell(Default::default(), What::Ringing);
        Ok(Place {
            lines: self.clone(),
            tenant,
            call,
            sid: sid.to_owned(),
            asked: Some(asked),
            standing,
            test,
            carried: false,
        })
    }

    /// Shows how many calls are where.
    fn show(&self) {
        let in_air = self.0.in_air.load(Ordering::Relaxed);
        let carried = self.0.carried.load(Ordering::Relaxed);
        let ringing = in_air.saturating_sub(carried);
        gauge!(figures::CALLS, "state" => CallState::Ringing.as_str()).set(ringing as f64);
        gauge!(figures::CALLS, "state" => CallState::InProgress.as_str()).set(carried as f64);
    }

    /// Who tries an assistant out may read along, whatever is kept of it.
    fn notices(&self, call: &CallRecord, tenant: &TenantId, assistant: &Assistant) -> Notices {
        let watchers = self.0.watchers.clone();
        let words = assistant.transcripts || call.test.is_some();
        Notices { tenant: tenant.clone(), call: call.id.clone(), watchers, words }
    }

    /// A token not used in time is good for nothing: the media socket never came.
    async fn expire(&self, token: String) {
        let limit = Duration::from_millis(self.0.parts.limits.token_ms_max);
        tokio::select! {
            () = self.0.parts.clock.sleep(limit) => {}
            () = self.0.parts.tasks.stopping() => {}
        }
        let expected = self.air().expected.remove(&token);
        let Some(Expected { answer, place, .. }) = expected else { return };
        drop(place);
        counter!(figures::CALLS_TOTAL, "outcome" => Outcome::Lost.as_str()).increment(1);
        warn!(call.id = %answer.record.id, "the media socket of a call never came");
        let finished = calls::Finished::without_words(Outcome::Lost, self.0.parts.clock.now());
        if let Err(error) =
            calls::finished(&self.0.parts.store, &answer.tenant.id, &answer.record.id, &finished).await
        {
            warn!(error = &error as &dyn std::error::Error, "the call's record could not be kept");
        }
        let notices = self.notices(&answer.record, &answer.tenant.id, &answer.assistant);
        notices.tell(Default::default(), What::Ended(Outcome::Lost));
    }

    async fn clips(&self, answer: &Answer, language: Language) -> Clips {
        let assistant = &answer.assistant;
        // Changed words or another voice are other clips: the key holds what they are made from.
        let opening = clips::opening(assistant, language, &answer.tenant, answer.errand.is_some());
        let key = (assistant.id.clone(), language, fingerprint(&opening, &assistant.voice));
        let words = opening.clone();
        if let Some(clips) = self.clip_sets().get(&key) {
            return clips.clone();
        }
        let parts = &self.0.parts;
        let (blobs, settings, asked) = (parts.blobs.clone(), parts.speech.clone(), assistant.clone());
        let loaded =
            tokio::task::spawn_blocking(move || clips::load(&blobs, &settings, &asked, language, words))
                .await;
        let Ok(clips) = loaded else { return Clips::none(opening) };
        if clips.complete() {
            let mut sets = self.clip_sets();
            if sets.len() >= CLIP_SETS_MAX {
                sets.clear();
            }
            sets.insert(key, clips.clone());
        } else if parts.speech.has_key() && answer.record.test.is_none_or(|test| test.draft.is_none()) {
            let (store, now) = (parts.store.clone(), parts.clock.now());
            let (tenant, assistant) = (answer.tenant.id.clone(), assistant.id.clone());
            parts.tasks.spawn(async move {
                if let Err(error) = clips::ask_for(&store, &tenant, &assistant, language, now).await {
                    warn!(error = &error as &dyn std::error::Error, "clips could not be asked for");
                }
            });
        }
        clips
    }

    fn air(&self) -> MutexGuard<'_, Air> {
        self.0.air.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clip_sets(&self) -> MutexGuard<'_, HashMap<(AssistantId, Language, u64), Clips>> {
        self.0.clips.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What else is left of a call.
struct Left {
    prepared: Option<Prepared>,
    measures: Measures,
    /// When something was said that is nobody's to keep, on the call's clock.
    secret: Vec<(CallTime, CallTime)>,
}

/// Where nothing is to be heard of a recording: where it was paused, and where something secret was said.
fn silences(recording: &Recording, secret: &[(CallTime, CallTime)]) -> Vec<Silence> {
    let since = |at: CallTime| at.0.saturating_sub(recording.began_ms);
    let said = secret.iter().map(|(from, until)| Silence { from_ms: since(*from), until_ms: since(*until) });
    let mut all: Vec<Silence> = recording.silences.iter().copied().chain(said).collect();
    all.retain(|silence| silence.from_ms < silence.until_ms);
    all.sort_unstable();
    all
}

/// Whose recording may begin.
struct Taping {
    tenant: TenantId,
    call: CallId,
    answered: Timestamp,
    language: Language,
}

/// When the caller agreed to be recorded, and to what.
fn agreed(answered: Timestamp, at: CallTime, language: Language) -> (Timestamp, String) {
    let question = crate::domain::phrases::Phrase::RecordingQuestion.words(language).to_owned();
    (answered.plus_millis(i64::try_from(at.0).unwrap_or(i64::MAX)), question)
}

fn fingerprint(opening: &str, voice: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (opening, voice).hash(&mut hasher);
    hasher.finish()
}

/// How many messages a socket may send before `start`.
const MESSAGES_BEFORE_START_MAX: usize = 4;

async fn first_start<S>(socket: &mut WebSocketStream<S>) -> Result<Start, Unproven>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for _ in 0..MESSAGES_BEFORE_START_MAX {
        let text = match socket.next().await {
            Some(Ok(tungstenite::Message::Text(text))) => text,
            Some(Ok(tungstenite::Message::Ping(_) | tungstenite::Message::Pong(_))) => continue,
            Some(Ok(_)) => return Err(Unproven::Malformed),
            Some(Err(_)) | None => return Err(Unproven::NoProof),
        };
        let message = media_stream::read(&text);
        if let Message::Start(start) = message {
            return Ok(start);
        }
        if !matches!(message, Message::Connected) {
            return Err(Unproven::Malformed);
        }
    }
    Err(Unproven::Malformed)
}
