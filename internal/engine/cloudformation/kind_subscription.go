package cloudformation

import "context"

// subscriptionAttributes are the properties of a subscription that are
// attributes of the same name, with what they go back to when a template drops
// them. They are in the order in which they can be set.
// https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
var subscriptionAttributes = [][2]string{
	{"DeliveryPolicy", ""}, {"RawMessageDelivery", "false"}, {"RedrivePolicy", ""}, {"ReplayPolicy", ""}, {"SubscriptionRoleArn", ""},
	{"FilterPolicyScope", "MessageAttributes"}, {"FilterPolicy", "{}"},
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html
var snsSubscription = kind{
	attributes: []string{"Arn"},
	replace:    []string{"Endpoint", "Protocol", "TopicArn"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		attributes, err := subscriptionAttributesOf(r.Properties)
		if err != nil {
			return made{}, err
		}
		var out struct{ SubscriptionArn string }
		if err := c.topics.Call(ctx, "Subscribe", properties{
			"TopicArn": r.text("TopicArn"), "Protocol": r.text("Protocol"), "Endpoint": r.text("Endpoint"),
			"Attributes": attributes, "ReturnSubscriptionArn": true,
		}, &out); err != nil {
			return made{}, err
		}
		return made{ID: out.SubscriptionArn, Attributes: properties{"Arn": out.SubscriptionArn}}, nil
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		attributes, err := subscriptionAttributesOf(r.Properties)
		if err != nil {
			return made{}, err
		}
		set := func(name, value string) error {
			return c.topics.Call(ctx, "SetSubscriptionAttributes", properties{
				"SubscriptionArn": r.ID, "AttributeName": name, "AttributeValue": value,
			}, nil)
		}
		filtered := r.changed("FilterPolicy", "FilterPolicyScope")
		if filtered { // a policy of the one scope may be wrong in the other
			if err := set("FilterPolicy", "{}"); err != nil {
				return made{}, err
			}
		}
		for _, a := range subscriptionAttributes {
			name, value := a[0], a[1]
			if !r.changed(name) && !(name == "FilterPolicy" && filtered) {
				continue
			}
			if given, ok := attributes[name]; ok {
				value = given
			}
			if err := set(name, value); err != nil {
				return made{}, err
			}
		}
		return made{ID: r.ID}, nil
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		if r.ID == "" { // a subscription that did not come to be
			return nil
		}
		return unlessAbsent(c.topics.Call(ctx, "Unsubscribe", properties{"SubscriptionArn": r.ID}, nil))
	},
}

func subscriptionAttributesOf(p properties) (map[string]string, error) {
	names := []string{"Endpoint", "Protocol", "Region", "TopicArn"}
	attributes := map[string]string{}
	for _, a := range subscriptionAttributes {
		names = append(names, a[0])
		value, given := p[a[0]]
		if !given {
			continue
		}
		text, err := documentOf(value)
		if err != nil {
			return nil, err
		}
		attributes[a[0]] = text
	}
	return attributes, only(p, names...)
}
