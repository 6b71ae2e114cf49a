//! The scenarios, each in both languages.

use serde_json::{Value, json};

use super::{Does, Outcome, Part, Response, Scenario, Turn};
use crate::{
    domain::assistant::Language::{self, English, German},
    sim::{caller::Cue, twilio::Callee},
};

/// What a scenario is called, and what happens in it.
pub const NAMES: [(&str, &str); 10] = [
    ("book", "the caller interrupts, listens, takes the second time offered and hangs up"),
    ("move", "a patient moves an appointment"),
    ("cancel", "a patient gives an appointment back"),
    ("no-free-time", "the practice is closed, and the caller learns it"),
    ("silent", "the caller says nothing at all"),
    ("reminder", "the practice calls a patient to remind her, and she moves the appointment"),
    ("voicemail", "the practice calls a patient, whose answering machine takes the call"),
    ("transfer", "the caller wants a person, who hears why and takes the call"),
    ("transfer-busy", "the caller wants a person, who is on the telephone, and is back with the agent"),
    ("transfer-no-answer", "the caller wants a person, nobody answers, and is back with the agent"),
];

/// The scenario of that name.
pub fn named(name: &str, language: Language) -> Option<Scenario> {
    let words = match language {
        German => &GERMAN,
        English => &ENGLISH,
    };
    let (name, _) = NAMES.into_iter().find(|(known, _)| *known == name)?;
    Some(match name {
        "book" => book(words, language),
        "move" => moves(words, language),
        "cancel" => cancels(words, language),
        "no-free-time" => no_free_time(words, language),
        "reminder" => reminder(words, language),
        "voicemail" => voicemail(words, language),
        "transfer" => transfers(words, language, Callee::Takes),
        "transfer-busy" => transfers(words, language, Callee::Busy),
        "transfer-no-answer" => transfers(words, language, Callee::NoAnswer),
        _ => silent(language),
    })
}

/// How long the agent has been silent when a caller takes the turn.
const MY_TURN: Cue = Cue::WhenQuiet(1_000);

fn book(words: &'static Words, language: Language) -> Scenario {
    Scenario {
        name: "book",
        language,
        caller: vec![
            says(Cue::AfterHearing(words.opening_ms), words.interrupts),
            says(Cue::AfterHearing(2_500), words.listens),
            says(MY_TURN, words.asks_when),
            says(MY_TURN, words.second),
            says(MY_TURN, words.name),
            says(MY_TURN, words.goodbye),
            Part { cue: Cue::WhenQuiet(700), does: Does::HangsUp },
        ],
        model: vec![
            turn(words.interrupts, [agrees(), say(words.bring_and_ask_when)]),
            turn(words.asks_when, [looks_up(words), say("{find_slots:/say}")]),
            turn(
                words.second,
                [
                    call("", "hold_slot", json!({ "slot": "{find_slots:/slots/1/key}" })),
                    say("{hold_slot:/say}"),
                ],
            ),
            turn(
                words.name,
                [
                    call("", "book", json!({ "slot": "{find_slots:/slots/1/key}", "name": words.patient })),
                    say(words.booked_anything_else),
                ],
            ),
            turn(words.goodbye, [say(words.welcome_goodbye)]),
        ],
        patient: None,
        open: true,
        reception: None,
        callee: Callee::default(),
        called: false,
        machine: false,
        outcome: Outcome::Booked,
    }
}

fn moves(words: &'static Words, language: Language) -> Scenario {
    Scenario {
        name: "move",
        language,
        caller: vec![
            says(MY_TURN, words.yes),
            says(MY_TURN, words.wants_to_move),
            says(MY_TURN, words.name),
            says(MY_TURN, words.asks_when),
            says(MY_TURN, words.second),
            says(MY_TURN, words.goodbye),
        ],
        model: vec![
            turn(words.yes, [agrees(), say(words.what_can_i_do)]),
            turn(words.wants_to_move, [say(words.your_name)]),
            turn(words.name, [knows(words), say(words.yours_and_when_instead)]),
            turn(
                words.asks_when,
                [
                    call(
                        words.let_me_see,
                        "find_slots",
                        json!({
                            "service": words.service,
                            "when": words.when,
                            "appointment": "{my_appointments:/appointments/0/key}",
                        }),
                    ),
                    say("{find_slots:/say}"),
                ],
            ),
            turn(
                words.second,
                [
                    call(
                        "",
                        "move_appointment",
                        json!({
                            "appointment": "{my_appointments:/appointments/0/key}",
                            "slot": "{find_slots:/slots/1/key}",
                        }),
                    ),
                    say("{move_appointment:/say}"),
                ],
            ),
            turn(words.goodbye, [ends(words)]),
        ],
        patient: Some(words.patient),
        open: true,
        reception: None,
        callee: Callee::default(),
        called: false,
        machine: false,
        outcome: Outcome::Moved,
    }
}

fn reminder(words: &'static Words, language: Language) -> Scenario {
    let Scenario { model, .. } = moves(words, language);
    // From asking for a time on it is as when the patient had rung.
    let moving = model.into_iter().skip_while(|turn| turn.heard != words.asks_when);
    Scenario {
        name: "reminder",
        language,
        caller: vec![
            says(MY_TURN, words.yes),
            says(MY_TURN, words.is_me),
            says(MY_TURN, words.wants_to_move),
            says(MY_TURN, words.asks_when),
            says(MY_TURN, words.second),
            says(MY_TURN, words.goodbye),
        ],
        model: [
            turn(words.yes, [agrees(), say(words.is_it_you)]),
            turn(words.is_me, [call("", "my_appointments", json!({})), say(words.reminds)]),
            turn(words.wants_to_move, [say(words.when_instead)]),
        ]
        .into_iter()
        .chain(moving)
        .collect(),
        patient: Some(words.patient),
        open: true,
        reception: None,
        callee: Callee::default(),
        called: true,
        machine: false,
        outcome: Outcome::Moved,
    }
}

fn voicemail(words: &'static Words, language: Language) -> Scenario {
    Scenario {
        name: "voicemail",
        caller: vec![says(Cue::After(400), words.machine)],
        // Nobody knows at once that it is a machine.
        model: vec![turn(words.machine, [say(words.is_it_you)])],
        machine: true,
        outcome: Outcome::LeftWithMachine,
        ..reminder(words, language)
    }
}

fn cancels(words: &'static Words, language: Language) -> Scenario {
    let cancel = |confirmed: bool| {
        let appointment = "{my_appointments:/appointments/0/key}";
        call("", "cancel_appointment", json!({ "appointment": appointment, "confirmed": confirmed }))
    };
    Scenario {
        name: "cancel",
        language,
        caller: vec![
            says(MY_TURN, words.yes),
            says(MY_TURN, words.wants_to_cancel),
            says(MY_TURN, words.name),
            says(MY_TURN, words.yes),
            says(MY_TURN, words.goodbye),
        ],
        model: vec![
            turn(words.yes, [agrees(), say(words.what_can_i_do)]),
            turn(words.wants_to_cancel, [say(words.your_name)]),
            turn(words.name, [knows(words), cancel(false), say(words.yours_and_really)]),
            turn(words.yes, [cancel(true), say("{cancel_appointment:/say}")]),
            turn(words.goodbye, [ends(words)]),
        ],
        patient: Some(words.patient),
        open: true,
        reception: None,
        callee: Callee::default(),
        called: false,
        machine: false,
        outcome: Outcome::Cancelled,
    }
}

fn no_free_time(words: &'static Words, language: Language) -> Scenario {
    Scenario {
        name: "no-free-time",
        language,
        caller: vec![
            says(MY_TURN, words.yes),
            says(MY_TURN, words.wants_appointment),
            says(MY_TURN, words.asks_when),
            says(MY_TURN, words.calls_again),
        ],
        model: vec![
            turn(words.yes, [agrees(), say(words.what_can_i_do)]),
            turn(words.wants_appointment, [say(words.when_would_suit)]),
            turn(words.asks_when, [looks_up(words), say("{find_slots:/say}")]),
            turn(words.calls_again, [ends(words)]),
        ],
        patient: None,
        open: false,
        reception: None,
        callee: Callee::default(),
        called: false,
        machine: false,
        outcome: Outcome::NothingFree,
    }
}

fn transfers(words: &'static Words, language: Language, callee: Callee) -> Scenario {
    let pass_on = |confirmed: bool| {
        let wish = json!({ "to": words.reception, "wish": words.wish, "confirmed": confirmed });
        call("", "transfer", wish)
    };
    let mut caller =
        vec![says(MY_TURN, words.yes), says(MY_TURN, words.wants_a_person), says(MY_TURN, words.yes_right)];
    let mut model = vec![
        turn(words.yes, [agrees(), say(words.what_can_i_do)]),
        turn(words.wants_a_person, [pass_on(false), say("{transfer:/say}")]),
        turn(words.yes_right, [pass_on(true), say("")]),
    ];
    let taken = callee == Callee::Takes;
    if !taken {
        caller.push(says(MY_TURN, words.calls_again));
        model.push(turn(words.calls_again, [ends(words)]));
    }
    Scenario {
        name: match callee {
            Callee::Takes => "transfer",
            Callee::Busy => "transfer-busy",
            Callee::NoAnswer | Callee::Declines | Callee::Nowhere => "transfer-no-answer",
        },
        language,
        caller,
        model,
        patient: None,
        open: true,
        called: false,
        machine: false,
        reception: Some(words.reception),
        callee,
        outcome: if taken { Outcome::PassedOn } else { Outcome::BackAgain },
    }
}

fn silent(language: Language) -> Scenario {
    Scenario {
        name: "silent",
        language,
        caller: vec![],
        model: vec![],
        patient: None,
        open: true,
        reception: None,
        callee: Callee::default(),
        called: false,
        machine: false,
        outcome: Outcome::Silence,
    }
}

/// What is said in one language. Everything is recorded in `fixtures/audio`.
struct Words {
    /// What a check-up is called to the tools.
    service: &'static str,
    /// The caller's own words about when.
    when: &'static str,
    /// The caller's name.
    patient: &'static str,
    /// Whom callers can be put through to.
    reception: &'static str,
    /// What the model says the caller wants of them.
    wish: &'static str,
    /// So much of the opening is heard when the recording question has begun and is far from over.
    opening_ms: u64,
    // The caller.
    interrupts: &'static str,
    listens: &'static str,
    yes: &'static str,
    wants_appointment: &'static str,
    wants_to_move: &'static str,
    wants_to_cancel: &'static str,
    wants_a_person: &'static str,
    yes_right: &'static str,
    asks_when: &'static str,
    second: &'static str,
    name: &'static str,
    calls_again: &'static str,
    goodbye: &'static str,
    is_me: &'static str,
    machine: &'static str,
    // The model.
    what_can_i_do: &'static str,
    bring_and_ask_when: &'static str,
    when_would_suit: &'static str,
    let_me_see: &'static str,
    booked_anything_else: &'static str,
    your_name: &'static str,
    yours_and_when_instead: &'static str,
    yours_and_really: &'static str,
    is_it_you: &'static str,
    reminds: &'static str,
    when_instead: &'static str,
    welcome_goodbye: &'static str,
    say_goodbye: &'static str,
}

static GERMAN: Words = Words {
    service: "Kontrolle",
    when: "nächste Woche vormittags",
    patient: "Erika Mustermann",
    reception: "Anmeldung",
    wish: "Hat eine Frage zu einer Rechnung.",
    opening_ms: 5_000,
    interrupts: "Ja, das ist in Ordnung, ich brauche einen Termin zur Kontrolle.",
    listens: "Mm-hm.",
    yes: "Ja, bitte.",
    wants_appointment: "Guten Tag, ich hätte gern einen Termin.",
    wants_to_move: "Ich möchte meinen Termin verschieben.",
    wants_to_cancel: "Ich muss meinen Termin absagen.",
    wants_a_person: "Ich möchte bitte mit einem Menschen sprechen.",
    yes_right: "Ja, das stimmt.",
    asks_when: "Geht es nächste Woche vormittags?",
    second: "Den zweiten bitte.",
    name: "Mein Name ist Erika Mustermann.",
    calls_again: "Dann rufe ich später wieder an.",
    goodbye: "Vielen Dank, auf Wiederhören.",
    is_me: "Ja, das stimmt.",
    machine: "Dies ist der Anrufbeantworter von Erika Mustermann.",
    what_can_i_do: "Was kann ich für Sie tun?",
    bring_and_ask_when: "Bitte bringen Sie zu Ihrem Termin Ihre Versichertenkarte und eine Liste Ihrer Medikamente \
                         mit. Wann würde es Ihnen passen?",
    when_would_suit: "Wann würde es Ihnen passen?",
    let_me_see: "Gern, ich sehe nach.",
    booked_anything_else: "{book:/say} Kann ich sonst noch etwas für Sie tun?",
    your_name: "Wie ist Ihr Name?",
    yours_and_when_instead: "{my_appointments:/say} Auf wann möchten Sie ihn verschieben?",
    yours_and_really: "{my_appointments:/say} {cancel_appointment:/say}",
    is_it_you: "Spreche ich mit Erika Mustermann?",
    reminds: "Ich erinnere Sie an Ihren Termin. {my_appointments:/say} Können Sie kommen?",
    when_instead: "Auf wann möchten Sie ihn verschieben?",
    welcome_goodbye: "Gern geschehen. Auf Wiederhören.",
    say_goodbye: "Auf Wiederhören.",
};

static ENGLISH: Words = Words {
    service: "check-up",
    when: "next week in the morning",
    patient: "Erica Miller",
    reception: "Reception",
    wish: "Has a question about a bill.",
    opening_ms: 4_700,
    interrupts: "Yes, that is fine, I need an appointment for a check-up.",
    listens: "Mm-hm.",
    yes: "Yes, please.",
    wants_appointment: "Hello, I would like an appointment.",
    wants_to_move: "I would like to move my appointment.",
    wants_to_cancel: "I need to cancel my appointment.",
    wants_a_person: "I would like to speak to a person, please.",
    yes_right: "Yes, that is right.",
    asks_when: "Is there anything next week in the morning?",
    second: "The second one, please.",
    name: "My name is Erica Miller.",
    calls_again: "Then I will call again later.",
    goodbye: "Thank you very much, goodbye.",
    is_me: "Yes, that is right.",
    machine: "This is the answering machine of Erica Miller.",
    what_can_i_do: "What can I do for you?",
    bring_and_ask_when: "Please bring your insurance card and a list of the medicines that you take to your \
                         appointment. When would suit you?",
    when_would_suit: "When would suit you?",
    let_me_see: "Certainly, let me see.",
    booked_anything_else: "{book:/say} Is there anything else I can do for you?",
    your_name: "What is your name?",
    yours_and_when_instead: "{my_appointments:/say} When would you like it instead?",
    yours_and_really: "{my_appointments:/say} {cancel_appointment:/say}",
    is_it_you: "Am I speaking with Erica Miller?",
    reminds: "I am reminding you of your appointment. {my_appointments:/say} Will you be able to come?",
    when_instead: "When would you like it instead?",
    welcome_goodbye: "You are welcome. Goodbye.",
    say_goodbye: "Goodbye.",
};

fn says(cue: Cue, words: &'static str) -> Part {
    Part { cue, does: Does::Says(words) }
}

fn turn(heard: &'static str, responses: impl Into<Vec<Response>>) -> Turn {
    Turn { heard, responses: responses.into() }
}

fn say(words: &'static str) -> Response {
    Response { say: words, calls: vec![] }
}

fn call(say: &'static str, tool: &'static str, arguments: Value) -> Response {
    Response { say, calls: vec![(tool, arguments)] }
}

fn agrees() -> Response {
    call("", "recording_consent", json!({ "agreed": true }))
}

fn looks_up(words: &'static Words) -> Response {
    call(words.let_me_see, "find_slots", json!({ "service": words.service, "when": words.when }))
}

fn knows(words: &'static Words) -> Response {
    call("", "my_appointments", json!({ "name": words.patient }))
}

fn ends(words: &'static Words) -> Response {
    call(words.say_goodbye, "end_call", json!({}))
}
