package api

type Access func() error

type Route struct {
	Path   string
	Access Access
}

func Anyone() error { return nil }
