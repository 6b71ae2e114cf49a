//! Microsoft's calendars: questions in, requests out, answers understood.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::{Access, Busy, Changes, Draft, Error, Events, Listed, Since, Watch, Watching, manners::Manners};
use crate::domain::{
    calendar::{EventId, OutsideEvent, Place},
    time::{TimeRange, Timestamp},
};

/// `[microsoft]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The application's id; empty when Microsoft is not offered.
    pub client_id: String,
    /// Its secret. It expires.
    pub client_secret: SecretString,
    /// Whose people may consent: `common`, `organizations`, `consumers` or an organisation's id.
    pub directory: String,
    /// Where people consent and codes become tokens, up to the directory.
    pub login_url: url::Url,
    /// Microsoft Graph.
    pub api_url: url::Url,
}
/// Microsoft's calendars, cheap to clone.
#[derive(Clone, Debug)]
pub struct Microsoft {
    api: String,
    client: reqwest::Client,
    manners: Manners,
}

impl Microsoft {
    pub(super) fn new(settings: &Settings, client: reqwest::Client, manners: Manners) -> Self {
        Self { api: settings.api_url.as_str().trim_end_matches('/').to_owned(), client, manners }
    }

    pub(super) async fn list(
        &self,
        who: &Access,
        mailbox: Option<&str>,
        patience: Duration,
    ) -> Result<Vec<Listed>, Error> {
        todo!()
    }
    pub(super) async fn busy(
        &self,
        who: &Access,
        places: &[&Place],
        range: TimeRange,
        patience: Duration,
    ) -> Result<Vec<Busy>, Error> {
        todo!()
    }
    pub(super) async fn events(
        &self,
        who: &Access,
        place: &Place,
        range: TimeRange,
        patience: Duration,
    ) -> Result<Events, Error> {
        todo!()
    }
    pub(super) async fn event(
        &self,
        who: &Access,
        place: &Place,
        id: &EventId,
        patience: Duration,
    ) -> Result<Option<OutsideEvent>, Error> {
        todo!()
    }
    pub(super) async fn changes(
        &self,
        who: &Access,
        place: &Place,
        since: &Since,
        patience: Duration,
    ) -> Result<Changes, Error> {
        todo!()
    }
    pub(super) async fn create(
        &self,
        who: &Access,
        place: &Place,
        draft: &Draft,
        patience: Duration,
    ) -> Result<OutsideEvent, Error> {
        todo!()
    }
    pub(super) async fn change(
        &self,
        who: &Access,
        place: &Place,
        id: &EventId,
        seen: Option<&str>,
        draft: &Draft,
        patience: Duration,
    ) -> Result<OutsideEvent, Error> {
        todo!()
    }
    pub(super) async fn remove(
        &self,
        who: &Access,
        place: &Place,
        id: &EventId,
        notify: bool,
        patience: Duration,
    ) -> Result<(), Error> {
        todo!()
    }
    pub(super) async fn watch(
        &self,
        who: &Access,
        place: &Place,
        watch: &Watch,
        patience: Duration,
    ) -> Result<Watching, Error> {
        todo!()
    }
    pub(super) async fn renew(
        &self,
        who: &Access,
        watching: &Watching,
        until: Timestamp,
        patience: Duration,
    ) -> Result<Option<Watching>, Error> {
        todo!()
    }
    pub(super) async fn unwatch(
        &self,
        who: &Access,
        watching: &Watching,
        patience: Duration,
    ) -> Result<(), Error> {
        todo!()
    }
}
