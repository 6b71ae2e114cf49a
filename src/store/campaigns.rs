//! A tenant's campaigns, whom they call and what became of each.
//!
//! An attempt of a campaign's is a row of what is to be called, like every other; an entry says how many there were, and
//! that a number stands in a campaign once is held by the database.

use sqlx::FromRow;

use super::{
    Campaigns, Error, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    campaign::{CallWindow, Campaign, Entry, EntryState, Progress, Retry},
    id::{CampaignEntryId, CampaignId, ContactId, OutgoingId},
    outgoing::Ending,
    phone::E164,
    revision::{Revised, Revision},
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, name, assistant_id, number_id, language, purpose, first_day, last_day, from_min, until_min, attempts_max, \
         retry_min, retried, at_once_max, starts_at, state, created_at, ended_at, revision"
    };
}

macro_rules! entry_columns {
    () => {
        "e.id, e.campaign_id, e.position, e.number, e.name, e.contact_id, e.state, e.why, e.attempts, e.next_at, \
         e.outgoing_id, e.ended_at, o.call_id, o.said"
    };
}

macro_rules! entries {
    () => {
        "campaign_entries e LEFT JOIN outgoing_calls o ON o.tenant_id = e.tenant_id AND o.id = e.outgoing_id"
    };
}

texts! {
    ADD = "INSERT INTO campaigns (tenant_id, id, name, assistant_id, number_id, language, purpose, first_day, last_day,
            from_min, until_min, attempts_max, retry_min, retried, at_once_max, starts_at, state, created_at, created_by,
            request_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
        ON CONFLICT DO NOTHING";
    GET = concat!("SELECT ", columns!(), " FROM campaigns WHERE tenant_id = $1 AND id = $2");
    BY_KEY = concat!("SELECT ", columns!(), " FROM campaigns WHERE tenant_id = $1 AND request_key = $2");
    PAGE = concat!("SELECT ", columns!(), " FROM campaigns WHERE tenant_id = $1 AND (created_at, id) < ($2, $3)
        ORDER BY created_at DESC, id DESC LIMIT $4");
    SET = "UPDATE campaigns SET name = $3, assistant_id = $4, number_id = $5, language = $6, purpose = $7,
            first_day = $8, last_day = $9, from_min = $10, until_min = $11, attempts_max = $12, retry_min = $13,
            retried = $14, at_once_max = $15, starts_at = $16, state = $17, ended_at = $18, plan_at = 0,
            revision = revision + 1
        WHERE tenant_id = $1 AND id = $2";
    PLANNED = "UPDATE campaigns SET plan_at = $3 WHERE tenant_id = $1 AND id = $2";
    SIZE = "SELECT COALESCE(MAX(position), 0) FROM campaign_entries WHERE tenant_id = $1 AND campaign_id = $2";
    ADD_ENTRY = "INSERT INTO campaign_entries (tenant_id, campaign_id, id, position, number, name, contact_id, state, why,
            next_at, ended_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    ENTRY = concat!("SELECT ", entry_columns!(), " FROM ", entries!(), " WHERE e.tenant_id = $1 AND e.id = $2");
    ENTRY_OF_NUMBER = concat!("SELECT ", entry_columns!(), " FROM ", entries!(), " WHERE e.tenant_id = $1
        AND e.campaign_id = $2 AND e.number = $3");
    PAGE_OF_ENTRIES = concat!("SELECT ", entry_columns!(), " FROM ", entries!(), " WHERE e.tenant_id = $1
        AND e.campaign_id = $2 AND e.position > $3 AND (CAST($4 AS TEXT) IS NULL OR e.state = $4)
        ORDER BY e.position LIMIT $5");
    NEXT = concat!("SELECT ", entry_columns!(), " FROM ", entries!(), " WHERE e.tenant_id = $1 AND e.campaign_id = $2
        AND e.state = 'waiting' AND e.next_at <= $3 ORDER BY e.next_at, e.position LIMIT $4");
    CALL = "UPDATE campaign_entries SET state = 'calling', attempts = $3, outgoing_id = $4
        WHERE tenant_id = $1 AND id = $2 AND state = 'waiting' AND attempts = $3 - 1";
    AGAIN = "UPDATE campaign_entries SET state = 'waiting', why = $3, next_at = $4
        WHERE tenant_id = $1 AND id = $2 AND state = 'calling'";
    DONE = "UPDATE campaign_entries SET state = 'done', why = $3, ended_at = $4
        WHERE tenant_id = $1 AND id = $2 AND state IN ('waiting', 'calling')";
    /// Those whose attempt is out are told apart by it: they end when it does.
    CLOSE = "UPDATE campaign_entries SET state = 'done', why = $3, ended_at = $4
        WHERE tenant_id = $1 AND campaign_id = $2 AND (state = 'waiting' OR state = 'calling'
            AND NOT EXISTS (SELECT 1 FROM outgoing_calls o WHERE o.tenant_id = campaign_entries.tenant_id
                AND o.id = campaign_entries.outgoing_id AND o.state IN ('dialling', 'placed')))";
    CLOSE_OF_PERSON = "UPDATE campaign_entries SET state = 'done', why = 'opted_out', ended_at = $3
        WHERE tenant_id = $1 AND number = $2 AND (state = 'waiting' OR state = 'calling'
            AND NOT EXISTS (SELECT 1 FROM outgoing_calls o WHERE o.tenant_id = campaign_entries.tenant_id
                AND o.id = campaign_entries.outgoing_id AND o.state IN ('dialling', 'placed')))";
    PROGRESS = "SELECT state, why, COUNT(*) FROM campaign_entries WHERE tenant_id = $1 AND campaign_id = $2
        GROUP BY state, why";
    OPEN = "SELECT 1 FROM campaign_entries WHERE tenant_id = $1 AND campaign_id = $2 AND state IN ('waiting', 'calling')
        LIMIT 1";
    OUT = "SELECT COUNT(*) FROM outgoing_calls WHERE tenant_id = $1 AND cause_id = $2
        AND state IN ('dialling', 'placed')";
    READY = "SELECT COUNT(*) FROM outgoing_calls WHERE tenant_id = $1 AND cause_id = $2 AND state = 'waiting'
        AND due_at <= $3";
    WAITING = "SELECT COUNT(*) FROM outgoing_calls WHERE tenant_id = $1 AND cause_id = $2 AND state = 'waiting'";
    HOLD_BACK = "UPDATE outgoing_calls SET due_at = $3, problem = $4 WHERE tenant_id = $1 AND cause_id = $2
        AND state = 'waiting'";
    /// Attempts that were written down and not begun, undone: whoever they were for is planned again.
    UNPLAN = "UPDATE campaign_entries SET state = 'waiting', attempts = attempts - 1, outgoing_id = NULL
        WHERE tenant_id = $1 AND campaign_id = $2 AND state = 'calling' AND outgoing_id IN (
            SELECT id FROM outgoing_calls WHERE tenant_id = $1 AND cause_id = $2 AND state = 'waiting')";
    UNPLANNED = "DELETE FROM outgoing_calls WHERE tenant_id = $1 AND cause_id = $2 AND state = 'waiting'";
    DROP_WAITING = "UPDATE outgoing_calls SET state = 'dropped', why = $3, ended_at = $4
        WHERE tenant_id = $1 AND cause_id = $2 AND state = 'waiting'";
}

#[derive(FromRow)]
struct CampaignRow {
    id: String,
    name: String,
    assistant_id: String,
    number_id: String,
    language: String,
    purpose: String,
    first_day: Option<String>,
    last_day: String,
    from_min: i64,
    until_min: i64,
    attempts_max: i64,
    retry_min: i64,
    retried: String,
    at_once_max: i64,
    starts_at: Option<i64>,
    state: String,
    created_at: i64,
    ended_at: Option<i64>,
    revision: i64,
}

impl TryFrom<CampaignRow> for Revised<Campaign> {
    type Error = Error;

    fn try_from(row: CampaignRow) -> Result<Self, Error> {
        let endings: Vec<String> = rows::json(&row.retried, "campaigns.retried")?;
        let endings = endings.iter().map(|word| rows::text(word, "campaigns.retried"));
        let item = Campaign {
            id: rows::text(&row.id, "campaigns.id")?,
            name: row.name,
            assistant: rows::text(&row.assistant_id, "campaigns.assistant_id")?,
            number: rows::text(&row.number_id, "campaigns.number_id")?,
            language: rows::text(&row.language, "campaigns.language")?,
            purpose: row.purpose,
            window: CallWindow {
                first_day: rows::maybe(row.first_day.as_deref(), "campaigns.first_day")?,
                last_day: rows::text(&row.last_day, "campaigns.last_day")?,
                from_min: rows::whole(row.from_min, "campaigns.from_min")?,
                until_min: rows::whole(row.until_min, "campaigns.until_min")?,
            },
            retry: Retry {
                attempts_max: rows::whole(row.attempts_max, "campaigns.attempts_max")?,
                after_min: rows::whole(row.retry_min, "campaigns.retry_min")?,
                endings: endings.collect::<Result<_, _>>()?,
            },
            at_once_max: rows::whole(row.at_once_max, "campaigns.at_once_max")?,
            starts: row.starts_at.map(Timestamp),
            state: rows::text(&row.state, "campaigns.state")?,
            created: Timestamp(row.created_at),
            ended: row.ended_at.map(Timestamp),
        };
        Ok(Self { item, revision: Revision(row.revision) })
    }
}

#[derive(FromRow)]
struct EntryRow {
    id: String,
    campaign_id: String,
    position: i64,
    number: String,
    name: String,
    contact_id: Option<String>,
    state: String,
    why: Option<String>,
    attempts: i64,
    next_at: i64,
    outgoing_id: Option<String>,
    ended_at: Option<i64>,
    call_id: Option<String>,
    said: Option<String>,
}

impl TryFrom<EntryRow> for Entry {
    type Error = Error;

    fn try_from(row: EntryRow) -> Result<Self, Error> {
        let state = rows::text(&row.state, "campaign_entries.state")?;
        let why = row.why.as_deref();
        let (ended, refused) = match state {
            EntryState::Refused => (None, rows::maybe(why, "campaign_entries.why")?),
            EntryState::Done | EntryState::Waiting | EntryState::Calling => {
                (rows::maybe(why, "campaign_entries.why")?, None)
            }
        };
        Ok(Self {
            id: rows::text(&row.id, "campaign_entries.id")?,
            campaign: rows::text(&row.campaign_id, "campaign_entries.campaign_id")?,
            position: rows::whole(row.position, "campaign_entries.position")?,
            number: row.number,
            name: row.name,
            contact: rows::maybe(row.contact_id.as_deref(), "campaign_entries.contact_id")?,
            state,
            ended,
            refused,
            attempts: rows::whole(row.attempts, "campaign_entries.attempts")?,
            next: Timestamp(row.next_at),
            outgoing: rows::maybe(row.outgoing_id.as_deref(), "campaign_entries.outgoing_id")?,
            call: rows::maybe(row.call_id.as_deref(), "outgoing_calls.call_id")?,
            said: rows::maybe(row.said.as_deref(), "outgoing_calls.said")?,
            over: row.ended_at.map(Timestamp),
        })
    }
}

/// How many attempts of a campaign's there are that are not over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// That Twilio has, or may have.
    pub out: u32,
    /// That wait and are due.
    pub ready: u32,
    /// That wait, due or not.
    pub waiting: u32,
}

impl Campaigns<'_> {
    /// Keeps a campaign, under the name of the request if it has one; whether it is new.
    ///
    /// # Errors
    /// [`Error::Dangling`] when its number or assistant does not exist.
    pub async fn add(&mut self, new: &Campaign, key: Option<&str>, by: &str) -> Result<bool, Error> {
        let retried = retried(new)?;
        let (first_day, last_day) = days(new);
        let added = on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.name.as_str())
            .bind(new.assistant.as_str())
            .bind(new.number.as_str())
            .bind(new.language.code())
            .bind(new.purpose.as_str())
            .bind(first_day.as_deref())
            .bind(last_day.as_str())
            .bind(i64::from(new.window.from_min))
            .bind(i64::from(new.window.until_min))
            .bind(i64::from(new.retry.attempts_max))
            .bind(i64::from(new.retry.after_min))
            .bind(retried.as_str())
            .bind(i64::from(new.at_once_max))
            .bind(new.starts.map(|at| at.0))
            .bind(new.state.as_str())
            .bind(new.created.0)
            .bind(by)
            .bind(key)
            .execute(db).await?.rows_affected());
        Ok(added == 1)
    }

    /// The campaign of that id, and which state of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revised(&mut self, id: &CampaignId) -> Result<Option<Revised<Campaign>>, Error> {
        self.one(GET, id.as_str()).await
    }

    /// The campaign that was asked for under that name.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_key(&mut self, key: &str) -> Result<Option<Revised<Campaign>>, Error> {
        self.one(BY_KEY, key).await
    }

    async fn one(&mut self, text: &'static str, name: &str) -> Result<Option<Revised<Campaign>>, Error> {
        let row: Option<CampaignRow> = on!(self.tx, db => sqlx::query_as(text)
            .bind(self.tenant.as_str())
            .bind(name)
            .fetch_optional(db).await?);
        row.map(Revised::try_from).transpose()
    }

    /// The campaigns, the latest first, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Revised<Campaign>>, Error> {
        let (at, id) = page::before(after);
        let rows: Vec<CampaignRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(at)
            .bind(id)
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |one: &Revised<Campaign>| Place {
            at: one.item.created.0,
            id: one.item.id.to_string(),
        })
    }

    /// Keeps a campaign as it is wanted; it is looked at soon.
    ///
    /// # Errors
    /// [`Error::Dangling`] when its number or assistant does not exist.
    pub async fn set(&mut self, wanted: &Campaign) -> Result<(), Error> {
        let retried = retried(wanted)?;
        let (first_day, last_day) = days(wanted);
        on!(self.tx, db => sqlx::query(SET)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .bind(wanted.name.as_str())
            .bind(wanted.assistant.as_str())
            .bind(wanted.number.as_str())
            .bind(wanted.language.code())
            .bind(wanted.purpose.as_str())
            .bind(first_day.as_deref())
            .bind(last_day.as_str())
            .bind(i64::from(wanted.window.from_min))
            .bind(i64::from(wanted.window.until_min))
            .bind(i64::from(wanted.retry.attempts_max))
            .bind(i64::from(wanted.retry.after_min))
            .bind(retried.as_str())
            .bind(i64::from(wanted.at_once_max))
            .bind(wanted.starts.map(|at| at.0))
            .bind(wanted.state.as_str())
            .bind(wanted.ended.map(|at| at.0))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// When it is next looked whom a campaign is to call.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn planned(&mut self, id: &CampaignId, next: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PLANNED)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(next.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// How many people a campaign has.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn size(&mut self, id: &CampaignId) -> Result<u64, Error> {
        let (size,): (i64,) = on!(self.tx, db => sqlx::query_as(SIZE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_one(db).await?);
        rows::whole(size, "campaign_entries.position")
    }

    /// Keeps one of a campaign's people; whether their number is new to it.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such campaign.
    pub async fn add_entry(&mut self, new: &Entry) -> Result<bool, Error> {
        let why = match new.state {
            EntryState::Refused => new.refused.map(crate::domain::campaign::Refusal::as_str),
            EntryState::Waiting | EntryState::Calling | EntryState::Done => new.ended.map(Ending::as_str),
        };
        let added = on!(self.tx, db => sqlx::query(ADD_ENTRY)
            .bind(self.tenant.as_str())
            .bind(new.campaign.as_str())
            .bind(new.id.as_str())
            .bind(rows::column(new.position))
            .bind(new.number.as_str())
            .bind(new.name.as_str())
            .bind(new.contact.as_ref().map(ContactId::as_str))
            .bind(new.state.as_str())
            .bind(why)
            .bind(new.next.0)
            .bind(new.over.map(|at| at.0))
            .execute(db).await?.rows_affected());
        Ok(added == 1)
    }

    /// One of a campaign's people.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn entry(&mut self, id: &CampaignEntryId) -> Result<Option<Entry>, Error> {
        let row: Option<EntryRow> = on!(self.tx, db => sqlx::query_as(ENTRY)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Entry::try_from).transpose()
    }

    /// The one of a campaign's people who has that number.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn entry_of(&mut self, id: &CampaignId, number: &str) -> Result<Option<Entry>, Error> {
        let row: Option<EntryRow> = on!(self.tx, db => sqlx::query_as(ENTRY_OF_NUMBER)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(number)
            .fetch_optional(db).await?);
        row.map(Entry::try_from).transpose()
    }

    /// A campaign's people in their order, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn entries(
        &mut self,
        id: &CampaignId,
        state: Option<EntryState>,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Entry>, Error> {
        let rows: Vec<EntryRow> = on!(self.tx, db => sqlx::query_as(PAGE_OF_ENTRIES)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(after.map_or(0, |place| place.at))
            .bind(state.map(EntryState::as_str))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |one: &Entry| Place {
            at: rows::column(one.position),
            id: one.id.to_string(),
        })
    }

    /// The people of a campaign who are to be called next, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn next(
        &mut self,
        id: &CampaignId,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<Entry>, Error> {
        let rows: Vec<EntryRow> = on!(self.tx, db => sqlx::query_as(NEXT)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter().map(Entry::try_from).collect()
    }

    /// Notes that somebody is to be called for the `attempt`th time; whether that was still so.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn call(
        &mut self,
        id: &CampaignEntryId,
        attempt: u32,
        outgoing: &OutgoingId,
    ) -> Result<bool, Error> {
        let noted = on!(self.tx, db => sqlx::query(CALL)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(i64::from(attempt))
            .bind(outgoing.as_str())
            .execute(db).await?.rows_affected());
        Ok(noted == 1)
    }

    /// An attempt ended so, and the person is tried again from `next` on.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn again(&mut self, id: &CampaignEntryId, why: Ending, next: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(AGAIN)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(why.as_str())
            .bind(next.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Nothing more is tried with one of a campaign's people.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn done(&mut self, id: &CampaignEntryId, why: Ending, at: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(DONE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(why.as_str())
            .bind(at.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Nothing more is tried with any of a campaign's people but those who are being called.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn close(&mut self, id: &CampaignId, why: Ending, at: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(CLOSE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(why.as_str())
            .bind(at.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Somebody does not want to be called: no campaign tries them any more.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn close_of(&mut self, person: &E164, at: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(CLOSE_OF_PERSON)
            .bind(self.tenant.as_str())
            .bind(person.as_str())
            .bind(at.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// How many of a campaign's people stand where.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn progress(&mut self, id: &CampaignId) -> Result<Progress, Error> {
        let rows: Vec<(String, Option<String>, i64)> = on!(self.tx, db => sqlx::query_as(PROGRESS)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_all(db).await?);
        let mut progress = Progress::default();
        for (state, why, count) in rows {
            let state: EntryState = rows::text(&state, "campaign_entries.state")?;
            let count = rows::whole(count, "campaign_entries")?;
            let why = why.as_deref();
            match state {
                EntryState::Refused => {
                    progress.count(state, None, rows::maybe(why, "campaign_entries.why")?, count);
                }
                EntryState::Done => {
                    progress.count(state, rows::maybe(why, "campaign_entries.why")?, None, count);
                }
                EntryState::Waiting | EntryState::Calling => progress.count(state, None, None, count),
            }
        }
        Ok(progress)
    }

    /// Whether there is anybody of a campaign's with whom something is still tried.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn open(&mut self, id: &CampaignId) -> Result<bool, Error> {
        let row: Option<(i32,)> = on!(self.tx, db => sqlx::query_as(OPEN)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        Ok(row.is_some())
    }

    /// How many attempts of a campaign's are not over; those are ready that are due by `soon`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn under_way(&mut self, id: &CampaignId, soon: Timestamp) -> Result<UnderWay, Error> {
        let (out,): (i64,) = on!(self.tx, db => sqlx::query_as(OUT)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_one(db).await?);
        let (ready,): (i64,) = on!(self.tx, db => sqlx::query_as(READY)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(soon.0)
            .fetch_one(db).await?);
        let (waiting,): (i64,) = on!(self.tx, db => sqlx::query_as(WAITING)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_one(db).await?);
        Ok(UnderWay {
            out: rows::whole(out, "outgoing_calls")?,
            ready: rows::whole(ready, "outgoing_calls")?,
            waiting: rows::whole(waiting, "outgoing_calls")?,
        })
    }

    /// Attempts of a campaign's that wait are due then, and why.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn hold_back(
        &mut self,
        id: &CampaignId,
        due: Timestamp,
        why: Option<&str>,
    ) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(HOLD_BACK)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(due.0)
            .bind(why)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Attempts of a campaign's that wait are not made.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn drop_waiting(&mut self, id: &CampaignId, why: Ending, at: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(DROP_WAITING)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(why.as_str())
            .bind(at.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Attempts of a campaign's that wait have never been written down: whoever they were for is planned again.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn unplan(&mut self, id: &CampaignId) -> Result<(), Error> {
        for text in [UNPLAN, UNPLANNED] {
            on!(self.tx, db => sqlx::query(text)
                .bind(self.tenant.as_str())
                .bind(id.as_str())
                .execute(db).await.map(drop)?);
        }
        Ok(())
    }
}

fn retried(campaign: &Campaign) -> Result<String, Error> {
    let words: Vec<&str> = campaign.retry.endings.iter().map(|ending| ending.as_str()).collect();
    rows::to_json(&words, "campaigns.retried")
}

fn days(campaign: &Campaign) -> (Option<String>, String) {
    let window = &campaign.window;
    (window.first_day.map(|day| day.to_string()), window.last_day.to_string())
}
