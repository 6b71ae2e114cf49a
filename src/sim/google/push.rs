//! Channels: who is told that something has changed, and the telling (protocols.md §3.2).
//!
//! What is told has no body: only that there is something to ask for. Changes that come while one is being told are told
//! together.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::Shared;
use crate::{domain::time::Timestamp, platform::clock::Clock};

/// Longest time somebody may take to hear it.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// A channel.
#[derive(Clone)]
pub(super) struct Channel {
    pub(super) id: String,
    pub(super) calendar: String,
    pub(super) resource: String,
    pub(super) address: String,
    pub(super) token: String,
    pub(super) until: Timestamp,
    messages: u64,
    telling: bool,
    more: bool,
}

impl Channel {
    pub(super) fn new(id: &str, calendar: &str, resource: &str) -> Self {
        Self {
            id: id.to_owned(),
            calendar: calendar.to_owned(),
            resource: resource.to_owned(),
            address: String::new(),
            token: String::new(),
            until: Timestamp::MIN,
            messages: 0,
            telling: false,
            more: false,
        }
    }
}

/// Whether Google would tell anything to that address; loopback stands for the world here.
pub(super) fn fits(address: &str) -> bool {
    url::Url::parse(address).is_ok_and(|url| {
        let near = match url.host() {
            Some(url::Host::Ipv4(host)) => host.is_loopback(),
            Some(url::Host::Ipv6(host)) => host.is_loopback(),
            Some(url::Host::Domain(host)) => host == "localhost",
            None => false,
        };
        url.scheme() == "https" || (url.scheme() == "http" && near)
    })
}

/// Tells everybody who watches a calendar; `sync` for the first message of a channel, `exists` for changes.
pub(super) fn tell(shared: &Arc<Shared>, calendar: &str, only: Option<&str>, state: &'static str) {
    let now = shared.setup.clock.now();
    let mut channels = shared.channels();
    if channels.is_empty() {
        return;
    }
    channels.retain(|_, channel| channel.until > now);
    if shared.is_mute() {
        return;
    }
    for channel in channels.values_mut() {
        if channel.calendar != calendar || only.is_some_and(|only| only != channel.id) {
            continue;
        }
        if channel.telling {
            channel.more = true;
            continue;
        }
        channel.telling = true;
        let (told, id) = (shared.clone(), channel.id.clone());
        shared.tasks.spawn(async move { run(&told, &id, state).await });
    }
}

async fn run(shared: &Shared, id: &str, mut state: &'static str) {
    loop {
        let channel = {
            let mut channels = shared.channels();
            let Some(channel) = channels.get_mut(id) else { return };
            channel.messages += 1;
            channel.more = false;
            channel.clone()
        };
        let told = shared
            .client
            .post(&channel.address)
            .timeout(TOLD_WITHIN)
            .header("X-Goog-Channel-ID", &channel.id)
            .header("X-Goog-Channel-Token", &channel.token)
            .header("X-Goog-Channel-Expiration", expiration(channel.until))
            .header("X-Goog-Resource-ID", &channel.resource)
            .header("X-Goog-Resource-State", state)
            .header("X-Goog-Resource-URI", resource_uri(shared, &channel.calendar))
            .header("X-Goog-Message-Number", channel.messages)
            .header("Content-Length", 0)
            .send()
            .await;
        shared.told(told.is_ok_and(|answer| answer.status().is_success()));
        let mut channels = shared.channels();
        let Some(channel) = channels.get_mut(id) else { return };
        if !channel.more {
            channel.telling = false;
            return;
        }
        state = "exists";
    }
}

/// Where the watched events are.
pub(super) fn resource_uri(shared: &Shared, calendar: &str) -> String {
    let calendar: String = form_urlencoded::byte_serialize(calendar.as_bytes()).collect();
    format!("{}/calendars/{calendar}/events?alt=json", shared.api_url())
}

/// An HTTP date, as that header has it.
fn expiration(until: Timestamp) -> String {
    until.to_jiff().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Until when Google tells: as wished, and a week at most.
pub(super) fn until(wished: Option<Timestamp>, clock: &Clock) -> Timestamp {
    let most = clock.now().plus_minutes(7 * 24 * 60);
    wished.map_or(most, |wished| wished.min(most))
}

/// Everybody who is told.
pub(super) type Channels = HashMap<String, Channel>;
