package spate

import "github.com/spate-run/spate/internal/template"

// bucket adds the bucket of run records, which are kept for so many days; 0
// keeps them.
//
// It goes with the stack: CloudFormation does not delete a bucket that still
// holds objects, so nothing is lost by accident, and a bucket that stayed
// behind every deleted stack would cost somebody money unseen. An update that
// replaced it would strand the runs in it, so the old one is kept then.
func (s *Stack) bucket(keep int) {
	rules := list{props{
		"Id":                             "unfinished-uploads",
		"Status":                         "Enabled",
		"AbortIncompleteMultipartUpload": props{"DaysAfterInitiation": 1},
	}}
	if keep > 0 {
		rules = append(rules, props{"Id": "runs", "Status": "Enabled", "Prefix": "runs/", "ExpirationInDays": keep})
	}
	s.draft(bucket, template.Draft{
		Type:                "AWS::S3::Bucket",
		DeletionPolicy:      "Delete",
		UpdateReplacePolicy: "Retain",
		Properties: props{
			"BucketEncryption": props{"ServerSideEncryptionConfiguration": list{
				props{"ServerSideEncryptionByDefault": props{"SSEAlgorithm": "AES256"}},
			}},
			"LifecycleConfiguration": props{"Rules": rules},
			"OwnershipControls":      props{"Rules": list{props{"ObjectOwnership": "BucketOwnerEnforced"}}},
			"PublicAccessBlockConfiguration": props{
				"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
			},
		},
	})
	s.add(bucket+"Policy", "AWS::S3::BucketPolicy", props{
		"Bucket":         bucket.ref(),
		"PolicyDocument": policy(tlsOnly("s3:*", list{bucket.att("Arn"), template.Sub("${Bucket.Arn}/*")})),
	})
}
