//! What is said to people about their connections.

use crate::{
    calendars::oauth::Gone,
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
