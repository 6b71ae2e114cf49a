//! What every page has: its title, the way around, the reader's words and colours, and what has to be told.
//!
//! A page's template extends `layout.html` and has a field `page: Page`. Made from a [`Visitor`]; asks nothing itself.

use std::fmt::Display;

use askama::Template;
use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use jiff::civil;

use super::{
    assets,
    failure::Failure,
    form::Form,
    format, settings,
    visitor::{Colours, Visitor},
    words::Said,
};
use crate::{
    app::{access::Who, people::entry::Me},
    domain::{
        assistant::Language,
        org::Tenant,
        outgoing::hours,
        people::{Subject, Verb},
        phone::E164,
        time::{Timestamp, Zone},
    },
};

/// A place in the console's way around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its path.
    pub path: &'static str,
    /// The key of its name.
    pub key: &'static str,
    /// The name of its icon in `icons.svg`.
    pub icon: &'static str,
    /// What somebody must be allowed to read to be shown the way.
    pub subject: Option<Subject>,
}

/// The places of a tenant's console, in their order. A page is here once it exists.
pub const PLACES: &[Place] = &[
    Place { path: "/console/today", key: "nav-today", icon: "today", subject: Some(Subject::Calls) },
    Place { path: "/console/calls", key: "nav-calls", icon: "call", subject: Some(Subject::Calls) },
    Place {
        path: "/console/messages",
        key: "nav-messages",
        icon: "message",
        subject: Some(Subject::Messages),
    },
    Place {
        path: "/console/appointments",
        key: "nav-appointments",
        icon: "calendar",
        subject: Some(Subject::Appointments),
    },
    Place {
        path: "/console/contacts",
        key: "nav-contacts",
        icon: "people",
        subject: Some(Subject::Contacts),
    },
    Place { path: "/console/outgoing", key: "nav-outgoing", icon: "bell", subject: Some(Subject::Calls) },
    Place {
        path: "/console/availability",
        key: "nav-availability",
        icon: "clock",
        subject: Some(Subject::Resources),
    },
    Place {
        path: "/console/calendars",
        key: "nav-calendars",
        icon: "link",
        subject: Some(Subject::Calendars),
    },
    Place {
        path: "/console/assistants",
        key: "nav-assistants",
        icon: "assistant",
        subject: Some(Subject::Assistants),
    },
    Place { path: "/console/numbers", key: "nav-numbers", icon: "number", subject: Some(Subject::Numbers) },
    Place { path: "/console/figures", key: "nav-figures", icon: "figures", subject: Some(Subject::Calls) },
];

/// The places at the end of the way around.
pub const PLACES_LAST: &[Place] = &[
    Place { path: "/console/start", key: "nav-start", icon: "mark", subject: Some(Subject::Numbers) },
    Place {
        path: "/console/settings",
        key: "nav-settings",
        icon: "settings",
        subject: Some(Subject::Tenant),
    },
];

/// Whether there is a page of that path in the way around.
pub fn leads_somewhere(path: &str) -> bool {
    let place = PLACES.iter().chain(PLACES_LAST).any(|place| place.path == path);
    place || settings::TABS.iter().any(|(tab, ..)| *tab == path)
}

/// A line that every page tells, with the way to where something can be done about it.
pub struct Banner {
    /// What is the matter.
    pub words: Said,
    /// Where to go; nothing where there is no page for it.
    pub way: Option<(&'static str, Said)>,
}

/// What every page has.
#[derive(Clone)]
pub struct Page {
    visitor: Visitor,
    title: String,
    path: &'static str,
    now: Timestamp,
    faulty: bool,
    /// Whether the page has a script of its own: its name among the assets.
    scripts: Vec<&'static str>,
}

impl Page {
    /// A page of that title at that place, seen now.
    pub fn new(visitor: &Visitor, path: &'static str, title: impl Display, now: Timestamp) -> Self {
        Self { visitor: visitor.clone(), title: title.to_string(), path, now, faulty: false, scripts: vec![] }
    }

    /// The same with one more script.
    pub fn script(mut self, name: &'static str) -> Self {
        self.scripts.push(name);
        self
    }

    /// The same, showing a form: its title says when something is wrong with it.
    pub fn with_form(mut self, form: &Form) -> Self {
        self.faulty |= form.is_wrong();
        self
    }

    /// The words of that key.
    pub fn t(&self, key: impl AsRef<str>) -> Said {
        self.visitor.t(key)
    }

    /// What a word of ours is called, of a kind of words: the words of `kind-word`.
    pub fn word(&self, kind: &str, word: &str) -> Said {
        self.visitor.t(format!("{kind}-{}", word.replace('_', "-")))
    }

    /// The reader's language.
    pub fn language(&self) -> Language {
        self.visitor.language
    }

    /// The language that is not read, and its own name.
    pub fn other_language(&self) -> (&'static str, &'static str) {
        match self.visitor.language {
            Language::German => ("en", "English"),
            Language::English => ("de", "Deutsch"),
        }
    }

    /// What the page is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What stands in the browser's tab.
    pub fn full_title(&self) -> String {
        let mark = if self.faulty { format!("{} ", self.t("fault-mark")) } else { String::new() };
        let tenant = self.tenant().map(|tenant| format!(" · {}", tenant.name)).unwrap_or_default();
        format!("{mark}{}{tenant} · frontdesk", self.title)
    }

    /// The value of `data-colours`.
    pub fn colours(&self) -> &'static str {
        self.visitor.colours.as_str()
    }

    /// Whether these colours are chosen.
    pub fn has_colours(&self, word: &str) -> bool {
        self.visitor.colours == Colours::of(word)
    }

    /// What was done by the page before.
    pub fn done(&self) -> Option<&str> {
        self.visitor.done.as_deref()
    }

    /// Who reads, if they are signed in.
    pub fn me(&self) -> Option<&Me> {
        self.visitor.inside.as_ref().map(|inside| &inside.me)
    }

    /// At which tenant.
    pub fn tenant(&self) -> Option<&Tenant> {
        self.visitor.inside.as_ref().and_then(|inside| inside.tenant.as_ref())
    }

    /// Whether the reader is an operator.
    pub fn operator(&self) -> bool {
        self.visitor.inside.as_ref().is_some_and(|inside| inside.proven.operator)
    }

    /// Whether the reader is an operator who was let in here to help.
    pub fn helps(&self) -> bool {
        let actor = self.visitor.inside.as_ref().and_then(|inside| inside.proven.actor.as_ref());
        actor.is_some_and(|actor| matches!(actor.who(), Who::Support { .. }))
    }

    /// Whether the reader may do that here.
    pub fn may(&self, verb: Verb, subject: Subject) -> bool {
        let actor = self.visitor.inside.as_ref().and_then(|inside| inside.proven.actor.as_ref());
        actor.is_some_and(|actor| actor.may(verb, subject))
    }

    /// What every page tells: calendars that are cut off, that those who run the platform are let in, and that the assistant
    /// has stepped back.
    pub fn banners(&self) -> Vec<Banner> {
        let Some(urgent) = self.visitor.inside.as_ref().map(|inside| &inside.urgent) else { return vec![] };
        let mut banners: Vec<Banner> = vec![];
        for notice in &urgent.cut_off {
            let since = notice.since.map(|at| format::moment(at, self.now, &self.zone(), self.language()));
            let words = self
                .t("notice-calendar-cut-off")
                .s("name", notice.name.as_deref().unwrap_or_default())
                .s("since", since.unwrap_or_default())
                .n("waiting", notice.waiting);
            let way = Some(("/console/calendars", self.t("notice-act-calendar-cut-off")));
            banners.push(Banner { words, way: way.filter(|(path, _)| leads_somewhere(path)) });
        }
        if let Some(until) = urgent.support {
            let until = format::moment(until, self.now, &self.zone(), self.language());
            let key = if self.helps() { "banner-support-yours" } else { "banner-support" };
            let way = self.may(Verb::Read, Subject::Members);
            let way = way.then(|| ("/console/settings/support", self.t("banner-support-act")));
            banners.push(Banner { words: self.t(key).s("until", until), way });
        }
        let paused = match urgent.paused {
            Some(until) => Some(self.t("banner-paused").s("until", super::today::until_words(self, until))),
            None if urgent.paused_numbers > 0 => {
                Some(self.t("banner-paused-numbers").n("count", urgent.paused_numbers))
            }
            None => None,
        };
        banners.extend(
            paused.map(|words| Banner {
                words,
                way: Some(("/console/today#pause", self.t("banner-paused-act"))),
            }),
        );
        banners
    }

    /// The way around: the places the reader may see.
    pub fn places(&self) -> Vec<&'static Place> {
        self.seen(PLACES)
    }

    /// The places at its end.
    pub fn places_last(&self) -> Vec<&'static Place> {
        self.seen(PLACES_LAST)
    }

    fn seen(&self, places: &'static [Place]) -> Vec<&'static Place> {
        let seen = |place: &&Place| place.subject.is_none_or(|subject| self.may(Verb::Read, subject));
        if self.tenant().is_some() { places.iter().filter(seen).collect() } else { vec![] }
    }

    /// Whether the page belongs to that place.
    pub fn is_at(&self, place: &Place) -> bool {
        self.path == place.path
    }

    /// What the place is called, as a key, that the page belongs to.
    pub fn place(&self) -> Option<&'static str> {
        let mut all = self.places().into_iter().chain(self.places_last());
        all.find(|place| self.is_at(place)).map(|place| place.key)
    }

    /// What was asked for, to come back to.
    pub fn asked(&self) -> &str {
        &self.visitor.asked
    }

    /// The address of an asset. It changes with what is in it.
    pub fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    /// The scripts of this page.
    pub fn scripts(&self) -> Vec<String> {
        self.scripts.iter().map(|name| assets::address(name)).collect()
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Where the tenant's clocks hang.
    pub fn zone(&self) -> Zone {
        self.visitor.zone()
    }

    /// Today, where the tenant is.
    pub fn today(&self) -> civil::Date {
        self.zone().wall(self.now).date()
    }

    /// A moment, as near as it is, with the exact one behind it.
    pub fn moment(&self, at: impl Of<Timestamp>) -> Moment {
        let at = at.it();
        let (zone, language) = (self.zone(), self.language());
        let wall = zone.wall(at);
        Moment {
            words: format::moment(at, self.now, &zone, language),
            exact: format::moment_in_text(&wall, language),
            machine: wall.timestamp().to_string(),
        }
    }

    /// A time of day in a column, with the exact moment behind it.
    pub fn clock(&self, at: impl Of<Timestamp>) -> Moment {
        let at = at.it();
        let wall = self.zone().wall(at);
        Moment { words: format::clock(wall.time()), ..self.moment(at) }
    }

    /// A moment, as near as it is, in words alone.
    pub fn moment_words(&self, at: impl Of<Timestamp>) -> String {
        self.moment(at).words
    }

    /// A time of day in words alone.
    pub fn clock_words(&self, at: impl Of<Timestamp>) -> String {
        self.clock(at).words
    }

    /// A date by itself.
    pub fn date(&self, date: impl Of<civil::Date>) -> String {
        format::date(date.it(), self.language())
    }

    /// How long something took, in milliseconds.
    pub fn duration(&self, millis: impl Of<i64>) -> String {
        format::duration(millis.it(), self.language())
    }

    /// A telephone number as the tenant's people write it.
    pub fn phone(&self, number: &E164) -> String {
        format::phone(number, self.home())
    }

    /// The country whose numbers are written without their country here.
    pub fn home(&self) -> Option<&'static str> {
        hours::country_of(&self.zone())
    }

    /// A number with its groups.
    pub fn number(&self, number: impl super::words::Countable) -> String {
        format::grouped(number.count(), self.language())
    }
}

/// A value as templates hand it over: itself, or borrowed once or twice.
pub trait Of<T> {
    /// The value.
    fn it(self) -> T;
}

impl<T: Copy> Of<T> for T {
    fn it(self) -> T {
        self
    }
}

impl<T: Copy> Of<T> for &T {
    fn it(self) -> T {
        *self
    }
}

impl<T: Copy> Of<T> for &&T {
    fn it(self) -> T {
        **self
    }
}

/// A moment in a page.
#[derive(Clone, Template)]
#[template(
    source = "<time datetime=\"{{ machine }}\" title=\"{{ exact }}\">{{ words }}</time>",
    ext = "html",
    config = ".askama.toml"
)]
pub struct Moment {
    words: String,
    exact: String,
    machine: String,
}

impl askama::filters::HtmlSafe for Moment {}

/// A page as an answer.
///
/// # Errors
/// [`Failure::Ours`] when it cannot be written.
pub fn show(page: &impl Template) -> Result<Response, Failure> {
    show_with(StatusCode::OK, page)
}

/// A page as an answer of that status.
///
/// # Errors
/// [`Failure::Ours`] when it cannot be written.
pub fn show_with(status: StatusCode, page: &impl Template) -> Result<Response, Failure> {
    Ok((status, Html(page.render()?)).into_response())
}
