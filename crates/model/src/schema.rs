//! JSON Schemas of the operator's files, for editors. They are made from the
//! same tables that the files are checked with.

use crate::decode::{inventory, profile, role_shape, spec};
use crate::shape::{Object, Shape};
use serde_json::{Map, Value, json};

/// Every schema with the name of its file in `docs/schema/`.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        (
            "inventory.schema.json",
            document("Inventory", &inventory::INVENTORY),
        ),
        (
            "profile.schema.json",
            document("Profile", &profile::PROFILE),
        ),
        ("role.schema.json", document("Role", &role_shape::ROLE)),
        ("spec.schema.json", document("Spec", &spec::SPEC)),
    ]
}

fn document(title: &str, object: &Object) -> Value {
    let mut schema = of_object(object);
    if let Value::Object(fields) = &mut schema {
        fields.insert(
            "$schema".to_owned(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        fields.insert("title".to_owned(), title.into());
    }
    schema
}

fn of_object(object: &Object) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in object.fields {
        let mut schema = of_shape(field.shape);
        if let Value::Object(parts) = &mut schema {
            parts.insert("description".to_owned(), field.help.into());
        }
        properties.insert(field.key.to_owned(), schema);
        if field.required {
            required.push(field.key);
        }
    }
    json!({
        "type": "object",
        "description": object.help,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Scalars are taken as text, whatever YAML makes of them.
fn of_shape(shape: Shape) -> Value {
    match shape {
        Shape::Text => json!({"type": ["string", "number", "boolean"]}),
        Shape::Name => {
            json!({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9._-]*$", "maxLength": 64})
        }
        Shape::Path => json!({"type": "string", "pattern": "^/"}),
        Shape::Integer { min, max } => {
            let mut schema = json!({"type": "integer"});
            if let Value::Object(parts) = &mut schema {
                if min != i64::MIN {
                    parts.insert("minimum".to_owned(), min.into());
                }
                if max != i64::MAX {
                    parts.insert("maximum".to_owned(), max.into());
                }
            }
            schema
        }
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Mode => json!({"type": ["string", "integer"], "pattern": "^(0o)?[0-7]{3,4}$"}),
        Shape::Duration => json!({"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}),
        Shape::Word(words) => json!({"enum": words}),
        Shape::List(item) => json!({"type": "array", "items": of_shape(*item)}),
        Shape::OneOrMore(item) => {
            let one = of_shape(*item);
            json!({"anyOf": [one, {"type": "array", "items": one}]})
        }
        Shape::Map(value) => json!({
            "type": "object",
            "propertyNames": of_shape(Shape::Name),
            "additionalProperties": of_shape(*value),
        }),
        Shape::FreeMap(value) => {
            json!({"type": "object", "additionalProperties": of_shape(*value)})
        }
        Shape::Object(object) => of_object(object),
        Shape::TextOr(object) => json!({"anyOf": [of_shape(Shape::Text), of_object(object)]}),
        Shape::Any => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_has_a_schema_that_forbids_unknown_keys() {
        let schemas = schemas();
        assert_eq!(schemas.len(), 4);
        for (name, schema) in schemas {
            assert_eq!(schema["additionalProperties"], false, "{name}");
            assert!(
                schema["properties"]
                    .as_object()
                    .is_some_and(|all| all.len() > 3)
            );
        }
    }
}
