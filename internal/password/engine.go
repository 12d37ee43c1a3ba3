package password

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Engine hashes and verifies in place of our own code. It is
// account.PasswordHasher, which says what is asked of it.
type Engine interface {
	Hash(ctx context.Context, password string) (encoded string, err error)
	Verify(ctx context.Context, password, encoded string) (ok, upgrade bool, err error)
}

// ErrUnknownHash is an [Engine]'s answer for an encoding that it has not made.
var ErrUnknownHash = errors.New("the hash was not made by this hasher")

// maxEngineEncoded bounds what an [Engine] may have stored, in bytes.
const maxEngineEncoded = 4096

// storable tells what is wrong with an encoding to be kept: it would not come
// back as it is, or counts as no password there.
func storable(encoded string) error {
	switch {
	case encoded == "" || encoded[0] == '!':
		return errors.New(`an encoding that is empty or begins with "!" means that there is no password`)
	case len(encoded) > maxEngineEncoded:
		return fmt.Errorf("an encoding of %d bytes is longer than %d", len(encoded), maxEngineEncoded)
	case !utf8.ValidString(encoded) || strings.ContainsRune(encoded, 0):
		return errors.New("an encoding that is not UTF-8 without NUL can't be stored")
	}
	return nil
}

// tryEngine has an engine hash and verify, and keeps a hash of nobody's password
// for [Hasher.Dummy].
func (h *Hasher) tryEngine() error {
	ctx, cancel := context.WithTimeout(context.Background(), h.maxWait)
	defer cancel()
	random := make([]byte, MaxBytes/2)
	if _, err := io.ReadFull(h.rand, random); err != nil {
		return fmt.Errorf("random source: %w", err)
	}
	// As long as a password may be, with what is easily lost: beyond a NUL, beyond
	// ASCII, at the end.
	text := "é\x00 " + base64.RawStdEncoding.EncodeToString(random)
	text += strings.Repeat("x", MaxBytes-len(text))
	encoded, err := h.engine.Hash(ctx, text)
	if err == nil {
		err = storable(encoded)
	}
	if err != nil {
		return fmt.Errorf("can't hash a password of %d bytes: %w", MaxBytes, err)
	}
	again, err := h.engine.Hash(ctx, text)
	if err != nil {
		return fmt.Errorf("can't hash: %w", err)
	}
	if again == encoded || strings.Contains(encoded, text) {
		return errors.New("puts no salt into a hash, or keeps the password")
	}
	switch ok, upgrade, err := h.engine.Verify(ctx, text, encoded); {
	case err != nil:
		return fmt.Errorf("can't verify: %w", err)
	case !ok:
		return errors.New("does not know a password again that it has hashed")
	case upgrade:
		return errors.New("wants to replace a hash that it has just made")
	}
	for _, wrong := range []string{text[:MaxBytes-1], text[:MaxBytes-1] + "y", strings.ToUpper(text)} {
		if ok, _, err := h.engine.Verify(ctx, wrong, encoded); err != nil {
			return fmt.Errorf("can't verify: %w", err)
		} else if ok {
			return errors.New("takes another password for the one that it has hashed")
		}
	}
	switch ok, _, err := h.engine.Verify(ctx, text, "unreadable"); {
	case ok:
		return errors.New("takes what is no hash for one of this password")
	case err != nil && !errors.Is(err, ErrUnknownHash):
		return fmt.Errorf("does not answer ErrUnknownHash for what is no hash: %w", err)
	}
	h.decoy = encoded
	return nil
}
