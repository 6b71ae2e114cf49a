//! Public holidays of the German Länder: which dates the law closes, where and since when.
//!
//! A proposal and no more: what becomes a closing day is ticked by a person ([`closing`](super::closing)). Holidays are
//! the Länder's to make, but for the Day of German Unity (Einigungsvertrag Art. 2 Abs. 2); each date names the law it
//! stands in. Sundays are holidays everywhere and are left out, but for those that Brandenburg's law names. It knows no
//! school holidays, and nothing of other countries.

use std::str::FromStr;

use jiff::{ToSpan, civil};

use super::assistant::Language;

/// The first year of which holidays are known.
pub const YEAR_MIN: i16 = 2000;
/// The last year of which holidays are worked out.
pub const YEAR_MAX: i16 = 2099;

macro_rules! lands {
    ($($(#[$doc:meta])* $name:ident = $code:literal $title:literal,)*) => {
        /// A federal state, by its code in ISO 3166-2 without `DE-`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Land {
            $($(#[$doc])* $name,)*
        }

        impl Land {
            /// All sixteen, in the order of their names.
            pub const ALL: [Self; 16] = [$(Self::$name),*];

            /// Its code, such as `BE`.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What it is called.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }
        }
    };
}

lands! {
    /// Feiertagsgesetz (FTG) Baden-Württemberg § 1.
    BadenWuerttemberg = "BW" "Baden-Württemberg",
    /// Feiertagsgesetz (FTG) Bayern Art. 1.
    Bayern = "BY" "Bayern",
    /// Gesetz über die Sonn- und Feiertage Berlin § 1.
    Berlin = "BE" "Berlin",
    /// Feiertagsgesetz (FTG) Brandenburg § 2.
    Brandenburg = "BB" "Brandenburg",
    /// Gesetz über die Sonn- und Feiertage Bremen § 2.
    Bremen = "HB" "Bremen",
    /// Gesetz über Sonntage, Feiertage, Gedenktage und Trauertage Hamburg § 1.
    Hamburg = "HH" "Hamburg",
    /// Hessisches Feiertagsgesetz (HFeiertagsG) § 1.
    Hessen = "HE" "Hessen",
    /// Feiertagsgesetz Mecklenburg-Vorpommern (FTG M-V) § 2.
    MecklenburgVorpommern = "MV" "Mecklenburg-Vorpommern",
    /// Niedersächsisches Feiertagsgesetz (NFeiertagsG) § 2.
    Niedersachsen = "NI" "Niedersachsen",
    /// Feiertagsgesetz NW § 2.
    NordrheinWestfalen = "NW" "Nordrhein-Westfalen",
    /// Landesfeiertagsgesetz (LFtG) Rheinland-Pfalz § 2.
    RheinlandPfalz = "RP" "Rheinland-Pfalz",
    /// Saarländisches Feiertagsgesetz (SFG) § 2.
    Saarland = "SL" "Saarland",
    /// Gesetz über Sonn- und Feiertage im Freistaat Sachsen (SächsSFG) § 1.
    Sachsen = "SN" "Sachsen",
    /// Feiertagsgesetz Sachsen-Anhalt (FeiertG LSA) § 2.
    SachsenAnhalt = "ST" "Sachsen-Anhalt",
    /// Gesetz über Sonn- und Feiertage Schleswig-Holstein (SFTG) § 2.
    SchleswigHolstein = "SH" "Schleswig-Holstein",
    /// Thüringer Feier- und Gedenktagsgesetz (ThürFGtG) § 2.
    Thueringen = "TH" "Thüringen",
}

/// A text that names no federal state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the code of a German federal state, such as `BE`")]
pub struct NotALand;

impl FromStr for Land {
    type Err = NotALand;

    fn from_str(code: &str) -> Result<Self, NotALand> {
        Self::ALL.into_iter().find(|land| land.code() == code).ok_or(NotALand)
    }
}

/// A public holiday on one date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// When.
    pub date: civil::Date,
    /// Which.
    pub what: Feast,
    /// Whether it holds in the whole federal state, or in some of its communities only.
    pub everywhere: bool,
    /// The first year in which it is one there, where that lies within what is known.
    pub since: Option<i16>,
    /// Whether it is on the same date every year.
    pub fixed: bool,
}

macro_rules! feasts {
    ($($(#[$doc:meta])* $name:ident = $de:literal $en:literal,)*) => {
        /// What is celebrated.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feast {
            $($(#[$doc])* $name,)*
        }

        impl Feast {
            /// What it is called.
            pub fn name(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$name, Language::German) => $de, (Self::$name, Language::English) => $en,)*
                }
            }
        }
    };
}

feasts! {
    /// The first of January.
    NewYear = "Neujahr" "New Year's Day",
    /// The sixth of January.
    Epiphany = "Heilige Drei Könige" "Epiphany",
    /// The eighth of March.
    WomensDay = "Internationaler Frauentag" "International Women's Day",
    /// Two days before Easter Sunday.
    GoodFriday = "Karfreitag" "Good Friday",
    /// Easter Sunday.
    EasterSunday = "Ostersonntag" "Easter Sunday",
    /// The day after it.
    EasterMonday = "Ostermontag" "Easter Monday",
    /// The first of May.
    LabourDay = "Tag der Arbeit" "Labour Day",
    /// The eighth of May; in Berlin in 2020 and 2025.
    Liberation = "Tag der Befreiung" "Liberation Day",
    /// The seventeenth of June; in Berlin in 2028.
    Uprising = "75. Jahrestag des Volksaufstands" "75th anniversary of the 1953 uprising",
    /// 39 days after Easter Sunday.
    Ascension = "Christi Himmelfahrt" "Ascension Day",
    /// 49 days after Easter Sunday.
    WhitSunday = "Pfingstsonntag" "Whit Sunday",
    /// The day after it.
    WhitMonday = "Pfingstmontag" "Whit Monday",
    /// 60 days after Easter Sunday.
    CorpusChristi = "Fronleichnam" "Corpus Christi",
    /// The eighth of August, in the city of Augsburg.
    AugsburgPeace = "Augsburger Friedensfest" "Augsburg Peace Festival",
    /// The fifteenth of August.
    Assumption = "Mariä Himmelfahrt" "Assumption Day",
    /// The twentieth of September.
    ChildrensDay = "Weltkindertag" "World Children's Day",
    /// The third of October.
    Unity = "Tag der Deutschen Einheit" "Day of German Unity",
    /// The thirty-first of October.
    Reformation = "Reformationstag" "Reformation Day",
    /// The first of November.
    AllSaints = "Allerheiligen" "All Saints' Day",
    /// The Wednesday before the 23rd of November.
    Repentance = "Buß- und Bettag" "Day of Repentance and Prayer",
    /// The twenty-fifth of December.
    Christmas = "1. Weihnachtstag" "Christmas Day",
    /// The twenty-sixth of December.
    BoxingDay = "2. Weihnachtstag" "Boxing Day",
}

/// When a feast is.
#[derive(Clone, Copy)]
enum On {
    /// On that day of that month.
    Fixed(i8, i8),
    /// So many days after Easter Sunday.
    Easter(i32),
    /// On the Wednesday before the 23rd of November.
    Repentance,
}

/// In which years a feast is a holiday somewhere.
#[derive(Clone, Copy)]
enum Years {
    /// In all that are known.
    All,
    /// From that one on.
    Since(i16),
    /// In that one only.
    Only(i16),
}

/// One rule: what is celebrated, when, where, in which years, and whether in all communities.
type Rule = (Feast, On, &'static [Land], Years, bool);

use Land::*;

/// The Länder of the law of 2018 that made Reformation Day one in the north.
const NORTH: &[Land] = &[Bremen, Hamburg, Niedersachsen, SchleswigHolstein];

/// The laws, feast by feast. Where a Land's law is the one named at [`Land`], only what is particular is said here.
const RULES: &[Rule] = &[
    (Feast::NewYear, On::Fixed(1, 1), &Land::ALL, Years::All, true),
    (Feast::Epiphany, On::Fixed(1, 6), &[BadenWuerttemberg, Bayern, SachsenAnhalt], Years::All, true),
    // Berlin § 1 Abs. 1, amended in January 2019.
    (Feast::WomensDay, On::Fixed(3, 8), &[Berlin], Years::Since(2019), true),
    // FTG M-V § 2 Abs. 1, amended in 2022 with effect from 2023.
    (Feast::WomensDay, On::Fixed(3, 8), &[MecklenburgVorpommern], Years::Since(2023), true),
    (Feast::GoodFriday, On::Easter(-2), &Land::ALL, Years::All, true),
    (Feast::EasterSunday, On::Easter(0), &[Brandenburg], Years::All, true),
    (Feast::EasterMonday, On::Easter(1), &Land::ALL, Years::All, true),
    (Feast::LabourDay, On::Fixed(5, 1), &Land::ALL, Years::All, true),
    // 75 and 80 years after the end of the war, by Berlin's law, once each.
    (Feast::Liberation, On::Fixed(5, 8), &[Berlin], Years::Only(2020), true),
    (Feast::Liberation, On::Fixed(5, 8), &[Berlin], Years::Only(2025), true),
    (Feast::Uprising, On::Fixed(6, 17), &[Berlin], Years::Only(2028), true),
    (Feast::Ascension, On::Easter(39), &Land::ALL, Years::All, true),
    (Feast::WhitSunday, On::Easter(49), &[Brandenburg], Years::All, true),
    (Feast::WhitMonday, On::Easter(50), &Land::ALL, Years::All, true),
    (
        Feast::CorpusChristi,
        On::Easter(60),
        &[BadenWuerttemberg, Bayern, Hessen, NordrheinWestfalen, RheinlandPfalz, Saarland],
        Years::All,
        true,
    ),
    // Fronleichnamsverordnung of Saxony: Catholic communities of the Sorbs; ThürFGtG § 2 Abs. 2: Eichsfeld and communities
    // around it.
    (Feast::CorpusChristi, On::Easter(60), &[Sachsen, Thueringen], Years::All, false),
    (Feast::AugsburgPeace, On::Fixed(8, 8), &[Bayern], Years::All, false),
    (Feast::Assumption, On::Fixed(8, 15), &[Saarland], Years::All, true),
    // FTG Bayern Art. 1 Abs. 1 Nr. 2: communities with more Catholics than Protestants.
    (Feast::Assumption, On::Fixed(8, 15), &[Bayern], Years::All, false),
    // ThürFGtG § 2 Abs. 1, amended in February 2019.
    (Feast::ChildrensDay, On::Fixed(9, 20), &[Thueringen], Years::Since(2019), true),
    (Feast::Unity, On::Fixed(10, 3), &Land::ALL, Years::All, true),
    (
        Feast::Reformation,
        On::Fixed(10, 31),
        &[Brandenburg, MecklenburgVorpommern, Sachsen, SachsenAnhalt, Thueringen],
        Years::All,
        true,
    ),
    (Feast::Reformation, On::Fixed(10, 31), NORTH, Years::Since(2018), true),
    // Its five-hundredth year, everywhere.
    (
        Feast::Reformation,
        On::Fixed(10, 31),
        &[
            BadenWuerttemberg,
            Bayern,
            Berlin,
            Bremen,
            Hamburg,
            Hessen,
            Niedersachsen,
            NordrheinWestfalen,
            RheinlandPfalz,
            Saarland,
            SchleswigHolstein,
        ],
        Years::Only(2017),
        true,
    ),
    (
        Feast::AllSaints,
        On::Fixed(11, 1),
        &[BadenWuerttemberg, Bayern, NordrheinWestfalen, RheinlandPfalz, Saarland],
        Years::All,
        true,
    ),
    // Given up everywhere else in 1995, to pay for nursing care insurance.
    (Feast::Repentance, On::Repentance, &[Sachsen], Years::All, true),
    (Feast::Christmas, On::Fixed(12, 25), &Land::ALL, Years::All, true),
    (Feast::BoxingDay, On::Fixed(12, 26), &Land::ALL, Years::All, true),
];

/// The public holidays of a year in a federal state, in order of their dates. None outside of the years that are known.
pub fn holidays(land: Land, year: i16) -> Vec<Holiday> {
    if !(YEAR_MIN..=YEAR_MAX).contains(&year) {
        return Vec::new();
    }
    let mut all: Vec<Holiday> = RULES
        .iter()
        .filter(|(_, _, lands, years, _)| lands.contains(&land) && years.include(year))
        .filter_map(|(what, on, _, years, everywhere)| {
            let since = match years {
                Years::Since(since) => Some(*since),
                Years::All | Years::Only(_) => None,
            };
            let fixed = matches!(on, On::Fixed(..)) && !matches!(years, Years::Only(_));
            Some(Holiday { date: on.date(year)?, what: *what, everywhere: *everywhere, since, fixed })
        })
        .collect();
    all.sort_by_key(|holiday| (holiday.date, holiday.what));
    all
}

impl Years {
    fn include(self, year: i16) -> bool {
        match self {
            Self::All => true,
            Self::Since(since) => year >= since,
            Self::Only(only) => year == only,
        }
    }
}

impl On {
    fn date(self, year: i16) -> Option<civil::Date> {
        match self {
            Self::Fixed(month, day) => civil::Date::new(year, month, day).ok(),
            Self::Easter(days) => easter(year)?.checked_add(days.days()).ok(),
            Self::Repentance => {
                let last = civil::Date::new(year, 11, 22).ok()?;
                let past = i32::from(last.weekday().since(civil::Weekday::Wednesday));
                last.checked_sub(past.days()).ok()
            }
        }
    }
}

/// Easter Sunday of the Gregorian calendar: the anonymous computus ("Nature", 20.4.1876), as Meeus prints it
/// (Astronomical Algorithms, chapter 8).
pub fn easter(year: i16) -> Option<civil::Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let (month, day) = ((h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
    civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}
