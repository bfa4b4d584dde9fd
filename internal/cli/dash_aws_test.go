package cli_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A page is a dashboard as a browser is let in.
type page struct {
	*testing.T
	http.Client
	origin, token string
}

// dash shows the cloud's stacks until the test ends.
func (c *cloud) dash() *page {
	c.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.Context()))
	command := exec.CommandContext(ctx, c.program, "dash", "--no-open", "--on", "aws", "--endpoint-url", "http://"+c.registry)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.Env, command.Dir = c.env, c.job
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		cancel()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.Fatalf("dash printed %q and then: %v", line, err)
	}
	address, err := url.Parse(strings.TrimSpace(line))
	if err != nil {
		c.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		c.Fatal(err)
	}
	p := &page{T: c.T, Client: http.Client{Jar: jar}, origin: "http://" + address.Host}
	home := p.ask(http.MethodGet, address.RequestURI())
	token := regexp.MustCompile(`name="token" content="([^"]+)"`).FindStringSubmatch(home)
	if token == nil {
		c.Fatalf("got no token on the page\n%s", home)
	}
	p.token = token[1]
	return p
}

// ask returns what the dashboard answers, which has to be no error.
func (p *page) ask(method, path string) string {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, p.origin+path, nil)
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("X-Spate-Token", p.token)
	answer, err := p.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		p.Fatalf("%s %s: got %s, %v and\n%s", method, path, answer.Status, err, body)
	}
	return string(body)
}

// The dashboard shows what is on AWS, asks for nothing that the policy of the
// docs does not allow, and moves dead letters there.
func TestTheDashboardOfAWS(t *testing.T) {
	allowed, _ := policyOf(t)
	c, s := newStand(t)
	c.folderJob(3)
	c.write("go-nobody", "")
	id, _ := c.must("run", "--detach")
	id = strings.TrimSpace(id)
	c.must("watch", id)
	c.kill()
	s.answer(t, nil)

	p := c.dash()
	for path, want := range map[string]string{
		"/runs":                  id,
		"/run/" + id:             "shared",
		"/run/" + id + "/rows":   `"s":"d"`,
		"/run/" + id + "/job/1":  "params.json",
		"/run/" + id + "/report": "3 jobs: 3 done, 0 failed",
		"/run/" + id + "/job/1/out?name=params.json": `"n"`,
		"/run/" + id + "/job/1/log":                  "job 2",
		"/stack/shared":                              "AWS::ECS::Service",
	} {
		c.wants(p.ask(http.MethodGet, path), want)
	}
	c.until("a point of an alarm's metric", func() bool { return strings.Contains(p.ask(http.MethodGet, "/stack/shared/parts"), "polyline") })
	c.wants(p.ask(http.MethodPost, "/stack/shared/redrive"), "1 message is moved")

	asked := s.actions()
	for _, want := range []string{"cloudwatch:GetMetricData", "cloudformation:ListStackResources", "sqs:StartMessageMoveTask"} {
		if !slices.Contains(asked, want) {
			t.Errorf("got %q asked for, want %s among them", asked, want)
		}
	}
	for _, action := range asked {
		if action != "*" && action != "sts:GetCallerIdentity" && !allows(allowed, action) {
			t.Errorf("dash asks for %s, which the policy of docs/aws.md does not allow", action)
		}
	}
}
