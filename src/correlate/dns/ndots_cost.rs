use crate::correlate::view::micros;
use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::ObjectRef;

use super::view::{nothing_to_do, outside_name, source_words, unmeasured};

declare_finding! {
    /// ## What it finds
    ///
    /// A name outside the cluster is first tried below every suffix of the pod's search list, because it has fewer dots than
    /// `ndots` (5 for pods): each suffix costs two queries, for IPv4 and IPv6, that are answered with NXDOMAIN.
    ///
    /// ## How it is proven
    ///
    /// The lookup is done in the pod as its resolv.conf demands, and every query with its answer is counted. It is a note:
    /// the name works, and slower than it could.
    ///
    /// ## What to do
    ///
    /// Write the name with a final dot where the application allows it (`www.example.com.`), or set `ndots` to 1 or 2 in the
    /// pod's `dnsConfig.options`; names with a namespace, as `web.shop`, then still need the search list and at most one try.
    NdotsCost, "NC1008", "ndots-cost", "The search list multiplies DNS queries"
}

impl Cause for NdotsCost {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if let Some(verdict) = nothing_to_do(cx) {
            return verdict;
        }
        let Some(name) = outside_name(cx) else { return Verdict::NotApplicable };
        let Some(resolved) = cx.resolved() else { return unmeasured() };
        let absolute = name.trim_end_matches('.');
        // as in `www.example.com.shop.svc.cluster.local`
        let is_searched = |tried: &str| tried.trim_end_matches('.').len() > absolute.len();
        let wasted = resolved.queries.iter().filter(|(tried, _, code)| is_searched(tried) && code == "NXDOMAIN").count();
        if wasted == 0 || resolved.addresses.is_empty() {
            return Verdict::Clear;
        }
        let all = resolved.queries.len();
        let sentence = format!(
            "name {absolute} needs {all} queries from {}, {wasted} of them for names of the search list that do not exist; the lookup took {}.",
            source_words(cx),
            micros(resolved.total_us)
        );
        let finding = Finding::note(Self::META, ObjectRef::new("name", "", absolute), sentence).proven();
        let conf = cx.environment().and_then(|e| e.resolv_conf.as_ref());
        let finding = match conf {
            Some(conf) => finding.expected(
                format!("resolv.conf of {}", source_words(cx)),
                format!("ndots of at most {}", absolute.matches('.').count()),
                format!("ndots {}, search {}", conf.ndots, conf.search.join(" ")),
            ),
            None => finding,
        };
        Verdict::Found(vec![
            finding.next(format!("write {absolute}. with a final dot, or set ndots in the pod's dnsConfig.options")),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::finding::Weight;
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_name, to_web};

    #[test]
    fn an_outside_name_counts_its_wasted_queries() {
        let case = Case::healthy(&World::shop(), &to_name("www.example.com"));
        let found = only(explain(&NdotsCost, &case));
        assert_eq!(found.weight, Weight::Note);
        assert!(found.sentence.contains("needs 8 queries from pod/shop/client, 6 of them"), "{}", found.sentence);
        assert_eq!(causes(&judge(&case)), Vec::<&str>::new());
    }

    #[test]
    fn names_of_the_cluster_and_names_with_a_final_dot_are_left_alone() {
        assert_eq!(explain(&NdotsCost, &Case::healthy(&World::shop(), &to_web())), Verdict::NotApplicable);
        assert_eq!(explain(&NdotsCost, &Case::healthy(&World::shop(), &to_name("web.shop"))), Verdict::NotApplicable);
        assert_eq!(explain(&NdotsCost, &Case::healthy(&World::shop(), &to_name("www.example.com."))), Verdict::Clear);
    }

    #[test]
    fn an_unrun_lookup_leaves_it_open() {
        let verdict = explain(&NdotsCost, &Case::not_run(&World::shop(), &to_name("www.example.com")));
        assert!(matches!(verdict, Verdict::Undetermined(_)), "{verdict:?}");
    }
}
