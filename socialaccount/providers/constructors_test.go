package providers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

// constructors are the functions that make providers, by id.
var constructors = map[string]func(providers.Client) socialaccount.Provider{
	"amazon":           providers.Amazon,
	"amazon_cognito":   providers.AmazonCognito,
	"apple":            providers.Apple,
	"asana":            providers.Asana,
	"atlassian":        providers.Atlassian,
	"auth0":            providers.Auth0,
	"baidu":            providers.Baidu,
	"basecamp":         providers.Basecamp,
	"battlenet":        providers.BattleNet,
	"bitbucket_oauth2": providers.Bitbucket,
	"bitly":            providers.Bitly,
	"box":              providers.Box,
	"cilogon":          providers.CILogon,
	"clever":           providers.Clever,
	"coinbase":         providers.Coinbase,
	"dataporten":       providers.Dataporten,
	"digitalocean":     providers.DigitalOcean,
	"dingtalk":         providers.DingTalk,
	"discogs":          providers.Discogs,
	"discord":          providers.Discord,
	"disqus":           providers.Disqus,
	"douban":           providers.Douban,
	"doximity":         providers.Doximity,
	"drip":             providers.Drip,
	"dropbox":          providers.Dropbox,
	"dwolla":           providers.Dwolla,
	"edx":              providers.EdX,
	"eventbrite":       providers.Eventbrite,
	"eveonline":        providers.EVEOnline,
	"evernote":         providers.Evernote,
	"exist":            providers.Exist,
	"facebook":         providers.Facebook,
	"feedly":           providers.Feedly,
	"feishu":           providers.Feishu,
	"figma":            providers.Figma,
	"flickr":           providers.Flickr,
	"foursquare":       providers.Foursquare,
	"frontier":         providers.Frontier,
	"fxa":              providers.FirefoxAccounts,
	"gitea":            providers.Gitea,
	"github":           providers.GitHub,
	"gitlab":           providers.GitLab,
	"globus":           providers.Globus,
	"google":           providers.Google,
	"gumroad":          providers.Gumroad,
	"hubspot":          providers.HubSpot,
	"instagram":        providers.Instagram,
	"jupyterhub":       providers.JupyterHub,
	"kakao":            providers.Kakao,
	"lemonldap":        providers.LemonLDAP,
	"lichess":          providers.Lichess,
	"line":             providers.LINE,
	"linkedin_oauth2":  providers.LinkedIn,
	"mailchimp":        providers.Mailchimp,
	"mailcow":          providers.Mailcow,
	"mailru":           providers.MailRu,
	"mediawiki":        providers.MediaWiki,
	"meetup":           providers.Meetup,
	"microsoft":        providers.Microsoft,
	"miro":             providers.Miro,
	"naver":            providers.Naver,
	"netiq":            providers.NetIQ,
	"nextcloud":        providers.Nextcloud,
	"notion":           providers.Notion,
	"odnoklassniki":    providers.Odnoklassniki,
	"okta":             providers.Okta,
	"openid_connect":   providers.OpenIDConnect,
	"openstreetmap":    providers.OpenStreetMap,
	"orcid":            providers.ORCID,
	"patreon":          providers.Patreon,
	"paypal":           providers.PayPal,
	"pinterest":        providers.Pinterest,
	"questrade":        providers.Questrade,
	"quickbooks":       providers.QuickBooks,
	"reddit":           providers.Reddit,
	"robinhood":        providers.Robinhood,
	"salesforce":       providers.Salesforce,
	"sharefile":        providers.ShareFile,
	"shopify":          providers.Shopify,
	"slack":            providers.Slack,
	"snapchat":         providers.Snapchat,
	"soundcloud":       providers.SoundCloud,
	"spotify":          providers.Spotify,
	"stackexchange":    providers.StackExchange,
	"steam":            providers.Steam,
	"stocktwits":       providers.StockTwits,
	"strava":           providers.Strava,
	"stripe":           providers.Stripe,
	"telegram":         providers.Telegram,
	"tiktok":           providers.TikTok,
	"trainingpeaks":    providers.TrainingPeaks,
	"trello":           providers.Trello,
	"tumblr":           providers.Tumblr,
	"tumblr_oauth2":    providers.TumblrOAuth2,
	"twentythreeandme": providers.TwentyThreeAndMe,
	"twitch":           providers.Twitch,
	"twitter":          providers.Twitter,
	"twitter_oauth2":   providers.TwitterOAuth2,
	"untappd":          providers.Untappd,
	"vimeo_oauth2":     providers.Vimeo,
	"vk":               providers.VK,
	"wahoo":            providers.Wahoo,
	"weibo":            providers.Weibo,
	"weixin":           providers.Weixin,
	"xing":             providers.Xing,
	"yahoo":            providers.Yahoo,
	"yandex":           providers.Yandex,
	"ynab":             providers.YNAB,
	"zoho":             providers.Zoho,
	"zoom":             providers.Zoom,
	"dummy":            func(providers.Client) socialaccount.Provider { return providers.Dummy() },
}

func TestConstructors(t *testing.T) {
	t.Parallel()
	for _, id := range ids() {
		construct := constructors[id]
		if construct == nil {
			t.Errorf("%s has no constructor", id)
			continue
		}
		info := construct(providers.Client{ID: "a", Secret: "b"}).Info()
		if info.ID != id || info.Name == "" || info.Path == "" {
			t.Errorf("%s: got %+v", id, info)
		}
	}
	if !slices.IsSortedFunc(providers.Specs(), func(a, b providers.Spec) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("the list is in no order")
	}
	if len(ids()) != len(constructors) {
		t.Errorf("got %d providers, want %d", len(ids()), len(constructors))
	}
}
