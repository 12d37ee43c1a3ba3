package importer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headless-auth/headless/account/importer"
	"github.com/headless-auth/headless/store/memory"
)

// BenchmarkImport: hashes that are stored as they are, and weak ones that are
// put into one of ours at the default cost.
func BenchmarkImport(b *testing.B) {
	for name, password := range map[string]string{
		"as they are": `"password_hash":"$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"`,
		"wrapped":     `"password_hash":"5f4dcc3b5aa765d61d8327deb882cf99","password_format":"md5"`,
	} {
		b.Run(name, func(b *testing.B) {
			c := config(memory.New())
			c.Account.Password.Argon2Memory, c.Account.Password.Argon2Time = 0, 0
			m, err := importer.New(c)
			if err != nil {
				b.Fatal(err)
			}
			var file strings.Builder
			for i := range b.N {
				fmt.Fprintf(&file, `{"id":"%d","username":"user%d",%s}`+"\n", i, i, password)
			}
			b.ResetTimer()
			report, err := m.Import(b.Context(), importer.JSONLines(strings.NewReader(file.String())), importer.Options{})
			if err != nil || report.Created != b.N {
				b.Fatalf("got %+v, %v", report, err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "users/s")
		})
	}
}
