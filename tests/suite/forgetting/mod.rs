//! Forgetting: what has been kept for long enough, people who ask for it, tenants that go; and copies of what is known.

mod at_twilio;
mod by_telephone;
mod copies;
mod erasing;
mod ground;
mod purging;
mod tables;

/// Runs each test on both databases.
macro_rules! on_both_grounds {
    ($($(#[$meta:meta])* async fn $name:ident($ground:ident: Ground) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn promise($ground: $crate::forgetting::ground::Ground) $body

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                promise($crate::forgetting::ground::Ground::on_sqlite().await).await;
            }

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                promise($crate::forgetting::ground::Ground::on_postgres().await).await;
            }
        }
    )*};
}
use on_both_grounds;
