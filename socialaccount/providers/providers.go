// Package providers has identity providers ready made, and the means to make
// more.
//
// A provider is a [Spec], data that says where it is asked and what in its
// answers is where, together with a [Client], our registration there:
//
//	providers.GitHub(providers.Client{ID: "…", Secret: "…"})
//
// [ByID] finds one by its id, and [Specs] lists them. Each has a file of its
// own, named after its id. A provider of one's own is one literal; see [Spec].
package providers

import (
	"fmt"

	"github.com/headless-auth/headless/socialaccount"
)

// Specs lists every provider but the dummy, by id.
func Specs() []Spec {
	return []Spec{
		amazon, amazonCognito, apple, asana, atlassian, auth0, baidu, basecamp, battleNet, bitbucketOAuth2, bitly, box,
		cilogon, clever, coinbase, dataporten, digitalOcean, dingTalk, discogs, discord, disqus, douban, doximity, drip,
		dropbox, dwolla, edx, eventbrite, eveOnline, evernote, exist, facebook, feedly, feishu, figma, flickr, foursquare,
		frontier, fxa, gitea, github, gitlab, globus, google, gumroad, hubSpot, instagram, jupyterHub, kakao, lemonLDAP,
		lichess, line, linkedInOAuth2, mailchimp, mailcow, mailru, mediaWiki, meetup, microsoft, miro, naver, netiq,
		nextcloud, notion, odnoklassniki, okta, openIDConnect, openStreetMap, orcid, patreon, paypal, pinterest, questrade,
		quickBooks, reddit, robinhood, salesforce, shareFile, shopify, slack, snapchat, soundCloud, spotify, stackExchange,
		steam, stockTwits, strava, stripe, telegram, tikTok, trainingPeaks, trello, tumblr, tumblrOAuth2, twentyThreeAndMe,
		twitch, twitter, twitterOAuth2, untappd, vimeoOAuth2, vk, wahoo, weibo, weixin, xing, yahoo, yandex, ynab, zoho,
		zoom,
	}
}

// ByID returns a provider by its id, such as "github".
func ByID(id string, c Client) (socialaccount.Provider, error) {
	if id == "dummy" {
		return Dummy(), nil
	}
	for _, s := range Specs() {
		if s.ID == id {
			return s.Provider(c), nil
		}
	}
	return nil, fmt.Errorf("%q is no provider that is known", id)
}
