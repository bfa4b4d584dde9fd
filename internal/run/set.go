package run

import "math/bits"

// A set holds indices of jobs, a bit each: a million take 125 kB.
type set []uint64

const wordBits = 64

func newSet(n int) set { return make(set, (n+wordBits-1)/wordBits) }

// wholeSet holds 0 to n-1.
func wholeSet(n int) set {
	s := newSet(n)
	for i := range s {
		s[i] = ^uint64(0)
	}
	if rest := n % wordBits; rest > 0 {
		s[len(s)-1] = 1<<rest - 1
	}
	return s
}

// add takes an index in; one that the set has no room for is left out.
func (s set) add(i int) {
	if i >= 0 && i/wordBits < len(s) {
		s[i/wordBits] |= 1 << (i % wordBits)
	}
}

func (s set) has(i int) bool {
	return i >= 0 && i/wordBits < len(s) && s[i/wordBits]&(1<<(i%wordBits)) != 0
}

func (s set) count() int {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// next is the lowest index in the set that is not below i, or -1.
func (s set) next(i int) int {
	for w := i / wordBits; w < len(s); w++ {
		word := s[w]
		if w == i/wordBits {
			word &= ^uint64(0) << (i % wordBits)
		}
		if word != 0 {
			return w*wordBits + bits.TrailingZeros64(word)
		}
	}
	return -1
}

// all gives the indices in rising order.
func (s set) all(yield func(int) bool) {
	for i := s.next(0); i >= 0; i = s.next(i + 1) {
		if !yield(i) {
			return
		}
	}
}

// and holds what is in both sets, which have the same room.
func (s set) and(t set) set {
	both := make(set, len(s))
	for i := range s {
		both[i] = s[i] & t[i]
	}
	return both
}

// or holds what is in either set, which have the same room.
func (s set) or(t set) set {
	either := make(set, len(s))
	for i := range s {
		either[i] = s[i] | t[i]
	}
	return either
}

// minus holds what is in s and not in t, which have the same room.
func (s set) minus(t set) set {
	rest := make(set, len(s))
	for i := range s {
		rest[i] = s[i] &^ t[i]
	}
	return rest
}
