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

// Image is an image with one program.
type Image struct {
	// Name includes the tag.
	Name string
	// Entrypoint starts with the path of the program.
	Entrypoint []string
}

// PauseImage is the sandbox image of every pod.
func PauseImage() Image { return Image{Name: pauseImage, Entrypoint: []string{"/pause"}} }

// WriteArchive writes images in the format of `docker save`. They share one layer with one multi-call program, which has a
// name for each image.
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
