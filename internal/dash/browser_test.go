package dash_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// update writes the pictures in docs/img anew.
var update = flag.Bool("update", false, "write the pictures in docs/img")

// program is the real program, built once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "spate-dash-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "spate")
	out, err := exec.Command("go", "build", "-o", path, "../../cmd/spate").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building spate: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// A served is a `spate serve` in a home of its own.
type served struct {
	home string
	url  string // of the dashboard, with its key
}

// at is the address of a page.
func (s served) at(path string) string {
	base, key, _ := strings.Cut(s.url, "/?key=")
	return base + path + "?key=" + key
}

func serve(t *testing.T) served {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := served{home: t.TempDir()}
	cmd := exec.Command(path, "serve")
	cmd.Env = append(os.Environ(), "SPATE_HOME="+s.home)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stderr)
	for s.url == "" && lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "dashboard: "); ok {
			s.url = url
		}
	}
	if s.url == "" {
		t.Fatal("serve printed no address of a dashboard")
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }() // which ends with the program
	return s
}

// spate runs a command and returns what it printed.
func (s served) spate(t *testing.T, args ...string) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "SPATE_HOME="+s.home)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if _, failed := err.(*exec.ExitError); !failed {
			t.Fatalf("spate %v: %v", args, err)
		}
	}
	if len(out) == 0 {
		t.Logf("spate %v: %s", args, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// jobFolder writes a job.
func jobFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// browser starts a Chromium. Whatever a page asks elsewhere fails the test.
func browser(t *testing.T, width, height int) context.Context {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("NOT TESTED: there is no chromium here to look at the dashboard with")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.WindowSize(width, height), chromedp.Flag("force-color-profile", "srgb"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
		t.Fatalf("%v; the page says:\n%s", err, text)
	}
}

// until waits for a condition of the page, a JavaScript expression. It is asked
// from here: the pages' policy lets nothing be evaluated by the page itself.
func until(condition string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for began := time.Now(); ; {
			ok, err := chromedp.Evaluate[bool]("!!("+condition+")")(ctx, target)
			if ok {
				return nil
			}
			if time.Since(began) > patience {
				return fmt.Errorf("waiting in vain until %s (%v)", condition, err)
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-tick.C:
			}
		}
	})
}

// patience bounds each wait for a page.
const patience = 40 * time.Second

// value evaluates an expression.
func value[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// picture keeps a picture of the page where -update asks for it.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if !*update {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("../../docs/img", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("../../docs/img/"+name+".png", png, 0o666); err != nil {
		t.Fatal(err)
	}
}

const finished = `document.querySelector("#run").dataset.finished === "true"`

// Sleeps a little, so that tasks are seen; the third job of each kind fails.
const sweep = `name: sweep
command: [sh, work.sh, "{rate}", "{kind}"]
params:
  grid:
    kind: [plain, "<img src=x onerror=document.title=1>", "</script><script>document.title=2</script>"]
    rate: [1, 2, 4, 8, 16, 32, 64, 128]
cpu: 0.25
memory: 512MiB
retries: 0
max: 6
`

const work = `echo "rate $1 of <b>$2</b> <script>document.title=3</script>"
sleep 0.2
if [ "$1" = 4 ] && [ ! -e "$(dirname "$0")/mended" ]; then echo "the rate is too high"; exit 65; fi
printf '{"loss": %s.5, "rounds": 3}' "$1" > "$SPATE_OUT/metrics.json"
cat > "$SPATE_OUT/curve.svg" <<EOF
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 80" width="200" height="80"><script>document.title=4</script><rect width="200" height="80" fill="#f5f7f9"/><path d="M4 8 Q 30 60 196 72" fill="none" stroke="#2f7fc0" stroke-width="3"/></svg>
EOF
echo '<script>document.title=5</script>' > "$SPATE_OUT/page.html"
`

func TestARunIsShownWhileItGoesOn(t *testing.T) {
	ctx := browser(t, 1180, 900)
	s := serve(t)
	dir := jobFolder(t, map[string]string{"spate.yaml": sweep, "work.sh": work})
	id := s.spate(t, "run", dir, "--detach")
	do(t, ctx, chromedp.Navigate(s.at("/run/"+id)), until(`/[rd]/.test(document.querySelector("#run").dataset.states || "")`),
		until(`document.querySelectorAll("#results tbody tr").length === 24`))
	if got := value[string](t, ctx, "location.href"); strings.Contains(got, "key=") {
		t.Errorf("got the address %s, want the key out of it", got)
	}
	do(t, ctx, until(finished), until(`document.querySelector("#run").dataset.states.match(/d/g).length === 21`),
		until(`document.querySelector("#run").dataset.states.match(/f/g).length === 3`),
		until(`document.querySelectorAll("#results .badge.done").length === 21`))
	if got, want := value[string](t, ctx, `document.querySelector("#summary .state").innerText`), "24 jobs: 21 done, 3 failed"; !strings.Contains(got, want) {
		t.Errorf("got the summary %q, want it to say %q", got, want)
	}
	do(t, ctx, until(`document.querySelectorAll("#timeline canvas").length === 1 && document.querySelectorAll("#scatter canvas").length === 1`),
		until(`document.querySelector("#decisions").innerText.includes("jobs were sent: the minimum was raised to 6")`))
	picture(t, ctx, "run")

	t.Run("sorting", func(t *testing.T) {
		first := `document.querySelector("#results tbody td a").textContent`
		do(t, ctx, chromedp.Click(`#results button[data-key="mloss"]`), chromedp.Click(`#results button[data-key="mloss"]`))
		if got := value[string](t, ctx, first); got != "7" {
			t.Errorf("got job %s first by falling loss, want 7", got)
		}
		if got := value[string](t, ctx, `document.querySelector("#results th[aria-sort=descending]").textContent`); !strings.HasPrefix(got, "loss") {
			t.Errorf("got %q as the sorted column, want loss", got)
		}
	})
	t.Run("nothing of jobs is run as HTML", func(t *testing.T) {
		if got := value[string](t, ctx, "document.title"); got != "sweep · spate" {
			t.Errorf("got the title %q, want what the page had", got)
		}
		if got := value[int](t, ctx, `document.querySelectorAll("main img, main script").length`); got != 0 {
			t.Errorf("got %d elements of a parameter's making, want none", got)
		}
		if got := value[string](t, ctx, `document.querySelector("#results tbody").innerText`); !strings.Contains(got, "<img src=x onerror=document.title=1>") {
			t.Errorf("got %q, want the parameter as it is", got)
		}
	})
	t.Run("job", func(t *testing.T) { showsAJob(t, ctx, s, id) })
	t.Run("retry", func(t *testing.T) {
		if err := os.WriteFile(filepath.Join(dir, "mended"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		do(t, ctx, chromedp.Navigate(s.at("/run/"+id)), until(finished), chromedp.Click("#retry"),
			until(`(document.querySelector("#run").dataset.states || "").replaceAll("d", "") === "" && document.querySelector("#summary .state").innerText.includes("24 done, 0 failed")`))
	})
	t.Run("home", func(t *testing.T) {
		do(t, ctx, chromedp.Navigate(s.at("/")), until(`document.querySelector("#runs .badge.done")`))
		text := value[string](t, ctx, "document.body.innerText")
		for _, want := range []string{"sweep", "succeeded", id, "export AWS_ENDPOINT_URL=", "answers within", "CREATE_COMPLETE"} {
			if !strings.Contains(text, want) {
				t.Errorf("got no %q on the first page:\n%s", want, text)
			}
		}
		value[string](t, ctx, `document.querySelector("#exports").textContent = "export AWS_ENDPOINT_URL=http://127.0.0.1:4100\n…"`)
		picture(t, ctx, "home")
	})
}

func showsAJob(t *testing.T, ctx context.Context, s served, id string) {
	do(t, ctx, chromedp.Navigate(s.at("/run/"+id+"/job/8")), until(`document.querySelector("#log").textContent !== ""`),
		until(`document.querySelector(".outputs img").naturalWidth === 200`))
	if got, want := value[string](t, ctx, `document.querySelector("#log").textContent`),
		"rate 1 of <b><img src=x onerror=document.title=1></b> <script>document.title=3</script>\n"; got != want {
		t.Errorf("got the log %q, want %q", got, want)
	}
	if got := value[string](t, ctx, "document.title"); got != "sweep · spate" {
		t.Errorf("got the title %q, want what the page had", got)
	}
	if got := value[string](t, ctx, `document.querySelector("main").innerText`); !strings.Contains(got, "loss") || !strings.Contains(got, "1.5") {
		t.Errorf("got %q, want the metric", got)
	}
	picture(t, ctx, "job")
	// What a job left as a page is never one here.
	type reply struct{ Type, Disposition, Policy string }
	raw := value[string](t, ctx, `(() => { const r = new XMLHttpRequest(); r.open("GET", location.pathname + "/out?name=page.html", false); r.send();
		return JSON.stringify({Type: r.getResponseHeader("Content-Type"), Disposition: r.getResponseHeader("Content-Disposition"), Policy: r.getResponseHeader("Content-Security-Policy")}); })()`)
	var got reply
	if err := json.Unmarshal([]byte(raw), &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "application/octet-stream" || !strings.HasPrefix(got.Disposition, "attachment") || !strings.Contains(got.Policy, "sandbox") {
		t.Errorf("got %+v, want a download in a sandbox", got)
	}
	for _, name := range []string{"../log.txt", "../../../run.json", "nothing"} {
		if got := value[int](t, ctx, fmt.Sprintf(`(() => { const r = new XMLHttpRequest(); r.open("GET", location.pathname + "/out?name=" + encodeURIComponent(%q), false); r.send(); return r.status; })()`, name)); got != 404 {
			t.Errorf("output %s: got status %d, want 404", name, got)
		}
	}
}

// scheming sets what the person prefers.
func scheming(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}
