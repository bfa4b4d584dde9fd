package runner_test

import (
	"testing"

	"github.com/spate-run/spate/internal/runner"
)

func TestCapacity(t *testing.T) {
	c := runner.NewCapacity(runner.Size{CPU: 2048, Memory: 4096})
	one := runner.Size{CPU: 1024, Memory: 1024}
	huge := runner.Size{CPU: 16384, Memory: 512}
	if !c.Reserve(one) {
		t.Error("a task did not fit on an empty machine")
	}
	if c.Reserve(huge) {
		t.Error("a task larger than the machine fitted beside another")
	}
	c.Release(one)
	if !c.Reserve(huge) {
		t.Error("a task larger than the machine did not fit on an empty one")
	}
	if c.Reserve(one) {
		t.Error("a task fitted beside one that takes the machine")
	}
	c.Release(huge)
	for range 2 {
		if !c.Reserve(one) {
			t.Error("a half did not fit after everything was released")
		}
	}
}

func TestGPUsAreCounted(t *testing.T) {
	c := runner.NewCapacity(runner.Size{CPU: 4096, Memory: 4096, GPUs: 1})
	one := runner.Size{CPU: 128, Memory: 64, GPUs: 1}
	if !c.Reserve(one) || c.Reserve(one) {
		t.Error("got other than one task on a machine with one GPU")
	}
	c.Release(one)
	if !c.Reserve(one) {
		t.Error("the GPU was not given back")
	}
}
