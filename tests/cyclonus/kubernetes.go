package main

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/mattfenwick/cyclonus/pkg/kube"
	"github.com/mattfenwick/cyclonus/pkg/matcher"
	net "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// asKubernetes takes two differences out of the objects before cyclonus sees them:
//
//   - Selectors. Kubernetes' own code (apimachinery) decides what each one matches, and tells it by a label of its own on what
//     it matches. Cyclonus holds that NotIn needs the label to exist, and that a missing label equals an empty one;
//     labels.Requirement.Matches says otherwise.
//   - Pods in their node's network. No selector finds them where the plugin cannot tell them from their node, which the
//     concept page names as the most common case; they are addresses.
func asKubernetes(world *World) ([]end, []*net.NetworkPolicy, error) {
	selectors := &selectors{numbers: map[string]string{}}
	policies := make([]*net.NetworkPolicy, len(world.Policies))
	for i, policy := range world.Policies {
		policies[i] = policy.DeepCopy()
		spec := &policies[i].Spec
		selectors.replace(&spec.PodSelector)
		for _, rule := range spec.Ingress {
			selectors.replaceIn(rule.From)
		}
		for _, rule := range spec.Egress {
			selectors.replaceIn(rule.To)
		}
	}
	ends := ends(world)
	for i := range world.Pods {
		internal := ends[i].peer.Internal
		internal.PodLabels = selectors.matching(internal.PodLabels)
		internal.NamespaceLabels = selectors.matching(internal.NamespaceLabels)
		if world.Pods[i].Spec.HostNetwork {
			ends[i] = end{peer: matcher.TrafficPeer{IP: ends[i].peer.IP}}
		}
	}
	return ends, policies, selectors.err
}

// selectors are those of a world, each with the label that stands for it.
type selectors struct {
	numbers map[string]string
	all     []labels.Selector
	err     error
}

func (s *selectors) replaceIn(peers []net.NetworkPolicyPeer) {
	for i := range peers {
		s.replace(peers[i].PodSelector)
		s.replace(peers[i].NamespaceSelector)
	}
}

func (s *selectors) replace(selector *meta.LabelSelector) {
	if selector == nil || kube.IsLabelSelectorEmpty(*selector) {
		return
	}
	text, err := json.Marshal(selector)
	if _, known := s.numbers[string(text)]; err == nil && !known {
		var parsed labels.Selector
		parsed, err = meta.LabelSelectorAsSelector(selector)
		s.numbers[string(text)] = fmt.Sprintf("selector-%d", len(s.all))
		s.all = append(s.all, parsed)
	}
	if err != nil {
		s.err = err
		return
	}
	*selector = meta.LabelSelector{MatchLabels: map[string]string{s.numbers[string(text)]: "matches"}}
}

func (s *selectors) matching(of map[string]string) map[string]string {
	if s.err != nil {
		return nil
	}
	found := maps.Clone(of)
	if found == nil {
		found = map[string]string{}
	}
	for number, selector := range s.all {
		if selector.Matches(labels.Set(of)) {
			found[fmt.Sprintf("selector-%d", number)] = "matches"
		}
	}
	return found
}
