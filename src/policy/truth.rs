//! Yes, no, or not known and why: what a condition says when an input may be missing.

/// The answer of a condition. `Unknown` names the missing input or the part that is not modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth<'a> {
    Yes,
    No,
    Unknown(&'a str),
}

impl Truth<'_> {
    pub fn of(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }

    /// `No` wins over `Unknown`, `Unknown` over `Yes` (Kleene's logic). `other` is asked only when it can matter.
    #[must_use]
    pub fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::Unknown(why) => match other() {
                Self::No => Self::No,
                Self::Yes | Self::Unknown(_) => Self::Unknown(why),
            },
        }
    }

    /// `Yes` wins over `Unknown`, `Unknown` over `No`.
    #[must_use]
    pub fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Yes => Self::Yes,
            Self::No => other(),
            Self::Unknown(why) => match other() {
                Self::Yes => Self::Yes,
                Self::No | Self::Unknown(_) => Self::Unknown(why),
            },
        }
    }

    #[must_use]
    pub fn negate(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown(why) => Self::Unknown(why),
        }
    }

    /// All of them; `Yes` when there are none.
    pub fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::Yes;
        for truth in truths {
            result = result.and(|| truth);
            if result == Self::No {
                break;
            }
        }
        result
    }

    /// Any of them; `No` when there are none.
    pub fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::No;
        for truth in truths {
            result = result.or(|| truth);
            if result == Self::Yes {
                break;
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_answer_wins_where_it_decides() {
        let unknown = Truth::Unknown("labels");
        assert_eq!(Truth::all([unknown, Truth::No]), Truth::No);
        assert_eq!(Truth::all([Truth::Yes, unknown]), unknown);
        assert_eq!(Truth::any([unknown, Truth::Yes]), Truth::Yes);
        assert_eq!(Truth::any([Truth::No, unknown]), unknown);
        assert_eq!((Truth::all([]), Truth::any([])), (Truth::Yes, Truth::No));
        assert_eq!(unknown.negate(), unknown);
    }
}
