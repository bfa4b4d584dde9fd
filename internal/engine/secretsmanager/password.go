package secretsmanager

import (
	"context"
	"crypto/rand"
	"math/big"
	"strings"
)

const (
	lowercase   = "abcdefghijklmnopqrstuvwxyz"
	uppercase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	numbers     = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// getRandomPassword draws characters of the types that are wanted, at least one
// of each unless it is told not to mind.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
func getRandomPassword(_ context.Context, in *GetRandomPasswordInput) (*GetRandomPasswordOutput, error) {
	length := 32
	if in.PasswordLength != nil {
		length = int(*in.PasswordLength)
	}
	switch {
	case length < 1:
		return nil, constraint(length, "passwordLength", "Member must have value greater than or equal to 1")
	case length > 4096:
		return nil, constraint(length, "passwordLength", "Member must have value less than or equal to 4096")
	}
	types := characterTypes(in)
	each := in.RequireEachIncludedType == nil || *in.RequireEachIncludedType
	switch {
	case len(types) == 0:
		return nil, badRequest("You must include at least one character type in the password.")
	case each && length < len(types):
		return nil, invalid("Password length is too short based on the required types.")
	}
	var password []byte
	if each {
		for _, letters := range types {
			password = append(password, draw(letters))
		}
	}
	all := strings.Join(types, "")
	for len(password) < length {
		password = append(password, draw(all))
	}
	for i := range password { // so that the required ones stand anywhere
		j := i + below(len(password)-i)
		password[i], password[j] = password[j], password[i]
	}
	return &GetRandomPasswordOutput{RandomPassword: new(string(password))}, nil
}

// characterTypes are the characters of each type that a password may have.
func characterTypes(in *GetRandomPasswordInput) []string {
	var types []string
	for _, t := range []struct {
		letters string
		without bool
	}{
		{lowercase, deref(in.ExcludeLowercase)},
		{uppercase, deref(in.ExcludeUppercase)},
		{numbers, deref(in.ExcludeNumbers)},
		{punctuation, deref(in.ExcludePunctuation)},
		{" ", !deref(in.IncludeSpace)},
	} {
		letters := strings.Map(func(r rune) rune {
			if strings.ContainsRune(deref(in.ExcludeCharacters), r) {
				return -1
			}
			return r
		}, t.letters)
		if !t.without && letters != "" {
			types = append(types, letters)
		}
	}
	return types
}

func draw(letters string) byte { return letters[below(len(letters))] }

// below returns a random number less than n, each as likely.
func below(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err) // it never fails
	}
	return int(i.Int64())
}
