//! A test's case, judged.

use crate::checks::{Check, Context};
use crate::finding::{Finding, Verdict};
use crate::plan::testing::Case;
use crate::report::diagnosis::{Diagnosis, TimingPart};

use super::policies::Policies;
use super::{Cause, Correlation, Inputs, diagnose, findings};

/// What one check says.
pub(crate) fn check(check: &dyn Check, case: &Case) -> Verdict {
    check.run(&Context { cluster: &case.cluster, question: &case.question })
}

/// What one cause says.
pub(crate) fn explain(cause: &dyn Cause, case: &Case) -> Verdict {
    let found = findings(&case.question, &case.cluster);
    let policies = Policies::of(&case.question, &case.cluster, &case.measured);
    let (cluster, question) = (&case.cluster, &case.question);
    let cx = Correlation { cluster, question, findings: &found, measured: &case.measured, policies: &policies };
    cause.explain(&cx)
}

/// The whole answer.
pub(crate) fn judge(case: &Case) -> Diagnosis {
    diagnose(&Inputs {
        question: &case.question,
        cluster: &case.cluster,
        measured: &case.measured,
        gaps: &[],
        timing: TimingPart::default(),
    })
}

/// The one finding of a verdict.
pub(crate) fn only(verdict: Verdict) -> Finding {
    match verdict {
        Verdict::Found(mut findings) => {
            assert_eq!(findings.len(), 1, "{findings:#?}");
            findings.remove(0)
        }
        other @ (Verdict::Clear | Verdict::Undetermined(_) | Verdict::NotApplicable) => panic!("no finding but {other:?}"),
    }
}

/// The codes of the causes, in their order.
pub(crate) fn causes(diagnosis: &Diagnosis) -> Vec<&str> {
    diagnosis.causes.iter().map(|c| c.code.as_str()).collect()
}

#[test]
fn a_healthy_cluster_has_no_cause_and_no_notice() {
    let answer = judge(&Case::healthy(&crate::model::testing::World::shop(), &crate::plan::testing::to_web()));
    assert_eq!((answer.exit_code, causes(&answer), answer.notices.len()), (0, vec![], 0), "{answer:#?}");
}
