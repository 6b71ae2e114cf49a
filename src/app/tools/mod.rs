//! The tool boundary: what a model may ask for on behalf of a caller.
//!
//! Whatever the model says is a request, never a fact. Times are resolved here from the caller's words; only a slot
//! that this call was offered can be kept or booked, only an appointment that this caller was shown to own can be
//! moved or cancelled. Policy lives here, not in a prompt: a model that obeys the caller in everything gains the
//! caller nothing. What an answer says is made here too, in the call's language, and nothing is called booked
//! before it is. It knows neither the telephone nor the engine, and decides nothing about who speaks when.

mod arguments;
mod errands;
mod identity;
mod offers;
mod own;
mod proof;
mod slots;
mod specs;
mod transfer;
mod waiting;
mod words;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

pub use self::{
    arguments::{ARGUMENTS_LEN_MAX, MESSAGE_CHARS_MAX, NAME_CHARS_MAX, NOTE_CHARS_MAX},
    errands::errand_specs,
    offers::{OFFERED_AT_A_TIME_MAX, OFFERS_PER_CALL_MAX},
    own::{IDENTITY_FAILURES_MAX, TOLD_MAX},
    proof::{LookedAt, PINS_PER_CALL_MAX},
    specs::{Spec, specs},
    transfer::WISH_CHARS_MAX,
    waiting::waiting_spec,
};
use self::{offers::Offers, own::Own, words::Say};
use crate::{
    app::{
        self,
        bookings::{Asker, Ledger},
        keys::Keys,
        outgoing::Errand,
        webhooks::{self, Event},
    },
    domain::{
        assistant::{Assistant, Language},
        booking::Appointment,
        id::{AppointmentId, CallId, ContactId, MessageId, ToolCallId, TransferTargetId},
        org::Tenant,
        phone::E164,
        spoken,
        time::Timestamp,
        tool::ToolName,
    },
    platform::{clock::Clock, ids, metrics as figures},
    store::{self, Message, MessageWork, Store, ToolCall, ToolCallStatus},
};

/// Requests a call may make. More are refused.
pub const REQUESTS_PER_CALL_MAX: u32 = 80;
/// Appointments a call may make.
pub const BOOKINGS_PER_CALL_MAX: usize = 3;
/// Messages a call may leave.
pub const MESSAGES_PER_CALL_MAX: u32 = 3;
/// The longest id a model may give its request, in bytes.
pub const MODEL_CALL_ID_LEN_MAX: usize = 128;

/// What is known about a call when its tools are laid out. `Debug` shows no number.
#[derive(Clone)]
pub struct CallContext {
    /// Whose telephone it is.
    pub tenant: Tenant,
    /// The call.
    pub call: CallId,
    /// Who answers.
    pub assistant: Arc<Assistant>,
    /// The language of the call.
    pub language: Language,
    /// The number that calls, when the network said so.
    pub caller: Option<E164>,
    /// Whether the network vouches for that number (STIR/SHAKEN level A).
    pub attested: bool,
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext").field("call", &self.call).finish_non_exhaustive()
    }
}

/// A request of the model. `Debug` shows no argument.
#[derive(Clone)]
pub struct Request {
    /// The model's own id for it. The same id is the same request.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as JSON text; may be anything.
    pub arguments: String,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What the model is answered. `Debug` shows no word of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// JSON text: `status`, `say` (a sentence the agent can speak), and what the tool found.
    pub output: String,
    /// Whether the tool did its work, be it to refuse; false when something broke.
    pub ok: bool,
    /// Whether the caller is to be passed on now.
    pub passes_on: bool,
    /// Whether what the caller types next is their PIN.
    pub asks_pin: bool,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("ok", &self.ok).finish_non_exhaustive()
    }
}

/// The tools of one call. Requests are worked on one after another.
pub struct Toolbox {
    context: CallContext,
    store: Store,
    ledger: Ledger,
    clock: Clock,
    /// What opens PINs, where there is something to.
    keys: Option<Keys>,
    /// What the call is about, when it is we who call.
    errand: Option<Errand>,
    /// Which of [`Language::ALL`] the answers are made in.
    language: AtomicUsize,
    state: Mutex<State>,
}

impl fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Toolbox").field("context", &self.context).finish_non_exhaustive()
    }
}

/// What the call has been told and has done.
#[derive(Default)]
struct State {
    offers: Offers,
    own: Own,
    /// Who calls, once that is known.
    contact: Option<ContactId>,
    /// Whether they have typed their PIN.
    proven: bool,
    /// Wrong ones that were typed.
    wrong_pins: u32,
    /// The hold this call has. A call holds one time.
    hold: Option<AppointmentId>,
    /// What this call has booked, as it stands.
    booked: Vec<Appointment>,
    /// How many of its bookings it has given back.
    given_back: usize,
    /// What became of the appointment that a key was to cancel.
    cancelled_by_key: Option<(AppointmentId, &'static str, Say)>,
    /// What became of the time that is offered in this call.
    decided: Option<waiting::Decided>,
    requests: u32,
    messages: u32,
    /// To whom the caller was asked to be passed on.
    passing_on: Option<TransferTargetId>,
    /// Whether the caller was asked if everything is really to be deleted.
    forgetting_asked: bool,
}

/// What a tool has to say.
struct Reply {
    status: &'static str,
    say: String,
    more: Map<String, Value>,
    broke: bool,
    passes_on: bool,
    asks_pin: bool,
}

impl Reply {
    fn new(status: &'static str, say: impl Into<String>) -> Self {
        Self { status, say: say.into(), more: Map::new(), broke: false, passes_on: false, asks_pin: false }
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.more.insert(key.to_owned(), value.into());
        self
    }

    fn answer(self) -> Answer {
        let mut output =
            Map::from_iter([("status".to_owned(), json!(self.status)), ("say".to_owned(), json!(self.say))]);
        output.extend(self.more);
        Answer {
            output: Value::Object(output).to_string(),
            ok: !self.broke,
            passes_on: self.passes_on,
            asks_pin: self.asks_pin,
        }
    }
}

impl Toolbox {
    /// The tools of a call that has just been answered.
    pub fn new(context: CallContext, ledger: impl Into<Ledger>, clock: Clock) -> Self {
        let ledger = ledger.into();
        let store = ledger.store().clone();
        let toolbox = Self {
            context,
            store,
            ledger,
            clock,
            keys: None,
            errand: None,
            language: AtomicUsize::new(0),
            state: Mutex::default(),
        };
        toolbox.speak(toolbox.context.language);
        toolbox
    }

    /// Does what the model asks for, or says why not. The same request is done once: repeated under its id it
    /// gets its first answer, with other content under the same id an error.
    pub async fn run(&self, request: Request) -> Answer {
        let mut state = self.state.lock().await;
        let watch = self.clock.stopwatch();
        let id = match self.begin(&mut state, &request).await {
            Ok(id) => id,
            Err(answer) => return answer,
        };
        let answer = self.dispatch(&mut state, &request).await.answer();
        let took_ms = watch.call_time().0;
        if let Err(error) = self.finish(&id, &answer, took_ms).await {
            // The answer stays true; only its record is missing.
            tracing::warn!(call.id = %self.context.call, error = &error as &dyn std::error::Error,
                "a tool's answer could not be kept");
        }
        answer
    }

    /// Keeps the request, or answers it without doing anything.
    async fn begin(&self, state: &mut State, request: &Request) -> Result<ToolCallId, Answer> {
        if request.id.is_empty() || request.id.len() > MODEL_CALL_ID_LEN_MAX {
            return Err(self.mistake("The request has no id, or one that is too long.").answer());
        }
        let now = self.clock.now();
        let new = ToolCall {
            id: ToolCallId::of(ids::fresh(now)),
            call: self.context.call.clone(),
            model_call_id: request.id.clone(),
            name: request.name.chars().take(NAME_CHARS_MAX).collect(),
            arguments: arguments::cut(&request.arguments),
            arguments_hash: fingerprint(request),
            status: ToolCallStatus::Running,
            output: None,
            began: now,
            took_ms: None,
        };
        let earlier = async {
            let mut tx = self.store.begin(&self.context.tenant.id).await?;
            let earlier = tx.tool_calls().begin(&new).await?;
            tx.commit().await?;
            Ok::<_, store::Error>(earlier)
        };
        match earlier.await {
            Ok(None) => {}
            Ok(Some(earlier)) if earlier.arguments_hash != new.arguments_hash => {
                return Err(self.mistake("This id was used for another request.").answer());
            }
            Ok(Some(ToolCall { output: Some(output), status, .. })) => {
                return Err(Answer {
                    output,
                    ok: status == ToolCallStatus::Answered,
                    passes_on: false,
                    asks_pin: false,
                });
            }
            // Begun by somebody who never finished; what came of it is not known.
            Ok(Some(_)) => return Err(self.unavailable().answer()),
            Err(error) => return Err(self.broken(&error).answer()),
        }
        state.requests += 1;
        Ok(new.id)
    }

    async fn finish(&self, id: &ToolCallId, answer: &Answer, took_ms: u64) -> Result<(), store::Error> {
        let status = if answer.ok { ToolCallStatus::Answered } else { ToolCallStatus::Failed };
        let mut tx = self.store.begin(&self.context.tenant.id).await?;
        tx.tool_calls().finish(id, status, &answer.output, took_ms).await?;
        tx.commit().await
    }

    async fn dispatch(&self, state: &mut State, request: &Request) -> Reply {
        if state.requests > REQUESTS_PER_CALL_MAX {
            return self.enough("requests_per_call");
        }
        let Some(tool) = ToolName::parse(&request.name) else {
            return self.mistake("There is no such tool.");
        };
        let own = self.context.assistant.tools.contains(&tool);
        let anywhere = matches!(tool, ToolName::DoNotCall | ToolName::JoinWaitingList | ToolName::ForgetMe);
        let errand = self.errand.is_some() || anywhere;
        let may = own || (errand && ToolName::OURS.contains(&tool));
        if !may {
            return self.mistake("This assistant does not have that tool.");
        }
        if let Some(language) = arguments::language(&request.arguments)
            && (language == self.context.assistant.language
                || Some(language) == self.context.assistant.fallback)
        {
            self.speak(language);
        }
        let worked = match self.work(state, tool, request).await {
            Ok(reply) => match Self::errand_said(tool, reply.status) {
                Some(said) => self.note_said(said).await.map(|()| reply),
                None => Ok(reply),
            },
            Err(trouble) => Err(trouble),
        };
        match worked {
            Ok(reply) => reply,
            Err(Trouble::Mistake(what)) => self.mistake(&what),
            Err(Trouble::Broken(error)) => self.broken(&*error),
        }
    }

    async fn work(&self, state: &mut State, tool: ToolName, request: &Request) -> Result<Reply, Trouble> {
        let arguments = &request.arguments;
        match tool {
            ToolName::FindSlots => self.find_slots(state, arguments::read(arguments)?).await,
            ToolName::HoldSlot => self.hold_slot(state, request, arguments::read(arguments)?).await,
            ToolName::Book => self.book(state, request, arguments::read(arguments)?).await,
            ToolName::MyAppointments => self.my_appointments(state, arguments::read(arguments)?).await,
            ToolName::MoveAppointment => {
                self.move_appointment(state, request, arguments::read(arguments)?).await
            }
            ToolName::CancelAppointment => {
                self.cancel_appointment(state, request, arguments::read(arguments)?).await
            }
            ToolName::TakeMessage => self.take_message(state, arguments::read(arguments)?).await,
            ToolName::Transfer => self.transfer(state, arguments::read(arguments)?).await,
            ToolName::ConfirmAppointment => self.confirm_appointment().await,
            ToolName::CallLater => self.call_later(arguments::read(arguments)?).await,
            ToolName::DoNotCall => self.do_not_call().await,
            ToolName::JoinWaitingList => self.join_waiting_list(state, arguments::read(arguments)?).await,
            ToolName::TakeOffer => self.take_offer(state).await,
            ToolName::DeclineOffer => self.decline_offer(state).await,
            ToolName::ForgetMe => self.forget_me(state, &arguments::read(arguments)?).await,
            ToolName::RecordingConsent | ToolName::EndCall => {
                Ok(self.mistake("The call itself answers that."))
            }
        }
    }

    async fn take_message(&self, state: &mut State, asked: arguments::TakeMessage) -> Result<Reply, Trouble> {
        let Some(text) = asked.text else { return Ok(self.ask("need_text", Say::WhatMessage)) };
        if state.messages >= MESSAGES_PER_CALL_MAX {
            return Ok(self.enough("messages_per_call"));
        }
        let name = asked.name.as_deref().map(|name| arguments::tidy(name, NAME_CHARS_MAX));
        let now = self.clock.now();
        let message = Message {
            id: MessageId::of(ids::fresh(now)),
            call: Some(self.context.call.clone()),
            name: name.unwrap_or_default(),
            number: asked
                .number
                .and_then(|number| arguments::number(&number))
                .or(self.context.caller.clone()),
            text: arguments::tidy(&text, MESSAGE_CHARS_MAX),
            left: now,
            handled: None,
            spoken: None,
            work: MessageWork { urgent: asked.urgent == Some(true), ..MessageWork::default() },
        };
        let mut tx = self.store.begin(&self.context.tenant.id).await?;
        tx.messages().add(&message).await?;
        webhooks::tell(&mut tx, now, Event::MessageTaken(&message)).await?;
        tx.commit().await?;
        state.messages += 1;
        Ok(self.ask("taken", Say::MessageTaken))
    }

    /// The language of the answers: the call's, until the caller is said to speak another.
    fn language(&self) -> Language {
        Language::ALL.get(self.language.load(Ordering::Relaxed)).copied().unwrap_or(self.context.language)
    }

    fn speak(&self, language: Language) {
        let at = Language::ALL.iter().position(|known| *known == language);
        self.language.store(at.unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    fn spoken(&self, at: Timestamp, now: Timestamp) -> String {
        spoken::moment(at, now, &self.context.tenant.zone, self.language())
    }

    /// This call, asking the ledger under the name of a request.
    fn asker(&self, request: &Request) -> Asker {
        Asker {
            tenant: self.context.tenant.id.clone(),
            call: Some(self.context.call.clone()),
            key: Some(format!("{}/{}", self.context.call, request.id)),
            staff: None,
        }
    }

    /// An answer whose words are always the same.
    fn ask(&self, status: &'static str, say: Say) -> Reply {
        Reply::new(status, say.words(self.language()))
    }

    /// The model asked for something that cannot be: it is told what, the caller hears that it did not work.
    fn mistake(&self, what: &str) -> Reply {
        self.ask("error", Say::DidNotWork).with("problem", what)
    }

    fn enough(&self, limit: &'static str) -> Reply {
        tracing::info!(call.id = %self.context.call, limit, "a call reached a limit of its tools");
        metrics::counter!(figures::LIMIT_REACHED_TOTAL, "limit" => limit).increment(1);
        self.ask("limit", Say::Enough)
    }

    fn unavailable(&self) -> Reply {
        Reply { broke: true, ..self.ask("unavailable", Say::Unavailable) }
    }

    fn broken(&self, error: &(dyn std::error::Error + 'static)) -> Reply {
        tracing::warn!(call.id = %self.context.call, error, "a tool could not do its work");
        self.unavailable()
    }
}

/// Why a tool has nothing to say of its own.
enum Trouble {
    /// The model asked for something that makes no sense.
    Mistake(String),
    /// Something below broke.
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

impl From<store::Error> for Trouble {
    fn from(error: store::Error) -> Self {
        Self::Broken(Box::new(error))
    }
}

impl From<app::Error> for Trouble {
    fn from(error: app::Error) -> Self {
        Self::Broken(Box::new(error))
    }
}

impl From<arguments::Unreadable> for Trouble {
    fn from(unreadable: arguments::Unreadable) -> Self {
        Self::Mistake(unreadable.0)
    }
}

/// What a caller said to nobody, as it is kept: without control characters, cards blanked, not too long.
pub(super) fn tidied(text: &str) -> String {
    arguments::tidy(text, MESSAGE_CHARS_MAX)
}

/// A digest of what is asked for: equal when the request is. How the JSON is spaced does not matter.
fn fingerprint(request: &Request) -> String {
    let arguments = serde_json::from_str::<Value>(&request.arguments)
        .map_or_else(|_| request.arguments.clone(), |value| value.to_string());
    let content = format!("{}\n{arguments}", request.name);
    digest(&SHA256, content.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
