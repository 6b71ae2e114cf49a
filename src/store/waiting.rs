//! Who waits for an earlier time, which services' freed times are offered, and the offers.

use jiff::civil;
use sqlx::FromRow;

use super::{
    Error, WaitingList, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    assistant::Language,
    id::{AppointmentId, CallId, ContactId, OfferId, OutgoingId, ServiceId, WaitingId},
    time::Timestamp,
    waiting::{Asked, Offer, OfferState, Waiting, WaitingState},
};

macro_rules! columns {
    () => {
        "id, contact_id, service_id, resources, first_day, last_day, from_min, until_min, appointment_id, language, \
         state, joined_at, ended_at"
    };
}

macro_rules! offer_columns {
    () => {
        "id, service_id, resource_id, starts_at, freed_by, state, waiting_id, outgoing_id, hold_id, look_at, made_at"
    };
}

texts! {
    ADD = concat!("INSERT INTO waiting_list (tenant_id, joined_by, ", columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)");
    GET = concat!("SELECT ", columns!(), " FROM waiting_list WHERE tenant_id = $1 AND id = $2");
    PAGE = concat!("SELECT ", columns!(), " FROM waiting_list WHERE tenant_id = $1 AND (joined_at, id) > ($2, $3)
        AND (CAST($4 AS TEXT) IS NULL OR state = $4) ORDER BY joined_at, id LIMIT $5");
    OF_SERVICE = concat!("SELECT ", columns!(), " FROM waiting_list WHERE tenant_id = $1 AND service_id = $2
        AND state = 'waiting' AND first_day <= $4 AND last_day >= $4 ORDER BY joined_at, id LIMIT $3");
    OF_CONTACT = "SELECT COUNT(*) FROM waiting_list WHERE tenant_id = $1 AND contact_id = $2
        AND state IN ('waiting', 'offered') AND last_day >= $3";
    MARK = "UPDATE waiting_list SET state = $3, ended_at = $4 WHERE tenant_id = $1 AND id = $2
        AND state IN ('waiting', 'offered')";
    RULES = "SELECT service_id, latest_min FROM offer_rules WHERE tenant_id = $1 ORDER BY service_id";
    RULE = "SELECT latest_min FROM offer_rules WHERE tenant_id = $1 AND service_id = $2";
    SET_RULE = "INSERT INTO offer_rules (tenant_id, service_id, latest_min) VALUES ($1, $2, $3)
        ON CONFLICT (tenant_id, service_id) DO UPDATE SET latest_min = excluded.latest_min";
    NO_RULE = "DELETE FROM offer_rules WHERE tenant_id = $1 AND service_id = $2";
    ADD_OFFER = concat!("INSERT INTO offers (tenant_id, ", offer_columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING");
    OFFER = concat!("SELECT ", offer_columns!(), " FROM offers WHERE tenant_id = $1 AND id = $2");
    SET_OFFER = "UPDATE offers SET state = $3, waiting_id = $4, outgoing_id = $5, hold_id = $6, look_at = $7,
            ended_at = $8
        WHERE tenant_id = $1 AND id = $2 AND state = 'open'";
    /// What keeps a time for somebody, with the places it takes besides.
    KEEP = "UPDATE appointments SET call_id = $3, expires_at = $4 WHERE tenant_id = $1 AND (id = $2 OR part_of = $2)
        AND status = 'held'";
    FREE = "DELETE FROM appointments WHERE tenant_id = $1 AND (id = $2 OR part_of = $2) AND status = 'held'";
    ASKED = "SELECT COUNT(*) FROM outgoing_calls WHERE tenant_id = $1 AND cause_id = $2 AND cause_entry_id = $3";
}

#[derive(FromRow)]
struct WaitingRow {
    id: String,
    contact_id: String,
    service_id: String,
    resources: String,
    first_day: String,
    last_day: String,
    from_min: i64,
    until_min: i64,
    appointment_id: Option<String>,
    language: Option<String>,
    state: String,
    joined_at: i64,
    ended_at: Option<i64>,
}

impl TryFrom<WaitingRow> for Waiting {
    type Error = Error;

    fn try_from(row: WaitingRow) -> Result<Self, Error> {
        let resources: Vec<String> = rows::json(&row.resources, "waiting_list.resources")?;
        let resources = resources.iter().map(|id| rows::text(id, "waiting_list.resources"));
        Ok(Self {
            id: rows::text(&row.id, "waiting_list.id")?,
            contact: rows::text(&row.contact_id, "waiting_list.contact_id")?,
            service: rows::text(&row.service_id, "waiting_list.service_id")?,
            resources: resources.collect::<Result<_, _>>()?,
            first_day: rows::text(&row.first_day, "waiting_list.first_day")?,
            last_day: rows::text(&row.last_day, "waiting_list.last_day")?,
            from_min: rows::whole(row.from_min, "waiting_list.from_min")?,
            until_min: rows::whole(row.until_min, "waiting_list.until_min")?,
            appointment: rows::maybe(row.appointment_id.as_deref(), "waiting_list.appointment_id")?,
            language: rows::maybe(row.language.as_deref(), "waiting_list.language")?,
            state: rows::text(&row.state, "waiting_list.state")?,
            joined: Timestamp(row.joined_at),
            ended: row.ended_at.map(Timestamp),
        })
    }
}

#[derive(FromRow)]
struct OfferRow {
    id: String,
    service_id: String,
    resource_id: String,
    starts_at: i64,
    freed_by: String,
    state: String,
    waiting_id: Option<String>,
    outgoing_id: Option<String>,
    hold_id: Option<String>,
    look_at: i64,
    made_at: i64,
}

impl TryFrom<OfferRow> for Offer {
    type Error = Error;

    fn try_from(row: OfferRow) -> Result<Self, Error> {
        let asked = match (&row.waiting_id, &row.outgoing_id, &row.hold_id) {
            (Some(waiting), Some(outgoing), Some(hold)) => Some(Asked {
                waiting: rows::text(waiting, "offers.waiting_id")?,
                outgoing: rows::text(outgoing, "offers.outgoing_id")?,
                hold: rows::text(hold, "offers.hold_id")?,
            }),
            _ => None,
        };
        Ok(Self {
            id: rows::text(&row.id, "offers.id")?,
            service: rows::text(&row.service_id, "offers.service_id")?,
            resource: rows::text(&row.resource_id, "offers.resource_id")?,
            start: Timestamp(row.starts_at),
            freed_by: rows::text(&row.freed_by, "offers.freed_by")?,
            state: rows::text(&row.state, "offers.state")?,
            asked,
            look: Timestamp(row.look_at),
            made: Timestamp(row.made_at),
        })
    }
}

impl WaitingList<'_> {
    /// Keeps somebody's place.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such contact or service.
    pub async fn add(&mut self, new: &Waiting, by: &str) -> Result<(), Error> {
        let resources: Vec<&str> = new.resources.iter().map(|id| id.as_str()).collect();
        let resources = rows::to_json(&resources, "waiting_list.resources")?;
        let (first_day, last_day) = (new.first_day.to_string(), new.last_day.to_string());
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(by)
            .bind(new.id.as_str())
            .bind(new.contact.as_str())
            .bind(new.service.as_str())
            .bind(resources.as_str())
            .bind(first_day.as_str())
            .bind(last_day.as_str())
            .bind(i64::from(new.from_min))
            .bind(i64::from(new.until_min))
            .bind(new.appointment.as_ref().map(AppointmentId::as_str))
            .bind(new.language.map(Language::code))
            .bind(new.state.as_str())
            .bind(new.joined.0)
            .bind(new.ended.map(|at| at.0))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The place of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &WaitingId) -> Result<Option<Waiting>, Error> {
        let row: Option<WaitingRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Waiting::try_from).transpose()
    }

    /// The list in the order of joining, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        state: Option<WaitingState>,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Waiting>, Error> {
        let (at, id) = after.map_or((i64::MIN, ""), |place| (place.at, place.id.as_str()));
        let rows: Vec<WaitingRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(at)
            .bind(id)
            .bind(state.map(WaitingState::as_str))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |one: &Waiting| Place { at: one.joined.0, id: one.id.to_string() })
    }

    /// Who waits for a service on that day, in the order of joining, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_service(
        &mut self,
        service: &ServiceId,
        day: civil::Date,
        count_max: u32,
    ) -> Result<Vec<Waiting>, Error> {
        let day = day.to_string();
        let rows: Vec<WaitingRow> = on!(self.tx, db => sqlx::query_as(OF_SERVICE)
            .bind(self.tenant.as_str())
            .bind(service.as_str())
            .bind(i64::from(count_max))
            .bind(day.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(Waiting::try_from).collect()
    }

    /// How many places somebody has that are good for `day` or later, as in an ISO date.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_contact(&mut self, contact: &ContactId, day: &str) -> Result<u32, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(OF_CONTACT)
            .bind(self.tenant.as_str())
            .bind(contact.as_str())
            .bind(day)
            .fetch_one(db).await?);
        rows::whole(count, "waiting_list")
    }

    /// Where a place stands from `at` on; whether it was not over.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn mark(&mut self, id: &WaitingId, state: WaitingState, at: Timestamp) -> Result<bool, Error> {
        let ended = match state {
            WaitingState::Booked | WaitingState::Over => Some(at.0),
            WaitingState::Waiting | WaitingState::Offered => None,
        };
        let marked = on!(self.tx, db => sqlx::query(MARK)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(state.as_str())
            .bind(ended)
            .execute(db).await?.rows_affected());
        Ok(marked == 1)
    }

    /// The services whose freed times are offered, and how many minutes before their beginning at the latest.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn rules(&mut self) -> Result<Vec<(ServiceId, u32)>, Error> {
        let rows: Vec<(String, i64)> =
            on!(self.tx, db => sqlx::query_as(RULES).bind(self.tenant.as_str()).fetch_all(db).await?);
        rows.into_iter()
            .map(|(service, latest)| {
                Ok((
                    rows::text(&service, "offer_rules.service_id")?,
                    rows::whole(latest, "offer_rules.latest_min")?,
                ))
            })
            .collect()
    }

    /// How many minutes before their beginning freed times of a service are offered at the latest; `None` when they are
    /// not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn rule(&mut self, service: &ServiceId) -> Result<Option<u32>, Error> {
        let row: Option<(i64,)> = on!(self.tx, db => sqlx::query_as(RULE)
            .bind(self.tenant.as_str())
            .bind(service.as_str())
            .fetch_optional(db).await?);
        row.map(|(latest,)| rows::whole(latest, "offer_rules.latest_min")).transpose()
    }

    /// Says whether freed times of a service are offered.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such service.
    pub async fn set_rule(&mut self, service: &ServiceId, latest_min: Option<u32>) -> Result<(), Error> {
        match latest_min {
            Some(latest) => on!(self.tx, db => sqlx::query(SET_RULE)
                .bind(self.tenant.as_str())
                .bind(service.as_str())
                .bind(i64::from(latest))
                .execute(db).await.map(drop)?),
            None => on!(self.tx, db => sqlx::query(NO_RULE)
                .bind(self.tenant.as_str())
                .bind(service.as_str())
                .execute(db).await.map(drop)?),
        }
        Ok(())
    }

    /// Keeps an offer; whether it is new.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such service.
    pub async fn add_offer(&mut self, new: &Offer) -> Result<bool, Error> {
        let asked = new.asked.as_ref();
        let added = on!(self.tx, db => sqlx::query(ADD_OFFER)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.service.as_str())
            .bind(new.resource.as_str())
            .bind(new.start.0)
            .bind(new.freed_by.as_str())
            .bind(new.state.as_str())
            .bind(asked.map(|asked| asked.waiting.as_str()))
            .bind(asked.map(|asked| asked.outgoing.as_str()))
            .bind(asked.map(|asked| asked.hold.as_str()))
            .bind(new.look.0)
            .bind(new.made.0)
            .execute(db).await?.rows_affected());
        Ok(added == 1)
    }

    /// The offer of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn offer(&mut self, id: &OfferId) -> Result<Option<Offer>, Error> {
        let row: Option<OfferRow> = on!(self.tx, db => sqlx::query_as(OFFER)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Offer::try_from).transpose()
    }

    /// Keeps how an open offer stands; whether it was open.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn set_offer(&mut self, wanted: &Offer, now: Timestamp) -> Result<bool, Error> {
        let asked = wanted.asked.as_ref();
        let ended = (wanted.state != OfferState::Open).then_some(now.0);
        let set = on!(self.tx, db => sqlx::query(SET_OFFER)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .bind(wanted.state.as_str())
            .bind(asked.map(|asked| asked.waiting.as_str()))
            .bind(asked.map(|asked| OutgoingId::as_str(&asked.outgoing)))
            .bind(asked.map(|asked| asked.hold.as_str()))
            .bind(wanted.look.0)
            .bind(ended)
            .execute(db).await?.rows_affected());
        Ok(set == 1)
    }

    /// Keeps a time that is held until then, for that call if it is one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn keep(
        &mut self,
        hold: &AppointmentId,
        call: Option<&CallId>,
        until: Timestamp,
    ) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(KEEP)
            .bind(self.tenant.as_str())
            .bind(hold.as_str())
            .bind(call.map(CallId::as_str))
            .bind(until.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Gives back a time that is held, whoever holds it. What was promised of it stays.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn free(&mut self, hold: &AppointmentId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(FREE)
            .bind(self.tenant.as_str())
            .bind(hold.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Whether somebody has been asked about an offer.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asked(&mut self, offer: &OfferId, waiting: &WaitingId) -> Result<bool, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(ASKED)
            .bind(self.tenant.as_str())
            .bind(offer.as_str())
            .bind(waiting.as_str())
            .fetch_one(db).await?);
        Ok(count > 0)
    }
}
