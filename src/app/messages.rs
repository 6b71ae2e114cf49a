//! What callers left for the business, and who looks after it.
//!
//! Messages are worked as a list: what cannot wait first, then the oldest; those of one caller stand together ([`Card`]), and
//! whoever calls back takes all of them for a while, so that two do not call. Whoever was not reached is tried again later.
//! Nobody is called here.

use super::{Error, access::Actor, audit};
use crate::{
    domain::{
        contact::Contact,
        id::MessageId,
        people::{Subject, Verb},
        phone::E164,
        revision::{Revised, Revision},
        time::Timestamp,
    },
    store::{Message, MessageWork, Page, Place, Store, TenantTx},
};

/// For how long whoever calls back keeps others from it, in minutes.
pub const CLAIM_MINUTES: i64 = 10;
/// The furthest it can be put off, in minutes: thirty days.
pub const AGAIN_MINUTES_MAX: i64 = 30 * 24 * 60;
/// Open messages that are looked at: beyond these the list says that there are more.
pub const OPEN_MAX: u32 = 500;

/// Cards that are shown of what is to be done, and of what was put off: beyond these, too.
pub const CARDS_MAX: usize = 25;

/// What of a message staff say by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whether it was looked after.
    pub handled: bool,
    /// Whether it cannot wait.
    pub urgent: bool,
}

/// The open messages of one caller. `Debug` is not for who and what.
#[derive(Clone)]
pub struct Card {
    /// Where they can be called back.
    pub number: Option<E164>,
    /// Who has that number, as far as is known: several may.
    pub contacts: Vec<Contact>,
    /// Their messages, the oldest first; never none.
    pub messages: Vec<Message>,
    /// How often they have called since the first of them was left, that call included.
    pub calls: u32,
    /// When the first of these calls rang.
    pub calling_since: Option<Timestamp>,
}

impl Card {
    /// Whether one of them cannot wait.
    pub fn urgent(&self) -> bool {
        self.messages.iter().any(|message| message.work.urgent)
    }

    /// When the oldest was left.
    pub fn since(&self) -> Timestamp {
        self.messages.iter().map(|message| message.left).min().unwrap_or(Timestamp::MAX)
    }

    /// Until when it is put off: the latest of what was said.
    pub fn again(&self) -> Option<Timestamp> {
        self.messages.iter().filter_map(|message| message.work.again).max()
    }

    /// How often nobody was reached.
    pub fn tries(&self) -> u32 {
        self.messages.iter().map(|message| message.work.tries).max().unwrap_or(0)
    }

    /// Who calls back at that moment, and until when nobody else does.
    pub fn claim(&self, now: Timestamp) -> Option<&(String, Timestamp)> {
        self.messages.iter().filter_map(|message| claimed(message, now)).next()
    }
}

/// What there is to be worked.
#[derive(Clone)]
pub struct Worklist {
    /// What is to be done, first things first.
    pub due: Vec<Card>,
    /// What was put off, the earliest first.
    pub later: Vec<Card>,
    /// Whether there is more than is shown.
    pub more: bool,
}

/// The messages that fit, latest first; with `handled`, only those that were looked after, or were not.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn list(
    store: &Store,
    by: &Actor,
    handled: Option<bool>,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Message>, Error> {
    by.must(Verb::Read, Subject::Messages)?;
    Ok(store.read(by.tenant()).await?.messages().page(handled, after, count_max).await?)
}

/// What there is to be worked at that moment, a card for each caller.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn worklist(store: &Store, by: &Actor, now: Timestamp) -> Result<Worklist, Error> {
    by.must(Verb::Read, Subject::Messages)?;
    let mut tx = store.read(by.tenant()).await?;
    let open = tx.messages().open(None, OPEN_MAX + 1).await?;
    let mut more = open.len() > OPEN_MAX as usize;
    let mut cards: Vec<Card> = vec![];
    for message in open.into_iter().take(OPEN_MAX as usize) {
        let same = |card: &&mut Card| card.number.is_some() && card.number == message.number;
        match cards.iter_mut().find(same) {
            Some(card) => card.messages.push(message),
            None => cards.push(Card {
                number: message.number.clone(),
                contacts: vec![],
                messages: vec![message],
                calls: 0,
                calling_since: None,
            }),
        }
    }
    let (mut later, mut due): (Vec<Card>, Vec<Card>) =
        cards.into_iter().partition(|card| card.again().is_some_and(|again| again > now));
    due.sort_by_key(|card| (!card.urgent(), card.since()));
    later.sort_by_key(Card::again);
    more |= due.len() > CARDS_MAX || later.len() > CARDS_MAX;
    due.truncate(CARDS_MAX);
    later.truncate(CARDS_MAX);
    for card in due.iter_mut().chain(&mut later) {
        let Some(number) = card.number.clone() else { continue };
        // The call in which the first was left rang before.
        let call = card.messages.first().and_then(|message| message.call.clone());
        let rang = match call {
            Some(call) => tx.calls().get(&call).await?.map(|call| call.rang),
            None => None,
        };
        let since = rang.unwrap_or(card.since());
        (card.calls, card.calling_since) = tx.messages().calls_since(&number, since).await?;
        card.contacts = tx.contacts().by_number(&number).await?;
    }
    Ok(Worklist { due, later, more })
}

/// One message.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &MessageId) -> Result<Revised<Message>, Error> {
    by.must(Verb::Read, Subject::Messages)?;
    kept(&mut store.read(by.tenant()).await?, id).await
}

/// Notes what somebody says of a message: that it was looked after or was not after all, that it can or cannot wait.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &MessageId,
    seen: Option<Revision>,
    wanted: Wanted,
) -> Result<Revised<Message>, Error> {
    by.must(Verb::Write, Subject::Messages)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = kept(&mut tx, id).await?;
    before.must_be(seen)?;
    if before.item.work.urgent != wanted.urgent {
        let work = MessageWork { urgent: wanted.urgent, ..before.item.work.clone() };
        tx.messages().set_work(id, &work).await?;
        let action = if wanted.urgent { "message.urgent" } else { "message.not_urgent" };
        audit::tell(&mut tx, by, now, action, id.as_str(), serde_json::json!({})).await?;
    }
    handle(&mut tx, by, now, &before.item, wanted.handled).await?;
    let after = kept(&mut tx, id).await?;
    tx.commit().await?;
    Ok(after)
}

async fn handle(
    tx: &mut TenantTx,
    by: &Actor,
    now: Timestamp,
    message: &Message,
    handled: bool,
) -> Result<(), Error> {
    if message.handled.is_some() == handled {
        return Ok(());
    }
    let who = by.to_string();
    tx.messages().handle(&message.id, handled.then_some((now, who.as_str()))).await?;
    let action = if handled { "message.handled" } else { "message.reopened" };
    audit::tell(tx, by, now, action, message.id.as_str(), serde_json::json!({})).await
}

/// Takes a message and the others of the same caller for [`CLAIM_MINUTES`]: whoever takes it calls back, and nobody else.
/// Taken again by the same, it lasts that long from then on.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when somebody else has it or it was looked after;
/// [`Error::Unavailable`].
pub async fn claim(store: &Store, by: &Actor, now: Timestamp, id: &MessageId) -> Result<Vec<Message>, Error> {
    let until = now.plus_minutes(CLAIM_MINUTES);
    work(store, by, now, id, "message.claimed", |work, who| {
        work.claim = Some((who.to_owned(), until));
    })
    .await
}

/// Lets a message go, with the others of the same caller.
///
/// # Errors
/// As [`claim`].
pub async fn release(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &MessageId,
) -> Result<Vec<Message>, Error> {
    work(store, by, now, id, "message.released", |work, _| work.claim = None).await
}

/// Notes that a caller was called back and not reached, and when it is to be tried again.
///
/// # Errors
/// As [`claim`]; [`Error::Invalid`] when that is not between now and [`AGAIN_MINUTES_MAX`] from now.
pub async fn not_reached(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &MessageId,
    again: Timestamp,
) -> Result<Vec<Message>, Error> {
    by.must(Verb::Write, Subject::Messages)?;
    kept(&mut store.read(by.tenant()).await?, id).await?;
    if again <= now || again > now.plus_minutes(AGAIN_MINUTES_MAX) {
        return Err(Error::invalid("/again_at", "must lie within the next thirty days"));
    }
    work(store, by, now, id, "message.not_reached", |work, _| {
        *work = MessageWork {
            claim: None,
            tries: work.tries.saturating_add(1),
            again: Some(again),
            urgent: work.urgent,
        };
    })
    .await
}

/// Takes the last "not reached" back.
///
/// # Errors
/// As [`claim`].
pub async fn undo_not_reached(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &MessageId,
) -> Result<Vec<Message>, Error> {
    work(store, by, now, id, "message.not_reached_undone", |work, _| {
        work.tries = work.tries.saturating_sub(1);
        work.again = None;
    })
    .await
}

/// Notes that a caller's messages were looked after, and whether they were `reached` for that: which messages they were, so
/// that it can be undone.
///
/// # Errors
/// As [`claim`].
pub async fn done(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &MessageId,
    reached: bool,
) -> Result<Vec<Message>, Error> {
    by.must(Verb::Write, Subject::Messages)?;
    let mut tx = store.begin(by.tenant()).await?;
    let together = together(&mut tx, by, now, id).await?;
    for message in &together {
        handle(&mut tx, by, now, message, true).await?;
    }
    if reached {
        audit::tell(&mut tx, by, now, "message.reached", id.as_str(), serde_json::json!({})).await?;
    }
    tx.commit().await?;
    Ok(together)
}

/// Notes that messages were not looked after, after all. Those that are gone are left out.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn reopen(store: &Store, by: &Actor, now: Timestamp, ids: &[MessageId]) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Messages)?;
    let mut tx = store.begin(by.tenant()).await?;
    for id in ids {
        if let Some(message) = tx.messages().revised(id).await? {
            handle(&mut tx, by, now, &message.item, false).await?;
        }
    }
    Ok(tx.commit().await?)
}

/// Changes how a caller's open messages are worked.
async fn work(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &MessageId,
    action: &'static str,
    change: impl Fn(&mut MessageWork, &str),
) -> Result<Vec<Message>, Error> {
    by.must(Verb::Write, Subject::Messages)?;
    let mut tx = store.begin(by.tenant()).await?;
    let who = by.to_string();
    let mut changed = together(&mut tx, by, now, id).await?;
    for message in &mut changed {
        change(&mut message.work, &who);
        tx.messages().set_work(&message.id, &message.work).await?;
    }
    audit::tell(&mut tx, by, now, action, id.as_str(), serde_json::json!({})).await?;
    tx.commit().await?;
    Ok(changed)
}

/// The open messages of whoever left that one, if nobody else calls them back at that moment.
async fn together(
    tx: &mut TenantTx,
    by: &Actor,
    now: Timestamp,
    id: &MessageId,
) -> Result<Vec<Message>, Error> {
    tx.messages().lock().await?;
    let message = kept(tx, id).await?.item;
    if message.handled.is_some() {
        return Err(Error::Conflict("that message has been looked after"));
    }
    let all = match &message.number {
        Some(number) => tx.messages().open(Some(number), OPEN_MAX).await?,
        None => vec![message],
    };
    let who = by.to_string();
    let taken = all.iter().filter_map(|message| claimed(message, now)).any(|(other, _)| *other != who);
    if taken {
        return Err(Error::Conflict("somebody else is calling back"));
    }
    Ok(all)
}

/// Who calls back at that moment, and until when.
fn claimed(message: &Message, now: Timestamp) -> Option<&(String, Timestamp)> {
    message.work.claim.as_ref().filter(|(_, until)| *until > now)
}

async fn kept(tx: &mut TenantTx, id: &MessageId) -> Result<Revised<Message>, Error> {
    tx.messages().revised(id).await?.ok_or(Error::NotFound("message"))
}
