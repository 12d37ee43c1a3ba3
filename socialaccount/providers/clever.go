package providers

import "github.com/headless-auth/headless/socialaccount"

// Clever is clever.com, for schools.
func Clever(c Client) socialaccount.Provider { return clever.Provider(c) }

var clever = Spec{
	ID: "clever", Name: "Clever",
	AuthorizeURL: "https://clever.com/oauth/authorize",
	TokenURL:     "https://clever.com/oauth/tokens",
	Scopes: []string{
		"read:district_admins", "read:districts", "read:resources", "read:school_admins", "read:schools",
		"read:sections", "read:student_contacts", "read:students", "read:teachers", "read:user_id",
	},
	// The first answer tells who it is, the second one tells of them.
	Profile: []Call{
		{URL: "https://api.clever.com/v3.0/me"},
		{URL: "https://api.clever.com/v3.0/users/{profile.data.id}"},
	},
	Map: Mapping{
		UID: "data.id", Email: "data.email",
		Username: "data.roles.student.credentials.district_username|data.roles.teacher.credentials.district_username|" +
			"data.roles.staff.credentials.district_username|data.roles.district_admin.credentials.district_username|" +
			"data.roles.contact.credentials.district_username",
		FirstName: "data.name.first", LastName: "data.name.last", DisplayIn: "data",
	},
}
