//! Mail, out: one letter to one mail server.
//!
//! Speaks SMTP (RFC 5321), by TLS unless it is told otherwise. It keeps nothing, tries once and says how that ended;
//! trying again is `jobs`' to do. Who is written to, and what, is not decided here and never logged.

use std::{
    fmt,
    time::{Duration, UNIX_EPOCH},
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    address::AddressError,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        self,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::domain::{email::Email, id::MailId, time::Timestamp};

/// `[mail]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The mail server's name; empty when there is none.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: Encryption,
    /// Who we are to it; empty when it asks nobody.
    pub user: String,
    /// How we prove that.
    pub password: SecretString,
    /// From whom the mails are, such as `frontdesk <frontdesk@example.com>`.
    pub from: String,
    /// Longest time one step of the conversation may take, in milliseconds.
    pub timeout_ms: u64,
}

impl Settings {
    /// Whether there is a mail server.
    pub fn is_configured(&self) -> bool {
        !self.host.is_empty()
    }
}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// From the first byte on; usual at port 465.
    Tls,
    /// After a plain greeting, and never without; usual at port 587.
    StartTls,
    /// Not at all: only for a mail server on the same machine.
    None,
}

/// Why a mail was not sent, or none can be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configured sender is no address.
    #[error("`mail.from` is not an address such as frontdesk <frontdesk@example.com>")]
    From(#[source] AddressError),
    /// The configured server's name cannot be checked by TLS.
    #[error("`mail.host` is not the name of a mail server")]
    Host(#[source] smtp::Error),
    /// The mail server will not have this mail, now or later.
    #[error("the mail server does not take the mail")]
    Refused(#[source] smtp::Error),
    /// The mail server is away, or says that it should be tried again.
    #[error("the mail server does not answer as it should")]
    Away(#[source] smtp::Error),
    /// The words make no mail.
    #[error("the mail cannot be put together")]
    Words(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The way to a mail server. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// The way to the configured server; `None` when there is none. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Error::From`], [`Error::Host`].
    pub fn new(settings: &Settings) -> Result<Option<Self>, Error> {
        if !settings.is_configured() {
            return Ok(None);
        }
        let host = settings.host.as_str();
        let known = || TlsParameters::new(host.to_owned()).map_err(Error::Host);
        let tls = match settings.tls {
            Encryption::Tls => Tls::Wrapper(known()?),
            Encryption::StartTls => Tls::Required(known()?),
            Encryption::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(Duration::from_millis(settings.timeout_ms)));
        if !settings.user.is_empty() {
            let password = settings.password.expose_secret().to_owned();
            transport = transport.credentials(Credentials::new(settings.user.clone(), password));
        }
        let from = settings.from.parse().map_err(Error::From)?;
        Ok(Some(Self { transport: transport.build(), from }))
    }

    /// Hands a mail over to the server: plain text, marked as written by a machine, so that no other machine answers.
    /// Sent twice by mistake, it carries the same id.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Away`], [`Error::Words`].
    pub async fn send(
        &self,
        id: &MailId,
        to: &Email,
        subject: &str,
        body: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let address = to.as_str().parse().map_err(|error: AddressError| Error::Words(error.into()))?;
        let written = UNIX_EPOCH + Duration::from_micros(u64::try_from(now.0).unwrap_or(0));
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address))
            .subject(subject)
            .date(written)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(body.to_owned())
            .map_err(|error| Error::Words(error.into()))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(Error::Refused(error)),
            Err(error) => Err(Error::Away(error)),
        }
    }

    /// Connects, proves who we are, and leaves: whether mails could be sent.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Away`].
    pub async fn check(&self) -> Result<(), Error> {
        match self.transport.test_connection().await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(Error::Refused(error)),
            Err(error) => Err(Error::Away(error)),
        }
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").finish_non_exhaustive()
    }
}

/// `Auto-Submitted: auto-generated` (RFC 3834 §5).
#[derive(Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
