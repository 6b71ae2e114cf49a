//! Who works at a tenant, and as what.

use sqlx::FromRow;

use super::super::{
    Error, Memberships, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    email::Email,
    id::{TenantId, UserId},
    people::Role,
    phone::E164,
    revision::{Revised, Revision},
    time::Timestamp,
};

texts! {
    GET = "SELECT m.user_id, u.email, u.name, m.role, m.created_at, m.revision
        FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = $1 AND m.user_id = $2";
    PAGE = "SELECT m.user_id, u.email, u.name, m.role, m.created_at, m.revision
        FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = $1 AND m.user_id > $2
        ORDER BY m.user_id LIMIT $3";
    ADD = "INSERT INTO memberships (tenant_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)";
    SET_ROLE = "UPDATE memberships SET role = $3, revision = revision + 1 WHERE tenant_id = $1 AND user_id = $2";
    TELEPHONE = "SELECT telephone FROM memberships WHERE tenant_id = $1 AND user_id = $2";
    SET_TELEPHONE = "UPDATE memberships SET telephone = $3 WHERE tenant_id = $1 AND user_id = $2";
    REMOVE = "DELETE FROM memberships WHERE tenant_id = $1 AND user_id = $2";
    COUNT = "SELECT COUNT(*) FROM memberships WHERE tenant_id = $1";
    OWNERS = "SELECT COUNT(*) FROM memberships WHERE tenant_id = $1 AND role = 'owner'";
    /// Changes nothing; whoever else is about to change the tenant's people waits here.
    QUEUE = "UPDATE tenants SET seats_max = seats_max WHERE id = $1";
    OF_USER = "SELECT m.tenant_id, t.slug, t.name, m.role FROM memberships m JOIN tenants t ON t.id = m.tenant_id
        WHERE m.user_id = $1 ORDER BY m.created_at, m.tenant_id LIMIT 200";
}

/// A person who works at the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// Where mail reaches her.
    pub email: Email,
    /// What those she works with call her; empty when she has not said.
    pub name: String,
    /// What she is there.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

impl Member {
    /// What those she works with know her by: her name, or her address where she has not said it.
    pub fn called(&self) -> &str {
        if self.name.is_empty() { self.email.as_str() } else { &self.name }
    }
}

/// A tenant at which a person works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Which tenant.
    pub tenant: TenantId,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What she is there.
    pub role: Role,
}

#[derive(FromRow)]
struct MemberRow {
    user_id: String,
    email: String,
    name: String,
    role: String,
    created_at: i64,
    revision: i64,
}

#[derive(FromRow)]
pub(in crate::store) struct MembershipRow {
    tenant_id: String,
    slug: String,
    name: String,
    role: String,
}

impl TryFrom<MemberRow> for Revised<Member> {
    type Error = Error;

    fn try_from(row: MemberRow) -> Result<Self, Error> {
        Ok(Self {
            item: Member {
                user: rows::text(&row.user_id, "memberships.user_id")?,
                email: rows::text(&row.email, "users.email")?,
                name: row.name,
                role: rows::text(&row.role, "memberships.role")?,
                created_at: Timestamp(row.created_at),
            },
            revision: Revision(row.revision),
        })
    }
}

impl TryFrom<MembershipRow> for Membership {
    type Error = Error;

    fn try_from(row: MembershipRow) -> Result<Self, Error> {
        Ok(Self {
            tenant: rows::text(&row.tenant_id, "memberships.tenant_id")?,
            slug: row.slug,
            name: row.name,
            role: rows::text(&row.role, "memberships.role")?,
        })
    }
}

impl Memberships<'_> {
    /// The member, and which state of her membership this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, user: &UserId) -> Result<Option<Revised<Member>>, Error> {
        let row: Option<MemberRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(user.as_str())
            .fetch_optional(db).await?);
        row.map(TryFrom::try_from).transpose()
    }

    /// Everybody who works here, by id, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Revised<Member>>, Error> {
        let rows: Vec<MemberRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |member: &Revised<Member>| Place::of_id(member.item.user.as_str()))
    }

    /// Somebody begins to work here.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when she does already.
    pub async fn add(&mut self, user: &UserId, role: Role, now: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(user.as_str())
            .bind(role.as_str())
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn set_role(&mut self, user: &UserId, role: Role) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(SET_ROLE)
            .bind(self.tenant.as_str())
            .bind(user.as_str())
            .bind(role.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Where a member is rung when she takes a call over, if she has said so.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn telephone(&mut self, user: &UserId) -> Result<Option<E164>, Error> {
        let row: Option<(Option<String>,)> = on!(self.tx, db => sqlx::query_as(TELEPHONE)
            .bind(self.tenant.as_str())
            .bind(user.as_str())
            .fetch_optional(db).await?);
        let number = row.and_then(|(number,)| number);
        number.map(|number| rows::text(&number, "memberships.telephone")).transpose()
    }

    /// Keeps where a member is rung.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn set_telephone(&mut self, user: &UserId, number: &E164) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(SET_TELEPHONE)
            .bind(self.tenant.as_str())
            .bind(user.as_str())
            .bind(number.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Somebody works here no more; whether she did.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn remove(&mut self, user: &UserId) -> Result<bool, Error> {
        let gone = on!(self.tx, db => sqlx::query(REMOVE)
            .bind(self.tenant.as_str())
            .bind(user.as_str())
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }

    /// How many work here.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count(&mut self) -> Result<u64, Error> {
        let (count,): (i64,) =
            on!(self.tx, db => sqlx::query_as(COUNT).bind(self.tenant.as_str()).fetch_one(db).await?);
        rows::whole(count, "memberships")
    }

    /// How many of them are owners.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn owners(&mut self) -> Result<u64, Error> {
        let (count,): (i64,) =
            on!(self.tx, db => sqlx::query_as(OWNERS).bind(self.tenant.as_str()).fetch_one(db).await?);
        rows::whole(count, "memberships")
    }

    /// Waits until nobody else is changing who works here, and keeps others waiting until this transaction ends: so
    /// that two cannot each count the other's place as free.
    ///
    /// # Errors
    /// [`Error::Busy`] when it takes too long.
    pub async fn queue(&mut self) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(QUEUE).bind(self.tenant.as_str()).execute(db).await.map(drop)?);
        Ok(())
    }
}
