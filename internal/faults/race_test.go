//go:build race

package faults_test

// thin makes less of everything: the race detector takes its time.
const thin = 4
