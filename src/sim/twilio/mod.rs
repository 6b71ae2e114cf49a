//! The Twilio side of one call.
//!
//! [`Dial::place`] rings the server: signed webhook, TwiML, the Media Streams socket with a
//! [`Person`] on the line, the verbs after `</Connect>`, the status callback. Time runs by the
//! handed-in clock, sound in real time on it. What the server sends is checked against the closed outbound
//! shapes (protocols.md §1.1) and against what the TwiML documents allow; whatever Twilio would warn about is
//! a fault. It signs by itself and shares no code with the product's own Twilio adapter.

pub mod calling;
mod conditions;
mod exchange;
pub mod intelligence;
pub mod numbers;
mod playback;
pub mod shapes;
mod signing;
mod stream;
pub mod twiml;
mod verbs;

use std::{net::SocketAddr, time::Duration};

use reqwest::header::CONTENT_TYPE;

pub use conditions::Conditions;
pub use exchange::Exchange;
pub use signing::signature;
pub use verbs::{Callee, Ring, Rung};

use super::{Faults, caller::Person};
use crate::platform::{clock::Clock, ids};

/// An account with its primary token.
#[derive(Clone)]
pub struct Account {
    /// `AC` and 32 hexadecimal digits.
    pub sid: String,
    /// What requests are signed with.
    pub token: String,
}

/// A call about to be made.
#[derive(Clone)]
pub struct Dial {
    /// The clock it runs by.
    pub clock: Clock,
    /// Whose number is called.
    pub account: Account,
    /// Where the server can be reached, whatever the URLs say.
    pub reach: SocketAddr,
    /// The voice webhook, as Twilio is configured with it: this is what is signed.
    pub voice_url: String,
    /// The status callback, as Twilio is configured with it.
    pub status_url: Option<String>,
    /// The calling number, or what stands in its place (`anonymous`).
    pub from: String,
    /// The called number.
    pub to: String,
    /// The number that has sent the call on to the called one, if the network says so.
    pub forwarded: Option<String>,
    /// What the network says of the calling number, such as `TN-Validation-Passed-A`.
    pub verified: Option<String>,
    /// What happens to the sound on its way.
    pub conditions: Conditions,
    /// Where calls can be ended from, if the server is to be able to.
    pub exchange: Option<Exchange>,
    /// How whoever is rung for the caller behaves.
    pub callee: Callee,
    /// What the caller says when a message is taken, in 8 kHz μ-law; they hang up without, when there is none.
    pub message: Option<Vec<u8>>,
    /// The longest the call may take; the caller hangs up then.
    pub limit: Duration,
    /// Whether the stream's messages are kept, both ways, for a test to read.
    pub keep_log: bool,
}

/// Why the media stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The caller hung up.
    CallerHungUp,
    /// The server had the call ended, over the REST API.
    ServerHungUp,
    /// The server closed the socket, with this code if it gave one.
    ServerClosed(Option<u16>),
    /// The socket could not be opened, or broke: Twilio's error code.
    Broken(u16),
    /// It took longer than the limit.
    LimitReached,
}

/// A sentence Twilio spoke by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The words.
    pub words: String,
    /// The language tag, such as `de-DE`.
    pub language: String,
}

/// What became of a call.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Its SID.
    pub call_sid: String,
    /// Its stream's, if there was one.
    pub stream_sid: Option<String>,
    /// What the webhook answered.
    pub webhook_status: u16,
    /// How the stream ended, if there was one.
    pub stream_end: Option<StreamEnd>,
    /// From `start` to the first sound of the agent.
    pub first_sound: Option<Duration>,
    /// What the caller said, in 8 kHz μ-law from `start` on.
    pub caller_sound: Vec<u8>,
    /// What was played to the caller, in step with it.
    pub agent_sound: Vec<u8>,
    /// When a `clear` came, since `start`.
    pub clears: Vec<Duration>,
    /// Marks sent back.
    pub marks: usize,
    /// How often the sound ran dry although more of the same stretch was to come within 200 ms.
    pub underruns: usize,
    /// What Twilio spoke by itself.
    pub said: Vec<Said>,
    /// Who was rung for the caller.
    pub rung: Vec<Rung>,
    /// What the caller did not get to do, in words.
    pub undone: Vec<String>,
    /// How long it took, from the answer on.
    pub duration: Duration,
    /// What the status callback answered.
    pub status_callback: Option<u16>,
    /// The stream's messages from Twilio, if they are kept.
    pub sent: Vec<String>,
    /// The stream's messages to Twilio, if they are kept.
    pub received: Vec<String>,
}

/// Why no call came about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The webhook could not be reached.
    #[error("the voice webhook could not be reached")]
    Webhook(#[from] reqwest::Error),
    /// A URL that is none.
    #[error("not a URL: {0}")]
    Url(String),
}

impl Dial {
    /// Makes the call with `person` on the line, to its end.
    ///
    /// # Errors
    ///
    /// [`Error`], when there was nobody to call. A call that goes wrong later is told in the report.
    pub async fn place(&self, person: &mut dyn Person, faults: &Faults) -> Result<Report, Error> {
        let call_sid = sid("CA");
        let mut report = Report { call_sid: call_sid.clone(), ..Report::default() };
        let ended = self.exchange.as_ref().map(|exchange| exchange.begin(&call_sid)).unwrap_or_default();
        let form = self.form(&call_sid, "ringing");
        let answer = self.post(&self.voice_url, &form).await?;
        report.webhook_status = answer.status;
        let watch = self.clock.stopwatch();
        if answer.status == 200 {
            if !answer.content_type.starts_with("text/xml")
                && !answer.content_type.starts_with("application/xml")
            {
                faults.add(format!("TwiML of content type {:?} (12300)", answer.content_type));
            }
            match twiml::parse(&answer.body) {
                Ok(verbs) => self.follow(verbs, person, &ended, faults, &mut report).await,
                Err(why) => faults.add(format!("TwiML (12100): {why}")),
            }
        } else {
            faults.add(format!("the voice webhook answered {} (11200)", answer.status));
        }
        report.duration = watch.elapsed();
        if let Some(exchange) = &self.exchange {
            exchange.over(&call_sid);
        }
        report.undone.extend(person.undone());
        if let Some(url) = &self.status_url {
            let callback = self.completed(&call_sid, report.duration);
            let answer = self.post(url, &callback).await?;
            report.status_callback = Some(answer.status);
            if answer.status != 204 && answer.status != 200 {
                faults.add(format!("the status callback answered {}", answer.status));
            }
        }
        Ok(report)
    }

    /// Talks on a media socket at `url`, and does nothing besides: so a browser makes a test call. The call has its name
    /// from whoever begins it.
    pub async fn talk(
        &self,
        url: &str,
        call_sid: &str,
        token: &str,
        person: &mut dyn Person,
        faults: &Faults,
    ) -> Report {
        let mut report = Report { call_sid: call_sid.to_owned(), ..Report::default() };
        let parameters = [("token".to_owned(), token.to_owned())];
        let ended = tokio_util::sync::CancellationToken::new();
        let end = self.stream(url, &parameters, person, &ended, faults, &mut report).await;
        report.stream_end = Some(end);
        report.undone.extend(person.undone());
        report
    }

    /// A signed form POST, sent to where the server can be reached.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, or the URL is none.
    pub async fn post(&self, url: &str, form: &[(String, String)]) -> Result<Answer, Error> {
        let signature = signature(&self.account.token, url, form);
        self.post_signed(url, form, &signature).await
    }

    /// The same with a signature of the asker's choosing.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, or the URL is none.
    pub async fn post_signed(
        &self,
        url: &str,
        form: &[(String, String)],
        signature: &str,
    ) -> Result<Answer, Error> {
        let parsed = url::Url::parse(url).map_err(|_| Error::Url(url.to_owned()))?;
        let query = parsed.query().map_or(String::new(), |query| format!("?{query}"));
        let reached = format!("http://{}{}{query}", self.reach, parsed.path());
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let answer = reqwest::Client::new()
            .post(reached)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")
            .header("X-Twilio-Signature", signature)
            .header("User-Agent", "TwilioProxy/1.1")
            .body(body)
            .send()
            .await?;
        let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: answer.status().as_u16(),
            content_type: content_type.unwrap_or_default().to_owned(),
            body: answer.text().await?,
        })
    }

    /// The form of a voice webhook.
    pub fn form(&self, call_sid: &str, status: &str) -> Vec<(String, String)> {
        let mut form: Vec<(String, String)> = [
            ("AccountSid", self.account.sid.as_str()),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", call_sid),
            ("CallStatus", status),
            ("Direction", "inbound"),
            ("From", &self.from),
            ("To", &self.to),
            ("Caller", &self.from),
            ("Called", &self.to),
            ("FromCity", ""),
            ("FromState", ""),
            ("FromZip", ""),
            ("FromCountry", "DE"),
            ("ToCity", ""),
            ("ToState", ""),
            ("ToZip", ""),
            ("ToCountry", "DE"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if let Some(verified) = &self.verified {
            form.push(("StirVerstat".to_owned(), verified.clone()));
        }
        if let Some(forwarded) = &self.forwarded {
            form.push(("ForwardedFrom".to_owned(), forwarded.clone()));
        }
        form
    }

    /// The form of the status callback at the end.
    fn completed(&self, call_sid: &str, duration: Duration) -> Vec<(String, String)> {
        let now = self.clock.now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC);
        let seconds = duration.as_millis().div_ceil(1_000);
        let more = [
            ("Timestamp", jiff::fmt::rfc2822::to_string(&now).unwrap_or_default()),
            ("CallbackSource", "call-progress-events".to_owned()),
            ("SequenceNumber", "0".to_owned()),
            ("CallDuration", seconds.to_string()),
            ("Duration", seconds.div_ceil(60).to_string()),
            ("SipResponseCode", "200".to_owned()),
        ];
        let mut form = self.form(call_sid, "completed");
        form.extend(more.map(|(name, value)| (name.to_owned(), value)));
        form
    }
}

/// What a webhook answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type, empty if none was given.
    pub content_type: String,
    /// The body.
    pub body: String,
}

/// A fresh SID of a kind, such as `CA`.
pub fn sid(kind: &str) -> String {
    format!("{kind}{}", &ids::token()[..32])
}
