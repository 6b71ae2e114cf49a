//! The sentences a tool's answer is spoken with, made by the server in the call's language.

use jiff::civil;

use crate::domain::{
    assistant::Language::{self, English, German},
    spoken,
    when::Question,
};

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// Which service?
    WhichService,
    /// Which person?
    WhichPerson,
    /// When would it suit?
    WhichTime,
    /// The time is over.
    TimeIsOver,
    /// There is no such date.
    NoSuchDate,
    /// Nothing is free then.
    NothingFree,
    /// An appointment is kept or moved only to an offered time.
    WhichSlot,
    /// Which one suits you?
    WhichSuits,
    /// Does that suit you?
    DoesItSuit,
    /// That time has just gone.
    JustTaken,
    /// What name?
    WhatName,
    /// What name is it under?
    WhichName,
    /// When instead?
    WhichNewTime,
    /// Shall I take a message?
    MessageOffer,
    /// No appointment is known, or the caller is not.
    NoneOfYours,
    /// The PIN, on the keypad.
    WhichPin,
    /// Which of the appointments?
    WhichAppointment,
    /// It can no longer be changed on the telephone.
    TooLate,
    /// It is cancelled.
    Cancelled,
    /// What is the message?
    WhatMessage,
    /// The message was taken.
    MessageTaken,
    /// Nobody can be put through to.
    NobodyToReach,
    /// To whom?
    WhichTarget,
    /// The caller is put through: nothing more is to be said.
    PuttingThrough,
    /// That did not work.
    DidNotWork,
    /// The calendar cannot be reached; nothing was changed.
    Unavailable,
    /// Enough was tried in this call.
    Enough,
    /// They will come.
    SeeYouThere,
    /// They will not be called any more.
    WillNotCall,
    /// They will be called later.
    WillCallLater,
    /// When are they to be called?
    WhenToCall,
    /// They are on the waiting list.
    OnWaitingList,
    /// They stay on it.
    StillWaiting,
    /// There is none for that.
    NoWaitingList,
    /// Is really everything to be deleted?
    ForgetReally,
    /// Somebody will look at the wish.
    ForgetAsked,
    /// It is done after the call.
    ForgetSoon,
    /// Nobody knows whose number this is.
    ForgetElsewhere,
}

impl Say {
    pub fn words(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::WhichService, German) => "Worum geht es bei dem Termin?",
            (Self::WhichService, English) => "What would you like to come for?",
            (Self::WhichPerson, German) => "Zu wem möchten Sie?",
            (Self::WhichPerson, English) => "Who would you like to see?",
            (Self::WhichTime, German) => "Wann würde es Ihnen passen?",
            (Self::WhichTime, English) => "When would suit you?",
            (Self::TimeIsOver, German) => "Diese Zeit ist schon vorbei. Wann würde es Ihnen passen?",
            (Self::TimeIsOver, English) => "That time is already over. When would suit you?",
            (Self::NoSuchDate, German) => "Diesen Tag gibt es nicht. Wann würde es Ihnen passen?",
            (Self::NoSuchDate, English) => "There is no such date. When would suit you?",
            (Self::NothingFree, German) => "Leider ist in dieser Zeit nichts frei.",
            (Self::NothingFree, English) => "I am afraid nothing is free then.",
            (Self::WhichSlot, German) => "Welche der Zeiten meinen Sie?",
            (Self::WhichSlot, English) => "Which of the times do you mean?",
            (Self::WhichSuits, German) => "Welche passt Ihnen?",
            (Self::WhichSuits, English) => "Which one suits you?",
            (Self::DoesItSuit, German) => "Passt Ihnen das?",
            (Self::DoesItSuit, English) => "Does that suit you?",
            (Self::JustTaken, German) => "Diese Zeit ist leider gerade vergeben worden.",
            (Self::JustTaken, English) => "I am afraid that time has just been taken.",
            (Self::WhatName, German) => "Auf welchen Namen darf ich den Termin eintragen?",
            (Self::WhatName, English) => "What name shall I put it under?",
            (Self::WhichName, German) => "Wie ist Ihr Name?",
            (Self::WhichName, English) => "What is your name?",
            (Self::WhichNewTime, German) => "Auf wann möchten Sie ihn verschieben?",
            (Self::WhichNewTime, English) => "When would you like it instead?",
            (Self::MessageOffer, German) => "Soll ich eine Nachricht aufnehmen?",
            (Self::MessageOffer, English) => "Shall I take a message?",
            (Self::WhichPin, German) => {
                "Das sage ich Ihnen nur mit Ihrer PIN. Bitte tippen Sie sie auf der Tastatur Ihres Telefons ein, und danach die \
                 Raute-Taste."
            }
            (Self::WhichPin, English) => {
                "I can tell you that only with your PIN. Please type it on the keys of your telephone, then the hash key."
            }
            (Self::NoneOfYours, German) => "Ich finde leider keinen Termin von Ihnen.",
            (Self::NoneOfYours, English) => "I cannot find an appointment of yours.",
            (Self::WhichAppointment, German) => "Welchen Ihrer Termine meinen Sie?",
            (Self::WhichAppointment, English) => "Which of your appointments do you mean?",
            (Self::TooLate, German) => "Dieser Termin lässt sich am Telefon leider nicht mehr ändern.",
            (Self::TooLate, English) => {
                "I am afraid it is too late to change this appointment on the telephone."
            }
            (Self::Cancelled, German) => "Ihr Termin ist abgesagt.",
            (Self::Cancelled, English) => "Your appointment is cancelled.",
            (Self::WhatMessage, German) => "Was darf ich ausrichten?",
            (Self::WhatMessage, English) => "What is the message?",
            (Self::MessageTaken, German) => "Ich habe Ihre Nachricht aufgenommen.",
            (Self::MessageTaken, English) => "I have taken your message.",
            (Self::NobodyToReach, German) => "Ich kann Sie gerade leider mit niemandem verbinden.",
            (Self::NobodyToReach, English) => {
                "I am afraid I cannot put you through to anybody at the moment."
            }
            (Self::WhichTarget, German) => "Mit wem möchten Sie sprechen?",
            (Self::WhichTarget, English) => "Who would you like to speak to?",
            (Self::PuttingThrough, _) => "",
            (Self::DidNotWork, German) => "Das hat leider nicht geklappt.",
            (Self::DidNotWork, English) => "I am afraid that did not work.",
            (Self::Unavailable, German) => {
                "Ich erreiche den Kalender gerade nicht, es ist nichts eingetragen oder geändert worden. Bitte \
                 versuchen Sie es in ein paar Minuten noch einmal."
            }
            (Self::Unavailable, English) => {
                "I cannot reach the calendar at the moment, and nothing has been booked or changed. Please try again \
                 in a few minutes."
            }
            (Self::SeeYouThere, German) => "Vielen Dank, Ihr Termin ist bestätigt.",
            (Self::SeeYouThere, English) => "Thank you, your appointment is confirmed.",
            (Self::WillNotCall, German) => "Wir rufen Sie nicht mehr an.",
            (Self::WillNotCall, English) => "We will not call you any more.",
            (Self::WillCallLater, German) => "Gut, wir rufen Sie später noch einmal an.",
            (Self::WillCallLater, English) => "All right, we will call you again later.",
            (Self::WhenToCall, German) => "Wann dürfen wir Sie anrufen?",
            (Self::WhenToCall, English) => "When may we call you?",
            (Self::OnWaitingList, German) => {
                "Ich habe Sie auf die Warteliste gesetzt. Wird etwas Passendes frei, rufen wir Sie an."
            }
            (Self::OnWaitingList, English) => {
                "I have put you on the waiting list. If something suitable becomes free, we will call you."
            }
            (Self::StillWaiting, German) => "In Ordnung. Sie bleiben auf der Warteliste.",
            (Self::StillWaiting, English) => "All right. You stay on the waiting list.",
            (Self::NoWaitingList, German) => "Dafür gibt es leider keine Warteliste.",
            (Self::NoWaitingList, English) => "I am afraid there is no waiting list for that.",
            (Self::ForgetReally, German) => {
                "Möchten Sie wirklich, dass alles gelöscht wird, was zu Ihrer Nummer gespeichert ist? Auch Ihre Termine \
                 entfallen dann."
            }
            (Self::ForgetReally, English) => {
                "Do you really want everything deleted that is kept about your number? Your appointments will then be \
                 cancelled, too."
            }
            (Self::ForgetAsked, German) => {
                "Ich habe Ihren Wunsch notiert. Gelöscht ist noch nichts: Jemand aus dem Haus prüft ihn zuerst."
            }
            (Self::ForgetAsked, English) => {
                "I have noted your wish. Nothing is deleted yet: somebody here looks at it first."
            }
            (Self::ForgetSoon, German) => {
                "Nach diesem Gespräch werden Ihre Daten gelöscht und Ihre Termine abgesagt."
            }
            (Self::ForgetSoon, English) => {
                "After this call your data will be deleted and your appointments cancelled."
            }
            (Self::ForgetElsewhere, German) => {
                "Das kann ich am Telefon leider nicht annehmen, weil ich nicht sicher weiß, wem diese Nummer gehört. Bitte \
                 wenden Sie sich schriftlich an uns."
            }
            (Self::ForgetElsewhere, English) => {
                "I am afraid I cannot take that on the telephone, because I do not know for sure whose number this is. \
                 Please write to us."
            }
            (Self::Enough, German) => "Mehr kann ich in diesem Gespräch leider nicht für Sie tun.",
            (Self::Enough, English) => "I am afraid that is as much as I can do in this call.",
        }
    }
}

/// "I have two times for you: first …; second …. Which one suits you?" At most three times.
pub(super) fn offer(spoken: &[&str], language: Language) -> String {
    let (begin, places, end) = match (spoken.len(), language) {
        (0, _) => return Say::MessageOffer.words(language).to_owned(),
        (1, German) => ("Ich habe eine Zeit für Sie:", ["", "", ""], Say::DoesItSuit),
        (1, English) => ("I have one time for you:", ["", "", ""], Say::DoesItSuit),
        (2, German) => ("Ich habe zwei Zeiten für Sie:", ["erstens ", "zweitens ", ""], Say::WhichSuits),
        (2, English) => ("I have two times for you:", ["first ", "second ", ""], Say::WhichSuits),
        (_, German) => {
            ("Ich habe drei Zeiten für Sie:", ["erstens ", "zweitens ", "drittens "], Say::WhichSuits)
        }
        (_, English) => ("I have three times for you:", ["first ", "second ", "third "], Say::WhichSuits),
    };
    let times: Vec<String> =
        places.iter().zip(spoken).map(|(place, time)| format!("{place}{time}")).collect();
    format!("{begin} {}. {}", times.join("; "), end.words(language))
}

/// "I am keeping this time for you: …. What name shall I put it under?"
pub(super) fn kept(spoken: &str, language: Language) -> String {
    let name = Say::WhatName.words(language);
    match language {
        German => format!("Ich halte diese Zeit für Sie frei: {spoken}. {name}"),
        English => format!("I am keeping this time for you: {spoken}. {name}"),
    }
}

/// "Shall I really cancel it?", after the time if there is more than one it could be.
pub(super) fn really_cancel(spoken: Option<&String>, language: Language) -> String {
    let question = match language {
        German => "Soll ich ihn wirklich absagen?",
        English => "Shall I really cancel it?",
    };
    spoken.map_or_else(|| question.to_owned(), |spoken| format!("{spoken}. {question}"))
}

/// "Your appointment is booked: …."
pub(super) fn booked(spoken: &str, language: Language) -> String {
    match language {
        German => format!("Ihr Termin ist gebucht: {spoken}."),
        English => format!("Your appointment is booked: {spoken}."),
    }
}

/// "I have noted it: …. The confirmation follows." For what its calendar has not answered about.
pub(super) fn noted(spoken: &str, language: Language) -> String {
    match language {
        German => format!("Ich habe den Termin vorgemerkt: {spoken}. Die Bestätigung folgt."),
        English => format!("I have noted your appointment: {spoken}. The confirmation follows."),
    }
}

/// "I have moved your appointment to …."
pub(super) fn moved(spoken: &str, language: Language) -> String {
    match language {
        German => format!("Ich habe den Termin verschoben auf {spoken}."),
        English => format!("I have moved your appointment to {spoken}."),
    }
}

/// "Your next appointment is …." and how many more there are to come after it.
pub(super) fn appointments(spoken: &[&str], language: Language) -> String {
    let Some((next, more)) = spoken.split_first() else { return Say::NoneOfYours.words(language).to_owned() };
    let (begin, then) = match language {
        German => ("Ihr nächster Termin ist", "Danach:"),
        English => ("Your next appointment is", "After that:"),
    };
    if more.is_empty() {
        return format!("{begin} {next}.");
    }
    format!("{begin} {next}. {then} {}.", more.join("; "))
}

/// "I can put you through: …. Shall I do that?"
pub(super) fn pass_on(name: &str, language: Language) -> String {
    match language {
        German => format!("Ich kann Sie verbinden: {name}. Soll ich das tun?"),
        English => format!("I can put you through: {name}. Shall I do that?"),
    }
}

/// "… cannot be reached at the moment, only from … on."
pub(super) fn closed(name: &str, opens: Option<&str>, language: Language) -> String {
    match (language, opens) {
        (German, Some(opens)) => format!("{name} ist gerade nicht zu sprechen, erst wieder {opens}."),
        (German, None) => format!("{name} ist gerade nicht zu sprechen."),
        (English, Some(opens)) => format!("{name} cannot be reached at the moment, only from {opens} on."),
        (English, None) => format!("{name} cannot be reached at the moment."),
    }
}

/// "I can put you through to: …, …. Who would you like to speak to?"
pub(super) fn reachable(names: &[&str], language: Language) -> String {
    let question = Say::WhichTarget.words(language);
    match language {
        German => format!("Ich kann Sie verbinden mit: {}. {question}", names.join(", ")),
        English => format!("I can put you through to: {}. {question}", names.join(", ")),
    }
}

/// What has to be asked about a time.
pub(super) fn question(question: &Question, today: civil::Date, language: Language) -> String {
    match question {
        Question::NotUnderstood => Say::WhichTime.words(language).to_owned(),
        Question::NoSuchDate => Say::NoSuchDate.words(language).to_owned(),
        Question::Past => Say::TimeIsOver.words(language).to_owned(),
        Question::OtherWeekday { date } => {
            let date = spoken::date(*date, today, language);
            match language {
                German => format!("Das wäre {date}. Welchen Tag meinen Sie?"),
                English => format!("That would be {date}. Which day do you mean?"),
            }
        }
        Question::Missing { instead, .. } => {
            let instead = spoken::time(*instead, language);
            match language {
                German => format!("In dieser Nacht werden die Uhren vorgestellt. Geht es {instead}?"),
                English => format!("The clocks go forward that night. Would {instead} do?"),
            }
        }
        Question::Twice { .. } => match language {
            German => "In dieser Nacht gibt es diese Zeit zweimal.".to_owned(),
            English => "That night has this time twice.".to_owned(),
        },
    }
}
