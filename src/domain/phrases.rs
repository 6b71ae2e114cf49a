//! The sentences the server says by itself, in every language it speaks.
//!
//! What the law or the promise of "never dead air" needs is said by the server, not left to a prompt.

use super::assistant::{Assistant, Language};

/// A sentence of the server's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phrase {
    /// That an automated assistant speaks (EU AI Act, Art. 50).
    Disclosure,
    /// That somebody of the business may listen (§ 201 StGB).
    ColleagueMayJoin,
    /// May this call be recorded?
    RecordingQuestion,
    /// The caller has been silent for a while.
    StillThere,
    /// The caller is still silent.
    StillThereAgain,
    /// Goodbye, for want of an answer.
    SilenceGoodbye,
    /// One minute is left.
    OneMinuteLeft,
    /// Goodbye, because the longest duration is reached.
    TimeIsUp,
    /// The engine or a tool needs a moment.
    OneMoment,
    /// A tool needs longer.
    StillWorking,
    /// A tool needs too long: offer to call back.
    OfferCallBack,
    /// Something broke; goodbye.
    Apology,
    /// The number is not in service.
    UnknownNumber,
    /// All lines are busy.
    AllBusy,
    /// The call is not taken; goodbye.
    NotTaken,
    /// The process leaves; goodbye.
    Drained,
    /// The caller is put through to a person.
    PassingOn,
    /// Nobody took the call; the agent is back.
    NobodyThere,
    /// Whoever took the call over is gone; the agent is back.
    ColleagueGone,
    /// The caller is put on hold.
    OnHold,
    /// The caller is still on hold.
    StillHeld,
    /// The caller is on hold no more.
    HoldOver,
    /// Something broke; a message can be left.
    Trouble,
    /// Nobody is there; a message can be left.
    NobodyHere,
    /// Leave a message after the tone.
    LeaveMessage,
    /// The message is kept; goodbye.
    MessageThanks,
    /// For whoever took a call that only tested whether their line is forwarded.
    LineTested,
    /// For whoever is to take a call: by which key.
    PressToTake,
}

impl Phrase {
    /// The words in `language`.
    pub fn words(self, language: Language) -> &'static str {
        use Language::{English, German};
        match (self, language) {
            (Self::Disclosure, German) => "Sie sprechen mit einem automatischen Assistenten.",
            (Self::Disclosure, English) => "You are speaking with an automated assistant.",
            (Self::ColleagueMayJoin, German) => "Jemand aus unserem Team kann sich zuschalten und mithören.",
            (Self::ColleagueMayJoin, English) => "A colleague from our team may join and listen.",
            (Self::RecordingQuestion, German) => "Darf ich dieses Gespräch aufzeichnen?",
            (Self::RecordingQuestion, English) => "May I record this call?",
            (Self::StillThere, German) => "Sind Sie noch da?",
            (Self::StillThere, English) => "Are you still there?",
            (Self::StillThereAgain, German) => "Ich höre Sie leider nicht. Sind Sie noch am Apparat?",
            (Self::StillThereAgain, English) => "I am afraid I cannot hear you. Are you still on the line?",
            (Self::SilenceGoodbye, German) => "Ich höre leider nichts und lege jetzt auf. Auf Wiederhören.",
            (Self::SilenceGoodbye, English) => "I cannot hear anything, so I will hang up now. Goodbye.",
            (Self::OneMinuteLeft, German) => "Wir haben noch etwa eine Minute.",
            (Self::OneMinuteLeft, English) => "We have about one minute left.",
            (Self::TimeIsUp, German) => {
                "Unsere Zeit ist leider um. Bitte rufen Sie gern noch einmal an. Auf Wiederhören."
            }
            (Self::TimeIsUp, English) => {
                "I am afraid our time is up. Please feel free to call again. Goodbye."
            }
            (Self::OneMoment, German) => "Einen Moment bitte.",
            (Self::OneMoment, English) => "One moment, please.",
            (Self::StillWorking, German) => "Es dauert noch einen Augenblick.",
            (Self::StillWorking, English) => "This is taking a little longer.",
            (Self::OfferCallBack, German) => {
                "Das dauert gerade ungewöhnlich lange. Soll ich um einen Rückruf bitten?"
            }
            (Self::OfferCallBack, English) => {
                "This is taking unusually long. Shall I ask someone to call you back?"
            }
            (Self::Apology, German) => {
                "Es tut mir leid, wir haben gerade eine technische Störung. Bitte rufen Sie später noch einmal an."
            }
            (Self::Apology, English) => {
                "I am sorry, we have a technical problem at the moment. Please call again later."
            }
            (Self::UnknownNumber, German) => "Diese Nummer ist nicht vergeben. Auf Wiederhören.",
            (Self::UnknownNumber, English) => "This number is not in service. Goodbye.",
            (Self::NotTaken, German) => {
                "Ihr Anruf wird unter dieser Nummer nicht angenommen. Auf Wiederhören."
            }
            (Self::NotTaken, English) => "Your call is not taken at this number. Goodbye.",
            (Self::LineTested, German) => {
                "Das war ein Test der Rufumleitung. Dieser Anruf kam bei Ihnen an und wurde nicht umgeleitet. Auf Wiederhören."
            }
            (Self::LineTested, English) => {
                "This was a test of your call forwarding. The call reached you and was not forwarded. Goodbye."
            }
            (Self::AllBusy, German) => {
                "Im Moment sind alle Leitungen belegt. Bitte rufen Sie in einigen Minuten noch einmal an."
            }
            (Self::AllBusy, English) => {
                "All lines are busy at the moment. Please call again in a few minutes."
            }
            (Self::PassingOn, German) => {
                "Ich verbinde Sie jetzt. Bitte bleiben Sie dran, es klingelt gleich."
            }
            (Self::PassingOn, English) => {
                "I am putting you through now. Please stay on the line, you will hear it ring."
            }
            (Self::NobodyThere, German) => {
                "Dort ist gerade leider niemand zu erreichen. Kann ich Ihnen anders helfen?"
            }
            (Self::NobodyThere, English) => {
                "I am afraid nobody can be reached there at the moment. Can I help you in another way?"
            }
            (Self::ColleagueGone, German) => {
                "Die andere Leitung ist beendet. Sie sprechen wieder mit dem automatischen Assistenten. Kann ich noch etwas \
                 für Sie tun?"
            }
            (Self::ColleagueGone, English) => {
                "The other line has ended. You are speaking with the automated assistant again. Is there anything else I \
                 can do for you?"
            }
            (Self::OnHold, German) => "Bitte bleiben Sie einen Moment dran.",
            (Self::OnHold, English) => "Please hold the line for a moment.",
            (Self::StillHeld, German) => "Bitte bleiben Sie noch dran, es geht gleich weiter.",
            (Self::StillHeld, English) => "Please stay on the line, we will be right with you.",
            (Self::HoldOver, German) => "Danke, dass Sie gewartet haben.",
            (Self::HoldOver, English) => "Thank you for waiting.",
            (Self::Trouble, German) => "Es tut mir leid, wir haben gerade eine technische Störung.",
            (Self::Trouble, English) => "I am sorry, we have a technical problem at the moment.",
            (Self::NobodyHere, German) => "Es ist gerade leider niemand zu erreichen.",
            (Self::NobodyHere, English) => "I am afraid nobody can be reached at the moment.",
            (Self::LeaveMessage, German) => {
                "Bitte hinterlassen Sie nach dem Signalton Ihren Namen, Ihre Nummer und Ihre Nachricht. Mit der \
                 Rautetaste beenden Sie die Aufnahme."
            }
            (Self::LeaveMessage, English) => {
                "Please leave your name, your number and your message after the tone. Press the hash key when you are \
                 done."
            }
            (Self::MessageThanks, German) => "Vielen Dank, Ihre Nachricht ist aufgenommen. Auf Wiederhören.",
            (Self::MessageThanks, English) => "Thank you, your message has been taken. Goodbye.",
            (Self::PressToTake, German) => "Drücken Sie die Eins, um das Gespräch anzunehmen.",
            (Self::PressToTake, English) => "Press one to take the call.",
            (Self::Drained, German) => {
                "Es tut mir leid, ich muss das Gespräch jetzt beenden. Bitte rufen Sie gleich noch einmal an."
            }
            (Self::Drained, English) => {
                "I am sorry, I have to end this call now. Please call again in a moment."
            }
        }
    }
}

/// The first words of a call: the tenant's, then what the law wants said; also that a colleague may listen, if one may.
pub fn opening(assistant: &Assistant, listening_in: bool, language: Language) -> String {
    let mut words = assistant.opening.get(&language).cloned().unwrap_or_default();
    let mut add = |phrase: Phrase| {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(phrase.words(language));
    };
    add(Phrase::Disclosure);
    if listening_in {
        add(Phrase::ColleagueMayJoin);
    }
    if assistant.recording {
        add(Phrase::RecordingQuestion);
    }
    words
}

/// The first words of a call of ours: who calls, that it is an automated assistant, and how to stop it. Nothing of what
/// it is about: whoever answers need not be who was called.
pub fn calling(business: &str, recording: bool, listening_in: bool, language: Language) -> String {
    let mut words = match language {
        Language::German => format!(
            "Guten Tag, hier ist der automatische Assistent von {business}. Wenn Sie nicht mehr angerufen werden möchten, \
             sagen Sie es mir, oder drücken Sie die Neun."
        ),
        Language::English => format!(
            "Hello, this is the automated assistant of {business}. If you do not want to be called any more, tell me, or \
             press nine."
        ),
    };
    for phrase in listening_in
        .then_some(Phrase::ColleagueMayJoin)
        .into_iter()
        .chain(recording.then_some(Phrase::RecordingQuestion))
    {
        words.push(' ');
        words.push_str(phrase.words(language));
    }
    words
}

/// What is left with a machine that answered a call of ours: who called, and nothing of what it was about.
pub fn left_with_machine(business: &str, language: Language) -> String {
    match language {
        Language::German => format!(
            "Guten Tag, hier ist der automatische Assistent von {business}. Wir haben versucht, Sie zu erreichen. Sie können \
             uns unter dieser Nummer zurückrufen. Auf Wiederhören."
        ),
        Language::English => format!(
            "Hello, this is the automated assistant of {business}. We tried to reach you. You can call us back at this \
             number. Goodbye."
        ),
    }
}

/// The text message that tells somebody who works at the business that a calendar is cut off: where, and what callers hear
/// meanwhile, and never whose appointments wait.
pub fn cut_off_text(business: &str, link: &str, language: Language) -> String {
    match language {
        Language::German => format!(
            "{business}: Ein Kalender lässt uns nicht mehr hinein. Anrufende hören, dass die Bestätigung folgt. Neu verbinden: {link}"
        ),
        Language::English => format!(
            "{business}: a calendar lets us in no more. Callers are told that confirmation follows. Reconnect: {link}"
        ),
    }
}

/// The text message that reminds somebody of an appointment, with the business's own words behind it.
pub fn reminder_text(business: &str, when: Option<&str>, wording: &str, language: Language) -> String {
    let mut words = match (language, when) {
        (Language::German, Some(when)) => format!("{business}: Wir erinnern an Ihren Termin {when}."),
        (Language::English, Some(when)) => format!("{business}: a reminder of your appointment {when}."),
        (Language::German, None) => format!("{business}: Wir haben versucht, Sie zu erreichen."),
        (Language::English, None) => format!("{business}: we tried to reach you."),
    };
    if !wording.is_empty() {
        words.push(' ');
        words.push_str(wording);
    }
    words.push(' ');
    words.push_str(match language {
        Language::German => "Zum Verschieben oder Absagen rufen Sie uns bitte an.",
        Language::English => "To move or cancel it, please call us.",
    });
    words
}
