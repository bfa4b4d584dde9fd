package dash_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// What is embedded is what is in static, packed.
func TestPackedFilesAreTheirOriginals(t *testing.T) {
	for _, name := range []string{"dash.js", "dash.css", "uplot.css"} {
		want, err := os.ReadFile("static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := os.Open("static/" + name + ".gz")
		if err != nil {
			t.Fatal(err)
		}
		defer packed.Close()
		unpacked, err := gzip.NewReader(packed)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(unpacked)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s.gz is not %s (%v): go generate ./internal/dash packs it", name, name, err)
		}
	}
}

const quick = `name: quick
command: ["true"]
params: {grid: {a: [1, 2], b: [x, y]}}
cpu: 0.25
memory: 512MiB
max: 4
`

// contrast is the least contrast of a text with what is behind it, by WCAG's
// formula, and that text. https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
const contrast = `(() => {
	const rgb = (s) => (s.match(/[\d.]+/g) || []).map(Number);
	const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	let least = 99, what = "";
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || !e.getClientRects().length || e.disabled || e.closest(".skip,option")) continue;
		let behind = [255, 255, 255];
		for (let p = e; p; p = p.parentElement) { const c = rgb(getComputedStyle(p).backgroundColor); if (c.length === 3 || c[3] === 1) { behind = c.slice(0, 3); break; } }
		const [a, b] = [light(rgb(getComputedStyle(e).color).slice(0, 3)), light(behind)].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		if (ratio < least) { least = ratio; what = e.tagName + "." + e.className + " " + e.textContent.slice(0, 40); }
	}
	return least >= 4.5 ? "" : least.toFixed(2) + " " + what;
})()`

// Every page is readable on a phone, in light and in dark, and by the keyboard.
func TestPagesAreReadable(t *testing.T) {
	ctx := browser(t, 360, 740)
	s := serve(t)
	id := s.spate(t, "run", jobFolder(t, map[string]string{"spate.yaml": quick}), "--detach")
	s.spate(t, "watch", id)
	do(t, ctx, chromedp.EmulateViewport(360, 740))
	for _, page := range []struct{ path, ready string }{
		{"/", `document.querySelector("#runs .badge.done")`},
		{"/run/" + id, `document.querySelectorAll("#results .badge.done").length === 4 && document.querySelector("#timeline canvas")`},
		{"/run/" + id + "/job/0", `document.querySelector("#logstate").textContent`},
		{"/stack/quick", `document.querySelector("#resources td") && document.querySelector("#alarms .badge") && document.querySelector("#alarms polyline")`},
	} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(page.path[:strings.LastIndexByte(page.path, '/')+1]+scheme, func(t *testing.T) {
				do(t, ctx, scheming(scheme), chromedp.Navigate(s.at(page.path)), until(page.ready))
				if got := value[string](t, ctx, contrast); got != "" {
					t.Errorf("got a contrast of %s, want 4.5", got)
				}
				if got := value[int](t, ctx, "document.documentElement.scrollWidth"); got > 360 {
					t.Errorf("got a page %d wide, want 360", got)
				}
				if got := value[int](t, ctx, `[...document.querySelectorAll("input,select,canvas[tabindex],button,a")].filter((e) => !(e.labels && e.labels.length) && !(e.getAttribute("aria-label") || e.textContent).trim()).length`); got != 0 {
					t.Errorf("got %d controls without a name, want none", got)
				}
				if strings.HasSuffix(page.path, id) {
					picture(t, ctx, "phone-"+scheme)
				}
			})
		}
	}
	t.Run("stack", func(t *testing.T) {
		do(t, ctx, chromedp.Navigate(s.at("/stack/quick")), until(`document.querySelector("#resources td")`))
		text := value[string](t, ctx, "document.body.innerText")
		for _, want := range []string{"AWS::ECS::Service", "inert", "0 messages that no worker could read", "jobs were sent: the minimum was raised to 4"} {
			if !strings.Contains(text, want) {
				t.Errorf("got no %q on the page of a stack:\n%s", want, text)
			}
		}
	})
	t.Run("keyboard", func(t *testing.T) {
		do(t, ctx, chromedp.Navigate(s.at("/run/"+id)), until(finished), until(`document.querySelectorAll("#results .badge.done").length === 4`),
			chromedp.Focus("#grid"), chromedp.KeyEvent("\u0303"), chromedp.KeyEvent("\u0303"))
		if got, want := value[string](t, ctx, `document.querySelector("#chosen").textContent`), "Job 1: done (1, y)"; got != want {
			t.Errorf("got %q chosen, want %q", got, want)
		}
		do(t, ctx, chromedp.KeyEvent("\r"), until(`location.pathname.endsWith("/job/1")`))
	})
}

// The report is one file that works by itself.
func TestAReportStandsAlone(t *testing.T) {
	ctx := browser(t, 1100, 900)
	s := serve(t)
	dir := jobFolder(t, map[string]string{"spate.yaml": strings.Replace(sweep, "16, 32, 64, 128", "16", 1), "work.sh": work})
	id := s.spate(t, "run", dir, "--detach")
	s.spate(t, "watch", id)
	path := filepath.Join(t.TempDir(), "report.html")
	if got := s.spate(t, "report", id, "--file", path); got != path {
		t.Fatalf("got %q printed, want the path %s", got, path)
	}
	do(t, ctx, chromedp.Navigate("file://"+path), until(`document.querySelectorAll("#results tbody tr").length === 15 && document.querySelectorAll(".chart canvas").length === 2`))
	text := value[string](t, ctx, "document.body.innerText")
	for _, want := range []string{id, "15 jobs: 12 done, 3 failed", "the rate is too high", "the minimum was raised", "<img src=x onerror=document.title=1>", "512 MiB"} {
		if !strings.Contains(text, want) {
			t.Errorf("got no %q in the report:\n%s", want, text)
		}
	}
	if got := value[string](t, ctx, "document.title"); got != "sweep "+id {
		t.Errorf("got the title %q, want what the report had", got)
	}
	if got := value[int](t, ctx, `document.querySelectorAll("[src],link").length`); got != 0 {
		t.Errorf("got %d references to elsewhere, want none", got)
	}
	do(t, ctx, chromedp.Click(`#results button[data-key="mloss"]`), until(`document.querySelector("#results th[aria-sort=ascending]").textContent.startsWith("loss")`))
	picture(t, ctx, "report")
}

// 10,000 jobs are drawn and redrawn within a frame or two.
func TestTenThousandJobsAreDrawnSmoothly(t *testing.T) {
	ctx := browser(t, 1180, 900)
	s := serve(t)
	rows := strings.Builder{}
	for range 10_000 {
		rows.WriteString("{\"n\": 1}\n")
	}
	dir := jobFolder(t, map[string]string{"rows.jsonl": rows.String(), "spate.yaml": "name: many\ncommand: [sleep, \"100\"]\nparams: {file: rows.jsonl}\ncpu: 0.25\nmemory: 512MiB\nmax: 2\n"})
	id := s.spate(t, "run", dir, "--detach")
	began := time.Now()
	do(t, ctx, chromedp.Navigate(s.at("/run/"+id)), until(`document.querySelector("#run").dataset.rows === "10000" && document.querySelector("#results tbody tr")`))
	t.Logf("10,000 jobs were shown after %s", time.Since(began).Round(time.Millisecond))
	took := value[float64](t, ctx, `(() => { const g = document.querySelector("#grid"), box = g.getBoundingClientRect(); const at = performance.now(); let k = 0;
		return new Promise((done) => { const step = () => { g.dispatchEvent(new PointerEvent("pointermove", {clientX: box.left + 5 + 7 * k, clientY: box.top + 20})); if (++k < 60) requestAnimationFrame(step); else done((performance.now() - at) / 60); }; step(); }); })()`)
	t.Logf("a frame took %.1f ms while the pointer moved", took)
	if took > 100 {
		t.Errorf("got %.0f ms a frame, want at most 100 on any machine", took)
	}
	do(t, ctx, until(`!document.querySelector("#cancel").hidden`))
	value[bool](t, ctx, `(window.confirm = () => true)()`)
	do(t, ctx, chromedp.Click("#cancel"), until(`document.querySelector("#summary .badge").textContent === "cancelled"`))
	picture(t, ctx, "many")
}
