package wire

// An Account is whose resources an engine holds, and where.
type Account struct {
	ID     string // twelve digits
	Region string
}

// ARN returns the Amazon Resource Name of a resource of the account.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func (a Account) ARN(service, resource string) string {
	return "arn:aws:" + service + ":" + a.Region + ":" + a.ID + ":" + resource
}
