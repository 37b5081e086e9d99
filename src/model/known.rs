//! What was asked and what came back: the difference between "there is none" and "we could not look".

/// The answer to one read. An empty list is only evidence of absence when it is inside [`Known::Got`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Known<T> {
    /// The read succeeded.
    Got(T),
    /// The API server refused it (401, 403). The text names verb, resource and namespace.
    Denied(String),
    /// The kind or the named object does not exist on this cluster (404).
    Absent(String),
    /// The read was tried and failed: timeout, 5xx, broken answer. The text says what was read and why it failed.
    Failed(String),
    /// This question did not need it, so nobody asked.
    #[default]
    Unasked,
}

impl<T> Known<T> {
    /// The value, when the read succeeded.
    pub fn got(&self) -> Option<&T> {
        match self {
            Self::Got(value) => Some(value),
            Self::Denied(_) | Self::Absent(_) | Self::Failed(_) | Self::Unasked => None,
        }
    }

    /// The value itself, when the read succeeded.
    pub fn into_got(self) -> Option<T> {
        match self {
            Self::Got(value) => Some(value),
            Self::Denied(_) | Self::Absent(_) | Self::Failed(_) | Self::Unasked => None,
        }
    }

    /// Borrows the value and copies the reason.
    pub fn as_ref(&self) -> Known<&T> {
        match self {
            Self::Got(value) => Known::Got(value),
            Self::Denied(why) => Known::Denied(why.clone()),
            Self::Absent(why) => Known::Absent(why.clone()),
            Self::Failed(why) => Known::Failed(why.clone()),
            Self::Unasked => Known::Unasked,
        }
    }

    /// Changes the value and keeps the reason.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Got(value) => Known::Got(change(value)),
            Self::Denied(why) => Known::Denied(why),
            Self::Absent(why) => Known::Absent(why),
            Self::Failed(why) => Known::Failed(why),
            Self::Unasked => Known::Unasked,
        }
    }

    /// Why there is no value, for a gap or an undetermined check. `None` when there is one.
    pub fn missing(&self) -> Option<String> {
        match self {
            Self::Got(_) => None,
            Self::Denied(why) => Some(format!("not permitted: {why}")),
            Self::Absent(why) => Some(format!("not there: {why}")),
            Self::Failed(why) => Some(format!("could not be read: {why}")),
            Self::Unasked => Some(String::from("was not read")),
        }
    }
}
