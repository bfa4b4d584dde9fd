package cloudformation

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
var bucket = kind{
	attributes: []string{"Arn", "DomainName", "DualStackDomainName", "RegionalDomainName", "WebsiteURL"},
	name:       "BucketName",
	lowerName:  true,
	replace:    []string{"BucketName"},
	exists: func(ctx context.Context, c *clients, name string) (bool, error) {
		_, err := c.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
		return found(err)
	},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		if err := onlyBucketProperties(r.Properties); err != nil {
			return made{}, err
		}
		if _, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &r.Name}); err != nil {
			return made{}, err
		}
		return made{ID: r.Name, Attributes: properties{
			"Arn":                 "arn:aws:s3:::" + r.Name,
			"DomainName":          r.Name + ".s3.amazonaws.com",
			"DualStackDomainName": r.Name + ".s3.dualstack." + r.Account.Region + ".amazonaws.com",
			"RegionalDomainName":  r.Name + ".s3." + r.Account.Region + ".amazonaws.com",
			"WebsiteURL":          "http://" + r.Name + ".s3-website-" + r.Account.Region + ".amazonaws.com",
		}}, nil
	},
	update: func(_ context.Context, _ *clients, r request) (made, error) {
		return made{ID: r.ID}, onlyBucketProperties(r.Properties)
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		_, err := c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &r.Name})
		return unlessAbsent(err)
	},
}

func onlyBucketProperties(p properties) error {
	return only(without(p, "BucketName"), inertBucketProperties...)
}

// inertBucketProperties are kept with the stack and do nothing: the engine's
// buckets have no lifecycle, no encryption and no access rules.
var inertBucketProperties = []string{
	"AbacStatus", "AccelerateConfiguration", "AccessControl", "AnalyticsConfigurations", "BucketEncryption",
	"CorsConfiguration", "IntelligentTieringConfigurations", "InventoryConfigurations", "LifecycleConfiguration",
	"LoggingConfiguration", "MetadataConfiguration", "MetadataTableConfiguration", "MetricsConfigurations",
	"NotificationConfiguration", "ObjectLockConfiguration", "ObjectLockEnabled", "OwnershipControls",
	"PublicAccessBlockConfiguration", "ReplicationConfiguration", "Tags", "VersioningConfiguration",
	"WebsiteConfiguration",
}
