//! The rules, most specific first, and the reasons they give.

use std::collections::BTreeMap;

use tidegate_plugin::{Action, Decision, Error, Pattern, Question, Scopes};

use crate::demand::Demand;
use crate::settings::TopicSettings;

pub(crate) struct Rules(Vec<Rule>);

struct Rule {
    pattern: Pattern,
    listen: Demand,
    publish: Demand,
}

impl Rules {
    pub(crate) fn new(topics: BTreeMap<String, TopicSettings>) -> Result<Self, Error> {
        let mut rules = topics
            .into_iter()
            .map(|(pattern, topic)| Rule::new(&pattern, topic))
            .collect::<Result<Vec<_>, _>>()?;
        rules.sort_by(|a, b| a.pattern.specificity(&b.pattern));
        Ok(Self(rules))
    }

    /// The most specific rule decides alone. `{sub}` stands for any subject when a rule is
    /// chosen: a user's topic must not fall to a wider rule when another user asks for it.
    pub(crate) fn decide(&self, question: &Question<'_>) -> Decision {
        let covering = self
            .0
            .iter()
            .find(|rule| rule.pattern.covers(question.topic));
        match covering {
            Some(rule) => rule.decide(question),
            None => deny(question, "is not allowed: no rule covers it"),
        }
    }
}

impl Rule {
    fn new(pattern: &str, topic: TopicSettings) -> Result<Self, Error> {
        let parsed = Pattern::parse(pattern)
            .map_err(|cause| Error::settings(format!("settings: topics: {cause}")))?;
        for (action, demand) in [("listen", &topic.listen), ("publish", &topic.publish)] {
            if demand.needs_owner() && !parsed.names_subject() {
                return Err(Error::settings(format!(
                    "settings: topics.{pattern}.{action}: \"owner\" needs {{sub}} in the pattern"
                )));
            }
        }
        Ok(Self {
            pattern: parsed,
            listen: topic.listen,
            publish: topic.publish,
        })
    }

    fn decide(&self, question: &Question<'_>) -> Decision {
        let demand = match question.action {
            Action::Listen => &self.listen,
            Action::Publish => &self.publish,
        };
        match demand {
            Demand::Anyone => Decision::allow(),
            Demand::Nobody => deny(question, "is not allowed"),
            Demand::SignedIn if question.subject.is_some() => Decision::allow(),
            Demand::SignedIn => deny(question, "needs a signed-in user"),
            Demand::Holder { owner, scopes } => self.ask_holder(*owner, scopes, question),
        }
    }

    fn ask_holder(&self, owner: bool, scopes: &[String], question: &Question<'_>) -> Decision {
        if owner {
            let Some(subject) = question.subject else {
                return deny(question, "needs a signed-in user");
            };
            if !self.pattern.matches(question.topic, subject) {
                return deny(question, "is for that user alone");
            }
        }
        match question.scopes.missing(scopes) {
            None => Decision::allow(),
            Some(_) => deny(question, &needs(scopes, question.scopes)),
        }
    }
}

fn needs(scopes: &[String], held: Scopes<'_>) -> String {
    let missing: Vec<&str> = scopes
        .iter()
        .map(String::as_str)
        .filter(|scope| !held.contains(scope))
        .collect();
    match missing.as_slice() {
        [one] => format!("needs the scope {one}"),
        several => format!("needs the scopes {}", several.join(" and ")),
    }
}

fn deny(question: &Question<'_>, why: &str) -> Decision {
    let doing = match question.action {
        Action::Listen => "listening to",
        Action::Publish => "publishing to",
    };
    Decision::deny(format!("{doing} \"{}\" {why}", question.topic))
}
