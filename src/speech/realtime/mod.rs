//! OpenAI Realtime over one WebSocket per call (protocols.md §2).
//!
//! Nothing here waits once a session is open: events are polled, commands go into the socket's bounded
//! buffer, and what does not fit means that nobody reads at the other end.

pub mod wire;

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::BytesMut;
use futures_util::{Sink, Stream};
use metrics::counter;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        self, Message, Utf8Bytes, client::IntoClientRequest, http::HeaderValue, protocol::WebSocketConfig,
    },
};
use tracing::{debug, warn};

use self::wire::{Names, Said, Tariff, Transcript};
use super::{Briefing, Error, Settings};
use crate::{
    call::port::{Input, ReplyStatus, Sound, ToEngine, Words},
    domain::money::MicroUsd,
    platform::{clock::Clock, metrics as figures},
};

/// The largest event we take from an engine, in bytes. A larger one ends the session.
pub const EVENT_BYTES_MAX: usize = 16 << 20;
/// What may wait to be sent to an engine, in bytes, before the session counts as lost: some 20 s of sound.
pub const UNSENT_BYTES_MAX: usize = 256 << 10;
/// Socket buffers are sized for frames of 20 ms, not for files.
const READ_BYTES: usize = 4 << 10;
const WRITE_BYTES: usize = 16 << 10;
/// How long reading one sentence aloud may take, in seconds.
const SAY_SECONDS_MAX: u64 = 30;
/// How long thinking about a text may take, in seconds.
const REFLECT_SECONDS_MAX: u64 = 120;

/// An open session, configured and listening.
pub struct Session {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    names: Names,
    transcript: Transcript,
    tariff: Tariff,
    /// Inputs that came with another.
    waiting: Vec<Input>,
    inbox: VecDeque<Input>,
    events_sent: u64,
    line: BytesMut,
    unflushed: bool,
    warned: bool,
}

impl Session {
    /// Connects, configures and waits until the engine has taken it: then audio formats hold.
    pub async fn open(settings: &Settings, briefing: &Briefing, clock: Clock) -> Result<Self, Error> {
        if !settings.has_key() {
            return Err(Error::NoKey);
        }
        clock
            .within(settings.connect_timeout(), Self::connect(settings, briefing))
            .await
            .ok_or(Error::TooSlow)?
    }

    async fn connect(settings: &Settings, briefing: &Briefing) -> Result<Self, Error> {
        let unreachable = |error: tungstenite::Error| Error::Unreachable(Box::new(error));
        let model = briefing.model.as_deref().unwrap_or(&settings.model);
        let mut request = settings.socket_url(model).as_str().into_client_request().map_err(unreachable)?;
        let key = format!("Bearer {}", settings.api_key.expose_secret());
        let mut key = HeaderValue::from_str(&key).map_err(|_| Error::NoKey)?;
        key.set_sensitive(true);
        request.headers_mut().insert("Authorization", key);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(WRITE_BYTES)
            .max_write_buffer_size(UNSENT_BYTES_MAX)
            .max_message_size(Some(EVENT_BYTES_MAX))
            .max_frame_size(Some(EVENT_BYTES_MAX));
        let (socket, _) =
            connect_async_with_config(request, Some(config), true).await.map_err(unreachable)?;
        let tariff = Tariff {
            tokens: settings.prices.get(model).copied(),
            transcription_per_minute: settings
                .transcription_prices
                .get(&settings.transcription_model)
                .copied(),
        };
        let mut session = Self {
            socket,
            names: Names::default(),
            transcript: Transcript::default(),
            tariff,
            waiting: Vec::new(),
            inbox: VecDeque::new(),
            events_sent: 1,
            line: BytesMut::new(),
            unflushed: false,
            warned: false,
        };
        session.put(wire::session_update(settings, briefing).into())?;
        session.flush().await?;
        loop {
            match session.said().await? {
                Said::Configured => return Ok(session),
                Said::Gone(why) => return Err(Error::Refused(why)),
                Said::Created | Said::Input(_) | Said::Nothing | Said::Unknown | Said::Malformed => {}
            }
        }
    }

    /// The next thing the engine did; an error once the session has ended. Safe to drop and ask again.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Input, Error>> {
        loop {
            if let Some(input) = self.inbox.pop_front() {
                return Poll::Ready(Ok(input));
            }
            match std::task::ready!(self.poll_said(context)) {
                Ok(Said::Input(input)) => {
                    self.inbox.push_back(input);
                    self.inbox.extend(self.waiting.drain(..));
                }
                Ok(Said::Gone(why)) => return Poll::Ready(Err(Error::Refused(why))),
                Ok(Said::Configured | Said::Created | Said::Nothing) => {}
                Ok(Said::Unknown) => counter!(figures::ENGINE_EVENTS_UNKNOWN_TOTAL).increment(1),
                Ok(Said::Malformed) => {
                    counter!(figures::ENGINE_EVENTS_UNKNOWN_TOTAL).increment(1);
                    if !std::mem::replace(&mut self.warned, true) {
                        warn!("the engine sent an event that cannot be read; it is ignored");
                    }
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Lets the engine hear `payload`: base64 of 8 kHz mu-law, passed through untouched.
    pub fn hear(&mut self, payload: &str) -> Result<(), Error> {
        self.line.clear();
        self.line.reserve(payload.len() + 64);
        wire::append(payload, &mut self.line).map_err(|_| Error::Closed)?;
        let line = self.line.split().freeze();
        // Base64 was checked before it came here, so the line is plain ASCII.
        let text = Utf8Bytes::try_from(line).map_err(|_| Error::Closed)?;
        self.put(text)
    }

    /// Lets the engine hear sound that is not base64 yet.
    pub fn hear_sound(&mut self, sound: &[u8]) -> Result<(), Error> {
        self.hear(&base64_simd::STANDARD.encode_to_string(sound))
    }

    /// Tells the engine what the call wants.
    pub fn tell(&mut self, what: &ToEngine) -> Result<(), Error> {
        self.events_sent += 1;
        match wire::write(what, &self.names, self.events_sent) {
            Some(text) => self.put(text.into()),
            None => Ok(()),
        }
    }

    /// Whether something waits to be flushed.
    pub fn unflushed(&self) -> bool {
        self.unflushed
    }

    /// Sends what waits, as far as the socket takes it.
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let flushed = std::task::ready!(Pin::new(&mut self.socket).poll_flush(context));
        self.unflushed = false;
        Poll::Ready(flushed.map_err(|_| Error::Closed))
    }

    /// Says goodbye to the engine, as far as it takes it without waiting.
    pub async fn close(mut self, clock: Clock) {
        let closing = self.socket.close(None);
        let _ = clock.within(std::time::Duration::from_secs(1), closing).await;
    }

    async fn flush(&mut self) -> Result<(), Error> {
        std::future::poll_fn(|context| self.poll_flush(context)).await
    }

    async fn said(&mut self) -> Result<Said, Error> {
        std::future::poll_fn(|context| self.poll_said(context)).await
    }

    fn poll_said(&mut self, context: &mut Context<'_>) -> Poll<Result<Said, Error>> {
        loop {
            return Poll::Ready(match std::task::ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(Message::Text(text))) => Ok(wire::read(
                    &text,
                    &mut self.names,
                    &mut self.transcript,
                    &self.tariff,
                    &mut self.waiting,
                )),
                Some(Ok(Message::Ping(_))) => {
                    self.unflushed = true; // The answer was queued by the library.
                    continue;
                }
                Some(Ok(Message::Binary(_))) => Ok(Said::Unknown),
                Some(Ok(Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Close(_))) | None => Err(Error::Closed),
                Some(Err(error)) => {
                    debug!(%error, "the engine's socket failed");
                    Err(Error::Closed)
                }
            });
        }
    }

    /// Puts one event into the socket's buffer. It is bounded: full means that the engine does not read.
    fn put(&mut self, text: Utf8Bytes) -> Result<(), Error> {
        self.unflushed = true;
        Pin::new(&mut self.socket).start_send(Message::Text(text)).map_err(|_| Error::Closed)
    }
}

/// Has `words` read aloud by the assistant's own voice, in a session of its own.
pub async fn read_aloud(
    settings: &Settings,
    briefing: &Briefing,
    words: &str,
    clock: Clock,
) -> Result<Sound, Error> {
    let mut session = Session::open(settings, briefing, clock).await?;
    let limit = std::time::Duration::from_secs(SAY_SECONDS_MAX);
    let sound = clock.within(limit, session.speak(words)).await.ok_or(Error::TooSlow)?;
    session.close(clock).await;
    sound
}

/// What a model made of a text.
pub struct Reflection {
    /// What it answered, as the arguments of the tool it was to call: JSON text, as the model wrote it.
    pub arguments: String,
    /// What it cost.
    pub cost: MicroUsd,
}

/// Has the model think about a text, in a session of its own and outside any call, and answer by the briefing's only tool.
///
/// # Errors
/// [`Error::Refused`] when it answers otherwise; otherwise as [`Session::open`].
pub async fn reflect(
    settings: &Settings,
    briefing: &Briefing,
    text: &str,
    clock: Clock,
) -> Result<Reflection, Error> {
    let mut session = Session::open(settings, briefing, clock).await?;
    let limit = std::time::Duration::from_secs(REFLECT_SECONDS_MAX);
    let tool = briefing.tools.first().map_or("", |tool| tool.name.as_str());
    let made = clock.within(limit, session.think(text, tool)).await.ok_or(Error::TooSlow)?;
    session.close(clock).await;
    made
}

impl Session {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else matters outside a call")]
    async fn think(&mut self, text: &str, tool: &str) -> Result<Reflection, Error> {
        self.events_sent += 1;
        self.put(wire::out_of_band(text, tool).into())?;
        self.flush().await?;
        loop {
            match std::future::poll_fn(|context| self.poll_next(context)).await? {
                Input::ReplyEnded { status: ReplyStatus::Completed, tools, cost } => {
                    let asked = tools.into_iter().find(|asked| asked.name == tool);
                    let asked = asked
                        .ok_or_else(|| Error::Refused("no answer of the kind that was asked".to_owned()))?;
                    return Ok(Reflection { arguments: asked.arguments, cost });
                }
                Input::ReplyEnded { .. } | Input::EngineRefused(_) => {
                    return Err(Error::Refused("no answer".to_owned()));
                }
                _ => {}
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else matters while a sentence is read aloud")]
    async fn speak(&mut self, words: &str) -> Result<Sound, Error> {
        self.tell(&ToEngine::Respond { say: Some(Words(words.to_owned())) })?;
        self.flush().await?;
        let mut spoken = Vec::new();
        loop {
            match std::future::poll_fn(|context| self.poll_next(context)).await? {
                Input::ReplyAudio { sound, .. } => spoken.extend_from_slice(&sound.0),
                Input::ReplyEnded { status: ReplyStatus::Completed, .. } if !spoken.is_empty() => {
                    return Ok(Sound(spoken));
                }
                Input::ReplyEnded { .. } | Input::EngineRefused(_) => {
                    return Err(Error::Refused("a sentence was not read aloud".to_owned()));
                }
                _ => {}
            }
        }
    }
}
