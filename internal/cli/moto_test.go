package cli_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/spate-run/spate/internal/runner/docker/dockertest"
)

// motoRegistry is the host of the account's registry, as moto names it.
const motoRegistry = "123456789012.dkr.ecr.us-east-1.amazonaws.com"

// newMoto starts moto's server, in the place of AWS, with a registry in the
// place of ECR's: the program gets to that by a proxy, and to nothing else.
func newMoto(t *testing.T) *cloud {
	t.Helper()
	if _, err := exec.LookPath("moto_server"); err != nil {
		t.Skip("SKIPPED: moto_server is not installed, so nothing was tried on moto")
	}
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(images.Close)
	proxy, roots := proxyTo(t, images.Config.Handler)
	c := &cloud{T: t, program: dockertest.Program(t, "github.com/spate-run/spate/cmd/spate"), job: t.TempDir(), registry: serveMoto(t)}
	c.env = append(os.Environ(), "SPATE_HOME="+filepath.Join(t.TempDir(), "home"), "SPATE_ON=", "AWS_PROFILE=", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/nowhere", "AWS_SHARED_CREDENTIALS_FILE=/nowhere", "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "DOCKER_CONFIG="+t.TempDir(),
		"HTTPS_PROXY="+proxy, "SSL_CERT_FILE="+roots)
	pushBase(t, strings.TrimPrefix(images.URL, "http://")+"/base", "amd64")
	c.write("spate.yaml", "name: trial\nimage: "+strings.TrimPrefix(images.URL, "http://")+"/base\ncommand: [/job, \"{n}\"]\nmax: 4\nparams: {grid: {n: [1, 2, 3]}}\n"+c.network())
	return c
}

// serveMoto returns the host and port of moto's server.
func serveMoto(t *testing.T) string {
	t.Helper()
	server := exec.CommandContext(t.Context(), "moto_server", "-H", "127.0.0.1", "-p", "0")
	out, err := server.StderrPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatalf("starting moto_server: %v", err)
	}
	drained := make(chan struct{})
	t.Cleanup(func() {
		_ = server.Process.Kill()
		<-drained
		_ = server.Wait()
	})
	running := regexp.MustCompile(`Running on http://(\S+)`)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			close(drained)
			t.Fatalf("moto_server ended before it ran: %v", err)
		}
		if m := running.FindStringSubmatch(line); m != nil {
			go func() { _, _ = io.Copy(io.Discard, lines); close(drained) }() // so that it never waits to log
			return m[1]
		}
	}
}

// proxyTo serves a handler as motoRegistry behind a proxy, and returns that and
// the file of the roots that vouch for it.
func proxyTo(t *testing.T, handler http.Handler) (proxy, roots string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{motoRegistry}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	roots = filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	secure := httptest.NewUnstartedServer(handler)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	tunnel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != motoRegistry+":443" {
			t.Errorf("the program wanted %s %s, which is neither moto nor the registry", r.Method, r.Host)
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		there, err := net.Dial("tcp", secure.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer there.Close()
		here, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer here.Close()
		if _, err := io.WriteString(here, "HTTP/1.1 200 Connection Established\r\n\r\n"); err != nil {
			t.Error(err)
			return
		}
		done := make(chan struct{})
		go func() { _, _ = io.Copy(there, buffered); _ = there.(*net.TCPConn).CloseWrite(); close(done) }()
		_, _ = io.Copy(here, there)
		_ = here.Close()
		<-done
	}))
	t.Cleanup(tunnel.Close)
	return tunnel.URL, roots
}

// newRegistry serves a registry, and returns its host and port.
func newRegistry(t *testing.T) string {
	t.Helper()
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(images.Close)
	return strings.TrimPrefix(images.URL, "http://")
}

// pushBase puts an image with one file into a registry.
func pushBase(t *testing.T, repository, arch string) {
	t.Helper()
	var text bytes.Buffer
	archive := tar.NewWriter(&text)
	if err := archive.WriteHeader(&tar.Header{Name: "job", Mode: 0o755, Size: 3}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Write([]byte("job")); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err == nil {
		img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: arch, RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{must(layer.DiffID())}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(repository, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// create makes a job's stack, with the image that deploy starts from.
func (c *cloud) create(name string) {
	c.Helper()
	synth := exec.CommandContext(c.Context(), c.program, "synth")
	synth.Env, synth.Dir = c.env, c.job
	text, err := synth.Output()
	if err != nil {
		c.Fatal(err)
	}
	client := cloudformation.New(cloudformation.Options{
		BaseEndpoint: new("http://" + c.registry), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	_, err = client.CreateStack(c.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: new(string(text)), Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		Parameters: []types.Parameter{{ParameterKey: new("Image"), ParameterValue: new("python:3.13")}},
	})
	if err != nil {
		c.Fatal(err)
	}
}

// network is the part of a job file that names a subnet that moto has by itself:
// it does not get a VPC of a stack's own deleted.
func (c *cloud) network() string {
	c.Helper()
	request, err := http.NewRequestWithContext(c.Context(), http.MethodPost, "http://"+c.registry, strings.NewReader("Action=DescribeSubnets&Version=2016-11-15"))
	if err != nil {
		c.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close()
	var found struct {
		Subnets []struct {
			ID  string `xml:"subnetId"`
			VPC string `xml:"vpcId"`
		} `xml:"subnetSet>item"`
	}
	if err := xml.NewDecoder(response.Body).Decode(&found); err != nil || len(found.Subnets) == 0 {
		c.Fatalf("got %d subnets from moto, want some: %v", len(found.Subnets), err)
	}
	n := found.Subnets[0]
	return "network: {vpc: " + n.VPC + ", subnets: [" + n.ID + "], assignPublicIp: true}\n"
}

// finds wants lines in what doctor said.
func (c *cloud) finds(said string, lines ...string) {
	c.Helper()
	for _, want := range lines {
		if !regexp.MustCompile("(?m)^" + want).MatchString(said) {
			c.Errorf("doctor said\n%s\nwant %s in it", said, want)
		}
	}
}

// scale lets a job's service scale, as its template has it.
func (c *cloud) scale(name string) {
	c.Helper()
	out, _ := c.must("deploy", "--yes", "-o", "json")
	var outputs map[string]string
	if err := json.Unmarshal([]byte(out), &outputs); err != nil {
		c.Fatal(err)
	}
	client := applicationautoscaling.New(applicationautoscaling.Options{
		BaseEndpoint: new("http://" + c.registry), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	_, err := client.RegisterScalableTarget(c.Context(), &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount",
		ResourceId:  new("service/" + outputs["ClusterName"] + "/" + outputs["ServiceName"]),
		MinCapacity: new(int32(0)), MaxCapacity: new(int32(4)),
	})
	if err != nil {
		c.Fatalf("letting %s scale: %v", name, err)
	}
}

// moto runs no tasks: a job's stack is made, told of, sent to, looked at, taken
// for what it is by doctor, and deleted.
func TestOnMoto(t *testing.T) {
	c := newMoto(t)
	_, said := c.must("diff")
	c.wants(said, "stack trial would be made")
	c.wants(said, "$0.70 of alarms")
	// moto gives a stack that a change set made no outputs (5.2.1): this one is
	// made by hand, and deploy brings it up to date with the image.
	c.create("trial")
	out, said := c.must("deploy", "--yes", "-o", "json")
	c.wants(out, `"RepositoryUri": "`+motoRegistry+`/`)
	c.wants(said, "stack trial would change")
	_, said = c.must("deploy", "--yes")
	c.wants(said, "stack trial is as the job file says")

	// moto's CloudFormation makes neither scaling nor alarms, and doctor says so.
	said, _, _ = c.spate("doctor")
	c.finds(said, `scaling +error +the service does not scale`, `alarms +error +there are none: no task is started for messages`)
	c.scale("trial")
	c.must("run", "--detach")
	out, _ = c.must("show", "last", "-o", "json")
	c.wants(out, `"waiting": 3`)
	out, _, err := c.spate("doctor")
	if err == nil {
		t.Error("got that all is well, want that the quota was not asked")
	}
	c.finds(out,
		`credentials +ok +they are those of arn:aws:`,
		`quota +not asked +could not be asked: `,
		`stack +ok +trial is in (CREATE|UPDATE)_COMPLETE`,
		`image +ok +sha256:.*, for linux/amd64, is in the stack's repository`,
		`service +ok +active, 0 running`,
		`network +not asked +ECS does not tell the service's subnets`,
		`roles +not asked +ECS does not tell the tasks' roles`,
		`queue +ok +3 messages wait`,
		`dead letters +ok +there are none`,
		`scaling +ok +from 3 to 4 tasks`,
	)
	_, said = c.must("cancel", "last")
	c.wants(said, "cancelled 3 jobs")
	_, said = c.must("destroy", "--yes", "--delete-results")
	c.wants(said, "stack trial is deleted")
}
