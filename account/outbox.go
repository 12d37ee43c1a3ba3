package account

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headless-auth/headless/account/observe"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/store"
)

// Limits of delivery.
const (
	outboxWorkers  = 16               // deliveries at once
	outboxBacklog  = 1024             // deliveries waiting in memory; more wait in the store
	outboxLease    = 2 * time.Minute  // how long a message is left to who has it
	outboxTimeout  = 30 * time.Second // one attempt
	outboxGrace    = 10 * time.Second // what is under way at the end
	outboxLifetime = 72 * time.Hour   // then it is given up
	purposeOutbox  = "outbox"
)

// Outbox delivers mails, text messages and events for webhooks: promised in the transaction of the
// work that they belong to, sent after its commit and off the request's path,
// and tried again until they are delivered. Messages carry keys, so they are
// kept encrypted.
type Outbox struct {
	store  store.Outbox
	keys   *secret.Keys
	mailer Mailer
	sms    SMSSender
	now    func() time.Time
	log    *slog.Logger
	// Observe, if set, hears of every attempt, and how many messages wait.
	Observe observe.Func

	webhooks []*endpoint
	waiting  atomic.Int64 // messages, as last counted, and events since

	mu             sync.Mutex
	letters, posts lane
	workers        int           // of both
	idle           chan struct{} // closed when no worker is left; nil while there is none
}

// lane is what waits in memory, with who works on it.
type lane struct {
	queue               []parcel
	workers             int
	mostWaiting, mostOf int
}

// parcel is a message on its way.
type parcel struct {
	Mail *Message `json:"mail,omitempty"`
	SMS  *SMS     `json:"sms,omitempty"`
	// Event is for a webhook.
	Event *letter `json:"event,omitempty"`

	row  *store.OutboxMessage
	from context.Context // of the request that has promised it, where that is observed
}

// NewOutbox returns an outbox. mailer or sms may be nil where none is sent.
func NewOutbox(st store.Outbox, keys *secret.Keys, mailer Mailer, sms SMSSender, now func() time.Time, log *slog.Logger) *Outbox {
	return &Outbox{
		store: st, keys: keys, mailer: mailer, sms: sms, now: now, log: log,
		letters: lane{mostWaiting: outboxBacklog, mostOf: outboxWorkers}, posts: lane{mostWaiting: webhookQueue, mostOf: webhookWorkers},
	}
}

// put promises a message within the request's transaction.
func (o *Outbox) put(ctx context.Context, rq *api.Request, p parcel) error {
	plain, err := p.encode()
	if err != nil {
		return err
	}
	p.row = &store.OutboxMessage{Payload: o.keys.Seal(plain, purposeOutbox, ""), CreatedAt: rq.Now, DueAt: rq.Now.Add(outboxLease)}
	if err := rq.Store().CreateMessage(ctx, p.row); err != nil {
		return err
	}
	if o.Observe != nil {
		p.from = context.WithoutCancel(ctx)
	}
	rq.AfterCommit(func() { o.enqueue(p) })
	return nil
}

// enqueue hands a parcel to a worker. A full house leaves it to Deliver.
func (o *Outbox) enqueue(p parcel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := &o.letters
	if p.Event != nil {
		l = &o.posts
	}
	if len(l.queue) >= l.mostWaiting {
		return
	}
	l.queue = append(l.queue, p)
	if l.workers < l.mostOf {
		if o.workers == 0 {
			o.idle = make(chan struct{})
		}
		l.workers++
		o.workers++
		go o.work(l)
	}
}

// work delivers until nothing is left.
func (o *Outbox) work(l *lane) {
	for {
		o.mu.Lock()
		if len(l.queue) == 0 {
			l.workers--
			if o.workers--; o.workers == 0 {
				close(o.idle)
			}
			o.mu.Unlock()
			return
		}
		p := l.queue[0]
		l.queue = l.queue[1:]
		o.mu.Unlock()
		if p.Event != nil && !o.now().Before(p.row.DueAt) {
			continue // it took long to come here, and is somebody else's by now
		}
		// The request is over, or soon will be; delivery has its own time.
		ctx, cancel := context.WithTimeout(context.Background(), outboxTimeout)
		o.deliver(ctx, p)
		cancel()
	}
}

// Wait returns when the deliveries under way have ended, or ctx has.
func (o *Outbox) Wait(ctx context.Context) error {
	o.mu.Lock()
	idle := o.idle
	if o.workers == 0 {
		idle = nil
	}
	o.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Deliver tries once everything that is due: what a crash, a full house or a
// dead mailer has left behind.
func (o *Outbox) Deliver(ctx context.Context) error {
	for {
		now := o.now()
		rows, err := o.store.ClaimMessages(ctx, now, now.Add(outboxLease), outboxWorkers)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return o.count(ctx)
		}
		var wg sync.WaitGroup
		for _, row := range rows {
			wg.Go(func() {
				p, err := o.open(row)
				if err != nil {
					o.giveUp(ctx, parcel{row: row}, err)
					return
				}
				// What is under way when ctx ends may come to its end: cut off,
				// it might arrive twice.
				one, cancel := context.WithTimeout(context.WithoutCancel(ctx), outboxTimeout)
				defer cancel()
				defer context.AfterFunc(ctx, func() { time.AfterFunc(outboxGrace, cancel) })()
				o.deliver(one, p)
			})
		}
		wg.Wait()
	}
}

// count sees how many messages wait.
func (o *Outbox) count(ctx context.Context) error {
	if o.Observe == nil && len(o.webhooks) == 0 {
		return nil
	}
	n, err := o.store.CountMessages(ctx)
	o.waiting.Store(int64(n))
	if err == nil && o.Observe != nil {
		o.Observe(ctx, observe.Observation{Kind: observe.Backlog, Start: time.Now(), Count: n})
	}
	return err
}

func (o *Outbox) open(row *store.OutboxMessage) (parcel, error) {
	p := parcel{row: row}
	plain, err := o.keys.Open(row.Payload, purposeOutbox, "")
	if err != nil {
		return p, err
	}
	return p, p.decode(plain)
}

// deliver makes one attempt and writes down how it went.
func (o *Outbox) deliver(ctx context.Context, p parcel) {
	start := time.Now()
	err := o.attempt(ctx, p)
	var rest putOff
	rests := errors.As(err, &rest)
	if o.Observe != nil && !rests {
		o.Observe(cmp.Or(p.from, ctx), observe.Observation{Kind: observe.Delivery, Name: p.kind(), Start: start, Duration: time.Since(start), Err: err})
	}
	// How it went is written down even if the attempt has used up its time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	switch now := o.now(); {
	case err == nil:
		if err := o.store.DeleteMessage(ctx, p.row.ID); err != nil {
			o.log.ErrorContext(ctx, "a delivered message could not be removed and will be sent again", "error", err)
		}
	case rests && now.Sub(p.row.CreatedAt) <= outboxLifetime:
		p.row.DueAt = rest.until
		if err := o.store.RescheduleMessage(ctx, p.row); err != nil {
			o.log.ErrorContext(ctx, "a message could not be rescheduled", "error", err)
		}
	case errors.Is(err, ErrPermanent) || now.Sub(p.row.CreatedAt) > outboxLifetime:
		o.giveUp(ctx, p, err)
	default:
		p.row.Attempts++
		wait := notBefore(min(15*time.Second<<min(p.row.Attempts, 10), time.Hour), err)
		p.row.DueAt = now.Add(wait)
		o.log.WarnContext(ctx, "a message could not be delivered and will be tried again", "kind", p.kind(), "attempts", p.row.Attempts, "wait", wait, "error", err)
		if err := o.store.RescheduleMessage(ctx, p.row); err != nil {
			o.log.ErrorContext(ctx, "a message could not be rescheduled", "error", err)
		}
	}
}

func (o *Outbox) giveUp(ctx context.Context, p parcel, cause error) {
	o.log.ErrorContext(ctx, "a message can't be delivered and was given up", "kind", p.kind(), "error", cause)
	if err := o.store.DeleteMessage(ctx, p.row.ID); err != nil {
		o.log.ErrorContext(ctx, "a message could not be removed", "error", err)
	}
}

var errPanicked = errors.New("the sender panicked")

// attempt contains a sender that panics.
func (o *Outbox) attempt(ctx context.Context, p parcel) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errPanicked
			o.log.ErrorContext(ctx, "a sender panicked", "panic", r)
		}
	}()
	switch {
	case p.Mail != nil && o.mailer != nil:
		return o.mailer.Send(ctx, *p.Mail)
	case p.SMS != nil && o.sms != nil:
		return o.sms.SendSMS(ctx, *p.SMS)
	case p.Event != nil:
		return o.post(ctx, p.Event)
	}
	return errors.Join(ErrPermanent, errors.New("there is nothing to send it with"))
}

func (p parcel) kind() string {
	switch {
	case p.Mail != nil:
		return p.Mail.Kind
	case p.SMS != nil:
		return "sms " + p.SMS.Kind
	case p.Event != nil:
		return "webhook " + p.Event.Type
	}
	return "unreadable"
}

// The messages redact themselves when marshalled; here they are not.
type (
	plainMessage Message
	plainSMS     SMS
)

type plainParcel struct {
	Mail  *plainMessage `json:"mail,omitempty"`
	SMS   *plainSMS     `json:"sms,omitempty"`
	Event *letter       `json:"event,omitempty"`
}

func (p *parcel) encode() ([]byte, error) {
	return json.Marshal(plainParcel{(*plainMessage)(p.Mail), (*plainSMS)(p.SMS), p.Event})
}

func (p *parcel) decode(b []byte) error {
	var x plainParcel
	err := json.Unmarshal(b, &x)
	p.Mail, p.SMS, p.Event = (*Message)(x.Mail), (*SMS)(x.SMS), x.Event
	return err
}
