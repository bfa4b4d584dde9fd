package ssm

import "time"

// The shapes of Parameter Store's operations, member for member the SDK's.
// They are here because the SDK's own package is that of all of Systems
// Manager: in every command it would take 10 ms of start-up and a megabyte.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/
type (
	PutParameterInput struct {
		Name, Value, AllowedPattern, DataType, Description, KeyId *string
		Overwrite                                                 *bool
		Policies                                                  *string
		Tags                                                      []Tag
		Tier                                                      ParameterTier
		Type                                                      ParameterType
	}
	PutParameterOutput struct {
		Tier    ParameterTier
		Version int64
	}

	GetParameterInput struct {
		Name           *string
		WithDecryption *bool
	}
	GetParameterOutput struct{ Parameter *Parameter }

	GetParametersInput struct {
		Names          []string
		WithDecryption *bool
	}
	GetParametersOutput struct {
		InvalidParameters []string
		Parameters        []Parameter
	}

	GetParametersByPathInput struct {
		Path                      *string
		MaxResults                *int32
		NextToken                 *string
		ParameterFilters          []ParameterStringFilter
		Recursive, WithDecryption *bool
	}
	GetParametersByPathOutput struct {
		NextToken  *string
		Parameters []Parameter
	}

	GetParameterHistoryInput struct {
		Name           *string
		MaxResults     *int32
		NextToken      *string
		WithDecryption *bool
	}
	GetParameterHistoryOutput struct {
		NextToken  *string
		Parameters []ParameterHistory
	}

	DescribeParametersInput struct {
		Filters          []ParametersFilter
		MaxResults       *int32
		NextToken        *string
		ParameterFilters []ParameterStringFilter
		Shared           *bool
	}
	DescribeParametersOutput struct {
		NextToken  *string
		Parameters []ParameterMetadata
	}

	DeleteParameterInput  struct{ Name *string }
	DeleteParameterOutput struct{}

	DeleteParametersInput  struct{ Names []string }
	DeleteParametersOutput struct{ DeletedParameters, InvalidParameters []string }

	AddTagsToResourceInput struct {
		ResourceId   *string
		ResourceType ResourceTypeForTagging
		Tags         []Tag
	}
	AddTagsToResourceOutput struct{}

	RemoveTagsFromResourceInput struct {
		ResourceId   *string
		ResourceType ResourceTypeForTagging
		TagKeys      []string
	}
	RemoveTagsFromResourceOutput struct{}

	ListTagsForResourceInput struct {
		ResourceId   *string
		ResourceType ResourceTypeForTagging
	}
	ListTagsForResourceOutput struct{ TagList []Tag }
)

// The parts of those shapes.
type (
	Parameter struct {
		ARN, DataType                *string
		LastModifiedDate             *time.Time
		Name, Selector, SourceResult *string
		Type                         ParameterType
		Value                        *string
		Version                      int64
	}
	ParameterHistory struct {
		AllowedPattern, DataType, Description, KeyId *string
		Labels                                       []string
		LastModifiedDate                             *time.Time
		LastModifiedUser, Name                       *string
		Policies                                     []ParameterInlinePolicy
		Tier                                         ParameterTier
		Type                                         ParameterType
		Value                                        *string
		Version                                      int64
	}
	ParameterMetadata struct {
		ARN, AllowedPattern, DataType, Description, KeyId *string
		LastModifiedDate                                  *time.Time
		LastModifiedUser, Name                            *string
		Policies                                          []ParameterInlinePolicy
		Tier                                              ParameterTier
		Type                                              ParameterType
		Version                                           int64
	}
	ParameterInlinePolicy struct{ PolicyStatus, PolicyText, PolicyType *string }
	ParameterStringFilter struct {
		Key, Option *string
		Values      []string
	}
	ParametersFilter struct {
		Key    ParametersFilterKey
		Values []string
	}
	Tag struct{ Key, Value *string }

	ParameterTier          string
	ParameterType          string
	ParametersFilterKey    string
	ResourceTypeForTagging string
)

// What the enumerations may be.
const (
	ParameterTierStandard           ParameterTier          = "Standard"
	ParameterTierAdvanced           ParameterTier          = "Advanced"
	ParameterTierIntelligentTiering ParameterTier          = "Intelligent-Tiering"
	ParameterTypeString             ParameterType          = "String"
	ParameterTypeStringList         ParameterType          = "StringList"
	ParameterTypeSecureString       ParameterType          = "SecureString"
	ResourceTypeForTaggingParameter ResourceTypeForTagging = "Parameter"
)

// Values lists the types, of which a parameter has one.
func (ParameterType) Values() []ParameterType {
	return []ParameterType{ParameterTypeString, ParameterTypeStringList, ParameterTypeSecureString}
}

// Values lists the tiers, of which a parameter has one.
func (ParameterTier) Values() []ParameterTier {
	return []ParameterTier{ParameterTierStandard, ParameterTierAdvanced, ParameterTierIntelligentTiering}
}
