//! Whom a campaign calls next, what its attempts come to, and when it ends.
//!
//! Looks at what stands in the database, writes down a few attempts and goes; several may look at once. It never dials.

use tracing::info;

use super::tell_ended;
use crate::{
    app::Error,
    domain::{
        campaign::{CallWindow, Campaign, CampaignState},
        id::{CampaignId, OutgoingId, TenantId},
        outgoing::{Cause, Ending, Kind, Origin, Outgoing},
        phone::E164,
        time::{Timestamp, Zone},
    },
    platform::ids,
    store::{Store, TenantTx},
};

/// How often it is looked whom a campaign calls next, in milliseconds.
pub const PLAN_EVERY_MS: i64 = 1_000;
/// Attempts that are written down beyond those that may be out at once.
const AHEAD: u32 = 5;
/// Attempts of one campaign's that may wait at a time, those put off among them.
const WAITING_MAX: u32 = 500;
/// How soon an attempt must be due to count as one that is about to be made, in milliseconds.
const SOON_MS: i64 = 60_000;
/// Who writes down the attempts of campaigns, in the records.
const PLANNER: &str = "system:campaigns";

/// Writes down whom a campaign calls next, few at a time, and ends it when nobody is left; how many attempts are new. Safe
/// to run twice, and by two at once.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn plan(store: &Store, tenant: &TenantId, id: &CampaignId, now: Timestamp) -> Result<usize, Error> {
    let mut tx = store.begin(tenant).await?;
    tx.outgoing().lock().await?;
    let Some(found) = tx.campaigns().revised(id).await? else { return Ok(0) };
    let campaign = found.item;
    if campaign.state != CampaignState::Running {
        return Ok(0);
    }
    let business = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    let Some(open) = campaign.next_open(now, &business.zone) else {
        tx.campaigns().drop_waiting(id, Ending::TooLate, now).await?;
        tx.campaigns().close(id, Ending::TooLate, now).await?;
        end(&mut tx, &campaign, now).await?;
        tx.commit().await?;
        return Ok(0);
    };
    if open > now {
        tx.campaigns().planned(id, open).await?;
        tx.commit().await?;
        return Ok(0);
    }
    if end(&mut tx, &campaign, now).await? {
        tx.commit().await?;
        return Ok(0);
    }
    let planned = write_down(&mut tx, &campaign, &business.zone, now).await?;
    tx.campaigns().planned(id, now.plus_millis(PLAN_EVERY_MS)).await?;
    tx.commit().await?;
    Ok(planned)
}

/// Ends a campaign with whose people nothing more is tried; whether it was so. Otherwise it is looked at again.
async fn end(tx: &mut TenantTx, campaign: &Campaign, now: Timestamp) -> Result<bool, Error> {
    if tx.campaigns().open(&campaign.id).await? {
        tx.campaigns().planned(&campaign.id, now.plus_millis(PLAN_EVERY_MS)).await?;
        return Ok(false);
    }
    let ended = Campaign { state: CampaignState::Ended, ended: Some(now), ..campaign.clone() };
    tx.campaigns().set(&ended).await?;
    info!(campaign.id = %campaign.id, "a campaign has ended");
    tell_ended(tx, &ended, now).await?;
    Ok(true)
}

async fn write_down(
    tx: &mut TenantTx,
    campaign: &Campaign,
    zone: &Zone,
    now: Timestamp,
) -> Result<usize, Error> {
    let under_way = tx.campaigns().under_way(&campaign.id, now.plus_millis(SOON_MS)).await?;
    let ahead = (campaign.at_once_max + AHEAD).saturating_sub(under_way.out + under_way.ready);
    let room = ahead.min(WAITING_MAX.saturating_sub(under_way.waiting));
    if room == 0 {
        return Ok(0);
    }
    let mut planned = 0;
    for entry in tx.campaigns().next(&campaign.id, now, room).await? {
        let attempt = entry.attempts + 1;
        let Ok(to) = entry.number.parse::<E164>() else {
            tx.campaigns().done(&entry.id, Ending::Number, now).await?;
            continue;
        };
        let new = Outgoing {
            purpose: campaign.purpose.clone(),
            cause: Some(Cause::Campaign(campaign.id.clone(), entry.id.clone())),
            attempt,
            attempts_max: campaign.retry.attempts_max,
            contact: entry.contact.clone(),
            expires: Some(campaign.ends(zone)),
            ..Outgoing::waiting(
                OutgoingId::of(ids::fresh(now)),
                Kind::Campaign,
                to,
                Origin {
                    number: campaign.number.clone(),
                    assistant: campaign.assistant.clone(),
                    language: campaign.language,
                },
                now,
            )
        };
        if tx.campaigns().call(&entry.id, attempt, &new.id).await?
            && tx.outgoing().add(&new, None, PLANNER).await?
        {
            planned += 1;
        }
    }
    Ok(planned)
}

/// Plans every campaign of which it is time to look, at most `count_max`; how many attempts are new.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn plan_due(store: &Store, now: Timestamp, count_max: u32) -> Result<usize, Error> {
    let mut planned = 0;
    for (tenant, id) in store.across_tenants().campaigns_to_plan(now, count_max).await? {
        planned += plan(store, &tenant, &id, now).await?;
    }
    Ok(planned)
}

/// How a campaign bears on an attempt of its own that is about to be made.
pub(in crate::app::outgoing) enum Bears {
    /// It may be made, as far as the campaign goes; whether as many of its calls are out as may be.
    On {
        /// When its people are called.
        window: CallWindow,
        /// Whether no more may be out.
        full: bool,
    },
    /// Not before somebody goes on with it.
    Paused,
    /// It is over.
    Over,
}

/// How a campaign bears on an attempt of its own.
pub(in crate::app::outgoing) async fn bears(
    tx: &mut TenantTx,
    id: &CampaignId,
    now: Timestamp,
) -> Result<Bears, Error> {
    let Some(found) = tx.campaigns().revised(id).await? else { return Ok(Bears::Over) };
    let campaign = found.item;
    Ok(match campaign.state {
        CampaignState::Running => {
            let full = tx.campaigns().under_way(id, now).await?.out >= campaign.at_once_max;
            Bears::On { window: campaign.window, full }
        }
        CampaignState::Draft | CampaignState::Paused => Bears::Paused,
        CampaignState::Ended | CampaignState::Cancelled => Bears::Over,
    })
}

/// Notes what an attempt of a campaign's came to, and whether the person is tried again.
pub(in crate::app::outgoing) async fn follow(
    tx: &mut TenantTx,
    one: &Outgoing,
    ending: Ending,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(Cause::Campaign(id, entry)) = &one.cause else { return Ok(()) };
    let Some(campaign) = tx.campaigns().revised(id).await? else { return Ok(()) };
    if campaign.item.tries_again(one.attempt, ending) {
        let next = now.plus_minutes(i64::from(campaign.item.retry.after_min));
        tx.campaigns().again(entry, ending, next).await?;
    } else {
        tx.campaigns().done(entry, ending, now).await?;
    }
    Ok(())
}
