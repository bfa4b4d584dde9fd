package ecr_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/spate-run/spate/internal/engine/ecr"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

var (
	account = wire.Account{ID: "000000000000", Region: "us-east-1"}
	keys    = &wire.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
)

// host is the registry's address; requests to it are calls in this process.
const host = "127.0.0.1:4100"

// A bed is a Service with clients of both its protocols in front of it.
type bed struct {
	*sdk.Client
	t       testing.TB
	home    string
	db      *store.Store
	handler http.Handler // the API's and the registry's
}

// open starts a service on a home. Opened again it finds what was there.
func open(t testing.TB, home string) *bed {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(home, "spate.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	service, err := ecr.New(t.Context(), ecr.Config{
		Store: db, Account: account, Log: logTo(t),
		Dir: filepath.Join(home, "images"), Endpoint: "http://" + host, Keys: keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	api, images := wire.NewHandler(wire.Config{Services: []*wire.Service{service.Wire()}, Keys: keys}), service.Registry()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, ecr.Prefix) {
			images.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
	return &bed{sdk.NewFromConfig(wire.Client(h, keys, account)), t, home, db, h}
}

func logTo(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// reopen ends the service and starts another one.
func (b *bed) reopen() *bed {
	b.t.Helper()
	b.db.Close()
	return open(b.t, b.home)
}

func (b *bed) create(repository string, mutability types.ImageTagMutability) {
	b.t.Helper()
	if _, err := b.CreateRepository(b.t.Context(), &sdk.CreateRepositoryInput{RepositoryName: &repository, ImageTagMutability: mutability}); err != nil {
		b.t.Fatal(err)
	}
}

// login is how docker comes in.
func (b *bed) login() authn.Authenticator {
	b.t.Helper()
	out, err := b.GetAuthorizationToken(b.t.Context(), &sdk.GetAuthorizationTokenInput{})
	if err != nil {
		b.t.Fatal(err)
	}
	text, err := base64.StdEncoding.DecodeString(*out.AuthorizationData[0].AuthorizationToken)
	if err != nil {
		b.t.Fatal(err)
	}
	user, password, _ := strings.Cut(string(text), ":")
	return &authn.Basic{Username: user, Password: password}
}

func (b *bed) options() []remote.Option {
	return []remote.Option{
		remote.WithContext(b.t.Context()), remote.WithTransport(wire.Transport(b.handler)), remote.WithAuth(b.login()),
		remote.WithRetryPredicate(func(error) bool { return false }),
	}
}

func reference(t testing.TB, text string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(host+"/"+text, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func newImage(t testing.TB) v1.Image {
	t.Helper()
	image, err := random.Image(1024, 2)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func digest(t testing.TB, image interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	h, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func (b *bed) push(to string, image v1.Image) {
	b.t.Helper()
	if err := remote.Write(reference(b.t, to), image, b.options()...); err != nil {
		b.t.Fatal(err)
	}
}

// pull reads a whole image and checks every digest.
func (b *bed) pull(from string) v1.Image {
	b.t.Helper()
	image, err := remote.Image(reference(b.t, from), b.options()...)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := validate.Image(image); err != nil {
		b.t.Errorf("pulling %s: %v", from, err)
	}
	return image
}

// tags are a repository's tags, as the registry lists them.
func (b *bed) tags(repository string) []string {
	b.t.Helper()
	list, err := remote.List(reference(b.t, repository).Context(), append(b.options(), remote.WithPageSize(2))...)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// blobs counts the blobs that are on disk.
func (b *bed) blobs() (n int) {
	b.t.Helper()
	if err := filepath.WalkDir(filepath.Join(b.home, "images"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// fault is what the API answers an error with: code and message.
func fault(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return fmt.Sprint(err)
}

func TestPushAndPull(t *testing.T) {
	b := open(t, t.TempDir())
	b.create("team/app", "")
	first, second := newImage(t), newImage(t)
	b.push("team/app:one", first)
	b.push("team/app:latest", first)
	b.push("team/app:latest", second) // the tag moves
	for range 2 {                     // before and after a restart
		for ref, want := range map[string]v1.Image{
			"team/app:one": first, "team/app:latest": second, "team/app@" + digest(t, first): first,
		} {
			if got := digest(t, b.pull(ref)); got != digest(t, want) {
				t.Errorf("%s: got %s, want %s", ref, got, digest(t, want))
			}
		}
		if diff := cmp.Diff([]string{"latest", "one"}, b.tags("team/app")); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
		b = b.reopen()
	}
}

func TestIndex(t *testing.T) {
	b := open(t, t.TempDir())
	b.create("app", "")
	index, err := random.Index(256, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(reference(t, "app:multi"), index, b.options()...); err != nil {
		t.Fatal(err)
	}
	b = b.reopen()
	pulled, err := remote.Index(reference(t, "app:multi"), b.options()...)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(pulled); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	part := manifest.Manifests[0].Digest.String()
	out, err := b.BatchDeleteImage(t.Context(), &sdk.BatchDeleteImageInput{RepositoryName: new("app"), ImageIds: []types.ImageIdentifier{{ImageDigest: &part}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Failures) != 1 || out.Failures[0].FailureCode != types.ImageFailureCodeImageReferencedByManifestList {
		t.Errorf("deleting a part of an index: got %+v, want ImageReferencedByManifestList", out)
	}
}

func TestOnlyWhoLoggedInComesIn(t *testing.T) {
	home := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := open(t, home)
		status := func(login authn.Authenticator) int {
			config, err := authn.Authorization(t.Context(), login)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodGet, "/v2/", nil)
			if config.Username != "" {
				r.SetBasicAuth(config.Username, config.Password)
			}
			w := httptest.NewRecorder()
			b.handler.ServeHTTP(w, r)
			if w.Code == http.StatusUnauthorized && !strings.HasPrefix(w.Header().Get("Www-Authenticate"), "Basic ") {
				t.Errorf("got challenge %q, want Basic", w.Header().Get("Www-Authenticate"))
			}
			return w.Code
		}
		login := b.login().(*authn.Basic)
		longer := &authn.Basic{Username: "AWS", Password: "9" + login.Password}
		for _, test := range []struct {
			what  string
			login authn.Authenticator
			want  int
		}{
			{"nobody", authn.Anonymous, 401}, {"a user", &authn.Basic{Username: "me", Password: login.Password}, 401},
			{"a longer life", longer, 401}, {"a login", login, 200},
		} {
			if got := status(test.login); got != test.want {
				t.Errorf("%s: got status %d, want %d", test.what, got, test.want)
			}
		}
		time.Sleep(12*time.Hour - time.Second)
		if got := status(login); got != http.StatusOK {
			t.Errorf("after nearly twelve hours: got status %d, want 200", got)
		}
		time.Sleep(time.Second)
		if got := status(login); got != http.StatusUnauthorized {
			t.Errorf("after twelve hours: got status %d, want 401", got)
		}
	})
}

func TestImmutableTagsStay(t *testing.T) {
	b := open(t, t.TempDir())
	b.create("fixed", types.ImageTagMutabilityImmutable)
	if _, err := b.CreateRepository(t.Context(), &sdk.CreateRepositoryInput{
		RepositoryName: new("mostly"), ImageTagMutability: types.ImageTagMutabilityImmutableWithExclusion,
		ImageTagMutabilityExclusionFilters: []types.ImageTagMutabilityExclusionFilter{{FilterType: "WILDCARD", Filter: new("dev-*")}},
	}); err != nil {
		t.Fatal(err)
	}
	for ref, moves := range map[string]bool{"fixed:v1": false, "mostly:v1": false, "mostly:dev-1": true} {
		image := newImage(t)
		b.push(ref, image)
		b.push(ref, image) // once more is no change
		err := remote.Write(reference(t, ref), newImage(t), b.options()...)
		switch {
		case moves && err != nil:
			t.Errorf("%s: got %v, want the tag to move", ref, err)
		case !moves && (err == nil || !strings.Contains(err.Error(), "TAG_INVALID: The image tag 'v1' already exists in the")):
			t.Errorf("%s: got %v, want TAG_INVALID", ref, err)
		case !moves && digest(t, b.pull(ref)) != digest(t, image):
			t.Errorf("%s has moved", ref)
		}
	}
}

func TestPushesThatAreRefused(t *testing.T) {
	b := open(t, t.TempDir())
	b.create("app", "")
	image := newImage(t)
	err := remote.Write(reference(t, "none:v1"), image, b.options()...)
	if want := "NAME_UNKNOWN: The repository with name 'none' does not exist in the registry with id '000000000000'"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a repository that is not there: got %v, want %s", err, want)
	}
	// A manifest whose layers have not been pushed.
	err = remote.Put(reference(t, "app:v1"), image, b.options()...)
	if err == nil || !strings.Contains(err.Error(), "MANIFEST_BLOB_UNKNOWN") {
		t.Errorf("a manifest without layers: got %v, want MANIFEST_BLOB_UNKNOWN", err)
	}
	if got := b.blobs(); got != 0 {
		t.Errorf("got %d blobs of refused pushes, want none", got)
	}
}

func TestBlobsGoWithTheLastImageThatNamesThem(t *testing.T) {
	b := open(t, t.TempDir())
	b.create("app", "")
	b.create("other", "")
	base := newImage(t) // two layers and a configuration
	layer, err := random.Layer(64, "application/vnd.docker.image.rootfs.diff.tar.gzip")
	if err != nil {
		t.Fatal(err)
	}
	derived, err := mutate.AppendLayers(base, layer) // a layer and a configuration of its own
	if err != nil {
		t.Fatal(err)
	}
	b.push("app:base", base)
	b.push("other:derived", derived)
	remove := func(repository, tag string) {
		t.Helper()
		if _, err := b.BatchDeleteImage(t.Context(), &sdk.BatchDeleteImageInput{
			RepositoryName: &repository, ImageIds: []types.ImageIdentifier{{ImageTag: &tag}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.blobs(); got != 5 {
		t.Errorf("got %d blobs, want 5", got)
	}
	remove("app", "base")
	if got := b.blobs(); got != 4 {
		t.Errorf("after one image: got %d blobs, want 4", got)
	}
	b.pull("other:derived")
	if _, err := b.DeleteRepository(t.Context(), &sdk.DeleteRepositoryInput{RepositoryName: new("other")}); fault(err) !=
		"RepositoryNotEmptyException: The repository with name 'other' in registry with id '000000000000' cannot be deleted because it still contains images" {
		t.Errorf("deleting a repository with an image: got %v", err)
	}
	if _, err := b.DeleteRepository(t.Context(), &sdk.DeleteRepositoryInput{RepositoryName: new("other"), Force: true}); err != nil {
		t.Fatal(err)
	}
	if got := b.blobs(); got != 0 {
		t.Errorf("after the other: got %d blobs, want none", got)
	}
}

func TestStartRemovesWhatPushesLeft(t *testing.T) {
	b := open(t, t.TempDir())
	b.create("app", "")
	kept := newImage(t)
	b.push("app:kept", kept)
	layers, err := newImage(t).Layers()
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteLayer(reference(t, "app").Context(), layers[0], b.options()...); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/v2/app/blobs/uploads/", nil)
	config, err := authn.Authorization(t.Context(), b.login())
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(config.Username, config.Password)
	b.handler.ServeHTTP(httptest.NewRecorder(), r)
	if got := b.blobs(); got != 5 {
		t.Errorf("got %d files, want 3 blobs, one that nothing names, and an upload", got)
	}
	b = b.reopen()
	if got := b.blobs(); got != 3 {
		t.Errorf("after a restart: got %d files, want 3", got)
	}
	b.pull("app:kept")
}

func TestImages(t *testing.T) {
	b := open(t, t.TempDir())
	ctx := t.Context()
	b.create("app", "")
	first, second := newImage(t), newImage(t)
	b.push("app:a", first)
	b.push("app:b", first)
	b.push("app:b", second)
	b.push("app:c", second)
	b.push("app:a", second) // leaves the first without a tag
	list := func(status types.TagStatus) (ids []string) {
		for pages := sdk.NewListImagesPaginator(b, &sdk.ListImagesInput{RepositoryName: new("app"), MaxResults: new(int32(1)), Filter: &types.ListImagesFilter{TagStatus: status}}); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range page.ImageIds {
				ids = append(ids, text(id))
			}
		}
		return ids
	}
	one, two := digest(t, first), digest(t, second)
	want := []string{one + " ", two + " a", two + " b", two + " c"}
	if diff := cmp.Diff(want, list("ANY")); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:1], list("UNTAGGED")); diff != "" {
		t.Errorf("untagged images (-want +got):\n%s", diff)
	}
	described, err := b.DescribeImages(ctx, &sdk.DescribeImagesInput{RepositoryName: new("app"), ImageIds: []types.ImageIdentifier{{ImageTag: new("c")}}})
	if err != nil {
		t.Fatal(err)
	}
	detail := described.ImageDetails[0]
	if *detail.ImageDigest != two || !slices.Equal(detail.ImageTags, []string{"a", "b", "c"}) || *detail.ImageSizeInBytes < 2048 {
		t.Errorf("got %s %v of %d bytes, want %s [a b c] of 2048 or more", *detail.ImageDigest, detail.ImageTags, *detail.ImageSizeInBytes, two)
	}
	_, err = b.DescribeImages(ctx, &sdk.DescribeImagesInput{RepositoryName: new("app"), ImageIds: []types.ImageIdentifier{{ImageTag: new("x")}}})
	if got, want := fault(err), "ImageNotFoundException: The image with imageId {imageDigest:'null', imageTag:'x'} does not exist within the repository with name 'app' in the registry with id '000000000000'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	ids := []types.ImageIdentifier{{ImageTag: new("a")}, {ImageTag: new("x")}, {}, {ImageDigest: new("sha")}, {ImageDigest: &one, ImageTag: new("a")}}
	got, err := b.BatchGetImage(ctx, &sdk.BatchGetImageInput{RepositoryName: new("app"), ImageIds: ids})
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := second.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Images) != 1 || *got.Images[0].ImageManifest != string(manifest) {
		t.Errorf("got images %v, want the manifest of %s", got.Images, two)
	}
	deleted, err := b.BatchDeleteImage(ctx, &sdk.BatchDeleteImageInput{RepositoryName: new("app"), ImageIds: ids})
	if err != nil {
		t.Fatal(err)
	}
	for what, failures := range map[string][]types.ImageFailure{"BatchGetImage": got.Failures, "BatchDeleteImage": deleted.Failures} {
		var codes []types.ImageFailureCode
		for _, f := range failures {
			codes = append(codes, f.FailureCode)
		}
		if diff := cmp.Diff([]types.ImageFailureCode{"ImageNotFound", "MissingDigestAndTag", "InvalidImageDigest", "ImageTagDoesNotMatchDigest"}, codes); diff != "" {
			t.Errorf("%s: failures (-want +got):\n%s", what, diff)
		}
	}
	if diff := cmp.Diff([]string{one + " ", two + " b", two + " c"}, list("ANY")); diff != "" {
		t.Errorf("after deleting the tag a (-want +got):\n%s", diff)
	}
	if _, err := b.BatchDeleteImage(ctx, &sdk.BatchDeleteImageInput{RepositoryName: new("app"), ImageIds: []types.ImageIdentifier{{ImageDigest: &two}}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{one + " "}, list("ANY")); diff != "" {
		t.Errorf("after deleting the second image (-want +got):\n%s", diff)
	}
}

func text(id types.ImageIdentifier) string {
	tag := ""
	if id.ImageTag != nil {
		tag = *id.ImageTag
	}
	return *id.ImageDigest + " " + tag
}

func TestRepositorySettings(t *testing.T) {
	b := open(t, t.TempDir())
	ctx := t.Context()
	app, lifecycle, policy := new("app"), new(`{"rules":[]}`), new(`{"Version":"2012-10-17"}`)
	b.create("app", "")
	_, noLifecycle := b.GetLifecyclePolicy(ctx, &sdk.GetLifecyclePolicyInput{RepositoryName: app})
	_, noPolicy := b.GetRepositoryPolicy(ctx, &sdk.GetRepositoryPolicyInput{RepositoryName: app})
	_, badPolicy := b.SetRepositoryPolicy(ctx, &sdk.SetRepositoryPolicyInput{RepositoryName: app, PolicyText: new("{")})
	_, again := b.CreateRepository(ctx, &sdk.CreateRepositoryInput{RepositoryName: app})
	_, badName := b.CreateRepository(ctx, &sdk.CreateRepositoryInput{RepositoryName: new("App")})
	_, elsewhere := b.ListImages(ctx, &sdk.ListImagesInput{RepositoryName: app, RegistryId: new("111111111111")})
	for _, test := range []struct {
		err  error
		want string
	}{
		{noLifecycle, "LifecyclePolicyNotFoundException: Lifecycle policy does not exist for the repository with name 'app' in the registry with id '000000000000'"},
		{noPolicy, "RepositoryPolicyNotFoundException: Repository policy does not exist for the repository with name 'app' in the registry with id '000000000000'"},
		{badPolicy, "InvalidParameterException: Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"},
		{again, "RepositoryAlreadyExistsException: The repository with name 'app' already exists in the registry with id '000000000000'"},
		{badName, "InvalidParameterException: Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''"},
		{elsewhere, "RepositoryNotFoundException: The repository with name 'app' does not exist in the registry with id '111111111111'"},
	} {
		if diff := cmp.Diff(test.want, fault(test.err)); diff != "" {
			t.Errorf("fault (-want +got):\n%s", diff)
		}
	}
	arn := new("arn:aws:ecr:us-east-1:000000000000:repository/app")
	for _, do := range []func() error{
		func() error {
			_, err := b.PutLifecyclePolicy(ctx, &sdk.PutLifecyclePolicyInput{RepositoryName: app, LifecyclePolicyText: lifecycle})
			return err
		},
		func() error {
			_, err := b.SetRepositoryPolicy(ctx, &sdk.SetRepositoryPolicyInput{RepositoryName: app, PolicyText: policy})
			return err
		},
		func() error {
			_, err := b.PutImageTagMutability(ctx, &sdk.PutImageTagMutabilityInput{RepositoryName: app, ImageTagMutability: "IMMUTABLE"})
			return err
		},
		func() error {
			_, err := b.PutImageScanningConfiguration(ctx, &sdk.PutImageScanningConfigurationInput{RepositoryName: app, ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: true}})
			return err
		},
		func() error {
			_, err := b.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: new("a"), Value: new("1")}, {Key: new("b"), Value: new("2")}}})
			return err
		},
		func() error {
			_, err := b.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a"}})
			return err
		},
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	b = b.reopen()
	out, err := b.DescribeRepositories(ctx, &sdk.DescribeRepositoriesInput{RepositoryNames: []string{"app"}})
	if err != nil {
		t.Fatal(err)
	}
	r := out.Repositories[0]
	got := []any{*r.RepositoryUri, *r.RepositoryArn, string(r.ImageTagMutability), r.ImageScanningConfiguration.ScanOnPush, string(r.EncryptionConfiguration.EncryptionType)}
	if diff := cmp.Diff([]any{host + "/app", *arn, "IMMUTABLE", true, "AES256"}, got); diff != "" {
		t.Errorf("repository (-want +got):\n%s", diff)
	}
	tags, err := b.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: arn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "b" {
		t.Errorf("got tags %v, %v, want b", tags, err)
	}
	was, err := b.DeleteLifecyclePolicy(ctx, &sdk.DeleteLifecyclePolicyInput{RepositoryName: app})
	if err != nil || *was.LifecyclePolicyText != *lifecycle {
		t.Errorf("deleting the lifecycle policy: got %v, %v", was, err)
	}
	had, err := b.DeleteRepositoryPolicy(ctx, &sdk.DeleteRepositoryPolicyInput{RepositoryName: app})
	if err != nil || *had.PolicyText != *policy {
		t.Errorf("deleting the policy: got %v, %v", had, err)
	}
}
