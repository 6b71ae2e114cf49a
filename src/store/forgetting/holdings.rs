//! Every table there is, and what becomes of its rows when somebody is forgotten: the one list of that.
//!
//! A person's rows hang on few things ([`Root`]): a call, a message, an appointment, a contact, a number. What goes with
//! which of them is said here, table by table; so is a table of which nothing goes, and why. A test compares the list with
//! the databases' own catalogues: a table nobody has thought of fails it. Tables stand before those they refer to.

use super::super::Text;

/// What a person's rows hang on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// A call with the person.
    Call,
    /// A message they left.
    Message,
    /// An appointment of theirs.
    Appointment,
    /// Who they are.
    Contact,
    /// Their number.
    Number,
}

/// What of a table goes with a root.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Piece {
    pub root: Root,
    /// Whether whole rows go, and not only what points to the root.
    pub goes: bool,
    pub forget: &'static str,
    pub copy: &'static str,
}

/// A table of tenants'.
#[derive(Clone, Copy, Debug)]
pub struct Holding {
    /// Its name.
    pub table: &'static str,
    /// Why what stays of a person's stays, or why there is nothing of theirs; empty when all of it goes.
    pub stays: &'static str,
    pub(in crate::store) pieces: &'static [Piece],
    /// All of a tenant's rows.
    pub(in crate::store) copy: &'static str,
    /// Removes some of a tenant's rows.
    pub(in crate::store) sweep_sqlite: &'static str,
    pub(in crate::store) sweep_postgres: &'static str,
    pub(in crate::store) vacuum: &'static str,
}

impl Holding {
    /// Whether anything of a person's stands in it.
    pub fn of_people(&self) -> bool {
        !self.pieces.is_empty()
    }
}

macro_rules! piece {
    ($table:ident goes $root:ident $condition:literal) => {
        Piece {
            root: Root::$root,
            goes: true,
            forget: concat!("DELETE FROM ", stringify!($table), " WHERE tenant_id = $1 AND ", $condition),
            copy: concat!("SELECT * FROM ", stringify!($table), " WHERE tenant_id = $1 AND ", $condition),
        }
    };
    ($table:ident loses $root:ident $column:literal) => {
        Piece {
            root: Root::$root,
            goes: false,
            forget: concat!(
                "UPDATE ",
                stringify!($table),
                " SET ",
                $column,
                " = NULL WHERE tenant_id = $1 AND ",
                $column,
                " = $2"
            ),
            copy: concat!(
                "SELECT * FROM ",
                stringify!($table),
                " WHERE tenant_id = $1 AND ",
                $column,
                " = $2"
            ),
        }
    };
}

macro_rules! holdings {
    ($($table:ident $stays:literal $(($way:ident $root:ident $what:literal))*;)*) => {
        /// Every table with rows of tenants', children first.
        pub const HOLDINGS: &[Holding] = &[$(Holding {
            table: stringify!($table),
            stays: $stays,
            pieces: &[$(piece!($table $way $root $what)),*],
            copy: concat!("SELECT * FROM ", stringify!($table), " WHERE tenant_id = $1"),
            sweep_sqlite: concat!("DELETE FROM ", stringify!($table), " WHERE rowid IN (SELECT rowid FROM ",
                stringify!($table), " WHERE tenant_id = $1 LIMIT $2)"),
            sweep_postgres: concat!("DELETE FROM ", stringify!($table), " WHERE ctid = ANY (ARRAY (SELECT ctid FROM ",
                stringify!($table), " WHERE tenant_id = $1 LIMIT $2))"),
            vacuum: concat!("VACUUM (ANALYZE) ", stringify!($table)),
        }),*];
        pub(in crate::store) const TEXTS: &[Text] = &[$(
            $(
                Text {
                    name: concat!(module_path!(), "::", stringify!($table), "_forgotten_with_", stringify!($root)),
                    sql: piece!($table $way $root $what).forget,
                    sqlite: true,
                    postgres: true,
                },
                Text {
                    name: concat!(module_path!(), "::", stringify!($table), "_of_", stringify!($root)),
                    sql: piece!($table $way $root $what).copy,
                    sqlite: true,
                    postgres: true,
                },
            )*
            Text {
                name: concat!(module_path!(), "::", stringify!($table)),
                sql: concat!("SELECT * FROM ", stringify!($table), " WHERE tenant_id = $1"),
                sqlite: true,
                postgres: true,
            },
            Text {
                name: concat!(module_path!(), "::", stringify!($table), "_swept_on_sqlite"),
                sql: concat!("DELETE FROM ", stringify!($table), " WHERE rowid IN (SELECT rowid FROM ",
                    stringify!($table), " WHERE tenant_id = $1 LIMIT $2)"),
                sqlite: true,
                postgres: false,
            },
            Text {
                name: concat!(module_path!(), "::", stringify!($table), "_swept_on_postgres"),
                sql: concat!("DELETE FROM ", stringify!($table), " WHERE ctid = ANY (ARRAY (SELECT ctid FROM ",
                    stringify!($table), " WHERE tenant_id = $1 LIMIT $2))"),
                sqlite: false,
                postgres: true,
            },
        )*];
    };
}

holdings! {
    turns "" (goes Call "call_id = $2");
    imported_turns "" (goes Call "call_id = $2");
    transcript_imports "" (goes Call "call_id = $2");
    tool_calls "" (goes Call "call_id = $2");
    call_tags "" (goes Call "call_id = $2");
    call_shares "" (goes Call "call_id = $2");
    recordings "" (goes Call "call_id = $2");
    call_summaries "" (goes Call "call_id = $2");
    transfers "" (goes Call "call_id = $2");
    call_figures "counts, of no person";
    hour_figures "counts, of no person";
    wait_figures "counts, of no person";
    step_figures "counts, of no person";
    webhook_attempts "how telling went, of no person";
    webhook_deliveries "what was told: ids and times, gone after thirty days";
    webhooks "a program's address, of no caller";
    outgoing_calls "" (goes Number "to_number = $2") (goes Contact "contact_id = $2") (goes Appointment "appointment_id = $2")
        (goes Call "call_id = $2");
    campaign_entries "" (goes Number "number = $2") (goes Contact "contact_id = $2");
    campaigns "words of the business";
    offers "ids and times";
    offer_rules "of no person";
    waiting_list "" (loses Appointment "appointment_id") (goes Contact "contact_id = $2");
    reminder_rules "of no person";
    outgoing_settings "of no person";
    opt_outs "the number itself: without it nobody could know whom not to call" (loses Call "call_id");
    clashes "" (goes Appointment "appointment_id = $2");
    appointment_history "" (goes Appointment "appointment_id = $2");
    appointment_events "" (goes Appointment "appointment_id = $2");
    booking_requests "" (goes Appointment "appointment_id = $2");
    calendar_events "that a time is taken in a calendar outside, not by whom" (loses Appointment "appointment_id");
    messages "" (loses Call "call_id") (goes Message "id = $2");
    appointments "" (loses Call "call_id") (goes Appointment "(id = $2 OR part_of = $2)");
    calls "" (goes Call "id = $2");
    contact_pins "" (goes Contact "contact_id = $2");
    contact_receptions "" (goes Contact "contact_id = $2");
    contacts "" (goes Contact "id = $2");
    resource_calendars "of no person";
    calendars "calendars of those who work there";
    calendar_consents "those who work there";
    calendar_connections "those who work there";
    pauses "numbers of the business's own";
    support_access "of no person who calls: until when the platform's people may help";
    number_orders "the business's own numbers";
    numbers "the business's own numbers";
    assistant_drafts "words of the business";
    assistant_versions "words of the business";
    assistant_services "of no person";
    assistant_targets "of no person";
    transfer_targets "those who work there";
    assistants "words of the business";
    twilio_accounts "of no person";
    closures "of no person, or of those who work there";
    schedule_exceptions "of no person";
    schedules "of no person";
    service_resources "of no person";
    services "of no person";
    resources "those who work there";
    api_keys "of no person";
    invitations "those who work there";
    member_notifications "those who work there";
    memberships "those who work there";
    call_fields "of no person";
    retention "of no person";
    remembered_attempts "a digest, for a week: without it nobody could know how often somebody was called who is forgotten";
    digest_keys "what digests are made with, sealed";
    exports "removed with their blobs, by whoever forgets the person";
    audit_entries "ids, and that something changed; never what people said or are called";
    audit_heads "of no person";
    erasures "the receipt: last two digits, counts, times" (goes Number "number = $2 AND state = 'requested'");
    jobs "" (goes Call "subject = $2") (goes Message "subject = $2") (goes Appointment "subject = $2");
}

/// Every other table, and why nothing of a person who calls stands in it.
pub const ELSEWHERE: &[(&str, &str)] = &[
    ("tenants", "the business itself; goes last when all of it goes"),
    ("users", "those who work there; who works nowhere else goes with the tenant"),
    ("sessions", "logins; go with whose they are"),
    ("refresh_tokens", "logins; go with their session"),
    ("password_resets", "hashes; go with whose they are"),
    ("second_factors", "sealed; go with whose they are"),
    ("recovery_codes", "hashes; go with whose they are"),
    ("mails", "letters to those who work there; go with the tenant, or after some time"),
    ("data_keys", "keys, sealed"),
    ("dial_turns", "of no person"),
    ("leftovers", "names of Twilio's for sound that is erased there; gone once it is"),
    ("tenant_erasures", "the operator's receipts"),
    ("_sqlx_migrations", "of no person"),
    ("turn_index", "SQLite's index of words: goes with its turn, by a trigger"),
    (
        "turn_words",
        "the index of words: goes with its turn, by a trigger on SQLite and a reference on PostgreSQL",
    ),
];
