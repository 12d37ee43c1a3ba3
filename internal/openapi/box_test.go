package openapi_test

import (
	"context"

	"github.com/headless-auth/headless/account"
)

type box struct{}

func (box) Send(context.Context, account.Message) error { return nil }
func (box) SendSMS(context.Context, account.SMS) error  { return nil }
