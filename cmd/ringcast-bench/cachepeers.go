package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// nginxConfig is how one tunes it: one worker, connections kept on both sides,
// sendfile, open files remembered, nothing logged. With tcp_nopush answers of more
// than 64 KiB wait 40 ms for an acknowledgement here.
const nginxConfig = `user %[1]s;
daemon off;
worker_processes 1;
pid %[2]s/pid;
error_log stderr error;
events { worker_connections 4096; }
http {
	access_log off;
	sendfile on;
	keepalive_requests 1000000000;
	keepalive_timeout 1h;
	client_body_temp_path %[2]s/client;
	proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi;
	uwsgi_temp_path %[2]s/uwsgi;
	scgi_temp_path %[2]s/scgi;
	proxy_cache_path %[2]s/cache levels=1:2 keys_zone=bench:%[3]dm max_size=%[4]dm inactive=1d use_temp_path=off;
	open_file_cache max=2000 inactive=1h;
	open_file_cache_valid 1h;
	upstream origin {
		server %[5]s;
		keepalive 256;
	}
	server {
		listen %[6]s;
		location / {
			proxy_pass http://origin;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $host;
			proxy_cache bench;
			proxy_cache_key $scheme$host$request_uri;
		}
	}
}
`

// nginxKeysPerMB is how many keys a zone of 1 MB has room for.
const nginxKeysPerMB = 8_000

func (s *cacheServers) nginx(dir, address string, r room) (string, []string, error) {
	path, err := find("nginx")
	if err != nil {
		return "", nil, err
	}
	who, err := user.Current()
	if err != nil {
		return "", nil, err
	}
	zone := r.entries/nginxKeysPerMB + 1
	config := fmt.Sprintf(nginxConfig, who.Username, dir, zone, max(r.memory, r.disk)>>20, s.origin, address)
	file := filepath.Join(dir, "nginx.conf")
	return path, []string{"-p", dir, "-e", "stderr", "-c", file}, os.WriteFile(file, []byte(config), 0o600)
}

// varnishConfig leaves everything at its default.
const varnishConfig = `vcl 4.1;
backend origin { .host = "%s"; .port = "%s"; }
`

func (s *cacheServers) varnish(dir, address string, r room) (string, []string, error) {
	path, err := find("varnishd")
	if err != nil {
		return "", nil, err
	}
	host, port, _ := strings.Cut(s.origin, ":")
	file := filepath.Join(dir, "bench.vcl")
	storage := "malloc," + strconv.FormatInt(r.memory, 10)
	if r.disk > 0 {
		storage = fmt.Sprintf("file,%s,%d", filepath.Join(dir, "storage"), r.disk)
	}
	args := []string{
		"-j", "none", "-F", "-T", "none", "-n", filepath.Join(dir, "work"), "-f", file, "-a", address, "-s", storage,
	}
	return path, args, os.WriteFile(file, fmt.Appendf(nil, varnishConfig, host, port), 0o600)
}

// install has Debian's packages installed. It does not start what they bring.
func install(ctx context.Context, b *bench) error {
	for _, line := range []string{"apt-get update", "apt-get install -y --no-install-recommends nginx-light varnish"} {
		b.say("%s", line)
		words := strings.Fields(line)
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		// RUNLEVEL=1 has invoke-rc.d(8) leave services alone.
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
		if said, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, said)
		}
	}
	return nil
}

// present gives those of the sides that can be started; the edge always can.
func present(b *bench) []string {
	names := []string{edgeSide}
	for _, peer := range []struct{ name, program string }{{nginxSide, "nginx"}, {varnishSide, "varnishd"}} {
		if _, err := find(peer.program); errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			b.say("%s is not installed (--install does it): nothing to compare with", peer.name)
			continue
		}
		names = append(names, peer.name)
	}
	return names
}
