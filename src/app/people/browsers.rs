//! Browsers: a session held by a cookie.
//!
//! What a browser keeps is the session's first token, which it shows with every request and never exchanges. It can be
//! exchanged for a pair of API tokens once, by whoever holds it, and opens no page from there on. A session that is used
//! goes on, as one that is refreshed does.

use secrecy::{ExposeSecret, SecretString};

use super::{
    Error, People, Proven,
    entry::{SESSION_MINUTES, SESSION_MINUTES_MAX},
    proven, who,
};
use crate::{domain::time::Timestamp, platform::tokens};

/// How often a session in use is prolonged, in minutes: once a day.
const PROLONGED_EVERY_MINUTES: i64 = 24 * 60;

impl People {
    /// Whose browser shows this token.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the session is over or the token none of ours; [`Error::Unavailable`].
    pub async fn know_browser(&self, token: &SecretString, now: Timestamp) -> Result<Proven, Error> {
        const OVER: Error = Error::Unauthenticated("The session is over; log in again.");
        let store = &self.0.store;
        let hash = tokens::fingerprint(token.expose_secret());
        let session = store.read_platform().await?.sessions().of_token(&hash).await?.ok_or(OVER)?;
        if session.ended_at.is_some() || session.expires_at <= now {
            return Err(OVER);
        }
        let standing = match &session.tenant {
            Some(tenant) => store.read(tenant).await?.sessions().standing(&session.id).await?,
            None => store.read_platform().await?.sessions().standing(&session.id).await?,
        };
        let standing = self.masked_standing(standing.ok_or(OVER)?);
        if session.tenant.is_some() && who(&standing, now).is_none() {
            // She works there no more, or is not let in any more.
            return Err(OVER);
        }
        let until = now.plus_minutes(SESSION_MINUTES).min(session.began_at.plus_minutes(SESSION_MINUTES_MAX));
        if until.millis_since(session.expires_at) >= PROLONGED_EVERY_MINUTES * 60_000 {
            let mut tx = store.begin_platform().await?;
            tx.sessions().extend(&session.id, until).await?;
            tx.commit().await?;
        }
        Ok(proven(standing, now))
    }
}
