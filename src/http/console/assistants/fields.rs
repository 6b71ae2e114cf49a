//! An assistant as a form holds it, and the form as an assistant.

use super::{super::page::Page, Typed};
use crate::{
    app::assistants::KNOBS,
    domain::{
        assistant::{Assistant, AssistantStatus, Language, Sensitivity, TurnPolicy},
        revision::Revision,
        tool::ToolName,
    },
};

/// A slider of the turn policy.
pub struct Knob {
    /// The field's name.
    pub field: String,
    /// What it is called, with its unit.
    pub label: String,
    /// What it means.
    pub hint: String,
    /// From where.
    pub least: u64,
    /// To where.
    pub most: u64,
    /// In which steps.
    pub step: u64,
}

/// How many milliseconds one step of a slider's scale is, and how many of those it moves at a time.
fn scale(knob: &str) -> (u64, u64) {
    match knob {
        "silence_first_ms" | "silence_second_ms" | "silence_goodbye_ms" => (1_000, 1),
        "max_duration_ms" => (60_000, 1),
        _ => (1, 10),
    }
}

/// The field of a knob, named as `app` names it in what it refuses.
fn field(knob: &str) -> String {
    format!("policy-{}", knob.replace('_', "-"))
}

/// The sliders, in their order.
pub fn knobs(page: &Page) -> Vec<Knob> {
    let knob = |(name, _, least, most): (&'static str, fn(&TurnPolicy) -> u64, u64, u64)| {
        let (unit, step) = scale(name);
        let field = field(name);
        Knob {
            label: page.t(format!("part-{field}")).to_string(),
            hint: page.t(format!("hint-{field}")).to_string(),
            least: least.div_ceil(unit),
            most: most / unit,
            step,
            field,
        }
    };
    KNOBS.map(knob).into()
}

/// What a form of this assistant holds.
pub fn typed(assistant: &Assistant, seen: Revision) -> Typed {
    let opening = |language| assistant.opening.get(&language).cloned().unwrap_or_default();
    let mut typed = Typed::default()
        .with("seen", seen.0)
        .with("name", &assistant.name)
        .with("description", &assistant.description)
        .with("status", assistant.status.as_str())
        .with("language", assistant.language)
        .with("fallback", assistant.fallback.map(Language::code).unwrap_or_default())
        .with("voice", &assistant.voice)
        .with("instructions", &assistant.instructions)
        .with("policy-sensitivity", assistant.policy.sensitivity.as_str());
    for language in Language::ALL {
        typed = typed.with(format!("opening-{language}"), opening(language));
    }
    for (name, value, ..) in KNOBS {
        typed = typed.with(field(name), value(&assistant.policy) / scale(name).0);
    }
    for (name, ticked) in [
        ("policy-interruptible", assistant.policy.interruptible),
        ("recording", assistant.recording),
        ("transcripts", assistant.transcripts),
    ] {
        typed = if ticked { typed.with(name, "yes") } else { typed };
    }
    let tools = assistant.tools.iter().map(|tool| ("tools", tool.as_str().to_owned()));
    let services = assistant.services.iter().map(|id| ("services", id.to_string()));
    let transfers = assistant.transfers.iter().map(|id| ("transfers", id.to_string()));
    tools.chain(services).chain(transfers).fold(typed, |typed, (name, value)| typed.with(name, value))
}

/// The assistant that a form wants, made of `before`. What cannot be read stays as it was: only a form of somebody
/// else's making holds such a thing.
pub fn wanted(typed: &Typed, before: &Assistant) -> Assistant {
    let knob = |name: &str, old: u64| {
        let (unit, _) = scale(name);
        let typed: Option<u64> = typed.get(&field(name)).parse().ok();
        // Less than a step was not changed by moving the slider there.
        typed.map_or(old, |value| if value == old / unit { old } else { value.saturating_mul(unit) })
    };
    let old = &before.policy;
    let policy = TurnPolicy {
        sensitivity: Sensitivity::parse(typed.get("policy-sensitivity")).unwrap_or(old.sensitivity),
        interruptible: typed.ticked("policy-interruptible"),
        min_speech_ms: knob("min_speech_ms", old.min_speech_ms),
        false_interruption_ms: knob("false_interruption_ms", old.false_interruption_ms),
        end_of_turn_ms: knob("end_of_turn_ms", old.end_of_turn_ms),
        response_delay_ms: knob("response_delay_ms", old.response_delay_ms),
        silence_first_ms: knob("silence_first_ms", old.silence_first_ms),
        silence_second_ms: knob("silence_second_ms", old.silence_second_ms),
        silence_goodbye_ms: knob("silence_goodbye_ms", old.silence_goodbye_ms),
        max_duration_ms: knob("max_duration_ms", old.max_duration_ms),
    };
    let lines = |text: &str| text.replace("\r\n", "\n").trim().to_owned();
    let opening = Language::ALL.into_iter().filter_map(|language| {
        let words = lines(typed.raw(&format!("opening-{language}")));
        (!words.is_empty()).then_some((language, words))
    });
    Assistant {
        id: before.id.clone(),
        name: typed.get("name").to_owned(),
        description: typed.get("description").to_owned(),
        status: AssistantStatus::parse(typed.get("status")).unwrap_or(before.status),
        language: typed.get("language").parse().unwrap_or(before.language),
        fallback: typed.get("fallback").parse().ok(),
        voice: typed.get("voice").to_owned(),
        model: before.model.clone(),
        instructions: lines(typed.raw("instructions")),
        opening: opening.collect(),
        policy,
        recording: typed.ticked("recording"),
        transcripts: typed.ticked("transcripts"),
        tools: typed.all("tools").filter_map(ToolName::parse).collect(),
        services: typed.all("services").filter_map(|id| id.parse().ok()).collect(),
        transfers: typed.all("transfers").filter_map(|id| id.parse().ok()).collect(),
        keypad: before.keypad.clone(),
    }
}
