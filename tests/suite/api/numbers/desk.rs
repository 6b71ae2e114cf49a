//! A server whose Twilio is the stand-in, and what the published description says of what they told each other.

use frontdesk::{
    app::accounts::Accounts,
    boot,
    platform::clock::Clock,
    sim::{
        Faults,
        twilio::{Account, Exchange, numbers::Request, signature},
    },
};
use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    house::House,
    office::{Answer, Asker, Office, sent},
    specs::{errors, spec},
};

/// Where Twilio reaches the server, by its configuration.
pub const PUBLIC: &str = "https://voice.example.com";
/// The operator's account.
pub const OPERATOR: (&str, &str) = ("AC00000000000000000000000000000001", "12345");
/// A tenant's own account.
pub const OWN: (&str, &str) = ("AC000000000000000000000000000000aa", "0123456789abcdef0123456789abcdef");
/// What can be bought.
pub const OFFERED: [&str; 3] = ["+493055501001", "+493055501002", "+493055501003"];

/// A server and its Twilio.
pub struct Desk {
    /// The server, and who uses it.
    pub office: Office,
    /// Twilio.
    pub exchange: Exchange,
    faults: Faults,
}

impl Desk {
    /// Where three numbers are for sale.
    pub async fn open() -> Self {
        Self::open_in(House::new()).await
    }

    /// The same on this database.
    pub async fn open_in(house: House) -> Self {
        let faults = Faults::default();
        let account = Account { sid: OPERATOR.0.to_owned(), token: OPERATOR.1.to_owned() };
        let exchange = Exchange::start(account, faults.clone()).await.unwrap();
        exchange.know(Account { sid: OWN.0.to_owned(), token: OWN.1.to_owned() });
        exchange.offer(OFFERED);
        let house = house.ready_for_calls().with("TWILIO__BASE_URL", &exchange.base_url());
        Self { office: Office::open_in(house).await, exchange, faults }
    }

    /// What the server's jobs ask Twilio with.
    pub async fn accounts(&self) -> Accounts {
        let (config, store) = (self.office.house.config(), &self.office.server.store);
        let keys = boot::keys(&config, store, Clock::system()).await.unwrap();
        boot::accounts(&config, store, &keys).unwrap()
    }

    /// Orders a number, under a key.
    pub async fn buy(&self, by: &Asker, key: &str, wanted: Value) -> Answer {
        sent(by.request(Method::POST, "/api/numbers").header("Idempotency-Key", key).json(&wanted)).await
    }

    /// An assistant that is live.
    pub async fn assistant(&self, by: &Asker) -> String {
        let wanted = json!({
            "name": "Empfang", "language": "de", "opening": { "de": "Guten Tag!" }, "status": "live"
        });
        let made = by.post("/api/assistants", wanted).await.well();
        made["id"].as_str().unwrap().to_owned()
    }

    /// Lets the `n`th call ring; the status of the answer and the names of the document's verbs.
    pub async fn ring(&self, account: (&str, &str), n: u32, to: &str) -> (u16, Vec<String>) {
        let form: Vec<(String, String)> = [
            ("AccountSid", account.0),
            ("CallSid", &format!("CA{n:032x}")),
            ("From", "+4915112345678"),
            ("To", to),
            ("CallStatus", "ringing"),
            ("Direction", "inbound"),
            ("ApiVersion", "2010-04-01"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let signature = signature(account.1, &format!("{PUBLIC}/twilio/voice"), &form);
        let answer = reqwest::Client::new()
            .post(format!("http://{}/twilio/voice", self.office.server.addr))
            .header("X-Twilio-Signature", signature)
            .form(&form)
            .send()
            .await
            .unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        let Ok(document) = roxmltree::Document::parse(&text) else { return (status, vec![]) };
        let verbs = document.root_element().children().filter(roxmltree::Node::is_element);
        (status, verbs.map(|verb| verb.tag_name().name().to_owned()).collect())
    }

    /// Ends it, and holds what both sides said to the published description.
    pub async fn close(self) {
        self.office.server.stop().await;
        assert_eq!(self.faults.all(), [""; 0]);
        let Some(api) = spec("twilio-voice.openapi.json") else { return };
        for request in self.exchange.asked() {
            let wrong = wrong(&api, &request);
            assert_eq!(wrong, [""; 0], "{} {}", request.method, request.path);
        }
    }
}

/// What of a request and its answer is not as Twilio describes it.
fn wrong(api: &Value, request: &Request) -> Vec<String> {
    let parts: Vec<&str> = request.path.split('/').collect();
    let path = match parts[..] {
        ["AvailablePhoneNumbers", _, kind] => format!("AvailablePhoneNumbers/{{CountryCode}}/{kind}"),
        ["IncomingPhoneNumbers", _] => "IncomingPhoneNumbers/{Sid}.json".to_owned(),
        _ => request.path.clone(),
    };
    let path = format!("/2010-04-01/Accounts/{{AccountSid}}/{path}");
    let operation = &api["paths"][&path][request.method.to_lowercase()];
    assert!(operation.is_object(), "{} {path} is not described", request.method);
    let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    let form = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
    let mut wrong = vec![];
    for (name, value) in &request.form {
        let parameter = parameters.iter().find(|one| one["name"] == **name && one["in"] == "query");
        let schema = parameter.map_or(&form["properties"][name], |one| &one["schema"]);
        if !schema.is_object() {
            wrong.push(format!("{name} is unknown"));
        } else if schema["type"] == "string" && !value.is_empty() {
            // An empty text takes a value away.
            let faults = errors(&validator(api, schema), &json!(value));
            wrong.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
        }
    }
    if !request.answer.is_null() {
        let responses = operation["responses"].as_object().unwrap();
        let schema = responses.values().next().unwrap()["content"]["application/json"]["schema"].clone();
        wrong.extend(errors(&validator(api, &schema), &request.answer));
    }
    wrong
}

fn validator(api: &Value, schema: &Value) -> Validator {
    let mut whole = json!({ "allOf": [schema], "components": api["components"] });
    nullable(&mut whole);
    jsonschema::draft202012::new(&whole).unwrap()
}

/// From the words of OpenAPI 3.0 to those of JSON Schema.
fn nullable(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("nullable") == Some(&json!(true)) {
                if let Some(kind) = map.get("type").cloned() {
                    map.insert("type".to_owned(), json!([kind, "null"]));
                }
                if let Some(Value::Array(words)) = map.get_mut("enum") {
                    words.push(Value::Null);
                }
            }
            map.values_mut().for_each(nullable);
        }
        Value::Array(list) => list.iter_mut().for_each(nullable),
        _ => {}
    }
}

#[test]
fn what_the_description_does_not_know_is_noticed() {
    let Some(api) = spec("twilio-voice.openapi.json") else { return };
    let request = |form: &[(&str, &str)], answer: Value| Request {
        method: "POST".to_owned(),
        path: "IncomingPhoneNumbers.json".to_owned(),
        form: form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        answer,
    };
    let right = request(&[("PhoneNumber", "+493055501001")], json!({ "sid": format!("PN{:032x}", 1) }));
    assert_eq!(wrong(&api, &right), [""; 0]);
    for (form, answer) in [
        (("Number", "+493055501001"), Value::Null),
        (("BundleSid", "BU1"), Value::Null),
        (("VoiceMethod", "PATCH"), Value::Null),
        (("PhoneNumber", "+493055501001"), json!({ "sid": "PN1" })),
        (("PhoneNumber", "+493055501001"), json!({ "capabilities": { "voice": "yes" } })),
    ] {
        assert_ne!(wrong(&api, &request(&[form], answer)), [""; 0], "{form:?}");
    }
}
