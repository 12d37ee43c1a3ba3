//go:build !race

package faults_test

// thin makes less of everything.
const thin = 1
