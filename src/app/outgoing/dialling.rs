//! Dialling: an attempt is decided about, written down as asked, and only then asked of Twilio.
//!
//! Twilio has no key by which a repeated request to dial is known (protocols.md §1.5). So an attempt says since when
//! Twilio may have been asked, and whoever goes on with it looks first whether Twilio has the call. Those who decide for
//! one tenant wait for each other, and those who ask in the name of one account take turns, a second apart.

use metrics::counter;
use tracing::{error, info, warn};

use super::{
    campaigns::{self, Bears},
    news, offers,
};
use crate::{
    app::{Error, accounts::Accounts, forgetting::attempts::remembered, notifications},
    domain::{
        id::{OutgoingId, TenantId},
        org::Tenant,
        outgoing::{
            Cause, Channel, Ending, Kind, Outgoing, OutgoingState,
            rules::{self, Decision, Facts},
        },
        phone::E164,
        phrases, spoken,
        time::Timestamp,
    },
    platform::metrics as figures,
    store::{Store, TenantTx},
    telephony::rest::{self, calls::Dial},
};

/// How long after one request to dial an account may make the next, in milliseconds: one call a second
/// (protocols.md §1.5).
pub const TURN_MS: i64 = 1_000;
/// How long after Twilio was asked and did not answer it is looked what has become of that, in milliseconds: a call shows
/// itself with a delay.
pub const LOOK_AFTER_MS: i64 = 60_000;
/// How long after it was asked a call that Twilio does not know is taken not to be, in milliseconds.
pub const LOOK_UNTIL_MS: i64 = 120_000;
/// How often Twilio is asked to dial for one attempt, when it is sure that it has not.
pub const ASKS_MAX: u32 = 2;
/// When Twilio is first asked what has become of a call, unless it tells, in milliseconds after it was placed.
pub const CHECK_AFTER_MS: i64 = 90_000;
/// How often it is asked from then on, in milliseconds.
pub const CHECK_EVERY_MS: i64 = 60_000;
/// How long Twilio is left alone that was asked too often and does not say how long, in seconds.
const TOO_MANY_SECONDS: u64 = 2;
/// How long is waited for an account whose token is not accepted, in minutes.
const ACCOUNT_MINUTES: i64 = 10;
/// How long is waited for a Twilio that could not be reached, in milliseconds.
const AWAY_MS: i64 = 30_000;
/// How long it rings, in seconds.
const RING_SECONDS: u32 = 30;
/// How long a line rings that may send a call on only when nobody answers for a while, in seconds.
const LINE_RING_SECONDS: u32 = 60;
/// How much longer than the assistant's own limit Twilio lets a call last, in seconds.
const OVERTIME_SECONDS: u64 = 60;

/// What came of looking for something to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialled {
    /// Nothing is due.
    Nothing,
    /// An attempt has gone on, or was put off.
    Something,
    /// It is somebody else's turn until then.
    Turn(Timestamp),
}

/// Who dials. Cheap to clone.
#[derive(Clone)]
pub struct Dialler {
    /// The database.
    pub store: Store,
    /// Twilio, and who asks it.
    pub accounts: Accounts,
}

impl Dialler {
    /// Goes on with the attempt of a tenant's that is due longest.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database is away; what was asked of Twilio is never an error here.
    pub async fn dial_next(&self, tenant: &TenantId, now: Timestamp) -> Result<Dialled, Error> {
        let mut tx = self.store.begin(tenant).await?;
        tx.outgoing().lock().await?;
        let Some(one) = tx.outgoing().next(now).await? else { return Ok(Dialled::Nothing) };
        if one.state == OutgoingState::Dialling {
            tx.outgoing().busy(&one.id, now.plus_millis(LOOK_AFTER_MS)).await?;
            tx.commit().await?;
            self.look_up(tenant, &one, now).await?;
            return Ok(Dialled::Something);
        }
        let business = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
        let held = tx.numbers().revised(&one.number).await?.map(|held| held.item);
        let Some(from) = held.filter(|held| held.released.is_none()) else {
            drop_it(&mut tx, &one, Ending::Declined, Some("the number it comes from has been released"), now)
                .await?;
            tx.commit().await?;
            return Ok(Dialled::Something);
        };
        match self.decide(&mut tx, &business, &one, now).await? {
            Decision::Never(why) => {
                drop_it(&mut tx, &one, why, None, now).await?;
                tx.commit().await?;
                return Ok(Dialled::Something);
            }
            Decision::Later(at) => {
                tx.outgoing().later(&one.id, at, Some("it may not be made before")).await?;
                tx.commit().await?;
                return Ok(Dialled::Something);
            }
            Decision::Now => {}
        }
        let account = self.accounts.account_of(&business, &from);
        if let Some(next) = tx.outgoing().turn(&account, now, now.plus_millis(TURN_MS)).await? {
            return Ok(Dialled::Turn(next));
        }
        let text = message(&mut tx, &business, &one, now).await?;
        let assistant = tx.assistants().get(&one.assistant).await?.ok_or(Error::NotFound("assistant"))?;
        if !tx.outgoing().ask(&one.id, now, &account, now.plus_millis(LOOK_AFTER_MS)).await? {
            return Ok(Dialled::Something);
        }
        tx.commit().await?;
        // As it stands from here on: what Twilio tells is proven by the account that was asked.
        let one =
            Outgoing { account_sid: Some(account.clone()), asked: Some(now), asks: one.asks + 1, ..one };
        let seconds_max = assistant.policy.max_duration_ms / 1_000 + OVERTIME_SECONDS;
        let asked = match one.channel {
            Channel::Call => {
                let seconds_max = u32::try_from(seconds_max).unwrap_or(u32::MAX);
                self.call(tenant, &account, &one, &from.number.number, seconds_max, now).await
            }
            Channel::Sms => self.send(tenant, &account, &one, &from.number.number, &text, now).await,
        };
        asked.map(|()| Dialled::Something)
    }

    /// Whether an attempt may be made, by what is true at this moment.
    async fn decide(
        &self,
        tx: &mut TenantTx,
        business: &Tenant,
        one: &Outgoing,
        now: Timestamp,
    ) -> Result<Decision, Error> {
        let mut settings = tx.outgoing().settings().await?.item;
        settings.at_once_max = settings.at_once_max.min(business.calls_max);
        let mut out = tx.outgoing().out().await?;
        if let Some(Cause::Campaign(id, _)) = &one.cause {
            match campaigns::bears(tx, id, now).await? {
                Bears::On { window, full } => {
                    settings.from_min = settings.from_min.max(window.from_min);
                    settings.until_min = settings.until_min.min(window.until_min);
                    // As if the tenant's own lines were taken: it is asked again when one of them may be free.
                    out = if full { settings.at_once_max } else { out };
                }
                Bears::Paused => return Ok(Decision::Later(Timestamp::MAX)),
                Bears::Over => return Ok(Decision::Never(Ending::Cancelled)),
            }
        }
        if one.kind == Kind::Notice && !notifications::text_stands(tx, &one.to).await? {
            return Ok(Decision::Never(Ending::Cancelled));
        }
        if one.kind == Kind::Offer && !offers::stands(tx, one).await? {
            return Ok(Decision::Never(Ending::Cancelled));
        }
        let own_number = self.store.across_tenants().number(&one.to).await?.is_some();
        let opted_out = tx.opt_outs().of(&one.to).await?.is_some();
        let week = now.plus_minutes(-rules::WEEK_MIN);
        let mut attempts = tx.outgoing().attempts(&one.to, week, &one.id).await?;
        attempts.extend(remembered(tx, self.accounts.keys(), &one.to, week).await?);
        let appointment_stands = match &one.appointment {
            None => true,
            Some(id) => tx.appointments().get(id).await?.is_some_and(|standing| {
                standing.status.promised()
                    && one.for_start.is_none_or(|start| standing.time.start == start)
                    && standing.time.start > now
            }),
        };
        let facts = Facts {
            settings: &settings,
            to: &one.to,
            channel: one.channel,
            kind: one.kind,
            zone: one.zone.as_ref(),
            tenant_zone: &business.zone,
            own_number,
            opted_out,
            appointment_stands,
            attempts: &attempts,
            out,
            expires: one.expires,
        };
        Ok(rules::decide(&facts, now))
    }

    /// Has Twilio dial.
    async fn call(
        &self,
        tenant: &TenantId,
        account: &str,
        one: &Outgoing,
        from: &E164,
        seconds_max: u32,
        now: Timestamp,
    ) -> Result<(), Error> {
        let urls = match self.accounts.outgoing_urls(&one.id) {
            Ok(urls) => urls,
            Err(error) => {
                return self
                    .put_off(tenant, one, now.plus_minutes(ACCOUNT_MINUTES), &error.to_string())
                    .await;
            }
        };
        let who = match self.accounts.credentials(tenant, account).await {
            Ok(who) => who,
            Err(error) => {
                return self
                    .put_off(tenant, one, now.plus_minutes(ACCOUNT_MINUTES), &error.to_string())
                    .await;
            }
        };
        let dial = Dial {
            to: &one.to,
            from,
            url: &urls.answered,
            status_url: &urls.status,
            machine_url: &urls.machine,
            ring_seconds: if one.kind == Kind::Forwarding { LINE_RING_SECONDS } else { RING_SECONDS },
            seconds_max,
        };
        match self.accounts.rest().dial(&who, &dial).await {
            Ok(found) => {
                info!(outgoing.id = %one.id, "a call is placed");
                news::placed(&self.store, tenant, one, &found.sid, now).await
            }
            Err(error) => self.not_done(tenant, one, error, now).await,
        }
    }

    /// Has Twilio send a text message. One of which Twilio does not say whether it was sent is not sent again.
    async fn send(
        &self,
        tenant: &TenantId,
        account: &str,
        one: &Outgoing,
        from: &E164,
        text: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let sent = match self.accounts.credentials(tenant, account).await {
            Ok(who) => self.accounts.rest().message(&who, from, &one.to, text).await,
            Err(error) => {
                return self
                    .put_off(tenant, one, now.plus_minutes(ACCOUNT_MINUTES), &error.to_string())
                    .await;
            }
        };
        match sent {
            Ok(_) => {
                let mut tx = self.store.begin(tenant).await?;
                tx.outgoing().end(&one.id, OutgoingState::Over, Ending::Sent, now, None).await?;
                Ok(tx.commit().await?)
            }
            Err(error) if error.nothing_done() => self.not_done(tenant, one, error, now).await,
            Err(error) => {
                warn!(outgoing.id = %one.id, %error, "nobody knows whether a message was sent");
                let mut tx = self.store.begin(tenant).await?;
                tx.outgoing().end(&one.id, OutgoingState::Over, Ending::Unknown, now, None).await?;
                Ok(tx.commit().await?)
            }
        }
    }

    /// Twilio has not done what it was asked, or nobody knows.
    async fn not_done(
        &self,
        tenant: &TenantId,
        one: &Outgoing,
        error: rest::Error,
        now: Timestamp,
    ) -> Result<(), Error> {
        let told = error.to_string();
        match error {
            rest::Error::TooMany { retry_after } => {
                let seconds = i64::try_from(retry_after.unwrap_or(TOO_MANY_SECONDS)).unwrap_or(i64::MAX);
                self.put_off(tenant, one, now.plus_millis(seconds.saturating_mul(1_000)), &told).await
            }
            rest::Error::Unauthorized | rest::Error::NoToken => {
                self.put_off(tenant, one, now.plus_minutes(ACCOUNT_MINUTES), &told).await
            }
            rest::Error::Refused { code, .. } => {
                info!(outgoing.id = %one.id, code, "Twilio will not dial");
                let mut tx = self.store.begin(tenant).await?;
                drop_it(&mut tx, one, Ending::Declined, Some(&told), now).await?;
                Ok(tx.commit().await?)
            }
            rest::Error::NotFound | rest::Error::NotAvailable => {
                let mut tx = self.store.begin(tenant).await?;
                drop_it(&mut tx, one, Ending::Declined, Some(&told), now).await?;
                Ok(tx.commit().await?)
            }
            rest::Error::Away(cause) if cause.is_connect() => {
                self.put_off(tenant, one, now.plus_millis(AWAY_MS), &told).await
            }
            // It may be ringing. Whoever comes next looks.
            rest::Error::Away(_) | rest::Error::Garbled(_) => {
                counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "dial_answer_lost").increment(1);
                warn!(outgoing.id = %one.id, error = %told, "nobody knows whether Twilio dials");
                Ok(())
            }
        }
    }

    async fn put_off(
        &self,
        tenant: &TenantId,
        one: &Outgoing,
        due: Timestamp,
        why: &str,
    ) -> Result<(), Error> {
        warn!(outgoing.id = %one.id, why, "a call is put off");
        let mut tx = self.store.begin(tenant).await?;
        tx.outgoing().not_asked(&one.id, due, why).await?;
        Ok(tx.commit().await?)
    }

    /// Looks whether Twilio has a call it was asked for and did not answer about.
    async fn look_up(&self, tenant: &TenantId, one: &Outgoing, now: Timestamp) -> Result<(), Error> {
        let (Some(asked), Some(account)) = (one.asked, &one.account_sid) else {
            return Err(Error::Internal("an attempt was asked for by nobody".into()));
        };
        if one.channel == Channel::Sms {
            let mut tx = self.store.begin(tenant).await?;
            tx.outgoing().end(&one.id, OutgoingState::Over, Ending::Unknown, now, None).await?;
            return Ok(tx.commit().await?);
        }
        let mut tx = self.store.read(tenant).await?;
        let from = tx.numbers().revised(&one.number).await?.ok_or(Error::NotFound("number"))?;
        drop(tx);
        let found = match self.accounts.credentials(tenant, account).await {
            Ok(who) => self.accounts.rest().find_calls(&who, &from.item.number.number, &one.to).await,
            Err(error) => {
                warn!(outgoing.id = %one.id, %error, "it cannot be looked whether Twilio dials");
                return Ok(());
            }
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                warn!(outgoing.id = %one.id, %error, "it cannot be looked whether Twilio dials");
                return Ok(());
            }
        };
        // Twilio's clock and ours need not agree to the second.
        let since = asked.plus_millis(-LOOK_AFTER_MS);
        for call in found {
            if call.created.is_some_and(|created| created < since) {
                continue;
            }
            let other = self.store.read(tenant).await?.outgoing().by_sid(&call.sid).await?;
            if other.is_some_and(|other| other.id != one.id) {
                continue;
            }
            news::placed(&self.store, tenant, one, &call.sid, now).await?;
            if let Some(progress) = call.progress {
                news::told(&self.store, tenant, &one.id, &call.sid, progress, now).await?;
            }
            return Ok(());
        }
        let mut tx = self.store.begin(tenant).await?;
        if now < asked.plus_millis(LOOK_UNTIL_MS) {
            tx.outgoing().busy(&one.id, asked.plus_millis(LOOK_UNTIL_MS)).await?;
        } else if one.asks < ASKS_MAX {
            tx.outgoing().not_asked(&one.id, now, "Twilio did not answer, and does not know of it").await?;
        } else {
            error!(outgoing.id = %one.id, "Twilio does not say whether it dialled");
            drop_it(&mut tx, one, Ending::Unknown, None, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Asks Twilio what has become of a call of which nothing was heard.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database is away.
    pub async fn check(&self, tenant: &TenantId, id: &OutgoingId, now: Timestamp) -> Result<(), Error> {
        let mut tx = self.store.begin(tenant).await?;
        tx.outgoing().check(id, now.plus_millis(CHECK_EVERY_MS)).await?;
        let one = tx.outgoing().get(id).await?;
        tx.commit().await?;
        let Some(one) = one else { return Ok(()) };
        let (Some(sid), Some(account)) = (&one.sid, &one.account_sid) else { return Ok(()) };
        let answer = match self.accounts.credentials(tenant, account).await {
            Ok(who) => self.accounts.rest().call(&who, sid).await,
            Err(error) => {
                warn!(outgoing.id = %id, %error, "Twilio cannot be asked about a call");
                return Ok(());
            }
        };
        match answer {
            Ok(found) => match found.progress {
                Some(progress) => news::told(&self.store, tenant, id, sid, progress, now).await.map(drop),
                None => Ok(()),
            },
            // What Twilio does not know is not in the air.
            Err(rest::Error::NotFound) => {
                news::told(&self.store, tenant, id, sid, rest::calls::Progress::Failed, now).await.map(drop)
            }
            Err(error) => {
                warn!(outgoing.id = %id, %error, "Twilio cannot be asked about a call");
                Ok(())
            }
        }
    }

    /// What is due to be done about calls out of one's own, of any tenant, at most `count_max`: each is checked.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database is away.
    pub async fn check_due(&self, now: Timestamp, count_max: u32) -> Result<usize, Error> {
        let due = self.store.across_tenants().outgoing_to_check(now, count_max).await?;
        for (tenant, id) in &due {
            self.check(tenant, id, now).await?;
        }
        Ok(due.len())
    }
}

/// An attempt is not made; what follows from that is planned in the same transaction.
async fn drop_it(
    tx: &mut TenantTx,
    one: &Outgoing,
    why: Ending,
    problem: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    counter!(figures::OUTGOING_TOTAL, "ending" => why.as_str()).increment(1);
    info!(outgoing.id = %one.id, why = why.as_str(), "a call is not made");
    if tx.outgoing().end(&one.id, OutgoingState::Dropped, why, now, problem).await? {
        super::follow(tx, one, why, now).await?;
    }
    Ok(())
}

/// The words of a text message.
async fn message(
    tx: &mut TenantTx,
    business: &Tenant,
    one: &Outgoing,
    now: Timestamp,
) -> Result<String, Error> {
    if one.channel != Channel::Sms {
        return Ok(String::new());
    }
    if one.kind == Kind::Notice {
        return Ok(one.purpose.clone());
    }
    let start = match &one.appointment {
        Some(id) => tx.appointments().get(id).await?,
        None => None,
    };
    // Whoever holds the telephone reads it.
    let start = match start {
        Some(standing) => {
            let service = tx.services().get(&standing.service).await?;
            Some(standing.time.start).filter(|_| service.is_none_or(|service| !service.sensitive))
        }
        None => None,
    };
    let when = start.map(|start| spoken::moment(start, now, &business.zone, one.language));
    Ok(phrases::reminder_text(&business.name, when.as_deref(), &one.purpose, one.language)
        .chars()
        .take(rest::calls::MESSAGE_CHARS_MAX)
        .collect())
}
