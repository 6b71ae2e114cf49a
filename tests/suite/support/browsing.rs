//! Somebody who uses the console without scripts: keeps cookies, follows where they are sent, fills in forms as they stand.

use std::{collections::BTreeMap, net::SocketAddr};

use reqwest::{Client, Method, header, redirect};
use scraper::{ElementRef, Html, Selector};

use super::office::{Office, PASSWORD};

/// Pages somebody is sent on to in a row, at most.
const SENT_ON_MAX: usize = 5;

/// Somebody with a browser.
#[derive(Clone, Debug)]
pub struct Browsing {
    client: Client,
    addr: SocketAddr,
    cookies: BTreeMap<String, String>,
    language: &'static str,
}

/// A page that came.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The status.
    pub status: u16,
    /// Where it is: path and query.
    pub path: String,
    /// The head.
    pub headers: header::HeaderMap,
    /// All of it.
    pub text: String,
}

impl Browsing {
    /// A stranger who reads this language.
    pub fn at(addr: SocketAddr, language: &'static str) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, addr, cookies: BTreeMap::new(), language }
    }

    /// Whoever has that address at the office, signed in, reading this language.
    pub async fn signed_in(office: &Office, email: &str, language: &'static str) -> Self {
        let mut browsing = Self::at(office.server.addr, language);
        let page = browsing.get("/console/entry/login").await;
        let page = browsing.submit(&page, "main form", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(page.status, 200, "{}", page.text);
        browsing
    }

    /// What the browser keeps, such as a session.
    pub fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    /// Loses what it keeps under that name.
    pub fn lose(&mut self, cookie: &str) {
        self.cookies.remove(cookie);
    }

    /// A page.
    pub async fn get(&mut self, path: &str) -> Shown {
        self.ask(Method::GET, path, None, None).await
    }

    /// What is no page, such as sound: its head and all of it.
    pub async fn bytes(&mut self, path: &str) -> (header::HeaderMap, Vec<u8>) {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.client.get(format!("http://{}{path}", self.addr));
        let answer = request.header(header::COOKIE, cookies.join("; ")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        (answer.headers().clone(), answer.bytes().await.unwrap().to_vec())
    }

    /// A form's fields, sent from a page of ours.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let origin = format!("http://{}", self.addr);
        self.post_from(path, fields, Some(&origin)).await
    }

    /// The same from a page of that origin, or of none.
    pub async fn post_from(&mut self, path: &str, fields: &[(&str, &str)], origin: Option<&str>) -> Shown {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.ask(Method::POST, path, Some(body), origin).await
    }

    /// Sends a form of the page, chosen by this selector, with what stands in it and these changes: a field named here gets
    /// this value in place of what it had; an empty value unticks a box.
    pub async fn submit(&mut self, page: &Shown, form: &str, changes: &[(&str, &str)]) -> Shown {
        let (method, action, mut fields) = page.form(form);
        for (name, value) in changes {
            fields.retain(|(field, _)| field != name);
            if !value.is_empty() || !name.is_empty() {
                fields.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        let action = if action.is_empty() { page.path.clone() } else { action };
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if method == "get" {
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            return self.get(&format!("{}?{query}", action.split('?').next().unwrap())).await;
        }
        self.post(&action, &fields).await
    }

    async fn ask(&mut self, method: Method, path: &str, body: Option<String>, origin: Option<&str>) -> Shown {
        let (mut method, mut path, mut body) = (method, path.to_owned(), body);
        for _ in 0..SENT_ON_MAX {
            let cookies: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let mut request = self
                .client
                .request(method.clone(), format!("http://{}{path}", self.addr))
                .header(header::ACCEPT_LANGUAGE, self.language)
                .header(header::COOKIE, cookies.join("; "));
            if let Some(origin) = origin.filter(|_| method == Method::POST) {
                request = request.header(header::ORIGIN, origin);
            }
            if let Some(body) = body.take() {
                request =
                    request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
            }
            let answer = request.send().await.unwrap();
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            for cookie in headers.get_all(header::SET_COOKIE) {
                let whole = cookie.to_str().unwrap();
                let (name, value) = whole.split(';').next().unwrap().split_once('=').unwrap();
                if value.is_empty() || whole.contains("Max-Age=0") {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            let onward = headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
            match onward {
                Some(to) if status == 303 && to.starts_with('/') => (method, path) = (Method::GET, to),
                _ => return Shown { status, path, headers, text: answer.text().await.unwrap() },
            }
        }
        panic!("sent on and on: {path}");
    }
}

impl Shown {
    /// The page, read.
    fn html(&self) -> Html {
        Html::parse_document(&self.text)
    }

    /// The text of everything that fits the selector, in the page's order, blanks made one.
    pub fn all(&self, selector: &str) -> Vec<String> {
        self.html().select(&Selector::parse(selector).unwrap()).map(|one| plain(&one)).collect()
    }

    /// The text of what fits the selector.
    #[track_caller]
    pub fn one(&self, selector: &str) -> String {
        self.all(selector).into_iter().next().unwrap_or_else(|| panic!("no `{selector}` in {}", self.text))
    }

    /// Whether something fits the selector.
    pub fn has(&self, selector: &str) -> bool {
        !self.all(selector).is_empty()
    }

    /// An attribute of the first that fits the selector and has it.
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let html = self.html();
        html.select(&Selector::parse(selector).unwrap()).find_map(|one| one.attr(name)).map(str::to_owned)
    }

    /// The page's heading.
    #[track_caller]
    pub fn heading(&self) -> String {
        self.one("h1")
    }

    /// What was done by the page before.
    pub fn told(&self) -> String {
        self.all("#told").join(" ")
    }

    /// What the summary above a form says is wrong.
    pub fn wrongs(&self) -> Vec<String> {
        self.all("#summary li")
    }

    /// A form as a browser would send it: its method, where to, and its fields.
    #[track_caller]
    fn form(&self, selector: &str) -> (String, String, Vec<(String, String)>) {
        let html = self.html();
        let all = Selector::parse(selector).unwrap();
        let form =
            html.select(&all).next().unwrap_or_else(|| panic!("no form `{selector}` in {}", self.text));
        Self::read(&form)
    }

    /// Where the page's links lead to in the console, without what stands behind a mark.
    pub fn links(&self) -> Vec<String> {
        let html = self.html();
        let all = Selector::parse("a[href^='/console']").unwrap();
        let links = html.select(&all).filter_map(|one| one.attr("href"));
        links.map(|link| link.split('#').next().unwrap().to_owned()).collect()
    }

    /// Where the page's forms that change something lead to, with what stands in them and what their first button says.
    pub fn forms(&self) -> Vec<(String, Vec<(String, String)>)> {
        let html = self.html();
        let all = Selector::parse("form[method='post']").unwrap();
        let button = Selector::parse("button[name]").unwrap();
        let forms = html.select(&all).map(|form| {
            let (_, action, mut fields) = Self::read(&form);
            fields.extend(form.select(&button).next().map(|button| {
                let of = |name: &str| button.attr(name).unwrap_or_default().to_owned();
                (of("name"), of("value"))
            }));
            (action, fields)
        });
        forms.collect()
    }

    fn read(form: &ElementRef<'_>) -> (String, String, Vec<(String, String)>) {
        let mut fields = vec![];
        for field in form.select(&Selector::parse("input[name], textarea[name], select[name]").unwrap()) {
            let name = field.attr("name").unwrap().to_owned();
            match (field.value().name(), field.attr("type")) {
                ("select", _) => {
                    let options = Selector::parse("option").unwrap();
                    let chosen = field.select(&options).find(|one| one.attr("selected").is_some());
                    if let Some(option) = chosen.or_else(|| field.select(&options).next()) {
                        fields.push((name, option.attr("value").unwrap_or_default().to_owned()));
                    }
                }
                ("textarea", _) => fields.push((name, field.text().collect::<String>())),
                (_, Some("checkbox" | "radio")) if field.attr("checked").is_none() => {}
                (_, Some("submit")) => {}
                _ => fields.push((name, field.attr("value").unwrap_or_default().to_owned())),
            }
        }
        let method = form.attr("method").unwrap_or("get").to_owned();
        (method, form.attr("action").unwrap_or_default().to_owned(), fields)
    }
}

fn plain(one: &ElementRef<'_>) -> String {
    one.text().flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}
