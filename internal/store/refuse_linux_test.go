package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/spate-run/spate/internal/store"
)

// A refusal is a system call that fails from some moment on, as a disk makes it.
type refusal struct {
	calls []uint32
	errno unix.Errno
	room  uint32 // bytes that the write-ahead log may still grow by
}

// refusals are the disk's ways to fail.
func refusals() map[string]refusal {
	return map[string]refusal{
		"the disk does not confirm":        {calls: []uint32{unix.SYS_FSYNC, unix.SYS_FDATASYNC}, errno: unix.EIO},
		"the disk takes nothing":           {calls: []uint32{unix.SYS_PWRITE64}, errno: unix.EIO},
		"the disk is full":                 {calls: []uint32{unix.SYS_PWRITE64}, errno: unix.ENOSPC},
		"the disk is full within a change": {calls: []uint32{unix.SYS_PWRITE64}, errno: unix.ENOSPC, room: 41_000},
	}
}

// pair is how many documents one change writes.
const pair = 2

func TestNothingIsLostWhenTheDiskFails(t *testing.T) {
	for name := range refusals() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "STORE_TEST_REFUSE="+name, "STORE_TEST_WRITE="+path)
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var kept, refused []string
			for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
				key, fault, failed := strings.Cut(lines.Text(), " ")
				switch {
				case !failed:
					kept = append(kept, key)
				case !strings.Contains(fault, "disk") && !strings.Contains(fault, "full"):
					t.Fatalf("change %s failed by %q, want the disk's fault", key, fault)
				case !strings.HasPrefix(fault, "once: "):
					t.Fatalf("change %s was made again when the disk had refused it: %s", key, fault)
				default:
					refused = append(refused, key)
				}
			}
			if len(kept) < 80 || len(refused) < 50 {
				t.Fatalf("got %d changes made and %d refused, want both", len(kept), len(refused))
			}
			checkPairs(t, path, kept, refused)
		})
	}
}

// checkPairs looks at what is on disk: all that was acknowledged, and of what was
// not, all or nothing.
func checkPairs(t *testing.T, path string, kept, refused []string) {
	t.Helper()
	s := open(t, path)
	all, err := store.NewTable[note](s, "note").All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	count := func(key string) int {
		n := 0
		for i := range pair {
			if strings.HasPrefix(all[key+"."+strconv.Itoa(i)].Text, key) {
				n++
			}
		}
		return n
	}
	for _, key := range kept {
		if got := count(key); got != pair {
			t.Errorf("got %d documents of change %s, which was acknowledged, want %d", got, key, pair)
		}
	}
	for _, key := range refused {
		if got := count(key); got != 0 && got != pair {
			t.Errorf("got %d documents of change %s, which was refused, want none or all", got, key)
		}
	}
}

// writeRefused makes changes, and goes on while the disk fails. A line tells what
// came of each.
func writeRefused(path, name string) error {
	s, err := store.Open(context.Background(), path)
	if err != nil {
		return err
	}
	defer s.Close()
	notes := store.NewTable[note](s, "note")
	var mu sync.Mutex
	change := func(key string) {
		runs := 0
		err := s.Update(context.Background(), func(tx *store.Tx) error {
			runs++
			for i := range pair {
				if err := notes.Put(tx, key+"."+strconv.Itoa(i), note{Text: key + strings.Repeat("x", 2000)}); err != nil {
					return err
				}
			}
			return nil
		})
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			times := fmt.Sprint(runs, " times")
			if runs <= 1 { // not at all where the transaction does not begin
				times = "once"
			}
			fmt.Println(key, times+":", strings.ReplaceAll(err.Error(), "\n", " "))
			return
		}
		fmt.Println(key)
	}
	several := func(prefix string, each int) {
		var writers sync.WaitGroup
		for w := range 8 {
			writers.Go(func() {
				for n := range each {
					change(fmt.Sprintf("%s-%d-%d", prefix, w, n))
				}
			})
		}
		writers.Wait()
	}
	several("before", 10) // few enough for the log not to begin anew
	log, err := os.Stat(path + "-wal")
	if err != nil {
		return err
	}
	if err := refusals()[name].begin(uint32(log.Size())); err != nil {
		return fmt.Errorf("having system calls fail: %w", err)
	}
	several("after", 25)
	return nil
}

// begin has the calls of this process fail, for good: a filter of the kernel
// answers them. The log has so many bytes. https://docs.kernel.org/userspace-api/seccomp_filter.html
func (r refusal) begin(log uint32) error {
	var from uint32 // offset in a file, for writes only
	if r.room > 0 {
		from = log + r.room
	}
	const number, offset = 0, 16 + 3*8 // in struct seccomp_data: the call, and its fourth argument
	load := func(k uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: k}
	}
	answer := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	var filter []unix.SockFilter
	for _, call := range r.calls {
		filter = append(filter,
			load(number),
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 3},
			load(offset),
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: from, Jf: 1},
			answer(unix.SECCOMP_RET_ERRNO|uint32(r.errno)),
		)
	}
	filter = append(filter, answer(unix.SECCOMP_RET_ALLOW))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}

// A disk that fails within a change fails those that share its transaction: none
// of them is made again.
func TestADiskThatFailsWithinAChangeIsAskedOnce(t *testing.T) {
	failing, err := sql.Open("sqlite", "file:/proc/self/mem?mode=ro&immutable=1") // nothing can be read at its beginning
	if err != nil {
		t.Fatal(err)
	}
	defer failing.Close()
	_, fault := failing.Exec("SELECT * FROM sqlite_schema")
	if refused := store.Refused("x.db", fault); refused == nil || refused.Reason != store.Failing {
		t.Fatalf("got %v, want an I/O error", fault)
	}

	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	notes := store.NewTable[note](s, "note")
	entered, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Update(t.Context(), func(*store.Tx) error { close(entered); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-entered
	runs, errs := make([]int, 20), make([]error, 20)
	waiting := make(chan struct{}, len(runs))
	for i := range runs {
		wg.Go(func() {
			waiting <- struct{}{}
			errs[i] = s.Update(t.Context(), func(tx *store.Tx) error {
				if runs[i]++; i%2 == 0 {
					return fmt.Errorf("reading: %w", fault)
				}
				return notes.Put(tx, strconv.Itoa(i), note{})
			})
		})
	}
	for range runs {
		<-waiting
	}
	close(release)
	wg.Wait()
	all, err := notes.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range runs {
		if _, kept := all[strconv.Itoa(i)]; n > 1 || kept != (errs[i] == nil) {
			t.Errorf("change %d: got %d runs, error %v, kept %v, want one run, and kept without an error", i, n, errs[i], kept)
		}
	}
}
