package spate

// What is made by a literal or by another stack names resources that this
// stack does not have. It is told, and something empty stands in for it, so
// that the rest is checked all the same.

// ours reports whether something is of the field's stack.
func (f field) ours(owner *Stack, call string) bool {
	if owner == f.stack {
		return true
	}
	f.problem("make it with "+call, "it is not of this stack")
	return false
}

func (s *Stack) ourQueue(at field, q *Queue) *Queue {
	if q == nil || at.ours(q.stack, "stack.Queue(…)") {
		return q
	}
	return &Queue{stack: s}
}

func (s *Stack) ourVPC(at field, v *VPC) *VPC {
	if v == nil || at.ours(v.stack, "stack.VPC(…)") {
		return v
	}
	return &VPC{stack: s}
}

func (s *Stack) ourCluster(at field, c *Cluster) *Cluster {
	if c == nil || at.ours(c.stack, "stack.Cluster(…)") {
		return c
	}
	return &Cluster{stack: s, imported: true, vpc: &VPC{stack: s}}
}

func (s *Stack) ourTask(at field, t *TaskDefinition) *TaskDefinition {
	if t == nil || at.ours(t.stack, "stack.FargateTaskDefinition(…)") {
		return t
	}
	return &TaskDefinition{stack: s}
}
