// Replaces ingress-nginx on the rehearsal's real node, where its image cannot be pulled: serves the routes of the
// cluster's Ingress objects of class nginx by HTTP and, with a self-signed certificate, by HTTPS.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sort"
	"strings"
	"sync/atomic"
	"time"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

type route struct {
	host, path string
	to         *httputil.ReverseProxy
}

type list struct {
	Items []struct {
		Metadata struct{ Name, Namespace string }
		Spec     struct {
			IngressClassName string
			Rules            []struct {
				Host string
				HTTP struct {
					Paths []struct {
						Path    string
						Backend struct {
							Service struct {
								Name string
								Port struct{ Number int }
							}
						}
					}
				}
			}
		}
	}
}

var routes atomic.Pointer[[]route]

func main() {
	client := inCluster()
	go func() {
		for ; ; time.Sleep(time.Second) {
			found, err := listRoutes(client)
			if err != nil {
				log.Print(err)
				continue
			}
			routes.Store(&found)
		}
	}()
	health := http.NewServeMux()
	health.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if routes.Load() == nil {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
		}
	})
	go func() { log.Fatal(http.ListenAndServe(":10254", health)) }()
	go func() { log.Fatal(http.ListenAndServe(":80", http.HandlerFunc(serve))) }()
	secure := &http.Server{
		Addr:      ":443",
		Handler:   http.HandlerFunc(serve),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{selfSigned()}},
	}
	log.Fatal(secure.ListenAndServeTLS("", ""))
}

func inCluster() *http.Client {
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
	}
}

func listRoutes(client *http.Client) ([]route, error) {
	server := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	request, err := http.NewRequest("GET", "https://"+server+"/apis/networking.k8s.io/v1/ingresses", nil)
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("list of ingresses: %s", response.Status)
	}
	var listed list
	if err := json.NewDecoder(response.Body).Decode(&listed); err != nil {
		return nil, err
	}
	found := []route{}
	for _, item := range listed.Items {
		if item.Spec.IngressClassName != "nginx" {
			continue
		}
		for _, rule := range item.Spec.Rules {
			for _, path := range rule.HTTP.Paths {
				service := path.Backend.Service
				to := &url.URL{
					Scheme: "http",
					Host:   fmt.Sprintf("%s.%s.svc.cluster.local:%d", service.Name, item.Metadata.Namespace, service.Port.Number),
				}
				found = append(found, route{rule.Host, path.Path, proxy(to)})
			}
		}
	}
	// The longer prefix wins.
	sort.SliceStable(found, func(a, b int) bool { return len(found[a].path) > len(found[b].path) })
	return found, nil
}

func proxy(to *url.URL) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
		// As nginx does: the Host header stays what the client sent.
		r.Out.Host = r.In.Host
	}}
}

func serve(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	known := routes.Load()
	if known == nil {
		http.Error(w, "not yet", http.StatusServiceUnavailable)
		return
	}
	for _, one := range *known {
		if one.host == host && matches(one.path, r.URL.Path) {
			one.to.ServeHTTP(w, r)
			return
		}
	}
	http.NotFound(w, r)
}

// A path of type Prefix matches whole elements: /hook does not match /hooks.
func matches(prefix, path string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func selfSigned() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		DNSNames:     []string{"ingress.local"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{certificate}, PrivateKey: key}
}
