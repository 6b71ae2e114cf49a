//! A server with a tenant that knows somebody, in everything that is kept of people, and a look at every byte of it.

use std::{
    collections::BTreeSet,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use frontdesk::{
    app::{
        calls::{self, Finished},
        forgetting::Forgetting,
    },
    domain::{
        assistant::Language,
        booking::{Appointment, AppointmentStatus, Step},
        calendar::{Clash, ClashKind, EventId},
        campaign::{CallWindow, Campaign, CampaignState, Entry, EntryState, Retry},
        contact::Contact,
        conversation::{Direction, Outcome, Speaker, Turn},
        id::{CallId, TenantId},
        import::{Import, ImportState, ImportedTurn},
        money::MicroUsd,
        outgoing::{Channel, Kind, OptOutSource, Outgoing, OutgoingState},
        phone::E164,
        quality,
        remarks::Remarks,
        summary::{Sentiment, Summary, Upshot},
        time::{CallTime, TimeRange, Timestamp},
        transfer::{Transfer, TransferState},
        waiting::{Asked as AskedOfWaiting, Offer, OfferState, Waiting, WaitingState},
    },
    platform::{
        blobs::BlobName,
        clock::Clock,
        sealed::{self, Key},
        secrets::{self, Place},
    },
    sim::twilio::Exchange,
    store::{
        Asked, Message, NewCall, OptOut, SealedColumn, Spoken, Summarised, Taped, ToolCall, ToolCallStatus,
    },
};
use memchr::memmem;
use serde_json::{Value, json};

use crate::support::{
    house::{House, KEY},
    office::{Asker, Office},
    postgres,
    practice::{Practice, sid},
};

/// Nothing here takes longer, whatever the machine is busy with.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked meanwhile.
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// How often words are looked for that ought to be gone.
const LOOKS_MAX: usize = 20;
/// What stands in every text about the person: one word, so that an index of words has it, too.
pub const CANARY: &str = "zeisigvogel";
/// Who it is.
pub const NUMBER: &str = "+4915170707099";
/// Somebody else's word, which must stay.
pub const OTHER: &str = "amselvogel";
/// Somebody else.
pub const OTHER_NUMBER: &str = "+4915180808088";

/// A server and a tenant with a practice in it.
pub struct Ground {
    pub office: Office,
    pub owner: Asker,
    pub practice: Practice,
    database: String,
}

/// Somebody who is known.
pub struct Somebody {
    pub contact: String,
    pub call: CallId,
}

impl Ground {
    /// On the embedded database.
    pub async fn on_sqlite() -> Self {
        let house = House::new();
        let database = house.path("frontdesk.db").display().to_string();
        Self::open(house, database).await
    }

    /// On PostgreSQL.
    pub async fn on_postgres() -> Self {
        let url = postgres::fresh_url().await;
        Self::open(House::new().with("DATABASE__URL", &url), url).await
    }

    /// On the embedded database, with a stand-in for Twilio.
    pub async fn at_twilio(exchange: &Exchange) -> Self {
        let house = House::new();
        let database = house.path("frontdesk.db").display().to_string();
        let house = house.ready_for_calls().with("TWILIO__BASE_URL", &exchange.base_url());
        Self::open(house, database).await
    }

    async fn open(house: House, database: String) -> Self {
        let house = house.with("SECRETS__KEY", KEY).with("RATE_LIMITS__REQUESTS", "100000");
        let office = Office::open_in(house).await;
        let owner = office.owner("praxis").await;
        let id: TenantId = owner.tenant().parse().unwrap();
        let mut practice = Practice::named("praxis");
        practice.tenant = office.server.store.read(&id).await.unwrap().tenant().get().await.unwrap().unwrap();
        practice.keep(&office.server.store).await;
        Self { office, owner, practice, database }
    }

    /// What does the forgetting, asked beside the queue, by this clock.
    pub fn forgetting(&self, clock: Clock) -> Forgetting {
        let server = &self.office.server;
        Forgetting {
            store: server.store.clone(),
            blobs: server.blobs.clone(),
            keys: server.keys.clone(),
            calendars: server.calendars.clone(),
            accounts: server.accounts.clone(),
            speech: self.office.house.config().openai,
            clock,
        }
    }

    /// Keeps everything that can be known of somebody who called at `then`: who they are, a recorded call with words,
    /// requests and a summary, a transfer, a message and a spoken one, an appointment and what became of it, an attempt to
    /// reach them.
    pub async fn somebody(&self, name: &str, word: &str, number: &str, n: u32, then: Timestamp) -> Somebody {
        let (store, tenant) = (&self.office.server.store, &self.practice.tenant.id);
        let number: E164 = number.parse().unwrap();
        let contact = Contact {
            id: format!("con_{name}").parse().unwrap(),
            name: word.to_owned(),
            number: Some(number.clone()),
            email: Some(format!("{word}@example.com").parse().unwrap()),
            born: Some(jiff::civil::date(1971, 2, 3)),
            note: word.to_owned(),
        };
        let call = NewCall {
            id: format!("call_{name}").parse().unwrap(),
            sid: sid(n),
            account_sid: format!("AC{:032x}", 1),
            number: self.practice.number.id.clone(),
            assistant: self.practice.assistant.id.clone(),
            from: Some(number.clone()),
            to: self.practice.number.number.clone(),
            attested: true,
            direction: Direction::Inbound,
        };
        let mut tx = store.begin(tenant).await.unwrap();
        tx.contacts().put(&contact, then).await.unwrap();
        assert!(tx.calls().ring(&call, then).await.unwrap());
        tx.commit().await.unwrap();
        let turns: Vec<Turn> = [Speaker::Caller, Speaker::Agent]
            .into_iter()
            .zip(0..)
            .map(|(speaker, ordinal)| turn(ordinal, speaker, word))
            .collect();
        let recording = self.sealed(
            &format!("recordings/{}.ogg", call.id),
            word,
            SealedColumn::RecordingKey,
            call.id.as_str(),
        );
        let finished = Finished {
            measures: Some(quality::measure(&turns)),
            turns,
            recording: Some(Taped {
                blob: recording.0,
                key: Some(recording.1),
                begun: then,
                began: CallTime(0),
                millis: Some(1_000),
                complete: true,
                silences: vec![],
            }),
            consent: Some((then, "May I record this?".to_owned())),
            ..Finished::without_words(Outcome::CallerLeft, then.plus_minutes(3))
        };
        calls::finished(store, tenant, &call.id, &finished).await.unwrap();
        let remarks = Remarks { note: word.to_owned(), tags: vec![word.parse().unwrap()] };
        let mut tx = store.begin(tenant).await.unwrap();
        tx.calls().set_remarks(&call.id, &remarks).await.unwrap();
        tx.commit().await.unwrap();
        // Jobs of the call find nobody to ask; what they would do is put here, once nobody is at the call any more.
        let idle = async {
            while store.across_tenants().next_due().await.unwrap().is_some() {
                tokio::time::sleep(LOOK_PERIOD).await;
            }
        };
        tokio::time::timeout(PATIENCE, idle).await.unwrap();
        let requested = ToolCall {
            id: format!("tlc_{name}").parse().unwrap(),
            call: call.id.clone(),
            model_call_id: "one".to_owned(),
            name: "take_message".to_owned(),
            arguments: json!({ "text": word }).to_string(),
            arguments_hash: "x".to_owned(),
            status: ToolCallStatus::Running,
            output: None,
            began: then,
            took_ms: None,
        };
        let summary = Summary {
            text: word.to_owned(),
            upshot: Upshot::Message,
            wishes: vec![word.to_owned()],
            sentiment: Sentiment::Neutral,
            fields: Some(json!({ "who": word }).to_string()),
            fields_problem: None,
            promises: vec![],
            model: "a model".to_owned(),
            cost: MicroUsd(1),
        };
        let transfer = Transfer {
            id: format!("trf_{name}").parse().unwrap(),
            call: call.id.clone(),
            target: "tgt_1".parse().unwrap(),
            name: "Ada".to_owned(),
            number: "+493055509999".parse().unwrap(),
            announced: true,
            wish: word.to_owned(),
            by: "assistant".to_owned(),
            state: TransferState::Asked,
            asked: then,
            connected: None,
            ended: None,
        };
        let message = Message {
            id: format!("msg_{name}").parse().unwrap(),
            call: Some(call.id.clone()),
            name: word.to_owned(),
            number: Some(number.clone()),
            text: word.to_owned(),
            left: then,
            handled: None,
            spoken: None,
            work: Default::default(),
        };
        let id = format!("msg_{name}spoken");
        let sound = self.sealed(&format!("messages/{id}.wav"), word, SealedColumn::MessageKey, &id);
        let spoken = Message {
            id: id.parse().unwrap(),
            spoken: Some(Spoken { sid: format!("RE{n:032x}"), blob: Some(sound.0), key: Some(sound.1) }),
            ..message.clone()
        };
        let start = then.plus_minutes(i64::from(n) * 60);
        let time = TimeRange { start, end: start.plus_minutes(30) };
        let appointment = Appointment {
            id: format!("apt_{name}").parse().unwrap(),
            service: self.practice.checkup.id.clone(),
            resource: self.practice.ada.id.clone(),
            together: vec![],
            seats: 1,
            session: None,
            contact: Some(contact.id.clone()),
            time,
            blocked: time,
            status: AppointmentStatus::Confirmed,
            expires: None,
            note: word.to_owned(),
            clashing: false,
        };
        let outgoing = Outgoing {
            id: format!("out_{name}").parse().unwrap(),
            to: number.clone(),
            number: self.practice.number.id.clone(),
            assistant: self.practice.assistant.id.clone(),
            language: Language::German,
            purpose: word.to_owned(),
            kind: Kind::Asked,
            cause: None,
            channel: Channel::Call,
            attempt: 1,
            attempts_max: 1,
            sms_after: false,
            appointment: None,
            for_start: None,
            contact: None,
            zone: None,
            due: Timestamp::MAX,
            expires: None,
            state: OutgoingState::Waiting,
            ended: None,
            said: None,
            problem: None,
            asks: 0,
            asked: None,
            account_sid: None,
            sid: None,
            call: None,
            created: then,
            over: None,
        };
        let campaign = Campaign {
            id: format!("cmp_{name}").parse().unwrap(),
            name: "Flu".to_owned(),
            assistant: self.practice.assistant.id.clone(),
            number: self.practice.number.id.clone(),
            language: Language::German,
            purpose: "Invite people.".to_owned(),
            window: CallWindow {
                first_day: None,
                last_day: jiff::civil::date(2100, 1, 4),
                from_min: 9 * 60,
                until_min: 20 * 60,
            },
            retry: Retry { attempts_max: 1, after_min: 60, endings: vec![] },
            at_once_max: 1,
            starts: None,
            state: CampaignState::Draft,
            created: then,
            ended: None,
        };
        let entry = Entry {
            id: format!("cen_{name}").parse().unwrap(),
            campaign: campaign.id.clone(),
            position: 1,
            number: number.to_string(),
            name: word.to_owned(),
            contact: None,
            state: EntryState::Waiting,
            ended: None,
            refused: None,
            attempts: 0,
            next: then,
            outgoing: None,
            call: None,
            said: None,
            over: None,
        };
        let clash = Clash {
            id: format!("cls_{name}").parse().unwrap(),
            appointment: appointment.id.clone(),
            calendar: None,
            event: Some(EventId(word.to_owned())),
            what: ClashKind::MovedTwice,
            found: then,
            settled: None,
        };
        let day = then.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
        let waiting = Waiting {
            id: format!("wtl_{name}").parse().unwrap(),
            contact: contact.id.clone(),
            service: self.practice.checkup.id.clone(),
            resources: vec![],
            first_day: day,
            last_day: day,
            from_min: 0,
            until_min: 24 * 60,
            appointment: Some(appointment.id.clone()),
            language: None,
            state: WaitingState::Waiting,
            joined: then,
            ended: None,
        };
        let offer = Offer {
            id: format!("ofr_{name}").parse().unwrap(),
            service: self.practice.checkup.id.clone(),
            resource: self.practice.ada.id.clone(),
            start,
            freed_by: appointment.id.clone(),
            state: OfferState::Open,
            asked: Some(AskedOfWaiting {
                waiting: waiting.id.clone(),
                outgoing: outgoing.id.clone(),
                hold: appointment.id.clone(),
            }),
            look: Timestamp::MAX,
            made: then,
        };
        let import = Import {
            transcript: format!("GT{n:032x}"),
            caller_channel: None,
            state: ImportState::Waiting,
            problem: None,
            asked_by: "usr_1".to_owned(),
            asked: then,
            done: None,
        };
        let imported = ImportedTurn {
            ordinal: 0,
            channel: 2,
            speaker: Speaker::Caller,
            began_ms: 0,
            ended_ms: 1_000,
            text: word.to_owned(),
            confidence: None,
        };
        let mut tx = store.begin(tenant).await.unwrap();
        tx.imports().ask(&call.id, &import).await.unwrap();
        assert!(tx.imports().done(&call.id, &import, &[imported], then).await.unwrap());
        // Nobody opens it here: it is sealed elsewhere, and only has to go.
        tx.pins().put(&contact.id, word.as_bytes(), then).await.unwrap();
        tx.campaigns().add(&campaign, None, "usr_1").await.unwrap();
        tx.campaigns().add_entry(&entry).await.unwrap();
        tx.tool_calls().begin(&requested).await.unwrap();
        let output = json!({ "say": word }).to_string();
        tx.tool_calls().finish(&requested.id, ToolCallStatus::Answered, &output, 3).await.unwrap();
        tx.summaries().put(&call.id, &Summarised { summary, made: then }).await.unwrap();
        tx.transfers().add(&transfer).await.unwrap();
        tx.messages().add(&message).await.unwrap();
        tx.messages().add(&spoken).await.unwrap();
        tx.appointments().insert(&appointment, Some(&call.id), then).await.unwrap();
        tx.appointments().remember(Asked { key: name, content: word }, &appointment.id, then).await.unwrap();
        assert!(tx.clashes().add(&clash).await.unwrap());
        tx.waiting().add(&waiting, call.id.as_str()).await.unwrap();
        assert!(tx.waiting().add_offer(&offer).await.unwrap());
        tx.history().add(&appointment, Step::Booked, call.id.as_str(), then).await.unwrap();
        tx.outgoing().add(&outgoing, None, "usr_1").await.unwrap();
        tx.commit().await.unwrap();
        Somebody { contact: contact.id.to_string(), call: call.id }
    }

    /// A blob that is sealed as the server seals it: its name, and its key as it is kept.
    fn sealed(&self, name: &str, word: &str, column: SealedColumn, row: &str) -> (String, Vec<u8>) {
        let server = &self.office.server;
        let fresh = secrets::fresh_key();
        let place = Place { owner: Some(&self.practice.tenant.id), column: column.name(), row };
        let kept = server.keys.seal(place, &fresh).unwrap();
        let blob = BlobName::new(name).unwrap();
        let mut draft = server.blobs.begin(&blob).unwrap();
        let mut writer = sealed::Writer::new(&mut draft, &Key::new(&fresh).unwrap()).unwrap();
        writer.write_all(word.repeat(100).as_bytes()).unwrap();
        writer.finish().unwrap();
        draft.finish().unwrap();
        (name.to_owned(), kept)
    }

    /// The person does not want to be called.
    pub async fn opt_out(&self, number: &str) {
        let wish = OptOut {
            id: "opt_somebody".parse().unwrap(),
            number: number.parse().unwrap(),
            source: OptOutSource::Voice,
            call: Some("call_somebody".parse().unwrap()),
            since: Clock::system().now(),
        };
        let mut tx = self.office.server.store.begin(&self.practice.tenant.id).await.unwrap();
        assert!(tx.opt_outs().add(&wish).await.unwrap());
        tx.commit().await.unwrap();
    }

    /// Waits until what is at `path` says that it is done; what it says then.
    pub async fn done(&self, asker: &Asker, path: &str) -> Value {
        let looked = async {
            loop {
                let found = asker.get(path).await.well();
                if found["state"] == "done" {
                    return found;
                }
                tokio::time::sleep(LOOK_PERIOD).await;
            }
        };
        tokio::time::timeout(PATIENCE, looked).await.unwrap_or_else(|_| panic!("{path} is never done"))
    }

    /// The blobs there are.
    pub fn blobs(&self) -> BTreeSet<String> {
        let folder = self.office.house.path("blobs");
        let names = files(&folder).into_iter();
        names.map(|path| path.strip_prefix(&folder).unwrap().display().to_string()).collect()
    }

    /// Which of these words stand anywhere in the database's files or in the blobs, byte by byte, in whatever case. PostgreSQL's files are
    /// looked at once the rows that went are vacuumed away, as its operator can do.
    ///
    /// PostgreSQL cleans nothing up that somebody who reads just then may still see: it is looked at again until no more
    /// stand there than those that stay.
    pub async fn found(&self, words: &[&str], stay: &[&str]) -> BTreeSet<String> {
        let stay: BTreeSet<String> = stay.iter().map(|word| (*word).to_owned()).collect();
        for _ in 1..LOOKS_MAX {
            let found = self.found_now(words).await;
            if found == stay {
                return found;
            }
            Clock::system().sleep(LOOK_PERIOD).await;
        }
        self.found_now(words).await
    }

    async fn found_now(&self, words: &[&str]) -> BTreeSet<String> {
        let mut looked_at = files(&self.office.house.path("blobs"));
        if self.database.starts_with("postgres") {
            looked_at.extend(files(&postgres::files_of(&self.database).await));
        } else {
            for ending in ["", "-wal"] {
                looked_at.push(PathBuf::from(format!("{}{ending}", self.database)));
            }
        }
        let mut found = BTreeSet::new();
        for path in looked_at {
            // One that went in between holds nothing.
            let bytes = std::fs::read(&path).unwrap_or_default().to_ascii_lowercase();
            for word in words {
                if memmem::find(&bytes, word.to_ascii_lowercase().as_bytes()).is_some() {
                    found.insert((*word).to_owned());
                }
            }
        }
        found
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn turn(ordinal: u32, speaker: Speaker, words: &str) -> Turn {
    let heard_ms = if speaker == Speaker::Agent { 900 } else { 0 };
    Turn {
        ordinal,
        speaker,
        began: CallTime(u64::from(ordinal) * 1_000),
        ended: CallTime(u64::from(ordinal) * 1_000 + 900),
        text: words.to_owned(),
        heard_text: words.to_owned(),
        generated_ms: heard_ms,
        heard_ms,
        interrupted: false,
        first_audio_ms: None,
        confidence: None,
    }
}
