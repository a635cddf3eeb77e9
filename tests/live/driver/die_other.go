//go:build !linux

package main

import "syscall"

func dieWithDriver() *syscall.SysProcAttr { return nil }
