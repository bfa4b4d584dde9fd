package engine

import "testing"

// Owner is the mark of a home's processes.
func Owner(t *testing.T, dir string) string {
	t.Helper()
	id, err := loadIdentity(home(dir))
	if err != nil {
		t.Fatal(err)
	}
	return home(dir).owner(id)
}
