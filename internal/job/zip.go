package job

import "fmt"

// Zip takes the grid's axes side by side instead of crossing them: the first
// values of all make the first configuration, and so on. All axes have to have
// as many values.
func (p Params) Zip() (Params, error) {
	if len(p.Grid) == 0 {
		return Params{}, Problem{File: "--zip", Fact: "there is no grid whose lists could be zipped",
			Hint: "give lists, such as -p size=1,2 -p name=a,b --zip"}
	}
	first := p.Grid[0]
	for _, axis := range p.Grid[1:] {
		if len(axis.Values) != len(first.Values) {
			return Params{}, Problem{File: "--zip", Fact: fmt.Sprintf("%s has %d values and %s has %d, and zipped lists are of one length",
				first.Name, len(first.Values), axis.Name, len(axis.Values)), Hint: "make them as long as each other, or leave --zip out to cross them"}
		}
	}
	list := make([]Config, len(first.Values))
	for i := range list {
		for _, axis := range p.Grid {
			list[i] = append(list[i], Param{Name: axis.Name, Value: axis.Values[i]})
		}
	}
	return Params{List: list}, nil
}
