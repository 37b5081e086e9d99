//! The report of `kubectl netcheck policy A to B`: whether the policies allow a connection, and which rule decides.

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnosis::{GapPart, QuestionPart};
use crate::policy::Outcome;

/// Whether the policies allow a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyAnswer {
    pub api_version: String,
    /// Always `PolicyAnswer`.
    pub kind: String,
    pub question: QuestionPart,
    /// 0 allowed, 1 denied, 3 undetermined.
    pub exit_code: u8,
    /// One sentence that names both ends, the policy and its rule.
    pub sentence: String,
    pub outcome: OutcomePart,
    /// Whether anything enforces the policies, as far as the cluster's network says.
    pub enforcement: String,
    /// One for all endpoints that are decided alike.
    pub connections: Vec<ConnectionPart>,
    /// What in the policies is not as it should be; the rest of them counts.
    pub problems: Vec<ProblemPart>,
    /// What could not be judged, and why.
    pub gaps: Vec<GapPart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomePart {
    Allowed,
    Denied,
    Undetermined,
}

/// One connection as policies see it, or several that end alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionPart {
    pub from: String,
    /// The pods, nodes or addresses that the packets arrive at.
    pub to: Vec<String>,
    /// Of the far end, after translation.
    pub port: u16,
    pub protocol: String,
    /// The address that was translated to it, as `service/shop/web 10.96.1.10:80`.
    pub through: Option<String>,
    pub outcome: OutcomePart,
    /// It gets traffic as things are; the answer counts only those.
    pub counts: bool,
    /// What the source's policies say. Absent where no pod sends.
    pub egress: Option<DirectionPart>,
    /// What the destination's policies say.
    pub ingress: Option<DirectionPart>,
    /// The smallest change that turns the answer round; absent where none was found that does for sure.
    pub change: Option<ChangePart>,
    pub notes: Vec<String>,
}

/// How one direction was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectionPart {
    /// The end whose policies are asked.
    pub subject: String,
    pub outcome: OutcomePart,
    /// In one line.
    pub because: String,
    /// The rule that decides, when one does.
    pub rule: Option<QuotePart>,
    /// Every policy that applies, or may apply, to the subject.
    pub policies: Vec<PolicyPart>,
    /// How many more apply than are listed.
    pub more_policies: usize,
    /// What an undetermined answer depends on.
    pub missing: Vec<String>,
}

/// A rule as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct QuotePart {
    pub policy: String,
    /// `spec.ingress[0]`.
    pub at: String,
    /// `allow`, `deny` or `pass`.
    pub action: String,
    pub yaml: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyPart {
    pub policy: String,
    /// The group of policies that it is decided with.
    pub tier: String,
    pub applies: Matches,
    /// Why it is not known whether it applies.
    pub because: Option<String>,
    /// What no rule of it matches is denied.
    pub isolates: bool,
    pub rules: Vec<RulePart>,
    pub more_rules: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RulePart {
    pub at: String,
    pub action: String,
    pub matches: Matches,
    /// Why it does not match, or what that depends on.
    pub because: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Matches {
    Yes,
    No,
    Unknown,
}

/// A change that was tried on a copy of the policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChangePart {
    /// What the connection is then.
    pub becomes: OutcomePart,
    /// All of them together.
    pub steps: Vec<StepPart>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StepPart {
    /// `add an ingress rule to networkpolicy/shop/web`.
    pub what: String,
    /// The command that does it; absent for an object to apply.
    pub command: Option<String>,
    /// The rule or the object.
    pub yaml: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProblemPart {
    pub policy: String,
    pub at: String,
    pub text: String,
}

impl OutcomePart {
    pub fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Undetermined => "undetermined",
        }
    }
}

impl From<Outcome> for OutcomePart {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allowed => Self::Allowed,
            Outcome::Denied => Self::Denied,
            Outcome::Undetermined => Self::Undetermined,
        }
    }
}
