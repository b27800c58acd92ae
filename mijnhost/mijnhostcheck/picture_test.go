package mijnhostcheck_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

const (
	picture = "../../docs/reference/check.svg"

	pictureColumns = 100
	pictureWidth   = 880
	pictureMargin  = 20
	lineHeight     = 20
)

var update = flag.Bool("update", false, "write the picture instead of comparing it") //nolint:gochecknoglobals // a flag of the test

func TestPicture_ShowsARealRun(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issue "sectigo.com"`))
		time.Sleep(time.Minute) // until the nameservers serve the CAA record
		report := checktest.Text(w.T, w.run(func(o *check.Options) {
			o.Key, o.Version, o.Commit, o.ReadOnly = fromEnvironment{checktest.Key(testKey)}, "v0.1.0", "0123abc", true
		}))
		drawn := draw("$ webhook check --domain example.nl --read-only\n" + report)
		if *update {
			if err := os.WriteFile(picture, drawn, 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		stored, err := os.ReadFile(picture)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(stored, drawn) {
			t.Error("docs/reference/check.svg is stale: run make check-picture")
		}
	})
}

// draw returns an SVG image of a terminal that shows text.
func draw(text string) []byte {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, wrap(strings.TrimSuffix(line, "\n"))...)
	}
	height := 2*pictureMargin + len(lines)*lineHeight
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n",
		pictureWidth, height, pictureWidth, height)
	b.WriteString("<title>A run of webhook check</title>\n" +
		`<rect width="100%" height="100%" rx="8" fill="#1b1f27"/>` + "\n" +
		`<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14" fill="#d5dae3">` + "\n")
	for i, line := range lines {
		fmt.Fprintf(&b, `<text x="%d" y="%d" xml:space="preserve"%s>`, pictureMargin, pictureMargin+(i+1)*lineHeight-5, colour(line))
		_ = xml.EscapeText(&b, []byte(line)) // a Buffer never fails
		b.WriteString("</text>\n")
	}
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}

// wrap breaks a line between words. What follows is indented.
func wrap(line string) []string {
	const indent = "  "
	var lines []string
	for utf8.RuneCountInString(line) > pictureColumns {
		at := strings.LastIndex(string([]rune(line)[:pictureColumns+1]), " ")
		if at <= len(indent) {
			break
		}
		lines = append(lines, line[:at])
		line = indent + line[at+1:]
	}
	return append(lines, line)
}

func colour(line string) string {
	for prefix, fill := range map[string]string{"✓": "#7ecb8f", "✗": "#f08a86", "  Fix:": "#f0c674", "–": "#9aa4b5", "$": "#ffffff"} {
		if strings.HasPrefix(line, prefix) {
			return fmt.Sprintf(" fill=%q", fill)
		}
	}
	return ""
}
