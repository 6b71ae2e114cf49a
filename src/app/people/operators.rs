//! Those who run the platform: made at the machine itself, never over the network.

use secrecy::{ExposeSecret, SecretString};

use super::{People, entry::new_user};
use crate::{
    app::{Error, Faults},
    domain::{assistant::Language, email::Email, id::UserId, password, time::Timestamp},
};

/// What came of making an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// A person nobody knew.
    Created(UserId),
    /// A person who had an account; her password and role are other from here on, and her sessions ended.
    Promoted(UserId),
}

impl People {
    /// Makes whoever has that address an operator with that password.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a password that is not good enough; [`Error::Unavailable`].
    pub async fn make_operator(
        &self,
        email: &Email,
        password: &SecretString,
        now: Timestamp,
    ) -> Result<Made, Error> {
        let mut faults = Faults::new();
        faults.take(password::check(password.expose_secret(), email, &[]), "/password");
        faults.settle()?;
        let hash = self.0.passwords.hash(password).await?;
        let mut tx = self.0.store.begin_platform().await?;
        let made = match tx.users().by_email(email).await? {
            Some(user) => {
                tx.users().set_password(&user.id, &hash).await?;
                tx.users().set_operator(&user.id, true).await?;
                tx.sessions().end_all(&user.id, now).await?;
                Made::Promoted(user.id)
            }
            None => {
                let mut user = new_user(email.clone(), hash, Language::English, now);
                user.operator = true;
                tx.users().add(&user).await?;
                Made::Created(user.id)
            }
        };
        tx.commit().await?;
        Ok(made)
    }

    /// Makes an operator an ordinary person again, and ends her sessions.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Unavailable`].
    pub async fn unmake_operator(&self, email: &Email, now: Timestamp) -> Result<(), Error> {
        let mut tx = self.0.store.begin_platform().await?;
        let user = tx.users().by_email(email).await?.filter(|user| user.operator);
        let user = user.ok_or(Error::NotFound("operator"))?;
        tx.users().set_operator(&user.id, false).await?;
        tx.sessions().end_all(&user.id, now).await?;
        Ok(tx.commit().await?)
    }
}
