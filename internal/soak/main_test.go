//go:build linux

package main

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// What keeps growing is found among ups and downs, and these alone are no growth.
func TestTrends(t *testing.T) {
	seed := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- the same every time
	for name, tt := range map[string]struct {
		files func(i int) float64
		grows bool
	}{
		"as it was":        {func(int) float64 { return 50 }, false},
		"ups and downs":    {func(int) float64 { return 50 + 40*seed.Float64() }, false},
		"a saw":            {func(i int) float64 { return float64(50 + i%30*10) }, false},
		"only at first":    {func(i int) float64 { return float64(50 + 10*min(i, 90)) }, false},
		"a leak":           {func(i int) float64 { return 50 + float64(i)/4 }, true},
		"a leak, restless": {func(i int) float64 { return 50 + float64(i) + 40*seed.Float64() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			var looks []look
			for i := range 300 {
				looks = append(looks, look{"files": tt.files(i), "heap": 1000})
			}
			err := trends(looks)
			if (err != nil) != tt.grows || err != nil && (!strings.Contains(err.Error(), "files") || strings.Contains(err.Error(), "heap")) {
				t.Errorf("got %v", err)
			}
		})
	}
	busier := func(perRequest func(i int) float64) (looks []look) {
		answers := 0.0
		for i := range 300 {
			answers += float64(100 + i) // ever more requests
			looks = append(looks, look{"answers": answers, "sessions": float64(100+i) * perRequest(i)})
		}
		return looks
	}
	if err := trends(busier(func(int) float64 { return 10 })); err != nil {
		t.Errorf("more requests: got %v", err)
	}
	if trends(busier(func(i int) float64 { return 10 + float64(i)/10 })) == nil {
		t.Error("sessions that are kept are not found among more requests")
	}
	if trends(make([]look, 9)) == nil {
		t.Error("nine looks are enough")
	}
}
