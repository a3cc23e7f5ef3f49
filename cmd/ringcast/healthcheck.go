package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func healthcheckCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a process whether it serves",
		Long: "Ask a control plane by gRPC, or with --url any process by HTTP, whether it serves.\n" +
			"The exit code is 0 if it does, 1 if it answers that it does not, 5 if it does not answer.",
		Example: "  ringcast healthcheck\n  ringcast healthcheck --url http://localhost:5901/readyz",
		Args:    usageArgs(noArgs),
	}
	var cfg remote
	load := bind(cmd, &cfg)
	address := cmd.Flags().String("url", "", "ask with a GET of this URL, which must answer 200")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := load(); err != nil {
			return err
		}
		answer, err := cfg.health(cmd.Context(), *address)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.out, answer)
		return err
	}
	return cmd
}

func (r remote) health(ctx context.Context, address string) (string, error) {
	if address != "" {
		return healthHTTP(ctx, address, r.patience)
	}
	return r.healthGRPC(ctx)
}

func (r remote) healthGRPC(ctx context.Context) (string, error) {
	conn, err := r.dial(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // the answer is here
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return "", explainSafe(r.Server, err)
	}
	if answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return "", fmt.Errorf("%s answers %s", r.Server, answer.GetStatus())
	}
	return answer.GetStatus().String(), nil
}

func healthHTTP(ctx context.Context, address string, p patience) (string, error) {
	target, err := parseURL("--url", address)
	if err != nil {
		return "", err
	}
	if err := p.check(); err != nil {
		return "", err
	}
	client := httpClient(p)
	defer client.CloseIdleConnections()
	response, err := get(ctx, client, target, nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", target.Redacted(), clean(response.Status))
	}
	return clean(response.Status), nil
}

// httpClient follows no redirects, asks no proxy, and does not wait for headers
// for longer than a request may take. Bodies may come for ever.
func httpClient(p patience) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         p.dialTCP,
			TLSHandshakeTimeout: p.connect(), ResponseHeaderTimeout: p.Timeout,
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// get sends a GET. What goes wrong before there is an answer is the server's
// absence.
func get(ctx context.Context, client *http.Client, target *url.URL, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	request.Header = header
	response, err := client.Do(request)
	if err == nil {
		return response, nil
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return nil, unreachablef("cannot reach %s: %s; check that the process runs and that the address is right", target.Redacted(), dialCause(err))
}

// parseURL reads an absolute HTTP URL that the named flag holds.
func parseURL(flag, text string) (*url.URL, error) {
	target, err := url.Parse(text)
	if err != nil || target.Host == "" || (target.Scheme != "http" && target.Scheme != "https") {
		return nil, usageErrorf("%s is %q; it is an HTTP URL, such as http://localhost:4000", flag, text)
	}
	return target, nil
}
