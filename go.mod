module github.com/headless-auth/headless

go 1.26
