//! One call in the air: sockets, clock and tools around a [`Call`].
//!
//! One task owns both sockets. It turns what comes in into [`Input`]s, carries out the [`Output`]s, and awaits
//! nothing but the next thing to happen: what is sent goes into bounded buffers that are flushed as far as
//! the sockets take it. A choice about the conversation made here would be in the wrong file.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use metrics::{counter, histogram};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{mpsc, oneshot},
    time::Sleep,
};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::{info, warn};

use super::{
    Asked,
    notice::{Notices, What},
    phone::Phone,
    recorder::Recorder,
    standing::{Heard, Standing},
};
use crate::{
    app::tools::{Answer, LookedAt, Request, Toolbox},
    audio::{
        frames::{Cutter, MuLaw20ms},
        vad::{Detector, Ear},
    },
    call::{
        Call, Setup,
        port::{Input, Note, Output, RequestId, Sound, ToCaller, ToEngine, ToolRequest, Words},
    },
    domain::{
        conversation::{Outcome, Turn},
        money::MicroUsd,
        time::CallTime,
    },
    platform::{
        clock::{Clock, Stopwatch},
        metrics as figures,
        tasks::Tasks,
    },
    speech::{self, realtime::Session},
    telephony::media_stream::{self, Message, Order, Place},
};

/// The most sound one media message may carry, in bytes: one second.
const MEDIA_BYTES_MAX: usize = 8_000;
/// The caller's sound that is kept for an engine that is not there yet, in bytes: ten seconds. What was said
/// before that is lost.
const EARLY_BYTES_MAX: usize = 80_000;
/// How late the network may deliver a frame before it is counted as late, in milliseconds.
const LATE_MS: u64 = 100;
/// How long the carrier may take to hang up before the socket is closed all the same, in seconds.
const HANG_UP_SECONDS_MAX: u64 = 3;
/// The most turns of one call that are kept.
const TURNS_MAX: usize = 2_000;

/// A frame of silence, as the engine is given sound.
static SILENT_FRAME: LazyLock<String> =
    LazyLock::new(|| base64_simd::STANDARD.encode_to_string(MuLaw20ms::QUIET.as_bytes()));

/// Begins a recording at a moment of the call; `None` when that is not possible.
pub(super) type Record = Box<dyn FnOnce(CallTime) -> Option<Recorder> + Send>;

/// Everything a call needs besides its telephone.
pub(super) struct Ride {
    pub(super) setup: Arc<Setup>,
    pub(super) engine: oneshot::Receiver<Result<Session, speech::Error>>,
    pub(super) toolbox: Arc<Toolbox>,
    pub(super) detector: Detector,
    /// Begins the recording, when the caller agrees to it; `None` when recordings are off.
    pub(super) record: Option<Record>,
    pub(super) notices: Notices,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
    /// Asked to end this call as soon as is decent.
    pub(super) stopping: WaitForCancellationFutureOwned,
    /// What somebody at the business wants of it.
    pub(super) asked: Option<mpsc::Receiver<Asked>>,
    /// What of it is seen and heard from outside.
    pub(super) standing: Arc<Standing>,
    /// Which of the call's media streams it is, from 0.
    pub(super) stream: u32,
    /// Ends the call at the carrier's: closing the socket alone would only send it to its next verb.
    pub(super) hang_up: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Longest time without any media before the line counts as lost, in milliseconds.
    pub(super) media_silence_ms_max: u64,
}

/// What is left of a call.
pub(super) struct Finished {
    pub(super) outcome: Outcome,
    pub(super) turns: Vec<Turn>,
    pub(super) cost: MicroUsd,
    /// When the caller agreed to be recorded, if they did.
    pub(super) consented: Option<CallTime>,
    pub(super) recorder: Option<Recorder>,
    /// The engine's session, to be closed.
    pub(super) engine: Option<Session>,
    /// Which of the call's media streams it was, from 0.
    pub(super) stream: u32,
}

enum Engine {
    Opening(oneshot::Receiver<Result<Session, speech::Error>>),
    Open(Box<Session>),
    Gone,
}

enum Event {
    Phone(Option<tokio_tungstenite::tungstenite::Utf8Bytes>),
    Opened(Box<Session>),
    Engine(Input),
    EngineLost,
    Tool(RequestId, Answer),
    Pin(LookedAt),
    Stop,
    Asked(Asked),
    Alarm,
}

type PinRun = Pin<Box<dyn Future<Output = Option<LookedAt>> + Send>>;
type ToolRun = Pin<Box<dyn Future<Output = (RequestId, Option<Answer>)> + Send>>;

struct Driver<S> {
    call: Call,
    phone: Phone<S>,
    engine: Engine,
    /// The caller's sound from before the engine was there.
    early: Vec<u8>,
    tools: FuturesUnordered<ToolRun>,
    pin: Option<PinRun>,
    names: BTreeMap<RequestId, String>,
    /// Whether the tool whose answer is being taken in broke: the call is not told, those who watch are.
    tool_broke: bool,
    toolbox: Arc<Toolbox>,
    order: Order,
    cutter: Cutter,
    ear: Ear,
    sound: Vec<u8>,
    outputs: Vec<Output>,
    record: Option<Record>,
    notices: Notices,
    tasks: Tasks,
    stopping: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    asked: Option<mpsc::Receiver<Asked>>,
    standing: Arc<Standing>,
    stream: u32,
    watch: Stopwatch,
    alarm: Pin<Box<Sleep>>,
    alarm_at: CallTime,
    last_media: CallTime,
    /// When the stream's own time began, on the call's clock, in milliseconds.
    stream_began: Option<u64>,
    media_silence_ms_max: u64,
    /// When the ear will have heard what was let out, for the recording's sake.
    agent_plays_until: CallTime,
    finished: Finished,
    over: bool,
}

/// Carries a call from its first frame to its last.
pub(super) async fn drive<S>(phone: Phone<S>, ride: Ride) -> Finished
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let watch = ride.clock.stopwatch();
    let now = watch.call_time();
    let mut driver = Driver {
        call: Call::answered(ride.setup, now),
        phone,
        engine: Engine::Opening(ride.engine),
        early: Vec::new(),
        tools: FuturesUnordered::new(),
        pin: None,
        names: BTreeMap::new(),
        tool_broke: false,
        toolbox: ride.toolbox,
        order: Order::default(),
        cutter: Cutter::new(),
        ear: Ear::new(ride.detector),
        sound: Vec::with_capacity(1_024),
        outputs: Vec::with_capacity(16),
        record: ride.record,
        notices: ride.notices,
        tasks: ride.tasks,
        stopping: Some(Box::pin(ride.stopping)),
        asked: ride.asked,
        standing: ride.standing,
        stream: ride.stream,
        watch,
        alarm: Box::pin(tokio::time::sleep_until(watch.moment(now))),
        alarm_at: now,
        last_media: now,
        stream_began: None,
        media_silence_ms_max: ride.media_silence_ms_max,
        agent_plays_until: now,
        finished: Finished {
            outcome: Outcome::Lost,
            turns: Vec::new(),
            cost: MicroUsd::default(),
            consented: None,
            recorder: None,
            engine: None,
            stream: ride.stream,
        },
        over: false,
    };
    driver.input(Input::Tick, None);
    while !driver.over {
        match driver.next().await {
            Event::Phone(Some(text)) => driver.phone_says(&text),
            Event::Phone(None) => driver.input(Input::CallerHungUp, None),
            Event::Opened(session) => driver.engine_opened(session),
            Event::Engine(input) => driver.input(input, None),
            Event::EngineLost => driver.engine_lost(),
            Event::Tool(id, answer) => {
                driver.tool_broke = !answer.ok;
                if answer.passes_on {
                    driver.input(Input::PassOn, None);
                }
                if answer.asks_pin {
                    driver.input(Input::ExpectPin, None);
                }
                driver.input(Input::ToolAnswered { id, output: answer.output }, None);
                driver.tool_broke = false;
            }
            Event::Pin(LookedAt { fact, again }) => {
                driver.input(Input::PinLookedAt(Words(fact.to_owned())), None);
                if again {
                    driver.input(Input::ExpectPin, None);
                }
            }
            Event::Stop => driver.input(Input::Leave, None),
            Event::Asked(Asked::Dismiss) => driver.input(Input::Dismiss, None),
            Event::Asked(Asked::PassOn) => driver.input(Input::PassOn, None),
            Event::Asked(Asked::Hold) => driver.input(Input::Hold, None),
            Event::Asked(Asked::Resume) => driver.input(Input::Resume, None),
            Event::Asked(Asked::Mute) => driver.input(Input::Mute(true), None),
            Event::Asked(Asked::Unmute) => driver.input(Input::Mute(false), None),
            Event::Alarm => driver.alarm(),
        }
    }
    driver.finish(ride.hang_up, ride.clock).await
}

impl<S> Driver<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    /// The next thing that happens. The only place a call waits.
    async fn next(&mut self) -> Event {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if self.phone.unflushed() && matches!(self.phone.poll_flush(context), Poll::Ready(Err(()))) {
            return Poll::Ready(Event::Phone(None));
        }
        if let Some(stopping) = &mut self.stopping
            && stopping.as_mut().poll(context).is_ready()
        {
            self.stopping = None;
            return Poll::Ready(Event::Stop);
        }
        if let Some(asked) = &mut self.asked
            && let Poll::Ready(asked) = asked.poll_recv(context)
        {
            match asked {
                Some(asked) => return Poll::Ready(Event::Asked(asked)),
                None => self.asked = None,
            }
        }
        if let Poll::Ready(text) = self.phone.poll_next(context) {
            return Poll::Ready(Event::Phone(text));
        }
        if let Poll::Ready(event) = self.poll_engine(context) {
            return Poll::Ready(event);
        }
        while !self.tools.is_empty()
            && let Poll::Ready(Some((id, answer))) = self.tools.poll_next_unpin(context)
        {
            // A tool that panicked never answers; the call's own deadline for tools covers it.
            if let Some(answer) = answer {
                return Poll::Ready(Event::Tool(id, answer));
            }
        }
        if let Some(pin) = &mut self.pin
            && let Poll::Ready(looked_at) = pin.as_mut().poll(context)
        {
            self.pin = None;
            // Looking that panicked tells nothing; the caller is asked again when they ask.
            if let Some(looked_at) = looked_at {
                return Poll::Ready(Event::Pin(looked_at));
            }
        }
        if self.alarm.as_mut().poll(context).is_ready() {
            return Poll::Ready(Event::Alarm);
        }
        Poll::Pending
    }

    fn poll_engine(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        match &mut self.engine {
            Engine::Opening(opening) => match std::task::ready!(Pin::new(opening).poll(context)) {
                Ok(Ok(session)) => Poll::Ready(Event::Opened(Box::new(session))),
                Ok(Err(error)) => {
                    warn!(%error, "the engine's session did not open");
                    Poll::Ready(Event::EngineLost)
                }
                Err(_) => Poll::Ready(Event::EngineLost),
            },
            Engine::Open(session) => {
                if session.unflushed()
                    && let Poll::Ready(Err(error)) = session.poll_flush(context)
                {
                    warn!(%error, "the engine's session broke");
                    return Poll::Ready(Event::EngineLost);
                }
                match std::task::ready!(session.poll_next(context)) {
                    Ok(input) => Poll::Ready(Event::Engine(input)),
                    Err(error) => {
                        warn!(%error, "the engine's session ended");
                        Poll::Ready(Event::EngineLost)
                    }
                }
            }
            Engine::Gone => Poll::Pending,
        }
    }

    fn phone_says(&mut self, text: &str) {
        match media_stream::read(text) {
            Message::Media { timestamp_ms, payload } => self.media(timestamp_ms, &payload),
            Message::Mark(mark) => self.input(Input::Played(mark), None),
            Message::Keyed(key) => {
                self.keyed(key);
                self.input(Input::Keyed(key), None);
            }
            Message::Stop => self.input(Input::CallerHungUp, None),
            Message::Connected | Message::Start(_) | Message::Other => self.count_frame("unexpected"),
            Message::Malformed => self.count_frame("malformed"),
        }
    }

    /// A key that means something in this call is done what it asks for at once, whatever becomes of the conversation.
    fn keyed(&self, key: char) {
        if self.toolbox.takes_keys() && !self.call.expects_pin() {
            let toolbox = self.toolbox.clone();
            self.tasks.spawn(async move { toolbox.keyed(key).await });
        }
    }

    fn media(&mut self, timestamp_ms: u64, payload: &str) {
        let now = self.watch.call_time();
        self.last_media = now;
        self.sound.clear();
        let decoded = base64_simd::STANDARD.decode_append(payload.as_bytes(), &mut self.sound);
        if decoded.is_err() || self.sound.is_empty() || self.sound.len() > MEDIA_BYTES_MAX {
            return self.count_frame("malformed");
        }
        match self.order.place(timestamp_ms, (self.sound.len() / 8) as u64) {
            Place::Past => return self.count_frame("past"),
            Place::Follows { gap_ms: 0 } => {}
            Place::Follows { .. } => self.count_frame("gap"),
        }
        // When it was spoken, on the call's own clock: sound that comes late after a stall keeps its place.
        // The frame that travelled fastest tells best when that clock began.
        let began = now.0.saturating_sub(timestamp_ms);
        let began = self.stream_began.map_or(began, |before| before.min(began));
        self.stream_began = Some(began);
        let spoken_ms = began.saturating_add(timestamp_ms);
        if let Some(recorder) = &mut self.finished.recorder {
            recorder.caller(spoken_ms, &self.sound);
        }
        if self.overheard() {
            self.standing.tell(&Heard::Caller(self.sound.as_slice().into()));
        }
        if now.0 > spoken_ms.saturating_add(LATE_MS) {
            self.count_frame("late");
        }
        let sound = std::mem::take(&mut self.sound);
        let mut cutter = std::mem::take(&mut self.cutter);
        let mut unheard = Some(payload);
        let mut spoken = CallTime(spoken_ms);
        cutter.cut(&sound, |frame| {
            let voice = self.ear.hear(&frame, self.call.wants_second_opinion());
            self.input(Input::CallerAudio { voice, spoken }, unheard.take());
            spoken = spoken + MuLaw20ms::MILLIS;
        });
        self.cutter = cutter;
        self.sound = sound;
        // Less than a frame, or a call that did not want it: sound is sound, and the engine hears all of it.
        if let Some(payload) = unheard.filter(|_| !self.over && !self.call.deaf()) {
            self.let_engine_hear(payload);
        }
    }

    /// Gives the call what happened and carries out what it wants. `payload` is the frame that was given, as
    /// it came.
    fn input(&mut self, input: Input, payload: Option<&str>) {
        let now = self.watch.call_time();
        // The outputs borrow the call while the sockets are written to: take them out of it first.
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.extend(self.call.handle(input, now));
        if self.call.opening_heard() {
            self.standing.told();
        }
        for output in outputs.drain(..) {
            self.carry_out(output, payload, now);
        }
        self.outputs = outputs;
        if self.over {
            return;
        }
        let silence_due = self.last_media + self.media_silence_ms_max;
        let due = self.call.deadline().map_or(silence_due, |due| due.min(silence_due));
        // The alarm is only ever set earlier here; set too early it rings for nothing, once.
        if due < self.alarm_at || self.alarm.is_elapsed() {
            self.alarm_at = due;
            let moment = self.watch.moment(due);
            self.alarm.as_mut().reset(moment);
        }
    }

    fn carry_out(&mut self, output: Output, payload: Option<&str>, now: CallTime) {
        match output {
            Output::ToEngine(ToEngine::Hear) => {
                if let Some(payload) = payload {
                    self.let_engine_hear(payload);
                }
            }
            Output::ToEngine(ToEngine::HearSilence) => {
                // Sound that comes otherwise than frame by frame is let through: there is more in it.
                if let Some(payload) = payload {
                    let one = payload.len() == SILENT_FRAME.len();
                    self.let_engine_hear(if one { &SILENT_FRAME } else { payload });
                }
            }
            Output::ToEngine(what) => {
                if let Engine::Open(session) = &mut self.engine
                    && session.tell(&what).is_err()
                {
                    self.engine_unread();
                }
            }
            Output::ToCaller(ToCaller::Play(sound)) => self.play(&sound, now),
            Output::ToCaller(ToCaller::Mark(mark)) => self.phone.mark(mark),
            Output::ToCaller(ToCaller::Clear) => {
                self.agent_plays_until = now;
                if let Some(recorder) = &mut self.finished.recorder {
                    recorder.clear(now.0);
                }
                if self.standing.heard() {
                    self.standing.tell(&Heard::Clear);
                }
                self.phone.clear();
            }
            Output::RunTool(request) => self.run(request),
            Output::LookAtPin(typed) => self.look_at_pin(typed),
            Output::Record => {
                if let Some(record) = self.record.take() {
                    self.finished.consented = Some(now);
                    self.finished.recorder = record(now);
                    self.notices.tell(now, What::RecordingBegan);
                }
            }
            Output::PauseRecording => {
                if let Some(recorder) = &mut self.finished.recorder {
                    recorder.pause(now.0);
                }
            }
            Output::ResumeRecording => {
                if let Some(recorder) = &mut self.finished.recorder {
                    recorder.resume(now.0);
                }
            }
            Output::Note(note) => self.note(note, now),
            Output::HangUp(outcome) => {
                self.finished.outcome = outcome;
                self.over = true;
            }
        }
    }

    fn play(&mut self, sound: &Sound, now: CallTime) {
        let begins = self.agent_plays_until.max(now);
        self.agent_plays_until = begins + (sound.0.len() / 8) as u64;
        if let Some(recorder) = &mut self.finished.recorder {
            recorder.agent(begins.0, &sound.0);
        }
        if self.overheard() {
            self.standing.tell(&Heard::Agent(sound.0.as_slice().into()));
        }
        self.phone.play(&sound.0);
    }

    /// Whether somebody listens, to what is theirs to hear: once the caller was told that they may, and nothing that is nobody's
    /// to keep.
    fn overheard(&self) -> bool {
        self.standing.heard() && self.call.opening_heard() && !self.call.secret()
    }

    fn let_engine_hear(&mut self, payload: &str) {
        match &mut self.engine {
            Engine::Open(session) => {
                if session.hear(payload).is_err() {
                    self.engine_unread();
                }
            }
            Engine::Opening(_) => {
                if self.early.len() < EARLY_BYTES_MAX {
                    let _ = base64_simd::STANDARD.decode_append(payload.as_bytes(), &mut self.early);
                } else {
                    counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "early_bytes_max").increment(1);
                }
            }
            Engine::Gone => {}
        }
    }

    fn engine_opened(&mut self, mut session: Box<Session>) {
        let early = std::mem::take(&mut self.early);
        let heard = early.is_empty() || session.hear_sound(&early).is_ok();
        self.engine = Engine::Open(session);
        if heard {
            self.input(Input::EngineReady, None);
        } else {
            self.engine_unread();
        }
    }

    /// The engine does not read what it is sent: its bounded buffer is full.
    fn engine_unread(&mut self) {
        counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "unsent_bytes_max").increment(1);
        self.engine = Engine::Gone;
        // Told by the alarm, not from within: the call is handling something right now.
        self.alarm_at = CallTime(0);
        let moment = self.watch.moment(CallTime(0));
        self.alarm.as_mut().reset(moment);
    }

    fn engine_lost(&mut self) {
        self.engine = Engine::Gone;
        self.input(Input::EngineLost, None);
    }

    fn alarm(&mut self) {
        self.alarm_at = CallTime(u64::MAX);
        let now = self.watch.call_time();
        if matches!(self.engine, Engine::Gone) {
            self.input(Input::EngineLost, None);
        } else if now.since(self.last_media) >= self.media_silence_ms_max {
            counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "media_silence_ms_max").increment(1);
            self.input(Input::CallerHungUp, None);
            self.finished.outcome = Outcome::Lost;
        } else {
            self.input(Input::Tick, None);
        }
    }

    fn run(&mut self, request: ToolRequest) {
        let toolbox = self.toolbox.clone();
        let id = request.id;
        self.names.insert(id, request.name.clone());
        // The requests of each stream are counted anew.
        let counted = match self.stream {
            0 => request.id.0.to_string(),
            stream => format!("{stream}/{}", request.id.0),
        };
        let request = Request { id: counted, name: request.name, arguments: request.arguments };
        // On the list of tasks, not in this one: a booking is finished even when the caller hangs up meanwhile.
        let running = self.tasks.spawn(async move { toolbox.run(request).await });
        self.tools.push(Box::pin(async move { (id, running.await.ok()) }));
    }

    fn look_at_pin(&mut self, typed: Words) {
        let toolbox = self.toolbox.clone();
        let looking = self.tasks.spawn(async move { toolbox.typed_pin(&typed.0).await });
        self.pin = Some(Box::pin(async move { looking.await.ok() }));
    }

    fn note(&mut self, note: Note, now: CallTime) {
        match &note {
            Note::FirstAudio => histogram!(figures::FIRST_AUDIO_MS).record(now.0 as f64),
            Note::TurnOver(turn) => {
                if self.finished.turns.len() < TURNS_MAX {
                    self.finished.turns.push(turn.clone());
                } else {
                    counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "turns_max").increment(1);
                }
            }
            Note::Judged { verdict, silent_ms } => {
                counter!(figures::BARGE_IN_TOTAL, "verdict" => verdict.as_str()).increment(1);
                info!(verdict = verdict.as_str(), silent_ms, "the agent fell silent for a sound");
            }
            Note::ReplyLatency { decided_ms, engine_ms } => {
                histogram!(figures::TURN_LATENCY_MS, "stage" => "decided").record(*decided_ms as f64);
                histogram!(figures::TURN_LATENCY_MS, "stage" => "engine").record(*engine_ms as f64);
                histogram!(figures::TURN_LATENCY_MS, "stage" => "total")
                    .record((decided_ms + engine_ms) as f64);
            }
            Note::ToolEnded { id, took_ms, late } => {
                let tool = self.names.get(id).and_then(|name| crate::domain::tool::ToolName::parse(name));
                let tool = tool.map_or("unknown", |tool| tool.as_str());
                let status = if *late { "late" } else { "answered" };
                histogram!(figures::TOOL_MS, "tool" => tool, "status" => status).record(*took_ms as f64);
            }
            Note::Limit(limit) => {
                counter!(figures::LIMIT_REACHED_TOTAL, "limit" => *limit).increment(1);
                warn!(limit, "a limit was reached");
            }
            Note::EngineStalled => {
                counter!(figures::ENGINE_TROUBLE_TOTAL, "trouble" => "stalled").increment(1);
                warn!("the engine owes a reply");
            }
            Note::Refused(refusal) => {
                counter!(figures::ENGINE_TROUBLE_TOTAL, "trouble" => "refused").increment(1);
                info!(?refusal, "the engine refused");
            }
            Note::Cost(cost) => {
                self.finished.cost = self.finished.cost + *cost;
                counter!(figures::COST_MICROUSD_TOTAL).increment(u64::try_from(cost.0).unwrap_or(0));
            }
            Note::OnHold(held) => {
                self.standing.hold(*held);
                info!(held, "the caller is put on hold, or is back");
            }
            Note::Muted(muted) => {
                self.standing.mute(*muted);
                info!(muted, "the agent is silenced, or may speak again");
            }
            Note::Speaks(_) | Note::Heard { .. } | Note::Paused | Note::ToolBegan(_) | Note::Said(_) => {}
        }
        if self.notices.watched() {
            let name = if let Note::ToolBegan(id) | Note::ToolEnded { id, .. } = &note {
                self.names.get(id).cloned()
            } else {
                None
            };
            self.notices.tell(now, What::Note { note, tool: name, broke: self.tool_broke });
        }
    }

    fn count_frame(&mut self, fate: &'static str) {
        counter!(figures::FRAMES_TOTAL, "fate" => fate).increment(1);
    }

    async fn finish(mut self, hang_up: Pin<Box<dyn Future<Output = ()> + Send>>, clock: Clock) -> Finished {
        match self.finished.outcome {
            // We hang up: the carrier must be told, or the caller would hear the apology after the goodbye.
            Outcome::AgentLeft
            | Outcome::Silence
            | Outcome::MaxDuration
            | Outcome::Drained
            | Outcome::Dismissed => {
                let limit = Duration::from_secs(HANG_UP_SECONDS_MAX);
                if clock.within(limit, hang_up).await.is_none() {
                    warn!("the carrier did not hang up in time");
                }
            }
            // Passed on: what follows the stream is asked for once it is closed.
            Outcome::Transferred
            | Outcome::CallerLeft
            | Outcome::Degraded
            | Outcome::Refused
            | Outcome::Lost
            | Outcome::NotReached
            | Outcome::Machine
            | Outcome::Paused
            | Outcome::Blocked
            | Outcome::ForwardingTest => {}
        }
        self.phone.close().await;
        if let Engine::Open(session) = self.engine {
            self.finished.engine = Some(*session);
        }
        self.finished
    }
}
