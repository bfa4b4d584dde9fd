package run

import "context"

// Sample reads at most so many jobs of the run, at even distances.
func (r *Run) Sample(ctx context.Context, most int) ([]Row, error) {
	s, err := r.surveyed(ctx)
	if err != nil {
		return nil, err
	}
	stride := max(1, (r.Jobs+most-1)/most)
	var rows []Row
	for row, err := range r.configs(ctx) {
		if err != nil {
			return nil, err
		}
		if row.Index%stride == 0 {
			rows = append(rows, row)
		}
	}
	return rows, r.fill(ctx, rows, s.outcomes())
}
