package ssm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// Config says what a Service stands on.
type Config struct {
	Store   *store.Store
	Account wire.Account
	// Fixed are the values of the parameters that the engine has by itself, by
	// name; all are Strings. Nothing by default.
	Fixed map[string]string
}

// A Service is Parameter Store. Its methods are safe for concurrent use.
type Service struct {
	store   *store.Store
	account wire.Account
	table   store.Table[parameter]
	fixed   map[string]parameter // does not change

	// mu guards parameters, and is held while a change is written. The
	// documents are replaced as a whole, so that replies may point into them.
	mu         sync.Mutex
	parameters map[string]parameter // by name
}

// A parameter is the document of one.
type parameter struct {
	Name     string
	Versions []version // the oldest first; never empty
	Tags     map[string]string
}

// A version is what one PutParameter made.
type version struct {
	Number         int64
	Type           ParameterType
	Value          string
	Description    *string
	AllowedPattern *string
	KeyID          *string
	DataType       string
	Tier           ParameterTier
	Modified       time.Time
}

func (p parameter) latest() version { return p.Versions[len(p.Versions)-1] }

// New loads the parameters.
func New(ctx context.Context, config Config) (*Service, error) {
	s := &Service{
		store: config.Store, account: config.Account,
		table: store.NewTable[parameter](config.Store, "ssm.parameter"), fixed: map[string]parameter{},
	}
	var err error
	if s.parameters, err = s.table.All(ctx); err != nil {
		return nil, fmt.Errorf("loading parameters: %w", err)
	}
	for name, value := range config.Fixed {
		s.fixed[name] = parameter{Name: name, Versions: []version{{
			Number: 1, Type: ParameterTypeString, Value: value, DataType: "text",
			Tier: ParameterTierStandard, Modified: time.Now(),
		}}}
	}
	return s, nil
}

// Wire returns the operations of the service.
func (s *Service) Wire() *wire.Service {
	w := &wire.Service{Name: "ssm", Target: "AmazonSSM", JSONVersion: "1.1"}
	wire.Handle(w, s.putParameter)
	wire.Handle(w, s.getParameter)
	wire.Handle(w, s.getParameters)
	wire.Handle(w, s.getParametersByPath)
	wire.Handle(w, s.getParameterHistory)
	wire.Handle(w, s.describeParameters)
	wire.Handle(w, s.deleteParameter)
	wire.Handle(w, s.deleteParameters)
	wire.Handle(w, s.addTagsToResource)
	wire.Handle(w, s.removeTagsFromResource)
	wire.Handle(w, s.listTagsForResource)
	return w
}

// findLocked returns the parameter that a name or an ARN, without a selector,
// is of.
func (s *Service) findLocked(name string) (parameter, bool) {
	for _, all := range []map[string]parameter{s.parameters, s.fixed} {
		if p, ok := all[name]; ok {
			return p, true
		}
	}
	path, ok := strings.CutPrefix(name, s.account.ARN("ssm", "parameter/"))
	if !ok {
		return parameter{}, false
	}
	for _, name := range []string{"/" + path, path} { // which have one ARN
		if p, ok := s.findLocked(name); ok {
			return p, true
		}
	}
	return parameter{}, false
}

// listLocked returns every parameter, by name.
func (s *Service) listLocked() []parameter {
	all := maps.Clone(s.fixed)
	maps.Copy(all, s.parameters)
	var list []parameter
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[name])
	}
	return list
}

// saveLocked writes a parameter.
func (s *Service) saveLocked(ctx context.Context, p parameter) error {
	if err := s.table.Save(ctx, p.Name, p); err != nil {
		return err
	}
	s.parameters[p.Name] = p
	return nil
}

func (s *Service) arn(name string) *string {
	return new(s.account.ARN("ssm", "parameter/"+strings.TrimPrefix(name, "/")))
}

// user is who is said to have modified a parameter.
func (s *Service) user() *string { return new("arn:aws:iam::" + s.account.ID + ":root") }

// deref is what p points to, or the zero value.
func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
