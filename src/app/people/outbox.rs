//! The outbox: where a mail waits until somebody takes it.
//!
//! A mail is written in the transaction of the change it tells of. With a mail server it is sent by a job; without
//! one it waits here, where whoever runs the platform finds it with its link.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::{People, letters::Letter};
use crate::{
    app::{Error, access::Operator},
    domain::{email::Email, id::MailId, time::Timestamp},
    mail::{self, Mailer},
    platform::{ids, secrets},
    store::{Mail, MailTimes, Mails, Page, Place, SealedColumn},
};

/// How long a mail is remembered, in minutes: thirty days.
pub const MAILS_KEPT_MINUTES: i64 = 30 * 24 * 60;
/// Why a mail was given up that nobody could send in time.
pub const LINK_OVER: &str = "its link was good no more before it could be sent";

/// What stands before the token in a link.
const TOKEN_MARK: &str = "#token=";

/// A mail with its words.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// The mail.
    pub mail: Mail,
    /// Its words; gone once it was sent.
    pub body: Option<String>,
}

impl Opened {
    /// The link in it.
    pub fn link(&self) -> Option<&str> {
        // A line of its own: whatever else stands in the words has spaces in it.
        let link = |line: &&str| line.starts_with("http") && line.contains(TOKEN_MARK) && !line.contains(' ');
        self.body.as_deref()?.lines().find(link)
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mail.fmt(f)
    }
}

impl People {
    /// The link to a page of the console that is opened with a token. It stands behind a `#`, so that no server on
    /// the way sees it.
    pub(super) fn link(&self, page: &str, token: &SecretString) -> String {
        format!("{}/{page}{TOKEN_MARK}{}", self.0.console, token.expose_secret())
    }

    /// A page of the console.
    pub(in crate::app) fn page(&self, name: &str) -> String {
        format!("{}/{name}", self.0.console)
    }

    /// Writes a mail.
    pub(in crate::app) async fn post(
        &self,
        mails: &mut Mails<'_>,
        to: &Email,
        letter: &Letter,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), Error> {
        self.post_later(mails, to, letter, now, now, expires_at).await
    }

    /// Writes a mail that is to be sent from `due` on.
    pub(in crate::app) async fn post_later(
        &self,
        mails: &mut Mails<'_>,
        to: &Email,
        letter: &Letter,
        now: Timestamp,
        due: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), Error> {
        let id = MailId::of(ids::fresh(now));
        let times = MailTimes { written: now, due, expires: expires_at };
        let words = SecretString::from(letter.body.as_str());
        let sealed = self.0.keys.seal(body_of(&id), &words)?;
        Ok(mails.add(&id, to, &letter.subject, &sealed, times).await?)
    }

    /// The outbox, in the order of writing, a page at a time.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn outbox(
        &self,
        _by: &Operator,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Opened>, Error> {
        self.mails(after, count_max).await
    }

    /// Hands a mail to the mail server.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it is to be tried again; [`Error::Conflict`] when that would not help.
    pub async fn deliver(&self, mailer: &Mailer, mail: &Mail, now: Timestamp) -> Result<(), Error> {
        if mail.expires_at <= now {
            return Err(Error::Conflict(LINK_OVER));
        }
        let words = self.open(mail).await;
        let words = words.ok_or(Error::Conflict("its words cannot be opened with the configured key"))?;
        let sent = mailer.send(&mail.id, &mail.recipient, &mail.subject, words.expose_secret(), now).await;
        sent.map_err(|error| match error {
            mail::Error::Refused(_) => Error::Conflict("the mail server does not take it"),
            mail::Error::Away(_) => Error::Unavailable("the mail server", Box::new(error)),
            mail::Error::From(_) | mail::Error::Host(_) | mail::Error::Words(_) => {
                Error::Conflict("it cannot be put together")
            }
        })
    }

    /// The same for whoever sits at the machine itself.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn mails(&self, after: Option<&Place>, count_max: u32) -> Result<Page<Opened>, Error> {
        let page = self.0.store.read_platform().await?.mails().page(after, count_max).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for mail in page.items {
            let body = self.open(&mail).await.map(|words| words.expose_secret().to_owned());
            items.push(Opened { mail, body });
        }
        Ok(Page { items, next: page.next })
    }

    /// The words of a mail, if they are still there and were sealed under a key we have.
    async fn open(&self, mail: &Mail) -> Option<SecretString> {
        self.0.keys.open(body_of(&mail.id), mail.body.as_deref()?).await.ok()
    }
}

/// A mail's words are bound to the mail itself: moved to another row, they do not open.
fn body_of(id: &MailId) -> secrets::Place<'_> {
    secrets::Place { owner: None, column: SealedColumn::MailBody.name(), row: id.as_str() }
}
