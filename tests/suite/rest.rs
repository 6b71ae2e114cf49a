//! What we ask of Twilio's REST API, and what we make of its answers.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::Request,
    http::{HeaderMap, StatusCode},
    routing::any,
};
use frontdesk::{
    domain::{conversation::CallSid, phone::E164},
    sim::{
        Faults,
        twilio::{Account, Exchange, numbers::Mishap},
    },
    telephony::{
        Settings,
        rest::{Credentials, Error, Rest},
    },
};

const ACCOUNT: &str = "AC00000000000000000000000000000001";

/// What a stand-in was asked: method and path, headers, body.
type Asked = Arc<Mutex<Vec<(String, HeaderMap, String)>>>;

/// A stand-in that answers everything alike.
async fn twilio(status: u16, body: &'static str) -> (Rest, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let answer = move |request: Request| async move {
        let line = format!("{} {}", request.method(), request.uri().path());
        let headers = request.headers().clone();
        let sent: Bytes = axum::body::to_bytes(request.into_body(), 10_000).await.unwrap();
        noted.lock().unwrap().push((line, headers, String::from_utf8(sent.to_vec()).unwrap()));
        (StatusCode::from_u16(status).unwrap(), body)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = Router::new().fallback(any(answer));
    #[expect(clippy::disallowed_methods, reason = "a stand-in that ends with its test")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    (rest(&format!("http://{addr}/")), asked)
}

fn settings(base_url: &str) -> Settings {
    Settings {
        base_url: base_url.parse().unwrap(),
        intelligence_base_url: base_url.parse().unwrap(),
        account_sid: ACCOUNT.to_owned(),
        auth_token: "12345".to_owned().into(),
        accounts: [("ACtheirs".to_owned(), "54321".to_owned().into())].into(),
        say_voices: [].into(),
        minute_prices: Default::default(),
        outbound_minute_prices: Default::default(),
    }
}

fn rest(base_url: &str) -> Rest {
    Rest::new(&settings(base_url)).unwrap()
}

fn who(account: &str) -> Credentials {
    settings("http://127.0.0.1:9").credentials_of(account).unwrap()
}

fn call() -> CallSid {
    format!("CA{:032x}", 7).parse().unwrap()
}

#[tokio::test]
async fn hanging_up_completes_the_call_for_the_account_it_belongs_to() {
    let (rest, asked) = twilio(200, "{\"status\":\"completed\"}").await;
    rest.hang_up(&who(ACCOUNT), &call()).await.unwrap();
    rest.hang_up(&who("ACtheirs"), &call()).await.unwrap();
    let asked = asked.lock().unwrap();
    let (line, headers, body) = &asked[0];
    assert_eq!(*line, format!("POST /2010-04-01/Accounts/{ACCOUNT}/Calls/{}.json", call()));
    assert_eq!(headers["authorization"], "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMToxMjM0NQ==");
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(body, "Status=completed");
    assert_eq!(asked[1].0, format!("POST /2010-04-01/Accounts/ACtheirs/Calls/{}.json", call()));
    assert_eq!(asked[1].1["authorization"], "Basic QUN0aGVpcnM6NTQzMjE=");
}

#[tokio::test]
async fn a_call_that_is_over_or_gone_is_as_good_as_hung_up() {
    for (status, body) in [(404, "{\"code\":20404}"), (404, "not json"), (400, "{\"code\":21220}")] {
        let (rest, _) = twilio(status, body).await;
        assert!(rest.hang_up(&who(ACCOUNT), &call()).await.is_ok(), "{status} {body}");
    }
}

#[tokio::test]
async fn every_other_answer_is_an_error_that_says_which() {
    type Right = fn(&Error) -> bool;
    let kinds: [(u16, &str, Right); 8] = [
        (429, "{\"code\":20429}", |error| matches!(error, Error::TooMany { retry_after: None })),
        (404, "{\"code\":20404}", |error| matches!(error, Error::NotFound)),
        (400, "{\"code\":20404}", |error| matches!(error, Error::NotFound)),
        (400, "{\"code\":21422}", |error| matches!(error, Error::NotAvailable)),
        (400, "{\"code\":21452}", |error| matches!(error, Error::NotAvailable)),
        (400, "{\"code\":20003}", |error| matches!(error, Error::Unauthorized)),
        (500, "<html>", |error| matches!(error, Error::Garbled(_))),
        (
            400,
            "{\"code\":21631,\"message\":\"an address is needed\"}",
            |error| matches!(error, Error::Refused { status: 400, code: 21631, reason } if reason == "an address is needed"),
        ),
    ];
    for (status, body, right) in kinds {
        let (rest, _) = twilio(status, body).await;
        let error = rest.check(&who(ACCOUNT)).await.unwrap_err();
        assert!(right(&error), "{status} {body}: {error:?}");
    }
    let (strict, asked) = twilio(401, "{\"code\":20003}").await;
    assert!(matches!(strict.check(&who(ACCOUNT)).await, Err(Error::Unauthorized)));
    assert_eq!(asked.lock().unwrap()[0].0, format!("GET /2010-04-01/Accounts/{ACCOUNT}.json"));
    assert!(matches!(settings("http://127.0.0.1:9").credentials_of("ACnobody"), Err(Error::NoToken)));
    assert!(matches!(rest("http://127.0.0.1:9").check(&who(ACCOUNT)).await, Err(Error::Away(_))));
}

#[tokio::test]
async fn what_an_account_owns_is_listed_page_by_page_and_a_number_is_found_only_by_itself() {
    let account = Account { sid: ACCOUNT.to_owned(), token: "12345".to_owned() };
    let faults = Faults::default();
    let exchange = Exchange::start(account, faults.clone()).await.unwrap();
    let numbers: Vec<String> = (0..120).map(|n| format!("+4930555{n:05}")).collect();
    for number in &numbers {
        exchange.own(ACCOUNT, number, &[]);
    }
    exchange.own("ACtheirs", "+493055599999", &[]);
    let (rest, who) = (rest(&exchange.base_url()), who(ACCOUNT));
    let (mut found, mut pages, mut next) = (vec![], 0, None);
    loop {
        let (owned, more) = rest.owned(&who, next.as_ref()).await.unwrap();
        found.extend(owned.into_iter().map(|owned| owned.number.to_string()));
        pages += 1;
        next = more;
        if next.is_none() {
            break;
        }
    }
    assert_eq!((found, pages), (numbers, 3));
    let own: E164 = "+493055500007".parse().unwrap();
    assert_eq!(rest.find(&who, &own).await.unwrap().unwrap().number, own);
    for other in ["+493055599999", "+4930555000"] {
        assert_eq!(rest.find(&who, &other.parse().unwrap()).await.unwrap(), None, "{other}");
    }
    exchange.go_wrong([Mishap::TooMany(17)]);
    let busy = rest.find(&who, &own).await;
    assert!(matches!(busy, Err(Error::TooMany { retry_after: Some(17) })), "{busy:?}");
    assert_eq!(faults.all(), [""; 0]);
}

#[test]
fn nobody_reads_a_token_in_the_log() {
    let shown = format!("{:?} {:?}", who(ACCOUNT), rest("http://127.0.0.1:9"));
    assert!(shown.contains(ACCOUNT) && !shown.contains("12345"), "{shown}");
}
