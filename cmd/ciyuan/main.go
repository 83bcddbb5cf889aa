// Command ciyuan indexes texts and answers queries from one file, token by token.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
