package s3_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/spate-run/spate/internal/engine/s3"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// homeVariable tells the test's program to be a server on a home, until it is
// killed.
const homeVariable = "SPATE_TEST_S3_HOME"

func TestMain(m *testing.M) {
	home := os.Getenv(homeVariable)
	if home == "" {
		os.Exit(m.Run())
	}
	if err := serve(home); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve prints its address.
func serve(home string) error {
	ctx := context.Background()
	st, err := store.Open(ctx, filepath.Join(home, "spate.db"))
	if err != nil {
		return err
	}
	service, err := s3.New(ctx, s3.Config{
		Store: st, Dir: filepath.Join(home, "objects"), Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go service.Run(ctx)
	fmt.Printf("http://%s\n", listener.Addr())
	return http.Serve(listener, service)
}

// content is that of the n-th object: small ones, large ones, and one of 0.
func content(n int) []byte {
	return bytes.Repeat([]byte(fmt.Sprintf("%06d ", n)), []int{0, 10, 1000, 20_000}[n%4])
}

func TestKillUnderLoad(t *testing.T) {
	home := t.TempDir()
	acknowledged := map[string]int{} // the newest version of each key
	for round := range 3 {
		acknowledge(t, home, round, acknowledged)
	}

	b := open(t, home)
	for key, n := range acknowledged {
		if got := b.content(t, key); got != string(content(n)) {
			t.Errorf("%s: got %d bytes, want the %d that were acknowledged", key, len(got), len(content(n)))
		}
	}
	listed := b.keys(t, &sdk.ListObjectsV2Input{})
	for _, key := range listed { // those too that nobody had an answer for
		out, err := b.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: new(bucket), Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		sum := md5.Sum([]byte(b.content(t, key)))
		if want := hex.EncodeToString(sum[:]); strings.Trim(*out.ETag, `"`) != want {
			t.Errorf("%s: got a content that is not its ETag's", key)
		}
	}
	if len(acknowledged) < 100 {
		t.Errorf("only %d puts were acknowledged", len(acknowledged))
	}
	t.Logf("%d objects acknowledged, %d there", len(acknowledged), len(listed))
}

// acknowledge puts objects from several writers until the server is killed in
// the middle of it, and notes what was answered.
func acknowledge(t *testing.T, home string, round int, acknowledged map[string]int) {
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), homeVariable+"="+home)
	server.Stderr = t.Output()
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait() // it was killed
	defer server.Process.Kill()
	var url string
	if _, err := fmt.Fscanln(stdout, &url); err != nil {
		t.Fatal(err)
	}
	c := client(url, &http.Client{})
	if round == 0 {
		if _, err := c.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: new(bucket)}); err != nil {
			t.Fatal(err)
		}
	}
	const writers, puts = 4, 60
	var mu sync.Mutex
	var wg sync.WaitGroup
	done := 0
	for w := range writers {
		wg.Go(func() {
			for i := range puts {
				n := (round*puts+i)*writers + w
				key := fmt.Sprintf("k/%d/%d", w, i%60) // some are replaced
				_, err := c.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: new(bucket), Key: &key, Body: bytes.NewReader(content(n))})
				mu.Lock()
				if err != nil {
					delete(acknowledged, key) // the new version or the old: either is right
					mu.Unlock()
					return
				}
				acknowledged[key] = n
				if done++; done == writers*puts*3/4 {
					server.Process.Kill()
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func TestSettling(t *testing.T) {
	home := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b, service := run(t, home)
		b.Client = client("http://engine.local", &http.Client{Transport: wire.Transport(service)})
		if _, err := b.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: new(bucket)}); err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{0, 100, 100_000} {
			key := fmt.Sprint(size)
			b.put(t, key, strings.Repeat("old", size))
			b.put(t, key, strings.Repeat("new", size))
			b.put(t, "gone/"+key, "x")
			if _, err := b.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: new(bucket), Key: new("gone/" + key)}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := b.files(t); len(got) != 3 {
			t.Errorf("got files %q, want one for each of three objects", got)
		}
		var left int
		if err := b.store.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM s3_content) + (SELECT count(*) FROM s3_garbage)").Scan(&left); err != nil {
			t.Fatal(err)
		}
		if left != 0 {
			t.Errorf("got %d rows left to settle, want none", left)
		}
		for _, size := range []int{0, 100, 100_000} {
			if got := b.content(t, fmt.Sprint(size)); got != strings.Repeat("new", size) {
				t.Errorf("%d: got another content of %d bytes", size, len(got))
			}
		}
	})
}

func TestObjectsOutliveTheService(t *testing.T) {
	home := t.TempDir()
	content := map[string]string{"small": "s", "empty": "", "large": strings.Repeat("l", 1<<20), "changed": "new"}
	t.Run("write", func(t *testing.T) {
		b := open(t, home)
		if _, err := b.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: new(bucket)}); err != nil {
			t.Fatal(err)
		}
		b.put(t, "changed", "old")
		b.put(t, "gone", "x")
		for key, text := range content {
			b.put(t, key, text)
		}
		if _, err := b.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: new(bucket), Key: new("gone")}); err != nil {
			t.Fatal(err)
		}
	})
	folder := filepath.Join(home, "objects", "incoming")
	if err := os.WriteFile(filepath.Join(folder, "stray"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := open(t, home)
	for key, want := range content {
		if got := b.content(t, key); got != want {
			t.Errorf("%s: got %d bytes, want %d", key, len(got), len(want))
		}
	}
	if got := b.files(t); len(got) != len(content) {
		t.Errorf("got files %q, want one for each of %d objects", got, len(content))
	}
}

// files lists the files of all objects.
func (b *bed) files(t testing.TB) (names []string) {
	t.Helper()
	if err := filepath.WalkDir(filepath.Join(b.home, "objects"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return names
}

// A content that the store holds counts, whatever its file looks like.
func TestTornFilesAreMended(t *testing.T) {
	home := t.TempDir()
	folder := filepath.Join(home, "objects", "buckets", bucket)
	t.Run("write", func(t *testing.T) {
		b, service := still(t, home)
		b.Client = client("http://engine.local", &http.Client{Transport: wire.Transport(service)})
		if _, err := b.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: new(bucket)}); err != nil {
			t.Fatal(err)
		}
		b.put(t, "k", "content")
		var file string
		if err := b.store.QueryRow(t.Context(), "SELECT file FROM s3_content").Scan(&file); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, file), []byte("con"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if got := open(t, home).content(t, "k"); got != "content" {
		t.Errorf("got %q, want content", got)
	}
}
