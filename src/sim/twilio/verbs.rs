//! What Twilio does by itself between and after streams: ring somebody for the caller, ask them for a key, and go where a
//! document leads.
//!
//! Who is rung behaves as the test wants: takes the call, is busy, does not answer, or lets it be. What they hear before
//! they are connected is kept; the caller hears it ring.

use std::{collections::VecDeque, time::Duration};

use super::{
    super::{Faults, caller::Person},
    Dial, Report, Said, StreamEnd, sid,
    twiml::{self, Verb},
};
use tokio_util::sync::CancellationToken;

/// How long somebody takes to answer a telephone.
const ANSWERS_AFTER: Duration = Duration::from_secs(2);
/// How long the two talk, once they are connected.
const TALK: Duration = Duration::from_secs(3);
/// How long a busy tone is listened to.
const BUSY_TONE: Duration = Duration::from_millis(500);
/// Documents one call may be led through (error 11215).
const DOCUMENTS_MAX: usize = 10;

/// How somebody who is rung behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Callee {
    /// Answers, presses the key when asked to, and talks.
    #[default]
    Takes,
    /// Is on the telephone already.
    Busy,
    /// Does not answer.
    NoAnswer,
    /// Answers, and presses no key.
    Declines,
    /// Cannot be rung: there is no such number.
    Nowhere,
}

/// Somebody who was rung for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Where it rang.
    pub number: String,
    /// The number they saw.
    pub shown: String,
    /// What they heard before they were connected.
    pub heard: Vec<Said>,
    /// `DialCallStatus`.
    pub status: &'static str,
    /// Whether the two were connected.
    pub bridged: bool,
}

/// `<Dial>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// The number.
    pub number: String,
    /// Where what became of it is told.
    pub action: Option<String>,
    /// What the callee hears first.
    pub url: Option<String>,
    /// How long it rings, in seconds.
    pub timeout: u64,
    /// The number the callee sees.
    pub shown: Option<String>,
}

impl Dial {
    /// One verb after the other, as far as they lead.
    pub(super) async fn follow(
        &self,
        verbs: Vec<Verb>,
        person: &mut dyn Person,
        ended: &CancellationToken,
        faults: &Faults,
        report: &mut Report,
    ) {
        let mut verbs = VecDeque::from(verbs);
        let mut documents = 1;
        while let Some(verb) = verbs.pop_front() {
            let next = match verb {
                Verb::Connect { url, parameters, action } => {
                    let end = self.stream(&url, &parameters, person, ended, faults, report).await;
                    let over = matches!(
                        end,
                        StreamEnd::CallerHungUp | StreamEnd::ServerHungUp | StreamEnd::LimitReached
                    );
                    if end == StreamEnd::LimitReached {
                        report.undone.push(format!("the call took longer than {:?}", self.limit));
                    }
                    report.stream_end = Some(end);
                    if over {
                        return;
                    }
                    action.map(|action| (action, vec![]))
                }
                Verb::Say { words, language } => {
                    report.said.push(Said { words, language });
                    None
                }
                Verb::Pause { seconds } => {
                    self.clock.sleep(Duration::from_secs(seconds)).await;
                    None
                }
                Verb::Ring(ring) => {
                    let (status, child, bridged) = self.ring(&ring, faults, report).await;
                    let more = [
                        ("DialCallStatus", status.to_owned()),
                        ("DialCallSid", child),
                        ("DialBridged", bridged.to_string()),
                    ];
                    ring.action.map(|action| (action, more.map(|(k, v)| (k.to_owned(), v)).to_vec()))
                }
                Verb::Gather { .. } => {
                    faults.add("the stand-in's caller is not asked for keys by a <Gather>");
                    None
                }
                Verb::Record { action, told } => self.record(&action, told.as_deref(), faults, report).await,
                Verb::Hangup | Verb::Reject => return,
            };
            if let Some((url, more)) = next {
                documents += 1;
                if documents > DOCUMENTS_MAX {
                    return faults.add("more documents than Twilio follows (11215)");
                }
                let mut form = self.form(&report.call_sid, "in-progress");
                form.extend(more);
                // With an action, what stands behind the verb is never reached (protocols.md §1.2).
                verbs = self.document(&url, &form, faults).await.into();
            }
        }
    }

    /// Rings somebody: how that ended, the name of their leg, and whether the two were connected.
    async fn ring(&self, ring: &Ring, faults: &Faults, report: &mut Report) -> (&'static str, String, bool) {
        let child = sid("CA");
        let mut heard = vec![];
        let (status, bridged) = match self.callee {
            Callee::Busy => {
                self.clock.sleep(BUSY_TONE).await;
                ("busy", false)
            }
            Callee::NoAnswer => {
                self.clock.sleep(Duration::from_secs(ring.timeout)).await;
                ("no-answer", false)
            }
            Callee::Nowhere => ("failed", false),
            Callee::Takes | Callee::Declines => {
                self.clock.sleep(ANSWERS_AFTER).await;
                let connected = match &ring.url {
                    Some(url) => self.screen(url, ring, &child, &mut heard, faults).await,
                    None => true,
                };
                if connected {
                    self.clock.sleep(TALK).await;
                }
                // Whoever answered has answered, connected or not.
                ("completed", connected)
            }
        };
        let shown = ring.shown.clone().unwrap_or_else(|| self.from.clone());
        report.rung.push(Rung { number: ring.number.clone(), shown, heard, status, bridged });
        (status, child, bridged)
    }

    /// Takes a message, if the caller has one to leave: where Twilio goes on.
    async fn record(
        &self,
        action: &str,
        told: Option<&str>,
        faults: &Faults,
        report: &mut Report,
    ) -> Option<(String, Vec<(String, String)>)> {
        let (message, exchange) = (self.message.as_ref()?, self.exchange.as_ref()?);
        let recording = exchange.keep_recording(message.clone());
        let seconds = (message.len() / super::super::sound::BYTES_PER_MS / 1_000).max(1).to_string();
        let url = format!(
            "{}/2010-04-01/Accounts/{}/Recordings/{recording}",
            exchange.base_url(),
            self.account.sid
        );
        let more =
            [("RecordingSid", recording.clone()), ("RecordingUrl", url), ("RecordingDuration", seconds)]
                .map(|(name, value)| (name.to_owned(), value));
        if let Some(told) = told {
            let mut form = vec![
                ("AccountSid".to_owned(), self.account.sid.clone()),
                ("CallSid".to_owned(), report.call_sid.clone()),
                ("RecordingStatus".to_owned(), "completed".to_owned()),
                ("RecordingChannels".to_owned(), "1".to_owned()),
                ("RecordingSource".to_owned(), "RecordVerb".to_owned()),
            ];
            form.extend(more.clone());
            // Twilio tells it twice as readily as once.
            for _ in 0..2 {
                match self.post(told, &form).await {
                    Ok(answer) if answer.status == 204 || answer.status == 200 => {}
                    Ok(answer) => faults.add(format!("a recording callback was answered {}", answer.status)),
                    Err(error) => faults.add(format!("a recording callback failed: {error}")),
                }
            }
        }
        Some((action.to_owned(), more.to_vec()))
    }

    /// What the callee is told before they are connected; whether they are then.
    async fn screen(
        &self,
        url: &str,
        ring: &Ring,
        child: &str,
        heard: &mut Vec<Said>,
        faults: &Faults,
    ) -> bool {
        let form = self.child_form(ring, child);
        let mut verbs = VecDeque::from(self.document(url, &form, faults).await);
        while let Some(verb) = verbs.pop_front() {
            match verb {
                Verb::Say { words, language } => heard.push(Said { words, language }),
                Verb::Pause { seconds } => self.clock.sleep(Duration::from_secs(seconds)).await,
                Verb::Gather { action, timeout, inside } => {
                    for inner in inside {
                        if let Verb::Say { words, language } = inner {
                            heard.push(Said { words, language });
                        }
                    }
                    if self.callee == Callee::Takes {
                        let mut form = form.clone();
                        form.push(("Digits".to_owned(), "1".to_owned()));
                        verbs = self.document(&action, &form, faults).await.into();
                    } else {
                        self.clock.sleep(Duration::from_secs(timeout)).await;
                    }
                }
                Verb::Hangup | Verb::Reject => return false,
                Verb::Connect { .. } | Verb::Ring(_) | Verb::Record { .. } => {
                    faults.add("a document for a callee may not connect or dial");
                    return false;
                }
            }
        }
        true
    }

    /// Fetches a document; what cannot be followed is a fault, and ends the call.
    async fn document(&self, url: &str, form: &[(String, String)], faults: &Faults) -> Vec<Verb> {
        let answer = match self.post(url, form).await {
            Ok(answer) => answer,
            Err(error) => {
                faults.add(format!("a document cannot be fetched (11200): {error}"));
                return vec![];
            }
        };
        if answer.status != 200 {
            faults.add(format!("a document was answered {} (11200)", answer.status));
            return vec![];
        }
        twiml::parse(&answer.body).unwrap_or_else(|why| {
            faults.add(format!("TwiML (12100): {why}"));
            vec![]
        })
    }

    /// The form of what is asked about the leg of whoever is rung.
    fn child_form(&self, ring: &Ring, child: &str) -> Vec<(String, String)> {
        let from = ring.shown.as_deref().unwrap_or(&self.from);
        [
            ("AccountSid", self.account.sid.as_str()),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", child),
            ("CallStatus", "in-progress"),
            ("Direction", "outbound-dial"),
            ("From", from),
            ("To", &ring.number),
            ("Caller", from),
            ("Called", &ring.number),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}
