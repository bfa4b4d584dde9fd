package spate

import (
	"strings"
)

// An Image is what a container is made of.
type Image struct {
	reference  Text
	repository Text // the ARN of the ECR repository it is pulled from, or empty
}

// FromRegistry is an image by its reference, such as python:3.12-slim or
// 123456789012.dkr.ecr.us-east-1.amazonaws.com/team/train:v1.
func FromRegistry(reference Text) Image {
	return Image{reference: reference, repository: privateRepository(string(reference))}
}

var token = pattern(tokenPattern)

// FromECRRepository is an image of a repository in the stack's own account and
// region: its name, and a tag or digest behind a colon or an @; default :latest.
func FromECRRepository(name Text) Image {
	path := string(name)
	// A token may hold a colon, in AWS::Region.
	plain := token().ReplaceAllStringFunc(path, func(t string) string { return strings.Repeat("_", len(t)) })
	end := strings.IndexAny(plain, ":@")
	if end < 0 {
		end = len(path)
		path += ":latest"
	}
	repository := path[:end]
	return Image{
		reference:  AccountID + ".dkr.ecr." + Region + "." + URLSuffix + "/" + Text(path),
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
