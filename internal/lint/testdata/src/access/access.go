package access

import "api"

var routes = []api.Route{
	{Path: "/a", Access: api.Anyone},
	{Path: "/b"},              // want `does not say who may call it`
	{Path: "/c", Access: nil}, // want `does not say who may call it`
	{"/d", api.Anyone},
}

func one() (api.Route, *api.Route) {
	return api.Route{}, &api.Route{Path: "/e"} // want `does not say who may call it`
}

type Route struct{ Path string }

var other = Route{Path: "/f"}
