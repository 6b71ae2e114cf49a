//! Telephone numbers at Twilio: which are to be had, which an account owns, how they ring.
//!
//! Buying is not idempotent and Twilio has no key for it: who asks looks with [`Rest::find`] before every repeat.

use reqwest::Method;
use serde::Deserialize;

use super::{Credentials, Error, Rest, answered, read};
use crate::domain::phone::E164;

/// Numbers on a page of what an account owns.
const OWNED_PAGE: u32 = 50;

/// What sort of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of a town or a region.
    Local,
    /// Of a mobile network.
    Mobile,
    /// Free of charge for those who call.
    TollFree,
}

impl Kind {
    /// How Twilio's paths name it.
    fn path(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::Mobile => "Mobile",
            Self::TollFree => "TollFree",
        }
    }
}

/// What is looked for among the numbers that are to be had.
#[derive(Clone, Debug)]
pub struct Search {
    /// The country: two capital letters (ISO 3166-1).
    pub country: String,
    /// What sort.
    pub kind: Kind,
    /// The area code, in the United States and Canada.
    pub area_code: Option<String>,
    /// Digits the number has, `*` for any one of them.
    pub contains: Option<String>,
    /// How many at most.
    pub count_max: u32,
}

/// A number that is to be had. It is not reserved: somebody else may be faster.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The number.
    pub number: E164,
    /// The town, where known.
    pub locality: Option<String>,
    /// The region, where known.
    pub region: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// Whose address must be known to buy it: `none`, `any`, `local`, `foreign`.
    pub address: Option<String>,
    /// Whether it can be called.
    pub voice: bool,
    /// Whether the country's rules ask for more than that, so that it may not work at once.
    pub beta: bool,
}

/// A number an account owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Twilio's name for it (`PN…`).
    pub sid: String,
    /// The number.
    pub number: E164,
    /// Where Twilio announces its calls.
    pub voice_url: Option<String>,
    /// An application (`AP…`) that is asked instead of [`Owned::voice_url`].
    pub voice_application_sid: Option<String>,
    /// A SIP trunk (`TK…`) that gets its calls instead.
    pub trunk_sid: Option<String>,
}

/// Where Twilio asks when a number rings. Every request is a POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Where a call is announced.
    pub voice_url: String,
    /// Where it is announced when the first does not answer.
    pub fallback_url: String,
    /// Where it is told how a call went.
    pub status_url: String,
}

/// What is bought.
#[derive(Clone, Debug)]
pub struct Order<'o> {
    /// The number.
    pub number: &'o E164,
    /// The address (`AD…`) that countries ask for.
    pub address_sid: Option<&'o str>,
    /// The papers (`RN…`, `BU…`) that countries ask for.
    pub bundle_sid: Option<&'o str>,
}

#[derive(Deserialize)]
struct OfferedPage {
    available_phone_numbers: Vec<OfferedWire>,
}

#[derive(Deserialize)]
struct OfferedWire {
    phone_number: String,
    locality: Option<String>,
    region: Option<String>,
    iso_country: Option<String>,
    address_requirements: Option<String>,
    beta: Option<bool>,
    capabilities: Option<Capabilities>,
}

#[derive(Deserialize)]
struct Capabilities {
    #[serde(default)]
    voice: bool,
}

#[derive(Deserialize)]
struct OwnedPage {
    incoming_phone_numbers: Vec<OwnedWire>,
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
struct OwnedWire {
    sid: String,
    phone_number: String,
    voice_url: Option<String>,
    voice_application_sid: Option<String>,
    trunk_sid: Option<String>,
}

impl OwnedWire {
    fn owned(self) -> Result<Owned, Error> {
        let known = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Owned {
            number: self.phone_number.parse().map_err(|_| Error::Garbled("a number is none"))?,
            sid: self.sid,
            voice_url: known(self.voice_url),
            voice_application_sid: known(self.voice_application_sid),
            trunk_sid: known(self.trunk_sid),
        })
    }
}

impl Setup {
    fn form(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("VoiceUrl", &self.voice_url),
            ("VoiceMethod", "POST"),
            ("VoiceFallbackUrl", &self.fallback_url),
            ("VoiceFallbackMethod", "POST"),
            ("StatusCallback", &self.status_url),
            ("StatusCallbackMethod", "POST"),
        ]
    }
}

impl Rest {
    /// Numbers that are to be had and can be called.
    ///
    /// # Errors
    /// [`Error::NotFound`] when Twilio has no such numbers in that country.
    pub async fn available(&self, who: &Credentials, search: &Search) -> Result<Vec<Offered>, Error> {
        let count = search.count_max.to_string();
        let mut query = vec![("VoiceEnabled", "true"), ("PageSize", &count)];
        query.extend(search.area_code.as_deref().map(|code| ("AreaCode", code)));
        query.extend(search.contains.as_deref().map(|pattern| ("Contains", pattern)));
        let (account, country, kind) = (&who.account_sid, &search.country, search.kind.path());
        let query = query_of(&query);
        let path = format!("{account}/AvailablePhoneNumbers/{country}/{kind}.json?{query}");
        let page: OfferedPage = read(self.request(Method::GET, who, &path)).await?;
        let offered = page.available_phone_numbers.into_iter().filter_map(|one| {
            Some(Offered {
                // What is no telephone number cannot be bought as one.
                number: one.phone_number.parse().ok()?,
                locality: one.locality,
                region: one.region,
                country: one.iso_country,
                address: one.address_requirements,
                voice: one.capabilities.is_some_and(|can| can.voice),
                beta: one.beta.unwrap_or(false),
            })
        });
        let count_max = usize::try_from(search.count_max).unwrap_or(usize::MAX);
        Ok(offered.take(count_max).collect())
    }

    /// Buys a number, set up to ring here. Not to be repeated without having looked with [`Rest::find`].
    ///
    /// # Errors
    /// [`Error::NotAvailable`] when somebody else was faster. After [`Error::Away`] and [`Error::Garbled`] nobody
    /// knows whether it was bought.
    pub async fn buy(
        &self,
        who: &Credentials,
        order: &Order<'_>,
        setup: Option<&Setup>,
    ) -> Result<Owned, Error> {
        let mut form = vec![("PhoneNumber", order.number.as_str())];
        form.extend(setup.map(Setup::form).unwrap_or_default());
        form.extend(order.address_sid.map(|sid| ("AddressSid", sid)));
        form.extend(order.bundle_sid.map(|sid| ("BundleSid", sid)));
        let path = format!("{}/IncomingPhoneNumbers.json", who.account_sid);
        read::<OwnedWire>(self.request(Method::POST, who, &path).form(&form)).await?.owned()
    }

    /// The number, if the account owns it.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn find(&self, who: &Credentials, number: &E164) -> Result<Option<Owned>, Error> {
        let query = query_of(&[("PhoneNumber", number.as_str())]);
        let path = format!("{}/IncomingPhoneNumbers.json?{query}", who.account_sid);
        let page: OwnedPage = read(self.request(Method::GET, who, &path)).await?;
        let all = page.incoming_phone_numbers.into_iter().map(OwnedWire::owned);
        let all = all.collect::<Result<Vec<_>, _>>()?;
        // Twilio takes the number for a pattern.
        Ok(all.into_iter().find(|owned| owned.number == *number))
    }

    /// What the account owns: a page, and the token of the next one.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn owned(
        &self,
        who: &Credentials,
        page: Option<&NextPage>,
    ) -> Result<(Vec<Owned>, Option<NextPage>), Error> {
        let size = OWNED_PAGE.to_string();
        let mut query = vec![("PageSize", size.as_str())];
        if let Some(NextPage { page, token }) = page {
            query.extend([("Page", page.as_str()), ("PageToken", token)]);
        }
        let path = format!("{}/IncomingPhoneNumbers.json?{}", who.account_sid, query_of(&query));
        let page: OwnedPage = read(self.request(Method::GET, who, &path)).await?;
        let next = page.next_page_uri.as_deref().and_then(NextPage::of);
        let owned = page.incoming_phone_numbers.into_iter().map(OwnedWire::owned);
        Ok((owned.collect::<Result<_, _>>()?, next))
    }

    /// Has a number ring here. An application or a trunk that would be asked instead is taken off it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the account does not own it. Asking again does no harm.
    pub async fn configure(&self, who: &Credentials, sid: &str, setup: &Setup) -> Result<Owned, Error> {
        let mut form = setup.form();
        // Either makes Twilio ignore the voice URL (protocols.md §1.5).
        form.extend([("VoiceApplicationSid", ""), ("TrunkSid", ""), ("VoiceReceiveMode", "voice")]);
        let path = format!("{}/IncomingPhoneNumbers/{sid}.json", who.account_sid);
        read::<OwnedWire>(self.request(Method::POST, who, &path).form(&form)).await?.owned()
    }

    /// Gives a number back. One that the account does not own any more is as good as given back.
    ///
    /// # Errors
    /// Whatever stands in the way; asking again does no harm.
    pub async fn release(&self, who: &Credentials, sid: &str) -> Result<(), Error> {
        let path = format!("{}/IncomingPhoneNumbers/{sid}.json", who.account_sid);
        match answered(self.request(Method::DELETE, who, &path)).await {
            Err(Error::NotFound) => Ok(()),
            answer => answer.map(drop),
        }
    }
}

pub(super) fn query_of(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Where a list goes on, as Twilio says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextPage {
    page: String,
    token: String,
}

impl NextPage {
    /// Only what the list goes on by is taken from the link: it may not lead elsewhere.
    fn of(uri: &str) -> Option<Self> {
        let (_, query) = uri.split_once('?')?;
        let value = |wanted: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        Some(Self { page: value("Page")?, token: value("PageToken")? })
    }
}
