//! `/api/analytics`: what calls came to, in figures.
//!
//! Days are the tenant's, weeks begin on Monday (ISO 8601). Every answer comes as JSON, or as a CSV file for who asks for one
//! by `Accept: text/csv` or `format=csv`: German readers (`Accept-Language`, or `language=de`) get theirs with semicolons.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    calls::dollars,
    form::{Asked, instant},
};
use crate::{
    app::{
        Faults,
        analytics::{self, AtPresent, Report, Wanted},
    },
    domain::{
        assistant::Language,
        conversation::{Direction, Outcome},
        figures::{Days, Figures, Grain, change},
    },
    http::{
        Doors,
        auth::By,
        csv::{self, Cell, Csv},
        problem::Problem,
    },
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(summary))
        .routes(routes!(realtime))
        .routes(routes!(performance))
        .routes(routes!(billing))
}

/// Which figures, and how.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FiguresAsked {
    /// The first day, such as `2026-11-01`; the thirtieth day up to `until` when it is left out.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<String>,
    /// The last day; today when it is left out.
    #[param(value_type = Option<String>, format = Date)]
    until: Option<String>,
    /// What days are laid together by: `day`, `week` or `month`.
    #[param(default = "day")]
    by: Option<String>,
    /// Only of this assistant's calls.
    assistant: Option<String>,
    /// Only of calls at this number, by its id.
    number: Option<String>,
    /// Only `inbound` calls, or only `outbound` ones.
    direction: Option<String>,
    /// `json` or `csv`; what `Accept` says when it is left out.
    format: Option<String>,
    /// In whose convention a file is written: `de` or `en`; what `Accept-Language` says when it is left out.
    language: Option<String>,
}

/// What is wanted, and for whom it is to be a file.
struct Question {
    wanted: Wanted,
    file_for: Option<Language>,
}

impl FiguresAsked {
    fn read(self, headers: &HeaderMap) -> Result<Question, Problem> {
        let mut faults = Faults::new();
        let mut day = |text: Option<String>, at: &str| {
            let read = text.map(|text| text.parse::<Date>().map_err(|_| "must be a day, such as 2026-11-21"));
            read.and_then(|read| faults.take(read, at))
        };
        let (from, until) = (day(self.from, "?from"), day(self.until, "?until"));
        let grain = self
            .by
            .as_deref()
            .map_or(Ok(Grain::Day), |word| Grain::parse(word).ok_or("must be `day`, `week` or `month`"));
        let grain = faults.take(grain, "?by").unwrap_or(Grain::Day);
        let direction = self
            .direction
            .as_deref()
            .map(|word| Direction::parse(word).ok_or("must be `inbound` or `outbound`"));
        let direction = direction.and_then(|read| faults.take(read, "?direction"));
        let language = self.language.as_deref().map(|code| code.parse::<Language>());
        let language = language.and_then(|read| faults.take(read, "?language"));
        let file = match self.format.as_deref() {
            None => csv::wanted(headers),
            Some("csv") => true,
            Some("json") => false,
            Some(_) => {
                faults.unless(false, "?format", "must be `json` or `csv`");
                false
            }
        };
        let assistant = self.assistant.map(|id| faults.take(id.parse(), "?assistant"));
        let number = self.number.map(|id| faults.take(id.parse(), "?number"));
        faults.settle()?;
        let language = language.unwrap_or_else(|| csv::reader(headers));
        Ok(Question {
            wanted: Wanted {
                from,
                until,
                grain,
                assistant: assistant.flatten(),
                number: number.flatten(),
                direction,
            },
            file_for: file.then_some(language),
        })
    }
}

/// Some days in a row.
#[derive(Serialize, ToSchema)]
struct DaysShown {
    /// The first day.
    #[schema(format = Date)]
    from: String,
    /// The last day.
    #[schema(format = Date)]
    until: String,
}

fn show_days(days: Days) -> DaysShown {
    DaysShown { from: days.from.to_string(), until: days.last().to_string() }
}

/// What was counted.
#[derive(Serialize, ToSchema)]
struct FiguresShown {
    /// Calls that rang or were placed, whatever came of them.
    calls: u64,
    /// Of those, the ones that were placed from here.
    outbound: u64,
    /// Of all, those that were answered.
    answered: u64,
    /// Calls of others that nobody answered: refused, broken off, or hung up before anybody spoke.
    missed: u64,
    /// Calls from here in which nobody was reached.
    no_answer: u64,
    /// Begun minutes of telephone, as they are billed, with those of people callers were passed on to.
    minutes: u64,
    /// From answering to the end, over all calls, in milliseconds.
    talk_ms: u64,
    /// Times that a caller was passed on to somebody who took the call.
    transfers_taken: u64,
    /// Times that a caller was to be passed on, and nobody took the call.
    transfers_missed: u64,
    /// Appointments booked in calls.
    booked: u64,
    /// Appointments moved in calls.
    moved: u64,
    /// Appointments given back in calls.
    cancelled: u64,
    /// How calls ended, by the words of a call's `outcome`.
    outcomes: std::collections::BTreeMap<&'static str, u64>,
    /// What they cost, in US dollars.
    cost_usd: String,
}

fn show(figures: &Figures) -> FiguresShown {
    FiguresShown {
        calls: figures.calls,
        outbound: figures.outbound,
        answered: figures.answered,
        missed: figures.missed,
        no_answer: figures.no_answer,
        minutes: figures.minutes,
        talk_ms: figures.talk_ms,
        transfers_taken: figures.transfers_taken,
        transfers_missed: figures.transfers_missed,
        booked: figures.booked,
        moved: figures.moved,
        cancelled: figures.cancelled,
        outcomes: figures.outcomes.iter().map(|(outcome, count)| (outcome.as_str(), *count)).collect(),
        cost_usd: dollars(figures.cost()),
    }
}

/// By how much a figure has changed, as a part of what it was: 0.5 is half as much again; null when it was nothing.
#[derive(Serialize, ToSchema)]
struct ChangeShown {
    /// Calls.
    #[schema(required)]
    calls: Option<f64>,
    /// Calls that were answered.
    #[schema(required)]
    answered: Option<f64>,
    /// Minutes.
    #[schema(required)]
    minutes: Option<f64>,
    /// Appointments booked in calls.
    #[schema(required)]
    booked: Option<f64>,
    /// What calls cost.
    #[schema(required)]
    cost: Option<f64>,
}

fn show_change(before: &Figures, after: &Figures) -> ChangeShown {
    let cost = |figures: &Figures| u64::try_from(figures.cost().0).unwrap_or(0);
    ChangeShown {
        calls: change(before.calls, after.calls),
        answered: change(before.answered, after.answered),
        minutes: change(before.minutes, after.minutes),
        booked: change(before.booked, after.booked),
        cost: change(cost(before), cost(after)),
    }
}

/// The days before, to compare with.
#[derive(Serialize, ToSchema)]
struct BeforeShown {
    /// Which.
    #[serde(flatten)]
    days: DaysShown,
    /// What was counted of them.
    figures: FiguresShown,
}

/// One stretch of days.
#[derive(Serialize, ToSchema)]
struct StretchShown {
    /// Which.
    #[serde(flatten)]
    days: DaysShown,
    /// What was counted of it.
    figures: FiguresShown,
}

/// The calls of one assistant, at one number, or from one country.
#[derive(Serialize, ToSchema)]
struct GroupShown {
    /// The assistant's or the number's id, or the country: two capital letters (ISO 3166-1), empty where it is not known.
    of: String,
    /// Calls.
    calls: u64,
    /// Those that were answered.
    answered: u64,
    /// Begun minutes.
    minutes: u64,
    /// What they cost, in US dollars.
    cost_usd: String,
}

fn show_groups<K: ToString>(groups: &[(K, Figures)]) -> Vec<GroupShown> {
    let shown = groups.iter().map(|(of, figures)| GroupShown {
        of: of.to_string(),
        calls: figures.calls,
        answered: figures.answered,
        minutes: figures.minutes,
        cost_usd: dollars(figures.cost()),
    });
    shown.collect()
}

/// What calls came to.
#[derive(Serialize, ToSchema)]
struct SummaryShown {
    /// The days.
    #[serde(flatten)]
    days: DaysShown,
    /// Where their clocks hang.
    zone: String,
    /// What was counted of them.
    total: FiguresShown,
    /// The days before.
    before: BeforeShown,
    /// What has changed since.
    change: ChangeShown,
    /// Stretch by stretch, in order.
    periods: Vec<StretchShown>,
    /// Calls by hour of the day, from 0 to 23.
    hours: Vec<u64>,
    /// By assistant.
    assistants: Vec<GroupShown>,
    /// By number.
    numbers: Vec<GroupShown>,
    /// By the country of whoever called or was called, most calls first.
    countries: Vec<GroupShown>,
}

/// What calls came to: how many, how they ended, what was booked; compared with the days before.
#[utoipa::path(get, path = "/api/analytics/summary", tag = "analytics", params(FiguresAsked),
    responses((status = OK, body = SummaryShown)))]
async fn summary(
    State(doors): State<Doors>,
    By(by): By,
    headers: HeaderMap,
    Asked(asked): Asked<FiguresAsked>,
) -> Result<Response, Problem> {
    let question = asked.read(&headers)?;
    let report = analytics::report(&doors.store, &by, doors.clock.now(), &question.wanted).await?;
    if let Some(language) = question.file_for {
        return Ok(summary_file(&report, language));
    }
    let shown = SummaryShown {
        days: show_days(report.days),
        zone: report.zone.name().to_owned(),
        total: show(&report.total),
        before: BeforeShown { days: show_days(report.days_before), figures: show(&report.before) },
        change: show_change(&report.before, &report.total),
        periods: report
            .stretches
            .iter()
            .map(|(days, figures)| StretchShown { days: show_days(*days), figures: show(figures) })
            .collect(),
        hours: report.hours.to_vec(),
        assistants: show_groups(&report.assistants),
        numbers: show_groups(&report.numbers),
        countries: show_groups(&report.countries),
    };
    Ok(Json(shown).into_response())
}

/// The figures of a report as a file, a row for each stretch of days.
pub(in crate::http) fn summary_file(report: &Report, language: Language) -> Response {
    let mut columns: Vec<&str> = match language {
        Language::German => vec![
            "Von",
            "Bis",
            "Anrufe",
            "davon ausgehend",
            "angenommen",
            "verpasst",
            "nicht angenommen",
            "Minuten",
            "gebucht",
            "verschoben",
            "abgesagt",
            "Antwortzeit Median (ms)",
            "Antwortzeit 95 % (ms)",
            "ins Wort gefallen",
            "Kosten (US-Dollar)",
            "weiterverbunden, angenommen",
            "weiterverbunden, nicht angenommen",
        ],
        Language::English => vec![
            "From",
            "Until",
            "Calls",
            "of which outbound",
            "answered",
            "missed",
            "no answer",
            "Minutes",
            "booked",
            "moved",
            "cancelled",
            "Reply time median (ms)",
            "Reply time 95 % (ms)",
            "interrupted",
            "Cost (US dollars)",
            "put through, answered",
            "put through, not answered",
        ],
    };
    columns.extend(Outcome::ALL.iter().map(|outcome| outcome.as_str()));
    let mut file = Csv::new(language, &columns);
    for (days, figures) in &report.stretches {
        let mut cells = row_head(*days);
        cells.extend([
            figures.calls.into(),
            figures.outbound.into(),
            figures.answered.into(),
            figures.missed.into(),
            figures.no_answer.into(),
            figures.minutes.into(),
            figures.booked.into(),
            figures.moved.into(),
            figures.cancelled.into(),
            figures.waits.percentile(50).into(),
            figures.waits.percentile(95).into(),
            figures.interruptions.into(),
            figures.cost().into(),
            figures.transfers_taken.into(),
            figures.transfers_missed.into(),
        ]);
        cells.extend(
            Outcome::ALL.iter().map(|outcome| figures.outcomes.get(outcome).copied().unwrap_or(0).into()),
        );
        file.row(cells);
    }
    file.into_file(&file_name("calls", report.days))
}

fn row_head(days: Days) -> Vec<Cell> {
    vec![Cell::Text(days.from.to_string()), Cell::Text(days.last().to_string())]
}

fn file_name(what: &str, days: Days) -> String {
    format!("{what}-{}-{}.csv", days.from, days.last())
}

/// What is happening.
#[derive(Serialize, ToSchema)]
struct RealtimeShown {
    /// As of when.
    #[schema(format = DateTime)]
    at: String,
    /// Calls that ring.
    ringing: u64,
    /// Calls that were answered and are not over.
    in_progress: u64,
    /// Of both, the ones placed from here.
    outbound: u64,
    /// How many there may be at once.
    calls_max: u32,
    /// Today so far.
    today: FiguresShown,
    /// The whole day before.
    yesterday: FiguresShown,
}

/// What is happening: calls in the air on all servers, and today so far. Words of calls as they are spoken come over
/// `/api/events`.
#[utoipa::path(get, path = "/api/analytics/realtime", tag = "analytics",
    responses((status = OK, body = RealtimeShown)))]
async fn realtime(State(doors): State<Doors>, By(by): By) -> Result<Json<RealtimeShown>, Problem> {
    let AtPresent { at, ringing, in_progress, outbound, calls_max, today, yesterday } =
        analytics::at_present(&doors.store, &by, doors.clock.now()).await?;
    Ok(Json(RealtimeShown {
        at: instant(at),
        ringing,
        in_progress,
        outbound,
        calls_max,
        today: show(&today),
        yesterday: show(&yesterday),
    }))
}

/// How well calls went.
#[derive(Serialize, ToSchema)]
struct QualityShown {
    /// Calls that were answered.
    answered: u64,
    /// Replies whose wait was measured.
    replies: u64,
    /// What callers waited for a reply: the median, in milliseconds. Null of no replies.
    #[schema(required)]
    latency_ms: Option<u64>,
    /// The same, of which one in twenty was longer.
    #[schema(required)]
    latency_p95_ms: Option<u64>,
    /// Turns of agents that were heard.
    agent_turns: u64,
    /// Of those, the ones that callers cut off.
    interruptions: u64,
    /// Which part that is, from 0 to 1. Null of no turns.
    #[schema(required)]
    interrupted: Option<f64>,
    /// How long an answered call lasted on average, in milliseconds. Null of none.
    #[schema(required)]
    talk_ms: Option<u64>,
}

fn show_quality(figures: &Figures) -> QualityShown {
    QualityShown {
        answered: figures.answered,
        replies: figures.waits.total(),
        latency_ms: figures.waits.percentile(50),
        latency_p95_ms: figures.waits.percentile(95),
        agent_turns: figures.agent_turns,
        interruptions: figures.interruptions,
        interrupted: figures.interrupted(),
        talk_ms: figures.talk_ms_per_call(),
    }
}

/// How well calls of some days went.
#[derive(Serialize, ToSchema)]
struct QualityStretchShown {
    /// Which days.
    #[serde(flatten)]
    days: DaysShown,
    /// How well.
    #[serde(flatten)]
    quality: QualityShown,
}

/// How well calls went, and before.
#[derive(Serialize, ToSchema)]
struct PerformanceShown {
    /// The days.
    #[serde(flatten)]
    days: DaysShown,
    /// Where their clocks hang.
    zone: String,
    /// All of them.
    total: QualityShown,
    /// The days before.
    before: QualityStretchShown,
    /// Stretch by stretch, in order.
    periods: Vec<QualityStretchShown>,
}

/// How well calls went: what callers waited for replies, how often they cut the agent off.
#[utoipa::path(get, path = "/api/analytics/performance", tag = "analytics", params(FiguresAsked),
    responses((status = OK, body = PerformanceShown)))]
async fn performance(
    State(doors): State<Doors>,
    By(by): By,
    headers: HeaderMap,
    Asked(asked): Asked<FiguresAsked>,
) -> Result<Response, Problem> {
    let question = asked.read(&headers)?;
    let report = analytics::report(&doors.store, &by, doors.clock.now(), &question.wanted).await?;
    let stretch = |days: Days, figures: &Figures| QualityStretchShown {
        days: show_days(days),
        quality: show_quality(figures),
    };
    if let Some(language) = question.file_for {
        let columns = match language {
            Language::German => [
                "Von",
                "Bis",
                "angenommen",
                "Antworten",
                "Antwortzeit Median (ms)",
                "Antwortzeit 95 % (ms)",
                "Redebeiträge der Assistenz",
                "ins Wort gefallen",
                "Dauer je Anruf (ms)",
            ],
            Language::English => [
                "From",
                "Until",
                "answered",
                "Replies",
                "Reply time median (ms)",
                "Reply time 95 % (ms)",
                "Agent turns",
                "interrupted",
                "Duration per call (ms)",
            ],
        };
        let mut file = Csv::new(language, &columns);
        for (days, figures) in &report.stretches {
            let mut cells = row_head(*days);
            cells.extend([
                figures.answered.into(),
                figures.waits.total().into(),
                figures.waits.percentile(50).into(),
                figures.waits.percentile(95).into(),
                figures.agent_turns.into(),
                figures.interruptions.into(),
                figures.talk_ms_per_call().into(),
            ]);
            file.row(cells);
        }
        return Ok(file.into_file(&file_name("performance", report.days)));
    }
    let shown = PerformanceShown {
        days: show_days(report.days),
        zone: report.zone.name().to_owned(),
        total: show_quality(&report.total),
        before: stretch(report.days_before, &report.before),
        periods: report.stretches.iter().map(|(days, figures)| stretch(*days, figures)).collect(),
    };
    Ok(Json(shown).into_response())
}

/// What calls cost.
#[derive(Serialize, ToSchema)]
struct CostsShown {
    /// Calls.
    calls: u64,
    /// Begun minutes of telephone.
    minutes: u64,
    /// What engines cost, in US dollars: hearing, speaking, writing down, summing up.
    engine_usd: String,
    /// What the telephone cost, in US dollars, by the configured prices of a minute.
    telephone_usd: String,
    /// Both together.
    cost_usd: String,
    /// What a call cost on average. Null of no calls.
    #[schema(required)]
    per_call_usd: Option<String>,
}

fn show_costs(figures: &Figures) -> CostsShown {
    CostsShown {
        calls: figures.calls,
        minutes: figures.minutes,
        engine_usd: dollars(figures.engine),
        telephone_usd: dollars(figures.telephone),
        cost_usd: dollars(figures.cost()),
        per_call_usd: figures.cost_per_call().map(dollars),
    }
}

/// What calls of some days cost.
#[derive(Serialize, ToSchema)]
struct CostsStretchShown {
    /// Which days.
    #[serde(flatten)]
    days: DaysShown,
    /// What they cost.
    #[serde(flatten)]
    costs: CostsShown,
}

/// What calls cost, and before.
#[derive(Serialize, ToSchema)]
struct BillingShown {
    /// The days.
    #[serde(flatten)]
    days: DaysShown,
    /// Where their clocks hang.
    zone: String,
    /// All of them.
    total: CostsShown,
    /// The days before.
    before: CostsStretchShown,
    /// Stretch by stretch, in order.
    periods: Vec<CostsStretchShown>,
    /// By assistant.
    assistants: Vec<GroupShown>,
    /// By number.
    numbers: Vec<GroupShown>,
}

/// What calls cost: engines by what they said they used, the telephone by begun minutes, each by the configured prices.
#[utoipa::path(get, path = "/api/analytics/billing", tag = "analytics", params(FiguresAsked),
    responses((status = OK, body = BillingShown)))]
async fn billing(
    State(doors): State<Doors>,
    By(by): By,
    headers: HeaderMap,
    Asked(asked): Asked<FiguresAsked>,
) -> Result<Response, Problem> {
    let question = asked.read(&headers)?;
    let report = analytics::report(&doors.store, &by, doors.clock.now(), &question.wanted).await?;
    let stretch = |days: Days, figures: &Figures| CostsStretchShown {
        days: show_days(days),
        costs: show_costs(figures),
    };
    if let Some(language) = question.file_for {
        let columns = match language {
            Language::German => [
                "Von",
                "Bis",
                "Anrufe",
                "Minuten",
                "Assistenz (US-Dollar)",
                "Telefon (US-Dollar)",
                "Kosten (US-Dollar)",
            ],
            Language::English => [
                "From",
                "Until",
                "Calls",
                "Minutes",
                "Engine (US dollars)",
                "Telephone (US dollars)",
                "Cost (US dollars)",
            ],
        };
        let mut file = Csv::new(language, &columns);
        for (days, figures) in &report.stretches {
            let mut cells = row_head(*days);
            cells.extend([
                figures.calls.into(),
                figures.minutes.into(),
                figures.engine.into(),
                figures.telephone.into(),
                figures.cost().into(),
            ]);
            file.row(cells);
        }
        return Ok(file.into_file(&file_name("billing", report.days)));
    }
    let shown = BillingShown {
        days: show_days(report.days),
        zone: report.zone.name().to_owned(),
        total: show_costs(&report.total),
        before: stretch(report.days_before, &report.before),
        periods: report.stretches.iter().map(|(days, figures)| stretch(*days, figures)).collect(),
        assistants: show_groups(&report.assistants),
        numbers: show_groups(&report.numbers),
    };
    Ok(Json(shown).into_response())
}
