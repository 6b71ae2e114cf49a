//! Calls that Twilio is asked to make, and text messages (protocols.md §1.5).
//!
//! Neither is idempotent and Twilio has no key for them: who asks has written down that they will, and looks with
//! [`Rest::find_calls`] before every repeat.

use reqwest::Method;
use serde::Deserialize;

use super::{Credentials, Error, Rest, answered, numbers::query_of, read};
use crate::domain::{conversation::CallSid, phone::E164, time::Timestamp};

/// Calls of one list that are looked at.
const CALLS_PAGE: u32 = 50;
/// Longest text message, in characters: ten parts of a concatenated one.
pub const MESSAGE_CHARS_MAX: usize = 600;

/// How long a machine that answers is listened to for the end of its greeting, in seconds.
const MACHINE_SECONDS_MAX: &str = "30";

/// A call that is to be made. It carries numbers, so it has no `Debug`.
#[derive(Clone)]
pub struct Dial<'d> {
    /// Who is called.
    pub to: &'d E164,
    /// From which of the account's numbers.
    pub from: &'d E164,
    /// Where Twilio asks what to do when somebody answers.
    pub url: &'d str,
    /// Where it tells how the call goes on.
    pub status_url: &'d str,
    /// Where it tells whether a machine has answered.
    pub machine_url: &'d str,
    /// How long it rings, in seconds.
    pub ring_seconds: u32,
    /// How long the call may last, in seconds.
    pub seconds_max: u32,
}

/// Where a call stands at Twilio, in Twilio's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// `queued`, `initiated` or `ringing`.
    Ringing,
    /// `in-progress`.
    InProgress,
    /// `completed`: it was answered, and is over.
    Completed,
    /// `busy`.
    Busy,
    /// `no-answer`.
    NoAnswer,
    /// `failed`.
    Failed,
    /// `canceled`.
    Cancelled,
}

impl Progress {
    /// What Twilio's word means, if it means anything to us.
    pub fn of(word: &str) -> Option<Self> {
        Some(match word {
            "queued" | "initiated" | "ringing" => Self::Ringing,
            "in-progress" => Self::InProgress,
            "completed" => Self::Completed,
            "busy" => Self::Busy,
            "no-answer" => Self::NoAnswer,
            "failed" => Self::Failed,
            "canceled" => Self::Cancelled,
            _ => return None,
        })
    }
}

/// A call as Twilio knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub sid: CallSid,
    /// Where it stands; `None` for a word that is yet to be invented.
    pub progress: Option<Progress>,
    /// When Twilio was asked to make it.
    pub created: Option<Timestamp>,
}

#[derive(Deserialize)]
struct CallWire {
    sid: String,
    status: Option<String>,
    date_created: Option<String>,
    direction: Option<String>,
}

#[derive(Deserialize)]
struct CallsPage {
    calls: Vec<CallWire>,
}

#[derive(Deserialize)]
struct MessageWire {
    sid: String,
}

impl CallWire {
    fn found(self) -> Result<Found, Error> {
        let created = self.date_created.as_deref().map(jiff::fmt::rfc2822::parse);
        Ok(Found {
            sid: self.sid.parse().map_err(|_| Error::Garbled("a call's name is none"))?,
            progress: self.status.as_deref().and_then(Progress::of),
            created: created.and_then(Result::ok).map(|at| Timestamp::from(at.timestamp())),
        })
    }
}

impl Rest {
    /// Has Twilio call somebody. Not to be repeated without having looked with [`Rest::find_calls`].
    ///
    /// # Errors
    /// [`Error::Refused`] when Twilio will not. After [`Error::Away`] and [`Error::Garbled`] nobody knows whether it does.
    pub async fn dial(&self, who: &Credentials, dial: &Dial<'_>) -> Result<Found, Error> {
        let (ring, longest) = (dial.ring_seconds.to_string(), dial.seconds_max.to_string());
        let mut form = vec![
            ("To", dial.to.as_str()),
            ("From", dial.from.as_str()),
            ("Url", dial.url),
            ("Method", "POST"),
            ("StatusCallback", dial.status_url),
            ("StatusCallbackMethod", "POST"),
            ("Timeout", &ring),
            ("TimeLimit", &longest),
            // The person is talked to at once; what the detection finds comes beside.
            ("MachineDetection", "DetectMessageEnd"),
            ("MachineDetectionTimeout", MACHINE_SECONDS_MAX),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", dial.machine_url),
            ("AsyncAmdStatusCallbackMethod", "POST"),
        ];
        // Once per value, as Twilio wants it.
        let events = ["initiated", "ringing", "answered", "completed"];
        form.extend(events.map(|event| ("StatusCallbackEvent", event)));
        let path = format!("{}/Calls.json", who.account_sid);
        read::<CallWire>(self.request(Method::POST, who, &path).form(&form)).await?.found()
    }

    /// The calls that Twilio was asked to make between two numbers, the latest first. By the day on which they began
    /// nothing is left out: one that is queued has not begun.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn find_calls(&self, who: &Credentials, from: &E164, to: &E164) -> Result<Vec<Found>, Error> {
        let size = CALLS_PAGE.to_string();
        let query = query_of(&[("To", to.as_str()), ("From", from.as_str()), ("PageSize", &size)]);
        let path = format!("{}/Calls.json?{query}", who.account_sid);
        let page: CallsPage = read(self.request(Method::GET, who, &path)).await?;
        let ours = |call: &CallWire| call.direction.as_deref().is_none_or(|way| way == "outbound-api");
        page.calls.into_iter().filter(ours).map(CallWire::found).collect()
    }

    /// What has become of a call.
    ///
    /// # Errors
    /// [`Error::NotFound`] when Twilio does not know it (any more).
    pub async fn call(&self, who: &Credentials, sid: &CallSid) -> Result<Found, Error> {
        let path = format!("{}/Calls/{sid}.json", who.account_sid);
        read::<CallWire>(self.request(Method::GET, who, &path)).await?.found()
    }

    /// Has a call that runs go on with another document. Returns whether it still ran.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn redirect(&self, who: &Credentials, sid: &CallSid, twiml: &str) -> Result<bool, Error> {
        let path = format!("{}/Calls/{sid}.json", who.account_sid);
        match answered(self.request(Method::POST, who, &path).form(&[("Twiml", twiml)])).await {
            Err(Error::NotFound | Error::Refused { code: super::CALL_IS_OVER, .. }) => Ok(false),
            answer => answer.map(|_| true),
        }
    }

    /// Sends a text message; Twilio's name for it (`SM…`).
    ///
    /// # Errors
    /// [`Error::Refused`] when Twilio will not. After [`Error::Away`] and [`Error::Garbled`] nobody knows whether it was
    /// sent.
    pub async fn message(
        &self,
        who: &Credentials,
        from: &E164,
        to: &E164,
        body: &str,
    ) -> Result<String, Error> {
        let path = format!("{}/Messages.json", who.account_sid);
        let form = [("To", to.as_str()), ("From", from.as_str()), ("Body", body)];
        Ok(read::<MessageWire>(self.request(Method::POST, who, &path).form(&form)).await?.sid)
    }
}
