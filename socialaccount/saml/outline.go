package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// outline is what an answer looks like, before anything about it is known to
// be true.
type outline struct {
	inResponseTo string
	cancelled    bool
}

// Bounds of an answer. Identity providers stay far below.
const (
	maxDepth      = 40
	maxElements   = 4000
	maxAttributes = 40 // of an element
	maxID         = 200
)

const (
	protocol = "urn:oasis:names:tc:SAML:2.0:protocol"
	status   = "urn:oasis:names:tc:SAML:2.0:status:"
)

// walk goes through a document once, and refuses what no identity provider
// sends: a document type (and so entities), comments, processing instructions.
func walk(document []byte, see func(depth int, x xml.StartElement) error) error {
	d := xml.NewDecoder(bytes.NewReader(document))
	d.Entity = map[string]string{}
	var depth, elements int
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the answer is no XML: %w", err)
		}
		switch x := token.(type) {
		case xml.Directive:
			return errors.New("the answer has a document type")
		case xml.Comment:
			return errors.New("the answer has a comment")
		case xml.ProcInst:
			if x.Target != "xml" || elements > 0 {
				return errors.New("the answer has a processing instruction")
			}
		case xml.EndElement:
			depth--
		case xml.StartElement:
			if depth, elements = depth+1, elements+1; depth > maxDepth || elements > maxElements || len(x.Attr) > maxAttributes {
				return errors.New("the answer is too large")
			}
			if err := see(depth, x); err != nil {
				return err
			}
		}
	}
}

// skim goes through an answer once, and refuses what no identity provider
// sends: see walk, and more than one answer or assertion, which is what
// signature wrapping needs. It is no check of truth; that comes afterwards.
func skim(document []byte) (o outline, err error) {
	var responses, assertions int
	err = walk(document, func(depth int, x xml.StartElement) error {
		switch x.Name.Local {
		case "Response":
			responses++
			if depth != 1 || x.Name.Space != protocol {
				return errors.New("the answer has an answer inside")
			}
			o.inResponseTo = attribute(x, "InResponseTo")
		case "Assertion", "EncryptedAssertion":
			if assertions++; depth != 2 {
				return errors.New("the assertion is not where it belongs")
			}
		case "StatusCode":
			code, _ := strings.CutPrefix(attribute(x, "Value"), status)
			o.cancelled = o.cancelled || code == "AuthnFailed" || code == "RequestDenied"
		}
		return nil
	})
	switch {
	case err != nil:
		return o, err
	case responses != 1:
		return o, errors.New("the answer is none")
	case assertions > 1 || assertions == 1 && o.cancelled:
		return o, errors.New("the answer has several assertions, or one of somebody who has not logged in")
	case len(o.inResponseTo) > maxID:
		return o, errors.New("the request's name is too long")
	}
	return o, nil
}

// skimLogout is skim for the other kinds of messages. It returns which kind it
// is, and what it answers.
func skimLogout(document []byte) (kind, inResponseTo string, err error) {
	var names int
	err = walk(document, func(depth int, x xml.StartElement) error {
		switch x.Name.Local {
		case "LogoutRequest", "LogoutResponse", "Response", "Assertion", "EncryptedAssertion":
			if depth != 1 || x.Name.Space != protocol {
				return errors.New("the message has a message inside")
			}
			kind, inResponseTo = x.Name.Local, attribute(x, "InResponseTo")
		case "NameID", "EncryptedID", "BaseID":
			if names++; names > 1 || depth != 2 {
				return errors.New("the message has several names, or one where it does not belong")
			}
		case "Signature":
			if depth != 2 {
				return errors.New("the signature is not where it belongs")
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return "", "", err
	case kind != "LogoutRequest" && kind != "LogoutResponse":
		return "", "", errors.New("the message is not about a logout")
	case len(inResponseTo) > maxID:
		return "", "", errors.New("the request's name is too long")
	}
	return kind, inResponseTo, nil
}

// attribute is an attribute in no namespace.
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
