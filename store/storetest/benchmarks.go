package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// Benchmarks measures what requests cost most often: finding a session with its
// user, touching and saving it, and taking from a limit. open is called once
// for each benchmark and returns an empty store.
func Benchmarks(b *testing.B, open func(b *testing.B) store.Store) {
	const sessions = 1000
	fill := func(b *testing.B, st store.Store) []*store.Session {
		var l []*store.Session
		for i := range sessions {
			u := fullUser()
			u.Username = fmt.Sprint("user", i)
			ok(b, st.CreateUser(b.Context(), u))
			s := session(u.ID, i)
			ok(b, st.CreateSession(b.Context(), s))
			l = append(l, s)
		}
		return l
	}

	b.Run("SessionAndUser", func(b *testing.B) {
		st := open(b)
		both, is := st.(store.SessionUser)
		if !is {
			b.Skip("the store can't find both at once")
		}
		l := fill(b, st)
		ctx := b.Context()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, _, err := both.SessionAndUser(ctx, l[i%sessions].TokenHash)
			ok(b, err)
		}
	})

	b.Run("SessionAndUserParallel", func(b *testing.B) {
		st := open(b)
		both, is := st.(store.SessionUser)
		if !is {
			b.Skip("the store can't find both at once")
		}
		l := fill(b, st)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if _, _, err := both.SessionAndUser(b.Context(), l[i%sessions].TokenHash); err != nil {
					b.Error(err)
				}
			}
		})
	})

	b.Run("UpdateSession", func(b *testing.B) {
		st := open(b)
		l, ctx := fill(b, st), b.Context()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			ok(b, st.UpdateSession(ctx, l[i%sessions]))
		}
	})

	b.Run("TouchSession", func(b *testing.B) {
		st := open(b)
		l, ctx := fill(b, st), b.Context()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			ok(b, st.TouchSession(ctx, l[i%sessions], l[i%sessions].SeenAt))
		}
	})

	// Each with buckets of its own, which is how a server meets its clients.
	b.Run("Take", func(b *testing.B) {
		st, ctx, at := open(b), b.Context(), now()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			at = at.Add(time.Millisecond)
			val := fmt.Sprint(i % 10_000)
			_, err := st.Take(ctx, at,
				store.Bucket{Key: "login:ip:" + val, Amount: 30, Per: time.Minute}, store.Bucket{Key: "login:key:" + val, Amount: 5, Per: 5 * time.Minute})
			ok(b, err)
		}
	})

	b.Run("TakeParallel", func(b *testing.B) {
		st, at := open(b), now()
		var n atomic.Int64
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				i := n.Add(1)
				_, err := st.Take(b.Context(), at.Add(time.Duration(i)*time.Millisecond), store.Bucket{Key: fmt.Sprint(i % 100), Amount: 30, Per: time.Minute})
				if err != nil {
					b.Error(err)
				}
			}
		})
	})

	// All from one bucket that is full: what an attack looks like.
	b.Run("TakeRefused", func(b *testing.B) {
		st, ctx, at := open(b), b.Context(), now()
		bucket := store.Bucket{Key: "k", Amount: 100, Per: time.Hour}
		for range bucket.Amount {
			got(st.Take(ctx, at, bucket))(b)
		}
		b.ReportAllocs()
		for b.Loop() {
			got(st.Take(ctx, at, bucket))(b)
		}
	})
}
