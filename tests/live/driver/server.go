package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// A session is the server that was started last, the connection to it, and what the workload did so far.
type session struct {
	server   *exec.Cmd
	exited   chan struct{}
	endpoint string

	client *clientv3.Client
	// The client's own maintenance calls dial anew each time; this one uses the kept connection.
	maintenance pb.MaintenanceClient

	world *world
}

func deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// start runs a server on two free ports of the loopback interface and waits until it has a leader.
func start(s *session, r *request) (answer, error) {
	if s.server != nil {
		return nil, errors.New("a server is running already")
	}
	var err error
	// A free port may be taken by another process before the server listens on it.
	tries := 5
	if r.Keep {
		// What is kept may be why it fails.
		tries = 2
	}
	for range tries {
		if err = s.launch(r); err == nil {
			s.world = newWorld()
			return answer{"endpoint": s.endpoint, "pid": s.server.Process.Pid, "version": s.version()}, nil
		}
		s.close()
		if r.Keep {
			continue
		}
		if removal := os.RemoveAll(r.DataDir); removal != nil {
			return nil, removal
		}
	}
	return nil, err
}

func (s *session) launch(r *request) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	clients := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	peers := fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	log, err := os.OpenFile(r.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()

	s.server = exec.Command(r.Binary, append([]string{
		"--name", "live",
		"--data-dir", r.DataDir,
		"--listen-client-urls", clients,
		"--advertise-client-urls", clients,
		"--listen-peer-urls", peers,
		"--initial-advertise-peer-urls", peers,
		"--initial-cluster", "live=" + peers,
		"--heartbeat-interval", "20",
		"--election-timeout", "200",
		"--bcrypt-cost", "4",
		"--logger", "zap",
		"--log-level", "warn",
	}, r.Args...)...)
	s.server.Env = cleanEnvironment()
	s.server.Stdout = log
	s.server.Stderr = log
	s.endpoint = clients

	exited := make(chan struct{})
	s.exited = exited
	started := make(chan error)
	server := s.server
	server.SysProcAttr = dieWithDriver()
	go func() {
		// The signal of dieWithDriver comes when the thread that started the server ends: keep it.
		runtime.LockOSThread()
		err := server.Start()
		started <- err
		if err == nil {
			_ = server.Wait()
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		s.server = nil
		return err
	}

	// The client backs off for a second when it finds nobody listening, so it is made when somebody does.
	if err := s.waitUntilListening(ports[0]); err != nil {
		return err
	}
	s.client, err = clientv3.New(clientv3.Config{
		Endpoints:          []string{clients},
		DialTimeout:        10 * time.Second,
		MaxCallSendMsgSize: 16 << 20,
		Logger:             zap.NewNop(),
	})
	if err != nil {
		return err
	}
	s.maintenance = pb.NewMaintenanceClient(s.client.ActiveConnection())
	return s.waitUntilReady()
}

const startPatience = 30 * time.Second

func (s *session) waitUntilListening(port int) error {
	giveUp := time.Now().Add(startPatience)
	for time.Now().Before(giveUp) {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return connection.Close()
		}
		select {
		case <-s.exited:
			return s.endedEarly()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return errors.New("the server did not begin to listen")
}

func (s *session) endedEarly() error {
	return fmt.Errorf("the server ended at its start (%v), see its log", s.server.ProcessState)
}

func (s *session) waitUntilReady() error {
	giveUp := time.After(startPatience)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		answer, err := s.maintenance.Status(ctx, &pb.StatusRequest{})
		if err == nil && answer.Leader != 0 {
			// A linearizable read works only once the leader has committed in its term.
			_, err = s.client.Get(ctx, "ready")
			if err == nil {
				cancel()
				return nil
			}
		}
		// Where authentication is on, a refusal is as good.
		if errors.Is(rpctypes.Error(err), rpctypes.ErrUserEmpty) {
			cancel()
			return nil
		}
		cancel()
		select {
		case <-s.exited:
			return s.endedEarly()
		case <-giveUp:
			return fmt.Errorf("the server did not become ready: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *session) version() string {
	said, err := statusOf(s)
	if err != nil {
		return "unknown"
	}
	return said.Version
}

// stop ends the server, politely or (kill) as a crash would.
func stop(s *session, r *request) (answer, error) {
	s.disconnect()
	if !r.Kill {
		if err := s.server.Process.Signal(syscall.SIGTERM); err != nil {
			return nil, err
		}
		select {
		case <-s.exited:
		case <-time.After(20 * time.Second):
			s.close()
			return nil, errors.New("the server did not end within 20 s of SIGTERM")
		}
	}
	s.close()
	return answer{}, nil
}

func (s *session) disconnect() {
	if s.client != nil {
		_ = s.client.Close()
		s.client = nil
	}
}

func (s *session) close() {
	s.disconnect()
	if s.server != nil {
		_ = s.server.Process.Kill()
		<-s.exited
		s.server = nil
	}
}

// freePorts finds ports nobody listens on, all different.
func freePorts(count int) ([]int, error) {
	var ports []int
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// cleanEnvironment drops the variables the server takes for flags.
func cleanEnvironment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "ETCD") {
			kept = append(kept, variable)
		}
	}
	return kept
}
