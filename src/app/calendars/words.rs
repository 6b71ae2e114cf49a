//! What is said to people about their connections.

use super::consent::Problem;
use crate::{
    calendars::oauth::{Gone, Needed},
    domain::{assistant::Language, calendar::Vendor},
};

/// Why a vendor lets us in no more, as a sentence.
pub(super) fn lost(language: Language, vendor: Vendor, gone: Gone) -> String {
    let vendor = vendor.title();
    match language {
        Language::German => match gone {
            Gone::Withdrawn => {
                format!("{vendor} nimmt die Zustimmung nicht mehr an, sie wurde zurückgezogen oder abgelöst.")
            }
            Gone::Lapsed => format!("Die Zustimmung bei {vendor} ist abgelaufen."),
            Gone::Password => "Das Passwort des Kontos wurde geändert.".to_owned(),
            Gone::Interaction => format!("{vendor} verlangt, dass sich die Person des Kontos neu anmeldet."),
            Gone::Administrator => "Ein Administrator der Organisation muss zuerst zustimmen.".to_owned(),
            Gone::Policy => "Die Regeln der Organisation lassen den Zugriff nicht zu.".to_owned(),
            Gone::Missing => "Eine Berechtigung fehlt, ohne die es nicht geht.".to_owned(),
        },
        Language::English => match gone {
            Gone::Withdrawn => format!("{vendor} accepts the consent no more; it was withdrawn or replaced."),
            Gone::Lapsed => format!("The consent at {vendor} has lapsed."),
            Gone::Password => "The password of the account was changed.".to_owned(),
            Gone::Interaction => format!("{vendor} wants the account's owner to sign in again."),
            Gone::Administrator => "An administrator of the organisation must agree first.".to_owned(),
            Gone::Policy => "The rules of the organisation are against the access.".to_owned(),
            Gone::Missing => "A right is missing that is needed.".to_owned(),
        },
    }
}

/// That calendars are connected: a title and a sentence.
pub fn connected(language: Language) -> (&'static str, String) {
    match language {
        Language::German => (
            "Die Kalender sind verbunden",
            "Sie können dieses Fenster schließen und auswählen, welche Kalender zählen.".to_owned(),
        ),
        Language::English => (
            "The calendars are connected",
            "You can close this window and choose which calendars count.".to_owned(),
        ),
    }
}

/// Why calendars were not connected: a title and a sentence. Nothing in it comes from outside.
pub fn problem(language: Language, problem: &Problem) -> (&'static str, String) {
    let text = match language {
        Language::German => problem_in_german(problem),
        Language::English => problem_in_english(problem),
    };
    let title = match language {
        Language::German => "Die Kalender sind nicht verbunden",
        Language::English => "The calendars are not connected",
    };
    (title, text)
}

fn problem_in_german(problem: &Problem) -> String {
    let text = match problem {
        Problem::Stale => {
            "Dieser Weg ist abgelaufen oder wurde schon benutzt. Bitte beginnen Sie noch einmal."
        }
        Problem::OtherBrowser => {
            "Sie haben in einem anderen Browser begonnen. Bitte beginnen Sie in diesem noch einmal."
        }
        Problem::OtherVendor => {
            "Diese Antwort gehört zu einem anderen Anbieter. Bitte beginnen Sie noch einmal."
        }
        Problem::NotAllowed => {
            "Sie sind nicht mehr angemeldet oder dürfen keine Kalender verbinden. Bitte melden Sie sich an und beginnen \
             Sie noch einmal."
        }
        Problem::Refused => "Sie haben nicht zugestimmt. Es wurde nichts verbunden.",
        Problem::Withheld(missing) => {
            let rights: Vec<&str> = missing.iter().map(|needed| right_in_german(*needed)).collect();
            return format!(
                "Es fehlt die Erlaubnis, {}. Bitte beginnen Sie noch einmal und lassen Sie alle Häkchen gesetzt.",
                rights.join("; ")
            );
        }
        Problem::Administrator => "Ein Administrator Ihrer Organisation muss zuerst zustimmen.",
        Problem::Code => "Die Zustimmung wurde nicht angenommen. Bitte beginnen Sie noch einmal.",
        Problem::OtherAccount => {
            "Das ist ein anderes Konto als das bisherige. Bitte wählen Sie dasselbe Konto, oder verbinden Sie das andere neu."
        }
        Problem::OtherTenant => "Diese Organisation ist hier schon von jemand anderem verbunden.",
        Problem::NoCalendars => "Dieses Konto hat keine Kalender, die wir sehen dürfen.",
        Problem::TooMany => "Es sind schon so viele Kalenderkonten verbunden, wie möglich sind.",
        Problem::Operator => {
            "Der Anbieter nimmt unsere Anwendung nicht an. Bitte wenden Sie sich an den Betreiber dieses Dienstes."
        }
        Problem::Away => "Der Anbieter antwortet gerade nicht. Bitte versuchen Sie es später noch einmal.",
        Problem::Internal => "Bei uns ist etwas schiefgegangen. Bitte versuchen Sie es noch einmal.",
    };
    text.to_owned()
}

fn problem_in_english(problem: &Problem) -> String {
    let text = match problem {
        Problem::Stale => "This took too long, or was used already. Please begin again.",
        Problem::OtherBrowser => "You began in another browser. Please begin again in this one.",
        Problem::OtherVendor => "This answer belongs to another vendor. Please begin again.",
        Problem::NotAllowed => {
            "You are logged in no more, or may not connect calendars. Please log in and begin again."
        }
        Problem::Refused => "You did not agree. Nothing was connected.",
        Problem::Withheld(missing) => {
            let rights: Vec<&str> = missing.iter().map(|needed| right_in_english(*needed)).collect();
            return format!(
                "We may not {}. Please begin again and leave every box ticked.",
                rights.join("; nor ")
            );
        }
        Problem::Administrator => "An administrator of your organisation must agree first.",
        Problem::Code => "The consent was not accepted. Please begin again.",
        Problem::OtherAccount => {
            "This is another account than before. Please choose the same one, or connect the other one anew."
        }
        Problem::OtherTenant => "Somebody else has connected this organisation here.",
        Problem::NoCalendars => "This account has no calendars that we may see.",
        Problem::TooMany => "As many calendar accounts are connected as there may be.",
        Problem::Operator => {
            "The vendor does not accept our application. Please turn to whoever runs this service."
        }
        Problem::Away => "The vendor does not answer. Please try again later.",
        Problem::Internal => "Something went wrong on our side. Please try again.",
    };
    text.to_owned()
}

fn right_in_german(needed: Needed) -> &'static str {
    match needed {
        Needed::Writing => "Termine in Ihre Kalender einzutragen",
        Needed::FreeBusy => "zu sehen, wann Ihre Kalender belegt sind",
        Needed::Listing => "zu sehen, welche Kalender Sie haben",
        Needed::Lasting => "auch dann zuzugreifen, wenn Sie nicht da sind",
    }
}

fn right_in_english(needed: Needed) -> &'static str {
    match needed {
        Needed::Writing => "write appointments into your calendars",
        Needed::FreeBusy => "see when your calendars are taken",
        Needed::Listing => "see which calendars you have",
        Needed::Lasting => "come in while you are not there",
    }
}
