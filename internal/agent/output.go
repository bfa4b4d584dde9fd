package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/record"
)

// metricsName is the output whose numbers become the result's metrics.
const metricsName = "metrics.json"

// largestMetrics bounds it.
const largestMetrics = 1 << 20

// mostWrong is how many of its numbers are told that are none.
const mostWrong = 5

// longestName bounds an output's name, in bytes: a key has 1,024, of which the
// attempt's prefix takes some.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const longestName = 900

// An output is a file to upload.
type output struct {
	record.Output
	path string // below SPATE_OUT, as the file system has it
}

// An outbox is what an attempt left in SPATE_OUT. Nothing outside of the
// folder is reached through it, whatever links a job makes. The zero value is
// empty.
type outbox struct {
	root  *os.Root
	files []output
	names map[string]bool
	note  func(format string, args ...any) // tells the person what is left out
}

// openOutbox opens the outputs below an attempt's folder. The job may have put
// a link in the place of its outputs, which must not lead outside either.
func openOutbox(dir string, note func(string, ...any)) (*outbox, error) {
	space, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer space.Close()
	root, err := space.OpenRoot("out")
	if err != nil {
		return nil, err
	}
	o := &outbox{root: root, names: map[string]bool{}, note: note}
	o.collect(".")
	return o, nil
}

func (o *outbox) close() {
	if o.root != nil {
		_ = o.root.Close() // it was only read
	}
}

// collect adds the files of a folder and all below it.
func (o *outbox) collect(dir string) {
	entries, err := o.entries(dir)
	if err != nil {
		o.note("the outputs in %q are left out: %v", dir, err)
	}
	for _, entry := range entries {
		at := path.Join(dir, entry.Name())
		if entry.IsDir() {
			o.collect(at)
			continue
		}
		if err := o.add(at); err != nil {
			o.note("output %q is left out: %v", at, err)
		}
	}
}

func (o *outbox) entries(dir string) ([]fs.DirEntry, error) {
	f, err := o.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// add adds a file, or a link to one in the folder.
func (o *outbox) add(at string) error {
	info, err := o.root.Stat(at)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	name := objectName(at)
	if len(name) > longestName {
		return fmt.Errorf("its name has %d bytes, and may have %d", len(name), longestName)
	}
	if o.names[name] {
		return fmt.Errorf("another output has the name %q", name)
	}
	// To be told now: by the time of the upload it would cost the attempt.
	opened, err := o.root.Open(at)
	if err != nil {
		return err
	}
	_ = opened.Close() // it was not even read
	o.names[name] = true
	o.files = append(o.files, output{Output: record.Output{Name: name, Size: info.Size()}, path: at})
	return nil
}

// escaped finds what objectName writes for a byte.
var escaped = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`%([01][0-9A-F]|25|7F|[89A-F][0-9A-F])`) })

// objectName is a file's name as a key can hold it. Keys are UTF-8, and
// control characters do not survive a listing in XML: in names with such
// bytes these, and %, are escaped as in a URL. So is % in a name that has what
// such an escape looks like, and no two names become one.
func objectName(name string) string {
	odd := func(r rune) bool { return r == utf8.RuneError || unicode.IsControl(r) }
	if !strings.ContainsFunc(name, odd) && !escaped().MatchString(name) {
		return name
	}
	var b strings.Builder
	for rest := name; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if odd(r) || r == '%' {
			for _, c := range []byte(rest[:size]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		} else {
			b.WriteString(rest[:size])
		}
		rest = rest[size:]
	}
	return b.String()
}

// outputs lists the files as the attempt's records do.
func (o *outbox) outputs() []record.Output {
	var list []record.Output
	for _, f := range o.files {
		list = append(list, f.Output)
	}
	return list
}

// metrics reads the numbers of metrics.json, and says what is wrong with it.
func (o *outbox) metrics() (metrics map[string]float64, wrong string) {
	if !o.names[metricsName] {
		return nil, ""
	}
	metrics, err := o.readMetrics()
	if err != nil {
		wrong = fmt.Sprintf("%s: %v", metricsName, err)
		o.note("%s", wrong)
	}
	return metrics, wrong
}

// readMetrics returns what numbers there are also with an error.
func (o *outbox) readMetrics() (map[string]float64, error) {
	f, err := o.root.Open(metricsName)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestMetrics+1))
	if err != nil {
		return nil, err
	}
	if len(text) > largestMetrics {
		return nil, fmt.Errorf("it is larger than %d bytes", largestMetrics)
	}
	var values map[string]any
	if err := json.Unmarshal(withoutNaN(text), &values); err != nil {
		return nil, err
	}
	metrics := map[string]float64{}
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		number, ok := values[name].(float64)
		switch {
		case name == "" || strings.ContainsFunc(name, unicode.IsControl):
			wrong = append(wrong, fmt.Sprintf("%q cannot name a metric", name))
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%q is no number", name))
		default:
			metrics[name] = number
		}
	}
	if more := len(wrong) - mostWrong; more > 0 {
		wrong = append(wrong[:mostWrong], fmt.Sprintf("and %d more", more))
	}
	if len(wrong) > 0 {
		return metrics, errors.New(strings.Join(wrong, ", "))
	}
	return metrics, nil
}

// notNumbers are no JSON, and what Python's json writes for such numbers unless
// it is told not to.
// https://docs.python.org/3/library/json.html#infinite-and-nan-number-values
var notNumbers = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"(?:[^"\\]|\\.)*"|NaN|-?Infinity`) })

// withoutNaN has null in the place of NaN and infinite numbers.
func withoutNaN(text []byte) []byte {
	return notNumbers().ReplaceAllFunc(text, func(token []byte) []byte {
		if token[0] == '"' {
			return token
		}
		return []byte("null")
	})
}

// upload copies the files to below a prefix, several at once.
func (o *outbox) upload(ctx context.Context, records *record.Store, prefix string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(transfers)
	for _, f := range o.files {
		group.Go(func() error {
			opened, err := o.root.Open(f.path)
			if err != nil {
				return err
			}
			defer opened.Close()
			return records.Put(ctx, prefix+f.Name, opened)
		})
	}
	return group.Wait()
}
