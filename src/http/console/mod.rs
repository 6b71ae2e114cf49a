//! The console: the pages on which people see and change what `app` offers.
//!
//! A page stands on `app` as the API does: the same rules, the same errors, the same limits. Every page works as plain
//! HTML with forms; the scripts in `assets` only improve it. Knows no SQL, no JSON and no vendor.
//!
//! # How a page is made
//! 1. A file here, named after its subject, with a `router()` that [`router`] merges into `pages`; its handlers take
//!    `State<Doors>`, a [`visitor::Reader`] (somebody signed in, at a tenant) and, for forms, [`form::Typed`], and give
//!    `Result<Response, Failure>`. What `app` refuses becomes a page by `?`.
//! 2. A template in `templates/` that extends `layout.html`, as `#[derive(Template)] #[template(path = "…", config =
//!    ".askama.toml")]` with a field `page: Page`; [`page::show`] makes the answer.
//! 3. Words: a file of the same name in each folder of `config/locales`; `page.t("key").n("count", n).s("name", name)`.
//!    Touch `words.rs` after adding a file. A test holds that both languages have the same keys, that every key used is
//!    there, and that none lies idle.
//! 4. Forms: [`form::Form`] holds what was typed and makes the fields; on a refusal of `app`'s, `form.refused(error)?` and show
//!    it again with `form.status`; on success `reader.done("/console/…", &said)`. A form that edits carries
//!    `{{ form.seen() }}`; `app::Error::Stale` becomes [`form::Form::stale`] with what stands there by then. A field's own
//!    sentence is `fault-FIELD` in the language's files, the pointer's parts joined by hyphens.
//! 5. A line in [`page::PLACES`], if the page is a place of its own.
//!
//! Regions of a page: an element with an `id` and `data-live="kinds of events"` is fetched anew when one happens; a form or link
//! with `data-swap="id of a region"` swaps that region in place of loading the page. Nothing inline: no `style`, no `on…`.

mod account;
mod appointments;
mod assets;
mod assistants;
mod availability;
mod calendars;
mod calls;
mod campaigns;
mod charts;
mod contacts;
mod entry;
mod events;
mod failure;
mod figures;
mod form;
mod format;
mod forwarding;
mod guard;
mod landing;
mod lists;
mod live;
mod messages;
mod numbers;
mod operator;
mod outgoing;
mod page;
mod qr;
mod search;
mod settings;
mod start;
mod today;
mod visitor;
mod words;

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::get};

pub(super) use self::calls::shared::path as shared;
use self::failure::Failure;
use super::Doors;

/// Every page there is.
pub(super) fn router(doors: &Doors) -> Router<Doors> {
    let pages = Router::new()
        .merge(account::router())
        .merge(today::router())
        .merge(assistants::router())
        .merge(calls::router())
        .merge(appointments::router())
        .merge(availability::router())
        .merge(calendars::router())
        .merge(messages::router())
        .merge(contacts::router())
        .merge(outgoing::router())
        .merge(campaigns::router())
        .merge(figures::router())
        .merge(operator::router())
        .merge(events::router())
        .merge(live::router())
        .merge(numbers::router())
        .merge(search::router())
        .merge(settings::router())
        .merge(start::router())
        .layer(middleware::from_fn_with_state(doors.clone(), guard::inside));
    Router::new()
        .merge(pages)
        .merge(entry::router())
        .merge(landing::router())
        .merge(calls::shared::router())
        .route("/console/assets/{name}", get(assets::get))
        .route("/console/{*nothing}", get(async || Failure::NotFound))
        .layer(DefaultBodyLimit::max(doors.api_body_bytes_max))
        .layer(middleware::from_fn_with_state(doors.clone(), guard::around))
}
