// Package archtest fails the build on an import that the layout forbids. The
// table in rules_test.go has every rule with its reason; the package has no
// other code than its tests.
package archtest
