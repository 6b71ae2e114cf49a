//! Who may come in: registering, logging in, refreshing, leaving.

use serde_json::json;

use crate::support::office::{Office, PASSWORD};

#[tokio::test]
async fn whoever_registers_owns_a_tenant_and_is_in() {
    let office = Office::open().await;
    let wanted = json!({ "tenant": "Praxis Dr. Müller", "email": "Ada@Example.com", "password": PASSWORD });
    let answer = office.stranger().post("/auth/register", wanted).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body["token_type"], "bearer");
    assert_eq!(answer.body["expires_in"], 900);
    assert_eq!(answer.body["user"]["email"], "ada@example.com");
    assert_eq!(answer.body["tenant"]["slug"], "praxis-dr-mueller");
    assert_eq!(answer.body["tenant"]["role"], "owner");
    let ada = office.granted(answer.body);
    let me = ada.get("/users/me").await.well();
    assert_eq!(me["tenant"]["name"], "Praxis Dr. Müller");
    assert_eq!(me["memberships"].as_array().unwrap().len(), 1);
    assert_eq!(ada.get("/api/services").await.well()["items"], json!([]));
    let again = office.login("ADA@example.com").await;
    assert_eq!(again.tenant(), ada.tenant());
    office.server.stop().await;
}
