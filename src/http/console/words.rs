//! The console's words, in the reader's language: Fluent, from `config/locales`, built in.
//!
//! A language is a folder there, a part of the console a file in each of them. Dates, times, sums and telephone numbers
//! are made by [`super::format`] and handed in as text. Fluent's isolating marks are switched off: words also go into
//! titles, attributes and files.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt::{self, Display},
};

use fluent_templates::{
    FluentBundle, LanguageIdentifier, Loader, fluent_bundle::FluentValue, langid, static_loader,
};

use super::format;
use crate::domain::assistant::Language;

static_loader! {
    static LOCALES = {
        locales: "./config/locales",
        fallback_language: "en",
        customise: |bundle| {
            bundle.set_use_isolating(false);
            speak(bundle);
        },
    };
}

static GERMAN: LanguageIdentifier = langid!("de");
static ENGLISH: LanguageIdentifier = langid!("en");

/// How a bundle writes numbers.
fn speak<R>(bundle: &mut FluentBundle<R>) {
    let german = bundle.locales.first().is_some_and(|language| language.language == GERMAN.language);
    bundle.set_formatter(Some(if german { in_german } else { in_english }));
}

fn in_german<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    number(value, Language::German)
}

fn in_english<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    number(value, Language::English)
}

fn number(value: &FluentValue<'_>, language: Language) -> Option<String> {
    let FluentValue::Number(number) = value else { return None };
    Some(format::grouped(number.value, language))
}

fn identifier(language: Language) -> &'static LanguageIdentifier {
    match language {
        Language::German => &GERMAN,
        Language::English => &ENGLISH,
    }
}

/// A sentence or a word in a language; what it speaks of is added with [`Said::n`] and [`Said::s`].
#[derive(Clone)]
pub struct Said {
    language: Language,
    key: String,
    with: HashMap<Cow<'static, str>, FluentValue<'static>>,
}

/// What can be counted.
pub trait Countable {
    /// The number.
    fn count(&self) -> f64;
}

macro_rules! countable {
    ($($kind:ty),*) => {$(
        impl Countable for $kind {
            #[expect(clippy::cast_precision_loss, clippy::allow_attributes, reason = "numbers that people read")]
            #[allow(clippy::cast_lossless, reason = "one form for every kind")]
            fn count(&self) -> f64 {
                *self as f64
            }
        }
    )*};
}
countable!(u64, i64, usize);

impl Countable for u32 {
    fn count(&self) -> f64 {
        f64::from(*self)
    }
}

impl Countable for f64 {
    fn count(&self) -> f64 {
        *self
    }
}

impl<C: Countable> Countable for &C {
    fn count(&self) -> f64 {
        (*self).count()
    }
}

impl Said {
    /// The words of that key.
    pub fn new(language: Language, key: impl Into<String>) -> Self {
        Self { language, key: key.into(), with: HashMap::new() }
    }

    /// With a number, by which words are chosen and which is written in the language's way.
    pub fn n(mut self, name: &'static str, number: impl Countable) -> Self {
        self.with.insert(Cow::Borrowed(name), FluentValue::from(number.count()));
        self
    }

    /// With a text.
    pub fn s(mut self, name: &'static str, text: impl Display) -> Self {
        self.with.insert(Cow::Borrowed(name), FluentValue::from(text.to_string()));
        self
    }

    /// The words, if there are any of that key.
    pub fn known(&self) -> Option<String> {
        LOCALES.try_lookup_with_args(identifier(self.language), &self.key, &self.with)
    }
}

impl Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A key without words is a defect that a test finds; the key is what helps to find it.
        f.write_str(&self.known().unwrap_or_else(|| self.key.clone()))
    }
}
