package api

import "context"

// Flow is something a caller may do next, or has begun. spec: core.md §8.
type Flow struct {
	ID       string   `json:"id"`
	Provider any      `json:"provider,omitempty"`
	Provs    any      `json:"providers,omitempty"`
	Types    []string `json:"types,omitempty"`
	// Pending is nil where the flow doesn't say.
	Pending *bool          `json:"is_pending,omitempty"`
	Extra   map[string]any `json:"-"`
}

// MarshalJSON adds the extra fields of a host's own stage.
func (f Flow) MarshalJSON() ([]byte, error) {
	type plain Flow
	return merge(plain(f), f.Extra)
}

// Flows is a list of flows, each id once.
type Flows []Flow

// Put adds a flow, or takes the place of the one with the same id.
func (l *Flows) Put(f Flow) {
	for i := range *l {
		if (*l)[i].ID == f.ID {
			(*l)[i] = f
			return
		}
	}
	*l = append(*l, f)
}

// FlowSource adds the flows of one feature to the list.
type FlowSource func(ctx context.Context, rq *Request, l *Flows) error

func (rq *Request) flows(ctx context.Context) (Flows, error) {
	l := Flows{}
	for _, source := range rq.Env.Flows {
		if err := source(ctx, rq, &l); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// True is for flows that are pending.
func True() *bool { t := true; return &t }
