package sqs

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/spate-run/spate/internal/wire"
)

// maxStatements is how many statements a queue's policy may have.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html
const maxStatements = 20

// parsePolicy checks a Policy as far as IAM's grammar goes; what it says has no
// effect here. An empty one removes it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func parsePolicy(_ *Service, a attribute, value string) (string, error) {
	if value == "" {
		return "", nil
	}
	var doc map[string]json.RawMessage
	if json.Unmarshal([]byte(value), &doc) != nil || doc == nil || !onlyHas(doc, "Version", "Id", "Statement") {
		return "", invalidAttribute(a.name)
	}
	var version *string
	if text, ok := doc["Version"]; ok && (json.Unmarshal(text, &version) != nil || version == nil ||
		*version != "2008-10-17" && *version != "2012-10-17") {
		return "", invalidAttribute(a.name)
	}
	statements, ok := listOf(doc["Statement"])
	if !ok || len(statements) == 0 ||
		slices.ContainsFunc(statements, func(s json.RawMessage) bool { return !isStatement(s) }) {
		return "", invalidAttribute(a.name)
	}
	return value, checkStatements(len(statements))
}

func checkStatements(n int) error {
	if n <= maxStatements {
		return nil
	}
	fault := wire.Faultf("OverLimit", "%d statements were found in the submitted policy, max allowed is %d", n, maxStatements)
	fault.Status = http.StatusForbidden
	return fault
}

// isStatement says whether a text is a statement of a resource's policy.
func isStatement(text json.RawMessage) bool {
	var s map[string]json.RawMessage
	if json.Unmarshal(text, &s) != nil || !onlyHas(s, "Sid", "Effect", "Principal", "NotPrincipal",
		"Action", "NotAction", "Resource", "NotResource", "Condition") {
		return false
	}
	var effect string
	if json.Unmarshal(s["Effect"], &effect) != nil || effect != "Allow" && effect != "Deny" {
		return false
	}
	for _, name := range []string{"Action", "Resource"} {
		if !isStrings(s[name]) && !isStrings(s["Not"+name]) {
			return false
		}
	}
	return isPrincipal(s["Principal"]) || isPrincipal(s["NotPrincipal"])
}

// isPrincipal says whether a text is "*", or names at least one of somebody.
func isPrincipal(text json.RawMessage) bool {
	var all string
	if json.Unmarshal(text, &all) == nil {
		return all == "*"
	}
	var named map[string]json.RawMessage
	if json.Unmarshal(text, &named) != nil || len(named) == 0 {
		return false
	}
	for kind, who := range named {
		if !slices.Contains([]string{"AWS", "Service", "Federated", "CanonicalUser"}, kind) || !isStrings(who) {
			return false
		}
	}
	return true
}

// isStrings says whether a text is a string, or a list of at least one.
func isStrings(text json.RawMessage) bool {
	all, ok := listOf(text)
	return ok && len(all) > 0 && !slices.ContainsFunc(all, func(one json.RawMessage) bool {
		var s *string
		return json.Unmarshal(one, &s) != nil || s == nil
	})
}

// listOf returns a list's elements, or what is no list as the only one.
func listOf(text json.RawMessage) (all []json.RawMessage, ok bool) {
	if len(text) == 0 {
		return nil, false
	}
	if json.Unmarshal(text, &all) == nil && all != nil {
		return all, true
	}
	return []json.RawMessage{text}, true
}

func onlyHas(doc map[string]json.RawMessage, names ...string) bool {
	for name := range doc {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}
