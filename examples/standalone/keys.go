package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/store"
)

// keysCommands make what is secret.
func keysCommands() []command {
	return []command{
		{name: "secret", about: "make a secret, or a token for operators: 32 random bytes, as base64", setup: secretCommand},
		{name: "new", about: "make a private key to sign tokens with, as PEM", setup: newKeyCommand},
		{name: "rotate", about: "change the secret, or the key that signs tokens, while what the former made stays good", sub: []command{
			{name: "secret", about: "change the secret", help: rotateSecretHelp, setup: rotateSecretCommand},
			{name: "signing", about: "change the key that signs tokens", help: rotateSigningHelp, setup: rotateSigningCommand},
		}},
		{name: "reencrypt", about: "encrypt all further factors with the present secret", help: reencryptHelp, setup: reencryptCommand},
	}
}

// secretBytes is how much randomness a secret has.
const secretBytes = 32

func newSecret() string {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

func secretCommand(o *options) action {
	return func(context.Context) error {
		_, err := fmt.Fprintln(o.out, newSecret())
		return err
	}
}

// rsaBits is the size of new RSA keys.
const rsaBits = 3072

// algorithms make keys, by the name that tokens have for them.
var algorithms = map[string]func() (crypto.Signer, error){
	"EdDSA": func() (crypto.Signer, error) { _, k, err := ed25519.GenerateKey(rand.Reader); return k, err },
	"ES256": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
	"RS256": newRSA, "RS384": newRSA, "RS512": newRSA,
}

func newRSA() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, rsaBits) }

func algorithmNames() string { return strings.Join(slices.Sorted(maps.Keys(algorithms)), ", ") }

// newKey makes a key, in PEM.
func newKey(algorithm string) ([]byte, error) {
	generate, ok := algorithms[algorithm]
	if !ok {
		return nil, misuse("%q makes no key; write one of %s, or use standalone keys secret for HS256", algorithm, algorithmNames())
	}
	k, err := generate()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func newKeyCommand(o *options) action {
	algorithm := o.String("alg", "EdDSA", "`algorithm`: "+algorithmNames())
	out := o.String("out", "", "`file` to write, which must not exist yet; only its owner may read it")
	return func(context.Context) error {
		key, err := newKey(*algorithm)
		if err != nil {
			return err
		}
		if *out != "" {
			return writeNew(*out, key)
		}
		_, err = o.out.Write(key)
		return err
	}
}

// writeNew writes a file that was not there, for its owner alone.
func writeNew(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

const rotateSecretHelp = `Makes a new secret, and tells the change of the configuration: the former one
becomes one of previous_secrets, so that links, codes and encrypted seeds that it
made stay good. With -write the file is changed. Secrets that are in variables
of the environment stay there: their new values are written to standard output.`

// rawConfig reads a configuration as it is written.
func (o *options) rawConfig() ([]byte, error) {
	if _, err := o.settings(); err != nil {
		return nil, err // only what is good is changed
	}
	return os.ReadFile(o.file)
}

func rotateSecretCommand(o *options) action {
	o.config()
	write := o.Bool("write", false, "change the file")
	return func(context.Context) error {
		data, err := o.rawConfig()
		if err != nil {
			return err
		}
		var file struct {
			Secret   string   `json:"secret"`
			Previous []string `json:"previous_secrets"`
		}
		if err := json.Unmarshal(data, &file); err != nil {
			return err
		}
		if file.Secret == "" {
			return errors.New("the file has no secret to change")
		}
		secret, former := newSecret(), file.Secret
		var variables []string
		if name, ok := strings.CutPrefix(former, "env:"); ok {
			kept := free(name+"_PREVIOUS", file.Previous)
			variables = []string{kept + "=(what " + name + " is now)", name + "=" + secret}
			secret, former = file.Secret, "env:"+kept
		}
		previous := append([]string{former}, file.Previous...)
		change, err := setMember(data, "secret", secret)
		if err == nil {
			change, err = setMember(change, "previous_secrets", previous)
		}
		if err != nil {
			return err
		}
		for _, v := range variables {
			fmt.Fprintln(o.out, v)
		}
		if *write {
			if err := replace(o.file, change); err != nil {
				return err
			}
			o.say("changed %s; restart every instance", o.file)
			return nil
		}
		return writeJSON(o.out, map[string]any{"secret": secret, "previous_secrets": previous}, "  ")
	}
}

// free is the first of NAME, NAME_2, … that is no variable in the list.
func free(name string, taken []string) string {
	for i := 1; ; i++ {
		n := name
		if i > 1 {
			n = fmt.Sprintf("%s_%d", name, i)
		}
		if !slices.Contains(taken, "env:"+n) {
			return n
		}
	}
}

const rotateSigningHelp = `Makes a new private key and tells the change of the configuration: the key is
added to tokens.keys, and takes over after a while, when everybody knows it. The
former ones stay, until the last token that they have signed has expired. With
-write the file is changed.`

func rotateSigningCommand(o *options) action {
	o.config()
	algorithm := o.String("alg", "EdDSA", "`algorithm`: "+algorithmNames())
	out := o.String("out", "", "`file` for the new key, which must not exist yet")
	after := o.Duration("in", 24*time.Hour, "how long until it takes over")
	write := o.Bool("write", false, "change the file")
	return func(context.Context) error {
		if *out == "" {
			return misuse("-out is missing; name a file for the new key")
		}
		if *after < 0 {
			return misuse("-in can't be negative")
		}
		data, err := o.rawConfig()
		if err != nil {
			return err
		}
		var file struct {
			Tokens map[string]json.RawMessage `json:"tokens"`
		}
		if err := json.Unmarshal(data, &file); err != nil {
			return err
		}
		var keys []json.RawMessage
		if raw := file.Tokens["keys"]; raw != nil {
			if err := json.Unmarshal(raw, &keys); err != nil {
				return err
			}
		}
		if len(keys) == 0 {
			return errors.New(`the file has no tokens.keys to change; begin with "tokens": {"keys": [{"private": "key.pem"}]}`)
		}
		entry := struct {
			Private   string    `json:"private"`
			Algorithm string    `json:"algorithm,omitempty"`
			SignsFrom time.Time `json:"signs_from"`
		}{Private: *out, SignsFrom: time.Now().Add(*after).UTC().Truncate(time.Second)}
		if strings.HasPrefix(*algorithm, "RS") {
			entry.Algorithm = *algorithm
		}
		added, _ := marshal(entry)
		keys = append(keys, added)
		spans, err := membersOf(data)
		if err != nil {
			return err
		}
		at := spans["tokens"]
		tokens, err := setMember(data[at[0]:at[1]], "keys", keys)
		if err != nil {
			return err
		}
		change, err := setMember(data, "tokens", json.RawMessage(tokens))
		if err != nil {
			return err
		}
		key, err := newKey(*algorithm)
		if err != nil {
			return err
		}
		if err := writeNew(*out, key); err != nil {
			return err
		}
		o.say("it signs from %s; the former keys are needed until the last refresh token that they have signed has expired", entry.SignsFrom.Format(time.RFC3339))
		if *write {
			if err := replace(o.file, change); err != nil {
				return err
			}
			o.say("changed %s; restart every instance before that", o.file)
			return nil
		}
		return writeJSON(o.out, map[string]any{"tokens": map[string]any{"keys": keys}}, "  ")
	}
}

// membersOf tells where the values of a JSON object's members begin and end.
func membersOf(data []byte) (map[string][2]int, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	spans := map[string][2]int{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		end := int(d.InputOffset())
		spans[fmt.Sprint(key)] = [2]int{end - len(value), end}
	}
	return spans, nil
}

// setMember puts a value into a JSON object and leaves the rest of the text as
// it is. A new member comes first.
func setMember(data []byte, key string, value any) ([]byte, error) {
	text, err := json.MarshalIndent(value, "  ", "  ")
	if raw, ok := value.(json.RawMessage); ok {
		text, err = raw, nil
	}
	if err != nil {
		return nil, err
	}
	spans, err := membersOf(data)
	if err != nil {
		return nil, err
	}
	if at, ok := spans[key]; ok {
		return slices.Concat(data[:at[0]], text, data[at[1]:]), nil
	}
	start := bytes.IndexByte(data, '{') + 1
	comma := ","
	if len(spans) == 0 {
		comma = ""
	}
	return slices.Concat(data[:start], []byte("\n  "), []byte(fmt.Sprintf("%q: ", key)), text, []byte(comma), data[start:]), nil
}

// replace writes a file anew, at once or not at all.
func replace(name string, data []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	next := name + ".new"
	if err := writeNew(next, data); err != nil {
		return err
	}
	if err := os.Chmod(next, info.Mode().Perm()); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return os.Rename(next, name)
}

const reencryptHelp = `Afterwards no further factor needs a secret of previous_secrets any more. It may
be stopped, and run again.`

func reencryptCommand(o *options) action {
	c := newClerk(o)
	return func(ctx context.Context) error {
		return c.open(ctx, func(ctx context.Context, auth *headless.Auth) error {
			b, n := o.progress(), 0
			defer b.end()
			err := each(ctx, auth.Users(), b, func(p *account.Person) error {
				n++
				err := auth.ReencryptMFA(ctx, p.ID)
				if err == nil || errors.Is(err, store.ErrNotFound) {
					return nil // or gone meanwhile
				}
				return fmt.Errorf("user %s: %w", p.ID, err)
			})
			if err == nil {
				o.say("encrypted the further factors of %d users", n)
			}
			return err
		})
	}
}
