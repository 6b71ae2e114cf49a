//! The people who may come in, whichever tenants they belong to.

use std::fmt;

use sqlx::FromRow;

use super::super::{Error, Users, on, rows, texts};
use crate::domain::{assistant::Language, email::Email, id::UserId, time::Timestamp};

texts! {
    GET = "SELECT id, email, name, password_hash, language, operator, created_at FROM users WHERE id = $1";
    BY_EMAIL = "SELECT id, email, name, password_hash, language, operator, created_at FROM users WHERE email = $1";
    ADD = "INSERT INTO users (id, email, password_hash, language, operator, created_at, name)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    SET_PASSWORD = "UPDATE users SET password_hash = $2 WHERE id = $1";
    REPLACE_PASSWORD = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    SET_OPERATOR = "UPDATE users SET operator = $2 WHERE id = $1";
    SET_NAME = "UPDATE users SET name = $2 WHERE id = $1";
    SET_LANGUAGE = "UPDATE users SET language = $2 WHERE id = $1";
}

/// A person who can log in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Her id.
    pub id: UserId,
    /// Where mail reaches her; unique over all.
    pub email: Email,
    /// What those she works with call her; empty when she has not said.
    pub name: String,
    /// Her password's hash, in the text form that names its own parameters.
    pub password_hash: String,
    /// The language she is written to in.
    pub language: Language,
    /// Whether she runs the platform.
    pub operator: bool,
    /// Since when she is known.
    pub created_at: Timestamp,
}

impl User {
    /// What those she works with know her by: her name, or her address where she has not said it.
    pub fn called(&self) -> &str {
        if self.name.is_empty() { self.email.as_str() } else { &self.name }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("operator", &self.operator).finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct UserRow {
    id: String,
    email: String,
    name: String,
    password_hash: String,
    language: String,
    operator: bool,
    created_at: i64,
}

impl TryFrom<UserRow> for User {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "users.id")?,
            email: rows::text(&row.email, "users.email")?,
            name: row.name,
            password_hash: row.password_hash,
            language: rows::text(&row.language, "users.language")?,
            operator: row.operator,
            created_at: Timestamp(row.created_at),
        })
    }
}

impl Users<'_> {
    /// The person of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &UserId) -> Result<Option<User>, Error> {
        let row: Option<UserRow> =
            on!(self.tx, db => sqlx::query_as(GET).bind(id.as_str()).fetch_optional(db).await?);
        row.map(User::try_from).transpose()
    }

    /// The person of that address.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_email(&mut self, email: &Email) -> Result<Option<User>, Error> {
        let row: Option<UserRow> =
            on!(self.tx, db => sqlx::query_as(BY_EMAIL).bind(email.as_str()).fetch_optional(db).await?);
        row.map(User::try_from).transpose()
    }

    /// Keeps a person who was not known.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when somebody has her address.
    pub async fn add(&mut self, user: &User) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD)
            .bind(user.id.as_str())
            .bind(user.email.as_str())
            .bind(user.password_hash.as_str())
            .bind(user.language.code())
            .bind(user.operator)
            .bind(user.created_at.0)
            .bind(user.name.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Gives her another password.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn set_password(&mut self, id: &UserId, hash: &str) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(SET_PASSWORD).bind(id.as_str()).bind(hash).execute(db).await.map(drop)?);
        Ok(())
    }

    /// Keeps another hash of the same password; whether the old one was still hers.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn rehash(&mut self, id: &UserId, old: &str, hash: &str) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(REPLACE_PASSWORD)
            .bind(id.as_str())
            .bind(old)
            .bind(hash)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// Makes her an operator, or none.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn set_operator(&mut self, id: &UserId, operator: bool) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(SET_OPERATOR)
            .bind(id.as_str())
            .bind(operator)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Keeps what she is called.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn set_name(&mut self, id: &UserId, name: &str) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(SET_NAME).bind(id.as_str()).bind(name).execute(db).await.map(drop)?);
        Ok(())
    }

    /// Keeps in which language she is written to.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn set_language(&mut self, id: &UserId, language: Language) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(SET_LANGUAGE)
            .bind(id.as_str())
            .bind(language.code())
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
