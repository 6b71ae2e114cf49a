//! The words of the mails we write, in the recipient's language.
//!
//! Plain text, one link, no picture, nothing that could be mistaken for advertising.

use std::fmt;

use crate::domain::{assistant::Language, notices::EventKind};

/// What a mail says.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it is about.
    pub subject: String,
    /// Its words. They carry a link that opens a door.
    pub body: String,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").finish_non_exhaustive()
    }
}

/// Somebody may choose another password.
pub fn reset(language: Language, link: &str) -> Letter {
    match language {
        Language::German => Letter {
            subject: "Neues Passwort für frontdesk".to_owned(),
            body: format!(
                "Guten Tag,\n\nfür Ihr Konto wurde ein neues Passwort angefordert. Mit diesem Link legen Sie es fest; er gilt \
                 eine Stunde und nur einmal:\n\n{link}\n\nWaren Sie das nicht, brauchen Sie nichts zu tun: Ihr Passwort \
                 bleibt, wie es ist.\n"
            ),
        },
        Language::English => Letter {
            subject: "A new password for frontdesk".to_owned(),
            body: format!(
                "Hello,\n\nsomebody asked for a new password for your account. This link lets you choose it; it is good \
                 for one hour and only once:\n\n{link}\n\nIf that was not you, there is nothing to do: your password \
                 stays as it is.\n"
            ),
        },
    }
}

/// A second factor guards the account no more; who took it away, if it was not its owner.
pub fn factor_removed(language: Language, tenant: Option<&str>, link: &str) -> Letter {
    let by = tenant.map(harmless);
    match language {
        Language::German => Letter {
            subject: "Ihr zweiter Faktor wurde entfernt".to_owned(),
            body: format!(
                "Guten Tag,\n\nfür Ihr Konto{} wird nur noch das Passwort verlangt: Der zweite Faktor und seine \
                 Ersatzcodes gelten nicht mehr. Hier richten Sie ihn neu ein:\n\n{link}\n\nHaben Sie das nicht \
                 gewollt, ändern Sie sofort Ihr Passwort.\n",
                by.map(|name| format!(" ({name})")).unwrap_or_default()
            ),
        },
        Language::English => Letter {
            subject: "Your second factor was taken away".to_owned(),
            body: format!(
                "Hello,\n\nyour account{} asks only for the password from here on: the second factor and its recovery \
                 codes are good no more. Here you set it up anew:\n\n{link}\n\nIf you did not want this, change your \
                 password at once.\n",
                by.map(|name| format!(" ({name})")).unwrap_or_default()
            ),
        },
    }
}

/// Somebody is offered a place at a tenant.
pub fn invitation(language: Language, tenant: &str, link: &str) -> Letter {
    let tenant = harmless(tenant);
    match language {
        Language::German => Letter {
            subject: format!("Einladung zu {tenant}"),
            body: format!(
                "Guten Tag,\n\n{tenant} lädt Sie ein, am Telefonassistenten frontdesk mitzuarbeiten. Mit diesem Link \
                 nehmen Sie an; er gilt sieben Tage:\n\n{link}\n\nKennen Sie {tenant} nicht, brauchen Sie nichts zu \
                 tun.\n"
            ),
        },
        Language::English => Letter {
            subject: format!("Invitation to {tenant}"),
            body: format!(
                "Hello,\n\n{tenant} invites you to work on its telephone assistant, frontdesk. This link accepts; it is \
                 good for seven days:\n\n{link}\n\nIf you do not know {tenant}, there is nothing to do.\n"
            ),
        },
    }
}

/// A calendar lets us in no more.
pub fn calendar_lost(language: Language, lost: &LostCalendar<'_>, link: &str) -> Letter {
    let (vendor, account, tenant) = (lost.vendor, harmless(lost.account), harmless(lost.tenant));
    let why = lost.why;
    match language {
        Language::German => Letter {
            subject: format!("{tenant}: Bitte {vendor}-Kalender neu verbinden"),
            body: format!(
                "Guten Tag,\n\ndie Verbindung zu den {vendor}-Kalendern von {account} ist unterbrochen: {why} Bis sie \
                 wieder steht, prüft der Telefonassistent diese Kalender nicht und trägt dort nichts ein; Termine, die \
                 schon vereinbart sind, bleiben bestehen.\n\nHier verbinden Sie sie neu:\n\n{link}\n"
            ),
        },
        Language::English => Letter {
            subject: format!("{tenant}: please connect {vendor} again"),
            body: format!(
                "Hello,\n\nthe connection to the {vendor} calendars of {account} is broken: {why} Until it is there \
                 again, the telephone assistant neither looks into these calendars nor writes into them; appointments \
                 that have been made stay as they are.\n\nConnect them again here:\n\n{link}\n"
            ),
        },
    }
}

/// A calendar that is used is not there any more.
pub fn calendar_vanished(language: Language, tenant: &str, calendar: &str, link: &str) -> Letter {
    let (tenant, calendar) = (harmless(tenant), harmless(calendar));
    match language {
        Language::German => Letter {
            subject: format!("{tenant}: Ein Kalender ist nicht mehr da"),
            body: format!(
                "Guten Tag,\n\nder Kalender {calendar} wurde gelöscht oder ist nicht mehr freigegeben. Termine, die dort \
                 eingetragen werden sollen, warten so lange; was er zuletzt an Zeit belegt hat, gilt weiter als belegt.\n\n\
                 Hier wählen Sie einen anderen:\n\n{link}\n"
            ),
        },
        Language::English => Letter {
            subject: format!("{tenant}: a calendar is not there any more"),
            body: format!(
                "Hello,\n\nthe calendar {calendar} was deleted, or is not shared any more. Appointments that are to be \
                 written there wait meanwhile; the time it took last counts as taken.\n\nChoose another one \
                 here:\n\n{link}\n"
            ),
        },
    }
}

/// An appointment and something else want the same time; `undone` when the appointment made room.
pub fn clash(language: Language, tenant: &str, undone: bool, link: &str) -> Letter {
    let tenant = harmless(tenant);
    match (language, undone) {
        (Language::German, true) => Letter {
            subject: format!("{tenant}: Ein Termin wurde zurückgenommen"),
            body: format!(
                "Guten Tag,\n\nein Termin, der gerade vereinbart wurde, musste zurückgenommen werden: Im Kalender stand zu \
                 dieser Zeit schon etwas anderes. Bitte sagen Sie der Person Bescheid.\n\n{link}\n"
            ),
        },
        (Language::English, true) => Letter {
            subject: format!("{tenant}: an appointment was taken back"),
            body: format!(
                "Hello,\n\nan appointment that had just been made had to be taken back: the calendar had something else at \
                 that time already. Please tell the person.\n\n{link}\n"
            ),
        },
        (Language::German, false) => Letter {
            subject: format!("{tenant}: Zwei Termine zur selben Zeit"),
            body: format!(
                "Guten Tag,\n\ndurch eine Änderung im Kalender liegen ein Termin und etwas anderes zur selben Zeit. Beides \
                 steht, wie es dort steht; bitte entscheiden Sie, was gilt.\n\n{link}\n"
            ),
        },
        (Language::English, false) => Letter {
            subject: format!("{tenant}: two things at the same time"),
            body: format!(
                "Hello,\n\na change in the calendar has put an appointment and something else at the same time. Both stand \
                 as they stand there; please decide which counts.\n\n{link}\n"
            ),
        },
    }
}

/// What has happened, and how often; `daily` for the one mail of the day.
pub fn news(language: Language, tenant: &str, news: &[(EventKind, u64)], daily: bool, link: &str) -> Letter {
    let tenant = harmless(tenant);
    let lines: Vec<String> =
        news.iter().map(|(kind, count)| format!("- {}", line(language, *kind, *count))).collect();
    let lines = lines.join("\n");
    let (subject, before) = match (language, daily) {
        (Language::German, false) => (format!("{tenant}: Das braucht Sie"), "gerade hat sich ergeben:"),
        (Language::German, true) => (format!("{tenant}: Was heute ansteht"), "das braucht jemanden:"),
        (Language::English, false) => (format!("{tenant}: this needs you"), "this has just come up:"),
        (Language::English, true) => (format!("{tenant}: what is to be done today"), "this needs somebody:"),
    };
    let body = match language {
        Language::German => format!(
            "Guten Tag,\n\n{before}\n\n{lines}\n\nAlles Weitere steht hier:\n\n{link}\n\nWorüber Sie Mails bekommen, \
             stellen Sie unter Einstellungen, Benachrichtigungen ein.\n"
        ),
        Language::English => format!(
            "Hello,\n\n{before}\n\n{lines}\n\nEverything else is here:\n\n{link}\n\nWhat you get mails about is up to \
             you: Settings, Notifications.\n"
        ),
    };
    Letter { subject, body }
}

/// One thing that has happened so often.
fn line(language: Language, kind: EventKind, count: u64) -> String {
    let (one, more) = match (language, kind) {
        (Language::German, EventKind::Message) => ("eine Nachricht", "Nachrichten"),
        (Language::German, EventKind::UrgentCall) => ("ein dringender Anruf", "dringende Anrufe"),
        (Language::German, EventKind::Cancellation) => {
            ("ein Termin, kurzfristig abgesagt", "Termine, kurzfristig abgesagt")
        }
        (Language::German, EventKind::CalendarCutOff) => {
            ("ein Kalender ist getrennt", "Kalender sind getrennt")
        }
        (Language::German, EventKind::ReminderFailed) => (
            "ein Termin, an den nicht erinnert werden konnte",
            "Termine, an die nicht erinnert werden konnte",
        ),
        (Language::German, EventKind::Clash) => ("eine Überschneidung", "Überschneidungen"),
        (Language::German, EventKind::Limit) => {
            ("ein Anruf, für den keine Leitung frei war", "Anrufe, für die keine Leitung frei war")
        }
        (Language::German, EventKind::Webhook) => {
            ("eine Zustellung an ein Programm ist gescheitert", "Zustellungen an Programme sind gescheitert")
        }
        (Language::English, EventKind::Message) => ("one message", "messages"),
        (Language::English, EventKind::UrgentCall) => ("one urgent call", "urgent calls"),
        (Language::English, EventKind::Cancellation) => {
            ("one appointment cancelled at short notice", "appointments cancelled at short notice")
        }
        (Language::English, EventKind::CalendarCutOff) => {
            ("one calendar is cut off", "calendars are cut off")
        }
        (Language::English, EventKind::ReminderFailed) => {
            ("one appointment nobody could be reminded of", "appointments nobody could be reminded of")
        }
        (Language::English, EventKind::Clash) => ("one conflict", "conflicts"),
        (Language::English, EventKind::Limit) => {
            ("one call for which no line was free", "calls for which no line was free")
        }
        (Language::English, EventKind::Webhook) => {
            ("one delivery to a program has failed", "deliveries to programs have failed")
        }
    };
    if count == 1 { one.to_owned() } else { format!("{count} {more}") }
}

/// The connection a mail is about.
#[derive(Clone, Copy)]
pub struct LostCalendar<'l> {
    /// The tenant's name.
    pub tenant: &'l str,
    /// The vendor's name.
    pub vendor: &'l str,
    /// Whose calendars they are.
    pub account: &'l str,
    /// Why, as a sentence in the recipient's language.
    pub why: &'l str,
}

/// A name as it may stand in a mail to a stranger: whoever chose it must not be able to send links in our name.
fn harmless(name: &str) -> String {
    name.chars().map(|c| if c.is_control() || c == '/' || c == ':' { ' ' } else { c }).collect()
}
