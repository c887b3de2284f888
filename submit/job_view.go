package submit

import "context"

// Job returns what the store knows of one job, pending or ended. The error matches
// [ErrNotFound] if it knows none of that key. A record that cannot be read is no
// error: see Job.Unreadable.
func (s *Submitter[J, W, R]) Job(ctx context.Context, key string) (Job[J, W], error) {
	if err := checkKey(key); err != nil {
		return Job[J, W]{}, err
	}
	r, err := s.options.Store.Get(ctx, KindJob, key)
	if err != nil {
		return Job[J, W]{}, err
	}
	job, rec := s.view(r)
	if rec != nil {
		job.Cursor = position{rec.Intent.UnixNano(), r.Key}.cursor()
	}
	return job, nil
}
