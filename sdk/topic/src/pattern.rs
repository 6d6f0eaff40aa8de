use std::cmp::Ordering;

use crate::{encode_segment, is_segment_byte};

/// A topic pattern of the settings: `*` is one segment, `**` one or more, `{sub}` the caller's
/// subject as exactly one segment; anything else stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Exact(String),
    Subject,
    One,
    Many,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    pub pattern: String,
    pub segment: String,
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "topic pattern {:?}: segment {:?} is neither a topic segment nor one of * ** {{sub}}",
            self.pattern, self.segment
        )
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let segments = text
            .split(':')
            .map(|segment| match segment {
                "*" => Ok(Segment::One),
                "**" => Ok(Segment::Many),
                "{sub}" => Ok(Segment::Subject),
                exact if !exact.is_empty() && exact.bytes().all(is_segment_byte) => {
                    Ok(Segment::Exact(exact.to_owned()))
                }
                other => Err(PatternError {
                    pattern: text.to_owned(),
                    segment: other.to_owned(),
                }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `topic` matches for a caller with this subject. An empty subject (anonymous)
    /// matches no `{sub}`. Allocates only for a subject that needs percent-encoding.
    pub fn matches(&self, topic: &str, subject: &str) -> bool {
        walk(&self.segments, Some(topic), &|segment| {
            !subject.is_empty() && segment == encode_segment(subject)
        })
    }

    /// Whether `topic` matches for at least one subject. Does not allocate.
    pub fn covers(&self, topic: &str) -> bool {
        walk(&self.segments, Some(topic), &|_| true)
    }

    /// Whether the pattern has a `{sub}`, so that the caller decides about a match.
    pub fn names_subject(&self) -> bool {
        self.segments.contains(&Segment::Subject)
    }

    /// `Less` is more specific: compared segment by segment, an exact one before `{sub}`, before
    /// `*`, before `**`; then the one with more segments.
    pub fn specificity(&self, other: &Self) -> Ordering {
        let rank = |segment: &Segment| match segment {
            Segment::Exact(_) => 0,
            Segment::Subject => 1,
            Segment::One => 2,
            Segment::Many => 3,
        };
        let mine = self.segments.iter().map(rank);
        for (a, b) in mine.zip(other.segments.iter().map(rank)) {
            if a != b {
                return a.cmp(&b);
            }
        }
        other.segments.len().cmp(&self.segments.len())
    }
}

/// `topic` is what is left of the topic; none when its last segment is consumed.
fn walk(pattern: &[Segment], topic: Option<&str>, is_subject: &impl Fn(&str) -> bool) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return topic.is_none();
    };
    let Some(topic) = topic else {
        return false;
    };
    let (head, tail) = split_segment(topic);
    match first {
        Segment::Exact(text) => text == head && walk(rest, tail, is_subject),
        Segment::Subject => is_subject(head) && walk(rest, tail, is_subject),
        Segment::One => walk(rest, tail, is_subject),
        Segment::Many if rest.is_empty() => true,
        Segment::Many => std::iter::successors(tail, |left| split_segment(left).1)
            .any(|left| walk(rest, Some(left), is_subject)),
    }
}

fn split_segment(topic: &str) -> (&str, Option<&str>) {
    match topic.split_once(':') {
        Some((head, tail)) => (head, Some(tail)),
        None => (topic, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn patterns_match() {
        assert!(pattern("channel:**").matches("channel:update", ""));
        assert!(pattern("channel:**").matches("channel:prediction:lock", ""));
        assert!(!pattern("channel:**").matches("channel", ""));
        assert!(pattern("channel:*").matches("channel:update", ""));
        assert!(!pattern("channel:*").matches("channel:prediction:lock", ""));
        assert!(pattern("**:lock").matches("channel:prediction:lock", ""));
        assert!(pattern("user:{sub}:**").matches("user:alice:x:y", "alice"));
        assert!(!pattern("user:{sub}:**").matches("user:alice:x", "bob"));
        assert!(!pattern("user:{sub}:**").matches("user:alice:x", ""));
        assert!(pattern("user:{sub}:**").matches("user:a%3Ab:x", "a:b"));
        assert!(!pattern("user:{sub}:**").matches("user:a:b:x", "a:b"));
        assert!(pattern("user:{sub}:**").covers("user:anyone:x"));
        assert!(pattern("a:**:z").matches("a:b:c:z", ""));
        assert!(!pattern("a:**:z").matches("a:z", ""));
        assert!(pattern("**:b:**").matches("a:a:b:c", ""));
        assert!(!pattern("**:b:**").matches("a:a:b", ""));
    }

    #[test]
    fn a_pattern_tells_whether_it_names_the_subject() {
        assert!(pattern("user:{sub}:**").names_subject());
        assert!(!pattern("user:*:**").names_subject());
    }

    #[test]
    fn the_most_specific_comes_first() {
        let mut all: Vec<Pattern> = ["**", "a:**", "a:*", "a:{sub}", "a:b", "a:*:c", "a:b:c"]
            .map(pattern)
            .into();
        all.sort_by(Pattern::specificity);
        let order: Vec<&str> = all.iter().map(Pattern::as_str).collect();
        assert_eq!(
            order,
            ["a:b:c", "a:b", "a:{sub}", "a:*:c", "a:*", "a:**", "**"]
        );
    }

    #[test]
    fn a_bad_pattern_names_its_segment() {
        let error = Pattern::parse("a:b*:c").expect_err("b* is no segment");
        assert_eq!(error.segment, "b*");
        assert!(Pattern::parse("").is_err());
        assert!(Pattern::parse("a::b").is_err());
    }
}
