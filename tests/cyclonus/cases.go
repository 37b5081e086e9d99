package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/mattfenwick/cyclonus/pkg/connectivity/probe"
	"github.com/mattfenwick/cyclonus/pkg/generator"
	"github.com/mattfenwick/cyclonus/pkg/recipes"
	core "k8s.io/api/core/v1"
	net "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Case is a step of a case that cyclonus makes.
type Case struct {
	Name    string  `json:"name"`
	World   World   `json:"world"`
	Answers Answers `json:"answers"`
}

var (
	protocols = []core.Protocol{core.ProtocolTCP, core.ProtocolUDP, core.ProtocolSCTP}
	// Two that nobody names, one inside and one outside of the pods' range.
	outside = []string{"10.9.9.9", "203.0.113.9"}
)

// cases writes every case of cyclonus' generator, with and without its rule for DNS, and its recipes.
func cases(out io.Writer) error {
	encoder := json.NewEncoder(out)
	for _, allowDNS := range []bool{true, false} {
		// as `cyclonus generate` does, and without tags that exclude anything
		made := generator.NewTestCaseGenerator(allowDNS, address9("z", "c"), namespaces, nil, nil).GenerateTestCases()
		for number, testCase := range made {
			name := fmt.Sprintf("generated %d, dns %t: %s", number+1, allowDNS, testCase.Description)
			if err := steps(encoder, name, testCase); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for number, recipe := range recipes.AllRecipes {
		ports := []Port{{Protocol: recipe.Protocol, Port: recipe.Port}}
		world := world(recipe.Resources, recipe.Policies(), ports)
		if err := write(encoder, fmt.Sprintf("recipe %d", number+1), world); err != nil {
			return err
		}
	}
	return nil
}

var namespaces, pods = []string{"x", "y", "z"}, []string{"a", "b", "c"}

func address9(namespace, pod string) string {
	return fmt.Sprintf("10.244.%d.%d", slices.Index(namespaces, namespace), 10+slices.Index(pods, pod))
}

// nine pods, as `cyclonus generate` makes them by default.
func nine() *probe.Resources {
	resources := &probe.Resources{Namespaces: map[string]map[string]string{}}
	for _, namespace := range namespaces {
		resources.Namespaces[namespace] = map[string]string{"ns": namespace, "kubernetes.io/metadata.name": namespace}
		for _, name := range pods {
			pod := probe.NewDefaultPod(namespace, name, []int{80, 81}, protocols, false, "")
			pod.IP = address9(namespace, name)
			resources.Pods = append(resources.Pods, pod)
		}
	}
	return resources
}

func steps(encoder *json.Encoder, name string, testCase *generator.TestCase) error {
	resources := nine()
	var policies []*net.NetworkPolicy
	var ports []Port
	for _, port := range []int{53, 79, 80, 81, 82, 7981} {
		for _, protocol := range protocols {
			ports = append(ports, Port{protocol, port})
		}
	}
	for number, step := range testCase.Steps {
		for _, action := range step.Actions {
			var err error
			if resources, policies, err = act(action, resources, policies); err != nil {
				return err
			}
		}
		if err := write(encoder, fmt.Sprintf("%s, step %d", name, number+1), world(resources, policies, ports)); err != nil {
			return err
		}
	}
	return nil
}

func write(encoder *json.Encoder, name string, world World) error {
	answers, err := judge(&world) // which sets the policies' defaults
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return encoder.Encode(Case{name, world, answers})
}

// act does what connectivity.TestCaseState does, without a cluster.
func act(a *generator.Action, r *probe.Resources, policies []*net.NetworkPolicy) (*probe.Resources, []*net.NetworkPolicy, error) {
	var err error
	find := func(namespace, name string) int {
		return slices.IndexFunc(policies, func(p *net.NetworkPolicy) bool { return p.Namespace == namespace && p.Name == name })
	}
	switch {
	case a.CreatePolicy != nil:
		policies = append(slices.Clone(policies), a.CreatePolicy.Policy)
	case a.UpdatePolicy != nil:
		policies = slices.Clone(policies)
		policies[find(a.UpdatePolicy.Policy.Namespace, a.UpdatePolicy.Policy.Name)] = a.UpdatePolicy.Policy
	case a.DeletePolicy != nil:
		at := find(a.DeletePolicy.Namespace, a.DeletePolicy.Name)
		policies = slices.Delete(slices.Clone(policies), at, at+1)
	case a.CreateNamespace != nil:
		r, err = r.CreateNamespace(a.CreateNamespace.Namespace, a.CreateNamespace.Labels)
	case a.SetNamespaceLabels != nil:
		r, err = r.UpdateNamespaceLabels(a.SetNamespaceLabels.Namespace, a.SetNamespaceLabels.Labels)
	case a.DeleteNamespace != nil:
		r, err = r.DeleteNamespace(a.DeleteNamespace.Namespace)
	case a.CreatePod != nil:
		r, err = r.CreatePod(a.CreatePod.Namespace, a.CreatePod.Pod, a.CreatePod.Labels)
		if err == nil {
			r.Pods[len(r.Pods)-1].IP = fmt.Sprintf("10.244.3.%d", 10+len(r.Pods))
		}
	case a.SetPodLabels != nil:
		r, err = r.SetPodLabels(a.SetPodLabels.Namespace, a.SetPodLabels.Pod, a.SetPodLabels.Labels)
	case a.DeletePod != nil:
		r, err = r.DeletePod(a.DeletePod.Namespace, a.DeletePod.Pod)
	default:
		err = fmt.Errorf("an action of an unknown kind: %+v", a)
	}
	return r, policies, err
}

func world(resources *probe.Resources, policies []*net.NetworkPolicy, ports []Port) World {
	world := World{Policies: append([]*net.NetworkPolicy{}, policies...), Outside: outside, Ports: ports}
	for name, labels := range resources.Namespaces {
		world.Namespaces = append(world.Namespaces, core.Namespace{ObjectMeta: meta.ObjectMeta{Name: name, Labels: labels}})
	}
	for number, pod := range resources.Pods {
		object := *pod.KubePod()
		if pod.IP == "" || pod.IP == "TODO" { // recipes need none
			pod.IP = fmt.Sprintf("10.244.9.%d", 10+number)
		}
		object.Status = core.PodStatus{Phase: core.PodRunning, PodIP: pod.IP, PodIPs: []core.PodIP{{IP: pod.IP}}}
		world.Pods = append(world.Pods, object)
	}
	return world
}
