// Package template is the CloudFormation model: it reads a template, says what
// is wrong with it, orders its resources, and works out what their properties
// are once parameters and other resources are known.
//
//	JSON ─┐
//	YAML ─┴─Parse──► *Node ──New──► *Template ──Validate──► Levels
//	                   ▲                │
//	Builder ───────────┘                ├─► ParameterStoreNames, ParameterValues
//	                                    └─► Scope: CheckRules, Properties, Outputs ──► Diff
//
// A [Node] keeps the order of members and where in the text they stood, so a
// template marshals as it was written and errors name a line and a column.
// What reads a template from text ends in Nodes, where the short forms of YAML
// are calls like any other; everything after that does not know which syntax
// it was. YAML is read as AWS reads it: version 1.1, without aliases.
//
// It promises AWS's wording where AWS refuses a template
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html)
// and leaves to others what a resource type's properties and attributes are.
// It makes nothing and asks nobody: values that only a running stack or the
// parameter store knows come in through the functions of a [Scope] and the
// arguments of [Template.ParameterValues].
package template
