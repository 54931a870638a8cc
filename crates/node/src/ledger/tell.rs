//! What is found in a ledger, in words and as JSON.

use bitneuron_ledger::store::Logged;
use bitneuron_ledger::{Cause, Event, Receipt};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Pairs of a name and what stands there, in their order; a list of lines for a list.
pub(super) type Facts = Vec<(&'static str, Value)>;

/// Writes facts for people: one a line, lists below their names.
pub(super) fn people(facts: &Facts, out: &mut dyn Write) -> io::Result<()> {
    for (name, value) in facts {
        match value {
            Value::Array(items) if !items.is_empty() => {
                writeln!(out, "{name}")?;
                items.iter().try_for_each(|item| writeln!(out, "  {}", line(item)))?;
            }
            other => writeln!(out, "{name:<14} {}", line(other))?,
        }
    }
    Ok(())
}

fn line(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{name} {}", line(value));
            let rest = fields.iter().filter(|(name, _)| *name != KIND).map(field).collect::<Vec<_>>();
            // An event begins with what it is.
            match (fields.get(KIND), rest.is_empty()) {
                (Some(kind), true) => line(kind),
                (Some(kind), false) => format!("{}: {}", line(kind), rest.join(", ")),
                (None, _) => rest.join(", "),
            }
        }
        Value::Array(items) if !items.is_empty() => items.iter().map(line).collect::<Vec<_>>().join("; "),
        Value::Array(_) | Value::Null => "none".into(),
        other => other.to_string(),
    }
}

/// Writes facts for programs: one object.
pub(super) fn programs(facts: Facts, out: &mut dyn Write) -> io::Result<()> {
    let object: serde_json::Map<String, Value> =
        facts.into_iter().map(|(name, value)| (name.replace(' ', "_"), value)).collect();
    serde_json::to_writer_pretty(&mut *out, &object)?;
    writeln!(out)
}

/// The field that says of which kind an event is.
const KIND: &str = "event";

/// Anything as JSON: names as hexadecimal digits, amounts as decimal strings.
pub(super) fn plain(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// An event: its kind beside its fields.
pub(super) fn event(event: &Event) -> Value {
    let mut fields = match plain(event) {
        // Enums are objects with one member, named by the variant.
        Value::Object(named) => match named.into_iter().next() {
            Some((_, Value::Object(fields))) => fields,
            Some((_, other)) => Map::from_iter([("of".to_owned(), other)]),
            None => Map::new(),
        },
        _ => Map::new(),
    };
    fields.insert(KIND.to_owned(), json!(event.kind()));
    Value::Object(fields)
}

/// An event with its place.
pub(super) fn logged(logged: &Logged) -> Value {
    let Value::Object(mut fields) = event(&logged.event) else { return Value::Null };
    fields.insert("height".to_owned(), json!(logged.height.0));
    fields.insert("receipt".to_owned(), json!(logged.index));
    fields.insert("place".to_owned(), json!(logged.at));
    fields.insert("transaction".to_owned(), plain(&logged.transaction));
    Value::Object(fields)
}

/// A receipt.
pub(super) fn receipt(receipt: &Receipt) -> Value {
    let events: Vec<Value> = receipt.events.iter().map(event).collect();
    match &receipt.cause {
        Cause::Transaction { digest, by, gas, fee, tip } => json!({
            "height": receipt.height.0,
            "index": receipt.index,
            "transaction": digest.to_string(),
            "by": by.to_string(),
            "gas": gas,
            "fee": fee.0.to_string(),
            "tip": tip.0.to_string(),
            "events": events,
        }),
        Cause::Block => {
            json!({ "height": receipt.height.0, "index": receipt.index, "block": true, "events": events })
        }
    }
}

/// Bytes as text.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_lines_and_an_object() {
        let events = json!([{ "a": 1, "b": null, "c": [] }, "two"]);
        let facts: Facts = vec![("last block", json!(7)), ("events", events), ("deals", json!([]))];
        let (mut text, mut object) = (Vec::new(), Vec::new());
        people(&facts, &mut text).expect("memory");
        programs(facts, &mut object).expect("memory");
        assert_eq!(
            String::from_utf8(text).expect("text"),
            "last block     7\nevents\n  a 1, b none, c none\n  two\ndeals          none\n"
        );
        let object: Value = serde_json::from_slice(&object).expect("JSON");
        assert_eq!(object["last_block"], 7);
    }
}
