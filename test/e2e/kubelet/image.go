package kubelet

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// Image is a program made into an image.
type Image struct {
	// Name with its tag.
	Name string
	// Entrypoint, whose first word is the program's file.
	Entrypoint []string
}

// PauseImage is what every pod begins with.
func PauseImage() Image { return Image{Name: pauseImage, Entrypoint: []string{"/pause"}} }

// WriteArchive writes a file that `docker save` could have written. All its images have one layer in common, with one
// program under the name that each of them has for it.
func WriteArchive(file, program string, images ...Image) error {
	layer, err := os.CreateTemp(filepath.Dir(file), "layer-")
	if err != nil {
		return err
	}
	defer func() { _, _ = layer.Close(), os.Remove(layer.Name()) }()
	digest := sha256.New()
	if err = writeLayer(io.MultiWriter(layer, digest), program, images); err != nil {
		return err
	}
	size, err := layer.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err = layer.Seek(0, io.SeekStart); err != nil {
		return err
	}

	archive, err := os.Create(file)
	if err != nil {
		return err
	}
	writer := tar.NewWriter(archive)
	err = errors.Join(
		writeEntry(writer, "layer.tar", size, layer),
		writeMetadata(writer, fmt.Sprintf("sha256:%x", digest.Sum(nil)), images),
		writer.Close(),
	)
	return errors.Join(err, archive.Close())
}

func writeLayer(to io.Writer, program string, images []Image) error {
	source, err := os.Open(program)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	layer := tar.NewWriter(to)
	first := images[0].Entrypoint[0]
	if err := writeEntry(layer, first[1:], info.Size(), source); err != nil {
		return err
	}
	for _, image := range images[1:] {
		link := &tar.Header{Typeflag: tar.TypeLink, Name: image.Entrypoint[0][1:], Linkname: first[1:], Mode: 0o755}
		if err := layer.WriteHeader(link); err != nil {
			return err
		}
	}
	return layer.Close()
}

func writeMetadata(archive *tar.Writer, layer string, images []Image) error {
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	var manifest []entry
	for i, image := range images {
		config, err := json.Marshal(map[string]any{
			"architecture": runtime.GOARCH, "os": "linux",
			"config": map[string]any{"Entrypoint": image.Entrypoint, "User": "65532:65532"},
			"rootfs": map[string]any{"type": "layers", "diff_ids": []string{layer}},
		})
		if err != nil {
			return err
		}
		name := fmt.Sprintf("config-%d.json", i)
		if err := writeEntry(archive, name, int64(len(config)), bytes.NewReader(config)); err != nil {
			return err
		}
		manifest = append(manifest, entry{name, []string{image.Name}, []string{"layer.tar"}})
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	return writeEntry(archive, "manifest.json", int64(len(text)), bytes.NewReader(text))
}

func writeEntry(to *tar.Writer, name string, size int64, content io.Reader) error {
	if err := to.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: size}); err != nil {
		return err
	}
	_, err := io.Copy(to, content)
	return err
}
