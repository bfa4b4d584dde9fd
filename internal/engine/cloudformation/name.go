package cloudformation

import "strings"

// suffixLetters are those of the random ends of physical names.
const suffixLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// madeUpName returns a physical name for a resource that has none in its
// template: stack-Logical-RANDOM, as AWS forms it.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
func madeUpName(stack, logical string, k kind) string {
	var end strings.Builder
	for _, b := range randomBytes(12) {
		end.WriteByte(suffixLetters[int(b)%len(suffixLetters)])
	}
	limit := 64 // what the shortest of the named types allow
	if k.lowerName {
		limit = 63
	}
	room := limit - 2 - end.Len()
	stack = cut(stack, room/2)
	logical = cut(logical, room-len(stack))
	name := stack + "-" + logical + "-" + end.String()
	if k.lowerName {
		return strings.ToLower(name)
	}
	return name
}

func cut(s string, limit int) string { return s[:min(len(s), limit)] }
