// The load driver of the live suite: one process, one server, one kept gRPC connection.
//
// It reads one JSON object per line from standard input and answers each with one JSON object per line on
// standard output: {"ok":true, …} or {"ok":false,"error":"…"}. At the end of its input it kills the server it
// started. The README beside this directory lists the commands.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"
)

// A request holds the fields of all commands; each command looks at its own.
type request struct {
	Op string `json:"op"`

	// start
	Binary  string   `json:"binary"`
	DataDir string   `json:"data_dir"`
	Log     string   `json:"log"`
	Args    []string `json:"args"`
	// The data directory is not to be made anew when the start fails.
	Keep bool `json:"keep"`

	// stop
	Kill bool `json:"kill"`

	// workload
	Seed  uint64 `json:"seed"`
	Phase uint64 `json:"phase"`
	Steps int    `json:"steps"`
	// A history without leases, for judges that cannot bear them.
	NoLeases bool `json:"no_leases"`

	// hashkv
	Revisions []int64 `json:"revisions"`

	// snapshot
	Path string `json:"path"`

	// range, watch: the first revision to watch from, or the one to read at
	Revision int64 `json:"revision"`

	// range: keys in base64; without an end the single key
	Key      []byte `json:"key"`
	RangeEnd []byte `json:"range_end"`
	Limit    int64  `json:"limit"`
	// As in etcd's protocol, such as DESCEND and MOD.
	Order  string `json:"order"`
	Target string `json:"target"`
	// Answer with the values themselves too.
	Values bool `json:"values"`
}

type answer map[string]any

// commands is where a new command is added.
var commands = map[string]func(*session, *request) (answer, error){
	"start":    start,
	"stop":     stop,
	"workload": workload,
	"status":   status,
	"hashkv":   hashKV,
	"snapshot": snapshot,
	"range":    keyRange,
	"watch":    watch,
	"events":   events,
}

// No single command may take longer than this.
const patience = 2 * time.Minute

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(clientVersion())
		return
	}
	if len(os.Args) != 1 {
		fmt.Fprintln(os.Stderr, "driver: takes no arguments but --version; commands come on standard input")
		os.Exit(2)
	}
	s := &session{}
	err := serve(s, os.Stdin, os.Stdout)
	s.close()
	if err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(1)
	}
}

func serve(s *session, in io.Reader, out io.Writer) error {
	lines := json.NewDecoder(bufio.NewReader(in))
	answers := bufio.NewWriter(out)
	encoder := json.NewEncoder(answers)
	encoder.SetEscapeHTML(false)
	for {
		var r request
		if err := lines.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("bad request: %w", err)
		}
		a, err := perform(s, &r)
		if err != nil {
			a = answer{"ok": false, "error": fmt.Sprintf("%s: %v", r.Op, err)}
		} else {
			a["ok"] = true
		}
		if err := encoder.Encode(a); err != nil {
			return err
		}
		if err := answers.Flush(); err != nil {
			return err
		}
	}
}

func perform(s *session, r *request) (answer, error) {
	command, known := commands[r.Op]
	if !known {
		return nil, errors.New("no such command")
	}
	if r.Op != "start" && s.client == nil {
		return nil, errors.New("no server is running")
	}
	return command(s, r)
}

// clientVersion tells which client library is built in.
func clientVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "go.etcd.io/etcd/client/v3" {
				return module.Version[1:]
			}
		}
	}
	return "unknown"
}
