//! A calendar at a vendor's stand-in, and an admin who connects it: for the demo and the tests of whole calls.

use jiff::Timestamp as Instant;

use super::{
    Faults,
    admin::{Admin, Trouble},
    microsoft::{self, Microsoft},
};
use crate::{
    domain::calendar::Vendor,
    platform::{clock::Clock, ids},
};

/// Whose calendar it is.
const ACCOUNT: &str = "praxis@sommer.example";
/// The organisation it belongs to, at Microsoft.
const DIRECTORY: &str = "c0ffee00-0000-4000-8000-000000000001";
/// Where its clocks hang, as Windows calls it.
const ZONE: &str = "W. Europe Standard Time";

/// A calendar outside.
pub struct Agenda {
    there: There,
    client_id: String,
    client_secret: String,
}

enum There {
    Microsoft { there: Microsoft, calendar: String },
}

/// An event as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When.
    pub start: Instant,
    /// Until when.
    pub end: Instant,
    /// The appointment it is marked with.
    pub appointment: Option<String>,
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
            Vendor::Google | Vendor::Microsoft => {
                let setup = microsoft::Setup {
                    clock,
                    client_id: client_id.clone(),
                    client_secret: client_secret.clone(),
                    redirect_uri,
                    faults,
                };
                let there = Microsoft::start(setup).await?;
                let calendar = there.add_mailbox(ACCOUNT, DIRECTORY, ZONE);
                There::Microsoft { there, calendar }
            }
        };
        Ok(Self { there, client_id, client_secret })
    }

    /// How a server finds it, as in its environment.
    pub fn settings(&self) -> Vec<(String, String)> {
        let (vendor, urls) = match &self.there {
            There::Microsoft { there, .. } => {
                ("MICROSOFT", vec![("LOGIN_URL", there.login_url()), ("API_URL", there.api_url())])
            }
        };
        let own = [("CLIENT_ID", self.client_id.clone()), ("CLIENT_SECRET", self.client_secret.clone())];
        urls.into_iter()
            .chain(own)
            .map(|(name, value)| (format!("FRONTDESK__{vendor}__{name}"), value))
            .collect()
    }

    /// An admin consents to its use, and has these resources' appointments written into it.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn connect(&self, admin: &Admin, resources: &[String]) -> Result<(), Trouble> {
        match &self.there {
            There::Microsoft { there, .. } => {
                let way = admin.set_out(Vendor::Microsoft.as_str(), "person").await?;
                let back = there.consent(&way.page, &microsoft::Choice::all(ACCOUNT)).await?;
                admin.come_back(&way, &back).await?;
            }
        }
        admin.choose_main(resources).await.map(drop)
    }

    /// At whom it is.
    pub fn vendor(&self) -> Vendor {
        match self.there {
            There::Microsoft { .. } => Vendor::Microsoft,
        }
    }

    /// Whose it is.
    pub fn account(&self) -> &'static str {
        ACCOUNT
    }

    /// Everything that stands there.
    pub fn standing(&self) -> Vec<Standing> {
        match &self.there {
            There::Microsoft { there, calendar } => there
                .events(ACCOUNT, calendar)
                .iter()
                .filter_map(|event| {
                    let told = |name: &str| format!("{}Z", event[name]["dateTime"].as_str()?).parse().ok();
                    let mark = &event["singleValueExtendedProperties"][0]["value"];
                    Some(Standing {
                        start: told("start")?,
                        end: told("end")?,
                        appointment: mark.as_str().map(str::to_owned),
                    })
                })
                .collect(),
        }
    }
}

/// Why a calendar could not be connected.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// She did not get on.
    #[error("the calendar could not be connected")]
    Trouble(#[from] Trouble),
}

/// The events of an appointment among those that stand there.
pub fn of<'s>(standing: &'s [Standing], appointment: &str) -> Vec<&'s Standing> {
    standing.iter().filter(|event| event.appointment.as_deref() == Some(appointment)).collect()
}
