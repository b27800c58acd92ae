package docs

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// home is the URL of the repository's files on GitHub.
const home = "https://github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/blob/main/"

func TestLinksResolve(t *testing.T) {
	t.Parallel()
	tryAll(t, deadLinks, `# A heading, with `+"`code`"+` & more

[itself](#a-heading-with-code--more), [a document](../README.md#install), [a folder](../examples), [elsewhere](https://example.nl/x)
and [on GitHub](`+home+`docs/explanation/guarantees.md#it-is-lean)
`, []mistake{
		{"[x](nowhere.md)", "nowhere.md"},
		{"[x](../README.md#no-such-heading)", "#no-such-heading"},
		{"# One\n\n[x](#two)", "#two"},
		{"![x](missing.png)", "missing.png"},
		{"[x](../../outside.md)", "outside"},
		{"[x](" + home + "docs/no-such.md)", "no-such.md"},
		{"[x][y]\n\n[y]: also-nowhere.md", "also-nowhere.md"},
		{"[x](../docs/explanation/guarantees.md#nothing)", "#nothing"},
	})
}

func deadLinks(t *testing.T, d *Document) []string {
	t.Helper()
	var faults []string
	for _, link := range d.Links {
		if fault := deadLink(t, d, link.Text); fault != "" {
			faults = append(faults, fmt.Sprintf("%d: %s: %s", link.Line, link.Text, fault))
		}
	}
	return faults
}

func deadLink(t *testing.T, d *Document, target string) string {
	t.Helper()
	from := path.Dir(d.Path)
	if rest, ok := strings.CutPrefix(target, home); ok {
		from, target = ".", rest
	}
	link, err := url.Parse(target)
	switch {
	case err != nil:
		return "not a link"
	case link.Scheme == "https" || link.Scheme == "mailto":
		return "" // not checked, because the tests need no network
	case link.Scheme != "" || link.Host != "" || strings.HasPrefix(link.Path, "/"):
		return "neither relative nor https"
	}
	name, anchors := d.Path, d.Anchors
	if link.Path != "" {
		name = path.Join(from, link.Path)
		if strings.HasPrefix(name, "..") {
			return "outside the repository"
		}
		if !exists(name) {
			return "no such file"
		}
		if path.Ext(name) == ".md" {
			anchors = Parse(name, []byte(read(t, name))).Anchors
		}
	}
	if link.Fragment != "" && !anchors[link.Fragment] {
		return fmt.Sprintf("%s has no heading #%s", name, link.Fragment)
	}
	return ""
}

func TestEveryPageIsListed(t *testing.T) {
	t.Parallel()
	contents := Parse("docs/README.md", []byte(read(t, "docs/README.md")))
	pages, err := Documents(filepath.Join(root, "docs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		listed := func(link Passage) bool { return link.Text == page.Path }
		if page.Path != "README.md" && !slices.ContainsFunc(contents.Links, listed) {
			t.Errorf("docs/README.md does not list %s", page.Path)
		}
	}
}

// TestPagesNameTheirReaders: each page starts with whom it is for.
func TestPagesNameTheirReaders(t *testing.T) {
	t.Parallel()
	pages, err := Documents(filepath.Join(root, "docs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if generated := page.Path == "reference/metrics.md"; generated {
			continue
		}
		if !regexp.MustCompile(`\A# .+\n\nFor (anyone|everyone|maintainers|operators|readers|users) ?`).MatchString(page.Source) {
			t.Errorf("docs/%s does not start with its readers", page.Path)
		}
	}
}

func TestNamedFilesExist(t *testing.T) {
	t.Parallel()
	tryAll(t, missingFiles, "`mijnhost/present.go`, `files/alerts.yaml` of the chart, `test/e2e/`, `/metrics`, `ca.crt`, `a/b`, `cert-manager/mijn-host-api-key`", []mistake{
		{"`mijnhost/subtract.go`", "subtract.go"},
		{"`docs/nothing.md`", "nothing.md"},
		{"`no-such-folder/`", "no-such-folder"},
	})
}

// missingFiles checks code spans that look like a path in the repository or the chart.
func missingFiles(_ *testing.T, d *Document) []string {
	file := regexp.MustCompile(`^[\w.-]+(/[\w.-]+)*(/|/[\w.-]+\.(go|md|json|svg|tpl|txt|ya?ml))$`)
	var faults []string
	for _, span := range d.Spans {
		if !file.MatchString(span.Text) {
			continue
		}
		found := false
		for _, from := range []string{".", path.Dir(d.Path), chartDir} {
			found = found || exists(path.Join(from, span.Text))
		}
		if !found {
			faults = append(faults, fmt.Sprintf("%d: no file %s", span.Line, span.Text))
		}
	}
	return faults
}

func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	tryAll(t, missingTests, "`TestNoRecordIsHarmed` and `FuzzNoRecordIsHarmed`", []mistake{
		{"`TestOfNothing`", "TestOfNothing"},
		{"see FuzzNothingAtAll", "FuzzNothingAtAll"},
	})
}

func missingTests(t *testing.T, d *Document) []string {
	t.Helper()
	var faults []string
	for n, line := range strings.Split(d.Source, "\n") {
		for _, name := range regexp.MustCompile(`\b(Test|Fuzz|Benchmark|Example)[A-Z]\w+`).FindAllString(line, -1) {
			if !testNames(t)[name] {
				faults = append(faults, fmt.Sprintf("%d: no test %s", n+1, name))
			}
		}
	}
	return faults
}

//nolint:gochecknoglobals // read once for all tests
var testNames = once(func(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (\w+)\(`)
	err := filepath.WalkDir(root, func(file string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == ".cache") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(file)
		for _, match := range function.FindAllSubmatch(source, -1) {
			names[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
})
