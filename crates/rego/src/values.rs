//! JSON as the evaluator's values. What it reads itself it takes apart by more than JSON says: an object with one certain member becomes a
//! number, of as many digits as a caller likes to write.

use serde_json::Value as Json;

use regorus::Value;

/// Numbers are those that JSON has here: integers of 64 bits, and others as they are nearest.
pub(super) fn of_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(bool) => Value::from(*bool),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Value::from(number),
            (_, Some(number), _) => Value::from(number),
            (.., Some(number)) => Value::from(number),
            _ => Value::Undefined,
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(of_json).collect::<Vec<_>>()),
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (Value::from(name.as_str()), of_json(value)));
            Value::from(members.collect::<std::collections::BTreeMap<_, _>>())
        }
    }
}
