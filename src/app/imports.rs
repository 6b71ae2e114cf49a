//! Transcripts that Twilio made of calls: asked for by staff, fetched by a job, kept beside what we have of the call.
//!
//! For those who have Twilio's Conversation Intelligence listen to their recordings. What is fetched is a stranger's word: it
//! must belong to the call, is blanked as our own words are, and nothing is decided by it.

use std::time::Duration;

use serde_json::json;
use tracing::info;

use super::{Error, Faults, access::Actor, accounts::Accounts, audit};
use crate::{
    domain::{
        cards,
        conversation::{CallRecord, CallSid, Speaker, Turn},
        id::{CallId, JobId, TenantId},
        import::{Import, ImportState, ImportedTurn},
        people::{Subject, Verb},
        time::{CallTime, Timestamp},
    },
    platform::ids,
    store::{Store, Work},
    telephony::rest::{
        self, Credentials, RecordingSid,
        intelligence::{Readiness, Sentence, Transcript, TranscriptSid, Unread},
    },
};

/// How often a transcript is looked for that is not finished, or a Twilio that does not answer: for about an hour. Less often
/// than the job is taken before it is given up, so that the import says why.
pub const TRIES_MAX: u32 = 7;
/// The first wait; each further one is twice as long.
const WAIT: Duration = Duration::from_secs(30);
/// The longest.
const WAIT_MAX: Duration = Duration::from_secs(30 * 60);
/// On which channel Twilio takes the customer to be unless somebody says otherwise.
const CUSTOMER_CHANNEL: u32 = 2;

/// A transcript somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Twilio's name for it.
    pub transcript: String,
    /// On which of its channels the caller is; as the transcript says, when left out.
    pub caller_channel: Option<u32>,
}

/// Has a transcript of a call fetched, soon. What was fetched before goes.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`]; [`Error::Conflict`] while the call goes on;
/// [`Error::Unavailable`].
pub async fn ask(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    call: &CallId,
    wanted: &Wanted,
) -> Result<Import, Error> {
    by.must(Verb::Write, Subject::Calls)?;
    let mut faults = Faults::new();
    faults.unless(
        TranscriptSid::new(&wanted.transcript).is_some(),
        "/transcript",
        "must be `GT` and 32 hexadecimal digits",
    );
    faults.unless(
        wanted.caller_channel.is_none_or(|channel| matches!(channel, 1 | 2)),
        "/caller_channel",
        "must be 1 or 2",
    );
    faults.settle()?;
    let mut tx = store.begin(by.tenant()).await?;
    let record = tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    if record.outcome.is_none() {
        return Err(Error::Conflict("that call is not over"));
    }
    let import = Import {
        transcript: wanted.transcript.clone(),
        caller_channel: wanted.caller_channel,
        state: ImportState::Waiting,
        problem: None,
        asked_by: by.to_string(),
        asked: now,
        done: None,
    };
    tx.imports().ask(call, &import).await?;
    let about = json!({ "transcript": import.transcript });
    audit::tell(&mut tx, by, now, "call.transcript_wanted", call.as_str(), about).await?;
    tx.jobs().add(&JobId::of(ids::fresh(now)), &Work::ImportTranscript { call: call.clone() }, now).await?;
    tx.commit().await?;
    Ok(import)
}

/// Why there is nothing to keep.
enum Not {
    /// Perhaps later.
    Yet(Option<Duration>, &'static str),
    /// Never.
    Ever(String),
    /// Something of ours.
    Ours(Error),
}

impl From<Error> for Not {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<rest::Error> for Not {
    fn from(error: rest::Error) -> Self {
        match error {
            rest::Error::NotFound => {
                Self::Ever("Twilio knows no such transcript in the account the call came from".to_owned())
            }
            rest::Error::TooMany { retry_after } => {
                let wait = retry_after.map(|seconds| Duration::from_secs(seconds).min(WAIT_MAX));
                Self::Yet(wait, "Twilio is asked too often")
            }
            rest::Error::Away(_) => Self::Yet(None, "Twilio cannot be reached"),
            rest::Error::Garbled(why) => Self::Yet(None, why),
            rest::Error::NoToken
            | rest::Error::Unauthorized
            | rest::Error::NotAvailable
            | rest::Error::Refused { .. } => Self::Ever(error.to_string()),
        }
    }
}

impl From<Unread> for Not {
    fn from(error: Unread) -> Self {
        match error {
            Unread::Twilio(error) => error.into(),
            Unread::Elsewhere | Unread::TooLong | Unread::NotANumber | Unread::Encrypted => {
                Self::Ever(error.to_string())
            }
        }
    }
}

/// Fetches the transcript that is wanted of a call; `attempts` is how often that was begun. Safe to run twice.
///
/// # Errors
/// [`Error::Later`] when it is not finished or Twilio does not answer; [`Error::Unavailable`].
pub async fn fetch(
    store: &Store,
    accounts: &Accounts,
    tenant: &TenantId,
    call: &CallId,
    attempts: u32,
    now: Timestamp,
) -> Result<(), Error> {
    let mut tx = store.read(tenant).await?;
    let wanted = tx.imports().get(call).await?.filter(|import| import.state == ImportState::Waiting);
    let record = tx.calls().get(call).await?;
    drop(tx);
    let (Some(wanted), Some(record)) = (wanted, record) else { return Ok(()) };
    let problem = match gather(store, accounts, tenant, &record, &wanted).await {
        Ok(turns) => {
            let mut tx = store.begin(tenant).await?;
            if tx.imports().done(call, &wanted, &turns, now).await? {
                info!(call.id = %call, turns = turns.len(), "a transcript is imported");
            }
            return Ok(tx.commit().await?);
        }
        Err(Not::Ours(error @ (Error::Unavailable(..) | Error::Internal(_)))) => return Err(error),
        Err(Not::Ours(error)) => error.to_string(),
        Err(Not::Yet(wait, why)) if attempts < TRIES_MAX => {
            let doubled = WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(WAIT_MAX);
            return Err(Error::Later { wait: wait.unwrap_or(doubled), why });
        }
        Err(Not::Yet(_, why)) => why.to_owned(),
        Err(Not::Ever(why)) => why,
    };
    let mut tx = store.begin(tenant).await?;
    tx.imports().failed(call, &wanted, &problem, now).await?;
    tx.commit().await?;
    info!(call.id = %call, problem, "a transcript cannot be imported");
    Ok(())
}

async fn gather(
    store: &Store,
    accounts: &Accounts,
    tenant: &TenantId,
    record: &CallRecord,
    wanted: &Import,
) -> Result<Vec<ImportedTurn>, Not> {
    let sid = TranscriptSid::new(&wanted.transcript).ok_or(Error::NotFound("transcript"))?;
    let found = store.across_tenants().call_account(&record.sid).await.map_err(Error::from)?;
    let (_, account) = found.ok_or(Error::NotFound("call"))?;
    let who = accounts.credentials(tenant, &account).await?;
    let transcript = accounts.rest().transcript(&who, &sid).await?;
    let own = accounts.is_own(tenant, &account).await?;
    if !belongs(store, accounts, tenant, &who, record, &transcript, own).await? {
        return Err(Not::Ever("the transcript is not known to be of this call".to_owned()));
    }
    match transcript.readiness {
        Readiness::Ready => {}
        Readiness::Underway => return Err(Not::Yet(None, "the transcript is not finished")),
        Readiness::Never => return Err(Not::Ever("Twilio could not make the transcript".to_owned())),
    }
    let sentences = accounts.rest().sentences(&who, &sid).await?;
    let caller = wanted.caller_channel.or(transcript.customer_channel).unwrap_or(CUSTOMER_CHANNEL);
    Ok(blanked(sentences, caller))
}

/// Whether a transcript speaks of that call. What names another call that is known here does not; what names none may, where
/// the account is the tenant's own and nobody else's calls are in it.
async fn belongs(
    store: &Store,
    accounts: &Accounts,
    tenant: &TenantId,
    who: &Credentials,
    record: &CallRecord,
    transcript: &Transcript,
    own: bool,
) -> Result<bool, Not> {
    if transcript.account_sid.as_ref().is_some_and(|account| *account != who.account_sid) {
        return Ok(false);
    }
    let mut named: Vec<CallSid> = vec![];
    if let Some(source) = &transcript.source_sid {
        named.extend(source.parse::<CallSid>());
        if let Some(recording) = RecordingSid::new(source) {
            match accounts.rest().call_of_recording(who, &recording).await {
                Ok(call) => named.extend(call),
                // It may have been erased since.
                Err(rest::Error::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    let mut ours = false;
    if let Some(key) = &transcript.customer_key {
        ours = key == record.id.as_str();
        named.extend(key.parse::<CallSid>());
        if let (false, Ok(other)) = (ours, key.parse::<CallId>()) {
            let mut tx = store.read(tenant).await.map_err(Error::from)?;
            if tx.calls().get(&other).await.map_err(Error::from)?.is_some() {
                return Ok(false);
            }
        }
    }
    for sid in named {
        if sid == record.sid {
            ours = true;
        } else if !own || store.across_tenants().call(&sid).await.map_err(Error::from)?.is_some() {
            return Ok(false);
        }
    }
    Ok(ours || own)
}

/// The sentences as they are kept: without numbers of payment cards.
fn blanked(sentences: Vec<Sentence>, caller: u32) -> Vec<ImportedTurn> {
    let speaker = |channel: u32| if channel == caller { Speaker::Caller } else { Speaker::Agent };
    let turn = |(sentence, ordinal): (&Sentence, u32)| Turn {
        ordinal,
        speaker: speaker(sentence.channel),
        began: CallTime(sentence.began_ms),
        ended: CallTime(sentence.ended_ms),
        text: sentence.text.clone(),
        heard_text: String::new(),
        generated_ms: 0,
        heard_ms: 0,
        interrupted: false,
        first_audio_ms: None,
        confidence: sentence.confidence,
    };
    let mut turns: Vec<Turn> = sentences.iter().zip(0..).map(turn).collect();
    cards::blank(&mut turns);
    let kept = turns.into_iter().zip(&sentences);
    kept.map(|(turn, sentence)| ImportedTurn {
        ordinal: turn.ordinal,
        channel: sentence.channel,
        speaker: turn.speaker,
        began_ms: sentence.began_ms,
        ended_ms: sentence.ended_ms,
        text: turn.text,
        confidence: turn.confidence,
    })
    .collect()
}
