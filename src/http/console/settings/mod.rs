//! `/console/settings/*`: the business itself, who works there, what programs may do and are told, how long things are kept,
//! and who changed what.

mod audit;
mod company;
mod keys;
mod members;
mod notifications;
mod support;
mod webhooks;

use axum::Router;

use super::{page::Page, visitor::Visitor};
use crate::{
    domain::people::{Subject, Verb},
    domain::time::Timestamp,
    http::Doors,
};

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .merge(company::router())
        .merge(members::router())
        .merge(keys::router())
        .merge(notifications::router())
        .merge(support::router())
        .merge(webhooks::router())
        .merge(audit::router())
}

/// What members are told by mail.
const NOTIFICATIONS: &str = "/console/settings/notifications";
/// Where every page of these belongs.
const PATH: &str = "/console/settings";

/// The pages of the settings: path, key, and what one must be allowed to read.
pub const TABS: [(&str, &str, Subject); 7] = [
    ("/console/settings", "settings-company", Subject::Tenant),
    ("/console/settings/members", "settings-members", Subject::Members),
    ("/console/settings/keys", "settings-keys", Subject::ApiKeys),
    (NOTIFICATIONS, "settings-notifications", Subject::Tenant),
    ("/console/settings/webhooks", "settings-webhooks", Subject::Webhooks),
    ("/console/settings/support", "settings-support", Subject::Members),
    ("/console/settings/audit", "settings-audit", Subject::Audit),
];

/// A page of the settings: its tab is its title.
fn page(visitor: &Visitor, key: &str, now: Timestamp) -> Page {
    Page::new(visitor, PATH, visitor.t(key), now)
}

/// The tabs the reader may see.
pub fn tabs(page: &Page) -> Vec<(&'static str, String, bool)> {
    TABS.iter()
        .filter(|(_, _, subject)| page.may(Verb::Read, *subject))
        // About what somebody gets mails is for those who work there.
        .filter(|(path, ..)| !page.helps() || *path != NOTIFICATIONS)
        .map(|(path, key, _)| {
            let name = page.t(*key).to_string();
            let here = name == page.title();
            (*path, name, here)
        })
        .collect()
}
