//! The JSON Schema of rows, made from the type: `UPDATE_EXPECT=1 cargo test -p sysreel-export
//! schemas` writes it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, schema_for};

use crate::row::{Args, Row};

impl JsonSchema for Args {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<String, String>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, String>::json_schema(generator)
    }
}

#[test]
fn the_schema_is_that_of_the_type() {
    let mut value = schema_for!(Row<'_>).to_value();
    value["title"] = serde_json::Value::from(crate::row::SCHEMA);
    let text = serde_json::to_string_pretty(&value).unwrap() + "\n";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    expect_test::expect_file![folder.join("export-1.json")].assert_eq(&text);
}
