//! The schema as a validator.

use boon::{Compiler, SchemaIndex, Schemas};
use portcullis_config::json_schema;
use serde_json::Value;

/// The schema, ready for use.
pub(crate) struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Validator {
    pub(crate) fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let name = "portcullis.json";
        compiler.add_resource(name, json_schema()).unwrap();
        // Compiling holds it against the meta-schema of its draft.
        let index = compiler.compile(name, &mut schemas).unwrap();
        Self { schemas, index }
    }

    /// What is wrong with a value, if anything is.
    pub(crate) fn problem(&self, value: &Value) -> Option<String> {
        let found = self.schemas.validate(value, self.index);
        found.err().map(|error| error.to_string())
    }
}
