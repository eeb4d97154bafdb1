//! regorus: the policy compiled for its virtual machine, which is kept, with its
//! entry point known by index. That is the fastest of its three modes.

use crate::{Request, groups};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Rc, Value};

/// What is decided.
const RULE: &str = "data.portcullis.decision";

/// The machine with a policy whose rule `decision` is a number: one that stands for
/// an outcome with its reasons costs less than a text or a set.
pub(crate) struct Machine {
    machine: RegoVM,
    names: [Value; 5],
}

impl Machine {
    pub(crate) fn new(policy: &str, data: Value) -> Self {
        let mut engine = Engine::new();
        engine
            .add_policy("policy.rego".to_owned(), policy.to_owned())
            .expect("a policy");
        let rule: Rc<str> = RULE.into();
        let compiled = engine.compile_with_entrypoint(&rule).expect("a rule");
        let program = Compiler::compile_from_policy(&compiled, &[RULE]).expect("a program");
        let mut machine = RegoVM::new();
        machine.load_program(program);
        machine.set_max_instructions(usize::MAX);
        machine.set_data(data).expect("no conflict");
        Self {
            machine,
            names: ["email", "groups", "ip", "method", "path"].map(Value::from),
        }
    }

    /// The request as a document; the names in it are there already.
    pub(crate) fn input(&self, request: &Request<'_>) -> Value {
        let groups: Vec<Value> = groups(request.claims).map(Value::from).collect();
        let values = [
            Value::from(request.email),
            Value::from(groups),
            Value::from(request.source_ip.to_string()),
            Value::from(request.method),
            Value::from(request.path),
        ];
        let mut input = Value::new_object();
        let fields = input.as_object_mut().expect("an object");
        for (name, value) in self.names.iter().zip(values) {
            fields.insert(name.clone(), value);
        }
        input
    }

    /// The number that the policy gives.
    pub(crate) fn run(&mut self, input: Value) -> u32 {
        self.machine.set_input(input);
        let value = self.machine.execute_entry_point_by_index(0).expect("a value");
        value.as_u32().expect("a number")
    }
}
