//! What the model is told about each tool.

use serde_json::{Value, json};

use crate::domain::{
    assistant::{Assistant, Language},
    booking::Service,
    tool::ToolName,
    transfer::TransferTarget,
};

/// A tool as the model is told about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it is for and when to use it, in words for the model.
    pub description: String,
    /// Its arguments, as JSON Schema.
    pub parameters: Value,
}

/// The tools that this assistant may use, with what it may book and to whom it may pass callers on. Services are named
/// in `language`.
pub fn specs(
    assistant: &Assistant,
    services: &[Service],
    targets: &[TransferTarget],
    language: Language,
) -> Vec<Spec> {
    let names: Vec<&str> = services
        .iter()
        .filter(|service| assistant.services.contains(&service.id))
        .map(|service| service_name(service, language))
        .collect();
    ToolName::ALL
        .into_iter()
        .chain(ToolName::OURS)
        .filter(|tool| match tool {
            ToolName::EndCall => true,
            ToolName::RecordingConsent => assistant.recording,
            ToolName::Transfer => assistant.tools.contains(tool) && !targets.is_empty(),
            // Told of where there is an errand, or a waiting list.
            ToolName::ConfirmAppointment
            | ToolName::CallLater
            | ToolName::JoinWaitingList
            | ToolName::TakeOffer
            | ToolName::DeclineOffer => false,
            ToolName::DoNotCall | ToolName::ForgetMe => true,
            ToolName::FindSlots
            | ToolName::HoldSlot
            | ToolName::Book
            | ToolName::MyAppointments
            | ToolName::MoveAppointment
            | ToolName::CancelAppointment
            | ToolName::TakeMessage => assistant.tools.contains(tool),
        })
        .map(|tool| Spec {
            name: tool.as_str(),
            description: description(tool).to_owned(),
            parameters: parameters(tool, &names, targets, assistant),
        })
        .collect()
}

/// What a service is called in `language`, or in whatever language it has a name.
pub(super) fn service_name(service: &Service, language: Language) -> &str {
    let name = service.names.get(language.code()).or_else(|| service.names.values().next());
    name.map_or(service.id.as_str(), String::as_str)
}

fn description(tool: ToolName) -> &'static str {
    match tool {
        ToolName::FindSlots => {
            "Looks up free times. Pass on what the caller said about when, word for word; never work out a date or \
             a time yourself. Offers at most three slots, each with a key. Speak the offered times exactly as given."
        }
        ToolName::HoldSlot => {
            "Keeps an offered slot for the caller for a few minutes, as soon as they lean towards it. Nothing is \
             booked yet."
        }
        ToolName::Book => {
            "Books an offered slot. Ask for the caller's name first. The appointment exists only if the status is \
             \"booked\"; never say that it is booked before."
        }
        ToolName::MyAppointments => {
            "Looks up the caller's own coming appointments, each with a key. Ask for the name the appointment is \
             under, or the date of birth, and pass on what was said."
        }
        ToolName::MoveAppointment => {
            "Moves one of the caller's appointments to an offered slot. First look up the appointment with \
             my_appointments and a slot with find_slots, giving it the appointment."
        }
        ToolName::CancelAppointment => {
            "Cancels one of the caller's appointments. Call it once to begin; when the caller has said yes to the \
             question in the answer, call it again with confirmed set to true."
        }
        ToolName::TakeMessage => "Leaves a message for the business, in the caller's words.",
        ToolName::Transfer => {
            "Puts the caller through to a person. Call it as soon as the caller wants one; when the caller has said yes to \
             the question in the answer, call it again with confirmed set to true. Only people of the list can be reached."
        }
        ToolName::RecordingConsent => {
            "Reports the caller's answer to the question whether the call may be recorded. Call it once, as soon \
             as they have answered."
        }
        ToolName::EndCall => {
            "Hangs up after what you are saying has been heard. Say goodbye in the same reply, only when the \
             caller is done."
        }
        ToolName::ConfirmAppointment => "Notes that the person will come to their appointment.",
        ToolName::CallLater => "Notes that the person wants to be called at another time.",
        ToolName::JoinWaitingList => "Puts the caller on the waiting list.",
        ToolName::TakeOffer => "Books the time that is offered in this call.",
        ToolName::DeclineOffer => "Notes that the person does not want the time that is offered.",
        ToolName::DoNotCall => {
            "Notes that the person does not want to be called by the business any more. Call it as soon as they say so."
        }
        ToolName::ForgetMe => {
            "Notes that the caller wants the business to delete everything it keeps about them. Call it once to begin; when \
             the caller has said yes to the question in the answer, call it again with confirmed set to true. Never say that \
             anything is deleted: say what the answer says."
        }
    }
}

fn parameters(tool: ToolName, services: &[&str], targets: &[TransferTarget], assistant: &Assistant) -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let service = if services.is_empty() {
        // A list of choices may not be empty.
        text("What the caller wants to come for.")
    } else {
        json!({ "type": "string", "enum": services, "description": "What the caller wants to come for." })
    };
    let (mut properties, required): (Value, &[&str]) = match tool {
        ToolName::FindSlots => (
            json!({
                "service": service,
                "when": text("What the caller said about when, in their own words, such as \"next Friday at three\" \
                              or \"so bald wie möglich\"."),
                "with": text("The name of the person or room the caller asked for. Leave it out if they did not."),
                "appointment": text("The key of the appointment to be moved, if one is to be moved."),
            }),
            &["when"],
        ),
        ToolName::HoldSlot => (json!({ "slot": text("The key of an offered slot.") }), &["slot"]),
        ToolName::Book => (
            json!({
                "slot": text("The key of an offered slot."),
                "name": text("The caller's name, first and last, as they said it."),
                "notes": text("What the staff should know, in the caller's words."),
            }),
            &["slot", "name"],
        ),
        ToolName::MyAppointments => (
            json!({
                "name": text("The name the caller said, first and last."),
                "more": { "type": "boolean", "description": "True when the caller means an appointment that they were not told." },
                "date_of_birth": text("The date of birth the caller said, as YYYY-MM-DD."),
            }),
            &[],
        ),
        ToolName::MoveAppointment => (
            json!({
                "appointment": text("The key of the appointment."),
                "slot": text("The key of the offered slot to move it to."),
            }),
            &["appointment", "slot"],
        ),
        ToolName::CancelAppointment => (
            json!({
                "appointment": text("The key of the appointment."),
                "confirmed": {
                    "type": "boolean",
                    "description": "True only after the caller said yes to the question whether to cancel it.",
                },
            }),
            &["appointment"],
        ),
        ToolName::TakeMessage => (
            json!({
                "text": text("The message, in the caller's words."),
                "name": text("The caller's name, if they said it."),
                "number": text("Another number to call back, with its country code, if the caller gave one."),
                "urgent": {
                    "type": "boolean",
                    "description": "Whether the caller says that it cannot wait until tomorrow.",
                },
            }),
            &["text"],
        ),
        ToolName::Transfer => (
            json!({
                "to": {
                    "type": "string",
                    "enum": targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>(),
                    "description": "Whom the caller wants to speak to.",
                },
                "wish": text("What the caller wants, in one short sentence: the person hears it first."),
                "confirmed": {
                    "type": "boolean",
                    "description": "True only after the caller said yes to the question whether to be put through.",
                },
            }),
            &["to", "wish"],
        ),
        ToolName::RecordingConsent => (
            json!({
                "agreed": { "type": "boolean", "description": "Whether the caller agreed to be recorded." },
            }),
            &["agreed"],
        ),
        ToolName::ForgetMe => (
            json!({
                "confirmed": {
                    "type": "boolean",
                    "description": "True only after the caller said yes to the question whether everything is to be deleted.",
                },
            }),
            &[],
        ),
        ToolName::EndCall
        | ToolName::ConfirmAppointment
        | ToolName::CallLater
        | ToolName::DoNotCall
        | ToolName::JoinWaitingList
        | ToolName::TakeOffer
        | ToolName::DeclineOffer => (json!({}), &[]),
    };
    let answers = !matches!(tool, ToolName::RecordingConsent | ToolName::EndCall);
    if let Some(fallback) = assistant.fallback.filter(|_| answers) {
        properties["language"] = json!({
            "type": "string",
            "enum": [assistant.language.code(), fallback.code()],
            "description": "The language the caller speaks: the answer's sentences are made in it.",
        });
    }
    json!({ "type": "object", "properties": properties, "required": required })
}
