//! The figures: their names, what each counts, and in what unit.
//!
//! Whoever measures uses a name from here; whoever shows them ([`describe`]) explains all of them. Labels are
//! words from a fixed list, never a number, a name or an id.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Calls in the air, from their webhook to their end. Label `state`: `ringing`, `in-progress`.
pub const CALLS: &str = "frontdesk_calls";
/// Calls that ended. Label `outcome`: the words of [`crate::domain::conversation::Outcome`].
pub const CALLS_TOTAL: &str = "frontdesk_calls_total";
/// From `start` to the first sound on the wire, in milliseconds.
pub const FIRST_AUDIO_MS: &str = "frontdesk_first_audio_ms";
/// From the end of the caller's turn to each stage of the answer, in milliseconds. Label `stage`.
pub const TURN_LATENCY_MS: &str = "frontdesk_turn_latency_ms";
/// Sounds made over the agent's voice. Label `verdict`.
pub const BARGE_IN_TOTAL: &str = "frontdesk_barge_in_total";
/// Frames that did not go the usual way. Label `fate`: `late`, `dropped`, `malformed` and so on.
pub const FRAMES_TOTAL: &str = "frontdesk_frames_total";
/// Limits that were reached. Label `limit`: the limit's name.
pub const LIMIT_REACHED_TOTAL: &str = "frontdesk_limit_reached_total";
/// How long tools took, in milliseconds. Labels `tool`, `status`.
pub const TOOL_MS: &str = "frontdesk_tool_ms";
/// What engines cost, in millionths of a US dollar.
pub const COST_MICROUSD_TOTAL: &str = "frontdesk_cost_microusd_total";
/// Events of an engine that we do not know.
pub const ENGINE_EVENTS_UNKNOWN_TOTAL: &str = "frontdesk_engine_events_unknown_total";
/// What an engine failed to do. Label `trouble`: `stalled`, `refused`, `lost`.
pub const ENGINE_TROUBLE_TOTAL: &str = "frontdesk_engine_trouble_total";
/// Callers who were passed on by how that ended.
pub const TRANSFERS_TOTAL: &str = "frontdesk_transfers_total";
/// Attempts that a wall stopped: a wrong signature, a used token. Label `event`.
pub const SECURITY_TOTAL: &str = "frontdesk_security_total";
/// Jobs that were taken. Labels `kind`, `result`: `done`, `again`, `given_up`.
pub const JOBS_TOTAL: &str = "frontdesk_jobs_total";
/// Attempts to tell webhooks something. Label `result`: `delivered`, `again`, `dead`.
pub const WEBHOOK_DELIVERIES_TOTAL: &str = "frontdesk_webhook_deliveries_total";

/// Attempts to reach somebody that ended or were never made. Label `ending`: the words of
/// [`crate::domain::outgoing::Ending`].
pub const OUTGOING_TOTAL: &str = "frontdesk_outgoing_total";
/// Rests of calendars that failed too often or asked for it. Labels `vendor`, `whose`: `connection`, `vendor`.
pub const CALENDAR_RESTS_TOTAL: &str = "frontdesk_calendar_rests_total";

/// What was forgotten. Label `what`: a table, `sounds` or `recordings`.
pub const FORGOTTEN_TOTAL: &str = "frontdesk_forgotten_total";

/// Upper edges of the buckets all millisecond histograms share.
pub const MS_BUCKETS: [f64; 16] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 80.0, 120.0, 200.0, 350.0, 500.0, 800.0, 1_200.0, 2_000.0, 5_000.0,
    20_000.0,
];

/// Tells the installed recorder what each figure means.
pub fn describe() {
    describe_gauge!(CALLS, "Calls in the air by state");
    describe_counter!(CALLS_TOTAL, "Calls that ended by outcome");
    describe_histogram!(
        FIRST_AUDIO_MS,
        Unit::Milliseconds,
        "From stream start to the first sound on the wire"
    );
    describe_histogram!(
        TURN_LATENCY_MS,
        Unit::Milliseconds,
        "From the end of the caller's turn to each stage of the answer"
    );
    describe_counter!(BARGE_IN_TOTAL, "Sounds made over the agent's voice by verdict");
    describe_counter!(FRAMES_TOTAL, "Frames that did not go the usual way by fate");
    describe_counter!(LIMIT_REACHED_TOTAL, "Limits that were reached by name");
    describe_histogram!(TOOL_MS, Unit::Milliseconds, "How long tools took by tool and status");
    describe_counter!(COST_MICROUSD_TOTAL, "What engines cost, in millionths of a US dollar");
    describe_counter!(ENGINE_EVENTS_UNKNOWN_TOTAL, "Engine events of an unknown type");
    describe_counter!(ENGINE_TROUBLE_TOTAL, "What an engine failed to do by kind of trouble");
    describe_counter!(JOBS_TOTAL, "Jobs that were taken by kind and result");
    describe_counter!(WEBHOOK_DELIVERIES_TOTAL, "Attempts to tell webhooks something by result");
    describe_counter!(OUTGOING_TOTAL, "Attempts to reach somebody by how they ended");
    describe_counter!(CALENDAR_RESTS_TOTAL, "Calendars that are left alone for a while by vendor");
    describe_counter!(TRANSFERS_TOTAL, "Callers who were passed on by how that ended");
    describe_counter!(FORGOTTEN_TOTAL, "Rows and sounds that were forgotten by what they were");
    describe_counter!(SECURITY_TOTAL, "Attempts that a wall stopped by kind");
}
