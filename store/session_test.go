package store_test

import (
	"testing"

	"github.com/headless-auth/headless/store"
)

// Whoever proves who they are again and again fills nobody's table.
// Requirement DOS-2.
func TestMethodsAreBounded(t *testing.T) {
	t.Parallel()
	var m store.Methods
	for i := range 1000 {
		m = m.With(store.Method{Method: "mfa", At: float64(i)})
	}
	l := m.List()
	if len(l) > 100 || l[len(l)-1].At != 999 {
		t.Errorf("got %d records up to %v", len(l), l[len(l)-1].At)
	}
}
