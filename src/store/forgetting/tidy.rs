//! What a database leaves of rows that went: overwritten or given back.
//!
//! SQLite overwrites what is deleted (`secure_delete`), but its log keeps old pages until it is emptied. PostgreSQL keeps rows
//! that went until they are vacuumed, which only the owner of the tables may ask for.

use sqlx::{Connection, Executor};

use super::{
    super::{Error, Pool, Store, texts, walls, writing},
    HOLDINGS,
};

texts! {
    @postgres VACUUM_ALL = "VACUUM (ANALYZE)";
    @postgres VACUUM_WORDS = "VACUUM (ANALYZE) turn_words";
    @sqlite EMPTY_THE_LOG = "PRAGMA wal_checkpoint(TRUNCATE)";
}

impl Store {
    /// Sees to it that nothing is left of rows that went: whether it could. What reads at the moment may be in the way. On
    /// PostgreSQL, of tables with rows of people who call, or of all.
    ///
    /// # Errors
    /// When the database cannot answer, or its owner is not let in.
    pub async fn tidy(&self, whole: bool) -> Result<bool, Error> {
        match &self.pool {
            Pool::Sqlite(pool, writers) => {
                let _writing = writing(writers).await?;
                let (busy, _, _): (i64, i64, i64) = sqlx::query_as(EMPTY_THE_LOG).fetch_one(pool).await?;
                Ok(busy == 0)
            }
            Pool::Postgres(_) => {
                let owner = self.owner.as_ref().ok_or(Error::Url)?;
                let mut db = walls::owner(&owner.options).await?;
                if whole {
                    db.execute(VACUUM_ALL).await?;
                } else {
                    for holding in HOLDINGS.iter().filter(|holding| holding.of_people()) {
                        db.execute(holding.vacuum).await?;
                    }
                    db.execute(VACUUM_WORDS).await?;
                }
                db.close().await?;
                Ok(true)
            }
        }
    }
}
