//! From what was said to what is meant: one stretch of dates, one wish for the time of day.

use jiff::{ToSpan, civil};

use super::{
    OPEN_END_DAYS, Question, TimeOfDay, When,
    reader::{Clock, Item, Part, Portion, Which},
};
use crate::domain::booking::Window;

/// How far "around three" reaches to either side, in minutes.
const AROUND_MIN: i32 = 60;

/// What `items` ask for, heard when the wall clock shows `now`.
pub(super) fn when(items: &[Item], now: civil::DateTime) -> Result<When, Question> {
    let heard = Heard::of(items, now.date())?;
    if heard.days.is_empty() && heard.times.is_empty() && heard.weekdays.is_none() && !heard.soon {
        return Err(Question::NotUnderstood);
    }
    let time = time_of_day(&heard)?;
    let (from, to, weekdays) = dates(&heard, now.date())?;
    Ok(When { from, to, weekdays, time })
}

/// How a day or a time is joined to the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Joint {
    #[default]
    None,
    From,
    After,
    Until,
    Around,
    Between,
    To,
    Or,
}

#[derive(Clone, Copy, Debug)]
struct Days {
    joint: Joint,
    from: civil::Date,
    to: civil::Date,
    /// Named by day and month.
    named: bool,
    /// Said as a weekday, which may belong to a week or a date said beside it.
    weekday: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Time {
    Clock(Clock),
    Part(Part, Option<Portion>),
}

#[derive(Debug, Default)]
struct Heard {
    days: Vec<Days>,
    times: Vec<(Joint, Time)>,
    weekdays: Option<[bool; 7]>,
    soon: bool,
}

impl Heard {
    fn of(items: &[Item], today: civil::Date) -> Result<Self, Question> {
        let mut heard = Self::default();
        let (mut joint, mut portion, mut weeks) = (Joint::None, None, 0i64);
        for item in items {
            let (from, to, named, weekday) = match *item {
                Item::From => {
                    joint = Joint::From;
                    continue;
                }
                Item::After => {
                    joint = Joint::After;
                    continue;
                }
                Item::Weeks(count) => {
                    match heard.days.last_mut() {
                        Some(day) if joint == Joint::None => {
                            day.from = day.from.saturating_add(count.weeks());
                            day.to = day.to.saturating_add(count.weeks());
                        }
                        _ => weeks = count,
                    }
                    continue;
                }
                Item::Until => {
                    joint = Joint::Until;
                    continue;
                }
                Item::Around => {
                    joint = Joint::Around;
                    continue;
                }
                Item::Between => {
                    joint = Joint::Between;
                    continue;
                }
                // "Until" after "and" is still "until".
                Item::To => {
                    joint = if joint == Joint::None { Joint::To } else { joint };
                    continue;
                }
                Item::Or => {
                    joint = Joint::Or;
                    continue;
                }
                Item::Portion(said) => {
                    portion = Some(said);
                    continue;
                }
                Item::Soon => {
                    heard.soon = true;
                    continue;
                }
                Item::Weekdays(days) => {
                    let all = heard.weekdays.get_or_insert([false; 7]);
                    for (all, day) in all.iter_mut().zip(days) {
                        *all |= day;
                    }
                    joint = Joint::None;
                    continue;
                }
                Item::Time(clock) => {
                    heard.times.push((std::mem::take(&mut joint), Time::Clock(clock)));
                    continue;
                }
                Item::Part(part) => {
                    heard.times.push((std::mem::take(&mut joint), Time::Part(part, portion.take())));
                    continue;
                }
                Item::Days { from, to } => {
                    let (from, to) = portion.take().map_or((from, to), |portion| of_days(portion, from, to));
                    (from, to, false, None)
                }
                Item::Named(date) => (date, date, true, None),
                Item::Weekday { weekday, which } => {
                    let date = next_weekday(weekday, which, today);
                    (date, date, false, Some(weekday))
                }
            };
            let later = std::mem::take(&mut weeks).weeks();
            let (from, to) = (from.saturating_add(later), to.saturating_add(later));
            heard.days.push(Days { joint: std::mem::take(&mut joint), from, to, named, weekday });
        }
        heard.days = together(heard.days)?;
        Ok(heard)
    }
}

/// Days that were said beside each other and mean one: "Friday, the fifth of March", "next week on Friday".
fn together(days: Vec<Days>) -> Result<Vec<Days>, Question> {
    let mut out: Vec<Days> = Vec::with_capacity(days.len());
    for day in days {
        let Some(last) =
            out.last_mut().filter(|_| matches!(day.joint, Joint::None | Joint::From | Joint::After))
        else {
            out.push(day);
            continue;
        };
        // Either order: the weekday first, or what it belongs to.
        let (weekday, other) = match (last.weekday, day.weekday) {
            (Some(weekday), None) => (weekday, day),
            (None, Some(weekday)) if day.joint == Joint::None => (weekday, *last),
            _ => {
                out.push(day);
                continue;
            }
        };
        if day.joint != Joint::None {
            out.push(day);
            continue;
        }
        let joint = last.joint;
        let date = if other.from == other.to {
            if weekday_of(other.from) != weekday {
                if other.named {
                    return Err(Question::OtherWeekday { date: other.from });
                }
                out.push(day);
                continue;
            }
            other.from
        } else {
            let mut dates = other.from.series(1.day()).take_while(|date| *date <= other.to);
            dates.find(|date| weekday_of(*date) == weekday).ok_or(Question::NotUnderstood)?
        };
        // A weekday of more than a week is each of them; its first is the one that is looked for.
        *last = Days { joint, from: date, to: date, named: other.named, weekday: None };
    }
    Ok(out)
}

/// The first and last date, and the weekdays that count.
fn dates(
    heard: &Heard,
    today: civil::Date,
) -> Result<(civil::Date, civil::Date, Option<[bool; 7]>), Question> {
    let open = today.saturating_add(i64::from(OPEN_END_DAYS).days());
    let Some(first) = heard.days.first() else { return Ok((today, open, heard.weekdays)) };
    let (mut from, mut to) = (first.from, first.to);
    let stretch = heard.days.iter().skip(1).any(|day| matches!(day.joint, Joint::To | Joint::Until));
    for day in heard.days.iter().skip(1) {
        // "Monday to Wednesday" said on a Tuesday begins with next Monday.
        let later = if day.weekday.is_some() && stretch && day.to < from { 7 } else { 0 };
        from = from.min(day.from.saturating_add(later.days()));
        to = to.max(day.to.saturating_add(later.days()));
    }
    if heard.days.len() == 1 {
        match first.joint {
            Joint::From => to = open,
            Joint::After => (from, to) = (first.to.saturating_add(1.day()), open),
            Joint::Until => from = today,
            Joint::None | Joint::Around | Joint::Between | Joint::To | Joint::Or => {}
        }
    }
    if to < from {
        return Err(Question::NotUnderstood);
    }
    let apart = heard.days.len() > 1 && !stretch && heard.days.iter().all(|day| day.from == day.to);
    let weekdays = if apart {
        let mut days = heard.weekdays.unwrap_or_default();
        for day in &heard.days {
            days[weekday_of(day.from)] = true;
        }
        Some(days)
    } else {
        heard.weekdays
    };
    Ok((from, to, weekdays))
}

fn time_of_day(heard: &Heard) -> Result<Option<TimeOfDay>, Question> {
    let part = heard.times.iter().find_map(|(_, time)| match time {
        Time::Part(part, _) => Some(*part),
        Time::Clock(_) => None,
    });
    let mut clocks = Vec::new();
    for (joint, time) in &heard.times {
        if let Time::Clock(clock) = time {
            clocks.push((*joint, resolved(*clock, part)?));
        }
    }
    let day_end = Window::DAY_END;
    let around = |time: civil::Time, minutes: i32| shifted(time, minutes);
    match clocks[..] {
        [] => {}
        [(Joint::From | Joint::After, time)] => {
            return Ok(Some(TimeOfDay::Between { from: time, until: day_end }));
        }
        [(Joint::Until, time)] => {
            return Ok(Some(TimeOfDay::Between { from: civil::Time::midnight(), until: time }));
        }
        [(Joint::Around, time)] => {
            let (from, until) = (around(time, -AROUND_MIN), around(time, AROUND_MIN + 1));
            return Ok(Some(TimeOfDay::Between { from, until }));
        }
        [(_, time)] => return Ok(Some(TimeOfDay::At(time))),
        [(_, first), .., (_, last)] => {
            let (from, until) = (first.min(last), around(first.max(last), 1));
            return Ok(Some(TimeOfDay::Between { from, until }));
        }
    }
    let mut window: Option<(civil::Time, civil::Time)> = None;
    for (joint, time) in &heard.times {
        let Time::Part(part, portion) = time else { continue };
        let (mut from, mut until) = hours(*part, *portion);
        match joint {
            Joint::From => until = day_end,
            Joint::After => (from, until) = (until, day_end),
            Joint::Until => (from, until) = (civil::Time::midnight(), from),
            Joint::None | Joint::Around | Joint::Between | Joint::To | Joint::Or => {}
        }
        window = Some(window.map_or((from, until), |(first, last)| (first.min(from), last.max(until))));
    }
    Ok(window.map(|(from, until)| TimeOfDay::Between { from, until }))
}

/// The clock time that is meant, given the part of the day that was said beside it.
fn resolved(clock: Clock, part: Option<Part>) -> Result<civil::Time, Question> {
    let hour = match (clock.hour, part) {
        (24, _) => 0,
        (hour, _) if clock.sure => hour,
        (12, Some(Part::Night)) => 0,
        (hour, Some(Part::Morning)) => hour,
        (hour @ 1..=11, Some(Part::Afternoon | Part::Evening)) => hour + 12,
        (hour @ 1..=5, Some(Part::Noon)) => hour + 12,
        (hour @ 6..=11, Some(Part::Night)) => hour + 12,
        (hour, Some(_)) => hour,
        (hour @ 1..=6, None) => hour + 12,
        (hour, None) => hour,
    };
    civil::Time::new(hour, clock.minute, 0, 0).map_err(|_| Question::NotUnderstood)
}

fn hours(part: Part, portion: Option<Portion>) -> (civil::Time, civil::Time) {
    let (from, until) = match part {
        Part::Morning => (6, 12),
        Part::Noon => (11, 14),
        Part::Afternoon => (12, 18),
        Part::Evening => (17, 22),
        Part::Night => (20, 24),
    };
    let middle = (from + until) / 2;
    let (from, until) = match portion {
        None => (from, until),
        Some(Portion::Early) => (from, middle),
        Some(Portion::Middle) => (middle - 1, middle + 1),
        Some(Portion::Late) => (middle, until),
    };
    let time = |hour: i8| civil::Time::new(hour, 0, 0, 0).unwrap_or(Window::DAY_END);
    (time(from), time(until))
}

/// `time` some minutes earlier or later, kept within its day.
fn shifted(time: civil::Time, minutes: i32) -> civil::Time {
    let total = i32::from(time.hour()) * 60 + i32::from(time.minute()) + minutes;
    if total < 0 {
        return civil::Time::midnight();
    }
    let parts = (i8::try_from(total / 60), i8::try_from(total % 60));
    let (Ok(hour), Ok(minute)) = parts else { return Window::DAY_END };
    civil::Time::new(hour, minute, 0, 0).unwrap_or(Window::DAY_END)
}

/// The beginning, middle or end of a week or a month.
fn of_days(portion: Portion, from: civil::Date, to: civil::Date) -> (civil::Date, civil::Date) {
    let days = (to - from).get_days() + 1;
    let day = |n: i32| from.saturating_add(i64::from(n).days());
    match (portion, days) {
        (_, 1) => (from, to),
        (Portion::Early, 7) => (from, day(1)),
        (Portion::Middle, 7) => (day(1), day(3)),
        (Portion::Late, 7) => (day(3), day(5)),
        (Portion::Early, _) => (from, day(days / 3 - 1)),
        (Portion::Middle, _) => (day(days / 3), day(days * 2 / 3 - 1)),
        (Portion::Late, _) => (day(days * 2 / 3), to),
    }
}

fn next_weekday(weekday: usize, which: Which, today: civil::Date) -> civil::Date {
    let ahead = (weekday + 7 - weekday_of(today)) % 7;
    let ahead = match (which, ahead) {
        (Which::This, ahead) => ahead,
        // On a Friday "Friday" is the next one: who means today says so.
        (Which::Plain, 0) => 7,
        (Which::Plain, ahead) => ahead,
        // Who means the day after tomorrow does not say "next".
        (Which::Next, ahead @ 0..3) => ahead + 7,
        (Which::Next, ahead) => ahead,
        (Which::AfterNext, ahead) => (if ahead == 0 { 7 } else { ahead }) + 7,
    };
    today.saturating_add(i64::try_from(ahead).unwrap_or(0).days())
}

fn weekday_of(date: civil::Date) -> usize {
    usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())
}
