package node

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestMountPaths(t *testing.T) {
	p := &pod{dir: "/pod"}
	c := &container{spec: corev1.Container{VolumeMounts: []corev1.VolumeMount{
		{Name: "tls", MountPath: "/tls"},
		{Name: "inner", MountPath: "/tls/inner"},
		{Name: "one", MountPath: "/etc/one.yaml", SubPath: "one.yaml"},
	}}}
	for inside, outside := range map[string]string{
		"--tls-cert-file=/tls/tls.crt":          "--tls-cert-file=/pod/volumes/tls/tls.crt",
		"/tls":                                  "/pod/volumes/tls",
		"--file=/tls/inner/x":                   "--file=/pod/volumes/inner/x",
		"--config=/etc/one.yaml":                "--config=/pod/volumes/one/one.yaml",
		"--tls-certificates=/tlsx":              "--tls-certificates=/tlsx",
		"--mijnhost-base-url=http://a/tls/path": "--mijnhost-base-url=http://a/tls/path",
		"--secure-port=8443":                    "--secure-port=8443",
	} {
		if got := p.outside(c, inside); got != outside {
			t.Errorf("%s: got %s, want %s", inside, got, outside)
		}
	}
}

func TestVolumeUpdate_ReplacesAllFiles(t *testing.T) {
	dir := t.TempDir()
	for _, content := range []payload{
		{"tls.crt": []byte("first certificate"), "tls.key": []byte("first key")},
		{"tls.crt": []byte("second certificate"), "tls.key": []byte("second key"), "below/ca.crt": []byte("ca")},
	} {
		if err := publish(dir, content); err != nil {
			t.Fatal(err)
		}
		for path, want := range content {
			if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: got %q, %v, want %q", path, got, err, want)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	// The links, one version and "below".
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !e.IsDir() })
	if len(entries) != 2 {
		t.Errorf("got entries %v, want no old content", entries)
	}
}

func TestImage_IgnoresTagAndDigest(t *testing.T) {
	const repository = "registry.example:5000/a/webhook"
	n := &Node{options: Options{Images: []Image{{Repository: repository, Executable: "webhook"}}}}
	for reference, found := range map[string]bool{
		repository:                       true,
		repository + ":v1":               true,
		repository + ":v1@sha256:0123":   true,
		repository + "@sha256:0123":      true,
		"registry.example/a/webhook:v1":  false,
		"registry.example:5000/a/webhoo": false,
	} {
		if _, err := n.image(reference); (err == nil) != found {
			t.Errorf("%s: got error %v", reference, err)
		}
	}
}

func TestVolume_MissingKeyIsErrorUnlessOptional(t *testing.T) {
	data := map[string][]byte{"a": []byte("1")}
	items := []corev1.KeyToPath{{Key: "a", Path: "A"}, {Key: "b", Path: "B"}}
	content := payload{}
	if err := content.add(data, items, nil); err == nil {
		t.Error("got no error")
	}
	content = payload{}
	if err := content.add(data, items, new(true)); err != nil {
		t.Error(err)
	}
	if want := (payload{"A": []byte("1")}); !maps.EqualFunc(content, want, bytes.Equal) {
		t.Errorf("got %v, want %v", content, want)
	}
}
