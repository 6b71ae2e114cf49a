//! Pages of calendars, of what takes place in a range, and of what has changed (protocols.md §4.2).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    World,
    graph::{Asked, error, expands, gone},
};

pub(super) fn calendars(world: &World, account: &str, asked: &Asked<'_>) -> Response {
    let folders = world.mailboxes.get(account).map(|mailbox| mailbox.folders.as_slice()).unwrap_or_default();
    let skip: usize = asked.field("$skip").and_then(|skip| skip.parse().ok()).unwrap_or(0);
    let size = asked.page_size();
    let items: Vec<Value> = folders
        .iter()
        .skip(skip)
        .take(size)
        .map(|folder| {
            json!({
                "id": folder.id, "name": folder.name, "canEdit": folder.can_edit, "isDefaultCalendar": folder.main,
                "owner": { "name": account, "address": account },
            })
        })
        .collect();
    let mut answer = json!({ "value": items });
    if folders.len() > skip + size {
        answer["@odata.nextLink"] = format!("{}?$top={size}&$skip={}", asked.base, skip + size).into();
    }
    Json(answer).into_response()
}

pub(super) fn view(world: &mut World, account: &str, calendar: &str, asked: &Asked<'_>) -> Response {
    let Some((from, until)) = asked.range() else { return error(400, "ErrorInvalidRequest") };
    let Some(folder) = world.mailboxes.get_mut(account).and_then(|mailbox| mailbox.folder(calendar)) else {
        return gone();
    };
    let skip: usize = asked.field("$skip").and_then(|skip| skip.parse().ok()).unwrap_or(0);
    let size = asked.page_size();
    let ids = folder.items(from, until);
    let items: Vec<Value> =
        ids.iter().skip(skip).take(size).filter_map(|id| folder.shown(id, expands(asked))).collect();
    let mut answer = json!({ "value": items });
    if ids.len() > skip + size {
        let mut link = form_urlencoded::Serializer::new(String::new());
        link.extend_pairs(asked.query.iter().filter(|(name, _)| name != "$skip"));
        link.append_pair("$skip", &(skip + size).to_string());
        answer["@odata.nextLink"] = format!("{}?{}", asked.base, link.finish()).into();
    }
    Json(answer).into_response()
}

/// A page of changes. A mark tells the epoch, the window, behind which change the round began, and how far the page is:
/// `first` by beginning and id while everything is told, later by change.
pub(super) fn delta(world: &mut World, account: &str, calendar: &str, asked: &Asked<'_>) -> Response {
    for never in ["$select", "$filter", "$orderby", "$expand", "$search"] {
        if asked.field(never).is_some() {
            return error(400, "ErrorInvalidUrlQuery");
        }
    }
    let size = asked.page_size();
    let Some(folder) = world.mailboxes.get_mut(account).and_then(|mailbox| mailbox.folder(calendar)) else {
        return gone();
    };
    let mark = asked.field("$skiptoken").or_else(|| asked.field("$deltatoken"));
    let (window, round) = match mark {
        None => match asked.range() {
            Some(window) => (window, Round::First { began: folder.change, after: None }),
            None => return error(400, "ErrorInvalidRequest"),
        },
        Some(mark) => match read_mark(mark) {
            Some((epoch, window, round)) if epoch == folder.epoch => (window, round),
            Some(_) => return error(410, "SyncStateNotFound"),
            None => return error(400, "ErrorInvalidSyncStateData"),
        },
    };
    let link = |token: &str, round: &Round| -> Value {
        let mut link = form_urlencoded::Serializer::new(String::new());
        link.append_pair(token, &write_mark(folder.epoch, window, round));
        format!("{}?{}", asked.base, link.finish()).into()
    };
    let mut answer = json!({});
    let items: Vec<Value> = match round {
        Round::First { began, after } => {
            let ids = folder.within(window.0, window.1, after.as_ref());
            let page: Vec<_> = ids.iter().take(size).collect();
            match page.last().filter(|_| ids.len() > size) {
                Some(last) => {
                    let round = Round::First { began, after: Some((*last).clone()) };
                    answer["@odata.nextLink"] = link("$skiptoken", &round);
                }
                None => answer["@odata.deltaLink"] = link("$deltatoken", &Round::Later { behind: began }),
            }
            page.iter().flat_map(|(_, id)| folder.told(None, id, window.0, window.1)).collect()
        }
        Round::Later { behind } => {
            let changed: Vec<(u64, &String)> = folder.changed(behind).take(size + 1).collect();
            let page = &changed[..changed.len().min(size)];
            let last = page.last().map_or(behind, |(change, _)| *change);
            let token = if changed.len() > size { "$skiptoken" } else { "$deltatoken" };
            let name = if changed.len() > size { "@odata.nextLink" } else { "@odata.deltaLink" };
            answer[name] = link(token, &Round::Later { behind: last });
            let told = |(change, id): &(u64, &String)| folder.told(Some(*change), id, window.0, window.1);
            page.iter().flat_map(told).collect()
        }
    };
    answer["value"] = items.into();
    Json(answer).into_response()
}

enum Round {
    First { began: u64, after: Option<(i64, String)> },
    Later { behind: u64 },
}

fn write_mark(epoch: u64, window: (i64, i64), round: &Round) -> String {
    let (kind, number, start, id) = match round {
        Round::First { began, after: None } => ("f", *began, i64::MIN, ""),
        Round::First { began, after: Some((start, id)) } => ("f", *began, *start, id.as_str()),
        Round::Later { behind } => ("l", *behind, 0, ""),
    };
    format!("{epoch}.{}.{}.{kind}.{number}.{start}.{id}", window.0, window.1)
}

fn read_mark(mark: &str) -> Option<(u64, (i64, i64), Round)> {
    let mut parts = mark.splitn(7, '.');
    let epoch = parts.next()?.parse().ok()?;
    let window = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let kind = parts.next()?;
    let number = parts.next()?.parse().ok()?;
    let (start, id): (i64, &str) = (parts.next()?.parse().ok()?, parts.next()?);
    let round = match kind {
        "f" if id.is_empty() => Round::First { began: number, after: None },
        "f" => Round::First { began: number, after: Some((start, id.to_owned())) },
        "l" => Round::Later { behind: number },
        _ => return None,
    };
    Some((epoch, window, round))
}
