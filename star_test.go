package spate

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// starred lists the actions that a job's roles have on all resources, each with
// its role, but for those that the job file itself asks for.
func starred(t *testing.T) (all []string) {
	t.Helper()
	for name, j := range variants() {
		var stack struct {
			Resources map[string]struct {
				Type       string
				Properties struct {
					Policies []struct {
						PolicyDocument struct {
							Statement []struct {
								Action   []string
								Resource any
							}
						}
					}
				}
			}
		}
		if err := json.Unmarshal(synthesise(t, j), &stack); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for id, r := range stack.Resources {
			for _, p := range r.Properties.Policies {
				for _, s := range p.PolicyDocument.Statement {
					for _, action := range s.Action {
						if s.Resource == "*" || strings.Contains(action, "*") {
							all = append(all, id+" "+action)
						}
					}
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Roles may do what they may on resources of the stack's own. The exceptions are
// in docs/aws.md, with why.
func TestStarsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+Role)` \\| `([a-z0-9-]+:\\w+)` \\| \\S.* \\|$").FindAllStringSubmatch(string(page), -1) {
		told = append(told, m[1]+" "+m[2])
	}
	slices.Sort(told)
	if diff := cmp.Diff(starred(t), told); diff != "" {
		t.Errorf("actions on all resources, in templates and in docs/aws.md (-templates +docs):\n%s", diff)
	}
}
