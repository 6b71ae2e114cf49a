//! `/console/assistants`: who answers. What is changed is a draft, which only test calls hear, until it is made live.
//!
//! The page of an assistant is the only one on which a browser may use the microphone: the test call is beside the form.

mod change;
mod fields;
mod trying;

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use self::{
    change::{ChangeRow, Names},
    fields::{Knob, knobs, typed, wanted},
};
use super::{
    failure::Failure,
    form::{Field, Form, Typed},
    lists, live,
    page::{Page, show, show_with},
    visitor::Reader,
    words::Said,
};
use crate::{
    app::{self, assistants, drafts, services, transfer_targets},
    domain::{
        assistant::{Assistant, AssistantDraft, AssistantStatus, AssistantVersion, Language, TurnPolicy},
        id::AssistantId,
        people::{Subject, Verb},
        revision::{Revised, Revision},
        tool::ToolName,
    },
    http::Doors,
    platform::ids,
    speech,
};

/// The place of these pages.
const PLACE: &str = "/console/assistants";
/// Assistants, services and transfer targets that are shown, at most.
const SHOWN_MAX: u32 = 200;
/// How long a browser keeps what a voice said: while somebody chooses, and no longer than words may have changed.
const VOICE_KEPT: &str = "private, max-age=300";
/// Versions on a page.
const VERSIONS_ON_PAGE: u32 = 20;

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route(PLACE, get(list).post(create))
        .route("/console/assistants/{assistant}", get(one).post(save))
        .route("/console/assistants/{assistant}/difference", get(difference))
        .route("/console/assistants/{assistant}/live", post(publish))
        .route("/console/assistants/{assistant}/discard", post(discard))
        .route("/console/assistants/{assistant}/versions", get(versions))
        .route("/console/assistants/{assistant}/versions/{version}", post(restore))
        .route("/console/assistants/{assistant}/voices/{voice}", get(voice))
        .merge(trying::router())
}

#[derive(Template)]
#[template(path = "assistants/list.html", config = ".askama.toml")]
struct ListPage {
    page: Page,
    form: Form,
    rows: Vec<Assistant>,
    may_write: bool,
}

#[derive(Template)]
#[template(path = "assistants/one.html", config = ".askama.toml")]
struct OnePage {
    page: Page,
    form: Form,
    assistant: Assistant,
    draft: Option<AssistantDraft>,
    live: Revision,
    knobs: Vec<Knob>,
    voices: Vec<String>,
    tools: Vec<ToolName>,
    names: Names,
    /// Where the reader is rung for a test.
    ring: Form,
    may_write: bool,
}

#[derive(Template)]
#[template(path = "assistants/difference.html", config = ".askama.toml")]
struct DifferencePage {
    page: Page,
    id: AssistantId,
    form: Form,
    changes: Vec<ChangeRow>,
    overtaken: bool,
    may_write: bool,
}

#[derive(Template)]
#[template(path = "assistants/versions.html", config = ".askama.toml")]
struct VersionsPage {
    page: Page,
    id: AssistantId,
    form: Form,
    rows: Vec<VersionRow>,
    next: Option<lists::Next>,
    may_write: bool,
}

/// A version with what it changed.
struct VersionRow {
    version: AssistantVersion,
    changes: Vec<ChangeRow>,
    live: bool,
}

/// What differs, part by part.
#[derive(Template)]
#[template(path = "assistants/changes.html", config = ".askama.toml")]
struct Changes<'p> {
    page: &'p Page,
    changes: &'p [ChangeRow],
}

impl askama::filters::HtmlSafe for Changes<'_> {}

impl ListPage {
    fn status(&self, status: &AssistantStatus) -> Said {
        status_words(&self.page, *status)
    }

    fn speaks(&self, language: &Language) -> &'static str {
        language_name(*language)
    }
}

impl OnePage {
    fn status(&self, status: &AssistantStatus) -> Said {
        status_words(&self.page, *status)
    }

    fn may(&self, tool: &ToolName) -> Said {
        may(&self.page, tool.as_str())
    }

    fn voice(&self) -> Field {
        let field =
            self.form.choice("voice", self.page.t("part-voice")).option("", self.page.t("voice-usual"));
        self.voices.iter().fold(field, |field, voice| field.option(voice, voice))
    }
}

impl DifferencePage {
    fn changed(&self) -> Changes<'_> {
        Changes { page: &self.page, changes: &self.changes }
    }
}

impl VersionsPage {
    fn changed<'p>(&'p self, row: &'p VersionRow) -> Changes<'p> {
        Changes { page: &self.page, changes: &row.changes }
    }
}

async fn list(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let form = Form::new(reader.language, Typed::default().with("language", reader.language.code()));
    list_with(&doors, &reader, form).await
}

async fn list_with(doors: &Doors, reader: &Reader, form: Form) -> Result<Response, Failure> {
    let rows = assistants::list(&doors.store, &reader.by, None, SHOWN_MAX).await?.items;
    let page = Page::new(reader, PLACE, reader.t("nav-assistants"), doors.clock.now()).with_form(&form);
    let may_write = reader.may(Verb::Write, Subject::Assistants);
    let status = form.status;
    show_with(status, &ListPage { page, form, rows, may_write })
}

async fn create(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let language = typed.get("language").parse().unwrap_or(reader.language);
    let now = doors.clock.now();
    let wanted = Assistant {
        id: AssistantId::of(ids::fresh(now)),
        name: typed.get("name").to_owned(),
        description: String::new(),
        status: AssistantStatus::Live,
        language,
        fallback: None,
        voice: String::new(),
        model: None,
        instructions: String::new(),
        opening: [(language, typed.get("opening").to_owned())].into(),
        policy: TurnPolicy::default(),
        recording: false,
        transcripts: true,
        tools: ToolName::ALL.into(),
        services: all_services(&doors, &reader).await?.into_iter().map(|(id, _)| id).collect(),
        transfers: Vec::new(),
        keypad: Default::default(),
    };
    match assistants::create(&doors.store, &reader.by, now, wanted).await {
        Ok(made) => {
            let said = reader.t("assistant-made").s("name", &made.item.name);
            Ok(reader.done(&format!("{PLACE}/{}", made.item.id), &said))
        }
        Err(error) => {
            let form = Form::new(reader.language, typed).refused(at_opening(error))?;
            list_with(&doors, &reader, form).await
        }
    }
}

/// What is wrong with the opening in some language is wrong with the one opening that a short form has.
fn at_opening(error: app::Error) -> app::Error {
    let app::Error::Invalid(mut faults) = error else { return error };
    for fault in &mut faults {
        if fault.pointer.starts_with("/opening") {
            fault.pointer = "/opening".to_owned();
        }
    }
    app::Error::Invalid(faults)
}

async fn one(
    State(doors): State<Doors>,
    reader: Reader,
    Path(assistant): Path<String>,
) -> Result<Response, Failure> {
    let kept = Kept::of(&doors, &reader, &assistant).await?;
    let form = Form::new(reader.language, typed(kept.edited(), kept.seen()));
    one_with(&doors, &reader, kept, form, None).await
}

/// An assistant with its draft.
struct Kept {
    live: Revised<Assistant>,
    draft: Option<AssistantDraft>,
}

impl Kept {
    async fn of(doors: &Doors, reader: &Reader, id: &str) -> Result<Self, Failure> {
        let id: AssistantId = id.parse().map_err(|_| Failure::NotFound)?;
        let live = assistants::get(&doors.store, &reader.by, &id).await?;
        let draft = match drafts::get(&doors.store, &reader.by, &id).await {
            Ok(draft) => Some(draft),
            Err(app::Error::NotFound(_)) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { live, draft })
    }

    /// What a form edits.
    fn edited(&self) -> &Assistant {
        self.draft.as_ref().map_or(&self.live.item, |draft| &draft.assistant)
    }

    /// Which state of it.
    fn seen(&self) -> Revision {
        self.draft.as_ref().map_or(self.live.revision, |draft| draft.number)
    }
}

/// The page of an assistant, with what was typed to be rung, if that was refused.
async fn one_with(
    doors: &Doors,
    reader: &Reader,
    kept: Kept,
    form: Form,
    ring: Option<Form>,
) -> Result<Response, Failure> {
    let ring = match ring {
        Some(ring) => ring,
        None => live::over(doors, reader).await?,
    }
    .prefixed("ring-");
    let page = Page::new(reader, PLACE, &kept.live.item.name, doors.clock.now()).with_form(&form);
    let page = page.with_form(&ring).script("talk.js");
    let status = if ring.is_wrong() { ring.status } else { form.status };
    let shown = OnePage {
        knobs: knobs(&page),
        voices: voices(form.typed().get("voice")),
        tools: ToolName::ALL.into(),
        names: names(doors, reader).await?,
        may_write: reader.may(Verb::Write, Subject::Assistants),
        assistant: kept.live.item,
        live: kept.live.revision,
        draft: kept.draft,
        ring,
        form,
        page,
    };
    let mut response = show_with(status, &shown)?;
    let microphone = HeaderValue::from_static("microphone=(self), camera=(), geolocation=()");
    response.headers_mut().insert(HeaderName::from_static("permissions-policy"), microphone);
    Ok(response)
}

/// The voices to choose from: the engine's, and one that was chosen elsewhere.
fn voices(chosen: &str) -> Vec<String> {
    let known = speech::VOICES.map(str::to_owned);
    let other = (!chosen.is_empty() && !speech::VOICES.contains(&chosen)).then(|| chosen.to_owned());
    known.into_iter().chain(other).collect()
}

/// How a voice says the opening words.
async fn voice(
    State(doors): State<Doors>,
    reader: Reader,
    Path((assistant, voice)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let id: AssistantId = assistant.parse().map_err(|_| Failure::NotFound)?;
    let sound = doors.voices.sample(&doors.store, &reader.by, &id, &voice).await?;
    let head = [(header::CONTENT_TYPE, "audio/wav"), (header::CACHE_CONTROL, VOICE_KEPT)];
    Ok((head, sound).into_response())
}

/// What services and transfer targets are called.
async fn names(doors: &Doors, reader: &Reader) -> Result<Names, Failure> {
    let services = all_services(doors, reader).await?;
    let services = services.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
    let targets = transfer_targets::list(&doors.store, &reader.by, None, SHOWN_MAX).await?.items;
    let targets = targets.into_iter().map(|target| (target.id.to_string(), target.name)).collect();
    Ok(Names { services, targets })
}

async fn all_services(
    doors: &Doors,
    reader: &Reader,
) -> Result<Vec<(crate::domain::id::ServiceId, String)>, Failure> {
    let all = services::list(&doors.store, &reader.by, None, SHOWN_MAX).await?.items;
    let name = |service: crate::domain::booking::Service| {
        let name = service.names.get(reader.language.code()).or_else(|| service.names.values().next());
        (service.id, name.cloned().unwrap_or(service.key))
    };
    Ok(all.into_iter().map(name).collect())
}

async fn save(
    State(doors): State<Doors>,
    reader: Reader,
    Path(assistant): Path<String>,
    typed_in: Typed,
) -> Result<Response, Failure> {
    let kept = Kept::of(&doors, &reader, &assistant).await?;
    let id = kept.live.item.id.clone();
    let seen = typed_in.seen();
    let now = doors.clock.now();
    let mut form = Form::new(reader.language, typed_in);
    let change = |before: &Assistant| Ok(wanted(form.typed(), before));
    match drafts::edit(&doors.store, &reader.by, now, &id, seen, change).await {
        Ok(_) => Ok(reader.done(&format!("{PLACE}/{id}"), &reader.t("draft-saved"))),
        Err(app::Error::Stale) => {
            let kept = Kept::of(&doors, &reader, &assistant).await?;
            form = form.stale(typed(kept.edited(), kept.seen()), reader.faster(&doors, id.as_str()).await?);
            one_with(&doors, &reader, kept, form, None).await
        }
        Err(error) => {
            form = form.refused(error)?;
            one_with(&doors, &reader, kept, form, None).await
        }
    }
}

async fn difference(
    State(doors): State<Doors>,
    reader: Reader,
    Path(assistant): Path<String>,
) -> Result<Response, Failure> {
    let kept = Kept::of(&doors, &reader, &assistant).await?;
    let id = kept.live.item.id.clone();
    let differs = drafts::difference(&doors.store, &reader.by, &id).await?;
    let title = reader.t("difference-title").s("name", &kept.live.item.name);
    let page = Page::new(&reader, PLACE, title, doors.clock.now());
    let names = names(&doors, &reader).await?;
    let shown = DifferencePage {
        changes: differs.changes.into_iter().map(|change| ChangeRow::of(&page, &names, change)).collect(),
        overtaken: differs.live != differs.base,
        may_write: reader.may(Verb::Write, Subject::Assistants),
        form: Form::new(reader.language, Typed::default().with("seen", differs.draft.0)),
        id,
        page,
    };
    show(&shown)
}

async fn publish(
    State(doors): State<Doors>,
    reader: Reader,
    Path(assistant): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id: AssistantId = assistant.parse().map_err(|_| Failure::NotFound)?;
    let live = drafts::publish(&doors.store, &reader.by, doors.clock.now(), &id, typed.seen()).await?;
    let said = reader.t("draft-live").s("name", &live.item.name).n("version", live.revision.0);
    Ok(reader.done(&format!("{PLACE}/{id}"), &said))
}

async fn discard(
    State(doors): State<Doors>,
    reader: Reader,
    Path(assistant): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id: AssistantId = assistant.parse().map_err(|_| Failure::NotFound)?;
    drafts::discard(&doors.store, &reader.by, doors.clock.now(), &id, typed.seen()).await?;
    Ok(reader.done(&format!("{PLACE}/{id}"), &reader.t("draft-discarded")))
}

async fn versions(
    State(doors): State<Doors>,
    reader: Reader,
    Path(assistant): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let kept = Kept::of(&doors, &reader, &assistant).await?;
    let id = kept.live.item.id.clone();
    let asked = Typed::read(query.unwrap_or_default().as_bytes());
    let after = lists::place(asked.get("after"));
    let found = assistants::versions(&doors.store, &reader.by, &id, after.as_ref(), VERSIONS_ON_PAGE).await?;
    let title = reader.t("versions-title").s("name", &kept.live.item.name);
    let page = Page::new(&reader, PLACE, title, doors.clock.now());
    let names = names(&doors, &reader).await?;
    let next = lists::Next::of(found.next.as_ref(), &asked);
    let mut rows = vec![];
    for (at, version) in found.items.iter().enumerate() {
        let before = match found.items.get(at + 1) {
            Some(before) => Some(before.assistant.clone()),
            None if version.number.0 > 1 => {
                let number = Revision(version.number.0 - 1);
                Some(assistants::version(&doors.store, &reader.by, &id, number).await?.assistant)
            }
            None => None,
        };
        let changes = before.map(|before| drafts::between(&before, &version.assistant)).unwrap_or_default();
        let changes = changes.into_iter().map(|change| ChangeRow::of(&page, &names, change)).collect();
        rows.push(VersionRow {
            live: version.number == kept.live.revision,
            version: version.clone(),
            changes,
        });
    }
    let form = Form::new(reader.language, Typed::default().with("seen", kept.live.revision.0));
    let may_write = reader.may(Verb::Write, Subject::Assistants);
    show(&VersionsPage { page, id, form, rows, next, may_write })
}

async fn restore(
    State(doors): State<Doors>,
    reader: Reader,
    Path((assistant, version)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id: AssistantId = assistant.parse().map_err(|_| Failure::NotFound)?;
    let number = Revision(version.parse().map_err(|_| Failure::NotFound)?);
    let now = doors.clock.now();
    let live = assistants::restore(&doors.store, &reader.by, now, &id, number, typed.seen()).await?;
    let said = reader.t("version-restored").n("version", number.0).n("live", live.revision.0);
    Ok(reader.done(&format!("{PLACE}/{id}/versions"), &said))
}

/// What a language is called.
fn language_name(language: Language) -> &'static str {
    match language {
        Language::German => "Deutsch",
        Language::English => "English",
    }
}

/// The words for a status.
fn status_words(page: &Page, status: AssistantStatus) -> Said {
    page.t(format!("assistant-status-{}", status.as_str()))
}

/// The words for a tool that an assistant may use.
fn may(page: &Page, tool: &str) -> Said {
    page.t(format!("may-{tool}"))
}
