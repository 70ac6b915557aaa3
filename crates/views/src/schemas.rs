//! The JSON Schemas in docs/schemas, made from the types: `UPDATE_EXPECT=1 cargo test -p
//! sysreel-views schemas` writes them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, schema_for};
use serde_json::Value;

use crate::view::{Document, View};

/// Types that serialize themselves, each with a type that has the same JSON.
macro_rules! same_json {
    ($($own:ty: $same:ty),* $(,)?) => {$(
        impl JsonSchema for $own {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                <$same>::schema_name()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$same>::json_schema(generator)
            }
        }
    )*};
}

same_json! {
    crate::environment::Variables: Vec<crate::environment::Variable>,
    crate::files::Errors: BTreeMap<String, u64>,
    crate::files::UseNames: Vec<String>,
    crate::files::Uses: BTreeMap<String, u64>,
    crate::maps::Address: String,
    crate::maps::BuildId: String,
    crate::maps::Permissions: String,
    crate::pool::Bytes: String,
    crate::pool::BytesList: Vec<String>,
}

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
        document::<crate::env::Env>(),
        document::<crate::fds::Fds>(),
        document::<crate::fds::OpenAt>(),
        document::<crate::files::Files>(),
        document::<crate::lint::Lint>(),
        document::<crate::maps::Maps>(),
        document::<crate::net::Net>(),
        document::<crate::show::Show>(),
        document::<crate::stat::Stat>(),
        document::<crate::tree::Ps>(),
        document::<crate::tree::Tree>(),
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
