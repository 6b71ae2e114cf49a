//! Forms: what somebody typed, what is wrong with it, and the fields that show both.
//!
//! A form that is refused comes back with everything in it but passwords, a summary above it and the same words at the
//! field. It never says "invalid": every field has a sentence of its own, `fault-FIELD` in the language's files, that says
//! what would be right.

use std::fmt::Display;

use askama::Template;
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::StatusCode,
};

use super::{failure::Failure, words::Said};
use crate::{
    app::{self, Fault},
    domain::{assistant::Language, revision::Revision},
};

/// The hidden field that carries the state a form was made from.
pub const SEEN: &str = "seen";

/// What a form holds, by the names of its fields; a name may stand there more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed(Vec<(String, String)>);

impl Typed {
    /// From what a browser sends.
    pub fn read(body: &[u8]) -> Self {
        Self(
            form_urlencoded::parse(body)
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// With this field.
    pub fn with(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.0.push((name.into(), value.to_string()));
        self
    }

    /// What was typed there, without blanks around it; empty when nothing was.
    pub fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// What was typed there, as it was typed.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// What was typed there, if anything was.
    pub fn maybe(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// Everything chosen under that name.
    pub fn all<'t>(&'t self, name: &'t str) -> impl Iterator<Item = &'t str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Whether a box is ticked.
    pub fn ticked(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    /// Whether this value is among those of that name.
    pub fn holds(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|held| held == value)
    }

    /// The state the form was made from, if it says.
    pub fn seen(&self) -> Option<Revision> {
        self.get(SEEN).parse().ok().map(Revision)
    }

    /// Everything, in the order it was sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Takes the fields of these names away.
    pub fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }
}

impl<S: Send + Sync> FromRequest<S> for Typed {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let body = Bytes::from_request(request, state).await.map_err(|_| Failure::TooLarge)?;
        Ok(Self::read(&body))
    }
}

/// One thing that is wrong: where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The field's name; empty when it is about the whole form.
    pub field: String,
    /// A sentence.
    pub words: String,
}

/// A form as it is shown.
#[derive(Clone)]
pub struct Form {
    language: Language,
    typed: Typed,
    /// Ahead of the fields' ids, for pages with several forms.
    prefix: &'static str,
    wrong: Vec<Wrong>,
    /// What stands there by now, when somebody else was faster.
    theirs: Option<Typed>,
    /// What the answer's status is.
    pub status: StatusCode,
}

impl Form {
    /// A form that holds this, and nothing is wrong with it.
    pub fn new(language: Language, typed: Typed) -> Self {
        Self { language, typed, prefix: "", wrong: vec![], theirs: None, status: StatusCode::OK }
    }

    /// The same among other forms on its page: its fields' ids begin with this.
    pub fn prefixed(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }

    /// What it holds.
    pub fn typed(&self) -> &Typed {
        &self.typed
    }

    /// Whether something is wrong with it.
    pub fn is_wrong(&self) -> bool {
        !self.wrong.is_empty()
    }

    /// Everything that is wrong with it.
    pub fn wrongs(&self) -> impl Iterator<Item = WrongShown<'_>> {
        self.wrong.iter().map(|wrong| WrongShown {
            id: if wrong.field.is_empty() { None } else { Some(self.id(&wrong.field)) },
            words: &wrong.words,
        })
    }

    /// Whether a field is asked for that is not always: something was typed in it, or is missing there.
    pub fn asks(&self, name: &str) -> bool {
        self.typed.maybe(name).is_some() || self.wrong.iter().any(|wrong| wrong.field == name)
    }

    /// Notes that something is wrong with a field: the words of `key`.
    pub fn fault(&mut self, field: &str, words: impl Display) {
        self.status = StatusCode::UNPROCESSABLE_ENTITY;
        self.wrong.push(Wrong { field: field.to_owned(), words: words.to_string() });
    }

    /// The form with what `app` says against it, to be shown again: nothing that was typed is lost.
    ///
    /// # Errors
    /// The refusal, when no form can help: there is no such thing, or the asker may not.
    pub fn refused(mut self, error: app::Error) -> Result<Self, Failure> {
        if matches!(error, app::Error::NotFound(_) | app::Error::Forbidden(_) | app::Error::OperatorOnly(_)) {
            return Err(Failure::from(error));
        }
        let app::Error::Invalid(faults) = error else {
            let failure = Failure::from(error);
            let words = failure.words(self.language);
            self.fault("", words);
            self.status = failure.status();
            return Ok(self);
        };
        for fault in &faults {
            let field = self.field_of(fault);
            let words = self.words_of(&field, fault);
            // A field may have more than one thing wrong in it; it is told once.
            if !self.wrong.iter().any(|wrong| wrong.field == field && wrong.words == words) {
                self.fault(&field, words);
            }
        }
        if faults.is_empty() {
            self.fault("", Said::new(self.language, "fault"));
        }
        Ok(self)
    }

    /// The form with what stands there by now, because somebody else was faster, as `words` say: both are shown.
    pub fn stale(mut self, theirs: Typed, words: Said) -> Self {
        self.fault("", words);
        self.status = StatusCode::CONFLICT;
        self.typed = self.typed.without(&[SEEN]).with(SEEN, theirs.get(SEEN));
        self.theirs = Some(theirs);
        self
    }

    /// The field a fault of `app` is about: the pointer's parts, joined by hyphens: `/names/de` is `names-de`.
    fn field_of(&self, fault: &Fault) -> String {
        let whole = fault.pointer.trim_start_matches(['/', '?']).replace(['/', '_'], "-");
        if self.typed.ticked(&whole) || self.own(&whole).is_some() {
            return whole;
        }
        // What is wrong inside a thing that the form holds as one is wrong with that.
        let mut part = whole.as_str();
        while let Some((head, _)) = part.rsplit_once('-') {
            if self.typed.ticked(head) || self.own(head).is_some() {
                return head.to_owned();
            }
            part = head;
        }
        whole
    }

    fn own(&self, field: &str) -> Option<String> {
        Said::new(self.language, format!("fault-{field}")).known()
    }

    fn words_of(&self, field: &str, fault: &Fault) -> String {
        let own = self.own(field);
        own.unwrap_or_else(|| match self.language {
            Language::English => {
                Said::new(self.language, "fault-other").s("problem", &fault.problem).to_string()
            }
            // What `app` says is English.
            Language::German => Said::new(self.language, "fault-plain").to_string(),
        })
    }

    fn id(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn field(&self, name: &str, label: &dyn Display, look: Look) -> Field {
        let wrong = self.wrong.iter().find(|wrong| wrong.field == name).map(|wrong| wrong.words.clone());
        let secret = matches!(look, Look::Input("password"));
        let theirs = self
            .theirs
            .as_ref()
            .map(|theirs| theirs.get(name))
            .filter(|theirs| *theirs != self.typed.get(name));
        Field {
            id: self.id(name),
            name: name.to_owned(),
            label: label.to_string(),
            value: if secret { String::new() } else { self.typed.raw(name).to_owned() },
            look,
            hint: None,
            wrong,
            language: self.language,
            theirs: theirs.map(str::to_owned),
            optional: false,
            autocomplete: None,
            inputmode: None,
            least: None,
            most: None,
            step: None,
            len_max: None,
            ticked: false,
            options: vec![],
            rows: 4,
        }
    }

    /// One line of text.
    pub fn text(&self, name: &str, label: impl Display) -> Field {
        self.field(name, &label, Look::Input("text"))
    }

    /// A field of this type of HTML's: `email`, `tel`, `password`, `date`, `time`, `number`, `search`, `url`.
    pub fn input(&self, kind: &'static str, name: &str, label: impl Display) -> Field {
        self.field(name, &label, Look::Input(kind))
    }

    /// Several lines of text.
    pub fn area(&self, name: &str, label: impl Display) -> Field {
        self.field(name, &label, Look::Area)
    }

    /// A box to tick; `value` is sent when it is.
    pub fn tick(&self, name: &str, value: &str, label: impl Display) -> Field {
        let ticked = self.typed.holds(name, value);
        Field {
            id: self.id(&format!("{name}-{value}")),
            value: value.to_owned(),
            ticked,
            ..self.field(name, &label, Look::Tick)
        }
    }

    /// A slider from `least` to `most`.
    pub fn slider(&self, name: &str, label: impl Display, least: impl Display, most: impl Display) -> Field {
        Field {
            least: Some(least.to_string()),
            most: Some(most.to_string()),
            ..self.field(name, &label, Look::Input("range"))
        }
    }

    /// A list to choose one of; add the choices with [`Field::option`].
    pub fn choice(&self, name: &str, label: impl Display) -> Field {
        self.field(name, &label, Look::Choice)
    }

    /// Round buttons to choose one of; add the choices with [`Field::option`].
    pub fn radios(&self, name: &str, label: impl Display) -> Field {
        self.field(name, &label, Look::Radios)
    }

    /// Something the form carries and nobody sees.
    pub fn hidden(&self, name: &str) -> Field {
        self.field(name, &"", Look::Input("hidden"))
    }

    /// The state the form was made from.
    pub fn seen(&self) -> Field {
        self.hidden(SEEN)
    }

    /// What is wrong, above the form; nothing when nothing is.
    pub fn summary(&self) -> Summary<'_> {
        Summary { form: self }
    }

    /// The words of that key, in the form's language.
    pub fn t(&self, key: impl AsRef<str>) -> Said {
        Said::new(self.language, key.as_ref())
    }
}

/// One thing that is wrong, as the summary shows it.
pub struct WrongShown<'f> {
    /// The id of the field to go to.
    pub id: Option<String>,
    /// A sentence.
    pub words: &'f str,
}

/// What is wrong with a form, above it.
#[derive(Template)]
#[template(path = "parts/summary.html", config = ".askama.toml")]
pub struct Summary<'f> {
    form: &'f Form,
}

impl askama::filters::HtmlSafe for Summary<'_> {}

/// What a field looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Input(&'static str),
    Area,
    Tick,
    Choice,
    Radios,
}

/// One field with its label, its hint and what is wrong with it.
#[derive(Clone, Template)]
#[template(path = "parts/field.html", config = ".askama.toml")]
pub struct Field {
    id: String,
    name: String,
    label: String,
    value: String,
    look: Look,
    hint: Option<String>,
    wrong: Option<String>,
    language: Language,
    theirs: Option<String>,
    optional: bool,
    autocomplete: Option<&'static str>,
    inputmode: Option<&'static str>,
    least: Option<String>,
    most: Option<String>,
    step: Option<String>,
    len_max: Option<usize>,
    ticked: bool,
    options: Vec<Choice>,
    rows: u32,
}

#[derive(Clone)]
struct Choice {
    value: String,
    label: String,
}

impl askama::filters::HtmlSafe for Field {}

impl Field {
    /// With a sentence below its label.
    pub fn hint(mut self, words: impl Display) -> Self {
        self.hint = Some(words.to_string());
        self
    }

    /// It may stay empty, which is said.
    pub fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// What a browser may fill in by itself.
    pub fn autocomplete(self, what: &'static str) -> Self {
        Self { autocomplete: Some(what), ..self }
    }

    /// Which keyboard a telephone shows: `numeric`, `tel`, `email`.
    pub fn inputmode(self, mode: &'static str) -> Self {
        Self { inputmode: Some(mode), ..self }
    }

    /// With another choice.
    pub fn option(mut self, value: impl Display, label: impl Display) -> Self {
        self.options.push(Choice { value: value.to_string(), label: label.to_string() });
        self
    }

    /// With these choices: each a value and its words.
    pub fn options(mut self, choices: &[(String, String)]) -> Self {
        self.options.extend(choices.iter().cloned().map(|(value, label)| Choice { value, label }));
        self
    }

    /// The least and the most that may be chosen.
    pub fn between(self, least: impl Display, most: impl Display) -> Self {
        Self { least: Some(least.to_string()), most: Some(most.to_string()), ..self }
    }

    /// By how much it goes up or down.
    pub fn step(self, step: impl Display) -> Self {
        Self { step: Some(step.to_string()), ..self }
    }

    /// How many characters it takes at most.
    pub fn len_max(self, len: usize) -> Self {
        Self { len_max: Some(len), ..self }
    }

    /// How many lines it shows.
    pub fn rows(self, rows: u32) -> Self {
        Self { rows, ..self }
    }

    fn t(&self, key: impl AsRef<str>) -> Said {
        Said::new(self.language, key.as_ref())
    }

    fn hidden(&self) -> bool {
        self.look == Look::Input("hidden")
    }

    fn kind(&self) -> Option<&'static str> {
        match self.look {
            Look::Input(kind) => Some(kind),
            Look::Area | Look::Tick | Look::Choice | Look::Radios => None,
        }
    }

    fn is(&self, look: &str) -> bool {
        match self.look {
            Look::Input(_) => look == "input",
            Look::Area => look == "area",
            Look::Tick => look == "tick",
            Look::Choice => look == "choice",
            Look::Radios => look == "radios",
        }
    }

    /// What the field is described by, for screen readers.
    fn described_by(&self) -> Option<String> {
        let hint = self.hint.is_some().then(|| format!("{}-hint", self.id));
        let wrong = self.wrong.is_some().then(|| format!("{}-fault", self.id));
        let ids: Vec<String> = hint.into_iter().chain(wrong).collect();
        Some(ids.join(" ")).filter(|ids| !ids.is_empty())
    }
}
