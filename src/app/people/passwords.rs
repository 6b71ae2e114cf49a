//! Another password: forgotten and chosen anew by mail, or changed by somebody who knows the old one.
//!
//! Either ends every session there was. Whether an address is known is not told to whoever says it was forgotten.

use secrecy::{ExposeSecret, SecretString};

use super::{
    People, Proven,
    entry::{Grant, new_user},
    letters,
};
use crate::{
    app::{Error, Faults},
    domain::{assistant::Language, email::Email, password, time::Timestamp},
    platform::{ids, passwords::Verdict, tokens},
};

/// How long a link to choose another password is good, in minutes.
pub const RESET_MINUTES: i64 = 60;

/// How many such links a person may have at once: further mails would be somebody's way to annoy her.
pub const OPEN_MAX: u64 = 5;

impl People {
    /// Writes a mail with a link to whoever has that address; to nobody, when nobody has. The work is the same.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn forgot(&self, email: &Email, now: Timestamp) -> Result<(), Error> {
        let token = SecretString::from(ids::token());
        let expires = now.plus_minutes(RESET_MINUTES);
        let mut tx = self.0.store.begin_platform().await?;
        let known = tx.users().by_email(email).await?;
        let is_known = known.is_some();
        let user = known.unwrap_or_else(|| new_user(email.clone(), String::new(), Language::English, now));
        let link = self.link("reset", &token);
        let letter = letters::reset(user.language, &link);
        self.post(&mut tx.mails(), &user.email, &letter, now, expires).await?;
        let open = tx.sessions().open_resets(&user.id, now).await?;
        if !is_known || open >= OPEN_MAX {
            // Dropped, the mail was never written.
            return Ok(());
        }
        let hash = tokens::fingerprint(token.expose_secret());
        tx.sessions().add_reset(&user.id, &hash, expires).await?;
        Ok(tx.commit().await?)
    }

    /// Chooses another password with the token of such a link, which is good once.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a token that is not good, or a password that is not good enough;
    /// [`Error::Unavailable`].
    pub async fn reset(
        &self,
        token: &SecretString,
        password: &SecretString,
        now: Timestamp,
    ) -> Result<(), Error> {
        let over = || Error::invalid("/token", "is not good, or good no more; ask for another mail");
        let hash = tokens::fingerprint(token.expose_secret());
        // Looked at first and used up later: a password that is refused must not cost the link.
        let mut tx = self.0.store.begin_platform().await?;
        let user = tx.sessions().use_reset(&hash, now).await?.ok_or_else(over)?;
        let user = tx.users().get(&user).await?.ok_or_else(over)?;
        drop(tx);
        let mut faults = Faults::new();
        faults.take(password::check(password.expose_secret(), &user.email, &[]), "/password");
        faults.settle()?;
        let new = self.0.passwords.hash(password).await?;
        let mut tx = self.0.store.begin_platform().await?;
        let user = tx.sessions().use_reset(&hash, now).await?.ok_or_else(over)?;
        tx.users().set_password(&user, &new).await?;
        tx.sessions().end_all(&user, now).await?;
        tx.sessions().use_up_resets(&user, now).await?;
        Ok(tx.commit().await?)
    }

    /// Changes the password of whoever asks. Every session ends, and a fresh one begins where she is.
    ///
    /// # Errors
    /// [`Error::Closed`] to programs; [`Error::Invalid`]; [`Error::Unavailable`].
    pub async fn change_password(
        &self,
        by: &Proven,
        current: &SecretString,
        new: &SecretString,
        now: Timestamp,
    ) -> Result<Grant, Error> {
        let session = by.person()?;
        let user = self.user(&session.user).await?;
        let mut faults = Faults::new();
        faults.take(password::check(new.expose_secret(), &user.email, &[]), "/password");
        faults.settle()?;
        let verdict = self.0.passwords.verify(current, Some(&user.password_hash)).await?;
        if verdict == Verdict::Wrong {
            return Err(Error::invalid("/current_password", "is not right"));
        }
        let hash = self.0.passwords.hash(new).await?;
        let at = match &session.tenant {
            Some(tenant) => self.at(tenant, &user, Some(now)).await?,
            None => None,
        };
        let mut tx = self.0.store.begin_platform().await?;
        if !tx.users().rehash(&user.id, &user.password_hash, &hash).await? {
            return Err(Error::Conflict("the password has been changed in the meantime"));
        }
        tx.sessions().end_all(&user.id, now).await?;
        tx.sessions().use_up_resets(&user.id, now).await?;
        tx.commit().await?;
        self.enter(user, at, now).await
    }
}
