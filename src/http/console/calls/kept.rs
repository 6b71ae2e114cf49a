//! What is done with a call that is over: written on, handed out by a link, its recording removed.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use secrecy::ExposeSecret;

use super::{one_page, shared};
use crate::{
    app::{
        self, calls,
        calls::Kept,
        recordings, remarks,
        shares::{self, HOURS_MAX},
    },
    domain::{
        id::CallId,
        people::{Subject, Verb},
        remarks::{Remarks, Tag},
        revision::Revised,
        time::Timestamp,
    },
    http::{
        Doors,
        console::{
            failure::Failure,
            form::{Form, SEEN, Typed},
            page::{Page, show},
            visitor::Reader,
        },
    },
    store::Share,
};

/// For how long a link can be chosen to open, in hours.
const HOURS: [u32; 4] = [1, 24, 7 * 24, HOURS_MAX];
/// The choice that stands there first.
const HOURS_USUAL: u32 = 24;

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/calls/{call}/remarks", post(remark))
        .route("/console/calls/{call}/recording/remove", get(sure).post(remove))
        .route("/console/calls/{call}/shares", post(share))
        .route("/console/calls/{call}/shares/{share}/revoke", post(revoke))
}

/// What stands on a call, as its form holds it.
pub(super) fn typed_of(standing: &Revised<Remarks>) -> Typed {
    let tags: Vec<&str> = standing.item.tags.iter().map(Tag::as_str).collect();
    Typed::default()
        .with(SEEN, standing.revision)
        .with("note", &standing.item.note)
        .with("tags", tags.join(", "))
}

/// The links to a call.
pub(super) struct Links {
    /// Those there are.
    pub all: Vec<Share>,
    /// By which one more is made.
    pub form: Form,
    /// For how long: hours, and their words.
    pub hours: Vec<(String, String)>,
    /// One that was just made: shown this once.
    pub fresh: Option<String>,
    now: Timestamp,
}

impl Links {
    /// Those there are, and an empty form.
    pub async fn of(doors: &Doors, reader: &Reader, call: &CallId) -> Result<Self, Failure> {
        let all = shares::list(&doors.store, &reader.by, call).await?;
        let hours =
            HOURS.map(|hours| (hours.to_string(), reader.t(format!("share-for-{hours}")).to_string()));
        let form = Form::new(reader.language, Typed::default().with("open", HOURS_USUAL));
        Ok(Self { all, form, hours: hours.to_vec(), fresh: None, now: doors.clock.now() })
    }

    /// Whether it opens.
    pub fn opens(&self, share: &Share) -> bool {
        share.opens(self.now)
    }
}

async fn again(
    doors: &Doors,
    reader: &Reader,
    kept: Kept,
    form: Form,
    links: Links,
) -> Result<Response, Failure> {
    one_page(doors, reader, kept, Typed::default(), form, links, None).await
}

async fn remark(
    State(doors): State<Doors>,
    reader: Reader,
    Path(call): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    let kept = calls::show(&doors.store, &reader.by, &id).await?;
    let links = Links::of(&doors, &reader, &id).await?;
    let mut form = Form::new(reader.language, typed);
    let texts = form.typed().get("tags").to_owned();
    let texts = texts.split(',').map(str::trim).filter(|text| !text.is_empty());
    let Ok(tags) = texts.map(str::parse).collect::<Result<Vec<Tag>, _>>() else {
        let words = form.t("fault-tags");
        form.fault("tags", words);
        return again(&doors, &reader, kept, form, links).await;
    };
    // A browser sends line ends as two characters.
    let wanted = Remarks { note: form.typed().get("note").replace("\r\n", "\n"), tags };
    let (now, seen) = (doors.clock.now(), form.typed().seen());
    match remarks::edit(&doors.store, &reader.by, now, &id, seen, |_| Ok(wanted)).await {
        Ok(_) => Ok(reader.done(&format!("/console/calls/{id}"), &reader.t("call-remarks-saved"))),
        Err(app::Error::Stale) => {
            let theirs = calls::show(&doors.store, &reader.by, &id).await?;
            let form = form.stale(typed_of(&theirs.remarks), reader.faster(&doors, id.as_str()).await?);
            again(&doors, &reader, theirs, form, links).await
        }
        Err(error) => again(&doors, &reader, kept, form.refused(error)?, links).await,
    }
}

#[derive(Template)]
#[template(path = "calls/remove.html", config = ".askama.toml")]
struct RemovePage {
    page: Page,
    call: CallId,
    words: bool,
}

async fn sure(
    State(doors): State<Doors>,
    reader: Reader,
    Path(call): Path<String>,
) -> Result<Response, Failure> {
    reader.by.must(Verb::Write, Subject::Privacy)?;
    let id: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    let kept = calls::show(&doors.store, &reader.by, &id).await?;
    if kept.record.recording.is_none() {
        return Err(Failure::NotFound);
    }
    let page = Page::new(&reader, "/console/calls", reader.t("remove-title"), doors.clock.now());
    show(&RemovePage { page, call: id, words: !kept.turns.is_empty() })
}

async fn remove(
    State(doors): State<Doors>,
    reader: Reader,
    Path(call): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    let words = typed.ticked("transcript");
    recordings::remove(&doors.store, &doors.blobs, &reader.by, doors.clock.now(), &id, words).await?;
    let told = reader.t(if words { "remove-done-both" } else { "remove-done" });
    Ok(reader.done(&format!("/console/calls/{id}"), &told))
}

async fn share(
    State(doors): State<Doors>,
    reader: Reader,
    Path(call): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    let kept = calls::show(&doors.store, &reader.by, &id).await?;
    let hours = typed.get("open").parse().unwrap_or(0);
    let made = shares::create(&doors.store, &reader.by, doors.clock.now(), &id, hours).await;
    let mut links = Links::of(&doors, &reader, &id).await?;
    match made {
        Ok(made) => {
            links.fresh = Some(doors.public_url.webhook(&shared::path(made.secret.expose_secret())));
            links.form.status = StatusCode::CREATED;
        }
        Err(app::Error::Invalid(_)) => {
            links.form = Form::new(reader.language, typed);
            let words = links.form.t("fault-open");
            links.form.fault("open", words);
        }
        Err(error) => links.form = Form::new(reader.language, typed).refused(error)?,
    }
    let form = Form::new(reader.language, typed_of(&kept.remarks));
    again(&doors, &reader, kept, form, links).await
}

async fn revoke(
    State(doors): State<Doors>,
    reader: Reader,
    Path((call, share)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let id: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    let share = share.parse().map_err(|_| Failure::NotFound)?;
    shares::revoke(&doors.store, &reader.by, doors.clock.now(), &id, &share).await?;
    Ok(reader.done(&format!("/console/calls/{id}"), &reader.t("share-revoked")))
}
