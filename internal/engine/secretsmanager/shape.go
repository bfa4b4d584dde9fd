package secretsmanager

import "time"

// The shapes of Secrets Manager's operations that this service has, member for member the SDK's.
// They are here because the SDK's own package has the plans of all of Secrets
// Manager, which every command would make at its start.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/
type (
	CreateSecretInput struct {
		Name                            *string
		AddReplicaRegions               []ReplicaRegionType
		ClientRequestToken, Description *string
		ForceOverwriteReplicaSecret     bool
		KmsKeyId                        *string
		SecretBinary                    []byte
		SecretString                    *string
		Tags                            []Tag
		Type                            *string
	}
	CreateSecretOutput struct {
		ARN, Name         *string
		ReplicationStatus []ReplicationStatusType
		VersionId         *string
	}

	PutSecretValueInput struct {
		SecretId, ClientRequestToken, RotationToken *string
		SecretBinary                                []byte
		SecretString                                *string
		VersionStages                               []string
	}
	PutSecretValueOutput struct {
		ARN, Name, VersionId *string
		VersionStages        []string
	}

	UpdateSecretInput struct {
		SecretId, ClientRequestToken, Description, KmsKeyId *string
		SecretBinary                                        []byte
		SecretString, Type                                  *string
	}
	UpdateSecretOutput struct{ ARN, Name, VersionId *string }

	GetSecretValueInput  struct{ SecretId, VersionId, VersionStage *string }
	GetSecretValueOutput struct {
		ARN                     *string
		CreatedDate             *time.Time
		Name                    *string
		SecretBinary            []byte
		SecretString, VersionId *string
		VersionStages           []string
	}

	BatchGetSecretValueInput struct {
		Filters      []Filter
		MaxResults   *int32
		NextToken    *string
		SecretIdList []string
	}
	BatchGetSecretValueOutput struct {
		Errors       []APIErrorType
		NextToken    *string
		SecretValues []SecretValueEntry
	}

	DescribeSecretInput  struct{ SecretId *string }
	DescribeSecretOutput struct {
		ARN                                                *string
		CreatedDate, DeletedDate                           *time.Time
		Description                                        *string
		ExternalSecretRotationMetadata                     []ExternalSecretRotationMetadataItem
		ExternalSecretRotationRoleArn, KmsKeyId            *string
		LastAccessedDate, LastChangedDate, LastRotatedDate *time.Time
		Name                                               *string
		NextRotationDate                                   *time.Time
		OwningService, PrimaryRegion                       *string
		ReplicationStatus                                  []ReplicationStatusType
		RotationEnabled                                    *bool
		RotationLambdaARN                                  *string
		RotationRules                                      *RotationRulesType
		Tags                                               []Tag
		Type                                               *string
		VersionIdsToStages                                 map[string][]string
	}

	ListSecretsInput struct {
		Filters                []Filter
		IncludePlannedDeletion *bool
		MaxResults             *int32
		NextToken              *string
		SortBy                 SortByType
		SortOrder              SortOrderType
	}
	ListSecretsOutput struct {
		NextToken  *string
		SecretList []SecretListEntry
	}

	ListSecretVersionIdsInput struct {
		SecretId          *string
		IncludeDeprecated *bool
		MaxResults        *int32
		NextToken         *string
	}
	ListSecretVersionIdsOutput struct {
		ARN, Name, NextToken *string
		Versions             []SecretVersionsListEntry
	}

	DeleteSecretInput struct {
		SecretId                   *string
		ForceDeleteWithoutRecovery *bool
		RecoveryWindowInDays       *int64
	}
	DeleteSecretOutput struct {
		ARN          *string
		DeletionDate *time.Time
		Name         *string
	}

	RestoreSecretInput  struct{ SecretId *string }
	RestoreSecretOutput struct{ ARN, Name *string }

	TagResourceInput struct {
		SecretId *string
		Tags     []Tag
	}
	TagResourceOutput struct{}

	UntagResourceInput struct {
		SecretId *string
		TagKeys  []string
	}
	UntagResourceOutput struct{}

	GetRandomPasswordInput struct {
		ExcludeCharacters                                                                    *string
		ExcludeLowercase, ExcludeNumbers, ExcludePunctuation, ExcludeUppercase, IncludeSpace *bool
		PasswordLength                                                                       *int64
		RequireEachIncludedType                                                              *bool
	}
	GetRandomPasswordOutput struct{ RandomPassword *string }
)

// The parts of those shapes.
type (
	ReplicaRegionType     struct{ KmsKeyId, Region *string }
	Tag                   struct{ Key, Value *string }
	ReplicationStatusType struct {
		KmsKeyId         *string
		LastAccessedDate *time.Time
		Region           *string
		Status           StatusType
		StatusMessage    *string
	}
	Filter struct {
		Key    FilterNameStringType
		Values []string
	}
	APIErrorType     struct{ ErrorCode, Message, SecretId *string }
	SecretValueEntry struct {
		ARN                     *string
		CreatedDate             *time.Time
		Name                    *string
		SecretBinary            []byte
		SecretString, VersionId *string
		VersionStages           []string
	}
	ExternalSecretRotationMetadataItem struct{ Key, Value *string }
	RotationRulesType                  struct {
		AutomaticallyAfterDays       *int64
		Duration, ScheduleExpression *string
	}
	SecretListEntry struct {
		ARN                                                *string
		CreatedDate, DeletedDate                           *time.Time
		Description                                        *string
		ExternalSecretRotationMetadata                     []ExternalSecretRotationMetadataItem
		ExternalSecretRotationRoleArn, KmsKeyId            *string
		LastAccessedDate, LastChangedDate, LastRotatedDate *time.Time
		Name                                               *string
		NextRotationDate                                   *time.Time
		OwningService, PrimaryRegion                       *string
		RotationEnabled                                    *bool
		RotationLambdaARN                                  *string
		RotationRules                                      *RotationRulesType
		SecretVersionsToStages                             map[string][]string
		Tags                                               []Tag
		Type                                               *string
	}
	SecretVersionsListEntry struct {
		CreatedDate      *time.Time
		KmsKeyIds        []string
		LastAccessedDate *time.Time
		VersionId        *string
		VersionStages    []string
	}

	SortByType           string
	SortOrderType        string
	StatusType           string
	FilterNameStringType string
)

// What the enumerations may be, as far as it matters here.
const (
	SortByTypeLastAccessedDate        SortByType           = "last-accessed-date"
	SortByTypeLastChangedDate         SortByType           = "last-changed-date"
	SortByTypeName                    SortByType           = "name"
	SortOrderTypeAsc                  SortOrderType        = "asc"
	FilterNameStringTypeDescription   FilterNameStringType = "description"
	FilterNameStringTypeName          FilterNameStringType = "name"
	FilterNameStringTypeTagKey        FilterNameStringType = "tag-key"
	FilterNameStringTypeTagValue      FilterNameStringType = "tag-value"
	FilterNameStringTypePrimaryRegion FilterNameStringType = "primary-region"
	FilterNameStringTypeOwningService FilterNameStringType = "owning-service"
	FilterNameStringTypeAll           FilterNameStringType = "all"
)

// Values lists the keys, of which a filter has one.
func (FilterNameStringType) Values() []FilterNameStringType {
	return []FilterNameStringType{
		FilterNameStringTypeDescription, FilterNameStringTypeName, FilterNameStringTypeTagKey, FilterNameStringTypeTagValue,
		FilterNameStringTypePrimaryRegion, FilterNameStringTypeOwningService, FilterNameStringTypeAll,
	}
}
