package observability

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestDashboard runs the unit tests of the panels. For promtool, each query for the namespace web becomes a recording rule that is
// named after its panel and refId.
func TestDashboard(t *testing.T) {
	t.Parallel()
	var d dashboard
	read(t, "files/dashboard.json", json.Unmarshal, &d)
	var rules []map[string]string
	for _, panel := range d.Panels {
		name := regexp.MustCompile(`\W`).ReplaceAllString(strings.ToLower(panel.Title), "_")
		for _, target := range panel.Targets {
			rules = append(rules, map[string]string{"record": name + ":" + target.RefID, "expr": variables("web").Replace(target.Expr)})
		}
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("dashboard.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"dashboard.rules.yaml": text, "dashboard.test.yaml": tests} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), tool(t, "promtool"), "test", "rules", filepath.Join(dir, "dashboard.test.yaml"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestLayout: panels have IDs of their own, do not overlap, and query the selected data source.
func TestLayout(t *testing.T) {
	t.Parallel()
	var d dashboard
	read(t, "files/dashboard.json", json.Unmarshal, &d)
	ids, cells := map[int]string{}, map[[2]int]string{}
	for _, panel := range d.Panels {
		if other := ids[panel.ID]; other != "" {
			t.Errorf("%s has the ID of %s", panel.Title, other)
		}
		ids[panel.ID] = panel.Title
		if panel.Datasource.UID != "${datasource}" {
			t.Errorf("%s: got data source %s, want the selected one", panel.Title, panel.Datasource.UID)
		}
		at := panel.GridPos
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				if other := cells[[2]int{x, y}]; other != "" && other != panel.Title {
					t.Errorf("%s overlaps %s", panel.Title, other)
				}
				cells[[2]int{x, y}] = panel.Title
			}
		}
	}
}
