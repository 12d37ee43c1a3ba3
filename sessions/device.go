package sessions

import "strings"

// word is what a user agent contains, and what that means. Agents name their
// ancestors as well, so the first match of a list counts.
type word struct{ contains, means string }

var browsers = []word{
	{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"},
	{"OPR/", "Opera"}, {"OPT/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"YaBrowser/", "Yandex Browser"},
	{"SamsungBrowser/", "Samsung Internet"}, {"DuckDuckGo/", "DuckDuckGo"}, {"Brave/", "Brave"},
	{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"},
	{"Safari/", "Safari"},
}

var systems = []word{
	{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
	{"Windows", "Windows"}, {"Macintosh", "macOS"}, {"Mac OS X", "macOS"}, {"FreeBSD", "FreeBSD"}, {"Linux", "Linux"},
}

// libraries are how apps call when they say nothing of themselves.
var libraries = []word{
	{"okhttp/", "Android app"}, {"CFNetwork/", "Apple app"}, {"Dart/", "Flutter app"}, {"Expo/", "Expo app"},
}

func first(l []word, agent string) string {
	for _, w := range l {
		if strings.Contains(agent, w.contains) {
			return w.means
		}
	}
	return ""
}

// Device is what people would call the client that a user agent names, such as
// "Firefox on Linux"; empty if it isn't known. Versions are left out, so that
// an update makes no other device of it.
func Device(userAgent string) string {
	system := first(systems, userAgent)
	if browser := first(browsers, userAgent); browser != "" && strings.HasPrefix(userAgent, "Mozilla/") {
		if system != "" {
			return browser + " on " + system
		}
		return browser
	}
	if app := first(libraries, userAgent); app != "" {
		return app
	}
	return system
}
