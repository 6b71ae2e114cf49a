//! The calendars behind tenants' connections, and what resources do with them.
//!
//! What a vendor lists is kept; what it lists no more stays, marked as not there, with everybody's choices. What stands
//! in a calendar, and how far that is known, is not this file's.

use sqlx::FromRow;

use super::{Error, OutsideCalendars, on, rows, texts};
use crate::domain::{
    calendar::{CalendarAccess, OutsideCalendar, Place},
    id::{CalendarId, ConnectionId, ResourceId},
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "c.id, c.connection_id, c.mailbox, c.foreign_id, c.name, c.zone, c.main, c.access, c.there"
    };
}

texts! {
    ALL = concat!("SELECT ", columns!(), " FROM calendars c WHERE c.tenant_id = $1 ORDER BY c.id");
    OF_CONNECTION = concat!("SELECT ", columns!(), " FROM calendars c
        WHERE c.tenant_id = $1 AND c.connection_id = $2 ORDER BY c.id");
    GET = concat!("SELECT ", columns!(), " FROM calendars c WHERE c.tenant_id = $1 AND c.id = $2");
    COUNT_OF = "SELECT COUNT(*) FROM calendars WHERE tenant_id = $1 AND connection_id = $2";
    ABSENT = "UPDATE calendars SET there = FALSE WHERE tenant_id = $1 AND connection_id = $2 AND mailbox = $3";
    PUT = "INSERT INTO calendars (tenant_id, id, connection_id, mailbox, foreign_id, name, zone, main, access, there,
            created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, TRUE, $10)
        ON CONFLICT (tenant_id, connection_id, mailbox, foreign_id) DO UPDATE SET name = excluded.name,
            zone = excluded.zone, main = excluded.main, access = excluded.access, there = TRUE";
    OF_RESOURCE = concat!("SELECT ", columns!(), ", r.blocks, r.target FROM resource_calendars r
        JOIN calendars c ON c.tenant_id = r.tenant_id AND c.id = r.calendar_id
        WHERE r.tenant_id = $1 AND r.resource_id = $2 ORDER BY c.id");
    USED_BY = "SELECT resource_id, target FROM resource_calendars WHERE tenant_id = $1 AND calendar_id = $2
        ORDER BY resource_id";
    FORGET_CHOICES = "DELETE FROM resource_calendars WHERE tenant_id = $1 AND resource_id = $2";
    CHOOSE = "INSERT INTO resource_calendars (tenant_id, resource_id, calendar_id, blocks, target)
        VALUES ($1, $2, $3, $4, $5)";
}

/// What a resource does with a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Which calendar.
    pub calendar: CalendarId,
    /// Whether what stands in it keeps others out of the resource's time.
    pub blocks: bool,
    /// Whether the resource's appointments are written into it.
    pub target: bool,
}

/// A calendar that a resource does something with.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The calendar.
    pub calendar: OutsideCalendar,
    /// Whether what stands in it keeps others out of the resource's time.
    pub blocks: bool,
    /// Whether the resource's appointments are written into it.
    pub target: bool,
}

#[derive(FromRow)]
struct CalendarRow {
    id: String,
    connection_id: String,
    mailbox: String,
    foreign_id: String,
    name: String,
    zone: String,
    main: bool,
    access: String,
    there: bool,
}

#[derive(FromRow)]
struct ChosenRow {
    #[sqlx(flatten)]
    calendar: CalendarRow,
    blocks: bool,
    target: bool,
}

impl TryFrom<CalendarRow> for OutsideCalendar {
    type Error = Error;

    fn try_from(row: CalendarRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "calendars.id")?,
            connection: rows::text(&row.connection_id, "calendars.connection_id")?,
            place: Place {
                mailbox: Some(row.mailbox).filter(|mailbox| !mailbox.is_empty()),
                calendar: row.foreign_id,
                zone: rows::text(&row.zone, "calendars.zone")?,
            },
            name: row.name,
            primary: row.main,
            access: CalendarAccess::parse(&row.access).ok_or(Error::Damaged("calendars.access"))?,
            there: row.there,
        })
    }
}

impl OutsideCalendars<'_> {
    /// All of the tenant's, in the order in which they became known.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn all(&mut self) -> Result<Vec<OutsideCalendar>, Error> {
        let rows: Vec<CalendarRow> =
            on!(self.tx, db => sqlx::query_as(ALL).bind(self.tenant.as_str()).fetch_all(db).await?);
        rows.into_iter().map(OutsideCalendar::try_from).collect()
    }

    /// Those of a connection.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of(&mut self, connection: &ConnectionId) -> Result<Vec<OutsideCalendar>, Error> {
        let rows: Vec<CalendarRow> = on!(self.tx, db => sqlx::query_as(OF_CONNECTION)
            .bind(self.tenant.as_str())
            .bind(connection.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(OutsideCalendar::try_from).collect()
    }

    /// The calendar of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &CalendarId) -> Result<Option<OutsideCalendar>, Error> {
        let row: Option<CalendarRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(OutsideCalendar::try_from).transpose()
    }

    /// How many a connection has, those that are not there included.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_of(&mut self, connection: &ConnectionId) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(COUNT_OF)
            .bind(self.tenant.as_str())
            .bind(connection.as_str())
            .fetch_one(db).await?);
        rows::whole(count, "calendars")
    }

    /// What a connection has in one mailbox is not there, unless it is [put](Self::put) again.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn absent(&mut self, connection: &ConnectionId, mailbox: Option<&str>) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ABSENT)
            .bind(self.tenant.as_str())
            .bind(connection.as_str())
            .bind(mailbox.unwrap_or_default())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Keeps a calendar that is there: under the id it has been known by in its place, or else this one.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when another has that id.
    pub async fn put(&mut self, listed: &OutsideCalendar, now: Timestamp) -> Result<(), Error> {
        let place = &listed.place;
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(listed.id.as_str())
            .bind(listed.connection.as_str())
            .bind(place.mailbox.as_deref().unwrap_or_default())
            .bind(place.calendar.as_str())
            .bind(listed.name.as_str())
            .bind(place.zone.name())
            .bind(listed.primary)
            .bind(listed.access.as_str())
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The calendars a resource does something with.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_resource(&mut self, resource: &ResourceId) -> Result<Vec<Chosen>, Error> {
        let rows: Vec<ChosenRow> = on!(self.tx, db => sqlx::query_as(OF_RESOURCE)
            .bind(self.tenant.as_str())
            .bind(resource.as_str())
            .fetch_all(db).await?);
        rows.into_iter()
            .map(|row| {
                Ok(Chosen { calendar: row.calendar.try_into()?, blocks: row.blocks, target: row.target })
            })
            .collect()
    }

    /// Which resources do something with a calendar, and whether their appointments are written into it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn used_by(&mut self, calendar: &CalendarId) -> Result<Vec<(ResourceId, bool)>, Error> {
        let rows: Vec<(String, bool)> = on!(self.tx, db => sqlx::query_as(USED_BY)
            .bind(self.tenant.as_str())
            .bind(calendar.as_str())
            .fetch_all(db).await?);
        rows.into_iter()
            .map(|(resource, target)| Ok((rows::text(&resource, "resource_calendars.resource_id")?, target)))
            .collect()
    }

    /// Keeps what a resource does with calendars, in place of what it did.
    ///
    /// # Errors
    /// [`Error::Dangling`] when the resource or a calendar is not there; [`Error::NotUnique`] when one is named twice,
    /// or several are written into.
    pub async fn choose(&mut self, resource: &ResourceId, choices: &[Choice]) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(FORGET_CHOICES)
            .bind(self.tenant.as_str())
            .bind(resource.as_str())
            .execute(db).await.map(drop)?);
        for choice in choices {
            on!(self.tx, db => sqlx::query(CHOOSE)
                .bind(self.tenant.as_str())
                .bind(resource.as_str())
                .bind(choice.calendar.as_str())
                .bind(choice.blocks)
                .bind(choice.target)
                .execute(db).await.map(drop)?);
        }
        Ok(())
    }
}
