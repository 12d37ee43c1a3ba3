package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"strings"

	"github.com/headless-auth/headless/internal/jsonconfig"
	"github.com/headless-auth/headless/tokens"
	"github.com/headless-auth/headless/tokens/verify"
)

// readTokens reads "tokens": what [tokens.JWTConfig] has. Without it, apps
// carry session tokens only.
func readTokens(v *jsonconfig.Value) any {
	var c tokens.JWTConfig
	v.Into(&c)
	j, err := tokens.NewJWT(c)
	if err == nil {
		return j
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		field, text, _ := strings.Cut(strings.TrimPrefix(line, "tokens: "), ": ")
		v.Fail("%s %s", jsonconfig.Path(field), text)
	}
	return nil
}

// readPrivateKey and readPublicKey read a key in PEM, or the file that holds
// it.
func readPrivateKey(v *jsonconfig.Value) any {
	return readKey(v, func(pem []byte) (any, error) { return tokens.ParseKey(pem) })
}

func readPublicKey(v *jsonconfig.Value) any {
	return readKey(v, func(pem []byte) (any, error) { return verify.ParseKey(pem) })
}

// readCertificate reads a certificate in the same way.
func readCertificate(v *jsonconfig.Value) any {
	return readKey(v, func(text []byte) (any, error) {
		block, _ := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("is no certificate in PEM")
		}
		return x509.ParseCertificate(block.Bytes)
	})
}

func readKey(v *jsonconfig.Value, parse func(pem []byte) (any, error)) any {
	text, ok := v.Text()
	if !ok {
		return nil
	}
	pem := []byte(text)
	if !strings.Contains(text, "-----BEGIN") {
		var err error
		if pem, err = os.ReadFile(text); err != nil {
			v.Fail("is neither in PEM nor a file that can be read")
			return nil
		}
	}
	k, err := parse(pem)
	if err != nil {
		v.Fail("%v", err)
		return nil
	}
	return k
}
