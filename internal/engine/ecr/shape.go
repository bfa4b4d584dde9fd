package ecr

import "time"

// The shapes of ECR's operations that this service has, member for member the SDK's.
// They are here because the SDK's own package has the plans of all of ECR, which every
// command would make at its start.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/
type (
	CreateRepositoryInput struct {
		RepositoryName                     *string
		EncryptionConfiguration            *EncryptionConfiguration
		ImageScanningConfiguration         *ImageScanningConfiguration
		ImageTagMutability                 ImageTagMutability
		ImageTagMutabilityExclusionFilters []ImageTagMutabilityExclusionFilter
		RegistryId                         *string
		Tags                               []Tag
	}
	CreateRepositoryOutput struct{ Repository *Repository }

	DescribeRepositoriesInput struct {
		MaxResults            *int32
		NextToken, RegistryId *string
		RepositoryNames       []string
	}
	DescribeRepositoriesOutput struct {
		NextToken    *string
		Repositories []Repository
	}

	DeleteRepositoryInput struct {
		RepositoryName *string
		Force          bool
		RegistryId     *string
	}
	DeleteRepositoryOutput struct{ Repository *Repository }

	PutImageTagMutabilityInput struct {
		ImageTagMutability                 ImageTagMutability
		RepositoryName                     *string
		ImageTagMutabilityExclusionFilters []ImageTagMutabilityExclusionFilter
		RegistryId                         *string
	}
	PutImageTagMutabilityOutput struct {
		ImageTagMutability                 ImageTagMutability
		ImageTagMutabilityExclusionFilters []ImageTagMutabilityExclusionFilter
		RegistryId, RepositoryName         *string
	}

	PutImageScanningConfigurationInput struct {
		ImageScanningConfiguration *ImageScanningConfiguration
		RepositoryName, RegistryId *string
	}
	PutImageScanningConfigurationOutput struct {
		ImageScanningConfiguration *ImageScanningConfiguration
		RegistryId, RepositoryName *string
	}

	PutLifecyclePolicyInput  struct{ LifecyclePolicyText, RepositoryName, RegistryId *string }
	PutLifecyclePolicyOutput struct{ LifecyclePolicyText, RegistryId, RepositoryName *string }

	GetLifecyclePolicyInput  struct{ RepositoryName, RegistryId *string }
	GetLifecyclePolicyOutput struct {
		LastEvaluatedAt                                 *time.Time
		LifecyclePolicyText, RegistryId, RepositoryName *string
	}

	DeleteLifecyclePolicyInput  struct{ RepositoryName, RegistryId *string }
	DeleteLifecyclePolicyOutput struct {
		LastEvaluatedAt                                 *time.Time
		LifecyclePolicyText, RegistryId, RepositoryName *string
	}

	SetRepositoryPolicyInput struct {
		PolicyText, RepositoryName *string
		Force                      bool
		RegistryId                 *string
	}
	SetRepositoryPolicyOutput struct{ PolicyText, RegistryId, RepositoryName *string }

	GetRepositoryPolicyInput  struct{ RepositoryName, RegistryId *string }
	GetRepositoryPolicyOutput struct{ PolicyText, RegistryId, RepositoryName *string }

	DeleteRepositoryPolicyInput  struct{ RepositoryName, RegistryId *string }
	DeleteRepositoryPolicyOutput struct{ PolicyText, RegistryId, RepositoryName *string }

	TagResourceInput struct {
		ResourceArn *string
		Tags        []Tag
	}
	TagResourceOutput struct{}

	UntagResourceInput struct {
		ResourceArn *string
		TagKeys     []string
	}
	UntagResourceOutput struct{}

	ListTagsForResourceInput  struct{ ResourceArn *string }
	ListTagsForResourceOutput struct{ Tags []Tag }

	ListImagesInput struct {
		RepositoryName        *string
		Filter                *ListImagesFilter
		MaxResults            *int32
		NextToken, RegistryId *string
	}
	ListImagesOutput struct {
		ImageIds  []ImageIdentifier
		NextToken *string
	}

	DescribeImagesInput struct {
		RepositoryName        *string
		Filter                *DescribeImagesFilter
		ImageIds              []ImageIdentifier
		MaxResults            *int32
		NextToken, RegistryId *string
	}
	DescribeImagesOutput struct {
		ImageDetails []ImageDetail
		NextToken    *string
	}

	BatchGetImageInput struct {
		ImageIds           []ImageIdentifier
		RepositoryName     *string
		AcceptedMediaTypes []string
		RegistryId         *string
	}
	BatchGetImageOutput struct {
		Failures []ImageFailure
		Images   []Image
	}

	BatchDeleteImageInput struct {
		ImageIds                   []ImageIdentifier
		RepositoryName, RegistryId *string
	}
	BatchDeleteImageOutput struct {
		Failures []ImageFailure
		ImageIds []ImageIdentifier
	}

	GetAuthorizationTokenInput  struct{ RegistryIds []string }
	GetAuthorizationTokenOutput struct{ AuthorizationData []AuthorizationData }
)

// The parts of those shapes.
type (
	EncryptionConfiguration struct {
		EncryptionType EncryptionType
		KmsKey         *string
	}
	ImageScanningConfiguration        struct{ ScanOnPush bool }
	ImageTagMutabilityExclusionFilter struct {
		Filter     *string
		FilterType ImageTagMutabilityExclusionFilterType
	}
	Tag        struct{ Key, Value *string }
	Repository struct {
		CreatedAt                                                *time.Time
		EncryptionConfiguration                                  *EncryptionConfiguration
		ImageScanningConfiguration                               *ImageScanningConfiguration
		ImageTagMutability                                       ImageTagMutability
		ImageTagMutabilityExclusionFilters                       []ImageTagMutabilityExclusionFilter
		RegistryId, RepositoryArn, RepositoryName, RepositoryUri *string
	}
	ListImagesFilter struct {
		ImageStatus ImageStatusFilter
		TagStatus   TagStatus
	}
	ImageIdentifier      struct{ ImageDigest, ImageTag *string }
	DescribeImagesFilter struct {
		ImageStatus ImageStatusFilter
		TagStatus   TagStatus
	}
	ImageDetail struct {
		ArtifactMediaType, ImageDigest, ImageManifestMediaType *string
		ImagePushedAt                                          *time.Time
		ImageScanFindingsSummary                               *ImageScanFindingsSummary
		ImageScanStatus                                        *ImageScanStatus
		ImageSizeInBytes                                       *int64
		ImageStatus                                            ImageStatus
		ImageTags                                              []string
		LastActivatedAt, LastArchivedAt, LastRecordedPullTime  *time.Time
		RegistryId, RepositoryName, SubjectManifestDigest      *string
	}
	ImageFailure struct {
		FailureCode   ImageFailureCode
		FailureReason *string
		ImageId       *ImageIdentifier
	}
	Image struct {
		ImageId                                                           *ImageIdentifier
		ImageManifest, ImageManifestMediaType, RegistryId, RepositoryName *string
	}
	AuthorizationData struct {
		AuthorizationToken *string
		ExpiresAt          *time.Time
		ProxyEndpoint      *string
	}
	ImageScanFindingsSummary struct {
		FindingSeverityCounts                              map[string]int32
		ImageScanCompletedAt, VulnerabilitySourceUpdatedAt *time.Time
	}
	ImageScanStatus struct {
		Description *string
		Status      ScanStatus
	}

	ImageTagMutability                    string
	EncryptionType                        string
	ImageTagMutabilityExclusionFilterType string
	ImageStatusFilter                     string
	TagStatus                             string
	ImageStatus                           string
	ImageFailureCode                      string
	ScanStatus                            string
)

// What the enumerations may be, as far as it is told apart here.
const (
	ImageTagMutabilityMutable                     ImageTagMutability = "MUTABLE"
	ImageTagMutabilityImmutable                   ImageTagMutability = "IMMUTABLE"
	ImageTagMutabilityImmutableWithExclusion      ImageTagMutability = "IMMUTABLE_WITH_EXCLUSION"
	ImageTagMutabilityMutableWithExclusion        ImageTagMutability = "MUTABLE_WITH_EXCLUSION"
	EncryptionTypeAes256                          EncryptionType     = "AES256"
	TagStatusTagged                               TagStatus          = "TAGGED"
	TagStatusUntagged                             TagStatus          = "UNTAGGED"
	ImageStatusActive                             ImageStatus        = "ACTIVE"
	ImageFailureCodeInvalidImageDigest            ImageFailureCode   = "InvalidImageDigest"
	ImageFailureCodeImageTagDoesNotMatchDigest    ImageFailureCode   = "ImageTagDoesNotMatchDigest"
	ImageFailureCodeImageNotFound                 ImageFailureCode   = "ImageNotFound"
	ImageFailureCodeMissingDigestAndTag           ImageFailureCode   = "MissingDigestAndTag"
	ImageFailureCodeImageReferencedByManifestList ImageFailureCode   = "ImageReferencedByManifestList"
)

// Values lists the settings, of which a repository has one.
func (ImageTagMutability) Values() []ImageTagMutability {
	return []ImageTagMutability{
		ImageTagMutabilityMutable, ImageTagMutabilityImmutable,
		ImageTagMutabilityImmutableWithExclusion, ImageTagMutabilityMutableWithExclusion,
	}
}
