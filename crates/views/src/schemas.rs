//! The JSON Schemas in docs/schemas, made from the types: `UPDATE_EXPECT=1 cargo test -p
//! sysreel-views schemas` writes them.

use std::path::Path;

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use crate::view::{Document, View};

/// Returns the schema of a view's document.
fn document<V: View + JsonSchema>() -> (&'static str, Value) {
    (V::SCHEMA, schema_for!(Document<'_, V>).to_value())
}

/// Returns the schema of a line.
fn line<T: JsonSchema>(schema: &'static str) -> (&'static str, Value) {
    (schema, schema_for!(T).to_value())
}

#[test]
fn the_schemas_are_those_of_the_types() {
    let all = [
        document::<crate::fds::Fds>(),
        document::<crate::fds::OpenAt>(),
        document::<crate::lint::Lint>(),
        document::<crate::net::Net>(),
        document::<crate::show::Show>(),
        document::<crate::stat::Stat>(),
        document::<crate::waits::Blocked>(),
        document::<crate::waits::Waits>(),
        line::<crate::grep::Line<'_>>(crate::grep::Line::SCHEMA),
        line::<crate::stream::JsonPiece<'_>>(crate::stream::JsonPiece::SCHEMA),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    for (schema, mut value) in all {
        value["title"] = Value::from(schema);
        // The document says which schema it has.
        value["properties"]["schema"] = serde_json::json!({ "const": schema });
        let name = schema.trim_start_matches("sysreel/").replace('/', "-");
        let text = serde_json::to_string_pretty(&value).unwrap() + "\n";
        expect_test::expect_file![folder.join(format!("{name}.json"))].assert_eq(&text);
    }
}
