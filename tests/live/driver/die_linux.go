package main

import "syscall"

// dieWithDriver has the kernel kill the server should the driver die without a chance to do so.
func dieWithDriver() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
