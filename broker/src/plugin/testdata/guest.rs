//! Builds variants of `guest.wat`; shared by the plugin host's tests and benches.

/// What one test's plugin is; the default is a good one.
#[derive(Clone)]
pub struct Guest {
    pub manifest: serde_json::Value,
    /// Component-level imports.
    pub imports: String,
    /// Core instructions at the start of each function.
    pub authorize: &'static str,
    pub init: &'static str,
    pub self_test: &'static str,
    /// What `authorize` takes as its action.
    pub action: &'static str,
    pub exports_authorizer: bool,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            manifest: serde_json::json!({
                "name": "guest",
                "version": "1.0.0",
                "hooks": ["authorizer", "principals", "lifecycle"],
            }),
            imports: String::new(),
            authorize: "",
            init: "",
            self_test: "",
            action: "u8",
            exports_authorizer: true,
        }
    }
}

impl Guest {
    pub fn version(mut self, version: &str) -> Self {
        self.manifest["version"] = version.into();
        self
    }

    pub fn build(&self) -> Vec<u8> {
        let authorizer = if self.exports_authorizer {
            AUTHORIZER.replace("{action}", self.action)
        } else {
            String::new()
        };
        let manifest = self.manifest.to_string().replace('"', "\\22");
        let text = include_str!("guest.wat")
            .replace("{imports}", &self.imports)
            .replace("{core_imports}", "")
            .replace("{authorize}", self.authorize)
            .replace("{init}", self.init)
            .replace("{self_test}", self.self_test)
            .replace("{core_instance}", "(core instance $i (instantiate $guest))")
            .replace("{manifest}", &manifest)
            .replace("{authorizer}", &authorizer)
            .replace("{principals}", PRINCIPALS)
            .replace("{lifecycle}", LIFECYCLE);
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// An import that a plugin asks for but does not use.
pub fn import(name: &str, functions: &str) -> String {
    format!("(import \"{name}\" (instance {functions}))")
}

/// A component that exports types with functions over them must name both through a component
/// of its own.
const AUTHORIZER: &str = r#"
  (type $decision (record (field "allow" bool) (field "reason" string)
    (field "remember-ms" u32) (field "recheck-after-ms" u32)))
  (func $authorize (param "action" {action}) (param "topic" string) (param "subject" string)
    (param "scopes" string) (result $decision)
    (canon lift (core func $i "authorize") (memory (core memory $i "memory"))
      (realloc (core func $i "cabi_realloc")) (post-return (core func $i "free"))))
  (component $authorizer
    (type $d (record (field "allow" bool) (field "reason" string)
      (field "remember-ms" u32) (field "recheck-after-ms" u32)))
    (import "decision" (type $decision (eq $d)))
    (import "authorize" (func $authorize (param "action" {action}) (param "topic" string)
      (param "subject" string) (param "scopes" string) (result $decision)))
    (export $exported "decision" (type $d))
    (export "authorize" (func $authorize) (func (param "action" {action}) (param "topic" string)
      (param "subject" string) (param "scopes" string) (result $exported))))
  (instance $authorizer-out (instantiate $authorizer
    (with "decision" (type $decision)) (with "authorize" (func $authorize))))
  (export "tidegate:authorizer/authorizer@1.0.0" (instance $authorizer-out))
"#;

const PRINCIPALS: &str = r#"
  (type $identity (record (field "subject" string) (field "scopes" string)))
  (func $principal (param "session" string) (result (result $identity (error $error)))
    (canon lift (core func $i "principal") (memory (core memory $i "memory"))
      (realloc (core func $i "cabi_realloc")) (post-return (core func $i "free"))))
  (component $principals
    (type $e (record (field "code" string) (field "message" string) (field "retryable" bool)))
    (import "error" (type $error (eq $e)))
    (type $d (record (field "subject" string) (field "scopes" string)))
    (import "identity" (type $identity (eq $d)))
    (import "principal" (func $principal (param "session" string)
      (result (result $identity (error $error)))))
    (export $e2 "error" (type $e))
    (export $d2 "identity" (type $d))
    (export "principal" (func $principal) (func (param "session" string)
      (result (result $d2 (error $e2))))))
  (instance $principals-out (instantiate $principals (with "error" (type $error))
    (with "identity" (type $identity)) (with "principal" (func $principal))))
  (export "tidegate:principals/principals@1.0.0" (instance $principals-out))
"#;

const LIFECYCLE: &str = r#"
  (func $init (param "settings" string) (result (result (error $error)))
    (canon lift (core func $i "init") (memory (core memory $i "memory"))
      (realloc (core func $i "cabi_realloc")) (post-return (core func $i "free"))))
  (func $self-test (result (result (error $error)))
    (canon lift (core func $i "self-test") (memory (core memory $i "memory"))
      (post-return (core func $i "free"))))
  (component $lifecycle
    (type $e (record (field "code" string) (field "message" string) (field "retryable" bool)))
    (import "error" (type $error (eq $e)))
    (import "init" (func $init (param "settings" string) (result (result (error $error)))))
    (import "self-test" (func $self-test (result (result (error $error)))))
    (export $e2 "error" (type $e))
    (export "init" (func $init) (func (param "settings" string) (result (result (error $e2)))))
    (export "self-test" (func $self-test) (func (result (result (error $e2))))))
  (instance $lifecycle-out (instantiate $lifecycle (with "error" (type $error))
    (with "init" (func $init)) (with "self-test" (func $self-test))))
  (export "tidegate:lifecycle/lifecycle@1.0.0" (instance $lifecycle-out))
"#;
