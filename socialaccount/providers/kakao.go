package providers

import "github.com/headless-auth/headless/socialaccount"

// Kakao is kakao.com.
func Kakao(c Client) socialaccount.Provider { return kakao.Provider(c) }

var kakao = Spec{
	ID: "kakao", Name: "Kakao",
	AuthorizeURL: "https://kauth.kakao.com/oauth/authorize",
	TokenURL:     "https://kauth.kakao.com/oauth/token",
	Profile:      []Call{{URL: "https://kapi.kakao.com/v2/user/me"}},
	Map: Mapping{
		UID: "id", Email: "kakao_account.email", EmailVerified: "kakao_account.is_email_verified",
		Username: "kakao_account.profile.nickname", DisplayIn: "kakao_account",
	},
}
