package dash

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/run"
)

// A Config says what a dashboard shows. AWS and Log are required.
type Config struct {
	AWS *client.AWS
	// Remote says that the engine is AWS.
	Remote bool
	// Facts are told of the engine on the first page, by name and value.
	Facts [][2]string
	// Exports are the lines that any AWS client needs. They hold secrets.
	Exports string
	Version string
	Log     *slog.Logger
}

// A Server is one dashboard at one address.
type Server struct {
	Config
	listener net.Listener
	guard    guard
	mux      *http.ServeMux
	work     sync.WaitGroup // what goes on after its request was answered
	base     context.Context

	mu      sync.Mutex // guards watches
	watches map[string]*watch
}

// An OutsideError reports an address that other machines reach.
type OutsideError struct{ Address string }

func (e *OutsideError) Error() string {
	return "the dashboard is for loopback addresses, which " + e.Address + " is not"
}

// Listen opens a dashboard at a loopback address; with port 0 at a free one. It
// answers once Run is called.
func Listen(address string, c Config) (*Server, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return nil, &OutsideError{address}
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Server{Config: c, listener: l, guard: newGuard(l.Addr()), mux: http.NewServeMux(), watches: map[string]*watch{}}
	s.routes()
	return s, nil
}

// URL is the address of a page, with the key that lets a browser in.
func (s *Server) URL(path string) string {
	return "http://" + s.listener.Addr().String() + path + "?key=" + s.guard.key
}

// closing bounds the wait for answers that are under way.
const closing = 2 * time.Second

// Run answers until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	s.base = ctx
	server := &http.Server{
		Handler: s.guard.wrap(s.mux), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 16,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(s.listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	if server.Shutdown(stop) != nil {
		_ = server.Close()
	}
	s.work.Wait()
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// static are the files of static, packed: go generate does it, and a test holds
// them against those files.
//
//go:embed static/*.gz
var static embed.FS

func (s *Server) routes() {
	s.mux.HandleFunc("GET /static/{name}", s.file)
	s.mux.HandleFunc("GET /{$}", s.home)
	s.mux.HandleFunc("GET /runs", s.homeParts)
	s.mux.HandleFunc("GET /run/{run}", s.withRun(s.runPage))
	s.mux.HandleFunc("GET /run/{run}/events", s.withRun(s.events))
	s.mux.HandleFunc("GET /run/{run}/rows", s.withRun(s.rows))
	s.mux.HandleFunc("GET /run/{run}/report", s.withRun(s.reportPage))
	s.mux.HandleFunc("POST /run/{run}/retry", s.withRun(s.retry))
	s.mux.HandleFunc("POST /run/{run}/cancel", s.withRun(s.cancel))
	s.mux.HandleFunc("GET /run/{run}/job/{index}", s.withJob(s.jobPage))
	s.mux.HandleFunc("GET /run/{run}/job/{index}/log", s.withJob(s.log))
	s.mux.HandleFunc("GET /run/{run}/job/{index}/out", s.withJob(s.output))
	s.mux.HandleFunc("GET /stack/{stack}", s.stackPage)
	s.mux.HandleFunc("GET /stack/{stack}/parts", s.stackParts)
	s.mux.HandleFunc("POST /stack/{stack}/redrive", s.redrive)
}

// file serves what pages are made with.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	text, err := static.ReadFile("static/" + name + ".gz")
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	switch {
	case strings.HasSuffix(name, ".js"):
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	case strings.HasSuffix(name, ".css"):
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
	}
	_, _ = w.Write(text)
}

// show sends a page.
func (s *Server) show(w http.ResponseWriter, r *http.Request, status int, page templ.Component) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := page.Render(r.Context(), w); err != nil {
		s.Log.Debug("a page was not sent whole", "path", r.URL.Path, "error", err)
	}
}

// frame is what every page has around it.
func (s *Server) frame(title string) frame {
	return frame{Title: title, Token: s.guard.token(), Remote: s.Remote, Version: s.Version}
}

// fail says what went wrong, as a page or, where a script asked, in a line.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadGateway
	if _, unknown := errors.AsType[*run.UnknownError](err); unknown {
		status = http.StatusNotFound
	} else if _, none := errors.AsType[*run.NoJobError](err); none {
		status = http.StatusNotFound
	} else if fault, answered := errors.AsType[smithy.APIError](err); answered && fault.ErrorCode() == "ValidationError" {
		status = http.StatusNotFound // CloudFormation's word for a stack that is not there
	}
	if r.Context().Err() != nil {
		return
	}
	s.Log.Debug("a request failed", "path", r.URL.Path, "error", err)
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" {
		s.show(w, r, status, problemPage(s.frame("Problem"), err.Error()))
		return
	}
	http.Error(w, err.Error(), status)
}

// withRun finds the run that a path names.
func (s *Server) withRun(next func(http.ResponseWriter, *http.Request, *watch)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		found, err := s.watch(r.Context(), r.PathValue("run"))
		if err != nil {
			s.fail(w, r, err)
			return
		}
		next(w, r, found)
	}
}

// withJob finds the run and the job that a path names.
func (s *Server) withJob(next func(http.ResponseWriter, *http.Request, *watch, int)) http.HandlerFunc {
	return s.withRun(func(w http.ResponseWriter, r *http.Request, found *watch) {
		index, err := strconv.Atoi(r.PathValue("index"))
		if err != nil || index < 0 || index >= found.run.Jobs {
			s.fail(w, r, &run.NoJobError{Run: found.run.ID, Index: max(index, 0), Jobs: found.run.Jobs})
			return
		}
		next(w, r, found, index)
	})
}

// watchesKept is how many runs are remembered at once.
const watchesKept = 8

// watch returns what is known of a run. "last" is the newest.
func (s *Server) watch(ctx context.Context, id string) (*watch, error) {
	s.mu.Lock()
	known := s.watches[id]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	r, err := run.Find(ctx, s.AWS, id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.watches[r.ID]; known != nil {
		return known, nil
	}
	if len(s.watches) >= watchesKept {
		for id := range s.watches { // any: what is looked at comes back by itself
			delete(s.watches, id)
			break
		}
	}
	s.watches[r.ID] = newWatch(r, s.Remote)
	return s.watches[r.ID], nil
}
