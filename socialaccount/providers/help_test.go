package providers_test

import (
	"context"
	"errors"
	"sync"
	"time"
)

// once remembers keys.
func once() func(context.Context, string, time.Time) error {
	var mu sync.Mutex
	used := map[string]bool{}
	return func(_ context.Context, key string, _ time.Time) error {
		mu.Lock()
		defer mu.Unlock()
		if used[key] {
			return errors.New("used")
		}
		used[key] = true
		return nil
	}
}

// applePEM is a private key for nothing.
const applePEM = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2
OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r
1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G
-----END PRIVATE KEY-----`
