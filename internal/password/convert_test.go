package password_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/headless-auth/headless/internal/password"
)

func fromBase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// firebaseProject are the parameters in the README of github.com/firebase/scrypt.
var firebaseProject = &password.Firebase{
	SignerKey:     fromBase64("jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="),
	SaltSeparator: fromBase64("Bw=="), Rounds: 8, MemCost: 14,
}

// foreign are hashes that other systems made, with where they were published.
var foreign = []struct {
	name, text string
	hash       password.Foreign
	weak       bool
}{
	// Passlib, passlib/tests/test_handlers.py, pbkdf2_sha1_test and so on.
	{"Passlib's pbkdf2", "password", password.Foreign{Hash: "$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI"}, false},
	{"Passlib's pbkdf2-sha256", "password", password.Foreign{Hash: "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ"}, false},
	{"Passlib's pbkdf2-sha256 beyond ASCII", "\u0399\u03c9\u03b1\u03bd\u03bd\u03b7\u03c2", password.Foreign{Hash: "$pbkdf2-sha256$1212$3SABFJGDtyhrQMVt1uABPw$WyaUoqCLgvz97s523nF4iuOqZNbp5Nt8do/cuaa7AiI"}, false},
	{"Passlib's pbkdf2-sha512", "password", password.Foreign{Hash: "$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww"}, false},
	// RFC 7914 §11: PBKDF2-HMAC-SHA-256 of "Password" and "NaCl", 80000 rounds, as a PHC string.
	{"RFC 7914's PBKDF2", "Password", password.Foreign{Hash: "$pbkdf2-sha256$i=80000,l=64$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1ah1CWhIlgzVJrbhBtRybMXaicr3ruh0HhHj2Kzl/M8jQ"}, false},
	// RFC 7914 §12: scrypt of "pleaseletmein" and "SodiumChloride", N 16384, as a PHC string.
	{"RFC 7914's scrypt", "pleaseletmein", password.Foreign{Hash: "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw"}, false},
	// PostgreSQL extension pwhash, test/sql.
	{"libscrypt's scrypt", "password", password.Foreign{Hash: "$scrypt$ln=16,r=8,p=1$MTIzNDU2Nzg$NuB+vs2zc0fb2UzIRwwAV6ZWb3St8+X9IedYI1gQsoo"}, false},

	// Openwall phpass 0.3, test.php; John the Ripper, phpass_fmt; Passlib, test_handlers.py, phpass_test.
	{"phpass", "test12345", password.Foreign{Hash: "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"}, true},
	{"phpass of phpBB", "JohnRipper", password.Foreign{Hash: "$H$712345678WhEyvy1YWzT4647jzeOmo0"}, true},
	{"phpass of WordPress", "JohnRipper", password.Foreign{Hash: "$P$B12345678L6Lpt4BxNotVIMILOa9u81"}, true},
	{"phpass of nothing", "", password.Foreign{Hash: "$P$7JaFQsPzJSuenezefD/3jHgt5hVfNH0"}, true},

	// ASP.NET Core, src/Identity/test/Identity.Test/PasswordHasherTest.cs.
	{"ASP.NET Identity version 2", "my password", password.Foreign{Format: "aspnet", Hash: "AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg=="}, false},
	{"ASP.NET Identity version 3", "my password", password.Foreign{Format: "aspnet", Hash: "AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw=="}, false},
	{"ASP.NET Identity version 3 with a longer salt", "my password", password.Foreign{Format: "aspnet", Hash: "AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ="}, false},

	// github.com/firebase/scrypt, README.
	{"Firebase", "user1password", password.Foreign{
		Format: "firebase", SaltBefore: fromBase64("42xEC+ixf3L2lw=="), Firebase: firebaseProject,
		Hash: "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
	}, false},

	// Passlib, test_handlers.py, ldap_salted_sha1_test and ldap_salted_md5_test.
	{"LDAP's SSHA", "testing123", password.Foreign{Hash: "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr"}, true},
	{"LDAP's SSHA with a longer salt", "test", password.Foreign{Hash: "{SSHA}P90+qijSp8MJ1tN25j5o1PflUvlqjXHOGeOckw=="}, true},
	{"LDAP's SMD5", "testing1234", password.Foreign{Hash: "{SMD5}UjFY34os/pnZQ3oQOzjqGu4yeXE="}, true},
	// RFC 1321 §A.5, RFC 3174 §7.3 and FIPS 180-2 §B.1, C.1.
	{"MD5", "message digest", password.Foreign{Format: "md5", Hash: "f96b697d7cb7938d525a2f31aaf161d0"}, true},
	{"SHA-1", "abc", password.Foreign{Format: "sha1", Hash: "A9993E364706816ABA3E25717850C26C9CD0D89D"}, true},
	{"SHA-256", "abc", password.Foreign{Format: "sha256", Hash: "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}, true},
	{"SHA-512", "abc", password.Foreign{Format: "sha512", Hash: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"}, true},
	{"SHA-256 with a salt before", "bc", password.Foreign{Format: "sha256", SaltBefore: []byte("a"), Hash: "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}, true},
	{"SHA-1 with a salt after", "ab", password.Foreign{Format: "sha1", SaltAfter: []byte("c"), Hash: "a9993e364706816aba3e25717850c26c9cd0d89d"}, true},
	// Made with libxcrypt's bcrypt and Python's hmac and hashlib, as wp_hash_password (WordPress 6.8),
	// Devise::Encryptor.digest and werkzeug.security.generate_password_hash do.
	{"WordPress 6.8", "correct horse battery staple, and more than seventy-two bytes of it, as it happens", password.Foreign{Hash: "$wp$2y$04$abcdefghijklmnopqrstuuT31LoFCNHtvjEZPUMIR.1HeDqx1McIG"}, false},
	{"Devise with a pepper", "correct horse", password.Foreign{Format: "devise", Hash: "$2a$04$abcdefghijklmnopqrstuugEH5s5r3zGAd2.thRclysskVPVf1JhW"}, false},
	{"Werkzeug's pbkdf2", "correct horse", password.Foreign{Hash: "pbkdf2:sha256:1000$saltSALT$3ab9fb36a44f1010f26329674e1e785ca5626118394f66c004b3cd58dc2b34ec"}, false},
	{"Werkzeug's scrypt", "correct horse", password.Foreign{Hash: "scrypt:1024:8:1$saltSALT$ddde11f081c03bcd088edb2ee90b7c7977feea8ee7bb32ec6b422ffe00276a24f2ec5074f4d46beabb715db2822b476af8da15b963eeb44c506e0408f9281c3e"}, false},
	// config-openapi.md §5 and Django, tests/auth_tests/test_hashers.py.
	{"Django's salted MD5", "correct horse", password.Foreign{Hash: "md5$saltsaltsaltsaltsalt12$a0b2162b9b8dc5ca7e0601bedaf83f43"}, true},
	{"Django's plain MD5", "lètmein", password.Foreign{Format: "md5", Hash: "88a434c88cca4e900f7874cd98123f43"}, true},
}

// peppered hashes at no cost to speak of.
var peppered = password.Params{Memory: 8, Time: 1, Threads: 1, Pepper: "pepper"}

func TestConvert(t *testing.T) {
	t.Parallel()
	for _, tt := range foreign {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := hasher(t, peppered)
			c, err := password.Convert(tt.hash)
			if err != nil {
				t.Fatal(err)
			}
			if c.Weak() != tt.weak {
				t.Errorf("weak: got %v", c.Weak())
			}
			wrapped, err := h.Wrap(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if (wrapped != c.Encoded()) != tt.weak {
				t.Errorf("wrapped as %s", wrapped)
			}
			stored := []string{wrapped}
			if c.Weak() && c.Encoded() != "" {
				stored = append(stored, c.Encoded())
			}
			for _, encoded := range stored {
				if strings.Contains(encoded, tt.hash.Hash) && tt.weak && encoded == wrapped {
					t.Errorf("the weak hash is in %s", encoded)
				}
				if ok, upgrade := verify(t, h, tt.text, encoded); !ok || !upgrade {
					t.Errorf("%s: got %v, %v; want true, true", encoded, ok, upgrade)
				}
				if ok, _ := verify(t, h, tt.text+" ", encoded); ok {
					t.Errorf("%s: another password fits as well", encoded)
				}
			}
			if again, err := password.Convert(password.Foreign{Hash: wrapped}); err != nil || again.Encoded() != wrapped || again.Weak() {
				t.Errorf("what is stored does not convert to itself: %v", err)
			}
		})
	}
}

func TestConvertRefuses(t *testing.T) {
	t.Parallel()
	firebase := func(f func(p *password.Firebase)) *password.Firebase {
		p := *firebaseProject
		f(&p)
		return &p
	}
	good := foreign[0]
	for _, tt := range foreign {
		if tt.name == "Firebase" {
			good = tt
		}
	}
	for name, f := range map[string]password.Foreign{
		"nothing":                      {},
		"plain text":                   {Hash: "correct horse"},
		"an unknown format":            {Format: "rot13", Hash: "pbeerpg"},
		"half a digest":                {Format: "sha256", Hash: "ba7816bf8f01cfea"},
		"a digest of another function": {Format: "md5", Hash: "a9993e364706816aba3e25717850c26c9cd0d89d"},
		"an endless salt":              {Format: "md5", Hash: "f96b697d7cb7938d525a2f31aaf161d0", SaltBefore: make([]byte, 129)},
		"LDAP without salt":            {Hash: "{SSHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J0="},
		"LDAP with a salt too many":    {Hash: "{SHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr"},
		"LDAP's plain text":            {Hash: "{CLEARTEXT}correct horse"},
		"phpass for a year":            {Hash: "$P$S12345678L6Lpt4BxNotVIMILOa9u81"},
		"phpass cut short":             {Hash: "$P$B12345678L6Lpt4BxNotVIMILOa9u8"},
		"phpass with a bad character":  {Hash: "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r!L0"},
		"pbkdf2 for a year":            {Hash: "$pbkdf2-sha256$999999999$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ"},
		"pbkdf2 for two tags":          {Hash: "$pbkdf2$i=5000001,l=32$NaCl$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ"},
		"pbkdf2 of another length":     {Hash: "$pbkdf2-sha256$i=1212,l=64$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ"},
		"pbkdf2 with a tiny tag":       {Hash: "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68Oi"},
		"pbkdf2 of MD5":                {Hash: "$pbkdf2-md5$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPg"},
		"scrypt of all memory":         {Hash: "$scrypt$ln=24,r=64,p=1$MTIzNDU2Nzg$NuB+vs2zc0fb2UzIRwwAV6ZWb3St8+X9IedYI1gQsoo"},
		"scrypt without p":             {Hash: "$scrypt$ln=14,r=8$MTIzNDU2Nzg$NuB+vs2zc0fb2UzIRwwAV6ZWb3St8+X9IedYI1gQsoo"},
		"WordPress too costly":         {Hash: "$wp$2y$17$abcdefghijklmnopqrstuuPp7HPfoAs8I2dCQCQ/fW7zEJv8I8C8e"},
		"Devise too costly":            {Format: "devise", Hash: "$2a$31$abcdefghijklmnopqrstuuPp7HPfoAs8I2dCQCQ/fW7zEJv8I8C8e"},
		"ASP.NET's half":               {Format: "aspnet", Hash: "AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggE="},
		"ASP.NET's more":               {Format: "aspnet", Hash: "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4A="},
		"ASP.NET's other version":      {Format: "aspnet", Hash: "AgAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw=="},
		"ASP.NET's endless rounds":     {Format: "aspnet", Hash: "AQAAAAH/////AAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw=="},
		"Firebase without parameters":  {Format: "firebase", Hash: good.hash.Hash},
		"Firebase of all memory":       {Format: "firebase", Hash: good.hash.Hash, Firebase: firebase(func(p *password.Firebase) { p.MemCost = 24 })},
		"Firebase with another key":    {Format: "firebase", Hash: good.hash.Hash, Firebase: firebase(func(p *password.Firebase) { p.SignerKey = p.SignerKey[:32] })},
		"a wrapping of nothing":        {Hash: "wrapped$md5$argon2id$v=19$m=8,t=1,p=1$2wD/nCwyx9iY/wt2HVDe3A$mPaMioH4hkux/oC7w1HcT2snEM5H/Ivajw19mvku2Wo"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := password.Convert(f)
			if err == nil {
				t.Fatalf("taken, as %q", c.Encoded())
			}
			if f.Hash != "" && strings.Contains(err.Error(), f.Hash) {
				t.Errorf("the hash is in the error: %v", err)
			}
		})
	}
}

// A hash that needs the pepper is worth nothing without it.
func TestPepper(t *testing.T) {
	t.Parallel()
	c, err := password.Convert(password.Foreign{Format: "devise", Hash: "$2a$04$abcdefghijklmnopqrstuugEH5s5r3zGAd2.thRclysskVPVf1JhW"})
	if err != nil {
		t.Fatal(err)
	}
	for _, pepper := range []string{"", "salt"} {
		p := peppered
		p.Pepper = pepper
		if ok, _ := verify(t, hasher(t, p), "correct horse", c.Encoded()); ok {
			t.Errorf("fits with the pepper %q", pepper)
		}
	}
}
