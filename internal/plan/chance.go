package plan

import "math"

// A chance is a source of numbers that depend on nothing but what they are
// for: the seed, what is drawn, and for which job or task. So a job takes as
// long in its second attempt as in its first, two descriptions that are
// compared meet the same jobs, and nothing has to be kept.
type chance struct{ seed uint64 }

// A draw is what a number is drawn for.
type draw uint64

const (
	drawDuration draw = iota + 1
	drawStart
	drawFailure
	drawInterruption
	drawPhase
	drawWaking
)

// unit is a number in [0, 1).
func (c chance) unit(d draw, n uint64) float64 {
	x := mix(c.seed ^ uint64(d)*0xd1342543de82ef95)
	return float64(mix(x+n*0x9e3779b97f4a7c15)>>11) / (1 << 53)
}

// mix spreads the bits of a number: the finaliser of SplitMix64 (Steele, Lea
// and Flood, "Fast splittable pseudorandom number generators", 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// exponential is the time until something happens that has a mean of 1.
func (c chance) exponential(d draw, n uint64) float64 {
	return -math.Log1p(-c.unit(d, n))
}
