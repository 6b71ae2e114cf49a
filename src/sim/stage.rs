//! A whole call, set up from nothing: the real server with a fresh embedded database, the stand-ins around it,
//! the example tenant in it, and a scenario to be played.
//!
//! What `frontdesk demo` shows and what the whole-call tests look at is the same. It is told afterwards, from
//! the database alone, whether the scenario came to what it had to come to.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    Faults,
    admin::Admin,
    agenda::{self, Agenda},
    openai::{Manners, OpenAi, Setup},
    scenario::{Outcome, Scenario},
    twilio::{
        self, Account, Conditions, Dial, Exchange, Report,
        calling::{Called, Telling},
    },
    voice::{BadRecordings, UnknownWords, Voice},
};
use crate::{
    app::{
        self, clips,
        people::{People, operators::Made},
        provision, recordings,
    },
    boot::{
        self, Running,
        config::{Config, ConfigError},
    },
    domain::{
        assistant::Language,
        booking::{Appointment, AppointmentStatus, Resource},
        calendar::Vendor,
        contact::Contact,
        conversation::{self, CallRecord, CallSid, CallState, Turn},
        id::{AppointmentId, ContactId, JobId, TransferTargetId, UserId},
        org::Tenant,
        outgoing::{Channel, OutgoingSettings, ReminderRule},
        people::Role,
        phone::E164,
        phrases,
        time::{TimeRange, Timestamp, Zone},
        transfer::TransferTarget,
    },
    platform::{clock::Clock, ids},
    store::{self, Support, ToolCall, Work},
};

/// The tenant whose telephone rings.
const EXAMPLE: &str = include_str!("../../config/example-tenant.toml");

/// Its slug.
const SLUG: &str = "praxis-sommer";

/// Where the server is for Twilio; nobody resolves it.
const PUBLIC_URL: &str = "https://frontdesk.example";

/// Who may connect the tenant's calendar.
const OPERATOR: &str = "operator@frontdesk.example";

/// Who rings.
const CALLER: &str = "+4915112345678";

/// Where the practice's reception is rung.
const RECEPTION_NUMBER: &str = "+493055505566";

/// Transfer targets that are looked through for the reception.
const TARGETS_MAX: u32 = 50;

/// Hours at which somebody is given an appointment; a week that is played one call after the other needs several.
const APPOINTED_HOURS: [i8; 4] = [10, 11, 14, 15];

/// What a call of the stage may take at most.
const CALL_MAX: Duration = Duration::from_secs(240);

/// How long the record of a call may take to be complete after its end, by the wall.
const RECORD_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long is waited for its recording to be archived besides, by the wall.
const ARCHIVE_WAIT_MAX: Duration = Duration::from_secs(3);

/// How often it is looked for.
const RECORD_LOOK_PERIOD: Duration = Duration::from_millis(50);

/// How long before it is reminded of an appointment was made, in minutes: two days.
const MADE_MINUTES_AGO: i64 = 2 * 24 * 60;

/// How long the server may take to dial who is to be reminded, by the wall.
const DIALLED_WAIT_MAX: Duration = Duration::from_secs(30);

/// Hours of the day, where the practice is, in which a practice calls somebody in a scenario.
const CALLING_HOURS: std::ops::Range<i8> = 9..19;

/// A clock for a scenario: right, unless it is the practice that calls, which it does by day.
pub fn clock(scenario: &Scenario, pace: u32) -> Clock {
    let clock = Clock::hurried(pace);
    let Ok(zone) = ZONE.parse::<Zone>() else { return clock };
    let wall = zone.wall(clock.now());
    if !scenario.called || CALLING_HOURS.contains(&wall.hour()) {
        return clock;
    }
    match wall.date().at(10, 0, 0, 0).to_zoned(zone.rules().clone()) {
        Ok(morning) => Clock::hurried_from(morning.timestamp().into(), pace),
        Err(_) => clock,
    }
}

/// Where the practice is.
pub const ZONE: &str = "Europe/Berlin";

/// What keeps a stage from being set or played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server does not start.
    #[error(transparent)]
    Boot(#[from] boot::Error),
    /// Its configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The example tenant is refused.
    #[error("the example tenant is refused: {0}")]
    Tenant(String),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What the call needs or leaves cannot be had: its opening words, its record, its recording.
    #[error(transparent)]
    App(#[from] app::Error),
    /// The recordings are not in order.
    #[error(transparent)]
    Recordings(#[from] BadRecordings),
    /// Nobody recorded what the scenario says.
    #[error(transparent)]
    Words(#[from] UnknownWords),
    /// There was nobody to call.
    #[error(transparent)]
    Call(#[from] twilio::Error),
    /// The server did not call anybody.
    #[error("the server has not called who is to be reminded")]
    NotDialled,
    /// The calendar cannot be connected.
    #[error(transparent)]
    Calendar(#[from] agenda::Problem),
    /// A socket or a folder.
    #[error("the stage needs a socket and a folder")]
    Machine(#[from] std::io::Error),
}

/// How a stage is to be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The clock everything runs by.
    pub clock: Clock,
    /// Where database and recordings go: a folder that is fresh.
    pub folder: PathBuf,
    /// How the engine behaves.
    pub manners: Manners,
    /// What happens to the caller's sound.
    pub conditions: Conditions,
    /// Whether opening words and phrases are recorded before the call.
    pub clips: bool,
    /// At whom the tenant keeps its calendar; with us when nobody is named.
    pub calendar: Option<Vendor>,
    /// Whether messages are kept for a test to read.
    pub keep_log: bool,
    /// Configuration besides, as environment variables.
    pub environment: Vec<(String, String)>,
}

impl Wanted {
    /// A stage by this clock in this folder, and nothing special.
    pub fn plain(clock: Clock, folder: &Path) -> Self {
        Self {
            clock,
            folder: folder.to_owned(),
            manners: Manners::default(),
            conditions: Conditions::default(),
            clips: true,
            calendar: None,
            keep_log: false,
            environment: vec![],
        }
    }
}

/// A stage, set.
pub struct Stage {
    folder: PathBuf,
    /// What is played.
    pub scenario: Scenario,
    /// The engine.
    pub openai: OpenAi,
    /// The calendar outside, where the tenant has one.
    pub agenda: Option<Agenda>,
    /// The server.
    pub server: Running,
    /// Lets people in.
    pub people: People,
    /// The tenant.
    pub tenant: Tenant,
    /// What both sides speak with.
    pub voice: Arc<Voice>,
    /// The call that is going to be made.
    pub dial: Dial,
    /// What Twilio found wrong.
    pub faults: Faults,
    /// The patient's appointment, where there is one.
    pub before: Option<Appointment>,
}

/// A call that was played, as the database has it.
#[derive(Debug)]
pub struct Played {
    /// What Twilio saw.
    pub report: Report,
    /// Its record.
    pub call: Option<CallRecord>,
    /// Whether the caller agreed to be recorded.
    pub agreed: bool,
    /// Where its recording can be listened to, opened for the demo.
    pub recording: Option<PathBuf>,
    /// Who said what.
    pub turns: Vec<Turn>,
    /// What the model asked for.
    pub tool_calls: Vec<ToolCall>,
    /// The appointment it is about.
    pub appointment: Option<Appointment>,
    /// Whose it is.
    pub contact: Option<Contact>,
    /// What is not as it must be; nothing, when all is well.
    pub problems: Vec<String>,
}

impl Stage {
    /// Sets everything up: after this, the server answers.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn set(scenario: Scenario, wanted: Wanted) -> Result<Self, Error> {
        let language = scenario.language;
        let voice = Arc::new(Voice::embedded()?);
        let faults = Faults::default();
        let account = Account { sid: twilio::sid("AC"), token: ids::token() };
        let exchange = Exchange::start(account.clone(), faults.clone()).await?;
        let key = format!("sk-{}", ids::token());
        let defaults = Config::read(None, [])?;
        let script = scenario.script(&voice)?;
        let openai = OpenAi::start(Setup {
            clock: wanted.clock,
            voice: voice.clone(),
            language,
            key: key.clone(),
            models: vec![(defaults.openai.model.clone(), None)],
            minds: Box::new(move || Box::new(script.clone())),
            manners: wanted.manners.clone(),
            keep_log: wanted.keep_log,
        })
        .await?;
        std::fs::create_dir_all(&wanted.folder)?;
        let settings = [
            ("FRONTDESK__HTTP__BIND", "127.0.0.1:0".to_owned()),
            ("FRONTDESK__HTTP__PUBLIC_URL", PUBLIC_URL.to_owned()),
            // Where the clock runs faster than life, the machine does not.
            ("FRONTDESK__HTTP__REQUEST_MS_MAX", "100000".to_owned()),
            (
                "FRONTDESK__DATABASE__URL",
                format!("sqlite://{}", wanted.folder.join("frontdesk.db").display()),
            ),
            ("FRONTDESK__BLOBS__FOLDER", wanted.folder.join("blobs").display().to_string()),
            ("FRONTDESK__SECRETS__KEY", base64_simd::STANDARD.encode_to_string([7; 32])),
            ("FRONTDESK__OPENAI__BASE_URL", openai.base_url()),
            ("FRONTDESK__OPENAI__API_KEY", key),
            ("FRONTDESK__TWILIO__BASE_URL", exchange.base_url()),
            ("FRONTDESK__TWILIO__ACCOUNT_SID", account.sid.clone()),
            ("FRONTDESK__TWILIO__AUTH_TOKEN", account.token.clone()),
        ];
        let agenda = match wanted.calendar {
            Some(vendor) => Some(Agenda::start(vendor, wanted.clock, PUBLIC_URL, faults.clone()).await?),
            None => None,
        };
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).into_iter();
        let outside = agenda.iter().flat_map(Agenda::settings);
        let config = Config::read(None, settings.chain(outside).chain(wanted.environment.clone()))?;
        let speech = config.openai.clone();
        let server = boot::start(config.clone(), wanted.clock).await?;
        let public = boot::public_url(&config, server.addr);
        let keys = boot::keys(&config, &server.store, wanted.clock).await?;
        let people = boot::people(&config, &server.store, &public, &keys)?;
        let tenant = provision(&server, scenario.open, wanted.clock.now()).await?;
        if let Some(agenda) = &agenda {
            connect(agenda, &people, &server, &tenant, wanted.clock).await?;
        }
        let to = number_in(&server, &tenant, language).await?;
        if scenario.reception.is_some() {
            staff(&server, &tenant, &scenario, wanted.clock.now()).await?;
        }
        let before = match scenario.patient {
            Some(name) => {
                // Whoever is reminded has had the appointment for a while.
                let ago = if scenario.called { MADE_MINUTES_AGO } else { 0 };
                let now = wanted.clock.now();
                Some(appoint(&server, &tenant, name, now, now.plus_minutes(-ago)).await?)
            }
            None => None,
        };
        if wanted.clips {
            let mut tx = server.store.read(&tenant.id).await?;
            let assistants = tx.assistants().all().await?;
            drop(tx);
            for assistant in assistants {
                let (blobs, calls) = (&server.blobs, scenario.called);
                clips::make(blobs, &speech, &tenant, &assistant, language, calls, wanted.clock).await?;
            }
        }
        let dial = Dial {
            clock: wanted.clock,
            account,
            reach: server.addr,
            voice_url: format!("{PUBLIC_URL}/twilio/voice"),
            status_url: Some(format!("{PUBLIC_URL}/twilio/status")),
            from: CALLER.to_owned(),
            to: to.to_string(),
            forwarded: None,
            verified: None,
            conditions: wanted.conditions,
            exchange: Some(exchange),
            callee: scenario.callee,
            message: None,
            limit: CALL_MAX,
            keep_log: wanted.keep_log,
        };
        Ok(Self {
            folder: wanted.folder,
            scenario,
            openai,
            agenda,
            server,
            people,
            tenant,
            voice,
            dial,
            faults,
            before,
        })
    }

    /// Plays the scenario: makes the call, and looks at what came of it.
    ///
    /// # Errors
    ///
    /// [`Error`]. A call that went wrong is no error but a problem of what was played.
    pub async fn play(&self) -> Result<Played, Error> {
        let mut caller = self.scenario.caller(&self.voice)?;
        let report = match (&self.before, &self.dial.exchange) {
            (Some(before), Some(exchange)) if self.scenario.called => {
                self.remind(before).await?;
                let wall = Clock::system();
                let placed = wall.within(DIALLED_WAIT_MAX, exchange.next_placed()).await;
                let placed = placed.ok_or(Error::NotDialled)?;
                let called = match self.scenario.machine {
                    true => Called::Machine(&mut caller, "machine_end_beep"),
                    false => Called::Answers(&mut caller),
                };
                self.dial.ring_up(&placed, called, Telling::Prompt, &self.faults).await?
            }
            _ => self.dial.place(&mut caller, &self.faults).await?,
        };
        self.look(report).await
    }

    /// Has people reminded of appointments like that one, which makes the reminder of it due.
    async fn remind(&self, before: &Appointment) -> Result<(), Error> {
        let now = self.dial.clock.now();
        let mut tx = self.server.store.begin(&self.tenant.id).await?;
        let numbers = tx.numbers().all().await?;
        let number = numbers.into_iter().find(|number| number.language == self.scenario.language);
        let settings = OutgoingSettings {
            consent: Some("asked at the first visit".to_owned()),
            countries: vec!["DE".to_owned()],
            number: number.map(|number| number.id),
            ..OutgoingSettings::default()
        };
        let ahead = before.time.start.millis_since(now) / 60_000;
        let rule = ReminderRule {
            service: before.service.clone(),
            lead_min: u32::try_from(ahead).unwrap_or_default() + 1,
            channel: Channel::Call,
            attempts_max: 1,
            sms_after: false,
            wording: BTreeMap::new(),
        };
        tx.reminders().set(&before.service, &[rule], now.plus_minutes(-MADE_MINUTES_AGO)).await?;
        tx.outgoing().set(&settings).await?;
        Ok(tx.commit().await?)
    }

    /// Somebody who looks after the tenant, over the API.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn admin(&self) -> Result<Admin, Error> {
        log_in(&self.people, &self.server, &self.tenant, self.dial.clock).await
    }

    /// Somebody who owns the tenant and signs in at the console: their address and password.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn owner(&self) -> Result<(&'static str, String), Error> {
        let (now, password) = (self.dial.clock.now(), ids::token());
        let user = operator(&self.people, &password, now).await?;
        let mut tx = self.server.store.begin(&self.tenant.id).await?;
        tx.memberships().add(&user, Role::Owner, now).await?;
        tx.commit().await?;
        Ok((OPERATOR, password))
    }

    /// Ends the server and the stand-ins.
    pub async fn strike(self) {
        self.server.stop().await;
    }

    /// What the database has of the call, and whether that is what it had to come to.
    async fn look(&self, report: Report) -> Result<Played, Error> {
        let (call, agreed) = self.record(&report.call_sid).await?.unzip();
        let mut tx = self.server.store.read(&self.tenant.id).await?;
        let (mut turns, mut tool_calls, mut of_call) = (vec![], vec![], vec![]);
        if let Some(call) = &call {
            turns = tx.calls().turns(&call.id).await?;
            tool_calls = tx.tool_calls().of_call(&call.id).await?;
            of_call = tx.appointments().of_call(&call.id).await?;
        }
        let appointment = match &self.before {
            Some(before) => tx.appointments().get(&before.id).await?,
            None => of_call.iter().find(|one| one.status == AppointmentStatus::Confirmed).cloned(),
        };
        let whose = appointment.as_ref().and_then(|one| one.contact.clone());
        let contact = match whose {
            Some(id) => tx.contacts().get(&id).await?,
            None => None,
        };
        drop(tx);
        let agreed = agreed.unwrap_or_default();
        let recording = match &call {
            Some(call) => {
                let Running { store, blobs, keys, .. } = &self.server;
                recordings::export(store, blobs, keys, &self.tenant.id, &call.id, &self.folder).await?
            }
            None => None,
        };
        let mut played = Played {
            report,
            call,
            agreed,
            recording,
            turns,
            tool_calls,
            appointment,
            contact,
            problems: vec![],
        };
        played.problems = self.problems(&played);
        played.problems.extend(self.disagreement(&mut played.appointment).await?);
        Ok(played)
    }

    /// What the calendar outside has of the appointment that it should not have, or has not; looked at until they agree, or
    /// for as long as that may take. The appointment is as it stands then.
    async fn disagreement(&self, appointment: &mut Option<Appointment>) -> Result<Option<String>, Error> {
        let (Some(agenda), Some(found)) = (&self.agenda, appointment) else { return Ok(None) };
        let (wall, watch) = (Clock::system(), Clock::system().stopwatch());
        loop {
            let mut tx = self.server.store.read(&self.tenant.id).await?;
            if let Some(standing) = tx.appointments().get(&found.id).await? {
                *found = standing;
            }
            drop(tx);
            let standing = agenda.standing();
            let events = agenda::of(&standing, found.id.as_str());
            let at = (found.time.start.to_jiff(), found.time.end.to_jiff());
            let agrees = match (found.status, events.as_slice()) {
                (AppointmentStatus::Confirmed, [event]) => (event.start, event.end) == at,
                (AppointmentStatus::Cancelled, []) => true,
                _ => false,
            };
            if agrees {
                return Ok(None);
            }
            if watch.elapsed() > RECORD_WAIT_MAX {
                let count = events.len();
                let what = format!("the calendar has {count} events of the appointment, or at another time");
                return Ok(Some(what));
            }
            wall.sleep(RECORD_LOOK_PERIOD).await;
        }
    }

    /// The call's record, once it is complete, and what the caller agreed to.
    async fn record(&self, call_sid: &str) -> Result<Option<(CallRecord, bool)>, Error> {
        let Ok(sid) = call_sid.parse::<CallSid>() else { return Ok(None) };
        // By the wall: neither a database nor a disk is faster for a hurried clock.
        let wall = Clock::system();
        let watch = wall.stopwatch();
        let mut complete_since = None;
        loop {
            let mut tx = self.server.store.read(&self.tenant.id).await?;
            let call = tx.calls().by_sid(&sid).await?;
            let agreed = match &call {
                Some(call) => tx.calls().consent(&call.id).await?.is_some(),
                None => false,
            };
            drop(tx);
            // The status callback may end a call before those who carried it have written down how.
            let over = |call: &CallRecord| call.outcome.is_some() && call.state == CallState::Completed;
            let recording = call.as_ref().and_then(|call| call.recording.as_deref());
            let archived = recording.is_some_and(|blob| blob.ends_with(".ogg"));
            if call.as_ref().is_some_and(over) && (recording.is_some() || !agreed) {
                complete_since.get_or_insert(watch.elapsed());
            }
            let waited = complete_since.is_some_and(|since| watch.elapsed() >= since + ARCHIVE_WAIT_MAX);
            let done = complete_since.is_some() && (archived || !agreed || waited);
            if done || watch.elapsed() > RECORD_WAIT_MAX {
                return Ok(call.map(|call| (call, agreed)));
            }
            wall.sleep(RECORD_LOOK_PERIOD).await;
        }
    }

    fn problems(&self, played: &Played) -> Vec<String> {
        let mut problems = played.report.undone.clone();
        problems.extend(self.faults.all().into_iter().map(|fault| format!("Twilio would object: {fault}")));
        problems.extend(
            self.openai.faults().all().into_iter().map(|fault| format!("OpenAI would object: {fault}")),
        );
        let Some(call) = &played.call else {
            problems.push("there is no record of the call".to_owned());
            return problems;
        };
        if call.ended.is_none() || call.state != CallState::Completed {
            problems.push(format!("the record says that the call is {}", call.state.as_str()));
        }
        let wanted = match self.scenario.outcome {
            Outcome::Booked => conversation::Outcome::CallerLeft,
            Outcome::Moved | Outcome::Cancelled | Outcome::NothingFree => conversation::Outcome::AgentLeft,
            Outcome::Silence => conversation::Outcome::Silence,
            Outcome::PassedOn => conversation::Outcome::Transferred,
            Outcome::BackAgain => conversation::Outcome::AgentLeft,
            Outcome::LeftWithMachine => conversation::Outcome::Machine,
        };
        if call.outcome != Some(wanted) {
            let found = call.outcome.map_or("nothing", conversation::Outcome::as_str);
            problems.push(format!("the call ended as {found}, not as {}", wanted.as_str()));
        }
        if played.agreed != played.recording.as_ref().is_some_and(|path| path.is_file()) {
            problems.push(match played.agreed {
                true => "the caller agreed, and there is no recording".to_owned(),
                false => "there is a recording nobody agreed to".to_owned(),
            });
        }
        problems.extend(self.wrong_with(played.appointment.as_ref(), played.contact.as_ref()));
        problems.extend(self.wrong_with_passing_on(played));
        problems.extend(self.wrong_with_what_was_left(played));
        problems
    }

    /// What is wrong with how the caller was passed on, where that is what happens.
    fn wrong_with_passing_on(&self, played: &Played) -> Option<String> {
        let bridged = match self.scenario.outcome {
            Outcome::PassedOn => true,
            Outcome::BackAgain => false,
            Outcome::Booked
            | Outcome::Moved
            | Outcome::Cancelled
            | Outcome::NothingFree
            | Outcome::Silence
            | Outcome::LeftWithMachine => return None,
        };
        let rung = &played.report.rung;
        match rung.as_slice() {
            [one] if one.bridged != bridged => Some(format!("the caller was connected: {}", one.bridged)),
            [one] if one.number != RECEPTION_NUMBER => Some("somebody else was rung".to_owned()),
            [_] => None,
            several => Some(format!("{} people were rung", several.len())),
        }
    }

    /// What is wrong with what was left with a machine, where one answered: who called, and nothing else.
    fn wrong_with_what_was_left(&self, played: &Played) -> Option<String> {
        if self.scenario.outcome != Outcome::LeftWithMachine {
            return None;
        }
        let words = phrases::left_with_machine(&self.tenant.name, self.scenario.language);
        let said: Vec<&str> = played.report.said.iter().map(|said| said.words.as_str()).collect();
        (said != [words.as_str()]).then(|| format!("the machine was left {said:?}"))
    }

    /// What is wrong with the appointment there is, or with there being one.
    fn wrong_with(&self, found: Option<&Appointment>, contact: Option<&Contact>) -> Option<String> {
        let confirmed = |one: &&Appointment| one.status == AppointmentStatus::Confirmed;
        match self.scenario.outcome {
            Outcome::Booked => match found.filter(confirmed) {
                None => Some("the appointment is not in the database".to_owned()),
                Some(_) if contact.is_none() => Some("the appointment is nobody's".to_owned()),
                Some(_) => None,
            },
            Outcome::Moved => {
                let elsewhere = self.before.as_ref().zip(found.filter(confirmed));
                let moved = elsewhere.is_some_and(|(before, after)| before.time != after.time);
                (!moved).then(|| "the appointment has not been moved".to_owned())
            }
            Outcome::LeftWithMachine => {
                let same = self.before.as_ref() == found;
                (!same).then(|| "the appointment is not as it was".to_owned())
            }
            Outcome::Cancelled => {
                let cancelled = found.is_some_and(|one| one.status == AppointmentStatus::Cancelled);
                (!cancelled).then(|| "the appointment has not been cancelled".to_owned())
            }
            Outcome::NothingFree | Outcome::Silence | Outcome::PassedOn | Outcome::BackAgain => {
                found.map(|_| "an appointment is in the database that nobody asked for".to_owned())
            }
        }
    }
}

/// Makes the example tenant, with its practice open or closed for good.
async fn provision(server: &Running, open: bool, now: Timestamp) -> Result<Tenant, Error> {
    let mut text = EXAMPLE.to_owned();
    if !open {
        let mut table: toml::Table = text.parse().map_err(|error| Error::Tenant(format!("{error}")))?;
        for resource in table["resources"].as_array_mut().into_iter().flatten() {
            for hours in ["week", "exceptions"] {
                if let Some(resource) = resource.as_table_mut() {
                    resource.insert(hours.to_owned(), toml::Table::new().into());
                }
            }
        }
        text = table.to_string();
    }
    let document = provision::Document::read(&text).map_err(|faults| Error::Tenant(faults.to_string()))?;
    let applied = provision::apply(&server.store, &document, now).await;
    applied.map_err(|error| Error::Tenant(error.to_string()))?;
    let tenant = server.store.across_tenants().tenant(SLUG).await?;
    tenant.ok_or_else(|| Error::Tenant(format!("it has no tenant {SLUG}")))
}

/// Has an admin connect the tenant's calendar, as she would at her browser, and waits until it is known what stands there.
async fn connect(
    agenda: &Agenda,
    people: &People,
    server: &Running,
    tenant: &Tenant,
    clock: Clock,
) -> Result<(), Error> {
    let admin = log_in(people, server, tenant, clock).await?;
    let resources = server.store.read(&tenant.id).await?.resources().all().await?;
    let resources: Vec<String> = resources.iter().map(|resource| resource.id.to_string()).collect();
    agenda.connect(&admin, &resources).await?;
    let (wall, watch) = (Clock::system(), Clock::system().stopwatch());
    loop {
        let blocking = server.store.read(&tenant.id).await?.outside_events().blocking().await?;
        if blocking.iter().all(|one| one.known_until.is_some()) {
            return Ok(());
        }
        if watch.elapsed() > RECORD_WAIT_MAX {
            return Err(Error::Tenant("its calendar is not known".to_owned()));
        }
        wall.sleep(RECORD_LOOK_PERIOD).await;
    }
}

/// An operator with that password.
async fn operator(people: &People, password: &str, now: Timestamp) -> Result<UserId, Error> {
    let email = OPERATOR.parse().map_err(|_| Error::Tenant("its operator has no address".to_owned()))?;
    Ok(match people.make_operator(&email, &password.into(), now).await? {
        Made::Created(user) | Made::Promoted(user) => user,
    })
}

/// An operator who logs in and acts for the tenant.
async fn log_in(people: &People, server: &Running, tenant: &Tenant, clock: Clock) -> Result<Admin, Error> {
    let (password, now) = (ids::token(), clock.now());
    let granted_by = operator(people, &password, now).await?;
    // Where people work, an operator acts only while she is let in.
    let mut tx = server.store.begin(&tenant.id).await?;
    tx.support_access().put(&Support { until: Timestamp::MAX, granted_by, granted: now }).await?;
    tx.commit().await?;
    let base = format!("http://{}", server.addr);
    let admin = Admin::log_in(&base, OPERATOR, &password, tenant.id.as_str()).await;
    Ok(admin.map_err(agenda::Problem::from)?)
}

/// The number that is answered in a language.
async fn number_in(server: &Running, tenant: &Tenant, language: Language) -> Result<E164, Error> {
    let mut tx = server.store.read(&tenant.id).await?;
    let numbers = tx.numbers().all().await?;
    let number = numbers.into_iter().find(|number| number.language == language);
    Ok(number.ok_or_else(|| Error::Tenant(format!("it has no number for {language}")))?.number)
}

/// Has somebody at the practice whom callers can be put through to.
async fn staff(server: &Running, tenant: &Tenant, scenario: &Scenario, now: Timestamp) -> Result<(), Error> {
    let bad = |what: &str| Error::Tenant(format!("it has no {what}"));
    let mut tx = server.store.begin(&tenant.id).await?;
    let number: E164 = RECEPTION_NUMBER.parse().map_err(|_| bad("reception"))?;
    // A stage may be set where one has been before.
    let before = tx
        .transfer_targets()
        .page(None, TARGETS_MAX)
        .await?
        .items
        .into_iter()
        .find(|one| one.number == number);
    let target = TransferTarget {
        id: before.map_or_else(|| TransferTargetId::of(ids::fresh(now)), |before| before.id),
        name: scenario.reception.unwrap_or_default().to_owned(),
        number,
        description: String::new(),
        hours: None,
        announced: true,
        active: true,
    };
    tx.transfer_targets().put(&target).await?;
    for mut assistant in tx.assistants().all().await? {
        assistant.transfers = vec![target.id.clone()];
        tx.assistants().put(&assistant, now, "demo").await?;
    }
    Ok(tx.commit().await?)
}

/// The first of some hours of the Tuesday after next at which nobody is with a resource.
async fn free_time(
    tx: &mut store::TenantTx,
    tenant: &Tenant,
    resource: &Resource,
    now: Timestamp,
    minutes: i64,
) -> Result<Option<TimeRange>, Error> {
    let Ok(day) = tenant.zone.wall(now).date().nth_weekday(2, jiff::civil::Weekday::Tuesday) else {
        return Ok(None);
    };
    for hour in APPOINTED_HOURS {
        let Ok(start) = day.at(hour, 0, 0, 0).to_zoned(tenant.zone.rules().clone()) else { continue };
        let start = Timestamp::from(start.timestamp());
        let time = TimeRange { start, end: start.plus_minutes(minutes) };
        if tx.appointments().busy(time, now).await?.iter().all(|one| one.resource != resource.id) {
            return Ok(Some(time));
        }
    }
    Ok(None)
}

/// Gives the caller an appointment: at ten on the Tuesday after next, or soon after where that is taken.
async fn appoint(
    server: &Running,
    tenant: &Tenant,
    name: &str,
    now: Timestamp,
    made: Timestamp,
) -> Result<Appointment, Error> {
    let bad = |what: &str| Error::Tenant(format!("it has no {what}"));
    let mut tx = server.store.begin(&tenant.id).await?;
    let service = tx.services().by_key("checkup").await?.ok_or_else(|| bad("checkup"))?;
    let resource = tx.resources().of_service(&service.id).await?.into_iter().next();
    let resource = resource.ok_or_else(|| bad("resource"))?;
    let time = free_time(&mut tx, tenant, &resource, now, i64::from(service.duration_min)).await?;
    let time = time.ok_or_else(|| bad("free time"))?;
    let contact = Contact {
        id: ContactId::of(ids::fresh(now)),
        name: name.to_owned(),
        number: CALLER.parse().ok(),
        born: None,
        note: String::new(),
        email: None,
    };
    let appointment = Appointment {
        id: AppointmentId::of(ids::fresh(now)),
        service: service.id,
        resource: resource.id,
        together: vec![],
        seats: 1,
        session: None,
        contact: Some(contact.id.clone()),
        time,
        blocked: time,
        status: AppointmentStatus::Confirmed,
        expires: None,
        note: String::new(),
        clashing: false,
    };
    tx.contacts().put(&contact, now).await?;
    tx.appointments().insert(&appointment, None, made).await?;
    let work = Work::SettleAppointment { appointment: appointment.id.clone() };
    tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
    tx.commit().await?;
    Ok(appointment)
}

/// A fresh folder for a stage below `parent`.
pub fn fresh_folder(parent: &Path) -> PathBuf {
    parent.join(format!("frontdesk-{}", &ids::token()[..12]))
}
