package api

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPatience(t *testing.T) {
	type key struct{}
	begin := func(t *testing.T) (p *patience, leave context.CancelFunc) {
		client, leave := context.WithCancel(context.WithValue(t.Context(), key{}, "the client's"))
		t.Cleanup(leave)
		p = &patience{}
		p.start(client, &Request{}, time.Second)
		p.all = &watches{} // of this bubble
		return p, leave
	}
	for name, waits := range map[string]bool{"nobody waits": false, "somebody waits": true} {
		t.Run(name, func(t *testing.T) {
			for ending, tt := range map[string]struct {
				end  func(p *patience, leave func())
				want error
			}{
				"the client leaves":   {func(_ *patience, leave func()) { leave() }, context.Canceled},
				"the answer is given": {func(p *patience, _ func()) { p.end() }, context.Canceled},
				"time is over":        {func(*patience, func()) { time.Sleep(time.Second) }, context.DeadlineExceeded},
			} {
				synctest.Test(t, func(t *testing.T) {
					p, leave := begin(t)
					var child context.Context
					if waits {
						var cancel context.CancelFunc
						child, cancel = context.WithCancel(p)
						defer cancel()
					}
					if d, ok := p.Deadline(); !ok || time.Until(d) != time.Second {
						t.Errorf("%s: the deadline is in %v, %v", ending, time.Until(d), ok)
					}
					if p.Err() != nil || FromContext(p) != p.rq || p.Value(key{}) != "the client's" {
						t.Errorf("%s: got %v, %v, %v before", ending, p.Err(), FromContext(p), p.Value(key{}))
					}
					tt.end(p, leave)
					time.Sleep(glance)
					synctest.Wait()
					if !errors.Is(p.Err(), tt.want) {
						t.Errorf("%s: got %v, want %v", ending, p.Err(), tt.want)
					}
					if waits && !errors.Is(child.Err(), tt.want) {
						t.Errorf("%s: what hangs on it has %v, want %v", ending, child.Err(), tt.want)
					}
					select {
					case <-p.Done():
					default:
						t.Errorf("%s: it is not done", ending)
					}
				})
			}
		})
	}
	t.Run("who has an answer is not looked at any more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			all := &watches{}
			var l []*patience
			for range 100 {
				p := &patience{}
				p.start(t.Context(), &Request{}, time.Hour)
				p.all = all
				p.Done()
				l = append(l, p)
			}
			for i := range l { // in some order
				l[i*37%len(l)].end()
			}
			for i := range all {
				if w := &all[i]; w.first != nil {
					t.Errorf("somebody is in watch %d", i)
				}
			}
			time.Sleep(2 * glance)
			synctest.Wait()
			for i := range all {
				if w := &all[i]; w.awake {
					t.Errorf("watch %d goes on", i)
				}
			}
		})
	})
	t.Run("what is called off is not done", func(t *testing.T) {
		p, done := &patience{}, false
		p.start(t.Context(), &Request{}, time.Hour)
		stop := context.AfterFunc(p, func() { done = true })
		if !stop() || stop() {
			t.Error("it is called off once")
		}
		if p.end(); done {
			t.Error("it was done")
		}
		if late := make(chan bool, 1); context.AfterFunc(p, func() { late <- true })() || !<-late {
			t.Error("what comes late is done at once")
		}
	})
	t.Run("an earlier deadline of the client's counts", func(t *testing.T) {
		client, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		want, _ := client.Deadline()
		p := &patience{}
		p.start(client, &Request{}, time.Hour)
		if got, ok := p.Deadline(); !ok || !got.Equal(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
