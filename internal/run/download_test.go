package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/record"
)

func TestDownloadsStayInTheirFolder(t *testing.T) {
	s := newStack(t)
	r := newRun(t, s, 1)
	for _, name := range []string{"../x", "a/../../x", "..", "/etc/x", "a//../../../x", "", "x\x00"} {
		if got, err := download(t, r, name); err == nil || !strings.Contains(err.Error(), "would leave its folder") {
			t.Errorf("%q: got files %q and error %v, want it refused", name, got, err)
		}
	}
	// What is a path elsewhere is a name here, or refused.
	for _, name := range []string{`..\x`, `C:\x`, `\\server\x`, "NUL", "a/b", "..x"} {
		got, err := download(t, r, name)
		if err != nil {
			continue
		}
		want := []string{filepath.Join("dir", "0", filepath.FromSlash(name)), filepath.Join("dir", "0.log")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: files (-want +got):\n%s", name, diff)
		}
	}
}

// download fetches a job's one output into a new folder, and lists what came of
// it there and around.
func download(t *testing.T, r *Run, name string) (files []string, err error) {
	t.Helper()
	result := record.Result{Generation: 1, Attempt: 1, State: record.Done, Outputs: []record.Output{{Name: name}}}
	if key := r.attemptKey(result, "out/"+name); !strings.ContainsRune(key, 0) {
		if err := r.Stack.Records().Put(t.Context(), key, strings.NewReader("text")); err != nil {
			t.Fatal(err)
		}
	}
	around := t.TempDir()
	_, err = r.Download(t.Context(), []Row{{Result: &result, Generation: 1, State: record.Done}}, filepath.Join(around, "dir"))
	walked := filepath.WalkDir(around, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(around, path)
			files = append(files, path)
		}
		return err
	})
	if walked != nil {
		t.Fatal(walked)
	}
	return files, err
}
