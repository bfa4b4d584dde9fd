package sns

import "fmt"

// A refusal is why an attribute's value is wrong, in the words that SNS answers
// after "Invalid parameter: ".
type refusal string

func (r refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }
