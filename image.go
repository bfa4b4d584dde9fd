package spate

import (
	"fmt"
	"strings"
)

// An Image is what a container is made of.
type Image struct {
	reference  Text
	repository Text // the ARN of the ECR repository it is pulled from, or empty
	given      Text // as it was written
}

// FromRegistry is an image by its reference, such as python:3.12-slim or
// 123456789012.dkr.ecr.us-east-1.amazonaws.com/team/train:v1. A folder, which
// begins with a slash or a period, is for spate up alone: a command runs in it.
func FromRegistry(reference Text) Image {
	return Image{reference: reference, repository: privateRepository(string(reference)), given: reference}
}

var token = pattern(tokenPattern)

// FromECRRepository is an image of a repository in the stack's own account and
// region: its name, and a tag or digest behind a colon or an @; default :latest.
func FromECRRepository(name Text) Image {
	path := string(name)
	end := strings.IndexAny(masked(name), ":@")
	if end < 0 {
		end = len(path)
		path += ":latest"
	}
	repository := path[:end]
	return Image{
		reference: AccountID + ".dkr.ecr." + Region + "." + URLSuffix + "/" + Text(path), given: name,
		repository: "arn:" + Partition + ":ecr:" + Region + ":" + AccountID + ":repository/" + Text(repository),
	}
}

// privateImage matches the references of images in ECR.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
var privateImage = pattern(`^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([a-z0-9._/-]+)`)

// privateRepository returns the ARN of the ECR repository of an image, or
// nothing where it is from elsewhere.
func privateRepository(image string) Text {
	m := privateImage().FindStringSubmatch(image)
	if m == nil {
		return ""
	}
	return "arn:" + Partition + Text(":ecr:"+m[2]+":"+m[1]+":repository/"+m[3])
}

// masked is a text with an x for each byte of a token, which may hold a colon,
// as AWS::Region does.
func masked(t Text) string {
	return token().ReplaceAllStringFunc(string(t), func(t string) string { return strings.Repeat("x", len(t)) })
}

// The parts of an image's reference.
// https://github.com/distribution/reference
var (
	imagePart   = pattern(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$`)
	imageHost   = pattern(`^[A-Za-z0-9.-]+(?::[0-9]+)?$`)
	imageTag    = pattern(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	imageDigest = pattern(`^sha256:[a-f0-9]{64}$`)
)

// image checks an image's reference.
func (f field) image(i Image) {
	switch text := plainText(i.given); {
	case i.reference == "":
		f.problem(`Image: spate.FromRegistry("python:3.12-slim")`, "it is missing")
	case i.given == "":
		f.problem(`write FromECRRepository("train:v1")`, "%q is not a repository: its name is missing", text)
	case strings.ContainsAny(text[:1], "./"):
		f.stack.warn(f.where, "%q is a folder, which only spate up runs: AWS takes images", text)
	default:
		if fact, mend := misspelt(i.given); fact != "" {
			f.problem("write "+mend, "%q is not an image: %s", text, fact)
		}
	}
}

// misspelt says what is wrong with a reference, and what would be right.
func misspelt(reference Text) (fact, mend string) {
	const examples = "python:3.12-slim or registry.example.com/team/train:v1"
	plain := masked(reference)
	if i := strings.IndexFunc(plain, func(c rune) bool { return c <= ' ' || c > '~' }); i >= 0 {
		return fmt.Sprintf("%q cannot stand in it", string([]rune(plain[i:])[0])), examples
	}
	name, digest, hasDigest := strings.Cut(plain, "@")
	tag, hasTag := "", false
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag, hasTag = name[:i], name[i+1:], true
	}
	parts := strings.Split(name, "/")
	if first := parts[0]; len(parts) > 1 && (strings.ContainsAny(first, ".:") || first == "localhost") {
		if !imageHost().MatchString(first) {
			return fmt.Sprintf("%q is no registry", first), examples
		}
		parts = parts[1:]
	}
	latest := plainText(reference[:len(name)]) + ":latest"
	for _, part := range parts {
		switch {
		case part == "":
			return "a part of its name is empty", examples
		case strings.ToLower(part) != part:
			return "the repository is in lower case", strings.ToLower(plainText(reference[:len(name)])) + plainText(reference[len(name):])
		case !imagePart().MatchString(part):
			return fmt.Sprintf("%q cannot be a part of its name", part), examples
		}
	}
	switch open := Text(reference[len(name):]).open(); {
	case hasTag && tag == "":
		return "the tag is missing", latest
	case hasTag && !imageTag().MatchString(tag) && !open:
		return "a tag is 1 to 128 letters, digits and _ . -, and begins with none of the last two", latest
	case hasDigest && !imageDigest().MatchString(digest) && !open:
		return "a digest is sha256: and 64 hexadecimal digits", latest
	}
	return "", ""
}
