//! Partial answers: `fields=items(id,start),nextPageToken`, as all of Google's APIs take it.

use serde_json::{Map, Value};

/// What `fields` leaves of `value`, or `None` when it cannot be read.
pub(super) fn partial(value: &Value, fields: &str) -> Option<Value> {
    let mut rest = fields;
    let tree = read(&mut rest)?;
    rest.is_empty().then(|| tree.pick(value))
}

/// A selection; an empty one is everything.
#[derive(Default)]
struct Tree(Vec<(String, Tree)>);

impl Tree {
    fn pick(&self, value: &Value) -> Value {
        if self.0.is_empty() {
            return value.clone();
        }
        match value {
            Value::Array(items) => items.iter().map(|item| self.pick(item)).collect(),
            Value::Object(object) => {
                let picked = self.0.iter().filter_map(|(name, below)| {
                    object.get(name).map(|value| (name.clone(), below.pick(value)))
                });
                Value::Object(picked.collect::<Map<_, _>>())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        }
    }
}

/// A list of selections, up to its end or a closing bracket.
fn read(rest: &mut &str) -> Option<Tree> {
    let mut tree = Tree::default();
    loop {
        tree.0.push(read_one(rest)?);
        match rest.strip_prefix(',') {
            Some(more) => *rest = more,
            None => return Some(tree),
        }
    }
}

fn read_one(rest: &mut &str) -> Option<(String, Tree)> {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (name, more) = rest.split_at(end);
    if name.is_empty() {
        return None;
    }
    *rest = more;
    let below = if let Some(more) = rest.strip_prefix('/') {
        *rest = more;
        Tree(vec![read_one(rest)?])
    } else if let Some(more) = rest.strip_prefix('(') {
        *rest = more;
        let below = read(rest)?;
        *rest = rest.strip_prefix(')')?;
        below
    } else {
        Tree::default()
    };
    Some((name.to_owned(), below))
}
