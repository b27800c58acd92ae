package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/fieldpath"
)

// payload is the content of a volume: files by path.
type payload map[string][]byte

// mountVolumes updates all volumes that have changed.
func (p *pod) mountVolumes(ctx context.Context) error {
	for _, volume := range p.object.Spec.Volumes {
		dir := p.volumeDir(volume.Name)
		if volume.EmptyDir != nil {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			continue
		}
		content, err := p.content(ctx, volume)
		if err != nil {
			return fmt.Errorf("volume %q: %w", volume.Name, err)
		}
		if before, mounted := p.mounted[volume.Name]; mounted && maps.EqualFunc(before, content, bytes.Equal) {
			continue
		}
		if err := publish(dir, content); err != nil {
			return err
		}
		p.mounted[volume.Name] = content
	}
	return nil
}

func (p *pod) volumeDir(name string) string { return filepath.Join(p.dir, "volumes", name) }

func (p *pod) content(ctx context.Context, volume corev1.Volume) (payload, error) {
	content := payload{}
	switch {
	case volume.Secret != nil:
		source := volume.Secret
		return content, p.addSecret(content, source.SecretName, source.Items, source.Optional)
	case volume.ConfigMap != nil:
		source := volume.ConfigMap
		return content, p.addConfigMap(content, source.Name, source.Items, source.Optional)
	case volume.DownwardAPI != nil:
		return content, p.addFields(content, volume.DownwardAPI.Items)
	case volume.Projected != nil:
		for _, source := range volume.Projected.Sources {
			if err := p.addProjection(ctx, content, source); err != nil {
				return nil, err
			}
		}
		return content, nil
	}
	return nil, errors.New("unsupported volume")
}

func (p *pod) addProjection(ctx context.Context, content payload, source corev1.VolumeProjection) error {
	switch {
	case source.Secret != nil:
		return p.addSecret(content, source.Secret.Name, source.Secret.Items, source.Secret.Optional)
	case source.ConfigMap != nil:
		return p.addConfigMap(content, source.ConfigMap.Name, source.ConfigMap.Items, source.ConfigMap.Optional)
	case source.DownwardAPI != nil:
		return p.addFields(content, source.DownwardAPI.Items)
	case source.ServiceAccountToken != nil:
		token, err := p.token(ctx, source.ServiceAccountToken)
		content[source.ServiceAccountToken.Path] = []byte(token)
		return err
	}
	return errors.New("unsupported projection")
}

func (p *pod) addSecret(content payload, name string, items []corev1.KeyToPath, optional *bool) error {
	secret, err := p.node.secrets.Secrets(p.namespace).Get(name)
	if err != nil {
		return tolerate(err, optional)
	}
	return content.add(secret.Data, items, optional)
}

func (p *pod) addConfigMap(content payload, name string, items []corev1.KeyToPath, optional *bool) error {
	configMap, err := p.node.configMaps.ConfigMaps(p.namespace).Get(name)
	if err != nil {
		return tolerate(err, optional)
	}
	data := maps.Clone(configMap.BinaryData)
	if data == nil {
		data = map[string][]byte{}
	}
	for key, value := range configMap.Data {
		data[key] = []byte(value)
	}
	return content.add(data, items, optional)
}

func (p *pod) addFields(content payload, items []corev1.DownwardAPIVolumeFile) error {
	for _, item := range items {
		if item.FieldRef == nil {
			return errors.New("only fieldRef is supported")
		}
		value, err := fieldpath.ExtractFieldPathAsString(p.object, item.FieldRef.FieldPath)
		if err != nil {
			return err
		}
		content[item.Path] = []byte(value)
	}
	return nil
}

func (content payload) add(data map[string][]byte, items []corev1.KeyToPath, optional *bool) error {
	if items == nil {
		maps.Copy(content, data)
		return nil
	}
	for _, item := range items {
		value, found := data[item.Key]
		if !found {
			if optional != nil && *optional {
				continue
			}
			return fmt.Errorf("key %q not found", item.Key)
		}
		content[item.Path] = value
	}
	return nil
}

func tolerate(err error, optional *bool) error {
	if optional != nil && *optional && apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// token requests a token bound to the pod, once: the API server issues such tokens for a year.
func (p *pod) token(ctx context.Context, source *corev1.ServiceAccountTokenProjection) (string, error) {
	if token, known := p.tokens[source.Audience]; known {
		return token, nil
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: source.ExpirationSeconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: p.object.Name, UID: p.object.UID},
	}}
	if source.Audience != "" {
		request.Spec.Audiences = []string{source.Audience}
	}
	accounts := p.node.client.CoreV1().ServiceAccounts(p.namespace)
	answer, err := accounts.CreateToken(ctx, p.object.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	p.tokens[source.Audience] = answer.Status.Token
	return answer.Status.Token, nil
}

// publish replaces the content of a volume atomically, as a kubelet does and as programs expect: files are links into
// "..data", which is itself a link that moves from the old content to the new.
func publish(dir string, content payload) error {
	version := ".." + strconv.FormatInt(time.Now().UnixNano(), 36)
	for path, data := range content {
		file := filepath.Join(dir, version, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, version), 0o700); err != nil { // even if it is empty
		return err
	}
	current := filepath.Join(dir, "..data")
	before, _ := os.Readlink(current)
	if err := os.Symlink(version, current+".new"); err != nil {
		return err
	}
	if err := os.Rename(current+".new", current); err != nil {
		return err
	}
	for path := range content {
		link := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			return err
		}
		target, err := filepath.Rel(filepath.Dir(link), filepath.Join(current, path))
		if err != nil {
			return err
		}
		if err := os.Symlink(target, link); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if before == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(dir, before))
}
