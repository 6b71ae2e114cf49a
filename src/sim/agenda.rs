//! A calendar at a vendor's stand-in: an admin connects it, staff use it. For the demo and for tests that are the same at
//! every vendor.

use std::time::Duration;

use jiff::Timestamp as Instant;
use serde_json::{Value, json};

use super::{
    Faults,
    admin::{Admin, Trouble},
    google::{self, Google},
    microsoft::{self, Microsoft},
};
use crate::{
    domain::{
        calendar::Vendor,
        time::{TimeRange, Timestamp},
    },
    platform::{clock::Clock, ids},
};

/// Whose calendar it is.
pub const ACCOUNT: &str = "praxis@sommer.example";
/// The organisation it belongs to, at Microsoft.
const DIRECTORY: &str = "c0ffee00-0000-4000-8000-000000000001";
/// Where its clocks hang, as Windows calls it.
const WINDOWS_ZONE: &str = "W. Europe Standard Time";
/// The same by its IANA name.
const ZONE: &str = "Europe/Berlin";

/// A calendar outside.
pub struct Agenda {
    /// The stand-in it is at.
    pub there: There,
    client_id: String,
    client_secret: String,
}

/// A vendor's stand-in and its id of the calendar.
pub enum There {
    /// At Google.
    Google {
        /// The stand-in.
        there: Google,
        /// The calendar.
        calendar: String,
    },
    /// At Microsoft.
    Microsoft {
        /// The stand-in.
        there: Microsoft,
        /// The calendar.
        calendar: String,
    },
}

/// An event as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its vendor's id.
    pub id: String,
    /// When.
    pub start: Instant,
    /// Until when.
    pub end: Instant,
    /// The appointment it is marked with.
    pub appointment: Option<String>,
    /// What it is called.
    pub title: String,
    /// What it says.
    pub text: String,
    /// Whom it invites, by address.
    pub invited: Vec<String>,
}

/// Why a calendar could not be connected.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// She did not get on.
    #[error("the calendar could not be connected")]
    Trouble(#[from] Trouble),
}

impl Agenda {
    /// Starts the stand-in of a vendor, for a server whose public address is `public_url`.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn start(
        vendor: Vendor,
        clock: Clock,
        public_url: &str,
        faults: Faults,
    ) -> std::io::Result<Self> {
        let client_id = format!("application-{}", &ids::token()[..8]);
        let client_secret = ids::token();
        let redirect_uri = format!("{public_url}/calendars/{}/callback", vendor.as_str());
        let there = match vendor {
            Vendor::Google => {
                let setup = google::Setup {
                    clock,
                    client_id: client_id.clone(),
                    client_secret: client_secret.clone(),
                    redirect_uri,
                    faults,
                    keep_log: false,
                };
                let there = Google::start(setup).await?;
                there.account(ACCOUNT, ZONE);
                There::Google { there, calendar: ACCOUNT.to_owned() }
            }
            Vendor::Microsoft => {
                let setup = microsoft::Setup {
                    clock,
                    client_id: client_id.clone(),
                    client_secret: client_secret.clone(),
                    redirect_uri,
                    faults,
                };
                let there = Microsoft::start(setup).await?;
                let calendar = there.add_mailbox(ACCOUNT, DIRECTORY, WINDOWS_ZONE);
                There::Microsoft { there, calendar }
            }
        };
        Ok(Self { there, client_id, client_secret })
    }

    /// How a server finds it, as in its environment.
    pub fn settings(&self) -> Vec<(String, String)> {
        let urls = match &self.there {
            There::Google { there, .. } => vec![
                ("AUTHORIZE_URL", there.authorize_url()),
                ("TOKEN_URL", there.token_url()),
                ("REVOKE_URL", there.revoke_url()),
                ("API_URL", there.api_url()),
            ],
            There::Microsoft { there, .. } => {
                vec![("LOGIN_URL", there.login_url()), ("API_URL", there.api_url())]
            }
        };
        let own = [("CLIENT_ID", self.client_id.clone()), ("CLIENT_SECRET", self.client_secret.clone())];
        let vendor = self.vendor().as_str().to_uppercase();
        urls.into_iter()
            .chain(own)
            .map(|(name, value)| (format!("FRONTDESK__{vendor}__{name}"), value))
            .collect()
    }

    /// An admin consents to its use.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn consent(&self, admin: &Admin) -> Result<(), Problem> {
        let way = admin.set_out(self.vendor().as_str(), "person").await?;
        let back = match &self.there {
            There::Google { there, .. } => {
                there.consent(&way.page, &google::Choice::default()).await.map(Option::unwrap_or_default)
            }
            There::Microsoft { there, .. } => {
                there.consent(&way.page, &microsoft::Choice::all(ACCOUNT)).await
            }
        };
        admin.come_back(&way, &back.map_err(Trouble::from)?).await?;
        Ok(())
    }

    /// An admin consents to its use, and has these resources' appointments written into it; its id with us.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn connect(&self, admin: &Admin, resources: &[String]) -> Result<String, Problem> {
        self.consent(admin).await?;
        Ok(admin.choose_main(resources).await?)
    }

    /// At whom it is.
    pub fn vendor(&self) -> Vendor {
        match self.there {
            There::Google { .. } => Vendor::Google,
            There::Microsoft { .. } => Vendor::Microsoft,
        }
    }

    /// Everything that stands there.
    pub fn standing(&self) -> Vec<Standing> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = |value: &Value, address: &dyn Fn(&Value) -> String| {
            value.as_array().into_iter().flatten().map(address).collect()
        };
        match &self.there {
            There::Google { there, calendar } => there
                .events(calendar)
                .iter()
                .filter_map(|event| {
                    let told = |name: &str| event[name]["dateTime"].as_str()?.parse().ok();
                    let mark = &event["extendedProperties"]["private"]["frontdesk_appointment"];
                    Some(Standing {
                        id: text(&event["id"]),
                        start: told("start")?,
                        end: told("end")?,
                        appointment: mark.as_str().map(str::to_owned),
                        title: text(&event["summary"]),
                        text: text(&event["description"]),
                        invited: all(&event["attendees"], &|one| text(&one["email"])),
                    })
                })
                .collect(),
            There::Microsoft { there, calendar } => there
                .events(ACCOUNT, calendar)
                .iter()
                .filter_map(|event| {
                    let told = |name: &str| format!("{}Z", event[name]["dateTime"].as_str()?).parse().ok();
                    let mark = &event["singleValueExtendedProperties"][0]["value"];
                    Some(Standing {
                        id: text(&event["id"]),
                        start: told("start")?,
                        end: told("end")?,
                        appointment: mark.as_str().map(str::to_owned),
                        title: text(&event["subject"]),
                        text: text(&event["body"]["content"]),
                        invited: all(&event["attendees"], &|one| text(&one["emailAddress"]["address"])),
                    })
                })
                .collect(),
        }
    }

    /// Somebody puts an event there, made at `made`; its id.
    pub fn put(&self, time: TimeRange, made: Timestamp) -> String {
        match &self.there {
            There::Google { there, calendar } => {
                let moment = |at: Timestamp| json!({ "dateTime": at.to_string() });
                there.put(
                    calendar,
                    json!({
                        "summary": "Something", "start": moment(time.start), "end": moment(time.end),
                        "created": made.to_string(),
                    }),
                )
            }
            There::Microsoft { there, calendar } => there.put_busy(ACCOUNT, calendar, time, made),
        }
    }

    /// Somebody moves an event there.
    pub fn drag(&self, event: &str, time: TimeRange) {
        match &self.there {
            There::Google { there, calendar } => drop(there.reschedule(calendar, event, time)),
            There::Microsoft { there, calendar } => there.move_event(ACCOUNT, calendar, event, time),
        }
    }

    /// Somebody deletes an event there.
    pub fn delete(&self, event: &str) {
        match &self.there {
            There::Google { there, calendar } => drop(there.delete(calendar, event)),
            There::Microsoft { there, calendar } => there.delete_event(ACCOUNT, calendar, event),
        }
    }

    /// Somebody deletes the whole calendar.
    pub fn vanish(&self) {
        match &self.there {
            There::Google { there, calendar } => there.remove_calendar(calendar),
            There::Microsoft { there, calendar } => there.remove_calendar(ACCOUNT, calendar),
        }
    }

    /// The person takes her consent back.
    pub fn revoke(&self) {
        match &self.there {
            There::Google { there, .. } => there.revoke(ACCOUNT),
            There::Microsoft { there, .. } => there.revoke(ACCOUNT),
        }
    }

    /// How often an event was to be removed.
    pub fn removals(&self) -> usize {
        match &self.there {
            There::Google { there, .. } => there.count(google::Kind::Delete),
            There::Microsoft { there, .. } => there.asked("delete"),
        }
    }

    /// How many are told of changes.
    pub fn watchers(&self) -> usize {
        match &self.there {
            There::Google { there, .. } => there.channels(),
            There::Microsoft { there, .. } => there.watchers(),
        }
    }

    /// The answers to the next requests are lost: what they ask is done.
    pub fn lose_answers(&self, count: usize) {
        match &self.there {
            There::Google { there, .. } => there.trouble(vec![google::Trouble::AnswerLost; count]),
            There::Microsoft { there, .. } => there.trouble(vec![microsoft::Trouble::AnswerLost; count]),
        }
    }

    /// The next event that is written stands there only so much later; until then nobody can know whether it will.
    pub fn write_later(&self, wait: Duration) {
        match &self.there {
            There::Google { there, .. } => {
                there.trouble_with(google::Kind::Insert, [google::Trouble::DoneLater(wait)]);
            }
            There::Microsoft { there, .. } => {
                there.trouble_making([microsoft::Trouble::DoneLater(wait)]);
            }
        }
    }

    /// The next events are not removed: first a connection ends, then something on the way answers with a page of its own.
    pub fn garble_removals(&self) {
        match &self.there {
            There::Google { there, .. } => {
                there
                    .trouble_with(google::Kind::Delete, [google::Trouble::Dropped, google::Trouble::Garbled]);
            }
            There::Microsoft { there, .. } => {
                there.trouble_removing([microsoft::Trouble::Dropped, microsoft::Trouble::Garbled]);
            }
        }
    }

    /// The next requests find the vendor broken.
    pub fn break_down(&self, count: usize) {
        match &self.there {
            There::Google { there, .. } => there.trouble(vec![google::Trouble::Broken(503); count]),
            There::Microsoft { there, .. } => there.trouble(vec![microsoft::Trouble::Broken(500); count]),
        }
    }

    /// What was told of changes before is accepted no more: everything must be told again.
    pub fn forget_marks(&self) {
        match &self.there {
            There::Google { there, calendar } => there.forget_marks(calendar),
            There::Microsoft { there, .. } => there.forget_marks(),
        }
    }
}

/// The events of an appointment among those that stand there.
pub fn of<'s>(standing: &'s [Standing], appointment: &str) -> Vec<&'s Standing> {
    standing.iter().filter(|event| event.appointment.as_deref() == Some(appointment)).collect()
}
