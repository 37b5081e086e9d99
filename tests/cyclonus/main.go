// Command cyclonus asks cyclonus, an implementation of NetworkPolicy that is not ours, who may talk to whom.
//
//	cyclonus judge     a world a line on standard input; its verdicts a line on standard output
//	cyclonus cases     cyclonus' own generated cases and recipes: world and verdicts, a line for each step of each
//
// A world is Kubernetes' own objects. Verdicts are strings of 0 and 1, one a port: every ordered pair of ends, sources first.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	"github.com/sirupsen/logrus"
	core "k8s.io/api/core/v1"
	net "k8s.io/api/networking/v1"
)

// World is what one line of standard input holds.
type World struct {
	Namespaces []core.Namespace     `json:"namespaces"`
	Pods       []core.Pod           `json:"pods"`
	Nodes      []core.Node          `json:"nodes,omitempty"`
	Policies   []*net.NetworkPolicy `json:"policies"`
	// Addresses that are no pod's. The ends are the pods in their order, then the nodes, then these.
	Outside []string `json:"outside"`
	Ports   []Port   `json:"ports"`
	// Which address of each pod counts.
	V6 bool `json:"v6"`
}

// Port is a number that connections go to.
type Port struct {
	Protocol core.Protocol `json:"protocol"`
	Port     int           `json:"port"`
}

// Answers are those for one world: what cyclonus says of the objects as they are, and what it says once the places where it
// parts from Kubernetes are taken out of the objects (see asKubernetes).
type Answers struct {
	AsIs   Verdicts `json:"asIs"`
	ByText Verdicts `json:"byText"`
}

// Verdicts are by port: what the policies of the source and those of the destination say.
type Verdicts struct {
	Egress  []string `json:"egress"`
	Ingress []string `json:"ingress"`
}

func main() {
	logrus.SetLevel(logrus.ErrorLevel)
	var err error
	switch strings.Join(os.Args[1:], " ") {
	case "judge":
		err = answer(os.Stdin, os.Stdout)
	case "cases":
		err = cases(os.Stdout)
	default:
		err = fmt.Errorf("usage: cyclonus judge | cases")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// answer flushes after each line: whoever asks may wait for it before the next question.
func answer(in io.Reader, out io.Writer) error {
	lines, encoder := bufio.NewReader(in), json.NewEncoder(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		var world World
		if err := json.Unmarshal(line, &world); err != nil {
			return fmt.Errorf("not a world: %w", err)
		}
		answers, err := judge(&world)
		if err == nil {
			err = encoder.Encode(answers)
		}
		if err != nil {
			return err
		}
	}
}

// end is a place that connections come from or go to.
type end struct {
	peer  matcher.TrafficPeer
	ports []core.ContainerPort
}

func judge(world *World) (Answers, error) {
	for _, policy := range world.Policies {
		setDefaults(policy)
	}
	asIs := verdicts(ends(world), world.Policies, world.Ports)
	ends, policies, err := asKubernetes(world)
	return Answers{AsIs: asIs, ByText: verdicts(ends, policies, world.Ports)}, err
}

func verdicts(ends []end, policies []*net.NetworkPolicy, ports []Port) Verdicts {
	policy := matcher.BuildNetworkPolicies(true, policies)
	var verdicts Verdicts
	for _, port := range ports {
		var egress, ingress strings.Builder
		for i := range ends {
			for j := range ends {
				traffic := matcher.Traffic{
					Source: &ends[i].peer, Destination: &ends[j].peer, ResolvedPort: port.Port, Protocol: port.Protocol,
				}
				allowed := func(isIngress bool) bool {
					// cyclonus knows one name a port; a pod may have several for a number, and each is enough
					return slices.ContainsFunc(ends[j].names(port), func(name string) bool {
						traffic.ResolvedPortName = name
						return policy.IsIngressOrEgressAllowed(&traffic, isIngress).IsAllowed()
					})
				}
				egress.WriteByte(digit(allowed(false)))
				ingress.WriteByte(digit(allowed(true)))
			}
		}
		verdicts.Egress = append(verdicts.Egress, egress.String())
		verdicts.Ingress = append(verdicts.Ingress, ingress.String())
	}
	return verdicts
}

func digit(yes bool) byte {
	if yes {
		return '1'
	}
	return '0'
}

// setDefaults does what the API server does before an object is stored, and cyclonus expects:
// SetDefaults_NetworkPolicy of k8s.io/kubernetes/pkg/apis/networking/v1/defaults.go, and the namespace that kubectl gives.
func setDefaults(policy *net.NetworkPolicy) {
	if policy.Namespace == "" {
		policy.Namespace = core.NamespaceDefault
	}
	if len(policy.Spec.PolicyTypes) == 0 {
		policy.Spec.PolicyTypes = []net.PolicyType{net.PolicyTypeIngress}
		if len(policy.Spec.Egress) != 0 {
			policy.Spec.PolicyTypes = append(policy.Spec.PolicyTypes, net.PolicyTypeEgress)
		}
	}
}

func ends(world *World) []end {
	labels := map[string]map[string]string{}
	for _, namespace := range world.Namespaces {
		labels[namespace.Name] = namespace.Labels
	}
	var ends []end
	for _, pod := range world.Pods {
		internal := &matcher.InternalPeer{
			PodLabels: pod.Labels, NamespaceLabels: labels[pod.Namespace], Namespace: pod.Namespace,
		}
		one := end{peer: matcher.TrafficPeer{Internal: internal, IP: address(&pod, world.V6)}}
		for _, container := range pod.Spec.Containers {
			one.ports = append(one.ports, container.Ports...)
		}
		ends = append(ends, one)
	}
	// to cyclonus a node is an address like others
	for _, node := range world.Nodes {
		ends = append(ends, end{peer: matcher.TrafficPeer{IP: nodeAddress(&node, world.V6)}})
	}
	for _, ip := range world.Outside {
		ends = append(ends, end{peer: matcher.TrafficPeer{IP: ip}})
	}
	return ends
}

func address(pod *core.Pod, v6 bool) string {
	var all []string
	for _, ip := range pod.Status.PodIPs {
		all = append(all, ip.IP)
	}
	return ofFamily(all, v6)
}

func nodeAddress(node *core.Node, v6 bool) string {
	var all []string
	for _, address := range node.Status.Addresses {
		if address.Type == core.NodeInternalIP {
			all = append(all, address.Address)
		}
	}
	return ofFamily(all, v6)
}

// ofFamily never comes back empty, which cyclonus would not survive: who asks leaves out what has no such address.
func ofFamily(addresses []string, v6 bool) string {
	for _, ip := range addresses {
		if strings.Contains(ip, ":") == v6 {
			return ip
		}
	}
	if v6 {
		return "::"
	}
	return "0.0.0.0"
}

// names are those that the end gives a port; the empty one stands for a port without a name.
func (e *end) names(port Port) []string {
	names := []string{""}
	for _, p := range e.ports {
		protocol := p.Protocol
		if protocol == "" {
			protocol = core.ProtocolTCP
		}
		if int(p.ContainerPort) == port.Port && protocol == port.Protocol && p.Name != "" {
			names = append(names, p.Name)
		}
	}
	return names
}
