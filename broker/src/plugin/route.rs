//! Which plugin answers for a topic.

use super::config::AuthorizeRule;
use super::error::PluginError;
use crate::topic::Pattern;

/// Authorization rules, the most specific first; rules as specific as one another keep the order
/// of the settings.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    rules: Vec<(Pattern, usize)>,
    /// The one rule matches every topic, as in the default settings.
    catch_all: Option<usize>,
}

impl Routes {
    /// # Errors
    ///
    /// A pattern is claimed twice, or a rule names a plugin that is not in `names`.
    pub(super) fn new(rules: &[AuthorizeRule], names: &[&str]) -> Result<Self, PluginError> {
        let mut sorted: Vec<(Pattern, usize)> = Vec::with_capacity(rules.len());
        for rule in rules {
            let pattern = rule.pattern.as_str();
            let plugin = names
                .iter()
                .position(|name| *name == rule.plugin)
                .ok_or_else(|| PluginError::Unknown {
                    claim: format!("authorization rule `{pattern}`"),
                    name: rule.plugin.clone(),
                })?;
            if let Some((_, first)) = sorted.iter().find(|(claimed, _)| *claimed == rule.pattern) {
                return Err(PluginError::DuplicateRule {
                    pattern: pattern.to_owned(),
                    first: names[*first].to_owned(),
                    second: rule.plugin.clone(),
                });
            }
            sorted.push((rule.pattern.clone(), plugin));
        }
        sorted.sort_by(|(a, _), (b, _)| a.specificity(b));
        let catch_all = match sorted.as_slice() {
            [(pattern, plugin)] if pattern.as_str() == "**" => Some(*plugin),
            _ => None,
        };
        Ok(Self {
            rules: sorted,
            catch_all,
        })
    }

    pub(super) fn plugin(&self, topic: &str, subject: &str) -> Option<usize> {
        if self.catch_all.is_some() {
            return self.catch_all;
        }
        self.rules
            .iter()
            .find(|(pattern, _)| pattern.matches(topic, subject))
            .map(|(_, plugin)| *plugin)
    }

    /// Whether any rule sends calls to this plugin.
    pub(super) fn reach(&self, plugin: usize) -> bool {
        self.rules.iter().any(|(_, to)| *to == plugin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str, plugin: &str) -> AuthorizeRule {
        AuthorizeRule {
            pattern: Pattern::parse(pattern).expect("a pattern"),
            plugin: plugin.into(),
        }
    }

    #[test]
    fn the_most_specific_rule_answers() {
        let rules = [
            rule("**", "rest"),
            rule("chat:*", "chat"),
            rule("chat:staff", "staff"),
            rule("user:{sub}:**", "own"),
        ];
        let names = ["rest", "chat", "staff", "own"];
        let routes = Routes::new(&rules, &names).expect("they fit");
        let to = |topic, subject| routes.plugin(topic, subject).map(|at| names[at]);
        assert_eq!(to("chat:staff", ""), Some("staff"));
        assert_eq!(to("chat:room", ""), Some("chat"));
        assert_eq!(to("chat:room:deep", ""), Some("rest"));
        assert_eq!(to("user:ann:notification", "ann"), Some("own"));
        assert_eq!(to("user:ann:notification", "bob"), Some("rest"));
        assert!(routes.reach(2));
    }

    #[test]
    fn no_rule_is_no_plugin() {
        let routes = Routes::new(&[rule("chat:**", "chat")], &["chat", "idle"]).expect("it fits");
        assert_eq!(routes.plugin("news:today", ""), None);
        assert!(!routes.reach(1));
    }

    #[test]
    fn a_pattern_claimed_twice_or_for_nobody_is_refused() {
        let twice = [rule("a:*", "one"), rule("b", "one"), rule("a:*", "two")];
        let error = Routes::new(&twice, &["one", "two"]).expect_err("a:* twice");
        assert_eq!(
            error.to_string(),
            "topic pattern `a:*` is claimed twice, by plugin `one` and by `two`"
        );
        let error = Routes::new(&[rule("a:*", "gone")], &["one"]).expect_err("no such plugin");
        assert_eq!(
            error.to_string(),
            "authorization rule `a:*` names plugin `gone`, which is not configured"
        );
    }
}
